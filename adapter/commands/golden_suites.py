"""Where golden cases lie, and with which tables they are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapter.commands.golden_case import Case, read_case
from adapter.knowledge.shipped import shipped
from adapter.knowledge.spec import Knowledge
from adapter.knowledge.text_yaml import Fault

GOLDEN = "golden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Golden cases of one folder, and the folders laid over the shipped mappings to read them."""

    folder: Path
    shown: str
    overlays: tuple[Path, ...]
    writable: bool = True
    """Whether --accept may change its cases: a site never rewrites the shipped ones."""


def suites_of(folder: Path | None, mappings: Sequence[Path]) -> Iterator[Suite]:
    """The cases of a folder, else the shipped ones and those of each folder of mappings."""
    demo = shipped("mappings") / "demo"
    if folder is not None:
        yield Suite(folder=folder, shown=folder.as_posix(), overlays=tuple(mappings) or (demo,))
        return
    # The shipped cases use the codes of the demo, whatever a site calls its own.
    overlays = (*mappings, demo)
    folder = shipped("mappings") / GOLDEN
    yield Suite(folder=folder, shown=f"mappings/{GOLDEN}", overlays=overlays, writable=not mappings)
    for own in mappings:
        if (own / GOLDEN).is_dir():
            yield Suite(folder=own / GOLDEN, shown=f"{own.as_posix()}/{GOLDEN}", overlays=tuple(mappings))


def read_suite(suite: Suite, knowledge: Knowledge, faults: list[Fault]) -> Iterator[Case]:
    """The cases of a suite that can be read; the others become faults."""
    mappings = sorted("/".join(Path(mapping.file).parts[-2:]) for mapping in knowledge.mappings)
    for path in sorted(suite.folder.glob("*.yaml")):
        case, wrong = read_case(path, f"{suite.shown}/{path.name}", mappings, knowledge.tables.get("units"))
        faults.extend(wrong)
        if case:
            yield case
