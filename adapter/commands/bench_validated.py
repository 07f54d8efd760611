"""What it costs to validate every resource that was written, as the bytes that would be sent."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adapter.commands.store_parts import STATE_FILE
from adapter.fhir import dumps, loads, required_code_problems
from adapter.store.state_reader import SqliteStateReader

TARGET = "bench"
"""The target of the configuration that benches work with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One resource as it would be sent."""

    resource_type: str
    id: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """All resources that some messages led to, each validated once, one after the other in one process."""

    messages: int
    resources: int
    valid: int
    seconds: float
    cpu_s: float

    @property
    def message_s(self) -> float:
        """By the clock, for all resources of a message."""
        return self.seconds / self.messages

    @property
    def message_us(self) -> float:
        """Processor time for all resources of a message."""
        return self.cpu_s / self.messages * 1e6

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"message_us": self.message_us}


def outputs(store: Path, without: Collection[str] = ()) -> list[Output]:
    """What this store owes its target, but for the resources with these ids."""
    with closing(SqliteStateReader(store / STATE_FILE)) as state:
        owed = state.shadowed(TARGET, lambda _: False)
    return [
        Output(resource_type=one.resource_type, id=one.id, body=dumps(one.body))
        for one in owed
        if one.id not in without
    ]


def validated(given: Sequence[Output], messages: int) -> Validated:
    """Read each through its R4B model, from its bytes, and look at the required codes the models do not check."""
    for one in {one.resource_type: one for one in given}.values():
        is_valid(one)  # models are made when they are first used, which is no cost of a resource
    begun, cpu_s = time.perf_counter(), time.process_time()
    valid = sum(map(is_valid, given))
    return Validated(
        messages=messages,
        resources=len(given),
        valid=valid,
        seconds=time.perf_counter() - begun,
        cpu_s=time.process_time() - cpu_s,
    )


def is_valid(output: Output) -> bool:
    """Whether these bytes are such a resource of FHIR R4."""
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    try:
        get_fhir_model_class(output.resource_type).model_validate_json(output.body)
    except ValidationError:
        return False
    return not required_code_problems(loads(output.body, ours=True))
