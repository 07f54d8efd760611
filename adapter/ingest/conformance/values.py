"""Values against their data type, table and length (HL7 2.5 chapter 2.A)."""

from __future__ import annotations

import re
from datetime import UTC

from adapter.ingest.conformance.finding import Finding, finding
from adapter.ingest.hl7v2 import read_time
from adapter.knowledge.hl7_tables import Part, table_values

_FORMS = {
    "NM": re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII),
    "SI": re.compile(r"\d{1,4}", re.ASCII),
    "TM": re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,4})?)?)?([+-]([01]\d|2[0-3])[0-5]\d)?", re.ASCII),
}
_SHOWN = {
    "NM": "a number such as 0.42",
    "SI": "a whole number of at most four digits",
    "TM": "a time such as 1130",
    "DT": "a date such as 20250310",
    "DTM": "a time such as 20250310113000+0100",
    "TS": "a time such as 20250310113000+0100",
}
_CODING_SYSTEMS = "HL70396"
_OPEN_CODING_SYSTEM = re.compile(r"L|99\w{3}|HL7\d{4}|ISO\d{4}", re.ASCII)
"""Coding systems table 0396 allows by form: local ones, HL7 tables and ISO tables."""
_DATES = ("DT", "DTM", "TS")


def check_value(part: Part, text: str, where: str, version: str) -> list[Finding]:
    """Everything wrong with one filled value of a simple data type; `text` has its escapes resolved."""
    found: list[Finding] = []
    if not _is_of_type(part.datatype, text):
        found.append(
            finding("type-wrong", where, f"{part.name} is {part.datatype}, {_SHOWN[part.datatype]}", value=text)
        )
    if _is_outside_table(part.table, text, version):
        # ID draws on tables of HL7, IS on tables each site defines: there HL7 only suggests.
        code = "table-value" if part.datatype == "ID" else "table-value-local"
        found.append(finding(code, where, f"{part.name}, table {part.table[3:]}", value=text))
    if part.length and len(text) > part.length:
        found.append(finding("too-long", where, f"{part.name} holds at most {part.length} characters", value=text))
    return found


def _is_outside_table(table: str, text: str, version: str) -> bool:
    values = table_values(version, table) if table else None
    if values is None or text in values:
        return False
    return table != _CODING_SYSTEMS or _OPEN_CODING_SYSTEM.fullmatch(text) is None


def _is_of_type(datatype: str, text: str) -> bool:
    if datatype in _FORMS:
        return _FORMS[datatype].fullmatch(text) is not None
    if datatype in _DATES:
        return _is_time(text) and (datatype != "DT" or len(text) <= 8)
    return True


def _is_time(text: str) -> bool:
    try:
        read_time(text, zone=UTC, zone_from="sender")
    except ValueError:
        return False
    return text == text.strip()
