from __future__ import annotations

import json

import pytest

from adapter.store.faults import StoreLocked
from adapter.store.rejected_lines import RejectedLines


@pytest.fixture
def rejects(tmp_path):
    with RejectedLines(tmp_path, "a.ndjson.x") as opened:
        yield opened


def places(rejects):
    return [json.loads(line) for line in rejects.places.read_bytes().splitlines()]


def test_bytes_and_places_are_told_apart_and_private(rejects):
    rejects.add(3, 70, "not-json", [b"{ba", b"d"])
    rejects.add(9, 99, "not-utf8", [b"\xff\xfe"])
    assert rejects.written() == (8, rejects.places.stat().st_size)
    assert rejects.path.read_bytes() == b"{bad\n\xff\xfe\n"
    assert places(rejects) == [
        {"number": 3, "offset": 70, "size": 4, "reason": "not-json", "at": 0},
        {"number": 9, "offset": 99, "size": 2, "reason": "not-utf8", "at": 5},
    ]
    for file in (rejects.path, rejects.places, rejects.path.parent):
        assert file.stat().st_mode & 0o077 == 0


def test_what_stands_behind_a_place_is_taken_back(rejects):
    rejects.add(1, 0, "not-json", [b"one"])
    sizes = rejects.written()
    rejects.add(2, 4, "not-json", [b"two"])
    rejects.written()
    rejects.back_to(*sizes)
    rejects.add(2, 4, "not-json", [b"2"])
    rejects.written()
    assert rejects.path.read_bytes() == b"one\n2\n"
    assert [one["number"] for one in places(rejects)] == [1, 2]


def test_what_an_earlier_process_left_stands_until_it_is_taken_back(tmp_path):
    with RejectedLines(tmp_path, "x") as first:
        first.add(1, 0, "not-json", [b"one"])
        sizes = first.written()
        first.add(2, 4, "not-json", [b"lost"])
        first.written()
    with RejectedLines(tmp_path, "x") as second:
        second.back_to(*sizes)
        assert second.written() == sizes


def test_one_process_at_a_time_has_them_open(tmp_path):
    with RejectedLines(tmp_path, "x"), pytest.raises(StoreLocked, match="another process"):
        RejectedLines(tmp_path, "x")


def test_empty_files_are_not_left_behind(tmp_path):
    with RejectedLines(tmp_path, "x") as rejects:
        rejects.back_to(0, 0)
    assert list((tmp_path / "imports").iterdir()) == []
    with RejectedLines(tmp_path, "y") as rejects:
        rejects.add(1, 0, "not-json", [b""])
        rejects.written()
    assert len(list((tmp_path / "imports").iterdir())) == 2
