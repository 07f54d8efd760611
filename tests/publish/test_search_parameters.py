"""A query string read into a question for the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.publish.dates import read_bounds
from adapter.publish.parameters import Search, cursor_of, read_search, read_token, split_alternatives
from adapter.transport.http_outcome import RefusedRequest

PATIENTS = {"Patient/p1": ["urn:mrn|1"], "Patient/p2": ["urn:mrn|2", "urn:other|2"]}


def known(reference: str) -> Sequence[str]:
    return PATIENTS.get(reference, [])


def read(*pairs: tuple[str, str], resource_type: str = "Observation", strict: bool = True) -> Search:
    return read_search(resource_type, pairs, strict=strict, find_patients=known)


def refused(*pairs: tuple[str, str], strict: bool = False) -> tuple[int, str | None]:
    with pytest.raises(RefusedRequest) as caught:
        read(*pairs, strict=strict)
    return caught.value.status, caught.value.expression


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestPatient:
    @pytest.mark.parametrize(
        ("name", "value", "keys"),
        [
            ("patient", "Patient/p1", ("urn:mrn|1",)),
            ("patient", "p2", ("urn:mrn|2", "urn:other|2")),
            ("subject", "http://fhir.example/r4/Patient/p1", ("urn:mrn|1",)),
            ("subject:Patient", "p1", ("urn:mrn|1",)),
            ("patient", "urn:mrn|77", ("urn:mrn|77",)),
            ("patient", "p1,urn:mrn|77", ("urn:mrn|1", "urn:mrn|77")),
            ("patient.identifier", "urn:mrn|77", ("urn:mrn|77",)),
            ("patient:identifier", "urn:mrn|77", ("urn:mrn|77",)),
            ("subject:identifier", "urn:mrn|77", ("urn:mrn|77",)),
            ("patient.identifier", "urn:mrn|7\\|7\\,8", ("urn:mrn|7|7,8",)),
            ("patient", "stranger", ()),
        ],
    )
    def test_a_patient_is_named_by_reference_or_identifier(self, name, value, keys) -> None:
        assert read((name, value)).patients == keys

    def test_no_patient_is_all_patients(self) -> None:
        assert read().patients is None

    def test_two_patients_at_once_are_only_those_both_allow(self) -> None:
        assert read(("patient", "p1,p2"), ("patient.identifier", "urn:mrn|2")).patients == ("urn:mrn|2",)
        assert read(("patient", "p1"), ("subject", "p2")).patients == ()

    @pytest.mark.parametrize("value", ["4711", "|4711", "urn:mrn|", "|", ""])
    def test_an_identifier_of_a_patient_needs_system_and_value(self, value) -> None:
        assert refused(("patient.identifier", value))[0] == 400

    def test_a_reference_to_something_else_is_refused(self) -> None:
        assert refused(("subject", "Group/g1")) == (400, "patient")


class TestTokens:
    @pytest.mark.parametrize(
        ("text", "token"),
        [
            ("urn:s|c", ("urn:s", "c")),
            ("|c", ("", "c")),
            ("urn:s|", ("urn:s", None)),
            ("c", (None, "c")),
            ("urn:s|a\\|b\\\\\\,", ("urn:s", "a|b\\,")),
        ],
    )
    def test_system_and_code(self, text, token) -> None:
        assert read_token(text) == token

    def test_commas_are_or_and_repetition_is_and(self) -> None:
        found = read(("code", "urn:s|a,b"), ("code", "c"), ("identifier", "urn:k|x"))
        assert found.code == ((("urn:s", "a"), (None, "b")), ((None, "c"),))
        assert found.identifier == ((("urn:k", "x"),),)

    def test_a_status_counts_by_its_code(self) -> None:
        found = read(("status", "http://hl7.org/fhir/observation-status|final,amended"))
        assert found.status == (((None, "final"), (None, "amended")),)

    @pytest.mark.parametrize("value", ["", ",", "|", "a,|"])
    def test_an_empty_token_is_refused(self, value) -> None:
        assert refused(("code", value)) == (400, "code")

    @given(st.text(max_size=20), st.text(max_size=20))
    def test_an_escaped_token_always_comes_back(self, system, code) -> None:
        escaped = [part.translate({ord(c): f"\\{c}" for c in "\\|,$"}) for part in (system, code)]
        assert read_token("|".join(escaped)) == (system, code or None)

    @given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=5))
    def test_escaped_alternatives_never_split(self, parts) -> None:
        escaped = [part.translate({ord(c): f"\\{c}" for c in "\\,"}) for part in parts]
        assert split_alternatives(",".join(escaped)) == escaped


class TestLastUpdated:
    @pytest.mark.parametrize(
        ("text", "bounds"),
        [
            ("2025", [("ge", "2025-01-01"), ("lt", "2026-01-01")]),
            ("eq2025-12", [("ge", "2025-12-01"), ("lt", "2026-01-01")]),
            ("2025-02", [("ge", "2025-02-01"), ("lt", "2025-03-01")]),
            ("ge2025-03-03", [("ge", "2025-03-03")]),
            ("gt2025-03-03", [("ge", "2025-03-04")]),
            ("lt2025-03-03", [("lt", "2025-03-03")]),
            ("le2025-03-03", [("lt", "2025-03-04")]),
            ("gt2025-03-03T10:00", [("ge", "2025-03-03T10:01")]),
            ("gt2025-03-03T10:00:00Z", [("ge", "2025-03-03T10:00:01")]),
            ("gt2025-03-03T10:00:00.5Z", [("ge", "2025-03-03T10:00:00.600000")]),
            ("gt2025-03-03T10:00:00.123456Z", [("ge", "2025-03-03T10:00:00.123457")]),
            ("ge2025-03-03T10:00:00+01:00", [("ge", "2025-03-03T09:00:00")]),
            ("ge2025-03-03T10:00:00 01:00", [("ge", "2025-03-03T09:00:00")]),
            ("ge2025-03-03T10:00:00-05:30", [("ge", "2025-03-03T15:30:00")]),
        ],
    )
    def test_a_prefix_and_a_partial_date_become_bounds(self, text, bounds) -> None:
        assert read_bounds(text) == [(operator, at(moment)) for operator, moment in bounds]

    def test_two_dates_hold_both(self) -> None:
        found = read(("_lastUpdated", "ge2025-01-01"), ("_lastUpdated", "lt2025-02-01"))
        assert found.last_updated == (("ge", at("2025-01-01")), ("lt", at("2025-02-01")))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "ge",
            "soon",
            "2025-13",
            "2025-02-30",
            "2025-03-03T25:00",
            "ne2025",
            "ap2025",
            "2025,2026",
            "9999",
            "0000",
        ],
    )
    def test_what_is_no_date_here_is_refused(self, text) -> None:
        assert refused(("_lastUpdated", text)) == (400, "_lastUpdated")

    @given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(9000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
    def test_asking_for_later_than_an_instant_leaves_that_instant_out_and_nothing_more(self, moment) -> None:
        written = moment.isoformat(timespec="microseconds")
        assert read_bounds(f"gt{written}") == [("ge", moment + timedelta(microseconds=1))]
        assert read_bounds(written) == [("ge", moment), ("lt", moment + timedelta(microseconds=1))]


class TestPaging:
    @pytest.mark.parametrize(("text", "count"), [("0", 0), ("1", 1), ("200", 200), ("201", 200), ("99999", 200)])
    def test_a_page_holds_at_most_two_hundred(self, text, count) -> None:
        assert read(("_count", text)).count == count

    def test_without_a_count_a_page_holds_fifty(self) -> None:
        assert read().count == 50

    @pytest.mark.parametrize("text", ["", "-1", "ten", "1.0", "²", "1" * 10])
    def test_a_count_that_is_no_number_is_refused(self, text) -> None:
        assert refused(("_count", text)) == (400, "_count")

    @given(
        st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.timezones()),  # noqa: DTZ001
        st.from_regex(r"[A-Za-z0-9\-.]{1,64}", fullmatch=True),
    )
    def test_a_cursor_always_comes_back(self, moment, resource_id) -> None:
        after = read(("_cursor", cursor_of((moment, resource_id)))).after
        assert after == (datetime.fromisoformat(moment.isoformat()), resource_id)

    @pytest.mark.parametrize("text", ["", "x", "ü", "MjAyNQ", "MjAyNS0wMS0wMXxh"])
    def test_a_cursor_that_is_not_ours_is_refused(self, text) -> None:
        assert refused(("_cursor", text)) == (400, "_cursor")

    def test_ids_hold_all_repetitions(self) -> None:
        assert read(("_id", "a,b"), ("_id", "b,c")).ids == ("b",)
        assert read().ids is None


class TestUnknown:
    def test_an_unknown_parameter_is_left_out_of_what_was_understood(self) -> None:
        found = read(("colour", "red"), ("status", "final"), strict=False)
        assert found.understood == (("status", "final"),)

    @pytest.mark.parametrize(
        ("name", "shown"),
        [("colour", "colour"), ("4711", "parameter"), ("Erika Mustermann", "parameter"), ("_include", "_include")],
    )
    def test_an_unknown_parameter_is_refused_when_strict_and_a_stray_value_is_not_shown(self, name, shown) -> None:
        assert refused((name, "x"), strict=True) == (400, shown)

    @pytest.mark.parametrize("name", ["code:in", "status:not", "patient:missing"])
    def test_an_unknown_modifier_changes_the_meaning_and_is_always_refused(self, name) -> None:
        assert refused((name, "x")) == (400, name)

    def test_another_order_is_refused_because_the_wrong_order_would_mislead(self) -> None:
        assert refused(("_sort", "-date"), strict=True) == (400, "_sort")
        assert refused(("_sort", "-_lastUpdated"), strict=False) == (400, "_sort")
        assert read(("_sort", "_lastUpdated")).count == 50

    def test_a_provenance_has_no_status(self) -> None:
        assert read(("status", "final"), resource_type="Provenance", strict=False).status == ()
