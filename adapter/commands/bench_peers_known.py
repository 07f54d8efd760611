"""The programs compared with: what each is for, what its AA promises, and what it does not say it does."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from adapter.commands.bench_peers_environment import REQUIREMENTS
from adapter.commands.bench_peers_servers import PeerServer, bridge, hl7apy, python_hl7


class Start(Protocol):
    """Starts a server of a peer."""

    def __call__(self, python: Path, folder: Path, *, for_checks: bool) -> AbstractContextManager[PeerServer]:
        """The running server, ended with the block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One program of others."""

    name: str
    what: str
    an_answer_means: str
    """What was done with a message when its AA is sent."""
    start: Start
    not_claimed: Mapping[str, str]
    """Check -> why it is not to be expected of this program."""
    closes: bool = False
    """It closes the connection after every answer."""

    @property
    def version(self) -> str:
        """The version that is installed."""
        return REQUIREMENTS[self.name][0].partition("==")[2]


NO_STORE = "a library: what a message means for earlier ones is left to the program that uses it"
READER = {"resend": NO_STORE, "late-final": NO_STORE, "withdrawn": NO_STORE}
OURS = "Troughline"
OURS_IS = "reads asparaginase results and interprets them; every other message is acknowledged and counted"
OUR_ANSWER_MEANS = (
    "a result is synced to disk and translated; of any other message the header line is noted, not synced"
)
PEERS = (
    Peer(
        name="python-hl7",
        what="a parser with an MLLP transport on asyncio; its application here parses and answers",
        an_answer_means="parsed; nothing is kept",
        start=python_hl7,
        not_claimed=READER,
    ),
    Peer(
        name="hl7apy",
        what="a validating parser with an MLLP server of threads; its handler here parses and answers",
        an_answer_means="parsed into the structure of its version; nothing is kept",
        start=hl7apy,
        not_claimed=READER,
        closes=True,
    ),
    Peer(
        name="hl7v2-fhir-bridge",
        what="turns radiology messages into FHIR transactions: text reports, on purpose no numeric results",
        an_answer_means="every message is mapped, validated and written to a file (not synced)",
        start=bridge,
        not_claimed={
            "number": "for radiology: its page says that numeric OBX are not mapped to Observations",
            "comparator": "for radiology: its page says that numeric OBX are not mapped to Observations",
            "withdrawn": "its page speaks of the status of reports (OBR-25), not of that of single results (OBX-11)",
        },
    ),
)
