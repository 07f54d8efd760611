"""Laboratory messages of the demo hospital that no adapter can use, or that only nearly name our test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from adapter.commands.demo_oru import ASPARAGINASE_TEST, Order, Person, Row, oru
from adapter.commands.demo_story import AnswerCode

About = Literal["asparaginase", "near-miss", "everyday", "unreadable"]

STRANGER = Person(mrn="X77", given_name="NETTLE", born="20150615", sex="F", authority="ELSEWHERE")
NEARLY_OURS = Person(mrn="900990", given_name="CLOVER", born="20140301", sex="M")
STRAY_TEXT = b"This text strayed into the frame and is no HL7 message.\r"


@dataclass(frozen=True, slots=True, kw_only=True)
class OruMessage:
    """One frame's content of the laboratory feed, and the answer it deserves."""

    raw: bytes
    control_id: str
    """MSH-10; empty when there is none."""
    patient: str | None
    """MRN of the scripted patient: messages of one patient keep their order."""
    about: About
    answer: AnswerCode
    parked: bool = False
    """Whether it waits in the work list afterwards."""


def unusable_messages(*, now: datetime, filler_prefix: str = "X") -> tuple[OruMessage, ...]:
    """The messages that fit no story: unknown authority, no control id, stray text, an unmapped code."""
    at = now - timedelta(hours=5)
    return (
        _unusable("X0001", STRANGER, ASPARAGINASE_TEST, at=at, filler=f"{filler_prefix}1"),
        _unusable("X0002", STRANGER, ASPARAGINASE_TEST, at=at, filler=f"{filler_prefix}2"),
        _unusable("", NEARLY_OURS, ASPARAGINASE_TEST, at=at, filler=f"{filler_prefix}3"),
        OruMessage(raw=STRAY_TEXT, control_id="", patient=None, about="unreadable", answer="AE", parked=True),
        _near_miss("X0005", "LASPX^L-Asparaginase plasma^99EXT", at=at, filler=f"{filler_prefix}5"),
        _near_miss("X0006", "ASNA2^Asparaginase activity send-out^99EXT", at=at, filler=f"{filler_prefix}6"),
    )


def _unusable(control_id: str, person: Person, test: str, *, at: datetime, filler: str) -> OruMessage:
    return OruMessage(
        raw=_result(control_id, person, test, at=at, filler=filler),
        control_id=control_id,
        patient=None,
        about="asparaginase",
        answer="AE",
        parked=True,
    )


def _near_miss(control_id: str, test: str, *, at: datetime, filler: str) -> OruMessage:
    return OruMessage(
        raw=_result(control_id, NEARLY_OURS, test, at=at, filler=filler),
        control_id=control_id,
        patient=None,
        about="near-miss",
        answer="AA",
    )


def _result(control_id: str, person: Person, test: str, *, at: datetime, filler: str) -> bytes:
    order = Order(
        service=test,
        filler=filler,
        collected=at - timedelta(hours=26),
        reported=at,
        rows=(Row(test=test, value="0.38", unit="IU/mL"),),
    )
    return oru(control_id=control_id, sent=at, person=person, order=order)
