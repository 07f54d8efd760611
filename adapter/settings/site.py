"""What a site configures, as frozen values with every limit named and in its unit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from adapter.knowledge.spec import sender_rank
from adapter.settings.hook import HookSettings
from adapter.settings.secrets import read_secret
from adapter.transport.tls_server import ClientCert

Archive = Literal["count", "headers", "full"]
MllpRelease = Literal["1", "2"]
Unsupported = Literal["AA", "AE", "AR"]
ContentErrors = Literal["AE", "AA"]
AckMode = Literal["original", "enhanced", "auto"]
CannotStore = Literal["close", "AR"]
Delivery = Literal["shadow", "on"]
WriteRaw = Literal["never", "if-absent", "always"]
StrategyChoice = Literal["auto", "update-as-create", "conditional-update", "conditional-create", "search-first"]
AuthKind = Literal["none", "basic", "bearer", "smart"]
PollMode = Literal["last-updated", "per-patient"]

MEBIBYTE = 1024 * 1024
CANONICAL_BASE = "https://troughline.example/fhir"


@dataclass(frozen=True, slots=True, kw_only=True)
class MllpTls:
    """The TLS of one MLLP port (IHE ATNA, ITI-19): PEM files, and whom it lets in."""

    certificate: Path
    key: Path
    client_cert: ClientCert = "required"
    client_ca: Path | None = None
    """Authorities of the senders' certificates, or these certificates themselves."""
    client_fingerprints: tuple[str, ...] = ()
    """SHA-256 of the only certificates let in, when not everybody `client_ca` vouches for is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationAnswers:
    """Where the application answers of enhanced mode go, when not back on the connection of their message."""

    host: str
    port: int
    timeout_s: int = 30
    """How long the accept acknowledgment of an answer may take before it is sent again."""
    tls: bool = False
    tls_ca: Path | None = None
    """The authority of the receiver's certificate; None trusts those of the system."""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_any_name: bool = False
    """Leaves the host name out of the check, as ATNA set-ups often need."""
    tls_fingerprint: str | None = None
    """SHA-256 of the only certificate accepted; then neither authority nor host name are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MllpListener:
    """One MLLP port and what its senders have in common."""

    name: str = "default"
    host: str = "127.0.0.1"
    port: int = 2575
    source: str = "default"
    default_charset: str | None = None
    """For messages whose MSH-18 is empty: an HL7 table 0211 name or a Python codec."""
    zone: ZoneInfo | None = None
    """For times without an offset in the field or in MSH-7; None reads them as the interval of all zones."""
    max_connections: int = 64
    frame_limit_bytes: int = 16 * MEBIBYTE
    frame_timeout_s: int = 30
    keepalive_idle_s: int = 60
    """Silence after which the system probes whether the sender is still there; an idle connection stays open."""
    tls: MllpTls | None = None
    mllp_release: MllpRelease = "1"
    """`2` confirms each frame in a block of its own (0x06, or 0x15) before the answer."""
    answer_within_s: int = 3
    """Past this the AA goes out as soon as the message is on disk, translated or not."""
    ack_mode: AckMode = "original"
    """`original` gives one AA or AE; `enhanced` follows MSH-15 and MSH-16; `auto` does where one of them is filled."""
    application_answers: ApplicationAnswers | None = None
    """Where AA, AE and AR of enhanced mode go; None: back on the connection of their message."""
    heartbeats: tuple[str, ...] = ()
    """`MSH-3|MSH-4` (either part `*`) or MSH-9 of messages that only ask whether we are there."""
    archive_irrelevant: Archive = "headers"


@dataclass(frozen=True, slots=True, kw_only=True)
class DropFolder:
    """A folder whose HL7 v2 files are read, and what their messages have in common."""

    name: str
    folder: Path
    source: str = "default"
    default_charset: str | None = None
    zone: ZoneInfo | None = None
    settle_s: int = 5
    """A file must not have changed for so long before it is read."""
    look_every_s: int = 2
    file_limit_bytes: int = 256 * MEBIBYTE
    archive_irrelevant: Archive = "headers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """How the messages of one sending application and facility are read and answered."""

    match: str = ""
    """`MSH-3|MSH-4`, either part `*`."""
    zone: ZoneInfo | None = None
    default_charset: str | None = None
    decimal_comma: bool = False
    unsupported: Unsupported = "AE"
    content_errors: ContentErrors = "AE"
    warn_in_err: bool = False
    """Warnings stand in the answer too, as ERR of severity W."""
    cannot_store: CannotStore = "close"
    """When a message cannot be kept: close the connection without an answer, or answer AR."""
    silent_after_minutes: int | None = None
    """Without a message for longer than this the sender counts as silent; None: never."""
    assumed_unit: str | None = None
    """The unit of activities this sender sends without one, as agreed with the laboratory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """The HTTP door: FHIR intake, the read-only facade, metrics."""

    host: str = "127.0.0.1"
    port: int = 8080
    source: str = "default"
    token_file: Path | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    body_limit_bytes: int = 16 * MEBIBYTE

    def token(self) -> str | None:
        """The bearer token clients must show, None when none is asked for (OSError: unreadable)."""
        return read_secret(self.token_file, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirAuth:
    """Who we are towards one FHIR server."""

    kind: AuthKind = "none"
    username: str | None = None
    secret_file: Path | None = None
    secret_environment: str | None = None
    """The environment variable that holds the password or token; it stays there, or in the file, until it is used."""
    client_id: str | None = None
    """Of SMART Backend Services, as the server gave it."""
    keys: tuple[Path, ...] = ()
    """Private keys, PEM or JWK; the first signs, the others are only published for who still knows them."""
    token_url: str | None = None
    """None: the server's `.well-known/smart-configuration` names it."""
    scopes: tuple[str, ...] = ()
    """None given: what is needed here."""

    def secret(self) -> str | None:
        """The password or token, None when nothing is there (OSError: unreadable)."""
        return read_secret(self.secret_file, self.secret_environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirTls:
    """PEM files of the connection to one FHIR server: whom to trust, and what we show."""

    ca: Path | None = None
    """The authority of the server's certificate; None trusts those of the system."""
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PollSettings:
    """The FHIR R4 server of a source, and how it is asked for what is new."""

    url: str
    mode: PollMode = "last-updated"
    """Everything changed since the last look, or patient by patient where a server cannot tell that."""
    resources: tuple[str, ...] = ("MedicationAdministration", "AllergyIntolerance")
    every_s: int = 60
    overlap_s: int = 600
    """How much before the last look is asked for again: what a server commits late shows up behind its own time."""
    safety_lag_s: int = 30
    """How far the last look stays behind the server's own time."""
    window_days: int = 45
    """How far back the first look goes, and how old a dose may be for its patient to be asked for."""
    page_size: int = 200
    concurrency: int = 2
    """Patients asked for at the same time."""
    auth: FhirAuth = field(default_factory=FhirAuth)
    tls: FhirTls | None = None
    timeout_s: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A system that facts come from; identifiers of resources are unique within one source only."""

    name: str = "default"
    zone: ZoneInfo | None = None
    """For FHIR times that were sent without one."""
    poll: PollSettings | None = None
    """None: it only pushes."""
    hook: HookSettings | None = None
    """None: it is not notified by an address of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings:
    """A FHIR R4 server the results are written to."""

    name: str
    url: str
    delivery: Delivery = "shadow"
    monitor_from: date | None = None
    """For earlier doses only inactivation, neutralizing and severe-reaction Flags; None: the day it first went on."""
    write_raw: WriteRaw = "if-absent"
    """Whether activity Observations are written: never, only when the server has none, or always."""
    strategy: StrategyChoice = "auto"
    """How a resource is written first, so that it never stands there twice; `auto`: the best the server offers."""
    status_map: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    """By resource type: our status, and the one this server takes for it."""
    authorities: tuple[str, ...] = ()
    """Identifier systems of patients whose results this server may get; empty: all."""
    auth: FhirAuth = field(default_factory=FhirAuth)
    tls: FhirTls | None = None
    literal_sources: tuple[str, ...] = ()
    """Sources whose `Patient/<id>` and `MedicationAdministration/<id>` exist on this server under the same id."""
    timeout_s: int = 20
    workers: int = 1
    """Patients written at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a site configures."""

    store: Path = Path("troughline-store")
    canonical_base: str = CANONICAL_BASE
    insecure: bool = False
    """Allows an HTTP bind beyond loopback without TLS and token."""
    sources: tuple[Source, ...] = (Source(),)
    mllp: tuple[MllpListener, ...] = (MllpListener(),)
    drop_folders: tuple[DropFolder, ...] = ()
    senders: tuple[Sender, ...] = ()
    http: Http = field(default_factory=Http)
    targets: tuple[TargetSettings, ...] = ()
    mappings: tuple[Path, ...] = ()
    """Overlays, laid over the shipped mappings in this order."""
    config: tuple[Path, ...] = ()
    """Overlays, laid over the shipped config in this order: products.yaml, policies/*.yaml."""
    policies: tuple[str, ...] = ()
    """Policy ids that replace the defaults of their products."""
    drafts: bool = False
    """Accepts policies with unverified numbers."""
    delivery_retry_s: int = 30
    """How often a delivery that is due is tried again at the latest."""
    overdue_check_s: int = 1
    """How often doses are looked through for samples and results that have become overdue."""
    housekeeping_s: int = 60
    """How often figures are refreshed; the first look for what may be pruned comes after as long, then one an hour."""
    archive_days: int = 90
    """Days after which what is kept of messages that do not concern us goes, and answers told at another address."""
    read_messages_days: int | None = None
    """Days after which the bytes of messages that were read and gave facts go; None: never."""

    @property
    def polls(self) -> tuple[tuple[str, PollSettings], ...]:
        """The names of the sources that are asked, and how; the others only push."""
        return tuple((source.name, source.poll) for source in self.sources if source.poll)

    def sender_name(self, sender: str) -> str:
        """What metrics call `MSH-3|MSH-4`: the `match` of its settings, `other` where none names it."""
        return self.sender(sender).match or "other"

    def sender(self, sender: str, listener: MllpListener | DropFolder | None = None) -> Sender:
        """The settings of `MSH-3|MSH-4`: the most exact match, else the defaults; zone and charset of its listener."""
        found = max(self.senders, key=lambda s: sender_rank(s.match, sender), default=Sender())
        if sender_rank(found.match, sender) < 0:
            found = Sender()
        if listener is None:
            return found
        return replace(
            found, zone=found.zone or listener.zone, default_charset=found.default_charset or listener.default_charset
        )
