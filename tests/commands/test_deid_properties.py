"""De-identification for any message: nothing planted gets out, every interval stays, equal stays equal."""

from __future__ import annotations

import copy
import json
import re
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import hospital
import pytest
from at_length import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapter.commands.deid_corpus import read_corpus
from adapter.commands.deid_keep_list import load_keep_list
from adapter.commands.deid_key import Pseudonyms
from adapter.commands.deid_leaf import Means
from adapter.commands.deid_report import Report
from adapter.commands.deid_times import age_in_years, moved_hl7, moved_iso, reborn
from adapter.commands.deid_words import words_of
from adapter.commands.deid_work import Work
from adapter.commands.deid_write import write_all
from adapter.commands.test import parts_of
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.policies import load_rulebook
from adapter.knowledge.shipped import shipped

KNOWLEDGE = load_knowledge([shipped("mappings") / "demo"])[0]
KEEP = load_keep_list()[0]
assert KNOWLEDGE is not None
assert KEEP is not None
PARTS = parts_of(KNOWLEDGE, load_rulebook()[0])
MEANS = Means(keep=KEEP, words=words_of(KEEP, KNOWLEDGE), pseudonyms=Pseudonyms(b"k" * 32))
SEGMENTS = (
    "MSH",
    "PID",
    "PD1",
    "NK1",
    "PV1",
    "ORC",
    "OBR",
    "OBX",
    "NTE",
    "SPM",
    "ZPI",
    "ZXX",
    "GT1",
    "IN1",
    "FT1",
    "QQQ",
)
ORU = {
    "MSH": "MSH|^~\\&|LIS_NORTH|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.5.1",
    "PID": "PID|1||471100^^^HOSP^MR||Planted^Person||20190402|F",
    "ORC": "ORC|RE|P77|F991",
    "OBR": "OBR|1|P77|F991|ASPACT^Asparaginase activity^L|||20251103080000+0100",
    "OBX": "OBX|1|NM|ASPACT^Asparaginase activity^L||0.42|IU/mL|||||F",
}
planted = st.from_regex(re.compile(r"zq[b-df-hj-np-tv-xz]{6,12}"), fullmatch=True)
sent_texts = st.sampled_from(("{}", "{} rang", "Dr. {}", "{}-4", "0.42 {}", "<{}>", "20251103 {}", "Asparaginase {}"))


def shared(files: dict[str, bytes]) -> tuple[dict[str, bytes], Report]:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as aside:
        out = Path(folder) / "out"
        out.mkdir()
        paths = [Path(folder) / name for name in files]
        for path in paths:
            path.write_bytes(files[path.name])
        work = Work(corpus=read_corpus(paths, aside, _silent), means=MEANS, parts=PARTS)
        work.settle(_silent)
        report = write_all(work, out, as_case=None, progress=_silent)
        return {path.name: path.read_bytes() for path in out.iterdir()}, report


def _silent(_: int) -> None:
    """No progress."""


def oru_with(segment: str, number: int, component: int, text: str) -> bytes:
    """The message with a text at one place; the segment is made where it is missing."""
    lines = dict(ORU)
    fields = lines.get(segment, segment).split("|")
    place = number - 1 if segment == "MSH" else number
    fields += [""] * (place + 1 - len(fields))
    components = fields[place].split("^")
    components += [""] * (component - len(components))
    components[component - 1] = text
    fields[place] = "^".join(components)
    lines[segment] = "|".join(fields)
    return ("\r".join(lines.values()) + "\r").encode()


@pytest.mark.slow
@settings(deadline=None, max_examples=examples(60))
@given(st.sampled_from(SEGMENTS), st.integers(1, 45), st.integers(1, 12), planted, sent_texts)
def test_the_name_of_the_patient_gets_out_of_no_place_of_a_message(segment, number, component, name, form):
    if segment == "MSH" and number <= 2:
        number = 3
    raw = oru_with(segment, number, component, form.format(name)).replace(b"Planted", name.encode())
    files, _ = shared({"a.hl7": raw})
    assert [out for out in files.values() if name.encode() in out.lower()] == []


