"""Exact JSON, output keys and R4 checks."""

from __future__ import annotations

import json
from decimal import Decimal
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.fhir import (
    CANONICAL_BASE,
    MAX_DEPTH_LEVELS,
    OUTPUT_KEYS,
    Canonical,
    UnreadableJsonError,
    canonical,
    content_hash,
    dumps,
    loads,
    output_key,
    required_code_problems,
    validate,
)

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=9)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | DECIMALS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)


@pytest.mark.parametrize("number", ["0.10", "0.62", "450.0", "0.000000001", "-0.05", "100.00", "19.0"])
def test_digits_survive_reading_and_writing(number: str) -> None:
    raw = f'{{"value":{number}}}'.encode()
    assert dumps(loads(raw)) == raw


@pytest.mark.parametrize(
    ("number", "written"),
    [("1E-3", b"0.001"), ("1E+3", b"1000"), ("1E-9", b"0.000000001"), ("0E-10", b"0.0000000000"), ("1.50E2", b"150")],
)
def test_an_exponent_is_never_written(number: str, written: bytes) -> None:
    assert dumps(Decimal(number)) == written


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "sNaN", "1E+101", "1E-101"])
def test_what_fhir_cannot_hold_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="no finite number"):
        dumps({"value": Decimal(number)})


TOO_LARGE = "a number in it is too large or has too many digits"


def test_a_float_is_refused_because_its_digits_are_lost() -> None:
    with pytest.raises(ValueError, match="float"):
        dumps([0.1])


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'{"a":1,"a":2}', "a key stands twice in one object"),
        (b'[{"b":{"a":1,"c":2,"a":1}}]', "a key stands twice in one object"),
        (b'{"a":NaN}', "not well-formed JSON in UTF-8"),
        (b'"\xff"', "not well-formed JSON in UTF-8"),
        (b'\xef\xbb\xbf{"a":1}', "not well-formed JSON in UTF-8"),
        (b"", "not well-formed JSON in UTF-8"),
        (b"{} {}", "not well-formed JSON in UTF-8"),
        (b"1e400", TOO_LARGE),
        (b"1" * 5000, TOO_LARGE),
        (b'{"a":[1e999]}', TOO_LARGE),
        (b"0." + b"1" * 5000, TOO_LARGE),
        (b"1e", "not well-formed JSON in UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * (MAX_DEPTH_LEVELS + 2) + b"]" * (MAX_DEPTH_LEVELS + 2), "nested too deeply"),
    ],
)
def test_unreadable_json_says_why_and_nothing_else(raw: bytes, text: str) -> None:
    with pytest.raises(UnreadableJsonError) as raised:
        loads(raw)
    assert str(raised.value) == text


def test_the_deepest_allowed_json_is_read() -> None:
    raw = b"[" * MAX_DEPTH_LEVELS + b"]" * MAX_DEPTH_LEVELS
    assert dumps(loads(raw)) == raw


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        value = loads(raw)
    except UnreadableJsonError:
        return
    assert loads(dumps(value)) == value


@given(VALUES)
def test_what_is_written_is_read_back_and_is_json(value: object) -> None:
    raw = dumps(value)
    assert loads(raw) == value
    assert loads(raw, ours=True) == value
    assert json.loads(raw, parse_float=Decimal) == value
    assert loads(dumps(value, indent=True)) == value


@given(st.dictionaries(st.text(max_size=5), st.integers(), max_size=6))
def test_the_hash_does_not_depend_on_the_order_of_keys(value: dict[str, int]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical(turned) == canonical(value)
    assert content_hash(turned) == content_hash(value)


def test_another_digit_is_another_content() -> None:
    assert content_hash({"value": Decimal("0.10")}) != content_hash({"value": Decimal("0.1")})
    assert canonical({"b": Decimal("0.10"), "a": [1, "é"]}) == '{"a":[1,"é"],"b":0.10}'.encode()


@given(st.lists(st.text(), max_size=4))
def test_an_output_key_is_the_uuid5_of_its_parts(parts: list[str]) -> None:
    text = "|".join(("v1", "flag", *(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)))
    assert output_key("flag", *parts) == str(uuid5(OUTPUT_KEYS, text))


def test_output_keys_are_uuids_that_never_change() -> None:
    assert output_key("activity", "play", "LAB/1/asparaginase-activity/1") == "c204df77-3a80-5345-a90b-3617c44d1957"


@given(st.lists(st.text(max_size=8), max_size=4), st.lists(st.text(max_size=8), max_size=4))
def test_other_parts_give_other_keys(first: list[str], second: list[str]) -> None:
    one, other = output_key("flag", *first), output_key("flag", *second)
    assert UUID(one).version == 5
    assert (one == other) == (first == second)


def test_every_system_lies_below_the_canonical_base() -> None:
    site = Canonical(base="https://site.example/fhir")
    assert site.codes == "https://site.example/fhir/CodeSystem/troughline"
    assert site.output_keys == "https://site.example/fhir/sid/output-key"
    assert site.messages == "https://site.example/fhir/sid/hl7v2-message"
    assert site.source("ehr") == "https://site.example/fhir/sid/source/ehr"
    assert Canonical().base == CANONICAL_BASE


def test_a_whole_observation_is_valid() -> None:
    resource = {
        "resourceType": "Observation",
        "status": "corrected",
        "code": {"text": "x"},
        "valueQuantity": {"value": Decimal("0.10")},
    }
    assert validate(resource) == []
    assert required_code_problems(resource) == []


def test_faults_name_the_place_and_no_content() -> None:
    resource = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "component": [{"valueBoolean": True}],
        "effectiveDateTime": "SECRET",
        "SECRET VALUE": 1,
        "bogus": 1,
    }
    found = dict(validate(resource))
    assert found == {
        "Observation.component[0].code": "a required element is missing",
        "Observation.effectiveDateTime": "the value does not fit the FHIR R4 definition of the element",
        "Observation.?": "no such element in FHIR R4",
        "Observation.bogus": "no such element in FHIR R4",
    }


@pytest.mark.parametrize("resource", [{}, {"resourceType": "Nonsense"}, {"resourceType": 5}])
def test_an_unknown_type_is_one_fault(resource: dict[str, object]) -> None:
    assert validate(resource) == [("Resource", "no such resource type in FHIR R4")]
    assert required_code_problems(resource) == []


def test_required_codes_are_checked_at_every_depth() -> None:
    observation = {
        "resourceType": "Observation",
        "status": "finall",
        "text": {"status": "generated"},
        "identifier": [{"use": "official"}, {"use": "mine"}],
    }
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": observation}]}
    assert required_code_problems(bundle) == [
        ("Bundle.entry[0].resource.identifier[1].use", "the code is not in the required list"),
        ("Bundle.entry[0].resource.status", "the code is not in the required list"),
    ]


@pytest.mark.parametrize(
    "status", ["registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown"]
)
def test_every_observation_status_of_r4_is_accepted(status: str) -> None:
    assert required_code_problems({"resourceType": "Observation", "status": status}) == []
