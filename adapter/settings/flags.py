"""Options of the command line as overrides of the site's file."""

from __future__ import annotations

from pathlib import Path

from adapter.knowledge.text_yaml import Fault
from adapter.settings.read import load_settings
from adapter.settings.site import Settings


def settings_from_flags(
    *,
    store: str | None = None,
    mllp: str | None = None,
    http: str | None = None,
    fhir: str | None = None,
    insecure: bool = False,
    config: Path | None = None,
) -> tuple[Settings | None, list[Fault]]:
    """Settings of a run without (or above) a file; `mllp` and `http` are `PORT` or `HOST:PORT`.

    `fhir` is the URL of one target named `fhir` with delivery on, the only one then.
    """
    overrides: dict[str, str] = {}
    if store:
        overrides["store"] = Path(store).absolute().as_posix()
    for option, address in (("mllp.0", mllp), ("http", http)):
        if address:
            overrides.update(_address(option, address))
    if fhir:
        overrides |= {"targets": "", "targets.0.name": "fhir", "targets.0.url": fhir, "targets.0.delivery": "on"}
    if insecure:
        overrides["insecure"] = "yes"
    return load_settings(config, overrides)


def _address(option: str, address: str) -> dict[str, str]:
    host, colon, port = address.rpartition(":")
    if not colon:
        return {f"{option}.port": port}
    return {f"{option}.host": host.strip("[]") or "127.0.0.1", f"{option}.port": port}
