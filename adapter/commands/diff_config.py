"""An earlier site configuration, reduced to what the reading of messages depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from adapter.knowledge.text_yaml import Fault, Node, read_yaml

KEPT = ("canonical_base", "sources", "senders", "policies", "drafts")
FOLDERS = ("mappings", "config")
ELSEWHERE = ("tls", "application_answers")
"""Of a port: what needs files that are not kept with the configuration."""


def reduced_config(content: bytes, file: str, place: Callable[[str], Path], faults: list[Fault]) -> str | None:
    """The reduced configuration as YAML, its folders by whole paths; None, with faults, when it cannot be read."""
    document, mistakes = read_yaml(content, file)
    faults += mistakes
    if document is None:
        return None
    data: Mapping[str, Node] = document.data if isinstance(document.data, dict) else {}
    reduced: dict[str, Any] = {key: data[key] for key in KEPT if key in data}
    for key in FOLDERS:
        named = data.get(key) or []
        folders = [place(str(name)).absolute().as_posix() for name in ([named] if isinstance(named, str) else named)]
        reduced |= {key: folders} if folders else {}
    ports, http = data.get("mllp"), data.get("http")
    if isinstance(ports, list):
        reduced["mllp"] = [_without_files(port) for port in ports]
    if isinstance(http, dict) and "source" in http:
        reduced["http"] = {"source": http["source"]}
    return yaml.safe_dump(reduced)


def _without_files(port: Node) -> Node:
    return {key: value for key, value in port.items() if key not in ELSEWHERE} if isinstance(port, dict) else port
