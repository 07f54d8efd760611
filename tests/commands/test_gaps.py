"""`troughline gaps`: codes of no table, counted, with the rows to add and nothing of any patient."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import hospital
import pytest
from kept_store import RECEIVED, KeptStore

from adapter.cli import main
from adapter.knowledge.tables import read_table

DEMO = Path(__file__).parents[2] / "mappings" / "demo"
CASES = Path(__file__).parents[1] / "cases"
RENAMED = "ASPNEW^Asparaginase activity, new^L"
AT = {n: RECEIVED + timedelta(minutes=n) for n in range(10)}


def told(capsys, *words):
    code = main(["gaps", *map(str, words), "--mappings", str(DEMO)])
    return code, capsys.readouterr()


def tree(capsys, *words):
    code, out = told(capsys, *words, "--json")
    return code, json.loads(out.out)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Units, an authority, a renamed test and a new drug that no table has; a test of another matter."""
    kept = KeptStore(tmp_path_factory.mktemp("gaps") / "store")
    kept.hl7(hospital.oru("S1", unit="blorps"), answer="AE")
    kept.hl7(hospital.oru("S2", unit="blorps", filler="F2"), answer="AE")
    kept.hl7(hospital.oru("S3", filler="F3", authority="ELSEWHERE"), answer="AE")
    kept.hl7(hospital.oru("S4", filler="F4", code=RENAMED), relevance="near-miss")
    kept.hl7(hospital.oru("S5", filler="F5", status="Q"), answer="AE")
    drug = {"coding": [{"system": hospital.FORMULARY, "code": "PEGNEW", "display": "Pegaspargase new"}]}
    kept.fhir({**hospital.dose(), "medicationCodeableConcept": drug})
    kept.fhir(hospital.patient())
    kept.hl7(hospital.oru("S6", filler="F6"))
    inbox = kept.inboxes["inbox"]
    seen = ("L", "ASPNEW", "Asparaginase activity, new")
    for minutes in (1, 4, 9):
        inbox.note_panel("HOSPLAB|HOSP", (seen, ("LN", "2823-3", "Potassium")), AT[minutes])
    inbox.note_panel("HOSPLAB|HOSP", (("L", "ASPACT", "Asparaginase activity"),), AT[1])
    inbox.flush()
    return kept.close()


def test_every_code_of_no_table_is_counted_with_its_row(store, capsys):
    code, found = tree(capsys, "--store", store)
    rows = [(gap["table"], gap["row"], gap["count"], gap["seen_in"]) for gap in found["gaps"]]
    assert code == 1
    assert rows == [
        ("activity_tests", 'HOSPLAB|HOSP,ASPNEW,L,,"Asparaginase activity, new",', 3, "inbox/4"),
        ("asparaginase_products", f",PEGNEW,{hospital.FORMULARY},,Pegaspargase new,", 1, "inbox-core/1"),
        ("identifier_systems", "HOSPLAB|HOSP,ELSEWHERE,*,,,", 1, "inbox/3"),
        ("result_status", ",Q,*,,,", 1, "inbox/5"),
        ("units", ",blorps,*,,,", 2, "inbox/1"),
    ]
    assert (found["other_codes"], found["others"]) == (1, None)
    (test, *_, units) = found["gaps"]
    assert (test["first"], test["last"]) == ("2025-03-11T13:06:00Z", "2025-03-11T13:14:00Z")
    assert (units["first"], units["last"]) == ("2025-03-11T13:06:00Z", "2025-03-11T13:07:00Z")
    assert test["targets"] == ["asparaginase-activity", "not ours"]


def test_examples_show_the_code_and_which_fields_are_filled(store, capsys):
    _, found = tree(capsys, "--store", store)
    assert {gap["table"]: gap["example"] for gap in found["gaps"]} == {
        "activity_tests": "OBX|*|*|ASPNEW||*|*|*||||*",
        "asparaginase_products": f"MedicationAdministration.medication = {hospital.FORMULARY}|PEGNEW",
        "identifier_systems": "PID|*||ELSEWHERE||*||*|*",
        "result_status": "OBX|*|*|*||*|*|*||||Q",
        "units": "OBX|*|*|*||*|blorps|*||||*",
    }


def test_for_people_the_rows_stand_under_their_table(store, capsys):
    _, out = told(capsys, "--store", store)
    lines = out.out.splitlines()
    at = lines.index("tables/units.csv lacks:")
    assert lines[at + 1] == (
        "  blorps                       2 from HOSPLAB|HOSP, first 2025-03-11T13:06:00Z, last 2025-03-11T13:07:00Z"
    )
    assert lines[at + 3 : at + 5] == [
        "  rows to add, once the target is filled in (sender,code,system,target,label,note):",
        "      ,blorps,*,,,",
    ]
    assert lines[-1].startswith("1 codes of other tests are in no table")


def test_all_lists_the_codes_of_other_tests_but_not_those_a_table_has_now(store, capsys):
    _, found = tree(capsys, "--store", store, "--all")
    assert [(row["code"], row["count"]) for row in found["others"]] == [("2823-3", 3)]
    _, out = told(capsys, "--store", store, "--all")
    assert "HOSPLAB|HOSP  2823-3 (Potassium) LN" in out.out


@pytest.mark.parametrize(
    ("since", "units"), [(AT[1], 2), (AT[1] + timedelta(microseconds=1), 1), (AT[2], 1), (AT[3], 0)]
)
def test_since_counts_what_was_received_then_or_later(store, capsys, since, units):
    _, found = tree(capsys, "--store", store, "--since", since.isoformat())
    assert sum(gap["count"] for gap in found["gaps"] if gap["table"] == "units") == units


