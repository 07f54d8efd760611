from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.times import Moment
from adapter.ingest.hl7v2 import read_time

CET = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("text", "shown", "precision"),
    [
        ("2025", "2025", "year"),
        ("202503", "2025-03", "month"),
        ("20250310", "2025-03-10", "day"),
        ("2025031011", "2025-03-10T11:00:00+01:00", "hour"),
        ("202503101130", "2025-03-10T11:30:00+01:00", "minute"),
        ("20250310113015", "2025-03-10T11:30:15+01:00", "second"),
        ("20250310113015.25", "2025-03-10T11:30:15.250000+01:00", "second"),
        (" 20250310113015 ", "2025-03-10T11:30:15+01:00", "second"),
    ],
)
def test_the_precision_stays_as_sent(text, shown, precision):
    read = read_time(text, zone=CET, zone_from="sender")
    assert (read.text, read.precision, read.zone_from) == (shown, precision, "sender")


def test_an_offset_in_the_field_wins():
    at = datetime(2025, 3, 10, 16, 30, tzinfo=UTC)
    assert read_time("20250310113000-0500", zone=CET, zone_from="MSH-7") == Moment(
        text="2025-03-10T11:30:00-05:00", earliest=at, latest=at, precision="second", zone_from="field"
    )


def test_without_any_zone_every_zone_is_possible():
    read = read_time("202503101130", zone=None, zone_from="sender")
    assert (read.earliest, read.latest, read.zone_from) == (
        datetime(2025, 3, 9, 21, 30, tzinfo=UTC),
        datetime(2025, 3, 10, 23, 30, tzinfo=UTC),
        "unknown",
    )


@pytest.mark.parametrize(
    "text",
    ["", "pending", "20251", "20251310", "20250230", "00000000", "202503101160", "20250310113061", "202503102400",
     "202503101130150", "20250310113015.", "20250310113015+1500", "20250310113015+0160", "2025-03-10", "٢٠٢٥",
     "0001", '""'],
)  # fmt: skip
def test_what_is_no_time_is_refused_without_its_text(text):
    with pytest.raises(ValueError, match=r"^(not an HL7 date or time|no such date or time)$"):
        read_time(text, zone=timezone(timedelta(hours=14)), zone_from="sender")


@given(st.integers(-(10**13), 10**13), st.integers(-12 * 60, 14 * 60))
def test_every_written_time_reads_as_itself(tenths_of_ms, minutes):
    at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(microseconds=tenths_of_ms * 100)
    at = at.astimezone(timezone(timedelta(minutes=minutes)))
    read = read_time(f"{at:%Y%m%d%H%M%S}.{at.microsecond // 100:04d}{at:%z}", zone=None, zone_from="sender")
    assert (read.earliest, read.latest) == (at, at)
