"""What a configuration with faults still says of other files, so that their faults are told in the same go."""

from __future__ import annotations

from pathlib import Path

from adapter.knowledge.reading import top_block
from adapter.knowledge.text_yaml import Fault, read_yaml
from adapter.settings.site import Settings


def named_files(config: Path | None) -> Settings:
    """Defaults with the mappings, folders and policies a file names; whatever else it holds is left out."""
    if config is None:
        return Settings()
    try:
        document, _ = read_yaml(config.read_bytes(), config.as_posix())
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
    )
