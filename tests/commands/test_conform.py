"""`troughline conform` as an analyst calls it: files, batches, standard input, and nothing a file holds ends it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from at_length import examples
from hypothesis import given, settings
from tricky_messages import KINDS
from wire_bytes import ANYTHING, expensive

from adapter.cli import main
from adapter.commands import conform_validator
from adapter.commands.conform_validator import second_opinion
from adapter.ingest.conformance import check_message, finding
from adapter.ingest.hl7v2 import read_message

GOOD = (
    b"MSH|^~\\&|LAB|NORTH|TDM|HOSP|20250310113000+0100||ORU^R01^ORU_R01|A0005|P|2.5.1\r"
    b"PID|1||4711^^^HOSP^MR||Fern^Ada\rOBR|1||F1|P^Panel^L\rOBX|1|NM|A^B^L||0.42|IU/mL|||||F\r"
)
BAD = GOOD.replace(b"0.42", b"secret").replace(b"|||||F", b"|||||Q").replace(b"OBX", b"ZAP|1\rOBX")


@pytest.fixture
def file(tmp_path: Path):
    def write(content: bytes, name: str = "result.hl7") -> str:
        (tmp_path / name).write_bytes(content)
        return str(tmp_path / name)

    return write


HEAD_LINE = "{}, message 1: ORU_R01, version 2.5.1, 4 segments: 0 errors, 0 warnings\n"
SUM_LINE = "1 message checked: 0 errors, 0 warnings\n"


def asked(capsys, *arguments: str) -> tuple[int, str, str]:
    code = main(["conform", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_good_message_is_one_line_and_a_sum(file, capsys):
    name = file(GOOD)
    assert asked(capsys, name) == (0, HEAD_LINE.format(name) + SUM_LINE, "")


def test_every_departure_is_printed_with_its_advice_and_no_value(file, capsys):
    name = file(BAD)
    code, out, err = asked(capsys, name)
    assert (code, err) == (1, "")
    number, table = "observation value is NM, a number such as 0.42.", "observation result status, table 0085."
    assert out.splitlines() == [
        f"{name}, message 1: ORU_R01, version 2.5.1, 5 segments: 2 errors, 0 warnings",
        "  information ZAP[1]         This was not checked: a segment of the site's own.",
        "                             -> Compare it with the sender's own specification.",
        f"  error       OBX[1]-5       The value is not of its data type: {number}",
        "                             -> Send it as its type demands, or declare another type.",
        f"  error       OBX[1]-11      The value is not in the HL7 table of the field: {table}",
        "                             -> Use a value of the table; translate local codes in the channel.",
        "1 message checked: 2 errors, 0 warnings",
    ]


def test_values_are_shown_when_asked_for(file, capsys):
    code, out, _ = asked(capsys, "--show-values", file(BAD.replace(b"secret", b"se\x07ret" + b"x" * 99)))
    assert code == 1
    assert f"0.42. [se\\x07ret{'x' * 51}...]" in out
    assert "table 0085. [Q]" in out


def test_json_holds_the_same_and_values_only_when_asked_for(file, capsys):
    name = file(BAD)
    code, out, _ = asked(capsys, "--json", name)
    found = json.loads(out)
    assert (code, found["errors"], found["warnings"]) == (1, 2, 0)
    (message,) = found["messages"]
    assert {key: value for key, value in message.items() if key != "findings"} == {
        "file": name,
        "message": 1,
        "version": "2.5.1",
        "checked_against": "2.5.1",
        "structure": "ORU_R01",
        "segments": 5,
    }
    assert [(one["code"], one["severity"], one["where"]) for one in message["findings"]] == [
        ("not-checked", "information", "ZAP[1]"),
        ("type-wrong", "error", "OBX[1]-5"),
        ("table-value", "error", "OBX[1]-11"),
    ]
    assert all("value" not in one for one in message["findings"])
    shown = json.loads(asked(capsys, "--json", "--show-values", name)[1])
    assert [one["value"] for one in shown["messages"][0]["findings"]] == [None, "secret", "Q"]


def test_every_message_of_batches_and_files_is_checked(file, capsys):
    batch = file(b"FHS|^~\\&|\rBHS|^~\\&|\r" + GOOD + BAD + b"BTS|3\rFTS|1\r", "batch.hl7")
    code, out, _ = asked(capsys, "--json", batch, file(GOOD))
    messages = json.loads(out)["messages"]
    assert (code, [(Path(one["file"]).name, one["message"]) for one in messages]) == (
        1,
        [("batch.hl7", 1), ("batch.hl7", 2), ("result.hl7", 1)],
    )
    assert [one["code"] for one in messages[1]["findings"]][-1] == "batch-count"


def test_standard_input_is_a_file_too(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(GOOD)))
    assert asked(capsys, "-")[:2] == (0, HEAD_LINE.format("-") + SUM_LINE)


@pytest.mark.parametrize("raw", [b"", b"hello", b"{}", b"\x00\xff" * 50, b"<ClinicalDocument/>"])
def test_what_is_no_message_is_an_error_of_the_file(file, capsys, raw):
    code, out, err = asked(capsys, file(raw))
    assert (code, err) == (1, "")
    assert "no HL7 v2 message\n  error       message        There is no MSH segment." in out


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_checked(file, capsys, tmp_path):
    code, out, err = asked(capsys, str(tmp_path / "none.hl7"), str(tmp_path), file(GOOD))
    assert code == 2
    assert "1 message checked: 0 errors" in out
    assert err.splitlines() == [
        f"{tmp_path / 'none.hl7'}: cannot be read (No such file or directory); nothing of it was checked",
        f"{tmp_path}: cannot be read (it is a folder, not a file); nothing of it was checked",
    ]


def test_an_unknown_version_is_said_and_is_no_error(file, capsys):
    code, out, _ = asked(capsys, file(GOOD.replace(b"2.5.1", b"2.5.2")))
    assert code == 0
    assert "checked as version 2.5.1" in out
    assert "MSH[1]-12" in out


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_every_tricky_kind_gets_a_report_on_which_the_validator_agrees(kind, file, capsys):
    code, out, err = asked(capsys, "--json", file(kind.raw))
    messages = json.loads(out)["messages"]
    assert (len(messages), err) == (kind.messages, "")
    assert code in (0, 1)
    told = [one["code"] for message in messages for one in message["findings"]]
    assert "second-opinion" not in told


def opinions(raw: bytes) -> list[tuple[str, str]]:
    message = read_message(raw)
    return [(one.code, one.where) for one in second_opinion(message, check_message(message).checked_against, [])]


def test_hl7apys_validator_is_asked_about_every_segment():
    assert opinions(GOOD) == []
    broken = GOOD.replace(b"4711^^^HOSP^MR", b"").replace(b"|||||F", b"|||||Q")
    assert opinions(broken) == [("second-opinion", "PID[1]-3"), ("second-opinion", "OBX[1]-11")]


@pytest.mark.parametrize("sex", [b"\\X46\\", b'""'])
def test_an_objection_to_what_hl7apy_does_not_understand_is_none(sex):
    assert opinions(GOOD.replace(b"Fern^Ada", b"Fern^Ada|||" + sex)) == []
    assert opinions(GOOD.replace(b"Fern^Ada", b"Fern^Ada|||K")) == [("second-opinion", "PID[1]-8")]


def test_an_objection_the_tables_raised_too_is_not_repeated():
    message = read_message(GOOD.replace(b"|||||F", b"|||||Q"))
    assert second_opinion(message, "2.5.1", [finding("table-value", "OBX[1]-11")]) == []
    assert second_opinion(message, "2.5.1", [finding("table-value", "OBX[1]-11.1")]) == []


def test_what_hl7apy_lost_or_could_not_read_is_said_not_to_be_checked():
    assert opinions(GOOD.replace(b"|||||F", b"|||||F" + b"|" * 30 + b"end")) == [
        ("not-checked", "OBX[1]-41"),
        ("second-opinion", "OBX[1]"),
    ]
    assert opinions(GOOD.replace(b"0.42", b"1~" * 500)) == [("not-checked", "OBX[1]")]
    assert opinions(GOOD.replace(b"0.42", b"1" * 20_000)) == [("not-checked", "OBX[1]")]


def test_delimiters_hl7apy_cannot_take_leave_all_of_it_unchecked():
    assert opinions(GOOD.replace(b"^~\\&", b"^~\\\\", 1)) == [
        ("not-checked", place) for place in ("MSH[1]", "PID[1]", "OBR[1]", "OBX[1]")
    ]


def test_beyond_so_many_segments_the_validator_is_not_asked(monkeypatch):
    monkeypatch.setattr(conform_validator, "SEGMENTS_LIMIT", 4)
    assert opinions(GOOD) == []
    assert opinions(GOOD + b"NTE|1\rNTE|2\r") == [("not-checked", "message")]


def test_the_validator_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    opinions(BAD)
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=examples(15))
@given(ANYTHING)
def test_no_bytes_end_in_a_traceback(raw):
    for one in (raw, b"MSH|^~\\&|A|B|||20250310||ORU^R01|1|P|2.5.1\r" + raw):
        try:
            message = read_message(one)
        except ValueError:
            continue
        second_opinion(message, check_message(message).checked_against, [])


@pytest.mark.parametrize("shape", list(expensive(1)))
def test_an_expensive_shape_gets_a_report(shape, file, capsys):
    code, _, err = asked(capsys, "--json", file(expensive(3_000)[shape]))
    assert (code in (0, 1), err) == (True, "")
