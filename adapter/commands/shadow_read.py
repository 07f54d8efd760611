"""What targets in shadow would get if they went on now, read from the store beside the service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from adapter.commands.store_parts import StoreParts
from adapter.domain.identities import Group
from adapter.knowledge.text_yaml import did_you_mean
from adapter.settings import Settings, TargetSettings
from adapter.store.state_shadow import Shadowed
from adapter.writeback.codes import TOPICS
from adapter.writeback.withholding import is_withheld

KINDS = ("activity", "interpretation", "flag", "provenance")


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagShown:
    """One Flag as it would stand on the target."""

    patient: str
    topic: str
    id: str
    sentence: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowReport:
    """What one target would get."""

    target: str
    delivery: str | None
    """`shadow` or `on`; None where no configuration was named."""
    since: datetime | None
    """Since when something is owed; None when nothing is."""
    counts: Mapping[str, int]
    """Resources that would be sent, by kind."""
    left_out: Mapping[str, int]
    """Resources that would not, by the reason."""
    patients: int
    flags: tuple[FlagShown, ...]
    """By topic, in the order of the outputs page, then by patient."""


def targets_asked(parts: StoreParts, settings: Settings | None, target: str | None) -> list[str]:
    """The target asked for, else every one in shadow (every one anything is owed to, without a configuration)."""
    known = known_targets(parts, settings)
    if target is not None:
        return [name for name in known if name == target]
    return [one.name for one in settings.targets if one.delivery == "shadow"] if settings else known


def known_targets(parts: StoreParts, settings: Settings | None) -> list[str]:
    """Every target that is configured or was ever owed something."""
    configured = [one.name for one in settings.targets] if settings else []
    return [*dict.fromkeys([*configured, *parts.state.targets()])]


def unknown_target(target: str, known: Sequence[str]) -> str:
    """Says that there is no such target, and which there are."""
    hint = did_you_mean(target, known) or "."
    return f"There is no target '{target}'{hint} Known: {', '.join(known) or 'none'}; name it as `targets.name` does."


def report_of(parts: StoreParts, settings: Settings | None, target: str, today: date) -> ShadowReport:
    """What a target would get that went on today. Raises CannotKeep or StoreBroken."""
    configured = next((one for one in settings.targets if one.name == target), None) if settings else None
    since = (configured.monitor_from if configured else None) or today
    owed = [
        one
        for one in parts.state.shadowed(target, partial(is_withheld, monitor_from=since))
        if _is_allowed(parts.state.group(one.patient), configured)
    ]
    sent = [one for one in owed if one.past is None]
    return ShadowReport(
        target=target,
        delivery=configured.delivery if configured else None,
        since=min((one.queued_at for one in owed), default=None),
        counts={kind: sum(one.kind == kind for one in sent) for kind in KINDS},
        left_out=dict(sorted(Counter(one.past for one in owed if one.past).items())),
        patients=len({one.patient for one in sent}),
        flags=tuple(sorted(_flags(sent), key=_place)),
    )


def _is_allowed(group: Group, target: TargetSettings | None) -> bool:
    authorities = target.authorities if target else ()
    return not authorities or any(patient.partition("|")[0] in authorities for patient in group)


def _flags(sent: Sequence[Shadowed]) -> Iterator[FlagShown]:
    for one in sent:
        if one.kind == "flag":
            sentence = str(one.body.get("code", {}).get("text", ""))
            yield FlagShown(
                patient=one.patient, topic=str(one.topic), id=one.id, sentence=sentence, since=one.queued_at
            )


def _place(flag: FlagShown) -> tuple[int, str, str]:
    order = [*TOPICS]
    return (order.index(flag.topic) if flag.topic in order else len(order), flag.patient, flag.id)
