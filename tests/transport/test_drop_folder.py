"""Which dropped files are whole, and where they go; nothing is overwritten and nothing half is read."""

from __future__ import annotations

import os

import pytest

from adapter.transport.drop_folder import UNFINISHED, DropFolder, DropLimits, UnusableFileError


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def drop(tmp_path, clock):
    return DropFolder(tmp_path, DropLimits(settle_s=5, file_limit_bytes=10), clock=clock)


def put(folder, name, content=b"MSH|", *, at=None):
    path = folder / name
    path.write_bytes(content)
    if at is not None:
        os.utime(path, (at, at))
    return path


def names(paths):
    return [path.name for path in paths]


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_file_is_whole_when_it_has_not_changed_for_the_settling_time(drop, tmp_path, clock):
    put(tmp_path, "a.hl7")
    assert drop.whole() == []
    clock.now += 4.9
    assert drop.whole() == []
    clock.now += 0.1
    assert names(drop.whole()) == ["a.hl7"]


@pytest.mark.parametrize("change", ["longer", "touched", "replaced"])
def test_a_change_begins_the_settling_time_anew(drop, tmp_path, clock, change):
    path = put(tmp_path, "a.hl7", at=1000)
    drop.whole()
    clock.now += 4
    match change:
        case "longer":
            put(tmp_path, "a.hl7", b"MSH|x", at=1000)
        case "touched":
            os.utime(path, (1001, 1001))
        case "replaced":
            put(tmp_path, ".new", at=1000).rename(path)
    assert drop.whole() == []
    clock.now += 4
    assert drop.whole() == []
    clock.now += 1
    assert names(drop.whole()) == ["a.hl7"]


@pytest.mark.parametrize("name", [".hidden.hl7", *(f"a.hl7{end}" for end in UNFINISHED), "A.HL7.TMP"])
def test_an_unfinished_name_is_never_read_and_its_renaming_begins_the_time(drop, tmp_path, clock, name):
    path = put(tmp_path, name)
    drop.whole()
    clock.now += 60
    assert drop.whole() == []
    path.rename(tmp_path / "whole.hl7")
    assert drop.whole() == []
    clock.now += 5
    assert names(drop.whole()) == ["whole.hl7"]


def test_the_oldest_come_first_then_the_names(drop, tmp_path, clock):
    for name, at in (("c", 1), ("b", 2), ("a", 2), ("d", 0)):
        put(tmp_path, name, at=at)
    drop.whole()
    clock.now += 5
    assert names(drop.whole()) == ["d", "c", "a", "b"]


def test_folders_links_and_pipes_are_left_alone(drop, tmp_path, clock):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe")
    drop.whole()
    clock.now += 60
    assert drop.whole() == []


def test_a_file_of_accepted_messages_moves_alone(drop, tmp_path):
    drop.done(put(tmp_path, "a.hl7"), b"answers", accepted=True)
    assert tree(tmp_path) == {"processed/a.hl7": b"MSH|"}


def test_answers_lie_beside_a_file_that_failed(drop, tmp_path):
    drop.done(put(tmp_path, "a.hl7"), b"answers", accepted=False)
    drop.unusable(put(tmp_path, "b.hl7"), "The file is empty.")
    assert tree(tmp_path) == {
        "failed/a.hl7": b"MSH|",
        "failed/a.hl7.ack": b"answers",
        "failed/b.hl7": b"MSH|",
        "failed/b.hl7.reason.txt": b"The file is empty.\n",
    }
    assert (tmp_path / "failed" / "a.hl7.ack").stat().st_mode & 0o777 == 0o600


def test_a_name_that_is_there_already_is_not_overwritten(drop, tmp_path):
    for content in (b"1", b"2", b"3"):
        drop.done(put(tmp_path, "a.hl7", content), b"", accepted=True)
    assert tree(tmp_path / "processed") == {"a.hl7": b"1", "a.hl7.2": b"2", "a.hl7.3": b"3"}


@pytest.mark.parametrize(
    ("content", "told"), [(b"", "empty"), (b" \r\n", "empty"), (b"x" * 11, "larger than 10 bytes"), (b"x" * 10, None)]
)
def test_what_cannot_be_read_says_why(drop, tmp_path, content, told):
    path = put(tmp_path, "PATIENT.hl7", content)
    if told is None:
        assert drop.read(path) == content
        return
    with pytest.raises(UnusableFileError, match=told) as fault:
        drop.read(path)
    assert "PATIENT" not in str(fault.value)


def test_a_file_taken_away_is_no_fault_of_the_file(drop, tmp_path):
    with pytest.raises(FileNotFoundError):
        drop.read(tmp_path / "gone.hl7")


def test_a_folder_that_is_gone_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        DropFolder(tmp_path / "gone", DropLimits()).whole()


def test_a_file_that_cannot_be_moved_is_moved_later_and_never_read_again(drop, tmp_path, clock):
    path = put(tmp_path, "a.hl7")
    drop.whole()
    clock.now += 5
    assert names(drop.whole()) == ["a.hl7"]
    (tmp_path / "failed").write_text("in the way")
    with pytest.raises(FileExistsError):
        drop.done(path, b"answers", accepted=False)
    for _ in range(2):
        with pytest.raises(FileExistsError):
            drop.whole()
    (tmp_path / "failed").unlink()
    assert drop.whole() == []
    assert tree(tmp_path) == {"failed/a.hl7": b"MSH|", "failed/a.hl7.ack": b"answers"}


def test_a_new_file_of_the_same_name_is_not_taken_for_the_one_that_was_read(drop, tmp_path, clock):
    path = put(tmp_path, "a.hl7")
    (tmp_path / "failed").write_text("in the way")
    with pytest.raises(FileExistsError):
        drop.done(path, b"answers", accepted=False)
    (tmp_path / "failed").unlink()
    put(tmp_path, ".new", b"MSH|2").rename(path)
    (tmp_path / "failed").mkdir()
    drop.whole()
    assert tree(tmp_path) == {"a.hl7": b"MSH|2"}
    clock.now += 5
    assert drop.read(drop.whole()[0]) == b"MSH|2"
