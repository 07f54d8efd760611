"""The two sides of a comparison: what each reads with, where it comes from, and whether they differ at all."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from adapter.app.parts import DEMO, Origin, origin_of, parts_from
from adapter.app.versions import policies_hash
from adapter.commands.diff_faults import CannotCompare
from adapter.commands.diff_folder import is_whole
from adapter.commands.diff_versions import from_folder, from_git
from adapter.knowledge.content import content_hash
from adapter.knowledge.text_yaml import Fault
from adapter.pipeline.parts import Parts, State
from adapter.store.memory_state import MemoryState

Tell = Callable[[Sequence[Fault]], None]
NOW = "now"
UNNAMED = "Name what to compare with: --from FOLDER, --from GIT-REF, or --from-policy ID."


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One version of mappings and policies, ready to read with."""

    name: str
    """`main (3f2a1c9d0b1e)`, a folder, or `now`."""
    commit: str | None
    parts: Parts
    reading: str
    """Hash of everything else a reading depends on: senders, zones, the canonical base."""
    demo: bool = False
    """Whether the tables of the demo are laid over the shipped ones, for no others were named."""
    absent: tuple[str, ...] = ()
    """Folders of now that this version does not have."""

    @property
    def mappings(self) -> str:
        """The content hash of the mappings; a comment edit does not change it."""
        return self.parts.knowledge.hash

    @property
    def policies(self) -> str:
        """The content hash of products, policies and which policy reads which product."""
        return policies_hash(self.parts.rulebook)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        named = sorted(set(self.parts.rulebook.chosen.values()))
        hashes = {"mappings": self.mappings, "policies": self.policies, "settings": self.reading}
        return {"name": self.name, "commit": self.commit, **hashes, "chosen": named, "demo": self.demo}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The earlier version and that of now."""

    old: Side
    new: Side

    def knowing(self, beforehand: Mapping[str, dict[str, Any]]) -> Sides:
        """Both sides with what others refer to known beforehand."""
        old, new = (replace(one, parts=replace(one.parts, beforehand=beforehand)) for one in (self.old, self.new))
        return Sides(old=old, new=new)

    def on(self, state: State) -> Sides:
        """Both sides with one memory of what messages refer to."""
        old, new = (replace(one, parts=replace(one.parts, state=state)) for one in (self.old, self.new))
        return Sides(old=old, new=new)

    @property
    def same_messages(self) -> bool:
        """Whether every message is read alike."""
        return (self.old.mappings, self.old.reading) == (self.new.mappings, self.new.reading)

    @property
    def same_conclusions(self) -> bool:
        """Whether equal facts lead to equal findings and resources."""
        return (self.old.policies, self.old.reading, _outputs(self.old)) == (
            self.new.policies,
            self.new.reading,
            _outputs(self.new),
        )

    @property
    def nothing_to_compare(self) -> bool:
        """Whether both are one version."""
        return self.same_messages and self.same_conclusions


def _outputs(side: Side) -> dict[str, tuple[str, dict[str, Any]]]:
    return {name: (one.version, one.resource) for name, one in side.parts.knowledge.outputs.items()}


def sides_of(options: argparse.Namespace, scratch: Path, tell: Tell) -> Sides:
    """Both sides; what git holds is written below `scratch`. CannotCompare when one of them cannot be read."""
    if options.old is not None and not options.old.strip():
        raise CannotCompare("--from is empty, as an unset variable is: name a folder, or a branch, tag or commit.")
    if options.old is None and not options.from_policy:
        raise CannotCompare(UNNAMED)
    now, faults = _origin_of_now(options)
    new = _side(now, NOW, faults, tell)
    before = replace(now, policies=tuple(options.from_policy)) if options.from_policy else now
    if options.old is None:
        return Sides(old=_side(before, ", ".join(options.from_policy), [], tell), new=new)
    read = from_folder if Path(options.old).is_dir() else from_git
    earlier = read(options, before, scratch)
    name = ", ".join([earlier.name, *options.from_policy])
    old = _side(earlier.origin, name, earlier.faults, _renaming(tell, scratch, options.old))
    return Sides(old=replace(old, commit=earlier.commit, absent=earlier.absent), new=new)


def _renaming(tell: Tell, scratch: Path, ref: str) -> Tell:
    """Files below the scratch folder are told by the names people know: `main:site/tables/units.csv`."""

    def known(text: str) -> str:
        return text.replace(f"{scratch.as_posix()}/", f"{ref}:")

    return lambda faults: tell([replace(fault, file=known(fault.file), text=known(fault.text)) for fault in faults])


def _origin_of_now(options: argparse.Namespace) -> tuple[Origin, list[Fault]]:
    """As `run` reads, but a whole copy of the mappings takes the place of the shipped ones, its demo included."""
    config: Path | None = options.config
    folder = config if config is not None and config.is_dir() else None
    named = argparse.Namespace(**{**vars(options), "config": None if folder else config})
    origin, faults = origin_of(named, demo=named.config is None)
    if folder:
        whole = (folder / "products.yaml").is_file()
        settings = origin.settings if whole else replace(origin.settings, config=(folder,))
        origin = replace(origin, settings=settings, config_base=folder if whole else None)
    for whole_copy in filter(is_whole, options.mappings):
        rest = tuple(path for path in origin.overlays if path != whole_copy)
        bare = named.config is None and not rest and (whole_copy / DEMO).is_dir()
        origin = replace(origin, base=whole_copy, overlays=(whole_copy / DEMO,) if bare else rest, demo=bare)
    return origin, faults


def _side(origin: Origin, name: str, faults: list[Fault], tell: Tell) -> Side:
    """One side; every mistake in it is told with its place."""
    parts = parts_from(origin, MemoryState(), faults)
    tell(faults)
    if parts is None:
        errors = sum(fault.severity == "error" for fault in faults)
        which = "The version of now" if name == NOW else f"The earlier version, {name},"
        told = f"{errors} mistake{'' if errors == 1 else 's'} told above"
        raise CannotCompare(f"{which} cannot be read: {told}. Nothing was compared.")
    return Side(name=name, commit=None, parts=parts, reading=_reading(origin), demo=origin.demo)


def _reading(origin: Origin) -> str:
    settings = origin.settings
    listener = [(one.zone, one.default_charset) for one in settings.mllp[:1]]
    senders = [asdict(sender) for sender in settings.senders]
    told = [settings.canonical_base, settings.sources[0].zone, listener, senders, origin.demo]
    return content_hash(json.loads(json.dumps(told, default=str)))
