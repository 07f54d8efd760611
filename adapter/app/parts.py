"""The real parts, built from what a command line asked for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, tzinfo
from pathlib import Path

from adapter.app.checked_files import check_files, in_configuration, site_faults
from adapter.app.remembering import remembered
from adapter.domain.message import MessageRef, Stored
from adapter.domain.policy import RuleBook
from adapter.fhir import Canonical
from adapter.ingest.senders import RulesFor, SenderRules
from adapter.knowledge.shipped import shipped
from adapter.knowledge.spec import Knowledge
from adapter.knowledge.text_yaml import Fault
from adapter.pipeline.parts import Parts, State, Target, nothing_held
from adapter.settings import DropFolder, MllpListener, Settings, load_settings, settings_from_flags
from adapter.settings.named_files import named_files

DEMO = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """What the command line asked for."""

    config: str | None = None
    store: str | None = None
    mllp: str | None = None
    http: str | None = None
    fhir: str | None = None
    insecure: bool = False
    mappings: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    drafts: bool = False

    @classmethod
    def from_options(cls, options: argparse.Namespace) -> Instructions:
        """The options of `serve`, or of a command that has some of them; paths made absolute."""
        return cls(
            config=_absolute(options.config),
            store=_absolute(options.store),
            mllp=getattr(options, "mllp", None),
            http=getattr(options, "http", None),
            fhir=getattr(options, "fhir", None),
            insecure=getattr(options, "insecure", False),
            mappings=tuple(str(folder.absolute()) for folder in options.mappings),
            policies=tuple(options.policy),
            drafts=options.draft,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Everything that is read as a whole, at the start and for a reload."""

    settings: Settings
    knowledge: Knowledge
    rulebook: RuleBook


def read_everything(instructions: Instructions, *, thorough: bool = True) -> tuple[Loaded | None, list[Fault]]:
    """Settings, mappings and policies; None with every fault when any of them has an error.

    `thorough` checks what `troughline lint` checks.
    """
    settings, faults = settings_from_flags(
        store=instructions.store,
        mllp=instructions.mllp,
        http=instructions.http,
        fhir=instructions.fhir,
        insecure=instructions.insecure,
        config=Path(instructions.config) if instructions.config else None,
    )
    said = settings or named_files(Path(instructions.config) if instructions.config else None)
    overlays = [*said.mappings, *map(Path, instructions.mappings)]
    policies = [*said.policies, *instructions.policies]
    knowledge, rulebook = _knowledge(
        said,
        overlays,
        policies,
        faults,
        drafts=instructions.drafts,
        thorough=thorough,
        config=Path(instructions.config) if instructions.config else None,
    )
    if settings is None or knowledge is None or rulebook is None:
        return None, faults
    return Loaded(settings=settings, knowledge=knowledge, rulebook=rulebook), faults


def _knowledge(
    settings: Settings,
    overlays: list[Path],
    policies: list[str],
    faults: list[Fault],
    *,
    drafts: bool,
    thorough: bool = True,
    warn: bool = True,
    config: Path | None = None,
    base: Path | None = None,
    config_base: Path | None = None,
) -> tuple[Knowledge | None, RuleBook | None]:
    """Mappings and policies; every error is added to `faults`, with `warn` each warning about files of the site."""
    checked = check_files(
        overlays,
        config=settings.config,
        policies=policies,
        drafts=settings.drafts or drafts,
        thorough=thorough,
        base=base,
        config_base=config_base,
    )
    together = list(site_faults(settings, checked.reading, overlays, config))
    told = list(in_configuration(checked.faults, settings, config))
    owned = tuple(f"{folder.as_posix()}/" for folder in (*overlays, *settings.config))
    ours = [*(fault for fault in told if fault.severity == "error" or fault.file.startswith(owned)), *together]
    faults.extend(fault for fault in ours if warn or fault.severity == "error")
    refused = any(fault.severity == "error" for fault in together)
    return None if refused else checked.knowledge, checked.rulebook


