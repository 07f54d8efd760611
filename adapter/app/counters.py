"""What is counted, under the names of the monitoring reference; imported only after the metrics folder is set."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from prometheus_client import Counter, Gauge

from adapter.app.many_at_once import Histogram
from adapter.app.remembering import remembered

MESSAGES = Counter("troughline_messages_received_total", "Messages received.", ["listener", "relevance"])
ACKS = Counter("troughline_acks_total", "Acknowledgments given.", ["listener", "code"])
ACK_SECONDS = Histogram(
    "troughline_ack_seconds",
    "Seconds from the last byte of a message to its first answer.",
    ["listener"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 5),
)
WIRE = Counter("troughline_wire_events_total", "What happened on the wire beside messages.", ["listener", "event"])
FROM_SENDER = Counter(
    "troughline_sender_messages_total",
    "Messages of a configured sender; `other` for all that none names.",
    ["listener", "sender"],
)
LAST_FROM_SENDER = Gauge(
    "troughline_sender_last_message_timestamp_seconds",
    "When the last of them came, in seconds since 1970.",
    ["listener", "sender"],
    multiprocess_mode="mostrecent",
)
SENDER_SILENT = Gauge(
    "troughline_sender_silent",
    "1 when a sender was not heard for longer than the site allows, else 0.",
    ["sender"],
    multiprocess_mode="mostrecent",
)
HEARTBEATS = Counter("troughline_heartbeats_total", "Messages that only ask whether we are there.", ["listener"])
LAST_HEARTBEAT = Gauge(
    "troughline_last_heartbeat_timestamp_seconds",
    "When the last of them came, in seconds since 1970.",
    ["listener"],
    multiprocess_mode="mostrecent",
)
REPEATS = Counter("troughline_duplicates_total", "Messages already kept and answered again.", ["listener"])
PROBLEMS = Counter("troughline_problems_total", "Problems found in messages.", ["problem"])
EVENTS = Counter("troughline_events_total", "Domain events.", ["event"])
CHANGES = Counter("troughline_outputs_total", "Operations on outputs.", ["operation", "kind"])
DELIVERED = Counter("troughline_delivered_total", "Resources a target confirmed or refused.", ["target", "state"])
CONNECTIONS = Gauge("troughline_connections", "Open MLLP connections.", ["listener"], multiprocess_mode="livesum")
CERTIFICATE_END = Gauge(
    "troughline_certificate_end_timestamp_seconds",
    "When the certificate of a TLS port, or ours towards a target, ends, in seconds since 1970.",
    ["listener"],
    multiprocess_mode="mostrecent",
)
PARKED = Gauge("troughline_worklist_open", "Messages in the work list.", ["reason"], multiprocess_mode="mostrecent")
LAG = Gauge(
    "troughline_engine_lag_messages",
    "Kept messages that are not processed yet.",
    ["inbox"],
    multiprocess_mode="mostrecent",
)
OUTBOX = Gauge(
    "troughline_outbox_depth", "Resources a target still has to get.", ["target"], multiprocess_mode="mostrecent"
)
OUTBOX_AGE = Gauge(
    "troughline_outbox_oldest_age_seconds", "Age of the oldest of them.", ["target"], multiprocess_mode="mostrecent"
)
ANSWERS_TOLD = Counter(
    "troughline_application_answers_total",
    "Application answers that another address has confirmed or refused.",
    ["listener", "state"],
)
ANSWERS_WAITING = Gauge(
    "troughline_application_answers_waiting",
    "Application answers another address still has to get.",
    ["listener"],
    multiprocess_mode="mostrecent",
)
ANSWERS_OLDEST = Gauge(
    "troughline_application_answers_oldest_age_seconds",
    "Age of the oldest of them.",
    ["listener"],
    multiprocess_mode="mostrecent",
)
POLLS = Counter("troughline_polls_total", "Polls of the FHIR server of a source.", ["source", "result"])
POLLED = Counter("troughline_polled_resources_total", "Resources a poll has seen.", ["source", "state"])
LAST_POLL = Gauge(
    "troughline_poll_last_complete_timestamp_seconds",
    "When a source was last polled whole, in seconds since 1970; the start of the service before its first.",
    ["source"],
    multiprocess_mode="mostrecent",
)
HOOKS = Counter("troughline_hooks_received_total", "What sources told at their hooks.", ["source", "kind"])
HOOKS_REFUSED = Counter("troughline_hooks_refused_total", "Calls at hooks that were refused.", ["source", "reason"])
HOOK_HINTS = Counter(
    "troughline_hook_hints_total", "Polls, and records to be read, that calls at hooks asked for.", ["source", "kind"]
)
HOOK_GAPS = Counter(
    "troughline_hook_gaps_total",
    "Holes in the numbers of the events of a source, and what closed them.",
    ["source", "state"],
)
HOOK_SILENT = Gauge(
    "troughline_hook_silent",
    "1 when a subscription of a source gave no sign of life for longer than twice its heartbeat, else 0.",
    ["source"],
    multiprocess_mode="mostrecent",
)
FILES = Counter("troughline_files_total", "Files of drop folders.", ["listener", "state"])
PRUNED = Counter("troughline_pruned_total", "What was removed of the store because of its age.", ["kind"])
RELOADS = Counter("troughline_reloads_total", "Reloads of mappings and policies.", ["result"])
LAST_RELOAD = Gauge(
    "troughline_last_reload_timestamp_seconds",
    "When the last of them ended, in seconds since 1970.",
    ["result"],
    multiprocess_mode="mostrecent",
)
FOLDER_DIFFERS = Gauge(
    "troughline_folder_differs",
    "1 when the files say something else than what the service reads with, else 0.",
    ["kind"],
    multiprocess_mode="mostrecent",
)
RESTARTS = Counter("troughline_process_restarts_total", "Processes that died and were started again.", ["process"])
ALARMS = Counter("troughline_alarms_total", "Conditions a person must look at.", ["reason"])


OTHER_SENDER = "other"
_name_of: Callable[[str], str] = lambda _: OTHER_SENDER  # noqa: E731 - until the process has read its settings


def name_senders(name_of: Callable[[str], str]) -> None:
    """Say how `MSH-3|MSH-4` is called in metrics: by what the site wrote, never by what a message says."""
    global _name_of  # noqa: PLW0603 - one process, one configuration
    _name_of = remembered(name_of)
    _of_name.cache_clear()


@cache
def _of_name(listener: str, name: str) -> tuple[Counter, Gauge]:
    return FROM_SENDER.labels(listener, name), LAST_FROM_SENDER.labels(listener, name)


def of_sender(listener: str, sender: str) -> tuple[Counter, Gauge]:
    """What every message of a sender counts for, `MSH-3|MSH-4` as sent, under the name the site gave it."""
    return _of_name(listener, _name_of(sender))


def heard(listener: str, sender: str) -> None:
    """Count a message of a sender."""
    messages, last = of_sender(listener, sender)
    messages.inc()
    last.set_to_current_time()


@cache
def received(listener: str, relevance: str, code: str) -> tuple[Counter, Counter]:
    """What every message counts for that is told one thing, looked up once."""
    return MESSAGES.labels(listener, relevance), ACKS.labels(listener, code or "none")


RELEVANCE_OF = {"irrelevant": "irrelevant", "answered": "relevant"}
"""The events that nearly every message is one of."""


def count(event: str, facts: dict[str, Any]) -> None:
    """Count one observed event of receiving."""
    listener = str(facts.get("listener", ""))
    match event:
        case "irrelevant" | "answered":
            for counter in received(listener, RELEVANCE_OF[event], str(facts.get("code") or "")):
                counter.inc()
        case "heartbeat":
            ACKS.labels(listener, facts["code"] or "none").inc()
            HEARTBEATS.labels(listener).inc()
            LAST_HEARTBEAT.labels(listener).set_to_current_time()
        case "accepted":
            ACKS.labels(listener, facts["code"]).inc()
        case "refused":
            ACKS.labels(listener, facts["code"]).inc()
            ALARMS.labels("inbox-cannot-keep").inc()
        case "repeat":
            REPEATS.labels(listener).inc()
            if "code" in facts:  # else it is read again, and answered as a new one
                ACKS.labels(listener, facts["code"] or "none").inc()
        case "problem":
            PROBLEMS.labels(str(facts["code"])).inc()
        case "connection-opened":
            CONNECTIONS.labels(listener).inc()
        case "connection-closed":
            CONNECTIONS.labels(listener).dec()
        case _:
            WIRE.labels(listener, event).inc()
