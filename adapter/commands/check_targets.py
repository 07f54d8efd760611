"""Whether each FHIR target can be reached, lets us in, and can do what is asked of it; and whose clock is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from adapter.app.destinations import client_of
from adapter.app.fhir_servers import SecretMissing
from adapter.commands.check_access import let_in, refused, token
from adapter.commands.check_result import Result
from adapter.pipeline.strategy import Plan, abilities_in
from adapter.settings import Settings, TargetSettings
from adapter.transport.fhir_client import Ambiguous, FhirClient, Permanent, Transient
from adapter.transport.fhir_results import rows_of

WRITTEN = ("Observation", "Flag", "Provenance")
VERSIONS = ("4.0", "4.3")
CLOCK_OFF = timedelta(seconds=5)
CLOCK_WRONG = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one target answered, and how far its clock is ahead of ours where it told the time."""

    results: tuple[Result, ...]
    ahead: timedelta | None = None


def targets(settings: Settings) -> Iterator[Result]:
    """Every target, then the clock."""
    if not settings.targets:
        yield Result(about="targets", state="skipped", said="none is configured; results stand in the facade only")
    asked = [_asked(target) for target in settings.targets]
    for one in asked:
        yield from one.results
    yield _clock([one.ahead for one in asked if one.ahead is not None])


def _asked(target: TargetSettings) -> Asked:
    try:
        client = client_of(target)
    except SecretMissing as fault:
        return Asked(results=(Result(about=f"target {target.name}", state="failed", said=str(fault)),))
    try:
        return _asked_by(client, target)
    finally:
        client.close()


def _asked_by(client: FhirClient, target: TargetSettings) -> Asked:
    """A token where one is needed, what the server says of itself, whether it lets us in; up to the first refusal."""
    about = f"target {target.name}"
    of_token = token(f"{about} token", client)
    asked = (of_token,) if of_token else ()
    if of_token and of_token.state == "failed":
        return Asked(results=asked)
    try:
        greeting = client.greeting()
    except (Transient, Ambiguous, Permanent) as failure:
        return Asked(results=(*asked, refused(about, target, failure)))
    ahead = greeting.told_at - datetime.now(UTC) if greeting.told_at else None
    results = (*asked, _capable(about, target, greeting.statement), let_in(f"{about} access", target, client))
    return Asked(results=results, ahead=ahead)


def _capable(about: str, target: TargetSettings, statement: dict[str, Any]) -> Result:
    version = str(statement.get("fhirVersion", ""))
    name = " ".join(str(part) for part in _software(statement) if part)
    said = f"{target.url}: {name or 'a FHIR server'}, FHIR {version or 'unknown'}, delivery: {target.delivery}"
    if not version.startswith(VERSIONS):
        return Result(about=about, state="failed", said=said, advice="results are FHIR R4; name an R4 endpoint")
    plan = Plan(abilities=abilities_in(statement), choice=target.strategy)
    said += f", strategy: {_strategies(plan)}"
    lacking = list(_lacking(statement, plan))
    if lacking:
        advice = f"it does not say that it can {', '.join(lacking)}; try it with a test patient before going on"
        return Result(about=about, state="warning", said=said, advice=advice)
    return Result(about=about, state="ok", said=said)


def _software(statement: dict[str, Any]) -> tuple[object, object]:
    software = statement.get("software")
    return (software.get("name"), software.get("version")) if isinstance(software, dict) else (None, None)


def _strategies(plan: Plan) -> str:
    """The strategy of what is written, or by type where they differ."""
    by_type = {name: plan.strategy_of(name) or "none" for name in WRITTEN}
    if len(set(by_type.values())) == 1:
        return by_type[WRITTEN[0]]
    return ", ".join(f"{name} {strategy}" for name, strategy in by_type.items())


def _lacking(statement: dict[str, Any], plan: Plan) -> Iterator[str]:
    """What delivery needs and the CapabilityStatement does not offer."""
    rest = next((row for row in rows_of(statement, "rest") if row.get("mode") == "server"), {})
    resources = {row.get("type"): row for row in rows_of(rest, "resource")}
    for name in WRITTEN:
        offered = plan.abilities.of(name).offered
        if not offered:
            yield f"create a {name}"
        elif plan.choice != "auto" and plan.choice not in offered:
            yield f"write a {name} by {plan.choice}"
        elif "update" not in _codes(resources.get(name, {})) and name != "Provenance":
            yield f"update a {name}"
    if "search-type" not in _codes(resources.get("Patient", {})):
        yield "search Patient"


def _codes(row: dict[str, Any]) -> set[object]:
    return {interaction.get("code") for interaction in rows_of(row, "interaction")}


def _clock(ahead: Sequence[timedelta]) -> Result:
    """Our clock beside those of the targets: all of them being off together means that ours is."""
    if not ahead:
        return Result(about="clock", state="skipped", said="no target told the time, so ours was compared with none")
    least = min(ahead, key=abs)
    said = f"{abs(least).total_seconds():.0f} s {'behind' if least > timedelta(0) else 'ahead of'} the nearest target"
    if abs(least) > CLOCK_WRONG:
        return Result(
            about="clock", state="failed", said=said, advice="due times and overdue Flags depend on it; set it"
        )
    if abs(least) > CLOCK_OFF:
        return Result(about="clock", state="warning", said=said, advice="let a time service keep it")
    return Result(about="clock", state="ok", said=f"within {CLOCK_OFF.seconds} s of the nearest target")
