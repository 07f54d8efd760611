"""The block `poll` of a source: which FHIR server is asked, for what, and how often."""

from __future__ import annotations

from pathlib import Path
from typing import cast, get_args

from adapter.knowledge.reading import Block
from adapter.knowledge.text_yaml import did_you_mean
from adapter.settings.checks import read_url
from adapter.settings.fhir_access import read_auth, read_client_tls
from adapter.settings.site import PollMode, PollSettings

RESOURCES = ("MedicationAdministration", "AllergyIntolerance")
"""What is searched for; Patient, Medication and MedicationRequest are read when one of these names them."""
EVERY_S = {"last-updated": 60, "per-patient": 900}
DAY_S, YEAR_DAYS = 86_400, 366


def read_poll(row: Block, folder: Path) -> PollSettings | None:
    """How a source is polled, None when it only pushes."""
    if not row.has("poll"):
        return None
    block = row.block("poll")
    url = read_url(block, "url")
    default = PollSettings(url=url)
    mode = cast("PollMode", block.choice("mode", get_args(PollMode), default.mode))
    poll = PollSettings(
        url=url,
        mode=mode,
        resources=_resources(block),
        every_s=block.whole("every_s", default=EVERY_S.get(mode, default.every_s), least=1, most=DAY_S),
        overlap_s=block.whole("overlap_s", default=default.overlap_s, most=DAY_S),
        safety_lag_s=block.whole("safety_lag_s", default=default.safety_lag_s, most=DAY_S),
        window_days=block.whole("window_days", default=default.window_days, least=1, most=10 * YEAR_DAYS),
        page_size=block.whole("page_size", default=default.page_size, least=1, most=10_000),
        concurrency=block.whole("concurrency", default=default.concurrency, least=1, most=16),
        auth=read_auth(block, folder),
        tls=read_client_tls(block, folder, url),
        timeout_s=block.whole("timeout_s", default=default.timeout_s, least=1, most=600),
    )
    block.finish()
    return poll


def _resources(block: Block) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(block.texts("resources")))
    for number, name in enumerate(named):
        if name not in RESOURCES:
            text = f"'{name}' is not polled; write {' or '.join(RESOURCES)}{did_you_mean(name, RESOURCES)}"
            block.fault(text, "resources", number)
    return named or RESOURCES
