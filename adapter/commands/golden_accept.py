"""Writing an outcome into a golden case: the message and every word above `expect` stay as they are."""

from __future__ import annotations

import re
from typing import Any

from adapter.commands.golden_case import Case
from adapter.commands.golden_outcome import asked, written
from adapter.commands.whole_file import replace_whole

_EXPECT = re.compile(r"^expect[ \t]*:.*$", re.MULTILINE)
_NEXT_KEY = re.compile(r"^[^\s#-].*$", re.MULTILINE)


def accept(case: Case, found: dict[str, Any]) -> None:
    """Replace what the case expects; comments inside that part are lost. Raises OSError."""
    text = case.path.read_text(encoding="utf-8-sig")
    block = "expect:\n" + "".join(f"  {line}\n" for line in written(asked(case, found)).splitlines())
    start = _EXPECT.search(text)
    if start is None:
        replace_whole(case.path, f"{text.rstrip()}\n{block}".encode())
        return
    rest = _NEXT_KEY.search(text, start.end())
    behind = text[rest.start() :] if rest else ""
    replace_whole(case.path, (text[: start.start()] + block + behind).encode())