@pytest.mark.slow
@settings(deadline=None, max_examples=examples(40))
@given(st.sampled_from(SEGMENTS), st.integers(1, 45), st.integers(1, 12), planted)
def test_what_nobody_knows_gets_only_out_of_places_on_the_keep_list(segment, number, component, word):
    if segment == "MSH" and number <= 2:
        number = 3
    files, _ = shared({"a.hl7": oru_with(segment, number, component, word)})
    rule = MEANS.keep.rule(segment, number, component)
    if rule is None or rule.do not in ("keep", "code", "facility"):
        assert [out for out in files.values() if word.encode() in out.lower()] == []


@pytest.mark.slow
@settings(deadline=None, max_examples=examples(40))
@given(st.data(), planted, st.sampled_from(("patient", "dose", "reaction")), st.booleans())
def test_the_name_of_the_patient_gets_out_of_no_element_of_a_resource(data, name, kind, unknown):
    resources = {"patient": hospital.patient(), "dose": hospital.dose(), "reaction": hospital.reaction()}
    resources["patient"]["name"] = [{"family": name}]
    place = data.draw(st.sampled_from(list(holders(resources[kind]))))
    holder = at(resources[kind], place)
    if unknown:
        key = data.draw(st.sampled_from((name, "unheardOf", "extension", "text", "note", "display", "comment")))
        holder[key] = data.draw(
            st.sampled_from((name, [{"text": name}], {"div": name}, [{"url": name, "valueString": name}]))
        )
    else:
        key = data.draw(st.sampled_from(sorted(k for k, v in holder.items() if isinstance(v, str)) or ["status"]))
        holder[key] = name if data.draw(st.booleans()) else f"{holder.get(key, '')} {name}"
    bundle = {"resourceType": "Bundle", "type": "collection"}
    entries = [{"fullUrl": f"https://{name}.example/1", "resource": resource} for resource in resources.values()]
    files, _ = shared({"a.json": json.dumps({**bundle, "entry": entries}).encode()})
    assert [out for out in files.values() if name.encode() in out.lower()] == []


