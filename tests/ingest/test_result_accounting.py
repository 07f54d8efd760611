"""Every result of ours ends as an event, or as a named problem at its patient; every one like ours as a near miss."""

from __future__ import annotations

from collections import Counter

from at_length import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_store import shipped_parts

from adapter.ingest.relevance import RelevanceFilter
from adapter.ingest.senders import SenderRules
from adapter.ingest.translate import translate_hl7

KNOWLEDGE = shipped_parts().knowledge
HEAD = r"MSH|^~\&|HOSPLAB|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.5.1"
RANKS = ("irrelevant", "near-miss", "relevant")
CODES = {
    "ours": ("ASPACT^{}^L", "^^^ASPACT^{}^L", "X^x^99Z^ASPACT^{}^L", "ASPACT^{}^L~K^K^L"),
    "near": ("ASPNEW^{} asparaginase^L", "L-ASP^{}^L", "^{} ASNASE^", "99^{}^L^Z^l-asparaginase^L"),
    "other": ("K^{}^L", "2823-3^{}^LN", "aspact^{}^L", "ASPACT^{}^LN", "^{}^L", ""),
}
"""`{}` is a text by which the test knows the result again."""
KNOWN, UNKNOWN, ABSENT = "900001^^^HOSP^MR", "5^^^ELSEWHERE", ""
PROBLEMS_OF_A_PATIENT = {UNKNOWN: "unknown-authority", ABSENT: "patient-missing"}
VALUES = st.sampled_from(
    ["0.42", "<0.03", "", '""', "see note", "pending", "1,234", "0.1~0.2", "QNS", "^", "450 IU/L", "&", "9" * 40]
)
UNITS = st.sampled_from(["IU/mL", "", "IU/L", "ng/mL", "furlongs", "^^", '""'])
STATUSES = st.sampled_from(["F", "P", "C", "X", "W", "D", "U", "I", "", "Q", "final"])
TIMES = st.sampled_from(["20251103080000", "20251103080000+0100", "20251103", "", "soon", "99999999", '""'])
JUNK = st.sampled_from(
    [
        "ZLB|1|x",
        "NTE|1|L|x",
        "ORC|RE|P1",
        "TQ1|1",
        "PV1|1|I",
        "torn",
        "OBX",
        "OBR",
        "CTI|1",
        "FT1|1",
        "SPM|1|S^x||SER",
        "~^&\\",
        "PD1|",
    ]
)
SPECIMEN = "SPM|1|{}||SER|||||||||||||{}"


def a_result(kind, number, draw):
    code = draw(st.sampled_from(CODES[kind])).format(f"r{number}")
    datatype, sub = draw(st.sampled_from(["NM", "ST", "SN", ""])), draw(st.sampled_from(["", "1"]))
    value = f"{draw(VALUES)}|{draw(UNITS)}"
    return f"OBX|{number}|{datatype}|{code}|{sub}|{value}|||||{draw(STATUSES)}|||{draw(TIMES)}"


@st.composite
def reports(draw):
    """Patients with orders with results of every kind, specimens and junk anywhere; and what each result is."""
    lines, expected = [HEAD], []
    for _ in range(draw(st.integers(1, 2))):
        patient = draw(st.sampled_from([KNOWN, KNOWN, UNKNOWN, ABSENT]))
        lines.append(f"PID|1||{patient}")
        for _ in range(draw(st.integers(0, 3))):
            if draw(st.booleans()):
                lines.append("ORC|RE")
            if draw(st.integers(0, 5)):
                order = draw(st.sampled_from([code for codes in CODES.values() for code in codes])).format("order")
                filler = draw(st.sampled_from(["F1", "F2", ""]))
                lines.append(f"OBR|1||{filler}|{order}|||{draw(TIMES)}||||||||||||||||||{draw(STATUSES)}")
            rows = []
            for _ in range(draw(st.integers(0, 4))):
                kind = draw(st.sampled_from(["ours", "ours", "near", "other"]))
                expected.append((kind, patient))
                rows.append(a_result(kind, len(expected), draw))
            for extra in draw(st.lists(JUNK, max_size=3)):
                rows.insert(draw(st.integers(0, len(rows))), extra)
            if draw(st.booleans()):
                rows.insert(
                    draw(st.integers(0, len(rows))), SPECIMEN.format(draw(st.sampled_from(["S1", ""])), draw(TIMES))
                )
            lines += rows
    return "\r".join(lines).encode() + b"\r", numbered(lines, expected)


def numbered(lines, expected):
    """{occurrence of its OBX: (number by which the test knows it, kind, patient)}; a bare OBX is a segment too."""
    found, occurrence, known = {}, 0, iter(enumerate(expected, start=1))
    for line in lines:
        if line == "OBX" or line.startswith("OBX|"):
            occurrence += 1
            if line != "OBX":
                number, (kind, patient) = next(known)
                found[occurrence] = (number, kind, patient)
    return found


def translated(raw):
    (read,) = translate_hl7(raw, KNOWLEDGE, lambda _: SenderRules(), source="lab")
    return read


@settings(max_examples=examples(150), deadline=None)
@given(reports())
def test_every_result_ends_as_an_event_or_a_named_problem_or_a_near_miss(report):
    raw, results = report
    read = translated(raw)
    events = Counter(event.test.text for event in read.events)
    near = Counter(p.where for p in read.problems if p.code == "near-miss" and p.where.startswith("OBX["))
    for occurrence, (number, kind, patient) in results.items():
        assert events[f"r{number}"] == (kind == "ours" and patient == KNOWN)
        assert near.pop(f"OBX[{occurrence}]-3", 0) == (kind == "near")
        if kind == "ours" and patient != KNOWN:
            assert PROBLEMS_OF_A_PATIENT[patient] in {p.code for p in read.problems}
            assert read.parked is not None
    ours = [patient for _, kind, patient in results.values() if kind == "ours"]
    assert sum(events.values()) == ours.count(KNOWN)
    assert not near
    assert {event.patient for event in read.events} <= {"https://hospital.example/mrn|900001"}


@settings(max_examples=examples(80), deadline=None)
@given(reports())
def test_the_filter_at_the_door_never_thinks_less_of_a_report_than_its_reader(report):
    raw, results = report
    kinds = {kind for _, kind, _ in results.values()}
    judged = RelevanceFilter(KNOWLEDGE, 1000).judge(raw).relevance
    read = translated(raw).relevance
    assert RANKS.index(judged) >= RANKS.index(read)
    if "ours" in kinds:
        assert (judged, read) == ("relevant", "relevant")
    elif "near" in kinds:
        assert RANKS.index(read) >= 1


@settings(max_examples=examples(80), deadline=None)
@given(reports())
def test_each_error_is_told_in_the_answer_and_nothing_else_refuses_a_report(report):
    raw, _ = report
    read = translated(raw)
    errors = [found for found in read.problems if found.severity == "error"]
    assert (read.answer.code, list(read.answer.errors)) == (("AE", errors) if errors else ("AA", []))
