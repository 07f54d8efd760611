"""What a token server's refusal means (RFC 6749 5.2), and what a person does about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REFUSALS: Mapping[str, tuple[str, str]] = {
    "invalid_client": (
        "it does not accept our client id, our key or our signed assertion",
        "is client_id as registered there? does it know our public key (/.well-known/jwks.json)? is the clock right?",
    ),
    "invalid_grant": (
        "it does not accept our signed assertion",
        "is the clock right? is token_url the address the server knows itself by?",
    ),
    "unauthorized_client": (
        "our client may not ask for tokens of its own",
        "have the client registered for Backend Services (grant type client_credentials)",
    ),
    "invalid_scope": (
        "it does not give the scopes we ask for",
        "have them granted to the client there, or write those it has under auth.scopes",
    ),
    "access_denied": ("it denies our client access", "have the client activated there"),
    "unsupported_grant_type": (
        "it does not know client_credentials",
        "it may offer no SMART Backend Services; ask for its token endpoint and write it under auth.token_url",
    ),
    "invalid_request": (
        "it cannot read our request",
        "ask whether this is its token endpoint, and whether it takes private_key_jwt",
    ),
    "server_error": ("it met a fault of its own", "ask who runs it; we try again"),
    "temporarily_unavailable": ("it cannot answer for the moment", "nothing; we try again"),
}
MOST_WORDS = 30
LONGEST_WORD = 24
_PLAIN = re.compile(r"[A-Za-z][A-Za-z'_/-]*[.,;:]?|[0-9]{1,4}[.,;:]?")


def refusal_words(body: Mapping[str, Any] | None, status: int) -> tuple[str, str]:
    """What happened and what to do; only the error codes the standard names are repeated."""
    code = body.get("error") if body else None
    if isinstance(code, str) and code in REFUSALS:
        said, advice = REFUSALS[code]
        return f"{said} ({code}, status {status})", advice
    return f"it answered with status {status}", "ask whether this address is its token endpoint (auth.token_url)"


def error_code(body: Mapping[str, Any] | None) -> str | None:
    """`invalid_client` and the like; None for anything the standard does not name."""
    code = body.get("error") if body else None
    return code if isinstance(code, str) and code in REFUSALS else None


def description(body: Mapping[str, Any] | None) -> str:
    """What the server says of it, without words that could be a token, a key or somebody's number.

    For the eyes of the person who asked, never for a log.
    """
    text = body.get("error_description") if body else None
    if not isinstance(text, str):
        return ""
    words = [word for word in text.split() if len(word) <= LONGEST_WORD and _PLAIN.fullmatch(word.strip("'\"()"))]
    return " ".join(words[:MOST_WORDS])
