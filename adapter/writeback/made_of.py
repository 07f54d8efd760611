"""What every placeholder of an output is made of: fields of facts, what rules read to decide it, settings of the site.

A declaration beside the code that fills the placeholders, for people who ask where a word on a Flag comes from. The
tests change every field of every fact and refuse it when an output changes that does not declare the field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

Fields = Mapping[str, tuple[str, ...]]
"""Event name to fields."""
Role = Literal["sample", "subject", "headline", "samples", "dose", "told"]
"""Which facts of an output: its sample; what it is about (the first row of a dose, or a sample without one); the
sample that headlines the dose; all samples; all rows of the dose; what the finding on a Flag is about."""
ROLES: Mapping[Role, str] = {
    "sample": "the sample",
    "subject": "the dose or sample it is about",
    "headline": "the sample that headlines the dose",
    "samples": "the samples of the dose",
    "dose": "the rows of the dose",
    "told": "the dose or sample whose sentence it tells",
}
Group = Literal["dose", "linked", "reacted", "premedicated", "judged", "worded"]
SAMPLE, DOSE, REACTION, DRUG = (
    "ActivityMeasured",
    "AsparaginaseAdministered",
    "HypersensitivityRecorded",
    "PremedicationGiven",
)

_ROWS = ("status", "product", "started", "ended", "request", "part_of", "identifiers")
_COUNTED = (*_ROWS, "amount", "unit")
_TAKEN = ("version", "collected", "received_by_laboratory", "resulted")
_REACTED = ("occurred", "manifestations", "concepts")
_GIVEN = ("role", "status", "started", "ended")
_LEVEL = (*_TAKEN, "status", "activity", "remarks", "lloq_iu_per_ml", "method", "specimen")
_ADMINISTERED = (*_COUNTED, "ordered_amount", "route", "remarks")
_SUFFERED = (*_REACTED, "verification", "occurred_from", "severity", "grade", "text")
READ: Mapping[Group, Fields] = {
    "dose": {DOSE: _ROWS},
    "linked": {DOSE: _COUNTED, SAMPLE: _TAKEN},
    "reacted": {DOSE: _COUNTED, REACTION: _REACTED},
    "premedicated": {DOSE: _COUNTED, DRUG: _GIVEN},
    "judged": {DOSE: _ADMINISTERED, SAMPLE: _LEVEL, REACTION: _SUFFERED, DRUG: _GIVEN},
    "worded": {
        DOSE: (*_ADMINISTERED, "version"),
        SAMPLE: (*_LEVEL, "reported", "comment"),
        REACTION: (*_SUFFERED, "version", "product", "recorder"),
        DRUG: (*_GIVEN, "medication"),
    },
}
"""What the rules read, of every fact of the patient, for each kind of decision."""
DECIDES: Mapping[Group, str] = {
    "dose": "which rows are one dose, and by which policy it is read",
    "linked": "which samples belong to the dose",
    "reacted": "which reactions belong to the dose",
    "premedicated": "which drugs were given before the dose",
    "judged": "verdict, monitoring and priority",
    "worded": "the sentence",
}
BESIDE: Mapping[Group, tuple[str, ...]] = {
    "dose": ("products", "policies"),
    "linked": ("products", "policies"),
    "reacted": ("products", "policies"),
    "premedicated": ("products", "policies"),
    "judged": ("products", "policies", "time of evaluation", "death on the patient's record"),
    "worded": ("products", "policies", "time of evaluation", "death and birth on the patient's record"),
}
"""What else is read, beside the facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What one placeholder is made of."""

    taken: Mapping[Role, tuple[str, ...]] = field(default_factory=dict, hash=False)
    """Fields whose content stands there, by the facts they are taken of."""
    either: bool = False
    """Only the first of these facts that holds something."""
    decided: Group | None = None
    """The decision of the rules that stands there, or that chose the facts above."""
    site: tuple[str, ...] = ()
    """What of the site's settings or policies stands there."""
    own: bool = False
    """A word of the product: whatever the rest says, it stands there or nothing does."""


def _of(*fields: str) -> Made:
    """Fields of the sample an activity Observation tells."""
    return Made(taken={"sample": fields})


def _own(made: Made) -> Made:
    """A word of the product that stands beside something else."""
    return replace(made, own=True)


