"""`troughline prune`, and what `find`, `replay` and `status` say of what was pruned."""

from __future__ import annotations

import fcntl
import json
from contextlib import closing
from datetime import UTC, datetime, timedelta

import hospital
import pytest
import structlog
from kept_store import KeptStore, stored

from adapter.app.pruning import remember
from adapter.cli import main
from adapter.store.answers_told import note_told
from adapter.store.folder import lock_store
from adapter.store.owed_answers import OwedAnswers, OwedAnswersReader
from adapter.store.retention import Retention
from adapter.store.sqlite_inbox import SqliteInboxReader

DAY = timedelta(days=1)
NOW = datetime.now(UTC)
SITE = "store: store\narchive_days: {archive}\nread_messages_days: {read}\n"


@pytest.fixture(autouse=True)
def _logs_of_this_test_alone():
    """A replay has logs written to the stderr of its process, which here is captured and closed after the test."""
    yield
    structlog.reset_defaults()


def old_and_new(store):
    """A level and two headers of three years ago, one header and one level of today."""
    store.now = NOW - 1100 * DAY
    store.fhir(hospital.patient())
    store.fhir(hospital.dose())
    store.hl7(hospital.oru("A1"))
    store.irrelevant("K1")
    store.irrelevant("K2")
    store.now = NOW - DAY
    store.hl7(hospital.oru("A2", filler="F2"))
    store.irrelevant("K3")


@pytest.fixture
def kept(tmp_path):
    return stored(tmp_path / "store", old_and_new)


@pytest.fixture
def site(tmp_path, kept):
    assert kept.is_dir()

    def written(archive=90, read=400):
        config = tmp_path / "site.yaml"
        config.write_text(SITE.format(archive=archive, read=read))
        return config

    return written


@pytest.fixture
def told(capsys):
    """The exit code, and what was printed to stdout and stderr."""

    def run(*words):
        code = main([*map(str, words)])
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


def headers(kept):
    with closing(SqliteInboxReader(kept / "inbox.db", "inbox")) as inbox:
        return [header.control_id for header in inbox.irrelevant(9)]


def answers(kept, times):
    owed = OwedAnswers(kept / "answers.db", on_lost=lambda: None, on_broken=lambda _: None)
    for at in times:
        owed.owe("default", b"MSH|", at)
    owed.close()


def counts(tree):
    return {kind: told["count"] for kind, told in tree["kinds"].items() if told["count"]}


def test_a_dry_run_tells_counts_and_bytes_and_removes_nothing(told, kept, site):
    code, out, err = told("prune", "--config", site(), "--dry-run", "--json")
    tree = json.loads(out)
    assert (code, err) == (0, "")
    assert (tree["dry_run"], counts(tree)) == (True, {"headers": 2, "read": 1})
    assert tree["kinds"]["read"]["bytes"] == len(hospital.oru("A1"))
    assert tree["bytes"] == tree["kinds"]["read"]["bytes"] + tree["kinds"]["headers"]["bytes"] > 1
    assert headers(kept) == ["K3", "K2", "K1"]
    assert told("prune", "--store", kept, "--history")[1] == "Nothing was ever pruned here.\n"


def test_a_dry_run_for_people(told, site):
    lines = told("prune", "--config", site(), "--dry-run")[1].splitlines()
    assert lines[0].startswith("DRY RUN, nothing was removed. Would go: what was received before 20")
    assert "           2  headers of messages that do not concern us" in lines
    assert any(line.startswith("           1  bytes of messages that were read, received before 20") for line in lines)
    assert lines[-1].startswith("Never: messages that wait")


def test_it_removes_what_the_dry_run_named_and_leaves_a_line(told, kept, site):
    config = site()
    dry = json.loads(told("prune", "--config", config, "--dry-run", "--json")[1])
    code, out, _ = told("prune", "--config", config, "--json")
    done = json.loads(out)
    assert code == 0
    assert (done["dry_run"], done["given_back"], done["kinds"], done["bytes"]) == (
        False,
        None,
        dry["kinds"],
        dry["bytes"],
    )
    assert headers(kept) == ["K3"]
    (line,) = json.loads(told("prune", "--store", kept, "--history", "--json")[1])["prunes"]
    assert (line["at"], line["inbox"], line["counts"], line["bytes"]) == (
        done["at"],
        "inbox",
        {"headers": 2, "read": 1},
        done["bytes"],
    )
    assert line["by"].startswith("command, user ")
    assert (line["older_than"], line["read_older_than"]) == (done["older_than"], done["read_older_than"])
    assert counts(json.loads(told("prune", "--config", config, "--json")[1])) == {}


def test_the_room_is_given_back_where_that_is_asked_for(told, kept, site):
    code, out, _ = told("prune", "--config", site(), "--compact", "--json")
    assert (code, counts(json.loads(out))) == (0, {"headers": 2, "read": 1})
    assert isinstance(json.loads(out)["given_back"], int)
    assert headers(kept) == ["K3"]


