"""A request made ready in the short way is the one the library would have made."""

from __future__ import annotations

from contextlib import closing
from urllib.parse import quote, urlencode

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from adapter.transport.fhir_request import PLAIN, FhirRequests
from adapter.transport.fhir_wire import ClientTls, Timeouts, open_session

BASES = ("http://127.0.0.1:8080", "https://ehr.example/fhir/R4", "http://EHR.example/fhir", "https://münchen.example/x")
WORDS = st.text(st.characters(codec="utf-8"), max_size=12)
PATHS = st.one_of(
    st.just(""),
    st.builds(lambda kind, name: f"/{quote(kind, safe='')}/{quote(name, safe='')}", WORDS, WORDS),
    st.builds(lambda kind, value: f"/{quote(kind)}?{urlencode({'identifier': value})}", WORDS, WORDS),
    st.builds(lambda rest: f"/{rest}", st.text("aZ09-._~%/?&=+#$:@!'() 2e", max_size=20)),
)
BODIES = st.one_of(st.none(), st.binary(max_size=20))
HEADERS = st.sampled_from([{}, {"If-Match": 'W/"1"'}, {"Content-Type": "application/fhir+json", "Accept": "text/html"}])


def said(request):
    return request.method, request.url, {**request.headers}, request.body


@pytest.fixture(scope="module")
def session():
    with closing(open_session(Timeouts(), ClientTls(), 1)) as found:
        yield found


@given(
    base=st.sampled_from(BASES),
    path=PATHS,
    method=st.sampled_from(["GET", "PUT", "POST"]),
    body=BODIES,
    headers=HEADERS,
)
def test_it_says_what_the_library_would_have_said(session, base, path, method, body, headers):
    theirs = session.prepare_request(requests.Request(method, base + path, data=body, headers=headers))
    assert said(FhirRequests(session, base).ready(method, base + path, body, headers)) == said(theirs)


@pytest.mark.parametrize(
    "path", ["/Patient?identifier=urn%3Amrn%7C4711", "/Flag/0b1c-2", "/Flag/1.2.840", "/a/$events?b=1+2"]
)
def test_the_addresses_of_every_day_go_the_short_way(path):
    assert PLAIN.fullmatch(path)


@pytest.mark.parametrize("path", ["/a/../b", "/.", "/a b", "/a%7E", "/a%7c", "/a#b", "/é", "/Flag/a..b", "/Flag?"])
def test_what_the_library_may_write_otherwise_goes_its_way(path):
    assert not PLAIN.fullmatch(path)


def test_a_password_in_the_address_is_shown_as_the_library_shows_it(session):
    request = FhirRequests(session, "http://anna:secret@ehr.example").ready(
        "GET", "http://anna:secret@ehr.example/a", None, {}
    )
    assert request.headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("header", ["a\nb", " a"])
def test_a_header_that_is_none_is_refused(session, header):
    requests_to = FhirRequests(session, BASES[0])
    with pytest.raises(requests.exceptions.InvalidHeader):
        requests_to.ready("PUT", f"{BASES[0]}/Flag/f", b"{}", {"If-Match": header})
