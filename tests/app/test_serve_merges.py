"""A merge over MLLP to a running service: what a FHIR server holds follows the surviving record, and back."""

from __future__ import annotations

from contextlib import closing

import adt
import pytest
from fhir_server import FhirServer
from hospital import MRN, dose, oru, patient
from running_service import Laboratory, code_of, eventually

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(120)]
OLD, NEW = "900001", "900002"


def subjects(target):
    """Whom each Observation that stands on the target is about, by reference and by number."""
    rows = [one for one in target.of_type("Observation") if one["status"] != "entered-in-error"]
    return {(one["subject"]["reference"], one["subject"]["identifier"]["value"]) for one in rows}


def sent(service, message):
    with Laboratory(service.mllp) as laboratory:
        return code_of(laboratory.send(message))


def verdicts(service, mrn):
    found = service.found("Observation", **{"patient.identifier": f"{MRN}|{mrn}"})
    codings = [code["code"] for one in found for code in one.get("valueCodeableConcept", {}).get("coding", ())]
    return sorted(codings)


def test_acceptance_11_the_subject_on_a_server_follows_a_merge_and_its_unlink(start):
    with closing(FhirServer()) as target:
        service = start("--fhir", target.url)
        service.post(patient(OLD))
        service.post(dose(OLD))
        assert sent(service, oru("A1", mrn=OLD, value="0.55")) == "AA"
        before = {(f"Patient/{OLD}", OLD)}
        eventually(lambda: subjects(target) == before and "no-evidence-of-inactivation" in verdicts(service, OLD))
        eventually(lambda: len(target.of_type("Observation")) == 2)
        held = {one["id"] for one in target.of_type("Observation")}

        assert sent(service, adt.merge(NEW, OLD)) == "AA"
        eventually(lambda: subjects(target) == {(f"Patient/{NEW}", NEW)})
        assert {one["id"] for one in target.of_type("Observation")} == held
        assert verdicts(service, OLD) == verdicts(service, NEW) == ["no-evidence-of-inactivation"]

        assert sent(service, adt.unlink(NEW, OLD)) == "AA"
        eventually(lambda: subjects(target) == before)
        assert {one["id"] for one in target.of_type("Observation")} == held
        assert (verdicts(service, OLD), verdicts(service, NEW)) == (["no-evidence-of-inactivation"], [])


def test_a_merge_is_remembered_over_a_restart_and_by_a_state_built_anew(start, tmp_path):
    store = tmp_path / "store"
    service = start(store=store)
    assert sent(service, adt.merge(NEW, OLD)) == "AA"
    service.post(patient(OLD))
    service.post(dose(OLD))
    service.stop()
    for part in store.glob("state.db*"):
        part.unlink()
    again = start(store=store)
    assert sent(again, oru("A1", mrn=NEW, value="0.55")) == "AA"
    eventually(lambda: verdicts(again, OLD) == verdicts(again, NEW) == ["no-evidence-of-inactivation"])


def active(flags):
    return {one["id"] for one in flags if one["status"] == "active" and "inactivation" in _codes(one)}


def _codes(flag):
    return {coding["code"] for coding in flag["code"]["coding"]}


def test_a_state_built_anew_goes_on_with_the_flags_that_stand_on_a_server(start, tmp_path):
    store = tmp_path / "store"
    with closing(FhirServer()) as target:
        service = start("--fhir", target.url, store=store)
        service.post(patient(OLD))
        service.post(dose(OLD))
        assert sent(service, oru("A1", mrn=NEW, value="<0.03")) == "AA"
        for told, stand in (
            (adt.merge(NEW, OLD, at="20250320080000+0000"), 1),
            (adt.unlink(NEW, OLD, at="20250321080000+0000"), 0),
            (adt.merge(NEW, OLD, at="20250322080000+0000"), 1),
        ):
            assert sent(service, told) == "AA"
            eventually(lambda stand=stand: len(active(target.of_type("Flag"))) == stand)
        (standing,) = active(target.of_type("Flag"))
        service.stop()
        for part in store.glob("state.db*"):
            part.unlink()
        again = start("--fhir", target.url, store=store)
        eventually(lambda: active(again.found("Flag")) == {standing})
        assert sent(again, oru("A2", mrn=NEW, value="0.6", status="C", sent="20250401130500+0000")) == "AA"
        eventually(lambda: not active(target.of_type("Flag")))
        assert active(again.found("Flag")) == set()
