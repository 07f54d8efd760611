"""`troughline coverage`: filled places and what becomes of them, with the lines to add and nothing of any patient."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hospital
import pytest
from kept_store import KeptStore, shipped_parts

from adapter.cli import main
from adapter.commands.run_message import Sources, looks_at
from adapter.commands.run_result import result_of
from adapter.ingest.hl7v2 import read_message
from adapter.knowledge.shipped import shipped

CASES = Path(__file__).parents[1] / "cases"
OLD = datetime(2025, 3, 11, 13, 5, tzinfo=UTC)
LATE = OLD + timedelta(days=30)
SECRET = "Zzsecretword"
"""A value of a field that nothing reads."""


def with_fields(raw, **fields):
    """The message with fields set: `OBX_18="x"`."""
    lines = raw.decode().split("\r")
    for name, value in fields.items():
        segment, _, number = name.partition("_")
        at = next(n for n, line in enumerate(lines) if line.startswith(f"{segment}|"))
        cells = lines[at].split("|")
        cells += [""] * (int(number) + 1 - len(cells))
        cells[int(number)] = value
        lines[at] = "|".join(cells)
    return "\r".join(lines).encode()


def told(capsys, *words, mappings=None):
    code = main(["coverage", *map(str, words), "--mappings", str(mappings or shipped("mappings") / "demo")])
    return code, capsys.readouterr()


def tree(capsys, *words, mappings=None):
    code, out = told(capsys, *words, "--json", mappings=mappings)
    return code, json.loads(out.out)


def places(found):
    """place: (class, new, [(sender, messages, of, results, of)])"""
    numbers = ("sender", "messages", "of_messages", "results", "of_results")
    return {
        one["place"]: (one["class"], one["new"], [tuple(sender[name] for name in numbers) for sender in one["senders"]])
        for one in found["places"]
    }


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Three old results, two of them with an analyser; a month later another sender, a Z segment, a new field."""
    kept = KeptStore(tmp_path_factory.mktemp("coverage") / "store")
    kept.hl7(with_fields(hospital.oru("S1"), OBX_18=SECRET))
    kept.hl7(with_fields(hospital.oru("S2", filler="F2"), OBX_18=f"{SECRET}^x"))
    two = hospital.oru("S3", filler="F3").replace(
        b"SPM|", b"NTE|1|L|stored\rOBX|2|NM|ASPACT^^L|2|0.5|IU/mL|||||F\rSPM|"
    )
    kept.hl7(two)
    kept.hl7(hospital.everyday("S4"), relevance="irrelevant")
    kept.hl7(hospital.oru("S5", filler="F5", authority="ELSEWHERE"), answer="AE")
    kept.hl7(b"MSH|^~\\&|A|B|||20250311||ORU^R01|M1|P|2.5.1\rOBX|1|NM|ASPX^Aspase^L||1\r", relevance="near-miss")
    kept.fhir(hospital.patient())
    kept.fhir({**hospital.dose(), "device": [{"display": SECRET}], "reasonCode": [{"text": SECRET}]})
    kept.irrelevant("I1")
    kept.irrelevant("I2")
    kept.now = LATE
    other = hospital.oru("S6", filler="F6").replace(b"|HOSPLAB|HOSP|", b"|NORTH|HOSP|", 1)
    kept.hl7(with_fields(other, OBX_18="y") + f"ZLB|1||{SECRET}\r".encode())
    kept.hl7(with_fields(hospital.oru("S7", filler="F7"), SPM_17=f"20250310120000^{SECRET}", OBX_8=f"H^{SECRET}"))
    return kept.close()


SINCE = ("--since", (LATE - timedelta(days=1)).isoformat())


