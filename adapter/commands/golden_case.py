"""Golden cases: a message pasted into YAML, and what must come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adapter.commands.lint_golden import golden_faults
from adapter.ingest.hl7v2.charsets import codec_of
from adapter.ingest.senders import SenderRules
from adapter.knowledge.plain_file import read_plain
from adapter.knowledge.spec import Table
from adapter.knowledge.text_yaml import Document, Fault, Node, did_you_mean, read_yaml

KEYS = ("case", "mapping", "site", "wire", "input", "expect")
PARTS = ("relevance", "events", "only", "identities", "problems", "parked", "ack", "http", "gaps", "unread")
"""What `expect` may hold; a part that is not there is not compared."""
SETTINGS = tuple(f.name for f in fields(SenderRules) if f.name != "cannot_store")
WIRE = ("line_end", "charset")
"""How the bytes of an HL7 v2 message differ from the usual: lines ended by CR, in UTF-8."""
LINE_ENDS = {"CR": "\r", "LF": "\n", "CRLF": "\r\n"}
WORDS = {"unsupported": ("AA", "AE", "AR"), "content_errors": ("AE", "AA")}
_YES_NO = {"yes": True, "true": True, "no": False, "false": False}
FLAGS = frozenset({"decimal_comma", "warn_in_err"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One golden case as its file has it."""

    path: Path
    shown: str
    title: str
    mapping: str | None
    input: str
    rules: SenderRules
    line_end: str = "\r"
    codec: str = "utf-8"
    expect: dict[str, Node] | None
    """None for a case whose outcome nobody has accepted yet."""

    @property
    def raw(self) -> bytes:
        """The bytes that are read: lines of an HL7 v2 message end with CR unless `wire` says otherwise, JSON stays."""
        if self.input.lstrip().startswith(("{", "[")):
            return self.input.encode()
        lines = self.input.rstrip("\n").split("\n")
        return "".join(f"{line}{self.line_end}" for line in lines).encode(self.codec)


def read_case(
    path: Path, shown: str, mappings: Sequence[str] | None, units: Table | None = None
) -> tuple[Case | None, list[Fault]]:
    """One case, or what is wrong with its file; `mappings` are the files a case may be about (`v2/oru.yaml`).

    Without `mappings`, and without `units`, only faults are told that need neither to be seen.
    """
    try:
        content = read_plain(path)
    except OSError as fault:
        return None, [Fault(file=shown, line=0, text=f"cannot be read: {fault.strerror}")]
    document, faults = read_yaml(content, shown)
    if document is None:
        return None, faults
    faults = [*_shape_faults(document, mappings), *golden_faults(document, units)]
    if not isinstance(document.data, dict):
        return None, faults
    data = document.data
    rules, of_site = _rules(document)
    wire, of_wire = _wire(document, str(data.get("input")))
    faults = list(dict.fromkeys((*faults, *of_site, *of_wire)))
    if faults:
        return None, faults
    expect = data.get("expect")
    case = Case(
        path=path,
        shown=shown,
        title=str(data["case"]),
        mapping=str(data["mapping"]) if "mapping" in data else None,
        input=str(data["input"]),
        rules=rules,
        line_end=wire["line_end"],
        codec=wire["charset"],
        expect=expect if isinstance(expect, dict) else None,
    )
    return case, []


def _shape_faults(document: Document, mappings: Sequence[str] | None) -> list[Fault]:
    data = document.data
    if not isinstance(data, dict):
        return [document.fault((), f"a golden case has the keys {', '.join(KEYS)}")]
    faults = [
        document.fault((key,), f"'{key}' is no key of a golden case{did_you_mean(key, KEYS)}; it has {', '.join(KEYS)}")
        for key in data
        if key not in KEYS
    ]
    for key, why in (("case", "one sentence that says what the case is about"), ("input", "the message, after '|'")):
        if not isinstance(data.get(key), str) or not str(data.get(key)).strip():
            faults.append(document.fault((key,), f"'{key}' is missing or empty: write {why}"))
    mapping = data.get("mapping")
    if mapping is not None and mappings is not None and mapping not in mappings:
        hint = did_you_mean(str(mapping), mappings)
        faults.append(document.fault(("mapping",), f"there is no mapping '{mapping}'{hint}"))
    return [*faults, *_expect_faults(document, data.get("expect"))]


def _expect_faults(document: Document, expect: Node | None) -> list[Fault]:
    if expect is None or expect == "":
        return []
    if not isinstance(expect, dict):
        return [document.fault(("expect",), f"'expect' holds parts: {', '.join(PARTS)}")]
    if not set(expect) - {"only"}:
        text = (
            f"this expects nothing, so any outcome would pass; name parts ({', '.join(PARTS)}), "
            "or leave 'expect:' empty and run troughline test --accept"
        )
        return [document.fault(("expect",), text)]
    return [
        document.fault(("expect", key), f"'{key}' is no part of 'expect'{did_you_mean(key, PARTS)}")
        for key in expect
        if key not in PARTS
    ]


def _rules(document: Document) -> tuple[SenderRules, list[Fault]]:
    """The settings of the sender, as a site would write them."""
    data = document.data
    site = data.get("site", {}) if isinstance(data, dict) else {}
    if not isinstance(site, dict):
        return SenderRules(), [document.fault(("site",), f"'site' holds settings: {', '.join(SETTINGS)}")]
    given: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, value in site.items():
        wrong = _setting(name, value, given)
        if wrong:
            faults.append(document.fault(("site", name), wrong))
    return SenderRules(**given), faults


def _setting(name: str, value: Node, given: dict[str, Any]) -> str | None:
    if name not in SETTINGS:
        return f"'{name}' is no setting of a sender{did_you_mean(name, SETTINGS)}"
    text = str(value)
    if name in FLAGS:
        if text not in _YES_NO:
            return f"'{name}' is yes or no"
        given[name] = _YES_NO[text]
    elif name == "zone":
        try:
            given[name] = ZoneInfo(text)
        except (ValueError, OSError, KeyError):
            return f"'{text}' is no zone; write Europe/Berlin"
    elif name in WORDS and text not in WORDS[name]:
        return f"'{name}' is one of {', '.join(WORDS[name])}"
    else:
        given[name] = text
    return None


def _wire(document: Document, text: str) -> tuple[dict[str, str], list[Fault]]:
    """How the lines of the message end, and its codec."""
    data = document.data
    given = data.get("wire", {}) if isinstance(data, dict) else {}
    wire = {"line_end": LINE_ENDS["CR"], "charset": "utf-8"}
    if not isinstance(given, dict):
        return wire, [document.fault(("wire",), f"'wire' holds {' and '.join(WIRE)}")]
    faults: list[Fault] = []
    for name, value in given.items():
        known = LINE_ENDS.get(str(value)) if name == "line_end" else codec_of(str(value))
        made = known if name in WIRE else None
        if made is None:
            faults.append(document.fault(("wire", name), _wire_fault(name)))
        else:
            wire[name] = made
    try:
        text.encode(wire["charset"])
    except UnicodeEncodeError:
        faults.append(document.fault(("wire", "charset"), "this character set lacks a character of the message"))
    return wire, faults


def _wire_fault(name: str) -> str:
    if name not in WIRE:
        return f"'{name}' is no key of 'wire'{did_you_mean(name, WIRE)}; it has {', '.join(WIRE)}"
    if name == "line_end":
        return f"'line_end' is one of {', '.join(LINE_ENDS)}"
    return "'charset' is a name of HL7 table 0211, such as UNICODE UTF-8 or 8859/1"
