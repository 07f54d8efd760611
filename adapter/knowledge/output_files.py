"""Output templates (mappings/outputs/*.yaml): a FHIR resource written out with `${placeholders}`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from adapter.knowledge.reading import top_block
from adapter.knowledge.spec import OutputTemplate
from adapter.knowledge.text_yaml import Document, Fault, Node, Path

_PLACEHOLDER = re.compile(r"\$\{[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\}")


def read_output(document: Document) -> tuple[OutputTemplate | None, list[Fault]]:
    """The template of one file, or its faults."""
    faults: list[Fault] = []
    top = top_block(document, faults)
    name = top.text("output")
    version = str(top.whole("version", least=1))
    resource = top.block("resource")
    resource.text("resourceType")
    faults.extend(_placeholder_faults(document, resource.data, resource.path))
    top.finish()
    if faults:
        return None, faults
    lines = {path[1:]: line for path, (line, _) in document.places.items() if path[:1] == resource.path}
    return OutputTemplate(name=name, version=version, resource=dict(resource.data), file=document.file, lines=lines), []


def _placeholder_faults(document: Document, node: Node, path: Path) -> Iterator[Fault]:
    match node:
        case str():
            if "$" in _PLACEHOLDER.sub("", node):
                yield document.fault(path, "a placeholder is written ${name} or ${name.part}, in lower case")
        case list():
            for number, item in enumerate(node):
                yield from _placeholder_faults(document, item, (*path, number))
        case dict():
            for key, item in node.items():
                yield from _placeholder_faults(document, item, (*path, key))
