"""Where golden cases lie, and with which tables they are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapter.commands.golden_case import Case, read_case
from adapter.knowledge.shipped import shipped
from adapter.knowledge.spec import Knowledge
from adapter.knowledge.strays import FOLDERS, GOLDEN, NEVER_READ, is_case, like_golden
from adapter.knowledge.text_yaml import Fault

ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Golden cases of one folder, and the folders laid over the shipped mappings to read them."""

    folder: Path
    shown: str
    overlays: tuple[Path, ...]
    writable: bool = True
    """Whether --accept may change its cases: a site never rewrites the shipped ones."""
    around: Path | None = None
    """The folder of mappings it belongs to, in which cases may lie where nothing runs them."""


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
        cases = own / GOLDEN
        if cases.is_dir() or any(misplaced_cases(own)):
            yield Suite(folder=cases, shown=cases.as_posix(), overlays=tuple(mappings), around=own)


def misplaced_cases(mappings: Path) -> Iterator[Path]:
    """Golden cases of a folder of mappings that lie outside of golden/."""
    for path in sorted(mappings.rglob("*")):
        parts = path.relative_to(mappings).parts
        of_cases = len(parts) > 1 and like_golden(parts[0]) and path.suffix.lower() in ENDINGS
        read = parts[0] in NEVER_READ or (len(parts) == 2 and parts[0] in FOLDERS)
        if path.is_file() and not read and (of_cases or is_case(path)):
            yield path


def left_out(suite: Suite) -> Iterator[Fault]:
    """Cases nobody would run: a suite that leaves one out in silence looks as if it had passed."""
    for path in misplaced_cases(suite.around) if suite.around else ():
        text = f"put it into {suite.shown}/{_renamed(path)}"
        if path.parent == suite.around and path.parent.name == GOLDEN:
            text = f"name the folder above: {path.parent.parent.as_posix()}"
        yield Fault(file=path.as_posix(), line=0, text=f"no test runs this golden case; {text}")
    for path in sorted(suite.folder.rglob("*")):
        if path.suffix.lower() not in ENDINGS or not path.is_file():
            continue
        inner = path.relative_to(suite.folder)
        if len(inner.parts) > 1:
            text = f"no test runs this golden case; put it directly into {suite.shown}/"
            yield Fault(file=f"{suite.shown}/{inner.as_posix()}", line=0, text=f"{text}{_renamed(path)}")
        elif path.suffix != ".yaml":
            text = f"no test runs this golden case: its name must end in .yaml; rename it {path.stem}.yaml"
            yield Fault(file=f"{suite.shown}/{inner.as_posix()}", line=0, text=text)


def _renamed(path: Path) -> str:
    return "" if path.suffix == ".yaml" else f" as {path.stem}.yaml"


def read_suite(suite: Suite, knowledge: Knowledge | None, faults: list[Fault]) -> Iterator[Case]:
    """The cases of a suite that can be read; the others become faults, as far as they show without mappings."""
    faults.extend(fault for fault in left_out(suite) if fault not in faults)
    units = knowledge.tables.get("units") if knowledge else None
    known = knowledge.mappings if knowledge else ()
    mappings = sorted("/".join(Path(mapping.file).parts[-2:]) for mapping in known) if knowledge else None
    for path in sorted(suite.folder.glob("*.yaml")):
        case, wrong = read_case(path, f"{suite.shown}/{path.name}", mappings, units)
        faults.extend(wrong)
        if case:
            yield case
