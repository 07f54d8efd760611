"""Policy files (config/policies/*.yaml) and products.yaml as typed values, every number cited and graded."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import fields, replace
from typing import cast, get_args

from adapter.domain.policy import Cited, Family, Policy, Product, TimePoint
from adapter.knowledge.content import content_hash
from adapter.knowledge.numbers import (
    ACTIVITY,
    CTCAE,
    DAYS,
    HOURS,
    RATIO,
    check_citation,
    read_citations,
    read_number,
)
from adapter.knowledge.reading import Block, top_block
from adapter.knowledge.text_yaml import Document, Fault, did_you_mean

ROLES = ("exposure", "inactivation", "exposure+inactivation")
FAMILIES: tuple[str, ...] = get_args(Family)

SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "levels": {
        "no_verdict_after": ("no_verdict_after", HOURS),
        "near_threshold_from": ("near_threshold_low", ACTIVITY),
        "near_threshold_to": ("near_threshold_high", ACTIVITY),
        "implausible_above": ("implausible_above", ACTIVITY),
        "implausible_below": ("implausible_below", ACTIVITY),
        "discordance_ratio": ("discordance_ratio", RATIO),
    },
    "confirmation": {"gap": ("confirmation_gap_h", HOURS), "window": ("confirmation_window_days", DAYS)},
    "reactions": {
        "link": ("reaction_link_h", HOURS),
        "severe_grade": ("severe_grade", CTCAE),
        "premedication_antihistamine": ("premedication_antihistamine_h", HOURS),
        "premedication_steroid": ("premedication_steroid_h", HOURS),
    },
    "doses": {
        "partial_fraction": ("partial_fraction", RATIO),
        "negligible_fraction": ("negligible_fraction", RATIO),
        "sample_link": ("sample_link_days", DAYS),
    },
    "monitoring": {"result_overdue": ("result_overdue_h", HOURS)},
}
"""Section and key of the file -> field of Policy and its unit."""


def read_policy(document: Document, products: Collection[str]) -> tuple[Policy | None, list[Fault]]:
    """The policy of one file, or every fault in it; `products` are the keys of products.yaml."""
    faults: list[Fault] = []
    top = top_block(document, faults)
    citations = read_citations(top)
    keys = [key for key, _ in citations]
    valid_from = top.day("valid_from")
    if not valid_from and not top.has("valid_from"):
        top.fault("'valid_from' is missing; a dose is read by the version in force at its start", "valid_from")
    name, version, title = top.text("policy"), str(top.whole("version", least=1)), top.text("title")
    declared = top.yes_no("draft", default=False)
    named = _products(top, products)
    time_points = tuple(_time_point(row, keys) for row in top.rows("time_points"))
    if not time_points:
        top.fault("'time_points' is missing; a policy has at least one sampling window", "time_points")
    numbers = _numbers(top, keys)
    band = read_number(top, "band_upper", ACTIVITY, keys) if top.has("band_upper") else None
    quotations = tuple(_quotation(row, keys) for row in top.rows("quotations"))
    top.finish()
    if not faults:
        faults.extend(_contradictions(document, time_points, numbers))
    if faults or valid_from is None:
        return None, faults
    policy = Policy(
        id=name,
        version=version,
        title=title,
        products=named,
        valid_from=valid_from,
        draft=declared,
        hash=content_hash(document.data),
        time_points=time_points,
        no_verdict_after=numbers["no_verdict_after"],
        band_upper=band,
        confirmation_gap_h=numbers["confirmation_gap_h"],
        confirmation_window_days=numbers["confirmation_window_days"],
        reaction_link_h=numbers["reaction_link_h"],
        premedication_antihistamine_h=numbers["premedication_antihistamine_h"],
        premedication_steroid_h=numbers["premedication_steroid_h"],
        severe_grade=numbers["severe_grade"],
        partial_fraction=numbers["partial_fraction"],
        negligible_fraction=numbers["negligible_fraction"],
        result_overdue_h=numbers["result_overdue_h"],
        sample_link_days=numbers["sample_link_days"],
        discordance_ratio=numbers["discordance_ratio"],
        near_threshold_low=numbers["near_threshold_low"],
        near_threshold_high=numbers["near_threshold_high"],
        implausible_above=numbers["implausible_above"],
        implausible_below=numbers["implausible_below"],
        quotations=quotations,
        citations=citations,
    )
    every = [*_cited(policy), *(number for point in time_points for number in _cited(point))]
    return replace(policy, draft=declared or any(number.grade == "unverified" for number in every)), []


def read_products(document: Document) -> tuple[dict[str, Product], dict[str, str], list[Fault]]:
    """The products by key, the default policy id of each product that has one, and the faults."""
    faults: list[Fault] = []
    top = top_block(document, faults)
    keys = [key for key, _ in read_citations(top)]
    products: dict[str, Product] = {}
    defaults: dict[str, str] = {}
    for key, block in top.blocks("products"):
        policy = block.optional("default_policy")
        if policy:
            defaults[key] = policy
        products[key] = Product(
            key=key,
            label=block.text("label"),
            family=cast("Family", block.choice("family", FAMILIES)),
            dose_unit=block.choice("dose_unit", ("[IU]/m2", "mg/m2")),
            residual_days=read_number(block, "residual", DAYS, keys),
            uninterpretable_iv_h=read_number(block, "uninterpretable_iv", HOURS, keys),
            uninterpretable_im_h=read_number(block, "uninterpretable_im", HOURS, keys),
            carryover_days=read_number(block, "carryover", DAYS, keys),
        )
        block.finish()
    if not products:
        top.fault("'products' is missing; list at least one product", "products")
    top.finish()
    return products, defaults, faults


def _products(top: Block, products: Collection[str]) -> tuple[str, ...]:
    named = top.texts("products")
    if not named:
        top.fault("'products' is missing; say which products the policy is for", "products")
    for number, product in enumerate(named):
        if product not in products:
            top.fault(f"there is no product '{product}'{did_you_mean(product, products)}", "products", number)
    return named


def _numbers(top: Block, citations: Collection[str]) -> dict[str, Cited]:
    numbers: dict[str, Cited] = {}
    for section, keys in SECTIONS.items():
        block = top.block(section)
        for key, (name, unit) in keys.items():
            numbers[name] = read_number(block, key, unit, citations)
        block.finish()
    return numbers


def _time_point(row: Block, citations: Collection[str]) -> TimePoint:
    point = TimePoint(
        name=row.text("name"),
        role=row.choice("role", ROLES),
        target_h=read_number(row, "target", HOURS, citations),
        min_h=read_number(row, "from", HOURS, citations),
        max_h=read_number(row, "to", HOURS, citations),
        threshold=read_number(row, "threshold", ACTIVITY, citations),
    )
    row.finish()
    return point


def _quotation(row: Block, citations: Collection[str]) -> tuple[str, str, str]:
    quotation = (row.text("situation"), row.text("statement"), row.text("cites"))
    check_citation(row, quotation[2], citations)
    row.finish()
    return quotation


def _cited(point: Policy | TimePoint) -> Iterator[Cited]:
    for part in fields(point):
        value = getattr(point, part.name)
        if isinstance(value, Cited):
            yield value


def _contradictions(document: Document, points: tuple[TimePoint, ...], numbers: dict[str, Cited]) -> Iterator[Fault]:
    for number, point in enumerate(points):
        place = ("time_points", number)
        if not point.min_h.value <= point.target_h.value <= point.max_h.value:
            yield document.fault(place, f"'{point.name}': 'target' does not lie between 'from' and 'to'")
        if point.threshold.value == 0:
            yield document.fault((*place, "threshold"), f"'{point.name}': a threshold of zero is met by every level")
        if point.max_h.value > numbers["no_verdict_after"].value:
            yield document.fault(place, f"'{point.name}' ends after 'no_verdict_after'")
        for other in points[:number]:
            if point.min_h.value <= other.max_h.value and other.min_h.value <= point.max_h.value:
                yield document.fault(place, f"the windows of '{other.name}' and '{point.name}' overlap")
    for low, high in (
        ("near_threshold_low", "near_threshold_high"),
        ("implausible_below", "implausible_above"),
        ("negligible_fraction", "partial_fraction"),
    ):
        if numbers[low].value >= numbers[high].value:
            path = next((s, k) for s, keys in SECTIONS.items() for k, (name, _) in keys.items() if name == low)
            yield document.fault(path, f"'{path[1]}' is not below its upper partner")
