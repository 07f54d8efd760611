"""`troughline diff --from REF`: the earlier version comes out of real git repositories, which are only read."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from versions_of_mappings import HEADER, asked, fields, messages, site_tables, told

from adapter.knowledge import shipped as shipped_module
from adapter.knowledge.shipped import shipped

IDENTITY = ("-c", "user.name=Nobody", "-c", "user.email=nobody@hospital.example", "-c", "commit.gpgsign=false")
CONFIG = "mappings:\n- tables-of-ours\nconfig:\n- policies-of-ours\nsources:\n- name: default\n  zone: UTC\n"


def git(folder, *words):
    done = subprocess.run(["git", *IDENTITY, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(tmp_path / "none"))


@pytest.fixture
def corpus(tmp_path):
    return messages(tmp_path / "corpus")


@pytest.fixture
def repository(tmp_path):
    """A site with one commit, tagged v1: its configuration, its mappings, its policies."""
    top = tmp_path / "site"
    site_tables(top / "tables-of-ours")
    (top / "policies-of-ours" / "policies").mkdir(parents=True)
    shutil.copy(shipped("config") / "policies" / "cons16.yaml", top / "policies-of-ours" / "policies")
    (top / "site.yaml").write_text(CONFIG)
    git(top, "init", "--quiet", "--initial-branch=main")
    commit(top)
    git(top, "tag", "v1")
    return top


def commit(top):
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message", "another version")


def row(top, unit):
    (top / "tables-of-ours" / "tables" / "units.csv").write_text(f"{HEADER},blorps,*,{unit},,\n")


def test_the_work_tree_is_compared_with_a_version_and_left_as_it_is(repository, corpus, capsys):
    row(repository, "[IU]/mL")
    (repository / "not-in-git.txt").write_text("kept")
    before = (git(repository, "status", "--porcelain"), git(repository, "rev-parse", "HEAD"))
    files = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
    code, result = told(capsys, "--from", "v1", "--config", repository / "site.yaml", corpus)
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == files
    assert (code, fields(result["messages"][0])["activity.factor"]) == (1, ("0.001", "1"))
    assert result["from"]["commit"] == git(repository, "rev-parse", "v1^{commit}").strip()
    assert result["from"]["name"] == f"v1 ({result['from']['commit'][:12]})"
    assert (git(repository, "status", "--porcelain"), git(repository, "rev-parse", "HEAD")) == before


def test_the_folder_of_mappings_alone_leads_to_its_repository(repository, corpus, monkeypatch, capsys):
    row(repository, "[IU]/mL")
    monkeypatch.chdir(repository / "tables-of-ours")
    _, result = told(capsys, "--from", "HEAD", "--mappings", ".", corpus)
    assert fields(result["messages"][0])["activity.factor"] == ("0.001", "1")


def test_what_was_not_changed_since_is_nothing_to_compare(repository, corpus, capsys):
    text = (repository / "site.yaml").read_text()
    (repository / "site.yaml").write_text(f"# a comment\n{text}")
    code, result = told(capsys, "--from", "main", "--config", repository / "site.yaml", corpus)
    assert (code, result["same"]) == (0, True)


def test_policies_and_the_configuration_itself_are_read_as_they_were(repository, corpus, capsys):
    policies = repository / "policies-of-ours" / "policies"
    text = (policies / "cons16.yaml").read_text().replace("policy: CONS16", "policy: OURS")
    (policies / "ours.yaml").write_text(text)
    (repository / "site.yaml").write_text(f"{CONFIG}policies:\n- OURS\n")
    _, result = told(capsys, "--from", "v1", "--config", repository / "site.yaml", corpus)
    ((finding,),) = (patient["findings"] for patient in result["patients"])
    assert fields(finding)["policy"] == ("CONS16@1", "OURS@1")


def test_a_renamed_folder_is_found_by_the_configuration_of_then(repository, corpus, capsys):
    git(repository, "mv", "tables-of-ours", "tables-renamed")
    (repository / "site.yaml").write_text(CONFIG.replace("tables-of-ours", "tables-renamed"))
    commit(repository)
    code, result = told(capsys, "--from", "v1", "--config", repository / "site.yaml", corpus)
    assert (code, result["same"]) == (0, True)


def test_secrets_and_certificates_of_then_need_not_be_in_git(repository, corpus, capsys):
    (repository / ".gitignore").write_text("token\n")
    (repository / "token").write_text("secret")
    (repository / "site.yaml").write_text(f"{CONFIG}http:\n  token_file: token\n")
    commit(repository)
    row(repository, "[IU]/mL")
    code, result = told(capsys, "--from", "HEAD", "--config", repository / "site.yaml", corpus)
    assert (code, len(result["messages"])) == (1, 1)


def test_what_lies_in_no_repository_is_the_same_on_both_sides(repository, corpus, tmp_path, capsys):
    site_tables(tmp_path / "elsewhere", unit="[IU]/mL")
    row(repository, "m[IU]/L")
    overlays = ("--mappings", repository / "tables-of-ours", "--mappings", tmp_path / "elsewhere")
    code, result = told(capsys, "--from", "v1", *overlays, corpus)
    assert (code, result["messages"]) == (0, [])


def test_a_folder_that_was_not_there_yet_is_told(repository, corpus, capsys):
    added = site_tables(repository / "added", unit="[IU]/mL")
    overlays = ("--mappings", repository / "tables-of-ours", "--mappings", added)
    code, out, err = asked(capsys, "--from", "v1", *overlays, corpus)
    sha = git(repository, "rev-parse", "--short=12", "v1^{commit}").strip()
    assert (code, out.splitlines()[0].split(":")[0]) == (1, "1 of 4 messages changes")
    assert err == f"v1 ({sha}) has no {added}: nothing stands in its place there.\n"


def test_a_version_that_holds_nothing_of_what_is_named_cannot_be_compared(repository, corpus, capsys):
    added = site_tables(repository / "added")
    code, out, err = asked(capsys, "--from", "v1", "--mappings", added, corpus)
    assert (code, out) == (2, "")
    assert err.startswith(f"'v1' does not hold {added}: name a version in which it has the same path")


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ("mian", "did you mean 'main'?"),
        ("v11", "did you mean 'v1'?"),
        ("release-2026", "its branches and tags are 'main' or 'v1'."),
    ],
)
def test_an_unknown_version_names_the_nearest(repository, corpus, capsys, ref, said):
    code, out, err = asked(capsys, "--from", ref, "--config", repository / "site.yaml", corpus)
    assert (code, out) == (2, "")
    assert err == f"'{ref}' is no folder, and the repository {repository} knows no such version; {said}\n"


def test_a_repository_without_a_commit_says_so(tmp_path, corpus, capsys):
    top = site_tables(tmp_path / "fresh")
    git(top, "init", "--quiet")
    code, _, err = asked(capsys, "--from", "HEAD", "--mappings", top, corpus)
    assert (code, err.endswith("; it has no commit yet.\n")) == (2, True)


def test_without_a_repository_a_folder_is_asked_for(tmp_path, corpus, capsys):
    alone = site_tables(tmp_path / "alone")
    code, out, err = asked(capsys, "--from", "main", "--mappings", alone, corpus)
    assert (code, out) == (2, "")
    assert err.startswith(
        f"There is no folder main, and it can be no version in git: {alone} lies in no git repository."
    )


def test_without_git_a_folder_is_asked_for(repository, corpus, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, out, err = asked(capsys, "--from", "v1", "--config", repository / "site.yaml", corpus)
    assert (code, out) == (2, "")
    assert err.startswith("--from names no folder; as the name of a version it needs git, which is not found")


def test_a_repository_git_refuses_is_told_in_the_words_of_git(repository, corpus, capsys):
    (repository / ".git" / "config").write_text("[core\n")
    code, out, err = asked(capsys, "--from", "v1", "--config", repository / "site.yaml", corpus)
    assert (code, out) == (2, "")
    assert err.startswith("git cannot read the repository of ")


def test_a_mistake_of_then_is_told_by_version_file_and_line(repository, corpus, capsys):
    row(repository, "no unit at all")
    commit(repository)
    row(repository, "[IU]/mL")
    code, out, err = asked(capsys, "--from", "main", "--config", repository / "site.yaml", corpus)
    assert (code, out) == (2, "")
    assert err.startswith("main:tables-of-ours/tables/units.csv:2: ")
    assert err.endswith("cannot be read: 1 mistake told above. Nothing was compared.\n")


def test_a_mistake_in_the_configuration_of_then_is_told_too(repository, corpus, capsys):
    (repository / "site.yaml").write_text(f"{CONFIG}senders:\n- match: LIS|*\n  zone: Europe/Rom\n")
    commit(repository)
    (repository / "site.yaml").write_text(CONFIG)
    code, _, err = asked(capsys, "--from", "main", "--config", repository / "site.yaml", corpus)
    assert (code, err.splitlines()[0].split("; write")[0]) == (2, "main:site.yaml: 'Europe/Rom' is not a time zone")


def test_links_and_attributes_of_git_change_nothing(repository, corpus, tmp_path, capsys):
    ours = repository / "tables-of-ours"
    (repository / "shared").mkdir()
    (ours / "tables").rename(repository / "shared" / "tables")
    (ours / "tables").symlink_to("../shared/tables")
    (repository / ".gitattributes").write_text("*.csv export-ignore\n")
    (ours / "astray").symlink_to(tmp_path)
    commit(repository)
    code, result = told(capsys, "--from", "main", "--mappings", ours, corpus)
    assert (code, result["same"]) == (0, True)
    assert told(capsys, "--from", "v1", "--mappings", ours, corpus)[1]["same"] is True


def test_a_hook_of_another_repository_does_not_lead_astray(repository, corpus, tmp_path, monkeypatch, capsys):
    row(repository, "[IU]/mL")
    git(tmp_path, "init", "--quiet", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other" / ".git" / "index"))
    code, result = told(capsys, "--from", "v1", "--config", repository / "site.yaml", corpus)
    assert (code, len(result["messages"])) == (1, 1)


def test_a_folder_of_the_name_of_a_branch_is_the_folder(repository, corpus, monkeypatch, capsys):
    monkeypatch.chdir(repository)
    site_tables(repository / "main", unit="[IU]/mL")
    _, result = told(capsys, "--from", "main", "--mappings", "tables-of-ours", corpus)
    assert (result["from"]["name"], result["from"]["commit"]) == ("main", None)
    assert fields(result["messages"][0])["activity.factor"] == ("1", "0.001")
    _, out, _ = asked(capsys, "--from", "refs/heads/main", "--mappings", "tables-of-ours", corpus)
    assert out.startswith("the same mappings and policies")


def test_in_a_checkout_of_the_product_its_own_mappings_and_policies_are_compared(tmp_path, corpus, monkeypatch, capsys):
    checkout = tmp_path / "checkout"
    for name in ("mappings", "config"):
        shutil.copytree(shipped(name), checkout / name)
    monkeypatch.setattr(shipped_module, "_PACKAGE", checkout / "adapter")
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "checkout")
    commit(checkout)
    units = checkout / "mappings" / "demo" / "tables" / "units.csv"
    units.write_text(f"{HEADER},blorps,*,m[IU]/mL,,\n")
    policy = checkout / "config" / "policies" / "cons16.yaml"
    policy.write_text(policy.read_text().replace("title: Consensus", "title: The consensus"))
    code, result = told(capsys, "--from", "main", corpus)
    assert (code, fields(result["messages"][0])["answer.code"]) == (1, ("AE", "AA"))
    assert result["from"]["mappings"] != result["to"]["mappings"]
    assert result["from"]["policies"] != result["to"]["policies"]
