"""Acceptance tests of the FHIR interface that need no started service: versions, retractions, drugs, numbers.

Of the others, 1 stands in tests/app/test_serve_acceptance.py, 7 to 10 and 16 beside the strategies and answers, 12
beside the polls.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import hospital
import pytest
from polled_site import PolledSite
from records_server import RecordsServer

from adapter import fhir
from adapter.pipeline.deliver import deliver

pytestmark = pytest.mark.loopback

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
PATIENT = f"{hospital.MRN}|900001"
ATC = "http://www.whocc.no/atc"
SAMPLE = "20250310120000+0000"


def findings(corridor):
    """The doses of the patient, and samples that belong to none."""
    return corridor.state.findings(PATIENT)


def version(number, **changes):
    """The dose as version so and so."""
    stamp = f"2025-03-03T12:{10 + number}:00Z"
    return hospital.dose() | {"meta": {"versionId": str(number), "lastUpdated": stamp}} | changes


def of_drug(**named):
    """The dose, with another way to say what was given."""
    return {name: value for name, value in hospital.dose().items() if name != "medicationCodeableConcept"} | named


def codings(*pairs):
    return {"coding": [{"system": system, "code": code} for system, code in pairs]}


def medication(identity, **content):
    return {"resourceType": "Medication", "id": identity, "meta": {"versionId": "1"}, **content}


def told(corridor, dose, *, value="0.62"):
    """The one finding of this dose and a level a week later."""
    corridor.take(hospital.patient())
    corridor.take(dose)
    corridor.take(hospital.oru("A1", value=value))
    (finding,), unlinked = findings(corridor)
    assert unlinked == []
    return finding


@pytest.mark.parametrize("order", [(1, 2), (2, 1), (2, 1, 1), (1, 2, 1)])
def test_acceptance_2_the_later_version_of_a_dose_wins_in_any_order_of_arrival(order, corridor):
    versions = {1: version(1), 2: version(2, effectivePeriod={"start": "2025-03-03T14:00:00Z"})}
    corridor.take(hospital.patient())
    for number in order:
        corridor.take(versions[number])
    ((finding,), _) = findings(corridor)
    assert finding["dose"]["started"] == "2025-03-03T14:00:00Z"


def test_acceptance_2_an_older_version_that_arrives_later_writes_nothing(servers, aim, ward):
    server = servers()
    destination = aim(server)
    ward.take(version(3))
    deliver(destination, ward.state, NOW)
    written = len(server.history)
    ward.take(version(2, status="entered-in-error"))
    assert deliver(destination, ward.state, NOW + timedelta(minutes=1))["confirmed"] == 0
    assert len(server.history) == written


@pytest.mark.parametrize("offers", ["update-as-create", "search-first"])
def test_acceptance_3_a_dose_entered_in_error_takes_interpretation_and_flag_with_it(offers, servers, aim, ward):
    server = servers(offers)
    destination = aim(server)
    deliver(destination, ward.state, NOW)
    assert standing(server) == {"activity": ["final"], "interpretation": ["preliminary"], "inactivation": ["active"]}
    ward.take(hospital.dose(status="entered-in-error"))
    deliver(destination, ward.state, NOW + timedelta(minutes=1))
    left = standing(server)
    assert left["activity"] == ["final"]
    assert left["inactivation"] == ["entered-in-error"]
    assert left["interpretation"] == ["entered-in-error", "preliminary"], "of the dose, and of a sample without one"


def standing(server):
    """Statuses on the server by what a resource is: kind of Observation, topic of Flag."""
    found = {}
    for one in (*server.of_type("Observation"), *server.of_type("Flag")):
        kind = one["meta"]["tag"][0]["code"]
        name = one["code"]["coding"][0]["code"] if one["resourceType"] == "Flag" else kind
        found.setdefault(name, []).append(one["status"])
    wanted = ("activity", "interpretation", "inactivation")
    return {name: sorted(statuses) for name, statuses in found.items() if name in wanted}


@pytest.mark.parametrize("day", ["2025-03-03", "2025-07-01"])
def test_acceptance_4_a_planned_dose_that_was_not_given_is_no_dose(day, corridor):
    corridor.take(hospital.patient())
    corridor.take(hospital.dose(status="not-done", day=day))
    corridor.take(hospital.oru("A1", value="<0.03"))
    doses, (unlinked,) = findings(corridor)
    assert doses == []
    assert (unlinked["exposure"], unlinked["modifiers"]) == ("indeterminate", ["no-dose-known"])


PEGASP = codings((hospital.FORMULARY, "PEGASP"))
DRUGS = {
    "contained": {
        "contained": [{"resourceType": "Medication", "id": "m", "code": PEGASP}],
        "medicationReference": {"reference": "#m"},
    },
    "contained, as an ingredient only": {
        "contained": [{"resourceType": "Medication", "id": "m", "ingredient": [{"itemCodeableConcept": PEGASP}]}],
        "medicationReference": {"reference": "#m"},
    },
    "a general code before ours": {
        "medicationCodeableConcept": codings((ATC, "L01XX02"), (hospital.FORMULARY, "PEGASP"))
    },
    "ours before a general code": {
        "medicationCodeableConcept": codings((hospital.FORMULARY, "PEGASP"), (ATC, "L01XX02"))
    },
    "two codings that agree": {"medicationCodeableConcept": codings((ATC, "L01XX24"), (hospital.FORMULARY, "PEGASP"))},
}


@pytest.mark.parametrize("way", DRUGS)
def test_acceptance_5_the_product_is_found_however_it_is_named(way, corridor):
    finding = told(corridor, of_drug(**DRUGS[way]))
    assert (finding["dose"]["product"], finding["exposure"]) == ("pegaspargase", "adequate")
    assert corridor.state.parked() == []


@pytest.mark.parametrize("pairs", [((hospital.FORMULARY, "CRISAN"), (ATC, "L01XX24"))])
@pytest.mark.parametrize("turn", [1, -1])
def test_acceptance_5_two_codings_in_conflict_name_no_product_in_either_order(pairs, turn, corridor):
    finding = told(corridor, of_drug(medicationCodeableConcept=codings(*pairs[::turn])))
    assert finding["dose"]["product"] == "unspecified-asparaginase"
    assert finding["exposure"] == "indeterminate"
    assert "product-ambiguous" in finding["modifiers"]


def test_acceptance_5_a_medication_sent_later_is_waited_for(corridor):
    corridor.take(hospital.patient())
    waiting = corridor.take(of_drug(medicationReference={"reference": "Medication/m1"}))
    assert (waiting.work.parked.reason, waiting.work.parked.waits_for) == ("medication-unresolved", ("Medication/m1",))
    corridor.take(hospital.oru("A1"))
    corridor.take(medication("m1", ingredient=[{"itemReference": {"reference": "Medication/m2"}}]))
    assert [row.waits_for for row in corridor.state.parked()] == [("Medication/m2",)]
    corridor.take(medication("m2", code=PEGASP))
    assert corridor.state.parked() == []
    ((finding,), _) = findings(corridor)
    assert (finding["dose"]["product"], finding["exposure"]) == ("pegaspargase", "adequate")


def test_acceptance_5_a_medication_its_server_does_not_have_leaves_the_dose_waiting(corridor, tmp_path):
    server = RecordsServer()
    site = PolledSite(server, corridor, tmp_path)
    server.commit(hospital.patient())
    server.commit(of_drug(medicationReference={"reference": "Medication/nowhere"}))
    site.poll()
    assert any(target.endswith("/Medication/nowhere") for target in server.asked)
    assert [row.reason for row in corridor.state.parked()] == ["medication-unresolved"]
    assert corridor.state.all_patients() == []
    site.close()
    server.close()


@pytest.mark.parametrize("text", ["Pegaspargase 3750 IU", "ONCASPAR", "crisantaspase iv"])
def test_acceptance_5_a_drug_that_is_only_a_text_is_never_guessed(text, corridor):
    corridor.take(hospital.patient())
    corridor.take(of_drug(medicationCodeableConcept={"text": text}))
    assert [row.reason for row in corridor.state.parked()] == ["product-unmapped"]
    assert findings(corridor) == ([], [])


def activity_bytes(server):
    """The bundles that came, byte by byte, and the activity in them."""
    (raw,) = [one for one in server.received if b'"valueQuantity"' in one or b'"dataAbsentReason"' in one]
    entries = [entry["resource"] for entry in fhir.loads(raw)["entry"]]
    (activity,) = [one for one in entries if one.get("meta", {}).get("tag", [{}])[0].get("code") == "activity"]
    return raw, activity


@pytest.mark.parametrize(
    ("value", "unit", "digits", "comparator", "exposure"),
    [
        ("0.10", "IU/mL", "0.10", None, "adequate"),
        ("0.1", "IU/mL", "0.1", None, "adequate"),
        ("100", "U/L", "100", None, "adequate"),
        ("99", "U/L", "99", None, "inadequate"),
        ("0.099", "IU/mL", "0.099", None, "inadequate"),
        ("<0.03", "IU/mL", "0.03", "<", "inadequate"),
    ],
)
def test_acceptance_6_a_number_is_written_digit_by_digit_and_judged_by_what_it_means(
    value, unit, digits, comparator, exposure, corridor, servers, aim
):
    server = servers()
    corridor.take(hospital.patient())
    corridor.take(hospital.dose())
    corridor.take(hospital.oru("A1", value=value, unit=unit))
    deliver(aim(server), corridor.state, NOW)
    raw, activity = activity_bytes(server)
    quantity = activity["valueQuantity"]
    assert f'"value":{digits}'.encode() in raw.replace(b" ", b"")
    assert (quantity["value"], quantity.get("comparator")) == (Decimal(digits), comparator)
    assert str(quantity["value"]) == digits
    ((finding,), _) = findings(corridor)
    assert finding["exposure"] == exposure


@pytest.mark.parametrize(("value", "modifier"), [("", None), ("pending", None), ("GT 45", "value-unreadable")])
def test_acceptance_6_no_number_is_never_a_number(value, modifier, corridor, servers, aim):
    server = servers()
    corridor.take(hospital.patient())
    corridor.take(hospital.dose())
    corridor.take(hospital.oru("A1", value=value))
    deliver(aim(server), corridor.state, NOW)
    _, activity = activity_bytes(server)
    assert "valueQuantity" not in activity
    assert activity["dataAbsentReason"]["coding"][0]["code"]
    ((finding,), _) = findings(corridor)
    assert finding["exposure"] in {"no-result", "indeterminate"}
    assert modifier is None or modifier in finding["modifiers"]
