"""The policy of a finding as a branch of the tree: windows, sources, grades, and the numbers awaiting sign-off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapter.knowledge.policy_numbers import SECTIONS, WINDOW
from adapter.rules.quantities import unit_text

Branch = dict[str, Any]
Part = Mapping[str, Any]


def policy_entry(policy: Part) -> Branch:
    """The policy as the evidence holds it, its numbers named as in the policy file."""
    return {
        **policy,
        "awaiting_sign_off": {
            grade: [_placed(number) for number in numbers] for grade, numbers in policy["awaiting_sign_off"].items()
        },
    }


def _placed(number: str) -> str:
    """`day 7: from 144 h` for `day 7: min_h 144 h`: where a reader finds the number in the file."""
    name, _, value = number.rpartition(": ")
    field, _, told = value.partition(" ")
    place = f"{name}: {_KEY_OF_FIELD.get(field, field)}" if name else _PLACE_OF_FIELD.get(field, field)
    return f"{place} {unit_text(told)}"


_KEY_OF_FIELD = {field: key for key, (field, _) in WINDOW.items()}
_PLACE_OF_FIELD = {field: f"{section}: {key}" for section, keys in SECTIONS.items() for key, (field, _) in keys.items()}
