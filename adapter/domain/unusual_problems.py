"""What is unusual in the make of a message; a part of the register of problem codes."""

from __future__ import annotations

from adapter.domain.problem import ProblemKind

UNUSUAL_KINDS: tuple[ProblemKind, ...] = (
    ProblemKind(
        code="patient-ambiguous",
        severity="warning",
        hl7_code="205",
        title="The patient has several numbers of one kind by one authority",
        advice="The first was taken. Ask the sender which counts, or name it in the mapping: PID-3(5=MR).1.",
    ),
    ProblemKind(
        code="segment-misnamed",
        severity="error",
        hl7_code="100",
        title="The name of a segment is not in capital letters",
        advice="Ask the sender to write OBX and not obx. The segment was not read; the message waits in the work list.",
    ),
)
