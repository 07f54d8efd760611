"""The earlier version of what is read now: out of a folder, or out of git."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from adapter.app.parts import DEMO, Origin
from adapter.commands.diff_config import reduced_config
from adapter.commands.diff_faults import CannotCompare
from adapter.commands.diff_folder import Swaps, beside
from adapter.commands.diff_git import Repository, repository_of
from adapter.knowledge.plain_file import read_plain
from adapter.knowledge.shipped import shipped
from adapter.knowledge.text_yaml import Fault
from adapter.settings import Settings, load_settings

SHORT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What the earlier side reads with."""

    origin: Origin
    name: str
    faults: list[Fault] = field(default_factory=list)
    commit: str | None = None
    absent: tuple[str, ...] = ()
    """What was not there in that version of git: nothing stands in its place."""


@dataclass(slots=True, kw_only=True)
class _Tree:
    """One commit, written out below a scratch folder as far as it is asked for."""

    repository: Repository
    commit: str
    scratch: Path
    there: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def folder(self, path: Path) -> Path | None:
        """Where the earlier side reads a folder of now; None when it was not there yet."""
        if self.repository.inside(path) is None:
            return path
        copy = self.repository.folder(self.commit, path, self.scratch)
        (self.there if copy else self.missing).append(path.as_posix())
        return copy

    def whole(self, path: Path) -> Path:
        """Where the earlier side reads what everything is laid over; as it is now where git does not hold it."""
        copy = self.repository.folder(self.commit, path, self.scratch)
        self.there += [path.as_posix()] if copy else []
        return copy or path

    def folders(self, paths: tuple[Path, ...]) -> tuple[Path, ...]:
        """Those of the folders that were there."""
        return tuple(found for path in paths if (found := self.folder(path)))


def from_folder(options: argparse.Namespace, now: Origin, scratch: Path) -> Earlier:
    """A folder somebody kept; CannotCompare when it is no earlier version of anything."""
    folder = Path(options.old)
    swaps = beside(folder, now, options.config)
    faults: list[Fault] = []
    settings = now.settings
    if swaps.config_file:
        settings = _settings(swaps.config_file, scratch, _beside(swaps.config_file), faults) or settings
    return Earlier(origin=_swapped(replace(now, settings=settings), swaps), name=folder.as_posix(), faults=faults)


def _beside(file: Path) -> Callable[[str], Path]:
    return lambda name: file.parent / name


def _swapped(now: Origin, swaps: Swaps) -> Origin:
    settings = replace(
        now.settings,
        mappings=tuple(swaps.of(path) for path in now.settings.mappings),
        config=(*(swaps.of(path) for path in now.settings.config), *swaps.added_config),
    )
    overlays = tuple(swaps.of(path) for path in now.overlays)
    if now.demo and swaps.base and overlays == now.overlays and (swaps.base / DEMO).is_dir():
        overlays = (swaps.base / DEMO,)
    return replace(
        now,
        settings=settings,
        config=None,
        overlays=overlays,
        base=swaps.base or now.base,
        config_base=swaps.config_base or now.config_base,
    )


def from_git(options: argparse.Namespace, now: Origin, scratch: Path) -> Earlier:
    """A version in git: everything that lies in the repository is read as of it, everything else as it is now."""
    repository = _repository(options)
    commit = repository.commit(options.old)
    tree = _Tree(repository=repository, commit=commit, scratch=scratch)
    faults: list[Fault] = []
    settings = _settings_at(options.config, now, tree, faults)
    base = tree.whole(now.base or shipped("mappings"))
    config_base = tree.whole(now.config_base or shipped("config"))
    overlays = tree.folders(now.overlays)
    origin = replace(now, settings=settings, config=None, overlays=overlays, base=base, config_base=config_base)
    if not tree.there:
        missing = ", ".join(tree.missing) or "the shipped mappings"
        raise CannotCompare(
            f"'{options.old}' does not hold {missing}: name a version in which it has the same path, "
            "or a folder with the earlier copy."
        )
    name, absent = f"{options.old} ({commit[:SHORT]})", tuple(tree.missing)
    return Earlier(origin=origin, name=name, faults=faults, commit=commit, absent=absent)


def _repository(options: argparse.Namespace) -> Repository:
    """The one that holds the files named on the command line; where none is named, the shipped ones of a checkout."""
    named = [*options.mappings, *([options.config] if options.config else [])]
    if Path(options.old).exists():
        raise CannotCompare(f"{options.old} is a file: --from names a folder, or a version in git.")
    for path in named or [shipped("mappings")]:
        found = repository_of(path)
        if found:
            return found
    where = ", ".join(path.as_posix() for path in named) or "the shipped mappings"
    raise CannotCompare(
        f"There is no folder {options.old}, and it can be no version in git: {where} lies in no git repository. "
        "Name with --from a folder that holds the earlier version, or with --mappings or --config what is kept in git."
    )


def _settings_at(config: Path | None, now: Origin, tree: _Tree, faults: list[Fault]) -> Settings:
    """The settings as they were, with the folders they named then; those of now where git holds no configuration."""
    content = tree.repository.file(tree.commit, config) if config and config.is_file() else None
    if config is None or content is None:
        settings = now.settings
        return replace(settings, mappings=tree.folders(settings.mappings), config=tree.folders(settings.config))
    tree.there.append(config.as_posix())
    place = tree.scratch / (tree.repository.inside(config) or config.name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    found = _settings(
        place, tree.scratch, lambda name: tree.folder(config.parent / name) or place.parent / name, faults
    )
    return found or now.settings


def _settings(file: Path, scratch: Path, place: Callable[[str], Path], faults: list[Fault]) -> Settings | None:
    """What an earlier configuration says about reading messages; certificates and secrets need not lie beside it."""
    try:
        content = read_plain(file)
    except OSError as fault:
        raise CannotCompare(f"{file} cannot be read: {fault.strerror}.") from None
    reduced = reduced_config(content, file.as_posix(), place, faults)
    if reduced is None:
        return None
    written = scratch / "reading" / file.name
    written.parent.mkdir(parents=True, exist_ok=True)
    written.write_text(reduced, encoding="utf-8")
    settings, mistakes = load_settings(written)
    faults += [replace(fault, file=file.as_posix(), line=0, column=None) for fault in mistakes]
    return settings
