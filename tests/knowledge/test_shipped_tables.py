from __future__ import annotations

from adapter.domain.units import DOSE_UNITS, FACTORS_TO_IU_PER_ML
from adapter.knowledge.codes import PRODUCTS
from adapter.knowledge.lint import lint
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.policies import load_rulebook
from adapter.knowledge.shipped import shipped
from adapter.knowledge.spec import Knowledge, Row

DEMO = shipped("mappings") / "demo"
FORMULARY = "https://hospital.example/formulary"
ATC = "http://www.whocc.no/atc"


def shipped_knowledge(*, demo: bool = False) -> Knowledge:
    knowledge, faults = load_knowledge([DEMO] if demo else [])
    assert faults == []
    assert knowledge is not None
    return knowledge


def triples(rows: tuple[Row, ...]) -> list[tuple[str, str, str]]:
    return [(row.code, row.system, row.target) for row in rows]


def test_what_is_shipped_has_no_fault_and_no_warning():
    assert lint() == []
    assert lint([DEMO]) == []
    assert load_rulebook()[1] == []


def test_the_demo_overlay_is_no_part_of_what_is_shipped():
    tables = shipped_knowledge().tables
    assert tables["identifier_systems"].rows == ()
    assert tables["quantification_limits"].rows == ()
    assert tables["premedication_drugs"].rows == ()
    assert {row.target for row in tables["activity_tests"].rows} == {"not ours"}
    assert triples(tables["asparaginase_products"].rows) == [
        ("L01XX24", ATC, "pegaspargase"),
        ("L01XX02", ATC, "unspecified-asparaginase"),
        ("371014004", "http://snomed.info/sct", "unspecified-asparaginase"),
        ("1156", "http://www.nlm.nih.gov/research/umls/rxnorm", "unspecified-asparaginase"),
    ]


def test_the_demo_overlay_has_the_rows_of_the_demo_hospital():
    tables = shipped_knowledge(demo=True).tables
    assert triples(tables["identifier_systems"].rows) == [("HOSP", "*", "https://hospital.example/mrn")]
    assert triples(tables["activity_tests"].rows)[-1] == ("ASPACT", "L", "asparaginase-activity")
    assert [row.extra for row in tables["quantification_limits"].rows] == [
        {"method": "", "lloq": "0.03", "unit": "IU/mL"}
    ]
    assert triples(tables["asparaginase_products"].rows)[4:] == [
        ("PEGASP", FORMULARY, "pegaspargase"),
        ("CALASP", FORMULARY, "calaspargase"),
        ("CRISAN", FORMULARY, "crisantaspase"),
        ("RYLAZE", FORMULARY, "recombinant-crisantaspase"),
        ("NATIVE", FORMULARY, "native-ecoli"),
    ]
    assert triples(tables["premedication_drugs"].rows) == [
        ("HYDROC", FORMULARY, "corticosteroid"),
        ("MPRED", FORMULARY, "corticosteroid"),
        ("CHLORPH", FORMULARY, "h1-antihistamine"),
        ("DIPHEN", FORMULARY, "h1-antihistamine"),
        ("DEXA", FORMULARY, "leukaemia-steroid"),
    ]


SPELLINGS = {
    "[IU]/mL": (
        "[IU]/mL [iU]/mL IU/mL IU/ml iu/ml IU/ML U/mL U/ml u/ml U/ML UI/mL UI/ml I.U./mL I.U./ml E/mL E/ml IE/mL IE/ml"
    ),
    "k[IU]/L": "k[IU]/L k[iU]/L kIU/L kIU/l kU/L kU/l",
    "[IU]/L": "[IU]/L [iU]/L IU/L IU/l iu/l U/L U/l u/l UI/L UI/l I.U./L E/L E/l IE/L IE/l",
    "m[IU]/mL": "m[IU]/mL m[iU]/mL mIU/mL mIU/ml mU/mL mU/ml",
    "[IU]/dL": "[IU]/dL [iU]/dL IU/dL IU/dl U/dL U/dl",
    "ukat/L": "ukat/L ukat/l \u00b5kat/L \u00b5kat/l \u03bckat/L \u03bckat/l",
    "nkat/mL": "nkat/mL nkat/ml",
    "nkat/L": "nkat/L nkat/l",
    "refused": "AU/mL AU/ml ng/mL ng/ml umol/L umol/l \u00b5mol/L \u03bcmol/L %",
    "[IU]": "[IU] [iU] IU IE U UI",
    "[IU]/m2": "[IU]/m2 [iU]/m2 IU/m2 IE/m2 IU/m\u00b2 U/m2 U/m\u00b2",
    "mg": "mg",
    "mg/m2": "mg/m2 mg/m\u00b2",
    "mL": "mL ml",
}
"""Every spelling by the unit it leads to (rulebook 2.5): a row added, taken out or bent by a spreadsheet shows here."""


def test_every_spelling_leads_to_its_unit_and_no_other_is_known():
    rows = shipped_knowledge().tables["units"].rows
    assert {(row.sender, row.system) for row in rows} == {("", "*")}
    expected = {spelling: target for target, spellings in SPELLINGS.items() for spelling in spellings.split()}
    assert {row.code: row.target for row in rows} == expected
    assert len(rows) == len(expected)


def test_the_units_of_the_table_are_the_units_that_have_a_factor_or_measure_a_dose():
    targets = {row.target for row in shipped_knowledge().tables["units"].rows}
    assert targets == set(FACTORS_TO_IU_PER_ML) | DOSE_UNITS | {"refused"}


def test_no_spelling_in_litres_leads_to_a_unit_in_millilitres():
    for row in shipped_knowledge().tables["units"].rows:
        per = row.code.rpartition("/")[2].casefold()
        if per in ("l", "ml", "dl"):
            assert row.target == "refused" or row.target.rpartition("/")[2].casefold() == per


def test_every_letter_of_table_0085_that_we_read_has_its_meaning():
    table = shipped_knowledge().tables["result_status"]
    assert {row.code: row.target for row in table.rows} == {
        "F": "final",
        "V": "final",
        "B": "corrected",
        "C": "corrected",
        "A": "corrected",
        "U": "promote-to-final",
        "P": "preliminary",
        "R": "preliminary",
        "S": "preliminary",
        "I": "pending",
        "O": "pending",
        "N": "not-asked",
        "X": "cancelled",
        "D": "entered-in-error",
        "W": "entered-in-error",
    }


def test_the_products_of_the_tables_are_the_products_of_the_rules():
    book, _ = load_rulebook()
    assert book is not None
    assert sorted(book.products) == sorted(PRODUCTS)
