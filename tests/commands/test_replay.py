"""`troughline replay`: what mended tables would change, the change itself, and that reading again does no harm."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hospital
import pytest
import structlog
from kept_store import RECEIVED, KeptStore, stored
from running_service import Service, eventually
from small_files import no_file_larger_than

from adapter.app.asking import ASKED, DONE
from adapter.app.replay_folder import FOLDER
from adapter.app.replaying import catch_up
from adapter.cli import main
from adapter.store.folder import lock_store
from adapter.store.state_reader import SqliteStateReader

DEMO = Path(__file__).parents[2] / "mappings" / "demo" / "tables"
UNKNOWN_UNIT = "blorps"
SITE = "store: store\nmappings:\n- site\nsources:\n- name: default\n  zone: UTC\n"
ROW = f"sender,code,system,target,label,note\n,{UNKNOWN_UNIT},*,[IU]/mL,,\n"


@pytest.fixture(autouse=True)
def _logs_of_this_test_alone():
    """The command has logs written to the stderr of its process, which here is captured and closed after the test."""
    yield
    structlog.reset_defaults()


def told_too_early(store):
    """A dose with a level in a unit no table knew, a patient of an unknown authority, and a level that was fine."""
    store.fhir(hospital.patient())
    store.fhir(hospital.dose())
    store.hl7(hospital.oru("S1", unit=UNKNOWN_UNIT), answer="AE")
    store.hl7(hospital.oru("S2", filler="F2", authority="ELSEWHERE"), answer="AE")
    store.hl7(hospital.oru("S3", filler="F3", mrn="900002"))
    store.hl7(hospital.oru("S4", filler="F4", mrn="900003"), understood=False)
    catch_up(store.state.checks_due, store.parts, datetime.now(UTC))


@pytest.fixture
def kept(tmp_path):
    return stored(tmp_path / "store", told_too_early, "hospital")


@pytest.fixture
def site(tmp_path, kept):
    """The configuration of the site of that store; `mended` lays the missing row over the tables."""
    assert kept.is_dir()
    shutil.copytree(DEMO, tmp_path / "site" / "tables")
    config = tmp_path / "site.yaml"
    config.write_text(SITE)
    return config


@pytest.fixture
def mended(tmp_path, site):
    (tmp_path / "site" / "tables" / "units.csv").write_text(ROW)
    return site


def told(capsys, *words):
    """The exit code and what was printed."""
    code = main(["replay", *map(str, words)])
    return code, capsys.readouterr()


def tree(capsys, *words):
    code, out = told(capsys, *words, "--json")
    return code, json.loads(out.out)


def content(folder):
    """Everything that interpretations, facts and deliveries are, of one store."""
    state = SqliteStateReader(folder / "state.db")
    try:
        findings, unlinked = state.findings()
        patients = sorted({one["patient"] for one in (*findings, *unlinked)})
        written = [(patient, state.written_of(patient)) for patient in patients]
        return findings, unlinked, written, state.parked_by_reason(), state.undelivered("hospital")
    finally:
        state.close()


def test_a_dry_run_names_every_change_and_makes_none(kept, mended, capsys):
    before = content(kept)
    code, trial = tree(capsys, "--config", mended, "--answered", "AE")
    assert code == 1  # S2 would go on waiting
    assert (trial["messages"], trial["changed"]) == (2, 1)
    assert [(one["control_id"], one["is"], one["fact"]) for one in trial["facts"]] == [
        ("S1", "new", "ActivityMeasured"),
        ("S1", "gone", "ActivityMeasured"),
    ]
    assert [(one["control_id"], one["reason"]) for one in trial["waiting"]] == [("S2", "unknown-authority")]
    (finding,) = trial["findings"]
    assert finding["key"] == "MedicationAdministration/dose-900001-1"
    assert (finding["before"]["exposure"], finding["before"]["modifiers"][0]) == ("indeterminate", "unit-suspect")
    assert (finding["after"]["exposure"], finding["after"]["mechanism"]) == (
        "adequate",
        "no-evidence-of-inactivation",
    )
    assert sorted(one["operation"] for one in trial["resources"]) == ["close", "update", "update"]
    assert content(kept) == before
    assert list((kept / FOLDER).iterdir()) == []


@pytest.mark.parametrize("free_kib", [40, 100])
def test_a_dry_run_without_room_for_its_copy_is_told_in_a_sentence(kept, mended, capsys, free_kib):
    before = content(kept)
    with no_file_larger_than(free_kib * 1024):
        code, out = told(capsys, "--config", mended, "--answered", "AE")
    assert (code, out.out) == (2, "")
    assert f"The dry run works on a copy of the state in {kept / FOLDER}, and there it broke off (SQLITE_" in out.err
    assert out.err.endswith("Nothing was changed; `troughline check` tells whether the store itself is whole.\n")
    assert content(kept) == before
    assert list((kept / FOLDER).iterdir()) == []


def test_a_dry_run_for_people(mended, capsys):
    _, out = told(capsys, "--config", mended, "--control-id", "S1", "--dry-run")
    lines = out.out.splitlines()
    assert lines[0] == (
        "DRY RUN, nothing was changed. 1 message read again: 1 would change something, 0 would wait in the work list."
    )
    assert lines[1] == "facts: 1 gone, 1 new; findings that change: 1; resources: 1 close, 2 update"
    assert (
        "  https://hospital.example/mrn|900001 MedicationAdministration/dose-900001-1: "
        "indeterminate / not-assessable / missed [unit-suspect, first-dose] -> "
        "adequate / no-evidence-of-inactivation / complete [first-dose]"
    ) in lines


def test_applied_it_makes_what_the_dry_run_named_and_keeps_why(kept, mended, capsys):
    _, trial = tree(capsys, "--config", mended, "--answered", "AE")
    code, result = tree(capsys, "--config", mended, "--answered", "AE", "--apply", "--because", "row for blorps added")
    assert code == 1
    assert (result["messages"], result["changed"], result["waiting"]) == (2, 1, 1)
    assert result["facts"] == {"new": 1, "gone": 1}
    assert result["resources"] == {"update": 2, "close": 1}
    findings, *_ = content(kept)
    assert [finding["exposure"] for finding in findings] == [trial["findings"][0]["after"]["exposure"]]
    (kept_result,) = (kept / FOLDER).iterdir()
    assert kept_result.name == f"{result['id']}{DONE}"
    assert kept_result.stat().st_mode & 0o077 == 0
    assert json.loads(kept_result.read_text())["because"] == "row for blorps added"


@pytest.mark.slow
@pytest.mark.parametrize("tables", ["as before", "mended"])
def test_done_twice_it_changes_nothing_more(kept, site, request, capsys, tables):
    if tables == "mended":
        request.getfixturevalue("mended")
    everything = ["--config", site, "--sender", "*|*"]
    told(capsys, *everything, "--apply", "--because", "once")
    once = content(kept)
    _, trial = tree(capsys, *everything)
    assert (trial["changed"], trial["facts"], trial["findings"], trial["resources"]) == (0, [], [], [])
    told(capsys, *everything, "--apply", "--because", "twice")
    assert content(kept) == once


def test_with_the_tables_of_before_reading_again_changes_nothing_at_all(kept, site, capsys):
    before = content(kept)
    _, result = tree(capsys, "--config", site, "--sender", "*|*", "--apply", "--because", "to see")
    assert (result["messages"], result["changed"]) == (3, 0)
    assert content(kept) == before


def test_a_result_that_came_under_two_control_ids_is_no_new_fact_when_either_is_read_again(tmp_path, site, capsys):
    store = KeptStore(tmp_path / "twice")
    store.hl7(hospital.oru("T1", filler="F9"))
    store.hl7(hospital.oru("T2", filler="F9"))
    catch_up(store.state.checks_due, store.parts, datetime.now(UTC))
    before = content(store.close())
    for control_id in ("T1", "T2"):
        chosen = ["--config", site, "--store", tmp_path / "twice", "--control-id", control_id]
        _, trial = tree(capsys, *chosen)
        assert (trial["messages"], trial["changed"], trial["facts"]) == (1, 0, [])
        _, result = tree(capsys, *chosen, "--apply", "--because", "to see")
        assert (result["changed"], sum(result["facts"].values())) == (0, 0)
    assert content(tmp_path / "twice") == before


@pytest.mark.slow
def test_with_another_policy_the_findings_change_though_no_fact_does(kept, site, capsys):
    everything = ["--config", site, "--sender", "*|*", "--policy", "AIEOP09"]
    _, trial = tree(capsys, *everything)
    assert (trial["facts"], {one["operation"] for one in trial["resources"]}) == ([], {"update"})
    told(capsys, *everything, "--apply", "--because", "the policy of our protocol")
    findings, *_ = content(kept)
    assert {finding["policy"] for finding in findings} == {"AIEOP09@1"}
    _, again = tree(capsys, *everything)
    assert (again["changed"], again["resources"]) == (0, [])


def test_a_message_leaves_the_work_list_once_its_row_is_there(tmp_path, kept, mended, capsys):
    table = tmp_path / "site" / "tables" / "identifier_systems.csv"
    (row,) = [line for line in table.read_text().splitlines() if ",HOSP," in line]
    table.write_text(table.read_text().rstrip("\n") + "\n" + row.replace(",HOSP,", ",ELSEWHERE,", 1) + "\n")
    code, result = tree(capsys, "--config", mended, "--reason", "*", "--apply", "--because", "authority added")
    assert (code, result["messages"], result["waiting"], result["facts"]) == (0, 1, 0, {"new": 1, "gone": 0})
    assert content(kept)[3] == {}


AT = {n: RECEIVED + timedelta(minutes=n) for n in range(8)}
"""The two FHIR resources came at minutes 1 and 2, S1 to S4 at 3 to 6."""


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        (("--control-id", "S3"), 1),
        (("--sender", "HOSPLAB|*"), 3),
        (("--sender", "ELSELAB|*"), 0),
        (("--sender", "*|HOSP", "--answered", "AA"), 1),
        (("--since", AT[3].isoformat()), 3),
        (("--since", (AT[3] + timedelta(seconds=1)).isoformat()), 2),
        (("--until", AT[4].isoformat()), 1),
        (("--until", (AT[4] + timedelta(seconds=1)).isoformat()), 2),
        (("--since", AT[4].isoformat(), "--until", AT[5].isoformat()), 1),
        (("--reason", "*"), 1),
        (("--reason", "unknown-authority", "--answered", "AE"), 1),
        (("--reason", "unknown-authority", "--answered", "AA"), 0),
        (("--reason", "unknown-patient"), 0),
    ],
)
def test_all_that_is_named_must_hold_and_fhir_resources_are_read_again_only_while_they_wait(
    site, capsys, words, messages
):
    code, out = told(capsys, "--config", site, *words, "--json")
    assert (json.loads(out.out)["messages"] if messages else (code, out.out)) == (messages or (1, ""))


def test_what_was_not_understood_yet_is_left_to_the_service_and_told(site, capsys):
    code, out = told(capsys, "--config", site, "--control-id", "S4")
    assert code == 1
    assert "1 that fit were not understood yet" in out.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--store", "x"), "Say which messages"),
        (("--reason", "*"), "Name the store"),
        (("--store", "x", "--reason", "*", "--apply"), "--because"),
        (("--store", "x", "--reason", "*", "--apply", "--because", "  "), "--because"),
        (("--store", "x", "--sender", "LIS"), "MSH-3|MSH-4"),
        (("--store", "nowhere", "--reason", "*"), "holds no store"),
    ],
)
def test_misuse_is_told_in_a_sentence(capsys, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out = told(capsys, *words)
    assert code == 2
    assert said in out.err
    assert out.out == ""


def test_a_store_another_process_begins_to_hold_is_not_touched(kept, mended, capsys, monkeypatch):
    monkeypatch.setattr("adapter.commands.asked.lock_holder", lambda _: None)
    with lock_store(kept):
        code, out = told(capsys, "--config", mended, "--reason", "*", "--apply", "--because", "row")
    assert code == 2
    assert "already in use" in out.err
    assert list((kept / FOLDER).glob("*")) == [] if (kept / FOLDER).exists() else True


@pytest.fixture
def _service(tmp_path, mended):
    service = Service(tmp_path / "store", "--config", str(mended), log=tmp_path / "log")
    yield service
    service.end()


@pytest.mark.slow
@pytest.mark.usefixtures("_service")
@pytest.mark.loopback
@pytest.mark.timeout(120)
def test_a_running_service_does_it_and_refuses_what_was_asked_with_other_tables(tmp_path, kept, mended, capsys):
    code, result = tree(capsys, "--config", mended, "--control-id", "S1", "--apply", "--because", "row added")
    assert (code, result["facts"], result["resources"]["update"]) == (0, {"new": 1, "gone": 1}, 2)
    assert [finding["exposure"] for finding in content(kept)[0]] == ["adequate"]
    units = tmp_path / "site" / "tables" / "units.csv"
    units.write_text(ROW.replace("[IU]/mL", "[IU]/L"))
    code, out = told(capsys, "--config", mended, "--control-id", "S1", "--apply", "--because", "other row")
    assert code == 2
    assert "troughline reload" in out.err
    assert list((kept / FOLDER).glob(f"*{ASKED}")) == []


@pytest.mark.slow
@pytest.mark.loopback
@pytest.mark.timeout(120)
def test_a_request_that_was_interrupted_is_done_at_the_next_start(tmp_path, kept, mended, capsys, monkeypatch):
    holders = iter([1, None])
    monkeypatch.setattr("adapter.commands.asked.lock_holder", lambda _: next(holders))
    code, out = told(capsys, "--config", mended, "--control-id", "S1", "--apply", "--because", "row added")
    assert (code, out.err.splitlines()[-1]) == (2, "The service ended; it does this at its next start.")
    service = Service(tmp_path / "store", "--config", str(mended), log=tmp_path / "log")
    try:
        eventually(lambda: list((kept / FOLDER).glob(f"*{DONE}")))
    finally:
        service.end()
    assert "adequate" in [finding["exposure"] for finding in content(kept)[0]]