def test_each_unread_place_is_counted_by_sender_and_what_is_new_is_marked(store, capsys):
    code, found = tree(capsys, "--store", store, *SINCE)
    lab, north = "HOSPLAB|HOSP", "NORTH|HOSP"
    assert code == 1
    assert places(found) == {
        "MedicationAdministration.device": ("unread", False, [("default", 1, 1, 1, 1)]),
        "MedicationAdministration.reasonCode": ("unread", False, [("default", 1, 1, 1, 1)]),
        "NTE-2": ("unread", False, [(lab, 1, 4, 1, 5)]),
        "OBX-8.2": ("unread", True, [(lab, 1, 4, 1, 5)]),
        "OBX-18": ("unread", True, [(lab, 2, 4, 2, 5), (north, 1, 1, 1, 1)]),
        "PID-1": ("unread", True, [(lab, 4, 4, 5, 5), (north, 1, 1, 1, 1)]),
        "SPM-17.2": ("unread", True, [(lab, 1, 4, 1, 5)]),
        "ZLB-1": ("unread", True, [(north, 1, 1, 1, 1)]),
        "ZLB-3": ("unread", True, [(north, 1, 1, 1, 1)]),
    }
    (analyser,) = (one for one in found["places"] if one["place"] == "OBX-18")
    assert [sender["new"] for sender in analyser["senders"]] == [False, True]
    old, new = analyser["senders"]
    assert (old["first"], old["last"]) == ("2025-03-11T13:06:00Z", "2025-03-11T13:07:00Z")
    assert (old["seen_in"], new["seen_in"]) == ("inbox/1", "inbox/7")


@pytest.mark.parametrize(("late", "new"), [(timedelta(minutes=1), True), (timedelta(minutes=1, microseconds=1), False)])
def test_new_is_what_was_first_seen_then_or_later(store, capsys, late, new):
    _, found = tree(capsys, "--store", store, "--since", (LATE + late).isoformat())
    assert places(found)["ZLB-3"][1] is new


def test_what_could_not_be_judged_is_counted_and_said(store, capsys):
    _, found = tree(capsys, "--store", store, *SINCE)
    assert found["messages"] == {
        "with_events": 6,
        "without_events": 2,
        "irrelevant": 2,
        "failed": 0,
        "pruned": 0,
        "headers_only": 2,
    }
    _, out = told(capsys, "--store", store, *SINCE)
    assert out.out.splitlines()[-3:] == [
        "2 messages of ours, or like ours, made no event: nothing there is judged.",
        "2 messages without a code of ours in these tables: nothing there is judged.",
        "2 messages that did not concern us could not be read: only the header is kept.",
    ]


def test_only_what_is_new_is_listed_and_decides_the_exit_code_when_asked_for(store, capsys):
    code, found = tree(capsys, "--store", store, "--new", *SINCE)
    assert code == 1
    assert [(place, seen) for place, (_, _, seen) in places(found).items() if place == "OBX-18"] == [
        ("OBX-18", [("NORTH|HOSP", 1, 1, 1, 1)])
    ]
    assert "MedicationAdministration.device" not in places(found)
    code, out = told(capsys, "--store", store, "--new", "--since", (LATE + timedelta(hours=1)).isoformat())
    assert code == 0
    assert "Nothing that no mapping reads is new." in out.out


def test_a_span_looks_back_from_now_and_a_young_store_says_that_everything_is_new(store, capsys):
    _, found = tree(capsys, "--store", store)
    assert {one["new"] for one in found["places"]} == {False}
    _, out = told(capsys, "--store", store, "--since", "4000w")
    assert "(no message is older: everything counts as new)" in out.out
    _, out = told(capsys, "--store", store, "--since", (OLD + timedelta(minutes=2)).isoformat())
    assert "everything counts as new" not in out.out


def test_for_people_each_place_has_its_name_its_senders_and_its_lines(store, capsys):
    _, out = told(capsys, "--store", store, *SINCE)
    lines = out.out.splitlines()
    at = lines.index("  OBX-18 (equipment instance identifier)  NEW")
    first = "first 2025-03-11T13:06:00Z, last 2025-03-11T13:07:00Z"
    assert lines[at + 1 : at + 4] == [
        f"      2 of 4 messages, 2 of 5 results from HOSPLAB|HOSP, {first}",
        "      1 of 1 message, 1 of 1 result from NORTH|HOSP, first 2025-04-10T13:06:00Z, last 2025-04-10T13:06:00Z",
        "      for example inbox/1: OBX|*|*|*||*|*|*||||*|||||||text",
    ]
    at = lines.index(
        "  copy mappings/v2/oru_activity.yaml into your folder first (as v2/oru_activity.yaml); to add there "
        "under not_needed, once you have written why:"
    )
    assert lines[at + 1 : at + 3] == ["  - path: NTE-2", "    why:"]


