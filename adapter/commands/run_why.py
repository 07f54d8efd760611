"""Why a message is relevant, a near miss or another matter: code by code, with the row of the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from adapter.commands.judged_rows import Judged
from adapter.ingest.hl7v2.header import is_acknowledgment
from adapter.ingest.identity_messages import MERGES, spelled


def why(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """One entry per place with a code: what the table, or a near word, says of it."""
    return [_entry(one) for one in judged if one.triplets]


def _entry(one: Judged) -> dict[str, Any]:
    code, text, system = next((t for t in one.triplets if one.hit and t[0] == one.hit.code), one.triplets[0])
    row = one.hit.row if one.hit else None
    return {
        "where": one.where,
        "code": code,
        "system": system,
        "text": text,
        "verdict": one.verdict,
        "table": one.select.table,
        "target": row.target if row else None,
        "row": f"{row.file}:{row.line}" if row else None,
        "near": _near_word(one) if one.verdict == "near" else None,
    }


def _near_word(one: Judged) -> str | None:
    words = " ".join(f"{code} {text}" for code, text, _ in one.triplets).casefold()
    return next((word for word in one.select.near if word.casefold() in words), None)


def why_line(entry: dict[str, Any]) -> str:
    """`OBX[1]-3 ASPACT (L): asparaginase-activity, by tables/activity_tests.csv:2`"""
    named = entry["code"] or f'"{entry["text"]}"'
    system = f" ({entry['system']})" if entry["system"] else ""
    return f"{entry['where']} {named}{system}: {_said(entry)}"


def _said(entry: dict[str, Any]) -> str:
    if entry["target"]:
        return f"{entry['target']}, by {entry['row']}"
    match entry["verdict"]:
        case "near":
            return f'in no row of {entry["table"]}, but it holds "{entry["near"]}"'
        case "unresolved":
            return "refers to a resource that is not in this message"
        case _:
            return f"in no row of {entry['table']}, and holds no near word"


def by_its_header(message_type: str) -> Iterator[str]:
    """What the type of a message alone decides."""
    if is_acknowledgment(message_type):
        yield f"{message_type} is an answer, and no answer is answered"
    if spelled(message_type) in MERGES:
        yield f"{message_type} joins or parts patient records: it is kept whatever it holds"
