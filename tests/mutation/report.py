"""What became of all mutants: a summary, its text, and the two files of the last result."""

from __future__ import annotations

import json
import platform
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from asking import LEFT, Outcome
from mutants import Mutant

Key = tuple[str, str, str, str]
NEVER_CHANGED = (
    ("types, decorators and imports", "they are checked by mypy and the linter, not by tests"),
    ("names of types (`Literal`, `TypeVar`) and `__all__`", "the same"),
    ("docstrings", "they are read by people"),
    ("`assert` and `assert_never`", "they tell our own bugs; no input may reach them"),
)
RESULT, NUMBERS = "last-result.md", "last-result.json"


def accepted(path: Path) -> dict[Key, str]:
    """The written reasons, by what names a mutant."""
    with path.open("rb") as file:
        groups = tomllib.load(file).get("accepted", [])
    return {tuple(mutant): group["reason"] for group in groups for mutant in group["mutants"]}


def summary_of(
    result: Sequence[tuple[Mutant, Outcome]], reasons: Mapping[Key, str], *, minutes: float, remembered: int
) -> dict[str, Any]:
    """Numbers per file, survivors with and without a reason, and reasons nothing needs any more."""
    counts: dict[str, Counter[str]] = {}
    for mutant, outcome in result:
        counts.setdefault(mutant.file, Counter())[outcome.state] += 1
    left = {mutant.key: (mutant, outcome) for mutant, outcome in result if outcome.state in LEFT}
    asked = {mutant.file for mutant, _ in result}
    return {
        "python": platform.python_version(),
        "mutmut": version("mutmut"),
        "minutes": round(minutes, 1),
        "remembered": remembered,
        "all": _numbers(sum(counts.values(), Counter())),
        "files": {file: _numbers(count) for file, count in sorted(counts.items())},
        "unexplained": [_shown(*left[key]) for key in left if key not in reasons],
        "stale_reasons": [list(key) for key in reasons if key[0] in asked and key not in left],
        "explained": [{**_shown(*left[key]), "reason": reasons[key]} for key in left if key in reasons],
    }


def _numbers(count: Counter[str]) -> dict[str, int]:
    return {
        "mutants": count.total(),
        "noticed": count["killed"] + count["timeout"],
        "survived": count["survived"] + count["untested"],
    }


def _shown(mutant: Mutant, outcome: Outcome) -> dict[str, str]:
    file, function, was, now = mutant.key
    return {"file": file, "function": function, "was": was, "now": now, "state": outcome.state}


def text_of(summary: Mapping[str, Any]) -> str:
    """The result for a person."""
    lines = [_headline(summary)]
    for one in summary["unexplained"]:
        lines += ["", f"{one['file']} {one['function']} ({one['state']})", f"  - {one['was']}", f"  + {one['now']}"]
    if summary["stale_reasons"]:
        lines += ["", "Reasons in accepted.toml that no survivor needs; take them out:"]
        lines += [f"  {' | '.join(key)}" for key in summary["stale_reasons"]]
    return "\n".join(lines)


def _headline(summary: Mapping[str, Any]) -> str:
    numbers = summary["all"]
    before = f" ({summary['remembered']} of them in an earlier run of the same code)" if summary["remembered"] else ""
    return (
        f"{numbers['mutants']} mutants in {len(summary['files'])} files, {summary['minutes']} minutes: "
        f"{numbers['noticed']} noticed by a test that fails or does not end{before}, "
        f"{len(summary['explained'])} survive with a reason, {len(summary['unexplained'])} without."
    )


def recorded(summary: Mapping[str, Any], folder: Path, command: str, *, whole: bool) -> None:
    """Write the last result, for people and for programs; of some files only, into the whole result that is there."""
    if not whole:
        summary = _with_part(json.loads((folder / NUMBERS).read_text(encoding="utf-8")), summary)
    (folder / NUMBERS).write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / RESULT).write_text(_page(summary, command), encoding="utf-8")


def _with_part(before: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """A whole result in which some files were asked about again."""
    again = part["files"].keys()
    files = dict(sorted({**before["files"], **part["files"]}.items()))

    def together(name: str) -> list[Any]:
        file_of = (lambda one: one[0]) if name == "stale_reasons" else (lambda one: one["file"])
        return [one for one in before[name] if file_of(one) not in again] + part[name]

    return {
        **part,
        "minutes": round(before["minutes"] + part["minutes"], 1),
        "remembered": before["remembered"] + part["remembered"],
        "all": {name: sum(numbers[name] for numbers in files.values()) for name in before["all"]},
        "files": files,
        **{name: together(name) for name in ("unexplained", "stale_reasons", "explained")},
    }


def _page(summary: Mapping[str, Any], command: str) -> str:
    lines = [
        "# Last result of the mutation tests",
        "",
        _headline(summary),
        f"Python {summary['python']}, mutmut {summary['mutmut']}. The same again: `{command}`.",
        "",
        "Never changed:",
        "",
        *(f"- {what}: {why}" for what, why in NEVER_CHANGED),
        "",
        "| file | mutants | noticed | survived with a reason |",
        "|---|---:|---:|---:|",
        *(
            f"| `{file}` | {one['mutants']} | {one['noticed']} | {one['survived']} |"
            for file, one in summary["files"].items()
        ),
        "",
        "The survivors and their reasons are in [accepted.toml](accepted.toml).",
    ]
    return "\n".join(lines) + "\n"
