"""Whether two may be one person, by marks of birth dates and family names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.people import likeness, person
from adapter.domain.times import iso_moment

BORN, OTHER = iso_moment("2018-05-04"), iso_moment("2011-09-30")


def told(*families, born=BORN):
    return person("urn:mrn|1", families, born, source="lab")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (told("Gorse"), told("GORSE"), "same"),
        (told("Gorse"), told("Tansy"), "alike"),
        (told("Gorse"), told("Gorse", born=OTHER), "alike"),
        (told("Gorse"), told("Tansy", born=OTHER), "other"),
        (told("García López"), told("Lopez-Garcia"), "same"),
        (told("Gorse"), told("Tansy", "Gorse"), "same"),
        (told("de Vries"), told("de Boer", born=OTHER), "other"),
        (told("Li"), told("LI"), "same"),
        (told("Weiß"), told("WEISS"), "same"),
        (told("O'Hara"), told("O Hara"), "same"),
    ],
)
def test_two_are_other_people_when_both_differ(one, other, expected):
    assert (likeness(one, other), likeness(other, one)) == (expected, expected)


@pytest.mark.parametrize(
    ("families", "born"), [((), BORN), (("", " - "), BORN), (("Gorse",), None), (("Gorse",), iso_moment("2018-05"))]
)
def test_without_a_name_or_a_day_of_birth_nobody_is_told(families, born):
    assert person("urn:mrn|1", families, born, source="lab") is None


@pytest.mark.parametrize(
    "family",
    [
        *("BABY", "Baby Girl", "BABY BOY", "babygirl", "BABY-BOY", "Unknown", "UNBEKANNT", "Newborn", "Nouveau-né"),
        *("Baby Girl A", "TWIN 2 BABY", "Säugling", "NN"),
    ],
)
def test_a_word_that_stands_for_no_name_tells_of_nobody(family):
    assert told(family) is None
    assert told(family, "Gorse") == told("Gorse")


def test_a_name_beside_such_a_word_counts_alone():
    assert likeness(told("Baby Girl Gorse"), told("Gorse")) == "same"
    assert likeness(told("Baby Gorse"), told("Baby Tansy", born=OTHER)) == "other"
    assert told("Boy") is not None


def test_a_time_of_day_of_a_birth_does_not_matter():
    assert likeness(told("Gorse"), told("Gorse", born=iso_moment("2018-05-04T03:12:00+02:00"))) == "same"


names = st.text(st.characters(categories=("L", "Zs", "Pd")), max_size=12)


@given(st.lists(names, max_size=3), st.data())
def test_case_order_and_repeats_of_names_never_matter(families, data):
    one = told(*families)
    mixed = [name.upper() for name in data.draw(st.permutations(families))] * 2
    other = told(*mixed)
    assert (one is None) == (other is None)
    assert one is None or likeness(one, one) == "same"


@given(st.lists(names, min_size=1, max_size=3))
def test_nothing_of_a_name_is_kept(families):
    one = told(*families)
    words = {word for family in families for word in family.casefold().split() if len(word) > 3}
    assert one is None or not any(word in repr(one.family).casefold() for word in words if word.strip("abcdef"))
