"""What a configuration with faults still says of other files, so that their faults are told in the same go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from adapter.knowledge.plain_file import read_plain
from adapter.knowledge.reading import Block, top_block
from adapter.knowledge.text_yaml import Fault, read_yaml
from adapter.settings.site import Sender, Settings


def named_files(config: Path | None) -> Settings:
    """Defaults with the mappings, folders, policies and senders a file names; whatever else it holds is left out."""
    if config is None:
        return Settings()
    try:
        document, _ = read_yaml(read_plain(config), config.as_posix())
    except OSError:
        return Settings()
    if document is None:
        return Settings()
    faults: list[Fault] = []  # they are told by whoever reads the settings
    top = top_block(document, faults)
    folder = config.parent
    return Settings(
        mappings=tuple(folder / name for name in top.texts("mappings")),
        config=tuple(folder / name for name in top.texts("config")),
        policies=top.texts("policies"),
        drafts=top.yes_no("drafts", default=False),
        senders=tuple(_senders(top)),
    )


def _senders(top: Block) -> Iterator[Sender]:
    """What tables are held against: whose messages they are, and the unit they are read in."""
    listed = top.node("senders")
    if isinstance(listed, list) and all(isinstance(one, dict) for one in listed):
        for row in top.rows("senders"):
            yield Sender(match=row.optional("match") or "", assumed_unit=row.optional("assumed_unit"))
