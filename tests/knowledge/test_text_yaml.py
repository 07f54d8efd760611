from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.knowledge.text_yaml import Document, Fault, read_yaml

ADVICE = "check the indentation, and quote texts that begin with one of [ { % * & @ ` or hold ': '"


def data_of(text: str) -> object:
    document, faults = read_yaml(text, "a.yaml")
    assert faults == []
    assert document is not None
    return document.data


@pytest.mark.parametrize(
    "word", ["no", "1:30", "0123", "1.10", "0.30", "2025-11-03", "null", "~", "1_000", "0x1F", "2:3:4"]
)
def test_every_scalar_stays_the_text_that_was_written(word: str):
    assert data_of(f"key: {word}\n") == {"key": word}


def test_nodes_know_the_line_of_their_key_or_list_item():
    text = "a: 1\nb:\n  - x\n  - c: y\n    d:\n      z\n"
    document, _ = read_yaml(text, "a.yaml")
    assert document is not None
    assert document.data == {"a": "1", "b": ["x", {"c": "y", "d": "z"}]}
    assert {path: place[0] for path, place in document.places.items()} == {
        (): 1,
        ("a",): 1,
        ("b",): 2,
        ("b", 0): 3,
        ("b", 1): 4,
        ("b", 1, "c"): 4,
        ("b", 1, "d"): 5,
    }


def test_a_fault_at_an_absent_node_stands_at_its_nearest_ancestor():
    document, _ = read_yaml("a: 1\nb:\n  c: 2\n", "a.yaml")
    assert document is not None
    assert document.fault(("b", "gone", 3), "missing") == Fault(file="a.yaml", line=2, column=1, text="missing")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\na: 2\n", 2, "'a' stands here a second time (first in line 1); keep one"),
        ("a:\n  b: 1\n  b: 2\n", 3, "'b' stands here a second time (first in line 2); keep one"),
        ("a: 1\nb:\n\tc: 2\n", 3, "a tab; YAML counts spaces, so replace the tab by spaces"),
        ("a:\t1\n", 1, "a tab; YAML counts spaces, so replace the tab by spaces"),
        ("a: &x 1\n", 1, "anchors and aliases ('&', '*') are not used here; quote the text or write it out"),
        ("a: *x\n", 1, "anchors and aliases ('&', '*') are not used here; quote the text or write it out"),
        ("a: !int 1\n", 1, "tags ('!') are not used here; quote the text"),
        ("a: 1\n---\nb: 2\n", 2, "a second document ('---') begins here; write one document per file"),
        ("? [a]\n: b\n", 1, "a list or block cannot be a key; quote a text that begins with '[' or '{'"),
        ("- " * 60 + "a\n", 1, "nested more than 40 levels deep; check the indentation"),
        (
            "a: [IU]/mL\n",
            1,
            f"not readable as YAML: did not find expected key; {ADVICE}",
        ),
    ],
)
def test_a_mistake_is_a_sentence_with_its_line(text: str, line: int, words: str):
    document, faults = read_yaml(text, "a.yaml")
    assert document is None
    assert [(fault.line, fault.text) for fault in faults] == [(line, words)]


def test_tabs_inside_texts_and_comments_are_welcome():
    assert data_of('a: "x\ty"  # a\tcomment\nb: |\n  MSH|^~\\&|\tx\n') == {"a": "x\ty", "b": "MSH|^~\\&|\tx\n"}


def test_a_byte_order_mark_is_no_content():
    document, faults = read_yaml("\ufeffa: 1\n".encode(), "a.yaml")
    assert faults == []
    assert document is not None
    assert document.data == {"a": "1"}


def test_a_file_that_is_not_utf8_says_in_which_line():
    _, faults = read_yaml(b"a: 1\nb: \xe9\n", "a.yaml")
    text = "the file is not UTF-8 here; save it as UTF-8 (in an editor: encoding UTF-8)"
    assert faults == [Fault(file="a.yaml", line=2, column=4, text=text)]


def test_a_control_character_says_in_which_line():
    _, faults = read_yaml("a: 1\nb: \x01\n", "a.yaml")
    assert faults[0].text == "not readable as YAML: a character that text files do not hold"


def test_an_empty_file_is_empty_text():
    assert data_of("# only a comment\n") == ""


def test_a_fault_prints_as_file_line_and_sentence():
    assert str(Fault(file="a.yaml", line=3, text="wrong")) == "a.yaml:3: wrong"
    assert str(Fault(file="a.yaml", line=0, text="wrong", severity="warning")) == "a.yaml: warning: wrong"


@given(
    st.one_of(
        st.binary(max_size=200), st.text(max_size=200), st.text(alphabet="ab:-[]{}?&*!|>#\"' \t\n\ufeff", max_size=80)
    )
)
def test_no_content_raises(content: bytes | str):
    document, faults = read_yaml(content, "a.yaml")
    assert isinstance(document, Document) != bool(faults)


@given(st.dictionaries(st.text(alphabet="abc", min_size=1), st.text(alphabet='x"\\\n \u00e9\U0001f9ea'), max_size=5))
def test_quoted_texts_come_back_as_they_were(entries: dict[str, str]):
    quoted = {
        key: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for key, value in entries.items()
    }
    text = "".join(f'"{key}": "{value}"\n' for key, value in quoted.items())
    assert data_of(text) == (entries or "")
