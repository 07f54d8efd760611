"""Points in time as they are sent, and what is no point in time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapter.domain.times import exact_moment, offset_zone


def test_an_instant_without_a_zone_is_no_moment():
    with pytest.raises(ValueError, match=r"^a moment needs a zone$"):
        exact_moment(datetime(2025, 3, 3, 12))  # noqa: DTZ001


def test_an_instant_with_a_zone_is_an_exact_moment():
    at = datetime(2025, 3, 3, 12, tzinfo=UTC)
    told = exact_moment(at)
    assert (told.text, told.earliest, told.latest, told.exact) == ("2025-03-03T12:00:00Z", at, at, True)


@pytest.mark.parametrize("offset", ["+14:01", "-15:00", "+01:60"])
def test_no_zone_is_farther_than_14_hours_or_has_60_minutes(offset):
    with pytest.raises(ValueError, match=r"^no such offset$"):
        offset_zone(offset)
