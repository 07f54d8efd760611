"""Scopes: which words are some, how version 1 says them, and what a server left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.transport.smart_scopes import as_version_1, is_scope, not_granted

TYPES = ("Patient", "Observation", "Flag", "*")
RIGHTS = ["".join(letter for bit, letter in enumerate("cruds") if number >> bit & 1) for number in range(1, 32)]
SCOPES = st.builds("system/{}.{}".format, st.sampled_from(TYPES), st.sampled_from(RIGHTS))


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("system/Patient.rs", True),
        ("system/*.cruds", True),
        ("system/Flag.cu", True),
        ("system/Flag.write", True),
        ("system/*.*", True),
        ("system/Observation.rs?category=laboratory", True),
        ("openid", True),
        ("https://fhir.example/.default", True),
        ("system/Flag.uc", False),
        ("system/Flag.", False),
        ("system/Flag", False),
        ("system/.rs", False),
        ("system/Flag.reads", False),
        ("a b", False),
        ('a"b', False),
        ("a\\b", False),
        ("", False),
    ],
)
def test_a_scope_has_its_letters_in_their_order(text, good):
    assert is_scope(text) is good


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("system/Patient.rs", ("system/Patient.read",)),
        ("system/Patient.s", ("system/Patient.read",)),
        ("system/Flag.cu", ("system/Flag.write",)),
        ("system/Flag.d", ("system/Flag.write",)),
        ("system/Observation.crus", ("system/Observation.read", "system/Observation.write")),
        ("system/*.cruds", ("system/*.read", "system/*.write")),
        ("system/Flag.write", ("system/Flag.write",)),
        ("openid", ("openid",)),
    ],
)
def test_version_1_says_it_with_read_and_write(scope, words):
    assert as_version_1([scope]) == words


@pytest.mark.parametrize(
    ("asked", "granted", "missing"),
    [
        ("system/Flag.cu", "system/Flag.cu", ""),
        ("system/Flag.cu", "system/Flag.c", "system/Flag.cu"),
        ("system/Flag.cu", "system/Flag.c system/Flag.u", ""),
        ("system/Flag.cu", "system/*.write", ""),
        ("system/Flag.cu", "system/Flag.read", "system/Flag.cu"),
        ("system/Flag.cu", "system/Observation.cruds", "system/Flag.cu"),
        ("system/Flag.cu", "user/Flag.cruds patient/Flag.*", "system/Flag.cu"),
        ("system/Flag.cu", "system/Flag.cu?code=x", "system/Flag.cu"),
        ("system/*.rs", "system/Flag.rs", "system/*.rs"),
        ("system/Patient.rs system/Flag.cu", "", "system/Patient.rs system/Flag.cu"),
        ("openid", "openid", ""),
        ("openid", "system/*.*", "openid"),
    ],
)
def test_what_a_server_left_out_is_named(asked, granted, missing):
    assert not_granted(asked.split(), granted.split()) == tuple(missing.split())


@given(st.lists(SCOPES, max_size=5), st.lists(SCOPES, max_size=5))
def test_what_was_asked_for_is_granted_by_itself_and_by_more(asked, more):
    assert not_granted(asked, [*more, *asked]) == ()
    assert not_granted(asked, ["system/*.*"]) == ()
    assert not_granted(as_version_1(asked), as_version_1(asked)) == ()


@given(st.lists(SCOPES, min_size=1, max_size=5))
def test_version_1_gives_at_least_as_much(asked):
    assert not_granted(asked, as_version_1(asked)) == ()
