"""`troughline doc`: the mapping as a page, a spreadsheet and JSON, whole and with nothing from outside."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from adapter.cli import main
from adapter.commands.doc_book import book_of
from adapter.commands.doc_csv import COLUMNS, as_csv
from adapter.commands.doc_html import as_html
from adapter.commands.doc_outputs import SHOWN, shown_in
from adapter.knowledge.event_fields import EVENT_FIELDS
from adapter.knowledge.load import load_knowledge, read_folders
from adapter.writeback.offered import OFFERED

GOLDEN = Path(__file__).parent / "golden"
HEADER = "sender,code,system,target,label,note\n"
LIMITS = "sender,code,system,method,lloq,unit,note\n,ASP,L,Kit,0.03,IU/mL,letter\n"
MAPPING = """\
mapping: oru-activity
version: 3
event: ActivityMeasured
input:
  format: hl7v2
  messages:
    - ORU^R01
for_each: OBX
select:
  code: OBX-3
  table: activity_tests
  near:
    - asparagin
fields:
  patient:
    from: PID-3(*)
    as: identifier
    table: identifier_systems
  key:
    from: OBR-3 + (test) + OBX-4
    as: key
  test:
    from: OBX-3
    as: code
    table: activity_tests
  status:
    from: OBX-11
    as: code
    table: result_status
  activity:
    from: OBX-5
    type: OBX-2
    unit: OBX-6
    as: quantity
    table: units
  collected:
    from:
      - SPM-17.1
      - ZAB-2
    as: time
    must_agree: 2 hours
    required: when status is final, corrected
  comment:
    from: NTE-3(*)
    join: lines
    default: none
not_needed:
  - path: PID-5
    why: the name is <not> needed & never kept
"""
OUTPUT = """\
output: observation-activity
version: 2
resource:
  resourceType: Observation
  effectiveDateTime: ${collected}
  note:
    - text: ${notes.text}
