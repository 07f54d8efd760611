"""The 29 kinds of tricky message: for each the bytes, what stands where, and which other library reads it alike."""

from __future__ import annotations

import base64
from dataclasses import dataclass

HEAD = "MSH|^~\\&|ANALYZER|EASTLAB|TDM|CLINIC|20260214083000+0100||ORU^R01^ORU_R01|T0001|P|2.5.1"
PATIENT = "PID|1||90210^^^CLINIC^MR||Fern^Ada"
ORDER = "OBR|1||E77|ASPANEL^Panel^L"
DOCUMENT = base64.b64encode(bytes(range(256)) * 24).decode()


@dataclass(frozen=True, kw_only=True)
class Tricky:
    """One message of a kind; `places` are values of its (last) message."""

    name: str
    raw: bytes
    places: dict[str, str | None]
    hl7apy: bool
    """hl7apy 1.3 gives the same values."""
    hl7: bool
    """python-hl7 0.4 gives the same values."""
    messages: int = 1


def message(*lines: str, head: str = HEAD, end: str = "\r") -> str:
    return end.join((head, PATIENT, ORDER, *lines)) + end


def kind(
    name: str,
    *lines: str,
    places: dict[str, str | None],
    hl7apy: bool = True,
    hl7: bool = True,
    head: str = HEAD,
    end: str = "\r",
) -> Tricky:
    return Tricky(name=name, raw=message(*lines, head=head, end=end).encode(), places=places, hl7apy=hl7apy, hl7=hl7)


def version(number: str) -> str:
    return HEAD.removesuffix("2.5.1") + number


LEVEL = "OBX|1|NM|ASPACT^Activity^L||0.37|IU/mL|||||F"
LEVEL_PLACES: dict[str, str | None] = {"PID-3": "90210", "OBX-3.2": "Activity", "OBX-5": "0.37", "OBX-6": "IU/mL"}


def of_bytes(name: str, raw: bytes, *, hl7apy: bool, hl7: bool, messages: int = 1) -> Tricky:
    return Tricky(name=name, raw=raw, places=LEVEL_PLACES, hl7apy=hl7apy, hl7=hl7, messages=messages)


PLAIN = message(LEVEL)
LATIN = message(LEVEL, "NTE|1||Gefäß hämolytisch", head=HEAD + "||||||8859/1")
CUSTOM = (
    "MSH!*+?@!ANALYZER!EASTLAB*7!TDM!CLINIC!20260214!!ORU*R01!T0001!P!2.5.1\r"
    "PID!1!!90210***CLINIC*MR\rOBR!1!!E77!P\rOBX!1!ST!X*name!!a?S?b?F?c^d|e@f\r"
)

