"""What a sentence says of a dose: what was given, when, and how much of what was ordered."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.domain.policy import Product
from adapter.rules.episodes import Episode, last_row
from adapter.rules.quantities import amount_digits, amount_text, day_of, fraction_text, plain, time_text, unit_text

STATUS_WORDS = {
    "in-progress": "in progress",
    "on-hold": "on hold",
    "unknown": "unknown",
    "stopped": "stopped",
    "not-done": "not done",
}
AMOUNT_UNKNOWN = "How much of the dose was given is not known."


def product_name(product: Product | None, key: str) -> str:
    """The label of a product inside a sentence; the key as words where the product is not known."""
    return product.label[:1].lower() + product.label[1:] if product else key.replace("-", " ")


def capital(text: str) -> str:
    """A text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def dose_text(episode: Episode) -> str:
    """Product, amount and route, as far as known: `pegaspargase 2500 IU/m2 IV`."""
    amount = amount_text(episode.amount, episode.unit) if episode.amount is not None else None
    parts = [product_name(episode.limits.product, episode.product), amount, episode.route]
    return " ".join(part for part in parts if part)


def dated_dose(episode: Episode) -> str:
    """A dose by its day: `the dose of 2025-03-03`."""
    return f"the dose of {day_of(episode.started)}"


def anchored_dose(episode: Episode) -> str:
    """From when elapsed time counts: `the end (2025-03-03T12:00Z) of pegaspargase 2500 IU/m2 IV`."""
    row = last_row(episode.rows)
    ended = row.ended if row else episode.ended
    if ended:
        return f"the end ({time_text(ended)}) of {dose_text(episode)}"
    if row and row.started:
        start = "start" if len(episode.rows) == 1 else "last recorded start"
        return f"the {start} ({time_text(row.started)}) of {dose_text(episode)}"
    return f"{dose_text(episode)} without a start time"


def portion_statements(episode: Episode) -> Iterator[str]:
    """How much of the ordered dose was given, where that is not simply all of it, and times that cannot be."""
    if episode.started and episode.ended and episode.ended.latest < episode.started.earliest:
        yield "The recorded end of the dose lies before its start."
    if episode.settled and episode.portion == "unknown":
        yield AMOUNT_UNKNOWN
    yield from _unit_doubts(episode)
    fraction, policy = episode.fraction, episode.limits.policy
    amount, ordered = episode.amount, episode.ordered_amount
    if fraction is None or amount is None or ordered is None or fraction == 1 or not episode.settled:
        return
    of_ordered = f"{amount_digits(amount)} of {amount_text(ordered, episode.unit)}"
    given = f"{fraction_text(fraction)} of the ordered dose ({of_ordered})"
    if policy and episode.portion == "full" and fraction < 1:
        yield f"{given} was given, counted as full by the policy (at least {plain(policy.partial_fraction.value)})."
    else:
        yield f"{given} was given."


def _unit_doubts(episode: Episode) -> Iterator[str]:
    """A mass where the product is given in units, or the reverse: its code or its unit is wrong (rulebook 1.1)."""
    product, unit = episode.limits.product, episode.unit
    if product is None or unit is None or not unit.startswith(("mg", "[IU]")):
        return
    if unit.startswith("mg") != product.dose_unit.startswith("mg"):
        usual, name = unit_text(product.dose_unit), product_name(product, episode.product)
        sent = unit_text(unit)
        yield f"The dose is recorded in {sent}, while {name} is given in {usual}: product or unit need a check."


def status_statements(episode: Episode) -> Iterator[str]:
    """A dose that is not over says so."""
    if not episode.settled:
        yield f"The dose record has status {STATUS_WORDS[episode.status]}, so a level cannot be assigned."
