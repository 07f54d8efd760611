"""The running service prunes by itself, answers as before, and refuses to build a state with gaps."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import hospital
import pytest
from kept_store import KeptStore
from running_service import Laboratory, code_of, command, eventually, refused

from adapter.store.prunable import emptied, prunes
from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.state_reader import SqliteStateReader

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(120)]

DAY = timedelta(days=1)
SITE = "housekeeping_s: 1\narchive_days: 90\nread_messages_days: 90\n"


@pytest.fixture
def folder(tmp_path):
    """A level, its dose and two headers of a year ago, one header of ten days ago and one of today."""
    store = KeptStore(tmp_path / "store")
    now = datetime.now(UTC)
    store.now = now - 365 * DAY
    store.fhir(hospital.patient())
    store.fhir(hospital.dose())
    store.hl7(hospital.oru("A1"))
    store.hl7(hospital.oru("A2", filler="F2", authority="ELSEWHERE"), answer="AE")
    store.irrelevant("K1")
    store.irrelevant("K2")
    store.now = now - 10 * DAY
    store.irrelevant("K3")
    store.now = now - timedelta(minutes=5)
    store.irrelevant("K4")
    return store.close()


@pytest.fixture
def site(tmp_path):
    config = tmp_path / "site.yaml"
    config.write_text(SITE)
    return str(config)


def headers(folder):
    with closing(SqliteInboxReader(folder / "inbox.db", "inbox")) as inbox:
        return [header.control_id for header in inbox.irrelevant(9)]


def findings(folder):
    with closing(SqliteStateReader(folder / "state.db")) as state:
        return state.findings()


def test_a_running_service_prunes_what_is_old_and_knows_what_it_has_seen(start, folder, site):
    before = findings(folder)
    service = start("--config", site, store=folder)
    eventually(lambda: 'troughline_pruned_total{kind="read"} 1.0' in service.get("/metrics").text)
    assert 'troughline_pruned_total{kind="headers"} 2.0' in service.get("/metrics").text
    assert headers(folder) == ["K4", "K3"]
    with Laboratory(service.mllp) as laboratory:
        assert [code_of(laboratory.send(raw)) for raw in (hospital.oru("A1"), hospital.everyday("K1"))] == ["AA", "AA"]
    with closing(SqliteInboxReader(folder / "inbox.db", "inbox")) as inbox:
        assert (emptied(inbox, [1, 2]), inbox.last_seq()) == ({1}, 2)
        (line,) = prunes(inbox, 9)
    assert (line.line.by, dict(line.counts)) == ("service", {"headers": 2, "read": 1})
    eventually(lambda: len([one for one in service.logged() if one["event"] == "pruned"]) == 2)
    assert {(one["kind"], one["count"], one["inbox"]) for one in service.logged() if one["event"] == "pruned"} == {
        ("headers", 2, "inbox"),
        ("read", 1, "inbox"),
    }
    assert service.stop() == 0
    assert findings(folder) == before


def test_a_state_lost_beside_pruned_bytes_is_not_built_anew_until_it_is_restored(start, folder, site):
    service = start("--config", site, store=folder)
    with_bytes = folder.parent / "backup.db"
    eventually(lambda: 'kind="read"} 1.0' in service.get("/metrics").text)
    assert service.stop() == 0
    before = findings(folder)
    (folder / "state.db").rename(with_bytes)
    code, said = refused(command(folder, "--config", site))
    assert code == 2
    assert "state.db is missing or too old" in said
    assert "Restore state.db from a backup" in said
    assert "Traceback" not in said
    assert not (folder / "state.db").exists()
    with_bytes.rename(folder / "state.db")
    assert start("--config", site, store=folder).stop() == 0
    assert findings(folder) == before
