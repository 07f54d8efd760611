"""What HL7 v2 says of a version's segments, data types, tables and message structures, read from hl7apy's tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

VERSIONS = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")
DEFAULT_VERSION = "2.5.1"
ANY_SEGMENT = "ANYHL7SEGMENT"
OPEN = "varies"
_TABLE_NAME = re.compile(r"HL7\d{4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A field, component or sub-component as the version's tables describe it."""

    name: str
    """`patient identifier list`."""
    datatype: str
    """`CX`, `ST`; `varies` when the table leaves it open."""
    table: str
    """`HL70085`; empty when there is none."""
    length: int | None
    """Longest value in characters; hl7apy knows it almost nowhere."""
    required: bool
    most: int | None
    """Most repetitions; 0 when withdrawn, None when unlimited."""
    parts: tuple[Part, ...] = ()
    """Components; none for a simple data type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A segment or group of a message structure, with what it holds in order."""

    name: str
    required: bool
    most: int | None
    children: tuple[Node, ...] = ()
    choice: bool = False
    """Exactly one of the children stands there."""

    @property
    def is_group(self) -> bool:
        """Whether it holds others."""
        return bool(self.children)


def nearest_version(version: str) -> str:
    """The known version to check a message of `version` against: itself, the newest before it, else the oldest."""
    if version in VERSIONS:
        return version
    if not re.fullmatch(r"\d{1,3}(\.\d{1,3})*", version, re.ASCII):
        return DEFAULT_VERSION
    wanted = _numbers(version)
    return next((known for known in reversed(VERSIONS) if _numbers(known) <= wanted), VERSIONS[0])


@cache
def segment_fields(version: str, segment: str) -> dict[int, Part] | None:
    """The fields of a segment by number; None when the version has no such segment, or nothing usable of it."""
    if segment == ANY_SEGMENT:
        return None
    entry = _get(version, segment, "Segment")
    if entry is None or len(entry) < 2 or not entry[1]:
        return None
    numbered = {int(child[0].rpartition("_")[2]): child for child in entry[1] if _is_child(child)}
    return {number: _part(child) for number, child in numbered.items()}


@cache
def datatype_part(version: str, datatype: str) -> Part | None:
    """A value of that data type, as in OBX-5; None when the version has no such type."""
    structure = _get(version, datatype, "Datatypes_Structs")
    if structure is None and datatype not in _simple_types(version):
        return None
    parts = tuple(_part(child) for child in structure or () if _is_child(child))
    return Part(name="value", datatype=datatype, table="", length=None, required=False, most=None, parts=parts)


@cache
def message_structure(version: str, structure: str) -> Node | None:
    """The structure `ORU_R01` as nested groups; None when the version has no such message."""
    entry = _get(version, structure, "Message")
    if entry is None or not _children(entry):
        return None
    return _node(structure, entry, (1, 1))


@cache
def table_values(version: str, table: str) -> frozenset[str] | None:
    """The values of an HL7 table; None when the version's tables do not hold it, or hold no value."""
    entry = _get(version, table, "Table") if _TABLE_NAME.fullmatch(table) else None
    return frozenset(entry[1]) if entry and entry[1] else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _get(version: str, name: str, kind: str) -> Any:  # noqa: ANN401 - hl7apy's tables are untyped tuples
    import hl7apy
    from hl7apy.exceptions import ChildNotFound

    try:
        return hl7apy.load_library(version).get(name, kind)
    except ChildNotFound:
        return None


@cache
def _simple_types(version: str) -> frozenset[str]:
    import hl7apy

    return frozenset(hl7apy.load_library(version).get_base_datatypes())


def _is_child(entry: Any) -> bool:  # noqa: ANN401 - hl7apy's tables are untyped tuples
    """Whether an entry is as it should be; a few of version 2.1 and of `ANYHL7SEGMENT` are not."""
    return isinstance(entry, (tuple, list)) and len(entry) == 4 and isinstance(entry[1], (tuple, list))


def _children(reference: Any) -> list[Any]:  # noqa: ANN401 - hl7apy's tables are untyped tuples
    inner = reference[1] if len(reference) > 1 and isinstance(reference[1], (tuple, list)) else ()
    return [child for child in inner if isinstance(child, (tuple, list)) and len(child) == 4]


def _part(child: Any) -> Part:  # noqa: ANN401 - hl7apy's tables are untyped tuples
    reference, (least, most) = child[1], child[2]
    composite = reference[0] == "sequence"
    return Part(
        name=str(reference[3] or child[0]).replace("_", " ").lower(),
        datatype=str(reference[2] or OPEN),
        table=str(reference[4] or ""),
        length=reference[5] if (reference[5] or 0) > 0 else None,
        required=least > 0,
        most=None if most < 0 else most,
        parts=tuple(_part(inner) for inner in reference[1] or () if _is_child(inner)) if composite else (),
    )


def _node(name: str, reference: Any, cardinality: tuple[int, int]) -> Node:  # noqa: ANN401 - untyped tuples
    least, most = cardinality
    children = [
        _node(child[0], child[1], child[2])
        if child[3] == "GRP"
        else Node(name=child[0], required=child[2][0] > 0, most=None if child[2][1] < 0 else child[2][1])
        for child in _children(reference)
    ]
    return Node(
        name=name,
        required=least > 0,
        most=None if most < 0 else most,
        children=tuple(children),
        choice=reference[0] == "choice",
    )
