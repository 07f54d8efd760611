"""Playing families of messages apart comes to what playing the whole corpus does; both directions mirror each other."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from pathlib import Path

import hospital
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from versions_of_mappings import HEADER, site_tables

from adapter.commands.diff import compared
from adapter.commands.diff_corpus import files_of, supporting_of
from adapter.commands.diff_kin import families
from adapter.commands.diff_message import WEIGHTS
from adapter.commands.diff_patients import GRADES, _outcome
from adapter.commands.diff_sides import Side, Sides
from adapter.commands.diff_survey import surveyed
from adapter.commands.play_folder import play
from adapter.commands.test import parts_of
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.policies import load_rulebook
from adapter.store.memory_state import MemoryState

UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)
"""To make an example smaller is to play it hundreds of times."""
PATIENTS = ("900001", "900002", "900003")
LAST_MRN = PATIENTS[-1].encode()
VERSIONS = ("now", "renamed", "limit", "unit", "products", "policy")
MIRRORED = {
    "lost": ("new", "lost"),
    "withdrawn": ("new",),
    "new": ("lost", "withdrawn"),
    "otherwise": ("otherwise",),
    "told": ("told",),
}
"""What is lost in one direction is new in the other; where a message loses and wins, the loss counts in both."""
SIDES = st.sampled_from(VERSIONS)


@pytest.fixture(scope="module", autouse=True)
def versions(tmp_path_factory):
    """Overlays of which each changes something else: a code, a limit, a unit, which drug is ours, the policy."""
    home = tmp_path_factory.mktemp("versions")
    for name in VERSIONS:
        site_tables(home / name)
    tables = {name: home / name / "tables" for name in VERSIONS}
    (tables["renamed"] / "activity_tests.csv").write_text(HEADER)
    limits = (tables["limit"] / "quantification_limits.csv").read_text()
    (tables["limit"] / "quantification_limits.csv").write_text(limits.replace("0.03", "0.08"))
    (tables["unit"] / "units.csv").write_text(f"{HEADER},blorps,*,[IU]/mL,,\n")
    products = (tables["products"] / "asparaginase_products.csv").read_text()
    (tables["products"] / "asparaginase_products.csv").write_text(products.replace("PEGASP,", "OTHER,"))

    def side(name: str) -> Side:
        knowledge, faults = load_knowledge([home / name])
        rulebook, more = load_rulebook(["AIEOP09"] if name == "policy" else [])
        assert [fault for fault in (*faults, *more) if fault.severity == "error"] == []
        return Side(name=name, commit=None, parts=parts_of(knowledge, rulebook), reading="alike")

    sides = {name: side(name) for name in VERSIONS}
    return lambda name: sides[name]


def sent(mrns):
    every = [one for mrn in mrns for one in [*hospital.course(mrn), *medications(mrn)]]
    # The laboratory of the last patient has a unit of its own.
    return [replace(one, raw=one.raw.replace(b"|IU/mL|", b"|blorps|")) if LAST_MRN in one.raw else one for one in every]


def medications(mrn):
    """A dose that names its drug by reference: what stands there changes on the way."""
    drugs = [{"system": hospital.FORMULARY, "code": code} for code in ("PEGASP", "CRISAN")]
    dose = {**hospital.dose(mrn, 3, day="2025-04-07"), "medicationReference": {"reference": "Medication/m1"}}
    del dose["medicationCodeableConcept"]
    for number, drug in enumerate(drugs):
        medication = {"resourceType": "Medication", "id": "m1", "code": {"coding": [drug]}}
        yield hospital.fhir({**medication, "meta": {"versionId": str(number + 1)}})
        yield hospital.fhir(
            {**dose, "meta": {"versionId": str(number + 1), "lastUpdated": f"2025-04-0{number + 7}T13:00:00Z"}}
        )


def moving(*order):
    """A patient, a level of his, and the versions of his dose and of what it refers to, in an order."""
    every = list(medications("900001"))
    level = hospital.Sent(raw=hospital.oru("A1", collected="20250414120000+0000"))
    return [hospital.fhir(hospital.patient()), level, *(every[place] for place in order)]


def no_longer_ours(mrn):
    """A dose of ours, and its newer version that names another drug."""
    other = {"coding": [{"system": hospital.FORMULARY, "code": "PARACETAMOL"}]}
    meta = {"versionId": "2", "lastUpdated": "2025-03-04T09:00:00Z"}
    yield hospital.fhir(hospital.patient(mrn))
    yield hospital.fhir(hospital.dose(mrn))
    yield hospital.fhir({**hospital.dose(mrn), "meta": meta, "medicationCodeableConcept": other})


def as_files(every):
    return [("hl7" if one.is_hl7 else "json", one.raw) for one in every]


@st.composite
def corpora(draw):
    """Some of what a hospital sends of some patients, in any order, HL7 messages alone or several in a file."""
    whole = sent(PATIENTS[: draw(st.integers(1, len(PATIENTS)))])
    chosen = draw(st.lists(st.sampled_from(range(len(whole))), min_size=4, max_size=30, unique=True))
    files: list[tuple[str, bytes]] = []
    for place in chosen:
        one = whole[place]
        if one.is_hl7 and files and files[-1][0] == "hl7" and draw(st.booleans()):
            files[-1] = ("hl7", files[-1][1] + one.raw)
        else:
            files.append(("hl7" if one.is_hl7 else "json", one.raw))
    return files


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Writes a corpus into a folder of its own."""
    home, numbers = tmp_path_factory.mktemp("corpora"), count()

    def write(files) -> Path:
        folder = home / str(next(numbers))
        folder.mkdir()
        for number, (kind, raw) in enumerate(files):
            (folder / f"{number:03d}.{kind}").write_bytes(raw)
        return folder

    return write


