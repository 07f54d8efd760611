"""The parent reloads step by step: prepared by both, held by core, taken by intake before core, or by nobody."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from queue import SimpleQueue
from types import SimpleNamespace

import pytest

from adapter.app import reloading as module
from adapter.app.asking import ASKED, DONE
from adapter.app.handing_over import unpacked
from adapter.app.orders import DROP, FACTS, FAILED, HELD, HOLD, PREPARE, PREPARED, TAKE, TAKEN
from adapter.app.parts import Instructions, read_everything
from adapter.app.reloading import FOLDER, Reloading, Request, ask_to_reload
from adapter.app.site_files import Seen
from adapter.app.versions import versions_of
from adapter.knowledge.text_yaml import Fault

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
FAULT = Fault(file="ours/tables/units.csv", line=2, text="'parsecs' is no unit")


class Process:
    """A child as the parent sees it, whose answers the test gives."""

    def __init__(self, name, runs, until=0):
        self.name, self.runs = name, runs
        self.orders = []
        self.said = ("", "")
        self.until = {"inbox": until}
        self.killed = self.dead = False
        self.process = SimpleNamespace(kill=self.kill, poll=lambda: -9 if self.dead else None)

    def kill(self):
        self.killed = True

    def tell(self, order):
        self.orders.append(order)

    def heard(self):
        """What it was told of changes."""
        return [order["order"] for order in self.orders if order["order"] != FACTS]

    def say(self, said):
        self.said = (self.orders[-1 if self.orders[-1]["order"] != FACTS else -2]["change"], said)


class Files:
    """A site whose files say what the test wants."""

    def __init__(self):
        self.answers, self.seen, self.asked = SimpleQueue(), None, 0

    def ask(self):
        self.asked += 1

    def say(self, seen):
        self.seen = seen
        self.answers.put(seen)


@pytest.fixture(scope="module")
def old():
    loaded, faults = read_everything(Instructions(), thorough=False)
    assert faults == []
    return loaded


@pytest.fixture
def service(old, tmp_path):
    """A running service of two scripted processes."""
    running = replace(old, settings=replace(old.settings, store=tmp_path))
    files = Files()
    children = {name: Process(name, versions_of(running), until=7) for name in ("core", "intake")}
    reloading = Reloading(running, files, lambda: NOW)
    made = SimpleNamespace(reloading=reloading, files=files, children=children, folder=tmp_path / FOLDER, old=running)
    made.new = replace(running, knowledge=replace(running.knowledge, hash="fedcba9876543210"))
    made.core, made.intake = children["core"], children["intake"]
    made.step = lambda: reloading.step(children)
    return made


@pytest.fixture
def clock(monkeypatch):
    at = SimpleNamespace(s=1000.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: at.s))
    return at


def ask(service, name="r1"):
    ask_to_reload(service.folder.parent, Request(id=name, asked_at="2026-03-10T11:59:00Z", by="anna"))


def result(service, name="r1"):
    place = service.folder / f"{name}{DONE}"
    return json.loads(place.read_text()) if place.exists() else None


def begun(service):
    """A reload both processes were told to prepare."""
    ask(service)
    service.step()
    service.files.say(Seen(loaded=service.new))
    service.step()
    service.step()


def held(service):
    begun(service)
    for child in service.children.values():
        child.said = ("r1", PREPARED)
    service.step()
    service.core.said = ("r1", HELD)


def test_core_holds_before_intake_takes_and_takes_after_it_with_its_last_place(service):
    begun(service)
    assert [child.heard() for child in (service.core, service.intake)] == [[PREPARE], [PREPARE]]
    given = next(order for order in service.intake.orders if order["order"] == PREPARE)
    assert versions_of(unpacked(given["loaded"])) == versions_of(service.new)
    service.intake.said = ("r1", PREPARED)
    service.step()
    assert service.core.heard() == [PREPARE]
    service.core.said = ("r1", PREPARED)
    service.step()
    assert [child.heard() for child in (service.core, service.intake)] == [[PREPARE, HOLD], [PREPARE]]
    assert service.reloading.handed["intake"] is service.old
    service.core.said = ("r1", HELD)
    service.step()
    assert [child.heard() for child in (service.core, service.intake)] == [[PREPARE, HOLD], [PREPARE, TAKE]]
    service.intake.said = ("r1", TAKEN)
    service.step()
    assert service.core.heard() == [PREPARE, HOLD, TAKE]
    taking = next(order for order in service.core.orders if order["order"] == TAKE)
    assert taking == {"order": TAKE, "change": "r1", "until": {"inbox": 7}}
    assert result(service) is None
    service.core.said = ("r1", TAKEN)
    service.step()
    told = result(service)
    assert (told["result"], told["by"]) == ("reloaded", "anna")
    assert (told["before"], told["after"]) == (
        versions_of(service.old).as_dict(),
        versions_of(service.new).as_dict(),
    )
    assert service.reloading.handed == dict.fromkeys(("core", "intake"), service.new)
    assert [file.name for file in service.folder.iterdir()] == [f"r1{DONE}"]


def test_with_faults_nobody_is_told_anything(service, capsys):
    ask(service)
    service.step()
    service.files.say(Seen(loaded=None, faults=(FAULT,)))
    service.step()
    told = result(service)
    assert (told["result"], told["after"]) == ("failed", versions_of(service.old).as_dict())
    assert told["faults"] == [
        {"file": FAULT.file, "line": 2, "column": None, "text": FAULT.text, "severity": "error"},
    ]
    assert [child.heard() for child in service.children.values()] == [[], []]
    assert str(FAULT) in capsys.readouterr().err
    assert not service.reloading.busy


def test_the_same_files_change_nothing_and_tell_what_needs_a_restart(service):
    ask(service)
    service.step()
    service.files.say(Seen(loaded=service.old, needs_restart=("mllp",)))
    service.step()
    assert (result(service)["result"], result(service)["needs_restart"]) == ("unchanged", ["mllp"])
    assert service.core.heard() == []


@pytest.mark.parametrize("room", ["core", "intake"])
def test_when_one_cannot_prepare_both_go_on_as_they_are(service, room):
    begun(service)
    service.children[room].said = ("r1", FAILED)
    service.step()
    assert [child.heard() for child in service.children.values()] == [[PREPARE, DROP], [PREPARE, DROP]]
    assert result(service)["result"] == "failed"
    assert service.reloading.handed == dict.fromkeys(("core", "intake"), service.old)


@pytest.mark.parametrize(("waited_s", "gives_up"), [(30.0, False), (30.1, True)])
def test_a_process_that_does_not_prepare_is_not_waited_for_for_ever(service, clock, waited_s, gives_up):
    begun(service)
    clock.s += waited_s
    service.step()
    assert (result(service) is not None) is gives_up


@pytest.mark.parametrize(("waited_s", "gives_up"), [(600.0, False), (600.1, True)])
def test_a_replay_that_goes_on_and_on_ends_the_reload_and_core_goes_on(service, clock, waited_s, gives_up):
    begun(service)
    for child in service.children.values():
        child.said = ("r1", PREPARED)
    service.step()
    clock.s += waited_s
    service.step()
    assert (DROP in service.core.heard(), result(service) is not None) == (gives_up, gives_up)


def test_a_process_that_died_while_it_prepared_is_told_again_when_it_is_back(service):
    begun(service)
    service.intake.said = ("r1", PREPARED)
    service.children["core"] = Process("core", versions_of(service.old))
    service.step()
    assert service.children["core"].heard() == [PREPARE]
    assert service.intake.heard() == [PREPARE]


def test_a_core_that_died_while_it_held_is_prepared_and_held_anew_before_intake_takes(service):
    begun(service)
    for child in service.children.values():
        child.said = ("r1", PREPARED)
    service.step()
    again = service.children["core"] = Process("core", versions_of(service.old))
    service.step()
    service.step()
    assert (again.heard(), service.intake.heard()) == ([PREPARE], [PREPARE])
    again.said = ("r1", PREPARED)
    service.step()
    assert again.heard() == [PREPARE, HOLD]


def test_a_core_that_dies_while_intake_takes_comes_back_after_it_and_with_the_new_set(service):
    held(service)
    assert service.reloading.may_start("core")
    service.step()
    assert (service.reloading.may_start("core"), service.reloading.may_start("intake")) == (False, True)
    service.intake.said = ("r1", TAKEN)
    service.step()
    assert service.reloading.may_start("core")
    assert service.reloading.handed["core"] is service.new
    service.children["core"] = Process("core", versions_of(service.new))
    service.step()
    assert result(service)["result"] == "reloaded"


def test_an_intake_that_dies_while_it_takes_comes_back_with_the_new_set_and_core_follows(service):
    held(service)
    service.step()
    assert service.reloading.handed == {"intake": service.new, "core": service.old}
    service.children["intake"] = Process("intake", versions_of(service.new), until=9)
    service.step()
    taking = service.core.orders[-1] if service.core.orders[-1]["order"] == TAKE else service.core.orders[-2]
    assert (taking["order"], taking["until"]) == (TAKE, {})


def test_core_does_not_wait_for_an_intake_that_cannot_come_back(service):
    held(service)
    service.step()
    service.intake.dead = True
    service.step()
    taking = next(order for order in service.core.orders if order["order"] == TAKE)
    assert taking["until"] == {}
    assert service.reloading.handed == dict.fromkeys(("core", "intake"), service.new)


@pytest.mark.parametrize(("said", "waited_s", "killed"), [("", 30.0, False), ("", 30.1, True), (FAILED, 0.0, True)])
def test_an_intake_that_does_not_take_what_it_prepared_is_started_anew(service, clock, said, waited_s, killed):
    held(service)
    service.step()
    service.intake.said = ("r1", said or PREPARED)
    clock.s += waited_s
    service.step()
    assert service.intake.killed is killed
    service.step()
    assert service.core.heard() == [PREPARE, HOLD]


def test_core_may_read_what_came_in_before_for_as_long_as_it_takes(service, clock):
    held(service)
    service.step()
    service.intake.said = ("r1", TAKEN)
    service.step()
    clock.s += 100_000
    service.step()
    assert (service.core.killed, result(service)) == (False, None)


def test_several_requests_at_once_are_one_reload_and_a_later_one_is_the_next(service):
    ask(service, "r1")
    ask(service, "r2")
    service.step()
    ask(service, "r3")
    service.files.say(Seen(loaded=service.old))
    service.step()
    assert service.files.asked == 1
    assert [bool(result(service, name)) for name in ("r1", "r2", "r3")] == [True, True, False]
    service.step()
    assert service.files.asked == 2


def test_a_signal_asks_too_and_leaves_its_line(service):
    service.reloading.ask_by_signal()
    service.step()
    service.files.say(Seen(loaded=service.old))
    service.step()
    (line,) = service.folder.iterdir()
    assert json.loads(line.read_text())["by"] == "SIGHUP"


def test_a_result_that_cannot_be_written_is_written_when_there_is_room(service, clock, monkeypatch):
    real = module.Requests.answer

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.Requests, "answer", full)
    ask(service)
    service.step()
    service.files.say(Seen(loaded=service.old))
    service.step()
    service.step()
    assert (result(service), service.files.asked) == (None, 1)
    monkeypatch.setattr(module.Requests, "answer", real)
    service.step()
    assert result(service) is None
    clock.s += module.RETRY_S
    service.step()
    assert result(service)["result"] == "unchanged"
    assert not (service.folder / f"r1{ASKED}").exists()


def test_a_request_that_cannot_be_removed_is_not_done_again_and_again(service, monkeypatch):
    def stands(_self, *_, **__):
        raise PermissionError(13, "Permission denied")

    ask(service)
    service.step()
    monkeypatch.setattr("pathlib.Path.unlink", stands)
    service.files.say(Seen(loaded=service.old))
    for _ in range(3):
        service.step()
    assert (result(service)["result"], service.files.asked) == ("unchanged", 1)


def test_core_hears_what_both_read_with_once_and_again_when_it_is_new(service):
    service.step()
    service.step()
    (told,) = [order["facts"] for order in service.core.orders]
    ours = versions_of(service.old)
    assert told == {
        "mappings": {"core": ours.mappings, "intake": ours.mappings},
        "policies": {"core": ours.policies, "intake": ours.policies},
        "folder_differs": None,
        "needs_restart": [],
        "last_reload": None,
    }
    service.files.seen = Seen(loaded=service.new)
    service.step()
    assert service.core.orders[-1]["facts"]["folder_differs"] is True
    service.children["core"] = Process("core", ours)
    service.step()
    assert len(service.children["core"].orders) == 1


@pytest.mark.parametrize(("changed", "differs"), [(False, False), (True, True)])
def test_files_that_cannot_be_read_differ_and_those_that_say_the_same_do_not(service, changed, differs):
    service.files.seen = Seen(loaded=None, faults=(FAULT,)) if changed else Seen(loaded=service.old)
    assert service.reloading.facts(service.children)["folder_differs"] is differs


def test_warnings_about_files_that_are_taken_stand_in_the_result(service):
    ask(service, "r1")
    service.step()
    warning = replace(FAULT, severity="warning")
    service.files.say(Seen(loaded=service.old, faults=(warning,)))
    service.step()
    told = result(service, "r1")
    assert (told["result"], told["faults"]) == ("unchanged", [asdict(warning)])
