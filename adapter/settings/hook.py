"""What a site configures of the hook of a source: an address nobody can guess, and how its server shows who it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adapter.settings.secrets import read_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings:
    """The address a FHIR server notifies, and what it shows there."""

    path_token_file: Path
    """File with the part of the address nobody can guess: 32 characters or more."""
    header: str = "Authorization"
    """The header that holds the secret, bare or behind `Bearer `."""
    secret_file: Path | None = None
    hmac_secret_file: Path | None = None
    """File with the secret the server signs its bodies with: `X-Signature`, HMAC-SHA256 in hexadecimal digits."""
    trust_push_body: bool = True
    """Whether a body counts as it came; else it is a hint, and what it names is read at the source."""
    heartbeat_s: int | None = None
    """How often the subscriptions of this source give a sign of life; silence over twice as long raises an alarm."""

    def path_token(self) -> str | None:
        """The part of the address; None when nothing is there (OSError: unreadable)."""
        return read_secret(self.path_token_file, None)

    def secret(self) -> str | None:
        """What the header has to hold; None when none is asked for (OSError: unreadable)."""
        return read_secret(self.secret_file, None)

    def hmac_secret(self) -> str | None:
        """What bodies are signed with; None when they need not be (OSError: unreadable)."""
        return read_secret(self.hmac_secret_file, None)
