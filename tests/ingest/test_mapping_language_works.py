"""Every key and value a mapping may hold does what the page of the mapping language says, in a site's own files."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.domain.activity import Reported
from adapter.ingest.translate import SenderRules, translate_fhir, translate_hl7
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.shipped import shipped

MAPPINGS = shipped("mappings")
RESULTS = "v2/oru_activity.yaml"
DOSES = "fhir/medication_administration_asparaginase.yaml"
PREMEDICATION = "fhir/medication_administration_premedication.yaml"
REACTIONS = "fhir/allergy_hypersensitivity.yaml"
MRN = "https://hospital.example/mrn"
FORMULARY = "https://hospital.example/formulary"
HEADER = "sender,code,system,target,label,note\n"
HEAD = r"MSH|^~\&|LIS|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.5.1"
PID = "PID|1|2^^^HOSP|1^^^HOSP^PI~4711^^^HOSP^MR"
OBR = "OBR|1|P77|F991|ASPACT^Asparaginase activity^L|||20251103080000|||||||20251103081000|SER"
SPM = "SPM|1|S1^^^HOSP&1.2&ISO||PLAS^Plasma^HL70487|||||||||||||20251103075500"
OBX = "OBX|1|NM|ASPACT^Asparaginase activity^L||0.42|IU/mL^^L|>=0.1|H~A|||F|||20251103080500|||Kit^Method text"
NOTES = ("NTE|1|L|First line~Second", "NTE|2|L|Third line")
DOSE = {
    "resourceType": "MedicationAdministration",
    "id": "m1",
    "meta": {"versionId": "1"},
    "status": "completed",
    "statusReason": [{"text": "as planned"}, {"text": "and on time"}],
    "medicationCodeableConcept": {"coding": [{"system": FORMULARY, "code": "PEGASP"}]},
    "subject": {"identifier": {"system": MRN, "value": "4711"}},
    "effectivePeriod": {"start": "2025-11-10T09:00:00+01:00", "end": "2025-11-10T10:00:00+01:00"},
    "dosage": {
        "route": {"coding": [{"system": "http://snomed.info/sct", "code": "47625008"}]},
        "dose": {"value": 3750, "unit": "IU", "system": "http://unitsofmeasure.org", "code": "[IU]"},
    },
}
ALLERGY = {
    "resourceType": "AllergyIntolerance",
    "id": "a1",
    "meta": {"versionId": "1"},
    "code": {"coding": [{"system": FORMULARY, "code": "PEGASP"}]},
    "patient": {"identifier": {"system": MRN, "value": "4711"}},
    "recordedDate": "2025-11-12T08:00:00+01:00",
    "reaction": [
        {"manifestation": [{"text": "Urticaria"}, {"text": "Dyspnoea"}], "onset": "2025-11-10T09:10:00+01:00"},
        {"manifestation": [{"text": "Nausea"}], "severity": "mild"},
    ],
}


@pytest.fixture
def site(tmp_path: Path):
    """Lays a site's folder over the demo: a shipped mapping with texts replaced, and tables of its own."""

    def write(name: str = RESULTS, *changes: tuple[str, str], tables: dict[str, str] | None = None):
        text = (MAPPINGS / name).read_text(encoding="utf-8")
        for before, after in changes:
            assert text.count(before) >= 1, before
            text = text.replace(before, after, 1)
        for path, content in {name: text, **{f"tables/{t}.csv": rows for t, rows in (tables or {}).items()}}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content, encoding="utf-8")
        knowledge, faults = load_knowledge([MAPPINGS / "demo", tmp_path])
        assert [str(fault) for fault in faults] == []
        return knowledge

    return write


def results(knowledge, *segments: str, head: str = HEAD):
    raw = "\r".join([head, *segments]).encode() + b"\r"
    (translation,) = translate_hl7(raw, knowledge, lambda _sender: SenderRules(), source="lab")
    return translation


def result(knowledge, *segments: str):
    (event,) = results(knowledge, *(segments or (PID, OBR, SPM, OBX, *NOTES))).events
    return event


def problems(translation):
    return [(found.code, found.severity, found.where) for found in translation.problems]


def resource(knowledge, body, **changes):
    return translate_fhir({**body, **changes}, knowledge, {}.get, source="ehr")


