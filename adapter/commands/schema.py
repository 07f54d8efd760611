"""`troughline schema`: JSON Schemas with which an editor completes and checks the files people own."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from adapter.commands.schema_golden import golden_schema
from adapter.commands.schema_options import NAMES
from adapter.commands.whole_file import replace_whole
from adapter.knowledge.mapping_schema import mapping_schema, output_schema
from adapter.knowledge.policy_schema import policy_schema, products_schema
from adapter.knowledge.schema_parts import Schema
from adapter.settings.schema import site_schema

SCHEMAS: dict[str, Callable[[], Schema]] = {
    "mapping": mapping_schema,
    "output": output_schema,
    "golden": golden_schema,
    "site": site_schema,
    "policy": policy_schema,
    "products": products_schema,
}


def run(options: argparse.Namespace) -> int:
    """0 when the schemas are printed or written, 2 when they cannot be."""
    if options.out is None and options.name is None:
        print(f"Name a schema to print ({', '.join(NAMES)}), or a folder for all of them: --out DIR.", file=sys.stderr)
        return 2
    chosen = [options.name] if options.name else list(SCHEMAS)
    if options.out is None:
        sys.stdout.write(as_text(SCHEMAS[options.name]()))
        return 0
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        for name in chosen:
            replace_whole(file_of(options.out, name), as_text(SCHEMAS[name]()).encode())
    except OSError as fault:
        print(f"{fault.filename or options.out} cannot be written: {fault.strerror}.", file=sys.stderr)
        return 2
    print("\n".join(file_of(options.out, name).as_posix() for name in chosen))
    return 0


def file_of(folder: Path, name: str) -> Path:
    """`schemas/mapping.schema.json`"""
    return folder / f"{name}.schema.json"


def as_text(schema: Schema) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
