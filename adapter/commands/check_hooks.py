"""How the hook of each source is guarded, and what a notification there leads to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from adapter.commands.check_result import Result
from adapter.settings import HookSettings, Settings, Source

NOT_FOLLOWED = (
    "a notification without its resource, and one that never came, cannot be followed: give the source a 'poll' too"
)
COLON = (
    "the secret holds a colon, as a whole header line does: the file takes what stands behind '{header}:' alone, "
    "without 'Bearer'"
)
OPEN = "everybody on this machine can reach the secret in {file}; close it with 'chmod 600'"
OTHERS = 0o007
IN_CLEAR = "whoever stands on the way reads its secret: give http 'tls_certificate' and 'tls_key'"


def hooks(settings: Settings) -> Iterator[Result]:
    """Every source with a hook, in the order of the file; no token and no secret is shown."""
    in_clear = settings.http.tls_certificate is None and settings.insecure
    for source in settings.sources:
        if source.hook:
            yield _of(source, source.hook, in_clear=in_clear)


def _of(source: Source, hook: HookSettings, *, in_clear: bool) -> Result:
    about = f"hook {source.name}"
    said = f"/hooks/<token>: {', '.join(_shown(hook))}; {_taken(hook)}"
    amiss = [*_amiss(hook)]
    if source.poll is None:
        said, amiss = f"{said}; not polled", [*amiss, NOT_FOLLOWED]
    elif in_clear:
        amiss.append(IN_CLEAR)
    return Result(about=about, state="warning" if amiss else "ok", said=said, advice="; ".join(amiss) or None)


def _amiss(hook: HookSettings) -> Iterator[str]:
    """What is wrong with the files of a hook; one that is gone by now ends the start, not this look."""
    with suppress(OSError, ValueError):
        if ":" in (hook.secret() or ""):
            yield COLON.format(header=hook.header)
    for file in (hook.path_token_file, hook.secret_file, hook.hmac_secret_file):
        with suppress(OSError):
            if file is not None and file.stat().st_mode & OTHERS:
                yield OPEN.format(file=file.name)


def _shown(hook: HookSettings) -> Iterator[str]:
    if hook.secret_file:
        yield f"secret in header {hook.header}"
    if hook.hmac_secret_file:
        yield "signed bodies"
    if hook.heartbeat_s:
        yield f"heartbeat every {hook.heartbeat_s} s"


def _taken(hook: HookSettings) -> str:
    return "bodies count as they come" if hook.trust_push_body else "bodies are hints, records are read back"