# ---- HL7 v2: paths ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "patient"),
    [
        ("PID-3(*)", f"{MRN}|4711"),
        ("PID-3", f"{MRN}|1"),
        ("PID-3(1)", f"{MRN}|1"),
        ("PID-3(2)", f"{MRN}|4711"),
        ("PID-3(5=MR)", f"{MRN}|4711"),
        ("PID-2", f"{MRN}|2"),
        ("\n      - PID-4\n      - PID-3(5=MR)", f"{MRN}|4711"),
        ("\n      - PID-3(5=XX)\n      - PID-2", f"{MRN}|2"),
    ],
)
def test_the_patient_is_read_from_the_repetition_and_field_the_mapping_names(site, path, patient):
    assert result(site(RESULTS, ("PID-3(*)", path))).patient == patient


def test_a_patient_whom_no_path_tells_is_named_where_one_was_filled(site):
    knowledge = site(RESULTS, ("PID-3(*)", "PID-3(5=XX)"))
    assert problems(results(knowledge, PID, OBR, OBX)) == [("unknown-authority", "error", "PID[1]-3")]
    assert problems(results(knowledge, "PID|1", OBR, OBX)) == [("patient-missing", "error", "PID[1]-3")]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("OBX-17", "Kit^Method text"),
        ("OBX-17.1", "Kit"),
        ("OBX-17.2.1", "Method text"),
        ("SPM-2.1.3", None),
        ("SPM-2.4.3", "ISO"),
        ("SPM-2.4.2", "1.2"),
        ("SPM-2", "S1^^^HOSP&1.2&ISO"),
        ("SPM-2.4.1", "HOSP"),
        ("OBX-8(2)", "A"),
        ("OBX-8(3)", None),
        ("OBX-8(*)", "H"),
        ("PID-3(5=MR).1", "4711"),
        ("MSH-3", "LIS"),
        ("ZZZ-4", None),
    ],
)
def test_a_path_is_counted_from_one_as_the_standard_counts(site, path, text):
    knowledge = site(RESULTS, ("    from:\n      - OBX-17.1\n      - OBX-17.2\n", f"    from: {path}\n"))
    assert result(knowledge).method == text


def test_a_z_segment_is_read_beside_its_result(site):
    knowledge = site(RESULTS, ("from: OBX-7", "from: ZAB-2.2"))
    assert result(knowledge, PID, OBR, OBX, "ZAB|1|x^from the Z segment").reference_range == "from the Z segment"


def test_of_several_paths_the_first_filled_one_wins(site):
    assert result(site()).specimen_type == "plasma"
    assert result(site(), PID, OBR, OBX).specimen_type == "serum"


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("- OBR-3 + (test)", "- OBR-3 + (test)", "HOSP/F991/asparaginase-activity/"),
        ("- OBR-3 + (test) + OBX-4", "- OBR-2 + SPM-2.1", "HOSP/P77/S1"),
        ("- OBR-3 + (test) + OBX-4", "- OBX-1", "OBX-1:1"),
        ("- OBR-3 + (test) + OBX-4", "- OBX-22 + OBR-3", "HOSP/P77/asparaginase-activity/"),
    ],
)
def test_a_key_joins_its_parts_and_needs_the_first_one(site, before, after, key):
    free = ("  - path: OBX-1\n", "  - path: OBX-9\n")  # a place that is read cannot be called not needed
    assert result(site(RESULTS, (before, after), free)).key == key


@pytest.mark.parametrize(("path", "code"), [("OBR-3", "F991"), ("OBR-2", "P77"), ("SPM-2", "S1")])
def test_an_order_number_is_read_with_its_authority(site, path, code):
    found = result(site(RESULTS, ("  filler:\n    from: OBR-3", f"  filler:\n    from: {path}"))).filler
    assert (found.code, found.system) == (code, None)


# ---- HL7 v2: readers and keys ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("join", "comment"),
    [
        ("join: lines", "First line\nSecond\nThird line"),
        ("join: commas", "First line, Second, Third line"),
        ("join: spaces", "First line Second Third line"),
        ("default: nothing", "First line"),
    ],
)
def test_several_texts_are_joined_as_the_mapping_says_else_the_first_counts(site, join, comment):
    assert result(site(RESULTS, ("    join: lines\n", f"    {join}\n"))).comment == comment


@pytest.mark.parametrize("join", ["spaces", "lines", "commas"])
def test_flags_count_however_they_are_joined(site, join):
    knowledge = site(RESULTS, ("    join: spaces\n", f"    join: {join}\n"))
    found = result(knowledge, PID, OBR, OBX.replace("|H~A|", "|A~<|").replace("|0.42|", "|0.05|"))
    assert found.activity.comparator == "<"


