from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.domain.activity import Activity, Reported
from adapter.domain.events import (
    ActivityMeasured,
    AsparaginaseAdministered,
    Coding,
    HypersensitivityRecorded,
    PatientRecord,
    PremedicationGiven,
    Version,
)
from adapter.domain.problems import problem
from adapter.domain.times import Moment
from adapter.store.encoding import (
    event_text,
    json_text,
    kind_of,
    problems_text,
    read_event,
    read_object,
    read_problems,
    read_record,
    record_text,
)

offsets = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(2999, 12, 30), timezones=offsets)  # noqa: DTZ001 (zones are drawn)
moments = st.builds(Moment, earliest=instants, latest=instants)
numbers = st.decimals(allow_nan=False, allow_infinity=False)
activities = st.builds(Activity, low=numbers, high=st.none() | numbers, number=st.none() | numbers, factor=numbers)
versions = st.builds(Version, updated=st.none() | moments, sent=st.none() | moments)
codings = st.builds(Coding)
EVENTS = st.one_of(
    st.builds(
        ActivityMeasured,
        version=versions,
        activity=st.none() | activities,
        reported=st.builds(Reported),
        collected=st.none() | moments,
        received_by_laboratory=st.none() | moments,
        resulted=st.none() | moments,
        test=st.none() | codings,
        lloq_iu_per_ml=st.none() | numbers,
        filler=st.none() | codings,
        placer=st.none() | codings,
        remarks=st.lists(st.text()).map(tuple),
        promotes=st.booleans(),
        comment=st.none() | st.text(),
    ),
    st.builds(
        AsparaginaseAdministered,
        version=versions,
        started=st.none() | moments,
        ended=st.none() | moments,
        amount=st.none() | numbers,
        ordered_amount=st.none() | numbers,
        medication=st.none() | codings,
        identifiers=st.lists(st.text()).map(tuple),
    ),
    st.builds(PremedicationGiven, version=versions, started=st.none() | moments, medication=st.none() | codings),
    st.builds(
        HypersensitivityRecorded,
        version=versions,
        occurred=st.none() | moments,
        manifestations=st.lists(codings, max_size=3).map(tuple),
        grade=st.none() | st.integers(1, 5),
    ),
)


@settings(deadline=None)
@given(EVENTS)
def test_every_event_survives_exactly(event):
    back = read_event(kind_of(event), event_text(event))
    assert back == event
    assert event_text(back) == event_text(event)


@settings(deadline=None)
@given(numbers)
def test_the_digits_of_a_level_survive(number):
    activity = Activity(kind="number", low=number, high=number, number=number)
    event = ActivityMeasured(
        patient="p",
        source="lab",
        key="k",
        status="final",
        letter="F",
        version=Version(),
        activity=activity,
        reported=Reported(value=None, unit=None, text=""),
    )
    assert str(read_event("ActivityMeasured", event_text(event)).activity.number) == str(number)


@settings(deadline=None)
@given(st.builds(PatientRecord, version=versions, identifiers=st.lists(st.text()).map(tuple)))
def test_every_patient_record_survives_exactly(record):
    assert read_record(record_text(record)) == record


def test_problems_survive_exactly():
    problems = (problem("unit-missing", where="OBX[1]-6", location="OBX^1^6"), problem("near-miss"))
    assert read_problems(problems_text(problems)) == problems


@pytest.mark.parametrize("digits", ["0.10", "0.030", "450.0", "-0.00", "12345678901234567890.123456789"])
def test_a_number_in_a_resource_keeps_its_digits(digits):
    text = json_text({"value": Decimal(digits)})
    assert text == f'{{"value":{digits}}}'
    assert str(read_object(text)["value"]) == digits
