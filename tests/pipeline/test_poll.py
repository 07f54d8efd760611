"""A source is polled for its changes: every version is known once, whatever the server does between two pages."""

from __future__ import annotations

import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from polled_site import PolledSite
from records_server import BROKEN, GONE, START, RecordsServer, dose, page_number, patient, stamp

from adapter.app.poll_server import Unhurried
from adapter.store.faults import CannotKeep
from adapter.transport import fhir_session
from adapter.transport.fhir_client import FhirClient, Permanent, Transient

pytestmark = pytest.mark.loopback


@pytest.fixture
def server():
    server = RecordsServer()
    server.commit(patient())
    yield server
    server.close()


@pytest.fixture
def site(server, corridor, tmp_path):
    site = PolledSite(server, corridor, tmp_path)
    yield site
    site.close()


def versions(*numbers, version="1"):
    return [(f"d{number}", version) for number in numbers]


def once(target_part, answer):
    """A script that gives one answer the first time something is asked."""
    left = [answer]

    def script(target):
        return left.pop() if target_part(target) and left else None

    return script


def test_all_pages_are_taken_and_the_patient_they_name_is_read_first(site, server):
    for number in range(1, 6):
        server.commit(dose(number))
    assert site.poll() == {"kept": 5}
    assert site.kept() == versions(1, 2, 3, 4, 5)
    assert site.kept("Patient") == [("p1", "1")]
    assert site.corridor.state.parked() == []
    assert site.corridor.state.all_patients() == ["https://hospital.example/mrn|900001"]
    assert server.times_asked("/Patient/p1") == 1


def test_what_was_kept_is_not_kept_again_by_the_overlap(site, server):
    server.commit(dose(1))
    site.poll()
    held = site.corridor.inbox.last_seq()
    for _ in range(3):
        server.pass_time(60)
        assert site.poll() == {"known": 1}
    assert site.corridor.inbox.last_seq() == held


def test_a_poll_asks_from_the_overlap_before_the_time_the_server_told(site, server):
    site.poll()
    server.pass_time(60)
    site.poll()
    first, second = (one for one in server.asked if "MedicationAdministration" in one)
    assert f"_lastUpdated=ge{stamp(START - timedelta(days=45, minutes=10))}".replace(":", "%3A") in first
    assert f"_lastUpdated=ge{stamp(START - timedelta(minutes=10, seconds=30))}".replace(":", "%3A") in second
    assert "_sort=_lastUpdated&_count=2" in second


def test_acceptance_12_a_record_committed_late_is_found_inside_the_overlap_and_not_behind_it(site, server):
    site.poll()
    server.pass_time(60)
    server.commit(dose(1), stamped=START - timedelta(minutes=10, seconds=30))
    server.commit(dose(2), stamped=START - timedelta(minutes=10, seconds=31))
    assert site.poll() == {"kept": 1}
    assert site.kept() == versions(1)


def test_acceptance_12_page_two_fails_and_the_mark_stays_where_it_was(site, server):
    for number in range(1, 4):
        server.commit(dose(number))
    before = site.polls.mark("ward", "MedicationAdministration")
    server.script = once(lambda target: page_number(target) == 2, BROKEN)
    with pytest.raises(Transient):
        site.poll()
    assert site.polls.mark("ward", "MedicationAdministration") == before
    assert site.kept() == versions(1, 2)
    assert site.poll() == {"known": 2, "kept": 1}
    assert site.polls.mark("ward", "MedicationAdministration").mark == START - timedelta(seconds=30)


@pytest.mark.parametrize("status", [404, 410])
def test_a_search_that_ran_out_between_two_pages_is_begun_anew(site, server, status):
    for number in range(1, 6):
        server.commit(dose(number))
    server.script = once(lambda target: page_number(target) == 2, (status, *GONE[1:]))
    assert site.poll() == {"known": 2, "kept": 5}
    assert site.kept() == versions(1, 2, 3, 4, 5)


def test_a_search_that_always_runs_out_is_left_for_later(site, server):
    for number in range(1, 4):
        server.commit(dose(number))
    server.script = lambda target: GONE if page_number(target) == 2 else None
    with pytest.raises(Transient, match="forgot the search"):
        site.poll()
    assert server.times_asked("_sort=_lastUpdated") == 4
    assert site.polls.mark("ward", "MedicationAdministration") is None


def test_a_restart_between_two_pages_loses_nothing_and_keeps_nothing_twice(site, server):
    for number in range(1, 6):
        server.commit(dose(number))
    server.script = once(lambda target: page_number(target) == 3, BROKEN)
    with pytest.raises(Transient):
        site.poll()
    site.restart()
    assert site.poll() == {"known": 4, "kept": 1}
    assert site.kept() == versions(1, 2, 3, 4, 5)


def test_acceptance_12_no_answer_to_an_earlier_search_is_taken(site, server):
    site.rhythm = type(site.rhythm)(
        url=server.url,
        resources=("MedicationAdministration",),
        overlap=timedelta(0),
        safety_lag=timedelta(0),
        window=timedelta(days=45),
        page_size=2,
    )
    site.poll()
    site.poll()
    server.commit(dose(1))
    assert site.poll() == {"kept": 1}
    assert {h.get("cache-control") for h, one in zip(server.headers, server.asked, strict=True) if "_sort" in one} == {
        "no-cache"
    }


