"""`troughline explain`: each finding as a page a clinician can check line by line."""

from __future__ import annotations

import argparse
import sys

from adapter.commands.explain_lines import WIDTH
from adapter.commands.explain_page import page_of
from adapter.commands.explain_sources import explained_of_folder, explained_of_store
from adapter.commands.explain_tree import tree_of
from adapter.fhir import dumps

BETWEEN = f"\n\n{'=' * WIDTH}\n\n"
OF_A_FOLDER = ("as_of", "config", "mappings", "policy", "draft")


def run(options: argparse.Namespace) -> int:
    """0 fine, 1 when patient or key is unknown or a message had an error, 2 when nothing could be read."""
    misuse = _misuse(options)
    if misuse:
        print(misuse, file=sys.stderr)
        return 2
    explained = explained_of_store(options) if options.store else explained_of_folder(options)
    as_of = options.as_of.isoformat() if options.as_of else None
    trees = [tree_of(finding, last_written=at, read_as_of=as_of) for finding, at in explained.findings]
    if options.json and explained.code != 2:
        sys.stdout.write(dumps({"explanations": trees}, indent=True).decode() + "\n")
    elif trees:
        print(BETWEEN.join(page_of(tree) for tree in trees))
    if explained.said:
        print(explained.said, file=sys.stderr)
    return explained.code


def _misuse(options: argparse.Namespace) -> str | None:
    """What is wrong with the options taken together."""
    if (options.folder is None) == (options.store is None):
        return "Name either a FOLDER of messages or a store with --store DIR."
    if options.store is None:
        return None
    if not options.patient:
        return "A store holds many patients: name one with --patient 'SYSTEM|VALUE'."
    wrong = [f"--{name.replace('_', '-')}" for name in OF_A_FOLDER if getattr(options, name)]
    if wrong:
        return f"A store is read as it stands: {', '.join(wrong)} goes with a FOLDER only."
    return None
