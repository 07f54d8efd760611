"""Options of `import`; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse
from pathlib import Path

from adapter.commands.knowledge_options import knowledge_options

MODULE = "import_files"
"""`import` is no name a module of ours can have."""
IMPORT = (
    "Load history into a store: FHIR resources from NDJSON files, Bundles and single resources, also *.gz. Goes on "
    "where it was stopped; beside the running service, or without one. HL7 v2 files go into a drop folder instead."
)
IMPORT_EXAMPLES = (
    "troughline import export/*.ndjson --config troughline.yaml --source ehr --dry-run",
    "troughline import export/*.ndjson --config troughline.yaml --source ehr",
    "troughline import Bundle.json.gz --store ./store --json",
    "zstdcat MedicationAdministration.ndjson.zst | troughline import - --config troughline.yaml",
)


def import_options(parser: argparse.ArgumentParser) -> None:
    """The options of `import`."""
    parser.set_defaults(module=MODULE)
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="*.ndjson, *.jsonl, *.json, each also with .gz behind it; - is NDJSON on standard input",
    )
    parser.add_argument(
        "--source", metavar="NAME", help="the source they come from, as `sources.name` does (default: http.source)"
    )
    does = parser.add_mutually_exclusive_group()
    does.add_argument(
        "--dry-run", action="store_true", help="read everything, tell what it would come to, and change nothing"
    )
    does.add_argument(
        "--restart", action="store_true", help="begin anew, also a file that changed; what is known is not kept again"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="site configuration (YAML), which names the store")
    parser.add_argument("--store", type=Path, metavar="DIR", help="folder of the store; made when it is missing")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    knowledge_options(parser)
