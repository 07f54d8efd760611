import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from at_length import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.domain.events import Coding
from adapter.domain.message import Answer
from adapter.ingest.translate import SenderRules, translate_hl7
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.spec import Required

MAPPINGS = Path(__file__).parents[2] / "mappings"
KNOWLEDGE, _ = load_knowledge([MAPPINGS / "demo"], base=MAPPINGS)
HEAD = r"MSH|^~\&|LIS|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.5.1"
PID = "PID|1||4711^^^HOSP^MR"
OBR = "OBR|1|P77|F991|ASPACT^Asparaginase activity^L|||20251103080000"
OTHER_ORDER = "OBR|1|P77|F991|CHEM^Chemistry^L|||20251103080000"
OURS = "ASPACT^Asparaginase activity^L"
PATIENT = "https://hospital.example/mrn|4711"


def obx(value="0.42", *, unit="IU/mL", code=OURS, status="F", kind="NM", flag="", sub="", n=1, at=""):
    return f"OBX|{n}|{kind}|{code}|{sub}|{value}|{unit}|>=0.1|{flag}|||{status}|||{at}"


def translate(*segments, rules=None, source="lab"):
    raw = "\r".join(segments).encode() + b"\r"
    return translate_hl7(raw, KNOWLEDGE, lambda _sender: rules or SenderRules(), source=source)


def one(*segments, rules=None):
    (translation,) = translate(HEAD, *segments, rules=rules)
    return translation


def event(*segments, rules=None):
    (found,) = one(*segments, rules=rules).events
    return found


def told(translation):
    return [(p.code, p.severity, p.where, p.location, p.hl7_code) for p in translation.problems]


def test_the_demo_knowledge_loads():
    assert KNOWLEDGE is not None


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (("PID|1||4711^^^ELSEWHERE^MR", OBR, obx()), ("unknown-authority", "error", "PID[1]-3", "PID^1^3", "103")),
        (("PID|1", OBR, obx()), ("patient-missing", "error", "PID[1]-3", "PID^1^3", "101")),
        ((OBR, obx()), ("patient-missing", "error", "PID[1]-3", "PID^1^3", "101")),
        ((PID, OBR, obx(unit="")), ("unit-missing", "error", "OBX[1]-6", "OBX^1^6", "101")),
        ((PID, OBR, obx(unit='""')), ("unit-missing", "error", "OBX[1]-6", "OBX^1^6", "101")),
        ((PID, OBR, obx(unit='""^^UCUM')), ("unit-missing", "error", "OBX[1]-6", "OBX^1^6", "101")),
        ((PID, OBR, obx(unit="uU/mL")), ("unit-suspect", "error", "OBX[1]-6", "OBX^1^6", "103")),
        ((PID, OBR, obx("garbled")), ("value-unreadable", "error", "OBX[1]-5", "OBX^1^5", "102")),
        ((PID, OBR, obx("0.1~0.2")), ("value-unreadable", "error", "OBX[1]-5", "OBX^1^5", "102")),
        ((PID, OBR, obx(status="Q")), ("status-unmapped", "error", "OBX[1]-11", "OBX^1^11", "103")),
        (
            (PID, "OBR|1|P77|F991|ASPACT^^L", obx()),
            ("sample-time-missing", "error", "OBR[1]-7", "OBR^1^7", "101"),
        ),
        (
            (PID, "OBR|1|P77|F991|ASPACT^^L|||yesterday", obx()),
            ("time-unreadable", "error", "OBR[1]-7", "OBR^1^7", "102"),
        ),
    ],
)
def test_an_error_names_its_place_and_is_answered_ae(segments, expected):
    translation = one(*segments)
    assert told(translation) == [expected]
    assert translation.answer == Answer(code="AE", errors=translation.problems)


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ((PID, OBR, obx("6")), ("value-implausible", "OBX[1]-5")),
        ((PID, OBR, obx("0.45", unit="IU/L")), ("value-implausible", "OBX[1]-5")),
        ((PID, OBR, obx(status="")), ("status-missing", "OBX[1]-11")),
        ((PID, OTHER_ORDER, obx(code="LASP^L-Asparaginase^L")), ("near-miss", "OBX[1]-3")),
        ((PID, OBR), ("near-miss", "OBR[1]-4")),
        ((PID, OBR, obx(code="K^Potassium^L")), ("near-miss", "OBR[1]-4")),
        ((PID, obx(at="20251110080000"), OTHER_ORDER), ("weak-identity", "OBX[1]-21")),
        ((PID, obx(at="20251110080000")), ("weak-identity", "OBX[1]-21")),
        ((PID, "OBR|1|||ASPACT^^L|||20251103080000", obx()), ("weak-identity", "OBR[1]-3")),
        (
            (PID, OBR + "|" * 18 + "X", obx()),
            ("status-conflict", "OBR[1]-25"),
        ),
        (
            (PID, OBR, obx(at="20251103090001")),
            ("times-disagree", "OBX[1]-14"),
        ),
    ],
)
def test_a_warning_names_its_place_and_is_answered_aa(segments, expected):
    translation = one(*segments)
    assert [(p.code, p.where) for p in translation.problems] == [expected]
    assert [p.severity for p in translation.problems] == ["warning"]
    assert translation.answer == Answer(code="AA")


