"""Whether a message can concern us: an exact test of its OBX-3 and OBR-4, remembered per distinct code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from adapter.domain.message import Relevance
from adapter.ingest.code_lookup import another_matter
from adapter.ingest.dialects import Dialect, Judgement, Triple, new_dialect
from adapter.ingest.hl7v2 import Delimiters, NotHl7, read_message, split_messages, unescape
from adapter.ingest.hl7v2.charsets import codec_of, is_transparent
from adapter.ingest.hl7v2.header import Envelope, envelope_of, header_fields, peek
from adapter.ingest.identity_messages import MERGES, NO_EVENT, identity_kind, spelled
from adapter.ingest.line_beginnings import (
    FRAME_END,
    FRAME_START,
    NEWLINE,
    RESULT_LINE,
    beginnings,
    codes_of,
    is_clear,
    skeleton_of,
    with_returns,
)
from adapter.ingest.misnamed import CODED, is_unparted, misnamed
from adapter.knowledge.spec import NOT_OURS, Knowledge, Table

__all__ = ["RELEVANT", "TABLE", "Judgement", "RelevanceFilter", "judge_code", "near_words"]

TABLE = "activity_tests"

CENSUS_LIMIT = 1_000
"""Most unknown codes one message may put into the census."""
USUAL_BYTES = 4_096
"""Nearly all that is remembered by is shorter than this."""

_CODINGS = ((0, 1, 2), (3, 4, 5), (9, 10, 11))
"""Components of identifier, text and system of the codings in a CE or CWE."""
_ORIGINAL_TEXT = 8
_RANK: dict[Relevance, int] = {"irrelevant": 0, "near-miss": 1, "relevant": 2}

RELEVANT = Judgement(relevance="relevant")


def judge_code(codings: Iterable[Triple], text: str, *, table: Table, near: tuple[str, ...], sender: str) -> Judgement:
    """Judge one coded field by all its (system, code, text) and its original text (CONTRACTS 1, Relevance).

    A mapped code is relevant; a `not ours` row settles the field; else a near word in a code or text is a near miss,
    but for codings and texts that a row calls another matter word for word.
    """
    rows = [(coding, table.find(coding[1], coding[0], sender)) for coding in codings]
    unknown = tuple(coding for coding, row in rows if row is None and not another_matter(table, coding[2], sender))
    if any(row is not None and row.target != NOT_OURS for _, row in rows):
        return Judgement(relevance="relevant", codes=unknown)
    if any(row is not None for _, row in rows):
        return Judgement(relevance="irrelevant", codes=unknown)
    texts = [original for original in text.split("\n") if not another_matter(table, original, sender)]
    words = "\n".join((*texts, *(f"{code}\n{label}" for _, code, label in unknown))).casefold()
    found = any(word.casefold() in words for word in near)
    return Judgement(relevance="near-miss" if found else "irrelevant", codes=unknown)


def codings_of(field: str, delimiters: Delimiters, charset: str) -> tuple[tuple[Triple, ...], str]:
    """The filled (system, code, text) codings of a raw coded field, every repetition, and its original text."""
    codings: list[Triple] = []
    texts: list[str] = []
    for repetition in field.split(delimiters.repetition) if delimiters.repetition else [field]:
        raw = repetition.split(delimiters.component) if delimiters.component else [repetition]
        part = [unescape(component, delimiters, charset).strip() for component in raw]
        part += [""] * (12 - len(part))
        codings += [(part[s], part[c], part[t]) for c, t, s in _CODINGS if part[c] or part[t]]
        texts.append(part[_ORIGINAL_TEXT])
    return tuple(codings), "\n".join(texts)


def near_words(knowledge: Knowledge) -> tuple[str, ...]:
    """The words that make an unmapped code a near miss, of all HL7 v2 mappings."""
    words = (word for mapping in knowledge.mappings if mapping.format == "hl7v2" for word in mapping.select.near)
    return tuple(dict.fromkeys(words))


def _together(parts: list[Judgement]) -> Judgement:
    relevance: Relevance = max((part.relevance for part in parts), key=_RANK.__getitem__, default="irrelevant")
    codes = dict.fromkeys(code for part in parts for code in part.codes)
    return Judgement(relevance=relevance, codes=tuple(codes)[:CENSUS_LIMIT])


def _of_message(parts: list[Judgement], *, has_results: bool) -> Judgement:
    whole = _together(parts)
    return whole if whole.relevance != "relevant" or has_results else _without_results(whole)


def _without_results(whole: Judgement) -> Judgement:
    """An order for our test with no result in the message: kept, but there is nothing to make an event of."""
    return Judgement(relevance="near-miss", codes=whole.codes)


def _decoded(code: bytes, codec: str) -> str | None:
    try:
        return code.decode(codec)
    except UnicodeDecodeError:
        return None


class RelevanceFilter:
    """The exact relevance test, fast because a sender repeats its codes; at most `bound` answers are remembered."""

    def __init__(self, knowledge: Knowledge, bound: int, *, default_charset: str | None = None) -> None:
        self._table = knowledge.tables.get(TABLE) or Table(name=TABLE, rows=(), index={})
        self._near = near_words(knowledge)
        self._bound = bound
        self._default_charset = default_charset
        self._dialects: dict[tuple[bytes, ...], Dialect | None] = {}
        self._heard: dict[tuple[bytes, ...], _Heard] = {}
        """By the envelope of a message."""
        self._remembered = 0

    def judge(self, raw: bytes) -> Judgement:
        """Relevance of one message or frame; of several messages the most relevant. Unreadable is relevant."""
        if raw.startswith(b"MSH") and raw.find(b"MSH", 3) < 0:
            return self.judge_one(raw, envelope_of(raw))
        return _together([self.judge_one(message, envelope_of(message)) for message in split_messages(raw)])

    def judge_one(self, raw: bytes, envelope: Envelope | None) -> Judgement:
        """Relevance of one message, whose envelope is known already."""
        heard = self._heard.get(envelope.repeated) if envelope else None
        if heard is None:
            heard = self._hear(raw, envelope)
        dialect = heard.dialect
        if dialect is None:
            return RELEVANT if heard.of_identity else self._judge_read(raw)
        text = with_returns(raw) if NEWLINE in raw else raw
        return self._judge_plain(text, dialect) or self._judge_searched(raw, text, dialect)

    def judge_alone(self, raw: bytes, envelope: Envelope) -> Judgement | None:
        """Relevance of a frame that is one message for certain, every line of it a segment; None for any other frame.

        What begins with this envelope is one message when no line begins with another header, and no line begins
        behind a frame byte.
        """
        heard = self._heard.get(envelope.repeated) or self._hear(raw, envelope)
        if heard.dialect is None or FRAME_START in raw or FRAME_END in raw:
            return None
        return self._judge_plain(with_returns(raw) if NEWLINE in raw else raw, heard.dialect)

    def _judge_plain(self, text: bytes, dialect: Dialect) -> Judgement | None:
        """Relevance of a message whose lines all begin as segments do: then what they begin with tells all."""
        found = beginnings(text)
        skeleton = skeleton_of(found)
        known = dialect.skeletons.get(skeleton) or self._judge_new(text, found, skeleton, dialect)
        if known is None or known.relevance != "relevant" or text.find(RESULT_LINE) >= 0:
            return known
        return _without_results(known)

    def _judge_new(self, text: bytes, found: list[bytes], skeleton: bytes, dialect: Dialect) -> Judgement | None:
        clear = is_clear(skeleton)
        codes = codes_of(text, found, clear=clear) if dialect.usual else None
        if codes is None:
            return None
        judged = _together([self._judge_bytes(code, dialect) for code in codes])
        if clear and skeleton:
            self._count_one_more(len(skeleton))
            dialect.skeletons[skeleton] = judged
        return judged

    def _judge_searched(self, raw: bytes, text: bytes, dialect: Dialect) -> Judgement:
        codes = dialect.code.findall(text)
        results = text.count(dialect.result)
        if len(codes) != results + text.count(dialect.order) or dialect.misnamed.search(text):
            # Something that names an OBX or OBR is short, in small letters, or not where a segment begins: read it.
            return self._judge_read(raw)
        whole = _together([self._judge_bytes(code, dialect) for code in dict.fromkeys(codes)])
        # A bare `OBX` is a result too, and only reading finds it.
        return self._judge_read(raw) if whole.relevance == "relevant" and not results else whole

    def _hear(self, raw: bytes, envelope: Envelope | None) -> _Heard:
        fields = header_fields(raw)
        named_adt = len(fields) > 9 and fields[9].lstrip()[:3].upper() == b"ADT"
        kind = spelled(peek(raw).message_type) if named_adt else ""
        merges = kind in MERGES
        told = len(fields) > 3 and kind != NO_EVENT and not merges
        heard = _Heard(of_identity=merges, dialect=self._dialect(fields) if told else None)
        if envelope:
            self._count_one_more(0)  # an envelope is never long
            self._heard[envelope.repeated] = heard
        return heard

    def _judge_bytes(self, code: bytes, dialect: Dialect) -> Judgement:
        known = dialect.codes.get(code)
        if known is None:
            codecs = ("ascii",) if code.isascii() else dialect.codecs
            # Which of them the reader will use depends on the rest of the message: the most relevant one counts.
            decoded = ((_decoded(code, codec), codec) for codec in codecs)
            readings = dict.fromkeys((text, codec) for text, codec in decoded if text is not None)
            judged = [self._judge_text(text, dialect.delimiters, codec, dialect.sender) for text, codec in readings]
            known = max(judged, key=lambda judgement: _RANK[judgement.relevance])
            self._count_one_more(len(code))
            dialect.codes[code] = known
        return known

    def _judge_text(self, field: str, delimiters: Delimiters, charset: str, sender: str) -> Judgement:
        codings, text = codings_of(field, delimiters, charset)
        return judge_code(codings, text, table=self._table, near=self._near, sender=sender)

    def _judge_read(self, raw: bytes) -> Judgement:
        try:
            message = read_message(raw, self._default_charset)
        except NotHl7:
            return RELEVANT
        header = peek(raw)
        if any(found.severity == "error" for found in message.problems):
            return RELEVANT
        if message.problems and not is_transparent(codec_of(header.charset) or "utf-8"):
            return RELEVANT
        if is_unparted(message, header.message_type) or identity_kind(header.message_type, message):
            return RELEVANT
        fields = dict.fromkeys(s.field(CODED[s.name]) for s in message.segments if s.name in CODED)
        parts = [self._judge_text(field, message.delimiters, message.charset, header.sender) for field in fields]
        odd = dict.fromkeys(s.field(CODED[name]) for name, s in misnamed(message) if name in CODED)
        unread = [self._judge_text(field, message.delimiters, message.charset, header.sender) for field in odd]
        if any(part.relevance != "irrelevant" for part in unread):
            return RELEVANT
        return _of_message(parts, has_results=message.first("OBX") is not None)

    def _dialect(self, fields: list[bytes]) -> Dialect | None:
        key = (fields[1], *fields[2:5], *fields[18:19])
        if key not in self._dialects:
            self._count_one_more(sum(map(len, key)))
            self._dialects[key] = new_dialect(fields, self._default_charset)
        return self._dialects[key]

    def _count_one_more(self, size_bytes: int) -> None:
        if self._remembered >= self._bound:
            self._dialects.clear()
            self._heard.clear()
            self._remembered = 0
        # What is longer than codes and names are counts for several: a peer writes there what it likes.
        self._remembered += 1 + size_bytes // USUAL_BYTES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Heard:
    """What the header alone tells of a message."""

    of_identity: bool
    dialect: Dialect | None
    """None: its codes cannot be found without reading it."""
