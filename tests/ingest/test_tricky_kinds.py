"""The 29 kinds of tricky message read by us, and beside us by hl7apy and python-hl7 where they are right."""

from __future__ import annotations

from typing import Any

import hl7
import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message
from hypothesis import given, settings
from tricky_messages import KINDS, Tricky
from wire_bytes import plain_messages

from adapter.ingest.hl7v2 import parse_path, read_message, split_messages

NAMES = [tricky.name for tricky in KINDS]


@pytest.mark.parametrize("tricky", KINDS, ids=NAMES)
def test_every_kind_reads_as_meant_and_comes_back_byte_for_byte(tricky: Tricky):
    messages = split_messages(tricky.raw)
    last = read_message(messages[-1])
    assert {path: last.get(path) for path in tricky.places} == tricky.places
    assert [read_message(raw).encode() for raw in messages] == messages
    assert len(messages) == tricky.messages
    assert last.problems == ()
    if tricky.messages == 1:
        assert messages == [tricky.raw]


def test_there_are_29_kinds_each_once():
    assert len(set(NAMES)) == len(KINDS) == 29


@pytest.mark.parametrize("tricky", KINDS, ids=NAMES)
def test_hl7apy_reads_alike_where_it_is_right_and_only_there(tricky: Tricky):
    assert (_by_hl7apy(tricky) == tricky.places) is tricky.hl7apy


@pytest.mark.parametrize("tricky", KINDS, ids=NAMES)
def test_python_hl7_reads_alike_where_it_is_right_and_only_there(tricky: Tricky):
    assert (_by_python_hl7(tricky) == tricky.places) is tricky.hl7


def _by_hl7apy(tricky: Tricky) -> dict[str, str | None] | None:
    try:
        tree = parse_message(tricky.raw.decode(), validation_level=VALIDATION_LEVEL.TOLERANT)
        return {path: _place_of_hl7apy(tree, path) for path in tricky.places}
    except (HL7apyException, UnicodeError, LookupError, AttributeError):
        return None


def _segments_of(node: Any) -> list[Any]:
    if node.classname == "Segment":
        return [node]
    return [segment for child in node.children for segment in _segments_of(child)]


def _place_of_hl7apy(tree: Any, path: str) -> str | None:
    place = parse_path(path)
    found = [segment for segment in _segments_of(tree) if segment.name == place.segment]
    fields = [field for field in found[place.occurrence - 1].children if field.name == f"{place.segment}_{place.field}"]
    if place.repetition > len(fields):
        return None
    marks = tree.encoding_chars
    components = _text_of_hl7apy(fields[place.repetition - 1]).split(marks["COMPONENT"])
    if place.component > len(components):
        return None
    parts = components[place.component - 1].split(marks["SUBCOMPONENT"])
    text = parts[place.subcomponent - 1] if place.subcomponent <= len(parts) else ""
    return None if text in ("", '""') else text


def _text_of_hl7apy(field: Any) -> str:
    """What it read: written back, a lone value would have its escapes escaped once more."""
    leaves = [leaf for component in field.children for leaf in component.children]
    if len(leaves) != 1:
        return str(field.to_er7())
    return str(leaves[0].value.value) if leaves[0].value else ""


def _by_python_hl7(tricky: Tricky) -> dict[str, str | None] | None:
    try:
        parsed = hl7.parse_hl7(tricky.raw)
        while isinstance(parsed, (hl7.File, hl7.Batch)):
            parsed = parsed[-1]
        return {path: _place_of_python_hl7(parsed, path) for path in tricky.places}
    except (hl7.HL7Exception, LookupError, UnicodeError, ValueError):
        return None


def _place_of_python_hl7(parsed: Any, path: str) -> str | None:
    place = parse_path(path)
    segment = parsed.segments(place.segment)[place.occurrence - 1]
    try:
        text = segment.extract_field(1, place.field, place.repetition, place.component, place.subcomponent)
    except LookupError:
        return None
    return None if text in ("", '""') else text


@settings(max_examples=8)
@given(plain_messages())
def test_hl7apy_finds_the_same_fields_in_plain_messages_when_it_groups_nothing(text: str):
    tree = parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)
    ours = [one for one in read_message(text.encode()).segments if one.field_count()]
    theirs = _segments_of(tree)
    assert [segment.name for segment in theirs] == [segment.name for segment in ours]
    for segment, own in zip(theirs, ours, strict=True):
        for number in range(3 if own.name == "MSH" else 1, 5):  # NTE has four fields; of others it loses the numbers
            kept = [field.to_er7() for field in segment.children if field.name == f"{own.name}_{number}"]
            assert kept == own.repetitions(number)