_WORD = Made(own=True)
_BASE = Made(site=("canonical base of the configuration",))
_PATIENT = Made(site=("Patient resource of the source, where the target holds it under the same reference",))
_JUDGED, _WORDED = Made(decided="judged"), Made(decided="worded")
_DEVICE = {
    "device.type": _WORD,
    "device.identifier.system": _BASE,
    "device.identifier.value": _WORD,
    "device.display": _WORD,
}
_MEASURED = _of("activity", "reported", "status")
_HEADLINE = Made(taken={"headline": ("activity", "reported")}, decided="judged")
_HOURS = Made(taken={"headline": ("collected",), "dose": ("started", "ended")}, decided="judged")
_DOSE = Made(taken={"subject": ("source", "key")}, decided="dose")
_ABOUT = Made(taken={"subject": ("patient",)})
_OWN_OF_QUANTITY = ("unit", "system", "code")
_QUANTITIES = ("quantity", "range.low", "range.high")
MADE: Mapping[str, Mapping[str, Made]] = {
    "observation-activity": {
        "canonical": _BASE,
        "key": _of("source", "key"),
        "subject": _of("patient"),
        "subject.type": _WORD,
        "subject.reference": _PATIENT,
        "narrative": _of("status", "activity", "reported", "collected"),
        "filler": _of("filler"),
        "placer": _of("placer"),
        "status": _of("status"),
        "test": _of("test"),
        "test.as_sent": _own(_of("test")),
        "collected": _of("collected"),
        "resulted": _of("resulted"),
        "laboratory": _of("laboratory"),
        "value": _MEASURED,
        "value.system": _own(_MEASURED),
        "absent": _of("activity", "reported", "status", "remarks"),
        "laboratory_flag": _of("laboratory_flag"),
        "notes": _of("reported", "activity", "status", "comment", "remarks"),
        "notes[received]": _of("reported", "activity", "status"),
        "notes[comment]": _of("comment"),
        "notes[assumed]": _of("remarks"),
        "method": _of("method"),
        "specimen": _of("specimen"),
        "specimen_type": _of("specimen_type"),
        "reference_range": _of("reference_range"),
    },
    "observation-interpretation": {
        "canonical": _BASE,
        "key": _DOSE,
        "subject": _ABOUT,
        "subject.type": _WORD,
        "subject.reference": _PATIENT,
        "narrative": _WORDED,
        "dose": replace(_DOSE, site=_BASE.site),
        "dose.reference": _DOSE,
        "dose.type": _own(_DOSE),
        "dose.identifier.value": _DOSE,
        "status": Made(taken={"samples": ("status", "activity")}, decided="linked"),
        "effective": Made(taken={"headline": ("collected",), "subject": ("started",)}, either=True, decided="judged"),
        "mechanism": _JUDGED,
        "level": _JUDGED,
        "notes": _WORDED,
        "policy": Made(decided="dose", site=("name and version of the policy",)),
        **_DEVICE,
        "samples": Made(taken={"samples": ("source", "key")}, decided="linked"),
        "samples.type": _own(Made(decided="linked")),
        "exposure": _JUDGED,
        "monitoring": _JUDGED,
        "activity": _HEADLINE,
        **{f"activity.{part}": _own(_HEADLINE) for part in _OWN_OF_QUANTITY},
        "hours": _HOURS,
        **{f"hours.{name}.{part}": _own(_HOURS) for name in _QUANTITIES for part in _OWN_OF_QUANTITY},
        "threshold": replace(_JUDGED, site=("a number of the policy",)),
        **{f"threshold.{part}": _own(_JUDGED) for part in _OWN_OF_QUANTITY},
        "premedicated": Made(decided="premedicated"),
        "reaction": Made(decided="reacted"),
    },
    "flag": {
        "canonical": _BASE,
        "key": Made(taken={"subject": ("source", "key")}, decided="judged"),
        "subject": _ABOUT,
        "subject.type": _WORD,
        "subject.reference": _PATIENT,
        "narrative": _WORDED,
        "detail": Made(taken={"told": ("source", "key")}, decided="judged"),
        "priority": _JUDGED,
        "status": _WORD,
        "category": _JUDGED,
        "topic": _JUDGED,
        "raised_by": _JUDGED,
        "short": _WORDED,
        "sentence": _WORDED,
        **_DEVICE,
    },
}
"""Template name to placeholders, down to parts where those differ, each with what it is made of."""
WRITTEN: Mapping[str, Made] = {
    "observation-activity": _of("source", "key"),
    "observation-interpretation": _JUDGED,
    "flag": _JUDGED,
}
"""What decides whether an output is there at all."""


def made_of(template: str, placeholder: str, part: Sequence[str | int] = (), of: str | None = None) -> Made:
    """What stands at a placeholder, or at a part of its value; `of`: the kind of the entry of a list.

    The longest name that is declared counts: `hours.quantity.unit` before `hours`.  Raises KeyError for a placeholder
    that `offered` does not offer.
    """
    known = MADE[template]
    steps = [*placeholder.split("."), *(str(step) for step in part)]
    names = (".".join(steps[:length]) for length in range(len(steps), 0, -1))
    for name in (f"{steps[0]}[{of}]", *names):
        if name in known:
            return known[name]
    raise KeyError(placeholder)


def read_beside(present: Iterable[str]) -> tuple[str, ...]:
    """Of the kinds of events a patient has those that are read beside the facts an output rests on.

    Without any dose nothing belongs together, and no sample is read beside another.
    """
    names = tuple(present)
    return tuple(name for name in names if name != SAMPLE or DOSE in names)
