"""Senders that never give up: what is not acknowledged is sent again, until it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import hospital
import requests
from running_service import Laboratory, Service, code_of, eventually

from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.sqlite_state import SqliteState

PAUSE_S = 0.05
PACE_S = 0.005
GIVE_UP_S = 60.0
TAKEN = frozenset({200, 202})


@dataclass(slots=True)
class Sender:
    """One laboratory connection and one HTTP session to the same addresses, whoever listens there."""

    mllp: tuple[str, int]
    http: str
    acknowledged: list[tuple[bytes, str]] = field(default_factory=list)
    """(message, MSA-1) in the order of the answers; FHIR bodies have the status."""
    resent: int = 0
    _laboratory: Laboratory | None = None
    _session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self._session.trust_env = False

    def send(self, sent: hospital.Sent) -> None:
        """Send until it is acknowledged."""
        deadline = time.monotonic() + GIVE_UP_S
        while True:
            try:
                answer = self._hl7(sent.raw) if sent.is_hl7 else self._fhir(sent.raw)
            except (OSError, requests.RequestException):
                self._drop()
                self.resent += 1
                assert time.monotonic() < deadline, "never acknowledged"
                time.sleep(PAUSE_S)
            else:
                self.acknowledged.append((sent.raw, answer))
                return

    def _hl7(self, raw: bytes) -> str:
        if self._laboratory is None:
            self._laboratory = Laboratory(self.mllp)
        return code_of(self._laboratory.send(raw))

    def _fhir(self, raw: bytes) -> str:
        headers = {"Content-Type": "application/fhir+json"}
        answer = self._session.post(f"{self.http}/ingest/fhir", data=raw, headers=headers, timeout=10)
        if answer.status_code not in TAKEN:
            raise ConnectionError(f"status {answer.status_code}")
        return str(answer.status_code)

    def _drop(self) -> None:
        if self._laboratory:
            self._laboratory.close()
        self._laboratory = None

    def close(self) -> None:
        self._drop()
        self._session.close()


class Stream:
    """Several senders at once, patient after patient, until they are told that it is enough."""

    def __init__(self, service: Service, *, lanes: int = 3) -> None:
        self.senders = [Sender(mllp=service.mllp, http=service.http) for _ in range(lanes)]
        self.patients: list[str] = []
        self.faults: list[BaseException] = []
        self._enough = threading.Event()
        self._numbers = iter(range(920001, 930000))
        self._gate = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(sender,)) for sender in self.senders]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """The courses begun are sent to their end."""
        self._enough.set()
        for thread in self._threads:
            thread.join()
        for sender in self.senders:
            sender.close()
        assert self.faults == []

    @property
    def acknowledged(self) -> list[tuple[bytes, str]]:
        return [one for sender in self.senders for one in sender.acknowledged]

    def _run(self, sender: Sender) -> None:
        try:
            while not self._enough.is_set():
                for sent in hospital.course(self._next()):
                    sender.send(sent)
                    time.sleep(PACE_S)
        except BaseException as fault:  # noqa: BLE001 - told by the main thread
            self.faults.append(fault)

    def _next(self) -> str:
        with self._gate:
            self.patients.append(str(next(self._numbers)))
            return self.patients[-1]


def tell(service: Service, patients: Iterable[str]) -> None:
    """Send the courses of these patients one after the other."""
    sender = Sender(mllp=service.mllp, http=service.http)
    for mrn in patients:
        for sent in hospital.course(mrn):
            sender.send(sent)
    sender.close()


def drained(service: Service) -> None:
    """Wait until both inboxes are read to the end: what was sent last has its effect."""
    sender = Sender(mllp=service.mllp, http=service.http)
    sender.send(hospital.Sent(raw=hospital.oru("LAST", mrn="990001", filler="LAST")))
    sender.send(hospital.fhir(hospital.patient("990002")))
    sender.send(hospital.fhir(hospital.dose("990002")))
    sender.close()
    for mrn in ("990001", "990002"):
        eventually(
            lambda mrn=mrn: service.found("Observation", **{"patient.identifier": f"{hospital.MRN}|{mrn}"}),
            within_s=40,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What a stopped service left in its store."""

    findings: dict[str, Any]
    standing: dict[str, str]
    """id -> content hash of what is open, without notices of what was once said otherwise."""
    kept: list[bytes]
    """HL7 messages of the inbox in order."""
    kept_fhir: list[bytes]


def remains(store: Path) -> Remains:
    state = SqliteState(store / "state.db")
    patients = state.all_patients()
    written = [row for patient in patients for one in state.group(patient) for row in state.recall(one).written]
    left = Remains(
        findings={patient: state.findings(patient) for patient in patients},
        standing={r.id: r.content_hash for r in written if r.state == "open" and r.topic != "conclusion-reversed"},
        kept=_kept(store / "inbox.db"),
        kept_fhir=_kept(store / "inbox-core.db"),
    )
    state.close()
    return left


def _kept(path: Path) -> list[bytes]:
    reader = SqliteInboxReader(path, "inbox")
    kept = [stored.arrival.raw for stored in reader.after(0, 10**9)]
    reader.close()
    return kept
