"""The page of what was tested against what names the versions the tests really take."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "tests" / "peers"
PAGE = (ROOT / "docs" / "reference" / "tested-against.md").read_text(encoding="utf-8")


def row(program: str) -> str:
    """The row whose first cell begins with a program."""
    return next(line for line in PAGE.splitlines() if line.startswith(f"| {program}"))


def test_the_version_of_each_part_of_the_hapi_server_is_named():
    pom = (PEERS / "hapi" / "pom.xml").read_text(encoding="utf-8")
    hapi = re.findall(r"<hapi.version>(.+)</hapi.version>", pom)
    database, web = (
        re.findall(rf"<artifactId>{name}</artifactId>\s*<version>(.+)</version>", pom)
        for name in ("h2", "jetty-ee10-servlet")
    )
    assert (len(hapi), len(database), len(web)) == (1, 1, 1)
    assert f"| {hapi[0]} |" in row("HAPI FHIR JPA server")
    assert f"H2 {database[0]} in memory, Jetty {web[0]}," in row("HAPI FHIR JPA server")
    assert f"| {hapi[0]} |" in row("HAPI FHIR's instance validator")


def test_the_version_of_sekmet_is_named():
    version = re.findall(r'"sekmet-fhir==(.+)"', (PEERS / "conftest.py").read_text(encoding="utf-8"))
    assert [f"| {one} |" in row("sekmet-fhir") for one in version] == [True]


@pytest.mark.parametrize("program", ["simple-hl7", "node-hl7-client", "hl7v2-net", "@medplum/hl7"])
def test_the_versions_of_each_sender_are_named(program):
    senders = (PEERS / "test_senders_of_others.py").read_text(encoding="utf-8")
    line = next(line for line in senders.splitlines() if f'"{program}@' in line)
    versions = re.findall(r"@([0-9][0-9.]*)\"", line)
    assert f"| {', '.join(versions)} |" in row(program)
