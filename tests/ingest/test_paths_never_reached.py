"""A path that is called never reached is one: the earlier path is filled whenever it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.ingest.fhir_fields import compile_resource
from adapter.ingest.hl7v2 import read_message
from adapter.ingest.scopes import walk
from adapter.ingest.v2_fields import compile_field
from adapter.knowledge.lint import lint
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.paths import covers
from adapter.knowledge.shipped import shipped
from adapter.knowledge.spec import FieldSpec, Mapping, Select

PATH = st.builds(
    "OBX-5{}{}".format,
    st.sampled_from(["", "(*)", "(1)", "(2)", "(2=MR)"]),
    st.sampled_from(["", ".1", ".2", ".1.1", ".1.2", ".2.1"]),
)
VALUE = st.text(alphabet='aMR^~&" ', max_size=12)


def filled(path: str, value: str) -> bool:
    message = read_message(f"MSH|^~\\&|A|B\rOBX|1|ST|X||{value}|u\r".encode())
    (scope,) = walk(message, "A|B", "OBX").scopes
    return compile_field(FieldSpec(name="x", paths=(path,))).text(scope) is not None


@given(PATH, PATH, VALUE)
def test_a_path_that_covers_another_is_filled_whenever_the_other_is(earlier, later, value):
    if covers(earlier, later, "hl7v2") and filled(later, value):
        assert filled(earlier, value)


@pytest.mark.parametrize(
    ("earlier", "later", "covered"),
    [
        ("OBX-5", "OBX-5.2", True),
        ("OBX-5.1", "OBX-5.1.2", True),
        ("OBX-5(*)", "OBX-5(5=MR).1", True),
        ("OBX-5(*).2", "OBX-5(3).2", True),
        ("OBX-5", "OBX-5(2)", False),
        ("OBX-5.1", "OBX-5", False),
        ("OBX-5.1", "OBX-5.2", False),
        ("OBX-5", "OBX-50", False),
        ("OBR-7", "OBX-7", False),
        ("OBR-3 + (test)", "OBR-3.1 + OBX-4", True),
        ("OBR-3 + (test)", "OBR-2 + (test)", False),
    ],
)
def test_what_covers_what_in_hl7_v2(earlier, later, covered):
    assert covers(earlier, later, "hl7v2") is covered


@pytest.mark.parametrize(
    ("earlier", "later", "covered"),
    [
        ("onset", "onset.ofType(dateTime)", True),
        ("note", "note.text", True),
        ("note.text", "note", False),
        ("note.text", "noted", False),
        ("note", "AllergyIntolerance.note", False),
    ],
)
def test_what_covers_what_in_fhir(earlier, later, covered):
    assert covers(earlier, later, "fhir") is covered


RESOURCE = st.fixed_dictionaries(
    {"resourceType": st.just("MedicationAdministration")},
    optional={
        "note": st.lists(
            st.fixed_dictionaries({}, optional={"text": st.text(max_size=3), "time": st.just("2025")}), max_size=2
        ),
        "effectivePeriod": st.fixed_dictionaries({}, optional={"start": st.just("2025"), "end": st.just("2026")}),
    },
)


@given(RESOURCE)
def test_an_element_is_filled_whenever_a_part_of_it_is(resource):
    pairs = [("note", "note.text"), ("effective", "effective.ofType(Period).start")]
    for earlier, later in pairs:
        assert covers(earlier, later, "fhir")
        (row,) = READY.each(resource)
        if READY.field(later).values(row):
            assert READY.field(earlier).values(row)


KNOWLEDGE, _ = load_knowledge()
READY = compile_resource(
    Mapping(
        id="x",
        version="1",
        event="AsparaginaseAdministered",
        format="fhir",
        resource="MedicationAdministration",
        select=Select(codes=("medication",), table="asparaginase_products"),
        fields=tuple(
            FieldSpec(name=path, paths=(path,))
            for path in ("note", "note.text", "effective", "effective.ofType(Period).start")
        ),
    ),
    KNOWLEDGE,
)


@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        (
            "fhir/allergy_hypersensitivity.yaml",
            "      - onset\n",
            "      - onset\n      - onset.ofType(dateTime)\n",
            "occurred: 'onset.ofType(dateTime)' is never reached; 'onset' is filled whenever it is",
        ),
        (
            "v2/oru_activity.yaml",
            "      - OBX-17.1\n",
            "      - OBX-17(*)\n      - OBX-17.1\n",
            "method: 'OBX-17.1' is never reached; 'OBX-17(*)' is filled whenever it is",
        ),
    ],
)
def test_lint_warns_at_the_path_that_is_never_reached(tmp_path, name, before, after, said):
    text = (shipped("mappings") / name).read_text(encoding="utf-8")
    assert before in text
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_text(text.replace(before, after, 1), encoding="utf-8")
    faults = lint([tmp_path])
    assert (faults[0].severity, faults[0].text) == ("warning", said)
    line = (tmp_path / name).read_text(encoding="utf-8").splitlines()[faults[0].line - 1]
    assert line[faults[0].column - 1 :] == said.split("'")[1]
