"""The running service at its hooks: every shape a server of the field sends, and what follows from it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import threading
from contextlib import closing
from itertools import count

import hospital
import pytest
import requests
from notifications import backport, hapi, r4b, r5
from prometheus_client.parser import text_string_to_metric_families
from records_server import RecordsServer, dose, patient
from running_service import Service, alive, eventually

from adapter.store.state_reader import SqliteStateReader

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(120)]

NUMBERS = count(990001)
SECRET = "a-secret-of-the-header"
SIGNING = "a-secret-of-the-signature"
TRUSTED, SIGNED, WARY, TOPICS, EMPTY, GAPS, POLLED, HEARTS, WARY_DELETES = (
    "trusted",
    "signed",
    "wary",
    "topics",
    "empty",
    "gaps",
    "polled",
    "hearts",
    "wary-deletes",
)
ALONE = (TRUSTED, SIGNED)
"""Sources that are not polled; each of the others is for one test: none is polled out of turn twice in ten seconds."""
ANSWER = {"resourceType": "Bundle", "type": "transaction-response"}


def token_of(source):
    return hashlib.sha256(source.encode()).hexdigest()


@pytest.fixture(scope="module")
def servers():
    """A server for each source that is polled: what one source is told must not be found at another."""
    servers = {source: RecordsServer() for source in (WARY, TOPICS, EMPTY, GAPS, POLLED, HEARTS, WARY_DELETES)}
    yield servers
    for server in servers.values():
        server.close()


def source_row(folder, source, servers):
    (folder / f"{source}-token").write_text(token_of(source))
    hook = {"path_token_file": f"{source}-token", "secret_file": "secret"}
    if source == SIGNED:
        hook = {"path_token_file": f"{source}-token", "hmac_secret_file": "signing"}
    if source.startswith(WARY):
        hook["trust_push_body"] = "no"
    if source == HEARTS:
        hook["heartbeat_s"] = 2
    poll = {} if source in ALONE else {"poll": {"url": servers[source].url, "every_s": 3600}}
    return {"name": source, "hook": hook, **poll}


@pytest.fixture(scope="module")
def service(tmp_path_factory, servers):
    folder = tmp_path_factory.mktemp("hooks")
    (folder / "secret").write_text(SECRET + "\n")
    (folder / "signing").write_text(SIGNING + "\n")
    (folder / "http-token").write_text("a-token-for-everything-else")
    rows = [{"name": "default"}, *(source_row(folder, one, servers) for one in (*ALONE, *servers))]
    file = folder / "site.yaml"
    file.write_text(json.dumps({"sources": rows, "http": {"token_file": "http-token"}}))
    service = Service(folder / "store", "--config", str(file), log=folder / "log")
    service.session.headers["Authorization"] = "Bearer a-token-for-everything-else"
    yield service
    service.end()


def call(service, source, body=b"", path="", *, method="POST", headers=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    shown = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/fhir+json", **(headers or {})}
    url = f"{service.http}/hooks/{token_of(source)}{path}"
    return service.session.request(method, url, data=raw, headers=shown, timeout=20)


def counted(service, name, **labels):
    families = text_string_to_metric_families(service.get("/metrics").text)
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def known(service, mrn):
    """Whether a dose of this patient stands: its level is overdue by years, which is told."""
    found = service.found("Observation", **{"patient.identifier": f"{hospital.MRN}|{mrn}"})
    return any(one["status"] != "entered-in-error" for one in found)


def accepted(answer):
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+json")
    told = answer.json()
    assert (told["resourceType"], told["type"]) == ("Bundle", "transaction-response")
    return [entry["response"]["status"] for entry in told.get("entry", [])]


SHAPES = {
    "PUT to its id, as HAPI FHIR": ("PUT", "/MedicationAdministration/{id}", {"If-Match": '"1"'}),
    "POST to the base, as Medplum": ("POST", "", {"X-Medplum-Interaction": "create"}),
    "POST to the base with a slash": ("POST", "/", {}),
    "POST to its type": ("POST", "/MedicationAdministration", {}),
    "PUT to its type": ("PUT", "/MedicationAdministration", {}),
    "POST to its id": ("POST", "/MedicationAdministration/{id}", {"If-Match": "anything"}),
}


@pytest.mark.parametrize("shape", list(SHAPES))
def test_a_resource_is_taken_in_every_shape_of_a_rest_hook(service, shape):
    method, path, headers = SHAPES[shape]
    mrn = str(next(NUMBERS))
    assert accepted(call(service, TRUSTED, hospital.patient(mrn))) == ["200"]
    one = hospital.dose(mrn)
    assert accepted(call(service, TRUSTED, one, path.format(id=one["id"]), method=method, headers=headers)) == ["200"]
    eventually(lambda: known(service, mrn))


@pytest.mark.parametrize("kind", ["transaction", "batch", "collection", "searchset", "history"])
def test_a_bundle_is_answered_entry_by_entry(service, kind):
    mrn = str(next(NUMBERS))
    resources = [hospital.patient(mrn), hospital.dose(mrn), hospital.dose(mrn, 2) | {"status": "so-so"}]
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in resources
    ]
    bundle = {"resourceType": "Bundle", "type": kind, "entry": entries}
    assert accepted(call(service, TRUSTED, bundle)) == ["200", "200", "422"]
    eventually(lambda: known(service, mrn))


def test_what_breaks_fhir_is_answered_200_and_waits_in_the_work_list(service):
    raw = json.dumps(hospital.dose(str(next(NUMBERS)), 2) | {"status": "so-so"}).encode()
    digest = hashlib.sha256(raw).hexdigest()
    assert accepted(call(service, TRUSTED, raw)) == ["422"]

    def waits():
        with closing(SqliteStateReader(service.store / "state.db")) as state:
            return digest in {one.message.digest for one in state.parked_messages("fhir-invalid")}

    eventually(waits)


@pytest.mark.parametrize("how", ["HAPI FHIR", "Medplum"])
def test_a_deletion_withdraws_what_was_told(service, how):
    mrn = str(next(NUMBERS))
    one = hospital.dose(mrn)
    call(service, TRUSTED, hospital.patient(mrn))
    call(service, TRUSTED, one)
    eventually(lambda: known(service, mrn))
    reference = f"MedicationAdministration/{one['id']}"
    if how == "HAPI FHIR":
        answer = call(service, TRUSTED, b"", f"/{reference}", method="DELETE")
    else:
        answer = call(service, TRUSTED, b"{}", headers={"X-Medplum-Deleted-Resource": reference})
    assert accepted(answer) == ["200"]
    eventually(lambda: not known(service, mrn))


def test_acceptance_13_hapis_topic_notification_is_taken_and_answered_with_a_bundle(service):
    mrn = str(next(NUMBERS))
    body = hapi(resources=[hospital.patient(mrn), hospital.dose(mrn)])
    assert accepted(call(service, TRUSTED, body)) == ["200", "200", "200"]
    eventually(lambda: known(service, mrn))
    # Its numbers begin anew with every start of the server, and are never taken for a gap.
    for total in (40, 2, 90):
        body = hapi(total=total, deleted=[f"MedicationAdministration/{hospital.dose(mrn)['id']}"])
        assert accepted(call(service, TRUSTED, body)) == ["200", "200"]
    eventually(lambda: not known(service, mrn))
    assert counted(service, "troughline_hook_gaps_total", source=TRUSTED) == 0
    assert counted(service, "troughline_problems_total", problem="resource-unsupported") == 0


@pytest.mark.parametrize("form", [backport, r4b, r5])
def test_a_full_notification_is_taken_as_it_came(service, form):
    mrn = str(next(NUMBERS))
    resources = [hospital.patient(mrn), hospital.dose(mrn)]
    events = [(1, f"Patient/p{mrn}"), (2, f"MedicationAdministration/{resources[1]['id']}")]
    body = form(total=2, events=events, resources=resources)
    assert accepted(call(service, TRUSTED, body)) == ["200", "200", "200"]
    eventually(lambda: known(service, mrn))


@pytest.mark.parametrize("form", [backport, r4b, r5])
@pytest.mark.parametrize("kind", ["handshake", "heartbeat", "query-status"])
def test_a_notification_of_nothing_is_answered_and_makes_no_event_and_no_problem(service, form, kind):
    problems = counted(service, "troughline_problems_total")
    before = counted(service, "troughline_hooks_received_total", source=TRUSTED, kind=kind)
    answer = call(service, TRUSTED, form(kind, total=0))
    assert (answer.status_code, answer.json()) == (200, ANSWER)
    assert counted(service, "troughline_hooks_received_total", source=TRUSTED, kind=kind) == before + 1
    assert counted(service, "troughline_problems_total") == problems


def ill(records, number):
    """A dose at the source, of a patient of its own; gives the number he is known by."""
    mrn = str(next(NUMBERS))
    records.commit(patient(f"p{number}", mrn))
    records.commit(dose(number, patient=f"p{number}"))
    return mrn


def test_a_notification_that_only_names_records_has_them_read(service, servers):
    records = servers[TOPICS]
    mrn = ill(records, 41)
    answer = call(service, TOPICS, backport(total=1, events=[(1, "MedicationAdministration/d41")]))
    assert (answer.status_code, answer.json()) == (200, ANSWER)
    eventually(lambda: known(service, mrn))
    # What is not there any more was deleted.
    records.delete("MedicationAdministration/d41")
    call(service, TOPICS, r5(total=2, events=[(2, "MedicationAdministration/d41")]))
    eventually(lambda: not known(service, mrn))


def test_an_empty_call_has_its_source_polled_and_one_for_many_calls(service, servers):
    records = servers[EMPTY]
    searches = records.times_asked("MedicationAdministration?")
    assert call(service, EMPTY).json() == ANSWER
    eventually(lambda: records.times_asked("MedicationAdministration?") > searches)
    asked = records.times_asked("MedicationAdministration?")
    for _ in range(5):
        assert call(service, EMPTY, b"{}").status_code == 200
    eventually(lambda: records.times_asked("MedicationAdministration?") > asked)
    assert records.times_asked("MedicationAdministration?") == asked + 1


def test_an_empty_call_of_a_source_that_is_not_polled_is_answered_and_raises_an_alarm(service):
    before = counted(service, "troughline_alarms_total", reason="hook-not-followed")
    assert call(service, TRUSTED).json() == ANSWER
    assert counted(service, "troughline_alarms_total", reason="hook-not-followed") == before + 1
    eventually(lambda: [one for one in service.logged() if one["event"] == "hook-not-followed"])


def test_a_body_that_is_not_trusted_never_counts_and_what_the_source_holds_does(service, servers):
    records = servers[WARY]
    mrn = ill(records, 42)
    forged = dose(4200, patient="p42")
    assert call(service, WARY, forged).json() == ANSWER
    assert call(service, WARY, backport(resources=[forged, patient("p42", mrn)], events=[(1, "")])).json() == ANSWER
    eventually(lambda: records.times_asked("/MedicationAdministration/d4200") and records.times_asked("/Patient/p42"))
    assert not known(service, mrn)
    call(service, WARY, dose(42, patient="p42"), "/MedicationAdministration/d42", method="PUT")
    eventually(lambda: known(service, mrn))


def test_a_deletion_that_is_not_trusted_counts_when_the_source_says_so_too(service, servers):
    records = servers[WARY_DELETES]
    mrn = ill(records, 43)
    call(service, WARY_DELETES, b"", "/MedicationAdministration/d43", method="DELETE")
    eventually(lambda: known(service, mrn))
    records.delete("MedicationAdministration/d43")
    call(service, WARY_DELETES, b"", "/MedicationAdministration/d43", method="DELETE")
    eventually(lambda: not known(service, mrn))


def test_events_that_did_not_come_are_asked_for(service, servers):
    records = servers[GAPS]
    mrn = ill(records, 44)
    missed = records.records["MedicationAdministration/d44"]
    events = [(2, "MedicationAdministration/d44"), (3, "MedicationAdministration/d44")]

    def script(target):
        if "$events" not in target:
            return None
        return 200, {}, backport("query-event", total=4, events=events, resources=[missed])

    records.script = script
    for total in (1, 4):
        call(service, GAPS, backport(total=total, events=[(total, "Patient/p1")]))
    eventually(lambda: counted(service, "troughline_hook_gaps_total", source=GAPS, state="asked") == 1)
    assert records.times_asked("/Subscription/s1/$events?eventsSinceNumber=2&eventsUntilNumber=3") == 1
    eventually(lambda: known(service, mrn))


def test_silence_errors_and_events_that_cannot_be_asked_for_have_the_source_polled(service):
    def alarms(reason):
        return counted(service, "troughline_alarms_total", reason=reason)

    eventually(lambda: alarms("hook-silent") >= 1)
    assert counted(service, "troughline_hook_silent", source=HEARTS) == 1
    call(service, HEARTS, backport("heartbeat", total=1))
    eventually(lambda: counted(service, "troughline_hook_silent", source=HEARTS) == 0)

    call(service, POLLED, backport(total=1, events=[(1, "Patient/p1")]))
    call(service, POLLED, backport("heartbeat", total=9))
    eventually(lambda: counted(service, "troughline_hook_gaps_total", source=POLLED, state="polled") == 1)
    polls = counted(service, "troughline_hook_hints_total", source=POLLED, kind="poll")
    before = alarms("hook-out-of-order")
    call(service, POLLED, backport("query-status", total=9, status="error"))
    assert alarms("hook-out-of-order") == before + 1
    assert counted(service, "troughline_hook_hints_total", source=POLLED, kind="poll") == polls + 1


def test_a_stranger_is_refused_counted_and_told_without_his_secret(service):
    def refused(source, reason):
        return counted(service, "troughline_hooks_refused_total", source=source, reason=reason)

    unknown, wrong = refused("unknown", "unknown-address"), refused(TRUSTED, "wrong-secret")
    nowhere = service.session.post(f"{service.http}/hooks/{'x' * 64}", data=b"", timeout=20)
    elsewhere = service.session.post(f"{service.http}/hooks/{token_of(TRUSTED)}/a/b/c", data=b"", timeout=20)
    assert (nowhere.status_code, nowhere.content) == (404, elsewhere.content)
    stranger = call(service, TRUSTED, hospital.dose("990000"), headers={"Authorization": "Bearer a-guess"})
    assert (stranger.status_code, stranger.headers["www-authenticate"]) == (401, "Bearer")
    assert (refused("unknown", "unknown-address"), refused(TRUSTED, "wrong-secret")) == (unknown + 1, wrong + 1)
    anywhere = service.session.get(f"{service.http}/fhir/Flag", headers={"Authorization": "Bearer a-guess"}, timeout=20)
    assert anywhere.status_code == 401
    assert counted(service, "troughline_wire_events_total", listener="http", event="http-not-authorized") == 1
    eventually(lambda: {"hook-refused", "http-not-authorized"} <= {line["event"] for line in service.logged()})
    log = service.log.read_text()
    for secret in ("a-guess", SECRET, SIGNING, token_of(TRUSTED), "x" * 64):
        assert secret not in log


def test_a_signature_is_checked_over_the_bytes_that_came(service):
    raw = json.dumps(hospital.patient(str(next(NUMBERS)))).encode()
    signature = hmac.new(SIGNING.encode(), raw, hashlib.sha256).hexdigest()
    assert call(service, SIGNED, raw, headers={"X-Signature": signature}).status_code == 200
    assert call(service, SIGNED, raw + b" ", headers={"X-Signature": signature}).status_code == 401
    assert call(service, SIGNED, raw).status_code == 401


def test_the_address_of_pushes_takes_notifications_that_bring_their_resources_and_no_others(service):
    mrn = str(next(NUMBERS))
    one = hospital.dose(mrn)
    events = [(1, f"MedicationAdministration/{one['id']}")]
    refused = service.post(backport(events=events))
    assert refused.status_code == 400
    assert "Its address is the hook of a source (/hooks/)." in refused.json()["issue"][0]["diagnostics"]
    assert service.post(backport("heartbeat")).json() == ANSWER
    taken = service.post(backport(events=events, resources=[hospital.patient(mrn), one]))
    assert [entry["response"]["status"] for entry in taken.json()["entry"]] == ["200", "200"]
    eventually(lambda: known(service, mrn))


@pytest.mark.faults
def test_what_was_named_before_core_was_killed_is_read_after_it(tmp_path, start):
    records = RecordsServer()
    try:
        mrn = ill(records, 51)
        killed, answered = [], threading.Event()

        def script(target):
            if killed or not target.endswith("/MedicationAdministration/d51"):
                return None
            assert answered.wait(20), "it may be read before the answer has gone out"
            killed.append(service.pids["core"])
            os.kill(killed[0], signal.SIGKILL)
            return 503, {}, {}

        records.script = script
        (tmp_path / "secret").write_text(SECRET)
        row = source_row(tmp_path, WARY, {WARY: records})
        # By patient: nobody has told of this one, so that no poll finds his dose.
        row["poll"] = {"url": records.url, "mode": "per-patient", "every_s": 3600}
        (tmp_path / "site.yaml").write_text(json.dumps({"sources": [{"name": "default"}, row]}))
        service = start("--config", str(tmp_path / "site.yaml"))
        answer = call(service, WARY, backport(events=[(1, "MedicationAdministration/d51")]))
        assert (answer.status_code, answer.json()) == (200, ANSWER)
        answered.set()
        eventually(lambda: killed and not alive(killed[0]))
        eventually(lambda: again(service) and known(service, mrn))
    finally:
        records.close()


def again(service):
    """Whether core answers: while it is started again nobody listens."""
    try:
        return service.get("/healthz").status_code == 200
    except requests.ConnectionError:
        return False