def test_times_one_hour_apart_agree():
    assert one(PID, OBR, obx(at="20251103090000")).problems == ()


@pytest.mark.parametrize(
    ("segment", "remarks"),
    [
        (obx(unit=""), ("unit-missing",)),
        (obx(unit="ng/mL"), ("unit-suspect",)),
        (obx("450 IU/L", unit="IU/mL", kind="ST"), ("unit-suspect",)),
        (obx("450 XU/L", unit="", kind="ST"), ("unit-suspect",)),
        (obx(unit="IU/mL^^L^IU/L^^X"), ("unit-suspect",)),
        (obx("0.42 haemolysed", kind="ST"), ("value-unreadable",)),
        (obx("-0.01"), ("specimen-quality",)),
        (obx("QNS", unit="", kind="ST"), ("specimen-quality",)),
        (obx("0.42", flag="QCF"), ("specimen-quality",)),
        (obx("", status="X"), ("specimen-quality",)),
        (obx(""), ()),
        (obx("not detected", unit="", kind="ST"), ()),
        (obx("450 IU/L", unit="U/L", kind="ST"), ()),
    ],
)
def test_a_mapped_result_always_makes_an_event_with_its_remarks(segment, remarks):
    assert event(PID, OBR, segment).remarks == remarks


@pytest.mark.parametrize(
    ("letter", "status"),
    [
        ("P", "preliminary"), ("R", "preliminary"), ("S", "preliminary"), ("F", "final"), ("V", "final"),
        ("A", "corrected"), ("B", "corrected"), ("C", "corrected"), ("D", "entered-in-error"),
        ("W", "entered-in-error"), ("X", "cancelled"), ("U", "final"), ("I", "pending"), ("O", "pending"),
        ("N", "not-asked"),
    ],
)  # fmt: skip
def test_every_letter_of_table_0085_has_a_status(letter, status):
    found = event(PID, OBR, obx(status=letter))
    assert (found.letter, found.status, found.promotes) == (letter, status, False)


@pytest.mark.parametrize("letter", ["X", "I", "O", "N", "D"])
def test_a_status_without_a_level_has_none_even_when_a_number_stands_there(letter):
    found = event(PID, OBR, obx("0.42", status=letter))
    assert (found.activity is None) == (letter != "D")


def test_u_without_a_value_promotes_the_stored_one():
    assert event(PID, OBR, obx("", status="U")).promotes


def test_an_empty_status_is_that_of_the_order():
    found = event(PID, OBR + "|" * 18 + "C", obx(status=""))
    assert (found.letter, found.status) == ("C", "corrected")


def test_the_explicit_null_withdraws_the_result_quietly():
    translation = one(PID, "OBR|1|P77|F991|ASPACT^^L", obx('""', unit=""))
    assert (translation.events[0].status, translation.events[0].activity) == ("entered-in-error", None)
    assert translation.problems == ()


def test_a_value_that_is_pending_is_a_pending_result():
    assert event(PID, OBR, obx("pending", kind="ST")).status == "pending"


@pytest.mark.parametrize(
    ("orc", "before", "after"),
    [("ORC|RE|P77|F991", True, False), ("ORC|RE|P77|F991", False, True), (None, False, True), (None, True, False)],
)
def test_a_specimen_belongs_to_its_order_wherever_it_stands(orc, before, after):
    spm = "SPM|1|S1||SER|||||||||||||20251103075500"
    segments = [PID, orc, OBR, spm if before else None, obx(), spm if after else None]
    found = event(*[segment for segment in segments if segment])
    assert (found.specimen, found.collected.text) == ("S1", "2025-11-03T07:55:00+01:00")


