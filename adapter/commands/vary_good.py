"""The one good message variations are made of, and the result in it."""

from __future__ import annotations

from dataclasses import replace

from adapter.commands.judged_rows import result_rows
from adapter.commands.made_up_names import PASSES, named_at, shows_a_name
from adapter.commands.run_message import body_of
from adapter.commands.vary_edit import Good, from_lines, lines_of
from adapter.commands.vary_fhir import MAPPINGS, Resource
from adapter.ingest.fhir_check import check_fhir, is_retraction
from adapter.ingest.hl7v2 import STANDARD, NotHl7, peek, read_message, split_messages
from adapter.knowledge.spec import Knowledge


def good_message(raw: bytes, name: str, knowledge: Knowledge) -> tuple[Good | None, str]:
    """The message with its first result of ours; else why it cannot be varied, and what to do."""
    messages = split_messages(raw)
    if len(messages) != 1:
        return None, f"{name} holds {len(messages)} messages; name a file with the one that reads well."
    try:
        message = read_message(messages[0])
    except NotHl7:
        return None, f"{name} holds no MSH segment, so it is no HL7 v2 message. Name a file with one ORU."
    if replace(message.delimiters, truncation="") != STANDARD:
        return (
            None,
            f"{name} declares separators other than |^~\\&, with which variations are written. Change them first.",
        )
    if any(map(shows_a_name, message.segments)):
        return None, _with_a_name(name, "PID-5")
    message = from_lines(message, lines_of(message))
    rows, _ = result_rows(message, peek(messages[0]).sender, knowledge)
    row = next((row for row in rows if row.judged.verdict == "ours"), None)
    if row is None or row.scope.order is None or row.scope.order.request is None:
        said = "holds no result of ours below an order: no code of an OBX is mapped in activity_tests.csv"
        return None, f"{name} {said}. `troughline run {name}` names the row that is missing."
    return Good(message=message, result=row.scope.row, order=row.scope.order.request), ""


def good_resource(raw: bytes, name: str) -> tuple[Resource | None, str]:
    """The dose or allergy record; else why it cannot be varied, and what to do."""
    body = body_of(raw)
    if not isinstance(body, dict) or body.get("resourceType") not in MAPPINGS:
        return None, f"{name} is FHIR and no single {' or '.join(MAPPINGS)}; those and HL7 v2 ORUs can be varied."
    shown = named_at(body)
    if shown:
        return None, _with_a_name(name, shown)
    if is_retraction(body):
        return None, f"{name} says of itself that it is entered in error; name a record that counts."
    wrong = check_fhir(body)
    if wrong:
        return None, f"{name} is no good record to begin with: {wrong[0].where}: {wrong[0].text} Correct it first."
    return body, ""


def _with_a_name(name: str, place: str) -> str:
    """Why a message of a patient is not multiplied, and what to do."""
    return (
        f"{name} holds in {place} a name that may be a patient's, and cases are kept and shared: de-identify it first "
        f"(`troughline deid`), or write a made-up name; {PASSES}."
    )
