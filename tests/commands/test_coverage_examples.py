"""What `troughline coverage` shows of a value is its kind, and no bytes whatever end it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import hospital
import pytest
from at_length import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_store import shipped_parts

from adapter.commands.coverage_count import over_files
from adapter.commands.coverage_masked import kind_of, masked_element, masked_field
from adapter.commands.coverage_text import page_of, tree_of
from adapter.commands.used_elements import ElementUse
from adapter.commands.used_fields import Use
from adapter.commands.worklist_read import site_of
from adapter.ingest.hl7v2 import read_message
from adapter.settings import Settings


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0.42", "number"),
        ("<0.03", "number"),
        ("1,234", "number"),
        ("4711", "number"),
        ("20251103", "time"),
        ("20251103101500+0100", "time"),
        ("2025-11-03T10:15:00Z", "time"),
        ("20251399", "number"),
        ('""', "null"),
        ("Smith", "text"),
        ("12 Main St", "text"),
    ],
)
def test_the_kind_of_a_value_is_all_that_is_shown_of_it(text, kind):
    assert kind_of(text) == kind


def test_an_example_is_short_whatever_was_sent():
    deep = {"a": [{"b" * 70: "x", "c": [1, True, None, {"d": "y"}]}] * 50}
    use = ElementUse(steps=("note", "no name!"), kind="unread", value=deep)
    told_of = masked_element(use)
    assert told_of.startswith("note.* = {a: [{*: text, c: [number, yes or no, nothing, {d: text}]}, {*: text, ")
    assert len(told_of) == 123
    raw = hospital.oru("A") + b"ZLB|" + b"a^b|" * 200 + b"last|" + b"x^" * 200 + b"\r"
    (segment,) = read_message(raw).named("ZLB")
    for number in (1, 39, 41, 201, 202):
        example = masked_field(Use(segment=segment, kind="unread", field=number))
        assert len(example) <= 123
        assert "text" in example


SITE = site_of(Settings(), shipped_parts().knowledge)
GOOD = hospital.oru("A")


@settings(max_examples=examples(150), deadline=None)
@given(
    st.binary(max_size=60),
    st.integers(0, len(GOOD)),
    st.integers(0, 30),
    st.sampled_from([GOOD, json.dumps(hospital.dose()).encode(), json.dumps(hospital.reaction()).encode()]),
)
def test_no_bytes_whatever_end_it(noise, at, cut, good):
    raw = good[:at] + noise + good[at + cut :]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "1.hl7"
        file.write_bytes(raw)
        coverage = over_files([file], SITE, timedelta(days=7))
    assert coverage.looked_at.failed == 0
    assert page_of(coverage, coverage.places, everything=True)
    assert json.dumps(tree_of(coverage, coverage.unread(), everything=False))


@pytest.mark.parametrize("name", ["MSH", "FHS", "BHS"])
def test_the_separator_of_a_header_is_no_place_of_its_own(name):
    header = f"{name}|^~\\&|LIS||||20251103||WHAT"
    lines = header if name == "MSH" else f"MSH|^~\\&|LIS\r{header}"
    segment = next(one for one in read_message(lines.encode()).segments if one.name == name)
    use = Use(segment=segment, kind="unread", field=9, repetition=1, component=None)
    assert masked_field(use) == f"{name}|*|*||||*||text"
