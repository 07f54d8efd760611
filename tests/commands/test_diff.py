"""`troughline diff` as an analyst calls it before a change of tables goes live."""

from __future__ import annotations

import io
import json
import shutil
import sys

import hospital
import pytest
from versions_of_mappings import HEADER, LEVEL, asked, fields, messages, site_tables, told

from adapter.app.versions import policies_hash
from adapter.cli import _parser, main
from adapter.commands import diff
from adapter.knowledge.policies import load_rulebook
from adapter.knowledge.shipped import shipped

MRN = "https://hospital.example/mrn|900001"
DOSE = "MedicationAdministration/dose-900001-1"
SAMPLE = "HOSP/F1^HOSPLAB/asparaginase-activity/"
NOTHING_TO_COMPARE = "the same mappings and policies: nothing to compare"


@pytest.fixture
def corpus(tmp_path):
    return messages(tmp_path / "corpus")


@pytest.fixture
def old(tmp_path):
    return site_tables(tmp_path / "old")


@pytest.fixture
def new(tmp_path):
    return tmp_path / "new"


def test_a_changed_unit_row_is_told_field_by_field_and_down_to_the_finding(corpus, old, new, capsys):
    site_tables(new, unit="[IU]/mL")
    code, result = told(capsys, "--from", old, "--mappings", new, corpus)
    (message,), (patient,) = result["messages"], result["patients"]
    assert code == 1
    assert (message["file"], message["message"], message["control_id"], message["weight"]) == (
        f"{corpus}/30-laboratory.hl7",
        2,
        "A1",
        "otherwise",
    )
    assert {path: pair for path, pair in fields(message).items() if not path.startswith("problems")} == {
        "activity.low": ("0.620", "620"),
        "activity.high": ("0.620", "620"),
        "activity.number": ("0.620", "620"),
        "activity.factor": ("0.001", "1"),
    }
    assert [path for path in fields(message) if path.startswith("problems")] == ["problems[value-implausible OBX[1]-5]"]
    (finding,) = patient["findings"]
    verdicts = [(finding[side]["exposure"], finding[side]["mechanism"]) for side in ("before", "after")]
    assert (patient["patient"], finding["key"], finding["weight"]) == (MRN, DOSE, "turned")
    assert verdicts == [("adequate", "no-evidence-of-inactivation"), ("indeterminate", "not-assessable")]
    assert fields(finding)[f"samples[{SAMPLE}].value"] == ("0.620", "620")
    assert [(one["kind"], one["change"], one["before"], one["after"]) for one in patient["resources"]] == [
        ("interpretation", "changed", "preliminary", "preliminary"),
        ("activity", "changed", "final", "final"),
        ("flag data-check", "added", None, "active"),
        ("flag tdm-overdue", "added", None, "active"),
    ]


def test_the_page_has_the_summary_first_and_both_versions_under_it(corpus, old, new, capsys):
    site_tables(new, unit="[IU]/mL")
    code, out, err = asked(capsys, "--from", old, "--mappings", new, corpus)
    lines = out.splitlines()
    _, tree = told(capsys, "--from", old, "--mappings", new, corpus)
    assert (code, err) == (1, "")
    counted = ("activity.factor", "activity.high", "activity.low", "activity.number", "problems.value-implausible")
    assert lines[:2] == [
        f"1 of 4 messages changes: {', '.join(f'1 {field}' for field in counted)}",
        "  1 read otherwise",
    ]
    assert lines[3] == "  1 verdict or Flag turned"
    assert lines[5].startswith(f"from  {old}: mappings {tree['from']['mappings']}, policies ")
    assert lines[6].startswith(f"to    now: mappings {tree['to']['mappings']}, policies ")
    named = f"read otherwise: {corpus}/30-laboratory.hl7, message 2: ORU^R01, control id A1, from HOSPLAB|HOSP"
    at = lines.index(named)
    assert lines[at + 1 : at + 7] == [
        "  problems[value-implausible OBX[1]-5]: added (warning)",
        f"  ActivityMeasured {SAMPLE}",
        "    activity.low: '0.620' -> '620'",
        "    activity.high: '0.620' -> '620'",
        "    activity.number: '0.620' -> '620'",
        "    activity.factor: '0.001' -> '1'",
    ]
    assert f"    samples[{SAMPLE}].value: '0.620' -> '620'" in lines


