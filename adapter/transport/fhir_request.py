"""A request to a FHIR server made ready for the wire, without all that `requests` would look up for each."""

from __future__ import annotations

import re
from collections.abc import Mapping

import requests

_ESCAPED = "%(?:[01][0-9A-F]|2[0-9ABCF]|3[A-F]|40|5[B-E]|60|7[BCDF]|[89A-F][0-9A-F])"
_LETTERS = rf"(?:[A-Za-z0-9_=&/+$-]|(?<=[A-Za-z0-9])\.|{_ESCAPED})"
PLAIN = re.compile(rf"{_LETTERS}*(?:\?{_LETTERS}+)?")
"""A path with its query that the library leaves as it is: no dot segment, no empty query, nothing escaped idly."""


class FhirRequests:
    """The requests of one session to one FHIR server.

    The library reads the address into its parts and puts it together again, merges eight kinds of settings of which
    we have one, and asks a jar for cookies that is always empty: a third of what a request costs.
    """

    def __init__(self, session: requests.Session, base_url: str) -> None:
        self._session = session
        self._base_url = base_url
        self._root = _as_the_library_has_it(base_url)
        self._plain = self._root is not None and _as_the_library_has_it(f"{base_url}/a") == f"{base_url}/a"

    def ready(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> requests.PreparedRequest:
        """One request; raises what `requests` raises for an address or a header that is none."""
        address = self._address(url)
        if address is None:
            return self._session.prepare_request(requests.Request(method, url, data=body, headers=headers))
        request = requests.PreparedRequest()
        request.method = method
        request.url = address
        request.prepare_headers({**self._session.headers, **headers})
        request.body = body or None
        if body:
            request.headers["Content-Length"] = str(len(body))
        elif method not in {"GET", "HEAD"}:
            request.headers["Content-Length"] = "0"
        return request

    def _address(self, url: str) -> str | None:
        """The address as the library would send it to, None where only the library can tell."""
        if not self._plain or not url.startswith(self._base_url):
            return None
        if url == self._base_url:
            return self._root
        begins, path = url[len(self._base_url)], url[len(self._base_url) :]
        return url if begins == "/" and PLAIN.fullmatch(path) else None


def _as_the_library_has_it(url: str) -> str | None:
    """None for what is no address, and for one that holds a password."""
    request = requests.PreparedRequest()
    try:
        request.prepare_url(url, None)
    except (requests.RequestException, ValueError):
        return None
    return None if request.url is None or "@" in request.url else request.url
