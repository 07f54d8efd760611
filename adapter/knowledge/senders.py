"""How a row of a table names a sender: `MSH-3|MSH-4`, either part `*`; a bare name is MSH-3, or a source of FHIR."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.knowledge.spec import Row
from adapter.knowledge.text_yaml import Fault

ANY = "*"
_WIRE_MARKS = "^~\\&"


def same_sender(pattern: str) -> str:
    """One spelling for all that name the same sender: `LIS`, `LIS|` and `LIS|*` are one, as are empty and `*|*`."""
    application, _, facility = pattern.partition("|")
    parts = [part or ANY for part in (application, facility)]
    return "" if parts == [ANY, ANY] else "|".join(parts)


def sender_faults(row: Row) -> Iterator[Fault]:
    """Faults of a sender no message can have, and warnings for one that is written oddly."""
    parts = row.sender.split("|")
    if len(parts) > 2:
        text = f"'{row.sender}' is no sender; write MSH-3|MSH-4, either part *"
        yield row.fault("sender", text)
    elif any(part != part.strip() or any(mark in part for mark in _WIRE_MARKS) for part in parts):
        text = f"'{row.sender}' is never a sender: a part is compared without blanks, and only its first component"
        yield row.fault("sender", text)
    elif row.sender and not same_sender(row.sender):
        yield row.fault("sender", f"'{row.sender}' means any sender; leave the cell empty", "warning")
    elif "|" in row.sender and "" in parts:
        text = f"'{row.sender}' leaves a part out, which reads as any; write {same_sender(row.sender)}"
        yield row.fault("sender", text, "warning")
    elif any(ANY in part and part != ANY for part in parts):
        text = f"'{row.sender}' holds a * beside other letters, which is no wildcard; a part is a whole name or *"
        yield row.fault("sender", text)
