"""Kept messages of a usual kind are told, kept, noted and counted as the careful way does it, or left to that."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import hospital
import pytest
from asking import received
from at_length import examples
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from adapter.app.in_use import MappingsInUse
from adapter.ingest.senders import SenderRules
from adapter.pipeline import soon
from adapter.pipeline.at_once import AtOnce
from adapter.pipeline.handing import handing
from adapter.pipeline.receive import Door
from adapter.pipeline.reception import hl7_arrival, incoming
from adapter.pipeline.soon import Coming
from adapter.pipeline.taking import ACCEPTED, worded
from adapter.store.faults import CannotKeep

DOOR = Door(listener="lab", source="ward")
NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
NEAR = "OBX|1|NM|ASPNEW^Asparaginase, new method^L||0.42|IU/mL|||||F"
OURS = "OBX|1|NM|ASPACT^Asparaginase activity^L||0.42|IU/mL|||||F"

kinds = st.sampled_from(["ORU^R01^ORU_R01", "ORU", "ORU^R01", "ORM^O01", "ADT^A40", "ACK^R01", ""])
lines = st.sampled_from(
    [
        *(
            OURS,
            NEAR,
            OURS.replace("0.42", "<"),
            OURS.replace("|F", "|D"),
            OURS.replace("IU/mL", "mg"),
            "NTE|1||\\X4\\",
        ),
        *("OBX|1", "obx|1|NM|ASPACT", "NTE|1||MSH|^~\\&|of another", "no segment", "NTE|1||\x0bMSH|^~\\&|X", "ZAP|1"),
    ]
)


@st.composite
def messages(draw):
    accept = draw(st.sampled_from(["", "", "AL", "NE"]))
    charset = draw(st.sampled_from(["", "UNICODE UTF-8", "8859/1", "x"]))
    control_id = draw(st.sampled_from(["A1", "A1", "Ü", " "]))
    head = (
        f"MSH|^~\\&|HOSPLAB|HOSP|X|Y|20250310120000+0000||{draw(kinds)}|{control_id}|P|"
        f"2.5.1|||{accept}|{accept}||{charset}"
    )
    patient = draw(st.sampled_from(["PID|1||7^^^HOSP^MR", "PID|1||", "PID|1||7^^^HOSP^MR||Öst^Åke"]))
    order = "OBR|1|P1|F1|ASPACT^Asparaginase activity^L|||20250310080000+0000"
    told = draw(st.sampled_from([patient, ""])), order, *draw(st.lists(lines, max_size=3))
    return "\r".join((head, *told, "")).encode(draw(st.sampled_from(["utf-8", "latin-1"])), "replace")


doors = st.builds(
    Door,
    listener=st.just("lab"),
    source=st.just("ward"),
    archive_irrelevant=st.sampled_from(["headers", "full"]),
    ack_mode=st.sampled_from(["original", "enhanced", "auto"]),
    apart=st.sampled_from([None, lambda _: None]),
)


class Waited:
    """Keeps with all others of a turn, and tells who waits in another thread than the loop's, as the service does."""

    def __init__(self, keeper):
        self.keeper, self.turn = keeper, []

    def __call__(self, request):
        if not self.turn:
            asyncio.get_running_loop().call_soon(self._hand_over)
        self.turn.append(request)

    def _hand_over(self):
        turn, self.turn = self.turn, []
        threading.Thread(target=self._settle, args=(turn,)).start()

    def _settle(self, requests):
        for arrival, waiting in requests:
            try:
                kept = self.keeper.submit(arrival).result()
            except CannotKeep as fault:
                waiting.set_exception(fault)
            else:
                assert waiting.set_running_or_notify_cancel()
                waiting.set_result(kept)


@pytest.fixture
def place(keeper, make_reception):
    """A reception with its keeper, what was observed, and who was heard."""

    def make(fault=None, *, together=True):
        kept, heard = keeper(fault=fault), []
        reception, observed = make_reception(kept)
        told = Waited(kept) if together else None
        rules = SenderRules(warn_in_err=True)
        return (
            replace(reception, hand_over=told, heard=lambda *who: heard.append(who), rules=lambda _: rules),
            (kept, observed, heard),
        )

    return make


