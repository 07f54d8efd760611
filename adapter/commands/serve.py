"""`troughline serve`: the service."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from adapter.app.children import CouldNotStart
from adapter.app.observing import configure_logging
from adapter.app.parts import Instructions, read_everything
from adapter.app.supervisor import Site, supervise
from adapter.commands.faults import tell
from adapter.store.faults import CannotKeep, StoreBroken, StoreLocked, StoreTooNew


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop; 2 with every fault named when it cannot start."""
    instructions = Instructions.from_options(options)
    read = partial(read_everything, instructions)
    loaded, faults = read(thorough=True)
    tell(faults)
    if loaded is None:
        return 2
    configure_logging("parent")
    try:
        return supervise(Site(loaded=loaded, read=read, config=_config(instructions)), announce=sys.stdout)
    except (StoreLocked, StoreTooNew, StoreBroken, CannotKeep) as fault:
        print(fault, file=sys.stderr)
    except CouldNotStart:
        pass  # the process has said why in a sentence of its own
    except OSError as fault:
        print(f"The store folder {loaded.settings.store} cannot be used: {fault.strerror}.", file=sys.stderr)
    return 2


def _config(instructions: Instructions) -> Path | None:
    return Path(instructions.config) if instructions.config else None
