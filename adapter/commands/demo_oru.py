"""Writes the ORU^R01 messages of the demo laboratory, in the shapes real senders use and misuse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from adapter.commands.demo_story import Shape

ORU_TYPE = "ORU^R01^ORU_R01"
ASPARAGINASE_TEST = "ASPACT^Asparaginase activity^L"
AUTHORITY = "HOSP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A synthetic patient, recognisable as such by the family name."""

    mrn: str
    given_name: str
    born: str
    """YYYYMMDD"""
    sex: str
    authority: str = AUTHORITY


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One OBX: what was measured and how it was written."""

    test: str
    """OBX-3 as sent: code, text, coding system."""
    value: str
    unit: str
    status: str = "F"
    value_type: str = "NM"
    laboratory_flag: str = ""
    reference_range: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One OBR with its specimen and its results."""

    service: str
    """OBR-4 as sent."""
    filler: str
    """OBR-3.1; the laboratory assigns it, so it stays the same when a result is corrected."""
    collected: datetime | None
    reported: datetime
    rows: tuple[Row, ...]


def oru(*, control_id: str, sent: datetime, person: Person, order: Order, shape: Shape = "plain") -> bytes:
    """The bytes of one ORU^R01; `shape` changes the way it is written, never what it says."""
    version = "2.3" if shape == "version-2.3" else "2.5.1"
    body = (
        _msh(control_id=control_id, sent=sent, version=version, shape=shape),
        _pid(person, shape=shape),
        *_order_segments(order, shape=shape),
    )
    separator = "\n" if shape == "lf-line-ends" else "\r"
    charset = "latin-1" if shape in ("latin-1", "latin-1-undeclared") else "utf-8"
    return (separator.join(body) + separator).encode(charset)


def hl7_time(at: datetime | None) -> str:
    """A time as YYYYMMDDHHMMSS+0000, empty for none."""
    return "" if at is None else at.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")


def _msh(*, control_id: str, sent: datetime, version: str, shape: Shape) -> str:
    encoding = "^~\\&#" if shape == "five-encoding-characters" else "^~\\&"
    message_type = "ORU^R01" if version == "2.3" else ORU_TYPE
    head = f"MSH|{encoding}|DEMOLAB|HOSP|TROUGHLINE|HOSP|{hl7_time(sent)}||{message_type}|{control_id}|P|{version}"
    return f"{head}||||||8859/1" if shape == "latin-1" else head


def _pid(person: Person, *, shape: Shape) -> str:
    given = "ZO\u00cb" if shape.startswith("latin-1") else person.given_name
    return f"PID|1||{person.mrn}^^^{person.authority}^MR||ZZDEMO^{given}||{person.born}|{person.sex}"


def _order_segments(order: Order, *, shape: Shape) -> tuple[str, ...]:
    collected = hl7_time(order.collected)
    specimen_in_obr = "SER" if shape == "version-2.3" else ""
    obr = (
        f"OBR|1|P{order.filler}|{order.filler}^DEMOLAB|{order.service}|||{collected}||||||||{specimen_in_obr}"
        f"|||||||{hl7_time(order.reported)}|||{_order_status(order)}"
    )
    results = tuple(_obx(number, row) for number, row in enumerate(order.rows, 1))
    specimen = f"SPM|1|S{order.filler}||SER^Serum^HL70487|||||||||||||{collected}"
    match shape:
        case "version-2.3":
            return (obr, *results)
        case "specimen-first":
            return (obr, specimen, *results)
        case _:
            return (obr, *results, specimen)


def _order_status(order: Order) -> str:
    statuses = {row.status for row in order.rows}
    return statuses.pop() if len(statuses) == 1 and statuses <= {"F", "P", "C", "X", "I"} else ""


def _obx(number: int, row: Row) -> str:
    return (
        f"OBX|{number}|{row.value_type}|{row.test}||{row.value}|{row.unit}|{row.reference_range}"
        f"|{row.laboratory_flag}|||{row.status}"
    )
