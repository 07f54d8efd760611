"""What can be wrong with whom a message is about; a part of the register of problem codes."""

from __future__ import annotations

from adapter.domain.problem import ProblemKind

PATIENT_KINDS: tuple[ProblemKind, ...] = (
    ProblemKind(
        code="unknown-authority",
        severity="error",
        hl7_code="103",
        title="No patient identifier has a mapped assigning authority",
        advice="Add the authority to tables/identifier_systems.csv (the system of a FHIR identifier must be a "
        "target there), `troughline reload`, and let the sender send it again.",
    ),
    ProblemKind(
        code="patient-missing",
        severity="error",
        hl7_code="101",
        title="The message has no patient identifier",
        advice="Ask the sender to fill PID-3, or the subject of the resource; the message waits in the work list.",
    ),
    ProblemKind(
        code="unknown-patient",
        severity="warning",
        hl7_code="204",
        title="The FHIR subject is not known yet",
        advice="The resource waits until its Patient arrives.",
    ),
    ProblemKind(
        code="replaced-by-several",
        severity="warning",
        hl7_code="204",
        title="A Patient says that it ended in several other records",
        advice="None of these links was taken. It waits until a newer version of the Patient names one.",
    ),
    ProblemKind(
        code="possible-wrong-patient",
        severity="warning",
        hl7_code="204",
        title="The record number is known with another birth date and another family name",
        advice="It waits in the work list, and nothing in it was used; of a merge of two people only the merge waits. "
        "Ask who the patient is; release it when the number, or the merge, is right.",
    ),
    ProblemKind(
        code="demographics-differ",
        severity="information",
        hl7_code="",
        title="The birth date or the family name of a record number is another than before",
        advice="Nothing: a marriage or a correction. Both another is possible-wrong-patient.",
    ),
    ProblemKind(
        code="merge-received",
        severity="information",
        hl7_code="",
        title="A merge or unlink of patient records was read",
        advice="Nothing: from its time on the histories are read together, or apart again.",
    ),
)