def test_answers_that_were_told_go_and_the_line_of_their_file_is_shown(told, kept, site):
    answers(kept, 2 * [NOW - 100 * DAY] + [NOW])
    note_told(kept, "default", 1)
    config = site(read=2000)
    assert counts(json.loads(told("prune", "--config", config, "--dry-run", "--json")[1])) == {
        "headers": 2,
        "answers": 1,
    }
    out = told("prune", "--config", config, "--compact")[1]
    assert "           1  application answers to another address that were told\n" in out
    with closing(OwedAnswersReader(kept / "answers.db")) as reader:
        assert [one.id for one in reader.after("default", 0, 9)] == [2, 3]
    lines = json.loads(told("prune", "--store", kept, "--history", "--json")[1])["prunes"]
    assert {(line["inbox"], *line["counts"].items()) for line in lines} == {
        ("inbox", ("headers", 2)),
        ("answers", ("answers", 1)),
    }
    assert "answers" in json.loads(told("prune", "--config", config, "--json")[1])["kinds"]
    assert "last prune: " in told("status", "--store", kept)[1]


@pytest.mark.parametrize(("archive", "gone"), [(1098, 2), (1100, 0)])
def test_the_days_are_those_of_the_configuration(told, site, archive, gone):
    _, out, _ = told("prune", "--config", site(archive=archive, read=2000), "--dry-run", "--json")
    assert counts(json.loads(out)).get("headers", 0) == gone


def test_without_a_configuration_the_days_are_those_the_service_pruned_by_or_told_as_taken(told, kept):
    code, out, err = told("prune", "--store", kept, "--dry-run", "--json")
    assert (code, counts(json.loads(out))) == (0, {"headers": 2})
    assert err == "No configuration is named and no service has pruned this store yet: archive_days is taken as 90.\n"
    remember(kept, "inbox", NOW, Retention(archive_days=1200))
    code, out, err = told("prune", "--store", kept, "--dry-run", "--json")
    assert (code, counts(json.loads(out)), err) == (0, {}, "")


def test_beside_a_running_service_only_a_dry_run_is_done(told, kept, site):
    config = site()
    with lock_store(kept):
        code, out, err = told("prune", "--config", config)
        assert (code, out) == (2, "")
        assert "prunes by itself once an hour" in err
        assert told("prune", "--config", config, "--dry-run")[0] == 0
    assert headers(kept) == ["K3", "K2", "K1"]


def test_while_a_process_of_a_killed_service_lives_nothing_is_written(told, kept, site, monkeypatch):
    monkeypatch.setattr("adapter.commands.check_store.CHILD_PATIENCE_S", 0.1)
    with (kept / "intake.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, _, err = told("prune", "--config", site())
    assert code == 2
    assert "still held by a process of the service" in err
    assert headers(kept) == ["K3", "K2", "K1"]
    assert told("prune", "--config", site())[0] == 0


def test_what_is_no_store_is_told(told, tmp_path):
    code, _, err = told("prune", "--store", tmp_path / "nowhere")
    assert code == 2
    assert "holds no store" in err
    assert told("prune")[2].startswith("Name the store")


def test_a_store_into_which_nothing_came_has_nothing_to_prune(told, tmp_path):
    folder = KeptStore(tmp_path / "empty").close()
    code, out, _ = told("prune", "--store", folder)
    assert (code, out) == (0, "Nothing ever came into this store.\n")


@pytest.fixture
def pruned(told, site):
    config = site()
    assert told("prune", "--config", config)[0] == 0
    return config


def test_find_says_when_the_bytes_of_a_message_went(told, pruned, kept):
    code, out, _ = told("find", "--config", pruned, "--control-id", "A1")
    day = datetime.now(UTC).date().isoformat()
    assert code == 0
    assert f"bytes pruned on {day}, answered AA; {len(hospital.oru('A1'))} bytes, sha256 " in out
    assert "understood  ActivityMeasured" in out
    tree = json.loads(told("find", "--store", kept, "--patient", f"{hospital.MRN}|900001", "--json")[1])
    assert [(one["received"]["control_id"], bool(one["received"]["pruned_at"])) for one in tree["messages"]] == [
        ("", False),
        ("A1", True),
        ("A2", False),
    ]


def test_find_raw_prints_what_is_there_and_says_what_is_not(told, pruned, kept):
    code, out, err = told("find", "--config", pruned, "--control-id", "A1", "--raw")
    assert (code, out) == (1, "")
    assert err.startswith("The bytes of place 1 of inbox were pruned on 20")
    assert told("find", "--store", kept, "--control-id", "A2", "--raw") == (
        0,
        hospital.oru("A2", filler="F2").decode(),
        "",
    )


@pytest.mark.parametrize("how", [(), ("--apply", "--because", "to see")])
def test_replay_reads_what_is_there_and_says_what_it_could_not_read(told, pruned, how):
    code, out, err = told("replay", "--config", pruned, "--answered", "AA", *how, "--json")
    tree = json.loads(out)
    assert (code, tree["messages"]) == (1, 1)
    assert tree["pruned"] == [{"inbox": "inbox", "seq": 1, "control_id": "A1"}]
    assert err.startswith(
        "1 that fit cannot be read again, their bytes were pruned (read_messages_days): A1 (inbox 1)."
    )


def test_replay_of_nothing_but_pruned_messages_says_so(told, pruned):
    code, out, err = told("replay", "--config", pruned, "--control-id", "A1")
    assert (code, out) == (1, "")
    assert "A1 (inbox 1)" in err
    assert "No message" not in err


def test_status_shows_the_last_prune(told, pruned, kept):
    lines = told("status", "--config", pruned)[1].splitlines()
    (line,) = [line for line in lines if line.startswith("last prune: ")]
    assert " inbox by command, user " in line
    assert ": headers 2, read 1 (received before 20" in line
    tree = json.loads(told("status", "--store", kept, "--json")[1])
    assert tree["pruned"]["counts"] == {"headers": 2, "read": 1}