def soon_told(raws, door, reception):
    """What each message is told, one after the other on one loop: bytes, None for the careful way, or `asked`."""

    async def talk():
        quick, told = AtOnce(door, reception), []
        for raw in raws:
            answer = quick.answer(raw)
            if isinstance(answer, Coming):
                coming = asyncio.get_running_loop().create_future()
                answer.then(coming.set_result)
                answer = await asyncio.wait_for(coming, 20)
            told.append(answer)
        return told

    return asyncio.run(talk())


def came_of_it(kept, _observed, heard):
    kept.inbox.flush()
    return [one.arrival for one in kept.inbox.after(0, 10)], kept.inbox.irrelevant(9), sorted(map(str, kept.log)), heard


@given(st.data())
@hypothesis_settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_told_soon_is_what_the_careful_way_tells(place, data):
    raws = [data.draw(messages())] * data.draw(st.sampled_from([1, 2])) + data.draw(st.lists(messages(), max_size=2))
    door = data.draw(doors)
    quick, came = place()
    careful, came_carefully = place(together=False)
    told = soon_told(raws, door, quick)
    carefully = [received(raw, careful, door) for raw in raws]
    for n, raw in enumerate(raws):
        if told[n] is None:  # left to the careful way, which has still to see it
            told[n] = received(raw, quick, door)
    # The first that is left comes out of turn here; a connection keeps the turns (tests/transport).
    if all(isinstance(answer, bytes) for answer in told):
        assert told == [next(a for a in answers if a is not None) for answers in carefully]
        assert came_of_it(*came) == came_of_it(*came_carefully)
        assert sorted(map(str, came[1])) == sorted(str(one) for one in came_carefully[1] if one[0] != "accepted")


@pytest.mark.parametrize("second", [hospital.oru("A1"), hospital.oru("A1", value="0.05"), hospital.oru("A2")])
def test_repeats_and_control_ids_used_again_are_told_and_counted_as_the_careful_way_does(place, second):
    (quick, came), (careful, came_carefully) = place(), place(together=False)
    raws = [hospital.oru("A1"), second, second]
    assert soon_told(raws, DOOR, quick) == [received(raw, careful, DOOR)[0] for raw in raws]
    assert came_of_it(*came) == came_of_it(*came_carefully)
    assert came[1] == came_carefully[1]


