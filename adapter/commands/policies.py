"""`troughline policies`: which clinical policies there are, what stands in them, and whether they are whole."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence

from adapter.commands.faults import as_json, fault_line, tell
from adapter.commands.policies_json import as_listed, as_shown
from adapter.commands.policies_text import listed, shown
from adapter.knowledge.policies import Config, read_config
from adapter.knowledge.policy_files import PolicyFile
from adapter.knowledge.text_yaml import Fault, did_you_mean


def run(options: argparse.Namespace) -> int:
    """0 fine, 1 when a file has an error, 2 when there is no such policy."""
    overlays = [*options.config, *options.config_after]
    match options.action:
        case "check":
            return _check(*read_config(overlays=[*overlays, *options.folders]), in_json=options.json)
        case "show":
            return _show(options.policy, *read_config(overlays=overlays), in_json=options.json)
        case _:
            return _list(*read_config(overlays=overlays), in_json=options.json)


def _list(config: Config, faults: Sequence[Fault], *, in_json: bool) -> int:
    tell(faults)
    print(json.dumps([as_listed(file, config) for file in config.files], indent=2) if in_json else listed(config))
    return _outcome(faults)


def _show(name: str, config: Config, faults: Sequence[Fault], *, in_json: bool) -> int:
    tell(faults)
    found = _named(name, config)
    if not found:
        labels = [file.policy.label for file in config.files]
        hint = did_you_mean(name.upper(), {*labels, *(label.partition("@")[0] for label in labels)})
        print(f"there is no policy '{name}'{hint}; known are {', '.join(labels)}.", file=sys.stderr)
        return 2
    newest = found[-1]
    print(json.dumps(as_shown(newest, config), indent=2, ensure_ascii=False) if in_json else shown(newest, config))
    return _outcome(faults)


def _named(name: str, config: Config) -> list[PolicyFile]:
    """The versions a name means, whatever its case."""
    wanted = name.casefold()
    return [f for f in config.files if wanted in (f.policy.id.casefold(), f.policy.label.casefold())]


def _check(config: Config, faults: Sequence[Fault], *, in_json: bool) -> int:
    print(as_json(faults) if in_json else "\n".join(_checked(config, faults)))
    return _outcome(faults)


def _checked(config: Config, faults: Sequence[Fault]) -> Iterator[str]:
    yield from (fault_line(fault) for fault in sorted(faults, key=lambda fault: (fault.file, fault.line)))
    if not faults:
        yield f"{len(config.files)} policies and {len(config.products)} products are clean"


def _outcome(faults: Sequence[Fault]) -> int:
    return 1 if any(fault.severity == "error" for fault in faults) else 0
