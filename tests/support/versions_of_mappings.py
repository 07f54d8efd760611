"""A site's mappings in two versions, the messages both read, and what `troughline diff` says of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import hospital

from adapter.cli import main
from adapter.knowledge.shipped import shipped

HEADER = "sender,code,system,target,label,note\n"
LEVEL = {"value": "620", "unit": "blorps"}
"""In a unit that only the site knows."""


def site_tables(folder: Path, *, unit: str | None = "m[IU]/mL", code: str = "ASPACT", note: str = "") -> Path:
    """The tables of a site in a folder: those of the demo, its own unit, and its code of the test."""
    shutil.copytree(shipped("mappings") / "demo" / "tables", folder / "tables", dirs_exist_ok=True)
    row = f",blorps,*,{unit},,{note}\n" if unit else ""
    (folder / "tables" / "units.csv").write_text(HEADER + row)
    (folder / "tables" / "activity_tests.csv").write_text(f"{HEADER},{code},L,asparaginase-activity,,\n")
    return folder


def messages(folder: Path) -> Path:
    """A patient, a dose, and in one file a report that does not concern us and a level."""
    folder.mkdir(exist_ok=True)
    (folder / "10-patient.json").write_text(json.dumps(hospital.patient()))
    (folder / "20-dose.json").write_text(json.dumps(hospital.dose()))
    (folder / "30-laboratory.hl7").write_bytes(hospital.everyday("E1") + hospital.oru("A1", **LEVEL))
    return folder


def asked(capsys, *arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `troughline diff`."""
    code = main(["diff", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def told(capsys, *arguments: object) -> tuple[int, dict]:
    """Exit code and result of `troughline diff --json`, which has nothing to complain of."""
    code, out, err = asked(capsys, *arguments, "--json")
    assert err == ""
    return code, json.loads(out)


def fields(message: dict) -> dict[str, tuple]:
    """Before and after of each field of a changed message, by its path."""
    return {change["path"]: (change["before"], change["after"]) for change in message["changes"]}
