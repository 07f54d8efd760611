"""Every filled place beside a result is mapped, not needed or unread, once; and what is unread changes nothing."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from at_length import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_store import shipped_parts

from adapter.commands.judged_rows import result_rows
from adapter.commands.run_unread_hl7 import unread_fields
from adapter.commands.used_fields import NO_SEGMENT, Reads
from adapter.commands.used_segments import Surroundings
from adapter.ingest.hl7v2 import read_message
from adapter.ingest.senders import SenderRules
from adapter.ingest.translate import translate_hl7

KNOWLEDGE = shipped_parts().knowledge
HEAD = r"MSH|^~\&|LIS|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.5.1"
PID, OBR = "PID|1||4711^^^HOSP^MR", "OBR|1|P7|F9|ASPACT^x^L|||20251103080000"
OBX, SPM = "OBX|1|NM|ASPACT^x^L||0.42|IU/mL|||||F", "SPM|1|S1||SER|||||||||||||20251103080000"
MESSAGE = (HEAD, PID, OBR, OBX, SPM)


def lines(*segments):
    return "\r".join(segments).encode() + b"\r"


def ours(raw, knowledge=KNOWLEDGE):
    rows, _ = result_rows(read_message(raw), "LIS|HOSP", knowledge)
    return [row for row in rows if row.judged.verdict == "ours"]


def uses(raw, knowledge=KNOWLEDGE):
    rows = ours(raw, knowledge)
    beside = Surroundings(rows)
    reads = Reads([rows[0].results.mapping])
    return [
        use
        for segment, reached in beside.every()
        for use in reads.uses(segment, beside.message.delimiters, reached=reached)
    ]


def classes(raw, knowledge=KNOWLEDGE):
    return {use.place: use.kind for use in uses(raw, knowledge)}


def leaves(raw):
    """(segment, field, repetition, component) of all that is filled, by splitting alone."""
    found = set()
    for index, line in enumerate(raw.decode().split("\r")[:-1]):
        cells = line.split("|")
        offset = 1 if cells[0] == "MSH" else 0
        if not re.fullmatch("[A-Z][A-Z0-9]{2}", cells[0]):
            found.add((index, 0, 1, 1))
            continue
        for number, cell in enumerate(cells[1:], start=1 + offset):
            for repetition, text in enumerate(cell.split("~"), start=1):
                for component, part in enumerate(text.split("^"), start=1):
                    if part.strip(" &"):
                        found.add((index, number, repetition, component))
    return {leaf for leaf in found if leaf[:2] not in {(0, 1), (0, 2)}}


def covered(use, leaf):
    index, number, repetition, component = leaf
    return (
        use.segment.index == index
        and use.field == number
        and use.repetition in (None, repetition)
        and use.component in (None, component)
    )


VALUES = st.sampled_from(
    ["x", "", "a^b", "a^^c&d", "~y", "p~q^r", "^", " ", '""', "20250101", "&", "1^2^3^4^5^6^7^8~9"]
)
NAMES = st.sampled_from(["PID", "PV1", "OBR", "OBX", "SPM", "NTE", "ORC", "ZLB", "TQ1"])


@st.composite
def messages(draw):
    """A result of ours with whatever else may be filled around it."""
    cells = {name: line.split("|") for name, line in (("PID", PID), ("OBR", OBR), ("OBX", OBX), ("SPM", SPM))}
    for name, own in cells.items():
        own.extend([""] * (30 - len(own)))
        for number in draw(st.sets(st.integers(1, 29), max_size=6)):
            own[number] = draw(VALUES) if not own[number] or name == "SPM" else own[number]
    cells["OBX"][3] += draw(
        st.sampled_from(["", "~B^b^c", "^K^Potassium^LN", "^^^^^^2.1^^asparaginase", "~ASPACT^y^L"])
    )
    cells["OBX"][7] += draw(st.sampled_from(["", "0-1", "0-1~2-3"]))
    cells["PID"][3] += draw(st.sampled_from(["", "~5^^^ELSEWHERE", "^^x", "~4712^^^HOSP"]))
    others = [
        "|".join([name, *draw(st.lists(VALUES, max_size=8))])
        for name in draw(st.lists(NAMES, max_size=5))
        if name != "PID"
    ]
    rows = [HEAD, "|".join(cells["PID"]), "|".join(cells["OBR"]), "|".join(cells["OBX"]), "|".join(cells["SPM"])]
    for other in others:
        rows.insert(draw(st.integers(2, len(rows))), other)
    return lines(*rows)


@pytest.mark.slow
@settings(max_examples=examples(150), deadline=None)
@given(messages())
def test_every_filled_place_beside_a_result_is_of_one_class(raw):
    beside = {segment.index for segment, _ in Surroundings(ours(raw)).every()}
    found = uses(raw)
    for leaf in leaves(raw):
        if leaf[0] in beside:
            assert [use.kind for use in found if covered(use, leaf)] in (["mapped"], ["not needed"], ["unread"])
    assert all(any(covered(use, leaf) for leaf in leaves(raw)) for use in found if use.segment.name != "MSH")


@settings(max_examples=examples(150), deadline=None)
@given(messages())
def test_what_stands_at_an_unread_place_changes_no_event(raw):
    """The other half of the promise: nothing that matters is called unread."""

    def events(message):
        (read,) = translate_hl7(message, KNOWLEDGE, lambda _: SenderRules(), source="lab")
        return [replace(event, remarks=()) for event in read.events if event.test.code == "ASPACT"]

    before = events(raw)
    text = raw.decode().split("\r")
    for use in uses(raw):
        if use.kind != "unread":
            continue
        cells = text[use.segment.index].split("|")
        if use.repetition is None:
            cells[use.field] = "ZZZ"
        else:
            repetitions = cells[use.field].split("~")
            parts = repetitions[use.repetition - 1].split("^")
            parts = ["ZZZ"] if use.component is None else [*parts[: use.component - 1], "ZZZ", *parts[use.component :]]
            repetitions[use.repetition - 1] = "^".join(parts)
            cells[use.field] = "~".join(repetitions)
        changed = [*text[: use.segment.index], "|".join(cells), *text[use.segment.index + 1 :]]
        assert events("\r".join(changed).encode()) == before, use.where


def with_not_needed(*paths):
    (mapping,) = (one for one in KNOWLEDGE.mappings if one.format == "hl7v2")
    changed = replace(mapping, not_needed=tuple((path, "because") for path in paths))
    return replace(KNOWLEDGE, mappings=tuple(changed if one is mapping else one for one in KNOWLEDGE.mappings))


def test_not_needed_may_be_a_segment_a_field_a_component_or_the_further_repetitions():
    raw = lines(
        HEAD, PID + "~1|||||||Street^^Town", OBR, OBX.replace("|IU/mL|", "|IU/mL|0-1~2-3", 1), "ZLB|1|2", SPM + "^x"
    )
    every = classes(raw, with_not_needed())
    assert (every["PID-10"], every["OBX-7(2)"], every["ZLB-2"], every["SPM-17.2"]) == ("unread",) * 4
    some = classes(raw, with_not_needed("ZLB-2", "PID-10.1", "OBX-7(2)", "SPM-17.2"))
    assert (some["ZLB-1"], some["ZLB-2"]) == ("unread", "not needed")
    assert (some["PID-10.1"], some["PID-10.3"]) == ("not needed", "unread")
    assert (some["OBX-7"], some["OBX-7(2)"]) == ("mapped", "not needed")
    assert (some["SPM-17.1"], some["SPM-17.2"]) == ("mapped", "not needed")
    whole = classes(raw, with_not_needed("ZLB", "PID-10(*)", "OBX-7", "SPM"))
    assert (whole["ZLB-1"], whole["ZLB-2"], whole["PID-10"]) == ("not needed",) * 3
    assert (whole["OBX-7"], whole["OBX-7(2)"], whole["SPM-17.1"], whole["SPM-17.2"]) == (
        *("mapped", "not needed"),
        *("mapped", "not needed"),
    )


def reading(**paths):
    """The mapping with other paths for some fields."""
    (mapping,) = (one for one in KNOWLEDGE.mappings if one.format == "hl7v2")
    fields = tuple(replace(f, paths=(paths[f.name],)) if f.name in paths else f for f in mapping.fields)
    changed = replace(mapping, fields=fields)
    return replace(KNOWLEDGE, mappings=tuple(changed if one is mapping else one for one in KNOWLEDGE.mappings))


def test_of_repetitions_those_a_path_selects_are_mapped():
    raw = lines(HEAD, PID, OBR, f"{OBX}||||||||||||a^1~b^2~c^3", SPM)
    assert classes(raw)["OBX-23.1"] == "mapped"
    assert {place: kind for place, kind in classes(raw, reading(laboratory="OBX-23")).items() if "OBX-23" in place} == {
        "OBX-23": "mapped",
        "OBX-23(2)": "unread",
    }
    third = classes(raw, reading(laboratory="OBX-23(3).1"))
    assert {place: kind for place, kind in third.items() if "OBX-23" in place} == {
        "OBX-23(1)": "unread",
        "OBX-23(2)": "unread",
        "OBX-23.1": "mapped",
        "OBX-23.2": "unread",
    }
    chosen = classes(raw, reading(laboratory="OBX-23(2=2)"))
    assert {place: kind for place, kind in chosen.items() if "OBX-23" in place} == {
        "OBX-23(1)": "unread",
        "OBX-23(2)": "unread",
        "OBX-23": "mapped",
    }


def test_what_stands_where_no_path_reaches_it_is_unread():
    """A specimen before its order, a note below an order, an order without a request: filled and lost."""
    early = lines(HEAD, PID, SPM, OBR, OBX)
    assert unread_fields(ours(early)) == ["PID[1]-1", "SPM[1]-2", "SPM[1]-4", "SPM[1]-17"]
    noted = lines(HEAD, PID, OBR, "NTE|1|L|haemolysed", OBX, SPM)
    assert unread_fields(ours(noted)) == ["PID[1]-1", "NTE[1]-2", "NTE[1]-3"]
    torn = lines(HEAD, PID, "ORC|RE", SPM, OBX)
    assert unread_fields(ours(torn)) == ["PID[1]-1", "SPM[1]-2", "SPM[1]-4", "SPM[1]-17"]


def test_what_belongs_to_others_is_not_told():
    other = ["OBR|2|P8|F8|K^x^L|||||||who", "NTE|1|L|x", "OBX|1|NM|K^x^L||4|mmol/L|||||F|||||||y", "SPM|1|S2^^x"]
    assert unread_fields(ours(lines(*MESSAGE, *other))) == ["PID[1]-1"]
    patient = ["PID|2||12^^^HOSP|4", "NTE|1|L|x", "ORC|RE|||||||y"]
    assert unread_fields(ours(lines(*MESSAGE, *patient))) == ["PID[1]-1"]


def test_a_line_that_is_no_segment_is_one_place():
    raw = lines(*MESSAGE, "torn off", "and more")
    assert classes(raw)[NO_SEGMENT] == "unread"
    assert unread_fields(ours(raw)) == ["PID[1]-1", "line 6: no segment", "line 7: no segment"]


def test_other_delimiters_split_fields_too():
    raw = lines(*MESSAGE).replace(b"^~\\&", b"!$\\%").replace(b"^", b"!").replace(b"F\r", b"F|||||||!%$!|a^b\r")
    found = classes(raw)
    assert "OBX-18" not in found
    assert found["OBX-19"] == "mapped"


def test_fields_and_components_no_path_can_name_are_one_place():
    """A sender that fills a million fields makes up no million places."""
    many = "|".join("x" for _ in range(1500))
    raw = lines(
        HEAD,
        PID,
        OBR,
        f"{OBX}|||||||" + "^".join("y" for _ in range(300)),
        f"ZLB|{many}",
        SPM.replace("S1", "^^" + "a^" * 300),
    )
    found = classes(raw)
    assert [place for place in found if place.startswith("ZLB-")] == [f"ZLB-{n}" for n in range(1, 1001)]
    assert [place for place in found if place.startswith("SPM-2.")] == [f"SPM-2.{n}" for n in range(3, 101)]
    assert classes(raw, with_not_needed("ZLB"))["ZLB-1000"] == "not needed"
