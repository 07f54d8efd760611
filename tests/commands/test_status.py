"""`troughline status`: what a screen says of a service that runs, that is not ready, and that is gone."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hospital
import pytest
from feeding import drained, tell
from kept_store import KeptStore
from running_service import eventually

from adapter.app.running import RUNNING_FILE, forget_running, read_running, tell_running
from adapter.cli import main
from adapter.commands import status as command
from adapter.commands import status_text
from adapter.commands.status_read import Inbox, Status, Waiting
from adapter.commands.status_text import screen, told_s
from adapter.store.folder import lock_store

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
SENDERS = "troughline_sender_messages_total"
LAST = "troughline_sender_last_message_timestamp_seconds"


def series(**labels):
    return tuple(sorted(labels.items()))


LOOK = Status(
    at=AT,
    store=Path("store"),
    process=41,
    since=AT - timedelta(hours=3, minutes=12),
    ready={"ok": True, "store": True, "engine": True, "intake": True},
    listeners={"lab": "127.0.0.1:2575"},
    inboxes=(Inbox(name="inbox", kept=1200, waiting=3), Inbox(name="inbox-core", kept=7, waiting=0)),
    parked={"unknown-authority": 2, "unit-not-mapped": 1},
    targets=(
        Waiting(
            name="hospital",
            delivery="on",
            counts={"pending": 4, "sent": 1, "confirmed": 90, "left_out": 7, "parked": 2},
            oldest=AT - timedelta(minutes=5),
        ),
        Waiting(name="archive", delivery="shadow", counts={"pending": 95}, oldest=AT - timedelta(days=2)),
    ),
    metrics={
        "troughline_acks_total": {
            series(listener="lab", code="AA"): 1190.0,
            series(listener="lab", code="AE"): 10.0,
            series(listener="other", code="AA"): 5.0,
        },
        "troughline_connections": {series(listener="lab"): 4.0},
        SENDERS: {
            series(listener="lab", sender="LIS_A|HOSP"): 1000.0,
            series(listener="lab", sender="LIS_B|HOSP"): 96.0,
        },
        LAST: {
            series(listener="lab", sender="LIS_A|HOSP"): AT.timestamp() - 8,
            series(listener="lab", sender="LIS_B|HOSP"): AT.timestamp() - 7300,
        },
        "troughline_alarms_total": {series(reason="delivery-parked"): 2.0, series(reason="internal-error"): 0.0},
    },
)


@pytest.fixture(autouse=True)
def noon(monkeypatch):
    monkeypatch.setattr("adapter.commands.status_read.time.time", AT.timestamp)


def test_a_screen_of_a_service_at_work():
    assert screen(LOOK).splitlines() == [
        "Troughline 0.1.0, process 41, up 3 h 12 min: ready   2026-03-10T12:00:00Z",
        "listener lab  127.0.0.1:2575  connections 4  answered AA 1,190, AE 10",
        "sender                                     messages   a minute  last message",
        "LIS_A|HOSP                                    1,000        5.2  8 s ago",
        "LIS_B|HOSP                                       96        0.5  2 h 1 min ago",
        "inbox: 1,200 messages kept, 3 wait to be understood",
        "inbox-core: 7 messages kept, 0 wait to be understood",
        "work list: 3 (unknown-authority 2, unit-not-mapped 1)",
        "target hospital: 5 to deliver, oldest 5 min; confirmed 90, left out 7, parked 2",
        "target archive: in shadow, 95 resources computed and not sent",
        "alarms since the start: delivery-parked 2",
    ]


READ_WITH = {
    "mappings": {"core": "aaaa", "intake": "aaaa"},
    "policies": {"core": "cccc", "intake": "cccc"},
    "folder_differs": False,
    "needs_restart": [],
    "last_reload": {"at": "2026-03-10T11:00:00Z", "result": "reloaded", "seconds": 0.2},
}


def shown_with(**changed):
    """The lines about mappings, policies and restarts."""
    look = replace(LOOK, ready={**LOOK.ready, "read_with": {**READ_WITH, **changed}})
    return screen(look).splitlines()[1:-10]


@pytest.mark.parametrize(
    ("changed", "more"),
    [
        ({}, []),
        ({"folder_differs": None}, []),
        (
            {"folder_differs": True},
            ["FILES DIFFER: they say something else than what the service reads with; `troughline reload` takes them"],
        ),
        (
            {"needs_restart": ["mllp", "senders"]},
            ["RESTART NEEDED: changed in the configuration and not taken: mllp, senders"],
        ),
        (
            {"last_reload": {"at": "2026-03-10T11:00:00Z", "result": "failed", "seconds": 0.2}},
            ["LAST RELOAD FAILED at 2026-03-10T11:00:00Z: `troughline reload` or `troughline lint` names the faults"],
        ),
    ],
)
def test_what_the_service_reads_with_is_shown_and_a_banner_where_the_files_say_something_else(changed, more):
    assert shown_with(**changed) == ["mappings aaaa, policies cccc", *more]


def test_while_one_process_has_taken_a_reload_and_the_other_has_not_both_versions_are_shown():
    assert shown_with(mappings={"core": "aaaa", "intake": "bbbb"}) == [
        "mappings aaaa in core, bbbb in intake, policies cccc"
    ]


def test_restarts_of_processes_are_shown_when_there_were_any():
    counts = {series(process="core"): 2.0, series(process="intake"): 0.0}
    look = replace(LOOK, metrics={**LOOK.metrics, "troughline_process_restarts_total": counts})
    assert screen(look).splitlines()[1] == "restarts of processes: core 2"
    assert command.tree_of(look)["restarts"] == {"core": 2, "intake": 0}


def test_rates_are_those_since_the_last_look():
    before = replace(
        LOOK,
        at=AT - timedelta(seconds=30),
        metrics={**LOOK.metrics, SENDERS: {series(listener="lab", sender="LIS_A|HOSP"): 990.0}},
    )
    assert "LIS_A|HOSP                                    1,000       20.0  8 s ago" in screen(LOOK, before)


def test_of_very_many_senders_the_latest_are_shown(monkeypatch):
    monkeypatch.setattr(status_text, "SENDERS_SHOWN", 1)
    shown = screen(LOOK)
    assert "LIS_A|HOSP" in shown
    assert "LIS_B|HOSP" not in shown
    assert "and 1 more senders" in shown


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ready": {"ok": False, "store": True, "engine": False, "intake": False}}, "NOT READY (engine, intake)"),
        ({"ready": None}, "it does not answer /readyz"),
        ({"process": None}, "no service runs on store; this is what it left"),
        ({"metrics": {}}, "alarms: not known, /metrics was not read"),
        ({"targets": ()}, "targets: none yet"),
        ({"parked": {}}, "work list: 0\n"),
    ],
)
def test_what_is_wrong_or_missing_is_said(changed, said):
    assert said in screen(replace(LOOK, **changed))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, 0),
        ({"process": None}, 1),
        ({"ready": None}, 1),
        ({"ready": {"ok": False}}, 1),
    ],
)
def test_the_exit_code_says_whether_it_is_ready(changed, code):
    assert command._code(replace(LOOK, **changed)) == code


def test_the_tree_has_the_same_figures():
    tree = command.tree_of(LOOK)
    assert tree["inboxes"][0] == {"name": "inbox", "kept": 1200, "waiting": 3}
    assert tree["targets"][0] == {
        "name": "hospital",
        "delivery": "on",
        "pending": 4,
        "sent": 1,
        "confirmed": 90,
        "left_out": 7,
        "parked": 2,
        "oldest": "2026-03-10T11:55:00Z",
    }
    assert tree["senders"][0] == {
        "sender": "LIS_A|HOSP",
        "messages": 1000,
        "last": AT.timestamp() - 8,
        "silent": False,
    }
    assert tree["alarms"] == {"delivery-parked": 2}
    json.dumps(tree)


def test_each_polled_source_is_shown_with_its_last_whole_poll_also_one_that_never_had_any():
    metrics = {
        **LOOK.metrics,
        "troughline_poll_last_complete_timestamp_seconds": {series(source="ehr"): 0.0, series(source="ward"): 0.0},
        "troughline_polls_total": {
            series(source="ehr", result="failed"): 12.0,
            series(source="ward", result="complete"): 3.0,
        },
    }
    look = replace(LOOK, metrics=metrics, polled={"ward": AT - timedelta(minutes=3)})
    assert [line for line in screen(look).splitlines() if line.startswith("source")] == [
        "source ehr: never polled whole yet; 12 polls failed since the start",
        "source ward: last polled whole 3 min ago",
    ]
    assert command.tree_of(look)["polls"] == [{"source": "ward", "last_complete": "2026-03-10T11:57:00Z"}]
    assert command.tree_of(LOOK)["polls"] == []


def test_silent_senders_come_first_also_those_not_heard_since_the_start():
    silent = {series(sender="LIS_B|HOSP"): 1.0, series(sender="LIS_C|HOSP"): 1.0, series(sender="LIS_A|HOSP"): 0.0}
    look = replace(LOOK, metrics={**LOOK.metrics, "troughline_sender_silent": silent})
    assert [line for line in screen(look).splitlines() if line.startswith("LIS_")] == [
        "LIS_B|HOSP                                       96        0.5  2 h 1 min ago  SILENT",
        "LIS_C|HOSP                                        0        0.0  -  SILENT",
        "LIS_A|HOSP                                    1,000        5.2  8 s ago",
    ]
    assert [(one["sender"], one["silent"], one["last"] is None) for one in command.tree_of(look)["senders"]] == [
        ("LIS_A|HOSP", False, False),
        ("LIS_B|HOSP", True, False),
        ("LIS_C|HOSP", True, True),
    ]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h 0 min"), (86399, "23 h 59 min"),
     (86400, "1 d 0 h"), (200_000, "2 d 7 h"), (-5, "0 s")],
)  # fmt: skip
def test_a_span_is_told_in_its_two_largest_units(seconds, told):
    assert told_s(seconds) == told


def test_a_store_nobody_serves_shows_what_waits_in_it(tmp_path, capsys):
    store = KeptStore(tmp_path / "store", "hospital")
    store.hl7(hospital.oru("S1"))
    store.hl7(hospital.oru("S2", authority="ELSEWHERE", filler="S2"))
    store.hl7(hospital.oru("S3", filler="S3"), understood=False)
    folder = store.close()
    assert main(["status", "--store", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "no service runs on" in lines[0]
    assert lines[1:] == [
        "inbox: 3 messages kept, 1 wait to be understood",
        "inbox-core: 0 messages kept, 0 wait to be understood",
        "work list: 1 (unknown-authority 1)",
        *[line for line in lines if line.startswith("target hospital: ")],
        "alarms: not known, /metrics was not read",
    ]
    assert "to deliver, oldest" in lines[4]


def test_addresses_left_by_a_killed_service_are_not_asked(tmp_path, capsys):
    folder = KeptStore(tmp_path / "store").close()
    tell_running(folder, {"http": "127.0.0.1:9", "listeners": {"lab": "127.0.0.1:9"}})
    main(["status", "--store", str(folder)])
    assert "listener lab" not in capsys.readouterr().out
    with lock_store(folder):
        assert main(["status", "--store", str(folder)]) == 1
    assert "it does not answer /readyz" in capsys.readouterr().out


def test_what_runs_is_told_privately_and_forgotten(tmp_path):
    assert read_running(tmp_path) is None
    tell_running(tmp_path, {"http": "a:1"})
    assert read_running(tmp_path) == {"http": "a:1"}
    assert (tmp_path / RUNNING_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [RUNNING_FILE]
    forget_running(tmp_path)
    forget_running(tmp_path)
    assert read_running(tmp_path) is None
    (tmp_path / RUNNING_FILE).write_text("torn {")
    assert read_running(tmp_path) is None


def test_without_a_store_it_ends_with_2(tmp_path, capsys):
    assert main(["status"]) == 2
    assert main(["status", "--store", str(tmp_path / "none")]) == 2
    assert "holds no store that can be read" in capsys.readouterr().err


def test_it_looks_again_until_it_is_interrupted(tmp_path, capsys, monkeypatch):
    folder = KeptStore(tmp_path / "store").close()
    looks = []

    def pause(seconds):
        looks.append(seconds)
        if len(looks) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("adapter.commands.status.time.sleep", pause)
    assert main(["status", "--store", str(folder), "--watch", "--every", "0.5", "--json"]) == 1
    assert [json.loads(line)["process"] for line in capsys.readouterr().out.splitlines()] == [None, None]
    assert looks == [0.5, 0.5]


@pytest.mark.slow
@pytest.mark.loopback
def test_it_looks_at_a_running_service(running, capsys):
    tell(running, ["917001"])
    drained(running)

    def shown():
        code = main(["status", "--store", str(running.store)])
        return code, capsys.readouterr().out

    code, out = eventually(lambda: shown() if shown()[0] == 0 else None)
    assert code == 0
    assert f"process {running.process.pid}, up " in out
    assert ": ready   " in out
    assert f"listener default  {running.ready['mllp']}  connections " in out
    assert "answered AA " in out
    assert re.search(r"^other +\d+ +\d+\.\d  \d+ s ago$", out, flags=re.MULTILINE)
    assert "alarms since the start: " in out