@pytest.fixture
def withdrawn(corpus, old, new):
    """A level with a status of the site's own, which its earlier tables read as final; the dose is known or not."""
    site_tables(new)
    raw = hospital.oru("A1", **LEVEL).replace(b"||||F\r", b"||||Q\r")
    assert b"||||Q\r" in raw
    (corpus / "30-laboratory.hl7").write_bytes(raw)
    for folder, means in ((old, "final"), (new, "cancelled")):
        (folder / "tables" / "result_status.csv").write_text(f"{HEADER},Q,*,{means},,\n")


@pytest.mark.slow
@pytest.mark.usefixtures("withdrawn")
@pytest.mark.parametrize("with_dose", [True, False])
@pytest.mark.parametrize("means", ["cancelled", "entered-in-error"])
def test_a_level_that_goes_with_its_status_is_withdrawn_and_not_lost(corpus, old, new, capsys, with_dose, means):
    (new / "tables" / "result_status.csv").write_text(f"{HEADER},Q,*,{means},,\n")
    if not with_dose:
        (corpus / "20-dose.json").unlink()
    code, result = told(capsys, "--from", old, "--mappings", new, corpus)
    (message,), (patient,) = result["messages"], result["patients"]
    assert (code, message["weight"], patient["weight"]) == (1, "withdrawn", "withdrawn")
    assert {row["weight"] for row in patient["findings"]} == {"withdrawn"}
    assert (result["summary"]["weights"]["lost"], result["summary"]["patient_weights"]["lost"]) == (0, 0)
    assert "activity.comparator" not in result["summary"]["fields"]
    _, back = told(capsys, "--from", new, "--mappings", old, corpus)
    assert [one["weight"] for one in (*back["messages"], *back["patients"])] == ["new", "new"]


@pytest.mark.usefixtures("withdrawn")
def test_a_dose_that_is_ours_no_longer_is_lost_though_its_level_is_withdrawn(corpus, old, new, capsys):
    (new / "tables" / "asparaginase_products.csv").write_text(f"{HEADER},OTHER,*,pegaspargase,,\n")
    _, result = told(capsys, "--from", old, "--mappings", new, corpus)
    (patient,) = result["patients"]
    assert patient["weight"] == "lost"


@pytest.mark.usefixtures("withdrawn")
def test_the_page_says_a_missing_window_in_words_and_counts_one_as_one(corpus, old, new, capsys):
    (corpus / "20-dose.json").unlink()
    _, out, _ = asked(capsys, "--from", old, "--mappings", new, corpus)
    lines = out.splitlines()
    assert lines[0].startswith("1 of 2 messages changes: ")
    assert lines[1] == "  1 withdrawn by its status"
    assert lines[2].startswith("1 patient changes: ")
    assert lines[3] == "  1 finding withdrawn with its result"
    assert (
        f"  finding {SAMPLE}: indeterminate / not-assessable / no sampling window [no-dose-known] -> no-result / "
        "not-assessable / no sampling window [specimen-quality, no-dose-known]"
    ) in lines
    assert "None" not in out
    assert "nothing -> nothing" not in out


@pytest.mark.slow
def test_the_page_says_when_the_later_side_has_the_tables_of_the_demo(corpus, old, new, capsys):
    site_tables(new, unit="[IU]/mL")
    sentence = "      now has the shipped tables with those of the demo: neither --mappings nor --config FILE was named"
    _, bare, _ = asked(capsys, "--from", old, corpus)
    _, named, _ = asked(capsys, "--from", old, "--mappings", new, corpus)
    assert [line for line in bare.splitlines() if line.startswith(("from", "to", sentence))][-1] == sentence
    assert sentence not in named
    assert told(capsys, "--from", old, corpus)[1]["to"]["demo"] is True


def test_policies_have_the_hash_that_status_and_reload_show(corpus, old, capsys):
    rulebook, _ = load_rulebook([])
    assert rulebook is not None
    _, result = told(capsys, "--from", old, corpus)
    assert result["to"]["policies"] == policies_hash(rulebook)


def test_a_renamed_code_loses_the_level_one_way_and_wins_it_the_other(corpus, old, new, capsys):
    site_tables(new, code="ASPX")
    _, lost = told(capsys, "--from", old, "--mappings", new, corpus)
    _, won = told(capsys, "--from", new, "--mappings", old, corpus)
    assert [one["weight"] for one in (*lost["messages"], *won["messages"])] == ["lost", "new"]
    assert [one["weight"] for one in (*lost["patients"], *won["patients"])] == ["lost", "new"]
    assert fields(lost["messages"][0])["relevance"] == ("relevant", "near-miss")
    assert fields(won["messages"][0])["relevance"] == ("near-miss", "relevant")
    assert (lost["messages"][0]["changes"][-1]["change"], won["messages"][0]["changes"][-1]["change"]) == (
        "gone",
        "added",
    )
    assert lost["messages"][0]["changes"][-1]["before"]["key"] == SAMPLE


