"""Whatever happens between two polls, the newest versions end up known, and each is kept once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polled_site import PolledSite
from records_server import BROKEN, GONE, RecordsServer, dose, page_number, patient

from adapter.transport.fhir_client import Transient

pytestmark = pytest.mark.loopback

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(1, 6)),
        st.tuples(st.just("commit-late"), st.integers(1, 6)),
        st.tuples(st.just("time"), st.integers(1, 400)),
        st.tuples(st.just("poll"), st.sampled_from(["whole", "page-fails", "page-gone", "commit-between"])),
        st.tuples(st.just("restart"), st.none()),
    ),
    max_size=14,
)


@pytest.mark.slow
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS, totals=st.booleans())
def test_any_interleaving_of_commits_and_polls_ends_with_the_newest_versions_known_and_each_once(
    build_corridor, tmp_path_factory, steps, totals
):
    server = RecordsServer()
    site = PolledSite(server, build_corridor(), tmp_path_factory.mktemp("polls"))
    try:
        server.totals = totals
        server.commit(patient())
        for step, how in steps:
            _do(server, site, step, how)
        server.script = lambda _: None
        site.poll()
        kept = site.kept()
        assert len(kept) == len(set(kept))
        newest = {(one["id"], one["meta"]["versionId"]) for ref, one in server.records.items() if "/d" in ref}
        assert newest <= set(kept)
    finally:
        site.close()
        server.close()


def _do(server, site, step, how):
    match step, how:
        case "commit", number:
            server.commit(dose(number, status="completed"))
        case "commit-late", number:
            server.commit(dose(number), stamped=server.now - timedelta(seconds=500))
        case "time", seconds:
            server.pass_time(seconds)
        case "restart", _:
            site.restart()
        case "poll", _:
            server.script = _script(server, how)
            try:
                site.poll()
            except Transient:
                assert how in ("page-fails", "page-gone")


def _script(server, how):
    def script(target):
        if page_number(target) < 2 or how == "whole":
            return None
        if how == "commit-between":
            server.commit(dose(1))
            return None
        return BROKEN if how == "page-fails" else GONE

    return script