def test_a_page_that_gives_one_row_twice_and_another_never_is_no_whole_answer(site, server):
    for number in range(1, 6):
        server.commit(dose(number))
    server.arrange = lambda search, rows: [*rows[:2], rows[1], *rows[3:]] if search == 1 else rows
    assert site.poll() == {"kept": 5, "known": 5}
    assert sorted(site.kept()) == versions(1, 2, 3, 4, 5)


def test_rows_that_come_twice_without_a_total_are_asked_for_until_two_answers_agree(site, server):
    server.totals = False
    for number in range(1, 6):
        server.commit(dose(number))
    server.arrange = lambda search, rows: [*rows[:2], rows[1], *(rows[3:] if search == 1 else rows[2:])]
    site.poll()
    assert sorted(site.kept()) == versions(1, 2, 3, 4, 5)
    assert server.times_asked("_sort=_lastUpdated") == 3


def test_next_links_that_go_round_in_a_circle_end_the_poll(site, server):
    def script(target):
        if "MedicationAdministration" not in target and "_getpages" not in target:
            return None
        link = [{"relation": "next", "url": f"{server.url}?_getpages=s1&_offset=2&_count=2"}]
        return 200, {}, {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": []}

    server.script = script
    with pytest.raises(Permanent, match="circle"):
        site.poll()


def test_a_next_link_to_another_server_is_not_followed(site, server):
    link = [{"relation": "next", "url": "http://127.0.0.1:9/fhir?_getpages=s1"}]
    body = {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": []}
    server.script = lambda target: (200, {}, body) if "MedicationAdministration" in target else None
    with pytest.raises(Permanent, match="leaves the FHIR server"):
        site.poll()


@pytest.mark.parametrize("back_s", [300, 7200, 86_400])
def test_a_server_whose_clock_is_set_back_is_read_on(site, server, back_s):
    site.poll()
    server.pass_time(30 - back_s)
    server.commit(dose(1))
    server.pass_time(30)
    assert site.poll()["kept"] == 1
    server.pass_time(60)
    server.commit(dose(2))
    assert site.poll()["kept"] == 1


@pytest.mark.parametrize("ahead", [timedelta(days=-400), timedelta(days=400)])
def test_a_server_whose_clock_is_wrong_by_a_year_is_polled_by_its_own_time(site, server, ahead):
    server.now = START + ahead
    server.commit(dose(1))
    assert site.poll() == {"kept": 1}
    server.pass_time(3600)
    assert site.poll() == {"known": 1}
    assert site.poll() == {}
    server.commit(dose(2))
    assert site.poll() == {"kept": 1}


def test_a_server_that_tells_no_time_is_followed_by_what_it_stamps(site, server):
    server.tells_time = False
    server.commit(dose(1))
    assert site.poll() == {"kept": 1}
    assert site.polls.mark("ward", "MedicationAdministration").mark == START - timedelta(seconds=30)
    server.pass_time(3600)
    server.commit(dose(2))
    assert site.poll() == {"known": 1, "kept": 1}


def test_a_bundle_made_before_it_was_sent_is_as_old_as_it_says(site, server):
    made = {"resourceType": "Bundle", "type": "searchset", "meta": {"lastUpdated": stamp(START - timedelta(minutes=5))}}
    server.script = lambda target: (200, {}, made) if "MedicationAdministration" in target else None
    site.poll()
    assert site.polls.mark("ward", "MedicationAdministration").mark == START - timedelta(minutes=5, seconds=30)


@pytest.mark.parametrize(
    ("status", "header"),
    [(429, {"Retry-After": "1"}), (503, {"Retry-After": "1"}), (429, {"x-ms-retry-after-ms": "900"})],
)
def test_a_server_that_throttles_between_two_pages_is_given_its_time_and_the_poll_goes_on(
    site, server, monkeypatch, status, header
):
    waited = []
    monkeypatch.setattr(fhir_session, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + sum(waited)))

    def wait(seconds):
        waited.append(seconds)
        return False

    for number in range(1, 4):
        server.commit(dose(number))
    server.script = once(lambda target: page_number(target) == 2, (status, header, {}))
    site.client = Unhurried(FhirClient(server.url), wait)
    assert site.poll() == {"kept": 3}
    assert len(waited) >= 1
    assert 0.8 <= sum(waited) <= 1.5
    assert server.times_asked("_sort=_lastUpdated") == 1


def test_what_cannot_be_kept_is_not_taken_for_known(site, server):
    server.commit(dose(1))
    site.fail_to_keep = CannotKeep("no room")
    with pytest.raises(CannotKeep):
        site.poll()
    assert site.polls.mark("ward", "MedicationAdministration") is None
    site.fail_to_keep = None
    assert site.poll() == {"kept": 1}


def test_an_inbox_that_was_lost_makes_the_polls_begin_anew(site, server):
    server.commit(dose(1))
    site.poll()
    last = site.corridor.inbox.last_seq()
    assert site.polls.start_behind(last) is False
    assert site.polls.mark("ward", "MedicationAdministration") is not None
    assert site.polls.start_behind(last - 1) is True
    assert site.polls.mark("ward", "MedicationAdministration") is None
    assert site.poll() == {"kept": 1}
