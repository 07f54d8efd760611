"""The same R4 resource comes by PUT, by the retry of it and by the poll: one dose, one interpretation, one write."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from hospital import MRN, oru
from hospital_server import HospitalServer
from records_server import RecordsServer, dose, patient
from running_service import Laboratory, code_of, eventually

from adapter.store.sqlite_state import SqliteState

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(90)]


def level(service, control_id, mrn):
    with Laboratory(service.mllp) as laboratory:
        message = oru(control_id, mrn=mrn, filler=mrn, collected="20250527120000+0000", sent="20250528080000")
        return code_of(laboratory.send(message))


def put(service, resource):
    place = f"{service.http}/ingest/fhir/{resource['resourceType']}/{resource['id']}"
    headers = {"Content-Type": "application/fhir+json"}
    return service.session.put(place, data=json.dumps(resource), headers=headers, timeout=20).status_code


def polled(service, state):
    rows = [line for line in service.get("/metrics").text.splitlines() if f'state="{state}"' in line]
    return sum(float(row.rpartition(" ")[2]) for row in rows if row.startswith("troughline_polled_resources_total{"))


def interpreted(target, mrn):
    """Whether the target holds the verdict about the level of a patient."""
    return any(
        one["subject"]["identifier"]["value"] == mrn
        and one.get("valueCodeableConcept", {}).get("coding", [{}])[0].get("code") == "no-evidence-of-inactivation"
        for one in list(target.resources.values())
        if one["resourceType"] == "Observation"
    )


def test_acceptance_1_one_resource_by_put_retry_and_poll_is_one_dose_one_interpretation_and_no_further_write(
    start, tmp_path
):
    with closing(RecordsServer()) as records, closing(HospitalServer()) as target:
        person = records.commit(patient())
        given = records.commit(dose(1))
        records.script = lambda _: (503, {}, {})
        config = tmp_path / "site.yaml"
        config.write_text(json.dumps({"sources": [{"name": "default", "poll": {"url": records.url, "every_s": 1}}]}))
        service = start("--config", str(config), "--fhir", target.url)

        assert put(service, person) == 200
        assert put(service, given) == 200
        assert level(service, "L1", "900001") == "AA"
        eventually(lambda: interpreted(target, "900001"))
        written = dict(target.writes)
        assert put(service, given) == 200

        records.script = lambda _: None
        eventually(lambda: polled(service, "known") + polled(service, "kept") >= 1)
        # What comes after all of it has its effect, so all of it had every chance of its own.
        records.commit(patient("p2", "900002"))
        records.commit(dose(2, patient="p2"))
        eventually(lambda: polled(service, "kept") >= 1)
        assert level(service, "L2", "900002") == "AA"
        eventually(lambda: interpreted(target, "900002"))

        assert {reference: target.writes[reference] for reference in written} == written
        assert service.stop() == 0
        state = SqliteState(service.store / "state.db")
        ((finding,), unlinked) = state.findings(f"{MRN}|900001")
        state.close()
        assert unlinked == []
        assert finding["dose"]["key"] == "MedicationAdministration/d1"
        assert finding["mechanism"] == "no-evidence-of-inactivation"
