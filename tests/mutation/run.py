"""Changes the code in small ways and says which changes no test notices.

The changes are those of mutmut and a few of our own (operators.py). A survivor needs its reason in accepted.toml.
Nothing is written but by --record and --notes; no file of the code is touched.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COMMAND = "python tests/mutation/run.py --record"
EXAMPLES = """examples:
  python tests/mutation/run.py                                 all files that pyproject.toml names
  python tests/mutation/run.py adapter/domain/units.py         one file
  python tests/mutation/run.py --jobs 2 --record               all, and write last-result.md and last-result.json
  python tests/mutation/run.py --record adapter/rules/clock.py the lines of one file in them anew, after a change of it
  python tests/mutation/run.py --notes mutants/notes.jsonl     go on where an earlier run with these notes ended
  python tests/mutation/run.py adapter/rules/clock.py --json   for a program

exit codes: 0 every change was noticed or has its reason, 1 some were not, 2 it could not run
"""


def main(words: Sequence[str]) -> int:
    """Run as told on the command line."""
    asked = _asked(words)
    try:
        import report
        from notes import Notes
        from work import FOREVER_S, Order, outcomes_of
    except ModuleNotFoundError as missing:
        return _cannot(f"{missing.name} is not installed; run: pip install -e '.[test,dev]'")
    with (ROOT / "pyproject.toml").open("rb") as file:
        chosen = tomllib.load(file)["tool"]["mutation"]
    files = list(_files(asked.files or chosen["files"]))
    if not files:
        return _cannot(f"no Python file at {', '.join(asked.files)}; give paths from the root of the repository")
    try:
        notes = Notes(asked.notes, ROOT, chosen["tests"]) if asked.notes else None
    except (OSError, ValueError) as wrong:
        return _cannot(f"the notes at {asked.notes} cannot be used: {wrong}; take them away or name another file")
    reasons = report.accepted(HERE / "accepted.toml")
    order = Order(
        root=ROOT,
        files=files,
        tests=chosen["tests"],
        jobs=asked.jobs,
        explained=reasons.keys(),
        patience_s=asked.patience or FOREVER_S,
        quiet=asked.json,
        despite_failures=asked.despite_failures,
        notes=notes,
    )
    begun = time.monotonic()
    remembered = {} if notes is None else dict(notes.noticed)
    result = outcomes_of(order)
    if isinstance(result, str):
        return _cannot(result)
    summary = report.summary_of(
        result,
        reasons,
        minutes=(time.monotonic() - begun) / 60,
        remembered=sum(mutant.key in remembered for mutant, _ in result),
    )
    print(json.dumps(summary, indent=1) if asked.json else report.text_of(summary))
    if asked.record:
        report.recorded(summary, HERE, COMMAND, whole=not asked.files)
    return 1 if summary["unexplained"] or summary["stale_reasons"] else 0


def _asked(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", help="files or folders; default: those of pyproject.toml")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="mutants asked about at a time (default 1)")
    parser.add_argument("--json", action="store_true", help="the result as JSON")
    parser.add_argument("--record", action="store_true", help="write last-result.md and last-result.json")
    parser.add_argument(
        "--notes",
        type=Path,
        metavar="FILE",
        help="remember what was noticed, and do not ask again while the code and the test that noticed it are the same",
    )
    draft = parser.add_argument_group("while tests are being written")
    draft.add_argument(
        "--patience", type=float, metavar="SECONDS", help="ask each mutant only the tests that fit into this time"
    )
    draft.add_argument("--despite-failures", action="store_true", help="leave out tests that fail already")
    asked = parser.parse_args(words)
    if asked.record and (asked.patience or asked.despite_failures):
        parser.error("--record is for a whole run: leave out --patience and --despite-failures")
    return asked


def _files(names: Sequence[str]) -> Iterator[Path]:
    for name in names:
        path = ROOT / name
        if path.is_dir():
            yield from sorted(path.glob("*.py"))
        elif path.is_file():
            yield path


def _cannot(why: str) -> int:
    print(f"mutation: {why}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    os.chdir(ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]))
