"""Acknowledgments as a person reads them: code, control id, text, errors; leniently, whoever wrote them."""

from __future__ import annotations

from dataclasses import dataclass, field

ACCEPTED = frozenset({"AA", "CA"})
_LINE_ENDS = str.maketrans("\n", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """One MSA with the ERR segments behind it."""

    code: str
    """MSA-1."""
    control_id: str = ""
    """MSA-2: the message that is answered."""
    text: str = ""
    """MSA-3."""
    errors: tuple[dict[str, str], ...] = field(default=(), hash=False)
    """`location`, `code`, `severity` and `text` of each ERR."""

    @property
    def accepted(self) -> bool:
        """Whether the message was taken: AA or CA."""
        return self.code in ACCEPTED


def decoded(answer: bytes) -> list[Acknowledged]:
    """Every acknowledgment in the content of one frame; empty when it holds no MSA."""
    found: list[Acknowledged] = []
    component = "^"
    for line in answer.decode("utf-8", "replace").translate(_LINE_ENDS).split("\r"):
        fields = line.split(line[3:4]) if len(line) > 3 else []
        match line[:3]:
            case "MSH" if len(fields) > 1:
                component = fields[1][:1] or "^"
            case "MSA":
                found.append(Acknowledged(code=_at(fields, 1), control_id=_at(fields, 2), text=_at(fields, 3)))
            case "ERR" if found:
                found[-1] = _with_error(found[-1], _error(fields, component))
    return found


def _error(fields: list[str], component: str) -> dict[str, str]:
    """ERR-2, ERR-3, ERR-4 and ERR-8 from version 2.5 on; before, ERR-1 holds the place and the code."""
    if _at(fields, 1) and not _at(fields, 3):
        return {"location": _at(fields, 1), "code": "", "severity": "", "text": ""}
    return {
        "location": _at(fields, 2).replace(component, "^"),
        "code": _at(fields, 3).split(component)[0],
        "severity": _at(fields, 4),
        "text": _at(fields, 8) or _at(fields, 7),
    }


def _with_error(one: Acknowledged, error: dict[str, str]) -> Acknowledged:
    return Acknowledged(code=one.code, control_id=one.control_id, text=one.text, errors=(*one.errors, error))


def _at(fields: list[str], n: int) -> str:
    return fields[n] if n < len(fields) else ""
