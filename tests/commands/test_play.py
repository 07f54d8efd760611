"""`play` keeps its contract: shape, order of files, clock, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapter.cli import main

KEYS = ["acks", "events", "problems", "findings", "unlinked", "resources", "provenance", "history"]
FINDING_KEYS = [
    "patient", "dose", "samples", "reactions", "premedication", "exposure", "mechanism", "monitoring", "modifiers",
    "priority", "policy", "policy_hash", "history_from", "rules", "next_check", "sentence", "evidence",
]  # fmt: skip


def oru(
    control_id="C1", *, value="0.62", unit="IU/mL", sent="20250311130000+0000", mrn="4711", filler="F1", status="F"
):
    return "\r".join(
        (
            f"MSH|^~\\&|LAB|HOSP|T|HOSP|{sent}||ORU^R01^ORU_R01|{control_id}|P|2.5.1",
            f"PID|1||{mrn}^^^HOSP^MR||ZZTEST^CASE",
            f"OBR|1|P{filler}|{filler}|ASPACT^Asparaginase activity^L|||20250310113000+0000"
            + "|" * 15
            + f"{sent}|||{status}",
            f"OBX|1|NM|ASPACT^Asparaginase activity^L||{value}|{unit}|||||{status}",
            "",
        )
    ).encode()


def dose(*, updated: str | None = "2025-03-03T12:05:00Z", mrn="4711"):
    resource = {
        "resourceType": "MedicationAdministration",
        "id": "dose-1",
        "status": "completed",
        "medicationCodeableConcept": {"coding": [{"system": "https://hospital.example/formulary", "code": "PEGASP"}]},
        "subject": {"identifier": {"system": "https://hospital.example/mrn", "value": mrn}},
        "effectivePeriod": {"start": "2025-03-03T10:00:00Z", "end": "2025-03-03T12:00:00Z"},
    }
    if updated:
        resource["meta"] = {"versionId": "1", "lastUpdated": updated}
    return json.dumps(resource).encode()


@pytest.fixture
def played(tmp_path, capsys):
    def play(files: dict[str, bytes], *options: str) -> tuple[int, dict]:
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        code = main(["play", str(tmp_path), "--json", *options])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, json.loads(out) if out else {}

    return play


def test_the_result_has_exactly_the_keys_of_the_contract(played):
    code, result = played({"1.json": dose(), "2.hl7": oru()})
    assert (code, list(result)) == (0, KEYS)
    assert [list(finding) for finding in result["findings"]] == [FINDING_KEYS]
    assert result["acks"] == [{"file": "2.hl7", "message": 1, "code": "AA", "control_id": "C1", "errors": []}]


def test_an_error_gives_exit_code_1_and_an_ae_with_its_place(played):
    code, result = played({"1.json": dose(), "2.hl7": oru(unit="")})
    (ack,) = result["acks"]
    (error,) = ack["errors"]
    assert (code, ack["code"]) == (1, "AE")
    assert (error["code"], error["location"], error["problem"]) == ("101", "OBX^1^6", "unit-missing")
    (row,) = [p for p in result["problems"] if p["code"] == "unit-missing"]
    assert (row["severity"], row["where"], row["file"]) == ("error", "OBX[1]-6", "2.hl7")


def test_files_are_read_in_byte_order_and_subfolders_and_other_files_are_not(played, tmp_path):
    (tmp_path / "expected").mkdir()
    (tmp_path / "expected" / "x.hl7").write_bytes(oru("X"))
    _, result = played(
        {"b.hl7": oru("B", filler="F2"), "B.hl7": oru("A"), "ä.hl7": oru("C", filler="F3"), "note.txt": b"MSH"}
    )
    assert [ack["control_id"] for ack in result["acks"]] == ["A", "B", "C"]


def test_several_messages_in_one_file_are_numbered(played):
    _, result = played({"1.hl7": oru("A") + oru("B", filler="F2")})
    assert [(ack["message"], ack["control_id"]) for ack in result["acks"]] == [(1, "A"), (2, "B")]


def test_a_flag_is_dated_by_the_clock_of_the_files_never_by_the_wall(played):
    _, result = played({"1.json": dose(), "2.hl7": oru(value="0.01")})
    (flag,) = [r for r in result["resources"].values() if r["resourceType"] == "Flag"]
    assert flag["period"]["start"] == "2025-03-11T13:00:00Z"
    assert flag["code"]["coding"][0]["code"] == "inactivation"


def test_a_file_without_a_stamp_takes_the_first_stamp_of_the_folder_or_keeps_the_clock(played):
    silent = dose(updated=None).replace(b"effectivePeriod", b"_effectivePeriod")
    _, result = played({"1.json": silent, "2.hl7": oru(value="0.01")})
    assert result["history"] == [] or all(row["file"] == "2.hl7" for row in result["history"])


def test_a_late_file_with_an_early_stamp_does_not_turn_the_clock_back(played):
    _, result = played({"1.hl7": oru(value="0.01"), "2.json": dose()})
    starts = {r["period"]["start"] for r in result["resources"].values() if r["resourceType"] == "Flag"}
    assert starts == {"2025-03-11T13:00:00Z"}


def test_as_of_hides_no_file_and_only_moves_the_last_reassessment(played):
    files = {"1.json": dose()}
    _, before = played(files, "--as-of", "2025-03-11T12:00:00+00:00")
    _, after = played(files, "--as-of", "2025-03-11T12:00:01+00:00")
    assert [f["monitoring"] for f in before["findings"]] == ["due"]
    assert [f["monitoring"] for f in after["findings"]] == ["sample-overdue"]
    assert {row["file"] for row in after["history"]} == {None}


def test_a_repeat_gets_the_same_answer_and_no_second_effect(played):
    _, once = played({"1.json": dose(), "2.hl7": oru(value="0.01")})
    _, twice = played({"1.json": dose(), "2.hl7": oru(value="0.01"), "3.hl7": oru(value="0.01")})
    assert [ack["code"] for ack in twice["acks"]] == ["AA", "AA"]
    assert (twice["findings"], twice["resources"], twice["history"]) == (
        once["findings"], once["resources"], once["history"],
    )  # fmt: skip


def test_a_reused_control_id_with_other_content_is_read_and_reported(played):
    _, result = played({"1.json": dose(), "2.hl7": oru(), "3.hl7": oru(value="0.63", filler="F9")})
    assert [ack["code"] for ack in result["acks"]] == ["AA", "AA"]
    assert [p["code"] for p in result["problems"]] == ["control-id-reused"]
    assert len(result["findings"][0]["samples"]) == 2


def test_the_same_folder_gives_the_same_bytes_again(tmp_path, capsys):
    (tmp_path / "1.json").write_bytes(dose())
    (tmp_path / "2.hl7").write_bytes(oru(value="0.01"))
    outputs = set()
    for _ in range(2):
        main(["play", str(tmp_path), "--json"])
        outputs.add(capsys.readouterr().out)
    assert len(outputs) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["play", "no-such-folder"], "no-such-folder"),
        (["play", ".", "--policy", "CONS61"], "did you mean"),
        (["play", ".", "--mappings", "no-such-mappings"], "no-such-mappings"),
        (["play", ".", "--config", "no-such.yaml"], "no-such.yaml"),
    ],
)
def test_what_cannot_run_says_why_and_ends_with_2(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


@pytest.mark.parametrize("text", ["2025-03-10", "2025-03-10T12:00:00", "yesterday"])
def test_as_of_needs_an_offset(text, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["play", ".", "--as-of", text])
    assert ended.value.code == 2
    assert "2025-03-10T11:30:00+01:00" in capsys.readouterr().err


def test_a_folder_of_rubbish_gives_problems_and_no_traceback(played):
    files = {
        "1.hl7": b"\x00\xff\xfe", "2.hl7": b"", "3.json": b"{", "4.json": b"[1]",
        "5.json": b'{"resourceType": "Bundle"}',
        "6.json": b'{"resourceType": "MedicationAdministration"}', "7.json": b'"text"', "8.hl7": b"MSH",
        "9.json": b'{"resourceType": 5}',
    }  # fmt: skip
    code, result = played(files)
    assert code == 1
    broken = {p["file"] for p in result["problems"] if p["severity"] == "error"}
    assert broken >= {
        "1.hl7",
        "3.json",
        "4.json",
        "5.json",
        "6.json",
    }


def test_the_human_page_names_verdict_and_sentence(tmp_path, capsys):
    (tmp_path / "1.json").write_bytes(dose())
    (tmp_path / "2.hl7").write_bytes(oru(value="0.01"))
    assert main(["play", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "inadequate / suspected-silent-inactivation" in out
    assert "2.hl7 1: AA" in out


def test_shipped_files_are_clean(capsys):
    assert main(["lint"]) == 0
    assert "clean" in capsys.readouterr().out


def test_a_broken_overlay_is_named_with_file_and_line(tmp_path, capsys):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "units.csv").write_text("sender,code,system,target,label,note\n,XX,*,[IU]/mll,,\n")
    assert main(["lint", "--mappings", str(tmp_path)]) == 1
    assert "units.csv:2" in capsys.readouterr().out
    assert Path.cwd().exists()


def test_two_values_under_one_key_and_one_time_are_a_contradiction_not_a_choice(played):
    twice = {"1.json": dose(), "2.hl7": oru("A", value="0.15"), "3.hl7": oru("B", value="0.75")}
    _, result = played(twice)
    (finding,) = result["findings"]
    assert (finding["exposure"], finding["mechanism"]) == ("indeterminate", "not-assessable")
    assert "discordant" in finding["modifiers"]


def test_a_later_time_decides_between_two_values(played):
    later = oru("B", value="0.75", sent="20250311140000+0000")
    _, result = played({"1.json": dose(), "2.hl7": oru("A", value="0.15"), "3.hl7": later})
    (finding,) = result["findings"]
    assert (finding["exposure"], [sample["value"] for sample in finding["samples"]]) == ("adequate", ["0.75"])


def test_only_the_demo_overlay_brings_a_zone(played):
    files = {"1.json": dose(), "2.hl7": oru(sent="20250311130000").replace(b"20250310113000+0000", b"20250310113000")}
    _, with_demo = played(files)
    overlay = str(Path(__file__).parents[2] / "mappings" / "demo")
    code, without = played(files, "--mappings", overlay)
    assert with_demo["events"][1]["collected"] == "2025-03-10T11:30:00Z"
    assert not [row for row in with_demo["problems"] if row["code"] == "zone-missing"]
    assert (code, without["findings"][0]["samples"][0]["hours_since_dose"]) == (0, None)
    assert "zone-missing" in {row["code"] for row in without["problems"]}


def patient(family, born, *, version=1):
    resource = {
        "resourceType": "Patient",
        "id": "x2",
        "meta": {"versionId": str(version), "lastUpdated": f"2025-03-1{version + 1}T08:00:00Z"},
        "identifier": [{"system": "https://hospital.example/mrn", "value": "4711"}],
        "name": [{"family": family}],
        "birthDate": born,
    }
    return json.dumps(resource).encode()


def dose_of_x2():
    return json.dumps({**json.loads(dose()), "subject": {"reference": "Patient/x2"}}).encode()


@pytest.mark.parametrize("order", ["123", "132", "213", "231", "321", "312"])
def test_the_dose_of_a_patient_that_is_put_aside_waits_as_in_the_service(played, order):
    level, person = oru().replace(b"ZZTEST^CASE", b"ZZTEST^CASE||20180504"), patient("Zzother", "2011-09-30")
    names = {"1": ("1.hl7", level), "2": ("2.json", person), "3": ("3.json", dose_of_x2())}
    files = {f"{place}{names[one][0]}": names[one][1] for place, one in enumerate(order)}
    _, result = played(files)
    if order.index("2") < order.index("1"):  # the first that is told of a number is never the wrong one
        assert [row["code"] for row in result["problems"]] == ["possible-wrong-patient"]
        assert [row["event"] for row in result["events"]] == ["AsparaginaseAdministered"]
        return
    assert sorted(row["code"] for row in result["problems"]) == ["possible-wrong-patient", "unknown-patient"]
    assert [row["event"] for row in result["events"]] == ["ActivityMeasured"]
    assert (result["findings"], [one["dose"] for one in result["unlinked"]]) == ([], [None])


def test_a_newer_version_that_fits_lets_the_dose_of_such_a_patient_go_on(played):
    level = oru().replace(b"ZZTEST^CASE", b"ZZTEST^CASE||20180504")
    files = {"1.hl7": level, "2.json": patient("Zzother", "2011-09-30"), "3.json": dose_of_x2()}
    _, result = played({**files, "4.json": patient("Zztest", "2018-05-04", version=2)})
    assert [(len(one["samples"]), one["dose"]["product"]) for one in result["findings"]] == [(1, "pegaspargase")]
    assert result["unlinked"] == []
