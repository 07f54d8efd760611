"""Why a request to a FHIR server got no whole answer, and whether the server can have acted on it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import requests
import urllib3

from adapter.transport.fhir_failures import FhirFailure, Permanent, Transient, unsure
from adapter.transport.tls_client import what_failed

BROKEN_UNDER_WAY = frozenset({"DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "BAD_RECORD_TYPE", "LENGTH_TOO_SHORT"})
ENDED_UNDER_WAY = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""TLS faults that may come after the request was read; all others end a handshake, or refuse our certificate."""
TLS_FAILED = "the TLS connection failed"
MOST_CAUSES = 20


def failure_on_the_way(fault: Exception, *, writing: bool) -> FhirFailure:
    """The failure a broken exchange stands for; its text holds no URL, for a search names a patient there."""
    match fault:
        case (
            requests.exceptions.InvalidURL() | requests.exceptions.MissingSchema() | requests.exceptions.InvalidSchema()
        ):
            return Permanent(0, "the base URL of the FHIR server is not a URL")
        case requests.exceptions.SSLError() | urllib3.exceptions.SSLError():
            return _tls_failure(fault, writing=writing)
        case requests.exceptions.ConnectTimeout():
            return Transient("the server did not accept the connection in time")
        case requests.exceptions.ReadTimeout() | urllib3.exceptions.ReadTimeoutError():
            return unsure("the server did not answer in time", writing=writing)
        case requests.exceptions.ConnectionError() if _never_connected(fault):
            return Transient(f"the server cannot be reached{_why(fault)}")
        case _:
            return unsure("the connection broke before the answer was complete", writing=writing)


def _tls_failure(fault: Exception, *, writing: bool) -> FhirFailure:
    found = next((cause for cause in _causes(fault) if isinstance(cause, ssl.SSLError)), None)
    if found is None:
        return Transient(TLS_FAILED)
    reason = f"{TLS_FAILED}: {what_failed(found)}"
    if found.reason in BROKEN_UNDER_WAY or isinstance(found, ENDED_UNDER_WAY):
        return unsure(reason, writing=writing)
    return Transient(reason)


def _never_connected(fault: Exception) -> bool:
    """True when no byte was sent: refused, unknown name, no route."""
    return any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in _causes(fault)) or any(
        isinstance(cause, urllib3.exceptions.NameResolutionError) for cause in _causes(fault)
    )


def _why(fault: Exception) -> str:
    known = (socket.gaierror, ConnectionRefusedError)
    found = next((cause for cause in _causes(fault) if isinstance(cause, known)), None)
    return f": {what_failed(found)}" if found else ""


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """The fault and what it wraps, as `requests` and `urllib3` wrap it: as cause, context, reason or argument."""
    waiting, seen = [fault], set[int]()
    while waiting and len(seen) < MOST_CAUSES:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        waiting += [found for found in inner if isinstance(found, BaseException)]
