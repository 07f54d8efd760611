"""Which files are imported, from where on, and what speaks against it; looked at before anything is done."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from adapter.knowledge.plain_file import no_file
from adapter.knowledge.text_yaml import did_you_mean
from adapter.settings import Settings
from adapter.store.imports import Mark
from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.transport.import_files import head_of, tail_of

CORE_INBOX = "inbox-core"
STANDARD_INPUT = "-"
ENDINGS = (".ndjson", ".jsonl", ".json")
_NOT_SAFE = re.compile(r"[^A-Za-z0-9._-]+")
NAME_CHARS = 80


class CannotImport(Exception):  # noqa: N818 - told in one sentence, and nothing is done
    """What was asked for cannot be done; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One file and where its reading begins."""

    path: Path | None
    """None for standard input."""
    mark: Mark
    begun: bool
    """Whether a part of it was read before."""

    @property
    def name(self) -> str:
        """The file as places name it."""
        return self.mark.name if self.path else "stdin"

    @property
    def rejects(self) -> str:
        """The name of the file for what is rejected."""
        mark = self.mark
        which = f"{mark.path}\0{mark.source}\0{mark.size}\0{mark.head}" if self.path else mark.at.isoformat()
        safe = _NOT_SAFE.sub("_", self.name)[-NAME_CHARS:]
        return f"{safe}.{hashlib.sha256(which.encode()).hexdigest()[:12]}"


def misuse(files: Sequence[str]) -> str | None:
    """What is wrong with the names of files."""
    for name in files:
        if name == STANDARD_INPUT:
            continue
        if not name.isprintable():
            return f"{shown(name)}: the name holds what cannot be shown, or is no UTF-8; give the file another name."
        bare = name.removesuffix(".gz").lower()
        if bare.endswith(".hl7"):
            return f"{name}: HL7 v2 files are read from a drop folder (`drop_folders` in the configuration)."
        if not bare.endswith(ENDINGS):
            return f"{name}: not a name of NDJSON or JSON; write *.ndjson, *.jsonl or *.json, each also with .gz."
        if not Path(name).is_file():
            return f"{name}: {no_file(Path(name)) or 'there is no such file'}."
        if not (whole := str(Path(name).resolve())).isprintable():
            return f"{shown(whole)}: a folder has a name that cannot be shown, or is no UTF-8; read it from another."
    if len(set(files)) != len(files):
        return "A file is named twice."
    return None


def shown(name: str) -> str:
    """A name that may hold anything, for a page."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in name)


def source_of(settings: Settings, asked: str | None) -> str:
    """The source that is meant; raises CannotImport for one nobody configured."""
    known = [source.name for source in settings.sources]
    source = asked or settings.http.source
    if source not in known:
        hint = did_you_mean(source, known) or "."
        raise CannotImport(f"There is no source '{source}'{hint} Known: {', '.join(known)}; see `sources.name`.")
    return source


def planned(
    files: Sequence[str], settings: Settings, source: str, *, restart: bool, clock: Callable[[], datetime]
) -> list[Plan]:
    """Where the reading of each file begins; raises CannotImport, CannotKeep or StoreBroken."""
    with closing(SqliteInboxReader(settings.store / f"{CORE_INBOX}.db", CORE_INBOX)) as inbox:
        return [_plan(name, inbox, source, restart=restart, at=clock()) for name in files]


def _plan(name: str, inbox: SqliteInboxReader, source: str, *, restart: bool, at: datetime) -> Plan:
    if name == STANDARD_INPUT:
        return Plan(path=None, mark=Mark(path=name, source=source, size=0, head="", at=at), begun=False)
    path = Path(name)
    try:
        fresh = _fresh(path, source, at)
        before = inbox.mark_of(fresh.path, source)
        if before is None:
            return Plan(path=path, mark=fresh, begun=False)
        same = (before.size, before.head) == (fresh.size, fresh.head)
        same = same and before.tail == tail_of(path, before.offset)
    except OSError as fault:
        raise CannotImport(f"{name} cannot be read: {fault.strerror}.") from None
    if restart:
        again = replace(fresh, first_seq=before.first_seq, last_seq=before.last_seq) if same else fresh
        return Plan(path=path, mark=again, begun=False)
    if not same:
        raise CannotImport(
            f"{name} changed since it was imported up to line {before.number}; --restart reads it from its beginning, "
            "and what is known is not kept again."
        )
    return Plan(path=path, mark=before, begun=True)


def _fresh(path: Path, source: str, at: datetime) -> Mark:
    whole = path.resolve()
    return Mark(path=str(whole), source=source, size=whole.stat().st_size, head=head_of(whole), at=at)
