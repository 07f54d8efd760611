"""The files people own, read and checked as one: what `lint` tells is what a start would refuse."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapter.domain.policy import RuleBook
from adapter.domain.units import is_activity_unit
from adapter.ingest.activity_reading import canonical_unit
from adapter.knowledge.layers import NO_FOLDER
from adapter.knowledge.lint import in_order, lint_reading
from adapter.knowledge.load import Reading, knowledge_of, read_folders
from adapter.knowledge.local_codes import shared_codes
from adapter.knowledge.plain_file import read_plain
from adapter.knowledge.policies import COMMAND_LINE, load_rulebook
from adapter.knowledge.rows_together import senders_in_two_spellings
from adapter.knowledge.spec import Knowledge, Table
from adapter.knowledge.strays import OUTPUTS
from adapter.knowledge.text_yaml import Document, Fault, Node, read_yaml
from adapter.knowledge.text_yaml import Path as Place
from adapter.settings import Settings
from adapter.writeback.offered import template_faults

_PLACEHOLDER = re.compile(r"\$\{[^}]+\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was read, each part None when it has an error, and all there is to say about it."""

    knowledge: Knowledge | None
    rulebook: RuleBook | None
    reading: Reading
    faults: tuple[Fault, ...]


def check_files(
    mappings: Sequence[Path],
    *,
    config: Sequence[Path] = (),
    policies: Sequence[str] = (),
    drafts: bool = False,
    thorough: bool = True,
    base: Path | None = None,
    config_base: Path | None = None,
) -> Checked:
    """Mappings, tables, outputs, products and policies with everything wrong in them, warnings included.

    `thorough` looks names and paths up too: slower, and needed once. `base` and `config_base` take the place of the
    shipped folders.
    """
    reading = read_folders(mappings, base)
    faults = lint_reading(reading) if thorough else list(reading.faults)
    wrong_outputs = list(_output_faults(reading))
    rulebook, of_policies = load_rulebook(policies, config_base, overlays=config, drafts=drafts)
    refused = any(fault.severity == "error" for fault in (*faults, *wrong_outputs))
    return Checked(
        knowledge=None if refused else knowledge_of(reading),
        rulebook=rulebook,
        reading=reading,
        faults=(*in_order([*faults, *wrong_outputs]), *in_order(of_policies)),
    )


def site_faults(settings: Settings, reading: Reading, overlays: Sequence[Path], config: Path | None) -> Iterator[Fault]:
    """What only shows when the settings of a site and its tables are seen together."""
    yield from wrong_units(settings, reading.tables.get("units"), config)
    senders = [sender.match for sender in settings.senders]
    yield from senders_in_two_spellings(reading.tables.values(), senders)
    yield from shared_codes(reading.tables.values(), senders, [path.as_posix() for path in overlays])


def in_configuration(faults: Iterable[Fault], settings: Settings, config: Path | None) -> Iterator[Fault]:
    """The faults, those of folders and policies that are not there at the line of the configuration that names them."""
    for fault in faults:
        policy = _policy(fault, settings) if config and fault.file == COMMAND_LINE else None
        if policy is not None:
            yield _at(("policies", policy), fault.text, config)
            continue
        place = _named(fault.file, settings) if config and fault.text == NO_FOLDER else None
        if place is None:
            yield fault
            continue
        text = f"there is no such folder: {fault.file}; a path counts from the folder of this file"
        if Path(fault.file).exists():
            text = f"{fault.file} is a file; name the folder it lies in"
        yield _at(place, text, config)


def _policy(fault: Fault, settings: Settings) -> int | None:
    """Which of the policies of the settings a fault speaks of."""
    named = (number for number, name in enumerate(settings.policies) if f"policy '{name}'" in fault.text)
    return next(named, None)


def _at(place: tuple[str, int], text: str, config: Path | None) -> Fault:
    """A fault at an entry of a list of the configuration, or at its key where a single one stands."""
    document = _document_of(config)
    listed = isinstance(document.data, dict) and isinstance(document.data.get(place[0]), list)
    return document.fault(place if listed else place[:1], text)


def _named(file: str, settings: Settings) -> tuple[str, int] | None:
    """The setting that names a folder."""
    for key, folders in (("mappings", settings.mappings), ("config", settings.config)):
        for number, folder in enumerate(folders):
            if folder.as_posix() == file:
                return key, number
    return None


def wrong_units(settings: Settings, units: Table | None, config: Path | None) -> Iterator[Fault]:
    """Units assumed for a sender that are none of an activity: levels would go without one, and nobody be told."""
    for number, sender in enumerate(settings.senders):
        unit = sender.assumed_unit
        if unit and units and not is_activity_unit(canonical_unit(unit, "", units, sender.match) or unit):
            said = f"'assumed_unit: {unit}' of the sender '{sender.match}'"
            text = f"{said} is no unit of an activity; write IU/mL or IU/L"
            yield _document_of(config).fault(("senders", number, "assumed_unit"), text)


def _document_of(config: Path | None) -> Document:
    """The configuration once more, for the place of a fault: settings do not remember where they stood."""
    if config is None:
        return Document(file="the configuration", data={}, places={})
    document, _ = read_yaml(read_plain(config), config.as_posix())
    return document or Document(file=config.as_posix(), data={}, places={})


def _output_faults(reading: Reading) -> Iterator[Fault]:
    """Output templates that are missing, or ask for what nothing gives."""
    unread = {name for name in reading.documents if name.startswith(OUTPUTS)} - {
        _relative(output.file) for output in reading.outputs.values()
    }
    unread |= {name for name in reading.unread if name.startswith(OUTPUTS)}
    for name, text in template_faults(reading.outputs):
        output = reading.outputs.get(name)
        if output is None:
            if not unread:  # one that cannot be read is told already
                yield Fault(file=f"mappings/{OUTPUTS}", line=0, text=f"{name}: {text}")
            continue
        document = reading.documents[_relative(output.file)]
        used = _PLACEHOLDER.search(text)
        place = _place_of(used[0], document.data) if used else None
        yield document.fault(place or (), text)


def _relative(file: str) -> str:
    return "/".join(file.split("/")[-2:])


def _place_of(text: str, node: Node, path: Place = ()) -> Place | None:
    match node:
        case str():
            return path if text in node else None
        case list():
            found = (_place_of(text, item, (*path, number)) for number, item in enumerate(node))
        case dict():
            found = (_place_of(text, item, (*path, key)) for key, item in node.items())
    return next((place for place in found if place), None)