def test_the_most_harmful_stands_first_whatever_its_place_in_the_corpus(corpus, old, new, capsys):
    site_tables(new, unit="[IU]/mL", code="ASPX")
    rows = (new / "tables" / "activity_tests.csv").read_text()
    (new / "tables" / "activity_tests.csv").write_text(f"{rows}HOSPLAB|HOSP,ASPACT,L,asparaginase-activity,,\n")
    other = hospital.oru("A9", mrn="900009", filler="F9").replace(b"|HOSPLAB|HOSP|", b"|OTHER|HOSP|")
    (corpus / "40-other.hl7").write_bytes(other)
    _, result = told(capsys, "--from", old, "--mappings", new, corpus)
    assert [(one["control_id"], one["weight"]) for one in result["messages"]] == [("A9", "lost"), ("A1", "otherwise")]
    assert [one["weight"] for one in result["patients"]] == ["lost", "turned"]


def test_a_message_that_begins_to_be_refused_counts_as_lost(corpus, old, new, capsys):
    site_tables(new, unit=None)
    _, result = told(capsys, "--from", old, "--mappings", new, corpus)
    (message,) = result["messages"]
    assert message["weight"] == "lost"
    assert fields(message)["answer.code"] == ("AA", "AE")
    assert result["summary"]["fields"]["answer.code"] == 1


def test_a_note_beside_a_row_changes_the_hash_and_nothing_else(corpus, old, new, capsys):
    site_tables(new, note="asked the laboratory")
    code, result = told(capsys, "--from", old, "--mappings", new, corpus)
    assert code == 0
    assert result["from"]["mappings"] != result["to"]["mappings"]
    assert (result["same"], result["read"], result["relevant"]) == (False, 4, 3)
    assert (result["messages"], result["patients"]) == ([], [])
    _, out, _ = asked(capsys, "--from", old, "--mappings", new, corpus)
    assert out.splitlines()[:2] == ["0 of 4 messages change", "0 patients change"]


def test_an_edit_of_a_comment_leaves_nothing_to_compare(corpus, old, new, capsys):
    site_tables(new)
    for folder, comment in ((old, ""), (new, "# the laboratory said so\n")):
        (folder / "v2").mkdir()
        mapping = (shipped("mappings") / "v2" / "oru_activity.yaml").read_text()
        (folder / "v2" / "oru_activity.yaml").write_text(comment + mapping)
    code, out, _ = asked(capsys, "--from", old, "--mappings", new, corpus)
    assert (code, out.splitlines()[0]) == (0, NOTHING_TO_COMPARE)
    assert told(capsys, "--from", old, "--mappings", new, corpus)[1]["same"] is True


def policies(folder, text=lambda policy: policy):
    (folder / "policies").mkdir(parents=True)
    policy = (shipped("config") / "policies" / "cons16.yaml").read_text()
    (folder / "policies" / "cons16.yaml").write_text(text(policy))
    return folder


def test_a_changed_threshold_changes_findings_and_no_message(corpus, old, tmp_path, capsys):
    before = policies(tmp_path / "before")
    after = policies(tmp_path / "after", raised)
    code, result = told(capsys, "--from", before, "--config", after, "--mappings", old, corpus)
    ((finding,),) = (patient["findings"] for patient in result["patients"])
    assert (code, result["messages"]) == (1, [])
    assert (finding["before"]["exposure"], finding["after"]["exposure"]) == ("adequate", "inadequate")


def raised(policy):
    """The policy with 0.70 in place of each threshold."""
    for number, higher in (("0.10", "0.70"), ("0.090", "0.690"), ("0.110", "0.710")):
        assert f"value: {number}" in policy
        policy = policy.replace(f"value: {number}", f"value: {higher}")
    return policy


def test_an_edit_of_a_comment_in_a_policy_leaves_nothing_to_compare(corpus, old, tmp_path, capsys):
    before = policies(tmp_path / "before")
    after = policies(tmp_path / "after", lambda text: f"# as agreed\n{text}")
    code, out, _ = asked(capsys, "--from", before, "--config", after, "--mappings", old, corpus)
    assert (code, out.splitlines()[0]) == (0, NOTHING_TO_COMPARE)


