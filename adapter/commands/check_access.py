"""Whether a FHIR target lets us in: a token where one is needed, and one look that asks for rights."""

from __future__ import annotations

from adapter.commands.check_result import Result
from adapter.settings import TargetSettings
from adapter.transport.fhir_client import Ambiguous, FhirClient, Permanent, Transient, Unauthorized
from adapter.transport.fhir_unreached import TLS_FAILED

Failure = Transient | Ambiguous | Permanent
NOBODY = ("urn:troughline:check", "nobody")
"""An identifier no Patient carries: the answer is an empty page, and whether we may ask at all."""
REFUSED = {401: "it does not accept our credentials", 403: "it does not allow us in"}
WHAT_IS_SHOWN = {
    "none": "no credentials are configured",
    "basic": "user and password are accepted",
    "bearer": "the bearer token is accepted",
    "smart": "the access token is accepted",
}
CREDENTIALS = {
    "none": "it asks for credentials: set auth.kind, and what it gave you",
    "basic": "compare auth.username and the password with what it gave you; is the account locked?",
    "bearer": "compare the token with what it gave you; has it expired?",
    "smart": "is the token server the one of this FHIR server, and may our client use it?",
}


def token(about: str, client: FhirClient) -> Result | None:
    """How asking for an access token went; None where none is needed."""
    try:
        given = client.authorize()
    except (Transient, Permanent) as failure:
        return Result(about=about, state="failed", said=_said(failure), advice=_token_advice(failure))
    if given is None:
        return None
    said = f"{given.endpoint} gives a token for {given.life_s:.0f} s"
    if given.not_granted:
        advice = f"it does not give {' '.join(given.not_granted)}: have these scopes granted, or writing is refused"
        return Result(about=about, state="warning", said=said, advice=advice)
    return Result(about=about, state="ok", said=said)


def let_in(about: str, target: TargetSettings, client: FhirClient) -> Result:
    """Whether a Patient may be looked up, as every delivery begins; nobody is found."""
    try:
        client.find_patient(*NOBODY)
    except (Transient, Ambiguous, Permanent) as failure:
        if failure.status in REFUSED:
            return refused(about, target, failure)
        advice = "every delivery begins with Patient?identifier=; try it by hand with the identifier of a test patient"
        return Result(about=about, state="warning", said=f"no Patient can be looked up: {failure}", advice=advice)
    return Result(about=about, state="ok", said=f"{WHAT_IS_SHOWN[target.auth.kind]}; a Patient may be looked up")


def refused(about: str, target: TargetSettings, failure: Failure) -> Result:
    """What a target answered instead, and what a person does about it."""
    said = REFUSED.get(failure.status or 0, _said(failure))
    if _is_away(failure) and target.delivery == "shadow":
        # Nothing is sent to it, so that it is away keeps the service from nothing yet.
        said = f"{said}, delivery: shadow"
        return Result(about=about, state="warning", said=f"{target.url}: {said}", advice=_advice(target, failure))
    return Result(about=about, state="failed", said=f"{target.url}: {said}", advice=_advice(target, failure))


def _is_away(failure: Failure) -> bool:
    """Whether it did not answer at all; who answers and refuses us has to be asked for access, sooner or later."""
    return isinstance(failure, Transient) and not failure.status and not failure.reason.startswith(TLS_FAILED)


def _advice(target: TargetSettings, failure: Failure) -> str:
    if failure.status == 401:
        return CREDENTIALS[target.auth.kind]
    if failure.status == 403:
        return (
            "have our account or client given the rights to look Patients up and to write Observation, Flag, Provenance"
        )
    if failure.reason.startswith(TLS_FAILED):
        return f"name the authority of its certificate under tls.ca{_and_ours(target)}"
    return f"ask for {target.url}/metadata by hand; a proxy or firewall on the way may answer instead of it"


def _and_ours(target: TargetSettings) -> str:
    if target.tls and target.tls.certificate:
        return "; if it is ours that is refused, have it accepted there"
    return "; if it asks for a certificate of ours, name that under tls.certificate"


def _said(failure: Failure) -> str:
    description = failure.description if isinstance(failure, Unauthorized) else ""
    return f"{failure}; it says: {description}" if description else str(failure)


def _token_advice(failure: Failure) -> str:
    if isinstance(failure, Unauthorized) and failure.advice:
        return failure.advice
    return "ask for its address by hand (auth.token_url, or .well-known/smart-configuration behind the server's url)"
