"""`troughline run` as an analyst calls it: one message, how it is read, and what comes of it alone."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from at_length import examples
from golden_inputs import golden_inputs
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_bytes import ANYTHING, expensive

from adapter.cli import main
from adapter.commands.play_folder import has_errors, play
from adapter.commands.run_message import Sources, looks_at
from adapter.commands.run_result import result_of
from adapter.commands.run_text import page_of
from adapter.commands.test import parts_of
from adapter.knowledge.codes import PRODUCTS
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.policies import load_rulebook
from adapter.knowledge.shipped import shipped
from adapter.store.memory_state import MemoryState

MAPPINGS = Path(__file__).parents[2] / "mappings"
HEAD = "MSH|^~\\&|LIS_NORTH|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.5.1"
PID = "PID|1||4711^^^HOSP^MR||TEST^PATIENT||20190402|F"
OBR = "OBR|1|P77|F991|ASPACT^Asparaginase activity^L|||20251103080000"
OBX = "OBX|1|NM|ASPACT^Asparaginase activity^L||0.42|IU/mL|||||F"
GOOD = "\r".join([HEAD, PID, OBR, OBX, ""])
DOSE = {
    "resourceType": "MedicationAdministration",
    "id": "d1",
    "meta": {"versionId": "1"},
    "status": "completed",
    "medicationCodeableConcept": {
        "coding": [{"system": "https://hospital.example/formulary", "code": "PEGASP", "display": "Pegaspargase"}]
    },
    "subject": {"identifier": {"system": "https://hospital.example/mrn", "value": "4711"}},
    "effectiveDateTime": "2025-11-03T09:00:00+01:00",
    "dosage": {"dose": {"value": 1875, "unit": "IU", "system": "http://unitsofmeasure.org", "code": "[IU]"}},
}
KNOWLEDGE, _ = load_knowledge([MAPPINGS / "demo"])
RULEBOOK, _ = load_rulebook()
PARTS = parts_of(KNOWLEDGE, RULEBOOK)


@pytest.fixture
def file(tmp_path: Path):
    def write(content: str | dict, name: str = "message") -> str:
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / name).write_bytes(text.encode())
        return str(tmp_path / name)

    return write


def asked(capsys, *arguments: str) -> tuple[int, str, str]:
    code = main(["run", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def told(capsys, *arguments: str) -> tuple[int, list[dict]]:
    code, out, err = asked(capsys, *arguments, "--json")
    assert err == ""
    return code, json.loads(out)["messages"]


def parts(page: str) -> dict[str, list[str]]:
    """The parts of a page by their headings, lines without their indent."""
    found: dict[str, list[str]] = {}
    for block in page.split("\n\n")[1:]:
        heading, *lines = block.rstrip("\n").split("\n")
        found[heading] = [line.strip() for line in lines]
    return found


def test_a_good_message_is_told_part_by_part(file, capsys):
    name = file(GOOD)
    code, out, err = asked(capsys, name)
    page = parts(out)
    table = shipped("mappings") / "demo" / "tables" / "activity_tests.csv"
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"{name}, message 1: ORU^R01, control id A1, from LIS_NORTH|HOSP"
    assert page["relevance: relevant"] == [
        f"OBX[1]-3 ASPACT (L): asparaginase-activity, by {table}:2",
        f"OBR[1]-4 ASPACT (L): asparaginase-activity, by {table}:2",
    ]
    fields = [line.split(maxsplit=1) for line in page["events: 1"]]
    assert ["collected", "2025-11-03T08:00:00+01:00"] in fields
    assert ["activity.number", "0.42"] in fields
    assert page["problems: none"] == page["codes without a row: none"] == []
    assert page["filled, and read by nothing: 1"] == ["PID[1]-1"]
    assert page["answer: AA"] == [
        "MSH|^~\\&|TDM|HOSP|LIS_NORTH|HOSP|20251103091500.000+0000||ACK^R01^ACK|RUN1|P|2.5.1",
        "MSA|AA|A1",
    ]
    assert '"resourceType": "Observation",' in page["resources for this message alone: 3"]


def test_every_field_of_an_event_is_on_its_line_or_named_as_empty(file, capsys):
    name = file(GOOD)
    ((_, [message]), (_, out, _)) = told(capsys, name), asked(capsys, name)
    lines = parts(out)["events: 1"]
    named = {line.split()[0].partition(".")[0] for line in lines[1:-1]}
    empty = set(lines[-1].removeprefix("empty: ").split(", "))
    assert named | empty == set(message["events"][0]) - {"event"}
    assert named & empty == set()


def test_a_problem_is_told_with_segment_occurrence_field_component_and_line(file, capsys):
    spm = "SPM|1|S1||SER^Serum^HL70487|||||||||||||2025-11-03^20251103090000"
    wrong = "\r".join([HEAD, PID, OBR, spm, OBX.replace("IU/mL", "kU"), ""])
    code, [message] = told(capsys, file(wrong))
    assert code == 1
    assert [(found["code"], found["severity"], found["where"], found["place"]) for found in message["problems"]] == [
        (
            "unit-suspect",
            "error",
            "OBX[1]-6",
            {"segment": "OBX", "occurrence": 1, "field": 6, "component": None, "line": 5},
        ),
        (
            "time-unreadable",
            "error",
            "SPM[1]-17",
            {"segment": "SPM", "occurrence": 1, "field": 17, "component": 1, "line": 4},
        ),
    ]
    _, out, _ = asked(capsys, file(wrong))
    page = parts(out)
    assert "error SPM[1]-17.1 (line 4) time-unreadable: A time cannot be read." in page["problems: 2"]
    assert "-> The time counts as missing." in page["problems: 2"]
    assert "SPM[1]-17.2" in page["filled, and read by nothing: 2"]


def test_a_field_that_is_not_there_has_a_place_without_a_line(file, capsys):
    code, out, _ = asked(capsys, file("\r".join([HEAD, OBR, OBX, ""])))
    assert code == 1
    assert parts(out)["problems: 1"] == [
        "error PID[1]-3 (not there) patient-missing: The message has no patient identifier.",
        "-> Ask the sender to fill PID-3, or the subject of the resource; the message waits in the work list.",
        "the message waits in the work list: patient-missing",
    ]


def test_lines_are_counted_as_an_editor_does_and_a_torn_line_is_named(file, capsys):
    torn = "\r\n".join(
        [HEAD, "", PID, OBR, OBX.replace("IU/mL", "kU"), "NTE|1|L|first", "second half of a comment", ""]
    )
    code, [message] = told(capsys, file(torn))
    assert code == 1
    assert [found["place"]["line"] for found in message["problems"]] == [5]
    assert message["unread"] == ["PID[1]-1", "NTE[1]-2", "line 7: no segment"]


def test_a_problem_of_a_bundle_has_the_path_from_its_root(file, capsys):
    entries = [{"resource": DOSE}, {"resource": {**DOSE, "id": "d2", "status": "given"}}]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    code, [message] = told(capsys, file(bundle))
    assert code == 1
    assert [(found["code"], found["place"]) for found in message["problems"]] == [
        ("fhir-invalid", {"expression": "Bundle.entry[1].resource.status"})
    ]
    assert [entry["response"]["status"] for entry in message["answer"]["body"]["entry"]] == ["200", "422"]


def test_a_resource_alone_is_answered_over_http(file, capsys):
    code, [message] = told(capsys, file(DOSE))
    assert (code, message["answer"]["status"], message["type"]) == (0, 200, "MedicationAdministration")
    assert [entry["target"] for entry in message["why"]] == ["pegaspargase"]
    code, [message] = told(capsys, file({**DOSE, "subject": {"reference": "Patient/p1"}}))
    assert (code, message["answer"]["status"], message["parked"]) == (1, 202, "unknown-patient")


def test_what_a_bundle_is_refused_for_has_its_own_path(file, capsys):
    code, [message] = told(capsys, file({"resourceType": "Bundle", "entry": []}))
    assert code == 1
    assert [found["place"] for found in message["problems"]] == [{"expression": "Bundle.type"}]


@pytest.mark.parametrize(
    ("table", "before", "after"),
    [
        ("activity_tests", ("NM|ASPACT^Asparaginase activity", "NM|LASP^L-Asparaginase"), "activity.number"),
        ("activity_tests", ("NM|ASPACT^Asparaginase activity", "NM|7731^Aktivität"), "activity.number"),
        ("units", ("IU/mL", "IU per mL"), "activity.number"),
        ("result_status", ("|||||F", "|||||Q"), "activity.number"),
        ("identifier_systems", ("^^^HOSP^MR", "^^^NORD^MR"), "patient"),
    ],
)
def test_the_row_at_hand_closes_the_gap(table, before, after, file, capsys, tmp_path):
    targets = {
        "activity_tests": "asparaginase-activity",
        "units": "[IU]/mL",
        "result_status": "final",
        "identifier_systems": "https://nord.example/mrn",
    }
    name = file(GOOD.replace(*before, 1))
    _, [message] = told(capsys, name)
    [gap] = [gap for gap in message["gaps"] if gap["table"] == table]
    sender, code, system, target, *more = gap["row"].split(",")
    assert (sender, target) == ("LIS_NORTH|HOSP" if table in ("activity_tests", "identifier_systems") else "", "")
    row = ",".join([sender, code, system, targets[table], *more])
    own = tmp_path / "own" / "tables"
    own.mkdir(parents=True)
    (own / f"{table}.csv").write_text(f"sender,code,system,target,label,note\n{row}\n", encoding="utf-8")
    code, [message] = told(capsys, name, "--mappings", str(MAPPINGS / "demo"), "--mappings", str(own.parent))
    assert code == 0
    assert [gap for gap in message["gaps"] if gap["table"] == table] == []
    assert after.partition(".")[0] in message["events"][0]


def test_a_code_without_a_near_word_is_offered_as_not_ours_only(file, capsys):
    row = OBX.replace("ASPACT^Asparaginase activity^L", "K^Potassium^L")
    other = "\r".join([HEAD, PID, OBR.replace("ASPACT^Asparaginase activity", "CHEM^Chemistry"), row, ""])
    code, [message] = told(capsys, file(other))
    assert (code, message["relevance"], message["unread"]) == (0, "irrelevant", [])
    assert [(gap["row"], gap["fill_in"]) for gap in message["gaps"]] == [
        ("LIS_NORTH|HOSP,K,L,not ours,Potassium,", None)
    ]


def test_a_code_of_ours_under_another_system_is_never_offered_as_not_ours(file, capsys):
    row = OBX.replace("ASPACT^Asparaginase activity^L", "aspact^Foo^99X")
    other = "\r".join([HEAD, PID, OBR.replace("ASPACT^Asparaginase activity", "CHEM^Chemistry"), row, ""])
    _, [message] = told(capsys, file(other))
    assert [(gap["row"], gap["fill_in"], gap["near"]) for gap in message["gaps"]] == [
        ("LIS_NORTH|HOSP,aspact,99X,,Foo,", "target", True)
    ]


def test_a_limit_nobody_has_stated_is_a_gap_too(file, capsys, tmp_path):
    own = tmp_path / "own" / "tables"
    own.mkdir(parents=True)
    header = "sender,code,system,target,label,note\n"
    (own / "activity_tests.csv").write_text(f"{header},ASPACT,L,asparaginase-activity,,\n", encoding="utf-8")
    (own / "identifier_systems.csv").write_text(f"{header},HOSP,*,https://h.example/mrn,,\n", encoding="utf-8")
    code, [message] = told(capsys, file(GOOD), "--mappings", str(own.parent))
    assert code == 0
    assert [(gap["row"], gap["fill_in"]) for gap in message["gaps"]] == [
        ("LIS_NORTH|HOSP,ASPACT,L,,LLOQ,IU/mL,", "LLOQ")
    ]


def test_a_drug_that_looks_like_ours_is_offered_every_target(file, capsys):
    code, out, _ = asked(capsys, file({**DOSE, "medicationCodeableConcept": {"text": "Oncaspar"}}))
    assert code == 1
    assert parts(out)["codes without a row: 1"] == [
        "MedicationAdministration.medication Oncaspar: not in tables/asparaginase_products.csv, and it looks like ours",
        ",Oncaspar,text,,Oncaspar,",
        f"fill in the target, one of: {', '.join(PRODUCTS)}, not ours",
    ]


def test_each_message_of_a_file_is_looked_at_alone(file, capsys):
    second = GOOD.replace("|A1|", "|A2|").replace("0.42", "0.31").replace("F991", "F992")
    code, messages = told(capsys, file(f"{GOOD}{second}"))
    alone = told(capsys, file(second))[1][0]
    assert (code, [message["message"] for message in messages]) == (0, [1, 2])
    assert messages[1]["resources"] == alone["resources"]


def test_a_wrong_count_of_a_batch_is_told_with_its_last_message(file, capsys):
    batch = f"BHS|^~\\&|L\r{GOOD}{GOOD}BTS|3\r"
    _, messages = told(capsys, file(batch))
    assert [[found["code"] for found in message["problems"]] for message in messages] == [[], ["batch-count"]]


def test_an_answer_is_not_answered(file, capsys):
    ack = HEAD.replace("ORU^R01^ORU_R01", "ACK^R01^ACK") + "\rMSA|AA|A1\r"
    code, out, _ = asked(capsys, file(ack))
    page = parts(out)
    assert code == 0
    assert page["relevance: irrelevant"] == ["ACK^R01 is an answer, and no answer is answered"]
    assert page["answer: none is sent"] == []


def test_a_merge_is_kept_whatever_it_holds(file, capsys):
    merge = HEAD.replace("ORU^R01^ORU_R01", "ADT^A40^ADT_A39") + "\rPID|1||4711^^^HOSP^MR\rMRG|4710^^^HOSP^MR\r"
    code, out, _ = asked(capsys, file(merge))
    assert code == 0
    assert parts(out)["relevance: relevant"] == [
        "ADT^A40 joins or parts patient records: it is kept whatever it holds",
    ]


def test_standard_input_is_read_like_a_file(file, capsys, monkeypatch):
    code, [from_file] = told(capsys, file(GOOD))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
    assert told(capsys, "-") == (code, [{**from_file, "file": "-"}])


def test_what_cannot_be_read_ends_with_2_and_one_sentence(file, capsys, tmp_path):
    missing = str(tmp_path / "nothing.hl7")
    code, out, err = asked(capsys, missing)
    assert (code, out) == (2, "")
    assert err == f"{missing} cannot be read: No such file or directory. Name a file, or - for standard input.\n"
    empty = file(" \r\n")
    code, out, err = asked(capsys, empty)
    assert (code, out, err) == (2, "", f"{empty} is empty: there is no message in it to read.\n")
    code, out, err = asked(capsys, file(GOOD), "--config", str(tmp_path / "no.yaml"))
    assert (code, out) == (2, "")
    assert "no.yaml" in err


def test_bytes_that_are_no_message_are_a_problem(file, capsys):
    code, [message] = told(capsys, file("good morning"))
    assert (code, [found["code"] for found in message["problems"]]) == (1, ["unreadable-message"])
    code, [message] = told(capsys, file('{"resourceType": '))
    assert (code, [found["code"] for found in message["problems"]]) == (1, ["fhir-unreadable"])


def test_with_a_configuration_the_demo_tables_are_left_out(file, capsys, tmp_path):
    config = tmp_path / "site.yaml"
    config.write_text(
        "sources:\n  - name: lab\n  - name: default\nmllp:\n  - name: main\n    source: lab\n", encoding="utf-8"
    )
    code, [message] = told(capsys, file(GOOD), "--config", str(config))
    assert (code, message["relevance"], message["events"]) == (0, "near-miss", [])
    demo = ("--mappings", str(MAPPINGS / "demo"))
    code, [message] = told(capsys, file(GOOD), "--config", str(config), *demo)
    assert (code, message["events"][0]["source"]) == (0, "lab")


def inputs(kind: str) -> list:
    """The messages of the golden cases that need no settings of a sender."""
    return [
        pytest.param(case.text, id=case.name)
        for case in golden_inputs()
        if not case.of_a_site and case.is_fhir == (kind == "json")
    ]


@pytest.mark.parametrize("text", [*inputs("hl7"), *inputs("json")])
def test_run_and_play_read_the_same(text, tmp_path):
    name = "one.json" if text.lstrip().startswith("{") else "one.hl7"
    (tmp_path / name).write_text(text, encoding="utf-8")
    looks = looks_at(text.encode(), PARTS, Sources(hl7v2="play", fhir="play"), file=name)
    messages = [result_of(look, number, PARTS) for number, look in enumerate(looks, start=1)]
    played = play(tmp_path, replace(PARTS, state=MemoryState()), as_of=None)
    events = [{k: v for k, v in event.items() if k not in ("file", "message")} for event in played["events"]]
    assert events == [event for message in messages for event in message["events"]]
    found = [(p["code"], p["where"], p["text"]) for p in played["problems"] if p["file"]]
    assert found == [(p["code"], p["where"], p["text"]) for message in messages for p in message["problems"]]
    answers = [message["answer"] for message in messages if message["kind"] == "hl7v2"]
    assert [(ack["code"], ack["errors"]) for ack in played["acks"]] == [(a["code"], a["errors"]) for a in answers]
    assert sorted(played["resources"]) == sorted(reference for one in messages for reference in one["resources"])
    assert has_errors(played) <= any(look.has_problems for look in looks)


def page_of_all(raw: bytes) -> list[str]:
    looks = looks_at(raw, PARTS, Sources(), file="x")
    return [page_of(result_of(look, number, PARTS)) for number, look in enumerate(looks, start=1)]


@given(ANYTHING)
@settings(max_examples=examples(60))
def test_no_bytes_whatever_end_it(raw):
    assert all(page.startswith("x, message ") for page in page_of_all(raw))


@pytest.mark.parametrize("shape", list(expensive(2000)))
def test_no_shape_whatever_ends_it(shape):
    pages = page_of_all(expensive(2000)[shape])
    assert all(page.startswith("x, message ") for page in pages)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*DOSE, "coding", "code"]), inner),
    max_leaves=8,
)


@given(st.sampled_from(list(DOSE)), JSON)
@settings(max_examples=examples(60))
def test_no_shape_of_an_element_ends_it(name, value):
    [page] = page_of_all(json.dumps({**DOSE, name: value}).encode())
    assert page.startswith("x, message 1: ")
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": {**DOSE, name: value}}, value]}
    assert page_of_all(json.dumps(bundle).encode())[0].startswith("x, message 1: Bundle")


def test_what_a_person_reads_on_stderr_holds_no_patient(file, capsys):
    _, _, err = asked(capsys, file(GOOD.replace("IU/mL", "x")))
    assert err == ""
