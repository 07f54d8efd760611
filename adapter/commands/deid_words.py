"""What may stay of texts, codes and results: words a laboratory is known to use, and nothing a person wrote freely."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from adapter.commands.deid_keep_list import KeepList
from adapter.commands.deid_times import moved_hl7
from adapter.domain.values import LONGEST_VALUE_CHARACTERS, Value, read_value
from adapter.ingest.fhir_reactions import explicit_grade
from adapter.knowledge.spec import Knowledge

LONGEST_CODE_CHARACTERS = 20
"""What may be told of a code elsewhere too: one word of OBX-3 or OBX-6."""
TEXT_REMOVED = "TEXT REMOVED"
"""Written where a result was a text nobody knows: it is as unreadable as what stood there."""
SHORTENED = "(shortened)"
UNIT_REMOVED = "unit"
_WORD = re.compile(r"[^\W_]+(?:[-'.][^\W_]+)*")
_SIGNS_AND_DIGITS = re.compile(r"[\d.,<>=\u2264\u2265+\-\u2013: \[\]]{1,30}")
_DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}")
_LONG_NUMBER = re.compile(r"\d{8,}")
"""A day without separators, a telephone number, a number of a patient: more digits than results have."""
_UNIT = re.compile(r"[A-Za-z\u00b5\u03bc\[\]%0-9^*.]{0,12}[/%][A-Za-z0-9\u00b2.*\[\]^]{0,12}|%")
_NUMBER = re.compile(r"\d{1,6}")
TIMES = frozenset({"DT", "TS", "DTM"})
_STRUCTURED = ("SN", "NM")
_NO_TEXT = frozenset({"ED", "RP"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words and codes that are known, from the keep list and the code tables."""

    words: frozenset[str]
    codes: frozenset[str]
    """Codes and labels of the tables, whole."""
    near: tuple[str, ...] = field(default=())
    systems: frozenset[str] = frozenset()
    """Code systems the tables name."""

    def knows(self, word: str) -> bool:
        """Whether this is a word of the laboratory, or looks like one of our drugs or tests."""
        folded = word.casefold().strip(".")
        if len(folded) > 1 and all(part in self.words for part in re.split(r"[-'.]", folded) if part):
            return True
        return word.isascii() and len(word) <= LONGEST_CODE_CHARACTERS and any(stem in folded for stem in self.near)

    def is_code(self, text: str) -> bool:
        """Whether a table knows the code, or it is one word and short."""
        return text in self.codes or (
            len(text) <= LONGEST_CODE_CHARACTERS and text.isprintable() and not re.search(r"\s", text)
        )

    def name(self, text: str) -> str:
        """The text without the words nobody knows; signs and numbers go with them."""
        if self.known(text):
            return text
        short = " ".join(word for word in _WORD.findall(text) if self.knows(word))
        # A shortened text must not come to be one that a table knows: `IV piggyback` is no `IV`.
        return f"{short} {SHORTENED}" if short in self.codes else short

    def free(self, text: str) -> str:
        """A free text when every word of it is known, else its grade, else nothing."""
        grade = explicit_grade(text)
        if self.known(re.sub(r"(?i)\bgrade\s*:?\s*(?:[1-5]|iv|v|i{1,3})\b", "grade", text) if grade else text):
            return text
        return f"grade {grade}" if grade else ""

    def known(self, text: str) -> bool:
        """Whether every word is known, and no number stands among them."""
        return text in self.codes or all(self.knows(word) for word in _WORD.findall(text))

    def result(self, components: list[str], declared: str, days: int = 0) -> list[str]:
        """A result, component by component; what the value grammar does not read gives way to a fixed text."""
        kind = declared.strip().upper()
        if kind in TIMES:
            return [moved_hl7(part, days) if part else part for part in components[:1]] + [""] * len(components[1:])
        if kind in _NO_TEXT:
            return [TEXT_REMOVED, *("" for _ in components[1:])]
        if kind in _STRUCTURED or len([part for part in components if part]) > 1:
            return [self._part(part) for part in components]
        return [self._line(part) if part else part for part in components]

    def _part(self, text: str) -> str:
        """One part of a structured numeric or of a coded result."""
        return self._line(text) if text else text

    def _line(self, text: str) -> str:
        if _DATE.search(text) or _LONG_NUMBER.search(text):
            return TEXT_REMOVED
        if _SIGNS_AND_DIGITS.fullmatch(text) or self.known(text):
            return text
        read = read_value([text])
        if read.kind == "rejected":
            return "specimen rejected"
        if read.kind == "unreadable" or len(text) > LONGEST_VALUE_CHARACTERS:
            return TEXT_REMOVED
        return self._with_unit(text, read) if read.unit else text

    def _with_unit(self, text: str, read: Value) -> str:
        """A number with a unit inside it; a unit no table knows and that has no form of one becomes `unit`."""
        unit = read.unit or ""
        if unit in self.codes or _UNIT.fullmatch(unit):
            return text
        return f"{text.rstrip()[: -len(unit)]}{UNIT_REMOVED}"


def is_number(text: str) -> bool:
    """Whether this is a small number, as places in a sequence and versions of a record are."""
    return bool(_NUMBER.fullmatch(text))


def words_of(keep: KeepList, knowledge: Knowledge) -> Words:
    """Everything the keep list and the tables know."""
    rows = [row for table in knowledge.tables.values() for row in table.rows]
    texts = [*keep.phrases, *(row.label for row in rows), *(row.code for row in rows), *(row.target for row in rows)]
    words = {word.casefold().strip(".") for text in texts for word in _WORD.findall(text)}
    # A label in a table is one word at least; single letters and numbers say nothing by themselves.
    words = {part for word in words for part in (word, *re.split(r"[-'.]", word)) if part and not part.isdigit()}
    near = tuple(stem for mapping in knowledge.mappings for stem in mapping.select.near)
    return Words(
        words=frozenset(words),
        codes=frozenset(text for row in rows for text in (row.code, row.label) if text),
        near=near,
        systems=frozenset(row.system for row in rows),
    )
