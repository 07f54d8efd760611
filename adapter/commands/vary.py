"""`troughline vary MESSAGE --out DIR`: what the field makes of one good message, each form as a golden case."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence

from adapter.commands.faults import tell
from adapter.commands.golden_write import NoCaseError, case_text
from adapter.commands.message_file import read_messages, unread
from adapter.commands.new_folder import made_empty, write_new
from adapter.commands.run_message import is_fhir
from adapter.commands.vary_catalogue import variations_of
from adapter.commands.vary_fhir import MAPPINGS, fhir_variations
from adapter.commands.vary_good import good_message, good_resource
from adapter.commands.vary_variation import Variation
from adapter.fhir import dumps
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.shipped import shipped
from adapter.knowledge.spec import Knowledge
from adapter.knowledge.text_yaml import did_you_mean

MAPPING = "v2/oru_activity.yaml"


def run(options: argparse.Namespace) -> int:
    """0 when the cases are written, 2 when the message cannot be varied or the folder not written."""
    knowledge, faults = load_knowledge(options.mappings or [shipped("mappings") / "demo"])
    tell([fault for fault in faults if fault.severity == "error"])
    if knowledge is None:
        return 2
    variations, mapping, wrong = _variations(options, knowledge)
    if wrong:
        return _refused(wrong)
    if options.only:
        known = [variation.name for variation in variations]
        unknown = next((name for name in options.only if name not in known), None)
        if unknown:
            return _refused(
                f"there is no variation '{unknown}' of this message{did_you_mean(unknown, known)}; see --list."
            )
        variations = [variation for variation in variations if variation.name in options.only]
    if options.list:
        return _listed(variations, as_json=options.json)
    return _written(variations, mapping, options)


def _variations(options: argparse.Namespace, knowledge: Knowledge) -> tuple[list[Variation], str, str]:
    """Every variation and the mapping it tests; else why there are none."""
    if options.out is None and not options.list:
        return [], "", "Name a new or empty folder for the cases with --out, or ask for their names with --list."
    try:
        raw = read_messages(options.message)
    except OSError as fault:
        return [], "", unread(options.message, fault)
    if is_fhir(raw):
        resource, wrong = good_resource(raw, options.message)
        return (
            (list(fhir_variations(resource)), MAPPINGS[resource["resourceType"]], "") if resource else ([], "", wrong)
        )
    good, wrong = good_message(raw, options.message, knowledge)
    return (list(variations_of(good, knowledge)), MAPPING, "") if good else ([], "", wrong)


def _listed(variations: Sequence[Variation], *, as_json: bool) -> int:
    if as_json:
        told = {"schema": 1, "variations": [{"name": one.name, "says": one.says} for one in variations]}
        print(dumps(told, indent=True).decode())
        return 0
    width = max((len(one.name) for one in variations), default=0)
    for one in variations:
        print(f"{one.name:{width}}  {one.says}")
    return 0


def _written(variations: Sequence[Variation], mapping: str, options: argparse.Namespace) -> int:
    try:
        wrong = made_empty(options.out)
        if wrong:
            return _refused(wrong)
        for one in variations:
            text = case_text(one.says, one.raw, mapping=mapping, site=one.site)
            write_new(options.out / f"{one.name}.yaml", text.encode())
    except NoCaseError as fault:
        return _refused(f"{options.message}: {fault}. Send it in UTF-8 with one kind of line end. Nothing was kept.")
    except OSError as fault:
        return _refused(f"{fault.filename or options.out} cannot be written: {fault.strerror}. Nothing after it was.")
    if options.json:
        files = [{"name": one.name, "says": one.says, "file": f"{one.name}.yaml"} for one in variations]
        told = {"schema": 1, "out": options.out.as_posix(), "accept": _accepting(options), "cases": files}
        print(dumps(told, indent=True).decode())
        return 0
    number = "1 case" if len(variations) == 1 else f"{len(variations)} cases"
    print(
        f"{number} written to {options.out}, without an outcome. Fill it in with this command, then read what came out:"
    )
    print(f"  {_accepting(options)}")
    return 0


def _accepting(options: argparse.Namespace) -> str:
    """The command that fills in the outcomes, read with the tables the variations were made with."""
    tables = [word for folder in options.mappings for word in ("--mappings", str(folder))]
    return shlex.join(["troughline", "test", str(options.out), *tables, "--accept"])


def _refused(why: str) -> int:
    print(why, file=sys.stderr)
    return 2
