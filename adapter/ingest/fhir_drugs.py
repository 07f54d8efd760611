"""Which drug a resource names: its own codes, or those of the Medication it refers to (fhir-interface 1.6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from adapter.ingest.code_lookup import Hit, Triplet, look_up, look_up_text
from adapter.ingest.fhir_bundle import literal_reference
from adapter.ingest.fhir_fields import FhirPath, Resource, Row
from adapter.ingest.fhir_reading import FhirReading, elements, resolve, text_of, triplets
from adapter.knowledge.spec import NOT_OURS, Table

Verdict = Literal["ours", "near", "other", "unresolved"]
UNSPECIFIED = "unspecified-asparaginase"
_INGREDIENT_HOPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Drug:
    """All that names one drug, most exact first."""

    triplets: tuple[Triplet, ...]
    medication: Resource | None = None
    """The Medication resource, when there is one."""
    missing: tuple[str, ...] = ()
    """References that are not known yet."""


def drug_of(reading: FhirReading, paths: tuple[FhirPath, ...], row: Row) -> Drug:
    """The codes of everything the paths select, references to a Medication followed."""
    named: list[Triplet] = []
    missing: list[str] = []
    medication: Resource | None = None
    for value in (value for path in paths for value in path.values(row)):
        if not isinstance(value, dict):
            continue
        named += triplets(value)
        if value.get("reference"):
            found = _medication(reading, text_of(value["reference"]), named, missing, _INGREDIENT_HOPS)
            medication = medication or found
    return Drug(triplets=tuple(named), medication=medication, missing=tuple(missing))


def judge_drug(drug: Drug, table: Table, near: tuple[str, ...], source: str) -> tuple[Verdict, Hit | None]:
    """Whether a drug is in the table: exact codings, ingredients, then texts; else a near miss or another drug.

    The hit of another drug is its `not ours` row, if it has one.
    """
    hit = look_up(table, drug.triplets, source)
    if hit is None:
        hit = look_up_text(table, (text for _, text, _ in drug.triplets), source)
    if hit and hit.row.target != NOT_OURS:
        return "ours", hit
    if drug.missing:
        return "unresolved", None
    if hit:
        return "other", hit
    words = " ".join(f"{code} {text}" for code, text, _ in drug.triplets).casefold()
    return ("near" if any(word.casefold() in words for word in near) else "other"), None


def one_product(drug: Drug, hit: Hit, table: Table, source: str) -> tuple[Hit, bool]:
    """The product all codings of a dose agree on, and whether they contradict each other.

    A code that says which asparaginase it is counts before one that leaves it open, in whatever order they stand.
    Codings of two products make it unspecified: a level must not be read by the thresholds of the wrong one.
    """
    each = [found for one in drug.triplets if (found := look_up(table, [one], source))]
    exact = {found.row.target: found for found in reversed(each) if found.row.target not in (NOT_OURS, UNSPECIFIED)}
    if len(exact) > 1:
        return replace(hit, row=replace(hit.row, target=UNSPECIFIED)), True
    return next(iter(exact.values()), hit), False


def _medication(
    reading: FhirReading, reference: str, named: list[Triplet], missing: list[str], hops: int
) -> Resource | None:
    """Add the codes of a Medication and of its ingredients; a reference nobody knows is noted."""
    found = resolve(reading, reference)
    if found is None:
        missing.append(literal_reference(reference))
        return None
    code = found.get("code")
    named += triplets(code) if isinstance(code, dict) else []
    for ingredient in elements(found.get("ingredient")):
        _ingredient(reading, ingredient, named, missing, hops)
    return found


def _ingredient(
    reading: FhirReading, ingredient: Resource, named: list[Triplet], missing: list[str], hops: int
) -> None:
    concept = ingredient.get("itemCodeableConcept")
    named += triplets(concept) if isinstance(concept, dict) else []
    item = ingredient.get("itemReference")
    if isinstance(item, dict) and text_of(item.get("reference")) and hops:
        _medication(reading, text_of(item["reference"]), named, missing, hops - 1)
