"""`troughline gaps`: codes of no table, counted, with the rows to add and nothing of any patient."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import hospital
import pytest
from kept_store import RECEIVED, KeptStore

from adapter.cli import main
from adapter.commands.missing_codes_fhir import fhir_missing
from adapter.commands.missing_codes_hl7 import hl7_missing
from adapter.ingest.senders import SenderRules
from adapter.knowledge.load import load_knowledge
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
        ("result_status", "HOSPLAB|HOSP,Q,*,,,", 1, "inbox/5"),
        ("units", "HOSPLAB|HOSP,blorps,*,,,", 2, "inbox/1"),
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
        "      HOSPLAB|HOSP,blorps,*,,,",
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


def test_a_drug_of_a_folder_without_a_code_gets_a_row_for_the_first_source_of_the_site(tmp_path, capsys):
    (tmp_path / "site.yaml").write_text("sources:\n- name: ward\n- name: default\n")
    messages = tmp_path / "messages"
    messages.mkdir()
    (messages / "1.json").write_text(json.dumps(of({"text": "Pegaspargase new"})))
    (messages / "2.json").write_text("{")
    _, found = tree(capsys, messages, "--config", tmp_path / "site.yaml")
    assert [(gap["row"], gap["seen_in"], gap["first"]) for gap in found["gaps"]] == [
        ("ward,Pegaspargase new,text,,,", "1.json", "2025-03-03T12:10:00Z")
    ]


def test_codes_of_other_tests_in_a_folder_are_counted_by_the_stamps_of_their_messages(tmp_path, capsys):
    (tmp_path / "1.hl7").write_bytes(hospital.everyday("A") + hospital.everyday("B"))
    code, found = tree(capsys, tmp_path, "--all")
    assert (code, [(row["code"], row["count"], row["first"]) for row in found["others"]]) == (
        0,
        [("2823-3", 2, "2025-03-11T13:05:00Z")],
    )


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


@pytest.fixture(scope="module")
def knowledge():
    found, _ = load_knowledge([DEMO])
    return found


@pytest.fixture
def hl7(knowledge):
    """(table, code, row) of what is missing in one message."""

    def missing(raw):
        found = hl7_missing(raw, knowledge, lambda _: SenderRules(), source="lab")
        return [(one.table, one.code, one.row) for one in found]

    return missing


@pytest.mark.parametrize(
    ("authority", "code"),
    [
        ("ELSEWHERE", "ELSEWHERE"),
        ("HOSP_2.NORTH-B/1", "HOSP_2.NORTH-B/1"),
        ("A" * 20, "A" * 20),
        ("A" * 21, ""),
        ("4711", ""),
        ("MRN4711", ""),
        ("X900001", ""),
        ("Ward of Smith", ""),
        ("&1.2.276.0.76.3.1.1&ISO", "1.2.276.0.76.3.1.1"),
        ("&hospital.example&DNS", "hospital.example"),
        ("&900001&ISO", ""),
        ("&2.16.900001&ISO", ""),
        ("&1.4711&ISO", ""),
        ("&1.47.11&ISO", "1.47.11"),
        ("&4711.12&DNS", ""),
        ("&n47112.example&DNS", ""),
    ],
)
def test_what_does_not_look_like_an_authority_may_be_a_patients_number_and_is_not_shown(hl7, authority, code):
    kind = authority.partition("&")[2].partition("&")[2] or "*"
    row = f"HOSPLAB|HOSP,{code},{kind},,," if code else None
    assert hl7(hospital.oru("A", authority=authority)) == [("identifier_systems", code, row)]


def test_an_identifier_without_any_authority_has_no_row(hl7):
    assert hl7(hospital.oru("A", authority="")) == []


@pytest.mark.parametrize(
    ("unit", "code"), [("u" * 20, "u" * 20), ("u" * 21, ""), ("blo\\X07\\rps", ""), ("U/x^units of x^L", "U/x")]
)
def test_a_unit_is_shown_when_it_is_short_and_printable(hl7, unit, code):
    (found,) = hl7(hospital.oru("A", unit=unit))
    assert found[:2] == ("units", code)


def test_a_unit_inside_of_a_value_is_not_shown(hl7):
    assert hl7(hospital.oru("A", value="0.62 blorps/mL", unit="")) == []


def test_a_refused_unit_has_its_row_already(hl7, knowledge):
    refused = next(row.code for row in knowledge.tables["units"].rows if row.target == "refused")
    assert hl7(hospital.oru("A", unit=refused)) == []


@pytest.mark.parametrize(("code", "shown"), [("ASP" + "9" * 17, True), ("ASP" + "9" * 18, False)])
def test_a_code_of_a_test_is_shown_up_to_twenty_characters(hl7, code, shown):
    (found,) = hl7(hospital.oru("A", code=f"{code}^Asparaginase^L"))
    assert found == (
        "activity_tests",
        code if shown else "",
        f"HOSPLAB|HOSP,{code},L,,Asparaginase," if shown else None,
    )


def test_an_order_of_ours_without_a_result_is_no_gap(hl7):
    raw = b"\r".join(line for line in hospital.oru("A").split(b"\r") if not line.startswith(b"OBX"))
    assert hl7(raw) == []


def test_every_message_of_a_batch_is_looked_at(hl7):
    raw = hospital.oru("A", unit="blorps") + hospital.oru("B", unit="blarps")
    assert [code for _, code, _ in hl7(raw)] == ["blorps", "blarps"]


@pytest.mark.parametrize("raw", [b"", b"MSH", b"MSH|^~\\&|", b"\xff\xfe", b"FHS|^~\\&\rnothing"])
def test_what_is_no_message_has_no_gap(hl7, raw):
    assert hl7(raw) == []


@pytest.fixture
def fhir(knowledge):
    """(table, code, row) of what is missing in one body."""

    def missing(body, known=None):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        found = fhir_missing(raw, knowledge, (known or {}).get, source="ward")
        return [(one.table, one.code, one.row) for one in found]

    return missing


def of(concept, **more):
    return {**hospital.dose(), "medicationCodeableConcept": concept, **more}


def test_a_drug_that_has_only_a_text_is_mapped_by_that(fhir):
    row = "ward,Pegaspargase new 3750 IU,text,,,"
    assert fhir(of({"text": "Pegaspargase new 3750 IU"})) == [
        ("asparaginase_products", "Pegaspargase new 3750 IU", row)
    ]


@pytest.mark.parametrize(
    "text", ["Pegaspargase" + "x" * 29, "pegaspargase for 900001", "123 pegaspargase", "peg\nasparagin"]
)
def test_a_text_that_is_no_name_of_a_drug_is_not_shown(fhir, text):
    assert fhir(of({"text": text})) == [("asparaginase_products", "", None)]


@pytest.mark.parametrize(("code", "shown"), [("PEGASP" + "9" * 34, True), ("PEGASP" + "9" * 35, False)])
def test_a_code_of_a_drug_is_shown_up_to_forty_characters(fhir, code, shown):
    (found,) = fhir(of({"coding": [{"system": "urn:x", "code": code}]}))
    assert found[1:] == ((code, f",{code},urn:x,,,") if shown else ("", None))


def test_premedication_that_no_table_has_is_a_gap_too(fhir):
    concept = {"coding": [{"system": "urn:x", "code": "DEXNEW", "display": "Dexamethasone new"}]}
    assert fhir(of(concept)) == [("premedication_drugs", "DEXNEW", ",DEXNEW,urn:x,,Dexamethasone new,")]


def test_another_drug_a_retraction_and_a_resource_that_is_not_read_are_no_gaps(fhir):
    near = {"coding": [{"system": "urn:x", "code": "PEGASPX"}]}
    assert fhir(of({"coding": [{"system": "urn:x", "code": "PARACETAMOL"}]})) == []
    assert fhir(of(near)) == [("asparaginase_products", "PEGASPX", ",PEGASPX,urn:x,,,")]
    assert fhir(of(near, status="entered-in-error")) == []
    assert fhir(hospital.patient()) == []
    assert fhir(b"{") == []
    assert fhir([]) == []


def test_an_allergy_to_a_drug_no_table_has_is_named_at_its_code(knowledge):
    body = {**hospital.reaction(), "code": {"coding": [{"system": "urn:x", "code": "ERWINX"}]}}
    (found,) = fhir_missing(json.dumps(body).encode(), knowledge, {}.get, source="ward")
    assert (found.where, found.row) == ("AllergyIntolerance.code", ",ERWINX,urn:x,,,")


def test_a_medication_of_the_same_body_is_followed(fhir):
    medication = {
        "resourceType": "Medication",
        "id": "m1",
        "code": {"coding": [{"system": "urn:x", "code": "PEGASPX"}]},
    }
    dose = {name: value for name, value in hospital.dose().items() if name != "medicationCodeableConcept"}
    dose["medicationReference"] = {"reference": "Medication/m1"}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": dose}, {"resource": medication}]}
    assert [code for _, code, _ in fhir(bundle)] == ["PEGASPX"]
    assert fhir(dose) == []
    assert [code for _, code, _ in fhir(dose, {"Medication/m1": medication})] == ["PEGASPX"]


@pytest.mark.parametrize(("unit", "gaps"), [("IU/m2", []), ("vials", [("units", "vials", "ward,vials,*,,,")])])
def test_the_unit_of_a_dose_of_ours_is_looked_for(fhir, unit, gaps):
    dose = hospital.dose()
    dose["dosage"]["dose"] = {"value": 1, "unit": unit}
    assert fhir(dose) == gaps
