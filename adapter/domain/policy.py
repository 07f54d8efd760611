"""Products and dated, cited clinical policies as the rules read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

Grade = Literal["published", "secondary", "design", "unverified"]
AWAITING: tuple[Grade, ...] = ("secondary", "design", "unverified")
"""Grades of numbers a responsible clinician has to sign for before local use."""
Family = Literal["ecoli", "erwinia", "unknown"]
DecisionTable = Literal["pegylated", "native", "erwinia"]
LowMeans = Literal["loss", "below-target"]
LossWhen = Literal["below-threshold", "not-detectable"]
ConfirmedBy = Literal["two-samples", "two-doses"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A number with its unit, citation key and evidence grade."""

    value: Decimal
    unit: str
    citation: str
    grade: Grade


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What the engine must know about one asparaginase product (config/products.yaml)."""

    key: str
    label: str
    family: Family
    dose_unit: str
    """The family of units a dose is given in: `[IU]/m2`, `mg/m2`: a cross-check only."""
    residual_days: Cited
    uninterpretable_iv_h: Cited
    uninterpretable_im_h: Cited
    carryover_days: Cited
    decision_table: DecisionTable
    """Which decision table reads its levels (rulings 11 to 13)."""
    course_gap_days: Cited | None = None
    """Doses at most this far apart are one course, for which one level is due (ruling 24); None: one for each dose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePoint:
    """One sampling window of a policy, hours since the end of the dose, both ends included."""

    name: str
    target_h: Cited
    min_h: Cited
    max_h: Cited
    threshold: Cited
    low: LowMeans
    """What a detectable level below the threshold is read as here: loss of activity, or below target (normal decline
    possible, so that only a level below quantification counts as loss)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotation:
    """What somebody else is reported to say, printed as a paraphrase: the only advice a sentence may hold."""

    situation: str
    """The mechanism it stands beside."""
    statement: str
    citation: str
    route: str | None = None
    """Only beside doses of this route (`IV`, `IM`), or of an unknown one."""
    window: str | None = None
    """Only where the deciding level lies in the time point of this name."""
    from_grade: int | None = None
    """Only for reactions of this grade or more, or of an unknown one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A dated clinical policy for some products; every number cited and graded."""

    id: str
    version: str
    title: str
    products: tuple[str, ...]
    valid_from: date
    draft: bool
    hash: str
    """Content hash of the parsed policy."""
    time_points: tuple[TimePoint, ...]
    no_verdict_after: Cited
    """Hours after which a low level says nothing (360 h for pegaspargase)."""
    early_low_until: Cited | None
    """Hours up to which a low before the first window counts as loss; None: until that window opens (ruling 13)."""
    loss_when: LossWhen
    """`not-detectable`: a detectable low is never read as loss of activity, at no time."""
    band_upper: Cited | None
    confirmed_by: ConfirmedBy
    """`two-doses`: a second sample of the same dose does not confirm, only one of the next dose."""
    confirmation_gap_h: Cited
    confirmation_window_days: Cited
    reaction_link_h: Cited
    premedication_antihistamine_h: Cited
    premedication_steroid_h: Cited
    severe_grade: Cited
    partial_fraction: Cited
    """Below this fraction a dose is partial (0.5)."""
    negligible_fraction: Cited
    """Below this fraction a loss says nothing (0.1)."""
    result_overdue_h: Cited
    sample_link_days: Cited
    discordance_ratio: Cited
    near_threshold_low: Cited
    near_threshold_high: Cited
    implausible_above: Cited
    implausible_below: Cited
    quotations: tuple[Quotation, ...] = ()
    citations: tuple[tuple[str, str], ...] = ()
    """(citation key, reference text)."""
    based_on: str | None = None
    """`CONS16@1`: the policy whose numbers stand where this file gives none."""
    notes: tuple[tuple[str, str], ...] = ()
    """(place in the file, note): explanations for people, nothing depends on them."""

    def __hash__(self) -> int:
        # What is worked out from a policy is remembered by it, so its hash must cost less than that work.
        return hash((self.id, self.version, self.hash))

    @property
    def label(self) -> str:
        """`CONS16@1`"""
        return f"{self.id}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """Everything the rules need to know beside the patient's history."""

    products: dict[str, Product]
    policies: tuple[Policy, ...]
    """All versions of all policies in force; the rules pick by product and start of the dose."""
    chosen: dict[str, str]
    """Product key -> policy id (the defaults of CONTRACTS 3, as replaced by `--policy`)."""

    def policy_for(self, product: str, on: date) -> Policy | None:
        """The version in force on a date, or None: no policy means no verdict."""
        chosen = self.chosen.get(product)
        versions = [p for p in self.policies if p.id == chosen and product in p.products and p.valid_from <= on]
        return max(versions, key=lambda p: (p.valid_from, p.version), default=None)