@given(messages(), st.booleans(), st.sampled_from(["AA", "AE"]), st.sampled_from(["AA", "AE", "AR"]))
@hypothesis_settings(max_examples=examples(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_near_miss_that_is_told_aa_unread_is_told_nothing_else_when_it_is_read(knowledge, raw, warned, found, other):
    rules = SenderRules(warn_in_err=warned, content_errors=found, unsupported=other)
    reading = MappingsInUse(knowledge).door(lambda _: rules, 1_000)()
    message = incoming(raw, NOW)
    judged = reading.judge_alone(raw, message.envelope) if message.envelope else None
    if judged and judged.relevance == "near-miss" and message.control_id:
        told = worded(hl7_arrival(raw, DOOR, NOW, judged), reading.translate)
        sure = reading.near_misses_accepted(message.sender, message.message_type)
        assert told == ACCEPTED if sure else warned or not message.message_type.startswith("ORU")


@pytest.mark.parametrize(("line", "read"), [(NEAR, 0), (OURS, 1)])
def test_a_usual_near_miss_is_answered_without_being_read(place, line, read):
    reception, (kept, _, _) = place()
    raw = "\r".join((hospital.oru("A1").decode().partition("\r")[0], "PID|1||7^^^HOSP^MR", line, "")).encode()
    asked = []

    def reading():
        plain = reception.reading()
        return plain._replace(translate=lambda *of: asked.append(of) or plain.translate(*of))

    (answer,) = soon_told([raw], DOOR, replace(reception, reading=reading))
    assert (len(asked), kept.inbox.last_seq()) == (read, 1)
    assert b"\rMSA|A" in answer


def test_each_message_of_one_turn_hears_of_its_own(place):
    reception, (kept, _, _) = place()

    async def talk():
        quick, loop = AtOnce(DOOR, reception), asyncio.get_running_loop()
        comings = [quick.answer(hospital.oru(f"A{n}")) for n in range(5)]
        futures = [loop.create_future() for _ in comings]
        for coming, future in zip(comings, futures, strict=True):
            coming.then(future.set_result)
        return await asyncio.wait_for(asyncio.gather(*futures), 20)

    answers = asyncio.run(talk())
    assert [answer.partition(b"\rMSA|AA|")[2] for answer in answers] == [b"A%d\r" % n for n in range(5)]
    assert kept.inbox.last_seq() == 5


def kept_at_once(keeper, request):
    """A disk that takes no time."""
    request.future.set_result(keeper.submit(request.arrival).result())


def test_what_is_on_disk_is_answered_when_the_next_message_comes_though_the_turn_is_not_over(place):
    reception, (kept, _, _) = place()
    told = []

    async def turn():
        quick = AtOnce(DOOR, replace(reception, hand_over=partial(kept_at_once, kept)))
        quick.answer(hospital.oru("A1")).then(told.append)
        before = list(told)
        quick.answer(hospital.oru("A2")).then(told.append)
        return before, list(told)

    before, after = asyncio.run(turn())
    assert (before, [answer.partition(b"\rMSA|AA|")[2] for answer in after]) == ([], [b"A1\r"])


def test_an_answer_that_is_on_disk_before_it_is_worded_is_worded_then_by_the_tables_it_was_judged_by(place):
    reception, (kept, _, _) = place()
    told = []

    async def talk():
        quick = AtOnce(DOOR, replace(reception, hand_over=partial(kept_at_once, kept)))
        # Brought to the loop before the turn comes to the wording.
        handing().bring(lambda: None)
        quick.answer(hospital.oru("A1", value="")).then(told.append)
        for _ in range(5):
            await asyncio.sleep(0)

    asyncio.run(talk())
    careful, _ = place(together=False)
    assert told == [received(hospital.oru("A1", value=""), careful, DOOR)[0]]


def test_a_message_that_cannot_be_kept_is_left_to_the_careful_way_uncounted(place):
    reception, (kept, observed, heard) = place(CannotKeep("full"))
    assert soon_told([hospital.oru("A1")], DOOR, reception) == [None]
    assert (kept.log, observed, heard) == ([], [], [])


def test_a_fault_of_ours_after_the_message_is_kept_is_left_to_the_careful_way_and_stores_nothing_twice(place):
    reception, (kept, _, _) = place()
    broken = replace(reception, next_control_id=lambda: 1 / 0)
    assert soon_told([hospital.oru("A1")], DOOR, broken) == [None]
    first, _ = received(hospital.oru("A1"), reception, DOOR)
    assert b"\rMSA|AA|A1\r" in first
    assert kept.inbox.last_seq() == 1


@pytest.mark.parametrize(("longer", "soon_enough"), [(0, True), (1, False)])
def test_a_long_message_is_left_to_the_careful_way(place, monkeypatch, longer, soon_enough):
    raw = hospital.oru("A1")
    monkeypatch.setattr(soon, "SOON_LIMIT_BYTES", len(raw) - longer)
    reception, _ = place()
    assert (soon_told([raw], DOOR, reception) != [None]) is soon_enough


@pytest.mark.parametrize(("more", "soon_enough"), [(0, True), (1, False)])
def test_a_message_of_many_lines_is_left_to_the_careful_way(place, more, soon_enough):
    raw = hospital.oru("A1")
    raw += b"NTE|1\r" * (soon.SOON_LIMIT_LINES - raw.count(b"\r") + more)
    reception, _ = place()
    assert (soon_told([raw], DOOR, reception) != [None]) is soon_enough


@pytest.mark.usefixtures("_hostile_switching")
def test_however_the_threads_switch_every_message_is_answered_once_and_only_after_it_was_kept(place, on_a_loop):
    reception, (kept, _, _) = place()
    told = []

    async def talk():
        quick = AtOnce(DOOR, reception)
        done = asyncio.Event()

        def tell(name, answer):
            assert ("kept", name) in kept.log
            told.append((name, answer.partition(b"\rMSA|AA|")[2]))
            if len(told) == 300:
                done.set()

        for n in range(300):
            quick.answer(hospital.oru(f"A{n}")).then(partial(tell, f"A{n}"))
            if n % 7 == 0:
                await asyncio.sleep(0)
        await done.wait()

    on_a_loop(talk)
    assert sorted(told) == sorted((f"A{n}", b"A%d\r" % n) for n in range(300))