@pytest.mark.parametrize("name", ["method", "laboratory", "reference_range", "comment"])
def test_a_default_stands_where_nothing_is_filled(site, name):
    knowledge = site(RESULTS, (f"\n  {name}:\n", f"\n  {name}:\n    default: not told\n"))
    bare = "OBX|1|NM|ASPACT^Asparaginase activity^L||0.42|IU/mL|||||F"
    translation = results(knowledge, PID, OBR, bare, head=HEAD.replace("|HOSP|TDM", "||TDM"))
    assert getattr(translation.events[0], name) == "not told"


def test_the_type_and_the_unit_of_a_value_are_read_where_the_mapping_says(site):
    knowledge = site(RESULTS, ("unit: OBX-6", "unit: ZUN-1"), ("type: OBX-2", "type: ZUN-2"))
    found = result(knowledge, PID, OBR, OBX.replace("|IU/mL^^L|", "||"), "ZUN|mIU/mL|NM")
    assert found.reported == Reported(value="0.42", unit="mIU/mL", text="0.42")
    assert str(found.activity.number) == "0.00042"


def test_a_table_of_the_sites_own_gives_the_words(site):
    tables = {
        "our_states": HEADER + ",F,*,corrected,,\n",
        "our_units": HEADER + ",IU/mL,*,[IU]/mL,,\n",
        "our_specimens": HEADER + ",PLAS,*,plasma with citrate,,\n",
    }
    knowledge = site(
        RESULTS,
        ("table: result_status", "table: our_states"),
        ("table: units", "table: our_units"),
        ("table: specimen_types", "table: our_specimens"),
        tables=tables,
    )
    found = result(knowledge)
    assert (found.status, found.specimen_type, str(found.activity.number)) == (
        "corrected",
        "plasma with citrate",
        "0.42",
    )


@pytest.mark.parametrize(
    ("table", "row", "said"),
    [
        ("units", ",IU/mL,*,[IU]/L,,\n", "'IU/mL' means [IU]/mL everywhere; it cannot be mapped to '[IU]/L'"),
        ("result_status", ",F,*,finish,,\n", "'finish' is not a target of our_own"),
    ],
)
def test_a_table_of_the_sites_own_is_checked_by_what_reads_it(tmp_path, table, row, said):
    (tmp_path / "tables").mkdir()
    (tmp_path / "v2").mkdir()
    (tmp_path / "tables" / "our_own.csv").write_text(HEADER + row, encoding="utf-8")
    text = (MAPPINGS / RESULTS).read_text(encoding="utf-8").replace(f"table: {table}\n", "table: our_own\n")
    (tmp_path / RESULTS).write_text(text, encoding="utf-8")
    _, faults = load_knowledge([tmp_path])
    (fault,) = faults
    assert fault.text.startswith(said)
    assert (fault.line, fault.column) == (2, row.index(row.split(",")[3], 2) + 1)


@pytest.mark.parametrize(
    ("limit", "warned"), [("5 minutes", False), ("4 minutes", True), ("1 hour", False), ("1 day", False)]
)
def test_times_that_differ_by_more_than_must_agree_are_told(site, limit, warned):
    changes = (
        ("      - OBX-14                    # often the analysis time: last\n", ""),
        ("must_agree: 60 minutes", f"must_agree: {limit}"),
    )
    told = problems(results(site(RESULTS, *changes), PID, OBR, SPM, OBX))
    assert told == ([("times-disagree", "warning", "OBR[1]-7")] if warned else [])


@pytest.mark.parametrize(
    ("required", "missing"),
    [
        ("always", True),
        ("when status is final, corrected", True),
        ("when status is corrected", False),
        ("when specimen_type is plasma", True),
        ("when specimen_type is serum", False),
    ],
)
@pytest.mark.parametrize(("name", "told"), [("reference_range", "field-missing"), ("collected", "sample-time-missing")])
def test_a_required_field_that_is_empty_is_a_problem_of_the_message(site, name, told, required, missing):
    text = (MAPPINGS / RESULTS).read_text(encoding="utf-8")
    own = "    required: when status is preliminary, final, corrected, cancelled\n"
    assert text.count(own) == 1
    knowledge = site(RESULTS, (own, ""), (f"  {name}:\n", f"  {name}:\n    required: {required}\n"))
    bare = "OBX|1|NM|ASPACT^Asparaginase activity^L||0.42|IU/mL|||||F"
    order = OBR.replace("20251103080000", "")
    specimen = SPM.replace("20251103075500", "")
    translation = results(knowledge, PID, order, specimen, bare)
    expected = [told] if missing else []
    assert [code for code, _, _ in problems(translation)] == expected


