"""What a Flag says on a list, and what a re-exposure rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.outputs import Wanted
from adapter.domain.times import iso_moment
from adapter.writeback.flag_text import sentences
from adapter.writeback.render import render

Make = Callable[..., Any]
NOW = datetime(2025, 3, 18, 12, 0, tzinfo=UTC)
WHOLE = (
    'Asparaginase activity <0.03 IU/mL (reported as "n. d. Repeat"), by rule D12. Read by policy CONS16 version 1. '
    "This meets the criterion for confirmed silent inactivation: a second sample shows loss (rule D13). "
    "No reaction linked to this dose."
)
SHORT = (
    'Asparaginase activity <0.03 IU/mL (reported as "n. d. Repeat"), by rule D12. '
    "This meets the criterion for confirmed silent inactivation: a second sample shows loss (rule D13)."
)


@pytest.fixture
def flagged(make: SimpleNamespace, site: dict[str, Any]) -> Make:
    """The Flags of some findings, by topic."""

    def of(*findings: Any, unlinked: tuple[Any, ...] = (), **facts: Any) -> dict[str | None, Wanted]:
        rendered = render(make.interpretation(*findings, unlinked=unlinked), make.history(**facts), **site)
        return {want.topic: want for want in rendered if want.kind == "flag"}

    return of


@pytest.fixture
def re_exposed(make: SimpleNamespace) -> Make:
    """(interpretation, history) of an established verdict and a further dose; `resulted` of the confirming sample."""

    def of(
        mechanism: str = "confirmed-silent-inactivation", *, second: str = "not-assessable", **of_sample: Any
    ) -> Any:
        early, late = make.dose(), make.dose("d2", "2025-03-17T10:00:00+00:00")
        sample, reaction = make.sample("<0.03", **of_sample), make.reaction()
        evidence = {"samples": [{"source": "play", "key": sample.key, "mechanism": mechanism}]}
        first = make.finding(mechanism, dose=early, samples=(sample,), reactions=(reaction,), evidence=evidence)
        again = make.finding(
            second,
            "no-result",
            dose=late,
            modifiers=("prior-inactivation",),
            evidence={"earlier_in_family": [{"dose": f"play|{early.key}"}]},
            monitoring="not-due",
        )
        return make.interpretation(first, again), make.history(
            doses=(early, late), samples=(sample,), reactions=(reaction,)
        )

    return of


def test_a_list_shows_the_opening_and_the_verdict_and_the_narrative_everything(
    flagged: Make, make: SimpleNamespace
) -> None:
    finding = make.finding(
        "confirmed-silent-inactivation", dose=make.dose(), sentence=WHOLE, rules=("D12", "D13", "D13")
    )
    body = flagged(finding)["inactivation"].body
    assert body["code"]["text"] == SHORT
    assert body["text"]["div"] == (
        '<div xmlns="http://www.w3.org/1999/xhtml"><p>Asparaginase inactivation: Confirmed silent inactivation.</p><p>'
        f"{WHOLE.replace('<', '&lt;').replace(chr(34), '&quot;')}</p></div>"
    )


@pytest.mark.parametrize(
    ("changes", "topic", "label"),
    [
        ({"monitoring": "sample-overdue"}, "tdm-overdue", "Asparaginase level overdue: "),
        ({"modifiers": ("unit-missing",)}, "data-check", "Asparaginase data to be checked: "),
    ],
)
def test_the_topic_leads_where_no_verdict_raised_the_flag(
    flagged: Make, make: SimpleNamespace, changes: dict[str, Any], topic: str, label: str
) -> None:
    finding = make.finding(
        "not-assessable", "indeterminate", dose=make.dose(), sentence=WHOLE, rules=("D13",), **changes
    )
    assert flagged(finding)[topic].body["code"]["text"] == label + SHORT


def test_without_a_rule_the_second_sentence_is_shown(flagged: Make, make: SimpleNamespace) -> None:
    lone = make.finding(
        "not-assessable",
        "indeterminate",
        samples=(make.sample(),),
        modifiers=("no-dose-known",),
        rules=("D1",),
        sentence="Asparaginase activity 0.05 IU/mL. No dose is known. A dose record would be read again.",
    )
    assert flagged(unlinked=(lone,))["data-check"].body["code"]["text"] == (
        "Asparaginase data to be checked: Asparaginase activity 0.05 IU/mL. No dose is known."
    )
    bare = replace(lone, rules=(), sentence="Asparaginase activity 0.05 IU/mL.")
    assert flagged(unlinked=(bare,))["data-check"].body["code"]["text"] == (
        "Asparaginase data to be checked: Asparaginase activity 0.05 IU/mL."
    )


@given(st.lists(st.sampled_from(["A level.", 'Sent as "x. Y".', "0.2 of it.", 'A "', "."]), min_size=1))
def test_cutting_a_text_into_sentences_loses_nothing(parts: list[str]) -> None:
    assert " ".join(sentences(" ".join(parts))) == " ".join(parts)


def test_a_quotation_is_never_cut() -> None:
    assert sentences('Sent as "x. Y". B.') == ['Sent as "x. Y".', "B."]
    assert sentences("0.10 IU/mL is low. 0.2 was given.") == ["0.10 IU/mL is low.", "0.2 was given."]


GIVEN_BEFORE = "The dose was given before the confirming result was known (reported {})."


@pytest.mark.parametrize(
    ("resulted", "said"),
    [
        ("2025-03-17T10:00:01+00:00", True),
        ("2025-03-17T10:00:00+00:00", False),
        ("2025-03-17", False),
        ("2025-03-18", False),
        ("2025-03-19", True),
        (None, False),
    ],
)
@pytest.mark.parametrize("mechanism", ["confirmed-silent-inactivation", "neutralizing-hypersensitivity"])
def test_a_re_exposure_before_the_confirming_result_was_known_says_so(
    re_exposed: Make, site: dict[str, Any], mechanism: str, resulted: str | None, said: bool
) -> None:
    told = re_exposed(mechanism, resulted=iso_moment(resulted) if resulted else None)
    (body,) = (want.body for want in render(*told, **site) if want.topic == "re-exposure")
    known = GIVEN_BEFORE.format(resulted)
    assert [body["code"]["text"].endswith(known), body["text"]["div"].endswith(f"{known}</p></div>")] == [said, said]


def test_nothing_is_said_of_when_a_corrected_result_was_known(re_exposed: Make, site: dict[str, Any]) -> None:
    told = re_exposed(resulted=iso_moment("2025-03-19"), status="corrected")
    (body,) = (want.body for want in render(*told, **site) if want.topic == "re-exposure")
    assert "before the confirming result" not in body["code"]["text"]


@pytest.mark.parametrize("lost", ["reaction", "sample"])
def test_a_re_exposure_whose_reason_was_withdrawn_is_retracted(
    ledger: Any, re_exposed: Make, make: SimpleNamespace, lost: str
) -> None:
    ledger.reads(*re_exposed("neutralizing-hypersensitivity"), NOW)
    interpretation, history = re_exposed("suspected-silent-inactivation")
    gone = {"reaction": make.reaction().key, "sample": make.sample().key}[lost]
    first, again = interpretation.findings
    after = (
        make.interpretation(first, replace(again, modifiers=())),
        replace(history, withdrawn=frozenset({f"play|{gone}"})),
    )
    changes = ledger.reads(*after, NOW + timedelta(days=1))
    assert ("retract", "re-exposure") in [(change.operation, change.after.topic) for change in changes]


def test_a_re_exposure_ends_with_the_level_of_its_dose(ledger: Any, re_exposed: Make, make: SimpleNamespace) -> None:
    interpretation, history = re_exposed()
    ledger.reads(interpretation, history, NOW)
    first, again = interpretation.findings
    level = make.sample("0.4", key="L9")
    judged = replace(again, exposure="adequate", mechanism="no-evidence-of-inactivation")
    after = (make.interpretation(first, judged), replace(history, samples=(*history.samples, level)))
    changes = ledger.reads(*after, NOW + timedelta(days=1))
    assert ("close", "re-exposure") in [(change.operation, change.after.topic) for change in changes]


def test_a_confirmation_brings_the_suspicion_it_rests_on_as_a_ground(make: SimpleNamespace, flagged: Make) -> None:
    doses = tuple(make.dose(f"d{day}", f"2025-03-{day:02d}T10:00:00+00:00") for day in (1, 8, 15))
    names = [{"dose": f"play|{dose.key}"} for dose in doses]
    samples = (make.sample("<0.03", key="L1"), make.sample("<0.03", key="L2"))
    findings = (
        make.finding(dose=doses[0], samples=samples[:1]),
        make.finding(
            "confirmed-silent-inactivation",
            dose=doses[1],
            samples=samples[1:],
            evidence={"earlier_in_family": names[:1]},
        ),
        make.finding(
            "not-assessable",
            "no-result",
            dose=doses[2],
            modifiers=("prior-inactivation",),
            evidence={"earlier_in_family": names[:2]},
        ),
    )
    flag = flagged(*findings, doses=doses, samples=samples)["re-exposure"]
    assert flag.grounds == (
        "play|LAB/L1/asparaginase-activity/1",
        "play|LAB/L2/asparaginase-activity/1",
        "play|MedicationAdministration/d1",
        "play|MedicationAdministration/d15",
        "play|MedicationAdministration/d8",
    )
