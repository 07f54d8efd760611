"""A template taken apart: every element that `fill` writes has its node, its placeholders and its entry of a list."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapter.knowledge.spec import OutputTemplate
from adapter.writeback.template import fill
from adapter.writeback.template_trace import Leaf, Omitted, Use, taken_apart

CONSTANTS = {"canonical": "https://base"}


def template(**resource: Any) -> OutputTemplate:
    return OutputTemplate(name="t", version="1", resource=resource)


def put_together(leaves: tuple[Leaf, ...]) -> Any:
    """The resource of its elements; lists come out as lists because their places are counted from 0."""
    whole: dict[Any, Any] = {}
    for leaf in leaves:
        inner = whole
        for step in leaf.path[:-1]:
            inner = inner.setdefault(step, {})
        assert leaf.path[-1] not in inner
        inner[leaf.path[-1]] = leaf.value
    return _lists(whole)


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(isinstance(key, int) for key in node):
        assert list(node) == list(range(len(node)))
        return [_lists(node[number]) for number in range(len(node))]
    return {key: _lists(value) for key, value in node.items()}


def test_a_literal_has_its_node_and_no_placeholder():
    leaves, omitted = taken_apart(template(meta={"source": "${canonical}/x"}, kind="a"), {}, constants=CONSTANTS)
    assert leaves == (
        Leaf(
            path=("meta", "source"), node=("meta", "source"), value="https://base/x", uses=(), constants=("canonical",)
        ),
        Leaf(path=("kind",), node=("kind",), value="a"),
    )
    assert omitted == ()


def test_an_element_counts_its_place_in_the_resource_and_its_entry_in_the_list():
    notes = [{"text": "${a}"}, {"text": "${notes.text}", "n": "1"}, "${more}"]
    names = {"a": "", "notes": [{"text": ""}, {"text": "x"}], "more": ["y", {"z": Decimal("0.10")}]}
    leaves, omitted = taken_apart(template(note=notes), names, constants={})
    assert leaves == (
        Leaf(path=("note", 0, "text"), node=("note", 1, "text"), value="x", uses=(Use(name="notes.text", entry=1),)),
        Leaf(path=("note", 0, "n"), node=("note", 1, "n"), value="1"),
        Leaf(path=("note", 1), node=("note", 2), value="y", uses=(Use(name="more", part=(0,)),)),
        Leaf(path=("note", 2, "z"), node=("note", 2), value=Decimal("0.10"), uses=(Use(name="more", part=(1, "z")),)),
    )
    assert omitted == (
        Omitted(node=("note", 0), placeholders=("a",)),
        Omitted(node=("note", 1), placeholders=("notes.text",)),
    )


def test_a_text_of_several_placeholders_names_each_once_and_is_never_read_as_a_template():
    names = {"a": "${b}", "b": 7}
    leaves, _ = taken_apart(template(text="${a}-${b}-${a} ${canonical}"), names, constants=CONSTANTS)
    assert leaves == (
        Leaf(
            path=("text",),
            node=("text",),
            value="${b}-7-${b} https://base",
            uses=(Use(name="a"), Use(name="b")),
            constants=("canonical",),
        ),
    )


def test_of_a_block_that_vanishes_only_the_whole_is_told_and_of_one_that_stays_the_part():
    block = {"code": {"system": "s", "code": "${a}"}, "unit": {"x": "${b}", "y": "${c}"}}
    nothing, omitted = taken_apart(template(value=block), {"a": None, "b": [], "c": {}}, constants={})
    assert (nothing, omitted) == ((), (Omitted(node=("value",), placeholders=("a", "b", "c")),))
    leaves, omitted = taken_apart(template(value=block), {"a": "", "b": "1", "c": None}, constants={})
    assert put_together(leaves) == {"value": {"unit": {"x": "1"}}}
    assert omitted == (
        Omitted(node=("value", "code"), placeholders=("a",)),
        Omitted(node=("value", "unit", "y"), placeholders=("c",)),
    )


def test_a_list_without_entries_is_told():
    _, omitted = taken_apart(template(note=[{"text": "${notes.text}"}]), {"notes": []}, constants={})
    assert omitted == (Omitted(node=("note", 0), placeholders=("notes.text",)),)


SCALARS = st.sampled_from(
    ["", "x", "${a}", "${b}", "${a}/${b}", "${canonical}", "${canonical}${a}", "${l.x}", "${o.y}"]
)
ITEMS = SCALARS | st.just("${l}")
NODES = st.recursive(
    SCALARS,
    lambda inner: (
        st.dictionaries(st.sampled_from("pqr"), inner, max_size=3) | st.lists(inner | st.just("${l}"), max_size=3)
    ),
    max_leaves=12,
)
PLAIN = st.sampled_from(
    [None, "", "v", "${b}", "${canonical}", True, False, 3, Decimal("0.10"), {"k": ["w", {"m": 1}]}]
)
ENTRIES = st.lists(st.fixed_dictionaries({}, optional={"x": PLAIN}).filter(lambda entry: entry != {}), max_size=3)
NAMES = st.fixed_dictionaries({"a": PLAIN, "b": PLAIN, "l": ENTRIES, "o": st.fixed_dictionaries({"y": PLAIN})})


@given(st.dictionaries(st.sampled_from("stuv"), NODES, max_size=4), NAMES)
def test_the_elements_put_together_are_always_the_filled_resource(resource: Any, names: Any):
    made = template(**resource)
    leaves, omitted = taken_apart(made, names, constants=CONSTANTS)
    filled = fill(made, names, constants=CONSTANTS)
    assert put_together(leaves) == _without_hollow(filled)
    assert all(gap.placeholders for gap in omitted)


def _without_hollow(node: Any) -> Any:
    """A block or list without any value in it holds no element."""
    match node:
        case dict():
            kept = {key: _without_hollow(item) for key, item in node.items()}
            return {key: item for key, item in kept.items() if item not in ({}, [])}
        case list():
            return [_without_hollow(item) for item in node]
        case _:
            return node
