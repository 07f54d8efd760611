"""What no single key of a policy shows: numbers that contradict each other, versions out of order, false defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from adapter.domain.policy import Policy, Product, TimePoint
from adapter.knowledge.policy_numbers import SECTIONS, why_draft
from adapter.knowledge.product_file import ProductFile
from adapter.knowledge.text_yaml import Document, Fault, Path, did_you_mean

HIGHEST_CTCAE_GRADE = 5
_ORDERED = (
    ("near_threshold_low", "near_threshold_high"),
    ("implausible_below", "implausible_above"),
    ("negligible_fraction", "partial_fraction"),
)


def contradictions(document: Document, policy: Policy, products: Mapping[str, Product]) -> Iterator[Fault]:
    """Everything in a policy that cannot hold together."""
    for number, point in enumerate(policy.time_points):
        yield from _window(document, policy, number, point)
    yield from _limits(document, policy)
    for low, high in _ORDERED:
        if getattr(policy, low).value >= getattr(policy, high).value:
            path = _path(low)
            yield document.fault(path, f"'{path[-1]}' is not below its upper partner '{_path(high)[-1]}'")
    yield from _product_tables(document, policy, products)


def _window(document: Document, policy: Policy, number: int, point: TimePoint) -> Iterator[Fault]:
    place = ("time_points", number)
    if not point.min_h.value <= point.target_h.value <= point.max_h.value:
        yield document.fault(place, f"'{point.name}': 'target' does not lie between 'from' and 'to'")
    if point.threshold.value == 0:
        yield document.fault((*place, "threshold"), f"'{point.name}': a threshold of zero is met by every level")
    if point.max_h.value > policy.no_verdict_after.value:
        yield document.fault(place, f"'{point.name}' ends after 'no_verdict_after'")
    if policy.loss_when == "not-detectable" and point.low == "loss":
        text = f"'{point.name}': by 'loss_when' a detectable low is never loss, so 'low' is below-target"
        yield document.fault((*place, "low"), text)
    for other in policy.time_points[:number]:
        if point.name == other.name:
            yield document.fault((*place, "name"), f"there are two windows named '{point.name}'")
        if point.min_h.value <= other.max_h.value and other.min_h.value <= point.max_h.value:
            yield document.fault(place, f"the windows of '{other.name}' and '{point.name}' overlap")


def _limits(document: Document, policy: Policy) -> Iterator[Fault]:
    opening = min(point.min_h.value for point in policy.time_points)
    if policy.early_low_until and policy.early_low_until.value > opening:
        yield document.fault(("early_low_until",), "'early_low_until' lies after the opening of the first window")
    highest = max(point.threshold.value for point in policy.time_points)
    if policy.band_upper and policy.band_upper.value <= highest:
        yield document.fault(("band_upper",), "'band_upper' is not above every threshold")
    if policy.severe_grade.value not in range(1, HIGHEST_CTCAE_GRADE + 1):
        yield document.fault(_path("severe_grade"), "'severe_grade' is not a CTCAE grade from 1 to 5")
    if policy.partial_fraction.value > 1:
        yield document.fault(_path("partial_fraction"), "'partial_fraction' is more than a whole dose (1)")
    if policy.discordance_ratio.value < 1:
        yield document.fault(_path("discordance_ratio"), "'discordance_ratio' is below 1: every fall would contradict")


def _product_tables(document: Document, policy: Policy, products: Mapping[str, Product]) -> Iterator[Fault]:
    """One policy is read by one decision table, and that of Erwinia knows a low level as a gap in coverage only."""
    tables = {products[key].decision_table for key in policy.products}
    if len(tables) > 1:
        text = f"these products are read by different decision tables ({', '.join(sorted(tables))}); write two policies"
        yield document.fault(("products",), text)
    elif tables == {"erwinia"}:
        for number, point in enumerate(policy.time_points):
            if point.low == "loss":
                text = f"'{point.name}': for these products a detectable low is expected; 'low' is below-target"
                yield document.fault(("time_points", number, "low"), text)


def _path(field: str) -> Path:
    return next((s, k) for s, keys in SECTIONS.items() for k, (name, _) in keys.items() if name == field)


def version_faults(versions: Sequence[tuple[Policy, Document]]) -> Iterator[Fault]:
    """A later version of a policy comes into force later; `versions` are those of all policies, in order."""
    for (earlier, _), (later, document) in pairwise(versions):
        if earlier.id == later.id and later.valid_from <= earlier.valid_from:
            text = f"{later.label} is valid from {later.valid_from}, but {earlier.label} from {earlier.valid_from}"
            yield document.fault(("valid_from",), f"{text}; a later version comes into force later")


def default_faults(
    file: ProductFile, policies: Sequence[Policy], unreadable: Sequence[str], *, drafts: bool
) -> Iterator[Fault]:
    """A product whose default policy is not there, is for others or is a draft would go without a verdict unseen."""
    for product, identifier in file.defaults.items():
        named = [policy for policy in policies if policy.id == identifier]
        for_it = [policy for policy in named if product in policy.products]
        if identifier in unreadable or any(drafts or not policy.draft for policy in for_it):
            continue
        if not named:
            text = f"there is no policy '{identifier}'{did_you_mean(identifier, {p.id for p in policies})}"
        elif not for_it:
            text = f"policy '{identifier}' is not for {product}"
        else:
            text = f"policy '{identifier}' is a draft, which cannot be a default; {why_draft(for_it[-1])}"
        yield file.document.fault(("products", product, "default_policy"), text)
