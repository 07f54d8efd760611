"""Fragments are kept as they came, the oldest going first, and never at the cost of the work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapter.store.torn_frames import TornFrames

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def kept(folder):
    return [file.read_bytes() for file in sorted(folder.iterdir())]


def test_a_fragment_is_a_private_file_that_tells_when_and_where(tmp_path):
    folder = tmp_path / "torn"
    path = TornFrames(folder).keep(b"MSH|\xff\x00", "north/2", NOON)
    assert path == folder / "20260131T120000.000000Z-north_2-1.torn"
    assert path.read_bytes() == b"MSH|\xff\x00"
    assert (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize(
    ("limits", "left"), [({"files_limit": 3}, 3), ({"bytes_limit": 7}, 3), ({"bytes_limit": 6}, 3)]
)
def test_the_oldest_go_when_there_are_too_many_or_too_much(tmp_path, limits, left):
    torn = TornFrames(tmp_path / "torn", **limits)
    for number in range(10):
        torn.keep(b"%02d" % number, "a", NOON + timedelta(seconds=number))
    assert kept(tmp_path / "torn") == [b"%02d" % n for n in range(10 - left, 10)]


def test_two_of_the_same_moment_are_two_files(tmp_path):
    torn = TornFrames(tmp_path / "torn")
    assert torn.keep(b"1", "a", NOON) != torn.keep(b"2", "a", NOON)
    assert kept(tmp_path / "torn") == [b"1", b"2"]


def test_what_cannot_be_kept_is_told_and_nothing_is_left_of_it(tmp_path):
    torn = TornFrames(tmp_path / "torn", bytes_limit=4)
    assert torn.keep(b"1234", "a", NOON) is not None
    assert torn.keep(b"12345", "a", NOON) is None
    assert kept(tmp_path / "torn") == [b"1234"]
    (tmp_path / "torn" / next((tmp_path / "torn").iterdir()).name).unlink()
    (tmp_path / "torn").rmdir()
    assert torn.keep(b"1", "a", NOON) is None
