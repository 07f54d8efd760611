"""A message of a possible wrong patient is taken by a release from the work list, and by no other reading."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import hospital
import pytest
import structlog
from kept_store import KeptStore

from adapter.cli import main

DEMO = Path(__file__).parents[2] / "mappings" / "demo" / "tables"
SITE = "store: store\nmappings: [site]\nsources:\n- name: default\n  zone: UTC\nsenders:\n- match: HOSPLAB|*\n"


@pytest.fixture(autouse=True)
def _logs_of_this_test_alone():
    """The command has logs written to the stderr of its process, which here is captured and closed after the test."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def site(tmp_path):
    """A level that is fine, and one under the same number with another name and another day of birth."""
    store = KeptStore(tmp_path / "store", "hospital")
    store.hl7(hospital.oru("W1"))
    other = hospital.oru("W2", filler="F2").replace(b"ZZTEST^INVENTED||20180504", b"ZZOTHER^X||20110930")
    store.hl7(other)
    store.close()
    shutil.copytree(DEMO, tmp_path / "site" / "tables")
    (tmp_path / "site.yaml").write_text(SITE)
    return tmp_path / "site.yaml"


def tree(capsys, *words):
    code = main([*map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_it_is_released_by_a_person_and_by_no_other_reading(site, capsys):
    reading = ("replay", "--config", site, "--control-id", "W2", "--because", "to see", "--apply")
    code, replayed = tree(capsys, *reading)
    assert (code, replayed["waiting"], replayed["facts"]) == (1, 1, {"new": 0, "gone": 0})
    _, listed = tree(capsys, "worklist", "list", "--config", site)
    assert [(one["place"], one["reason"]) for one in listed["messages"]] == [("inbox/2", "possible-wrong-patient")]
    code, result = tree(capsys, "worklist", "release", "inbox/2", "--config", site, "--because", "the ward was asked")
    assert (code, result["messages"][0]["facts"]) == (0, ["ActivityMeasured"])
    _, listed = tree(capsys, "worklist", "list", "--config", site)
    assert listed["messages"] == []
    code, replayed = tree(capsys, *reading)
    assert (code, replayed["waiting"]) == (0, 0)


def test_the_list_names_it_among_none_that_tables_release_and_says_who_does(site, capsys):
    _, listed = tree(capsys, "worklist", "list", "--config", site)
    assert [one["readable_now"] for one in listed["messages"]] == [False]
    assert main(["worklist", "list", "--config", str(site)]) == 1
    page = capsys.readouterr().out
    assert "release them" not in page
    assert "can be read now" not in page
    assert "Only a person's answer releases these" in page
    main(["worklist", "show", "inbox/2", "--config", str(site)])
    assert "no table decides it: a person who knows the patient releases it" in capsys.readouterr().out
