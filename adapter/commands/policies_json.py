"""A policy as plain JSON-ready values, numbers as decimal text."""

from __future__ import annotations

from typing import Any

from adapter.domain.policy import AWAITING
from adapter.knowledge.policies import Config
from adapter.knowledge.policy_files import PolicyFile
from adapter.knowledge.policy_numbers import WHOLE, awaiting_sign_off, numbers_of


def as_listed(file: PolicyFile, config: Config) -> dict[str, Any]:
    """One row of the list."""
    policy = file.policy
    return {
        "policy": policy.label,
        "id": policy.id,
        "version": policy.version,
        "title": policy.title,
        "products": list(policy.products),
        "default_for": config.default_for(policy),
        "valid_from": policy.valid_from.isoformat(),
        "draft": policy.draft,
        "based_on": policy.based_on,
        "hash": policy.hash,
        "file": file.document.file,
    }


def as_shown(file: PolicyFile, config: Config) -> dict[str, Any]:
    """Everything a policy holds, and where each number comes from."""
    policy = file.policy
    sources, notes = dict(policy.citations), dict(policy.notes)
    return {
        **as_listed(file, config),
        "note": notes.get(WHOLE),
        "loss_when": policy.loss_when,
        "confirmed_by": policy.confirmed_by,
        "windows": [{"name": point.name, "low": point.low} for point in policy.time_points],
        "numbers": [
            {
                "place": place,
                "value": str(number.value),
                "unit": number.unit,
                "grade": number.grade,
                "awaits_sign_off": number.grade in AWAITING,
                "cites": number.citation,
                "source": sources[number.citation],
                "stated_in": file.inherited.get(place, policy.label),
                "note": notes.get(place),
            }
            for place, number in numbers_of(policy)
        ],
        "quotations": [
            {
                "situation": quotation.situation,
                "statement": quotation.statement,
                "route": quotation.route,
                "window": quotation.window,
                "from_grade": quotation.from_grade,
                "cites": quotation.citation,
                "source": sources[quotation.citation],
            }
            for quotation in policy.quotations
        ],
        "citations": sources,
        "awaiting_sign_off": awaiting_sign_off(policy),
    }