def apart(folder: Path, side: Side):
    """Findings and resources of a corpus played family by family."""
    files = files_of([str(folder)])
    supporting = supporting_of(files)
    sides = Sides(old=side, new=side).knowing(supporting.newest)
    survey = surveyed(files, sides, supporting, None, lambda _size: None)
    findings, resources = [], {}
    for places in families([ours.tokens for ours in survey.ours]):
        outcome = _outcome([survey.ours[place] for place in places], sides.new, survey.clock)
        findings += [finding for every in outcome.findings.values() for finding in every]
        resources |= {f"{w.resource_type}/{w.id}": w.body for every in outcome.written.values() for w in every}
    return findings, resources


@pytest.mark.slow
@settings(max_examples=15, phases=UNSHRUNK)
@given(files=corpora(), name=SIDES)
@example(files=as_files(no_longer_ours("900001")), name="now")
@example(files=as_files(moving(0, 1, 2)), name="now")
@example(files=as_files(moving(2, 1, 3, 0)), name="products")
@example(files=as_files(moving(2, 0, 1)), name="products")
def test_families_played_apart_come_to_what_play_makes_of_the_whole(versions, written, files, name):
    folder, side = written(files), versions(name)
    findings, resources = apart(folder, side)
    whole = play(folder, replace(side.parts, state=MemoryState()), as_of=None)
    assert sorted(map(json.dumps, findings)) == sorted(map(json.dumps, [*whole["findings"], *whole["unlinked"]]))
    assert resources == whole["resources"]


@pytest.mark.slow
@settings(max_examples=15, phases=UNSHRUNK)
@given(files=corpora(), name=SIDES)
def test_a_version_never_differs_from_itself(versions, written, files, name):
    same = Sides(old=versions(name), new=replace(versions(name), reading="held for another"))
    result = compared(files_of([str(written(files))]), same, None)
    assert (result.messages, result.patients) == ((), ())
    assert result.read > 0


