"""The pages lead somewhere: links resolve, commands and files they name exist, the sign-off list is whole."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from adapter.cli import _parser

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
NAMED_FILE = re.compile(r"`((?:adapter|config|docker|docs|mappings|tests)/[A-Za-z0-9_./-]*)`")
README_COMMANDS = (
    "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/troughline demo",
    "python3 -m venv .venv && .venv/bin/pip install '.[test]' && .venv/bin/pytest",
)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_resolves(page):
    for link in LINK.findall(prose(page)):
        if link.startswith(("http://", "https://")):
            continue
        target, _, anchor = link.partition("#")
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), link
        assert not anchor or anchor in anchors(found), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_of_the_repository_a_page_names_exists(page):
    named = [path for path in NAMED_FILE.findall(page.read_text(encoding="utf-8")) if "my-" not in path]
    missing = [path for path in named if not (ROOT / path).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_troughline_command_in_a_page_can_be_parsed(page):
    for fence in FENCE.findall(page.read_text(encoding="utf-8")):
        for line in fence.replace("\\\n", " ").splitlines():
            command = re.sub(r"^.*&& ", "", line)
            if command.split()[:1] in (["troughline"], [".venv/bin/troughline"]):
                words = shlex.split(command)
                assert _parser().parse_args(words[1:]).command == words[1]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_page_can_be_reached_from_the_readme(page):
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        at = waiting.pop()
        if at in reached or at.suffix != ".md":
            continue
        reached.add(at)
        links = (link.partition("#")[0] for link in LINK.findall(prose(at)) if not link.startswith("http"))
        waiting += [(at.parent / link).resolve() for link in links if link]
    assert page in reached


def test_the_readme_has_its_two_commands_and_the_output_of_the_demo():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in README_COMMANDS:
        assert f"```sh\n{command}\n```" in text
    shown = text.partition("<!-- demo-output -->")[2].partition("<!-- /demo-output -->")[0]
    assert "messages received" in shown
    assert "python3-venv" in text


def test_every_design_and_secondary_number_of_the_policy_is_on_the_sign_off_list():
    reference = (ROOT / "docs" / "reference" / "policies.md").read_text(encoding="utf-8")
    table = reference.partition("## The numbers of CONS16")[2].partition("## ")[0]
    numbers = re.findall(r"^\| `[^`]+` \| ([0-9.]+) \S+ \| \S+ \| (?:design|secondary) \|$", table, flags=re.MULTILINE)
    signed = (
        (ROOT / "docs" / "why" / "interpretation.md")
        .read_text(encoding="utf-8")
        .partition("## For clinical sign-off")[2]
    )
    in_words = {"0.5": "below half", "0.1": "below a tenth"}
    missing = [n for n in numbers if in_words.get(n, n) not in signed]
    assert numbers
    assert missing == []
