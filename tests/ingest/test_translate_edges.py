from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import pytest

from adapter.ingest.compiled import _compilations, compiled
from adapter.ingest.fhir_amounts import Amount, amount_of, decimal_of, given_amount
from adapter.ingest.translate import SenderRules, translate_fhir, translate_hl7
from adapter.ingest.zones import message_zone, stamp_of
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.spec import Table

MAPPINGS = Path(__file__).parents[2] / "mappings"
KNOWLEDGE, _ = load_knowledge([MAPPINGS / "demo"], base=MAPPINGS)
HEAD = r"MSH|^~\&|LIS|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.5.1"
RESULT = ["PID|1||4711^^^HOSP", "OBR|1|P77|F991|ASPACT^^L|||20251103080000", "OBX|1|NM|ASPACT^^L||0.42|IU/mL|||||F"]


def translate(raw, knowledge=KNOWLEDGE):
    return translate_hl7(raw, knowledge, lambda _: SenderRules(), source="lab")


def lines(*segments):
    return "\r".join(segments).encode() + b"\r"


def test_a_wrong_batch_count_is_told_with_the_last_message():
    found = translate(lines("BHS|^~\\&", HEAD, *RESULT, "BTS|2"))
    assert [[p.code for p in t.problems] for t in found] == [["batch-count"]]


def test_a_character_set_nobody_declared_is_told():
    (found,) = translate(lines(HEAD, *RESULT) + "NTE|1|L|hämolytisch\r".encode("latin-1"))
    assert [p.code for p in found.problems] == ["charset-fallback"]
    assert found.events[0].comment == "hämolytisch"


def test_a_message_with_more_lines_than_are_read_is_refused_and_waits_for_somebody(monkeypatch):
    monkeypatch.setattr("adapter.ingest.hl7v2.message.SEGMENTS_LIMIT", 3)
    (found,) = translate(lines(HEAD, "PID|1", "OBR|1|P|F", "OBX|1|NM|K^x^L||1|g"))
    assert (found.answer.code, found.parked, found.relevance) == ("AE", "too-many-segments", "relevant")
    assert [p.code for p in found.problems] == ["too-many-segments"]


def test_a_message_of_no_interest_without_control_id_is_answered_and_not_parked():
    (found,) = translate(lines(HEAD.replace("|A1|", "||"), "PID|1"))
    assert (found.answer.code, found.parked, found.relevance) == ("AE", None, "irrelevant")


def test_the_census_of_one_message_is_bounded():
    rows = [f"OBX|{n}|NM|K{n}^x^L||1|g" for n in range(250)]
    (found,) = translate(lines(HEAD, "PID|1||4711^^^HOSP", "OBR|1|P|F", *rows))
    assert len(found.codes_seen) == 200


def test_a_bare_oru_of_an_old_sender_is_read():
    (found,) = translate(lines(HEAD.replace("ORU^R01^ORU_R01", "ORU"), *RESULT))
    assert len(found.events) == 1


def with_limit(**extra):
    table = KNOWLEDGE.tables["quantification_limits"]
    (row,) = table.index["ASPACT"]
    changed = replace(row, extra={**row.extra, **extra})
    limits = Table(name=table.name, rows=(changed,), index={"ASPACT": (changed,)})
    return replace(KNOWLEDGE, tables={**KNOWLEDGE.tables, "quantification_limits": limits})


@pytest.mark.parametrize(
    ("extra", "sent", "limit", "method"),
    [
        ({"lloq": "25", "unit": "IU/L"}, "", "0.025", None),
        ({"method": "MAAT"}, "", "0.03", "MAAT"),
        ({"method": "MAAT"}, "maat", "0.03", "maat"),
        ({"method": "MAAT"}, "NADH", None, "NADH"),
        ({"lloq": "few"}, "", None, None),
        ({"unit": "ng/mL"}, "", None, None),
    ],
)
def test_a_quantification_limit_is_that_of_the_method_in_iu_per_ml(extra, sent, limit, method):
    knowledge = with_limit(**{"method": "", **extra})
    (found,) = translate(lines(HEAD, *RESULT[:2], RESULT[2] + "|" * 6 + sent), knowledge)[0].events
    assert (None if found.lloq_iu_per_ml is None else str(found.lloq_iu_per_ml), found.method) == (limit, method)


