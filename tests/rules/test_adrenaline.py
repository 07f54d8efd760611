"""Adrenaline in the text of a reaction record is a sign of severity only when it was given (rulebook 2.8, 2.10)."""

from __future__ import annotations

import pytest

from adapter.rules.adrenaline import adrenaline_given


@pytest.mark.parametrize(
    "text",
    [
        "Urticaria and wheeze, adrenaline given",
        "IM ADRENALINE x1",
        "Epinephrine 0.3 mg; resolved",
        "Adrenalin i.m.",
        "Epinephrin verabreicht",
        "No rash, adrenaline given",
        "Adrenaline given, did not improve at first",
        "Not anaphylaxis at first. Later adrenaline was given.",
    ],
)
def test_adrenaline_named_as_given_counts(text):
    assert adrenaline_given(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Urticaria",
        "No adrenaline",
        "no rash and no adrenaline",
        "Adrenaline not given",
        "Adrenaline was not needed",
        "Epinephrine, not administered",
        "Adrenaline: no",
        "Resolved without adrenaline",
        "Ohne Adrenalin abgeklungen",
        "Adrenaline prepared at the bedside",
        "epinephrine if anaphylaxis",
        "Noradrenaline infusion",
        "Adrenaline was never used",
    ],
)
def test_adrenaline_denied_kept_ready_or_not_named_does_not_count(text):
    assert not adrenaline_given(text)
