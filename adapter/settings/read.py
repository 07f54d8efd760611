"""The site's YAML file and its overrides, read into Settings with every fault at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast, get_args

from adapter.knowledge.plain_file import read_plain
from adapter.knowledge.reading import Block, top_block
from adapter.knowledge.text_yaml import Document, Fault, read_yaml
from adapter.settings.answers import read_answers
from adapter.settings.checks import (
    check_address,
    check_listeners,
    check_names,
    read_charset,
    read_file,
    read_heartbeats,
    read_url,
    read_zone,
)
from adapter.settings.fhir_access import check_secrets_in_clear, read_auth, read_client_tls
from adapter.settings.hooks import check_path_tokens, read_hook
from adapter.settings.overrides import override
from adapter.settings.polling import read_poll
from adapter.settings.site import (
    CANONICAL_BASE,
    AckMode,
    Archive,
    CannotStore,
    ContentErrors,
    Delivery,
    DropFolder,
    Http,
    MllpListener,
    MllpRelease,
    Sender,
    Settings,
    Source,
    StrategyChoice,
    TargetSettings,
    Unsupported,
    WriteRaw,
)
from adapter.settings.statuses import read_status_map
from adapter.settings.tls import read_tls

NO_FILE = "settings"
DAY_S = 86_400
YEAR_MINUTES = 366 * 24 * 60
HUNDRED_YEARS_D = 36_525


def load_settings(path: Path | None, overrides: Mapping[str, str] | None = None) -> tuple[Settings | None, list[Fault]]:
    """The settings of a file (None for the defaults) with `overrides` (`http.port` -> `8443`) laid over it.

    Paths in the file are relative to the file's folder.  Any fault of severity error gives None.
    """
    document, faults = _document(path)
    if document is None:
        return None, faults
    document = override(document, overrides or {})
    top = top_block(document, faults)
    settings = _settings(top, path.parent if path else Path())
    check_names(top, settings)
    check_listeners(top, settings)
    check_address(top, settings)
    check_secrets_in_clear(top, settings)
    check_path_tokens(top, settings)
    top.finish()
    if any(fault.severity == "error" for fault in faults):
        return None, faults
    return settings, faults


def _document(path: Path | None) -> tuple[Document | None, list[Fault]]:
    if path is None:
        return Document(file=NO_FILE, data={}, places={(): (0, 1)}), []
    try:
        content = read_plain(path)
    except OSError as error:
        return None, [Fault(file=path.as_posix(), line=0, text=f"cannot be read: {error.strerror}")]
    document, faults = read_yaml(content, path.as_posix())
    if document and document.data == "":
        document = Document(file=document.file, data={}, places=document.places)
    return document, faults


def _settings(top: Block, folder: Path) -> Settings:
    listeners = tuple(_listener(row, folder) for row in top.rows("mllp")) if top.has("mllp") else (MllpListener(),)
    sources = tuple(_source(row, folder) for row in top.rows("sources")) if top.has("sources") else (Source(),)
    archive_days = top.whole("archive_days", default=Settings().archive_days, least=1, most=HUNDRED_YEARS_D)
    return Settings(
        store=folder / (top.optional("store") or "troughline-store"),
        canonical_base=read_url(top, "canonical_base", CANONICAL_BASE),
        insecure=top.yes_no("insecure", default=False),
        sources=sources,
        mllp=listeners,
        drop_folders=tuple(_drop_folder(row, folder) for row in top.rows("drop_folders")),
        senders=tuple(_sender(row) for row in top.rows("senders")),
        http=_http(top.block("http"), folder),
        targets=tuple(_target(row, folder) for row in top.rows("targets")),
        mappings=tuple(folder / name for name in top.texts("mappings")),
        config=tuple(folder / name for name in top.texts("config")),
        policies=top.texts("policies"),
        drafts=top.yes_no("drafts", default=False),
        delivery_retry_s=_seconds(top, "delivery_retry_s", 30),
        overdue_check_s=_seconds(top, "overdue_check_s", 1),
        housekeeping_s=_seconds(top, "housekeeping_s", 60),
        archive_days=archive_days,
        read_messages_days=_read_messages_days(top, archive_days),
    )


def _read_messages_days(top: Block, archive_days: int) -> int | None:
    if not top.has("read_messages_days"):
        return None
    return top.whole("read_messages_days", least=archive_days, most=HUNDRED_YEARS_D)


def _source(row: Block, folder: Path) -> Source:
    poll = read_poll(row, folder)
    hook = read_hook(row, folder, polled=poll is not None)
    source = Source(name=row.text("name"), zone=read_zone(row, "zone"), poll=poll, hook=hook)
    row.finish()
    return source


def _listener(row: Block, folder: Path) -> MllpListener:
    default = MllpListener()
    ack_mode = cast("AckMode", row.choice("ack_mode", get_args(AckMode), default.ack_mode))
    listener = MllpListener(
        name=row.optional("name") or default.name,
        host=row.optional("host") or default.host,
        port=row.whole("port", default=default.port, most=65535),
        source=row.optional("source") or default.source,
        default_charset=read_charset(row, "default_charset"),
        zone=read_zone(row, "zone"),
        max_connections=row.whole("max_connections", default=default.max_connections, least=1, most=10_000),
        frame_limit_bytes=row.whole("frame_limit_bytes", default=default.frame_limit_bytes, least=1024, most=2**30),
        frame_timeout_s=row.whole("frame_timeout_s", default=default.frame_timeout_s, least=1, most=DAY_S),
        keepalive_idle_s=row.whole("keepalive_idle_s", default=default.keepalive_idle_s, least=1, most=32767),
        tls=read_tls(row, folder),
        mllp_release=cast("MllpRelease", row.choice("mllp_release", get_args(MllpRelease), default.mllp_release)),
        answer_within_s=row.whole("answer_within_s", default=default.answer_within_s, least=1, most=600),
        ack_mode=ack_mode,
        application_answers=read_answers(row, folder, ack_mode),
        heartbeats=read_heartbeats(row),
        archive_irrelevant=cast(
            "Archive", row.choice("archive_irrelevant", get_args(Archive), default.archive_irrelevant)
        ),
    )
    row.finish()
    return listener


def _drop_folder(row: Block, folder: Path) -> DropFolder:
    default = DropFolder(name="", folder=Path())
    drop = DropFolder(
        name=row.text("name"),
        folder=folder / row.text("folder"),
        source=row.optional("source") or default.source,
        default_charset=read_charset(row, "default_charset"),
        zone=read_zone(row, "zone"),
        settle_s=row.whole("settle_s", default=default.settle_s, most=DAY_S),
        look_every_s=row.whole("look_every_s", default=default.look_every_s, least=1, most=DAY_S),
        file_limit_bytes=row.whole("file_limit_bytes", default=default.file_limit_bytes, least=1024, most=2**31),
        archive_irrelevant=cast(
            "Archive", row.choice("archive_irrelevant", get_args(Archive), default.archive_irrelevant)
        ),
    )
    if row.has("folder") and not drop.folder.is_dir():
        row.fault("'folder': there is no such folder; make it first, writable for this service", "folder")
    row.finish()
    return drop


def _sender(row: Block) -> Sender:
    default = Sender()
    sender = Sender(
        match=row.text("match"),
        zone=read_zone(row, "zone"),
        default_charset=read_charset(row, "default_charset"),
        decimal_comma=row.yes_no("decimal_comma", default=False),
        unsupported=cast("Unsupported", row.choice("unsupported", get_args(Unsupported), default.unsupported)),
        content_errors=cast(
            "ContentErrors", row.choice("content_errors", get_args(ContentErrors), default.content_errors)
        ),
        warn_in_err=row.yes_no("warn_in_err", default=default.warn_in_err),
        cannot_store=cast("CannotStore", row.choice("cannot_store", get_args(CannotStore), default.cannot_store)),
        silent_after_minutes=row.whole("silent_after_minutes", default=0, least=1, most=YEAR_MINUTES) or None,
        assumed_unit=row.optional("assumed_unit"),
    )
    if sender.match and sender.match.count("|") != 1:
        row.fault("'match' takes MSH-3|MSH-4, either part *; for example LIS|*", "match")
    row.finish()
    return sender


def _http(block: Block, folder: Path) -> Http:
    default = Http()
    http = Http(
        host=block.optional("host") or default.host,
        port=block.whole("port", default=default.port, most=65535),
        source=block.optional("source") or default.source,
        token_file=read_file(block, "token_file", folder),
        tls_certificate=read_file(block, "tls_certificate", folder),
        tls_key=read_file(block, "tls_key", folder),
        body_limit_bytes=block.whole("body_limit_bytes", default=default.body_limit_bytes, least=1024, most=2**30),
    )
    if (http.tls_certificate is None) != (http.tls_key is None):
        block.fault("'tls_certificate' and 'tls_key' go together", "tls_key")
    block.finish()
    return http


def _target(row: Block, folder: Path) -> TargetSettings:
    url = read_url(row, "url")
    target = TargetSettings(
        name=row.text("name"),
        url=url,
        delivery=cast("Delivery", row.choice("delivery", get_args(Delivery), "shadow")),
        monitor_from=row.day("monitor_from"),
        write_raw=cast("WriteRaw", row.choice("write_raw", get_args(WriteRaw), "if-absent")),
        strategy=cast("StrategyChoice", row.choice("strategy", get_args(StrategyChoice), "auto")),
        status_map=read_status_map(row.block("status_map")),
        authorities=row.texts("authorities"),
        auth=read_auth(row, folder),
        tls=read_client_tls(row, folder, url),
        literal_sources=row.texts("literal_sources"),
        timeout_s=row.whole("timeout_s", default=20, least=1, most=600),
        workers=row.whole("workers", default=1, least=1, most=8),
    )
    row.finish()
    return target


def _seconds(top: Block, key: str, default: int) -> int:
    return top.whole(key, default=default, least=1, most=DAY_S)
