"""A folder with an earlier version: what of it takes the place of what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adapter.app.parts import Origin
from adapter.commands.diff_faults import CannotCompare
from adapter.knowledge.policies import POLICIES, PRODUCTS
from adapter.knowledge.shipped import shipped
from adapter.knowledge.strays import FOLDERS, OUTPUTS

MAPPINGS = "mappings"
CONFIG = "config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swaps:
    """What the earlier side reads in place of what."""

    folders: dict[Path, Path] = field(default_factory=dict)
    """Folders laid over the shipped ones: now -> earlier."""
    base: Path | None = None
    """Whole mappings, in place of those of now."""
    config_base: Path | None = None
    added_config: tuple[Path, ...] = ()
    """Policies laid over the shipped ones, where nothing is laid over them now."""
    config_file: Path | None = None
    """An earlier site configuration."""

    def of(self, path: Path) -> Path:
        """Where the earlier side reads a folder."""
        return self.folders.get(path, path)

    def __bool__(self) -> bool:
        return bool(self.folders or self.base or self.config_base or self.added_config or self.config_file)


def is_whole(folder: Path) -> bool:
    """Whether a folder holds all that mappings need, so that it can stand for the shipped ones."""
    outputs = {path.name for path in (shipped(MAPPINGS) / OUTPUTS).glob("*.yaml")}
    filled = all(any((folder / name).glob("*.*")) for name in FOLDERS)
    return filled and outputs <= {path.name for path in (folder / OUTPUTS).glob("*.yaml")}


def beside(folder: Path, now: Origin, config: Path | None) -> Swaps:
    """What a folder is a copy of: a site, a checkout, mappings or policies; CannotCompare when it is none of them."""
    swaps = _copy_of_site(folder, now, config) or _copy_of_parts(folder, now)
    if not swaps:
        raise CannotCompare(
            f"{folder} holds no earlier version: neither mappings ({', '.join(FOLDERS)}), nor policies ({PRODUCTS}, "
            f"{POLICIES}), nor a folder {MAPPINGS} or {CONFIG}, nor a copy of what is named now."
        )
    return swaps


def _copy_of_site(folder: Path, now: Origin, config: Path | None) -> Swaps:
    """A copy of the folder a site keeps everything in: each thing is found under its own name."""
    file = folder / config.name if config and config.is_file() else None
    if file and file.is_file() and not file.samefile(config or file):
        return Swaps(config_file=file, folders=_by_name(folder, now.overlays))
    named = (*now.settings.mappings, *now.settings.config, *(() if now.demo else now.overlays))
    return Swaps(folders=_by_name(folder, named))


def _by_name(folder: Path, named: Sequence[Path]) -> dict[Path, Path]:
    copies = {path: folder / path.name for path in named}
    return {path: copy for path, copy in copies.items() if copy.is_dir() and not is_whole(copy)}


def _copy_of_parts(folder: Path, now: Origin) -> Swaps:
    mappings = folder / MAPPINGS if (folder / MAPPINGS).is_dir() else folder
    config = folder / CONFIG if (folder / CONFIG).is_dir() else folder
    folders: dict[Path, Path] = {}
    base = None
    if any((mappings / name).is_dir() for name in FOLDERS):
        base = mappings if is_whole(mappings) else None
        if base is None:
            folders[_replaced(mappings, (*now.settings.mappings, *now.overlays))] = mappings
    if not (config / PRODUCTS).is_file() and not (config / POLICIES).is_dir():
        return Swaps(folders=folders, base=base)
    if now.settings.config:
        folders[_replaced(config, now.settings.config)] = config
        return Swaps(folders=folders, base=base)
    whole = (config / PRODUCTS).is_file()
    return Swaps(
        folders=folders,
        base=base,
        config_base=config if whole else None,
        added_config=() if whole else (config,),
    )


def _replaced(copy: Path, overlays: Sequence[Path]) -> Path:
    """The folder of now whose earlier copy this is: the only one there is, or the one of the same name."""
    same = [path for path in overlays if path.name == copy.name]
    found = overlays if len(overlays) == 1 else same
    if len(found) == 1:
        return found[0]
    if not overlays:
        raise CannotCompare(
            f"{copy} is laid over the shipped mappings, and nothing is now: "
            "name with --mappings what to compare it with."
        )
    named = ", ".join(path.as_posix() for path in overlays)
    raise CannotCompare(
        f"{copy} could be an earlier copy of any of {named}: give it the name of the one it is a copy of, or name a "
        "folder that holds copies under their own names."
    )
