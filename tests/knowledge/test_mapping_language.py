"""Whatever a mapping may say has an effect: what has none is refused with a sentence and its place."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from adapter.domain.events import (
    EVENT_TYPES,
    ActivityMeasured,
    AsparaginaseAdministered,
    HypersensitivityRecorded,
    PremedicationGiven,
)
from adapter.knowledge.codes import TARGETS
from adapter.knowledge.event_fields import EVENT_FIELDS, EVENT_INPUT
from adapter.knowledge.field_checks import KEYS
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.shipped import shipped
from adapter.knowledge.spec import Reader

MAPPINGS = shipped("mappings")
RESULTS = "v2/oru_activity.yaml"
DOSES = "fhir/medication_administration_asparaginase.yaml"
PREMEDICATION = "fhir/medication_administration_premedication.yaml"
REACTIONS = "fhir/allergy_hypersensitivity.yaml"


def faults_of(tmp_path: Path, name: str, before: str, after: str) -> list[tuple[int, int | None, str]]:
    """Faults of a site's copy of a shipped mapping with one text replaced."""
    text = (MAPPINGS / name).read_text(encoding="utf-8")
    assert text.count(before) >= 1, before
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text.replace(before, after, 1), encoding="utf-8")
    _, faults = load_knowledge([tmp_path])
    assert all(fault.file == f"{tmp_path.as_posix()}/{name}" for fault in faults)
    return [(fault.line, fault.column, fault.text) for fault in faults]


COLLECTED = "    must_agree: 60 minutes        # the paths that are filled must not contradict\n"


