"""Which strategy a server is written by, from what it says and what it has refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapter.pipeline.strategy import LADDER, Abilities, Able, Known, Plan, abilities_in
from adapter.transport.fhir_failures import Permanent, Transient

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


def statement(*rows, interaction=None):
    rest = {"mode": "server", "resource": list(rows)}
    if interaction is not None:
        rest["interaction"] = [{"code": code} for code in interaction]
    return {"resourceType": "CapabilityStatement", "rest": [{"mode": "client"}, rest]}


def row(*codes, **more):
    return {"type": "Flag", "interaction": [{"code": code} for code in codes], **more}


@pytest.mark.parametrize(
    ("said", "offered"),
    [
        (row("create", "update", updateCreate=True, conditionalUpdate=True, conditionalCreate=True), LADDER),
        (row("create", "update", updateCreate=True), ("update-as-create", "search-first")),
        (row("create", "update", conditionalUpdate=True), ("update-as-create", "conditional-update", "search-first")),
        (row("create", "update", updateCreate=False, conditionalUpdate=True), ("conditional-update", "search-first")),
        (row("create", conditionalCreate=True, conditionalUpdate=True), ("conditional-create", "search-first")),
        (row("create", "update", updateCreate=False), ("search-first",)),
        (row("create", "update"), ("update-as-create", "search-first")),
        (row("update"), ("update-as-create",)),
        (row("update", updateCreate=False, conditionalUpdate=True), ("conditional-update",)),
        (row("update", updateCreate=False), ()),
        (row("read", "search-type"), ()),
        (row("read", updateCreate=True, conditionalCreate=True), ()),
    ],
)
def test_what_a_statement_offers_is_taken_at_its_word(said, offered):
    assert abilities_in(statement(said)).of("Flag").offered == offered


@pytest.mark.parametrize(
    ("interaction", "transaction"),
    [(["transaction"], True), (["batch"], False), ([], True), (None, True)],
)
def test_a_transaction_is_tried_unless_the_server_names_other_things_only(interaction, transaction):
    assert abilities_in(statement(row("create"), interaction=interaction)).transaction is transaction


@pytest.mark.parametrize(
    ("versioning", "guards"), [("versioned-update", True), ("versioned", False), ("no-version", False), (None, False)]
)
def test_only_a_server_that_checks_versions_guards_an_update(versioning, guards):
    said = row("update") if versioning is None else row("update", versioning=versioning)
    assert abilities_in(statement(said)).of("Flag").guards_versions is guards


def test_a_type_that_is_not_named_is_not_taken_and_a_server_that_names_none_is_tried():
    assert abilities_in(statement(row("create"))).of("Provenance") == Able(offered=())
    assert abilities_in(statement()).of("Provenance") == Able(offered=LADDER)
    assert abilities_in({"resourceType": "CapabilityStatement"}) == Abilities()


@pytest.mark.parametrize(
    ("said", "strategy", "refused"),
    [(True, "update-as-create", False), (None, "update-as-create", True), (None, "search-first", False)],
)
def test_a_first_put_refused_with_400_may_mean_the_id_where_the_server_promised_nothing(said, strategy, refused):
    more = {} if said is None else {"updateCreate": said}
    able = Plan(abilities=abilities_in(statement(row("create", "update", **more))), choice="auto")
    assert (400 in able.refusals(strategy, "Flag")) is refused
    assert {404, 405, 501} <= able.refusals(strategy, "Flag")
    assert not {403, 409, 410, 412, 422} & able.refusals(strategy, "Flag")


def plan(*offered, choice="auto", **remembered):
    return Plan(abilities=Abilities(types={"Flag": Able(offered=offered)}), choice=choice, remembered=remembered)


def test_the_best_strategy_offered_is_taken_unless_it_was_refused_before():
    assert plan(*LADDER).strategy_of("Flag") == "update-as-create"
    assert plan(*LADDER, Flag="conditional-create").strategy_of("Flag") == "conditional-create"
    assert plan("update-as-create", "search-first", Flag="conditional-update").strategy_of("Flag") == "search-first"
    assert plan("update-as-create", Flag="search-first").strategy_of("Flag") == "update-as-create"
    assert plan(*LADDER, Observation="search-first").strategy_of("Flag") == "update-as-create"
    assert plan(*LADDER, Flag="a word of another version").strategy_of("Flag") == "update-as-create"
    assert plan().strategy_of("Flag") is None


def test_a_strategy_a_person_chose_is_taken_whatever_is_offered_and_has_none_below():
    chosen = plan("update-as-create", "search-first", choice="conditional-create", Flag="search-first")
    assert chosen.strategy_of("Flag") == "conditional-create"
    assert chosen.below("conditional-create", "Flag") is None


def test_below_a_refused_strategy_is_the_next_one_offered():
    offered = plan("update-as-create", "conditional-create", "search-first")
    assert offered.below("update-as-create", "Flag") == "conditional-create"
    assert offered.below("conditional-create", "Flag") == "search-first"
    assert offered.below("search-first", "Flag") is None


class Server:
    def __init__(self, *answers):
        self.answers = list(answers)

    def capabilities(self):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_server_is_asked_again_after_an_hour():
    known, server = Known(), Server(statement(row("create")), statement(row("update", updateCreate=True)))
    first = known.of(server, NOW)
    assert known.of(server, NOW + timedelta(minutes=59, seconds=59)) is first
    assert known.of(server, NOW + timedelta(hours=1)).of("Flag").offered == ("update-as-create",)


def test_a_server_that_does_not_tell_any_more_keeps_what_it_told():
    known, server = Known(), Server(Permanent(404, "gone"), statement(row("create")), Permanent(404, "gone"))
    assert known.of(server, NOW) == Abilities()
    told = known.of(server, NOW + timedelta(hours=1))
    assert told.of("Flag").offered == ("search-first",)
    assert known.of(server, NOW + timedelta(hours=2)) == told


def test_a_server_that_is_away_is_asked_at_the_next_delivery():
    known, server = Known(), Server(Transient("away"), statement(row("create")))
    with pytest.raises(Transient):
        known.of(server, NOW)
    assert known.of(server, NOW).of("Flag").offered == ("search-first",)
