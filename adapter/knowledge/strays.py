"""Files that lie where nothing reads them: what was meant to be read may not be lost without a word."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from adapter.knowledge.layers import TABLES, Layer
from adapter.knowledge.plain_file import no_file
from adapter.knowledge.tables import NEEDED
from adapter.knowledge.text_csv import read_cells
from adapter.knowledge.text_yaml import Fault, decode, read_yaml

MAPPINGS = ("v2", "fhir")
OUTPUTS = "outputs"
FOLDERS = (TABLES, *MAPPINGS, OUTPUTS)
GOLDEN = "golden"
NEVER_READ = ("demo", GOLDEN)
_ALL = (*FOLDERS, GOLDEN)
_WHERE = f"tables end in .csv and lie in {TABLES}/, the others end in .yaml and lie in {', '.join(_ALL[1:])}"
_SHEETS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")
_OPEN_ELSEWHERE = re.compile(r"~\$.+|\.~lock\..+#")
_NEARLY = 0.75
"""How alike the name of a folder must be to one that is read to be taken for a slip."""
_KINDS = (".csv", ".yaml", ".yml")


def stray_files(layer: Layer, known: Collection[str]) -> Iterator[Fault]:
    """What lies where nothing reads it: errors for what was meant to be read, warnings for the rest.

    `known` are the relative names of files that are read somewhere: `tables/units.csv`.
    """
    for path in sorted(layer.root.rglob("*")):
        parts = path.relative_to(layer.root).parts
        if parts[0] in NEVER_READ or (len(parts) > 1 and like_golden(parts[0])):
            continue  # whoever reads the cases tells of those that lie wrong
        told = _by_a_spreadsheet(path) or _unread(layer, path, parts, known)
        if told:
            severity, text = told
            yield Fault(file=layer.name(path), line=0, text=text, severity=severity)


def like_golden(folder: str) -> bool:
    """Whether a folder was meant for golden cases and is not called so."""
    return folder != GOLDEN and _near(folder) == GOLDEN


def is_case(path: Path) -> bool:
    """Whether a file holds a golden case, wherever it lies."""
    return path.suffix.lower() in (".yaml", ".yml") and {"case", "input"} <= _keys(path)


def open_elsewhere(path: Path) -> bool:
    """The small file a spreadsheet program lays beside one it has open."""
    return bool(_OPEN_ELSEWHERE.fullmatch(path.name))


Told = tuple[Literal["error", "warning"], str]


def _by_a_spreadsheet(path: Path) -> Told | None:
    """Files a spreadsheet program or an editor leaves beside tables."""
    if open_elsewhere(path):
        return (
            "warning",
            "a spreadsheet has this file open: what it has not saved is not read; save and close the table",
        )
    if path.suffix.lower() in _SHEETS:
        text = f"nothing reads a spreadsheet; save it as 'CSV UTF-8' under the name {TABLES}/{path.stem}.csv"
        return "warning", text
    if path.suffix.lower() == ".txt" and Path(path.stem).suffix.lower() in _KINDS:
        return "warning", f"nothing reads this file: its name ends in .txt; rename it {path.stem}"
    return None


def _unread(layer: Layer, path: Path, parts: tuple[str, ...], known: Collection[str]) -> Told | None:
    suffix = path.suffix.lower()
    if suffix not in _KINDS or any(part.startswith(".") for part in parts):
        return None
    wanted = ".csv" if parts[0] == TABLES else ".yaml"
    if len(parts) == 2 and parts[0] in FOLDERS and (suffix == ".csv") == (wanted == ".csv"):
        return _wrong_name(path, wanted)
    if path.is_dir() or is_case(path):
        return None
    if not _meant(path, (layer.root.resolve().name, *parts), known):
        return "warning", f"nothing reads this file; {_WHERE}"
    return "error", f"nothing reads this file; {_WHERE}{_advice(layer, path, parts, known)}"


def _wrong_name(path: Path, wanted: str) -> Told | None:
    """What keeps a file in the right folder from being read."""
    if path.is_dir():
        kind = "table" if wanted == ".csv" else "file"
        return "error", f"this is a folder with the name of a {kind}; put the {kind} itself here"
    if path.suffix == wanted:
        return None
    small = ", in small letters" if path.suffix.lower() == wanted else ""
    return "error", f"nothing reads this file: its name must end in {wanted}{small}; rename it {path.stem}{wanted}"


def _meant(path: Path, parts: tuple[str, ...], known: Collection[str]) -> bool:
    """Whether somebody believes that this file is read: by its folder, by its name, or by what it holds.

    The first part is the name of the folder of mappings itself, which may be one of those inside.
    """
    name = f"{path.stem}{_ending(path)}".casefold()
    of_a_folder = parts[0] in FOLDERS or any(_near(part) in FOLDERS for part in parts[1:-1])
    return of_a_folder or name in {one.rpartition("/")[2] for one in known} or bool(_holds(path))


def _advice(layer: Layer, path: Path, parts: tuple[str, ...], known: Collection[str]) -> str:
    """Where the file should lie, as far as that can be told."""
    if layer.root.resolve().name in FOLDERS and len(parts) == 1:
        return f"; name the folder above: {layer.root.parent.as_posix()}"
    if len(parts) > 2 and parts[-2] in FOLDERS and parts[0] not in FOLDERS:
        inner = layer.root.joinpath(*parts[:-2])
        return f"; did you mean {parts[-2]}/? Or name {inner.as_posix()} as a folder of mappings"
    place = _place(path, parts, known)
    return f"; did you mean {place}/?" if place else ""


def _place(path: Path, parts: tuple[str, ...], known: Collection[str]) -> str | None:
    if path.suffix.lower() == ".csv":
        return TABLES
    named = f"{path.stem}{_ending(path)}".casefold()
    same = next((one for one in sorted(known) if one.rpartition("/")[2] == named), None)
    near = (_near(part) for part in parts[:-1])
    by_folder = next((part for part in near if part in _ALL and part != TABLES), None)
    return same.partition("/")[0] if same else by_folder or _holds(path)


def _holds(path: Path) -> str | None:
    """The folder in which a file would be read, by what it holds."""
    if path.suffix.lower() == ".csv":
        return TABLES if set(NEEDED) <= _header(path) else None
    keys = _keys(path)
    if {"output", "resource"} <= keys:
        return OUTPUTS
    return MAPPINGS[0] if {"mapping", "event", "fields"} <= keys else None


def _header(path: Path) -> set[str]:
    text, _ = decode(_content(path), path.name)
    first = next(read_cells(text, path.name, []), [])
    return {cell.text.lower() for cell in first}


def _keys(path: Path) -> set[str]:
    """The keys in the first column, also of a file that is not readable as YAML."""
    content = _content(path)
    document, _ = read_yaml(content, path.name)
    if document and isinstance(document.data, dict):
        return set(document.data)
    return {line.partition(b":")[0].decode(errors="replace") for line in content.splitlines() if b":" in line}


def _content(path: Path) -> bytes:
    """The beginning of a file, nothing of one that cannot be read: its name alone says enough then."""
    if no_file(path):
        return b""
    try:
        with path.open("rb") as file:
            return file.read(1024 * 1024)
    except OSError:
        return b""


def _ending(path: Path) -> str:
    return ".yaml" if path.suffix.lower() in (".yaml", ".yml") else path.suffix.lower()


def _near(folder: str) -> str | None:
    """The name of a folder that is read, when this one is nearly called so."""
    folded = folder.casefold()
    if folded in _ALL:
        return folded
    return next(iter(get_close_matches(folded, _ALL, n=1, cutoff=_NEARLY)), None)
