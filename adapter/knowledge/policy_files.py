"""A policy file (config/policies/*.yaml) as a typed value: every number cited and graded, its own or its base's."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date
from typing import Any, cast, get_args

from adapter.domain.events import Route
from adapter.domain.findings import MECHANISMS
from adapter.domain.policy import Cited, ConfirmedBy, LossWhen, LowMeans, Policy, Product, Quotation, TimePoint
from adapter.knowledge.content import content_hash
from adapter.knowledge.numbers import (
    NAMED_IN_NOTE,
    check_citation,
    check_citations,
    notes_in,
    read_citations,
    read_number,
    read_optional_number,
)
from adapter.knowledge.policy_checks import contradictions
from adapter.knowledge.policy_numbers import (
    OPTIONAL,
    SECTIONS,
    WINDOW,
    given_in,
    numbers_of,
    place_of,
    standing_numbers,
)
from adapter.knowledge.reading import Block, top_block
from adapter.knowledge.text_yaml import Document, Fault, did_you_mean

PARAPHRASE = " is described as "
CTCAE_GRADES = ("1", "2", "3", "4", "5")
_A_DOSE = re.compile(r"[0-9]\s*(?:\[?I?U\]?|mg|g)\s*/\s*(?:m2|m²|kg)", re.IGNORECASE)
_NOT_CONTENT = ("hash", "notes")
"""What is no part of the content hash of a policy: notes explain, and nothing depends on them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """A policy and where its parts come from."""

    policy: Policy
    document: Document
    inherited: dict[str, str]
    """Place of a number the file does not give -> the policy whose file states it, `CONS16@1`."""


def read_policy(
    document: Document, products: Mapping[str, Product], base: PolicyFile | None = None
) -> tuple[PolicyFile | None, list[Fault]]:
    """The policy of one file, with its base's numbers where it gives none; None with every fault in it."""
    faults: list[Fault] = []
    top = top_block(document, faults)
    policy = _policy(top, products, base)
    top.finish()
    check_citations(top, dict(policy.citations))
    if base:
        _one_text_for_a_source(top, policy, base.policy)
    if not _wrong(faults):
        faults.extend(contradictions(document, policy, products))
    if _wrong(faults):
        return None, faults
    policy = replace(policy, notes=tuple(_notes(top, [point.name for point in policy.time_points])))
    inherited: dict[str, str] = {}
    if base:
        given = given_in(top.data)
        missing = [place for place, _ in standing_numbers(policy) if place not in given]
        inherited = {place: base.inherited.get(place, base.policy.label) for place in missing}
        policy = _with_explanations(policy, base.policy, inherited)
    return PolicyFile(policy=_finished(policy), document=document, inherited=inherited), faults


def _wrong(faults: list[Fault]) -> bool:
    return any(fault.severity == "error" for fault in faults)


def _policy(top: Block, products: Mapping[str, Product], base: PolicyFile | None) -> Policy:
    """What the file says, whole only when no fault was found."""
    listed = read_citations(top)
    citations = [key for key, _ in listed]
    numbers = _numbers(top, citations, base.policy if base else None)
    early_low_until, band_upper = (
        read_optional_number(top, key, unit, citations, getattr(base.policy, key) if base else None)
        for key, unit in OPTIONAL.items()
    )
    time_points = tuple(_time_point(row, citations) for row in top.rows("time_points"))
    if not time_points:
        top.fault("'time_points' is missing; a policy has at least one sampling window", "time_points")
    top.optional("note")
    names = [point.name for point in time_points]
    return Policy(
        id=top.text("policy"),
        version=str(top.whole("version", least=1)),
        title=top.text("title"),
        products=_products(top, products),
        valid_from=_valid_from(top),
        draft=top.yes_no("draft", default=False) or (base is not None and base.policy.draft),
        hash="",
        time_points=time_points,
        early_low_until=early_low_until,
        loss_when=cast("LossWhen", top.choice("loss_when", get_args(LossWhen), "below-threshold")),
        band_upper=band_upper,
        confirmed_by=cast("ConfirmedBy", top.choice("confirmed_by", get_args(ConfirmedBy), "two-samples")),
        quotations=tuple(_quotation(row, citations, names) for row in top.rows("quotations")),
        citations=listed,
        based_on=top.optional("based_on"),
        notes=(),
        **numbers,
    )


