"""`troughline import`: what is kept, what is put aside and told, and that the same command goes on."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import re
import signal
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path

import hospital
import pytest
import recovering
import structlog
from running_service import DEMO

from adapter.app import reading_on
from adapter.cli import main
from adapter.commands import import_files as command
from adapter.commands import import_keep, import_one, import_plan
from adapter.pipeline import importing
from adapter.pipeline.importing import REASONS
from adapter.settings import Source
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.folder import lock_store
from adapter.store.sqlite_inbox import SqliteInbox, SqliteInboxReader
from adapter.store.sqlite_state import SqliteState
from adapter.store.state_reader import SqliteStateReader

ANNA = f"{hospital.MRN}|900001"
load = cache(recovering.load)


@pytest.fixture(autouse=True)
def _site(monkeypatch):
    """The tables of the demo, read once, and two sources."""

    def read(instructions):
        sources = (Source(), Source(name="ehr"))
        settings = replace(load().settings, store=type(load().settings.store)(instructions.store), sources=sources)
        return replace(load(), settings=settings), []

    monkeypatch.setattr(command, "read_everything", read)
    monkeypatch.setattr(import_keep, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(reading_on, "LOOK_EVERY_S", 0.01)
    yield
    structlog.reset_defaults()


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """The exit code of the command on files of a folder, and what it printed."""
    monkeypatch.chdir(tmp_path)

    def begin(*words):
        code = main(["import", *words, "--store", str(tmp_path / "store")])
        return code, capsys.readouterr()

    return begin


@pytest.fixture
def written(tmp_path):
    def write(name, *lines, end=b"\n"):
        raw = end.join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines) + end
        (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return name

    return write


@pytest.fixture
def history(written):
    """A dose before its patient, and a reaction."""
    return (
        written("doses.ndjson", hospital.dose(), hospital.dose(number=2, day="2025-03-17")),
        written("people.jsonl.gz", hospital.patient()),
        written("allergies.json", hospital.reaction()),
    )


def binary(number):
    """A resource of no concern, as large as a scan and nothing a compression makes small."""
    return {"resourceType": "Binary", "id": str(number), "data": random.Random(number).randbytes(2000).hex()}  # noqa: S311


def kept(tmp_path):
    with closing(SqliteInboxReader(tmp_path / "store" / "inbox-core.db", "inbox-core")) as inbox:
        return [(one.arrival.file, one.arrival.raw) for one in inbox.after(0, 5000)]


def state(tmp_path):
    return closing(SqliteStateReader(tmp_path / "store" / "state.db"))


def everything_of(store):
    """Names and bytes of the files of a store, without what every reader of a database makes beside it."""
    found = {file.name: file.read_bytes() for file in store.rglob("*") if file.is_file()}
    return {name: raw for name, raw in found.items() if raw and not name.endswith("-shm")}


def test_files_are_kept_line_by_line_and_understood_in_whatever_order(run, tmp_path, history):
    code, told = run(*history, "--json")
    assert code == 0
    assert [(one["file"], one["state"], one["lines"], one["kept"]) for one in json.loads(told.out)["files"]] == [
        ("doses.ndjson", "imported", 2, 2),
        ("people.jsonl.gz", "imported", 1, 1),
        ("allergies.json", "imported", 1, 1),
    ]
    assert kept(tmp_path) == [
        ("doses.ndjson:1", json.dumps(hospital.dose()).encode()),
        ("doses.ndjson:2", json.dumps(hospital.dose(number=2, day="2025-03-17")).encode()),
        ("people.jsonl.gz:1", json.dumps(hospital.patient()).encode()),
        ("allergies.json:1", json.dumps(hospital.reaction()).encode()),
    ]
    with state(tmp_path) as found:
        assert len(found.findings_of(ANNA)) == 2
        assert found.parked() == 0
        assert found.cursor("inbox-core") == 4


def test_what_was_imported_is_not_read_again_and_restarting_changes_nothing(run, tmp_path, history):
    run(*history)
    with state(tmp_path) as found:
        before = found.written_of(ANNA)
    for words, how in (((), "imported-before"), (("--restart",), "imported")):
        code, told = run(*history, *words, "--json")
        assert code == 0
        assert {one["state"] for one in json.loads(told.out)["files"]} == {how}
    assert sum(one["known"] for one in json.loads(told.out)["files"]) == 4
    assert len(kept(tmp_path)) == 4
    with state(tmp_path) as found:
        assert found.written_of(ANNA) == before


@pytest.mark.parametrize("files", ["one", "three"])
def test_of_a_resource_without_a_version_the_line_read_last_counts(run, tmp_path, written, files):
    given = {name: value for name, value in hospital.dose().items() if name != "meta"}
    lines = [given, {**given, "status": "entered-in-error"}, given]
    if files == "one":
        names = [written("a.ndjson", hospital.patient(), *lines)]
    else:
        names = [written(f"{n}.ndjson", hospital.patient(), line) for n, line in enumerate(lines)]
    assert json.loads(run(*names, "--json", "--dry-run")[1].out)["files"][-1]["kept"] == (4 if files == "one" else 1)
    code, told = run(*names, "--json")
    assert sum(one["kept"] for one in json.loads(told.out)["files"]) == 4
    with state(tmp_path) as found:
        assert [one["dose"]["key"] for one in found.findings_of(ANNA)] == [f"MedicationAdministration/{given['id']}"]
    again, _ = run(written("b.ndjson", given), "--json")
    assert (code, again, len(kept(tmp_path))) == (0, 0, 4)
    run(written("c.ndjson", lines[1]), "--json")
    with state(tmp_path) as found:
        assert found.findings_of(ANNA) == []


def test_bad_lines_are_put_aside_byte_for_byte_with_their_places(run, tmp_path, written):
    bad = [
        b"{bad",
        b"\xff\xfe",
        b'{"id":"x"}',
        b'{"resourceType":"P","x":NaN}',
        b'{"resourceType":"P","resourceType":"Q"}',
    ]
    name = written("a.ndjson", hospital.patient(), *bad, b"", hospital.dose())
    code, told = run(name, "--json")
    assert code == 1
    (of,) = json.loads(told.out)["files"]
    assert (of["kept"], of["lines"]) == (2, 8)
    assert of["rejected"]["reasons"] == {"not-json": 2, "not-utf8": 1, "no-resource-type": 1, "key-twice": 1}
    assert [one["line"] for one in of["rejected"]["first"]] == ["2", "3", "4", "5", "6"]
    aside = tmp_path / of["rejected"]["file"]
    assert aside.read_bytes() == b"".join(line + b"\n" for line in bad)
    content = (tmp_path / name).read_bytes()
    for place, line in zip(of["rejected"]["first"], bad, strict=True):
        assert content[place["offset"] :].startswith(line + b"\n")
    assert run(name)[0] == 1


def test_what_waits_is_counted_with_its_lines(run, written):
    broken = {**hospital.dose(number=3), "status": "banana"}
    name = written("a.ndjson", hospital.dose(), hospital.patient("900002"), broken)
    code, told = run(name, "--json")
    assert code == 1
    (of,) = json.loads(told.out)["files"]
    assert of["waiting"] == {
        "reasons": {"unknown-patient": 1, "fhir-invalid": 1},
        "first": [{"line": "1", "reason": "unknown-patient"}, {"line": "3", "reason": "fhir-invalid"}],
    }
    assert "a.ndjson: in the work list: 1 unknown-patient, 1 fhir-invalid" in run(name)[1].out


def test_what_is_known_and_still_waits_is_counted_until_it_waits_no_longer(run, written):
    broken = {**hospital.dose(number=3), "status": "banana"}
    run(written("a.ndjson", hospital.dose(), broken))
    again = written("b.ndjson", hospital.patient("900002"), hospital.dose(), broken, broken)
    for words in (("--dry-run",), (), (), ("--restart",)):
        code, told = run(again, *words, "--json")
        (of,) = json.loads(told.out)["files"]
        assert code == 1
        assert of["waiting"] == {
            "reasons": {"unknown-patient": 1, "fhir-invalid": 1},
            "first": [{"line": "2", "reason": "unknown-patient"}, {"line": "3", "reason": "fhir-invalid"}],
        }
    run(written("c.ndjson", hospital.patient()))
    assert json.loads(run(again, "--json")[1].out)["files"][0]["waiting"]["reasons"] == {"fhir-invalid": 1}
    assert run(written("d.ndjson", hospital.dose()), "--json")[0] == 0


@pytest.mark.parametrize("form", ["a line", "a bundle"])
def test_what_breaks_its_definition_waits_on_until_it_is_discarded(run, tmp_path, written, capsys, form):
    broken = {**hospital.dose(number=3), "status": "banana"}
    run(written("a.ndjson", hospital.patient(), broken if form == "a line" else bundle({"resource": broken})))
    store = ("--store", str(tmp_path / "store"), "--mappings", str(DEMO))
    assert main(["worklist", "list", *store, "--json"]) == 1
    (waiting,) = json.loads(capsys.readouterr().out)["messages"]
    assert (waiting["reason"], waiting["readable_now"]) == ("fhir-invalid", False)
    assert waiting["where"] == ["MedicationAdministration.status"]
    place = ("inbox-core/2", *store[:2], "--because", "corrected at the source")
    assert main(["worklist", "discard", *place]) == 0
    assert main(["worklist", "list", *store]) == 0


def test_nothing_of_a_line_is_told(run, written):
    secret = b'{"resourceType": "Zzsecret", "name": "Zztest"'
    named = {**hospital.dose(mrn="4711"), "status": "zzbanana"}
    name = written("a.ndjson", hospital.patient(), secret, named, b'["Zztest"]')
    for words in ((), ("--restart",), ("--dry-run",), ("--restart", "--json")):
        told = run(name, *words)[1]
        assert not re.search("zz|4711|900001", told.out + told.err, re.IGNORECASE)


def test_a_dry_run_tells_what_would_come_of_it_and_leaves_nothing(run, tmp_path, history, written):
    bad = written("bad.ndjson", b"{bad", {**hospital.dose(number=3), "status": "banana"})
    code, told = run(*history, bad, "--dry-run", "--json")
    assert code == 1
    tree = json.loads(told.out)
    assert [(one["state"], one["kept"]) for one in tree["files"]] == [
        ("read", 2),
        ("read", 1),
        ("read", 1),
        ("read", 1),
    ]
    assert tree["files"][3]["rejected"]["reasons"] == {"not-json": 1}
    assert tree["files"][3]["waiting"]["reasons"] == {"fhir-invalid": 1}
    assert tree["dry_run"] is True
    assert tree["would"]["facts"]["new"] == 3
    assert not (tmp_path / "store").exists()
    run(*history)
    before = everything_of(tmp_path / "store")
    code, told = run(*history, bad, "--dry-run")
    assert "DRY RUN" in told.out
    assert "Would read 0 new facts; resources: none." in told.out
    assert everything_of(tmp_path / "store") == before


def test_an_interrupted_import_goes_on_and_tells_so(run, tmp_path, written, monkeypatch):
    name = written("a.ndjson", *(hospital.patient(str(number)) for number in range(10)))
    monkeypatch.setattr(importing, "TOGETHER_LINES", 3)
    real, calls = import_one.tail_of, []

    def interrupted(path, offset):
        calls.append(offset)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(path, offset)

    monkeypatch.setattr(import_one, "tail_of", interrupted)
    code, told = run(name)
    assert code == 2
    assert "Stopped. What was kept is kept. The same command goes on from there." in told.err
    assert len(kept(tmp_path)) == 6
    code, told = run(name, "--json")
    assert code == 0
    assert [one[0] for one in kept(tmp_path)] == [f"a.ndjson:{number}" for number in range(1, 11)]
    (of,) = json.loads(told.out)["files"]
    assert (of["kept"], of["known"], of["lines"]) == (10, 0, 10)


@pytest.mark.parametrize("change", ["longer", "other beginning", "other end"])
def test_a_file_that_changed_is_refused_until_it_is_begun_anew(run, tmp_path, written, change):
    people = [binary(number) for number in range(40)]
    name = written("a.ndjson", *people)
    run(name)
    if change == "longer":
        written(name, *people, binary(99))
    else:
        at = 3 if change == "other beginning" else 39
        people[at] = binary(at + 50)
        written(name, *people)
    code, told = run(name)
    assert code == 2
    assert "changed since it was imported up to line 40; --restart" in told.err
    code, told = run(name, "--restart", "--json")
    assert code == 0
    (of,) = json.loads(told.out)["files"]
    assert (of["kept"], of["known"]) == (1, 40 if change == "longer" else 39)
    assert len(kept(tmp_path)) == 41


def test_the_same_lines_from_another_source_are_others(run, tmp_path, written):
    name = written("a.ndjson", hospital.patient())
    run(name)
    code, told = run(name, "--source", "ehr", "--json")
    assert (code, json.loads(told.out)["source"]) == (0, "ehr")
    assert len(kept(tmp_path)) == 2


def test_standard_input_is_ndjson_from_its_beginning(run, tmp_path, monkeypatch):
    raw = json.dumps(hospital.patient()).encode() + b"\n{bad"

    def given():
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))

    for kept_now, known in ((1, 0), (0, 1)):
        given()
        code, told = run("-", "--json")
        (of,) = json.loads(told.out)["files"]
        assert (code, of["file"], of["kept"], of["known"], of["rejected"]["reasons"]) == (
            1, "stdin", kept_now, known, {"not-json": 1},
        )  # fmt: skip
    assert [file for file, _ in kept(tmp_path)] == ["stdin:1"]


def bundle(*entries, **more):
    return {"resourceType": "Bundle", "type": "collection", "entry": list(entries), **more}


def test_a_small_bundle_is_kept_as_it_stands(run, tmp_path, written):
    whole = bundle({"resource": hospital.dose()}, {"resource": hospital.patient()})
    raw = json.dumps(whole, indent=1).encode()
    code, _ = run(written("b.json", raw))
    assert code == 0
    assert kept(tmp_path) == [("b.json:1", raw)]
    with state(tmp_path) as found:
        assert len(found.findings_of(ANNA)) == 1


@pytest.mark.parametrize("name", ["b.json", "b.json.gz"])
def test_a_large_bundle_comes_in_portions_that_know_whom_they_are_about(run, tmp_path, written, name):
    person = {key: value for key, value in hospital.patient().items() if key != "id"}
    filling = {"resource": {"resourceType": "Binary", "data": "A" * 4000}}
    first = {**hospital.dose(), "subject": {"reference": "urn:uuid:9b8f6f7e-0000-4000-8000-000000000001"}}
    entries = [
        {"fullUrl": "urn:uuid:9b8f6f7e-0000-4000-8000-000000000001", "resource": person},
        *(filling for _ in range(400)),
        {"resource": first},
        {"resource": {"id": "no type"}},
    ]
    code, told = run(written(name, bundle(*entries)), "--json")
    (of,) = json.loads(told.out)["files"]
    assert code == 1
    assert (of["lines"], of["kept"]) == (403, 3)
    assert of["rejected"]["first"][0]["line"] == "403"
    assert of["rejected"]["reasons"] == {"no-resource-type": 1}
    with state(tmp_path) as found:
        assert len(found.findings_of(ANNA)) == 1
        assert found.parked() == 0
    assert run(name)[0] == 1
    assert json.loads(run(name, "--restart", "--json")[1].out)["files"][0]["known"] == 3


@pytest.mark.parametrize("filling", [0, 300])
def test_a_byte_order_mark_before_a_bundle_is_passed_over(run, tmp_path, filling):
    large = ({"resource": {"resourceType": "Binary", "data": "A" * 4000}} for _ in range(filling))
    raw = json.dumps(bundle({"resource": hospital.patient()}, *large)).encode()
    (tmp_path / "b.json").write_bytes(b"\xef\xbb\xbf" + raw + b"\n")
    assert run("b.json")[0] == 0
    assert kept(tmp_path)[0][1].startswith(b'{"resourceType"')


@pytest.mark.parametrize("name", ["b.json", "b.json.gz"])
@pytest.mark.parametrize("size", [1, 5000])
def test_a_bundle_that_is_cut_short_is_told_and_not_kept(run, tmp_path, written, size, name):
    raw = json.dumps(bundle(*({"resource": hospital.patient(str(number))} for number in range(size)))).encode()[:-5]
    code, told = run(written(name, raw))
    assert code == 2
    assert f"{name} was not read to its end: it is not one whole JSON object" in told.out
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            b'{"resourceType":"Basket","entry":[{"resource":{}},' + b" " * 1_100_000 + b'{"resource":{}}]}',
            "is no Bundle",
        ),
        (b'{"resourceType":"Bundle","a":1,"a":2,"entry":[{}' + b" " * 1_100_000 + b"]}", "a key stands twice"),
        (b"", "it is empty"),
    ],
)
def test_what_is_no_bundle_is_told(run, tmp_path, raw, said):
    (tmp_path / "b.json").write_bytes(raw)
    code, told = run("b.json")
    assert code == 2
    assert said in told.out


def test_a_compressed_file_that_is_cut_short_keeps_what_stood_before(run, tmp_path, written):
    name = written("a.ndjson.gz", *(binary(number) for number in range(60)))
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    code, told = run(name, "--json")
    (of,) = json.loads(told.out)["files"]
    assert (code, of["state"]) == (2, "stopped")
    assert "cut short" in of["fault"]
    assert 0 < of["kept"] == len(kept(tmp_path)) < 60
    (tmp_path / name).write_bytes(whole)
    assert run(name)[0] == 2
    code, told = run(name, "--restart", "--json")
    assert code == 0
    assert len(kept(tmp_path)) == 60


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.hl7",), "drop folder"),
        (("a.xml",), "not a name of NDJSON"),
        (("absent.ndjson",), "there is no such file"),
        (("-", "-"), "named twice"),
        (("a.ndjson", "--source", "her"), "There is no source 'her'; did you mean 'ehr'?"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_done(run, tmp_path, written, words, said):
    written("a.ndjson", hospital.patient())
    code, told = run(*words)
    assert code == 2
    assert said in told.err
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("name", "shown"),
    [(b"a\xff.ndjson", r"a\udcff.ndjson"), (b"a\x1b[31m.ndjson", r"a\x1b[31m.ndjson"), (b"a\n.json", r"a\n.json")],
)
def test_a_name_that_cannot_be_shown_is_told_safely(run, tmp_path, name, shown):
    file = Path(os.fsdecode(bytes(tmp_path) + b"/" + name))
    file.write_bytes(b"{}")
    for words in ((file.name,), (str(file),)):
        code, told = run(*words)
        assert (code, told.out) == (2, "")
        assert f"{shown}: the name holds what cannot be shown" in told.err
    assert not (tmp_path / "store").exists()


def test_a_folder_that_cannot_be_shown_is_told_safely(run, tmp_path, monkeypatch):
    folder = Path(os.fsdecode(bytes(tmp_path) + b"/f\xff"))
    folder.mkdir()
    (folder / "a.ndjson").write_bytes(b"{}")
    monkeypatch.chdir(folder)
    code, told = run("a.ndjson")
    assert code == 2
    assert r"f\udcff/a.ndjson: a folder has a name that cannot be shown" in told.err


def test_a_signal_to_end_says_what_ctrl_c_says(run, written, monkeypatch):
    was = signal.getsignal(signal.SIGTERM)

    def ended(*_):
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(command, "_imported", ended)
    code, told = run(written("a.ndjson", hospital.patient()))
    assert code == 2
    assert "Stopped. What was kept is kept. The same command goes on from there." in told.err
    assert signal.getsignal(signal.SIGTERM) is was


def test_no_store_is_told(capsys, tmp_path, monkeypatch, written):
    written("a.ndjson", hospital.patient())
    monkeypatch.chdir(tmp_path)
    assert main(["import", "a.ndjson"]) == 2
    assert "Name the store" in capsys.readouterr().err


def test_a_file_that_may_not_be_read_is_told(run, written, monkeypatch):
    def refused(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(import_plan, "head_of", refused)
    code, told = run(written("a.ndjson", hospital.patient()))
    assert code == 2
    assert told.err == "a.ndjson cannot be read: Permission denied.\n"


def test_a_state_that_breaks_is_told_and_the_next_start_goes_on(run, tmp_path, history, monkeypatch):
    def broken(*_):
        raise StoreBroken("torn")

    with monkeypatch.context() as patched:
        patched.setattr(SqliteState, "commit", broken)
        code, told = run(*history)
    assert code == 2
    assert "Reading what was kept has stopped; start the command again." in told.err
    assert len(kept(tmp_path)) == 4
    assert run(*history)[0] == 0
    with state(tmp_path) as found:
        assert len(found.findings_of(ANNA)) == 2


def test_a_full_disk_is_told_with_the_place_that_was_reached(run, tmp_path, written, monkeypatch):
    monkeypatch.setattr(importing, "TOGETHER_LINES", 2)
    real, left = SqliteInbox.keep_imported, [1]

    def full(inbox, batch, mark):
        if not left:
            raise CannotKeep("The store cannot be written now (SQLITE_FULL).")
        left.pop()
        return real(inbox, batch, mark)

    with monkeypatch.context() as patched:
        patched.setattr(SqliteInbox, "keep_imported", full)
        code, told = run(written("a.ndjson", *(hospital.patient(str(number)) for number in range(5))))
    assert code == 2
    assert told.err.startswith("a.ndjson: The store cannot be written now (SQLITE_FULL). Kept up to line 2.")
    assert run("a.ndjson")[0] == 0
    assert len(kept(tmp_path)) == 5


def test_the_reference_tells_every_reason_of_a_rejected_line():
    page = (Path(__file__).parents[2] / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    table = page.partition("| reason of a rejected line |")[2].partition("\n\n")[0]
    assert [line.split("|")[1].strip() for line in table.splitlines()[2:]] == list(REASONS)


def test_a_store_in_use_by_somebody_who_takes_no_lines_is_told(run, tmp_path, written, monkeypatch):
    monkeypatch.setattr("adapter.commands.import_keep.START_PATIENCE_S", 0.2)
    name = written("a.ndjson", hospital.patient())
    with lock_store(tmp_path / "store"):
        code, told = run(name)
    assert code == 2
    assert "nobody takes lines there" in told.err
