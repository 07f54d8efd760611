"""A FHIR server that drops, delays, repeats, loses and half-answers what comes, by a seeded deck of troubles."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter

from fhir_server import FhirServer

PATIENCE_S = 1
"""How long the service waits for this server: its setting timeout_s."""
SHORT_S, LONG_S = 0.1, PATIENCE_S + 0.3
TROUBLES = ("drop", "delay", "delay-past-patience", "lose", "half", "repeat")
OF_A_READ = ("drop", "delay", "half")
UNTROUBLED = {"read": 9, "write": 4}
"""Cards of a deck that are none; there are few writes where a transaction holds all of a patient."""
REPEATABLE = {"GET", "PUT", "TRANSACTION", "CREATE-IF-NONE"}
"""What may come twice without a second effect: who repeats a bare POST on the way breaks HTTP (RFC 9110, 9.2.2)."""


class TroublesomeServer(FhirServer):
    """Holds each resource by its own rules; `calm` ends the trouble."""

    def __init__(self, offers: str, seed: int) -> None:
        self.happened: Counter[str] = Counter()
        """How often each trouble met a write."""
        self._chance = random.Random(seed)  # noqa: S311 - a seed, not a secret
        self._decks: dict[bool, list[str]] = {True: [], False: []}
        """One for reads, one for writes: each trouble comes once in every deck."""
        self._calm = False
        self._dealing = threading.Lock()
        self._now = threading.local()
        super().__init__(offers)
        self.fail = self._begin
        self.lose_answers = lambda *_: self._is("lose")
        self.halve_answers = lambda *_: self._is("half")
        self.repeats = lambda *_: self._is("repeat")

    def calm(self) -> None:
        """From now on it is a good server."""
        self._calm = True

    def _is(self, trouble: str) -> bool:
        return getattr(self._now, "trouble", "") == trouble

    def _begin(self, method: str, path: str) -> tuple[int, None, dict[str, str]] | None:
        if method == "ENTRY":
            return None
        trouble = self._dealt(self._kind(method, path))
        self._now.trouble = trouble
        match trouble:
            case "drop":
                return 0, None, {}
            case "delay":
                time.sleep(SHORT_S)
            case "delay-past-patience":
                time.sleep(LONG_S)
            case _:
                pass
        return None

    def _kind(self, method: str, path: str) -> str:
        if method != "POST":
            return method
        if not path.strip("/"):
            return "TRANSACTION"
        return "CREATE-IF-NONE" if self.offers == "conditional-create" else "CREATE"

    def _dealt(self, kind: str) -> str:
        if self._calm:
            return ""
        with self._dealing:
            reading = kind == "GET"
            deck = self._decks[reading]
            if not deck:
                deck += OF_A_READ if reading else TROUBLES
                deck += [""] * UNTROUBLED["read" if reading else "write"]
                self._chance.shuffle(deck)
            trouble = deck.pop()
            if kind not in REPEATABLE and trouble in {"repeat", "delay-past-patience"}:
                # A bare POST that arrives again, or after its sender has asked and sent another, stands there twice:
                # what remains of `search-first` (docs/reference/outputs.md).
                trouble = ""
            if trouble and not reading:
                self.happened[trouble] += 1
            return trouble