def test_the_printed_lines_go_as_they_stand_into_the_copy_of_the_site_that_the_page_names(store, capsys, tmp_path):
    site = tmp_path / "site"
    shutil.copytree(shipped("mappings") / "demo" / "tables", site / "tables")
    (site / "v2").mkdir()
    copy = site / "v2" / "oru_activity.yaml"
    text = (shipped("mappings") / "v2" / "oru_activity.yaml").read_text(encoding="utf-8")
    copy.write_text(text, encoding="utf-8")
    _, out = told(capsys, "--store", store, mappings=site)
    lines = out.out.splitlines()
    at = lines.index(f"  to add under not_needed of {copy}, once you have written why:")
    printed = lines[at + 1 : lines.index("", at)]
    assert printed[:2] == ["  - path: NTE-2", "    why:"]
    reasons = "\n".join(line + " looked at" if line.endswith("why:") else line for line in printed)
    copy.write_text(f"{text.rstrip()}\n{reasons}\n", encoding="utf-8")
    _, found = tree(capsys, "--store", store, mappings=site)
    assert [one["place"] for one in found["places"] if str(copy) in one["mappings"]] == []
    assert {tuple(one["copy_first"]) for one in found["places"]} == {
        ("mappings/fhir/medication_administration_asparaginase.yaml",)
    }


def test_examples_show_what_is_filled_and_of_the_one_place_its_kind(store, capsys):
    _, found = tree(capsys, "--store", store)
    assert {one["place"]: one["senders"][0]["example"] for one in found["places"]} == {
        "MedicationAdministration.device": "device = [{display: text}]",
        "MedicationAdministration.reasonCode": "reasonCode = [{text: text}]",
        "NTE-2": "NTE|*|text|*",
        "OBX-8.2": "OBX|*|*|*||*|*|*|*^text|||*",
        "OBX-18": "OBX|*|*|*||*|*|*||||*|||||||text",
        "PID-1": "PID|number||*||*||*|*",
        "SPM-17.2": "SPM|*|*||*|||||||||||||*^text",
        "ZLB-1": "ZLB|number||*",
        "ZLB-3": "ZLB|*||text",
    }


@pytest.mark.parametrize("more", [(), ("--all",), ("--json",), ("--json", "--all"), ("--new",)])
def test_nothing_of_a_patient_is_told(store, capsys, more):
    _, out = told(capsys, "--store", store, *more)
    for value in ("9000", "ZZTEST", "INVENTED", "20180504", "0.62", "20250310", "stored", SECRET, "dose-", "2500"):
        assert value not in out.out + out.err


def test_all_shows_the_three_classes_which_add_up_for_each_field(store, capsys):
    code, found = tree(capsys, "--store", store, "--all")
    assert code == 1
    counted = {kind: {"places": 0, "filled": 0} for kind in ("mapped", "not needed", "unread")}
    for one in found["places"]:
        counted[one["class"]]["places"] += 1
        counted[one["class"]]["filled"] += sum(sender["results"] for sender in one["senders"])
    assert counted == found["classes"]
    (lab,) = (feed for feed in found["feeds"] if feed["sender"] == "HOSPLAB|HOSP")
    assert lab["fields"]["OBX-8"] == {"mapped": 1, "not needed": 0, "unread": 1}
    assert lab["fields"]["PID-5"] == {"mapped": 0, "not needed": 5, "unread": 0}
    assert lab["fields"]["NTE-3"] == {"mapped": 1, "not needed": 0, "unread": 0}
    one = {place["place"]: place for place in found["places"]}
    assert (one["SPM-4"]["read_by"], one["MSH-7"]["read_by"]) == (["specimen_type"], ["the reader itself"])
    assert (
        one["PID-5"]["why"]
        == "not needed to interpret a result; only compared, to notice another person under a known number"
    )


def test_all_is_a_profile_of_each_feed_for_people(store, capsys):
    _, out = told(capsys, "--store", store, "--all")
    lines = [" ".join(line.split()) for line in out.out.splitlines()]
    assert "HOSPLAB|HOSP OBX, of 5 results:" in lines
    assert "OBX-5 5 100 % mapped activity (observation value)" in lines
    assert "OBX-18 2 40.0 % unread (equipment instance identifier)" in lines