def test_a_specimen_is_not_lent_to_the_next_order():
    spm = "SPM|1|S1||SER|||||||||||||20251103075500"
    second = "OBR|2|P78|F992|ASPACT^^L|||20251104080000"
    events = one(PID, OBR, spm, obx(), second, obx(n=2)).events
    assert [(e.specimen, e.collected.text) for e in events] == [
        ("S1", "2025-11-03T07:55:00+01:00"),
        (None, "2025-11-04T08:00:00+01:00"),
    ]


def test_a_common_order_before_its_specimen_opens_the_order():
    spm = "SPM|1|S2||SER|||||||||||||20251104075500"
    second = "OBR|2|P78|F992|ASPACT^^L|||20251104080000"
    events = one(PID, OBR, obx(), "ORC|RE|P78", spm, second, obx(n=2)).events
    assert [e.specimen for e in events] == [None, "S2"]


def test_every_result_belongs_to_the_patient_above_it():
    other = "PID|2||4712^^^HOSP^MR"
    events = one(PID, OBR, obx(), other, "OBR|2||F992|ASPACT^^L|||20251103080000", obx(n=2)).events
    assert [(e.patient[-4:], e.key) for e in events] == [
        ("4711", "HOSP/F991/asparaginase-activity/"),
        ("4712", "HOSP/F992/asparaginase-activity/"),
    ]


def test_a_known_patient_of_a_message_is_read_though_another_is_unknown():
    translation = one(PID, OBR, obx(), "PID|2||1^^^NOWHERE", OBR, obx(n=2))
    assert (len(translation.events), translation.parked) == (1, "unknown-authority")


@pytest.mark.parametrize(
    ("identifiers", "patient"),
    [
        ("9^^^LAB~4711^^^HOSP^MR", PATIENT),
        ("4711^^^&https://hospital.example/oid&URI~4712^^^HOSP", "https://hospital.example/mrn|4712"),
        ("4711^^^HOSP&1.2.3&ISO", PATIENT),
        ('""^^^HOSP', None),
    ],
)
def test_the_patient_is_the_first_identifier_of_a_mapped_authority(identifiers, patient):
    events = one(f"PID|1||{identifiers}", OBR, obx()).events
    assert [e.patient for e in events] == ([patient] if patient else [])


@pytest.mark.parametrize(
    ("order", "sub", "instance", "key"),
    [
        ("P77|F991", "", "", "HOSP/F991/asparaginase-activity/"),
        ("P77|F991^LAB", "1", "", "HOSP/F991^LAB/asparaginase-activity/1"),
        ("P77|", "", "", "HOSP/P77/asparaginase-activity/"),
        ("P77|F991", "1", "I-7", "OBX-21:I-7"),
    ],
)
def test_the_sample_key_is_that_of_the_contract(order, sub, instance, key):
    tail = "|" * 6 + "|" + instance if instance else ""
    assert event(PID, f"OBR|1|{order}|ASPACT^^L|||20251103080000", obx(sub=sub) + tail).key == key


def test_the_key_survives_a_change_of_coding():
    first = event(PID, OBR, obx())
    second = event(PID, OBR, obx(code="X^Y^Z^ASPACT^Asparaginase^L"))
    assert first.key == second.key
    assert second.test == Coding(code="ASPACT", system="L", text="Asparaginase")


def test_without_any_number_the_key_still_tells_samples_apart():
    keys = {event(PID, f"OBR|1|||ASPACT^^L|||{day}", obx()).key for day in ("20251103", "20251104", "20251104")}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("head", "field", "zone", "text", "source"),
    [
        ("+0100", "20251103080000-0500", None, "2025-11-03T08:00:00-05:00", "field"),
        ("+0100", "20251103080000", UTC, "2025-11-03T08:00:00+01:00", "MSH-7"),
        ("", "20251103080000", timezone(timedelta(hours=2)), "2025-11-03T08:00:00+02:00", "sender"),
        ("", "20251103080000", None, "2025-11-03T08:00:00", "unknown"),
        ("+0100", "202511030800", None, "2025-11-03T08:00:00+01:00", "MSH-7"),
    ],
)
def test_the_zone_is_the_fields_then_the_messages_then_the_senders(head, field, zone, text, source):
    (translation,) = translate(
        HEAD.replace("+0100", head), PID, f"OBR|1||F991|ASPACT^^L|||{field}", obx(), rules=SenderRules(zone=zone)
    )
    found = translation.events[0]
    assert (found.collected.text, found.collected.zone_from) == (text, source)
    assert (found.remarks == ("zone-missing",)) == (source == "unknown")


