"""A message as a golden case whose outcome nobody has accepted yet."""

from __future__ import annotations

import re

import yaml

from adapter.commands.golden_case import LINE_ENDS
from adapter.commands.run_message import is_fhir
from adapter.ingest.hl7v2 import NotHl7, read_message
from adapter.ingest.hl7v2.charsets import codec_of

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_/+-]*", re.ASCII)
_NOT_IN_A_BLOCK = re.compile(r"[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""Characters YAML keeps only between quotation marks."""


class NoCaseError(ValueError):
    """These bytes cannot be given back by a golden case."""


def case_text(title: str, raw: bytes, *, mapping: str | None = None, site: dict[str, str] | None = None) -> str:
    """The file of a case: its sentence, how the bytes are written, the message, and an empty `expect`.

    Raises NoCaseError when a case cannot hold the bytes.
    """
    text, wire = _as_text(raw)
    lines = [yaml.safe_dump({"case": title}, allow_unicode=True, width=1000).rstrip()]
    lines += [f"mapping: {mapping}"] if mapping else []
    lines += ["site:", *(f"  {name}: {_plain(value)}" for name, value in site.items())] if site else []
    lines += ["wire:", *(f"  {name}: {value}" for name, value in wire.items())] if wire else []
    return "\n".join([*lines, _input(text), "expect:", ""])


def _plain(value: str) -> str:
    """A setting as YAML reads it back: `[IU]/mL` would be a list."""
    return value if _WORD.fullmatch(value) else yaml.safe_dump(value, default_style='"', width=2**31).rstrip()


def _input(text: str) -> str:
    if _NOT_IN_A_BLOCK.search(text) or text.startswith((" ", "\n")):
        quoted = yaml.safe_dump(text, default_style='"', width=2**31)
        return f"input: {quoted.rstrip()}"
    return "input: |\n" + "\n".join(f"  {line}" if line else "" for line in text.split("\n"))


def _as_text(raw: bytes) -> tuple[str, dict[str, str]]:
    """The lines of the message, and what has to be said of its bytes."""
    if is_fhir(raw):
        return raw.decode("utf-8-sig").rstrip("\n"), {}
    try:
        message = read_message(raw)
    except NotHl7:
        raise NoCaseError("no HL7 v2 message and no FHIR resource") from None
    name = _line_end(message.text)
    text = message.text.replace(LINE_ENDS[name], "\n").rstrip("\n")
    wire = {} if name == "CR" else {"line_end": name}
    if not raw.isascii() and message.charset != "utf-8":
        wire |= {"charset": message.charset}
    codec = codec_of(wire.get("charset", "utf-8"))
    written = "".join(f"{line}{LINE_ENDS[name]}" for line in text.split("\n"))
    if codec is None or written.encode(codec).rstrip(b"\r\n") != raw.rstrip(b"\r\n"):
        raise NoCaseError("its line ends or its character set are such that a golden case would not give them back")
    return text, wire


def _line_end(text: str) -> str:
    """The name of what ends the lines."""
    if "\r\n" in text:
        return "CRLF"
    return "LF" if "\n" in text and "\r" not in text else "CR"
