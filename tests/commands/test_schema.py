"""The schemas editors check by and the loaders cannot drift apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from json_schema import refused

from adapter.cli import main
from adapter.commands.golden_case import read_case
from adapter.commands.schema import SCHEMAS, as_text, file_of
from adapter.commands.schema_options import NAMES
from adapter.knowledge.mapping_files import read_mapping
from adapter.knowledge.output_files import read_output
from adapter.knowledge.policies import read_config
from adapter.knowledge.policy_files import read_policy
from adapter.knowledge.product_file import read_products
from adapter.knowledge.shipped import shipped
from adapter.knowledge.text_yaml import read_yaml
from adapter.settings import load_settings

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
MOST_DOCUMENTS = 20
MAPPINGS, CONFIG = shipped("mappings"), shipped("config")
TABLES = [path.stem for path in (MAPPINGS / "tables").glob("*.csv")]
MAPPING_FILES = [
    f"{path.parent.name}/{path.name}" for folder in ("v2", "fhir") for path in (MAPPINGS / folder).glob("*.yaml")
]
PRODUCTS = read_config()[0].products
SITE = """
store: here
sources:
  - name: default
    zone: Europe/Rome
mllp:
  - name: default
    port: 2575
    ack_mode: auto
    mllp_release: 1
    heartbeats:
      - NMD^N02
    archive_irrelevant: full
senders:
  - match: LIS_NORTH|*
    decimal_comma: yes
    unsupported: AE
    assumed_unit: IU/mL
http:
  host: 127.0.0.1
  port: 8080
targets:
  - name: hospital
    url: https://fhir.hospital.example/r4
    delivery: shadow
    monitor_from: 2025-01-01
    auth:
      kind: bearer
      secret_environment: HOSPITAL_FHIR_TOKEN
    literal_sources:
      - default
policies:
  - CONS16