def _valid_from(top: Block) -> date:
    if not top.has("valid_from"):
        top.fault("'valid_from' is missing; a dose is read by the version in force at its start", "valid_from")
    return top.day("valid_from") or date.max


def _products(top: Block, products: Collection[str]) -> tuple[str, ...]:
    named = top.texts("products")
    if not named:
        top.fault("'products' is missing; say which products the policy is for", "products")
    for number, product in enumerate(named):
        if product not in products:
            top.fault(f"there is no product '{product}'{did_you_mean(product, products)}", "products", number)
    return named


def _numbers(top: Block, citations: Collection[str], base: Policy | None) -> dict[str, Cited]:
    numbers: dict[str, Cited] = {}
    for section, keys in SECTIONS.items():
        block = top.block(section)
        for key, (name, unit) in keys.items():
            numbers[name] = read_number(block, key, unit, citations, getattr(base, name) if base else None)
        block.finish()
    return numbers


def _time_point(row: Block, citations: Collection[str]) -> TimePoint:
    numbers = {name: read_number(row, key, unit, citations) for key, (name, unit) in WINDOW.items()}
    low = cast("LowMeans", row.choice("low", get_args(LowMeans)))
    point = TimePoint(name=row.text("name"), low=low, **numbers)
    row.finish()
    return point


def _quotation(row: Block, citations: Collection[str], windows: Collection[str]) -> Quotation:
    """What others are reported to say: printed beside a mechanism, so never an instruction and never a dose."""
    situation, statement, source = row.choice("situation", MECHANISMS), row.text("statement"), row.text("cites")
    check_citation(row, source, citations)
    if statement and PARAPHRASE not in statement:
        row.fault("'statement' reports what others say; write 'SOMEBODY is described as ...'", "statement")
    if _A_DOSE.search(statement):
        row.fault("'statement' names a dose; a sentence about a patient may hold none", "statement")
    window = row.optional("window")
    if window and window not in windows:
        row.fault(f"there is no time point '{window}'{did_you_mean(window, windows)}", "window")
    quotation = Quotation(
        situation=situation,
        statement=statement,
        citation=source,
        route=row.choice("route", get_args(Route)) if row.has("route") else None,
        window=window,
        from_grade=int(row.choice("from_grade", CTCAE_GRADES)) if row.has("from_grade") else None,
    )
    row.finish()
    return quotation


def _notes(top: Block, windows: list[str]) -> Iterator[tuple[str, str]]:
    for path, note in notes_in(top.data):
        yield place_of(path[:-1], windows), note


def _one_text_for_a_source(top: Block, policy: Policy, base: Policy) -> None:
    texts = dict(base.citations)
    for key, text in policy.citations:
        if texts.get(key, text) != text:
            top.fault(f"'{key}' has another text in {base.label}, on which this policy is based", "citations", key)


def _with_explanations(policy: Policy, base: Policy, inherited: Collection[str]) -> Policy:
    """Beside the numbers of the base stand its notes on them, and the texts of the sources of both."""
    notes = tuple((place, note) for place, note in base.notes if place in inherited)
    used = {number.citation for place, number in standing_numbers(policy) if place in inherited}
    used.update(key for _, note in notes for key in NAMED_IN_NOTE.findall(note))
    own = dict(policy.citations)
    texts = tuple((key, text) for key, text in base.citations if key in used and key not in own)
    return replace(policy, notes=(*policy.notes, *notes), citations=(*policy.citations, *texts))


def _finished(policy: Policy) -> Policy:
    """A draft when one of its numbers is unverified, and with the hash of everything the rules can see."""
    draft = policy.draft or any(number.grade == "unverified" for _, number in numbers_of(policy))
    seen = replace(policy, draft=draft)
    content = {key: value for key, value in _parts(seen).items() if key not in _NOT_CONTENT}
    return replace(seen, hash=content_hash(json.loads(json.dumps(content, default=_plain))))


def _parts(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
    return {part.name: getattr(value, part.name) for part in fields(value)}


def _plain(value: object) -> object:
    """What JSON has no word for: the fields of a value, and the text of a number or a day."""
    return _parts(value) if is_dataclass(value) else str(value)
