"""The systemd unit and the pages for engineers name commands, paths, exit codes and settings that exist."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from pathlib import Path

import pytest

from adapter.app.child import EXIT_REFUSED, ORPHAN_GRACE_S
from adapter.app.children import START_LIMIT_S
from adapter.app.supervisor import CHILDREN, HEARD_WITHIN_S, LONGEST_PAUSE_S, STOP_LIMIT_S
from adapter.app.systemd import FEEDINGS
from adapter.cli import _parser
from adapter.settings.read import load_settings

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "config" / "troughline.service"
HOWTO = ROOT / "docs" / "howto"
PAGE = HOWTO / "run-with-systemd.md"
ENGINES = ("connect-mirth.md", "connect-rhapsody.md", "connect-intersystems.md", "connect-cloverleaf.md")
NOT_OURS = {"mlp_tcp.pdl", "tls_config"}
"""Names of others that look like settings."""
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
BESIDE_THE_UNIT = "sudo -u troughline /opt/troughline/bin/"


def unit():
    """Every value of every key, by section."""
    values, section = defaultdict(list), ""
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            values[section, key].append(value)
    return values


def only(key, section="Service"):
    (value,) = unit()[section, key]
    return value


def fences(page, language):
    return [
        re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)
        for indent, kind, body in FENCE.findall(page.read_text(encoding="utf-8"))
        if kind == language
    ]


def test_the_unit_runs_a_command_that_can_be_parsed():
    program, *arguments = shlex.split(only("ExecStart"))
    options = _parser().parse_args(arguments)
    assert (Path(program).name, options.command, options.config) == (
        "troughline",
        "serve",
        Path("/etc/troughline/troughline.yaml"),
    )


def test_the_page_installs_what_the_unit_names():
    text = PAGE.read_text(encoding="utf-8")
    program, _, _, configuration = shlex.split(only("ExecStart"))
    state = f"/var/lib/{only('StateDirectory')}"
    assert only("WorkingDirectory") == only("RequiresMountsFor", "Unit") == state
    assert f"python3 -m venv {Path(program).parents[1]}" in text
    assert f" {configuration}\n" in text
    assert f"store: {state}\n" in text
    assert f"useradd --system --user-group --no-create-home --home-dir {state}" in text
    assert {only("User"), only("Group")} == {"troughline"}


def test_the_unit_gives_every_process_its_time_to_end():
    assert only("KillMode") == "mixed"
    assert int(only("TimeoutStopSec")) > STOP_LIMIT_S * len(CHILDREN)
    assert int(only("RestartSec")) > ORPHAN_GRACE_S
    assert only("StartLimitIntervalSec", "Unit") == "0"
    assert only("Restart") == "on-failure"
    assert "RestartPreventExitStatus" not in {key for _, key in unit()}


def test_the_unit_waits_for_what_it_is_told():
    assert (only("Type"), only("NotifyAccess")) == ("notify", "main")
    assert int(only("TimeoutStartSec")) > START_LIMIT_S * len(CHILDREN)
    silent_s, told_every_s = int(only("WatchdogSec")), int(only("WatchdogSec")) / FEEDINGS
    # A process may die, rest, need as long as it is allowed to start, and still be heard in time.
    assert silent_s > START_LIMIT_S + LONGEST_PAUSE_S + told_every_s + HEARD_WITHIN_S
    text = PAGE.read_text(encoding="utf-8")
    assert f"`WatchdogSec={silent_s}`" in text
    assert told_every_s == 30
    assert "every half minute" in text
    assert HEARD_WITHIN_S == 10
    assert "within the last ten seconds" in text


def test_the_page_tells_every_exit_code():
    told = re.findall(r"^\| ([0-9]+)[ ,]", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {int(code) for code in told} == {0, 1, EXIT_REFUSED} | exit_codes_when_broken()


def exit_codes_when_broken():
    """Read from the source: importing these modules would register the counters before the metrics folder is named."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "adapter" / "app").glob("*.py")]
    return {
        int(code) for source in sources for code in re.findall(r"^EXIT_BROKEN = (\d+)$", source, flags=re.MULTILINE)
    }


def test_the_unit_lets_the_service_write_to_its_store_and_nowhere_else():
    assert only("ProtectSystem") == "strict"
    assert only("StateDirectoryMode") == "0700"
    assert "ReadWritePaths" not in {key for _, key in unit()}
    assert only("NoNewPrivileges") == "yes"
    assert only("CapabilityBoundingSet") == ""


@pytest.mark.parametrize("page", sorted(HOWTO.glob("*.md")), ids=lambda page: page.name)
def test_commands_run_as_the_user_of_the_service_can_be_parsed(page):
    for fence in fences(page, "sh"):
        for line in fence.splitlines():
            if line.startswith(BESIDE_THE_UNIT):
                program, *arguments = shlex.split(line.removeprefix(BESIDE_THE_UNIT))
                assert program == "troughline"
                assert _parser().parse_args(arguments).command == arguments[0]


@pytest.mark.parametrize("name", ["connect-an-engine.md", "run-with-systemd.md", *ENGINES])
def test_the_configuration_a_page_shows_is_understood(name, tmp_path):
    shown = fences(HOWTO / name, "yaml")
    assert shown
    for number, text in enumerate(shown):
        site = tmp_path / f"{number}.yaml"
        site.write_text(text, encoding="utf-8")
        _, faults = load_settings(site)
        assert [fault.text for fault in faults if "there is no such file" not in fault.text] == []


@pytest.mark.parametrize("name", ENGINES)
def test_a_page_about_an_engine_says_where_its_statements_are_from(name):
    text = (HOWTO / name).read_text(encoding="utf-8")
    sources = text.rpartition("\n---\n")[2]
    assert "documentation" in sources or "source code" in sources
    assert re.search(r"No .* was run\s+for this page\.$", sources.strip())
    for heading in ("## What happens", "## Traps", "## TLS", "## Try it", "## What to watch"):
        assert f"{heading}\n" in text
    assert "troughline listen" in text
    assert "troughline find" in text


def test_the_front_page_leads_to_every_page_about_an_engine():
    text = (HOWTO / "connect-an-engine.md").read_text(encoding="utf-8")
    assert [name for name in ENGINES if f"({name})" not in text] == []


@pytest.mark.parametrize("name", ["connect-an-engine.md", "run-with-systemd.md", "monitor.md", *ENGINES])
def test_a_page_names_only_settings_that_exist(name):
    reference = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `([a-z_.]+)` \|", reference, flags=re.MULTILINE))
    known = rows | {row.rpartition(".")[2] for row in rows} | {"mllp.tls"}
    text = (HOWTO / name).read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z]+\.[a-z_]+|[a-z]+(?:_[a-z]+)+)(?:: [^`]*)?`", text))
    settings = {one for one in named if not one.startswith("troughline_") and one not in NOT_OURS}
    assert settings <= known
