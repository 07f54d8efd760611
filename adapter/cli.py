"""Parses arguments, nothing else."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from adapter import __version__
from adapter.commands import analyst_options as analyst
from adapter.commands import bench_options as benches
from adapter.commands import coverage_options as coverage
from adapter.commands import deid_options as sharing
from adapter.commands import diff_options as diff
from adapter.commands import doc_options as doc
from adapter.commands import lint_options as lint
from adapter.commands import replay_options as replay
from adapter.commands import schema_options as schemas
from adapter.commands import shadow_options as shadow
from adapter.commands import store_options as store
from adapter.commands import wire_options as wire
from adapter.commands import worklist_options as worklist
from adapter.commands.knowledge_options import knowledge_options, mappings_option

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse names no public one
EXIT_CODES = "exit codes: 0 fine, 1 problems found, 2 could not run"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 fine, 1 problems found, 2 could not run."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return 2
    module = importlib.import_module(f"adapter.commands.{options.command}")
    try:
        code = int(module.run(options))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 2
    except OSError as fault:
        if fault.errno != errno.ENOSPC or fault.filename:
            raise
        print("The output cannot be written: no space left where it goes.", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered has nowhere to go
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="troughline",
        description="HL7/FHIR adapter for therapeutic drug monitoring of asparaginase. "
        "Decision support, not a medical device; for use after local validation.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("--version", action="version", version=f"troughline {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _serve(commands)
    _play(commands)
    _explain(commands)
    store.find_options(_command(commands, "find", store.FIND, store.FIND_EXAMPLES))
    store.status_options(_command(commands, "status", store.STATUS, store.STATUS_EXAMPLES))
    store.reload_options(_command(commands, "reload", store.RELOAD, store.RELOAD_EXAMPLES))
    shadow.shadow_options(_command(commands, "shadow", shadow.SHADOW, shadow.SHADOW_EXAMPLES), _command)
    again = _command(commands, "replay", replay.REPLAY, replay.REPLAY_EXAMPLES)
    replay.replay_options(again, _instant)
    knowledge_options(again)
    store.prune_options(_command(commands, "prune", store.PRUNE, store.PRUNE_EXAMPLES))
    work = _command(commands, "worklist", worklist.WORKLIST, worklist.WORKLIST_EXAMPLES)
    worklist.worklist_options(work, _command, knowledge_options)
    worklist.gaps_options(_command(commands, "gaps", worklist.GAPS, worklist.GAPS_EXAMPLES), _instant)
    seen = _command(commands, "coverage", coverage.COVERAGE, coverage.COVERAGE_EXAMPLES)
    coverage.coverage_options(seen, _instant)
    check = _command(commands, "check", store.CHECK, store.CHECK_EXAMPLES)
    _service(check)
    store.check_options(check)
    _demo(commands)
    check = _command(commands, "lint", lint.LINT, lint.LINT_EXAMPLES)
    lint.lint_options(check)
    knowledge_options(check)
    message = _command(commands, "run", analyst.RUN, analyst.RUN_EXAMPLES)
    analyst.run_options(message)
    knowledge_options(message)
    analyst.test_options(_command(commands, "test", analyst.TEST, analyst.TEST_EXAMPLES))
    diff.diff_options(_command(commands, "diff", diff.DIFF, diff.DIFF_EXAMPLES, diff.EXIT_CODES), _instant)
    sharing.deid_options(_command(commands, "deid", sharing.DEID, sharing.DEID_EXAMPLES))
    sharing.vary_options(_command(commands, "vary", sharing.VARY, sharing.VARY_EXAMPLES))
    mapping = _command(commands, "doc", doc.DOC, doc.DOC_EXAMPLES)
    doc.doc_options(mapping)
    mappings_option(mapping)
    schemas.schema_options(_command(commands, "schema", schemas.SCHEMA, schemas.SCHEMA_EXAMPLES))
    _policies(commands)
    _conform(commands)
    _benches(_command(commands, "bench", benches.BENCH, benches.BENCH_EXAMPLES))
    wire.send_options(_command(commands, "send", wire.SEND, wire.SEND_EXAMPLES))
    wire.listen_options(_command(commands, "listen", wire.LISTEN, wire.LISTEN_EXAMPLES))
    return parser


def _command(
    commands: Commands, name: str, summary: str, examples: Sequence[str], exit_codes: str = EXIT_CODES
) -> argparse.ArgumentParser:
    epilog = "examples:\n" + "\n".join(f"  {example}" for example in examples) + f"\n\n{exit_codes}"
    return commands.add_parser(
        name, help=summary, description=summary, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def _serve(commands: Commands) -> None:
    parser = _command(
        commands,
        "serve",
        "Listen for HL7 v2 over MLLP and HTTP and for FHIR over HTTP, and write interpretations back.",
        (
            "troughline serve --config troughline.yaml",
            "troughline serve --store ./store --mllp 127.0.0.1:2575 --http 127.0.0.1:8080",
            "troughline serve --store ./store --mllp 127.0.0.1:0 --http 127.0.0.1:0 --fhir http://127.0.0.1:8090/fhir",
        ),
    )
    _service(parser)


def _service(parser: argparse.ArgumentParser) -> None:
    """What a service is told on its command line."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="site configuration (YAML)")
    parser.add_argument("--store", type=Path, metavar="DIR", help="folder of the store; made when it is missing")
    parser.add_argument("--mllp", metavar="HOST:PORT", help="MLLP listener (default 127.0.0.1:2575); port 0 = any free")
    parser.add_argument("--http", metavar="HOST:PORT", help="HTTP (default 127.0.0.1:8080); port 0 = any free")
    parser.add_argument("--fhir", metavar="URL", help="FHIR R4 server the results are written to (delivery: on)")
    parser.add_argument(
        "--insecure", action="store_true", help="allow a non-loopback HTTP address without TLS and token"
    )
    knowledge_options(parser)


