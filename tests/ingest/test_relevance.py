from __future__ import annotations

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.ingest.relevance import Judgement, RelevanceFilter, near_words
from adapter.knowledge.spec import Knowledge, Mapping, Row, Select, Table


def row(code: str, target: str = "asparaginase-activity", system: str = "L", sender: str = "") -> Row:
    return Row(
        sender=sender, code=code, system=system, target=target, label="", note="", extra={}, file="t.csv", line=1
    )


def knowledge_of(*rows: Row) -> Knowledge:
    index: dict[str, tuple[Row, ...]] = {}
    for one in rows:
        index[one.code] = (*index.get(one.code, ()), one)
    select = Select(codes=("OBX-3",), table="activity_tests", near=("asparagin", "ASPASE", "l-asp"))
    mapping = Mapping(id="m", version="1", event="ActivityMeasured", format="hl7v2", select=select, fields=())
    table = Table(name="activity_tests", rows=rows, index=index)
    return Knowledge(mappings=(mapping,), tables={"activity_tests": table}, outputs={}, hash="h")


KNOWLEDGE = knowledge_of(
    row("ASPACT"),
    row("Ö1", system="*"),
    row("ASPG", "not ours", "*"),
    row("ACT", sender="LAB2|*", system="*"),
    row("asparaginase igg", "not ours", "text"),
    row("asparaginase x", "asparaginase-activity", "text"),
)


def judge(raw: bytes, bound: int = 1000, charset: str | None = None) -> Judgement:
    return RelevanceFilter(KNOWLEDGE, bound, default_charset=charset).judge(raw)


def message(*lines: str, sender: str = "LAB", kind: str = "ORU^R01", charset: str = "", end: str = "\r") -> bytes:
    head = f"MSH|^~\\&|{sender}|NORTH|||20250310||{kind}|A1|P|2.5.1||||||{charset}"
    return (end.join((head, "PID|1||1", *lines)) + end).encode()


@pytest.mark.parametrize(
    ("lines", "relevance"),
    [
        pytest.param(["OBX|1|NM|ASPACT^Activity^L"], "relevant", id="mapped"),
        pytest.param(["OBX|1|NM|123^Na^LN^ASPACT^Activity^L"], "relevant", id="mapped as second coding"),
        pytest.param(["OBX|1|NM|123^Na^LN^4^x^y^1^2^orig^ASPACT^Activity^L"], "relevant", id="mapped as third coding"),
        pytest.param(["OBX|1|NM|ASPACT^Activity^LN"], "irrelevant", id="other system"),
        pytest.param(["OBX|1|NM|ASPACT^L-Aspa^LN"], "near-miss", id="other system, near text"),
        pytest.param(["OBX|1|NM|ASP\\X41\\CT^Activity^L"], "relevant", id="escaped code"),
        pytest.param(["OBX|1|NM| ASPACT ^Activity^L "], "relevant", id="blanks around"),
        pytest.param(["OBX|1|NM|X^Asparaginase activity^L"], "near-miss", id="near text"),
        pytest.param(["OBX|1|NM|XASPASE^a^L"], "near-miss", id="near code"),
        pytest.param(["OBX|1|NM|X^a^L^Y^ASPARAGINASE^Z"], "near-miss", id="near text of the second coding"),
        pytest.param(["OBX|1|NM|X^a^L^Y^b^Z^1^1^Peg-L-Asp"], "near-miss", id="near original text"),
        pytest.param(["OBX|1|NM|ASPG^Asparagin^L"], "irrelevant", id="not ours settles the near word"),
        pytest.param(["OBX|1|NM|ASPG^Asparagin^L^ASPACT^x^L"], "relevant", id="mapped beside not ours"),
        pytest.param(["OBX|1|NM|X^ASPARAGINASE  IgG^L"], "irrelevant", id="not ours by its text"),
        pytest.param(["OBX|1|NM|X^Asparaginase IgG titre^L"], "near-miss", id="not word for word"),
        pytest.param(["OBX|1|NM|X^Asparaginase IgG^L^Y^L-asp^L"], "near-miss", id="the other coding looks like ours"),
        pytest.param(["OBX|1|NM|X^a^L^Y^b^Z^1^1^Asparaginase IgG"], "irrelevant", id="not ours by its original text"),
        pytest.param(["OBX|1|NM|ASPACT^Asparaginase IgG^L"], "relevant", id="a mapped code wins over its text"),
        pytest.param(["OBX|1|NM|X^Asparaginase x^L"], "near-miss", id="a text never makes a result ours"),
        pytest.param(["OBX|1|NM|AST^Aspartate aminotransferase^L"], "irrelevant", id="look-alike"),
        pytest.param(["OBX|1|NM|NA^Sodium^L"], "irrelevant", id="something else"),
        pytest.param(["OBX|1|NM|NA^Sodium^L", "OBX|2|NM|ASPACT^a^L"], "relevant", id="one of two"),
        pytest.param(["OBX|1|NM"], "irrelevant", id="short segment"),
        pytest.param(["OBX"], "irrelevant", id="bare segment"),
        pytest.param([" OBX|1|NM|ASPACT^Activity^L"], "relevant", id="indented segment"),
        pytest.param(["OBX|1|NM|NA^S^L||see OBX|"], "irrelevant", id="name in a text"),
        pytest.param(["ZBX|1|NM|ASPACT^Activity^L"], "irrelevant", id="other segment"),
        pytest.param(["obx|1|NM|ASPACT^Activity^L"], "relevant", id="in small letters"),
        pytest.param(["Obr|1||F1|X^L-asparaginase^L", "OBX|1|NM|NA^S^L"], "relevant", id="near, in small letters"),
        pytest.param(["obx|1|NM|NA^Sodium^L"], "irrelevant", id="not ours, in small letters"),
        pytest.param(["pid|1||4711", "OBX|1|NM|NA^Sodium^L"], "irrelevant", id="a patient in small letters"),
        pytest.param([], "irrelevant", id="no result"),
        pytest.param(["OBR|1||F1|ASPACT^a^L"], "near-miss", id="order without result"),
        pytest.param(["OBR|1||F1|ASPACT^a^L", "OBX|1|NM|NA^S^L"], "relevant", id="order with a result"),
        pytest.param(["OBR|1||F1|ASPACT^a^L", "OBX"], "relevant", id="order with a bare result"),
        pytest.param(["OBR|1||F1|P^Asparaginase^L"], "near-miss", id="near order"),
        pytest.param(["OBR|1||F1|ASPG^Asparagin^L"], "irrelevant", id="order not ours"),
    ],
)
@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_relevance_is_decided_by_the_codes(lines, relevance, end):
    assert judge(message(*lines, end=end)).relevance == relevance