@pytest.mark.parametrize(
    ("otherwise", "expected"),
    [
        ("ignore", []),
        ("report", [("code-unmapped", "warning", "OBX[2]-3")]),
        ("reject", [("code-unmapped", "error", "OBX[2]-3")]),
    ],
)
def test_a_code_beside_a_result_of_ours_is_left_told_or_refused(site, otherwise, expected):
    knowledge = site(RESULTS, ("otherwise: ignore", f"otherwise: {otherwise}"))
    other = "OBX|2|NM|K^Potassium^L||4.2|mmol/L|||||F"
    translation = results(knowledge, PID, OBR, OBX, other)
    assert problems(translation) == expected
    assert translation.answer.code == ("AE" if otherwise == "reject" else "AA")


def test_a_near_word_of_the_sites_own_makes_a_near_miss(site):
    other = OBX.replace("ASPACT^Asparaginase activity", "ERWACT^Erwinia activity")
    assert results(site(), PID, "OBR|1|P77|F991|CHEM^Chemistry^L", other).relevance == "irrelevant"
    knowledge = site(RESULTS, ("    - asnase\n", "    - asnase\n    - erwin\n"))
    assert results(knowledge, PID, "OBR|1|P77|F991|CHEM^Chemistry^L", other).relevance == "near-miss"


def test_a_message_type_that_is_listed_is_read(site):
    head = HEAD.replace("ORU^R01^ORU_R01", "OUL^R22^OUL_R22")
    assert results(site(), PID, OBR, OBX, head=head).events == ()
    knowledge = site(RESULTS, ("    - ORU^R01\n", "    - ORU^R01\n    - OUL^R22\n"))
    assert len(results(knowledge, PID, OBR, OBX, head=head).events) == 1


# ---- FHIR ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("join", "reason"),
    [
        ("", "as planned"),
        ("    join: lines\n", "as planned\nand on time"),
        ("    join: commas\n", "as planned, and on time"),
    ],
)
def test_texts_of_a_resource_are_joined_as_the_mapping_says(site, join, reason):
    knowledge = site(DOSES, ("  status_reason:\n", f"  status_reason:\n{join}"))
    (found,) = resource(knowledge, DOSE).events
    assert found.status_reason == reason


def test_a_default_stands_where_a_resource_has_no_text(site):
    knowledge = site(DOSES, ("  status_reason:\n", "  status_reason:\n    default: not told\n"))
    (found,) = resource(knowledge, DOSE, statusReason=[]).events
    assert found.status_reason == "not told"


def test_of_several_fhirpaths_the_first_filled_one_wins(site):
    knowledge = site(
        DOSES,
        (
            "    from: effective.ofType(Period).end",
            "    from:\n      - note.time\n      - effective.ofType(Period).start",
        ),
    )
    (found,) = resource(knowledge, DOSE).events
    assert found.ended.text == "2025-11-10T09:00:00+01:00"


@pytest.mark.parametrize(
    ("required", "missing"),
    [
        ("always", True),
        ("when status is completed, stopped", True),
        ("when status is stopped", False),
        ("when route is IV", True),
        ("when route is IM", False),
    ],
)
@pytest.mark.parametrize(
    ("name", "gone", "told"),
    [
        (
            "amount",
            {"dosage": {"route": DOSE["dosage"]["route"]}},
            ("field-missing", "error", "MedicationAdministration.dosage.dose"),
        ),
        ("started", {"effectivePeriod": None}, ("fhir-invalid", "error", "MedicationAdministration.effective")),
    ],
)
def test_a_required_element_that_is_empty_is_a_problem(site, name, gone, told, required, missing):
    own = "    required: when status is completed, stopped, in-progress\n"
    knowledge = site(DOSES, (own, ""), (f"  {name}:", f"  {name}:\n    required: {required}\n    #"))
    translation = resource(knowledge, DOSE, **gone)
    assert problems(translation) == ([told] if missing else [])
    assert len(translation.events) == 1


