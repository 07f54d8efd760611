"""The messages of the shipped golden cases, read once: several rooms try what they do on all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

GOLDEN = Path(__file__).parents[2] / "mappings" / "golden"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same document, in a tenth of the time, where libyaml is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenInput:
    """A case by its name, without what it expects."""

    name: str
    text: str
    of_a_site: bool
    """Settings of a sender belong to it."""

    @property
    def is_fhir(self) -> bool:
        return self.text.lstrip().startswith("{")


@cache
def golden_inputs() -> tuple[GoldenInput, ...]:
    """All of them, by name."""
    return tuple(_input(path) for path in sorted(GOLDEN.glob("*.yaml")))


def document_of(path: Path) -> dict:
    """A case as it stands."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506 - either loader is a safe one


def _input(path: Path) -> GoldenInput:
    document = document_of(path)
    return GoldenInput(name=path.stem, text=document["input"], of_a_site="site" in document)
