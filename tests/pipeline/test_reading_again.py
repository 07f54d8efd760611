"""The same message read again with other tables replaces what it said before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from adapter.domain.message import Arrival, MessageRef, Stored
from adapter.fhir import Canonical
from adapter.ingest.senders import SenderRules
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.policies import load_rulebook
from adapter.knowledge.shipped import shipped
from adapter.pipeline.parts import Parts
from adapter.pipeline.process import process
from adapter.store.memory import MemoryState
from adapter.store.sqlite_state import SqliteState

NOW = datetime(2025, 3, 12, 12, 0, tzinfo=UTC)


def oru(*, unit="quux/mL", authority="HOSP", number=0):
    return "\r".join(
        (
            f"MSH|^~\\&|LAB|HOSP|T|HOSP|20250311130000+0000||ORU^R01^ORU_R01|C{number}|P|2.5.1",
            f"PID|1||47{number}^^^{authority}^MR",
            f"OBR|1|P{number}|F{number}|ASPACT^Asparaginase activity^L|||20250310113000+0000",
            f"OBX|1|NM|ASPACT^Asparaginase activity^L||0.62|{unit}|||||F",
            "",
        )
    ).encode()


@pytest.fixture(params=["memory", "sqlite"])
def state(request, tmp_path):
    made = MemoryState() if request.param == "memory" else SqliteState(tmp_path / "state.db")
    yield made
    made.close()


def parts_with(state, tmp_path, rows: dict[str, str]) -> Parts:
    overlay = tmp_path / f"overlay{len(list(tmp_path.iterdir()))}"
    (overlay / "tables").mkdir(parents=True)
    for name, row in rows.items():
        (overlay / "tables" / f"{name}.csv").write_text(f"sender,code,system,target,label,note\n{row}\n")
    knowledge, faults = load_knowledge([shipped("mappings") / "demo", overlay])
    rulebook, _ = load_rulebook()
    assert knowledge, faults
    assert rulebook
    return Parts(
        state=state,
        knowledge=knowledge,
        rulebook=rulebook,
        canonical=Canonical(),
        rules_at=lambda _: lambda _: SenderRules(zone=UTC),
        zone_of=lambda _: UTC,
        read=lambda ref: pytest.fail(str(ref)),
    )


def sent(raw: bytes, seq: int, parts: Parts):
    digest = sha256(raw).hexdigest()
    arrival = Arrival(kind="hl7v2", source="s", listener="l", raw=raw, received_at=NOW, digest=digest)
    return process(
        Stored(seq=seq, arrival=arrival), MessageRef(inbox="inbox", seq=seq, source="s", digest=digest), parts, NOW
    )


@pytest.mark.parametrize("number", range(6))
def test_a_unit_that_was_mapped_later_replaces_the_unreadable_value(state, tmp_path, number):
    raw = oru(number=number)
    before = sent(raw, 1, parts_with(state, tmp_path, {}))
    after = sent(raw, 2, parts_with(state, tmp_path, {"units": ",quux/mL,*,[IU]/mL,,"}))
    assert [p.code for p in before.work.problems] == ["unit-suspect"]
    (result,) = after.work.results
    assert [sample["value"] for sample in result.unlinked[0]["samples"]] == ["0.62"]
    assert len(state.recall(result.patient).recorded) == 1


def test_an_authority_mapped_later_empties_the_work_list(state, tmp_path):
    raw = oru(unit="IU/mL", authority="OTHER")
    sent(raw, 1, parts_with(state, tmp_path, {}))
    assert [row.reason for row in state.parked()] == ["unknown-authority"]
    sent(raw, 2, parts_with(state, tmp_path, {"identifier_systems": ",OTHER,*,https://other.example/mrn,,"}))
    assert state.parked() == []
    assert state.all_patients() == ["https://other.example/mrn|470"]


def test_an_authority_mapped_otherwise_moves_the_result_to_the_right_patient(state, tmp_path):
    raw = oru(unit="IU/mL")
    sent(raw, 1, parts_with(state, tmp_path, {}))
    sent(raw, 2, parts_with(state, tmp_path, {"identifier_systems": ",HOSP,*,https://new.example/mrn,,"}))
    old = state.recall("https://hospital.example/mrn|470")
    assert old.recorded == ()
    assert {w.state for w in old.written} == {"retracted"}
    assert len(state.recall("https://new.example/mrn|470").recorded) == 1


def test_another_message_with_the_same_result_is_left_alone(state, tmp_path):
    parts = parts_with(state, tmp_path, {})
    sent(oru(unit="IU/mL"), 1, parts)
    sent(oru(unit="IU/mL").replace(b"|C0|", b"|C9|"), 2, replace(parts))
    assert len(state.recall("https://hospital.example/mrn|470").recorded) == 1
