"""What holds for every history, however senseless: order, duplication, shifts, monotony, withdrawal."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.events import Event, Recorded, Version
from adapter.domain.findings import EXPOSURES, MECHANISMS, MODIFIERS, MONITORING
from adapter.domain.history import resolve
from adapter.domain.printing import printed
from adapter.domain.times import Moment, exact_moment
from adapter.rules import interpret
from adapter.rules.wording import RULE_TEXT

BASE = datetime(2025, 3, 3, 12, 0, tzinfo=UTC)
PATIENT = "https://hospital.example/mrn|4711"
VALUES = ("0", "ND", "0.01", "<0.03", "0.06", "<0.1", "<=0.1", "0.1", "0.45", ">1.0", "<0.2", "0.05..0.2", "7", None)
PRODUCTS = (
    *("pegaspargase", "pegaspargase", "calaspargase", "native-ecoli"),
    *("crisantaspase", "crisantaspase", "recombinant-crisantaspase", "unspecified-asparaginase"),
)
# Half of all times lie close together, as those of a course do: there doses contend for a sample, and clocks run.
HOURS = st.one_of(st.integers(min_value=-100, max_value=1200), st.integers(min_value=0, max_value=120))


def day(hours: int) -> Moment:
    start = (BASE + timedelta(hours=hours)).replace(hour=0, minute=0)
    last = start + timedelta(hours=23, minutes=59, seconds=59)
    return Moment(text=start.date().isoformat(), earliest=start, latest=last, precision="day", zone_from="field")


def instant(hours: int) -> Moment:
    return exact_moment(BASE + timedelta(hours=hours))


moments = st.builds(
    lambda hours, coarse: day(hours) if coarse else instant(hours), HOURS, st.sampled_from((0, 0, 0, 1))
)
maybe_moments = st.one_of(st.none(), moments)


@st.composite
def told(draw, story_class) -> list[Event]:
    story = story_class()
    for order in range(draw(st.integers(0, 4))):
        number = draw(st.integers(1, 4))
        story.dose(
            draw(maybe_moments),
            draw(maybe_moments),
            key=f"MedicationAdministration/d{number}",
            version=Version(number=order),
            status=draw(
                st.sampled_from(("completed", "completed", "stopped", "in-progress", "unknown", "not-done", "on-hold"))
            ),
            product=draw(st.sampled_from(PRODUCTS)),
            route=draw(st.sampled_from(("IV", "IM", None))),
            amount=draw(st.sampled_from((None, Decimal(0), Decimal(500), Decimal(2500)))),
            ordered_amount=draw(st.sampled_from((None, Decimal(0), Decimal(2500)))),
            request=draw(st.sampled_from((None, "MedicationRequest/1", "#mr1"))),
        )
    for order in range(draw(st.integers(0, 4))):
        number = draw(st.integers(1, 4))
        story.level(
            draw(maybe_moments),
            draw(st.sampled_from(VALUES)),
            letter=draw(st.sampled_from("FFFFCPWXI")),
            key=f"LAB/{number}/asparaginase-activity/1",
            specimen=draw(st.sampled_from((None, "S1", "S2"))),
            reported=instant(draw(HOURS) * 10 + order),
            remarks=draw(st.sampled_from(((), (), ("unit-missing",), ("specimen-quality",)))),
        )
    for order in range(draw(st.integers(0, 2))):
        story.reaction(
            draw(maybe_moments),
            record=f"AllergyIntolerance/a{draw(st.integers(1, 2))}",
            version=Version(number=order),
            grade=draw(st.sampled_from((None, 1, 2, 3, 4))),
            severity=draw(st.sampled_from((None, "mild", "moderate", "severe"))),
            verification=draw(st.sampled_from(("confirmed", "unconfirmed", "refuted", "entered-in-error"))),
            concepts=draw(st.sampled_from(((), ("urticaria",), ("nausea",), ("anaphylaxis",)))),
            occurred_from=draw(st.sampled_from(("reaction.onset", "recordedDate"))),
        )
    for _ in range(draw(st.integers(0, 2))):
        story.drug(
            draw(maybe_moments), draw(st.sampled_from(("corticosteroid", "h1-antihistamine", "leukaemia-steroid")))
        )
    return story.events


def in_order(events: list[Event]) -> list[Recorded]:
    return [Recorded(arrival=number, event=event) for number, event in enumerate(events, start=1)]


def shifted(value: object, by: timedelta) -> object:
    """The same value with every instant in it moved."""
    if isinstance(value, Moment):
        text = "moved"
        return replace(value, earliest=value.earliest + by, latest=value.latest + by, text=text)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: shifted(getattr(value, f.name), by) for f in fields(value)})
    return value


@pytest.fixture(scope="session")
def histories(story):
    return told(story)


@given(data=st.data(), hours=HOURS)
def test_no_history_raises_and_every_finding_holds_only_known_codes(histories, rulebook, data, hours):
    events = data.draw(histories)
    reading = interpret(resolve(PATIENT, in_order(events)), rulebook, BASE + timedelta(hours=hours))
    for finding in (*reading.findings, *reading.unlinked):
        assert finding.exposure in EXPOSURES
        assert finding.mechanism in MECHANISMS
        assert finding.monitoring is None or finding.monitoring in MONITORING
        assert list(finding.modifiers) == [code for code in MODIFIERS if code in finding.modifiers]
        assert set(finding.rules) <= set(RULE_TEXT) | {"Q10"}
        assert len(finding.rules) == len(finding.samples) + (finding.dose is not None)
        assert finding.next_check is None or finding.next_check > BASE + timedelta(hours=hours)
        assert printed(finding)["sentence"] == finding.sentence


@given(data=st.data())
def test_any_order_and_duplication_of_arrival_gives_equal_findings(histories, rulebook, data):
    events = data.draw(histories)
    again = data.draw(st.permutations(events + events[: len(events) // 2]))
    as_of = BASE + timedelta(days=10)
    first = interpret(resolve(PATIENT, in_order(events)), rulebook, as_of)
    assert interpret(resolve(PATIENT, in_order(again)), rulebook, as_of) == first


@given(data=st.data(), days=st.integers(-300, 300))
def test_moving_every_time_by_the_same_days_changes_no_verdict(histories, rulebook, data, days):
    events = data.draw(histories)
    by, as_of = timedelta(days=days), BASE + timedelta(days=10)
    here = interpret(resolve(PATIENT, in_order(events)), rulebook, as_of)
    there = interpret(resolve(PATIENT, in_order([shifted(event, by) for event in events])), rulebook, as_of + by)
    assert [_timeless(f) for f in here.findings] == [_timeless(f) for f in there.findings]
    assert [_timeless(f) for f in here.unlinked] == [_timeless(f) for f in there.unlinked]


def _timeless(finding):
    hours = [(sample.hours_since_dose, sample.hours_range) for sample in finding.samples]
    verdict = (finding.exposure, finding.mechanism, finding.monitoring, finding.modifiers, finding.priority)
    return (*verdict, finding.rules, hours)


@given(data=st.data())
def test_an_unrelated_patient_changes_nothing(histories, rulebook, data):
    events = data.draw(histories)
    strangers = [replace(event, patient="x|1", source="elsewhere") for event in data.draw(histories)]
    as_of = BASE + timedelta(days=10)
    alone = interpret(resolve(PATIENT, in_order(events)), rulebook, as_of)
    assert interpret(resolve(PATIENT, in_order([*strangers, *events])), rulebook, as_of) == alone


@given(data=st.data())
def test_between_now_and_the_next_check_nothing_changes(histories, rulebook, data):
    history = resolve(PATIENT, in_order(data.draw(histories)))
    as_of = BASE + timedelta(hours=data.draw(HOURS))
    now = interpret(history, rulebook, as_of)
    until = min((f.next_check for f in now.findings if f.next_check), default=as_of + timedelta(days=400))
    then = interpret(history, rulebook, until - timedelta(microseconds=1))
    assert then == now
    if now.next_check:
        changed = interpret(history, rulebook, now.next_check)
        assert [f.monitoring for f in changed.findings] != [f.monitoring for f in now.findings]


@given(
    hours=st.integers(1, 1000),
    low=st.decimals("0.001", "4.9", places=3),
    more=st.decimals("0", "4.9", places=3),
    grade=st.sampled_from((None, 2, 3)),
)
def test_raising_the_only_value_never_turns_adequate_into_inadequate(story, after, hours, low, more, grade):
    def exposure(value):
        told_so = story().dose().level(after(hours), format(value, "f"))
        return (told_so.reaction(grade=grade) if grade else told_so).only().exposure

    if exposure(low) == "adequate":
        assert exposure(min(low + more, Decimal("4.9"))) == "adequate"


@given(hours=st.integers(1, 1000), limit=st.decimals("0.001", "5", places=3), sign=st.sampled_from(("<", "<=")))
def test_an_upper_limit_never_proves_adequacy(story, after, hours, limit, sign):
    finding = story().dose().level(after(hours), f"{sign}{limit:f}").only()
    assert finding.exposure not in ("adequate", "above-band")


@given(data=st.data(), withdrawn=st.integers(1, 4))
def test_a_withdrawn_result_leaves_what_never_having_had_it_would(histories, story, rulebook, data, withdrawn):
    events = data.draw(histories)
    key = f"LAB/{withdrawn}/asparaginase-activity/1"
    last_word = story().level(None, None, letter="W", key=key, reported=instant(50000)).events
    without = [event for event in events if event.key != key]
    as_of = BASE + timedelta(days=10)
    after_withdrawal = interpret(resolve(PATIENT, in_order([*events, *last_word])), rulebook, as_of)
    assert after_withdrawal == interpret(resolve(PATIENT, in_order(without)), rulebook, as_of)


@given(data=st.data())
def test_a_later_time_never_changes_a_verdict_of_the_laboratory(histories, rulebook, data):
    history = resolve(PATIENT, in_order(data.draw(histories)))
    early, late = sorted((data.draw(HOURS), data.draw(HOURS)))
    first = interpret(history, rulebook, BASE + timedelta(hours=early)).findings
    second = interpret(history, rulebook, BASE + timedelta(hours=late)).findings
    assert [(f.exposure, f.mechanism) for f in first] == [(f.exposure, f.mechanism) for f in second]


def test_a_time_without_a_zone_is_refused(story, rulebook):
    with pytest.raises(ValueError, match="zone"):
        interpret(story().dose().history(), rulebook, datetime(2025, 3, 3))  # noqa: DTZ001 - the point of the test
