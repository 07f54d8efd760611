"""Files that people own are read once for each content: a run reads the shipped ones thousands of times.

Nobody may change what he gets of them: all tests have the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

from adapter.knowledge import policy_files, tables, text_yaml

Reader = Callable[..., tuple[Any, list[Any]]]
KEPT = 2048


def once(read: Reader) -> Reader:
    """The reader, asked only when it has not read the same; every caller has a list of faults of its own."""
    remembered = lru_cache(maxsize=KEPT)(read)

    @wraps(read)
    def found(*words: Any) -> tuple[Any, list[Any]]:
        what, faults = remembered(*words)
        return what, list(faults)

    vars(found)["cache_clear"] = remembered.cache_clear
    return found


def policy_once(read: Reader) -> Reader:
    """The same for a policy, which is known by its very document and base, and by the products there are."""
    remembered: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    @wraps(read)
    def found(document: Any, products: Any, base: Any = None) -> tuple[Any, list[Any]]:
        key = (id(document), id(base), tuple(products.items()))
        if key not in remembered:
            if len(remembered) == KEPT:
                remembered.clear()
            # Both are kept as well: an id is that of another thing once its own is gone.
            remembered[key] = (document, base, read(document, products, base))
        what, faults = remembered[key][2]
        return what, list(faults)

    vars(found)["cache_clear"] = remembered.clear
    return found


def install() -> None:
    """Put readers that remember in the place of the others, wherever a module has taken one already."""
    for home, name, way in (
        (text_yaml, "read_yaml", once),
        (tables, "read_table", once),
        (policy_files, "read_policy", policy_once),
    ):
        read = getattr(home, name)
        remembering = way(read)
        for module in [module for key, module in sys.modules.items() if key.startswith("adapter.")]:
            if vars(module).get(name) is read:
                setattr(module, name, remembering)
