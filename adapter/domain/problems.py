"""What can be wrong with input, as values with a place; the register of all problem codes."""

from __future__ import annotations

from adapter.domain.patient_problems import PATIENT_KINDS
from adapter.domain.problem import Problem, ProblemKind, Severity
from adapter.domain.unusual_problems import UNUSUAL_KINDS

__all__ = ["KINDS", "Problem", "ProblemKind", "Severity", "problem"]

KINDS: dict[str, ProblemKind] = {
    kind.code: kind
    for kind in (
        ProblemKind(
            code="unreadable-message",
            severity="error",
            hl7_code="207",
            title="The message is not HL7 v2",
            advice="The bytes were kept. Check what the sender's channel puts into the frame.",
        ),
        ProblemKind(
            code="frame-too-large",
            severity="error",
            hl7_code="207",
            title="The frame is larger than the listener accepts",
            advice="Raise frame_limit_bytes or split the message.",
        ),
        ProblemKind(
            code="cannot-store",
            severity="error",
            hl7_code="207",
            title="The message cannot be stored here at present",
            advice="The message is not wrong: send it again later.",
        ),
        ProblemKind(
            code="too-many-segments",
            severity="error",
            hl7_code="207",
            title="The message has more lines than are read",
            advice="The bytes were kept; the first 200,000 lines were read. Send one message per frame, or a batch.",
        ),
        ProblemKind(
            code="control-id-missing",
            severity="error",
            hl7_code="101",
            title="The message has no control id (MSH-10)",
            advice="Ask the sender to fill MSH-10; the message waits in the work list.",
        ),
        ProblemKind(
            code="control-id-reused",
            severity="warning",
            hl7_code="205",
            title="The sender used this control id before for other content",
            advice="Both messages were read. Ask the sender for unique control ids.",
        ),
        ProblemKind(
            code="unsupported-message",
            severity="error",
            hl7_code="200",
            title="This message type is not read, but it names an asparaginase code",
            advice="The message was kept. Send results as ORU^R01.",
        ),
        *PATIENT_KINDS,
        ProblemKind(
            code="unit-missing",
            severity="error",
            hl7_code="101",
            title="The unit is empty",
            advice="Ask the laboratory to fill the unit, or set assumed_unit for this sender.",
        ),
        ProblemKind(
            code="unit-suspect",
            severity="error",
            hl7_code="103",
            title="The unit is not accepted for this test",
            advice="Add the spelling to tables/units.csv if it is an activity unit.",
        ),
        ProblemKind(
            code="value-unreadable",
            severity="error",
            hl7_code="102",
            title="The value is not a number the grammar knows",
            advice="The finding is indeterminate. Ask the laboratory how this text is meant.",
        ),
        ProblemKind(
            code="value-implausible",
            severity="warning",
            hl7_code="102",
            title="The number is implausible in this unit",
            advice="The finding is indeterminate. Check value and unit with the laboratory.",
        ),
        ProblemKind(
            code="status-unmapped",
            severity="error",
            hl7_code="103",
            title="The result status is not in the table",
            advice="Add the letter to tables/result_status.csv.",
        ),
        ProblemKind(
            code="status-missing",
            severity="warning",
            hl7_code="101",
            title="The result has no status",
            advice="It is treated as preliminary.",
        ),
        ProblemKind(
            code="status-conflict",
            severity="warning",
            hl7_code="103",
            title="Order status and result status disagree",
            advice="OBX-11 was used.",
        ),
        ProblemKind(
            code="sample-time-missing",
            severity="error",
            hl7_code="101",
            title="No collection time",
            advice="Ask the laboratory to fill SPM-17 or OBR-7.",
        ),
        ProblemKind(
            code="time-unreadable",
            severity="error",
            hl7_code="102",
            title="A time cannot be read",
            advice="The time counts as missing.",
        ),
        ProblemKind(
            code="times-disagree",
            severity="warning",
            hl7_code="102",
            title="Collection times in the message disagree",
            advice="The first filled of the mapping was used.",
        ),
        ProblemKind(
            code="zone-missing",
            severity="warning",
            hl7_code="102",
            title="A time has no zone",
            advice="Set the zone of the sender; until then every zone counts as possible.",
        ),
        ProblemKind(
            code="time-ambiguous",
            severity="warning",
            hl7_code="102",
            title="A local time that comes twice: the clocks go back",
            advice="The first of the two was taken. Let the sender send times with their offset.",
        ),
        ProblemKind(
            code="time-skipped",
            severity="warning",
            hl7_code="102",
            title="A local time that does not exist: the clocks skip it",
            advice="It was read by the clock of before the change. Check the zone set for the sender, and his clock.",
        ),
        ProblemKind(
            code="field-missing",
            severity="error",
            hl7_code="101",
            title="A field the mapping requires is empty",
            advice="Ask the sender to fill it, or drop `required` from the mapping.",
        ),
        ProblemKind(
            code="code-unmapped",
            severity="warning",
            hl7_code="103",
            title="The code is in no table",
            advice="Add it to the table of the mapping, or set `otherwise: ignore`.",
        ),
        ProblemKind(
            code="near-miss",
            severity="warning",
            hl7_code="103",
            title="A code looks like ours and is in no table",
            advice="Add it to its code table (for a test activity_tests.csv), or there as `not ours` with a reason.",
        ),
        *UNUSUAL_KINDS,
        ProblemKind(
            code="weak-identity",
            severity="warning",
            hl7_code="101",
            title="The resource has neither id nor version",
            advice="A corrected copy cannot be told from a second one; ask for meta.versionId.",
        ),
        ProblemKind(
            code="results-without-a-line",
            severity="error",
            hl7_code="207",
            title="Results are named, and no segment is one",
            advice="Have the sender end each segment with a carriage return (0D); something else parts them.",
        ),
        ProblemKind(
            code="result-key-repeated",
            severity="warning",
            hl7_code="102",
            title="Two results of one order cannot be told apart",
            advice="Both are kept and neither corrects the other; ask the laboratory to number them in OBX-4.",
        ),
        ProblemKind(
            code="charset-fallback",
            severity="warning",
            hl7_code="102",
            title="The character set is not declared or not known",
            advice="Set MSH-18, or the character set of the listener.",
        ),
        ProblemKind(
            code="batch-count",
            severity="warning",
            hl7_code="102",
            title="The batch trailer counts other than what came",
            advice="Every message found was read.",
        ),
        ProblemKind(
            code="internal-error",
            severity="warning",
            hl7_code="207",
            title="The message could not be read because of a fault of ours",
            advice="Report it; the message was kept and waits in the work list.",
        ),
        ProblemKind(
            code="reaction-unlinked",
            severity="warning",
            hl7_code="",
            title="A reaction has no date that ties it to a dose, or lies outside the window of every known dose",
            advice="Check the onset of the reaction, or the record of the dose.",
        ),
        ProblemKind(
            code="fhir-invalid",
            severity="error",
            hl7_code="",
            title="The resource breaks the FHIR R4 definition",
            advice="See the element that is named, over HTTP as the expression of the OperationOutcome.",
        ),
        ProblemKind(
            code="fhir-unreadable",
            severity="error",
            hl7_code="",
            title="The body is not a FHIR JSON resource",
            advice="Send FHIR R4 JSON with a resourceType.",
        ),
        ProblemKind(
            code="resource-unsupported",
            severity="information",
            hl7_code="",
            title="This resource type is not used",
            advice="Nothing was done with it.",
        ),
        ProblemKind(
            code="modifier-unknown",
            severity="error",
            hl7_code="",
            title="The resource carries a modifier this product does not know",
            advice="It waits in the work list: ignoring a modifier could reverse the meaning.",
        ),
        ProblemKind(
            code="medication-unresolved",
            severity="warning",
            hl7_code="",
            title="The medication is a reference to a resource not known yet",
            advice="The resource waits until its Medication arrives.",
        ),
        ProblemKind(
            code="product-unmapped",
            severity="warning",
            hl7_code="",
            title="The drug looks like an asparaginase and is in no table",
            advice="Add it to tables/asparaginase_products.csv.",
        ),
        ProblemKind(
            code="product-conflict",
            severity="warning",
            hl7_code="",
            title="The codings of the drug name different asparaginases",
            advice="The product counts as not known. Correct the drug record, or the wrong row of the table.",
        ),
    )
}


def problem(code: str, *, where: str | None = None, location: str | None = None, text: str | None = None) -> Problem:
    """A registered problem at a place; raises KeyError for an unregistered code (our own bug)."""
    kind = KINDS[code]
    return Problem(
        code=code,
        severity=kind.severity,
        where=where,
        location=location,
        text=text or f"{kind.title}.",
        hl7_code=kind.hl7_code,
    )
