"""The settings of a site that a case needs to be read as it is read there."""

from __future__ import annotations

from dataclasses import replace

from adapter.commands.golden_case import SETTINGS
from adapter.commands.run_message import is_fhir
from adapter.ingest.hl7v2 import peek
from adapter.ingest.senders import SenderRules
from adapter.pipeline.parts import Parts

_UNSAID = SenderRules()


def site_of(raw: bytes, parts: Parts, source: str) -> dict[str, str]:
    """What the site says otherwise than a case without `site:`, of the sender of a message or of a FHIR source."""
    if is_fhir(raw):
        return _said(replace(_UNSAID, zone=parts.zone_of(source)))
    return _said(parts.rules_at(source)(peek(raw).sender))


def _said(rules: SenderRules) -> dict[str, str]:
    given = {name: getattr(rules, name) for name in SETTINGS}
    return {name: _text(value) for name, value in given.items() if value != getattr(_UNSAID, name)}


def _text(value: object) -> str:
    """`yes`, `no`, or the word a site would write."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
