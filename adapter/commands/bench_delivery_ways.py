"""The ways of `bench delivery`: a store whose results are owed, our delivery, the bare bytes, and the plain way."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests

from adapter.commands.bench_corridor import NOW, Corridor, loaded_for
from adapter.commands.bench_delivery_server import HELD, RAW
from adapter.commands.bench_feed import feed_of
from adapter.commands.bench_service import STORE
from adapter.fhir import Canonical, content_hash, loads
from adapter.pipeline.deliver import deliver
from adapter.pipeline.destination import Destination
from adapter.store.sqlite_state import SqliteState
from adapter.transport.fhir_client import FhirClient, TransactionResult

TARGET = "bench"
"""The target of the configuration that benches work with; here it is written to."""
CANONICAL = Canonical(base="https://troughline.example/fhir")
LATER = NOW + timedelta(hours=1)
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast one way was, and what it cost the one who sends."""

    patients: int
    resources: int
    seconds: float
    cpu_s: float

    @property
    def patients_per_s(self) -> float:
        """One transaction is one patient."""
        return self.patients / self.seconds

    @property
    def resource_us(self) -> float:
        """Processor time per resource."""
        return self.cpu_s / self.resources * 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What our delivery sent: the bytes of every transaction, and what each resource must be."""

    bundles: tuple[bytes, ...]
    wanted: dict[str, str]
    """`Type/id` -> hash."""

    @property
    def resources(self) -> list[dict[str, Any]]:
        """Every resource, as it was sent."""
        return [entry["resource"] for bundle in self.bundles for entry in loads(bundle)["entry"]]


class Recording(FhirClient):
    """The client, with a copy of every transaction."""

    def __init__(self, base_url: str) -> None:
        super().__init__(base_url)
        self.bundles: list[bytes] = []

    def transaction(self, bundle: bytes) -> TransactionResult:
        """Send it, and keep it."""
        self.bundles.append(bundle)
        return super().transaction(bundle)


@contextmanager
def stand_in(delay_s: float = 0.0) -> Iterator[str]:
    """A running stand-in server; gives its base URL."""
    process = subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
        [sys.executable, "-P", "-m", "adapter.commands.bench_delivery_server", str(delay_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin  # noqa: S101 - PIPE was asked for
    assert process.stdout  # noqa: S101
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def owed(folder: Path, patients: int, seed: int) -> Path:
    """A state file in which the results of so many patients are owed to the target."""
    made = Corridor(folder, loaded_for(folder))
    with closing(made):
        made.state.first_on(TARGET, NOW.date())
        made.keep(list(feed_of("relevant", patients, seed, "D")))
        made.understand()
    return folder / STORE / "state.db"


@contextmanager
def copy_of(state_file: Path, folder: Path) -> Iterator[SqliteState]:
    """The same state once more: each way delivers all of it."""
    folder.mkdir()
    for part in state_file.parent.glob(f"{state_file.name}*"):
        shutil.copy2(part, folder / part.name)
    with closing(SqliteState(folder / state_file.name)) as state:
        yield state
    shutil.rmtree(folder)


def destination(client: FhirClient, base_url: str, *, workers: int, at_once: int) -> Destination:
    """The target as the service makes it."""
    return Destination(
        name=TARGET,
        base_url=base_url,
        server=client,
        canonical=CANONICAL,
        write_raw="always",
        workers=workers,
        patients_at_once=at_once,
    )


def ours(state: SqliteState, base_url: str, *, workers: int, at_once: int) -> tuple[Pace, dict[str, int]]:
    """Deliver all that is owed, round after round, as the service does; and how the rows ended."""
    with closing(FhirClient(base_url)) as client:
        to = destination(client, base_url, workers=workers, at_once=at_once)
        client.find_patient("urn:warm", "up")  # imports and the first connection are no cost of a resource
        patients = len(state.all_patients())
        owing = state.outbox_counts(TARGET)["pending"]

        def everything() -> None:
            while deliver(to, state, LATER)["confirmed"]:
                pass

        return _paced(everything, patients=patients, resources=owing), state.outbox_counts(TARGET)


def recorded(state: SqliteState, base_url: str) -> Sent:
    """One delivery that is not measured, to know the bytes."""
    with closing(Recording(base_url)) as client:
        to = destination(client, base_url, workers=1, at_once=50)
        while deliver(to, state, LATER)["confirmed"]:
            pass
        sent = Sent(bundles=tuple(client.bundles), wanted={})
    held(base_url)
    named = {f"{one['resourceType']}/{one['id']}": content_hash(one) for one in sent.resources}
    return Sent(bundles=sent.bundles, wanted=named)


def bare(sent: Sent, base_url: str, *, workers: int) -> Pace:
    """The least `requests` can do: the same bytes over kept connections, and nothing else."""
    shares = [sent.bundles[number::workers] for number in range(workers)]

    def post(bundles: Sequence[bytes]) -> None:
        with _session() as session:
            for bundle in bundles:
                session.post(base_url + RAW, data=bundle, timeout=PATIENCE_S).raise_for_status()

    def everything() -> None:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(post, shares))

    return _paced(everything, patients=len(sent.bundles), resources=len(sent.wanted))


def naive(sent: Sent, base_url: str, patients: int) -> Pace:
    """The plain way: each resource through its fhir.resources model, and a request on a connection of its own."""
    from fhir.resources.R4B import get_fhir_model_class

    resources = [entry["resource"] for bundle in sent.bundles[:patients] for entry in json.loads(bundle)["entry"]]
    for resource in {one["resourceType"]: one for one in resources}.values():
        # Imports are no cost of a resource: the first of a type makes its models.
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)

    def everything() -> None:
        for resource in resources:
            model = get_fhir_model_class(resource["resourceType"]).model_validate(resource)
            place = f"{base_url}/{resource['resourceType']}/{resource['id']}"
            headers = {"Content-Type": "application/fhir+json"}
            requests.put(place, data=model.model_dump_json(), headers=headers, timeout=PATIENCE_S).raise_for_status()

    pace = _paced(everything, patients=patients, resources=len(resources))
    held(base_url)
    return pace


def held(base_url: str) -> dict[str, tuple[int, str]]:
    """What the stand-in holds: how often each resource was written, and its hash; it then begins anew."""
    with _session() as session:
        told = session.get(base_url + HELD, timeout=PATIENCE_S).json()
    return {reference: (int(writes), str(digest)) for reference, (writes, digest) in told.items()}


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


def _paced(work: Callable[[], None], *, patients: int, resources: int) -> Pace:
    begun, cpu_s = time.perf_counter(), time.process_time()
    work()
    seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu_s
    return Pace(patients=patients, resources=resources, seconds=seconds, cpu_s=cpu_s)