def test_without_the_table_there_is_no_limit():
    tables = {name: table for name, table in KNOWLEDGE.tables.items() if name != "quantification_limits"}
    (found,) = translate(lines(HEAD, *RESULT), replace(KNOWLEDGE, tables=tables))[0].events
    assert found.lloq_iu_per_ml is None


@pytest.mark.parametrize(
    ("field", "expected"),
    [("S1", "S1"), ("^S2", "S2"), ("P1&LAB^S2&LAB", "P1"), ('""', None)],
)
def test_the_specimen_number_is_the_placers_else_the_fillers(field, expected):
    (found,) = translate(lines(HEAD, *RESULT[:2], f"SPM|1|{field}", RESULT[2]))[0].events
    assert found.specimen == expected


def test_a_time_that_no_verdict_hangs_on_is_only_a_warning():
    (found,) = translate(lines(HEAD, *RESULT[:2], RESULT[2] + "|" * 8 + "later"))
    assert [(p.code, p.severity, p.where) for p in found.problems] == [("time-unreadable", "warning", "OBX[1]-19")]
    assert found.answer.code == "AA"


@pytest.mark.parametrize(
    ("sent", "source"), [("20251103+9900", "sender"), ("20251103+0100", "MSH-7"), (None, "sender")]
)
def test_an_impossible_offset_is_no_offset(sent, source):
    assert message_zone(sent, UTC).source == source


@pytest.mark.parametrize("sent", [None, "", "soon", "20251103+9900"])
def test_an_unreadable_msh_7_is_no_stamp(sent):
    assert stamp_of(sent, message_zone(sent, UTC)) is None


def test_compiling_is_done_once_for_one_knowledge_and_again_for_another():
    first = compiled(KNOWLEDGE)
    assert compiled(KNOWLEDGE) is first
    assert compiled(replace(KNOWLEDGE)) is not first


def test_compilations_of_many_reloads_do_not_pile_up():
    for number in range(20):
        assert compiled(replace(KNOWLEDGE, hash=str(number))).knowledge.hash == str(number)
    assert len(_compilations) <= 8


UNITS = KNOWLEDGE.tables["units"]


@pytest.mark.parametrize("value", [True, "5", None, [], Decimal("NaN"), Decimal("1E+40"), float("inf")])
def test_what_is_no_number_is_no_amount(value):
    assert decimal_of(value) is None


def test_an_amount_keeps_a_unit_no_table_knows():
    assert amount_of({"value": 1, "unit": "vial"}, UNITS, "s") == Amount(number=Decimal(1), unit="vial")
    assert amount_of({"value": 1}, UNITS, "s") == Amount(number=Decimal(1), unit=None)
    assert amount_of({"unit": "mL"}, UNITS, "s") is None


IU = {"value": 3750, "unit": "IU"}
PER_100_ML = {"numerator": IU, "denominator": {"value": 100, "unit": "mL"}}


@pytest.mark.parametrize(
    "medication",
    [
        None,
        {"ingredient": []},
        {"ingredient": [{"strength": PER_100_ML}, {"strength": PER_100_ML}]},
        {"ingredient": [{"strength": "strong"}]},
        {"ingredient": [{"strength": {"numerator": IU}}]},
        {"ingredient": [{"strength": {"numerator": IU, "denominator": {"value": 0, "unit": "mL"}}}]},
        {"ingredient": [{"strength": {"numerator": IU, "denominator": {"value": 1, "unit": "vial"}}}]},
    ],
)
def test_millilitres_stay_millilitres_when_the_strength_is_not_told(medication):
    bag = Amount(number=Decimal(50), unit="mL")
    assert given_amount(bag, medication, UNITS, "s") == bag


@pytest.mark.parametrize(
    "quantity", [{"value": 90, "unit": "days"}, {"value": 10**9, "unit": "h"}, {"unit": "h"}, "long"]
)
def test_an_infusion_time_that_says_nothing_gives_no_end(quantity):
    extension = [{"url": "x/infuse-over-time", "valueQuantity": quantity}]
    dose = {
        "resourceType": "MedicationAdministration", "id": "m1", "meta": {"versionId": "1"}, "status": "completed",
        "medicationCodeableConcept": {"coding": [{"system": "https://hospital.example/formulary", "code": "PEGASP"}]},
        "subject": {"identifier": {"system": "https://hospital.example/mrn", "value": "1"}},
        "effectiveDateTime": "2025-11-10T09:00:00Z", "extension": extension,
    }  # fmt: skip
    (found,) = translate_fhir(dose, KNOWLEDGE, {}.get, source="s").events
    assert found.ended is None
