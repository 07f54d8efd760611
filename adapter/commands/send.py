"""`troughline send`: messages from files to an MLLP listener, and what it answered."""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from adapter.commands.send_files import read_files
from adapter.commands.send_lanes import Outcome, Way, send_all
from adapter.transport.certificates import normal_fingerprint
from adapter.transport.tls_client import ClientTls, client_tls, what_failed

SHOWN_WHOLE = 20
"""So many messages are listed one by one; of more, only those that were not accepted."""


def run(options: argparse.Namespace) -> int:
    """0 when every answer is AA or CA, 1 when one is not or is missing, 2 when nothing could be sent."""
    try:
        way = _way(options)
        messages = read_files(options.files, as_is=options.as_is)
    except _UsageError as fault:
        return _refuse(str(fault))
    except OSError as fault:
        return _refuse(f"{fault.filename}: cannot be read: {fault.strerror}.")
    if not messages:
        return _refuse("There is no message in the files: nothing was sent.")
    started = time.perf_counter()
    try:
        with _bar(len(messages)) as progress:
            outcomes = asyncio.run(send_all(messages, way, progress))
    except (OSError, TimeoutError) as fault:
        return _refuse(f"{options.address}: {what_failed(fault)}; nothing was sent.")
    summary = _summary(outcomes, time.perf_counter() - started)
    if options.json:
        rows = [_as_row(outcome) for outcome in outcomes]
        print(json.dumps({"to": options.address, "messages": rows, "summary": summary}, indent=2))
    else:
        _print(outcomes, summary)
    return 0 if all(outcome.accepted for outcome in outcomes) else 1


class _UsageError(Exception):
    """Options that contradict each other or name what is not there."""


def _refuse(text: str) -> int:
    print(text, file=sys.stderr)
    return 2


def _way(options: argparse.Namespace) -> Way:
    host, colon, port = options.address.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65536:
        raise _UsageError(f"'{options.address}' is no address; write HOST:PORT, for example 127.0.0.1:2575.")
    return Way(
        host=host.strip("[]") or "127.0.0.1",
        port=int(port),
        connections=options.connections,
        per_second=options.rate,
        answer_s=options.timeout,
        tls=_tls(options),
    )


def _tls(options: argparse.Namespace) -> ClientTls | None:
    named = (options.tls_ca, options.tls_cert, options.tls_key, options.tls_fingerprint)
    if not (options.tls or options.tls_any_name or any(named)):
        return None
    if options.tls_key and not options.tls_cert:
        raise _UsageError("--tls-key goes with --tls-cert: the certificate the key belongs to.")
    pin = normal_fingerprint(options.tls_fingerprint) if options.tls_fingerprint else None
    if options.tls_fingerprint and pin is None:
        raise _UsageError("--tls-fingerprint takes a SHA-256 fingerprint of 64 hexadecimal digits.")
    try:
        return client_tls(
            ca=options.tls_ca,
            certificate=options.tls_cert,
            key=options.tls_key,
            any_name=options.tls_any_name,
            fingerprint=pin,
        )
    except ssl.SSLError:
        text = (
            "--tls-ca, --tls-cert and --tls-key take PEM files; the key belongs to the certificate, without passphrase."
        )
        raise _UsageError(text) from None
    except OSError as fault:
        raise _UsageError(f"A file of the TLS options cannot be read: {fault.strerror}.") from None


@contextmanager
def _bar(total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("sending", total=total)
        yield lambda: progress.advance(task)


def _summary(outcomes: Sequence[Outcome], seconds: float) -> dict[str, Any]:
    codes = Counter(answer.code for outcome in outcomes for answer in outcome.answers)
    taken = sorted(outcome.seconds for outcome in outcomes if outcome.seconds is not None)
    return {
        "messages": len(outcomes),
        "accepted": sum(outcome.accepted for outcome in outcomes),
        "answers": dict(sorted(codes.items())),
        "without_usable_answer": sum(outcome.problem is not None for outcome in outcomes),
        "seconds": round(seconds, 3),
        "per_second": round(len(taken) / seconds, 1) if seconds else None,
        "answer_ms": {
            "median": _ms(taken[len(taken) // 2]) if taken else None,
            "p99": _ms(taken[min(len(taken) * 99 // 100, len(taken) - 1)]) if taken else None,
            "longest": _ms(taken[-1]) if taken else None,
        },
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _as_row(outcome: Outcome) -> dict[str, Any]:
    first = outcome.answers[0] if outcome.answers else None
    return {
        "file": outcome.message.file,
        "message": outcome.message.number,
        "control_id": outcome.message.control_id,
        "code": first.code if first else None,
        "text": first.text if first else None,
        "errors": [error for answer in outcome.answers for error in answer.errors],
        "answer_ms": _ms(outcome.seconds) if outcome.seconds is not None else None,
        "problem": outcome.problem,
    }


def _print(outcomes: Sequence[Outcome], summary: dict[str, Any]) -> None:
    for outcome in outcomes:
        if len(outcomes) <= SHOWN_WHOLE or not outcome.accepted:
            print("\n".join(_lines(outcome)))
    answers = ", ".join(f"{code} {count}" for code, count in summary["answers"].items()) or "no answer"
    counted = "1 message" if len(outcomes) == 1 else f"{len(outcomes)} messages"
    print(f"{counted} in {summary['seconds']} s: {answers}; {summary['accepted']} accepted.")
    if summary["without_usable_answer"]:
        print(f"{summary['without_usable_answer']} without a usable answer.")
    if (times := summary["answer_ms"])["median"] is not None:
        print(f"Answer after {times['median']} ms (median), {times['p99']} ms (p99), {times['longest']} ms (longest).")


def _lines(outcome: Outcome) -> list[str]:
    place = f"{outcome.message.file}, message {outcome.message.number}"
    lines = []
    for answer in outcome.answers:
        lines.append(f"{place}: {answer.code} {answer.text}".rstrip())
        lines += [f"    {' '.join(part for part in error.values() if part)}" for error in answer.errors]
    if outcome.problem:
        lines.append(f"{place}: {outcome.problem}")
    return lines
