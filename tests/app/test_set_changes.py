"""What changed between two sets is told in the words of the people who own the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adapter.app.parts import Instructions, read_everything
from adapter.app.set_changes import NAMED, changes
from adapter.app.versions import policies_hash, versions_of
from adapter.knowledge.shipped import shipped

HEADER = "sender,code,system,target,label,note"


def loaded(*overlays: Path, policies=()):
    found, faults = read_everything(
        Instructions(mappings=tuple(map(str, overlays)), policies=tuple(policies)), thorough=False
    )
    assert faults == []
    return found


@pytest.fixture
def site(tmp_path):
    """Writes an overlay with one table and gives its folder."""

    def write(name, *rows, table="activity_tests"):
        folder = tmp_path / name / "tables"
        folder.mkdir(parents=True)
        (folder / f"{table}.csv").write_text("\n".join((HEADER, *rows)) + "\n")
        return folder.parent

    return write


def test_the_same_set_has_no_changes():
    assert changes(loaded(), loaded()) == ()


def test_rows_are_told_by_their_codes(site):
    before = site("before", ",A1,L,asparaginase-activity,,", ",A2,L,asparaginase-activity,,", ",A3,L,not ours,,")
    after = site("after", ",A2,L,not ours,,", ",A3,L,not ours,,", ",A4,L,asparaginase-activity,,")
    assert changes(loaded(before), loaded(after)) == ("table activity_tests: added A4; removed A1; changed A2",)


@pytest.mark.parametrize(("rows", "more"), [(NAMED, ""), (NAMED + 1, " and 1 more")])
def test_of_many_rows_the_first_are_named(site, rows, more):
    after = site("after", *(f",C{number},L,not ours,," for number in range(rows)))
    named = ", ".join(f"C{number}" for number in range(NAMED))
    assert changes(loaded(), loaded(after)) == (f"table activity_tests: added {named}{more}",)


def test_a_mapping_is_told_when_it_says_something_else_and_not_when_a_comment_moves_it(tmp_path):
    shown = (shipped("mappings") / "v2" / "oru_activity.yaml").read_text()
    for name, text in (("moved", "# a comment\n" + shown), ("new", shown.replace("version: ", "version: 9"))):
        (tmp_path / name / "v2").mkdir(parents=True)
        (tmp_path / name / "v2" / "oru_activity.yaml").write_text(text)
    moved, new = loaded(tmp_path / "moved"), loaded(tmp_path / "new")
    assert versions_of(moved) == versions_of(loaded())
    assert changes(loaded(), moved) == ()
    assert versions_of(new) != versions_of(moved)
    (line,) = changes(moved, new)
    assert line.startswith("mapping ")
    assert line.endswith(" changed")


def test_another_choice_of_policy_is_told_for_its_product():
    assert changes(loaded(), loaded(policies=["COLO"])) == ("pegaspargase is read by COLO, before by CONS16",)


def test_policies_products_and_choices_each_make_another_hash():
    book = loaded().rulebook
    policy, product = book.policies[0], book.products["pegaspargase"]
    others = (
        replace(book, policies=(replace(policy, hash="0"), *book.policies[1:])),
        replace(book, policies=book.policies[1:]),
        replace(book, products={**book.products, "pegaspargase": replace(product, family="unknown")}),
        replace(book, chosen={**book.chosen, "pegaspargase": "COLO"}),
    )
    assert len({policies_hash(one) for one in (book, *others)}) == 5
    assert policies_hash(replace(book, policies=tuple(reversed(book.policies)))) == policies_hash(book)
