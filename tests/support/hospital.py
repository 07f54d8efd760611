"""What a small invented hospital sends: ORUs of its laboratory and the FHIR resources of its ward."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

MRN = "https://hospital.example/mrn"
FORMULARY = "https://hospital.example/formulary"
SNOMED = "http://snomed.info/sct"
CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"

Resource = dict[str, Any]


def oru(
    control_id: str,
    *,
    mrn: str = "900001",
    value: str = "0.62",
    unit: str = "IU/mL",
    status: str = "F",
    filler: str = "F1",
    code: str = "ASPACT^Asparaginase activity^L",
    collected: str = "20250310120000+0000",
    sent: str = "20250311130500+0000",
    kind: str = "ORU^R01^ORU_R01",
    authority: str = "HOSP",
    assigner: str = "HOSPLAB",
) -> bytes:
    """One laboratory report with one result."""
    segments = (
        f"MSH|^~\\&|HOSPLAB|HOSP|TROUGHLINE|HOSP|{sent}||{kind}|{control_id}|P|2.5.1",
        f"PID|1||{mrn}^^^{authority}^MR||ZZTEST^INVENTED||20180504|U",
        f"OBR|1|P{filler}|{filler}^{assigner}|{code}|||{collected}|||||||||||||||{sent}|||",
        f"OBX|1|NM|{code}||{value}|{unit}|>=0.10||||{status}",
        f"SPM|1|S{filler}||SER^Serum^HL70487|||||||||||||{collected}",
    )
    return "".join(segment + "\r" for segment in segments).encode()


def everyday(control_id: str) -> bytes:
    """A report that does not concern us."""
    return oru(control_id, code="2823-3^Potassium^LN", value="4.1", unit="mmol/L")


def patient(mrn: str = "900001", *, version: int = 1) -> Resource:
    return {
        "resourceType": "Patient",
        "id": f"p{mrn}",
        "meta": {"versionId": str(version), "lastUpdated": "2025-03-01T08:00:00Z"},
        "identifier": [{"system": MRN, "value": mrn}],
        "name": [{"family": "Zztest", "given": ["Invented"]}],
    }


def dose(mrn: str = "900001", number: int = 1, *, day: str = "2025-03-03", status: str = "completed") -> Resource:
    """A pegaspargase infusion from 10 to 12 o'clock; its subject is only a reference."""
    retracted = status == "entered-in-error"
    return {
        "resourceType": "MedicationAdministration",
        "id": f"dose-{mrn}-{number}",
        "meta": {"versionId": "2" if retracted else "1", "lastUpdated": f"{day}T12:{20 if retracted else 10}:00Z"},
        "status": status,
        "medicationCodeableConcept": {"coding": [{"system": FORMULARY, "code": "PEGASP"}]},
        "subject": {"reference": f"Patient/p{mrn}"},
        "effectivePeriod": {"start": f"{day}T10:00:00Z", "end": f"{day}T12:00:00Z"},
        "dosage": {
            "route": {"coding": [{"system": SNOMED, "code": "47625008"}], "text": "IV"},
            "dose": {"value": 2500, "unit": "IU/m2", "system": "http://unitsofmeasure.org", "code": "[IU]/m2"},
        },
    }


def reaction(mrn: str = "900001", *, day: str = "2025-03-03", refuted: bool = False) -> Resource:
    """Bronchospasm during the infusion of that day, or its refutation."""
    return {
        "resourceType": "AllergyIntolerance",
        "id": f"allergy-{mrn}",
        "meta": {"versionId": "2" if refuted else "1", "lastUpdated": f"{day}T1{4 if refuted else 3}:00:00Z"},
        "clinicalStatus": {"coding": [{"system": CLINICAL, "code": "active"}]},
        "verificationStatus": {"coding": [{"system": VERIFICATION, "code": "refuted" if refuted else "confirmed"}]},
        "code": {"coding": [{"system": FORMULARY, "code": "PEGASP"}]},
        "patient": {"reference": f"Patient/p{mrn}"},
        "recordedDate": f"{day}T13:00:00Z",
        "reaction": [
            {
                "manifestation": [{"coding": [{"system": SNOMED, "code": "4386001"}]}],
                "onset": f"{day}T10:15:00Z",
                "severity": "severe",
            }
        ],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One thing the hospital sends: an HL7 message when `raw` starts with MSH, else a FHIR body."""

    raw: bytes
    answer: str = "AA"

    @property
    def is_hl7(self) -> bool:
        return self.raw.startswith(b"MSH")


def fhir(resource: Resource) -> Sent:
    return Sent(raw=json.dumps(resource).encode())


def course(mrn: str) -> list[Sent]:
    """Two doses of one patient with everything that may happen to them: late, corrected, refuted, withdrawn."""
    second = {"collected": "20250324120000+0000", "filler": f"{mrn}B", "mrn": mrn}
    return [
        fhir(patient(mrn)),
        fhir(dose(mrn, 1, day="2025-03-03")),
        Sent(raw=oru(f"{mrn}-1", mrn=mrn, filler=f"{mrn}A", value="<0.03")),
        fhir(dose(mrn, 2, day="2025-03-17")),
        fhir(reaction(mrn, day="2025-03-17")),
        Sent(raw=oru(f"{mrn}-2", value="0.55", sent="20250325080000+0000", **second)),
        Sent(raw=oru(f"{mrn}-3", value="0.05", status="C", sent="20250326080000+0000", **second)),
        Sent(raw=everyday(f"{mrn}-4")),
        Sent(raw=oru(f"{mrn}-5", mrn=mrn, filler=f"{mrn}C", unit="", collected="20250326120000+0000"), answer="AE"),
        fhir(reaction(mrn, day="2025-03-17", refuted=True)),
        Sent(raw=oru(f"{mrn}-6", mrn=mrn, filler=f"{mrn}A", value="<0.03", status="W", sent="20250327080000+0000")),
    ]
