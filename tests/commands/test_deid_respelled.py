"""A name, a number or a day that was taken out is found where it is written otherwise."""

from __future__ import annotations

import pytest

from adapter.commands.deid_leaf import Gone, Left
from adapter.commands.deid_respelled import needles, respelled
from adapter.commands.deid_words import Words

WORDS = Words(words=frozenset({"serum", "remarkable"}), codes=frozenset({"MARKER"}))


def gone(text: str, do: str = "", level: str = "name") -> Gone:
    return Gone(place="PID-5", text=text, level=level, do=do)


def found(taken: Gone, text: str, do: str = "code") -> list[str]:
    wanted = needles([taken], WORDS, "name")
    return list(dict.fromkeys(respelled(Left(place="OBX-4", do=do, text=text), wanted, WORDS)))


@pytest.mark.parametrize(
    ("taken", "text"),
    [
        (gone("SMITH"), "PSMITH"),
        (gone("SMITH"), "smith1"),
        (gone("O'BRIEN"), "OBRIEN"),
        (gone("SMITH-JONES"), "SMITHJONES"),
        (gone("MÜLLER"), "MUELLER"),
        (gone("MÜLLER"), "MU\u0308LLERX"),
        (gone("王明"), "A王明B"),
        (gone("00012345", "id"), "12345"),
        (gone("(030)1234567"), "030 1234 567"),
        (gone("7704321", "id"), "770-4321"),
        (gone("20180504", "birth"), "2018-05-04"),
        (gone("20180504", "birth"), "04.05.2018"),
        (gone("20180504", "birth"), "180504"),
    ],
)
def test_what_was_taken_out_is_found_in_other_letters(taken: Gone, text: str):
    assert found(taken, text) == ["OBX-4 holds what PID-5 held, written otherwise"]


@pytest.mark.parametrize(
    ("taken", "text", "do"),
    [
        (gone("SMITH"), "PSMYTH", "code"),
        (gone("LEE"), "SLEEP", "code"),
        (gone("MARK"), "MARKER", "code"),
        (gone("MARK"), "remarkable serum", "text"),
        (gone("SMITH"), "PSMITH", "id"),
        (gone("1234", "id"), "1234", "code"),
        (gone("SMITH", level="word"), "PSMITH", "code"),
    ],
)
def test_what_is_short_or_known_or_was_changed_is_left_alone(taken: Gone, text: str, do: str):
    assert found(taken, text, do) == []