@pytest.mark.parametrize(
    "spelling",
    [
        "U/mL",
        "IU / mL",
        "IU\u00a0/mL",
        "kU/L",
        "E/mL",
        "UI/mL",
        "[IU]/mL",
        "[iU]/mL",
        "^IU/mL",
        "X^Y^Z^IU/mL",
        "IU/mL^^UCUM",
    ],
)
def test_one_unit_has_many_spellings(spelling):
    assert str(event(PID, OBR, obx("0.10", unit=spelling)).activity.number) == "0.10"


@pytest.mark.parametrize("micro", ["\u00b5", "\u03bc", "u"])
def test_a_micro_sign_may_be_a_greek_letter(micro):
    assert str(event(PID, OBR, obx("2", unit=f"{micro}kat/L")).activity.number) == "0.12"


def test_the_flag_is_the_first_component_of_its_field():
    assert event(PID, OBR, obx("0.03", flag="<^below^HL70078")).activity.kind == "below"


def test_a_site_may_declare_a_unit_and_a_decimal_comma():
    found = event(PID, OBR, obx("450,5", unit=""), rules=SenderRules(assumed_unit="IU/L", decimal_comma=True))
    assert (str(found.activity.number), found.remarks) == ("0.4505", ("unit-assumed",))


def test_an_assumed_unit_that_measures_no_activity_assumes_nothing():
    assert event(PID, OBR, obx(unit=""), rules=SenderRules(assumed_unit="mg")).remarks == ("unit-missing",)


def test_a_site_may_take_content_errors_with_aa():
    translation = one(PID, OBR, obx(unit=""), rules=SenderRules(content_errors="AA"))
    assert (translation.answer, [p.code for p in translation.problems]) == (Answer(code="AA"), ["unit-missing"])


@pytest.mark.parametrize(("code", "relevance"), [(OURS, "relevant"), ("LASP^L-Asparaginase^L", "near-miss")])
@pytest.mark.parametrize("answer", ["AE", "AR", "AA"])
def test_another_type_with_our_code_is_kept_and_answered_as_the_site_says(code, relevance, answer):
    (translation,) = translate(
        HEAD.replace("ORU^R01^ORU_R01", "ORM^O01"),
        PID,
        OTHER_ORDER,
        obx(code=code),
        rules=SenderRules(unsupported=answer),
    )
    assert (translation.relevance, translation.events, translation.parked) == (relevance, (), "unsupported-message")
    assert translation.answer.code == answer
    assert ("unsupported-message", "error", "MSH[1]-9", "MSH^1^9", "200") in told(translation)


def test_another_type_without_our_code_is_no_business_of_ours():
    (translation,) = translate(HEAD.replace("ORU^R01^ORU_R01", "ADT^A08"), PID)
    assert (translation.relevance, translation.answer, translation.problems) == ("irrelevant", Answer(code="AA"), ())


def test_an_acknowledgment_is_never_answered():
    (translation,) = translate(HEAD.replace("ORU^R01^ORU_R01", "ACK^R01^ACK"), "MSA|AA|A1")
    assert (translation.relevance, translation.answer) == ("irrelevant", Answer(code=""))


def test_without_control_id_a_result_is_parked_and_makes_no_event():
    (translation,) = translate(HEAD.replace("|A1|", "||"), PID, OBR, obx())
    assert (translation.events, translation.parked, translation.answer.code) == ((), "control-id-missing", "AE")
    assert told(translation) == [("control-id-missing", "error", "MSH[1]-10", "MSH^1^10", "101")]


def test_bytes_that_are_no_message_are_parked_and_answered_ae():
    (translation,) = translate_hl7(b"hello", KNOWLEDGE, lambda _: SenderRules(), source="lab")
    assert (translation.relevance, translation.parked, translation.answer.code) == (
        "relevant",
        "unreadable-message",
        "AE",
    )


