"""`troughline bench --peers`: the seven checks on recorded answers, what it prints, what it says when it cannot run."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from adapter.cli import main
from adapter.commands import bench_peers, bench_peers_environment
from adapter.commands.bench_load import Measured
from adapter.commands.bench_peers import EXTENTS, Outcome
from adapter.commands.bench_peers_cases import CASES, messages, patient_of
from adapter.commands.bench_peers_checks import CHECKS, Checked, Held, Result, checked, held_by_reader, held_in_fhir
from adapter.commands.bench_peers_environment import REQUIREMENTS, Environment, environment, holds
from adapter.commands.bench_peers_known import OURS, PEERS
from adapter.commands.bench_peers_runs import Compared, PeerRun, count_for
from adapter.commands.bench_peers_servers import PeerDied
from adapter.ingest.hl7v2 import peek

RECORDED = json.loads((Path(__file__).parent / "golden" / "peers-recorded.json").read_text(encoding="utf-8"))
NOT_CLAIMED = {OURS: {}, **{peer.name: peer.not_claimed for peer in PEERS}}
YES, NOT_DONE = "yes", "does not do this"
READER = (YES, YES, YES, NOT_DONE, NOT_DONE, YES, NOT_DONE)
ANSWERS = {
    OURS: (YES,) * 7,
    "python-hl7": READER,
    "hl7apy": READER,
    "hl7v2-fhir-bridge": (NOT_DONE, YES, NOT_DONE, YES, YES, YES, NOT_DONE),
}
FINAL = Result(
    key="Observation/a", number="0.23", text="Report of line one", at="2025-03-08T07:15:00+05:30", status="final"
)
CORRECTED = replace(FINAL, number="0.05", text="Report of line two", status="corrected")
MEASURED = Measured(
    messages=100,
    begun_at=0.0,
    seconds=0.5,
    cpu_us=10.0,
    p50_us=100.0,
    p95_us=200.0,
    p99_us=300.0,
    p999_us=400.0,
    most_us=500.0,
    codes={"AA": 99, "AE": 1},
    bytes_per_message=480.0,
)
PROGRAM = Compared(
    name=OURS,
    version="1",
    what="reads",
    an_answer_means="read",
    runs=[PeerRun(feed="unfiltered", connections=64, measured=MEASURED, whole_s=1.0, cpu_us=5.0)],
    checks=[Checked(id=check, answer="yes", why="the number itself") for check in CHECKS],
)
PEER = replace(PROGRAM, name="python-hl7", checks=[replace(check, answer="no") for check in PROGRAM.checks])


def held(*results, stored=("Observation/a 1",)):
    return Held(results=results, stored=stored)


def recorded(step):
    return held_by_reader(step["read"]) if "read" in step else held_in_fhir(step["resources"], step["stored"])


@pytest.mark.parametrize("name", list(RECORDED))
def test_the_answers_every_program_gave_are_judged_alike(name):
    told = [
        checked(check, [recorded(step) for step in steps], NOT_CLAIMED[name]) for check, steps in RECORDED[name].items()
    ]
    assert tuple(one.answer for one in told) == ANSWERS[name]
    assert [one.id for one in told] == list(CHECKS)


def test_what_a_program_carries_as_text_is_said_to_be_text():
    steps = [recorded(step) for step in RECORDED["hl7v2-fhir-bridge"]["after-specimen"]]
    assert checked("after-specimen", steps, {}).why == "as text of the report"


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        ("number", [held(FINAL)], [held(replace(FINAL, number="0.24"))]),
        ("number", [held(replace(FINAL, number="0.230"))], [held(replace(FINAL, number=""))]),
        ("offset", [held(FINAL)], [held(replace(FINAL, at="2025-03-08T01:45:00+00:00"))]),
        ("offset", [held(replace(FINAL, at="20250308071500+0530"))], [held(replace(FINAL, at="20250308071500"))]),
        (
            "comparator",
            [held(replace(FINAL, number="0.03", comparator="<"))],
            [held(replace(FINAL, number="0.03", comparator=""))],
        ),
        (
            "comparator",
            [held(replace(FINAL, number="0.03", comparator="<"))],
            [held(replace(FINAL, number="", text="<0.03"))],
        ),
        ("resend", [held(FINAL)] * 2, [held(FINAL), held(FINAL, stored=("Observation/a 2",))]),
        ("resend", [held(FINAL)] * 2, [held(FINAL), held(FINAL, replace(FINAL, key="Observation/b"))]),
        ("resend", [held(FINAL)] * 2, [held(stored=())] * 2),
        ("late-final", [held(FINAL), held(CORRECTED), held(CORRECTED)], [held(FINAL), held(CORRECTED), held(FINAL)]),
        (
            "late-final",
            [held(FINAL), held(CORRECTED), held(CORRECTED)],
            [held(FINAL), held(CORRECTED), held(replace(CORRECTED, status="final"))],
        ),
        (
            "late-final",
            [held(CORRECTED)],
            [held(CORRECTED, replace(FINAL, key="Observation/b"))],
        ),
        ("after-specimen", [held(FINAL)], [held()]),
        (
            "withdrawn",
            [held(FINAL), held(replace(FINAL, status="entered-in-error"))],
            [held(FINAL), held(replace(FINAL, status="corrected"))],
        ),
        ("withdrawn", [held(FINAL), held()], [held(), held()]),
    ],
)
def test_each_check_tells_right_from_wrong(check, right, wrong):
    assert checked(check, right, {}).answer == "yes"
    assert checked(check, wrong, {}).answer == "no"
    assert checked(check, wrong, {check: "for another purpose"}).as_dict() == {
        "id": check,
        "check": CHECKS[check],
        "answer": "does not do this",
        "why": "for another purpose",
    }
    assert checked(check, right, {check: "for another purpose"}).answer == "yes"


def test_what_other_checks_left_behind_does_not_count():
    before = held(FINAL)
    after = held(FINAL, replace(FINAL, key="Observation/b"), stored=("Observation/a 1", "Observation/b 1"))
    assert after.without(before) == held(replace(FINAL, key="Observation/b"), stored=("Observation/b 1",))


def test_every_check_has_messages_of_a_patient_and_control_ids_of_its_own():
    assert list(CASES) == list(CHECKS)
    ids = {check: {peek(message).control_id for message in messages(check)} for check in CASES}
    assert sum(map(len, ids.values())) == len(set().union(*ids.values())) == 10
    for check in CASES:
        assert all(f"|{patient_of(check)}^^^HOSP".encode() in message for message in messages(check))
    assert len({patient_of(check) for check in CASES}) == 7
    first, again = messages("resend")
    assert first == again
    (specimen_first,) = messages("after-specimen")
    assert specimen_first.index(b"\rSPM|") < specimen_first.index(b"\rOBX|")


@pytest.fixture
def comparing(monkeypatch):
    """What a run finds, without measuring it."""

    def found(*compared, left_out=None):
        monkeypatch.setattr(bench_peers, "measured", lambda *_: Outcome(compared=compared, left_out=left_out or {}))

    return found


def test_the_document_tells_every_program_with_its_runs_and_checks(comparing, capsys):
    comparing(PROGRAM, PEER, left_out={"hl7apy": "it could not be run to its end: no answer came"})
    assert main(["bench", "--peers", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == ["bench", "extent", "seed", "machine", "compared", "left_out", "seconds"]
    assert (told["bench"], told["extent"], told["seed"]) == ("peers", "quick", 20)
    assert told["left_out"] == [{"name": "hl7apy", "reason": "it could not be run to its end: no answer came"}]
    assert [one["name"] for one in told["compared"]] == [OURS, "python-hl7"]
    assert told["compared"][0]["runs"] == [
        {
            "feed": "unfiltered",
            "connections": 64,
            "messages": 100,
            "answered_per_s": 200.0,
            "whole_per_s": 100.0,
            "p50_us": 100.0,
            "p99_us": 300.0,
            "cpu_us": 5.0,
            "codes": {"AA": 99, "AE": 1},
        }
    ]
    assert told["compared"][0]["checks"][0] == {
        "id": "number",
        "check": "numeric value found",
        "answer": "yes",
        "why": "the number itself",
    }


def test_a_person_reads_who_was_compared_and_what_an_answer_means(comparing, capsys):
    comparing(PROGRAM, PEER, left_out={"hl7apy": "not installed"})
    assert main(["bench", "--peers", "--seed", "7"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("quick run of ")
    assert "seed 7;" in told[0]
    assert "AA of Troughline: read." in told
    assert "Troughline  unfiltered           64       100         200         100     100     300       5  99%" in told
    assert ["numeric", "value", "found", "yes", "no"] in [line.split() for line in told]
    assert told[-1] == "left out: hl7apy: not installed"


def test_only_a_check_of_our_own_fails_a_run(comparing, capsys):
    comparing(PROGRAM, PEER)
    assert main(["bench", "--peers", "--json"]) == 0
    comparing(replace(PROGRAM, checks=PEER.checks[:1] + PROGRAM.checks[1:]), PROGRAM)
    assert main(["bench", "--peers", "--json"]) == 1
    assert len(capsys.readouterr().out) > 0


def test_where_nothing_can_be_installed_it_says_what_is_missing(monkeypatch, tmp_path, capsys):
    def failing(command):
        failed = command[2:3] == ["pip"] or "pip" in command
        return subprocess.CompletedProcess(command, int(failed), stdout="", stderr="\nERROR: No matching distribution")

    monkeypatch.setattr(bench_peers_environment, "_run", failing)
    assert main(["bench", "--peers", "--environment", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "None of the programs compared with could be installed or run, so nothing was compared:",
        *(
            f"- {name}: {wanted[0]} could not be installed (ERROR: No matching distribution)"
            for name, wanted in REQUIREMENTS.items()
        ),
        "Run it where pip can install packages, or name with --environment a folder in which it once did.",
    ]


def test_what_takes_too_long_to_install_is_left_out_by_name(monkeypatch, tmp_path):
    def endless(command):
        raise subprocess.TimeoutExpired(command, 300)

    monkeypatch.setattr(bench_peers_environment, "_run", endless)
    made = environment(tmp_path)
    assert made.pythons == {}
    assert made.left_out["python-hl7"] == "hl7==0.4.5 was not installed within 300 s; is a package index in reach?"


@pytest.mark.parametrize(("versions", "there"), [("1.3.5\n", True), ("1.3.4\n", False), ("", False)])
def test_an_environment_is_used_again_only_with_the_same_versions(monkeypatch, tmp_path, versions, there):
    assert not holds(tmp_path, ("hl7apy==1.3.5",))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    done = subprocess.CompletedProcess([], 0, stdout=versions, stderr="")
    monkeypatch.setattr(bench_peers_environment, "_run", lambda _: done)
    assert holds(tmp_path, ("hl7apy==1.3.5",)) is there


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--peers", "--strict"], "--strict has no meaning with --peers"),
        (["--peers", "--gate", "a.json"], "--gate has no meaning with --peers"),
        (["--peers", "--save", "a.json"], "--save has no meaning with --peers"),
        (["--peers", "--nightly"], "--nightly has no meaning with --peers"),
        (["--environment", "there"], "--environment has no meaning without --peers"),
        (["--peers", "wire"], "--peers before wire has no meaning"),
        (["--environment", "there", "rules"], "--environment before rules has no meaning"),
        (["--peers", "--growth", "500,600"], "--growth has no meaning with --peers"),
        (["--growth", "500,600", "rules"], "--growth before rules has no meaning"),
        (["--full", "wire"], "--full before wire has no meaning"),
    ],
)
def test_options_that_say_nothing_together_are_refused(words, told, capsys):
    assert main(["bench", *words]) == 2
    assert told in capsys.readouterr().err


def test_a_program_that_dies_is_left_out_by_name_and_the_others_are_compared(monkeypatch, capsys):
    def compared(peer, *_):
        if peer.name == "hl7apy":
            raise PeerDied("its server ended: out of memory")
        return replace(PEER, name=peer.name)

    made = Environment(pythons=dict.fromkeys(REQUIREMENTS, Path("python")), left_out={})
    monkeypatch.setattr(bench_peers, "environment", lambda _: made)
    monkeypatch.setattr(bench_peers, "ours_compared", lambda *_: PROGRAM)
    monkeypatch.setattr(bench_peers, "peer_compared", compared)
    assert main(["bench", "--peers", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in told["compared"]] == [OURS, "python-hl7", "hl7v2-fhir-bridge"]
    reason = "it could not be run to its end: its server ended: out of memory"
    assert told["left_out"] == [{"name": "hl7apy", "reason": reason}]


@pytest.mark.parametrize(("per_s", "count"), [(10.0, 64), (100.0, 150), (1e6, 20_000)])
def test_each_gets_as_many_messages_as_it_is_done_with_in_the_same_time(per_s, count):
    assert count_for(per_s, EXTENTS["quick"]) == count
