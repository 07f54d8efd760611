"""`troughline diff --from FOLDER|GIT-REF MESSAGES...`: what changes for these messages between two versions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from adapter.commands.diff_corpus import File, files_of, supporting_of
from adapter.commands.diff_faults import CannotCompare
from adapter.commands.diff_patients import patients_changed
from adapter.commands.diff_progress import progress
from adapter.commands.diff_result import Result, sorted_by_harm
from adapter.commands.diff_sides import Sides, sides_of
from adapter.commands.diff_survey import Survey, surveyed
from adapter.commands.diff_text import page_of
from adapter.commands.faults import tell
from adapter.fhir import dumps


def run(options: argparse.Namespace) -> int:
    """0 when nothing changes, 1 when something does, 2 when a side or a message cannot be read."""
    try:
        files = files_of(options.messages)
        with TemporaryDirectory(prefix="troughline-diff-") as scratch:
            sides = sides_of(options, Path(scratch).resolve(), tell)
            for folder in sides.old.absent:
                print(f"{sides.old.name} has no {folder}: nothing stands in its place there.", file=sys.stderr)
            result = compared(files, sides, options.as_of)
    except CannotCompare as fault:
        print(fault, file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read our output has seen enough
        raise
    except OSError as fault:
        place = fault.filename or "The folder for temporary files"
        print(f"{place} cannot be used: {fault.strerror}. Nothing was compared.", file=sys.stderr)
        return 2
    if options.json:
        sys.stdout.write(dumps(result.as_dict(), indent=True).decode() + "\n")
    else:
        print(page_of(result))
    return int(result.changes)


def compared(files: Sequence[File], sides: Sides, as_of: datetime | None) -> Result:
    """Give the messages to both sides; the same version twice needs none."""
    if sides.nothing_to_compare:
        return Result(sides=sides, read=0, relevant=0, messages=(), patients=())
    supporting = supporting_of(files)
    sides = sides.knowing(supporting.newest)
    with progress("messages read", sum(file.size_bytes for file in files)) as advance:
        survey: Survey = surveyed(files, sides, supporting, as_of, advance)
    with progress("families of messages interpreted", len(survey.ours)) as advance:
        patients = list(patients_changed(survey.ours, sides, as_of or survey.clock, advance))
    messages, patients_by_harm = sorted_by_harm(survey.changed, patients)
    return Result(
        sides=sides, read=survey.messages, relevant=survey.relevant, messages=messages, patients=patients_by_harm
    )
