"""`troughline shadow`: what a target in shadow would get, before anything is sent there."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from adapter.commands.shadow_read import ShadowReport, known_targets, report_of, targets_asked, unknown_target
from adapter.commands.shadow_text import NONE_IN_SHADOW, page_of
from adapter.commands.store_parts import Place, done_at_place, opened
from adapter.domain.times import instant_text

SCHEMA = 1


def run(options: argparse.Namespace) -> int:
    """0 when the report is printed, 2 when the target is not known or the store cannot be read."""
    return done_at_place(options, _reported)


def _reported(place: Place, options: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    with opened(place.folder) as parts:
        names = targets_asked(parts, place.settings, options.target)
        if options.target is not None and not names:
            print(unknown_target(options.target, known_targets(parts, place.settings)), file=sys.stderr)
            return 2
        reports = [report_of(parts, place.settings, name, now.date()) for name in names]
    if options.json:
        print(json.dumps(tree_of(reports, now), indent=2, ensure_ascii=False))
    else:
        print("\n\n".join(page_of(report, now) for report in reports) or NONE_IN_SHADOW)
    return 0


def tree_of(reports: Sequence[ShadowReport], now: datetime) -> dict[str, Any]:
    """The reports as JSON; times are ISO 8601 in UTC."""
    return {
        "schema": SCHEMA,
        "at": instant_text(now),
        "targets": [
            {
                "target": report.target,
                "delivery": report.delivery,
                "since": instant_text(report.since) if report.since else None,
                "would_write": dict(report.counts),
                "left_out": dict(report.left_out),
                "patients": report.patients,
                "flags": [
                    {
                        "patient": flag.patient,
                        "topic": flag.topic,
                        "flag": f"Flag/{flag.id}",
                        "since": instant_text(flag.since),
                        "sentence": flag.sentence,
                    }
                    for flag in report.flags
                ],
            }
            for report in reports
        ],
    }
