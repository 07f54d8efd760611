"""`troughline check` asks the server of a polled source what it is, and makes the searches of a poll."""

from __future__ import annotations

import json

import pytest
from records_server import RecordsServer

from adapter.cli import main

pytestmark = pytest.mark.loopback
FREE_PORTS = ("--mllp", "127.0.0.1:0", "--http", "127.0.0.1:0")
OFFERED = ("MedicationAdministration", "AllergyIntolerance", "Patient")


@pytest.fixture
def server():
    server = RecordsServer()
    yield server
    server.close()


@pytest.fixture
def check(capsys, tmp_path, server):
    """The results about the source, by subject, with the exit code."""

    def run(statement=None, **poll):
        told = statement or {
            "resourceType": "CapabilityStatement",
            "fhirVersion": "4.0.1",
            "rest": [{"mode": "server", "resource": [{"type": name} for name in OFFERED]}],
        }
        script, server.script = (
            server.script,
            lambda target: (200, {}, told) if target.endswith("/metadata") else script(target),
        )
        file = tmp_path / "site.yaml"
        settings = {"url": server.url, **poll}
        file.write_text(json.dumps({"sources": [{"name": "default", "poll": settings}]}))
        code = main(["check", "--json", "--store", str(tmp_path / "store"), *FREE_PORTS, "--config", str(file)])
        results = json.loads(capsys.readouterr().out)["results"]
        return code, {
            one["about"]: (one["state"], one["said"].replace(server.url, "URL"), one["advice"])
            for one in results
            if one["about"].startswith("source")
        }

    return run


def test_a_server_that_can_be_polled_is_fine_and_nothing_of_it_is_read(check, server):
    code, told = check()
    assert (code, told) == (
        0,
        {
            "source default": ("ok", "URL: FHIR 4.0.1, mode: last-updated, every 60 s", None),
            "source default MedicationAdministration": ("ok", "may be searched by _lastUpdated", None),
            "source default AllergyIntolerance": ("ok", "may be searched by _lastUpdated", None),
        },
    )
    assert [one.partition("?")[2] for one in server.asked[1:]] == [
        "_lastUpdated=ge2025-06-01T12%3A00%3A00Z&_sort=_lastUpdated&_count=1"
    ] * 2


def test_by_patient_nobody_is_asked_for(check, server):
    code, told = check(mode="per-patient", resources=["MedicationAdministration"])
    assert code == 0
    assert told["source default MedicationAdministration"] == ("ok", "may be searched by patient", None)
    assert server.asked[1].partition("?")[2] == (
        "patient=troughline-check-nobody&_count=1&effective-time=ge2025-06-01T12%3A00%3A00Z"
    )


@pytest.mark.parametrize(
    ("status", "mode", "state", "advice"),
    [
        (401, "last-updated", "failed", "it asks for credentials"),
        (403, "last-updated", "failed", "rights to read and search"),
        (400, "last-updated", "failed", "mode: per-patient"),
        (400, "per-patient", "failed", "by hand"),
        (404, "per-patient", "ok", None),
        (404, "last-updated", "failed", "by hand"),
        (500, "last-updated", "failed", "by hand"),
    ],
)
def test_a_refused_search_is_told_with_what_to_do(check, server, status, mode, state, advice):
    server.script = lambda target: (status, {}, {}) if "MedicationAdministration" in target else None
    code, told = check(mode=mode, resources=["MedicationAdministration"])
    found = told["source default MedicationAdministration"]
    assert (code, found[0]) == (int(state == "failed"), state)
    assert found[2] is None if advice is None else advice in found[2]


def test_another_fhir_version_fails_and_a_missing_type_is_a_warning(check):
    assert check({"resourceType": "CapabilityStatement", "fhirVersion": "5.0.0"})[1]["source default"][0] == "failed"
    lacking = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
    state, _, advice = check(lacking)[1]["source default"]
    assert (state, advice) == (
        "warning",
        f"it does not say that it has {', '.join(OFFERED)}; is this the right endpoint?",
    )


def test_a_server_that_is_away_fails(check):
    code, told = check(url="http://127.0.0.1:9/fhir")
    assert code == 1
    assert told["source default"][0] == "failed"
    assert "cannot be reached" in told["source default"][1]


def test_a_secret_that_is_not_there_is_told(check, monkeypatch):
    monkeypatch.delenv("NOBODY_SET_THIS", raising=False)
    code, told = check(auth={"kind": "bearer", "secret_environment": "NOBODY_SET_THIS"})
    assert code == 1
    assert told == {
        "source default": ("failed", "its secret is empty: nothing stands in the variable NOBODY_SET_THIS", None)
    }
