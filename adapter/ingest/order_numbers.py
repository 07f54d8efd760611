"""Order numbers (EI): the number and the authority that makes it unique."""

from __future__ import annotations

from adapter.domain.events import Coding
from adapter.ingest.scopes import Scope
from adapter.ingest.v2_fields import V2Field


def order_number(scope: Scope, field: V2Field) -> Coding | None:
    """An order number (EI) with its assigning authority."""
    filled = field.filled(scope)
    if filled is None:
        return None
    segment, number = filled
    code, namespace, universal, kind = (*segment.parts(number), "", "", "", "")[:4]
    if not code:
        return None
    return Coding(code=code, system=(_authority(universal, kind) if universal else None) or namespace or None)


def _authority(universal: str, kind: str) -> str | None:
    """The universal id of an EI (components 3 and 4) as a URI, which other systems can match."""
    match kind.upper():
        case "ISO":
            return f"urn:oid:{universal}"
        case "UUID" | "GUID":
            return f"urn:uuid:{universal.lower()}"
        case "URI":
            return universal
        case _:
            return None
