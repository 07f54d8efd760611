"""`troughline shadow report`: what a target would get if it went on now."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import hospital
import pytest
from kept_store import KeptStore

from adapter.cli import main
from adapter.commands import shadow as command

NOW = datetime(2025, 3, 11, 20, 0, tzinfo=UTC)
CONFIG = """
store: store
targets:
  - name: hospital
    url: https://fhir.hospital.example/r4
    monitor_from: 2025-03-01
    {hospital}
  - name: archive
    url: https://archive.hospital.example/r4
    delivery: on
"""


class Clock(datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW.astimezone(tz)


@pytest.fixture(autouse=True)
def today(monkeypatch):
    monkeypatch.setattr(command, "datetime", Clock)


@pytest.fixture
def kept(tmp_path):
    """Two patients: a low level that stands, and one that was corrected."""
    store = KeptStore(tmp_path / "store", "hospital", "archive")
    for mrn in ("900001", "900002"):
        store.fhir(hospital.patient(mrn))
        store.fhir(hospital.dose(mrn))
        store.hl7(hospital.oru(f"A{mrn}", mrn=mrn, filler=f"F{mrn}", value="<0.03"))
    raw = hospital.oru("B1", mrn="900002", filler="F900002", value="0.55", status="C", sent="20250312080000+0000")
    store.hl7(raw)
    state = store.state
    expected = [row for mrn in ("900001", "900002") for row in state.recall(f"{hospital.MRN}|{mrn}").written]
    store.close()
    return expected


@pytest.fixture
def config(tmp_path):
    def written(hospital_says="delivery: shadow"):
        path = tmp_path / "site.yaml"
        path.write_text(CONFIG.format(hospital=hospital_says), encoding="utf-8")
        return str(path)

    return written


def reported(capsys, *arguments):
    code = main(["shadow", "report", *arguments])
    return code, *capsys.readouterr()


def test_what_would_be_written_is_told_by_kind_with_every_flag_and_its_sentence(kept, config, capsys):
    code, out, err = reported(capsys, "--config", config(), "--json")
    assert (code, err) == (0, "")
    (report,) = json.loads(out)["targets"]
    present = [row for row in kept if row.state == "open"]
    trails = report["would_write"].pop("provenance")
    assert report["would_write"] == {
        kind: sum(row.kind == kind for row in present) for kind in ("activity", "interpretation", "flag")
    }
    assert 0 < trails <= len(present)
    assert (report["target"], report["delivery"], report["patients"]) == ("hospital", "shadow", 2)
    assert report["left_out"]["closed"] == sum(row.state == "closed" for row in kept)
    flags = {(flag["flag"], flag["topic"], flag["sentence"]) for flag in report["flags"]}
    assert flags == {(f"Flag/{row.id}", row.topic, row.body["code"]["text"]) for row in present if row.kind == "flag"}
    assert [flag["topic"] for flag in report["flags"]] == ["inactivation", "conclusion-reversed"]
    assert report["since"] == "2025-03-11T13:07:00Z"


def test_the_page_shows_the_same_for_people(kept, config, capsys):
    code, out, _ = reported(capsys, "hospital", "--config", config())
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("target hospital (delivery: shadow): owed since 2025-03-11T13:07:00Z (")
    assert lines[1].endswith("2 patients")
    assert "Flag inactivation: 1" in lines
    flag = next(row for row in kept if row.topic == "inactivation" and row.state == "open")
    assert f"  {hospital.MRN}|900001: {flag.body['code']['text']}" in lines


@pytest.mark.usefixtures("kept")
def test_patients_of_other_authorities_are_not_in_the_report(config, capsys):
    says = "authorities: [https://elsewhere.example/mrn]"
    _, out, _ = reported(capsys, "--config", config(says), "--json")
    (report,) = json.loads(out)["targets"]
    assert (report["patients"], report["flags"], report["since"]) == (0, [], None)


@pytest.mark.usefixtures("kept")
def test_flags_before_monitor_from_are_told_as_left_out(config, capsys):
    path = config()
    text = Path(path).read_text(encoding="utf-8").replace("2025-03-01", "2025-03-10")
    Path(path).write_text(text, encoding="utf-8")
    _, out, _ = reported(capsys, "--config", path, "--json")
    (report,) = json.loads(out)["targets"]
    assert report["left_out"]["withheld"] == 1
    assert [flag["topic"] for flag in report["flags"]] == ["inactivation"]
    _, page, _ = reported(capsys, "--config", path)
    assert "would not: 1 Flags about doses before `monitor_from`, or before today" in page


@pytest.mark.usefixtures("kept")
def test_without_a_configuration_every_target_of_the_ledger_is_reported(tmp_path, capsys):
    _, out, _ = reported(capsys, "--store", str(tmp_path / "store"), "--json")
    assert [(report["target"], report["delivery"]) for report in json.loads(out)["targets"]] == [
        ("archive", None),
        ("hospital", None),
    ]


@pytest.mark.usefixtures("kept")
def test_a_target_that_is_on_says_so(config, capsys):
    _, out, _ = reported(capsys, "archive", "--config", config())
    assert "It is on: this is sent as soon as the server takes it." in out


@pytest.mark.usefixtures("kept")
def test_a_target_nobody_knows_is_told_with_the_likeliest_one(config, capsys):
    code, out, err = reported(capsys, "hospitl", "--config", config())
    assert (code, out) == (2, "")
    known = "Known: hospital, archive; name it as `targets.name` does.\n"
    assert err == f"There is no target 'hospitl'; did you mean 'hospital'? {known}"


@pytest.mark.usefixtures("kept")
def test_no_target_in_shadow_is_no_mistake(config, capsys):
    code, out, _ = reported(capsys, "--config", config("delivery: on"))
    assert (code, out) == (0, "No target is in shadow.\n")


@pytest.mark.parametrize("where", ["nowhere", "file"])
def test_what_is_no_store_is_told(where, tmp_path, capsys):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    code, out, err = reported(capsys, "--store", str(tmp_path / where))
    assert (code, out) == (2, "")
    assert "holds no store that can be read" in err
