"""Output templates: what is filled, what repeats, what disappears."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.fhir import dumps
from adapter.knowledge.spec import OutputTemplate
from adapter.writeback.offered import OFFERED, template_faults
from adapter.writeback.template import UnknownPlaceholderError, fill, placeholders


def filled(resource: dict[str, Any], **names: Any) -> dict[str, Any]:
    template = OutputTemplate(name="t", version="1", resource=resource)
    return fill(template, names, constants={"canonical": "https://site.example"})


def test_a_placeholder_alone_keeps_the_type_of_its_value() -> None:
    names = {"n": Decimal("0.10"), "b": False, "z": 0, "d": {"x": "y"}}
    assert filled({"a": "${n}", "b": "${b}", "c": "${z}", "d": "${d}"}, **names) == {
        "a": Decimal("0.10"),
        "b": False,
        "c": 0,
        "d": {"x": "y"},
    }


def test_a_placeholder_inside_text_becomes_text() -> None:
    assert filled({"a": "is ${n} ${u}"}, n=Decimal("0.10"), u="IU/mL") == {"a": "is 0.10 IU/mL"}


def test_text_with_one_empty_placeholder_disappears() -> None:
    assert filled({"a": "is ${n} ${u}", "b": "stays"}, n="", u="IU/mL") == {"b": "stays"}


@pytest.mark.parametrize("nothing", [None, "", [], {}])
def test_a_block_with_nothing_to_say_disappears_with_its_literals(nothing: object) -> None:
    resource = {"id": "${id}", "q": {"unit": "IU/mL", "system": "${canonical}/u", "value": "${v}"}}
    assert filled(resource, id="1", v=nothing) == {"id": "1"}


def test_a_block_without_placeholders_stays() -> None:
    resource = {"id": "${id}", "k": {"s": "${canonical}/c"}}
    assert filled(resource, id="1") == {"id": "1", "k": {"s": "https://site.example/c"}}
    assert filled(resource, id=None) == {"k": {"s": "https://site.example/c"}}


def test_an_item_repeats_once_per_entry_of_its_list() -> None:
    resource = {"id": "1", "l": [{"r": "${s.ref}", "t": "${s.t}", "lit": "x"}]}
    assert filled(resource, s=[{"ref": "A", "t": 1}, {"ref": "B"}]) == {
        "id": "1",
        "l": [{"r": "A", "t": 1, "lit": "x"}, {"r": "B", "lit": "x"}],
    }
    assert filled({"id": "1", "p": {"l": resource["l"], "lit": "x"}}, s=[]) == {"id": "1"}


def test_a_list_alone_as_an_item_gives_its_entries() -> None:
    assert filled({"l": ["first", "${s}"]}, s=["second", "third"]) == {"l": ["first", "second", "third"]}


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownPlaceholderError, match="valeu"):
        filled({"a": "${valeu.number}"}, value={})


@given(st.text(max_size=20))
def test_a_value_that_looks_like_a_placeholder_is_never_filled_again(text: str) -> None:
    value = "${canonical}" + text
    assert filled({"a": "${v}", "b": "x ${v}"}, v=value) == {"a": value, "b": f"x {value}"}


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**6, places=6))
def test_digits_survive_a_template(number: Decimal) -> None:
    assert dumps(filled({"v": "${n}"}, n=number)) == f'{{"v":{number:f}}}'.encode()


def test_the_shipped_templates_use_only_what_is_offered(templates: dict[str, OutputTemplate]) -> None:
    assert sorted(templates) == sorted(OFFERED)
    assert list(template_faults(templates)) == []


def test_a_slip_in_a_template_and_a_missing_one_are_named(templates: dict[str, OutputTemplate]) -> None:
    wrong = OutputTemplate(name="flag", version="1", resource={"id": "${kye}", "x": ["${subject}"]})
    kept = {name: template for name, template in templates.items() if name != "provenance"}
    assert placeholders(wrong) == {"kye", "subject"}
    assert list(template_faults({**kept, "flag": wrong})) == [
        ("flag", "nothing fills ${kye}"),
        ("provenance", "the output template is missing"),
    ]
