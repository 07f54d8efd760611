"""A real server tells a hook of what it holds, and is read back: new doses, empty calls, deletions."""

from __future__ import annotations

from functools import partial
from itertools import count

import hapi_peer
import hospital
import pytest
from running_service import Service, eventually
from two_way_server import TwoWayServer

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600), hapi_peer.NEEDS_HAPI]

NUMBERS = count(975001)
SECRET = "a-secret-of-the-test"
TOKEN = "t" * 40
SITE = """\
sources:
  - name: default
    poll:
      url: {url}
      every_s: 3600
    hook:
      path_token_file: token
      secret_file: secret
      trust_push_body: {trusted}
"""

seen = partial(eventually, within_s=120, every_s=0.5)


@pytest.fixture
def ehr(hapi):
    server = TwoWayServer(hapi)
    yield server
    server.close()


@pytest.fixture
def start(ehr, tmp_path):
    started = []

    def begin(trusted):
        (tmp_path / "token").write_text(TOKEN)
        (tmp_path / "secret").write_text(SECRET)
        (tmp_path / "site.yaml").write_text(SITE.format(url=ehr.base_url, trusted=trusted))
        started.append(Service(tmp_path / "store", "--config", str(tmp_path / "site.yaml"), log=tmp_path / "log"))
        return started[-1]

    yield begin
    for service in started:
        service.end()


def known(service, mrn):
    """Whether a dose of this patient stands: its level is overdue, which is told."""
    found = service.found("Observation", **{"patient.identifier": f"{hospital.MRN}|{mrn}"})
    return any(one["status"] != "entered-in-error" for one in found)


def received(service, kind):
    row = f'troughline_hooks_received_total{{kind="{kind}",source="default"}} '
    return sum(
        float(line.removeprefix(row)) for line in service.get("/metrics").text.splitlines() if line.startswith(row)
    )


@pytest.mark.parametrize(
    ("trusted", "whole", "kind"), [("yes", True, "resource"), ("no", True, "resource"), ("no", False, "empty")]
)
def test_what_hapi_tells_a_hook_is_known_and_what_it_deletes_is_withdrawn(start, ehr, trusted, whole, kind):
    mrn = str(next(NUMBERS))
    service = start(trusted)
    with ehr.notifying(service.http, SECRET, path=f"/hooks/{TOKEN}", whole=whole):
        ehr.record(hospital.patient(mrn))
        ehr.record(hospital.dose(mrn))
        seen(lambda: known(service, mrn))
        assert received(service, kind) >= 1
        ehr.delete(f"MedicationAdministration/{hospital.dose(mrn)['id']}")
        if whole:
            seen(lambda: received(service, "delete") >= 1 and not known(service, mrn))
    assert "hook-refused" not in {line["event"] for line in service.logged()}


@pytest.mark.parametrize(("trusted", "content"), [("yes", "full-resource"), ("no", "id-only")])
def test_acceptance_13_topic_notifications_of_hapi_are_understood_and_answered_to_its_liking(
    start, ehr, trusted, content
):
    mrn = str(next(NUMBERS))
    service = start(trusted)
    types = ("Patient", "MedicationAdministration")
    with ehr.notifying_by_topic(f"{service.http}/hooks/{TOKEN}", SECRET, types, content):
        versions = count(1)

        def told():
            ehr.record(hospital.patient(mrn) | {"name": [{"family": f"Zztest{next(versions)}"}]})
            return received(service, "event-notification")

        eventually(told, within_s=120, every_s=5)
        ehr.record(hospital.dose(mrn))
        seen(lambda: known(service, mrn))
        ehr.delete(f"MedicationAdministration/{hospital.dose(mrn)['id']}")
        seen(lambda: not known(service, mrn))
    metrics = service.get("/metrics").text
    assert not [line for line in metrics.splitlines() if line.startswith("troughline_hook_gaps_total{")]
    assert "hook-refused" not in {line["event"] for line in service.logged()}
