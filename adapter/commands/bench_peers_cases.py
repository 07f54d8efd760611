"""The messages of the seven checks: one asparaginase result each, as a laboratory would send it and correct it.

Beside the number stands a line of report text, so that a program that carries reports is asked for what it carries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapter.commands.demo_oru import ASPARAGINASE_TEST

VALUE, CORRECTED, BELOW = "0.23", "0.05", "0.03"
TEXT, CORRECTED_TEXT = "Report of line one", "Report of line two"
COLLECTED = "20250308071500+0530"
FIRST_SENT, CORRECTION_SENT = "20250308120000+0530", "20250308180000+0530"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One message of a check."""

    control_id: str
    value: str = VALUE
    value_type: str = "NM"
    text: str = TEXT
    status: str = "F"
    order_status: str = "F"
    sent: str = FIRST_SENT
    specimen_first: bool = False


FIRST = Sent(control_id="1")
CORRECTION = Sent(
    control_id="2", value=CORRECTED, text=CORRECTED_TEXT, status="C", order_status="C", sent=CORRECTION_SENT
)
CASES: Mapping[str, tuple[Sent, ...]] = {
    "number": (FIRST,),
    "offset": (FIRST,),
    "comparator": (Sent(control_id="1", value=f"<^{BELOW}", value_type="SN"),),
    "resend": (FIRST, FIRST),
    "late-final": (FIRST, CORRECTION, Sent(control_id="3")),
    "after-specimen": (Sent(control_id="1", specimen_first=True),),
    "withdrawn": (FIRST, Sent(control_id="2", status="D", order_status="C", sent=CORRECTION_SENT)),
}
"""Check -> its messages in the order they are sent."""


def messages(check: str) -> list[bytes]:
    """The messages of one check; every check has a patient and an order of its own."""
    number = list(CASES).index(check)
    return [_written(sent, patient=f"70{number}", order=f"Q{number}") for sent in CASES[check]]


def patient_of(check: str) -> str:
    """The medical record number of its patient."""
    return f"70{list(CASES).index(check)}"


def _written(sent: Sent, *, patient: str, order: str) -> bytes:
    head = f"MSH|^~\\&|DEMOLAB|HOSP|TROUGHLINE|HOSP|{sent.sent}||ORU^R01^ORU_R01|{order}M{sent.control_id}|P|2.5.1"
    person = f"PID|1||{patient}^^^HOSP^MR||ZZDEMO^PEER||20180405|F"
    request = (
        f"OBR|1|P{order}|F{order}^DEMOLAB|{ASPARAGINASE_TEST}|||{COLLECTED}|||||||||||||||{sent.sent}"
        f"|||{sent.order_status}"
    )
    measured = f"OBX|1|{sent.value_type}|{ASPARAGINASE_TEST}||{sent.value}|IU/mL|>=0.10||||{sent.status}|||{COLLECTED}"
    told = f"OBX|2|TX|RPT^Report text^L||{sent.text}||||||{sent.status}|||{COLLECTED}"
    specimen = f"SPM|1|S{order}||SER^Serum^HL70487|||||||||||||{COLLECTED}"
    results = (specimen, measured, told) if sent.specimen_first else (measured, told, specimen)
    return ("\r".join((head, person, request, *results)) + "\r").encode()
