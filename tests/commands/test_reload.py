"""`troughline reload`: what is told when it is done, refused, or when nobody is there to do it."""

from __future__ import annotations

import json
import threading
import time

import pytest
from kept_store import KeptStore
from running_service import eventually

from adapter.app.asking import ASKED, DONE, Requests
from adapter.app.reloading import FOLDER
from adapter.cli import main
from adapter.commands import asked
from adapter.store.folder import lock_store

VERSIONS = {"mappings": "aaaa", "policies": "cccc"}
DONE_AT = "2026-03-10T12:00:00Z"
RESULT = {
    "result": "reloaded",
    "done_at": DONE_AT,
    "seconds": 0.24,
    "before": VERSIONS,
    "after": {**VERSIONS, "mappings": "bbbb"},
    "changes": ["table units: added XU"],
    "needs_restart": [],
    "faults": [],
}
FAULT = {"file": "ours/tables/units.csv", "line": 2, "column": None, "text": "no unit", "severity": "error"}


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """The command looks often for its answer."""
    monkeypatch.setattr(asked, "LOOK_EVERY_S", 0.02)


@pytest.fixture
def store(tmp_path):
    return KeptStore(tmp_path / "store").close()


@pytest.fixture
def service(store):
    """Somebody who holds the store and answers the next request."""

    def answers(content):
        def answer():
            folder = store / FOLDER
            place = eventually(lambda: next(folder.glob(f"*{ASKED}"), None))
            Requests(folder=folder).answer(place.name.removesuffix(ASKED), content)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        threads.append(thread)

    threads = []
    with lock_store(store):
        yield answers
    for thread in threads:
        thread.join(10)


def told(capsys, *arguments):
    code = main(["reload", *map(str, arguments)])
    out = capsys.readouterr()
    assert "Traceback" not in out.err
    return code, out.out, out.err


def test_what_was_taken_is_told_with_old_and_new(store, service, capsys):
    service(RESULT)
    code, out, err = told(capsys, "--store", store)
    assert (code, err) == (0, "")
    assert out.splitlines()[:4] == [
        f"Reloaded in 0.2 s: intake and core read with what the files say, since {DONE_AT}.",
        "mappings  aaaa -> bbbb",
        "policies  cccc, as before",
        "  table units: added XU",
    ]
    assert "`troughline replay`" in out
    assert len(list((store / FOLDER).glob(f"*{DONE}"))) == 1


@pytest.mark.parametrize("result", ["reloaded", "unchanged"])
def test_warnings_about_the_files_that_were_taken_are_told_beside_the_result(store, service, capsys, result):
    service({**RESULT, "result": result, "faults": [{**FAULT, "severity": "warning"}]})
    code, out, err = told(capsys, "--store", store)
    assert code == 0
    assert "no unit" not in out
    assert err == "ours/tables/units.csv:2: warning: no unit\n"


def test_for_machines_it_is_the_result_as_the_store_keeps_it(store, service, capsys):
    service(RESULT)
    code, out, _ = told(capsys, "--store", store, "--json")
    assert (code, json.loads(out)) == (0, {"schema": 1, **RESULT})


def test_when_nothing_changed_that_is_fine_and_said(store, service, capsys):
    service({**RESULT, "result": "unchanged", "after": VERSIONS, "changes": [], "needs_restart": ["mllp", "senders"]})
    code, out, _ = told(capsys, "--store", store)
    assert (code, out.splitlines()) == (
        0,
        [
            "Nothing changed: the service already reads with what the files say.",
            "mappings  aaaa, as before",
            "policies  cccc, as before",
            "Changed, and taken at a restart only: mllp, senders.",
        ],
    )


def test_faults_are_told_with_their_lines_and_end_with_1(store, service, capsys):
    service({**RESULT, "result": "failed", "after": VERSIONS, "changes": [], "faults": [FAULT]})
    code, out, err = told(capsys, "--store", store)
    assert (code, out) == (1, "")
    assert err.splitlines()[:2] == [
        "ours/tables/units.csv:2: no unit",
        "Nothing was taken: the service goes on with what it has. Mend the files, then ask again.",
    ]


def test_without_a_service_it_ends_with_2_and_asks_nobody(store, capsys):
    code, out, err = told(capsys, "--store", store)
    assert (code, out) == (2, "")
    assert err == f"No service runs on {store}; one that starts reads the files as they are then.\n"
    assert not (store / FOLDER).exists()


@pytest.mark.parametrize("text", ["store: [", "storre: x\n", "\x00"])
def test_a_configuration_with_faults_alone_names_no_store(tmp_path, capsys, text):
    (tmp_path / "site.yaml").write_text(text)
    code, out, err = told(capsys, "--config", tmp_path / "site.yaml")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == "The service was not asked and goes on as it is."


@pytest.mark.usefixtures("service")
def test_a_configuration_with_faults_beside_the_store_is_for_the_service_to_tell(tmp_path, store, service, capsys):
    (tmp_path / "site.yaml").write_text("store: [")
    service({**RESULT, "result": "failed", "faults": [FAULT]})
    assert told(capsys, "--store", store, "--config", tmp_path / "site.yaml")[0] == 1


@pytest.mark.parametrize("place", ["nowhere", "a-file"])
def test_a_folder_that_is_no_store_has_no_service(tmp_path, capsys, place):
    (tmp_path / "a-file").write_text("")
    assert told(capsys, "--store", tmp_path / place)[0] == 2


def test_which_store_must_be_said(capsys):
    code, _, err = told(capsys)
    assert (code, err) == (2, "Name the store: --store DIR, or --config FILE that names it.\n")


@pytest.mark.usefixtures("service")
def test_a_store_that_cannot_be_written_is_told_in_a_sentence(store, capsys):
    (store / FOLDER).write_text("a file in the way")
    code, out, err = told(capsys, "--store", store)
    assert (code, out) == (2, "")
    assert err.startswith(f"The store folder {store} cannot be written: ")


def test_what_it_waits_for_is_said_on_stderr(store, service, capsys, monkeypatch):
    monkeypatch.setattr("adapter.commands.asked.SAY_EVERY_S", 0.0)
    real = Requests.answer

    def late(*words):
        time.sleep(0.5)
        return real(*words)

    monkeypatch.setattr(Requests, "answer", late)
    service(RESULT)
    code, out, err = told(capsys, "--store", store, "--json")
    assert (code, json.loads(out)["result"]) == (0, "reloaded")
    assert err.splitlines()[0].startswith("0 messages wait to be read, those from before the reload first.")


def test_a_service_that_ends_first_is_told(store, capsys, monkeypatch):
    holders = iter([1, None])
    monkeypatch.setattr("adapter.commands.reload.lock_holder", lambda _: next(holders))
    code, out, err = told(capsys, "--store", store)
    assert (code, out) == (2, "")
    assert "ended" in err
