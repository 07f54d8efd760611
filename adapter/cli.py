"""Parses arguments, nothing else."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import TypeAlias

from adapter import __version__
from adapter.commands import analyst_options as analyst
from adapter.commands import bench_options as benches
from adapter.commands import conform_options as conform
from adapter.commands import coverage_options as coverage
from adapter.commands import deid_options as sharing
from adapter.commands import deliveries_options as deliveries
from adapter.commands import demo_options as demo
from adapter.commands import diff_options as diff
from adapter.commands import doc_options as doc
from adapter.commands import import_options as imports
from adapter.commands import lint_options as lint
from adapter.commands import play_options as play
from adapter.commands import policies_options as policies
from adapter.commands import replay_options as replay
from adapter.commands import schema_options as schemas
from adapter.commands import serve_options as serve
from adapter.commands import shadow_options as shadow
from adapter.commands import store_options as store
from adapter.commands import wire_options as wire
from adapter.commands import worklist_options as worklist
from adapter.commands.knowledge_options import knowledge_options, mappings_option

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse names no public one
EXIT_CODES = "exit codes: 0 fine, 1 problems found, 2 could not run"

FULL = {
    errno.ENOSPC: "no space left where it goes",
    errno.EDQUOT: "no space left where it goes for this user",
    errno.EFBIG: "the file it goes to may not grow further",
    errno.EIO: "what it goes to failed",
}
"""How an output fails that has no name of its own."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 fine, 1 problems found, 2 could not run."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return 2
    module = importlib.import_module(f"adapter.commands.{getattr(options, 'module', options.command)}")
    try:
        code = int(module.run(options))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 2
    except BrokenPipeError:
        _lead_output_nowhere()
        sys.stderr.close()
        return 2
    except MemoryError:
        print("There is not enough memory for this: is what it reads without an end?", file=sys.stderr)
        return 2
    except OSError as fault:
        if fault.errno not in FULL or fault.filename:
            raise
        print(f"The output cannot be written: {FULL[fault.errno]}.", file=sys.stderr)
        _lead_output_nowhere()
        return 2
    return code


def _lead_output_nowhere() -> None:
    """What is still buffered has nowhere to go, and must not change the exit code when the program ends."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@cache
def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="troughline",
        description="HL7/FHIR adapter for therapeutic drug monitoring of asparaginase. "
        "Decision support, not a medical device; for use after local validation.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("--version", action="version", version=f"troughline {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    serve.service_options(_command(commands, "serve", serve.SERVE, serve.SERVE_EXAMPLES))
    play.play_options(_command(commands, "play", play.PLAY, play.PLAY_EXAMPLES), _instant)
    play.explain_options(_command(commands, "explain", play.EXPLAIN, play.EXPLAIN_EXAMPLES), _instant)
    store.find_options(_command(commands, "find", store.FIND, store.FIND_EXAMPLES))
    store.status_options(_command(commands, "status", store.STATUS, store.STATUS_EXAMPLES))
    store.reload_options(_command(commands, "reload", store.RELOAD, store.RELOAD_EXAMPLES))
    imports.import_options(_command(commands, "import", imports.IMPORT, imports.IMPORT_EXAMPLES))
    shadow.shadow_options(_command(commands, "shadow", shadow.SHADOW, shadow.SHADOW_EXAMPLES), _command)
    again = _command(commands, "replay", replay.REPLAY, replay.REPLAY_EXAMPLES)
    replay.replay_options(again, _instant)
    knowledge_options(again)
    store.prune_options(_command(commands, "prune", store.PRUNE, store.PRUNE_EXAMPLES))
    work = _command(commands, "worklist", worklist.WORKLIST, worklist.WORKLIST_EXAMPLES)
    worklist.worklist_options(work, _command, knowledge_options)
    held = _command(commands, "deliveries", deliveries.DELIVERIES, deliveries.DELIVERIES_EXAMPLES)
    deliveries.deliveries_options(held, _command)
    worklist.gaps_options(_command(commands, "gaps", worklist.GAPS, worklist.GAPS_EXAMPLES), _instant)
    seen = _command(commands, "coverage", coverage.COVERAGE, coverage.COVERAGE_EXAMPLES)
    coverage.coverage_options(seen, _instant)
    check = _command(commands, "check", store.CHECK, store.CHECK_EXAMPLES)
    serve.service_options(check)
    store.check_options(check)
    demo.demo_options(_command(commands, "demo", demo.DEMO, demo.DEMO_EXAMPLES))
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
    listed = _command(commands, "policies", policies.POLICIES, policies.POLICIES_EXAMPLES)
    policies.policies_options(listed, _command)
    conform.conform_options(_command(commands, "conform", conform.CONFORM, conform.CONFORM_EXAMPLES))
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


def _benches(parser: argparse.ArgumentParser) -> None:
    benches.whole_options(parser)
    kinds = parser.add_subparsers(dest="bench", metavar="BENCH")
    benches.wire_options(_command(kinds, "wire", benches.WIRE, benches.WIRE_EXAMPLES))
    benches.mapping_options(_command(kinds, "mapping", benches.MAPPING, benches.MAPPING_EXAMPLES))
    benches.rules_options(_command(kinds, "rules", benches.RULES, benches.RULES_EXAMPLES))
    benches.delivery_options(_command(kinds, "delivery", benches.DELIVERY, benches.DELIVERY_EXAMPLES))


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO 8601 time; write 2025-03-10T11:30:00+01:00") from None
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no offset; write 2025-03-10T11:30:00+01:00")
    return at
