"""`troughline find`: where a message is, by control id, by patient, by filler order."""

from __future__ import annotations

import json

import hospital
import pytest
from feeding import drained, tell
from kept_store import KeptStore, stored
from running_service import Laboratory, eventually

from adapter.cli import main
from adapter.domain.message import Outcome
from adapter.store.sqlite_state import SqliteState

PATIENT = f"{hospital.MRN}|900001"


@pytest.fixture
def find(capfdbinary):
    """Run the command; returns exit code, stdout and stderr."""

    def run(*arguments):
        code = main(["find", *map(str, arguments)])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


def less_and_less_far(store):
    """A patient, a dose and a level, then messages that got less far."""
    store.fhir(hospital.patient())
    store.fhir(hospital.dose())
    store.hl7(hospital.oru("A1", value="<0.03"))
    store.hl7(hospital.oru("A2", value="0.30", filler="F2", authority="ELSEWHERE"), answer="AE")
    store.hl7(hospital.oru("A3", value="0.31", filler="F3"), understood=False)
    store.hl7(hospital.oru("A4", value="0.32", filler="F4"), answer=None, understood=False)
    store.irrelevant("K1")


@pytest.fixture
def day(tmp_path):
    return stored(tmp_path / "store", less_and_less_far, "hospital")


def test_an_understood_message_shows_its_three_checkpoints(find, day):
    code, out, err = find("--store", day, "--control-id", "A1")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "ORU^R01 from HOSPLAB|HOSP, control id A1, place 1 of inbox"
    assert lines[1].startswith("  received    2025-03-11T13:08:00Z through listener mllp-main, on disk, answered AA; ")
    assert lines[2].startswith("  understood  ActivityMeasured default|")
    assert lines[3].startswith("  delivered   Flag/")
    assert "(flag inactivation, open): target hospital: pending since 2025-03-11T13:08:00Z, attempts 0" in out
    assert "(activity, open): target hospital: pending" in out
    assert "(interpretation, open): target hospital: pending" in out


def test_a_message_of_the_work_list_shows_why_it_waits(find, day):
    _, out, _ = find("--store", day, "--control-id", "A2")
    assert "understood  in the work list since 2025-03-11T13:09:00Z: unknown-authority\n" in out
    assert "(unknown-authority)\n" in out
    assert out.endswith("  delivered   nothing rests on it\n")


@pytest.mark.parametrize(
    ("control_id", "told", "answered"),
    [
        ("A3", "not yet; it is the next", ", answered AA;"),
        ("A4", "not yet; 1 message of its inbox comes before it", ";"),
    ],
)
def test_a_message_not_understood_yet_shows_how_many_come_before_it(find, day, control_id, told, answered):
    _, out, _ = find("--store", day, "--control-id", control_id)
    assert f"  understood  {told}\n  delivered   not yet\n" in out
    assert f"on disk{answered}" in out


def test_of_an_irrelevant_message_the_header_is_found(find, day):
    code, out, _ = find("--store", day, "--control-id", "K1")
    assert code == 0
    assert out.startswith("ORU^R01 from HOSPLAB|HOSP, control id K1: does not concern asparaginase\n")
    assert "through listener mllp-main, answered AA; only its header is kept; 321 bytes, sha256 abababababab\n" in out


def test_of_an_irrelevant_message_that_was_archived_whole_the_answer_is_told_too(find, tmp_path):
    store = KeptStore(tmp_path / "store")
    store.hl7(hospital.everyday("K2"), relevance="irrelevant")
    _, out, _ = find("--store", store.close(), "--control-id", "K2")
    assert "on disk, answered AA;" in out
    assert "  understood  it does not concern asparaginase; it was archived whole\n" in out


def test_every_message_of_a_patient_is_found_in_the_order_of_receipt(find, day):
    _, out, _ = find("--store", day, "--patient", PATIENT, "--json")
    tree = json.loads(out)
    assert [(m["received"]["inbox"], m["received"]["message_type"]) for m in tree["messages"]] == [
        ("inbox-core", "MedicationAdministration"),
        ("inbox", "ORU^R01"),
    ]
    dose, level = tree["messages"]
    assert [fact["kind"] for fact in dose["understood"]["facts"]] == ["AsparaginaseAdministered"]
    assert dose["understood"]["facts"][0]["patient"] == PATIENT
    assert {resource["kind"] for resource in dose["delivered"]} == {"interpretation", "flag"}
    assert {resource["kind"] for resource in level["delivered"]} == {"activity", "interpretation", "flag"}
    assert level["delivered"][0]["targets"][0] == {
        "target": "hospital",
        "state": "pending",
        "attempts": 0,
        "queued_at": "2025-03-11T13:08:00Z",
        "retry_at": None,
        "reason": None,
    }


def test_a_filler_order_is_found_whole_not_by_a_part_of_it(find, day):
    for filler in ("F1", "F1^HOSPLAB"):
        code, out, _ = find("--store", day, "--filler", filler, "--json")
        assert (code, [m["received"]["control_id"] for m in json.loads(out)["messages"]]) == (0, ["A1"])
    for part in ("F", "1", "%", "_1"):
        assert find("--store", day, "--filler", part)[0] == 1


