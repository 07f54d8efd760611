"""`troughline deid FILES|FOLDER --out DIR`: messages that may be shared, and that are still read the same."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from adapter.app.parts import play_parts
from adapter.commands.deid_corpus import Corpus, files_of, read_corpus
from adapter.commands.deid_keep_list import load_keep_list
from adapter.commands.deid_key import KeyFaultError, Pseudonyms, default_key_file, read_key
from adapter.commands.deid_leaf import Means
from adapter.commands.deid_report import Report
from adapter.commands.deid_text import told, unchecked
from adapter.commands.deid_words import words_of
from adapter.commands.deid_work import Work
from adapter.commands.deid_write import Site, write_all
from adapter.commands.faults import tell
from adapter.commands.golden_site import site_of
from adapter.commands.new_folder import made_empty
from adapter.commands.play_folder import SOURCE
from adapter.fhir import dumps
from adapter.pipeline.parts import Parts
from adapter.store.memory_state import MemoryState

SAY_EVERY = 200


def run(options: argparse.Namespace) -> int:
    """0 when all may be shared, 1 when a message was withheld or no reading checked, 2 when nothing could be done."""
    keep, faults = load_keep_list(options.keep)
    parts, more = play_parts(options, MemoryState(), demo=options.config is None)
    tell([*faults, *more])
    if keep is None or parts is None:
        return 2
    try:
        files, aside = files_of(options.messages)
        if not files:
            _say(f"{options.messages[0]} holds no *.hl7 and no *.json file: there is nothing to de-identify.")
            return 2
        wrong = made_empty(options.out)
        key_file = options.key or default_key_file()
        wrong = wrong or _key_inside(key_file, options.out)
        if wrong:
            _say(wrong)
            return 2
        key, made = read_key(key_file)
        if made:
            _say(
                f"A new key lies in {key_file}. Keep it secret: with it pseudonyms can be made again. Do not share it."
            )
        means = Means(
            keep=keep, words=words_of(keep, parts.knowledge), pseudonyms=Pseudonyms(key), facilities=options.facilities
        )
        report = _shared(files, options, means, parts)
    except KeyFaultError as fault:
        _say(str(fault))
        return 2
    except OSError as fault:
        _say(_why(fault, options))
        return 2
    report.aside = [path.name for path in aside]
    print(dumps(report.as_dict(), indent=True).decode() if options.json else told(report))
    for line in unchecked(report):
        _say(line)
    return int(bool(report.withheld) or report.nothing_checked)


def _why(fault: OSError, options: argparse.Namespace) -> str:
    """What the world refused, and what that means for the result."""
    name = Path(str(fault.filename)) if fault.filename else options.out
    if name in options.messages or name.parent in options.messages:
        return f"{name} cannot be read: {fault.strerror}. Nothing was written; name files and folders you may read."
    if name == (options.key or default_key_file()):
        return f"{name} cannot be used as the key: {fault.strerror}. Nothing was written; name another file with --key."
    return f"{name} cannot be written: {fault.strerror}. Nothing after it was; take away {options.out} and begin anew."


def _key_inside(key_file: Path, out: Path) -> str | None:
    if key_file.resolve().is_relative_to(out.resolve()):
        return f"{key_file} lies in {out}, which is meant to be shared; keep the key elsewhere."
    return None


def _shared(files: list[Path], options: argparse.Namespace, means: Means, parts: Parts) -> Report:
    """Read, settle each patient, write; the bytes lie in a file without a name meanwhile."""
    with tempfile.TemporaryFile(dir=options.out) as aside:
        corpus: Corpus = read_corpus(files, aside, _progress("files read", len(files)))
        work = Work(corpus=corpus, means=means, parts=parts)
        work.settle(_progress("patients checked", len(corpus.by_patient())))
        # Without a configuration there is no site: the zone of the demo is none that a case should name.
        site: Site = (lambda raw: site_of(raw, parts, SOURCE)) if options.config else (lambda _: {})
        progress = _progress("messages done", len(corpus.pieces))
        return write_all(work, options.out, as_case=site if options.as_case else None, progress=progress)


def _progress(what: str, total: int) -> Callable[[int], None]:
    def say(done: int) -> None:
        if done % SAY_EVERY == 0:
            _say(f"{done} of {total} {what}")

    return say


def _say(text: str) -> None:
    print(text, file=sys.stderr)
