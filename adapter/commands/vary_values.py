"""Variations of the value: every form in which laboratories send one."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.commands.vary_edit import Good
from adapter.commands.vary_variation import Variation, varied

VALUES = (
    ("NM", "0.42", "plain", "a plain number"),
    ("NM", "0.30", "trailing-zero", "a number with a trailing zero"),
    ("NM", "065.88", "leading-zero", "a number with a leading zero"),
    ("NM", ".42", "no-leading-zero", "a number that begins with the point"),
    ("NM", "+0.42", "plus", "a number with a plus sign"),
    ("NM", "-0.42", "minus", "a negative number"),
    ("NM", "0", "zero", "zero"),
    ("NM", "4.2E-1", "exponent", "a number with an exponent"),
    ("NM", "<0.03", "sign-in-nm", "a sign in a value declared as number"),
    ("NM", "0,42", "comma", "a decimal comma behind a zero"),
    ("NM", "1,234", "thousands", "a comma that may be decimal or part thousands"),
    ("NM", "1234.5", "implausible", "a number no dose can give"),
    ("NM", "", "empty", "no value"),
    ("SN", "<^0.03", "sn-below", "a structured numeric below a limit"),
    ("SN", ">^2.00", "sn-above", "a structured numeric above a limit"),
    ("SN", "^0.03", "sn-no-comparator", "a structured numeric without comparator"),
    ("SN", "=^0.03", "sn-equals", "a structured numeric with an equals sign"),
    ("SN", "<>^0.03", "sn-not-equal", "a structured numeric that is not one number"),
    ("SN", "^0.1^-^0.3", "sn-range", "a structured numeric with a range"),
    ("SN", "^1^:^8", "sn-titre", "a structured numeric with a titre"),
    ("ST", "< 0.03", "st-below", "a text with sign and blank"),
    ("ST", "<0.03", "st-below-tight", "a text with sign"),
    ("ST", "\u2264 0,03", "st-at-most", "a text with the sign for at most and a decimal comma"),
    ("ST", "&lt;0.03", "st-entity", "a sign escaped as in HTML"),
    ("ST", ">2.0", "st-above", "a text above a limit"),
    ("ST", "0.1-0.3", "st-range", "a text with a range"),
    ("ST", "0.42 IU/mL", "st-unit", "a text with number and unit"),
    ("ST", "0.42 H", "st-flag", "a text with number and flag"),
    ("ST", "not detected", "st-not-detected", "the words `not detected`"),
    ("ST", "below detection limit", "st-below-detection", "the words `below detection limit`"),
    ("ST", "see note", "st-see-note", "the words `see note`"),
    ("ST", "pending", "st-pending", "the word `pending`"),
    ("ST", "haemolysed", "st-haemolysed", "a specimen that was refused"),
    ("ST", "QNS", "st-qns", "not enough specimen"),
    ("ST", "None", "st-none", "the word `None`"),
    ("ST", "0.42 (repeated)", "st-remark", "a number with a remark"),
    ("TX", "Asparaginase activity 0.42", "tx-sentence", "a sentence that holds the number"),
    ("CE", "NEG^negative^L", "ce-negative", "a coded value"),
    ("ED", "^TEXT^^Base64^MC40Mg==", "ed-document", "a document instead of a value"),
)
FLAGS = (
    ("<", "below"),
    (">", "above"),
    ("L", "low"),
    ("LL", "very-low"),
    ("N", "normal"),
    ("A", "abnormal"),
    ("L~A", "two"),
)
RANGES = ((">=0.1", "at-least"), ("0.1-", "open"), ("135 - 145", "blanks"), ("[ ]", "brackets"))


def value_variations(good: Good) -> Iterator[Variation]:
    """Values, and the flags and ranges beside them."""
    for kind, raw, name, says in VALUES:
        if good.can_hold(raw):
            made = good.with_fields(("OBX", 2, kind), ("OBX", 5, raw)).message
            yield varied(f"obx-05-{name}", f"{says}: {raw}" if raw else says, made)
    for flag, name in FLAGS:
        yield varied(f"obx-08-{name}", f"flag {flag} beside the value", good.put("OBX", 8, flag))
    for text, name in RANGES:
        yield varied(f"obx-07-{name}", f"reference range {text}", good.put("OBX", 7, text))