def test_what_several_senders_call_by_one_control_id_is_all_found(find, tmp_path):
    store = KeptStore(tmp_path / "store")
    for sender in ("LAB_A", "LAB_B", "LAB_C"):
        store.hl7(hospital.oru("SAME", filler=sender).replace(b"HOSPLAB|HOSP|", f"{sender}|HOSP|".encode()))
    _, out, _ = find("--store", store.close(), "--control-id", "SAME", "--json")
    found = [message["received"]["sender"] for message in json.loads(out)["messages"]]
    assert found == ["LAB_A|HOSP", "LAB_B|HOSP", "LAB_C|HOSP"]


def test_the_bytes_come_out_as_they_came_in(find, tmp_path):
    store = KeptStore(tmp_path / "store")
    first, second = hospital.oru("R1"), hospital.oru("R1", value="0.11")
    store.hl7(first)
    store.hl7(second)
    folder = store.close()
    code, out, err = find("--store", folder, "--control-id", "R1", "--raw")
    assert (code, out.encode(), err) == (0, first + b"\n" + second, "")
    assert find("--store", folder, "--control-id", "R2", "--raw") == (1, "", "")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--control-id", "NONE"), "No message with this control id (MSH-10) is in the store.\n"),
        (("--patient", "urn:x|1"), "No message of this patient ('SYSTEM|VALUE') was understood.\n"),
        (("--filler", "NONE"), "No result of this filler order (OBR-3) was understood.\n"),
    ],
)
def test_what_is_not_there_ends_with_1_and_says_where_else_it_may_be(find, day, asked, said):
    code, out, err = find("--store", day, *asked)
    assert (code, err) == (1, "")
    assert out.startswith(said)
    assert out.count("\n") == 2


@pytest.mark.parametrize("option", ["count", "headers", "full"])
def test_with_a_configuration_it_says_what_is_kept_of_irrelevant_messages(find, day, tmp_path, option):
    config = tmp_path / "troughline.yaml"
    config.write_text(f"store: {day}\nmllp:\n  - name: lab\n    archive_irrelevant: {option}\n")
    code, out, _ = find("--config", config, "--control-id", "NONE")
    assert code == 1
    assert out.splitlines()[1].startswith("Listener lab ")
    assert f"(archive_irrelevant: {option})." in out


def test_a_target_in_shadow_is_told_as_one(find, day, tmp_path):
    config = tmp_path / "troughline.yaml"
    target = "targets:\n  - name: hospital\n    url: http://127.0.0.1:1/fhir\n"
    config.write_text(f"store: {day}\n{target}")
    assert "target hospital is in shadow: computed, not sent" in find("--config", config, "--control-id", "A1")[1]


def test_without_any_target_resources_stand_in_the_facade(find, tmp_path):
    store = KeptStore(tmp_path / "store")
    store.hl7(hospital.oru("A1"))
    assert "no target owes it; it stands in the facade" in find("--store", store.close(), "--control-id", "A1")[1]


def test_a_confirmed_delivery_is_told(find, tmp_path):
    store = KeptStore(tmp_path / "store", "hospital")
    store.hl7(hospital.oru("A1"))
    folder = store.close()
    state = SqliteState(folder / "state.db")
    rows = state.due("hospital", store.now, 10)
    state.settle([Outcome(row=row, state="confirmed") for row in rows])
    state.close()
    _, out, _ = find("--store", folder, "--control-id", "A1")
    assert "target hospital has confirmed it" in out
    assert "pending" not in out


def test_no_store_and_no_configuration_end_with_2(find, tmp_path):
    assert find("--control-id", "A1") == (2, "", "Name the store: --store DIR, or --config FILE that names it.\n")
    code, out, err = find("--store", tmp_path / "none", "--control-id", "A1")
    assert (code, out) == (2, "")
    assert err == f"{tmp_path / 'none'} holds no store that can be read; name the folder that `serve --store` uses.\n"


def test_a_configuration_with_a_mistake_ends_with_2_and_its_place(find, tmp_path):
    config = tmp_path / "troughline.yaml"
    config.write_text("stoer: here\n")
    code, out, err = find("--config", config, "--control-id", "A1")
    assert (code, out) == (2, "")
    assert "troughline.yaml:1" in err


@pytest.mark.slow
@pytest.mark.loopback
def test_it_reads_beside_a_running_service(find, running):
    tell(running, ["916001"])
    drained(running)
    with Laboratory(running.mllp) as laboratory:
        laboratory.send(hospital.oru("FIND1", mrn="916001", filler="FIND1"))
    code, _, _ = find("--store", running.store, "--control-id", "FIND1")
    assert code == 0
    asked = ("--store", running.store, "--control-id", "FIND1")
    eventually(lambda: "  understood  ActivityMeasured " in find(*asked)[1])
