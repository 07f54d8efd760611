"""The answers of every version to every kind of problem, word for word, in `acknowledgments.txt`."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import hospital
import pytest

from adapter.domain.message import Answer
from adapter.domain.problems import problem
from adapter.ingest.acknowledgment import acknowledge
from adapter.ingest.senders import SenderRules
from adapter.ingest.translate import translate_hl7
from adapter.knowledge.load import load_knowledge

GOLDEN = Path(__file__).with_name("acknowledgments.txt")
NOW = datetime(2025, 11, 3, 10, 15, 0, 412000, tzinfo=timezone(timedelta(hours=1)))
VERSIONS = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.2")
WITH_WARNINGS = SenderRules(warn_in_err=True)

READ = {
    "accepted": (hospital.oru("A1"), SenderRules()),
    "accepted with a warning, for a sender with warn_in_err": (hospital.oru("A1", status=""), WITH_WARNINGS),
    "control-id-missing: 101": (hospital.oru(""), SenderRules()),
    "unit-missing: 101": (hospital.oru("A1", unit=""), SenderRules()),
    "sample-time-missing: 101": (
        hospital.oru("A1", collected="").replace(b"SPM|1|SF1||SER^Serum^HL70487|||||||||||||\r", b""),
        SenderRules(),
    ),
    "value-unreadable: 102": (hospital.oru("A1", value="ca. 3"), SenderRules()),
    "unit-suspect: 103": (hospital.oru("A1", unit="mg/dL"), SenderRules()),
    "status-unmapped: 103": (hospital.oru("A1", status="Q"), SenderRules()),
    "unknown-authority: 103": (hospital.oru("A1", authority="ELSEWHERE"), SenderRules()),
    "unsupported-message: 200": (hospital.oru("A1", kind="OUL^R22^OUL_R22"), SenderRules()),
    "unsupported-message, for a sender with unsupported: AR": (
        hospital.oru("A1", kind="OUL^R22^OUL_R22"),
        SenderRules(unsupported="AR"),
    ),
    "two errors, and a warning told last": (
        hospital.oru("A1", unit="", status="Q", sent="20250311130500", collected="20250310120000"),
        WITH_WARNINGS,
    ),
}
TOLD = {
    "frame-too-large: 207": Answer(code="AE", errors=(problem("frame-too-large"),)),
    "cannot-store, for a sender with cannot_store: AR": Answer(code="AR", errors=(problem("cannot-store"),)),
    "enhanced mode: kept": Answer(code="CA"),
    "enhanced mode: nobody can name it again": Answer(
        code="CE", errors=(problem("control-id-missing", where="MSH[1]-10", location="MSH^1^10"),)
    ),
}


@pytest.fixture(scope="module")
def knowledge():
    loaded, _ = load_knowledge([Path(__file__).parents[2] / "mappings" / "demo"])
    return loaded


def answers(knowledge):
    """(kind, version, the lines of its answer) of all kinds and versions."""
    for version in VERSIONS:
        for kind, (raw, rules) in READ.items():
            sent = in_version(raw, version)
            (translation,) = translate_hl7(sent, knowledge, lambda _, rules=rules: rules, source="lab")
            yield kind, version, lines(sent, translation.answer)
        for kind, answer in TOLD.items():
            named = "" if kind.endswith("again") else "A1"
            yield kind, version, lines(in_version(hospital.oru(named), version), answer)


def in_version(raw, version):
    return raw.replace(b"|P|2.5.1\r", f"|P|{version}\r".encode())


def lines(raw, answer):
    told = acknowledge(raw, answer, now=NOW, control_id="T25B0C91F3")
    assert told.endswith(b"\r")
    return told.decode().rstrip("\r").split("\r")


def page(knowledge):
    """The kinds one after the other; under each the versions, those with equal answers (but for MSH-12) together."""
    told = list(answers(knowledge))
    parts = []
    for kind in (*READ, *TOLD):
        groups = {}
        for version, text in ((v, text) for k, v, text in told if k == kind):
            groups.setdefault("\n".join(text).replace(f"|P|{version}", "|P|VERSION"), []).append(version)
        parts.append(f"# {kind}\n")
        parts += [f"{', '.join(versions)}\n{text}\n" for text, versions in groups.items()]
    return "\n".join(parts)


def test_every_answer_stands_in_the_file_word_for_word(knowledge, request):
    found = page(knowledge)
    if request.config.getoption("--renew-goldens"):
        GOLDEN.write_text(found, encoding="utf-8")
    assert found == GOLDEN.read_text(encoding="utf-8"), "read the difference; then: --renew-goldens -n 0"
