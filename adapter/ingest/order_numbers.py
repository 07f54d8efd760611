"""Order numbers (EI): the number and the authority that makes it unique."""

from __future__ import annotations

from adapter.domain.events import Coding
from adapter.ingest.scopes import Scope
from adapter.ingest.v2_fields import Found, V2Field


def order_number(scope: Scope, field: V2Field) -> Coding | None:
    """An order number (EI) with its assigning authority."""
    found = field.first(scope)
    code = found.segment.value(found.field) if found else None
    if found is None or code is None:
        return None
    return Coding(code=code, system=_authority(found) or found.segment.value(found.field, 1, 2))


def _authority(found: Found) -> str | None:
    """The universal id of an EI (components 3 and 4) as a URI, which other systems can match."""
    kind = found.segment.value(found.field, 1, 4)
    if kind is None:
        return None
    universal = found.segment.value(found.field, 1, 3) or ""
    match kind.upper():
        case "ISO":
            return f"urn:oid:{universal}" if universal else None
        case "UUID" | "GUID":
            return f"urn:uuid:{universal.lower()}" if universal else None
        case "URI":
            return universal or None
        case _:
            return None
