"""What `run` tells of each message, the answers, the metrics and the work list of a running service agree."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import hospital
import pytest
from running_service import DEMO, Laboratory, Service, code_of, eventually

from adapter.cli import main

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(120)]

POTASSIUM = "2823-3^Potassium^LN"
NEAR = "ASPNEW^Asparaginase activity, new^L"


def mixed() -> bytes:
    """Three orders: ours with a good and a broken result and a near miss, another matter, and ours without a time."""
    segments = (
        "MSH|^~\\&|HOSPLAB|HOSP|TROUGHLINE|HOSP|20250311130500+0000||ORU^R01^ORU_R01|MIX|P|2.5.1",
        "PID|1||900001^^^HOSP^MR",
        "OBR|1|P1|M1|ASPACT^^L|||20250310120000+0000",
        "OBX|1|NM|ASPACT^^L|1|0.42|IU/mL|||||F",
        "OBX|2|NM|ASPACT^^L|2|soon|furlongs|||||Q",
        f"OBX|3|NM|{NEAR}||0.3|IU/mL|||||F",
        f"OBR|2|P2|M2|{POTASSIUM}|||20250310120000+0000",
        f"OBX|4|NM|{POTASSIUM}||4.1|mmol/L|||||F",
        "OBR|3|P3|M3|ASPACT^^L",
        "OBX|5|NM|ASPACT^^L||0.42|IU/mL|||||F",
    )
    return "".join(f"{segment}\r" for segment in segments).encode()


MESSAGES = (
    hospital.oru("OK", filler="F1"),
    hospital.oru("NOUNIT", filler="F2", unit=""),
    hospital.oru("BADUNIT", filler="F3", unit="blorps"),
    hospital.oru("BADVALUE", filler="F4", value="ca. 3"),
    hospital.oru("BADSTATUS", filler="F5", status="Q"),
    hospital.oru("NOSTATUS", filler="F6", status=""),
    hospital.oru("NOTIME", filler="F7", collected=""),
    hospital.oru("MUCH", filler="F8", value="5000"),
    hospital.oru("PENDING", filler="F9", value="pending"),
    hospital.oru("GONE", filler="F10", status="W"),
    hospital.oru("NEARLY", filler="F11", code=NEAR),
    hospital.oru("STRANGER", filler="F12", authority="ELSEWHERE"),
    hospital.oru("", filler="F13"),
    hospital.oru("OTHERTYPE", filler="F14", kind="OUL^R22^OUL_R22"),
    hospital.everyday("POTASSIUM"),
    mixed(),
    b"BHS|^~\\&\rthis is no message\r",
)


def told_by_run(folder, capsys):
    """What `run --json` tells of each message alone."""
    told = []
    for number, message in enumerate(MESSAGES):
        (folder / f"{number}.hl7").write_bytes(message)
        main(["run", str(folder / f"{number}.hl7"), "--mappings", str(DEMO), "--json"])
        told += json.loads(capsys.readouterr().out)["messages"]
    return told


def metrics(service, name, label):
    """{value of one label: count}"""
    found = Counter()
    for line in service.get("/metrics").text.splitlines():
        if line.startswith(f"{name}{{"):
            labels, _, number = line.removeprefix(f"{name}{{").rpartition("} ")
            named = dict(part.split("=") for part in labels.split(","))
            found[named[label].strip('"')] += int(float(number))
    return Counter({value: count for value, count in found.items() if count})


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A service that has got every message, and the first of them twice."""
    folder = tmp_path_factory.mktemp("accounting")
    (folder / "site.yaml").write_text("housekeeping_s: 1\n")
    service = Service(folder / "store", "--config", str(folder / "site.yaml"), log=folder / "log")
    with Laboratory(service.mllp) as laboratory:
        service.answers = [laboratory.send(message) for message in (*MESSAGES, MESSAGES[0])]
    yield service
    service.end()


def test_the_counts_of_run_of_the_answers_of_the_metrics_and_of_the_work_list_agree(service, tmp_path, capsys):
    told = told_by_run(tmp_path, capsys)
    assert len(told) == len(MESSAGES)
    *answers, repeated = service.answers
    assert repeated.split(b"\r")[1:] == answers[0].split(b"\r")[1:]
    for one, answer in zip(told, answers, strict=True):
        assert answer.decode().split("\r")[1:-1] == one["answer"]["segments"][1:]
        assert answer.count(b"\rERR|") == len(one["answer"]["errors"])

    events = Counter(event["event"] for one in told for event in one["events"])
    problems = Counter(found["code"] for one in told for found in one["problems"])
    assert events == {"ActivityMeasured": 13}
    eventually(lambda: metrics(service, "troughline_events_total", "event") == events)
    eventually(lambda: metrics(service, "troughline_problems_total", "problem") == problems)
    codes = Counter(code_of(answer) for answer in [*answers, repeated])
    assert metrics(service, "troughline_acks_total", "code") == codes
    assert metrics(service, "troughline_duplicates_total", "listener") == {"default": 1}
    seen = Counter("irrelevant" if one["relevance"] == "irrelevant" else "relevant" for one in told)
    assert metrics(service, "troughline_messages_received_total", "relevance") == seen

    waiting = Counter((one["parked"], one["control_id"]) for one in told if one["parked"])
    assert main(["worklist", "list", "--store", str(service.store), "--mappings", str(DEMO), "--json"]) == 1
    listed = json.loads(capsys.readouterr().out)
    assert Counter((one["reason"], one["control_id"]) for one in listed["messages"]) == waiting
    assert listed["waiting"] == sum(waiting.values())
    in_work = Counter(reason for reason, _ in waiting.elements())
    eventually(lambda: metrics(service, "troughline_worklist_open", "reason") == in_work)


def test_each_result_of_ours_and_each_like_ours_is_somewhere(service, capsys):
    """13 results become events, two are near misses, three wait with their messages; `gaps` and `coverage` see them."""
    main(["gaps", "--store", str(service.store), "--mappings", str(DEMO), "--json"])
    gaps = {(gap["table"], gap["code"]): gap["count"] for gap in json.loads(capsys.readouterr().out)["gaps"]}
    assert gaps[("activity_tests", "ASPNEW")] == 2
    assert gaps[("units", "blorps")] == 1
    assert gaps[("identifier_systems", "ELSEWHERE")] == 1

    def coverage_of_store() -> dict[str, Any] | None:
        """Once the header that rides along with later messages is written."""
        assert main(["coverage", "--store", str(service.store), "--mappings", str(DEMO), "--json"]) == 1
        told = json.loads(capsys.readouterr().out)
        return told if told["messages"]["headers_only"] else None

    coverage = eventually(coverage_of_store)
    (feed,) = coverage["feeds"]
    assert (feed["sender"], feed["messages"], feed["results"]) == ("HOSPLAB|HOSP", 11, 13)
    assert coverage["messages"] == {
        "with_events": 11,
        "without_events": 5,
        "irrelevant": 0,
        "failed": 0,
        "pruned": 0,
        "headers_only": 1,
    }
