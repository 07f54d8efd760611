"""A target that goes on gets the present state: nothing of what came and went while it was in shadow."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta

import hospital
import pytest
from kept_store import RECEIVED, KeptStore

from adapter.app.destinations import days_on, settings_hash
from adapter.domain.message import Outcome
from adapter.pipeline.deliver import deliver
from adapter.settings import Settings, TargetSettings
from adapter.settings.site import FhirAuth
from adapter.store.state_reader import SqliteStateReader

pytestmark = pytest.mark.loopback

BEFORE_THE_DOSES = date(2025, 3, 1)
AFTER_THE_DOSES = date(2025, 3, 11)


@pytest.fixture
def shadow(tmp_path):
    """One patient whose low level was corrected, withdrawn and reported anew, one whose low level stands."""
    kept = KeptStore(tmp_path / "store", "ehr")
    for mrn in ("900001", "900002"):
        kept.fhir(hospital.patient(mrn))
        kept.fhir(hospital.dose(mrn))
        kept.hl7(hospital.oru(f"A{mrn}", mrn=mrn, filler=f"F{mrn}", value="<0.03"))
    for number, (value, status) in enumerate([("0.55", "C"), ("0.04", "C"), ("0.61", "C")]):
        sent = f"2025031{number + 2}080000+0000"
        raw = hospital.oru(f"B{number}", mrn="900001", filler="F900001", value=value, status=status, sent=sent)
        kept.hl7(raw)
    kept.hl7(hospital.oru("C1", mrn="900002", filler="F9", value="0.02", collected="20250311060000+0000"))
    withdrawn = {"mrn": "900002", "filler": "F9", "collected": "20250311060000+0000", "sent": "20250318080000+0000"}
    kept.hl7(hospital.oru("C2", value="0.02", status="W", **withdrawn))
    yield kept
    kept.close()


def went_on(kept, monitor_from=BEFORE_THE_DOSES, today=AFTER_THE_DOSES):
    target = TargetSettings(name="ehr", url="http://ehr/fhir", delivery="on", monitor_from=monitor_from)
    return days_on(kept.state, Settings(targets=(target,)), lambda: today)("ehr")


def test_going_on_sends_the_present_state_only(shadow, servers, aim):
    assert went_on(shadow) == AFTER_THE_DOSES
    server = servers()
    deliver(aim(server), shadow.state, RECEIVED + timedelta(hours=2))
    assert Counter(reference for reference, _ in server.history) == Counter(list(server.current))
    assert {one["meta"]["versionId"] for one in server.current.values()} == {"1"}
    written = [row for mrn in ("900001", "900002") for row in shadow.state.recall(f"{hospital.MRN}|{mrn}").written]
    present = {f"{row.resource_type}/{row.id}" for row in written if row.state == "open"}
    past = {f"{row.resource_type}/{row.id}" for row in written if row.state != "open"}
    assert past, "something came and went"
    assert {reference for reference in server.current if not reference.startswith("Provenance/")} == present


def test_what_is_left_out_is_told_apart_from_what_was_confirmed(shadow, servers, aim):
    went_on(shadow)
    with closing(SqliteStateReader(shadow.folder / "state.db")) as reader:
        left = reader.left_out("ehr")
        assert left == reader.undelivered("ehr")["confirmed"] > 0
        server = servers()
        deliver(aim(server), shadow.state, RECEIVED + timedelta(hours=2))
        assert reader.left_out("ehr") == left
        assert reader.undelivered("ehr")["confirmed"] == left + len(server.current)
        assert reader.left_out("other") == 0


def test_each_present_resource_has_its_last_provenance_and_no_other(shadow, servers, aim):
    went_on(shadow)
    server = servers()
    deliver(aim(server), shadow.state, RECEIVED + timedelta(hours=2))
    trails = shadow.state.resources("Provenance")
    about = {}
    for reference, trail in trails.items():
        for target in trail["target"]:
            about.setdefault(target["reference"], []).append((trail["recorded"], reference))
    newest = {max(rows)[1] for target, rows in about.items() if target in server.current}
    sent = {f"Provenance/{one['id']}" for one in server.of_type("Provenance")}
    assert sent == newest
    assert len(sent) < len(trails)
    for one in server.of_type("Provenance"):
        assert {target["reference"] for target in one["target"]} <= set(server.current)


def test_flags_about_doses_before_its_time_are_left_out_but_for_the_three_that_never_wait(shadow, servers, aim):
    went_on(shadow, monitor_from=None)
    server = servers()
    deliver(aim(server), shadow.state, RECEIVED + timedelta(hours=2))
    assert {one["code"]["coding"][0]["code"] for one in server.of_type("Flag")} == {"inactivation"}
    open_topics = {
        row.topic
        for mrn in ("900001", "900002")
        for row in shadow.state.recall(f"{hospital.MRN}|{mrn}").written
        if row.kind == "flag" and row.state == "open"
    }
    assert open_topics == {"inactivation", "conclusion-reversed"}


def test_going_on_happens_once_and_later_changes_are_sent(shadow, servers, aim):
    went_on(shadow)
    server = servers()
    deliver(aim(server), shadow.state, RECEIVED + timedelta(hours=2))
    raw = hospital.oru("D1", mrn="900002", filler="F900002", value="0.7", status="C", sent="20250320080000+0000")
    shadow.hl7(raw)
    assert went_on(shadow, today=date(2025, 3, 20)) == AFTER_THE_DOSES
    deliver(aim(server), shadow.state, RECEIVED + timedelta(hours=3))
    flags = [one for one in server.of_type("Flag") if one["code"]["coding"][0]["code"] == "inactivation"]
    assert [one["status"] for one in flags] == ["inactive"]


def parked(kept, *reasons):
    rows = kept.state.due("ehr", RECEIVED + timedelta(hours=2), 9)
    chosen = rows[: len(reasons)]
    kept.state.settle(
        [Outcome(row=row, state="parked", reason=reason) for row, reason in zip(chosen, reasons, strict=True)]
        + [Outcome(row=row, state="confirmed") for row in rows[len(reasons) :]]
    )
    return [row.id for row in chosen]


def test_what_a_target_refused_is_owed_again_under_other_settings(shadow):
    before = settings_hash(TargetSettings(name="ehr", url="http://ehr/fhir"))
    assert shadow.state.release_when_changed("ehr", before) == 0
    refused, unnamed, *_ = parked(shadow, "422: status 422: value", None, "foreign-edit", "410: deleted-on-target")
    assert shadow.state.release_when_changed("ehr", before) == 0
    after = settings_hash(TargetSettings(name="ehr", url="http://ehr/fhir", strategy="search-first"))
    assert shadow.state.release_when_changed("other", after) == 0
    assert shadow.state.release_when_changed("ehr", after) == 2
    owed = {row.id for row in shadow.state.due("ehr", RECEIVED + timedelta(hours=2), 9)}
    assert owed == {refused, unnamed}


@pytest.mark.parametrize(
    "changed",
    [
        {"url": "http://other/fhir"},
        {"write_raw": "never"},
        {"strategy": "search-first"},
        {"status_map": (("Flag", (("entered-in-error", "inactive"),)),)},
        {"authorities": ("urn:mrn",)},
        {"literal_sources": ("default",)},
        {"auth": FhirAuth(kind="basic", username="us")},
        {"auth": FhirAuth(client_id="us")},
        {"auth": FhirAuth(scopes=("system/Flag.crus",))},
    ],
)
def test_every_setting_that_decides_what_a_target_takes_counts(changed):
    before = TargetSettings(name="ehr", url="http://ehr/fhir")
    assert settings_hash(replace(before, **changed)) != settings_hash(before)
    assert settings_hash(replace(before, name="x", timeout_s=9, delivery="on")) == settings_hash(before)
    renewed = replace(before, auth=FhirAuth(secret_environment="RENEWED"))
    assert settings_hash(renewed) == settings_hash(before)


def test_a_target_that_was_on_before_this_was_remembered_loses_no_closing(shadow, servers, aim):
    server = servers()
    deliver(aim(server), shadow.state, RECEIVED + timedelta(hours=2))
    raw = hospital.oru("D1", mrn="900002", filler="F900002", value="0.7", status="C", sent="20250320080000+0000")
    shadow.hl7(raw)
    went_on(shadow)
    deliver(aim(server), shadow.state, RECEIVED + timedelta(hours=3))
    flags = [one for one in server.of_type("Flag") if one["code"]["coding"][0]["code"] == "inactivation"]
    assert {one["status"] for one in flags} <= {"inactive", "entered-in-error"}
