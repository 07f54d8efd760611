"""The whole of mappings/ with its overlays: read, checked, and known by a content hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapter.knowledge.codes import target_faults
from adapter.knowledge.content import content_hash
from adapter.knowledge.event_fields import EVENT_FIELDS
from adapter.knowledge.field_checks import never_met
from adapter.knowledge.layers import TABLES, Layer, layers_of
from adapter.knowledge.mapping_files import read_mapping
from adapter.knowledge.output_files import read_output
from adapter.knowledge.shipped import shipped
from adapter.knowledge.spec import Knowledge, Mapping, OutputTemplate, Table
from adapter.knowledge.strays import MAPPINGS, OUTPUTS, stray_files
from adapter.knowledge.tables import TableFile, lay_over, read_table
from adapter.knowledge.text_yaml import Document, Fault, read_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a shipped folder and its overlays hold, faults included."""

    tables: dict[str, Table]
    documents: dict[str, Document]
    """YAML files by relative path, the last layer that has one."""
    mappings: tuple[Mapping, ...]
    outputs: dict[str, OutputTemplate]
    faults: tuple[Fault, ...]
    unread: frozenset[str] = frozenset()
    """YAML files, by relative path, of which not even the shape can be read."""


def load_knowledge(overlays: Sequence[Path] = (), base: Path | None = None) -> tuple[Knowledge | None, list[Fault]]:
    """The shipped mappings with each overlay laid over them; None when any file has an error.

    `DIR/tables/*.csv` add rows, the same (sender, code, system) replaces; a YAML file of the same relative path
    replaces.  Folders other than tables, v2, fhir and outputs (demo, golden) are never read.
    """
    reading = read_folders(overlays, base)
    return knowledge_of(reading), list(reading.faults)


def knowledge_of(reading: Reading) -> Knowledge | None:
    """What was read as one whole, None when any file has an error."""
    if any(fault.severity == "error" for fault in reading.faults):
        return None
    digest = content_hash(
        [_parsed_tables(reading.tables), {path: document.data for path, document in reading.documents.items()}]
    )
    return Knowledge(mappings=reading.mappings, tables=reading.tables, outputs=reading.outputs, hash=digest)


def read_folders(overlays: Sequence[Path] = (), base: Path | None = None) -> Reading:
    """Everything that can be read of the shipped mappings (or `base`) and the overlays."""
    faults: list[Fault] = []
    layers = layers_of(base or shipped("mappings"), overlays, faults)
    tables = _tables(layers, faults)
    documents, unread = _documents(layers, faults)
    known = {f"{TABLES}/{name}.csv" for name in tables} | documents.keys() | unread
    for layer in layers:
        faults.extend(stray_files(layer, known))
    faults.extend(_nothing_in(layer) for layer in layers[1:] if not any(layer.root.glob("*")))
    mappings = _mappings(documents, tables, faults)
    faults.extend(_word_faults(tables, mappings))
    outputs = _outputs(documents, faults)
    return Reading(
        tables=tables, documents=documents, mappings=mappings, outputs=outputs, faults=tuple(faults), unread=unread
    )


def whole_tables(tables: dict[str, Table], faults: Iterable[Fault]) -> dict[str, Table]:
    """The tables without any error: of a row that could not be read nobody knows what it would have said."""
    broken = {Path(fault.file).stem for fault in faults if fault.severity == "error" and fault.file.endswith(".csv")}
    return {name: table for name, table in tables.items() if name not in broken}


def _nothing_in(layer: Layer) -> Fault:
    text = "the folder is empty: is it the right one, and is what belongs there mounted?"
    return Fault(file=layer.shown, line=0, text=text, severity="warning")


def _tables(layers: Sequence[Layer], faults: list[Fault]) -> dict[str, Table]:
    found: dict[str, list[TableFile]] = {}
    for layer in layers:
        for path in layer.files(TABLES, ".csv"):
            content = layer.read(path, faults)
            if content is None:
                continue
            rows, mistakes = read_table(content, path.stem, layer.name(path))
            faults.extend(mistakes)
            found.setdefault(path.stem, []).append(rows)
    return {name: lay_over(found[name]) for name in sorted(found)}


