"""Files dropped on the service: read once, moved, with the answers beside what failed; a crash loses nothing."""

from __future__ import annotations

import signal

import hospital
import pytest
from running_service import alive, code_of, eventually

pytestmark = [pytest.mark.loopback, pytest.mark.faults, pytest.mark.timeout(90)]


def drop(folder, name, content):
    """As a sender should: under another name first."""
    unfinished = folder / f"{name}.tmp"
    unfinished.write_bytes(content)
    unfinished.rename(folder / name)


def values(service, mrn):
    found = service.found("Observation", **{"patient.identifier": f"{hospital.MRN}|{mrn}"})
    return sorted(one["valueQuantity"]["value"] for one in found if "valueQuantity" in one)


def level(control_id, mrn, **more):
    return hospital.oru(control_id, mrn=mrn, filler=f"F{control_id}", **more)


def test_dropped_files_are_read_and_moved_and_a_killed_service_goes_on(start, tmp_path):
    folder = tmp_path / "drop"
    folder.mkdir()
    site = tmp_path / "site.yaml"
    site.write_text("drop_folders:\n- name: files\n  folder: drop\n  settle_s: 0\n  look_every_s: 1\n")
    batch = b"FHS|^~\\&\rBHS|^~\\&\r" + level("D1", "980001") + hospital.everyday("D2") + b"BTS|2\rFTS|1\r"
    drop(folder, "good.hl7", batch)
    drop(folder, "bad.hl7", level("D3", "980002").replace(b"\r", b"\n") + level("D4", "980004", unit=""))
    drop(folder, "empty.hl7", b"")
    (folder / "later.hl7.tmp").write_bytes(level("D5", "980003"))
    service = start("--config", str(site))

    eventually(lambda: not list(folder.glob("*.hl7")))
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*") if p.is_file()) == [
        "failed/bad.hl7",
        "failed/bad.hl7.ack",
        "failed/empty.hl7",
        "failed/empty.hl7.reason.txt",
        "later.hl7.tmp",
        "processed/good.hl7",
    ]
    answers = (folder / "failed" / "bad.hl7.ack").read_bytes()
    assert [code_of(b"MSH" + one) for one in answers.split(b"MSH")[1:]] == ["AA", "AE"]
    assert b"ERR||OBX^1^6|101^" in answers
    assert (folder / "processed" / "good.hl7").read_bytes() == batch
    eventually(lambda: values(service, "980001") == [0.62])
    eventually(lambda: values(service, "980002") == [0.62])
    assert 'troughline_files_total{listener="files",state="failed"} 2.0' in service.get("/metrics").text
    told = [line for line in service.logged() if line["event"].startswith("file-")]
    assert sorted((line["event"], line.get("state"), line.get("count")) for line in told) == [
        ("file-read", "failed", 2),
        ("file-read", "processed", 2),
        ("file-unusable", None, None),
    ]
    assert "good" not in service.log.read_text()

    # As after a crash between keeping and moving: the file is there again.
    core = service.pids["core"]
    service.process.send_signal(signal.SIGKILL)
    service.process.wait(10)
    eventually(lambda: not alive(core))
    (folder / "processed" / "good.hl7").rename(folder / "good.hl7")
    again = start("--config", str(site))
    (folder / "later.hl7.tmp").rename(folder / "later.hl7")
    eventually(lambda: values(again, "980003") == [0.62])
    assert values(again, "980001") == [0.62]
    assert (folder / "processed" / "good.hl7").read_bytes() == batch
    assert 'troughline_duplicates_total{listener="files"} 1.0' in again.get("/metrics").text
    assert again.stop() == 0
