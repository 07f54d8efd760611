"""A judge of codes remembers, and says what it would say without."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapter.ingest.code_lookup import judge
from adapter.ingest.coded_fields import CodeJudge
from adapter.ingest.hl7v2 import read_message
from adapter.ingest.v2_fields import names_of
from adapter.knowledge.spec import Row, Table

NEAR = ("asparagin", "l-asp")


def row(code: str, target: str, system: str = "*", sender: str = "") -> Row:
    return Row(sender=sender, code=code, system=system, target=target, label="", note="", extra={}, file="t", line=1)


ROWS = (row("ACT", "asparaginase-activity"), row("ACT", "not ours", sender="B|*"), row("asparaginase igg", "not ours"))
TABLE = Table(name="activity_tests", rows=ROWS, index={"ACT": ROWS[:2], "asparaginase igg": ROWS[2:]})
JUDGE = CodeJudge(TABLE, NEAR)

fields = st.text("ACT^~\\&!:XasparginlIgG- ", max_size=30) | st.sampled_from(
    ["ACT", "ACT^x^L", "X^Asparaginase IgG", "X^Asparaginase IgG~Y^L-asp", "X!Asparaginase IgG", r"\X41\CT^x^L"]
)
delimiters = st.sampled_from([r"^~\&", "!:?%", r"^~\&#"])


@given(st.lists(st.tuples(fields, delimiters, st.sampled_from(["A|N", "B|N"])), min_size=1, max_size=20))
def test_a_remembered_field_is_judged_as_one_that_is_read_anew(asked):
    for text, marks, sender in asked:
        segment = read_message(f"MSH|{marks}|A|N\rOBX|1|NM|{text}\r".encode()).segments[1]
        named = tuple(names_of(segment, 3))
        assert tuple(JUDGE.judge(segment, 3, sender)) == (*judge(TABLE, named, NEAR, sender), named)
