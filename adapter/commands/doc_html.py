"""The mapping as one page that needs nothing else: no script, no font, no picture; it prints, and reads aloud well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from adapter.commands.doc_book import Book, Chapter, CodeTable

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #c4cbd3; --soft: #f2f4f7; --mark: #8a4600; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --paper: #14171b; --line: #454d57; --soft: #1e2329; --mark: #f0b46a; }
}
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto;
  padding: 1.5rem; max-width: 90rem; }
h1, h2, h3 { line-height: 1.2; }
h2 { margin-top: 2.5rem; border-bottom: 2px solid var(--line); padding-bottom: .25rem; }
table { border-collapse: collapse; width: 100%; margin: .75rem 0 1.5rem; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
th, td { border: 1px solid var(--line); padding: .3rem .5rem; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; }
thead th { background: var(--soft); }
tbody th { font-weight: 600; }
code { font-family: ui-monospace, monospace; font-size: .93em; }
.site { color: var(--mark); font-weight: 600; }
.wide { overflow-x: auto; }
a { color: inherit; }
@media print {
  :root { --ink: #000; --paper: #fff; --line: #888; --soft: #eee; --mark: #000; }
  body { font-size: 9pt; max-width: none; padding: 0; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  .wide { overflow: visible; }
  nav { display: none; }
}
"""
_PLACES = ("Place", "What HL7 or FHIR calls it", "Tried", "Reader", "How it is read", "Table", "Required", "Field")
Cell = tuple[str, str]
"""Text, and how it is dressed: `text`, `code` or `site`."""


def as_html(book: Book) -> str:
    """The page; every text in it is escaped."""
    lines = [*_head(book), *_contents(book)]
    for chapter in book.chapters:
        lines += _chapter(chapter, book)
    lines.append('<h2 id="tables">Code tables</h2>')
    for table in book.tables:
        lines += _table(table, book)
    lines += [*_outputs(book), "</main>", "</body>", "</html>"]
    return "\n".join(lines) + "\n"


def _head(book: Book) -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield "<title>Mapping of asparaginase activity, doses and reactions</title>"
    yield f"<style>{STYLE}</style>"
    yield "</head>"
    yield "<body>"
    yield "<header>"
    yield "<h1>Mapping of asparaginase activity, doses and reactions</h1>"
    yield f"<p>Troughline {_text(book.product)}. Content of the mappings: {_code(book.hash)}.</p>"
    layers = ", then ".join(_code(layer) for layer in book.layers)
    yield f"<p>Read from {layers}: what comes later replaces what comes before.</p>"
    yield "</header>"


def _contents(book: Book) -> Iterator[str]:
    yield '<nav aria-label="Contents">'
    yield "<ul>"
    for chapter in book.chapters:
        yield f'<li><a href="#{_text(chapter.name)}">{_text(chapter.input)} to {_text(chapter.event)}</a></li>'
    yield '<li><a href="#tables">Code tables</a></li>'
    yield '<li><a href="#outputs">FHIR outputs</a></li>'
    yield "</ul>"
    yield "</nav>"
    yield "<main>"


def _chapter(chapter: Chapter, book: Book) -> Iterator[str]:
    yield f'<h2 id="{_text(chapter.name)}">{_text(chapter.input)} to {_text(chapter.event)}</h2>'
    yield (
        f"<p>Mapping {_code(chapter.name)}, version {_text(chapter.version)}, from {_code(chapter.file)}"
        f"{_marked(chapter.layer, book)}; {_text(chapter.rows)}.</p>"
    )
    near = ", ".join(_code(word) for word in chapter.near) or "none"
    yield (
        f"<p>Ours is what stands in {_code(chapter.code)} and has a row in {_link(chapter.table)}. "
        f"Words that make another code a near miss: {near}. Any other code: {_text(chapter.otherwise)}.</p>"
    )
    yield from _grid(
        f"Fields of {chapter.event}",
        (*_PLACES, "FHIR output"),
        (
            (
                (line.place, "code"),
                (line.name, "text"),
                (line.choice, "text"),
                (line.reader, "code"),
                (line.rule, "text"),
                (line.table, "code"),
                (line.required, "text"),
                (line.field, "code"),
                ("; ".join(line.outputs) or "no element of its own", "text"),
            )
            for line in chapter.lines
        ),
    )
    if chapter.left:
        yield from _grid(
            "Not needed, and why",
            ("Place", "What HL7 or FHIR calls it", "Reason"),
            (((left.place, "code"), (left.name, "text"), (left.why, "text")) for left in chapter.left),
        )


def _table(table: CodeTable, book: Book) -> Iterator[str]:
    yield f'<h3 id="table-{_text(table.name)}">{_text(table.name)}</h3>'
    readers = ", ".join(_code(name) for name in table.read_by) or "no field of a mapping"
    yield f"<p>Read by {readers}.</p>"
    if not table.entries:
        yield "<p>No row.</p>"
        return
    others = [name for name, _ in table.entries[0].others]
    columns = ("Code", "System", "Sender", *(["Target"] if any(e.target for e in table.entries) else []))
    has_target = "Target" in columns
    yield from _grid(
        f"Rows of {table.name}",
        (*columns, *(name.capitalize() for name in others), "Label", "Note", "From"),
        (
            (
                (entry.code, "code"),
                (entry.system, "code"),
                (entry.sender or "any", "code"),
                *([(entry.target, "code")] if has_target else []),
                *((dict(entry.others).get(name, ""), "code") for name in others),
                (entry.label, "text"),
                (entry.note, "text"),
                (f"{entry.layer}, line {entry.line}", "text" if entry.layer == book.layers[0] else "site"),
            )
            for entry in table.entries
        ),
    )


def _outputs(book: Book) -> Iterator[str]:
    yield '<h2 id="outputs">FHIR outputs</h2>'
    yield from _grid(
        "Templates the resources are written from",
        ("Template", "Version", "Resource", "File"),
        (
            (
                (output.name, "code"),
                (output.version, "text"),
                (output.resource, "code"),
                (output.file, "text" if output.layer == book.layers[0] else "site"),
            )
            for output in book.outputs
        ),
    )


def _grid(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """A table whose first cell names its row."""
    # A part that scrolls must be reachable without a mouse.
    yield f'<div class="wide" role="region" tabindex="0" aria-label="{_text(caption)}">'
    yield "<table>"
    yield f"<caption>{_text(caption)}</caption>"
    yield "<thead><tr>" + "".join(f'<th scope="col">{_text(name)}</th>' for name in columns) + "</tr></thead>"
    yield "<tbody>"
    for first, *others in rows:
        cells = "".join(f"<td>{_dressed(cell)}</td>" for cell in others)
        yield f'<tr><th scope="row">{_dressed(first)}</th>{cells}</tr>'
    yield "</tbody>"
    yield "</table>"
    yield "</div>"


def _dressed(cell: Cell) -> str:
    text, dress = cell
    if not text:
        return ""
    if dress == "site":
        return f'<span class="site">{_text(text)}</span>'
    return _code(text) if dress == "code" else _text(text)


def _marked(layer: str, book: Book) -> str:
    return "" if layer == book.layers[0] else f' <span class="site">(of {_text(layer)})</span>'


def _link(table: str) -> str:
    return f'<a href="#table-{_text(table)}">{_code(table)}</a>'


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>"


def _text(text: str) -> str:
    return escape(text, quote=True)
