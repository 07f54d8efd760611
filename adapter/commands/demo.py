"""`troughline demo`: a synthetic hospital day over real sockets, and what the service made of it."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter
from datetime import UTC, datetime

import requests
from rich.console import Console

from adapter.commands.demo_check import differences
from adapter.commands.demo_hospital import Day, build_day
from adapter.commands.demo_report import Counts, Report, as_json, report, show
from adapter.commands.demo_running import live_through, send_to_running
from adapter.commands.demo_send import Sent, read_all
from adapter.commands.demo_service import TARGET, Service, ServiceDied, start_service
from adapter.store.state_reader import SqliteStateReader

WIDTH = 140


def run(options: argparse.Namespace) -> int:
    """0 when the day ended as its script says, 1 when it did not, 2 when it could not run."""
    try:
        day = build_day(options.seed, options.messages, now=datetime.now(UTC).replace(second=0, microsecond=0))
    except ValueError as fault:
        print(f"--messages: {fault}.", file=sys.stderr)
        return 2
    if bool(options.to_mllp) != bool(options.to_http):
        print("--to-mllp and --to-http go together: both are addresses of one running service.", file=sys.stderr)
        return 2
    service = None
    try:
        if options.to_mllp:
            return send_to_running(day, options)
        service = start_service(options.fhir, day.expected.earliest_dose)
        return _show_day(day, service, options)
    except ServiceDied:
        print("The service ended; its log is above the store folder it named.", file=sys.stderr)
    except TimeoutError:
        print("The service did not become idle in time.", file=sys.stderr)
    except requests.RequestException as fault:
        print(f"HTTP failed ({type(fault).__name__}); is the FHIR server at {options.fhir} up?", file=sys.stderr)
    except OSError as fault:
        print(f"The connection to the service broke: {fault.strerror or type(fault).__name__}.", file=sys.stderr)
    finally:
        _leave(service, keep=options.keep)
    return 2


def _show_day(day: Day, service: Service, options: argparse.Namespace) -> int:
    sent = _live_through(day, service, options.fhir)
    state = SqliteStateReader(service.store / "state.db")
    doses, unlinked = state.findings()
    parked = state.parked()
    http = service.addresses["http"]
    flags = read_all(http, "Flag")
    observations = read_all(http, "Observation")
    counts = Counts(
        received=sum(sent.answers.values()),
        aa=sent.answers["AA"],
        ae=sent.answers["AE"],
        irrelevant=_irrelevant(http),
        parked=parked,
        written=len(flags) + len(observations),
    )
    findings = [*doses, *unlinked]
    names = {patient.patient: patient.name for patient in day.expected.patients}
    told = report(findings=findings, flags=flags, names=names, counts=counts, ack_seconds=sent.seconds)
    wrong = [*differences(day.expected, sent, counts, findings, flags), *_undelivered(state, options.fhir)]
    state.close()
    _tell(told, wrong, service, options)
    return 1 if wrong else 0


def _undelivered(state: SqliteStateReader, fhir: str | None) -> list[str]:
    owed = state.undelivered(TARGET) if fhir else {}
    return [
        f"{number} resources are {word} at the FHIR server"
        for word, number in owed.items()
        if word != "confirmed" and number
    ]


def _live_through(day: Day, service: Service, fhir: str | None) -> Sent:
    return live_through(
        day,
        mllp=service.addresses["mllp"],
        http=service.addresses["http"],
        fhir=fhir,
        wait_until_idle=service.wait_until_idle,
    )


def _irrelevant(http: str) -> int:
    """How many messages the service itself counted as none of its business."""
    counted: Counter[str] = Counter()
    text = requests.get(f"http://{http}/metrics", timeout=10).text
    for line in text.splitlines():
        if line.startswith("troughline_messages_received_total{") and 'relevance="irrelevant"' in line:
            counted["irrelevant"] += int(float(line.rpartition(" ")[2]))
    return counted["irrelevant"]


def _tell(told: Report, wrong: list[str], service: Service, options: argparse.Namespace) -> None:
    where = {"addresses": service.addresses, "store": str(service.store)} if options.keep else {}
    if options.json:
        print(json.dumps({**as_json(told), "differences": wrong, **where}, indent=2))
        return
    show(told, Console(width=WIDTH if not sys.stdout.isatty() else None))
    for sentence in wrong:
        print(f"not as scripted: {sentence}")
    if not wrong:
        print("Every answer, verdict and Flag is as the script of the day says.")
    print("Synthetic patients. Decision support, not a medical device; for use after local validation.")
    if options.keep:
        print(f"Still running: MLLP {service.addresses['mllp']}, HTTP http://{service.addresses['http']}/fhir")
        print(f"Store: {service.store}   stop it with: kill {service.process.pid}")


def _leave(service: Service | None, *, keep: bool) -> None:
    if service is None or (keep and service.process.poll() is None):
        return
    service.stop()
    shutil.rmtree(service.folder, ignore_errors=True)
