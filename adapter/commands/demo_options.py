"""Options of `demo`; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse

DEMO = "Start the service on a throw-away store, send a synthetic hospital day over real sockets, show the result."
DEMO_EXAMPLES = (
    "troughline demo",
    "troughline demo --keep",
    "troughline demo --fhir http://127.0.0.1:8090/fhir --json",
    "troughline demo --to-mllp adapter:2575 --to-http adapter:8080",
)


def demo_options(parser: argparse.ArgumentParser) -> None:
    """The options of `demo`."""
    parser.add_argument("--keep", action="store_true", help="leave the service running and print its addresses")
    parser.add_argument("--fhir", metavar="URL", help="FHIR R4 server: gets the synthetic Patients, then the results")
    parser.add_argument("--seed", type=int, default=20, metavar="N", help="another synthetic day (default 20)")
    parser.add_argument("--messages", type=int, default=2000, metavar="N", help="number of ORUs (default 2000)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument(
        "--to-mllp", metavar="HOST:PORT", help="send to a service that runs already (with --to-http); starts none"
    )
    parser.add_argument("--to-http", metavar="HOST:PORT", help="HTTP address of that service")