def test_a_file_of_two_messages_gives_two_translations_in_order():
    first, second = translate(HEAD, PID, OBR, obx(), HEAD.replace("|A1|", "|A2|"), PID, OBR, obx(unit=""))
    assert [(t.control_id, t.answer.code) for t in (first, second)] == [("A1", "AA"), ("A2", "AE")]


def test_the_stamp_is_msh_7_as_an_instant():
    assert one(PID).stamp == datetime(2025, 11, 3, 9, 15, tzinfo=UTC)
    (unzoned,) = translate(HEAD.replace("+0100", ""), PID)
    assert unzoned.stamp == datetime(2025, 11, 3, 10, 15, tzinfo=UTC)


def test_codes_of_no_table_are_told_for_the_census():
    assert one(PID, OTHER_ORDER, obx(code="K^Potassium^L"), obx(code="K^Potassium^L")).codes_seen == (
        ("L", "K", "Potassium"),
    )


def test_a_code_the_table_refuses_is_not_told_for_the_census():
    assert one(PID, OTHER_ORDER, obx(code="20638-3^Asparagine^LN")).codes_seen == ()


def changed_mapping(**changes):
    mappings = [replace(m, **changes) if m.format == "hl7v2" else m for m in KNOWLEDGE.mappings]
    return replace(KNOWLEDGE, mappings=tuple(mappings))


def with_mapping(knowledge, *segments):
    raw = "\r".join([HEAD, PID, *segments]).encode()
    (translation,) = translate_hl7(raw, knowledge, lambda _: SenderRules(), source="lab")
    return [(p.code, p.severity, p.where) for p in translation.problems]


@pytest.mark.parametrize(("otherwise", "severity"), [("report", "warning"), ("reject", "error")])
def test_a_mapping_may_report_every_code_of_no_table(otherwise, severity):
    (mapping,) = [m for m in KNOWLEDGE.mappings if m.format == "hl7v2"]
    knowledge = changed_mapping(select=replace(mapping.select, otherwise=otherwise))
    found = with_mapping(knowledge, OTHER_ORDER, obx(code="K^Potassium^L"), obx(code="20638-3^Asparagine^LN"))
    assert found == [("code-unmapped", severity, "OBX[1]-3")]


@pytest.mark.parametrize(
    ("required", "problems"),
    [
        (Required(), [("field-missing", "error", "OBX[1]-17")]),
        (Required(field="status", values=("final",)), [("field-missing", "error", "OBX[1]-17")]),
        (Required(field="status", values=("corrected",)), []),
        (Required(field="reference_range", values=(">=0.1",)), [("field-missing", "error", "OBX[1]-17")]),
    ],
)
def test_a_mapping_may_require_any_field(required, problems):
    (mapping,) = [m for m in KNOWLEDGE.mappings if m.format == "hl7v2"]
    fields = tuple(replace(f, required=required) if f.name == "method" else f for f in mapping.fields)
    assert with_mapping(changed_mapping(fields=fields), OBR, obx()) == problems
    assert with_mapping(changed_mapping(fields=fields), OBR, obx() + "|||Photometry") == []


def test_a_mapping_may_give_a_default_and_another_path():
    (mapping,) = [m for m in KNOWLEDGE.mappings if m.format == "hl7v2"]
    told = {
        "method": {"default": "unknown"},
        "laboratory": {"paths": ("PID-3(4=HOSP).1",)},
        "comment": {"paths": ("PID-3(2).1",)},
    }
    fields = tuple(replace(f, **told.get(f.name, {})) for f in mapping.fields)
    raw = "\r".join([HEAD, "PID|1||1^^^X~4711^^^HOSP", OBR, obx()]).encode()
    (translation,) = translate_hl7(raw, changed_mapping(fields=fields), lambda _: SenderRules(), source="lab")
    (found,) = translation.events
    assert (found.method, found.laboratory, found.comment) == ("unknown", "4711", "4711")


def test_the_quantification_limit_is_that_of_the_table():
    assert str(event(PID, OBR, obx()).lloq_iu_per_ml) == "0.03"


def test_a_code_longer_than_twenty_characters_is_not_repeated():
    code = "L-ASP-" + "7" * 30
    (found,) = one(PID, OTHER_ORDER, obx(code=f"{code}^x^L")).problems
    assert code not in found.text


