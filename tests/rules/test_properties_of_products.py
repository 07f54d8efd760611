"""What holds for one level after one dose, whatever the product, the policy, the route and the part given."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

LOST = {
    "suspected-silent-inactivation",
    "confirmed-silent-inactivation",
    "suspected-neutralizing-hypersensitivity",
    "neutralizing-hypersensitivity",
}
HOURS = st.decimals("0.1", "1000", places=1)
VALUES = st.decimals("0.001", "4.9", places=3)


@pytest.fixture(scope="session")
def settings_of(rulebook):
    """Every product with every policy that is in force for it, as (product, rule book)."""
    return [
        (product, replace(rulebook, chosen={**rulebook.chosen, product: policy.id}))
        for policy in rulebook.policies
        for product in policy.products
    ]


@pytest.fixture(scope="session")
def situations(settings_of):
    """A product under one of its policies, with a route, a part of the dose, and a reaction or none."""
    parts = ({}, {}, {"amount": Decimal(500), "ordered_amount": Decimal(2500)}, {"status": "stopped", "amount": None})
    return st.tuples(
        st.sampled_from(settings_of),
        st.sampled_from(("IV", "IM", None)),
        st.sampled_from(parts),
        st.sampled_from((None, None, 2, 3)),
    )


@pytest.fixture(scope="session")
def reading(story, after):
    """Read one level after one dose."""

    def read(situation, hours, value):
        (product, book), route, part, grade = situation
        told = story(book).dose(product=product, route=route, **part).level(after(hours), value)
        return (told.reaction(grade=grade, product=product) if grade else told).only("2025-06-01T00:00Z")

    return read


def text(number):
    return format(number, "f")


@given(data=st.data(), hours=HOURS, low=VALUES, more=VALUES)
def test_raising_the_only_value_never_takes_adequacy_away(situations, reading, data, hours, low, more):
    situation = data.draw(situations)
    exposure = reading(situation, hours, text(low)).exposure
    raised = reading(situation, hours, text(min(low + more, Decimal("4.9")))).exposure
    if exposure in ("adequate", "above-band"):
        assert raised in ("adequate", "above-band")
    if exposure != "inadequate":
        assert raised != "inadequate"


@given(data=st.data(), hours=HOURS, low=VALUES, more=VALUES)
def test_raising_the_only_value_never_makes_a_loss(situations, reading, data, hours, low, more):
    situation = data.draw(situations)
    if reading(situation, hours, text(low)).mechanism not in LOST:
        assert reading(situation, hours, text(min(low + more, Decimal("4.9")))).mechanism not in LOST


@given(data=st.data(), hours=HOURS, limit=VALUES, sign=st.sampled_from(("<", "<=")))
def test_an_upper_limit_never_proves_adequacy_of_any_product(situations, reading, data, hours, limit, sign):
    finding = reading(data.draw(situations), hours, f"{sign}{limit:f}")
    assert finding.exposure not in ("adequate", "above-band")
    assert finding.mechanism not in ("no-evidence-of-inactivation", "reaction-activity-preserved")


@given(data=st.data(), hours=HOURS, limit=VALUES, sign=st.sampled_from((">", ">=")))
def test_a_lower_limit_never_proves_a_loss_of_any_product(situations, reading, data, hours, limit, sign):
    finding = reading(data.draw(situations), hours, f"{sign}{limit:f}")
    assert finding.exposure != "inadequate"
    assert finding.mechanism not in LOST


@given(data=st.data(), hours=HOURS, later=HOURS, value=VALUES)
def test_a_good_level_is_as_good_when_it_is_taken_later(situations, reading, data, hours, later, value):
    situation = data.draw(situations)
    if reading(situation, hours, text(value)).exposure in ("adequate", "above-band"):
        assert reading(situation, max(hours, later), text(value)).exposure in ("adequate", "above-band")


@given(data=st.data(), hours=HOURS, earlier=HOURS, value=st.sampled_from(("0.06", "<0.1", "<0.03", "ND")))
def test_a_loss_is_a_loss_when_it_is_seen_earlier(situations, reading, data, hours, earlier, value):
    """As soon as a low can be read at all: by any route that is 120 h after a pegylated product, 24 h after others."""
    situation = data.draw(situations)
    (product, _), *_ = situation
    readable = Decimal(120) if product in ("pegaspargase", "calaspargase") else Decimal(24)
    assume(earlier >= readable)
    if hours >= readable and reading(situation, hours, value).mechanism in LOST:
        assert reading(situation, min(hours, earlier), value).mechanism in LOST


@given(data=st.data(), hours=HOURS, value=VALUES)
def test_one_level_never_confirms_and_no_partial_dose_is_called_inactivated(situations, reading, data, hours, value):
    situation = data.draw(situations)
    finding = reading(situation, hours, text(value))
    assert finding.mechanism != "confirmed-silent-inactivation"
    if situation[2]:
        assert finding.mechanism not in ("suspected-silent-inactivation", "neutralizing-hypersensitivity")


@given(data=st.data(), hours=HOURS, value=VALUES)
def test_a_reaction_or_its_absence_never_changes_whether_the_threshold_was_reached(
    situations, reading, data, hours, value
):
    setting, route, part, _ = data.draw(situations)
    silent = reading((setting, route, part, None), hours, text(value))
    reacted = reading((setting, route, part, 2), hours, text(value))
    good = ("adequate", "above-band")
    assert (silent.exposure in good) is (reacted.exposure in good)
    assert (silent.mechanism in LOST) <= (reacted.mechanism in LOST)


@given(data=st.data(), hours=HOURS, value=VALUES, days=st.integers(0, 400))
def test_waiting_changes_no_verdict_of_any_product(situations, story, after, data, hours, value, days):
    (product, book), route, part, grade = data.draw(situations)
    told = story(book).dose(product=product, route=route, **part).level(after(hours), text(value))
    told = told.reaction(grade=grade, product=product) if grade else told
    now, then = told.only(after(hours)), told.only(after(hours + 24 * days))
    assert (now.exposure, now.mechanism, now.modifiers) == (then.exposure, then.mechanism, then.modifiers)
    assert now.rules[0] == then.rules[0]
