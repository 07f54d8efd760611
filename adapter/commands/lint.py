"""`troughline lint`: every mistake in the files analysts and clinicians own, with file and line."""

from __future__ import annotations

import argparse

from adapter.commands.faults import as_json, fault_line
from adapter.knowledge.lint import lint
from adapter.knowledge.policies import load_rulebook


def run(options: argparse.Namespace) -> int:
    """1 when anything is wrong, 0 when all files are clean; warnings alone are no fault."""
    faults = lint(options.mappings)
    faults += load_rulebook(options.policy, drafts=options.draft)[1]
    if options.json:
        print(as_json(faults))
    else:
        for fault in faults:
            print(fault_line(fault))
        if not faults:
            print("mappings, tables, outputs, products and policies are clean")
    return 1 if any(fault.severity == "error" for fault in faults) else 0