@pytest.mark.parametrize(
    ("sender", "relevance"), [("LAB2", "relevant"), ("LAB", "irrelevant"), ("LAB2^1.2^ISO", "relevant")]
)
def test_a_row_of_one_sender_is_for_that_sender_only(sender, relevance):
    one = RelevanceFilter(KNOWLEDGE, 1000)
    one.judge(message("OBX|1|NM|ACT^a^L", sender="LAB3"))
    assert one.judge(message("OBX|1|NM|ACT^a^L", sender=sender)).relevance == relevance


@pytest.mark.parametrize(
    ("kind", "relevance"),
    [(f"ADT^{event}", "relevant") for event in ("A34", "A35", "A37", "A40", "A40^ADT_A39")]
    + [("ADT^A08", "irrelevant"), ("ADT^A4", "irrelevant"), ("ORM^O01", "irrelevant")],
)
def test_merges_are_relevant_and_other_types_are_judged_by_their_codes(kind, relevance):
    assert judge(message(kind=kind)).relevance == relevance
    assert judge(message("OBX|1|NM|ASPACT^a^L", kind=kind)).relevance == "relevant"


@pytest.mark.parametrize("raw", [b"", b"hello", b"PID|1\r", b"\xff\xfe\x01", b"\x00" * 20])
def test_what_cannot_be_split_is_relevant(raw):
    assert judge(raw).relevance == "relevant"


def test_what_its_declared_set_cannot_decode_is_relevant():
    assert judge(message("OBX|1|NM|NA^x^L", charset="ISO IR14") + b"NTE|1||\x81\r").relevance == "relevant"
    assert judge(message("OBX|1|NM|NA^x^L", charset="ISO IR14")).relevance == "irrelevant"
    assert judge(message("OBX|1|NM|NA^x^L") + b"NTE|1||\x81\r").relevance == "irrelevant"


def test_what_has_more_lines_than_are_read_is_relevant(monkeypatch):
    monkeypatch.setattr("adapter.ingest.hl7v2.message.SEGMENTS_LIMIT", 3)
    read_properly = b"OBX|1\r"  # too short for the quick way
    assert judge(message("NTE|1") + read_properly).relevance == "relevant"
    monkeypatch.setattr("adapter.ingest.hl7v2.message.SEGMENTS_LIMIT", 4)
    assert judge(message("NTE|1") + read_properly).relevance == "irrelevant"


def test_of_several_messages_the_most_relevant_counts():
    ours, other = message("OBX|1|NM|ASPACT^a^L"), message("OBX|1|NM|NA^Sodium^L")
    assert judge(other + ours) == Judgement(relevance="relevant", codes=(("L", "NA", "Sodium"),))
    assert judge(b"BHS|^~\\&\r" + other + other + b"BTS|2\r").relevance == "irrelevant"
    assert judge(b"\x0b" + ours + b"\x1c\r").relevance == "relevant"


def test_codes_no_table_knows_are_told_once_each():
    raw = message("OBR|1||F|PAN^Panel^L", "OBX|1|NM|NA^Sodium^L^2951-2^Na^LN", "OBX|2|NM|NA^Sodium^L^2951-2^Na^LN")
    expected = Judgement(
        relevance="irrelevant", codes=(("L", "PAN", "Panel"), ("L", "NA", "Sodium"), ("LN", "2951-2", "Na"))
    )
    one = RelevanceFilter(KNOWLEDGE, 1000)
    assert (one.judge(raw), one.judge(raw)) == (expected, expected)


