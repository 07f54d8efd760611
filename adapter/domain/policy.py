"""Products and dated, cited clinical policies as the rules read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

Grade = Literal["published", "secondary", "design", "unverified"]
Family = Literal["ecoli", "erwinia", "unknown"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePoint:
    """One sampling window of a policy, hours since the end of the dose, both ends included."""

    name: str
    target_h: Cited
    min_h: Cited
    max_h: Cited
    threshold: Cited
    role: str
    """`exposure`, `inactivation` or `exposure+inactivation`."""


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
    band_upper: Cited | None
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
    quotations: tuple[tuple[str, str, str], ...] = ()
    """(situation, quoted statement, citation key): the only advice a sentence may hold, as a quotation."""
    citations: tuple[tuple[str, str], ...] = ()
    """(citation key, reference text)."""

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
