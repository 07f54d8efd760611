from __future__ import annotations

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.transport.import_files import UnreadableFile, go_to, head_of, is_lines, lines, opened, tail_of

CONTENT = st.lists(st.sampled_from([b"a", b"bc", b" ", b"\r", b"\n", b"\xff", b"\xef\xbb\xbf", b"x" * 9])).map(b"".join)


def read(content, limit=8, offset=0, number=0):
    """Every piece with all of its bytes."""
    file = io.BytesIO(content)
    file.seek(offset)
    return [
        (piece.number, piece.offset, piece.raw, b"".join(piece.large) if piece.large else None, piece.end)
        for piece in lines(file, limit, offset, number)
    ]


def test_lines_are_numbered_and_placed_and_lose_only_their_ends():
    assert read(b"ab\r\n\n  \ncd") == [(1, 0, b"ab", None, 4), (4, 8, b"cd", None, 10)]


def test_a_byte_order_mark_is_no_part_of_the_first_line():
    assert read(b"\xef\xbb\xbfab\n\xef\xbb\xbfc\n") == [(1, 0, b"ab", None, 6), (2, 6, b"\xef\xbb\xbfc", None, 11)]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_line_of_just_the_limit_is_taken_and_one_byte_more_is_too_large(end):
    assert read(b"12345678" + end) == [(1, 0, b"12345678", None, 8 + len(end))]
    (only,) = read(b"123456789" + end)
    assert only == (1, 0, b"", b"123456789" + end.removesuffix(b"\n"), 9 + len(end))


def test_a_line_that_is_too_large_comes_in_parts_and_the_next_one_is_whole():
    large = b"x" * 3_000_000
    assert read(large + b"\nab\n") == [(1, 0, b"", large, 3_000_001), (2, 3_000_001, b"ab", None, 3_000_004)]


def test_what_nobody_takes_of_a_line_that_is_too_large_is_passed_over():
    file = io.BytesIO(b"x" * 3_000_000 + b"\nab\n")
    assert [(piece.number, piece.raw) for piece in lines(file, 8)] == [(1, b""), (2, b"ab")]


@given(CONTENT)
def test_lines_always_cover_all_that_is_not_blank(content):
    covered = b"".join(content[start:end] for _, start, _, _, end in read(content))
    assert covered.replace(b"\xef\xbb\xbf", b"").split() == content.replace(b"\xef\xbb\xbf", b"").split()


@given(CONTENT)
def test_reading_on_from_the_end_of_any_line_always_gives_the_rest(content):
    whole = read(content)
    for at, (number, _, _, _, end) in enumerate(whole):
        assert read(content, offset=end, number=number) == whole[at + 1 :]


def test_a_compressed_file_is_read_as_it_was_and_a_cut_one_is_told(tmp_path):
    path = tmp_path / "a.ndjson.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n' * 50_000))
    with opened(path) as file:
        assert sum(1 for _ in lines(file, 100)) == 50_000
    with opened(path) as file:
        go_to(file, 9 * 49_999)
        assert [piece.raw for piece in lines(file, 100, 9 * 49_999, 49_999)] == [b'{"a": 1}']
    path.write_bytes(path.read_bytes()[:-20])
    with opened(path) as file, pytest.raises(UnreadableFile, match="cut short"):
        list(lines(file, 100))


def test_a_place_behind_the_end_of_a_file_is_told(tmp_path):
    path = tmp_path / "a.ndjson.gz"
    path.write_bytes(gzip.compress(b"{}\n"))
    with opened(path) as file, pytest.raises(UnreadableFile, match="shorter"):
        go_to(file, 10)


def test_what_is_no_gzip_is_told(tmp_path):
    path = tmp_path / "a.ndjson.gz"
    path.write_bytes(b"{}\n")
    with opened(path) as file, pytest.raises(UnreadableFile, match="damaged"):
        list(lines(file, 100))


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("a.ndjson", b'{\n"a": 1}', True),
        ("a.jsonl", b"", True),
        ("a.json", b'{"a": 1}\n{"b": 2}\n', True),
        ("a.json", b'{"a": 1}\n\n\n {"b": 2}', True),
        ("a.json", b'{"a": 1}\n', False),
        ("a.json", b'{\n  "a": {}\n}\n', False),
        ("a.json", b"", False),
    ],
)
def test_a_json_file_with_one_object_a_line_is_known(tmp_path, name, content, wanted):
    (tmp_path / name).write_bytes(content)
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    assert is_lines(tmp_path / name) is is_lines(tmp_path / f"{name}.gz") is wanted


def test_marks_of_head_and_tail_tell_changes(tmp_path):
    path = tmp_path / "a.ndjson"
    path.write_bytes(b"x" * 100_000)
    head, tail = head_of(path), tail_of(path, 80_000)
    path.write_bytes(b"x" * 79_999 + b"y" + b"x" * 20_000)
    assert (head_of(path), tail_of(path, 80_000)) != (head, tail)
    assert head_of(path) == head
    assert tail_of(path, 79_999) == tail
