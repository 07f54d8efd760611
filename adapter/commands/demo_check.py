"""Compares the end of a demo day with its script; every difference is one sentence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from adapter.commands.demo_hospital import DayExpectation, PatientExpectation
from adapter.commands.demo_report import Counts
from adapter.commands.demo_send import Sent

Printed = Mapping[str, Any]


def differences(
    expected: DayExpectation, sent: Sent, counts: Counts, findings: Sequence[Printed], flags: Sequence[Printed]
) -> list[str]:
    """What is not as the script says; empty when the day ended as it must."""
    return [*_counted(expected, sent, counts), *_interpreted(expected, findings, flags)]


def _counted(expected: DayExpectation, sent: Sent, counts: Counts) -> Iterator[str]:
    for name in ("received", "aa", "ae", "irrelevant", "parked"):
        wanted, found = getattr(expected, name), getattr(counts, name)
        if wanted != found:
            yield f"{name}: {found} instead of {wanted}"
    if sent.unexpected:
        first = sent.unexpected[0] or "without control id"
        yield f"{len(sent.unexpected)} messages were answered otherwise, the first {first}"


def _interpreted(expected: DayExpectation, findings: Sequence[Printed], flags: Sequence[Printed]) -> Iterator[str]:
    by_patient: defaultdict[str, list[Printed]] = defaultdict(list)
    for finding in findings:
        by_patient[finding["patient"]].append(finding)
    active: defaultdict[str, set[str]] = defaultdict(set)
    for flag in flags:
        if flag["status"] == "active":
            identifier = flag["subject"]["identifier"]
            active[f"{identifier['system']}|{identifier['value']}"].add(flag["code"]["coding"][0]["code"])
    for patient in expected.patients:
        yield from _one_patient(patient, by_patient[patient.patient], active[patient.patient])


def _one_patient(patient: PatientExpectation, findings: Sequence[Printed], active: set[str]) -> Iterator[str]:
    if len(findings) != len(patient.verdicts):
        yield f"{patient.slug}: {len(findings)} findings instead of {len(patient.verdicts)}"
        return
    for verdict, finding in zip(patient.verdicts, findings, strict=True):
        for axis, wanted in asdict(verdict).items():
            if wanted is not None and finding[axis] != wanted:
                yield f"{patient.slug}: {axis} is {finding[axis]} instead of {wanted}"
    topics = {flag.topic for flag in patient.flags}
    if active != topics:
        yield f"{patient.slug}: active Flags are {sorted(active)} instead of {sorted(topics)}"
