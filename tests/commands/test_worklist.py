"""`troughline worklist`: what waits and why, the row that is missing, released or discarded with an audit line."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import hospital
import pytest
import structlog
from kept_store import RECEIVED, KeptStore, stored
from running_service import Service, eventually

from adapter.app import discarding
from adapter.app.asking import DONE
from adapter.app.user_name import user_name
from adapter.cli import main
from adapter.domain.problems import KINDS
from adapter.store.folder import lock_store
from adapter.store.retention import Line, Portion
from adapter.store.sqlite_inbox import SqliteInbox, SqliteInboxReader
from adapter.store.state_reader import SqliteStateReader

DEMO = Path(__file__).parents[2] / "mappings" / "demo" / "tables"
SITE = """store: store
mappings:
- site
sources:
- name: default
  zone: UTC
senders:
- match: HOSPLAB|*
"""
PEGNEW = {"coding": [{"system": hospital.FORMULARY, "code": "PEGNEW", "display": "Pegaspargase new"}]}
ROW = "HOSPLAB|HOSP,ELSEWHERE,*,,,"
URI = "a URI such as https://hospital.example/mrn"


@pytest.fixture(autouse=True)
def _logs_of_this_test_alone():
    """The command has logs written to the stderr of its process, which here is captured and closed after the test."""
    yield
    structlog.reset_defaults()


def every_reason(store):
    """One message for each kind of reason, two of them for an authority no table knows, and one that was fine."""
    store.fhir(hospital.patient())
    store.fhir(hospital.dose())
    store.hl7(hospital.oru("S1", authority="ELSEWHERE"), answer="AE")
    store.hl7(hospital.oru("S2", filler="F2", authority="ELSEWHERE"), answer="AE")
    store.hl7(hospital.oru("", filler="F3"), answer="AE")
    store.fhir(hospital.dose("900055"))
    store.fhir({**hospital.dose("900001", 3), "medicationCodeableConcept": PEGNEW})
    store.hl7(hospital.oru("S4", filler="F4"))


@pytest.fixture
def kept(tmp_path):
    return stored(tmp_path / "store", every_reason, "hospital")


@pytest.fixture
def site(tmp_path, kept):
    """The configuration of the site of that store."""
    assert kept.is_dir()
    shutil.copytree(DEMO, tmp_path / "site" / "tables")
    config = tmp_path / "site.yaml"
    config.write_text(SITE)
    return config


def add_row(tmp_path, row):
    table = tmp_path / "site" / "tables" / "identifier_systems.csv"
    table.write_text(f"{table.read_text().rstrip()}\n{row}\n")


@pytest.fixture
def mended(tmp_path, site):
    """The ready row of the list, with the target an analyst has filled in."""
    add_row(tmp_path, ROW.replace(",*,,", f",*,{hospital.MRN},"))
    return site


def told(capsys, *words):
    """The exit code and what was printed."""
    code = main(["worklist", *map(str, words)])
    return code, capsys.readouterr()


def tree(capsys, *words):
    code, out = told(capsys, *words, "--json")
    return code, json.loads(out.out)


def findings(folder):
    state = SqliteStateReader(folder / "state.db")
    try:
        return state.findings()
    finally:
        state.close()


def waiting(capsys, site):
    _, listed = tree(capsys, "list", "--config", site)
    return [message["place"] for message in listed["messages"]]


def test_the_list_names_every_message_by_reason_with_the_row_that_is_missing(site, capsys):
    code, out = told(capsys, "list", "--config", site)
    lines = out.out.splitlines()
    assert code == 1
    assert lines[0].startswith("5 wait in the work list, the longest for ")
    at = lines.index("unknown-authority: 2. No patient identifier has a mapped assigning authority.")
    assert [line.split()[0] for line in lines[at + 1 : at + 3]] == ["inbox/1", "inbox/2"]
    assert lines[at + 1].split()[-4:] == ["HOSPLAB|HOSP", "(HOSPLAB|*)", "ORU^R01", "PID[1]-3"]
    assert lines[at + 3] == f"  -> {KINDS['unknown-authority'].advice}"
    assert lines[at + 4].startswith("  tables/identifier_systems.csv (sender,code,system,target,label,note): ")
    assert lines[at + 5 : at + 7] == [f"      {ROW}", f"      target: {URI}"]
    assert f"      ,PEGNEW,{hospital.FORMULARY},,Pegaspargase new," in lines
    assert "release them" not in out.out


def test_the_list_for_programs(site, capsys):
    code, listed = tree(capsys, "list", "--config", site)
    assert (code, listed["waiting"]) == (1, 5)
    assert [message["reason"] for message in listed["messages"]] == [
        "unknown-authority",
        "unknown-authority",
        "control-id-missing",
        "unknown-patient",
        "product-unmapped",
    ]
    first = listed["messages"][0]
    assert first.pop("waits_s") > 0
    assert first == {
        "place": "inbox/1",
        "inbox": "inbox",
        "seq": 1,
        "type": "ORU^R01",
        "sender": "HOSPLAB|HOSP",
        "site_name": "HOSPLAB|*",
        "control_id": "S1",
        "reason": "unknown-authority",
        "since": "2025-03-11T13:08:00Z",
        "where": ["PID[1]-3"],
        "awaits": [],
        "missing": [
            {
                "table": "identifier_systems",
                "sender": "HOSPLAB|HOSP",
                "code": "ELSEWHERE",
                "system": "",
                "text": "",
                "where": "PID[1]-3",
                "example": "PID|*||ELSEWHERE||*||*|*",
                "near": False,
                "row": ROW,
                "fill_in": "target",
                "targets": [URI],
            }
        ],
        "readable_now": False,
    }
    assert [message["awaits"] for message in listed["messages"][3:]] == [["Patient"], []]


def test_one_reason_only(site, capsys):
    code, listed = tree(capsys, "list", "--config", site, "--reason", "control-id-missing")
    assert (code, [message["place"] for message in listed["messages"]]) == (1, ["inbox/3"])
    assert tree(capsys, "list", "--config", site, "--reason", "patient-missing")[0] == 0
    code, out = told(capsys, "list", "--config", site, "--reason", "unknown-authorty")
    assert (code, out.out) == (2, "")
    assert "did you mean 'unknown-authority'?" in out.err


def test_an_empty_list_is_fine(tmp_path, capsys):
    folder = KeptStore(tmp_path / "other").close()
    code, out = told(capsys, "list", "--store", folder)
    assert (code, out.out) == (0, "Nothing waits in the work list.\n")


def test_once_the_row_is_there_the_list_says_what_can_be_released(mended, capsys):
    _, out = told(capsys, "list", "--config", mended)
    assert "\n  troughline worklist release inbox/1 inbox/2 ...\n" in out.out
    assert ROW not in out.out
    _, listed = tree(capsys, "list", "--config", mended)
    assert [message["readable_now"] for message in listed["messages"]] == [True, True, False, False, False]


def test_a_drug_that_has_its_row_now_can_be_read_now(tmp_path, site, capsys):
    table = tmp_path / "site" / "tables" / "asparaginase_products.csv"
    row = f",PEGNEW,{hospital.FORMULARY},pegaspargase,Pegaspargase new,"
    table.write_text(f"{table.read_text().rstrip()}\n{row}\n")
    _, listed = tree(capsys, "list", "--config", site, "--reason", "product-unmapped")
    assert [(one["readable_now"], one["missing"]) for one in listed["messages"]] == [(True, [])]
    code, result = tree(capsys, "release", "inbox-core/4", "--config", site, "--because", "row added")
    assert (code, result["messages"][0]["facts"]) == (0, ["AsparaginaseAdministered"])


def test_a_bundle_that_brings_its_own_patient_waits_for_its_drug_alone(tmp_path, capsys):
    store = KeptStore(tmp_path / "store")
    dose = {**hospital.dose("900008"), "medicationCodeableConcept": PEGNEW}
    entries = [{"resource": one} for one in (dose, hospital.patient("900008"))]
    store.fhir({"resourceType": "Bundle", "type": "batch", "entry": entries})
    _, listed = tree(capsys, "list", "--store", store.close(), "--mappings", DEMO.parent)
    (one,) = listed["messages"]
    assert (one["reason"], one["readable_now"]) == ("product-unmapped", False)
    assert [missing["code"] for missing in one["missing"]] == ["PEGNEW"]


def broken(*_, **__):
    raise ZeroDivisionError


def test_a_message_our_own_fault_keeps_is_told_as_that(tmp_path, capsys, monkeypatch):
    store = KeptStore(tmp_path / "store")
    monkeypatch.setattr("adapter.pipeline.understand.translate_hl7", broken)
    store.hl7(hospital.oru("S1"))
    folder = store.close()
    _, listed = tree(capsys, "list", "--store", folder, "--mappings", DEMO.parent)
    assert [(one["reason"], one["readable_now"]) for one in listed["messages"]] == [("internal-error", False)]
    _, out = told(capsys, "show", "inbox/1", "--store", folder, "--mappings", DEMO.parent)
    assert "now         a fault of ours keeps it: report it" in out.out


def test_one_message_our_reader_cannot_take_keeps_no_other_from_being_listed(site, capsys, monkeypatch):
    monkeypatch.setattr("adapter.commands.worklist_read.translate_hl7", broken)
    code, listed = tree(capsys, "list", "--config", site)
    assert (code, listed["waiting"]) == (1, 5)
    assert [one["missing"] for one in listed["messages"][:2]] == [[], []]


def test_of_many_the_first_fifty_are_named(tmp_path, capsys):
    store = KeptStore(tmp_path / "store")
    for number in range(51):
        store.hl7(hospital.oru(f"M{number}", filler=f"F{number}", authority="ELSEWHERE"))
    folder = store.close()
    _, out = told(capsys, "list", "--store", folder, "--mappings", DEMO.parent)
    assert "inbox/50 " in out.out
    assert "inbox/51 " not in out.out
    assert "\n  and 1 more (--json has all)\n" in out.out
    assert out.out.count(ROW) == 1


def test_one_message_is_shown_with_its_reason_its_row_and_what_to_do(site, capsys):
    code, out = told(capsys, "show", "inbox/1", "--config", site)
    lines = out.out.splitlines()
    assert (code, out.err) == (0, "")
    assert lines[0] == "inbox/1: ORU^R01 from HOSPLAB|HOSP (HOSPLAB|*), control id S1"
    assert lines[1].startswith("  received    2025-03-11T13:08:00Z through listener mllp-main, answered AE; ")
    assert lines[2].endswith(", since 2025-03-11T13:08:00Z")
    assert lines[3] == "  reason      unknown-authority: No patient identifier has a mapped assigning authority."
    assert f"  what to do  {KINDS['unknown-authority'].advice}" in lines
    assert f"                  {ROW}" in lines
    assert lines[-1] == "  now         with the tables of now it would wait on"


def test_one_message_for_programs(site, capsys):
    code, shown = tree(capsys, "show", "inbox-core/3", "--config", site)
    assert code == 0
    assert (shown["reason"], shown["title"]) == ("unknown-patient", KINDS["unknown-patient"].title)
    assert shown["problems"] == [
        {
            "code": "unknown-patient",
            "severity": "warning",
            "where": "MedicationAdministration.subject",
            "text": "The FHIR subject is not known yet.",
        }
    ]
    assert (shown["answer"], shown["listener"], shown["history"]) == (None, "http", [])


def test_a_message_that_does_not_wait_is_told(site, capsys):
    code, out = told(capsys, "show", "inbox/4", "--config", site)
    assert (code, out.out) == (1, "")
    assert "No message at inbox/4 waits" in out.err


def test_a_release_before_the_row_is_there_says_why_it_waits_on(site, capsys):
    code, out = told(capsys, "release", "inbox/1", "inbox-core/4", "--config", site, "--because", "to see")
    assert code == 1
    assert out.out.splitlines() == [
        "inbox/1 waits on: unknown-authority at PID[1]-3",
        "inbox-core/4 waits on: product-unmapped at MedicationAdministration.medication",
        "Kept as an audit line: `troughline worklist history`.",
    ]
    assert len(waiting(capsys, site)) == 5


def test_a_release_after_the_row_is_there_reads_the_message_and_keeps_who_and_why(kept, mended, capsys):
    code, result = tree(capsys, "release", "inbox/1", "--config", mended, "--because", "row for ELSEWHERE added")
    assert (code, result["done"], result["by"]) == (0, "released", user_name())
    assert result["messages"] == [{"place": "inbox/1", "waits": None, "where": [], "facts": ["ActivityMeasured"]}]
    assert waiting(capsys, mended) == ["inbox/2", "inbox/3", "inbox-core/3", "inbox-core/4"]
    keys = [sample["key"] for sample in findings(kept)[0][0]["samples"]]
    assert [key for key in keys if key.startswith("HOSP/F1^HOSPLAB/")]
    code, history = tree(capsys, "history", "--config", mended)
    (line,) = history["history"]
    assert line.pop("at") == result["done_at"]
    assert (code, line) == (
        0,
        {
            "what": "release",
            "by": user_name(),
            "because": "row for ELSEWHERE added",
            "messages": ["inbox/1"],
            "came_of_it": "1 read, 0 wait on; facts: 1 new, 0 gone",
        },
    )


def test_discarded_a_message_leaves_the_list_without_effect_and_its_bytes_stay(kept, mended, capsys):
    before = findings(kept)
    code, result = tree(capsys, "discard", "inbox/2", "inbox/1", "--config", mended, "--because", "test patient")
    assert (code, result["done"], [one["place"] for one in result["messages"]]) == (
        0,
        "discarded",
        ["inbox/1", "inbox/2"],
    )
    assert waiting(capsys, mended) == ["inbox/3", "inbox-core/3", "inbox-core/4"]
    assert findings(kept) == before
    inbox = SqliteInboxReader(kept / "inbox.db", "inbox")
    assert inbox.get(1).arrival.raw == hospital.oru("S1", authority="ELSEWHERE")
    inbox.close()


def test_find_and_history_tell_who_discarded_a_message_and_why(kept, site, capsys):
    told(capsys, "discard", "inbox/1", "--config", site, "--because", "test patient")
    assert main(["find", "--store", str(kept), "--control-id", "S1"]) == 0
    found = capsys.readouterr().out
    assert f" by {user_name()}: test patient\n  delivered   nothing rests on it\n" in found
    assert "  understood  discarded from the work list 20" in found
    assert main(["find", "--store", str(kept), "--control-id", "S2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["messages"][0]["understood"]["discarded"] == []
    _, out = told(capsys, "history", "--config", site)
    (line, because) = out.out.splitlines()
    assert line.endswith(f" discard by {user_name()}: inbox/1 (1 discarded)")
    assert because == "  because: test patient"
    code, out = told(capsys, "show", "inbox/1", "--config", site)
    assert code == 1
    assert "because: test patient" in out.err


def test_a_release_takes_a_discard_back(kept, mended, capsys):
    told(capsys, "discard", "inbox/1", "--config", mended, "--because", "by mistake")
    code, result = tree(capsys, "release", "inbox/1", "--config", mended, "--because", "it was one of ours")
    assert (code, result["messages"][0]["facts"]) == (0, ["ActivityMeasured"])
    _, history = tree(capsys, "history", "--config", mended)
    assert [line["what"] for line in history["history"]] == ["release", "discard"]
    assert findings(kept)[0][0]["samples"]


def test_a_message_released_in_vain_after_its_discard_waits_again(site, capsys):
    told(capsys, "discard", "inbox/1", "--config", site, "--because", "by mistake")
    code, result = tree(capsys, "release", "inbox/1", "--config", site, "--because", "it was one of ours")
    assert (code, result["messages"][0]["waits"]) == (1, "unknown-authority")
    _, shown = tree(capsys, "show", "inbox/1", "--config", site)
    assert [line["because"] for line in shown["history"]] == ["it was one of ours", "by mistake"]


@pytest.mark.parametrize("action", ["release", "discard"])
def test_where_one_of_the_named_does_not_wait_nothing_is_done(kept, site, capsys, action):
    code, out = told(capsys, action, "inbox/1", "inbox/4", "inbox/99", "--config", site, "--because", "x")
    assert (code, out.out) == (1, "")
    assert "Nothing was done: inbox/4, inbox/99: " in out.err
    assert len(waiting(capsys, site)) == 5
    assert told(capsys, "history", "--store", kept)[1].out == "Nothing was released or discarded here.\n"


def test_a_message_that_waits_no_longer_when_its_turn_comes_is_told(kept, site, capsys, monkeypatch):
    ask = discarding.ask_to_discard

    def another_was_quicker(store, discard):
        ask(store, replace(discard, id="0", because="quicker", messages=discard.messages[:1]))
        return ask(store, discard)

    monkeypatch.setattr("adapter.commands.worklist_change.ask_to_discard", another_was_quicker)
    code, out = told(capsys, "discard", "inbox/1", "inbox/2", "--config", site, "--because", "slower")
    assert (code, out.out.splitlines()[:2]) == (1, ["inbox/2 discarded", "inbox/1 waited no longer"])
    _, history = tree(capsys, "history", "--store", kept)
    came = {line["because"]: (line["messages"], line["came_of_it"]) for line in history["history"]}
    assert came == {
        "quicker": (["inbox/1"], "1 discarded"),
        "slower": (["inbox/2"], "1 discarded, 1 waited no longer"),
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list",), "Name the store"),
        (("list", "--store", "nowhere"), "holds no store"),
        (("history", "--store", "nowhere"), "holds no store"),
        (("list", "--store", "nowhere", "--mappings", "nowhere"), "nowhere"),
        (("discard", "inbox/1", "--store", "nowhere", "--because", "x"), "holds no store"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(capsys, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out = told(capsys, *words)
    assert (code, out.out) == (2, "")
    assert said in out.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("discard", "inbox/1", "--store", "x"), "--because"),
        (("release", "inbox/1", "--store", "x", "--because", "  "), "say why"),
        (("show", "inbox", "--store", "x"), "inbox/412"),
        (("show", "inbox/-1", "--store", "x"), "inbox/412"),
        (("show", "inbox/٣", "--store", "x"), "inbox/412"),
        ((), "ACTION"),
    ],
)
def test_misuse_is_told_by_the_parser(capsys, words, said):
    with pytest.raises(SystemExit) as ended:
        main(["worklist", *words])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_table_with_a_mistake_is_told_with_its_line(tmp_path, site, capsys):
    add_row(tmp_path, ROW)
    code, out = told(capsys, "list", "--config", site)
    assert (code, out.out) == (2, "")
    assert "identifier_systems.csv:3: the column 'target' is empty" in out.err


@pytest.mark.slow
def test_no_action_tells_anything_of_a_patient(site, capsys):
    said = []
    for words in (
        ("list",),
        ("list", "--json"),
        *(("show", place, *json_) for place in waiting(capsys, site) for json_ in ((), ("--json",))),
    ):
        _, out = told(capsys, words[0], *words[1:], "--config", site)
        said.append(out.out + out.err)
    assert len(said) == 12
    for patient in ("9000", "ZZTEST", "INVENTED", "20180504", "0.62", "20250310", "F1^", "dose-", "2500"):
        assert not any(patient in text for text in said), patient


@pytest.mark.slow
@pytest.mark.parametrize("words", [("worklist", "list"), ("gaps",)])
def test_a_reader_who_has_seen_enough_is_no_fault_of_the_store(site, words):
    program = [sys.executable, "-m", "adapter", *words, "--config", str(site)]
    at_once = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=at_once) as running:
        running.stdout.close()
        said = running.stderr.read()
    assert running.returncode == 2
    assert b"cannot be" not in said
    assert b"Traceback" not in said


def test_a_store_another_process_begins_to_hold_is_not_touched(kept, site, capsys, monkeypatch):
    monkeypatch.setattr("adapter.commands.asked.lock_holder", lambda _: None)
    with lock_store(kept):
        code, out = told(capsys, "discard", "inbox/1", "--config", site, "--because", "x")
    assert code == 2
    assert "already in use" in out.err
    assert not (kept / discarding.FOLDER).exists()


@pytest.mark.parametrize("action", ["release", "discard"])
def test_while_a_process_of_a_killed_service_lives_nothing_is_written(kept, site, capsys, monkeypatch, action):
    monkeypatch.setattr("adapter.commands.check_store.CHILD_PATIENCE_S", 0.1)
    with (kept / "core.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, out = told(capsys, action, "inbox/1", "--config", site, "--because", "x")
    assert code == 2
    assert "still held by a process of the service" in out.err
    assert len(waiting(capsys, site)) == 5
    assert told(capsys, "history", "--config", site)[1].out == "Nothing was released or discarded here.\n"


def prune_first_message(folder):
    """As an old state restored from a backup meets an inbox whose bytes went since."""
    inbox = SqliteInbox(folder / "inbox.db", "inbox")
    portion = Portion(kind="read", places=(1,), count=1, bytes=1)
    inbox.prune(portion, Line(at=RECEIVED, by="service", older_than=RECEIVED))
    inbox.close()


def test_a_message_whose_bytes_are_gone_is_listed_and_can_only_be_discarded(kept, mended, capsys):
    prune_first_message(kept)
    _, listed = tree(capsys, "list", "--config", mended)
    first, second = listed["messages"][:2]
    assert (first["place"], first["sender"], first["readable_now"]) == ("inbox/1", "HOSPLAB|HOSP", False)
    assert second["readable_now"]
    _, out = told(capsys, "show", "inbox/1", "--config", mended)
    assert out.out.endswith("  now         its bytes are no longer kept, so nothing can read it again: discard it\n")
    assert told(capsys, "discard", "inbox/1", "--config", mended, "--because", "gone")[0] == 0
    code, out = told(capsys, "release", "inbox/1", "--config", mended, "--because", "not gone?")
    assert (code, out.out) == (1, "")
    assert "inbox/1: no such message waits" in out.err


@pytest.mark.slow
@pytest.mark.loopback
@pytest.mark.timeout(120)
def test_a_running_service_discards_and_releases(tmp_path, kept, mended, capsys):
    service = Service(tmp_path / "store", "--config", str(mended), log=tmp_path / "log")
    try:
        code, out = told(capsys, "discard", "inbox/3", "inbox/2", "--config", mended, "--because", "test patient")
        assert (code, out.out.splitlines()[:2]) == (0, ["inbox/2 discarded", "inbox/3 discarded"])
        code, result = tree(capsys, "release", "inbox/1", "--config", mended, "--because", "row added")
        assert (code, result["messages"][0]["facts"]) == (0, ["ActivityMeasured"])
        assert waiting(capsys, mended) == ["inbox-core/3", "inbox-core/4"]
        assert findings(kept)[0][0]["samples"]
    finally:
        service.end()
    assert "Traceback" not in service.log.read_text()


@pytest.mark.slow
@pytest.mark.loopback
@pytest.mark.timeout(120)
def test_a_discard_that_was_interrupted_is_done_at_the_next_start(tmp_path, kept, site, capsys, monkeypatch):
    holders = iter([1, None])  # it runs when it is asked, and ends before it has done anything
    monkeypatch.setattr("adapter.commands.asked.lock_holder", lambda _: next(holders))
    code, out = told(capsys, "discard", "inbox/1", "--config", site, "--because", "test patient")
    assert (code, out.err.strip()) == (2, "The service ended; it does this at its next start.")
    service = Service(tmp_path / "store", "--config", str(site), log=tmp_path / "log")
    try:
        eventually(lambda: list((kept / discarding.FOLDER).glob(f"*{DONE}")))
    finally:
        service.end()
    assert "inbox/1" not in waiting(capsys, site)
