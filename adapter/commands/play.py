"""`troughline play FOLDER`: what would it do with these messages?"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from adapter.app.parts import play_parts
from adapter.commands.faults import tell
from adapter.commands.play_folder import has_errors, play
from adapter.fhir import dumps
from adapter.store.memory_state import MemoryState


def run(options: argparse.Namespace) -> int:
    """0 fine, 1 when a problem is an error, 2 when the folder or a configured file cannot be read."""
    if not options.folder.is_dir():
        print(f"{options.folder} is no folder; name a folder with *.hl7 and *.json files.", file=sys.stderr)
        return 2
    parts, faults = play_parts(options, MemoryState())
    tell(faults)
    if parts is None:
        return 2
    try:
        result = play(options.folder, parts, as_of=options.as_of)
    except OSError as fault:
        print(f"{fault.filename} cannot be read: {fault.strerror}.", file=sys.stderr)
        return 2
    if not any(options.folder.glob("*.hl7")) and not any(options.folder.glob("*.json")):
        print(f"{options.folder} holds no *.hl7 and no *.json file: nothing was played.", file=sys.stderr)
    if options.json:
        sys.stdout.write(dumps(result, indent=True).decode() + "\n")
    else:
        print(told(result))
    return 1 if has_errors(result) else 0


def told(result: dict[str, Any]) -> str:
    """The result for a person: answers, problems, a sentence per finding, what a FHIR server would hold."""
    lines = [f"{ack['file']} {ack['message']}: {ack['code']}" for ack in result["acks"]]
    lines += [_problem_line(problem) for problem in result["problems"]]
    for finding in (*result["findings"], *result["unlinked"]):
        lines += ["", _headline(finding), f"  {finding['sentence']}"]
    lines += ["", *(f"{reference}: {_state(resource)}" for reference, resource in result["resources"].items())]
    return "\n".join(lines)


def _problem_line(problem: dict[str, Any]) -> str:
    place = " ".join(part for part in (problem["file"], problem["where"]) if part)
    return f"{problem['severity']} {place}: {problem['code']}: {problem['text']}"


def _headline(finding: dict[str, Any]) -> str:
    dose = finding["dose"]
    subject = f"{dose['product']} {dose['started']}" if dose else "no dose"
    axes = " / ".join(str(finding[axis]) for axis in ("exposure", "mechanism", "monitoring") if finding[axis])
    modifiers = f" [{', '.join(finding['modifiers'])}]" if finding["modifiers"] else ""
    return f"{finding['patient']}  {subject}: {axes}{modifiers}"


def _state(resource: dict[str, Any]) -> str:
    text = resource.get("code", {}).get("text", "")
    return f"{resource.get('status', '')} {text}".strip()
