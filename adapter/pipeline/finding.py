"""Who the patients of a round are on its target: looked up several at a time, and alone where that is not certain."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from threading import Lock
from time import monotonic

from adapter.pipeline.destination import Destination
from adapter.transport.fhir_client import PatientMatch
from adapter.transport.fhir_failures import FhirFailure, Permanent

TOGETHER = 16
"""Patients of one search."""
LONGEST_TOGETHER = 1_000
"""Letters of their identifiers: servers and proxies bound an address."""
FRESH_S = 1.0
"""A record may be replaced on the target at any time: what was found is not used later than this."""
MOST_UNANSWERED = 3
"""Searches for several in a row that had no answer where one for one patient had: then it takes none for several."""
Identifier = tuple[str, str]
"""(system, value)"""


class PatientsFound:
    """What the target says of the patients of one round."""

    def __init__(self, destination: Destination, patients: Sequence[str]) -> None:
        """`patients`: `<system>|<value>`, in the order in which they will be asked for."""
        self._together = True
        self._doubtful = False
        """The search for several had no answer; the next one for one patient tells whether the server has any."""
        self._server = destination.server
        self._known = destination.known
        self._coming = deque(
            (system, value)
            for system, _, value in (patient.partition("|") for patient in patients)
            if not destination.authorities or system in destination.authorities
        )
        self._found: dict[Identifier, tuple[PatientMatch, float]] = {}
        self._lock = Lock()

    def match(self, identifier: Identifier) -> PatientMatch:
        """Who carries an identifier; raises Transient, Permanent when the target cannot be asked."""
        with self._lock:
            found = self._fresh(identifier)
            if found is None and self._next_search(identifier):
                found = self._fresh(identifier)
        return found or self._alone(identifier)

    def _alone(self, identifier: Identifier) -> PatientMatch:
        found = self._server.find_patient(*identifier)
        with self._lock:
            self._known.unanswered_for_several += self._doubtful
            self._known.finds_several &= self._known.unanswered_for_several < MOST_UNANSWERED
            self._doubtful = False
        return found

    def _fresh(self, identifier: Identifier) -> PatientMatch | None:
        match, at = self._found.pop(identifier, (None, 0.0))
        return match if monotonic() - at < FRESH_S else None

    def _next_search(self, first: Identifier) -> bool:
        """Look up this patient and those who come after him; False where he is to be asked for alone."""
        if not (self._together and self._known.finds_several) or first not in self._coming:
            return False
        while self._coming.popleft() != first:
            pass  # taken out of turn
        together, letters = [first], _letters(first)
        while self._coming and len(together) < TOGETHER and letters + _letters(self._coming[0]) < LONGEST_TOGETHER:
            together.append(self._coming.popleft())
            letters += _letters(together[-1])
        if len(together) == 1:
            return False
        at = monotonic()
        try:
            found = self._server.find_patients(together)
        except FhirFailure as failure:
            self._together = False
            self._doubtful = not isinstance(failure, Permanent)
            self._known.finds_several = self._doubtful
            return False
        self._known.unanswered_for_several = 0
        self._found |= {identifier: (match, at) for identifier, match in found.items()}
        return True


def _letters(identifier: Identifier) -> int:
    return sum(map(len, identifier))
