"""The configuration of one site: typed, checked as a whole, every fault reported at once."""

from __future__ import annotations

from adapter.settings.flags import settings_from_flags
from adapter.settings.hook import HookSettings
from adapter.settings.read import load_settings
from adapter.settings.site import (
    DropFolder,
    FhirAuth,
    FhirTls,
    Http,
    MllpListener,
    MllpTls,
    PollSettings,
    Sender,
    Settings,
    Source,
    TargetSettings,
)

__all__ = [
    "DropFolder",
    "FhirAuth",
    "FhirTls",
    "HookSettings",
    "Http",
    "MllpListener",
    "MllpTls",
    "PollSettings",
    "Sender",
    "Settings",
    "Source",
    "TargetSettings",
    "load_settings",
    "settings_from_flags",
]
