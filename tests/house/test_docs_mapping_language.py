"""The page of the mapping language says what the loader takes and what the readers read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from adapter.ingest.fhir_fields import Row, compile_resource
from adapter.ingest.hl7v2 import read_message
from adapter.ingest.scopes import walk
from adapter.ingest.v2_fields import compile_field
from adapter.knowledge import language
from adapter.knowledge.event_fields import EVENT_FIELDS
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.mapping_schema import mapping_schema
from adapter.knowledge.spec import FieldSpec, Mapping, Select

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "mapping-language.md").read_text(encoding="utf-8")
SHAPES = {
    "chain": "any, several in order",
    "fields": "whole fields, several in order",
    "whole": "one whole field",
    "keys": "any without repetition, joined by ` + `, several in order",
    "repetitions": "whole fields or repetitions, several in order",
    "selected": "those of `select.code`",
    "identity": "the `id`",
}
REQUIRED = {"free": "as the mapping says", "always": "always", "never": "never"}


def section(heading: str) -> str:
    parts = re.split(r"^#{2,3} ", PAGE, flags=re.MULTILINE)
    return next(part for part in parts if part.split("\n", 1)[0] == heading)


def rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line.startswith("| `")
    ]


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("A mapping", language.TOP_KEYS),
        ("Input", language.INPUT_KEYS),
        ("Select", language.SELECT_KEYS),
        ("A field", language.FIELD_KEYS),
        ("Readers", language.READERS),
        ("What is not needed", language.NOT_NEEDED_KEYS),
    ],
)
def test_every_word_of_the_language_has_its_row(heading, words):
    assert [[cell.strip("`") for cell in row] for row in rows(section(heading))] == [
        list(pair) for pair in words.items()
    ]


@pytest.mark.parametrize("event", list(EVENT_FIELDS))
def test_every_field_of_an_event_has_its_row(event):
    assert rows(section(event)) == [
        [
            f"`{name}`",
            f"`{kind.reader}`",
            ", ".join(f"`{key}`" for key in kind.keys) or "-",
            SHAPES[kind.shape],
            REQUIRED[kind.required],
        ]
        for name, kind in EVENT_FIELDS[event].items()
    ]


def test_the_words_are_those_the_loader_asks_for():
    schema = mapping_schema()
    assert list(schema["properties"]) == list(language.TOP_KEYS)
    by_event = [one["then"]["properties"] for one in schema["allOf"]]
    assert {key for one in by_event for key in one["input"]["properties"]} == set(language.INPUT_KEYS)
    assert {key for one in by_event for key in one["select"]["properties"]} == set(language.SELECT_KEYS)
    fields = [field for one in by_event for field in one["fields"]["properties"].values()]
    assert {key for field in fields for key in field["properties"]} == set(language.FIELD_KEYS)


def fence(kind: str, heading: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", section(heading), re.DOTALL)
    assert found
    return found[1]


def examples(heading: str) -> list[tuple[str, str | None]]:
    return [(path.strip("`"), None if told == "nothing" else told.strip("`")) for path, told in rows(section(heading))]


@pytest.mark.parametrize(("path", "told"), examples("Paths of HL7 v2"))
def test_a_path_of_the_page_reads_what_the_page_says(path, told):
    message = read_message(fence("hl7", "Paths of HL7 v2").strip().replace("\n", "\r").encode())
    (scope,) = walk(message, "LIS|HOSP", "OBX").scopes
    assert compile_field(FieldSpec(name="x", paths=(path,))).text(scope) == told


@pytest.mark.parametrize(("path", "told"), examples("Paths of FHIR"))
def test_a_fhirpath_of_the_page_reads_what_the_page_says(path, told):
    resource = json.loads(fence("json", "Paths of FHIR"))
    mapping = Mapping(
        id="x",
        version="1",
        event="HypersensitivityRecorded",
        format="fhir",
        resource="AllergyIntolerance",
        for_each="reaction",
        select=Select(codes=("AllergyIntolerance.code",), table="asparaginase_products"),
        fields=(FieldSpec(name="text", paths=(path,)),),
    )
    knowledge, _ = load_knowledge()
    assert knowledge is not None
    ready = compile_resource(mapping, knowledge)
    (row,) = ready.each(resource)
    assert isinstance(row, Row)
    assert ready.field("text").text(row) == told
