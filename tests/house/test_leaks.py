"""Nothing of what a message says is ever told in a log line, an answer, a problem or a figure."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import hospital
import pytest
from running_service import Laboratory, eventually

from adapter.domain.message import Arrival
from adapter.fhir import Canonical
from adapter.ingest.acknowledgment import acknowledge
from adapter.ingest.senders import SenderRules
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.policies import load_rulebook
from adapter.pipeline.answer_fhir import answer_fhir
from adapter.pipeline.parts import Parts
from adapter.pipeline.receive import worded
from adapter.pipeline.understand import understand
from adapter.store.memory_state import MemoryState

pytestmark = pytest.mark.loopback

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
MARKED = re.compile(r"zq\d{4}", re.IGNORECASE)
FIELDS = {"MSH": 21, "PID": 30, "PV1": 20, "ORC": 20, "OBR": 32, "OBX": 25, "NTE": 4, "SPM": 20, "ZXX": 4}
READ = {("MSH", 9), ("MSH", 12), ("PID", 3), ("OBR", 4), ("OBX", 2), ("OBX", 3)}
"""What must be as it should be for a message to be read to its depth; each of them is marked in a variant too."""
PLAIN = {
    ("MSH", 9): "ORU^R01^ORU_R01",
    ("MSH", 12): "2.5.1",
    ("PID", 3): "{}^^^HOSP^MR",
    ("OBR", 4): "ASPACT^{}^L^{}^{}",
    ("OBX", 2): "NM",
    ("OBX", 3): "ASPACT^{}^L^{}^{}",
    ("OBX", 5): "0.62",
    ("OBX", 6): "IU/mL",
    ("OBX", 11): "F",
    ("OBR", 7): "20250310120000+0000",
    ("MSH", 7): "20250311130500+0000",
    ("SPM", 17): "20250310120000+0000",
}


class Marks:
    """Values no message ever had, all different, and longer than a code that may be named."""

    def __init__(self):
        self._numbers = count(1)

    def __call__(self):
        return f"ZQ{next(self._numbers):04d}" + "k" * 20

    def into(self, text):
        return re.sub(r"\{\}", lambda _: self(), text)


def message(marks, plain):
    """An ORU whose every field is a mark, but for the plain ones."""
    segments = []
    for name, last in FIELDS.items():
        fields = [
            marks.into(PLAIN[name, number]) if (name, number) in plain else f"{marks()}^{marks()}&{marks()}~{marks()}"
            for number in range(1, last + 1)
        ]
        if name == "MSH":
            fields[0:2] = ["^~\\&"]
        segments.append("|".join([name, *fields]))
    return "\r".join(segments).encode() + b"\r"


def messages():
    """Readable to their depth, and with each of the things that make them so spoiled in turn."""
    marks = Marks()
    yield message(marks, PLAIN.keys())
    for spoiled in PLAIN:
        yield message(marks, PLAIN.keys() - {spoiled})
    yield message(marks, READ)
    yield message(marks, set())
    whole = message(marks, PLAIN.keys())
    yield whole.replace(b"|IU/mL|", b"||")
    yield whole.replace(b"HOSP", marks().encode())
    yield whole.replace(b"ORU^R01^ORU_R01", b"ADT^A40^ADT_A39")
    yield whole.replace(b"ORU^R01^ORU_R01", b"ORM^O01^ORM_O01")
    yield whole.replace(b"\r", b"")
    yield whole.replace(b"ZQ", b"ZQ\xff\xfe")
    yield whole[8:]
    yield marks().encode()
    yield b"MSH|" + marks().encode()
    yield b"MSH" + marks().encode() * 10


def resources():
    """Every text of every resource marked in turn, then all at once."""
    marks = Marks()
    for resource in (hospital.patient(), hospital.dose(), hospital.reaction()):
        for place in texts(resource):
            yield marked(resource, {place}, marks)
        yield marked(resource, set(texts(resource)) - {("resourceType",)}, marks)
        yield {**resource, "unheardOf": marks()}
        yield {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": resource, "unheardOf": marks()}]}
        yield {"resourceType": "Bundle", "type": marks(), "entry": [{"fullUrl": marks(), "resource": marks()}]}
        everything = marked(resource, set(texts(resource)) - {("resourceType",)}, marks)
        yield {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": everything}]}


def texts(value, place=()):
    match value:
        case dict():
            return [found for key, item in value.items() for found in texts(item, (*place, key))]
        case list():
            return [found for number, item in enumerate(value) for found in texts(item, (*place, number))]
        case str():
            return [place]
        case _:
            return []


def marked(value, places, marks, place=()):
    match value:
        case dict():
            return {key: marked(item, places, marks, (*place, key)) for key, item in value.items()}
        case list():
            return [marked(item, places, marks, (*place, number)) for number, item in enumerate(value)]
        case _:
            return marks() if place in places else value


@pytest.fixture(scope="module")
def parts():
    knowledge, _ = load_knowledge([Path(__file__).parents[2] / "mappings" / "demo"])
    rulebook, _ = load_rulebook()
    return Parts(
        state=MemoryState(),
        knowledge=knowledge,
        rulebook=rulebook,
        canonical=Canonical(base="https://troughline.example/fhir"),
        rules_at=lambda _: lambda _: SenderRules(),
        zone_of=lambda _: None,
        read=lambda _: None,
    )


def told(acknowledgment):
    """What an answer says in words of its own: everything but the header and the control id it must give back."""
    said = []
    for segment in acknowledgment.decode("latin-1").split("\r"):
        fields = segment.split("|")
        if fields[0] == "MSA":
            said.append("|".join(fields[3:]))
        elif fields[0] != "MSH":
            said.append(segment)
    return "\n".join(said)


def leaks(*said):
    return [match.group() for text in said for match in MARKED.finditer(text)]


@pytest.mark.parametrize("raw", list(messages()), ids=count())
def test_no_problem_and_no_acknowledgment_repeats_what_the_message_said(parts, raw):
    arrival = Arrival(kind="hl7v2", source="lab", listener="lab", raw=raw, received_at=NOW)
    translations = understand(arrival, parts)
    problems = [problem for one in translations for problem in one.problems]
    assert leaks(*(f"{p.code} {p.where} {p.location} {p.text}" for p in problems)) == []
    assert leaks(*(str(one.parked) for one in translations)) == []
    assert "internal-error" not in {problem.code for problem in problems}
    answer = worded(arrival, lambda *_: translations)
    assert leaks(told(acknowledge(raw, answer, now=NOW, control_id="T1"))) == []


@pytest.mark.parametrize("resource", list(resources()), ids=count())
def test_no_operation_outcome_repeats_what_the_resource_said(parts, resource):
    raw = json.dumps(resource).encode()
    translations = understand(Arrival(kind="fhir", source="ward", listener="http", raw=raw, received_at=NOW), parts)
    problems = [problem for one in translations for problem in one.problems]
    assert "internal-error" not in {problem.code for problem in problems}
    answer = answer_fhir(translations, bundle=resource["resourceType"] == "Bundle")
    assert leaks(json.dumps(answer.resource)) == []


@pytest.mark.slow
def test_the_running_service_keeps_to_itself_what_it_was_told(start):
    running = start()
    answers = [*of_the_laboratory(running), *of_the_ward(running)]
    with Laboratory(running.mllp) as laboratory:
        laboratory.send(hospital.oru("LAST", mrn="990001", filler="LAST"))
    eventually(lambda: running.found("Observation", **{"patient.identifier": f"{hospital.MRN}|990001"}), within_s=40)
    assert len(answers) > 20
    assert leaks(*answers) == []
    assert leaks(running.get("/metrics").text) == []
    assert leaks(running.get("/readyz").text) == []
    assert running.stop() == 0
    log = running.log.read_text()
    assert leaks(log) == []
    assert "Traceback" not in log
    assert [line for line in running.logged() if line["event"] == "internal-error"] == []
    assert [line["event"] for line in running.logged() if line["event"] == "frame-torn"] == ["frame-torn"]


def of_the_laboratory(service):
    for number, raw in enumerate(messages()):
        if number % 2:
            headers = {"Content-Type": "application/hl7-v2+er7"}
            yield told(service.session.post(f"{service.http}/hl7", data=raw, headers=headers, timeout=20).content)
        else:
            with Laboratory(service.mllp) as laboratory:
                yield told(laboratory.send(raw))
    with Laboratory(service.mllp) as torn:
        torn.write(b"ZQ9001 outside a frame \x0bMSH|^~\\&|ZQ9002")
    with Laboratory(service.mllp) as talking:
        talking.write(b"GET /ZQ9003 HTTP/1.1\r\nHost: ZQ9004\r\n\r\n")


def of_the_ward(service):
    for number, resource in enumerate(resources()):
        if number % 4 == 0:
            yield service.post(resource).text
    yield service.post(b'{"resourceType": "Patient", "name": ZQ9101}').text
    yield service.post(b'{"resourceType": "Patient", "ZQ9102": 1, "ZQ9102": 2}').text
    yield service.post(b"\xff\xfe ZQ9103").text
    place = f"{service.http}/ingest/fhir"
    put = {"headers": {"Content-Type": "application/fhir+json"}, "timeout": 20}
    yield service.session.put(f"{place}/Patient/ZQ9104", data=json.dumps(hospital.patient()), **put).text
    yield service.session.put(f"{place}/ZQ9105/p1", data=json.dumps(hospital.patient()), **put).text
    yield service.session.delete(f"{place}/ZQ9106/ZQ9107", timeout=20).text
    yield service.get("/fhir/ZQ9108").text
    yield service.get("/fhir/Observation/ZQ9109").text
    yield service.get("/fhir/Observation", _lastUpdated="ZQ9110").text
    yield service.get("/ZQ9111").text


def test_a_mark_that_is_told_would_be_found():
    assert leaks("MSA|AE|1|the value ZQ0001kkk") == ["ZQ0001"]
