"""A day of a hospital with a blackbox in every process of the service, and what each answer of it promised."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import hospital
from blackbox import Blackbox, Record
from feeding import Sender, drained
from running_service import Service

LANES = 4
PADDING = b"ZPD|" + b"x" * 6000 + b"\r"
"""Makes the log of the inbox long enough for checkpoints while senders wait."""


@dataclass(slots=True)
class _Lane(Sender):
    """A sender whose FHIR bodies go one after the other with those of all lanes: answers then match by their order."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    asked: list[bytes] = field(default_factory=list)

    def _fhir(self, raw: bytes) -> str:
        with self.turn:
            self.asked.append(raw)
            return super(_Lane, self)._fhir(raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What the processes did, and which answer promised which message."""

    root: Path
    records: list[Record]
    answers: dict[int, bytes]
    """Number of the record of an answer -> the message that must not be lost from then on."""


def record(blackbox: Blackbox, patients: Sequence[str], log: Path, environment: Mapping[str, str]) -> Recording:
    """Run a service on a fresh store while the courses of these patients are sent in lanes; stop it in order."""
    service = Service(blackbox.folder / "store", log=log, environment={**blackbox.recording, **environment})
    try:
        first = _Lane(mllp=service.mllp, http=service.http)
        lanes = [first, *(_again(first) for _ in range(LANES - 1))]
        threads = [threading.Thread(target=_send, args=(lane, patients[n::LANES])) for n, lane in enumerate(lanes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sent = [raw for lane in lanes for raw, _ in lane.acknowledged]
        drained(service)
        assert service.stop() == 0
    finally:
        service.end()
    records = blackbox.records()
    assert len(sent) == 11 * len(patients)
    return Recording(root=blackbox.folder, records=records, answers=dict(_promised(records, sent, first.asked)))


def _again(first: _Lane) -> _Lane:
    return _Lane(mllp=first.mllp, http=first.http, turn=first.turn, asked=first.asked)


def _send(lane: _Lane, patients: Sequence[str]) -> None:
    for mrn in patients:
        for sent in hospital.course(mrn):
            lane.send(replace(sent, raw=sent.raw + PADDING) if sent.is_hl7 else sent)
    lane.close()


def _promised(records: list[Record], sent: list[bytes], asked: list[bytes]) -> Iterator[tuple[int, bytes]]:
    relevant = {raw.split(b"|")[9].decode(): raw for raw in sent if raw.startswith(b"MSH") and b"ASPACT" in raw}
    fhir = iter(asked)
    for number, record in enumerate(records):
        if record.kind != "A":
            continue
        if record.data.startswith(b"HTTP"):
            raw = next(fhir, None)
        else:
            raw = relevant.get(record.data.partition(b"\rMSA|")[2].split(b"|")[1].split(b"\r")[0].decode())
        if raw is not None:
            yield number, raw
