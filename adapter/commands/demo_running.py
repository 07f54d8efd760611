"""The steps of a demo day against a running service, and the short report when only its addresses are known."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import requests
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from adapter.commands.demo_hospital import Day
from adapter.commands.demo_send import Sent, post_resources, put_patients, read_all, send_messages

QUIET_S = 2.0
POLL_S = 0.25
READY_LIMIT_S = 120.0
ANSWER_LIMIT_S = 30.0


def live_through(day: Day, *, mllp: str, http: str, fhir: str | None, wait_until_idle: Callable[[], None]) -> Sent:
    """Patients and resources, then the feed, then what comes after it; each step is read to its end."""
    before = [*day.patients, *(posted.body for posted in day.resources if not posted.after_feed)]
    after = [posted.body for posted in day.resources if posted.after_feed]
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        if fhir:
            put_patients(day.patients, fhir, _bar(progress, "Patients to the FHIR server", len(day.patients)))
        post_resources(before, http, _bar(progress, "FHIR resources over HTTP", len(before)))
        wait_until_idle()
        sent = send_messages(day.oru, mllp, _bar(progress, "ORU messages over MLLP", len(day.oru)))
        wait_until_idle()
        post_resources(after, http, _bar(progress, "late corrections over HTTP", len(after)))
        wait_until_idle()
    return sent


def _bar(progress: Progress, what: str, total: int) -> Callable[[], None]:
    task: TaskID = progress.add_task(what, total=total)

    def advance() -> None:
        progress.advance(task)

    return advance


def send_to_running(day: Day, options: argparse.Namespace) -> int:
    """Send the day to a service somebody else started; 1 when an answer or an active Flag is not as scripted.

    Raises requests.RequestException or OSError when the service cannot be reached, TimeoutError when it never is ready.
    """
    _wait_until_ready(options.to_http)
    sent = live_through(
        day,
        mllp=options.to_mllp,
        http=options.to_http,
        fhir=options.fhir,
        wait_until_idle=lambda: _wait_until_quiet(options.to_http),
    )
    topics = [
        flag["code"]["coding"][0]["code"] for flag in read_all(options.to_http, "Flag") if flag["status"] == "active"
    ]
    told = {
        "received": sum(sent.answers.values()),
        "answers": dict(sent.answers),
        "answered_otherwise": len(sent.unexpected),
        "active_flags": {topic: topics.count(topic) for topic in sorted(set(topics))},
        "read_on": f"http://{options.to_http}/fhir/Flag",
    }
    print(json.dumps(told, indent=2))
    return 1 if sent.unexpected else 0


def _wait_until_ready(http: str) -> None:
    deadline = time.monotonic() + ANSWER_LIMIT_S
    while time.monotonic() < deadline:
        try:
            if requests.get(f"http://{http}/readyz", timeout=POLL_S * 10).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(POLL_S)
    raise ConnectionError(0, f"no service is ready at {http}")


def _wait_until_quiet(http: str) -> None:
    """Until the number of outputs has not changed for a while: all that can be seen from outside."""
    deadline, quiet_since, last = time.monotonic() + READY_LIMIT_S, time.monotonic(), -1
    while time.monotonic() < deadline:
        total = sum(_total(http, resource_type) for resource_type in ("Observation", "Flag", "Provenance"))
        if total != last:
            last, quiet_since = total, time.monotonic()
        elif time.monotonic() - quiet_since > QUIET_S:
            return
        time.sleep(POLL_S)
    raise TimeoutError


def _total(http: str, resource_type: str) -> int:
    return int(requests.get(f"http://{http}/fhir/{resource_type}?_count=0", timeout=30).json()["total"])
