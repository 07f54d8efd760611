"""What no text about a patient may hold (rulebook 6.1): imperatives, dose advice, promises, prognoses."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

NEVER = re.compile(
    r"safe to continue|may continue|can continue|no allergy|rule[sd]? out|switch now|stop now|increase the dose"
    r"|reduce the dose|relapse|prognos|cure|surviv|\bshould\b|\bmust\b|\brecommend|\bconsider\b|\bpatient-friendly\b"
    r"|asparagine deplet|toxic",
    re.IGNORECASE,
)
IMPERATIVE = re.compile(
    r"(?:^|[.:;] )(?:Give|Stop|Switch|Hold|Change|Order|Repeat|Increase|Reduce|Continue|Start|Take|Draw|Call|Do"
    r"|Discontinue)\b"
)
QUOTATION = re.compile(r'"[^"]*"')


def forbidden(texts: Iterable[str]) -> list[str]:
    """The texts that say, outside quotations, what no text may say; line breaks hide nothing."""
    told = [QUOTATION.sub("", " ".join(text.split())) for text in texts]
    return [text for text in told if NEVER.search(text) or IMPERATIVE.search(text)]


def forbidden_on(page: str) -> list[str]:
    """The same for a page of wrapped lines: read as one text, and every line as if it began a sentence."""
    return [*forbidden([page]), *forbidden(line.strip(" -") for line in QUOTATION.sub("", page).splitlines())]


def leaves(tree: Any, *, without: Collection[str] = ()) -> Iterator[str]:
    """Every text of a tree, without its keys and without the branches under the keys named."""
    if isinstance(tree, dict):
        for key, branch in tree.items():
            if key not in without:
                yield from leaves(branch, without=without)
    elif isinstance(tree, list | tuple):
        for branch in tree:
            yield from leaves(branch, without=without)
    elif isinstance(tree, str):
        yield tree