def _play(commands: Commands) -> None:
    parser = _command(
        commands,
        "play",
        "Run the *.hl7 and *.json files of a folder through the whole corridor in memory and print what came of it.",
        (
            "troughline play tests/cases/silent-inactivation",
            "troughline play my-messages --as-of 2025-03-20T12:00:00+01:00 --json",
            "troughline play my-messages --mappings our-tables --policy CONS16",
        ),
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="files are read in byte order of their names")
    parser.add_argument(
        "--as-of", type=_instant, metavar="TIME", help="time of the last reassessment, ISO 8601 with offset"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="site configuration (YAML)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    knowledge_options(parser)


def _explain(commands: Commands) -> None:
    parser = _command(
        commands,
        "explain",
        "Print each finding as a page a clinician can check line by line, from a folder or from a store.",
        (
            "troughline explain tests/cases/silent-inactivation",
            "troughline explain my-messages --dose MedicationAdministration/dose-1 --json",
            "troughline explain --store ./store --patient 'https://hospital.example/mrn|4711'",
        ),
    )
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="messages, played as `play` does")
    parser.add_argument("--store", type=Path, metavar="DIR", help="read findings as they stand in a store instead")
    parser.add_argument("--patient", metavar="SYSTEM|VALUE", help="findings of this patient only; needed for a store")
    parser.add_argument("--dose", metavar="KEY", help="the finding of this dose, or of this sample, only")
    parser.add_argument(
        "--as-of", type=_instant, metavar="TIME", help="time of the last reassessment, ISO 8601 with offset"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="site configuration (YAML)")
    parser.add_argument("--json", action="store_true", help="print the explanations as JSON")
    knowledge_options(parser)