@pytest.mark.parametrize("place", ["OBX-18", "OBX-8.2", "ZLB-3", "MedicationAdministration.device"])
def test_the_ready_line_with_its_reason_ends_the_telling_and_without_it_is_refused(store, capsys, tmp_path, place):
    _, found = tree(capsys, "--store", store)
    (one,) = (one for one in found["places"] if one["place"] == place)
    file = one["mappings"][0].removeprefix("mappings/")
    text = (shipped("mappings") / file).read_text()
    overlay = tmp_path / "site"
    for table in (shipped("mappings") / "demo" / "tables").iterdir():
        (overlay / "tables").mkdir(parents=True, exist_ok=True)
        (overlay / "tables" / table.name).write_text(table.read_text())
    (overlay / file).parent.mkdir(parents=True)
    (overlay / file).write_text(f"{text}{one['not_needed']}\n")
    code, out = told(capsys, "--store", store, mappings=overlay)
    assert (code, out.out) == (2, "")
    assert "'why'" in out.err
    (overlay / file).write_text(f"{text}{one['not_needed']} no rule uses it\n")
    _, after = tree(capsys, "--store", store, "--all", mappings=overlay)
    assert [(p["class"], p["why"]) for p in after["places"] if p["place"] == place] == [
        ("not needed", "no rule uses it")
    ]
    others = {name for name in places(found) if name != place}
    assert {p["place"] for p in after["places"] if p["class"] == "unread"} == others


def test_files_and_folders_are_told_apart_from_a_store(tmp_path, capsys):
    folder = tmp_path / "messages"
    folder.mkdir()
    (folder / "1.hl7").write_bytes(with_fields(hospital.oru("A", sent="20250301100000+0000"), OBX_18="x"))
    (folder / "2.json").write_text(json.dumps({**hospital.dose(), "subject": {"reference": "Patient/p900001"}}))
    (folder / "3.json").write_text(json.dumps(hospital.patient()))
    (folder / "4.txt").write_bytes(b"not read")
    new = tmp_path / "new.txt"
    new.write_bytes(with_fields(hospital.oru("B", filler="F2", sent="20250308100001+0000"), OBX_16="who"))
    code, found = tree(capsys, folder, new)
    assert code == 1
    assert (found["since"], found["messages"]["with_events"]) == ("2025-03-01T10:00:01Z", 3)
    assert {place: seen[1] for place, seen in places(found).items()} == {
        "OBX-16": True,
        "OBX-18": False,
        "PID-1": False,
    }
    assert [one["senders"][0]["seen_in"] for one in found["places"]] == ["new.txt", "1.hl7", "1.hl7"]


def test_without_a_site_the_tables_of_the_demo_are_used_for_files(capsys):
    assert main(["coverage", str(CASES / "silent-inactivation")]) in {0, 1}
    assert "HOSPLAB|HOSP: 1 message with 1 result" in capsys.readouterr().out


def test_files_without_a_message_of_ours_say_so(tmp_path, capsys):
    (tmp_path / "1.hl7").write_bytes(hospital.everyday("A"))
    code, out = told(capsys, tmp_path)
    assert code == 0
    assert out.out.splitlines()[0].startswith("No message made an event with these tables and mappings")


def test_messages_that_do_not_say_when_they_were_made_are_not_new(tmp_path, capsys):
    (tmp_path / "1.hl7").write_bytes(with_fields(hospital.oru("A", sent=""), OBX_18="x"))
    code, found = tree(capsys, tmp_path)
    assert (code, found["since"]) == (1, None)
    assert {seen[1] for seen in places(found).values()} == {False}
    _, out = told(capsys, tmp_path)
    assert "what is new cannot be told" in out.out


def test_a_span_that_reaches_before_all_time_makes_everything_new(tmp_path, capsys):
    (tmp_path / "1.hl7").write_bytes(with_fields(hospital.oru("A", sent="01000101000000+0000"), OBX_18="x"))
    code, found = tree(capsys, tmp_path, "--since", "99999w")
    assert (code, found["since"]) == (1, "0001-01-01T00:00:00Z")
    assert {seen[1] for seen in places(found).values()} == {True}