def holders(value: object, place: tuple = ()):
    """The place of every object inside."""
    if isinstance(value, dict):
        yield place
        for key, inner in value.items():
            yield from holders(inner, (*place, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from holders(inner, (*place, number))


def at(value, place: tuple):
    for step in place:
        value = value[step]
    return value


def test_the_resources_planted_in_pass_as_they_are():
    """Otherwise the property above could hold because everything is withheld."""
    resources = [copy.deepcopy(made()) for made in (hospital.patient, hospital.dose, hospital.reaction)]
    entries = [{"resource": resource} for resource in resources]
    files, report = shared(
        {"a.json": json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()}
    )
    assert (len(files), report.withheld) == (1, [])
    files, report = shared({"a.hl7": ("\r".join(ORU.values()) + "\r").encode()})
    assert (len(files), report.withheld) == (1, [])


times = st.datetimes(datetime(1990, 1, 1), datetime(2080, 1, 1))  # noqa: DTZ001 - local times, as they are sent


@given(times, times, st.integers(-180, 180), st.sampled_from(("", "+0100", "-0330", "Z")))
def test_intervals_stay_exactly_and_so_do_times_of_day_and_offsets(first, second, days, offset):
    for form, moved, zone in (("%Y%m%d%H%M%S", moved_hl7, offset), ("%Y-%m-%dT%H:%M:%S", moved_iso, offset)):
        old = [f"{at.strftime(form)}{zone}" for at in (first, second)]
        new = [moved(text, days) for text in old]
        read = [datetime.strptime(text[: len(text) - len(zone)], form) for text in new]  # noqa: DTZ007 - local times
        expected = [at.replace(microsecond=0) + timedelta(days=days) for at in (first, second)]
        assert read == expected
        assert all(text.endswith(zone) for text in new)


@pytest.mark.parametrize("moved", [moved_hl7, moved_iso])
@given(text=st.text(max_size=40))
def test_what_is_no_time_never_comes_through_as_one(moved: Callable[[str, int], str], text):
    new = moved(text, 10)
    assert new == "NOT-A-TIME" or re.fullmatch(r"\d{4}[-\d]*([T ]?[\d:.]*)?\s*(Z|[+-][\d:]+)?", new, re.ASCII)


@given(times, times, st.integers(-180, 180), st.integers(0, 10**9))
def test_a_birth_date_is_another_one_with_the_same_age(born, seen, days, draw):
    born, seen = sorted((born.date(), seen.date()))
    new = datetime.strptime(reborn(born.strftime("%Y%m%d"), seen=seen, days=days, draw=draw), "%Y%m%d").date()  # noqa: DTZ007
    then = seen + timedelta(days=days)
    assert age_in_years(new, then) == age_in_years(born, seen)
    assert new != born
    assert new <= then


@given(st.text(min_size=4, max_size=40).filter(lambda text: any(char.isalnum() for char in text)))
def test_a_pseudonym_has_the_length_and_the_shape_of_what_it_stands_for(value):
    made = MEANS.pseudonyms.of(value)
    assert len(made) == len(value)
    assert [char for char in made if not char.isalnum()] == [c for c in value if not c.isalnum() and ord(c) < 128]
    assert made.isascii()
    assert shape(MEANS.pseudonyms.of(made)) == shape(made)
    assert Pseudonyms(b"k" * 32).of(value) == made


@given(st.lists(st.from_regex(re.compile(r"[A-Z]{0,2}[1-9][0-9]{3,9}"), fullmatch=True), min_size=2, unique=True))
def test_different_identifiers_stay_different_and_none_stays_itself(values):
    made = [MEANS.pseudonyms.of(value) for value in values]
    assert len(set(made)) == len(values)
    assert all(one != other for one, other in zip(made, values, strict=True))
    assert [Pseudonyms(b"o" * 32).of(value) for value in values] != made


def shape(text: str) -> str:
    return "".join("9" if c.isdigit() else "a" if c.islower() else "A" if c.isalpha() else c for c in text)


@given(st.text(max_size=20), st.integers(0, 5))
def test_a_shift_is_never_none_and_at_most_half_a_year(name, attempt):
    assert 1 <= abs(MEANS.pseudonyms.days(name, attempt)) <= 180


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    "resourceType",
                    "id",
                    "entry",
                    "resource",
                    "subject",
                    "reference",
                    "identifier",
                    "value",
                    "contained",
                    "link",
                )
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)
kinds = st.sampled_from(("Bundle", "Patient", "MedicationAdministration", "AllergyIntolerance", "Medication", "Other"))


@settings(deadline=None, max_examples=examples(60))
@given(
    st.dictionaries(st.sampled_from(("entry", "subject", "patient", "identifier", "contained", "id")), json_values),
    kinds,
)
def test_no_json_ends_in_an_error(body, kind):
    files, report = shared({"a.json": json.dumps({**body, "resourceType": kind}).encode()})
    assert len(files) + len(report.withheld) + len(report.left_out) == 1


@settings(deadline=None, max_examples=examples(60))
@given(
    st.lists(
        st.sampled_from(
            ("MSH|", "\r", "PID|", "^", "~", "&", "\\", "|", "OBX|1|NM|ASPACT^^L||", "\x0b", "FHS|", "BTS|")
        )
        | st.text(max_size=4),
        max_size=30,
    )
)
@example(["FHS|", *["MSH|"] * 4, "OBX|1|NM|ASPACT^^L||", "MSH|"])
def test_no_bytes_end_in_an_error(pieces):
    raw = "".join(pieces).encode("utf-8", "replace")
    _, report = shared({"a.hl7": raw})
    # What stands around the messages of a file is withheld under the number 0.
    assert report.messages == report.written + len([one for one in report.withheld if one.message])