def _demo(commands: Commands) -> None:
    parser = _command(
        commands,
        "demo",
        "Start the service on a throw-away store, send a synthetic hospital day over real sockets, show the result.",
        (
            "troughline demo",
            "troughline demo --keep",
            "troughline demo --fhir http://127.0.0.1:8090/fhir --json",
            "troughline demo --to-mllp adapter:2575 --to-http adapter:8080",
        ),
    )
    parser.add_argument("--keep", action="store_true", help="leave the service running and print its addresses")
    parser.add_argument("--fhir", metavar="URL", help="FHIR R4 server: gets the synthetic Patients, then the results")
    parser.add_argument("--seed", type=int, default=20, metavar="N", help="another synthetic day (default 20)")
    parser.add_argument("--messages", type=int, default=2000, metavar="N", help="number of ORUs (default 2000)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument(
        "--to-mllp", metavar="HOST:PORT", help="send to a service that runs already (with --to-http); starts none"
    )
    parser.add_argument("--to-http", metavar="HOST:PORT", help="HTTP address of that service")


def _policies(commands: Commands) -> None:
    parser = _command(
        commands,
        "policies",
        "List the clinical policies (or with ACTION: list, show, check), with windows, thresholds and their sources.",
        (
            "troughline policies",
            "troughline policies show CONS16",
            "troughline policies show ERW48@1 --json",
            "troughline policies check our-config",
        ),
    )
    _overlays(parser, "config")
    parser.set_defaults(config_after=[])
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = _command(
        actions,
        "list",
        "Every policy with its products, drafts marked.",
        ("troughline policies list", "troughline policies list --config our-config --json"),
    )
    show = _command(
        actions,
        "show",
        "One policy with every number, its grade and its source, and what awaits clinical sign-off.",
        ("troughline policies show CONS16", "troughline policies show ERW48@1 --json"),
    )
    show.add_argument("policy", metavar="ID[@VERSION]", help="the newest version, or the one named")
    check = _command(
        actions,
        "check",
        "Every mistake in policies and products, with file and line.",
        ("troughline policies check", "troughline policies check our-config --json"),
    )
    check.add_argument("folders", type=Path, nargs="*", metavar="DIR", help="a folder laid over the shipped config")
    for action in (listing, show, check):
        _overlays(action, "config_after", argparse.SUPPRESS)


def _overlays(parser: argparse.ArgumentParser, name: str, absent: object = None) -> None:
    """`--json` and `--config`, which may stand before and after the action."""
    parser.add_argument("--json", action="store_true", default=absent or False, help="print the result as JSON")
    parser.add_argument(
        "--config",
        type=Path,
        action="append",
        default=absent or [],
        dest=name,
        metavar="DIR",
        help="a folder laid over the shipped config (may repeat)",
    )


def _conform(commands: Commands) -> None:
    parser = _command(
        commands,
        "conform",
        "Check HL7 v2 messages against the tables of their version: every departure with segment and field.",
        (
            "troughline conform result.hl7",
            "troughline conform --show-values batch.hl7 other.hl7",
            "troughline conform --json - < result.hl7",
        ),
    )
    parser.add_argument(
        "messages", nargs="+", metavar="MESSAGE", help="a file with one message or a batch; - is standard input"
    )
    parser.add_argument("--show-values", action="store_true", help="print what stands at each place: patient data")
    parser.add_argument("--json", action="store_true", help="print the reports as JSON")


def _benches(parser: argparse.ArgumentParser) -> None:
    benches.whole_options(parser)
    kinds = parser.add_subparsers(dest="bench", metavar="BENCH")
    benches.wire_options(_command(kinds, "wire", benches.WIRE, benches.WIRE_EXAMPLES))
    benches.mapping_options(_command(kinds, "mapping", benches.MAPPING, benches.MAPPING_EXAMPLES))
    benches.rules_options(_command(kinds, "rules", benches.RULES, benches.RULES_EXAMPLES))


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO 8601 time; write 2025-03-10T11:30:00+01:00") from None
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no offset; write 2025-03-10T11:30:00+01:00")
    return at
