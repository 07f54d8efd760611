"""Flags: one per family, topic and opening dose, and when each of them stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from at_length import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.domain.findings import (
    EXPOSURES,
    MECHANISMS,
    MODIFIERS,
    MONITORING,
    DoseInFinding,
    Finding,
    Interpretation,
    ReactionInFinding,
)
from adapter.domain.outputs import Wanted
from adapter.writeback.flags import flag_wants
from adapter.writeback.render import render
from adapter.writeback.withholding import is_withheld

Make = Callable[..., Any]


def dosed(number: int = 1, family: str = "ecoli") -> DoseInFinding:
    return DoseInFinding(
        key=f"MedicationAdministration/d{number}",
        product="pegaspargase" if family == "ecoli" else "crisantaspase",
        family=family,
        started=f"2025-03-{number:02d}T10:00:00+00:00",
        ended=None,
        amount=None,
        unit=None,
        route="IV",
        fraction="1",
    )


def reaction(*, severe: bool = False, counts: bool = True) -> ReactionInFinding:
    return ReactionInFinding(
        key="AllergyIntolerance/a1/1",
        occurred=None,
        occurred_from=None,
        hours_after_start=None,
        grade=None,
        grade_from=None,
        severe=severe,
        verification="confirmed",
        manifestations=(),
        counts=counts,
    )


def finding(mechanism: str, exposure: str, number: int = 1, family: str = "ecoli", **changes: Any) -> Finding:
    plain = Finding(
        patient="s|1",
        source="play",
        dose=dosed(number, family),
        samples=(),
        reactions=(),
        premedication=(),
        exposure=exposure,
        mechanism=mechanism,
        monitoring="complete",
        modifiers=(),
        priority="P1",
        policy=None,
        policy_hash=None,
        history_from=None,
        rules=(),
        next_check=None,
        sentence=f"Sentence {number}.",
        evidence={},
    )
    return replace(plain, **changes)


def wants(*findings: Finding) -> list[tuple[str, str, str, str, str]]:
    interpretation = Interpretation(patient="s|1", findings=findings, unlinked=())
    return [
        (
            want.topic,
            want.raised_by,
            want.category,
            want.priority,
            want.key_parts[1].removeprefix("MedicationAdministration/"),
        )
        for want in flag_wants(interpretation)
    ]


LOST = ("suspected-silent-inactivation", "inadequate")
CONFIRMED = ("confirmed-silent-inactivation", "inadequate")
NEUTRALIZED = ("neutralizing-hypersensitivity", "inadequate")
GOOD = ("no-evidence-of-inactivation", "adequate")
NOTHING = ("not-assessable", "no-result")
BELOW = ("below-target-not-inactivation", "inadequate")
PRESERVED = ("reaction-activity-preserved", "adequate")
UNRESOLVED = ("reaction-unresolved", "no-result")


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (finding(*LOST), [("inactivation", LOST[0], "drug", "P1", "d1")]),
        (finding(*CONFIRMED), [("inactivation", CONFIRMED[0], "drug", "P1", "d1")]),
        (finding(*NEUTRALIZED), [("neutralizing-hypersensitivity", NEUTRALIZED[0], "drug", "P1", "d1")]),
        (
            finding("suspected-neutralizing-hypersensitivity", "indeterminate"),
            [("neutralizing-hypersensitivity", "suspected-neutralizing-hypersensitivity", "drug", "P1", "d1")],
        ),
        (finding(*UNRESOLVED), [("reaction-unresolved", "reaction-unresolved", "lab", "P1", "d1")]),
        (finding(*PRESERVED), [("reaction-activity-preserved", PRESERVED[0], "clinical", "P2", "d1")]),
        (finding(*BELOW), [("below-target", BELOW[0], "lab", "P2", "d1")]),
        (finding(BELOW[0], "indeterminate"), []),
        (finding(*BELOW, priority="P3"), []),
        (finding(*GOOD), []),
        (finding(*NOTHING), []),
        (finding(*NOTHING, monitoring="due"), []),
        (finding(*NOTHING, monitoring="missed"), []),
        (finding(*NOTHING, monitoring="sample-overdue"), [("tdm-overdue", "sample-overdue", "lab", "P2", "d1")]),
        (finding(*NOTHING, monitoring="result-overdue"), [("tdm-overdue", "result-overdue", "lab", "P2", "d1")]),
        (
            finding(*NOTHING, modifiers=("prior-inactivation",)),
            [("re-exposure", "prior-inactivation", "drug", "P1", "d1")],
        ),
        (finding(*GOOD, modifiers=("prior-inactivation",)), []),
    ],
)
def test_each_verdict_raises_its_flag_of_the_table(one: Finding, expected: list[tuple[str, ...]]) -> None:
    assert wants(one) == expected


@pytest.mark.parametrize(
    "modifier",
    [
        "unit-suspect",
        "unit-missing",
        "value-unreadable",
        "discordant",
        "no-dose-known",
        "product-ambiguous",
        "sample-time-missing",
    ],
)
def test_every_cause_of_a_data_check_raises_one(modifier: str) -> None:
    one = finding("not-assessable", "indeterminate", modifiers=("early", modifier))
    assert wants(one) == [("data-check", modifier, "admin", "P2", "d1")]
    reacted = replace(one, mechanism="reaction-unresolved", reactions=(reaction(),))
    assert wants(reacted)[1:] == [("data-check", modifier, "admin", "P1", "d1")]


def test_a_value_on_both_sides_of_the_threshold_is_a_data_check() -> None:
    assert wants(finding("not-assessable", "indeterminate", rules=("D3",))) == [
        ("data-check", "indeterminate", "admin", "P2", "d1")
    ]
    assert wants(finding("no-evidence-of-inactivation", "adequate", rules=("D3", "D16"))) == []


@pytest.mark.parametrize(
    ("mechanism", "exposure"), [("severe-reaction-activity-preserved", "adequate"), NEUTRALIZED, UNRESOLVED]
)
def test_a_severe_reaction_keeps_its_flag_beside_any_verdict(mechanism: str, exposure: str) -> None:
    one = finding(mechanism, exposure, reactions=(reaction(severe=True),))
    assert ("severe-reaction", mechanism, "safety", "P1", "d1") in wants(one)
    refuted = replace(one, reactions=(reaction(severe=True, counts=False),))
    assert "severe-reaction" not in [want[0] for want in wants(refuted)]
    assert "severe-reaction" in [want[0] for want in wants(one, finding(*GOOD, number=2))]


def test_an_overdue_level_is_p1_with_an_open_reaction() -> None:
    one = finding(*UNRESOLVED, monitoring="sample-overdue", reactions=(reaction(),))
    assert ("tdm-overdue", "sample-overdue", "lab", "P1", "d1") in wants(one)


@pytest.mark.parametrize(
    ("modifiers", "reacted", "priority"),
    [
        (("premedicated",), True, "P1"),
        (("premedicated",), False, "P2"),
        ((), True, "P2"),
    ],
)
def test_an_overdue_level_is_p1_when_premedicated_after_an_earlier_reaction(
    modifiers: tuple[str, ...], reacted: bool, priority: str
) -> None:
    first = finding(*GOOD, reactions=(reaction(),) if reacted else ())
    second = finding(*NOTHING, number=2, monitoring="sample-overdue", modifiers=modifiers)
    assert wants(first, second) == [("tdm-overdue", "sample-overdue", "lab", priority, "d2")]


def test_a_later_dose_with_the_same_verdict_joins_and_the_strongest_tells() -> None:
    findings = (finding(*LOST), finding(*CONFIRMED, number=2), finding(*LOST, number=3))
    (want,) = flag_wants(Interpretation(patient="s|1", findings=findings, unlinked=()))
    assert want.key_parts == ("play", "MedicationAdministration/d1", "ecoli", "inactivation")
    assert (want.raised_by, want.told_by.sentence) == ("confirmed-silent-inactivation", "Sentence 2.")
    assert want.doses == findings


def test_the_next_dose_without_a_level_leaves_the_flag_and_an_adequate_one_closes_it() -> None:
    assert [want[4] for want in wants(finding(*LOST), finding(*NOTHING, number=2))] == ["d1"]
    assert wants(finding(*LOST), finding(*GOOD, number=2)) == []
    assert wants(finding(*LOST), finding("no-evidence-of-inactivation", "above-band", number=2)) == []


def test_a_later_episode_is_another_flag() -> None:
    findings = (finding(*LOST), finding(*GOOD, number=2), finding(*LOST, number=3))
    assert [want[4] for want in wants(*findings)] == ["d3"]


def test_another_family_neither_joins_nor_closes() -> None:
    erwinia = finding(*GOOD, number=2, family="erwinia")
    assert [want[4] for want in wants(finding(*LOST), erwinia)] == ["d1"]
    both = wants(finding(*LOST), finding(*LOST, number=2, family="erwinia"))
    assert [want[4] for want in both] == ["d1", "d2"]


@pytest.mark.parametrize("verdict", [BELOW, PRESERVED])
@pytest.mark.parametrize(
    ("following", "open_"),
    [(NOTHING, True), (("not-assessable", "indeterminate"), True), (GOOD, False), (LOST, False)],
)
def test_a_question_about_a_dose_ends_when_the_next_is_judged(
    verdict: tuple[str, str], following: tuple[str, str], open_: bool
) -> None:
    found = [want for want in wants(finding(*verdict), finding(*following, number=2)) if want[4] == "d1"]
    assert bool(found) == open_


@pytest.mark.parametrize("priority", ["P1", "P2"])
@pytest.mark.parametrize("text", ["0.40", "<0.03"])
def test_an_unlinked_sample_raises_its_own_data_check(make: SimpleNamespace, text: str, priority: str) -> None:
    sample = make.sample(text)
    lone = make.finding(
        "not-assessable", "indeterminate", samples=(sample,), modifiers=("no-dose-known",), priority=priority
    )
    (want,) = flag_wants(Interpretation(patient="s|1", findings=(), unlinked=(lone,)))
    assert want.key_parts == ("play", sample.key, "unknown", "data-check")
    assert (want.raised_by, want.priority) == ("no-dose-known", priority)


FINDINGS = st.lists(
    st.builds(
        finding,
        st.sampled_from(MECHANISMS),
        st.sampled_from(EXPOSURES),
        number=st.integers(1, 28),
        family=st.sampled_from(["ecoli", "erwinia"]),
        monitoring=st.sampled_from([*MONITORING, None]),
        modifiers=st.lists(st.sampled_from(MODIFIERS), max_size=3).map(tuple),
        priority=st.sampled_from(["P1", "P2", "P3", None]),
        reactions=st.booleans().map(lambda severe: (reaction(severe=severe),)) | st.just(()),
    ),
    max_size=5,
    unique_by=lambda one: one.dose.key,
)


@settings(max_examples=examples(200))
@given(FINDINGS)
def test_p3_never_makes_a_flag_and_no_key_is_wanted_twice(findings: list[Finding]) -> None:
    wanted = flag_wants(Interpretation(patient="s|1", findings=tuple(findings), unlinked=()))
    keys = [want.key_parts for want in wanted]
    assert len(set(keys)) == len(keys)
    assert all(one.priority != "P3" for want in wanted for one in want.doses)
    assert all(want.opened_by is want.doses[0] for want in wanted)
    assert all(want.told_by in want.doses for want in wanted)


@pytest.mark.parametrize(
    ("topic", "of", "withheld"),
    [
        ("tdm-overdue", "2025-02-28T23:59:00+00:00", True),
        ("tdm-overdue", "2025-03-01T00:00:00+00:00", False),
        ("tdm-overdue", "2025-02-28", True),
        ("tdm-overdue", None, False),
        ("conclusion-reversed", "2025-02-28", True),
        ("inactivation", "2025-02-28", False),
        ("neutralizing-hypersensitivity", "2025-02-28", False),
        ("severe-reaction", "2025-02-28", False),
    ],
)
def test_flags_of_doses_before_monitoring_began_are_withheld_but_for_three(
    topic: str, of: str | None, withheld: bool
) -> None:
    flag = Wanted(kind="flag", resource_type="Flag", id="k", body={}, content_hash="", topic=topic, verdict={"of": of})
    assert is_withheld(flag, date(2025, 3, 1)) == withheld
    assert not is_withheld(flag, None)
    assert not is_withheld(replace(flag, kind="interpretation"), date(2025, 3, 1))
    assert not is_withheld(replace(flag, verdict=None), date(2025, 3, 1))


def test_a_rendered_flag_knows_the_time_of_its_dose(make: SimpleNamespace, site: dict[str, Any]) -> None:
    lost = make.finding(dose=make.dose(), samples=(make.sample(),))
    lone = make.finding(
        "not-assessable", "indeterminate", samples=(make.sample(key="L2"),), modifiers=("no-dose-known",)
    )
    rendered = render(make.interpretation(lost, unlinked=(lone,)), make.history(), **site)
    assert [want.verdict for want in rendered if want.kind == "flag"] == [
        {"of": "2025-03-03T10:00:00+00:00"},
        {"of": "2025-03-10T11:30:00+00:00"},
    ]
