"""How faults of files are told: one line each with its place, or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from adapter.knowledge.text_yaml import Fault


def tell(faults: Sequence[Fault]) -> None:
    """Every fault on stderr as `file:line: text`."""
    for fault in sorted(faults, key=lambda fault: (fault.file, fault.line)):
        print(fault_line(fault), file=sys.stderr)


def fault_line(fault: Fault) -> str:
    """`mappings/v2/oru.yaml:12: text`"""
    return str(fault)


def as_json(faults: Sequence[Fault]) -> str:
    """A JSON list of file, line, column and text."""
    return json.dumps([asdict(fault) for fault in faults], indent=2)
