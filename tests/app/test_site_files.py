"""The files of a site are read when one was touched, compared by what they say, and never end the looking."""

from __future__ import annotations

import os
import time

import pytest
from owned_files import OwnedFiles
from running_service import eventually

from adapter.app import site_files
from adapter.app.parts import Instructions, read_everything
from adapter.app.site_files import SiteFiles
from adapter.app.versions import versions_of

ROW = ",ASPNEU,L,asparaginase-activity,,"


class Reading:
    """Reads as the service does, and counts how often."""

    def __init__(self, config):
        self.instructions = Instructions(config=str(config))
        self.thorough = []

    def __call__(self, *, thorough):
        self.thorough.append(thorough)
        return read_everything(self.instructions, thorough=thorough)


@pytest.fixture
def site(tmp_path):
    return OwnedFiles(tmp_path)


@pytest.fixture
def reading(site):
    return Reading(site.config)


@pytest.fixture
def files(site, reading):
    loaded, faults = reading(thorough=True)
    assert faults == []
    reading.thorough.clear()
    return SiteFiles(reading, loaded, site.config, look_every_s=0.01)


@pytest.fixture
def running(files):
    """The versions the service runs with."""
    files.look()
    return files.seen.versions


def test_files_are_read_again_only_when_one_was_touched(files, reading, site):
    for _ in range(3):
        files.look()
    assert reading.thorough == [False]
    os.utime(site.tables / "activity_tests.csv", (1, 1))
    files.look()
    files.look()
    assert reading.thorough == [False, False]


def test_a_row_makes_a_difference_and_a_line_end_makes_none(files, running, site):
    table = site.tables / "activity_tests.csv"
    table.write_bytes(table.read_bytes().replace(b"\n", b"\r\n"))
    files.look()
    assert files.seen.versions == running
    site.table("activity_tests", ROW)
    files.look()
    assert files.seen.versions.mappings != running.mappings
    assert files.seen.versions.policies == running.policies


def test_a_file_with_faults_has_no_version(files, site):
    site.table("activity_tests", ",ASPNEU,L,nonsense,,")
    files.look()
    assert files.seen.versions is None
    assert [(fault.file, fault.line) for fault in files.seen.faults] == [(str(site.tables / "activity_tests.csv"), 2)]


def test_folders_that_the_configuration_names_newly_are_read_and_looked_at(files, running, site, tmp_path):
    more = tmp_path / "more" / "tables"
    more.mkdir(parents=True)
    (more / "activity_tests.csv").write_text(f"sender,code,system,target,label,note\n{ROW}\n")
    text = site.config.read_text()
    site.config.write_text(text.replace(f"{site.tables.parent}]", f"{site.tables.parent}, {more.parent}]"))
    files.look()
    assert files.seen.versions.mappings != running.mappings
    assert files.seen.needs_restart == ()
    (more / "activity_tests.csv").write_text("sender,code,system,target,label,note\n")
    files.look()
    files.look()
    assert files.seen.versions == running


def test_other_policies_are_taken_and_other_ports_are_told(files, running, site):
    site.configure("mllp: [{name: default, host: 127.0.0.1, port: 2576}]", "policies: [COLO]", "archive_days: 9")
    files.answer()
    seen = files.answers.get()
    assert seen.needs_restart == ("mllp", "archive_days")
    assert seen.versions.policies != running.policies
    assert seen.versions.mappings == running.mappings
    assert seen.loaded.settings.archive_days == 90


def test_a_unit_that_the_running_service_assumes_may_not_go(site, reading):
    site.configure("mllp: [{name: default, port: 0}]", "senders: [{match: 'LIS|*', assumed_unit: XU}]")
    site.table("units", ",XU,*,[IU]/mL,,")
    loaded, faults = reading(thorough=True)
    assert [fault.text.partition(" tells ")[0] for fault in faults] == ["nothing in 'XU'"]
    files = SiteFiles(reading, loaded, site.config)
    site.configure("mllp: [{name: default, port: 0}]", "senders: [{match: 'LIS|*'}]")
    site.table("units")
    files.answer()
    seen = files.answers.get()
    assert seen.loaded is None
    assert ["assumed_unit: XU" in fault.text for fault in seen.faults] == [True]


def test_an_answer_is_read_as_lint_reads(files, reading):
    files.answer()
    assert reading.thorough == [True]
    assert files.answers.get().versions == files.seen.versions


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ZeroDivisionError("0.62"), "it meets a fault of ours: ZeroDivisionError"),
        (PermissionError(13, "Permission denied", "secret"), "a file or folder cannot be read: Permission denied"),
    ],
)
def test_a_reader_that_fails_is_told_as_a_fault_and_the_looking_goes_on(site, files, monkeypatch, fault, said):
    def fails(**_):
        raise fault

    monkeypatch.setattr(files, "_read", fails)
    files.look()
    assert [one.text for one in files.seen.faults] == [said]
    monkeypatch.undo()
    site.table("activity_tests", ROW)
    files.look()
    assert files.seen.versions is not None


def test_a_folder_nobody_may_look_into_and_a_file_that_is_gone_end_no_look(tmp_path, monkeypatch):
    (tmp_path / "there").write_text("x")
    real = site_files._files

    def files_of(place):
        if place.name == "forbidden":
            raise PermissionError(13, "Permission denied")
        yield from real(place)

    monkeypatch.setattr(site_files, "_files", files_of)
    stamp = site_files.stamp_of([tmp_path / "forbidden", tmp_path / "gone", tmp_path / "there"])
    assert [path for path, *_ in stamp] == [str(tmp_path / "there")]


def test_the_thread_looks_by_itself_and_answers_when_it_is_asked(files, site, reading):
    files.start()
    first = eventually(lambda: files.seen)
    site.table("activity_tests", ROW)
    eventually(lambda: files.seen.versions != first.versions)
    files.ask()
    answer = files.answers.get(timeout=20)
    assert answer.versions == versions_of(read_everything(reading.instructions)[0])
    files.stop()
    reading.thorough.clear()
    files.ask()
    time.sleep(0.1)
    assert reading.thorough == []