def _word_faults(tables: dict[str, Table], mappings: Sequence[Mapping]) -> Iterator[Fault]:
    """Rows whose target no rule understands: a table is used as its name says, and as the fields that read it say."""
    uses = {(name, name) for name in tables}
    for mapping in mappings:
        kinds = EVENT_FIELDS[mapping.event]
        selected = next(kind.targets for kind in kinds.values() if kind.shape == "selected")
        uses.add((mapping.select.table, selected or mapping.select.table))
        for spec in mapping.fields:
            targets = kinds[spec.name].targets
            if spec.table in tables and targets:
                uses.add((spec.table, targets))
    for name, use in sorted(uses):
        yield from target_faults(tables[name], use)


def _documents(layers: Sequence[Layer], faults: list[Fault]) -> tuple[dict[str, Document], frozenset[str]]:
    """The YAML files by relative path, the last layer that has one winning; and those that cannot be read."""
    chosen: dict[str, tuple[Layer, Path]] = {}
    for layer in layers:
        for folder in (*MAPPINGS, OUTPUTS):
            for path in layer.files(folder, ".yaml"):
                chosen[f"{folder}/{path.name}"] = (layer, path)
    documents: dict[str, Document] = {}
    for relative, (layer, path) in sorted(chosen.items()):
        content = layer.read(path, faults)
        if content is None:
            continue
        document, mistakes = read_yaml(content, layer.name(path))
        faults.extend(mistakes)
        if document:
            documents[relative] = document
    return documents, frozenset(chosen.keys() - documents.keys())


def _mappings(documents: dict[str, Document], tables: dict[str, Table], faults: list[Fault]) -> tuple[Mapping, ...]:
    mappings: dict[str, Mapping] = {}
    for relative, document in documents.items():
        if relative.startswith(OUTPUTS):
            continue
        mapping, mistakes = read_mapping(document, tables)
        faults.extend(mistakes)
        if not mapping:
            continue
        faults.extend(never_met(mapping, document, whole_tables(tables, faults)))
        first = mappings.setdefault(mapping.id, mapping)
        if first is not mapping:
            faults.append(document.fault(("mapping",), f"'{mapping.id}' is the name of {first.file} already"))
        elif mapping.format == "hl7v2":
            faults.extend(_second_of_results(mapping, document, mappings.values()))
    return tuple(mappings.values())


def _second_of_results(mapping: Mapping, document: Document, known: Iterable[Mapping]) -> Iterator[Fault]:
    """With two mappings of results every result would be read twice, or refused by the one that lacks its type."""
    other = next((one for one in known if one.format == "hl7v2" and one is not mapping), None)
    if other:
        text = (
            f"{other.file} reads the results of HL7 v2 already, and only one mapping may; "
            f"add the message type there, or give this file that name ({other.file.rpartition('/')[2]}) to replace it"
        )
        yield document.fault(("mapping",), text)


def _outputs(documents: dict[str, Document], faults: list[Fault]) -> dict[str, OutputTemplate]:
    outputs: dict[str, OutputTemplate] = {}
    for relative, document in documents.items():
        if not relative.startswith(OUTPUTS):
            continue
        output, mistakes = read_output(document)
        faults.extend(mistakes)
        if not output:
            continue
        first = outputs.setdefault(output.name, output)
        if first is not output:
            faults.append(document.fault(("output",), f"'{output.name}' is the name of {first.file} already"))
    return outputs


def _parsed_tables(tables: dict[str, Table]) -> dict[str, list[list[object]]]:
    return {
        table.name: [[r.sender, r.code, r.system, r.target, r.label, r.note, r.extra] for r in table.rows]
        for table in tables.values()
    }
