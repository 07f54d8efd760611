"""JSON Schema of a golden case, made from what its reader knows."""

from __future__ import annotations

from adapter.commands.golden_case import FLAGS, KEYS, LINE_ENDS, PARTS, SETTINGS, WORDS
from adapter.commands.lint_golden import known_fields
from adapter.knowledge.schema_parts import Schema, block, maybe, said, text, whole_file, words, yes_no

_MEANINGS = {
    "case": "One sentence that says what the case is about.",
    "mapping": "The mapping it is about: v2/oru_activity.yaml.",
    "site": "Settings of the sender, where the case needs some.",
    "wire": "How the bytes of an HL7 v2 message differ from the usual: lines ended by CR, in UTF-8.",
    "input": "The message, pasted after '|'.",
    "expect": "What comes of it; a part that is absent is not compared.",
}


def golden_schema() -> Schema:
    """The schema of a file in mappings/golden."""
    settings = {
        name: yes_no() if name in FLAGS else words(WORDS[name]) if name in WORDS else text() for name in SETTINGS
    }
    parts: dict[str, Schema] = {key: {} for key in PARTS}
    parts["only"] = {"type": "array", "items": words(sorted(known_fields()))}
    keys: dict[str, Schema] = {
        "case": text(),
        "mapping": text(),
        "site": block(settings),
        "wire": block({"line_end": words(LINE_ENDS), "charset": text()}),
        "input": text(),
        "expect": maybe(block(parts)),
    }
    made = block({key: said(keys[key], _MEANINGS[key]) for key in KEYS}, ("case", "input"))
    return whole_file("Golden case", made)
