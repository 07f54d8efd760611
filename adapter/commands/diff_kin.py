"""Which messages must be played together: those that speak of one patient, or of one fact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapter.commands.diff_corpus import Supporting, references_in
from adapter.commands.play_folder import Piece
from adapter.commands.run_message import body_of
from adapter.domain.events import PatientRecord
from adapter.domain.message import Translation
from adapter.ingest.fhir_bundle import SUPPORTING, fhir_resources
from adapter.pipeline.remembering import fact_key

FACT = "fact "
"""Before the kind, source and key of an event."""


@dataclass(slots=True)
class _Kin:
    """Tokens joined into families."""

    parents: dict[str, str]

    def root(self, token: str) -> str:
        """The token a family is known by."""
        path = []
        while (parent := self.parents.setdefault(token, token)) != token:
            path.append(token)
            token = parent
        for passed in path:
            self.parents[passed] = token
        return token

    def join(self, tokens: Sequence[str]) -> None:
        """Make the families of all tokens one."""
        for token in tokens:
            self.parents[self.root(token)] = self.root(tokens[0])


def families(tokens: Sequence[frozenset[str]]) -> list[list[int]]:
    """Places of messages that share a token, directly or over others; families and places in order."""
    kin = _Kin({})
    for named in tokens:
        kin.join(sorted(named))
    found: dict[str, list[int]] = {}
    for place, named in enumerate(tokens):
        found.setdefault(kin.root(min(named)), []).append(place)
    return list(found.values())


def tokens_of(piece: Piece, said: Sequence[Translation], supporting: Supporting) -> frozenset[str]:
    """What a message is about, as either side reads it; nothing when no finding can rest on it."""
    tokens = set(_facts(said))
    if piece.arrival.kind == "fhir":
        tokens |= _resources(piece, supporting)
    return frozenset(tokens)


def _facts(said: Sequence[Translation]) -> Iterator[str]:
    for translation in said:
        for event in translation.events:
            if event.patient:
                yield f"patient {event.patient}"
            yield FACT + " ".join(fact_key(event))
        for told in translation.identities:
            yield from (f"patient {patient}" for patient in told.pair)
        for record in translation.patients:
            yield from _identities(record)


def _identities(record: PatientRecord) -> Iterator[str]:
    yield f"resource {record.reference}"
    yield from (f"patient {name}" for name in (record.patient, *record.identifiers) if name)
    if record.replaced_by:
        yield f"resource {record.replaced_by}"


def _resources(piece: Piece, supporting: Supporting) -> set[str]:
    """Its records, which may be versions of one that was ours, and the references whose meaning moves."""
    tokens: set[str] = set()
    for item in fhir_resources(body_of(piece.arrival.raw)):
        if item.reference:
            moves = item.reference in supporting.changing
            record = item.reference.partition("/")[0] not in SUPPORTING
            tokens |= {f"resource {item.reference}"} if moves or record else set()
        if item.resource and supporting.changing:
            tokens |= {f"resource {name}" for name in references_in(item.resource) & supporting.changing}
    return tokens