@pytest.mark.parametrize(
    ("charset", "codec", "default"),
    [("", "utf-8", None), ("", "windows-1252", None), ("8859/1", "iso-8859-1", None), ("UNICODE UTF-8", "utf-8", None),
     ("UNICODE UTF-8", "windows-1252", None), ("", "iso-8859-1", "8859/1"), ("GB 18030-2000", "gb18030", None),
     ("", "gb18030", "GB18030"), ("NONSENSE", "utf-8", None)],
)  # fmt: skip
def test_a_code_beyond_ascii_is_found_in_every_character_set(charset, codec, default):
    raw = message("OBX|1|NM|Ö1^Wert^X", charset=charset).decode().encode(codec)
    assert judge(raw, charset=default).relevance == "relevant"
    assert judge(raw.replace(b"1^Wert", b"2^Wert"), charset=default).relevance == "irrelevant"


def test_delimiters_of_the_sender_are_used():
    raw = b"MSH$%~?&$LAB$N$$$$$ORU%R01$1$P$2.3\rOBX$1$NM$ASPACT%a%L$$1\r"
    assert judge(raw).relevance == "relevant"
    assert judge(raw.replace(b"%a", b"^a")).relevance == "irrelevant"
    assert judge(raw.replace(b"$", b"\xa6")).relevance == "relevant"
    assert judge(b"MSH|\rOBX|1|NM|ASPACT^a^L\r").relevance == "relevant"


def test_a_code_is_remembered_beyond_its_panel():
    one = RelevanceFilter(KNOWLEDGE, 1000)
    other, ours = "OBX|1|NM|NA^Sodium^L", "OBX|2|NM|ASPACT^a^L"
    panels = [[other], [ours], [other, ours], [ours, other], [other]]
    assert [one.judge(message(*lines)).relevance for lines in panels] == [
        "irrelevant", "relevant", "relevant", "relevant", "irrelevant",
    ]  # fmt: skip


def test_forgetting_changes_no_answer():
    small, large = RelevanceFilter(KNOWLEDGE, 3), RelevanceFilter(KNOWLEDGE, 10_000)
    raws = [message(f"OBX|1|NM|{code}^t^L", sender=f"S{n % 5}") for n in range(20) for code in ("ASPACT", f"N{n}")]
    assert [small.judge(raw) for raw in raws] == [large.judge(raw) for raw in raws]


def test_near_words_come_from_the_laboratory_mappings():
    assert near_words(KNOWLEDGE) == ("asparagin", "ASPASE", "l-asp")
    empty = Knowledge(mappings=(), tables={}, outputs={}, hash="h")
    assert RelevanceFilter(empty, 10).judge(message("OBX|1|NM|ASPACT^a^L")).relevance == "irrelevant"


CODE = st.sampled_from(["ASPACT", "NA", "ASPG", "ACT", "", "AS PACT", "Ö1", "K-ASPASE", "ASP\\T\\ACT"])
TEXT = st.sampled_from(["", "Sodium", "Asparaginase", "Größe", "a\\F\\b", "x&y", "OBX"])
SYSTEM = st.sampled_from(["L", "LN", ""])
CODED = st.lists(st.tuples(CODE, TEXT, SYSTEM).map("^".join), min_size=1, max_size=2).map("^".join)
RESULT = CODED.map(lambda coded: f"OBX|1|NM|{coded}||0.4|IU/mL|||||F")
ORDER = CODED.map(lambda coded: f"OBR|1||F1|{coded}|||2025")
OTHER = st.sampled_from(["NTE|1||OBX", "ZAP|1|OBX", "SPM|1", "OBXX|1|NM|ASPACT^a^L"])


@given(
    st.lists(st.one_of(RESULT, ORDER, OTHER), max_size=6),
    st.sampled_from(["LAB", "LAB2"]),
    st.sampled_from(["\r", "\n", "\r\n"]),
)
def test_no_mapped_result_a_third_party_finds_is_ever_called_irrelevant(lines, sender, end):
    raw = message(*lines, sender=sender, end=end)
    theirs = hl7.parse(message(*lines, sender=sender).decode())
    table = KNOWLEDGE.tables["activity_tests"]
    mapped = False
    for segment in theirs:
        if str(segment[0]) != "OBX":
            continue
        coded = [theirs.unescape(str(part)) for part in segment[3][0]] if str(segment[3]) else []
        coded += [""] * 6
        found = [table.find(coded[i].strip(), coded[i + 2], f"{sender}|NORTH") for i in (0, 3)]
        mapped = mapped or any(row is not None and row.target != "not ours" for row in found)
    relevance = judge(raw).relevance
    assert relevance == "relevant" if mapped else relevance in ("relevant", "near-miss", "irrelevant")


@given(st.lists(st.one_of(RESULT, ORDER, OTHER), max_size=6), st.sampled_from(["LAB", "LAB2"]))
def test_the_quick_way_and_the_full_reading_agree(lines, sender):
    raw = message(*lines, sender=sender)
    # A line that almost names a segment sends the same message the long way round.
    assert judge(raw) == judge(raw + b"obr|9|||\r")