def test_a_folder_of_policies_leaves_the_demo_where_no_mappings_are_named(corpus, tmp_path, capsys):
    (corpus / "30-laboratory.hl7").write_bytes(hospital.oru("A1", value="0.62"))
    before = policies(tmp_path / "before")
    after = policies(tmp_path / "after", raised)
    _, result = told(capsys, "--from", before, "--config", after, corpus)
    ((finding,),) = (patient["findings"] for patient in result["patients"])
    assert (finding["before"]["exposure"], finding["after"]["exposure"]) == ("adequate", "inadequate")


def test_one_policy_can_be_compared_with_another(corpus, old, capsys):
    code, result = told(capsys, "--from-policy", "CONS16", "--policy", "AIEOP09", "--mappings", old, corpus)
    ((finding,),) = (patient["findings"] for patient in result["patients"])
    assert (code, result["messages"], result["from"]["name"]) == (1, [], "CONS16")
    assert fields(finding)["policy"] == ("CONS16@1", "AIEOP09@1")


def test_a_policy_counts_for_both_sides_unless_the_earlier_one_has_its_own(corpus, old, new, capsys):
    site_tables(new, note="another hash")
    _, both = told(capsys, "--from", old, "--mappings", new, "--policy", "AIEOP09", corpus)
    assert both["from"]["chosen"] == both["to"]["chosen"]
    assert "AIEOP09" in both["to"]["chosen"]
    _, each = told(capsys, "--from", old, "--from-policy", "CONS16", "--mappings", new, "--policy", "AIEOP09", corpus)
    assert ("CONS16" in each["from"]["chosen"], "CONS16" in each["to"]["chosen"]) == (True, False)
    assert each["from"]["name"] == f"{old}, CONS16"


@pytest.mark.slow
def test_an_overlay_alone_takes_the_place_of_the_demo(corpus, old, capsys):
    (corpus / "30-laboratory.hl7").write_bytes(hospital.oru("A1", value="0.62"))
    (old / "tables" / "activity_tests.csv").write_text(HEADER)
    code, result = told(capsys, "--from", old, corpus)
    assert (code, [one["weight"] for one in result["messages"]]) == (1, ["new"])


def test_a_whole_copy_takes_the_place_of_the_shipped_mappings(corpus, tmp_path, capsys):
    (corpus / "30-laboratory.hl7").write_bytes(hospital.oru("A1", value="0.62", unit="U/mL"))
    whole = tmp_path / "earlier"
    shutil.copytree(shipped("mappings"), whole)
    units = (whole / "tables" / "units.csv").read_text()
    (whole / "tables" / "units.csv").write_text("".join(row for row in units.splitlines(True) if ",U/mL," not in row))
    code, result = told(capsys, "--from", whole, corpus)
    assert (code, fields(result["messages"][0])["answer.code"]) == (1, ("AE", "AA"))
    later = tmp_path / "later"
    shutil.copytree(shipped("mappings"), later)
    _, between = told(capsys, "--from", whole, "--mappings", later, corpus)
    assert between["messages"] == result["messages"]


def test_a_copy_of_a_checkout_brings_its_mappings_and_its_policies(corpus, old, tmp_path, capsys):
    checkout = tmp_path / "checkout"
    shutil.copytree(shipped("mappings"), checkout / "mappings")
    shutil.copytree(shipped("config"), checkout / "config")
    policy = checkout / "config" / "policies" / "cons16.yaml"
    policy.write_text(raised(policy.read_text()))
    _, result = told(capsys, "--from", checkout, "--mappings", old, corpus)
    ((finding,),) = (patient["findings"] for patient in result["patients"])
    assert (result["messages"], result["from"]["mappings"]) == ([], result["to"]["mappings"])
    assert (finding["before"]["exposure"], finding["after"]["exposure"]) == ("inadequate", "adequate")


def site(folder, *, zone="UTC", secret=True, **tables):
    """The folder a site keeps everything in: its configuration, and its mappings beside it."""
    site_tables(folder / "tables-of-ours", **tables)
    token = "http:\n  token_file: token\n" if secret else ""
    if secret:
        (folder / "token").write_text("secret")
    config = folder / "site.yaml"
    config.write_text(f"mappings:\n- tables-of-ours\nsources:\n- name: default\n  zone: {zone}\n{token}")
    return config


