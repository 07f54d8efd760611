"""Provenance: one per set of changes, saying which message, doses, mappings and policies they came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from adapter.domain.message import MessageRef
from adapter.domain.outputs import Change
from adapter.domain.times import instant_text
from adapter.fhir import Canonical, output_key
from adapter.knowledge.spec import OutputTemplate
from adapter.writeback.elements import device, source_reference
from adapter.writeback.template import fill


def provenance(
    changes: Sequence[Change],
    *,
    message: MessageRef | None,
    template: OutputTemplate,
    canonical: Canonical,
    mapping_hash: str,
    policies: Sequence[str],
    now: datetime,
) -> dict[str, Any] | None:
    """The Provenance of a set of changes; None when there are none.

    Its id comes from the message and the content of the targets, so a repeat after a crash is the same resource.
    `message` is None for a reassessment; `policies` are `ID@version` labels.
    """
    if not changes:
        return None
    names = {
        "key": _key(changes, message, now),
        "targets": [{"reference": change.reference} for change in changes],
        "recorded": instant_text(now),
        "activity": _activity(changes),
        "device": device(canonical),
        "performer": message.sender.replace("|", " ").strip() if message else None,
        "entities": [
            {"role": "source", "what": what} for what in _entities(changes, message, canonical, mapping_hash, policies)
        ],
    }
    return fill(template, names, constants={"canonical": canonical.base})


def _key(changes: Sequence[Change], message: MessageRef | None, now: datetime) -> str:
    cause = message.digest if message else instant_text(now)
    return output_key("provenance", cause, *sorted(f"{c.reference} {c.after.content_hash}" for c in changes))


def _activity(changes: Sequence[Change]) -> dict[str, str]:
    """http://terminology.hl7.org/CodeSystem/v3-DataOperation"""
    if all(change.operation == "create" for change in changes):
        return {"code": "CREATE", "display": "create"}
    return {"code": "UPDATE", "display": "revise"}


def _entities(
    changes: Sequence[Change],
    message: MessageRef | None,
    canonical: Canonical,
    mapping_hash: str,
    policies: Sequence[str],
) -> Iterator[dict[str, Any]]:
    if message and (message.control_id or message.digest):
        yield _message(message, canonical)
    for fact in sorted({fact for change in changes for fact in change.after.grounds}):
        source, _, key = fact.partition("|")
        if key.startswith(("MedicationAdministration/", "AllergyIntolerance/")):
            yield source_reference(canonical, source, key)
    if mapping_hash:
        yield {"identifier": {"system": f"{canonical.base}/sid/mappings", "value": mapping_hash}, "display": "Mappings"}
    for policy in sorted(set(policies)):
        yield {"identifier": {"system": f"{canonical.base}/sid/policy", "value": policy}, "display": f"Policy {policy}"}


def _message(message: MessageRef, canonical: Canonical) -> dict[str, Any]:
    """The message by sender and control id, or by its digest where it has no control id (a FHIR body)."""
    names = [*message.sender.split("|"), message.control_id] if message.control_id else [message.digest]
    value = "^".join(name for name in names if name)
    control = f"control id {message.control_id}" if message.control_id else ""
    digest = f"sha256 {message.digest}" if message.digest else ""
    return {
        "identifier": {"system": canonical.messages, "value": value},
        "display": f"Message {', '.join(part for part in (control, digest) if part)}",
    }