@pytest.mark.slow
@settings(max_examples=15, phases=UNSHRUNK)
@given(files=corpora(), names=st.tuples(SIDES, SIDES))
def test_both_directions_mirror_each_other(versions, written, files, names):
    one, other = map(versions, names)
    found = files_of([str(written(files))])
    there = compared(found, Sides(old=one, new=other), None)
    back = compared(found, Sides(old=other, new=one), None)
    assert mirrored_messages(there) == [(m.file, m.number, sorted(map(repr, m.changes))) for m in by_place(back)]
    assert mirrored_patients(there) == [whole_patient(p, "before", "after") for p in by_name(back)]
    for forth, again in zip(by_place(there), by_place(back), strict=True):
        assert again.weight in MIRRORED[forth.weight]


def by_place(result):
    return sorted(result.messages, key=lambda one: (one.file, one.number))


def by_name(result):
    return sorted(result.patients, key=lambda one: one.patient)


def mirrored_messages(result):
    return [(m.file, m.number, sorted(repr(change.swapped()) for change in m.changes)) for m in by_place(result)]


def mirrored_patients(result):
    return [whole_patient(one, "after", "before", mirrored=True) for one in by_name(result)]


def whole_patient(patient, before, after, *, mirrored=False):
    def of(changes):
        return sorted(repr(change.swapped() if mirrored else change) for change in changes)

    findings = [
        (f.whole.key, getattr(f.whole, before), getattr(f.whole, after), of(f.changes)) for f in patient.findings
    ]
    resources = [(r.reference, getattr(r, before), getattr(r, after), of(r.changes)) for r in patient.resources]
    return patient.patient, sorted(map(repr, findings)), sorted(map(repr, resources))


@pytest.mark.slow
@settings(max_examples=15, phases=UNSHRUNK)
@given(files=corpora(), names=st.tuples(SIDES, SIDES))
def test_what_is_left_out_unplayed_would_not_have_differed(versions, written, files, names):
    one, other = map(versions, names)
    found = files_of([str(written(files))])
    short = compared(found, Sides(old=one, new=other), None)
    # Another way of reading is suspected, so that every family is played.
    long = compared(found, Sides(old=one, new=replace(other, reading="suspected")), None)
    assert (short.messages, short.patients) == (long.messages, long.patients)


def test_the_most_harmful_come_first_in_every_result(versions, written):
    files = as_files(sent(PATIENTS))[::-1]
    result = compared(files_of([str(written(files))]), Sides(old=versions("now"), new=versions("products")), None)
    ranks = [WEIGHTS.index(one.weight) for one in result.messages]
    grades = [GRADES.index(one.grade) for one in result.patients]
    assert ranks == sorted(ranks)
    assert grades == sorted(grades)
    assert result.messages[0].weight == "lost"


@pytest.mark.slow
def test_a_large_corpus_is_read_in_one_go_and_told_on_the_way(versions, tmp_path, capsys):
    days = b"".join(hospital.everyday(f"E{number}") for number in range(5_000))
    levels = b"".join(hospital.oru(f"A{number}", mrn=f"91{number:04d}", filler=f"F{number}") for number in range(20))
    (tmp_path / "year.hl7").write_bytes(days + levels)
    result = compared(files_of([str(tmp_path)]), Sides(old=versions("now"), new=versions("renamed")), None)
    assert (result.read, result.relevant, len(result.messages), len(result.patients)) == (5_020, 20, 20, 20)
    assert {one.weight for one in result.messages} == {"lost"}
    assert capsys.readouterr().err.splitlines() == ["5,000 messages read"]


def test_nothing_is_read_where_both_sides_are_one_version(versions, tmp_path):
    (tmp_path / "one.hl7").write_bytes(hospital.oru("A1"))
    files = files_of([str(tmp_path)])
    (tmp_path / "one.hl7").unlink()
    result = compared(files, Sides(old=versions("now"), new=versions("now")), None)
    assert (result.read, result.changes) == (0, False)
