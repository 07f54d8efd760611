"""What an identifier of a patient (CX) is by its type (table 0203) and its text: his number, a visit's, or none."""

from __future__ import annotations

from typing import NamedTuple

_PREFERRED = {"MR": 0, "PI": 1, "": 2}
_OF_ANY_OTHER_TYPE = 3
NOT_OF_A_PATIENT = frozenset(
    {
        *("VN", "VISIT", "ENC", "CSN", "FIN"),
        *("AN", "ANC", "AND", "ANT", "BA", "ACCT", "HAR"),
        *("PLAC", "FILL", "ACSN", "SID", "RI"),
        *("PRN", "NPI", "EI", "EN", "DN", "FI", "XX", "NII", "NIIP"),
    }
)
"""Types of table 0203, and usual words for them: visits, accounts, orders and specimens, staff, organisations."""
_NO_NUMBER = frozenset({"UNKNOWN", "UNK", "UNBEKANNT", "INCONNU", "NONE", "NULL", "NIL", "N/A", "NA", "N.A."})


class Number(NamedTuple):
    """A filled identifier with a mapped system, and how far before others of that system it counts."""

    rank: int
    system: str
    value: str


def rank_of(kind: str) -> int:
    """The place of a type among the numbers of one authority: MR, then PI, then none, then any other."""
    return _PREFERRED.get(kind.strip().upper(), _OF_ANY_OTHER_TYPE)


def may_be_a_patient(kind: str) -> bool:
    """Whether identifiers of a type (CX.5) can say who somebody is."""
    return kind.strip().upper() not in NOT_OF_A_PATIENT


def is_placeholder(value: str) -> bool:
    """Whether a text only says that there is no number: `UNKNOWN`, `N/A`, `-`, `""`, or nothing but zeros."""
    text = value.strip()
    if text.isalnum():
        return not text.strip("0") or text.upper() in _NO_NUMBER
    return text.upper() in _NO_NUMBER or not any(character.isalnum() for character in text) or not text.strip("0")
