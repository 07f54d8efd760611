"""How a source is polled, as a site writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.settings import FhirAuth, PollSettings, Source, load_settings


def load(folder: Path, poll: str):
    file = folder / "site.yaml"
    file.write_text(f"sources:\n- name: ward\n  poll:\n{poll}- name: default\n")
    found, faults = load_settings(file)
    return found, [f"{fault.severity} {str(fault).partition('site.yaml:')[2]}" for fault in faults]


def test_a_server_alone_is_polled_each_minute_by_what_changed(tmp_path):
    found, faults = load(tmp_path, "    url: https://fhir.hospital.example/r4/\n")
    assert faults == []
    poll = PollSettings(
        url="https://fhir.hospital.example/r4",
        mode="last-updated",
        resources=("MedicationAdministration", "AllergyIntolerance"),
        every_s=60,
        overlap_s=600,
        safety_lag_s=30,
        window_days=45,
        page_size=200,
        concurrency=2,
        timeout_s=20,
    )
    assert found.sources == (Source(name="ward", poll=poll), Source(name="default"))
    assert found.polls == (("ward", poll),)


def test_a_server_asked_by_patient_is_asked_four_times_an_hour(tmp_path):
    found, _ = load(tmp_path, "    url: https://fhir.hospital.example/r4\n    mode: per-patient\n")
    assert (found.polls[0][1].mode, found.polls[0][1].every_s) == ("per-patient", 900)


def test_everything_a_site_may_write_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("POLL_TOKEN", "t")
    text = """    url: https://fhir.hospital.example/r4
    mode: per-patient
    resources: [AllergyIntolerance]
    every_s: 5
    overlap_s: 0
    safety_lag_s: 0
    window_days: 1
    page_size: 1
    concurrency: 16
    timeout_s: 600
    auth: {kind: bearer, secret_environment: POLL_TOKEN}
"""
    found, faults = load(tmp_path, text)
    assert faults == []
    assert found.polls[0][1] == PollSettings(
        url="https://fhir.hospital.example/r4",
        mode="per-patient",
        resources=("AllergyIntolerance",),
        every_s=5,
        overlap_s=0,
        safety_lag_s=0,
        window_days=1,
        page_size=1,
        concurrency=16,
        timeout_s=600,
        auth=FhirAuth(kind="bearer", secret_environment="POLL_TOKEN"),
    )


URL = "    url: https://fhir.hospital.example/r4\n"


@pytest.mark.parametrize(
    ("poll", "told"),
    [
        ("    mode: last-updated\n", "'url'"),
        (f"{URL}    mode: lastupdated\n", "lastupdated"),
        (f"{URL}    resources: [MedicationAdministratio]\n", "did you mean 'MedicationAdministration'"),
        (f"{URL}    resources: [Observation]\n", "'Observation' is not polled"),
        (f"{URL}    every_s: 0\n", "every_s"),
        (f"{URL}    overlap_s: 86401\n", "overlap_s"),
        (f"{URL}    window_days: 0\n", "window_days"),
        (f"{URL}    concurrency: 17\n", "concurrency"),
        (f"{URL}    page_size: 0\n", "page_size"),
        (f"{URL}    evry_s: 5\n", "evry_s"),
        (f"{URL}    auth: {{kind: bearer}}\n", "takes its secret from"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, poll, told):
    found, faults = load(tmp_path, poll)
    assert found is None
    assert [fault.partition(":")[0].removeprefix("error ").isdigit() for fault in faults] == [True] * len(faults)
    assert any(told in fault for fault in faults)


def test_a_secret_shown_in_clear_to_another_machine_is_a_warning_at_its_place(tmp_path, monkeypatch):
    monkeypatch.setenv("POLL_TOKEN", "t")
    auth = "    auth: {kind: bearer, secret_environment: POLL_TOKEN}\n"
    _, faults = load(tmp_path, f"    url: http://fhir.hospital.example/r4\n{auth}")
    assert [fault.partition(": ")[0] for fault in faults] == ["warning 4"]
    assert "can be read on the way" in faults[0]
    assert load(tmp_path, f"    url: http://127.0.0.1:8080/r4\n{auth}")[1] == []
