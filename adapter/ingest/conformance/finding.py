"""What a conformance report can say, as values with a place; the register of its codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "information"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One registered kind of departure and what to tell a person."""

    code: str
    severity: Severity
    title: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One departure at one place; its text never holds what stands there."""

    code: str
    severity: Severity
    where: str
    """`PID[1]-3(2).4`, `OBX[2]`, `line 4`, or `message`."""
    text: str
    value: str | None = None
    """What stands there, for those who may see it; never printed unless asked for."""


CHECKS: dict[str, Check] = {
    kind.code: kind
    for kind in (
        Check(
            code="not-hl7",
            severity="error",
            title="There is no MSH segment",
            advice="Check that the file holds HL7 v2 in its vertical-bar form and not XML, JSON or a screen print.",
        ),
        Check(
            code="charset",
            severity="warning",
            title="The character set is not declared, not known or not the one in use",
            advice="Declare it in MSH-18 by its name of table 0211, such as UNICODE UTF-8 or 8859/1.",
        ),
        Check(
            code="too-many-lines",
            severity="error",
            title="The message has more lines than are read",
            advice="Send one message per file or frame, or a batch with a header per message.",
        ),
        Check(
            code="batch-count",
            severity="warning",
            title="The batch trailer counts other than what came",
            advice="Check whether the file was cut off, or correct BTS-1.",
        ),
        Check(
            code="version-unknown",
            severity="information",
            title="The version is not one of the tables; the nearest is used",
            advice="Read the other findings with that in mind, or correct MSH-12.",
        ),
        Check(
            code="structure-unknown",
            severity="information",
            title="The tables have no structure for this message; order and number of its segments are not checked",
            advice="Check MSH-9: type, trigger and, from version 2.4, the structure.",
        ),
        Check(
            code="line-without-segment",
            severity="error",
            title="A line begins with no segment name",
            advice="A line end inside a text must be sent as an escape such as \\.br\\.",
        ),
        Check(
            code="segment-unknown",
            severity="error",
            title="The version has no such segment",
            advice="Local segments begin with Z.",
        ),
        Check(
            code="segment-not-in-structure",
            severity="error",
            title="The structure of the message has no such segment",
            advice="Remove it, or send the message in a version that has it.",
        ),
        Check(
            code="segment-misplaced",
            severity="error",
            title="The structure does not expect the segment at this place",
            advice="Compare the order of the segments with the structure of the message.",
        ),
        Check(
            code="segment-repeated",
            severity="error",
            title="The segment stands more often than the structure allows",
            advice="Send it once, or begin a new group with its first segment.",
        ),
        Check(
            code="segment-missing",
            severity="error",
            title="A required segment is missing",
            advice="Send it, or send the message as another type.",
        ),
        Check(
            code="not-checked",
            severity="information",
            title="This was not checked",
            advice="Compare it with the sender's own specification.",
        ),
        Check(
            code="field-missing",
            severity="error",
            title="A required field or component is empty",
            advice="Fill it, or agree with the receiver that it stays empty.",
        ),
        Check(
            code="field-repeated",
            severity="error",
            title="A field repeats more often than allowed",
            advice="If the separator is meant as text, send its escape.",
        ),
        Check(
            code="field-withdrawn",
            severity="warning",
            title="The version has withdrawn the field",
            advice="Send it where the version has it now.",
        ),
        Check(
            code="field-unknown",
            severity="warning",
            title="The version's segment ends before this field",
            advice="Receivers may ignore it; local fields belong into a Z segment.",
        ),
        Check(
            code="component-unknown",
            severity="warning",
            title="The data type has fewer components",
            advice="If the separator is meant as text, send its escape.",
        ),
        Check(
            code="type-unknown",
            severity="error",
            title="OBX-2 names no data type of the version",
            advice="Use a type of table 0125, such as NM, SN, ST or CWE.",
        ),
        Check(
            code="type-wrong",
            severity="error",
            title="The value is not of its data type",
            advice="Send it as its type demands, or declare another type.",
        ),
        Check(
            code="table-value",
            severity="error",
            title="The value is not in the HL7 table of the field",
            advice="Use a value of the table; translate local codes in the channel.",
        ),
        Check(
            code="table-value-local",
            severity="information",
            title="The value is not among those HL7 suggests for this user-defined table",
            advice="Agree on the meaning of the code with the receiver.",
        ),
        Check(
            code="too-long",
            severity="warning",
            title="The value is longer than the version allows",
            advice="Receivers may cut it.",
        ),
        Check(
            code="second-opinion",
            severity="warning",
            title="hl7apy's validator objects here, and the table walk does not",
            advice="Compare the place with the standard; one of the two is wrong.",
        ),
    )
}


def finding(
    code: str, where: str, detail: str = "", *, severity: Severity | None = None, value: str | None = None
) -> Finding:
    """A registered finding at a place, with what the tables say of it; raises KeyError for an unregistered code."""
    kind = CHECKS[code]
    text = f"{kind.title}: {detail}." if detail else f"{kind.title}."
    return Finding(code=code, severity=severity or kind.severity, where=where, text=text, value=value)
