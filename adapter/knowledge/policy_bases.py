"""Policy files in the order in which they rest on each other: a base is read before what is based on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapter.domain.policy import Product
from adapter.knowledge.policy_files import PolicyFile, read_policy
from adapter.knowledge.text_yaml import Document, Fault, did_you_mean


def read_policies(
    documents: Sequence[Document], products: Mapping[str, Product]
) -> tuple[tuple[PolicyFile, ...], list[Fault]]:
    """Every policy that can be read, by id and version, and the faults of all files."""
    faults: list[Fault] = []
    read: dict[str, PolicyFile] = {}
    waiting = list(documents)
    while ready := [document for document in waiting if _base(document) in ("", *read)]:
        for document in ready:
            file, mistakes = read_policy(document, products, read.get(_base(document)))
            faults.extend(mistakes)
            if file and file.policy.label in read:
                text = f"{file.policy.label} stands in another file already; give a changed policy a new version"
                faults.append(document.fault(("version",), text))
            elif file:
                read[file.policy.label] = file
        waiting = [document for document in waiting if document not in ready]
    bases = {_label(document): _base(document) for document in documents}
    faults.extend(_without_base(document, bases) for document in waiting)
    return tuple(sorted(read.values(), key=lambda file: (file.policy.id, int(file.policy.version)))), faults


def _without_base(document: Document, bases: Mapping[str, str]) -> Fault:
    """Why the base of a policy is not there to rest on."""
    base = _base(document)
    way = [_label(document)]
    while (before := bases.get(way[-1])) and before not in way:
        way.append(before)
    if base not in bases:
        text = f"there is no policy '{base}' to be based on{did_you_mean(base, bases)}; write for example CONS16@1"
    elif bases.get(way[-1]) == way[0]:
        text = f"this policy is based on itself: {' -> '.join((*way, way[0]))}"
    else:
        text = f"it is based on {base}, which cannot be read itself"
    return document.fault(("based_on",), text)


def _label(document: Document) -> str:
    return f"{_text(document, 'policy')}@{_text(document, 'version')}"


def _base(document: Document) -> str:
    return _text(document, "based_on")


def _text(document: Document, key: str) -> str:
    value = document.data.get(key, "") if isinstance(document.data, dict) else ""
    return value if isinstance(value, str) else ""
