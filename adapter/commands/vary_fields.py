"""Variations of codes, units, status, numbers of the patient, nulls and escapes."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.commands.vary_edit import Good, again, put, with_line
from adapter.commands.vary_variation import Variation, named, varied
from adapter.knowledge.spec import Knowledge

TYPES = ("NM", "SN", "ST", "TX", "FT", "")
STATUSES = {
    "P": "preliminary",
    "R": "entered, not verified",
    "S": "partial",
    "F": "final",
    "V": "verified, no change",
    "A": "amended",
    "B": "appended",
    "C": "corrected",
    "D": "deleted",
    "W": "posted as wrong",
    "X": "cannot be obtained",
    "U": "becomes final without being sent again",
    "I": "pending, specimen in the laboratory",
    "O": "ordered, no specimen yet",
    "N": "not asked",
    "": "not given",
    "Z": "in no table",
}
NOT_A_LOINC = "99999-9^Asparaginase activity^LN"
"""No LOINC number of this test is known; a site that was given one varies with its own table."""
TWELVE = "^^^^^^^^^^^twelfth"


def field_variations(good: Good, knowledge: Knowledge) -> Iterator[Variation]:
    """Everything about single fields but the value and the times."""
    yield from _types(good)
    yield from _codes(good)
    yield from _units(good, knowledge)
    yield from _statuses(good)
    yield from _people(good)
    yield from _nulls(good)
    yield from _components(good)
    yield from _escapes(good)


def _types(good: Good) -> Iterator[Variation]:
    for kind in TYPES:
        says = f"the value is declared as {kind}" if kind else "no type of the value is declared"
        yield varied(f"obx-02-{kind or 'empty'}", says, good.put("OBX", 2, kind))


def _codes(good: Good) -> Iterator[Variation]:
    local = "^".join(_triplet(good))
    for name, raw, says in (
        ("local-only", local, "the local code alone"),
        ("loinc-only", NOT_A_LOINC, "a LOINC number alone"),
        ("local-first", f"{local}^{NOT_A_LOINC}", "the local code before a LOINC number"),
        ("loinc-first", f"{NOT_A_LOINC}^{local}", "a LOINC number before the local code"),
        ("lower-case", local.lower(), "the code in lower case"),
        ("empty", "", "no code at all"),
    ):
        yield varied(f"obx-03-{name}", says, good.put("OBX", 3, raw))


def _triplet(good: Good) -> list[str]:
    """The first coding of the test as it was sent: code, text, system."""
    return [*good.result.field(3).split("^"), "", ""][:3]


def _units(good: Good, knowledge: Knowledge) -> Iterator[Variation]:
    separators = set(good.message.delimiters.field + good.message.delimiters.encoding)
    spellings = dict.fromkeys(row.code for row in knowledge.tables["units"].rows)
    for number, unit in enumerate(spellings, start=1):
        if good.can_hold(unit) and not set(unit) & separators:
            yield varied(f"obx-06-{number:03d}-{named(unit)}", f"unit {unit}", good.put("OBX", 6, unit))
    for name, raw, says in (
        ("unknown", "zU/spoon", "a unit in no table"),
        ("empty", "", "no unit"),
        ("ucum", "[IU]/mL^International units per millilitre^UCUM", "the unit of UCUM with its system"),
        ("in-value", "", "the unit stands in the value"),
    ):
        made = good.put("OBX", 6, raw)
        if name == "in-value":
            made = good.with_fields(("OBX", 2, "ST"), ("OBX", 5, "0.42 IU/mL"), ("OBX", 6, "")).message
        yield varied(f"obx-06-{name}", says, made)


def _statuses(good: Good) -> Iterator[Variation]:
    for letter, says in STATUSES.items():
        name = f"obx-11-{letter or 'empty'}-{says}" if letter else "obx-11-empty"
        yield varied(name, f"result status {letter or 'empty'}: {says}", good.put("OBX", 11, letter))
    for letter in ("P", "F", "C", "X"):
        made = good.with_fields(("OBX", 11, ""), ("OBR", 25, letter)).message
        yield varied(f"obr-25-{letter}", f"the result has no status, its order has {letter}", made)
    made = good.with_fields(("OBX", 11, "F"), ("OBR", 25, "X")).message
    yield varied("obr-25-disagrees", "the order is cancelled and the result final", made)


def _people(good: Good) -> Iterator[Variation]:
    person = good.message.first("PID")
    if person is None:
        return
    own = person.field(3)
    for name, raw, says in (
        ("other-behind", f"{own}~000999^^^ELSEWHERE^PI", "a number of another authority behind ours"),
        ("other-first", f"000999^^^ELSEWHERE^PI~{own}", "a number of another authority before ours"),
        ("other-only", "000999^^^ELSEWHERE^PI", "only a number of another authority"),
        ("no-authority", own.split("^", 1)[0], "the number without its authority"),
        ("blank-repetition", f"~{own}", "an empty repetition before the number"),
        ("empty", "", "no number at all"),
    ):
        yield varied(f"pid-03-{name}", says, good.put("PID", 3, raw))


def _nulls(good: Good) -> Iterator[Variation]:
    for name, number, says in (
        ("OBX", 5, "the value is deleted"),
        ("OBX", 6, "the unit is deleted"),
        ("OBX", 11, "the status is deleted"),
        ("OBR", 7, "the collection time is deleted"),
        ("PID", 3, "the number of the patient is deleted"),
    ):
        yield varied(f"null-{name}-{number:02d}", f'{name}-{number} is `""`: {says}', good.put(name, number, '""'))


def _components(good: Good) -> Iterator[Variation]:
    for name, number, segment in (("OBX", 3, good.result), ("OBX", 6, good.result), ("PID", 3, None)):
        found = segment or good.message.first(name)
        if found:
            extra = TWELVE[found.field(number).count("^") :]
            made = put(good.message, found, number, found.field(number) + extra)
            yield varied(f"twelfth-component-{name}-{number:02d}", f"{name}-{number} has twelve components", made)
    made = good.put("OBX", 5, f"{good.result.field(5)}~0.10")
    yield varied("obx-05-repeated", "the value has two repetitions", made)


def _escapes(good: Good) -> Iterator[Variation]:
    code, _, system = _triplet(good)
    for name, raw, says in (
        (
            "component",
            f"{code}^Asparaginase \\S\\ activity^{system}",
            "an escaped component separator in the name",
        ),
        ("hexadecimal", f"{code}^Asparaginase \\X41\\ctivity^{system}", "a hexadecimal escape in the name"),
        (
            "unterminated",
            f"{code}^Asparaginase \\ activity^{system}",
            "a lone escape character in the name",
        ),
    ):
        yield varied(f"escape-{name}", says, good.put("OBX", 3, raw))
    for name, text, says in (
        ("line-break", "first line\\.br\\second line", "a formatted line break in a note"),
        ("carriage-return", "first line\\X0D\\second line", "an escaped carriage return in a note"),
        ("highlight", "\\H\\see\\N\\ note", "highlighting in a note"),
    ):
        made = with_line(good.message, good.result.index + 1, f"NTE|1|L|{text}")
        yield varied(f"escape-{name}", says, again(made, made.text))
