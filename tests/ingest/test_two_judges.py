"""The filter at the door and the reading of the message judge a code alike: nothing is kept for nobody."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from adapter.ingest.relevance import RelevanceFilter
from adapter.ingest.translate import SenderRules, translate_hl7
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.shipped import shipped
from adapter.knowledge.tables import lay_over, read_table

KNOWLEDGE, _ = load_knowledge([shipped("mappings") / "demo"])
HEAD = r"MSH|^~\&|LIS|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.7"
PID = "PID|1||4711^^^HOSP^MR"

codes = st.sampled_from(["", "ROW9", "ASPACT", "aspact", "20638-3", "NA", "ASNASE", '""'])
texts = st.sampled_from(
    [
        "",
        "Asparaginase activity",
        "Anti-asparaginase  antibody",
        "ASPARAGINE",
        "L-asp",
        "Sodium",
        "asparagine level",
        '""',
    ]
)
systems = st.sampled_from(["", "L", "LN", "text"])
parts = st.tuples(codes, texts, systems, codes, texts, systems, st.just(""), st.just(""), texts, codes, texts, systems)
fields = st.lists(parts.map("^".join), min_size=1, max_size=3).map("~".join)


def relevance_read(raw: bytes) -> str:
    ranks = ("irrelevant", "near-miss", "relevant")
    read = translate_hl7(raw, KNOWLEDGE, lambda _sender: SenderRules(), source="lab")
    return max((one.relevance for one in read), key=ranks.index)


@given(fields, st.lists(fields, max_size=3))
@example("NA^Sodium^L^^^^^^^ASPACT^Activity^L", [])
@example("NA^Sodium^L", ["NA^Sodium^L~ASPACT^Activity^L"])
@example("NA^Sodium^L", ["NA^Sodium^L^^^^^^L-asparaginase"])
@example("AB^Antibodies^L", ["ASPAB^Anti-asparaginase antibody^L"])
def test_the_door_and_the_reading_judge_codes_alike(order: str, results: list[str]):
    lines = [HEAD, PID, f"OBR|1||F1|{order}|||20251103080000"]
    lines += [f"OBX|{n}|NM|{code}||0.42|IU/mL|||||F" for n, code in enumerate(results, start=1)]
    raw = "\r".join(lines).encode() + b"\r"
    assert RelevanceFilter(KNOWLEDGE, 100).judge(raw).relevance == relevance_read(raw)


blanks = st.sampled_from(["", " ", "  ", "\t"])


@given(st.tuples(blanks, blanks, blanks, blanks), codes)
@example((" ", " ", "", ""), "ROW9")
def test_blanks_around_a_sender_count_for_neither(around: tuple[str, str, str, str], code: str):
    row = b"sender,code,system,target,label,note\nLIS|HOSP,ROW9,L,asparaginase-activity,,\n"
    rows, _ = read_table(row, "activity_tests", "site.csv")
    table = lay_over([replace(rows, rows=KNOWLEDGE.tables["activity_tests"].rows), rows])
    site = replace(KNOWLEDGE, tables={**KNOWLEDGE.tables, "activity_tests": table})
    before, behind, over, under = around
    head = HEAD.replace("|LIS|HOSP|", f"|{before}LIS{behind}|{over}HOSP{under}|")
    raw = f"{head}\r{PID}\rOBX|1|NM|{code}^^L||0.42|IU/mL|||||F\r".encode()
    read = translate_hl7(raw, site, lambda _sender: SenderRules(), source="lab")
    assert [one.relevance for one in read] == [RelevanceFilter(site, 100).judge(raw).relevance]
    assert (read[0].relevance == "relevant") is (code in ("ASPACT", "ROW9"))


cases = st.sampled_from(["OBX", "obx", "Obx", "OBx"])


@given(
    st.sampled_from(["OBR", "obr"]),
    fields,
    st.lists(st.tuples(cases, fields), max_size=3),
    st.sampled_from(["\r", "\n"]),
)
@example("OBR", "NA^Sodium^L", [("obx", "ASPACT^Activity^L")], "\r")
@example("obr", "ASPACT^Activity^L", [], "\n")
def test_segments_in_small_letters_are_overlooked_by_neither(
    order: str, name: str, results: list[tuple[str, str]], end: str
):
    lines = [HEAD, PID, f"{order}|1||F1|{name}|||20251103080000"]
    lines += [f"{segment}|{n}|NM|{code}||0.42|IU/mL|||||F" for n, (segment, code) in enumerate(results, start=1)]
    raw = f"{end.join(lines)}{end}".encode()
    [read] = translate_hl7(raw, KNOWLEDGE, lambda _sender: SenderRules(), source="lab")
    assert RelevanceFilter(KNOWLEDGE, 100).judge(raw).relevance == read.relevance
    as_meant = re.sub(rb"(?im)^(ob[xr])", lambda found: found[0].upper(), raw.replace(b"\r", b"\n"))
    [meant] = translate_hl7(as_meant, KNOWLEDGE, lambda _sender: SenderRules(), source="lab")
    if len(read.events) < len(meant.events):
        assert ("segment-misnamed", read.answer.code) == (read.parked, "AE")


types = st.sampled_from(
    [
        *("ADT^A40", "ADT^A40 ", "adt^a40", " Adt^a34^ADT_A30", "ADT^A01", "ADT^A41^ADT_A39"),
        *("ADT^^ADT_A39", "ADT", " adt ", "ADT^ ", "ORU", "ACK"),
    ]
)
events = st.sampled_from([None, "", "A40", " a34 ", "A37", "A01", "A41", "R01", "A40^x"])


@given(types, events, st.sampled_from(["utf-8", "utf-16"]))
@example("ADT^^ADT_A39", "A40", "utf-8")
@example("ADT^A40 ", None, "utf-8")
@example("ADT", "A01", "utf-8")
@example("ADT^A40", "A40", "utf-16")
def test_a_merge_is_overlooked_by_neither_however_its_type_is_spelled(kind: str, event: str | None, codec: str):
    lines = [
        HEAD.replace("ORU^R01^ORU_R01", kind),
        *([] if event is None else [f"EVN|{event}"]),
        PID,
        "MRG|4710^^^HOSP",
    ]
    raw = "".join(f"{line}\r" for line in lines).encode(codec)
    read = translate_hl7(raw, KNOWLEDGE, lambda _sender: SenderRules(), source="lab")
    assert RelevanceFilter(KNOWLEDGE, 100).judge(raw).relevance == relevance_read(raw)
    assert [bool(one.identities) for one in read] == [_is_merge(kind, event)]


def _is_merge(kind: str, event: str | None) -> bool:
    name, named = (*kind.upper().split("^"), "")[:2]
    told = named.strip() or (event or "").partition("^")[0].strip().upper()
    return name.strip() == "ADT" and told in ("A34", "A40")
