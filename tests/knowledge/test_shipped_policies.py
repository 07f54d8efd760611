"""The policies that are shipped: each number cited and graded, none unverified in use, no part lost unseen."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from never_list import forbidden
from policy_texts import Deletion, deletions

from adapter.domain.findings import MECHANISMS
from adapter.domain.policy import Policy
from adapter.knowledge.policies import load_rulebook, read_config
from adapter.knowledge.policy_bases import read_policies
from adapter.knowledge.policy_files import PARAPHRASE, PolicyFile
from adapter.knowledge.policy_numbers import numbers_of
from adapter.knowledge.product_file import read_products
from adapter.knowledge.shipped import shipped
from adapter.knowledge.text_yaml import Document, Fault, read_yaml

CONFIG, FAULTS = read_config()
FILES = {file.policy.id: file for file in CONFIG.files}
DRAFTS = {"ALLT1", "ITA-ADULT", "SPECTRILA"}
PRODUCTS = "products.yaml"
EVERY_FILE = [PRODUCTS, *(f"policies/{path.name}" for path in sorted((shipped("config") / "policies").iterdir()))]


def windows(policy: Policy) -> list[tuple[str, ...]]:
    parts = ("min_h", "target_h", "max_h", "threshold")
    return [
        (point.name, *(str(getattr(point, part).value) for part in parts), point.low) for point in policy.time_points
    ]


def test_the_shipped_files_are_without_faults_and_warnings():
    assert FAULTS == []


def test_each_product_with_a_known_origin_has_its_default_policy():
    book, _ = load_rulebook()
    assert book is not None
    assert book.chosen == {
        "pegaspargase": "CONS16",
        "calaspargase": "CALA-LABEL",
        "native-ecoli": "NATIVE72",
        "crisantaspase": "ERW48",
        "recombinant-crisantaspase": "ERW48",
    }


@pytest.mark.parametrize(
    ("identifier", "points", "no_verdict_after", "early_low_until"),
    [
        (
            "CONS16",
            [
                ("day 7", "144", "168", "192", "0.10", "loss"),
                ("day 14", "312", "336", "360", "0.10", "below-target"),
            ],
            "360",
            None,
        ),
        ("CALA-LABEL", [("nadir, day 21", "432", "504", "528", "0.10", "below-target")], "528", "192"),
        (
            "ERW48",
            [("48 h", "42", "48", "58", "0.10", "below-target"), ("72 h", "60", "72", "78", "0.10", "below-target")],
            "78",
            None,
        ),
        ("NATIVE72", [("day 3", "60", "72", "78", "0.10", "below-target")], "78", None),
        ("NOPHO08", [("day 14", "288", "336", "384", "0.10", "below-target")], "384", None),
        ("DCOG11", [("trough, day 14", "312", "336", "360", "0.10", "below-target")], "360", "192"),
        ("DFCI11", [("nadir, day 14", "312", "336", "360", "0.10", "below-target")], "360", None),
        ("DFCI11-CALA", [("nadir, day 21", "480", "504", "528", "0.10", "below-target")], "528", "192"),
        (
            "CHOC",
            [("day 7", "144", "168", "192", "0.10", "loss"), ("day 14", "312", "336", "360", "0.02", "loss")],
            "360",
            None,
        ),
        (
            "COLO",
            [("day 7", "120", "168", "216", "0.10", "loss"), ("day 14", "288", "336", "384", "0.10", "below-target")],
            "384",
            None,
        ),
        (
            "COLO-CALA",
            [("day 7", "120", "168", "216", "0.10", "loss"), ("day 14", "288", "336", "384", "0.10", "below-target")],
            "528",
            "120",
        ),
        (
            "BFM95",
            [("day 14", "240", "336", "336", "0.10", "below-target")],
            "360",
            "192",
        ),
        ("JHU", [("day 7", "144", "168", "192", "0.10", "loss")], "360", None),
        ("ITA-ADULT", [("day 7", "144", "168", "192", "0.10", "loss")], "360", None),
        ("SPECTRILA", [("day 3", "60", "72", "78", "0.10", "below-target")], "78", None),
    ],
)
def test_a_policy_has_the_windows_of_the_rulebook(
    identifier: str, points: list[tuple[str, ...]], no_verdict_after: str, early_low_until: str | None
):
    policy = FILES[identifier].policy
    assert windows(policy) == points
    assert str(policy.no_verdict_after.value) == no_verdict_after
    assert (str(policy.early_low_until.value) if policy.early_low_until else None) == early_low_until


@pytest.mark.parametrize(
    ("same", "identifiers"), [("CONS16", ("AIEOP09", "ALLT1", "INFANT")), ("ERW48", ("ENRYLAZE", "ERW-US"))]
)
def test_these_policies_share_their_windows(same: str, identifiers: tuple[str, ...]):
    assert [windows(FILES[identifier].policy) for identifier in identifiers] == [windows(FILES[same].policy)] * len(
        identifiers
    )


def test_two_policies_have_a_band_and_three_read_detectable_lows_never_as_loss():
    bands = {f.policy.id: f.policy.band_upper.value for f in CONFIG.files if f.policy.band_upper}
    assert bands == {"DCOG11": Decimal("0.25"), "NOPHO08": Decimal("0.249")}
    assert {i for i, f in FILES.items() if f.policy.loss_when == "not-detectable"} == {
        "NOPHO08",
        "DFCI11",
        "DFCI11-CALA",
    }
    assert {i for i, f in FILES.items() if f.policy.confirmed_by == "two-doses"} == {"DFCI11", "DFCI11-CALA"}


@pytest.mark.parametrize("file", CONFIG.files, ids=lambda file: file.policy.id)
def test_every_number_has_a_grade_and_a_reference_text(file: PolicyFile):
    texts = dict(file.policy.citations)
    numbers = list(numbers_of(file.policy))
    assert len({place for place, _ in numbers}) == len(numbers) >= 20
    for place, number in numbers:
        assert len(texts[number.citation]) > 10, place
        assert (number.citation == "PROJECT") <= (number.grade in ("design", "unverified")), place
        assert (number.grade == "design") <= (number.citation == "PROJECT"), place


@pytest.mark.parametrize("file", CONFIG.files, ids=lambda file: file.policy.id)
def test_only_a_draft_has_a_number_nobody_verified(file: PolicyFile):
    unverified = [place for place, number in numbers_of(file.policy) if number.grade == "unverified"]
    assert file.policy.draft is bool(unverified) is (file.policy.id in DRAFTS)
    assert all("threshold" in place or file.policy.id == "ALLT1" for place in unverified)


@pytest.mark.parametrize("file", CONFIG.files, ids=lambda file: file.policy.id)
def test_a_paraphrase_names_others_and_neither_advises_nor_promises(file: PolicyFile):
    texts = dict(file.policy.citations)
    assert forbidden(one.statement for one in file.policy.quotations) == []
    for one in file.policy.quotations:
        assert one.situation in MECHANISMS
        assert PARAPHRASE in one.statement
        assert one.citation in texts
        assert not one.statement.endswith(".")


def test_the_stop_rule_of_the_label_stands_in_every_policy_of_a_product_that_has_one():
    labels = {
        "pegaspargase": "ONCASPAR-US",
        "calaspargase": "ASPARLAS-US",
        "recombinant-crisantaspase": "RYLAZE-US",
    }
    for file in CONFIG.files:
        cited = {one.citation for one in file.policy.quotations if one.situation.startswith("severe-reaction")}
        assert {labels[product] for product in file.policy.products if product in labels} <= cited, file.policy.id


def test_one_source_has_one_text_in_all_files():
    pairs = {pair for file in CONFIG.files for pair in file.policy.citations}
    assert len({key for key, _ in pairs}) == len(pairs)


def test_the_doses_of_2025_are_read_by_every_policy():
    assert {file.policy.valid_from.year < 2025 for file in CONFIG.files} == {True}
    assert {(file.policy.valid_from.month, file.policy.valid_from.day) for file in CONFIG.files} == {(1, 1)}


def checked(name: str, text: str) -> list[Fault]:
    """The faults of one shipped file when this text stands in it."""
    document, faults = read_yaml(text, name)
    if document is None:
        return faults
    if name == PRODUCTS:
        return read_products(document)[1]
    return read_policies([*bases_of(document), document], CONFIG.products)[1]


def bases_of(document: Document) -> list[Document]:
    """The files a shipped file rests on."""
    assert isinstance(document.data, dict)
    found = [file for file in CONFIG.files if file.policy.label == document.data.get("based_on")]
    return [*(one for file in found for one in bases_of(file.document)), *(file.document for file in found)]


@pytest.mark.parametrize("name", EVERY_FILE)
def test_no_value_unit_source_or_grade_can_be_lost_without_being_told_where(name: str):
    text = (shipped("config") / name).read_text(encoding="utf-8")
    assert checked(name, text) == []
    tried = list(deletions(text, name))
    assert len(tried) >= 4 * 4
    assert [spoiled.what for spoiled in tried if not told_where(name, spoiled)] == []


def told_where(name: str, spoiled: Deletion) -> bool:
    found = {fault.line for fault in checked(name, spoiled.text) if (fault.file, fault.severity) == (name, "error")}
    return found == set(spoiled.lines)


def test_a_loss_in_an_overlay_is_told_by_its_own_file(tmp_path: Path):
    site = tmp_path / "site"
    (site / "policies").mkdir(parents=True)
    text = (shipped("config") / "policies" / "erw48.yaml").read_text()
    spoiled = next(iter(deletions(text, "erw48.yaml")))
    (site / "policies" / "erw48.yaml").write_text(spoiled.text)
    (fault, *others) = read_config(overlays=[site])[1]
    assert (fault.file, (fault.line,)) == (f"{site.as_posix()}/policies/erw48.yaml", spoiled.lines)
    assert {other.text for other in others} == {"it is based on ERW48@1, which cannot be read itself"}