def test_it_names_what_run_names(tmp_path, capsys):
    """Of one message both tell the same places."""
    parts = shipped_parts()
    raw = with_fields(hospital.oru("A"), OBX_18="x~y", OBX_7="0-1~2-3", SPM_17="20250310^2", PID_3="1^^^HOSP~2")
    raw = raw.replace(b"OBX|", b"NTE|1||of the order\rOBX|", 1) + b"ZLB|1\r"
    (tmp_path / "1.hl7").write_bytes(raw)
    _, found = tree(capsys, tmp_path)
    (look,) = looks_at(raw, parts, Sources(), file="1.hl7")
    assert result_of(look, 1, parts)["unread"] == [
        "PID[1]-1",
        "NTE[1]-3",
        "OBX[1]-7(2)",
        "OBX[1]-18",
        "SPM[1]-17.2",
        "ZLB[1]",
    ]
    assert [one["place"] for one in found["places"]] == ["NTE-3", "OBX-7(2)", "OBX-18", "PID-1", "SPM-17.2", "ZLB-1"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Name the store"),
        (("--store", "nowhere"), "holds no store"),
        (("nowhere",), "nowhere cannot be read: No such file"),
        ((".", "--store", "x"), "goes without a PATH"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(capsys, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out = told(capsys, *words)
    assert (code, out.out) == (2, "")
    assert said in out.err


@pytest.mark.parametrize("since", ["7", "0d", "7 d", "d", "week", "2025-03-11"])
def test_a_span_or_a_time_that_is_none_is_refused(capsys, since):
    with pytest.raises(SystemExit) as ended:
        main(["coverage", ".", "--since", since])
    assert ended.value.code == 2
    assert since in capsys.readouterr().err


def test_a_withdrawal_has_nothing_to_read_and_a_message_without_its_bytes_cannot_be_read(tmp_path, capsys):
    kept = KeptStore(tmp_path / "store")
    kept.fhir(hospital.patient())
    kept.fhir(hospital.dose())
    kept.fhir(hospital.dose(status="entered-in-error"))
    kept.fhir({**hospital.dose(number=2), "medicationCodeableConcept": {"text": "Pegaspargase new"}})
    kept.fhir({**hospital.dose(number=3), "medicationCodeableConcept": {"text": "Aspirin"}})
    kept.hl7(hospital.oru("S1"))
    folder = kept.close()
    with closing(sqlite3.connect(folder / "inbox.db")) as database, database:
        database.execute("UPDATE messages SET raw = x''")
    code, found = tree(capsys, "--store", folder)
    assert (code, found["places"]) == (0, [])
    assert found["messages"] == {
        "with_events": 2,
        "without_events": 1,
        "irrelevant": 2,
        "failed": 0,
        "pruned": 1,
        "headers_only": 0,
    }
    assert [(feed["what"], feed["results"]) for feed in found["feeds"]] == [("MedicationAdministration", 1)]
    _, out = told(capsys, "--store", folder)
    assert "1 message could not be read: the bytes were pruned." in out.out
    assert "Nothing is filled that no mapping reads or calls not needed." in out.out


def test_a_message_our_reader_cannot_take_is_counted_and_the_others_are_told(tmp_path, capsys, monkeypatch):
    (tmp_path / "1.hl7").write_bytes(hospital.oru("A") + hospital.oru("B", filler="F2"))

    def reading(arrival, *_, **__):
        if b"|A|P|" in arrival:
            raise ZeroDivisionError
        return read_message(arrival)

    monkeypatch.setattr("adapter.commands.coverage_places.read_message", reading)
    _, found = tree(capsys, tmp_path)
    assert (found["messages"]["failed"], found["messages"]["with_events"]) == (1, 1)
    _, out = told(capsys, tmp_path)
    assert "1 message could not be read for a fault of ours: see internal-error in the work list." in out.out


def test_more_places_than_are_told_apart_are_counted_and_left_out(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("adapter.commands.coverage_count.MOST_PLACES", 30)
    (tmp_path / "1.hl7").write_bytes(hospital.oru("A") + b"ZLB|1|2|3|4|5|6|7|8\r")
    _, found = tree(capsys, tmp_path, "--all")
    assert sum(len(place["senders"]) for place in found["places"]) == 30
    _, out = told(capsys, tmp_path)
    assert f"{found['left_out']} sightings of further places left out" in out.out
