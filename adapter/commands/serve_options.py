"""Options of `serve`; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse
from pathlib import Path

from adapter.commands.knowledge_options import knowledge_options

SERVE = "Listen for HL7 v2 over MLLP and HTTP and for FHIR over HTTP, and write interpretations back."
SERVE_EXAMPLES = (
    "troughline serve --config troughline.yaml",
    "troughline serve --store ./store --mllp 127.0.0.1:2575 --http 127.0.0.1:8080",
    "troughline serve --store ./store --mllp 127.0.0.1:0 --http 127.0.0.1:0 --fhir http://127.0.0.1:8090/fhir",
)


def service_options(parser: argparse.ArgumentParser) -> None:
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