KINDS = (
    kind(
        "delimiter-escapes",
        r"OBX|1|ST|X||1\F\2 \S\ 3\T\4 \R\ \E\root",
        places={"OBX-5": r"1|2 ^ 3&4 ~ \root"},
        hl7apy=False,
    ),
    kind("hexadecimal-escape", r"OBX|1|FT|X||above\X0D\below", places={"OBX-5": "above\rbelow"}, hl7apy=False),
    kind(
        "line-break-escape", r"OBX|1|FT|X||above\.br\below", places={"OBX-5": "above\nbelow"}, hl7apy=False, hl7=False
    ),
    kind("multi-byte-hexadecimal", r"OBX|1|ST|X||Zo\XC3AB\ B", places={"OBX-5": "Zoë B"}, hl7apy=False, hl7=False),
    kind("lone-escape-character", r"OBX|1|ST|X||90% \ 10% water", places={"OBX-5": r"90% \ 10% water"}, hl7=False),
    kind("explicit-null", 'OBX|1|NM|X||""|IU/mL', places={"OBX-5": None, "OBX-6": "IU/mL"}),
    kind("repetitions", "OBX|1|ST|X||low~high", places={"OBX-5(1)": "low", "OBX-5(2)": "high"}),
    kind(
        "empty-repetition",
        "OBX|1|ST|X||low~~high",
        places={"OBX-5(1)": "low", "OBX-5(2)": None, "OBX-5(3)": "high"},
    ),
    kind("sub-components", "OBX|1|CE|X^p&q&r^L", places={"OBX-3.2.1": "p", "OBX-3.2.3": "r", "OBX-3.3": "L"}),
    kind("trailing-delimiters", "OBX|1|ST|X^^||low^^&||||", places={"OBX-3": "X", "OBX-5": "low", "OBX-6": None}),
    kind("structured-number", "OBX|1|SN|X||<^0.03", places={"OBX-5.1": "<", "OBX-5.2": "0.03"}),
    kind("sign-in-a-number", "OBX|1|NM|X||<0.03", places={"OBX-5": "<0.03"}),
    kind(
        "embedded-document",
        f"OBX|1|ED|X||EASTLAB^Application^PDF^Base64^{DOCUMENT}",
        places={"OBX-5.4": "Base64", "OBX-5.5": DOCUMENT},
    ),
    kind(
        "coded-element-of-2.3",
        "OBX|1|CE|X^Text^L^4-2^Other^LN||yes",
        places={"OBX-3.4": "4-2", "OBX-3.5": "Other", "OBX-5": "yes"},
        head=version("2.3"),
    ),
    kind(
        "field-beyond-the-standard",
        f"OBX|1|ST|X||low{'|' * 30}end",
        places={"OBX-5": "low", "OBX-35": "end"},
        hl7apy=False,
    ),
    kind(
        "three-encoding-characters",
        r"OBX|1|ST|X^a&b||5\S\6",
        places={"OBX-3.2": "a&b", "OBX-5": "5^6"},
        hl7apy=False,
        hl7=False,
        head=HEAD.replace("^~\\&", "^~\\", 1),
    ),
    kind(
        "five-encoding-characters-of-2.8.2",
        LEVEL,
        places=LEVEL_PLACES,
        head=version("2.8.2").replace("^~\\&", "^~\\&#", 1),
    ),
    of_bytes("line-feeds", PLAIN.replace("\r", "\n").encode(), hl7apy=False, hl7=False),
    of_bytes("carriage-return-line-feeds", PLAIN.replace("\r", "\r\n").encode(), hl7apy=False, hl7=False),
    of_bytes("blank-lines", PLAIN.replace("\rOBR", "\r\r\rOBR").encode(), hl7apy=True, hl7=False),
    of_bytes("frame-left-on", b"\x0b" + PLAIN.encode() + b"\x1c\r", hl7apy=True, hl7=True),
    of_bytes("byte-order-mark", b"\xef\xbb\xbf" + PLAIN.encode(), hl7apy=False, hl7=False),
    of_bytes("declared-latin", LATIN.encode("iso-8859-1"), hl7apy=False, hl7=False),
    Tricky(
        name="custom-delimiters",
        raw=CUSTOM.encode(),
        places={"MSH-4.2": "7", "PID-3": "90210", "OBX-3.2": "name", "OBX-5": "a*b!c^d|e", "OBX-5.1.2": "f"},
        hl7apy=False,
        hl7=True,
    ),
    of_bytes(
        "batch",
        ("FHS|^~\\&|x\rBHS|^~\\&|x\r" + PLAIN.replace("0.37", "9.9") + PLAIN + "BTS|2\rFTS|1\r").encode(),
        hl7apy=False,
        hl7=True,
        messages=2,
    ),
    kind("z-segment-inside", "ZAP|1|own", LEVEL, places={**LEVEL_PLACES, "ZAP-2": "own"}, hl7apy=False),
    kind("version-2.9", LEVEL, places=LEVEL_PLACES, hl7apy=False, head=version("2.9")),
    kind("version-2.7.1", LEVEL, places=LEVEL_PLACES, hl7apy=False, head=version("2.7.1")),
    kind("version-empty", LEVEL, places=LEVEL_PLACES, hl7apy=False, head=version("")),
)
