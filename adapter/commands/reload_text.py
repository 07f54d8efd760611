"""What came of a reload, as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adapter.commands.faults import fault_line
from adapter.knowledge.text_yaml import Fault

AFTERWARDS = """\
What was read before stays as it was read: `troughline replay` shows what these files would change of it, and does it
with --apply. A patient is judged by new policies as soon as something new is known of him, or something falls due."""


def page(result: Mapping[str, Any]) -> str:
    """The result as it stands in the store."""
    match result["result"]:
        case "reloaded":
            lines = _reloaded(result)
        case "unchanged":
            lines = _unchanged(result)
        case _:
            lines = _failed(result)
    return "\n".join([*lines, *_needs_restart(result["needs_restart"])])


def _reloaded(result: Mapping[str, Any]) -> Iterator[str]:
    seconds, since = result["seconds"], result["done_at"]
    yield f"Reloaded in {seconds:.1f} s: intake and core read with what the files say, since {since}."
    yield from _versions(result)
    yield from (f"  {line}" for line in result["changes"])
    yield AFTERWARDS


def _unchanged(result: Mapping[str, Any]) -> Iterator[str]:
    yield "Nothing changed: the service already reads with what the files say."
    yield from _versions(result)


def _versions(result: Mapping[str, Any]) -> Iterator[str]:
    for kind in ("mappings", "policies"):
        before, after = result["before"][kind], result["after"][kind]
        yield f"{kind}  {before} -> {after}" if before != after else f"{kind}  {after}, as before"


def _failed(result: Mapping[str, Any]) -> Iterator[str]:
    yield from (fault_line(Fault(**fault)) for fault in result["faults"])
    yield "Nothing was taken: the service goes on with what it has. Mend the files, then ask again."
    yield from _versions(result)


def _needs_restart(settings: list[str]) -> Iterator[str]:
    if settings:
        yield f"Changed, and taken at a restart only: {', '.join(settings)}."