"""


@pytest.fixture
def reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "mappings/v2/oru.yaml": MAPPING,
        "mappings/outputs/activity.yaml": OUTPUT,
        "mappings/tables/activity_tests.csv": HEADER + ",ASP,L,asparaginase-activity,Activity,\n",
        "mappings/tables/result_status.csv": HEADER + ",F,*,final,Final,\n",
        "mappings/tables/units.csv": HEADER + ",IU/mL,*,[IU]/mL,,\n",
        "mappings/tables/identifier_systems.csv": HEADER,
        "site/tables/activity_tests.csv": HEADER + "LIS|*,=1+1,L,not ours,A & B,<script>\n",
        "site/tables/quantification_limits.csv": LIMITS,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = read_folders([Path("site")], Path("mappings"))
    assert [fault.severity for fault in found.faults] == ["warning"]  # a code that a spreadsheet would work out
    return found


@pytest.mark.parametrize(("write", "name"), [(as_html, "doc.html"), (as_csv, "doc.csv")])
def test_the_written_mapping_is_the_golden_one(reading, write, name):
    book = book_of(reading, [Path("site")], product="1.2.3")
    assert write(book) == (GOLDEN / name).read_text(encoding="utf-8")


class Page(HTMLParser):
    """What stands in a page, and whether its elements close."""

    VOID = ("meta", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.words.append(data.strip())


def page_of(capsys, *arguments: str) -> Page:
    assert main(["doc", *arguments]) == 0
    page = Page()
    page.feed(capsys.readouterr().out)
    assert page.open == []
    return page


def test_the_page_needs_nothing_from_outside_and_runs_nothing(capsys):
    page = page_of(capsys)
    assert {tag for tag, _ in page.seen} == {
        *("html", "head", "meta", "title", "style", "body", "header", "nav", "main", "h1", "h2", "h3", "p", "ul", "li"),
        *("a", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "code"),
    }
    attributes = {name for _, attrs in page.seen for name in attrs}
    assert attributes == {
        "lang",
        "charset",
        "name",
        "content",
        "id",
        "href",
        "class",
        "scope",
        "aria-label",
        "role",
        "tabindex",
    }
    links = [attrs["href"] for tag, attrs in page.seen if tag == "a"]
    ids = {attrs["id"] for _, attrs in page.seen if "id" in attrs}
    assert links
    assert {link[1:] for link in links if link and link.startswith("#")} == {link[1:] for link in links if link} <= ids
    assert "url(" not in " ".join(page.words)
    assert "@import" not in " ".join(page.words)


def test_every_table_of_the_page_has_a_caption_and_headings_with_a_scope(capsys):
    page = page_of(capsys)
    tables = sum(tag == "table" for tag, _ in page.seen)
    assert tables == sum(tag == "caption" for tag, _ in page.seen)
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in page.seen if tag == "th")
    levels = [int(tag[1]) for tag, _ in page.seen if tag in ("h1", "h2", "h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_every_field_place_and_row_of_the_shipped_mappings_is_written_down(capsys):
    assert main(["doc", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    knowledge, _ = load_knowledge()
    assert knowledge is not None
    assert list(rows[0]) == list(COLUMNS)
    fields = {(row["event"], row["out-field"], row["in-field"]) for row in rows if row["kind"] == "field"}
    assert fields == {
        (mapping.event, spec.name, path)
        for mapping in knowledge.mappings
        for spec in mapping.fields
        for path in (*spec.paths, spec.type_path, spec.unit_path)
        if path
    }
    left = [(row["event"], row["in-field"], row["note"]) for row in rows if row["kind"] == "not needed"]
    assert sorted(left) == sorted((m.event, path, why) for m in knowledge.mappings for path, why in m.not_needed)
    codes = [(row["table"], row["sender"], row["system"], row["target"]) for row in rows if row["kind"] == "code"]
    assert codes == [(t.name, r.sender, r.system, r.target) for t in knowledge.tables.values() for r in t.rows]


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("SPM-17.1", "Specimen collection date time: range start date time"),
        ("PID-3(*)", "Patient identifier list"),
        ("OBR-3 + (test) + OBX-4", "Filler order number + test + Observation sub id"),
        ("OBX-21", "Observation instance identifier"),
        ("OBX-23.1", "Performing organization name: organization name"),
    ],
)
def test_places_have_the_names_of_hl7(capsys, place, name):
    assert main(["doc", "--csv"]) == 0
    rows = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert {row["in-name"] for row in rows if row["in-field"] == place} == {name}


def test_every_output_element_that_is_named_is_one_a_template_fills():
    knowledge, _ = load_knowledge()
    assert knowledge is not None
    for (event, field), places in SHOWN.items():
        assert field in EVENT_FIELDS[event]
        for template, word in places:
            assert word in OFFERED[template]
        assert len(shown_in(event, field, knowledge.outputs)) >= len({template for template, _ in places})
    assert shown_in("ActivityMeasured", "collected", knowledge.outputs)[0] == (
        "Observation.effectiveDateTime (observation-activity)"
    )
    assert shown_in("PremedicationGiven", "role", knowledge.outputs) == (
        "Observation.component[premedicated].valueBoolean (observation-interpretation)",
    )


def test_rows_of_a_site_are_marked_as_its_own(capsys, tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "units.csv").write_text(HEADER + ",blorps,*,[IU]/mL,,letter\n", encoding="utf-8")
    page = page_of(capsys, "--mappings", str(tmp_path))
    marked = [number for number, (tag, attrs) in enumerate(page.seen) if attrs.get("class") == "site"]
    assert len(marked) == 1
    assert f"{tmp_path.as_posix()}, line 2" in page.words
    assert main(["doc", "--json", "--mappings", str(tmp_path)]) == 0
    book = json.loads(capsys.readouterr().out)
    (units,) = [table for table in book["tables"] if table["name"] == "units"]
    assert {row["layer"] for row in units["entries"]} == {"mappings", tmp_path.as_posix()}
    knowledge, _ = load_knowledge([tmp_path])
    assert knowledge is not None
    assert book["hash"] == knowledge.hash


def test_a_folder_gets_the_page_and_the_spreadsheet(capsys, tmp_path):
    folder = tmp_path / "report"
    assert main(["doc", "--out", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{folder}/mapping.html", f"{folder}/mapping.csv"]
    assert (folder / "mapping.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "name", "start"),
    [
        ([], "a.csv", "\ufeffkind,input"),
        ([], "a.html", "<!DOCTYPE"),
        ([], "a.JSON", "{"),
        (["--csv"], "a.txt", "\ufeffkind,input"),
    ],
)
def test_the_ending_of_a_file_tells_its_form_and_a_spreadsheet_opens_it_right(tmp_path, arguments, name, start):
    assert main(["doc", *arguments, "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)


def test_what_cannot_be_written_is_told(capsys, tmp_path):
    assert main(["doc", "--out", str(tmp_path / "a.docx")]) == 2
    assert capsys.readouterr() == ("", f"{tmp_path}/a.docx: name a file ending in .html, .csv or .json, or a folder.\n")
    (tmp_path / "taken").write_text("", encoding="utf-8")
    assert main(["doc", "--out", str(tmp_path / "taken" / "a.csv")]) == 2
    assert capsys.readouterr().err.endswith("cannot be written: File exists.\n")
    assert main(["doc", "--mappings", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err == f"{tmp_path}/nowhere: no such folder; name folders with mappings.\n"


def test_mappings_with_a_mistake_are_not_written_down(capsys, tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "units.csv").write_text(HEADER + ",xU,*,banana,,\n", encoding="utf-8")
    assert main(["doc", "--mappings", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{tmp_path}/tables/units.csv:2: 'banana' is not a target of units")
