"""Which mappings and which policies something was read with, as two short hashes people can compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from adapter.app.parts import Loaded
from adapter.domain.policy import RuleBook
from adapter.knowledge.content import content_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The content hashes of what is read once and replaced as a whole."""

    mappings: str
    policies: str
    """Policies, products, and which policy reads which product."""

    def as_dict(self) -> dict[str, str]:
        """Plain values for JSON."""
        return asdict(self)


def versions_of(loaded: Loaded) -> Versions:
    """The versions of what was loaded."""
    return Versions(mappings=loaded.knowledge.hash, policies=policies_hash(loaded.rulebook))


def told_versions(told: Mapping[str, Any]) -> Versions:
    """What `as_dict` gave, after its journey as JSON."""
    return Versions(mappings=str(told["mappings"]), policies=str(told["policies"]))


def policies_hash(book: RuleBook) -> str:
    """The content hash of everything the rules know beside the history of a patient."""
    policies = sorted((policy.id, policy.version, policy.hash) for policy in book.policies)
    products = sorted((key, repr(product)) for key, product in book.products.items())
    return content_hash([policies, products, sorted(book.chosen.items())])
