"""The activity Observation says what the laboratory said."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.domain.events import Coding
from adapter.domain.times import iso_moment, moment
from adapter.domain.units import FACTORS_TO_IU_PER_ML
from adapter.fhir import dumps
from adapter.writeback.activities import STATUSES, activity_names, ucum_code
from adapter.writeback.render import activity_key, render

Make = Callable[..., Any]


@pytest.fixture
def observation(
    make: SimpleNamespace,
    site: dict[str, Any],
    check_resource: Callable[[dict[str, Any]], None],
) -> Callable[[Any], dict[str, Any]]:
    def of(sample: Any) -> dict[str, Any]:
        (wanted,) = render(
            make.interpretation(),
            make.history(samples=(sample,)),
            **site,
        )
        assert wanted.kind == "activity"
        assert wanted.id == activity_key(sample.source, sample.key)
        assert wanted.grounds == (f"{sample.source}|{sample.key}",)
        check_resource(wanted.body)
        return wanted.body

    return of


def test_the_whole_observation(observation: Make, make: SimpleNamespace) -> None:
    body = observation(make.sample("0.05"))
    ours = "https://troughline.example/fhir/CodeSystem/troughline"
    key = body["id"]
    assert body == {
        "resourceType": "Observation",
        "id": key,
        "meta": {
            "source": "https://troughline.example/fhir",
            "tag": [{"system": ours, "code": "activity", "display": "Measured activity"}],
        },
        "text": {
            "status": "generated",
            "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Asparaginase activity 0.05 IU/mL, '
            "collected 2025-03-10T11:30:00+00:00, final.</p></div>",
        },
        "identifier": [
            {"use": "official", "system": "https://troughline.example/fhir/sid/output-key", "value": key},
            {
                "type": {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/v2-0203",
                            "code": "FILL",
                            "display": "Filler Identifier",
                        }
                    ]
                },
                "value": "L1",
                "assigner": {"display": "LAB"},
            },
        ],
        "basedOn": [
            {
                "type": "ServiceRequest",
                "identifier": {
                    "type": {
                        "coding": [
                            {
                                "system": "http://terminology.hl7.org/CodeSystem/v2-0203",
                                "code": "PLAC",
                                "display": "Placer Identifier",
                            }
                        ]
                    },
                    "system": "urn:oid:1.3.6.1.4.1.99999.1.7",
                    "value": "ORD-L1",
                },
            }
        ],
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "laboratory",
                        "display": "Laboratory",
                    }
                ]
            }
        ],
        "code": {
            "coding": [
                {
                    "system": ours,
                    "code": "asparaginase-activity",
                    "display": "Asparaginase activity in serum or plasma",
                },
                {"code": "ASPACT", "display": "Asparaginase activity", "userSelected": True},
            ],
            "text": "Asparaginase activity",
        },
        "subject": {
            "reference": "Patient/p1",
            "type": "Patient",
            "identifier": {"system": "https://hospital.example/mrn", "value": "1001"},
        },
        "effectiveDateTime": "2025-03-10T11:30:00+00:00",
        "issued": "2025-03-11T08:00:00+00:00",
        "performer": [{"type": "Organization", "display": "Reference laboratory"}],
        "valueQuantity": {
            "value": Decimal("0.05"),
            "unit": "IU/mL",
            "system": "http://unitsofmeasure.org",
            "code": "[IU]/mL",
        },
        "specimen": {"type": "Specimen", "identifier": {"value": "S-L1"}, "display": "Serum"},
    }


@pytest.mark.parametrize(
    ("sent", "quantity"),
    [
        (("0.10", "IU/mL", "1"), b'{"value":0.10,"unit":"IU/mL","code":"[IU]/mL"}'),
        (("450.0", "U/l", "0.001"), b'{"value":450.0,"unit":"U/l","code":"[IU]/L"}'),
        (("450", "mIU/mL", "0.001"), b'{"value":450,"unit":"mIU/mL","code":"m[IU]/mL"}'),
        (("0.45", "kU/L", "1"), b'{"value":0.45,"unit":"kU/L","code":"k[IU]/L"}'),
        (("1.20", "nkat/mL", "0.06"), b'{"value":1.20,"unit":"nkat/mL","code":"nkat/mL"}'),
        (("<0.03", "IU/mL", "1"), b'{"value":0.03,"comparator":"<","unit":"IU/mL","code":"[IU]/mL"}'),
        ((">=1.50", "IU/mL", "1"), b'{"value":1.50,"comparator":">=","unit":"IU/mL","code":"[IU]/mL"}'),
        (("0", "IU/mL", "1"), b'{"value":0,"unit":"IU/mL","code":"[IU]/mL"}'),
        (("0,62", "IU/mL", "1"), b'{"value":0.62,"unit":"IU/mL","code":"[IU]/mL"}'),
    ],
)
def test_number_unit_and_comparator_are_as_sent(
    observation: Make, make: SimpleNamespace, sent: tuple[str, str, str], quantity: bytes
) -> None:
    text, unit, factor = sent
    body = observation(make.sample(text, unit=unit, factor=factor))
    assert body["valueQuantity"].pop("system") == "http://unitsofmeasure.org"
    assert dumps(body["valueQuantity"]) == quantity
    assert "dataAbsentReason" not in body


@settings(max_examples=60)
@given(
    number=st.decimals(min_value=Decimal("0.0001"), max_value=9999, places=4),
    code=st.sampled_from(sorted(FACTORS_TO_IU_PER_ML)),
)
def test_every_unit_gives_back_the_digits_that_were_sent(number: Decimal, code: str) -> None:
    from adapter.domain.activity import Reported
    from adapter.domain.events import ActivityMeasured, Version
    from adapter.domain.values import activity_of, read_value

    factor = FACTORS_TO_IU_PER_ML[code]
    text = format(number, "f")
    sample = ActivityMeasured(
        patient="s|1",
        source="lab",
        key="k",
        status="final",
        letter="F",
        version=Version(),
        activity=activity_of(read_value([text]), factor),
        reported=Reported(value=text, unit=code, text=text),
    )
    value = activity_names(sample)["value"]
    assert format(value["number"], "f") == text
    assert value["code"] == code


def test_a_number_whose_unit_is_unknown_is_still_shown(observation: Make, make: SimpleNamespace) -> None:
    body = observation(make.sample("0.45", unit="AU/mL", activity=None, remarks=("unit-suspect",)))
    assert body["valueQuantity"] == {"value": Decimal("0.45"), "unit": "AU/mL"}
    body = observation(make.sample("0.45", unit=None, activity=None, remarks=("unit-missing",)))
    assert body["valueQuantity"] == {"value": Decimal("0.45")}


def test_an_assumed_unit_is_said(observation: Make, make: SimpleNamespace) -> None:
    body = observation(make.sample("0.45", unit=None, remarks=("unit-assumed",), comment="Serum clear"))
    assert body["valueQuantity"]["unit"] == "[IU]/mL"
    assert [note["text"] for note in body["note"]] == [
        "Serum clear",
        "The laboratory sent no unit; the configured one was used.",
    ]


@pytest.mark.parametrize(
    ("sent", "reason", "note"),
    [
        (("not detected", {}), "as-text", "Value as received: not detected"),
        (("0.1-0.2", {}), "as-text", "Value as received: 0.1-0.2 IU/mL"),
        (("1,234", {"activity": None, "remarks": ("value-unreadable",)}), "as-text", "Value as received: 1,234 IU/mL"),
        (("QNS", {"status": "cancelled"}), "not-performed", "Value as received: QNS"),
        (("0.45", {"status": "cancelled"}), "not-performed", "Value as received: 0.45 IU/mL"),
        (("QNS", {"remarks": ("specimen-quality",)}), "not-performed", "Value as received: QNS"),
        (("", {"status": "pending"}), "temp-unknown", None),
        (("", {"status": "preliminary"}), "temp-unknown", None),
        (("", {"status": "not-asked"}), "not-asked", None),
        (("", {}), "unknown", None),
    ],
)
def test_no_number_says_why(
    observation: Make, make: SimpleNamespace, sent: tuple[str, dict[str, Any]], reason: str, note: str | None
) -> None:
    text, changes = sent
    body = observation(make.sample(text, **changes))
    assert body["dataAbsentReason"]["coding"][0]["code"] == reason
    assert "valueQuantity" not in body
    assert [entry["text"] for entry in body.get("note", [])] == ([note] if note else [])


@pytest.mark.parametrize(("status", "written"), sorted(STATUSES.items()))
def test_every_result_status_is_a_status_of_fhir(
    observation: Make, make: SimpleNamespace, status: str, written: str
) -> None:
    assert observation(make.sample(status=status))["status"] == written


@pytest.mark.parametrize(
    ("collected", "written"),
    [
        (iso_moment("2025-03-10T11:30:00+01:00"), "2025-03-10T11:30:00+01:00"),
        (iso_moment("2025-03-10T11:30:00"), "2025-03-10"),
        (iso_moment("2025-03-10"), "2025-03-10"),
        (moment(2025, 3, 10, 11, zone=None, zone_from="unknown"), "2025-03-10"),
        (iso_moment("2025-03"), "2025-03"),
        (None, None),
    ],
)
def test_a_time_is_never_more_precise_than_it_was_sent(
    observation: Make, make: SimpleNamespace, collected: Any, written: str | None
) -> None:
    body = observation(make.sample(collected=collected, resulted=collected))
    assert body.get("effectiveDateTime") == written
    assert body.get("issued") == (written if written and "T" in written else None)


def test_a_loinc_code_and_an_authority_that_is_a_uri_keep_their_systems(
    observation: Make, make: SimpleNamespace
) -> None:
    body = observation(
        make.sample(
            test=Coding(code="1-8", system="LN"),
            filler=Coding(code="9", system="https://lab.example/orders"),
            placer=Coding(code="12"),
        )
    )
    assert body["code"]["coding"][1] == {"system": "http://loinc.org", "code": "1-8", "userSelected": True}
    assert body["identifier"][1]["system"] == "https://lab.example/orders"
    assert body["basedOn"][0]["identifier"]["value"] == "12"
    assert "assigner" not in body["basedOn"][0]["identifier"]
    assert "basedOn" not in observation(make.sample(placer=None))


def test_what_a_laboratory_writes_cannot_break_the_narrative(observation: Make, make: SimpleNamespace) -> None:
    body = observation(make.sample("<b>&\x07", activity=None))
    assert "&lt;b&gt;&amp; ," in body["text"]["div"]


def test_a_factor_without_a_unit_has_no_code() -> None:
    assert ucum_code(Decimal(7), "x") is None
    assert ucum_code(Decimal("0.01"), None) == "[IU]/dL"