CODES = st.sampled_from(
    [OURS, "LASP^L-Asparaginase^L", "K^Potassium^L", "20638-3^Asparagine^LN", "", "X^Y^Z^ASPACT^a^L"]
)
ANYTHING = st.text(
    alphabet=string.printable.translate({10: None, 13: None, 11: None, 12: None, ord("|"): None}), max_size=12
)


@settings(max_examples=examples(150), deadline=None)
@given(
    st.lists(
        st.one_of(
            st.builds(
                lambda c, v, u, s: ("OBX", c, f"OBX|1|ST|{c}||{v}|{u}|||||{s}"), CODES, ANYTHING, ANYTHING, ANYTHING
            ),
            st.builds(lambda c, t: ("OBR", c, f"OBR|1|P|F|{c}|||{t}"), CODES, ANYTHING),
            st.builds(lambda t: ("SPM", "", f"SPM|1|S|||||||||||||||{t}"), ANYTHING),
            st.sampled_from(
                [("PID", "", PID), ("PID", "", "PID|1||7^^^NONE"), ("ORC", "", "ORC|RE"), ("ZZZ", "", "ZZZ|1")]
            ),
        ),
        max_size=8,
    )
)
def test_no_result_with_our_code_or_a_near_one_can_vanish(rows):
    translation = one(PID, *[text for _, _, text in rows])
    ours = sum(name == "OBX" and "ASPACT" in code for name, code, _ in rows)
    near = sum(name == "OBX" and "Asparaginase^L" in code and "ASPACT" not in code for name, code, _ in rows)
    if len(translation.events) != ours:
        assert {p.code for p in translation.problems} & {"unknown-authority", "patient-missing"}
    assert near == sum(
        1
        for p in translation.problems
        if p.code == "near-miss" and p.where.startswith("OBX") and "looks like" in p.text
    )
    assert (translation.relevance == "irrelevant") <= (ours + near == 0)


MARK = "ZQX{}QZ"


def test_no_field_content_stands_in_any_problem():
    segments = []
    number = 0
    for name, length in (("PID", 30), ("ORC", 20), ("OBR", 40), ("OBX", 25), ("SPM", 20), ("NTE", 4)):
        fields = [name]
        for n in range(1, length):
            number += 1
            fields.append(MARK.format(number) + ("9" * 20))
            if name == "OBX" and n == 3:
                fields[-1] = OURS
            if name == "PID" and n == 3:
                fields[-1] = "4711^^^HOSP"
        segments.append("|".join(fields))
    translation = one(*segments)
    assert len(translation.events) == 1
    assert len(translation.problems) >= 3
    assert not [p for p in translation.problems if "ZQX" in f"{p.text}{p.where}{p.location}{p.code}"]


@pytest.mark.parametrize(
    ("number", "authority"),
    [
        ("F991^LAB", "LAB"),
        ("F991^LAB^1.2.3^ISO", "urn:oid:1.2.3"),
        ("F991^LAB^6F9619FF-8B86-D011-B42D-00CF4FC964FF^UUID", "urn:uuid:6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
        ("F991^LAB^https://lab.example^URI", "https://lab.example"),
        ("F991^LAB^lab.example^DNS", "LAB"),
        ("F991", None),
    ],
)
def test_the_authority_of_an_order_number_is_its_universal_id_when_it_has_one(number, authority):
    found = event(PID, OBR.replace("F991", number), obx()).filler
    assert found == Coding(code="F991", system=authority)


@pytest.mark.parametrize("end", ["^", "^^", "^&", "&&", " ^ ^"])
def test_separators_of_empty_components_at_the_end_of_a_field_say_nothing(end):
    plain = "OBX|1|NM|ASPACT^Asparaginase activity^L||0.42|IU/mL|>=0.1||||F|||20251103080000|||||20251103090000"
    trailing = plain
    for field in ("|>=0.1|", "|F|", "|20251103080000|"):
        trailing = trailing.replace(field, f"{field[:-1]}{end}|")
    trailing += end
    assert (
        one(PID, "OBR|1|P77|F991|CHEM^Chemistry^L", trailing).events
        == one(PID, "OBR|1|P77|F991|CHEM^Chemistry^L", plain).events
    )
    assert told(one(PID, "OBR|1|P77|F991|CHEM^Chemistry^L", trailing)) == []