def service_parts(
    loaded: Loaded,
    state: State,
    read: Callable[[MessageRef], Stored],
    first_on: Callable[[str], date],
    holding: Callable[[str, Sequence[str]], Sequence[MessageRef]] = nothing_held,
) -> Parts:
    """What the service, and whoever works on its store in its place, works with."""
    return Parts(
        state=state,
        knowledge=loaded.knowledge,
        rulebook=loaded.rulebook,
        canonical=Canonical(base=loaded.settings.canonical_base),
        rules_at=rules_at(loaded.settings),
        zone_of=zone_of(loaded.settings),
        read=read,
        holding=holding,
        targets=targets_of(loaded.settings, first_on),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a command that needs no store reads with: a configuration, and what its command line adds."""

    settings: Settings
    overlays: tuple[Path, ...]
    """Laid over what the configuration names."""
    policies: tuple[str, ...]
    drafts: bool
    demo: bool
    """Whether the demo tables are laid over; then the zone is UTC where the configuration names none."""
    config: Path | None = None
    """The file the settings were read from, to name the place of a fault."""
    base: Path | None = None
    """Whole mappings in place of the shipped ones."""
    config_base: Path | None = None


def origin_of(options: argparse.Namespace, *, demo: bool = True) -> tuple[Origin, list[Fault]]:
    """The demo overlay, or `--mappings`; without `demo` nothing is laid over what the configuration names."""
    settings, faults = load_settings(options.config)
    demo = demo and not options.mappings
    said = settings or named_files(options.config)
    origin = Origin(
        settings=said,
        config=options.config,
        overlays=(shipped("mappings") / DEMO,) if demo else tuple(options.mappings),
        policies=tuple(options.policy),
        drafts=options.draft,
        demo=demo,
    )
    return origin, faults


def play_parts(options: argparse.Namespace, state: State, *, demo: bool = True) -> tuple[Parts | None, list[Fault]]:
    """The parts of `play`, read from the origin its options name."""
    origin, faults = origin_of(options, demo=demo)
    return parts_from(origin, state, faults, warn=True), faults


def parts_from(origin: Origin, state: State, faults: list[Fault], *, warn: bool = False) -> Parts | None:
    """The parts of an origin; None when it, its mappings or its policies have an error, each added to the faults.

    With `warn` the warnings about folders of the site are added too.
    """
    settings = origin.settings
    knowledge, rulebook = _knowledge(
        settings,
        [*settings.mappings, *origin.overlays],
        [*settings.policies, *origin.policies],
        faults,
        drafts=origin.drafts,
        config=origin.config,
        base=origin.base,
        config_base=origin.config_base,
        warn=warn,
    )
    if knowledge is None or rulebook is None or any(fault.severity == "error" for fault in faults):
        return None
    rules = rules_for(settings, settings.mllp[0] if settings.mllp else None)
    demo_zone = UTC if origin.demo else None
    rules = _in_zone_utc(rules) if origin.demo else rules
    return Parts(
        state=state,
        knowledge=knowledge,
        rulebook=rulebook,
        canonical=Canonical(base=settings.canonical_base),
        rules_at=lambda _: rules,
        zone_of=lambda _: settings.sources[0].zone or demo_zone,
        read=_nothing_kept,
    )


def _in_zone_utc(rules: Callable[[str], SenderRules]) -> Callable[[str], SenderRules]:
    def rules_in_zone(sender: str) -> SenderRules:
        found = rules(sender)
        return found if found.zone else SenderRules(**{**asdict(found), "zone": UTC})

    return rules_in_zone


def _nothing_kept(ref: MessageRef) -> Stored:
    raise KeyError(ref.seq)


def rules_for(settings: Settings, listener: MllpListener | DropFolder | None) -> Callable[[str], SenderRules]:
    """How the messages of each sender are read; `listener` gives what its senders have in common."""

    def rules(sender: str) -> SenderRules:
        found = settings.sender(sender, listener)
        return SenderRules(
            zone=found.zone,
            decimal_comma=found.decimal_comma,
            assumed_unit=found.assumed_unit,
            unsupported=found.unsupported,
            content_errors=found.content_errors,
            warn_in_err=found.warn_in_err,
            cannot_store=found.cannot_store,
            default_charset=found.default_charset,
        )

    return remembered(rules)


def rules_at(settings: Settings) -> Callable[[str], RulesFor]:
    """The rules of each listener by its name; HL7 over HTTP follows the only MLLP listener when there is one."""
    doors: list[MllpListener | DropFolder] = [*settings.mllp, *settings.drop_folders]
    by_listener = {door.name: rules_for(settings, door) for door in doors}
    otherwise = rules_for(settings, settings.mllp[0] if len(settings.mllp) == 1 else None)

    def rules(listener: str) -> RulesFor:
        return by_listener.get(listener, otherwise)

    return rules


def zone_of(settings: Settings) -> Callable[[str], tzinfo | None]:
    """The zone each source's FHIR times are in when they name none."""
    zones: dict[str, tzinfo | None] = {source.name: source.zone for source in settings.sources}
    return zones.get


def targets_of(settings: Settings, first_on: Callable[[str], date]) -> tuple[Target, ...]:
    """The targets as the corridor sees them; `first_on` tells the day a target first went on."""
    days = {t.name: first_on(t.name) for t in settings.targets if t.delivery == "on"}
    return tuple(
        Target(name=t.name, monitor_from=t.monitor_from or days.get(t.name), authorities=frozenset(t.authorities))
        for t in settings.targets
    )


def _absolute(path: Path | None) -> str | None:
    return str(path.absolute()) if path else None
