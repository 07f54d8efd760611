"""What a sentence says of drugs that may hide a reaction: premedication, and steroids of the leukaemia treatment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adapter.domain.events import PremedicationGiven
from adapter.rules.combine import SILENT_INACTIVATION
from adapter.rules.confirmation import JudgedDose
from adapter.rules.premedication import is_premedication, surely_before
from adapter.rules.quantities import hours_text, time_text

ROLE_WORDS = {
    "corticosteroid": "corticosteroid",
    "h1-antihistamine": "H1 antihistamine",
    "h2-antihistamine": "H2 antihistamine",
    "leukaemia-steroid": "steroid",
}


def drug_statements(dose: JudgedDose) -> Iterator[str]:
    """Premedication by drug and time, or that none is recorded, and steroids that can hide symptoms."""
    given = [drug for drug in dose.premedication if is_premedication(drug)]
    steroids = [drug for drug in dose.premedication if not is_premedication(drug)]
    before = [drug for drug in given if surely_before(drug, dose.episode)]
    same_day = [drug for drug in given if drug not in before]
    if before:
        yield f"Premedication before the start: {_listed(before)}."
    if same_day:
        yield f"Premedication on the same day, order of drug and dose not known: {_listed(same_day)}."
    if not given:
        limits = dose.episode.limits
        antihistamine, steroid = hours_text(limits.antihistamine_window), hours_text(limits.steroid_window)
        windows = f"in the {antihistamine} h (antihistamine) or {steroid} h (steroid) before the start"
        yield f"No premedication is recorded {windows}."
    if steroids:
        yield f"Given as leukaemia treatment: {_listed(steroids)}."
    if dose.premedication:
        yield from _masking(dose, before or same_day or steroids, premedicated=bool(before))


def _masking(dose: JudgedDose, drugs: Sequence[PremedicationGiven], *, premedicated: bool) -> Iterator[str]:
    names = _named(drugs)
    if dose.combined.mechanism in SILENT_INACTIVATION:
        how = f"the dose was premedicated with {names}" if premedicated else f"{names} can hide symptoms"
        yield (
            f"Loss of activity without a linked reaction; {how}, so a masked reaction cannot be told from a silent one."
        )
    elif premedicated and dose.combined.exposure == "no-result":
        yield "Premedicated dose without a level: symptoms may have been suppressed and activity is unknown."
    else:
        yield "Such drugs can hide symptoms, not a loss of activity."


def _listed(drugs: Sequence[PremedicationGiven]) -> str:
    return ", ".join(f"{_name(drug)}{f' {time_text(drug.started)}' if drug.started else ''}" for drug in drugs)


def _named(drugs: Sequence[PremedicationGiven]) -> str:
    names = list(dict.fromkeys(_name(drug) for drug in drugs))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _name(drug: PremedicationGiven) -> str:
    medication = drug.medication
    return (medication.text or medication.code) if medication else ROLE_WORDS[drug.role]
