"""`troughline deliveries`: what is held back, one of them, and sending it again alone and beside the service."""

from __future__ import annotations

import json
import re
from contextlib import closing
from datetime import UTC, datetime

import hospital
import pytest
from fhir_server import FhirServer
from kept_store import stored
from running_service import eventually

from adapter.cli import main
from adapter.domain.message import Outcome
from adapter.store.state_reader import SqliteStateReader

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REASONS = ("422: invalid", "403: forbidden", "foreign-edit", "410: deleted-on-target")


def held_back(kept):
    for resource in (hospital.patient(), hospital.dose(), hospital.reaction()):
        kept.fhir(resource)
    kept.hl7(hospital.oru("S1", value="<0.03"))
    rows = kept.state.due("hospital", NOW, 10)
    kept.state.settle(
        [
            *(Outcome(row=row, state="parked", reason=why) for row, why in zip(rows, REASONS, strict=False)),
            *(Outcome(row=row, state="confirmed", remote_id=row.id) for row in rows[len(REASONS) :]),
        ]
    )


@pytest.fixture
def store(tmp_path):
    return stored(tmp_path / "store", held_back, "hospital")


@pytest.fixture
def run(store, capsys):
    def begin(*words):
        code = main(["deliveries", *words, "--store", str(store)])
        return code, capsys.readouterr()

    return begin


def listed(run, *words):
    return {one["reason"]: one for one in json.loads(run("list", *words, "--json")[1].out)["resources"]}


def test_everything_held_back_is_listed_by_target_and_reason(run):
    code, told = run("list")
    assert code == 1
    for reason in REASONS:
        assert f"hospital, {reason}: 1, the longest for " in told.out
    assert told.out.count("stays as it is: somebody") == 2
    assert set(listed(run)) == set(REASONS)
    assert set(listed(run, "--reason", "403")) == {"403: forbidden"}
    assert set(listed(run, "--target", "hospital")) == set(REASONS)


@pytest.mark.parametrize("action", [("list",), ("retry", "--because", "mended")])
def test_a_target_nobody_has_is_told_with_those_there_are(run, action):
    code, told = run(*action, "--target", "hospitel")
    assert (code, told.out) == (2, "")
    assert "There is no target 'hospitel'; did you mean 'hospital'? Known: hospital;" in told.err


def test_one_is_shown_with_what_was_said_and_who_had_it_sent_again(run):
    one = listed(run)["422: invalid"]
    code, told = run("show", one["resource"])
    assert code == 0
    assert "hospital: parked" in told.out
    assert "it was said: 422: invalid" in told.out
    run("retry", "--id", one["resource"], "--because", "mended there")
    told = run("show", one["resource"].partition("/")[2])[1]
    assert "hospital: pending" in told.out
    assert "sent again, asked by" in told.out
    assert "because: mended there" in told.out
    tree = json.loads(run("show", one["resource"], "--json")[1].out)
    assert [line["because"] for line in tree["history"]] == ["mended there"]


def test_what_nobody_is_owed_is_told(run):
    code, told = run("show", "Flag/none")
    assert code == 1
    assert "No target is owed" in told.err
    wrong = listed(run)["422: invalid"]["resource"].partition("/")[2]
    assert run("show", f"Patient/{wrong}")[0] == 1


def test_a_retry_owes_what_may_be_and_names_what_stays(run):
    code, told = run("retry", "--because", "scope granted")
    assert code == 1
    assert "2 owed again" in told.out
    assert "what a person wrote is not overwritten" in told.out
    assert "it is not brought back" in told.out
    assert set(listed(run)) == {"foreign-edit", "410: deleted-on-target"}
    code, told = run("retry", "--reason", "403", "--because", "again")
    assert code == 1
    assert "No target holds back what fits" in told.err


def test_all_that_is_asked_may_be_sent_again(run):
    code, told = run("retry", "--target", "hospital", "--reason", "403", "--because", "scope granted", "--json")
    assert code == 0
    tree = json.loads(told.out)
    assert (len(tree["retried"]), tree["refused"], tree["because"]) == (1, [], "scope granted")


@pytest.mark.parametrize("words", [("retry",), ("retry", "--because", " "), ()])
def test_a_reason_has_to_be_given(run, words):
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code == 2


def test_nothing_of_a_patient_is_told(run):
    one = listed(run)["422: invalid"]["resource"]
    for words in (("list",), ("list", "--json"), ("show", one), ("show", one, "--json"), ("retry", "--because", "x")):
        told = run(*words)[1]
        assert not re.search("zztest|900001", told.out + told.err, re.IGNORECASE)


def test_a_folder_that_is_no_store_is_told(tmp_path, capsys):
    assert main(["deliveries", "list", "--store", str(tmp_path)]) == 2
    assert "holds no store" in capsys.readouterr().err
    assert main(["deliveries", "list"]) == 2


@pytest.mark.slow
@pytest.mark.loopback
def test_beside_the_service_it_is_sent_at_once_and_a_persons_edit_stays(start, capsys):
    target = FhirServer(transaction=False)
    refusing = True
    target.current["Patient/p900001"] = hospital.patient()
    target.fail = lambda method, path: (422, None, {}) if refusing and method == "PUT" and "/Flag/" in path else None
    try:
        service = start("--fhir", target.url)
        for resource in (hospital.patient(), hospital.dose(), hospital.reaction()):
            assert service.post(resource).ok

        def held():
            with closing(SqliteStateReader(service.store / "state.db")) as state:
                return state.parked_deliveries()

        eventually(held)
        refusing = False
        ask = ["deliveries", "retry", "--reason", "422", "--because", "mended", "--store", str(service.store)]
        assert main(ask) == 0
        eventually(lambda: not held() and any(name.startswith("Flag/") for name in target.current))
        written = [name for name, _ in target.history if name.startswith("Flag/")]
        assert len(written) == len(set(written))
        assert main(ask) == 1
        assert "No target holds back what fits" in capsys.readouterr().err
    finally:
        target.close()