@pytest.mark.parametrize(("since", "units"), [("4000w", 2), ("1h", 0)])
def test_since_may_look_back_from_now(store, capsys, since, units):
    _, found = tree(capsys, "--store", store, "--since", since)
    assert sum(gap["count"] for gap in found["gaps"] if gap["table"] == "units") == units


def test_what_has_its_row_now_is_no_gap(store, tmp_path, capsys):
    (tmp_path / "tables").mkdir()
    header = "sender,code,system,target,label,note\n"
    (tmp_path / "tables" / "units.csv").write_text(f"{header}HOSPLAB|HOSP,blorps,*,refused,,\n")
    (tmp_path / "tables" / "activity_tests.csv").write_text(f"{header}HOSPLAB|HOSP,ASPNEW,L,not ours,,an antibody\n")
    _, found = tree(capsys, "--store", store, "--mappings", tmp_path)
    assert [gap["table"] for gap in found["gaps"]] == ["asparaginase_products", "identifier_systems", "result_status"]
    assert found["other_codes"] == 1


def test_a_ready_row_is_read_as_a_row_once_its_target_is_filled_in(store, capsys):
    _, found = tree(capsys, "--store", store)
    for gap in found["gaps"]:
        text = f"sender,code,system,target,label,note\n{gap['row']}\n"
        _, faults = read_table(text, gap["table"], "table.csv")
        assert [fault.text for fault in faults] == ["the column 'target' is empty"]


def test_nothing_of_a_patient_is_told(store, capsys):
    said = "".join(told(capsys, "--store", store, *more)[1].out for more in ((), ("--all",), ("--json", "--all")))
    for patient in ("9000", "ZZTEST", "INVENTED", "20180504", "0.62", "20250310", "F1^", "dose-", "2500"):
        assert patient not in said


def test_a_folder_of_messages_is_looked_through_file_by_file(capsys):
    code, found = tree(capsys, CASES / "near-miss")
    (gap,) = found["gaps"]
    assert (code, gap["table"], gap["count"]) == (1, "activity_tests", 1)
    assert gap["seen_in"].endswith(".hl7")
    code, found = tree(capsys, CASES / "silent-inactivation")
    assert (code, found["gaps"]) == (0, [])


def test_a_folder_without_a_gap_says_so(capsys):
    code, out = told(capsys, CASES / "silent-inactivation")
    assert (code, out.out) == (0, "No code is missing in any table.\n")


def test_a_drug_of_a_folder_without_a_code_gets_a_row_for_every_source(tmp_path, capsys):
    (tmp_path / "site.yaml").write_text("sources:\n- name: ward\n- name: default\n")
    messages = tmp_path / "messages"
    messages.mkdir()
    (messages / "1.json").write_text(
        json.dumps({**hospital.dose(), "medicationCodeableConcept": {"text": "Pegaspargase new"}})
    )
    (messages / "2.json").write_text("{")
    _, found = tree(capsys, messages, "--config", tmp_path / "site.yaml")
    assert [(gap["row"], gap["seen_in"], gap["first"]) for gap in found["gaps"]] == [
        (",Pegaspargase new,text,,Pegaspargase new,", "1.json", "2025-03-03T12:10:00Z")
    ]


def test_codes_of_other_tests_in_a_folder_are_counted_by_the_stamps_of_their_messages(tmp_path, capsys):
    (tmp_path / "1.hl7").write_bytes(hospital.everyday("A") + hospital.everyday("B"))
    code, found = tree(capsys, tmp_path, "--all")
    assert (code, [(row["code"], row["count"], row["first"]) for row in found["others"]]) == (
        0,
        [("2823-3", 2, "2025-03-11T13:05:00Z")],
    )


@pytest.mark.parametrize(("code", "ours"), [("aspact^Foo", True), ("ASPACT^Foo^99X", True), ("NA^Foo^L", False)])
def test_a_code_of_ours_under_another_system_or_in_other_letters_is_told_first(tmp_path, capsys, code, ours):
    raw = hospital.everyday("A")
    (tmp_path / "1.hl7").write_bytes(raw.replace(b"2823-3^Potassium^LN", code.encode()))
    assert raw != (tmp_path / "1.hl7").read_bytes()
    answer, found = tree(capsys, tmp_path, "--all")
    listed = [gap["code"] for gap in found["gaps"]]
    assert (answer, listed) == ((1, [code.partition("^")[0]]) if ours else (0, []))
    assert all(gap["near"] and gap["fill_in"] == "target" for gap in found["gaps"])
    assert len(found["others"]) == (0 if ours else 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Name the store"),
        (("--store", "nowhere"), "holds no store"),
        (("nowhere",), "cannot be read"),
        ((".", "--store", "x"), "name either"),
        ((".", "--since", "2025-01-01T00:00:00Z"), "name either"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(capsys, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out = told(capsys, *words)
    assert (code, out.out) == (2, "")
    assert said in out.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("7days", "write 7d, or"),
        ("2 Weeks", "write 2w, or"),
        ("12H", "write 12h, or"),
        ("yesterday", "write 7d, 12h or 4w, or"),
        ("2025-13-01", "is no ISO 8601 time; write"),
    ],
)
def test_a_span_written_otherwise_is_told_how_it_is_written(capsys, text, said):
    with pytest.raises(SystemExit) as ended:
        main(["gaps", "--store", "nowhere", "--since", text])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