@pytest.mark.parametrize("otherwise", ["ignore", "report", "reject"])
def test_a_drug_of_no_table_is_left_told_or_refused(site, otherwise):
    knowledge = site(DOSES, ("otherwise: ignore", f"otherwise: {otherwise}"))
    other = {"coding": [{"system": FORMULARY, "code": "PARA", "display": "Paracetamol"}]}
    translation = resource(knowledge, DOSE, medicationCodeableConcept=other)
    severity = {"ignore": [], "report": ["warning"], "reject": ["error"]}[otherwise]
    assert problems(translation) == [("code-unmapped", s, "MedicationAdministration.medication") for s in severity]
    assert translation.events == ()


def test_a_drug_the_table_refuses_is_never_told(site):
    rows = HEADER + f",PARA,{FORMULARY},not ours,Paracetamol,\n"
    knowledge = site(DOSES, ("otherwise: ignore", "otherwise: reject"), tables={"asparaginase_products": rows})
    other = {"coding": [{"system": FORMULARY, "code": "PARA"}]}
    assert problems(resource(knowledge, DOSE, medicationCodeableConcept=other)) == []


@pytest.mark.parametrize(
    ("changes", "reactions", "keys"),
    [
        ((), ALLERGY["reaction"], ["AllergyIntolerance/a1/1", "AllergyIntolerance/a1/2"]),
        ((), [], ["AllergyIntolerance/a1/1"]),
        ((("if_none: once", "if_none: nothing"),), [], []),
        ((("for_each: reaction", "#"), ("if_none: once", "#")), ALLERGY["reaction"], ["AllergyIntolerance/a1/1"]),
    ],
)
def test_each_row_is_an_event_and_without_rows_the_mapping_decides(site, changes, reactions, keys):
    events = resource(site(REACTIONS, *changes), ALLERGY, reaction=reactions).events
    assert [event.key for event in events] == keys


def test_a_path_with_the_resource_in_front_is_read_from_the_resource_and_any_other_from_the_row(site):
    first, second = resource(site(), ALLERGY).events
    assert (first.occurred_from, second.occurred_from) == ("reaction.onset", "recordedDate")


@pytest.mark.parametrize(("default", "word"), [("confirmed", "confirmed"), ("unconfirmed", "unconfirmed")])
def test_a_verification_nobody_states_is_the_default_of_the_mapping(site, default, word):
    knowledge = site(REACTIONS, ("default: unconfirmed", f"default: {default}"))
    assert {event.verification for event in resource(knowledge, ALLERGY).events} == {word}


def test_every_code_of_a_codes_field_is_looked_up(site):
    first, second = resource(site(), ALLERGY).events
    assert (first.concepts, second.concepts) == (("urticaria", "dyspnoea"), ("nausea",))


def test_a_reference_is_a_type_and_id_or_an_identifier(site):
    asked = {
        "request": {"reference": "MedicationRequest/r1"},
        "partOf": [{"identifier": {"system": "urn:x", "value": "9"}}],
    }
    (found,) = resource(site(DOSES), DOSE, **asked).events
    assert (found.request, found.part_of) == ("MedicationRequest/r1", ("urn:x|9",))
    knowledge = site(
        DOSES,
        ("    from: request\n", "    from: partOf\n"),
        ("    from: partOf\n    as: reference\n  s", "    from: request\n    as: reference\n  s"),
    )
    (found,) = resource(knowledge, DOSE, **asked).events
    assert (found.request, found.part_of) == ("urn:x|9", ("MedicationRequest/r1",))


def test_a_quantity_is_a_number_with_the_unit_of_the_table(site):
    (found,) = resource(site(DOSES), DOSE).events
    assert (str(found.amount), found.unit, found.route) == ("3750", "[IU]", "IV")
    knowledge = site(DOSES, ("table: units", "table: our_units"), tables={"our_units": HEADER + ",[IU],*,[IU],,\n"})
    (found,) = resource(knowledge, DOSE).events
    assert (str(found.amount), found.unit) == ("3750", "[IU]")


def test_the_route_of_premedication_is_told_as_a_text(site):
    drug = {"coding": [{"system": FORMULARY, "code": "HYDROC"}]}
    dosage = {"route": {"coding": [{"code": "47625008"}], "text": "by vein"}}
    (found,) = resource(site(PREMEDICATION), DOSE, medicationCodeableConcept=drug, dosage=dosage).events
    assert (found.role, found.route_text) == ("corticosteroid", "by vein")