def test_a_copy_of_a_site_is_read_by_its_own_configuration_and_needs_no_secrets(corpus, tmp_path, capsys):
    now = site(tmp_path / "now", unit="[IU]/mL")
    site(tmp_path / "before", zone="Europe/Rome")
    (tmp_path / "before" / "token").unlink()
    _, result = told(capsys, "--from", tmp_path / "before", "--config", now, corpus)
    assert fields(result["messages"][0])["activity.factor"] == ("0.001", "1")
    assert result["from"]["settings"] != result["to"]["settings"]


def test_several_overlays_are_told_apart_by_their_names(corpus, tmp_path, new, capsys):
    extra = tmp_path / "extra"
    (extra / "tables").mkdir(parents=True)
    (extra / "tables" / "units.csv").write_text(f"{HEADER},nothing,*,[IU]/mL,,\n")
    site_tables(new, unit="[IU]/mL")
    site_tables(tmp_path / "kept" / "new")
    overlays = ("--mappings", new, "--mappings", extra)
    _, result = told(capsys, "--from", tmp_path / "kept" / "new", *overlays, corpus)
    assert fields(result["messages"][0])["activity.factor"] == ("0.001", "1")
    assert told(capsys, "--from", tmp_path / "kept", *overlays, corpus)[1]["messages"] == result["messages"]
    site_tables(tmp_path / "unnamed")
    code, out, err = asked(capsys, "--from", tmp_path / "unnamed", *overlays, corpus)
    assert (code, out) == (2, "")
    assert f"could be an earlier copy of any of {new}, {extra}" in err


def test_a_message_on_standard_input_and_files_of_any_name_are_read(old, new, tmp_path, monkeypatch, capsys):
    site_tables(new, unit=None)
    level = hospital.oru("A1", unit="blorps")
    (tmp_path / "level.txt").write_bytes(level)
    (tmp_path / "dose.txt").write_text(json.dumps(hospital.dose()))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(level)))
    sides = ("--from", old, "--mappings", new)
    _, result = told(capsys, *sides, tmp_path / "level.txt", tmp_path / "dose.txt", "-")
    assert (result["read"], result["relevant"]) == (3, 3)
    assert [one["file"] for one in result["messages"]] == [f"{tmp_path}/level.txt", "-"]


def test_a_corpus_that_never_concerns_us_says_so(corpus, old, new, capsys):
    site_tables(new, unit=None)
    (corpus / "only.hl7").write_bytes(hospital.everyday("E1"))
    code, out, _ = asked(capsys, "--from", old, "--mappings", new, corpus / "only.hl7")
    assert code == 0
    assert "none of the messages is ours on either side: nothing could change" in out.splitlines()


def test_the_last_reassessment_can_be_at_another_time(old, corpus, capsys):
    policy = ("--from-policy", "CONS16", "--policy", "AIEOP09", "--mappings", old)
    (corpus / "30-laboratory.hl7").unlink()
    _, early = told(capsys, *policy, "--as-of", "2025-03-04T12:00:00+00:00", corpus)
    _, late = told(capsys, *policy, "--as-of", "2025-05-04T12:00:00+00:00", corpus)
    findings = [result["patients"][0]["findings"][0]["after"]["monitoring"] for result in (early, late)]
    assert findings == ["not-due", "missed"]


