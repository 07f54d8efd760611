from __future__ import annotations

import json
import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.transport.bundle_file import entries_of
from adapter.transport.import_files import UnreadableFile

LIMIT = 10_000
SPACE = st.sampled_from([b"", b" ", b"\n\t", b"\r\n  "])
TRICKY = st.sampled_from(["", "}", "]", '"', "\\", '\\"}', '"entry":[', "é", "\n", "urn:uuid:x"])
VALUES = st.recursive(
    TRICKY | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TRICKY, inner), max_leaves=8
)
ENTRY = st.dictionaries(TRICKY | st.just("entry"), VALUES)


def mapped(content: bytes) -> mmap.mmap:
    held = mmap.mmap(-1, max(len(content), 1))
    held[: len(content)] = content
    return held


def found(content: bytes):
    with mapped(content) as held:
        entries = entries_of(held, LIMIT)
        return [piece.raw for piece in entries.pieces(held, LIMIT)], entries.around


@given(st.lists(ENTRY), st.lists(SPACE, min_size=4, max_size=4), st.dictionaries(TRICKY, VALUES), st.booleans())
def test_the_entries_of_any_bundle_are_always_found_byte_for_byte(entries, space, beside, first):
    texts = [json.dumps(entry, ensure_ascii=False).encode() for entry in entries]
    before, between, after, end = space
    listed = b'"entry"' + before + b":" + b" [" + after + (between + b"," + after).join(texts) + end + b"]"
    others = [json.dumps(name).encode() + b":" + json.dumps(value).encode() for name, value in beside.items()]
    members = [listed, *others] if first else [*others, listed]
    raw, around = found(before + b"{" + b",".join(members) + b"}" + end)
    assert raw == texts
    assert json.loads(around) == {**beside, "entry": []}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"entry":[{}', "one whole"),
        (b'{"entry":[{}]', "one whole"),
        (b'{"entry":[{"a":"}]}', "one whole"),
        (b'{"entry":[{}]} {"entry":[]}', "one whole"),
        (b'{"entry":[{}]}]', "one whole"),
        (b"", "one whole"),
        (b"nothing", "one whole"),
        (b'{"entry":[{} {}]}', "no object"),
        (b'{"entry":[{},,{}]}', "no object"),
        (b'{"entry":[1,{}]}', "no object"),
        (b'{"entry":[{},[]]}', "no object"),
        (b'{"entry":[null]}', "no object"),
        (b'{"entry":[],"entry":[]}', "more than one"),
        (b'{"entry":[],"a":"' + b"x" * LIMIT + b'"}', "too large"),
    ],
)
def test_what_is_no_bundle_is_told(content, said):
    with pytest.raises(UnreadableFile, match=said):
        found(content)


def test_an_entry_deeper_down_is_none_of_the_bundle():
    raw, around = found(b'{"a":{"entry":[{"b":1}]},"entry":[{"c":{"entry":[{}]}}]}')
    assert raw == [b'{"c":{"entry":[{}]}}']
    assert around == b'{"a":{"entry":[{"b":1}]},"entry":[]}'


def test_entries_behind_a_place_are_numbered_as_all_are():
    content = b'{"entry":[{"a":1},{"b":2},{"c":3}]}'
    with mapped(content) as held:
        first, *_ = entries_of(held, LIMIT).pieces(held, LIMIT)
        rest = list(entries_of(held, LIMIT).pieces(held, LIMIT, first.end))
    assert [(piece.number, piece.raw) for piece in rest] == [(2, b'{"b":2}'), (3, b'{"c":3}')]


def test_an_entry_that_is_too_large_comes_in_parts():
    large = b'{"a":"' + b"x" * 3_000_000 + b'"}'
    with mapped(b'{"entry":[{},' + large + b"]}") as held:
        small, big = entries_of(held, LIMIT).pieces(held, LIMIT)
        assert small.large is None
        assert b"".join(big.large) == large
        assert big.end == big.offset + len(large)


def test_what_entries_refer_to_by_their_names_is_found_and_what_that_refers_to():
    texts = [
        b'{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient"}}',
        b'{"fullUrl":"urn:uuid:2","resource":{"ingredient":"urn:uuid:3"}}',
        b'{"fullUrl":"urn:uuid:3","resource":{"back":"urn:uuid:2"}}',
        b'{"fullUrl":"urn:uuid:4","resource":{"a":"urn:uuid:1","b":"urn:uuid:2","c":"urn:uuid:4","d":"urn:uuid:9"}}',
    ]
    with mapped(b'{"entry":[' + b",".join(texts) + b"]}") as held:
        entries = entries_of(held, LIMIT)
        assert entries.needed_by(held, [texts[3]]) == texts[:3]
        assert entries.needed_by(held, texts) == []
        assert entries.needed_by(held, [b'{"resource":{"a":"urn:uuid:1"}}']) == texts[:1]


def test_a_bundle_without_such_names_needs_nothing():
    with mapped(b'{"entry":[{}]}') as held:
        assert entries_of(held, LIMIT).needed_by(held, [b'{"a":"urn:uuid:1"}']) == []
