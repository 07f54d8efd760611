"""How the hook of each source is guarded, and what a notification there leads to."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.commands.check_result import Result
from adapter.settings import HookSettings, Settings, Source

NOT_FOLLOWED = (
    "a notification without its resource, and one that never came, cannot be followed: give the source a 'poll' too"
)
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
    if source.poll is None:
        return Result(about=about, state="warning", said=f"{said}; not polled", advice=NOT_FOLLOWED)
    if in_clear:
        return Result(about=about, state="warning", said=said, advice=IN_CLEAR)
    return Result(about=about, state="ok", said=said)


def _shown(hook: HookSettings) -> Iterator[str]:
    if hook.secret_file:
        yield f"secret in header {hook.header}"
    if hook.hmac_secret_file:
        yield "signed bodies"
    if hook.heartbeat_s:
        yield f"heartbeat every {hook.heartbeat_s} s"


def _taken(hook: HookSettings) -> str:
    return "bodies count as they come" if hook.trust_push_body else "bodies are hints, records are read back"
