"""`troughline lint` as an analyst uses it: every mistake of a site at once, and no noise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapter.app.parts import Instructions, read_everything
from adapter.cli import main
from adapter.commands.lint_golden import known_fields
from adapter.knowledge.fake_names import is_fake
from adapter.knowledge.shipped import shipped

HEADER = "sender,code,system,target,label,note\n"
CASE = r"""case: a plain number
mapping: v2/oru_activity.yaml
input: |
  MSH|^~\&|LIS_NORTH|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.5.1
  PID|1||4711^^^HOSP^MR||TEST^PATIENT
  OBR|1|P77|F991|ASPACT^Asparaginase activity^L|||20251103080000
  OBX|1|NM|ASPACT^Asparaginase activity^L||0.42|IU/mL|||||F
expect:
  only:
  - status
  - activity.number
  events:
  - event: ActivityMeasured
    status: final
    activity.number: '0.42'
"""


def asked(capsys, *arguments: str | Path) -> tuple[int, list[str], str]:
    code = main(["lint", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err


@pytest.fixture
def write(tmp_path: Path):
    def write_one(name: str, text: str) -> Path:
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return tmp_path / "site"

    return write_one


def test_the_shipped_files_have_no_fault(capsys):
    clean = "mappings, tables, outputs, golden cases, products and policies are clean"
    assert asked(capsys) == (0, [clean], "")
    example = shipped("config") / "troughline.example.yaml"
    assert asked(capsys, "--config", example) == (0, [f"configuration, {clean}"], "")


@pytest.mark.parametrize(
    ("option", "name", "said"),
    [
        ("--mappings", "nowhere", "not there; name folders with mappings as --mappings."),
        ("--config", "nowhere.yaml", "not there; name a file as --config."),
        (
            "--mappings",
            "a-file",
            "is a file; --mappings takes the folder above tables/, v2/, fhir/, outputs/ and golden/.",
        ),
        ("--config", "a-folder", "is a folder; --config takes the file of the configuration in it (troughline.yaml)."),
    ],
)
def test_what_is_not_there_or_of_the_wrong_kind_cannot_be_checked(capsys, tmp_path, option, name, said):
    (tmp_path / "a-folder").mkdir()
    (tmp_path / "a-file").touch()
    assert asked(capsys, option, tmp_path / name) == (2, [], f"{tmp_path / name}: {said}\n")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (
            "mappings:\n  - site\n  - sight\n",
            3,
            "there is no such folder: {there}/sight; a path counts from the folder",
        ),
        ("mappings: sight\n", 1, "there is no such folder: {there}/sight; a path counts from the folder of this file"),
        ("config: [sight]\n", 1, "there is no such folder: {there}/sight; a path counts from the folder of this file"),
        ("mappings:\n  - site/tables/units.csv\n", 2, "{there}/site/tables/units.csv is a file; name the folder it"),
    ],
)
def test_a_wrong_path_of_the_configuration_is_told_where_it_stands(capsys, write, tmp_path, text, line, said):
    write("tables/units.csv", HEADER)
    config = tmp_path / "troughline.yaml"
    config.write_text(text, encoding="utf-8")
    code, out, _ = asked(capsys, "--config", config)
    assert code == 1
    assert len(out) == 1
    assert out[0].startswith(f"{config}:{line}: {said.format(there=tmp_path)}")
    loaded, faults = read_everything(Instructions(config=str(config)))
    assert (loaded, [str(fault) for fault in faults]) == (None, out)


def test_mistakes_of_configuration_mappings_outputs_and_policies_are_told_in_one_go(capsys, write, tmp_path):
    site = write("tables/units.csv", HEADER + ",xU,*,banana,,\n")
    write(
        "outputs/flag.yaml", (shipped("mappings") / "outputs" / "flag.yaml").read_text().replace("${subject}", "${who}")
    )
    config = tmp_path / "troughline.yaml"
    config.write_text("mappings:\n  - site\npolicies:\n  - CONS61\nhttp:\n  port: many\n", encoding="utf-8")
    code, out, _ = asked(capsys, "--config", config)
    assert code == 1
    assert [line.partition(";")[0] for line in out] == [
        f"{config}:6: 'port' takes a whole number from 0 to 65535",
        f"{site}/outputs/flag.yaml:{_line_of(site / 'outputs/flag.yaml', '${who}')}: nothing fills ${{who}}",
        f"{site}/tables/units.csv:2: 'banana' is not a target of units",
        f"{config}:4: there is no policy 'CONS61'",
    ]


def _line_of(path: Path, text: str) -> int:
    return next(n for n, line in enumerate(path.read_text().splitlines(), start=1) if text in line)


def test_json_tells_line_and_column(capsys, write):
    site = write("tables/units.csv", HEADER + ",xU,*,[IU]/ml,,\n")
    code, out, _ = asked(capsys, "--mappings", site, "--json")
    (fault,) = json.loads("\n".join(out))
    assert code == 1
    assert (fault["file"], fault["line"], fault["column"], fault["severity"]) == (
        f"{site}/tables/units.csv",
        2,
        7,
        "error",
    )
    assert fault["text"].startswith("'[IU]/ml' is not a target of units; did you mean '[IU]/mL'?")


PLANTED = {
    "otherwise: ignore": "otherwise: skip",
    "- OBX-11": "- OBX.11",
    "table: result_status": "table: result_statuses",
    "as: quantity": "as: quantitty",
    "- SPM-17.1": "- SPM-17.3",
    "when status is preliminary": "when state is preliminary",
    "- OBR-14": "- OBR-77",
    "join: lines": "jion: lines",
}


def test_planted_mistakes_are_told_each_once_with_its_line_and_nothing_else(capsys, write):
    text = (shipped("mappings") / "v2" / "oru_activity.yaml").read_text(encoding="utf-8")
    for before, after in PLANTED.items():
        assert before in text
        text = text.replace(before, after, 1)
    site = write("v2/oru_activity.yaml", text)
    file = site / "v2" / "oru_activity.yaml"
    code, out, _ = asked(capsys, "--mappings", site)
    assert code == 1
    assert out == [
        f"{file}:{_line_of(file, word)}: {said}"
        for word, said in {
            "skip": "'skip' is not one of ignore, reject, report",
            "OBX.11": "'OBX.11' is not a path; write SEG-field.component, e.g. OBX-5.2",
            "result_statuses": "there is no table tables/result_statuses.csv; did you mean 'result_status'?",
            "quantitty": (
                "'quantitty' is not one of code, codes, identifier, key, quantity, reference, text, time; "
                "did you mean 'quantity'?"
            ),
            "SPM-17.3": "SPM-17 has 2 components, not 3",
            "when state": "no field is called 'state'; did you mean 'status'?",
            "OBR-77": "HL7 2.5.1 to 2.8.2 have no OBR-77",
            "jion": "'jion' is not a key here; did you mean 'join'?",
        }.items()
    ]


LOCAL = HEADER + ",OUR1,L,asparaginase-activity,,\nLIS_B|*,OUR2,L,asparaginase-activity,,\n,OUR3,LN,not ours,,\n"


@pytest.mark.parametrize(
    ("senders", "warned"),
    [(["LIS_A|*", "LIS_B|*"], True), (["LIS_A|*"], False), (["LIS_A|*", "*|*"], False), ([], False)],
)
def test_a_local_code_of_no_sender_is_warned_of_at_a_site_with_several(capsys, write, tmp_path, senders, warned):
    site = write("tables/activity_tests.csv", LOCAL)
    config = tmp_path / "troughline.yaml"
    listed = "".join(f"  - match: '{sender}'\n" for sender in senders)
    config.write_text(f"mappings:\n  - site\n{'senders:' if senders else ''}\n{listed}", encoding="utf-8")
    code, out, _ = asked(capsys, "--config", config)
    assert code == 0
    said = (
        f"{site}/tables/activity_tests.csv:2: warning: 'OUR1' is a local code, and this site has 2 senders "
        "(LIS_A|*, LIS_B|*): the row counts for all of them; name the one it is of"
    )
    assert (out == [said]) is warned


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("TEST^PATIENT", "ROSSI^TEST", 5, "PID-5 holds a name that is not on the list of made-up names"),
        ("TEST^PATIENT", "TEST^MARIA", 5, "PID-5 holds a name that is not on the list of made-up names"),
        ("activity.number\n  e", "activity.numbr\n  e", 11, "'activity.numbr' is no field of an event; did you mean"),
        ("- status\n", "- state\n", 10, "'state' is no field of an event"),
        ("mapping: v2", "site:\n  assumed_unit: banana\nmapping: v2", 3, "'banana' is no unit of an activity"),
        ("mapping: v2", "site:\n  default_charset: latin-none\nmapping: v2", 3, "'latin-none' is not a character set"),
        (
            "mapping: v2",
            "site:\n  decimal_coma: yes\nmapping: v2",
            3,
            "'decimal_coma' is no setting of a sender; did you",
        ),
        (
            "  only:\n  - status\n  - activity.number\n",
            "  only: status\n",
            9,
            "'only' takes a list of fields; begin each",
        ),
        ("expect:", "expcet:", 8, "'expcet' is no key of a golden case; did you mean 'expect'?"),
    ],
)
def test_a_golden_case_that_would_pass_whatever_comes_out_is_a_fault(capsys, write, before, after, line, said):
    assert before in CASE
    site = write("golden/one.yaml", CASE.replace(before, after))
    code, out, _ = asked(capsys, "--mappings", site)
    assert code == 1
    assert out[0].startswith(f"{site}/golden/one.yaml:{line}: {said}")


def test_the_golden_cases_themselves_are_not_run_with_such_a_fault(capsys, write):
    folder = write("one.yaml", CASE.replace("- status\n", "- state\n"))
    code = main(["test", str(folder)])
    out, err = capsys.readouterr()
    assert (code, out) == (1, "0 golden cases: 1 fault in files\n")
    assert err.startswith(f"{folder}/one.yaml:10: 'state' is no field of an event")


BROKEN = {
    "tables/units.csv": HEADER + ",xU,*,banana,,\n",
    "tables/activity_tests.CSV": HEADER,
    "v2/oru_activity.yaml": (shipped("mappings") / "v2" / "oru_activity.yaml")
    .read_text()
    .replace("OBX-17.1", "OBX-77"),
    "outputs/flag.yaml": (shipped("mappings") / "outputs" / "flag.yaml").read_text().replace("${subject}", "${who}"),
}


@pytest.mark.parametrize("port", ["8081", "many"])
def test_a_start_refuses_what_lint_tells_and_tells_as_much(capsys, write, tmp_path, port):
    for name, text in BROKEN.items():
        write(name, text)
    config = tmp_path / "troughline.yaml"
    config.write_text(
        f"mappings:\n  - site\npolicies:\n  - CONS61\nhttp:\n  port: {port}\n"
        "senders:\n  - match: LIS|*\n    assumed_unit: banana\n",
        encoding="utf-8",
    )
    loaded, faults = read_everything(Instructions(config=str(config)))
    assert loaded is None
    _, out, _ = asked(capsys, "--config", config)
    assert sorted(str(fault) for fault in faults) == sorted(line for line in out if ": warning: " not in line)
    told = " ".join(fault.text for fault in faults)
    assert all(word in told for word in ("'banana'", "small letters", "OBX-77", "${who}", "CONS61"))
    assert ("'port'" in told, "assumed_unit" in told) == (port == "many", True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("TEST^PATIENT", ""),
        (CASE[CASE.index("  MSH") : CASE.index("expect")], "  no message at all\n"),
        ("TEST^PATIENT", "MUSTERMANN^MAX^^^^^L"),
        ("mapping: v2", "site:\n  assumed_unit: IU/L\n  default_charset: 8859/1\nmapping: v2"),
        ("- status\n", "- collected\n  - test.code\n  - reported.unit\n"),
    ],
)
def test_a_golden_case_without_mistakes_is_clean(capsys, write, before, after):
    code, out, _ = asked(capsys, "--mappings", write("golden/one.yaml", CASE.replace(before, after)))
    assert (code, len(out)) == (0, 1)


@pytest.mark.parametrize(
    ("name", "fake"),
    [
        ("TEST^PATIENT", True),
        ("test patient 12", True),
        ("", True),
        ('""', True),
        ("DOE^JANE^A~DEMO", True),
        ("ZZDEMO^ASTER", True),
        ("zzsmith^maria", True),
        ("SMITH^ZZ", False),
        ("SMITH", False),
        ("TEST^PATIENT^SMITH", False),
        ("TESTER^PATIENT", False),
        ("MÜLLER", False),
    ],
)
def test_only_names_of_the_list_are_made_up(name, fake):
    assert is_fake(name) is fake


def test_the_fields_a_case_may_be_about_are_those_of_the_events():
    assert {"status", "activity.number", "reported.text", "test.system", "version.updated"} <= known_fields()
    assert "activity.nothing" not in known_fields()


def test_rows_no_case_reads_are_named_when_asked_for_and_are_no_fault(capsys, write):
    site = write(
        "tables/activity_tests.csv", HEADER + ",OURS,L,asparaginase-activity,,\n,SPARE,L,asparaginase-activity,,\n"
    )
    write("golden/one.yaml", CASE.replace("ASPACT", "OURS").split("expect:")[0])
    write("tables/identifier_systems.csv", HEADER + ",HOSP,*,https://hospital.example/mrn,,\n")
    assert asked(capsys, "--mappings", site)[0] == 0
    code, out, _ = asked(capsys, "--mappings", site, "--unused")
    assert code == 0
    assert out == [f"{site}/tables/activity_tests.csv:3: information: no golden case reads 'SPARE'"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("golden/01.yml", "no test runs this golden case: its name must end in .yaml; rename it 01.yaml"),
        ("golden/01.YAML", "no test runs this golden case: its name must end in .yaml; rename it 01.yaml"),
        ("golden/west/02.yaml", "no test runs this golden case; put it directly into {site}/golden/"),
        ("goldens/01.yaml", "no test runs this golden case; put it into {site}/golden/"),
        ("Golden/01.yml", "no test runs this golden case; put it into {site}/golden/ as 01.yaml"),
        ("cases/01.yaml", "no test runs this golden case; put it into {site}/golden/"),
        ("01.yaml", "no test runs this golden case; put it into {site}/golden/"),
    ],
)
def test_a_golden_case_that_nothing_runs_is_a_fault_for_lint_and_for_test(capsys, write, name, said):
    site = write(name, CASE)
    expected = f"{site}/{name}: {said.format(site=site)}"
    assert asked(capsys, "--mappings", site) == (1, [expected], "")
    code = main(["test", "--mappings", str(site)])
    assert (code, capsys.readouterr().err) == (1, f"{expected}\n")


@pytest.mark.parametrize("before", ["input: >", "input: >-", "input:"])
def test_a_message_whose_lines_run_together_is_a_fault(capsys, write, before):
    site = write("golden/01.yaml", CASE.replace("input: |", before))
    code, out, _ = asked(capsys, "--mappings", site)
    said = "the lines of this message run together into one; write '|' after input:, and the message below it"
    assert (code, out) == (1, [f"{site}/golden/01.yaml:3: {said}"])


@pytest.mark.parametrize("before", ["input: |", "input: |-"])
def test_a_message_whose_lines_stay_is_none(capsys, write, before):
    assert asked(capsys, "--mappings", write("golden/01.yaml", CASE.replace("input: |", before)))[0] == 0


def test_a_misplaced_case_is_told_beside_a_table_with_faults(capsys, write):
    write("tables/units.csv", "sender,code,system,Ziel\n")
    site = write("goldens/01.yaml", CASE)
    assert asked(capsys, "--mappings", site)[:2] == (
        1,
        [
            f"{site}/tables/units.csv:1: the header has no column 'target'",
            f"{site}/goldens/01.yaml: no test runs this golden case; put it into {site}/golden/",
        ],
    )


def test_a_run_tells_the_warnings_of_the_folder_it_reads_with(capsys, write, tmp_path):
    write("tables/units.csv", HEADER)
    site = write("tables/units.xlsx", "")
    message = tmp_path / "message.hl7"
    message.write_text("\r".join(line.strip() for line in CASE.splitlines()[3:7]), encoding="utf-8")
    main(["run", "--mappings", str(site), str(message)])
    said = "warning: nothing reads a spreadsheet; save it as 'CSV UTF-8' under the name tables/units.csv"
    assert capsys.readouterr().err == f"{site}/tables/units.xlsx: {said}\n"


def test_the_folder_of_cases_named_as_the_folder_of_mappings_is_told_with_the_one_above(capsys, write):
    site = write("golden/01.yaml", CASE)
    said = f"{site}/golden/01.yaml: no test runs this golden case; name the folder above: {site}"
    assert asked(capsys, "--mappings", site / "golden") == (1, [said], "")
