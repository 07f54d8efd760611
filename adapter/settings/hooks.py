"""The block `hook` of a source, read; its secrets are tried out and told nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from adapter.knowledge.reading import Block
from adapter.settings.checks import read_file
from adapter.settings.hook import HookSettings
from adapter.settings.site import Settings

DAY_S = 86_400
PATH_TOKEN = re.compile(r"[A-Za-z0-9._~-]{32,512}")
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
WELL_KNOWN = frozenset({"connection", "content-encoding", "content-length", "content-type", "host"})
"""Headers every request has, or that its way may change."""


def read_hook(row: Block, folder: Path, *, polled: bool) -> HookSettings | None:
    """The hook of a source, None when it has none; `polled`: there is a server where records can be read back."""
    if not row.has("hook"):
        return None
    block = row.block("hook")
    default = HookSettings(path_token_file=Path())
    hook = HookSettings(
        path_token_file=_needed(block, "path_token_file", folder),
        header=block.optional("header") or default.header,
        secret_file=read_file(block, "secret_file", folder),
        hmac_secret_file=read_file(block, "hmac_secret_file", folder),
        trust_push_body=block.yes_no("trust_push_body", default=default.trust_push_body),
        heartbeat_s=block.whole("heartbeat_s", default=0, least=1, most=DAY_S) or None,
    )
    _check(block, hook, polled=polled)
    block.finish()
    return hook


def check_path_tokens(top: Block, settings: Settings) -> None:
    """No two sources share an address; nobody could tell who calls."""
    taken: dict[str, str] = {}
    for number, source in enumerate(settings.sources):
        token = _held(source.hook.path_token) if source.hook else None
        if token in taken:
            text = f"its path token is that of '{taken[token]}'; give each source its own"
            top.fault(text, "sources", number, "hook", "path_token_file")
        elif token:
            taken[token] = source.name


def _needed(block: Block, key: str, folder: Path) -> Path:
    if not block.has(key):
        block.fault(f"'{key}' is missing; it takes a file with 32 characters or more nobody can guess", key)
    return read_file(block, key, folder) or Path()


def _check(block: Block, hook: HookSettings, *, polled: bool) -> None:
    if hook.path_token_file.is_file() and not PATH_TOKEN.fullmatch(_held(hook.path_token) or ""):
        text = "the file takes 32 to 512 letters and digits (and - . _ ~), as from: openssl rand -hex 32"
        block.fault(text, "path_token_file")
    for key, file, read in (
        ("secret_file", hook.secret_file, hook.secret),
        ("hmac_secret_file", hook.hmac_secret_file, hook.hmac_secret),
    ):
        held = _held(read) if file and file.is_file() else "unread"
        if not (held and held.isascii() and held.isprintable()):
            block.fault("the file takes one line of printable ASCII characters", key)
    if not (block.has("secret_file") or block.has("hmac_secret_file")):
        text = (
            "an address alone stands in too many logs; name 'secret_file', for a header, or 'hmac_secret_file', or both"
        )
        block.fault(text)
    if not HEADER.fullmatch(hook.header) or hook.header.lower() in WELL_KNOWN:
        block.fault("'header' takes the name of a header of its own, as Authorization or X-Hook-Secret", "header")
    if not hook.trust_push_body and not polled:
        block.fault("'trust_push_body: no' reads records back from the source and needs its 'poll'", "trust_push_body")


def _held(read: Callable[[], str | None]) -> str | None:
    """What a file holds; None when it is empty, or cannot be read as text."""
    try:
        return read()
    except (OSError, ValueError):
        return None