@pytest.mark.parametrize(
    ("name", "before", "after", "column", "said"),
    [
        # input, rows and selection
        (RESULTS, "ActivityMeasured\n\n", "PremedicationGiven\n\n", 3, "PremedicationGiven is made of Medication"),
        (
            DOSES,
            "resource: Med",
            "resource: Allergy",
            3,
            "AsparaginaseAdministered is made of MedicationAdministration",
        ),
        (
            RESULTS,
            "for_each: OBX  ",
            "for_each: OBR  ",
            1,
            "'OBR' cannot be the rows of ActivityMeasured; it takes OBX",
        ),
        (RESULTS, "for_each: OBX  ", "if_none: once\nfor_each: OBX  ", 1, "'if_none' has no effect on HL7 v2"),
        (DOSES, "select:\n", "for_each: dosage\nselect:\n", 1, "'dosage' cannot be the rows of Aspar"),
        (DOSES, "select:\n", "if_none: once\nselect:\n", 1, "'if_none' has no effect without 'for_each'"),
        (REACTIONS, "for_each: reaction", "for_each: note", 1, "'note' cannot be the rows of HypersensitivityRecorded"),
        (RESULTS, "code: OBX-3 ", "code: OBX-4 ", 3, "results are found by OBX-3 and nothing else"),
        (RESULTS, "table: activity_tests  ", "table: units  ", 3, "results are found by activity_tests and no other"),
        # readers
        (RESULTS, "    as: time\n    must", "    must", 3, "'collected' is read as time and in no other way"),
        (RESULTS, "    from: OBX-7", "    from: OBX-7\n    as: key", 5, "'reference_range' is read as text and in no"),
        (
            DOSES,
            "from: partOf\n    as: reference",
            "from: partOf\n    as: code",
            5,
            "'part_of' is read as reference and",
        ),
        # keys without effect
        (RESULTS, COLLECTED, COLLECTED + "    note_source: yes\n", 5, "'note_source' has no effect on 'collected'"),
        (RESULTS, COLLECTED, COLLECTED + "    join: lines\n", 5, "'join' has no effect on 'collected'"),
        (RESULTS, COLLECTED, COLLECTED + "    default: now\n", 5, "'default' has no effect on 'collected'"),
        (RESULTS, "    from: OBX-7", "    from: OBX-7\n    table: units", 5, "'table' has no effect on 'reference_r"),
        (RESULTS, "    from: OBX-7", "    from: OBX-7\n    type: OBX-2", 5, "'type' has no effect on 'reference_r"),
        (RESULTS, "    from: OBX-7", "    from: OBX-7\n    unit: OBX-6", 5, "'unit' has no effect on 'reference_r"),
        (
            RESULTS,
            "    from: OBX-7",
            "    from: OBX-7\n    must_agree: 1 day",
            5,
            "'must_agree' has no effect on 'reference_range'; leave it out (it may have join, default)",
        ),
        (
            PREMEDICATION,
            "    as: code\n\nnot",
            "    as: code\n    table: routes\n\nnot",
            5,
            "'table' has no effect on 'route'",
        ),
        (DOSES, "  started:\n", "  started:\n    note_source: yes\n", 5, "'note_source' has no effect on 'started'"),
        (REACTIONS, "note_source: true", "note_source: no", 5, "'occurred' always says which place its time comes"),
        # tables
        (RESULTS, "table: identifier_systems", "table: units", 5, "'patient' is looked up in identifier_systems"),
        (RESULTS, "    table: result_status\n", "", 3, "'table' is missing"),
        (
            RESULTS,
            "table: activity_tests\n    required",
            "table: units\n    required",
            5,
            "'test' is what 'select' found",
        ),
        # paths
        (RESULTS, "from: PID-3(*)  ", "from: MRG-1  ", 5, "'MRG-1' is not in the PID"),
        (
            RESULTS,
            "from: PID-3(*)  ",
            "from: PID-3.1  ",
            5,
            "'PID-3.1' goes too deep; 'patient' is read from the whole",
        ),
        (RESULTS, "from: OBX-5\n", "from: OBX-5.2\n", 5, "'OBX-5.2' goes too deep; 'activity' is read from the whole"),
        (RESULTS, "from: OBX-5\n", "from:\n      - OBX-5\n      - OBX-7\n", 9, "'activity' is read from one field"),
        (RESULTS, "type: OBX-2", "type: OBX-2.1", 5, "'OBX-2.1' goes too deep; 'type' takes a whole field"),
        (RESULTS, "unit: OBX-6", "unit: OBX-6(2)", 5, "'OBX-6(2)' goes too deep; 'unit' takes a whole field"),
        (RESULTS, "unit: OBX-6", "unit: (status)", 5, "'(status)' is no place of the input"),
        (
            RESULTS,
            "      - SPM-4\n",
            "      - SPM-4.4\n",
            9,
            "'SPM-4.4' goes too deep; 'specimen_type' is read from the",
        ),
        (RESULTS, "    from: OBR-3\n", "    from: OBR-3.1\n", 5, "'OBR-3.1' goes too deep; 'filler' is read from the"),
        (RESULTS, "    from: OBR-3\n", "    from: OBR-3 + OBX-4\n", 5, "'OBR-3 + OBX-4' joins with '+'; only the key"),
        (RESULTS, "- OBX-21\n", "- OBX-21(2)\n", 9, "'OBX-21(2)' names a repetition; a key is read from the first"),
        (RESULTS, "- OBX-21\n", "- (test)\n", 9, "'(test)' is no place of the input; a join may hold (test) after"),
        (
            RESULTS,
            "OBR-3 + (test)",
            "OBR-3 + (filler)",
            9,
            "'(filler)' is no place of the input; a join may hold (test)",
        ),
        (
            RESULTS,
            "from: OBX-3\n    as",
            "from: OBX-4\n    as",
            5,
            "'test' is what 'select' found; write the same here: OBX-3",
        ),
        (DOSES, "from: id\n", "from: identifier.value\n", 5, "the key of a record is its id and nothing else"),
        (DOSES, "from: medication\n    as", "from: category\n    as", 5, "'product' is what 'select' found"),
        (DOSES, "from: id\n", "from: id + status\n", 5, "'id + status' joins with '+'; only the key of a result"),
        (RESULTS, "- path: ORC\n", "- path: ORC-2(1)\n", 5, "'ORC-2(1)' is not a place; write a segment, a field"),
        (RESULTS, "- path: ORC\n", "- path: orc\n", 5, "'orc' is not a place; write a segment, a field"),
        (DOSES, "- path: performer\n", "- path: performer[0]\n", 5, "'performer[0]' is not an element; write for"),
        # required
        (
            RESULTS,
            "    table: units\n",
            "    table: units\n    required: always\n",
            5,
            "an empty value makes an event without a level, which is no fault of the message",
        ),
        (
            RESULTS,
            "from: OBX-3\n    as: code\n    table: activity_tests\n    required: always",
            "from: OBX-3\n    as: code\n    table: activity_tests\n    required: when status is final",
            5,
            "'test' is always required; leave 'required' out, or write always",
        ),
        (RESULTS, "final, corrected, cancelled", "finall", 5, "'status' is never 'finall'; did you mean 'final'?"),
        (RESULTS, "final, corrected, cancelled", "promote-to-final", 5, "'status' is never 'promote-to-final'"),
        (RESULTS, "when status is", "when method is", 5, "'method' has no list of words to wait for; ask for one of"),
        (RESULTS, "when status is pre", "when specimen_type is pre", 5, "'specimen_type' is never 'preliminary'"),
        (DOSES, "when status is completed, stopped", "when status is given", 5, "'status' is never 'given'"),
        (DOSES, "when status is completed", "when route is PO, IV", 5, "'route' is never 'PO'"),
        (
            RESULTS,
            "    from: OBX-7",
            "    from: OBX-7\n    default: none\n    required: always",
            5,
            "'reference_range' has a default, so it is never missing; leave one of the two out",
        ),
        (REACTIONS, "default: unconfirmed", "default: sure", 5, "'sure' is no word of 'verification'"),
    ],
)
def test_what_would_have_no_effect_is_refused_with_its_place(tmp_path, name, before, after, column, said):
    faults = faults_of(tmp_path, name, before, after)
    assert [fault for fault in faults if fault[2].startswith(said)], faults
    line, at, _ = next(fault for fault in faults if fault[2].startswith(said))
    assert at == column
    assert line > 1


def test_every_field_of_every_event_takes_one_reader_and_only_keys_of_the_language():
    assert tuple(EVENT_FIELDS) == tuple(EVENT_INPUT)
    assert sorted(EVENT_FIELDS) == sorted(EVENT_TYPES)
    for kinds in EVENT_FIELDS.values():
        for kind in kinds.values():
            assert kind.reader in get_args(Reader)
            assert set(kind.demands) <= set(kind.keys) <= set(KEYS)
            assert kind.targets is None or kind.targets in TARGETS or kind.targets == "units"


@pytest.mark.parametrize(
    ("event", "others"),
    [
        (ActivityMeasured, {"order_status", "updated", "sent"}),
        (AsparaginaseAdministered, set()),
        (PremedicationGiven, {"route"}),
        (HypersensitivityRecorded, set()),
    ],
)
def test_every_field_a_mapping_may_fill_is_a_field_of_the_event(event, others):
    # Compared with the status; parts of the version; told as a text: none of them is a field of its own.
    assert set(EVENT_FIELDS[event.__name__]) - set(event.__dataclass_fields__) == others


def test_every_reader_is_the_way_some_field_is_read():
    assert {kind.reader for kinds in EVENT_FIELDS.values() for kind in kinds.values()} == set(get_args(Reader))