def test_a_side_with_mistakes_is_named_with_file_and_line(corpus, old, new, capsys):
    site_tables(new)
    (old / "tables" / "units.csv").write_text(f"{HEADER},blorps,*,no unit at all,,\n")
    for sides, which in (((old, new), f"The earlier version, {old},"), ((new, old), "The version of now")):
        code, out, err = asked(capsys, "--from", sides[0], "--mappings", sides[1], corpus)
        first, *_, last = err.splitlines()
        assert (code, out) == (2, "")
        assert first.startswith(f"{old}/tables/units.csv:2: ")
        assert last == f"{which} cannot be read: 1 mistake told above. Nothing was compared."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("{corpus}",), "Name what to compare with: --from FOLDER, --from GIT-REF, or --from-policy ID."),
        (("--from", "{old}", "nowhere"), "nowhere cannot be read: No such file or directory."),
        (("--from", "{old}", "{empty}"), "holds no *.hl7 and no *.json file directly in it."),
        (("--from", "{empty}", "{corpus}"), "holds no earlier version: neither mappings (tables, v2, fhir, outputs)"),
        (("--from", "{old}", "--mappings", "nowhere", "{corpus}"), "nowhere: there is no such folder"),
        (("--from", "{old}", "--config", "nowhere.yaml", "{corpus}"), "nowhere.yaml: cannot be read"),
        (("--from-policy", "CONS61", "{corpus}"), "--policy: there is no policy 'CONS61'; did you mean 'CONS16'?"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_sentence(corpus, old, tmp_path, capsys, arguments, said):
    (tmp_path / "empty").mkdir()
    named = {"corpus": corpus, "old": old, "empty": tmp_path / "empty"}
    code, out, err = asked(capsys, *(word.format(**named) for word in arguments))
    assert (code, out) == (2, "")
    assert said in err


def test_an_empty_file_holds_no_message(old, tmp_path, capsys):
    (tmp_path / "empty.hl7").write_bytes(b"")
    code, _, err = asked(capsys, "--from", old, tmp_path / "empty.hl7")
    assert (code, err) == (2, f"{tmp_path}/empty.hl7: there is no message in it to compare.\n")


def test_bytes_that_are_no_message_are_compared_as_both_sides_take_them(old, new, tmp_path, capsys):
    site_tables(new, unit=None)
    for name in ("noise.hl7", "noise.json", "noise.bin"):
        (tmp_path / name).write_bytes(b"\xff\x00{noise|")
    names = [tmp_path / name for name in ("noise.hl7", "noise.json", "noise.bin")]
    code, result = told(capsys, "--from", old, "--mappings", new, *names)
    assert (code, result["read"], result["messages"]) == (0, 3, [])


def test_a_disk_without_room_is_a_sentence(corpus, old, monkeypatch, capsys):
    def full(*_words, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("adapter.commands.diff.TemporaryDirectory", full)
    code, out, err = asked(capsys, "--from", old, corpus)
    assert (code, out) == (2, "")
    assert err == "The folder for temporary files cannot be used: No space left on device. Nothing was compared.\n"


def test_what_a_message_says_cannot_steer_the_terminal(old, new, tmp_path, capsys):
    site_tables(new, unit="[IU]/mL")
    raw = hospital.oru("A\x1b[31m1", value="620", unit="blorps")
    (tmp_path / "level.hl7").write_bytes(raw)
    _, out, _ = asked(capsys, "--from", old, "--mappings", new, tmp_path / "level.hl7")
    assert "control id A\\x1b[31m1, " in out
    assert "\x1b" not in out


def test_of_a_long_list_the_page_shows_fifty_and_json_all(old, new, tmp_path, capsys):
    site_tables(new, code="ASPX")
    levels = (hospital.oru(f"A{n}", mrn=f"91{n:04d}", filler=f"F{n}", value="0.5") for n in range(51))
    (tmp_path / "levels.hl7").write_bytes(b"".join(levels))
    sides = ("--from", old, "--mappings", new, tmp_path / "levels.hl7")
    _, out, _ = asked(capsys, *sides)
    assert (
        out.splitlines()[0] == "51 of 51 messages change: 51 ActivityMeasured gone, 51 problems.near-miss, 51 relevance"
    )
    assert out.count("lost: ") == out.count("finding lost: ") + 50 == 100
    assert out.splitlines().count("and 1 more (--json has all)") == 2
    _, result = told(capsys, *sides)
    assert (len(result["messages"]), len(result["patients"])) == (51, 51)


def test_the_program_has_its_help_and_its_exit_codes(capsys):
    with pytest.raises(SystemExit):
        asked(capsys, "--help")
    out = capsys.readouterr().out
    assert "troughline diff --from main --config troughline.yaml corpus" in out
    assert out.rstrip().endswith("exit codes: 0 nothing changes, 1 something changes, 2 could not run")


def test_an_output_whose_reader_has_gone_is_left_to_the_end_of_the_program(corpus, old, monkeypatch, capsys):
    class Closed:
        def write(self, _text):
            raise BrokenPipeError

        def flush(self):
            pass

    options = _parser().parse_args(["diff", "--from", str(old), str(corpus)])
    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(BrokenPipeError):
        diff.run(options)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_version_is_refused_and_not_taken_for_this_folder(tmp_path, capsys, empty):
    (tmp_path / "one.hl7").write_bytes(b"MSH|^~\\&|A|B\r")
    assert main(["diff", f"--from={empty}", str(tmp_path)]) == 2
    assert "--from is empty, as an unset variable is" in capsys.readouterr().err
