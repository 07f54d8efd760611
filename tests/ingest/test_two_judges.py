"""The filter at the door and the reading of the message judge a code alike: nothing is kept for nobody."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from adapter.ingest.relevance import RelevanceFilter
from adapter.ingest.translate import SenderRules, translate_hl7
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.shipped import shipped

KNOWLEDGE, _ = load_knowledge([shipped("mappings") / "demo"])
HEAD = r"MSH|^~\&|LIS|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.7"
PID = "PID|1||4711^^^HOSP^MR"

codes = st.sampled_from(["", "ASPACT", "aspact", "20638-3", "NA", "ASNASE", '""'])
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
