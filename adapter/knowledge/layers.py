"""The folders that are laid over each other, and the files in them that are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapter.knowledge.plain_file import read_plain
from adapter.knowledge.text_yaml import Fault

TABLES = "tables"
NO_FOLDER = "there is no such folder"
MAX_FILE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One folder of files that people own, and the name it is shown under."""

    root: Path
    shown: str

    def files(self, folder: str, ending: str) -> list[Path]:
        """The files with an ending directly in a folder, names sorted; not those a spreadsheet program hides there.

        A link that leads nowhere is one of them: whoever put it there means it to be read.
        """
        found = (self.root / folder).glob(f"*{ending}")
        return sorted(path for path in found if not path.is_dir() and not path.name.startswith("~$"))

    def name(self, path: Path) -> str:
        """How a file of this layer is named to people: `mappings/tables/units.csv`."""
        return f"{self.shown}/{path.relative_to(self.root).as_posix()}"

    def read(self, path: Path, faults: list[Fault]) -> bytes | None:
        """The content of a file, None with a fault when it cannot be read."""
        try:
            if path.stat().st_size > MAX_FILE_BYTES:
                faults.append(
                    Fault(file=self.name(path), line=0, text="the file is larger than 8 MiB; is it the right one?")
                )
                return None
            return read_plain(path)
        except OSError as error:
            faults.append(Fault(file=self.name(path), line=0, text=f"cannot be read: {error.strerror}"))
            return None


def layers_of(base: Path, overlays: Sequence[Path], faults: list[Fault]) -> list[Layer]:
    """The base folder and each overlay that exists; a missing one is a fault."""
    layers = [Layer(root=base, shown=base.name), *(Layer(root=path, shown=path.as_posix()) for path in overlays)]
    there = [layer for layer in layers if layer.root.is_dir()]
    missing = [layer.shown for layer in layers if layer not in there]
    faults.extend(Fault(file=name, line=0, text=NO_FOLDER) for name in missing)
    return there
