"""Options of `send` and `listen`; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse
from pathlib import Path

SEND = "Send the HL7 v2 messages of files to an MLLP listener and print what it answers."
SEND_EXAMPLES = (
    "troughline send message.hl7 127.0.0.1:2575",
    "troughline send day.hl7 adapter:2575 --connections 4 --rate 200 --json",
    "troughline send message.hl7 adapter:2575 --tls-ca ca.crt --tls-cert lab.crt --tls-key lab.key",
    "cat message.hl7 | troughline send - 127.0.0.1:2575",
)
LISTEN = "Receive HL7 v2 over MLLP, print what comes and answer as told: for testing a sender. Keeps nothing."
LISTEN_EXAMPLES = (
    "troughline listen 2575",
    "troughline listen 0.0.0.0:2575 --answer AE --headers",
    "troughline listen 2575 --answer none --delay 5",
    "troughline listen 2576 --tls-cert ours.crt --tls-key ours.key --tls-client-ca senders.crt --json",
)
CODES = ("AA", "AE", "AR", "CA", "CE", "CR", "none", "close")


def send_options(parser: argparse.ArgumentParser) -> None:
    """The options of `send`."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="messages, batches, or frames; - is standard input")
    parser.add_argument("address", metavar="HOST:PORT", help="where the listener is")
    parser.add_argument(
        "--connections", type=_positive, default=1, metavar="N", help="send over N connections at once (default 1)"
    )
    parser.add_argument("--rate", type=_rate, metavar="N", help="at most N messages a second (default: no limit)")
    parser.add_argument(
        "--timeout", type=_rate, default=30.0, metavar="S", help="wait S seconds for each answer (default 30)"
    )
    parser.add_argument(
        "--as-is",
        action="store_true",
        help="send each file byte for byte, instead of splitting it and ending lines with CR",
    )
    parser.add_argument("--tls", action="store_true", help="use TLS, trusting the authorities of this system")
    parser.add_argument("--tls-ca", type=Path, metavar="FILE", help="trust this authority (PEM) instead; means --tls")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="show this certificate (PEM); means --tls")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key, when it is another file")
    parser.add_argument(
        "--tls-any-name", action="store_true", help="do not compare the certificate with the host name; means --tls"
    )
    parser.add_argument(
        "--tls-fingerprint", metavar="SHA256", help="trust only the certificate with this fingerprint; means --tls"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def listen_options(parser: argparse.ArgumentParser) -> None:
    """The options of `listen`."""
    parser.add_argument("address", metavar="PORT", help="PORT or HOST:PORT; the host is 127.0.0.1, 0 is any free port")
    parser.add_argument(
        "--answer",
        choices=CODES,
        default="AA",
        metavar="CODE",
        help="AA, AE, AR, CA, CE, CR, none, or close (default AA)",
    )
    parser.add_argument("--delay", type=_rate, metavar="S", help="answer after S seconds")
    parser.add_argument("--count", type=_positive, metavar="N", help="end after N messages")
    parser.add_argument("--headers", action="store_true", help="print one line per message, without its content")
    parser.add_argument("--save", type=Path, metavar="DIR", help="write each message into a file of this folder")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="use TLS with this certificate (PEM)")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key, when it is another file")
    parser.add_argument(
        "--tls-client-ca", type=Path, metavar="FILE", help="ask senders for a certificate of this authority (PEM)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON line per message")


def _positive(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to 10000")
    return int(text)


def _rate(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return number
