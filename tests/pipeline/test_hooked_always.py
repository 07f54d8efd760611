"""Whatever becomes of notifications on their way, with a poll behind them everything is as with the poll alone."""

from __future__ import annotations

import json

import hospital
import pytest
from at_length import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from notifications import backport, hapi, r5
from polled_site import OUR_NOW, PolledSite
from records_server import RecordsServer, dose, patient

from adapter.domain.message import Arrival
from adapter.pipeline.hooked import hear
from adapter.pipeline.read_back import read_back

pytestmark = pytest.mark.loopback

TYPES = ("MedicationAdministration",)
STATUSES = ("completed", "stopped", "entered-in-error", "not-done")
COMMITS = st.lists(st.tuples(st.integers(1, 3), st.sampled_from(STATUSES)), min_size=1, max_size=5)
SHAPES = ("put", "bundle", "backport", "ids", "hapi", "r5", "empty")


@settings(
    max_examples=examples(20),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(commits=COMMITS, data=st.data(), trusted=st.booleans())
def test_any_notifications_and_a_poll_give_the_findings_of_the_poll_alone(
    build_corridor, tmp_path_factory, commits, data, trusted
):
    server = RecordsServer()
    notified, alone = (PolledSite(server, build_corridor(), tmp_path_factory.mktemp("polls")) for _ in range(2))
    try:
        versions = [server.commit(patient())]
        for number, status in commits:
            server.pass_time(1)
            versions.append(server.commit(dose(number, status=status)))
        # Some are lost, some come twice, in any order; what is read back finds the newest version, or none.
        for version in data.draw(st.lists(st.sampled_from(versions), max_size=2 * len(versions))):
            notify(notified, version, data.draw(st.sampled_from(SHAPES)), trusted=trusted)
        for site in (notified, alone):
            site.poll()
            site.corridor.take(hospital.oru("L1", collected="20250527120000+0000", sent="20250528080000"))
        assert said(notified) == said(alone) != {}
        assert notified.corridor.open_resources() == alone.corridor.open_resources()
    finally:
        notified.close()
        alone.close()
        server.close()


def said(site):
    """The findings of everybody there is something to say of."""
    return {who: found for who, found in site.corridor.findings().items() if any(found)}


def notify(site, version, shape, *, trusted):
    """One call at the hook, with all that follows from it but the poll, which comes at the end."""
    raw = json.dumps(body_of(version, shape)).encode() if shape != "empty" else b""
    heard = hear(raw, "POST", None, trusted=trusted)
    kind = "fhir" if heard.counts else "hint"
    site.intake.keep([Arrival(kind=kind, source="ward", listener="hook", raw=raw, received_at=OUR_NOW)])
    for _ in read_back(site.client, site.intake, heard.read, TYPES, lambda _: None):
        pass


def body_of(version, shape):
    reference = f"{version['resourceType']}/{version['id']}"
    match shape:
        case "put":
            return version
        case "bundle":
            return {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": version}]}
        case "backport":
            return backport(events=[(1, reference)], resources=[version])
        case "hapi":
            return hapi(resources=[version])
        case "r5":
            return r5(events=[(1, reference)], resources=[version])
        case _:
            return backport(events=[(1, reference)])
