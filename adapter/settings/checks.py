"""Checks of settings that need more than one value, or a look-up: zones, charsets, URLs, names, open doors."""

from __future__ import annotations

import codecs
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from adapter.knowledge.plain_file import no_file
from adapter.knowledge.reading import Block
from adapter.knowledge.text_yaml import did_you_mean
from adapter.settings.site import Settings

HL7_CHARSETS = ("ASCII", "UNICODE", "UNICODE UTF-8", "UNICODE UTF-16", "UNICODE UTF-32", "GB 18030-2000", "KS X 1001")


def read_zone(block: Block, key: str) -> ZoneInfo | None:
    """An IANA zone such as Europe/Rome, None when absent."""
    name = block.optional(key)
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = did_you_mean(name, available_timezones())
        block.fault(f"'{name}' is not a time zone; write one like Europe/Rome{hint}", key)
        return None


def read_charset(block: Block, key: str) -> str | None:
    """A character set of HL7 table 0211 or a Python codec, None when absent."""
    name = block.optional(key)
    if name is None or name in HL7_CHARSETS or name.startswith("8859/"):
        return name
    try:
        codecs.lookup(name)
    except (LookupError, ValueError):
        block.fault(f"'{name}' is not a character set; write 8859/1 or utf-8{did_you_mean(name, HL7_CHARSETS)}", key)
        return None
    return name


def read_url(block: Block, key: str, default: str | None = None) -> str:
    """An http(s) URL without user, query or fragment, and without a slash at its end."""
    if default is not None and not block.has(key):
        return default
    url = block.text(key)
    if url and not _is_base_url(url):
        block.fault(f"'{key}' takes a URL like https://fhir.hospital.example/r4, without user, '?' or '#'", key)
    return url.rstrip("/")


def read_file(block: Block, key: str, folder: Path) -> Path | None:
    """A file that exists, its path relative to `folder`; None when absent."""
    name = block.optional(key)
    if name is None:
        return None
    path = folder / name
    if not path.is_file():
        block.fault(f"'{key}': {no_file(path) or 'there is no such file'}", key)
    return path


def read_heartbeats(block: Block) -> tuple[str, ...]:
    """Messages that only ask whether we are there: `MSH-3|MSH-4`, either part `*`, or an MSH-9 such as `NMD^N02`."""
    named = block.texts("heartbeats")
    for number, one in enumerate(named):
        if one.count("|") > 1 or one.replace(" ", "") in ("", "*", "*|*"):
            text = "a heartbeat is named by MSH-3|MSH-4, either part *, or by MSH-9; for example PING|* or NMD^N02"
            block.fault(text, "heartbeats", number)
    return named


def check_names(top: Block, settings: Settings) -> None:
    """Names are unique, and every source that is named exists."""
    for key, names in (
        ("sources", [source.name for source in settings.sources]),
        ("mllp", [listener.name for listener in settings.mllp]),
        ("drop_folders", [drop.name for drop in settings.drop_folders]),
        ("targets", [target.name for target in settings.targets]),
        ("senders", [sender.match for sender in settings.senders]),
    ):
        for number, name in enumerate(names):
            if name in names[:number]:
                top.fault(f"'{name}' stands here twice; every entry of '{key}' has its own name", key, number)
    known = [source.name for source in settings.sources]
    for number, listener in enumerate(settings.mllp):
        _check_source(top, listener.source, known, "mllp", number, "source")
    doors = [*(listener.name for listener in settings.mllp), "http"]
    for number, drop in enumerate(settings.drop_folders):
        _check_source(top, drop.source, known, "drop_folders", number, "source")
        if drop.name in doors:
            text = f"'{drop.name}' is the name of a port already; in logs and metrics nobody could tell them apart"
            top.fault(text, "drop_folders", number, "name")
    _check_source(top, settings.http.source, known, "http", "source")
    for number, target in enumerate(settings.targets):
        for source in target.literal_sources:
            _check_source(top, source, known, "targets", number, "literal_sources")


def check_listeners(top: Block, settings: Settings) -> None:
    """No two listeners share an address."""
    taken: dict[tuple[str, int], str] = {}
    if settings.http.port:
        taken[settings.http.host, settings.http.port] = "http"
    for number, listener in enumerate(settings.mllp):
        address = (listener.host, listener.port)
        if listener.port and address in taken:
            top.fault(f"port {listener.port} is taken by '{taken[address]}' already", "mllp", number, "port")
        taken.setdefault(address, listener.name)


def check_address(top: Block, settings: Settings) -> None:
    """An HTTP door open to the network needs TLS and a token, or `insecure` in so many words."""
    http = settings.http
    if settings.insecure or is_loopback(http.host) or (http.tls_certificate and http.token_file):
        return
    text = (
        "beyond this machine HTTP needs 'tls_certificate', 'tls_key' and 'token_file'; "
        "bind it to 127.0.0.1, or accept the risk with 'insecure: yes' (--insecure)"
    )
    top.fault(text, "http", "host")


def is_loopback(host: str) -> bool:
    """Does only this machine reach the address?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_source(top: Block, source: str, known: Sequence[str], *path: str | int) -> None:
    if source not in known:
        top.fault(f"there is no source '{source}'{did_you_mean(source, known)}; it has to stand under 'sources'", *path)


def _is_base_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and plain and " " not in url
