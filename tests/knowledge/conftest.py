from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from policy_texts import copy_config, one_policy

Write = Callable[[str, str], Path]

MAPPING = """\
mapping: oru-activity
version: 1
event: ActivityMeasured
input:
  format: hl7v2
  messages:
    - ORU^R01
for_each: OBX
select:
  code: OBX-3
  table: activity_tests
  near:
    - asparagin
  otherwise: ignore
fields:
  status:
    from: OBX-11
    as: code
    table: result_status
    required: always
  activity:
    from: OBX-5
    type: OBX-2
    unit: OBX-6
    as: quantity
    table: units
    # an empty value is no fault
  collected:
    from:
      - SPM-17.1
      - OBX-14
    as: time
    must_agree: 2 hours
    required: when status is final, corrected
  key:
    from: OBR-3 + (test) + OBX-4
    as: key
  comment:
    from: NTE-3(*)
    join: lines
    default: none
  patient:
    from: PID-3(*)
    as: identifier
    table: identifier_systems
not_needed:
  - path: PID-5
    why: the name is not needed
"""

OUTPUT = """\
output: flag
version: 2
resource:
  resourceType: Flag
  status: ${status}
  code:
    coding:
      - code: ${finding.code}
"""

HEADER = "sender,code,system,target,label,note\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small complete mappings folder."""
    root = tmp_path / "mappings"
    write_all(
        root,
        {
            "tables/activity_tests.csv": HEADER + ",ASP,L,asparaginase-activity,Activity,\n",
            "tables/identifier_systems.csv": HEADER + ",HOSP,*,https://hospital.example/mrn,,\n",
            "tables/result_status.csv": HEADER + ",F,*,final,,\n,C,*,corrected,,\n",
            "tables/units.csv": HEADER + ",IU/mL,*,[IU]/mL,,\n",
            "v2/oru.yaml": MAPPING,
            "outputs/flag.yaml": OUTPUT,
        },
    )
    return root


@pytest.fixture
def write(folder: Path) -> Write:
    """Writes one file of the folder anew."""

    def write_one(name: str, text: str) -> Path:
        write_all(folder, {name: text})
        return folder / name

    return write_one


@pytest.fixture
def mapping_text() -> str:
    return MAPPING


@pytest.fixture
def output_text() -> str:
    return OUTPUT


def write_all(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of the shipped products and of CONS16 alone."""
    return one_policy(tmp_path / "config")


@pytest.fixture
def whole_config(tmp_path: Path) -> Path:
    """A copy of all shipped products and policies."""
    return copy_config(tmp_path / "config")
