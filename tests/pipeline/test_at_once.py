"""The quick way says, notes and counts what the careful way does, and leaves to it all that is odd."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import hospital
import pytest
from asking import codes, received
from at_length import examples
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from adapter.pipeline import at_once as at_once_module
from adapter.pipeline.at_once import AtOnce
from adapter.pipeline.receive import Door, receive_at_once
from adapter.pipeline.reception import NAME_LIMIT_CHARS, Reception

POTASSIUM = "OBX|1|NM|2823-3^Potassium^LN||4.1|mmol/L|||||F"
OURS = "OBX|1|NM|ASPACT^Asparaginase activity^L||0.42|IU/mL|||||F"

senders = st.sampled_from(["HOSPLAB", "PING", " HOSPLAB ", "", "H\\T\\L", "L" * (NAME_LIMIT_CHARS + 3), "Köln"])
control_ids = st.sampled_from(["A1", "", "  ", " A1 ", "A" * (NAME_LIMIT_CHARS + 1), "\\F\\", "Ü1"])
kinds = st.sampled_from(["ORU^R01^ORU_R01", "ORU", "ADT^A08", "ADT^A40", "NMD^N02", "ACK", "ACK^R01", "MCF", ""])
conditions = st.sampled_from(["", "AL", "NE", "ER", "SU", '""', "x"])
stamps = st.sampled_from(["20250310120000+0000", "", " 2025 "])
lines = st.sampled_from(
    [
        *(POTASSIUM, OURS, "OBR|1||F1|CBC^Blood count^L", "OBX|1", "obx|1", "NTE|1||", "NTE|1||MSH of another", "MSH|"),
        *("NTE|1||see OBX|", "BHS|^~\\&", "", "ZAP|1", "NTE|1||a\x1cb", "NTE|1||\x0bMSH|^~\\&|X", "|", "no segment"),
    ]
)


@st.composite
def messages(draw):
    accept, application = draw(conditions), draw(conditions)
    head = (
        f"MSH|^~\\&|{draw(senders)}|HOSP|X|Y|{draw(stamps)}||{draw(kinds)}|{draw(control_ids)}|P|"
        f"{draw(st.sampled_from(['2.5.1', '2.2', '', '2.3^x']))}|||{accept}|{application}"
    )
    behind = draw(st.lists(lines, max_size=4))
    return draw(st.sampled_from(["\r", "\r\n"])).join((head, "PID|1||7^^^HOSP^MR", *behind, "")).encode()


doors = st.builds(
    Door,
    listener=st.just("lab"),
    source=st.just("ward"),
    archive_irrelevant=st.sampled_from(["headers", "count", "full"]),
    ack_mode=st.sampled_from(["original", "enhanced", "auto"]),
    heartbeats=st.sampled_from([(), ("NMD^N02",), ("PING|*",)]),
    apart=st.sampled_from([None, lambda _: None]),
)


@dataclass
class Place:
    """A reception of its own, with all that came of it."""

    reception: Reception
    kept: object
    observed: list
    heard: list = field(default_factory=list)

    def came_of_it(self):
        self.kept.inbox.flush()
        return self.kept.inbox.irrelevant(10), self.kept.inbox.after(0, 10), self.kept.log, self.heard

    def events(self):
        """What was observed; an accept acknowledgment is counted on its own where the answer waits."""
        return [event for event, _ in self.observed if event != "accepted"]


@pytest.fixture
def place(keeper, make_reception):
    def make():
        kept = keeper()
        reception, observed = make_reception(kept)
        one = Place(reception, kept, observed)
        one.reception = replace(reception, heard=lambda *names: one.heard.append(names))
        return one

    return make


@given(st.data())
@hypothesis_settings(max_examples=examples(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_quick_way_does_what_the_careful_way_does(place, data):
    raw, door = data.draw(messages()), data.draw(doors)
    quick, careful, slow = place(), place(), place()
    told = AtOnce(door, quick.reception).answer(raw)
    carefully = receive_at_once(raw, door, careful.reception)
    if told is None:
        assert carefully is None
        assert (quick.came_of_it(), quick.observed) == (([], [], [], []), [])
        return
    if carefully is not None:
        assert (told, quick.came_of_it()) == (carefully, careful.came_of_it())
        assert quick.observed == careful.observed
        return
    # What only looks like several messages is told at once as it would be told later.
    answers = [answer for answer in received(raw, slow.reception, door) if answer is not None]
    assert ([told], quick.came_of_it(), quick.events()) == (answers, slow.came_of_it(), slow.events())


@pytest.mark.parametrize("raw", [hospital.everyday("E1"), hospital.everyday("E1").replace(b"|P|", b"|P||", 1)])
def test_a_kind_is_remembered_and_each_message_has_its_own_control_id(place, raw):
    one = place()
    quick = AtOnce(replace(DOOR, heartbeats=("NMD",)), one.reception)
    answers = [quick.answer(raw.replace(b"|E1|", b"|%b|" % name)) for name in (b"E1", b"E2", b" ", b"", b"E3")]
    assert [answer and answer.partition(b"\rMSA|AA|")[2] for answer in answers] == [
        b"E1\r",
        b"E2\r",
        None,
        None,
        b"E3\r",
    ]
    assert len(quick._kinds) == 1
    assert len(one.heard) == 3


DOOR = Door(listener="lab", source="ward")


@pytest.mark.parametrize(("senders", "left"), [(5, 5), (6, 1)])
def test_kinds_are_remembered_within_bounds(place, monkeypatch, senders, left):
    monkeypatch.setattr(at_once_module, "KINDS_REMEMBERED", 5)
    quick = AtOnce(DOOR, place().reception)
    told = [quick.answer(hospital.everyday("E1").replace(b"HOSPLAB", b"L%d" % n)) for n in range(senders)]
    assert codes(told) == [["AA"]] * senders
    assert len(quick._kinds) == left


def test_a_fault_of_the_filter_is_left_to_the_careful_way(place):
    one = place()
    reading = one.reception.reading()._replace(judge=lambda *_: 1 / 0, judge_alone=lambda *_: 1 / 0)
    assert AtOnce(DOOR, replace(one.reception, reading=lambda: reading)).answer(hospital.everyday("E1")) is None
    assert one.observed == [("problem", {"code": "internal-error"})]