drafts: no
archive_days: 90
"""


def accepted_mapping(text: str, _folder: Path) -> bool:
    document, _ = read_yaml(text, "a.yaml")
    return document is not None and read_mapping(document, TABLES)[0] is not None


def accepted_output(text: str, _folder: Path) -> bool:
    document, _ = read_yaml(text, "a.yaml")
    return document is not None and read_output(document)[0] is not None


def accepted_golden(text: str, folder: Path) -> bool:
    path = folder / "case.yaml"
    path.write_text(text, encoding="utf-8")
    return read_case(path, "case.yaml", MAPPING_FILES)[0] is not None


def accepted_site(text: str, folder: Path) -> bool:
    path = folder / "troughline.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path)[0] is not None


def accepted_policy(text: str, _folder: Path) -> bool:
    document, _ = read_yaml(text, "a.yaml")
    return document is not None and read_policy(document, PRODUCTS, None)[0] is not None


def accepted_products(text: str, _folder: Path) -> bool:
    document, _ = read_yaml(text, "a.yaml")
    return document is not None and not [f for f in read_products(document)[1] if f.severity == "error"]


LOADERS: dict[str, Callable[[str, Path], bool]] = {
    "mapping": accepted_mapping,
    "output": accepted_output,
    "golden": accepted_golden,
    "site": accepted_site,
    "policy": accepted_policy,
    "products": accepted_products,
}


def texts_of(folder: Path, pattern: str) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(folder.glob(pattern))]


SHIPPED: dict[str, list[str]] = {
    "mapping": [*texts_of(MAPPINGS, "v2/*.yaml"), *texts_of(MAPPINGS, "fhir/*.yaml")],
    "output": texts_of(MAPPINGS, "outputs/*.yaml"),
    "golden": texts_of(MAPPINGS, "golden/*.yaml"),
    "site": [SITE, *texts_of(CONFIG, "troughline.example.yaml")],
    "policy": texts_of(CONFIG, "policies/*.yaml"),
    "products": texts_of(CONFIG, "products.yaml"),
}


def as_editor(text: str) -> Any:
    """The document with the types an editor gives its scalars."""
    return _plain(yaml.load(text, Loader=LOADER))  # noqa: S506 - a safe one, in C where there is one


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case date():
            return value.isoformat()
        case _:
            return value


def as_loader(text: str) -> Any:
    """The document with every scalar a text."""
    document, _ = read_yaml(text, "a.yaml")
    assert document is not None
    return document.data


@pytest.mark.parametrize("name", list(SHIPPED))
def test_every_shipped_file_is_accepted_by_its_schema(name):
    schema = SCHEMAS[name]()
    assert SHIPPED[name]
    for text in SHIPPED[name]:
        assert refused(as_editor(text), schema) == []
        assert refused(as_loader(text), schema) == []


@pytest.mark.parametrize("name", list(SHIPPED))
def test_the_shipped_schema_is_the_one_the_code_makes(name):
    assert file_of(CONFIG / "schemas", name).read_text(encoding="utf-8") == as_text(SCHEMAS[name]())


def test_there_is_a_schema_for_each_name():
    assert tuple(SCHEMAS) == NAMES
    assert sorted(path.name for path in (CONFIG / "schemas").iterdir()) == sorted(
        f"{name}.schema.json" for name in NAMES
    )


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


WORDS = st.sampled_from(
    [
        "",
        "x",
        "always",
        "no",
        "yes",
        "1",
        "0",
        "-1",
        "OBX-5",
        "OBX-5.2",
        "OBX",
        "time",
        "code",
        "text",
        "units",
        "lines",
        "60 minutes",
        "when status is final",
        "ORU^R01",
        "status",
        "CONS16",
        "fhir",
        "ActivityMeasured",
        "h",
        "AA",
        "AR",
    ]
)


@st.composite
def mutated(draw, data: Any):
    """A document with one or two places taken out, renamed or replaced."""
    made = deepcopy(data)
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(places(made)[1:] or [()]))
        if not place:
            return made
        parent = made
        for step in place[:-1]:
            parent = parent[step]
        last = place[-1]
        match draw(st.sampled_from(["remove", "rename", "word", "list", "block", "twice"])):
            case "remove":
                del parent[last]
            case "rename" if isinstance(parent, dict):
                parent[
                    draw(st.sampled_from([f"{last}x", "default", "table", "join", "note", "near", "from", "as"]))
                ] = parent.pop(last)
            case "list":
                parent[last] = [parent[last]]
            case "block":
                parent[last] = {"text": parent[last]}
            case "twice" if isinstance(parent, list):
                parent.insert(last, deepcopy(parent[last]))
            case _:
                parent[last] = draw(WORDS)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SHIPPED))
def test_what_the_schema_refuses_the_loader_refuses(name, tmp_path_factory):
    folder = tmp_path_factory.mktemp(name)
    schema = SCHEMAS[name]()
    documents = [as_loader(text) for text in SHIPPED[name][-MOST_DOCUMENTS:]]

    @settings(max_examples=60, deadline=None)
    @given(st.sampled_from(range(len(documents))).flatmap(lambda number: mutated(documents[number])))
    def always(document):
        wrong = refused(document, schema)
        if wrong:
            text = yaml.dump(document, Dumper=DUMPER, sort_keys=False, allow_unicode=True)
            assert not LOADERS[name](text, folder), (wrong, text)

    always()


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        ("as: quantity", "as: quantitty", "/fields/activity/as: enum"),
        ("otherwise: ignore", "otherwise: skip", "/select/otherwise: anyOf"),
        ("from: OBX-5\n", "from: OBX.5\n", "/fields/activity/from: anyOf"),
        ("must_agree: 60 minutes", "must_agree: an hour", "/fields/collected/must_agree: anyOf"),
        ("  status:\n", "  state:\n", "/fields/state: additionalProperties"),
        ("    join: lines\n", "    jion: lines\n", "/fields/comment/jion: additionalProperties"),
        ("event: ActivityMeasured", "event: Measured", "/event: enum"),
        ("for_each: OBX", "for_each: OBR", "/for_each: anyOf"),
    ],
)
def test_a_slip_is_marked_while_it_is_typed(before, after, place):
    text = (MAPPINGS / "v2" / "oru_activity.yaml").read_text(encoding="utf-8")
    assert before in text
    assert refused(as_editor(text.replace(before, after, 1)), SCHEMAS["mapping"]()) == [place]


def test_every_setting_is_completed_with_its_meaning():
    site = SCHEMAS["site"]()
    sender = site["properties"]["senders"]["anyOf"][0]["items"]["properties"]
    assert sender["match"]["description"] == "`MSH-3|MSH-4`, either part `*`."
    assert {"AE", "AA"} == set(sender["content_errors"]["anyOf"][0]["enum"])


def test_the_first_line_of_each_shipped_mapping_names_its_schema():
    for folder, name in (("v2", "mapping"), ("fhir", "mapping"), ("outputs", "output")):
        for path in (MAPPINGS / folder).glob("*.yaml"):
            first = path.read_text(encoding="utf-8").split("\n", 1)[0]
            assert first == f"# yaml-language-server: $schema=../../config/schemas/{name}.schema.json"
            assert (path.parent / first.partition("=")[2]).resolve().is_file()


def test_a_schema_is_printed(capsys):
    assert main(["schema", "mapping"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMAS["mapping"]()


def test_all_schemas_are_written_into_a_folder(tmp_path, capsys):
    folder = tmp_path / "new" / "schemas"
    assert main(["schema", "--out", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{folder}/{name}.schema.json" for name in NAMES]
    assert main(["schema", "golden", "--out", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{folder}/golden.schema.json"]
    assert json.loads((folder / "site.schema.json").read_text(encoding="utf-8"))["title"] == "Configuration of a site"


def test_a_schema_that_cannot_be_written_or_chosen_is_told(tmp_path, capsys):
    (tmp_path / "taken").write_text("", encoding="utf-8")
    assert main(["schema", "--out", str(tmp_path / "taken")]) == 2
    assert capsys.readouterr() == ("", f"{tmp_path}/taken cannot be written: File exists.\n")
    assert main(["schema"]) == 2
    assert capsys.readouterr().err.startswith(
        "Name a schema to print (mapping, output, golden, site, policy, products)"
    )
