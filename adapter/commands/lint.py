"""`troughline lint`: every mistake in the files analysts and clinicians own, with file and line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from adapter.app.checked_files import Checked, check_files, in_configuration, site_faults
from adapter.commands.faults import as_json, fault_line
from adapter.commands.golden_suites import read_suite, suites_of
from adapter.knowledge.lint import in_order
from adapter.knowledge.plain_file import no_file
from adapter.knowledge.spec import Knowledge
from adapter.knowledge.text_yaml import Fault
from adapter.settings import load_settings
from adapter.settings.named_files import named_files


def run(options: argparse.Namespace) -> int:
    """0 when there is no error (warnings are none), 1 when there is one, 2 when a file or folder is not there."""
    wrong = list(_wrong_kind(options))
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 2
    faults = list(_faults(options))
    if options.json:
        print(as_json(faults))
    else:
        _tell(faults, configured=options.config is not None)
    return 1 if any(fault.severity == "error" for fault in faults) else 0


def _wrong_kind(options: argparse.Namespace) -> Iterator[str]:
    """What is named and cannot be read as what it is named as."""
    for folder in options.mappings:
        if not folder.exists():
            yield f"{folder}: not there; name folders with mappings as --mappings."
        elif not folder.is_dir():
            yield f"{folder}: is a file; --mappings takes the folder above tables/, v2/, fhir/, outputs/ and golden/."
    if options.config and not options.config.exists():
        yield f"{options.config}: not there; name a file as --config."
    elif options.config and options.config.is_dir():
        yield f"{options.config}: is a folder; --config takes the file of the configuration in it (troughline.yaml)."
    elif options.config and (wrong := no_file(options.config)):
        yield f"{options.config}: {wrong}; --config takes the file of the configuration (troughline.yaml)."


def _faults(options: argparse.Namespace) -> Iterator[Fault]:
    """All there is to say, at once: a mistake in one file hides none in another."""
    settings, faults = load_settings(options.config)
    said = settings or named_files(options.config)
    overlays = [*said.mappings, *options.mappings]
    checked = check_files(
        overlays,
        config=said.config,
        policies=[*said.policies, *options.policy],
        drafts=said.drafts or options.draft,
    )
    yield from in_order(faults)
    yield from in_order(site_faults(settings or said, checked.reading, overlays, options.config))
    yield from in_configuration(checked.faults, said, options.config)
    yield from _golden(overlays, checked.knowledge)
    if checked.knowledge and options.unused:
        yield from _unused(overlays, checked)


def _golden(overlays: Sequence[Path], knowledge: Knowledge | None) -> Iterator[Fault]:
    """Faults of the cases; without mappings to read them by, those that show without."""
    faults: list[Fault] = []
    for suite in suites_of(None, overlays):
        for _ in read_suite(suite, knowledge, faults):
            pass
    yield from in_order(faults)


def _unused(overlays: Sequence[Path], checked: Checked) -> Iterator[Fault]:
    from adapter.commands.lint_unused import unused_rows  # reads every case: heavy, and seldom asked for

    if checked.rulebook:
        yield from in_order(unused_rows(overlays, checked.rulebook))


def _tell(faults: Sequence[Fault], *, configured: bool) -> None:
    for fault in faults:
        print(fault_line(fault))
    if not faults:
        whole = "configuration, " if configured else ""
        print(f"{whole}mappings, tables, outputs, golden cases, products and policies are clean")
