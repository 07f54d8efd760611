"""A file that a command writes over is there as it was or as it should be, never in between."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest
from small_files import no_file_larger_than

from adapter.cli import main
from adapter.commands.new_folder import write_new
from adapter.commands.whole_file import replace_whole

LIMIT = 4096
MESSAGE = r"""case: a plain number
input: |
  MSH|^~\&|LIS_NORTH|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.5.1
  PID|1||4711^^^HOSP^MR
  OBR|1|P77|F991|ASPACT^Asparaginase activity^L|||20251103080000
  OBX|1|NM|ASPACT^Asparaginase activity^L||0.42|IU/mL|||||F
"""


def test_a_file_that_cannot_grow_stays_as_it_was_and_is_named(tmp_path):
    file = tmp_path / "one"
    file.write_bytes(b"as it was")
    with no_file_larger_than(LIMIT), pytest.raises(OSError) as caught:  # noqa: PT011 - its number is looked at
        replace_whole(file, b"x" * (LIMIT + 1))
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(file))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"one": b"as it was"}


def test_a_file_as_large_as_may_be_is_replaced(tmp_path):
    file = tmp_path / "one"
    file.write_bytes(b"as it was")
    with no_file_larger_than(LIMIT):
        replace_whole(file, b"x" * LIMIT)
    assert file.stat().st_size == LIMIT
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_replaced_file_keeps_its_mode(tmp_path, mode):
    file = tmp_path / "one"
    file.write_bytes(b"as it was")
    file.chmod(mode)
    replace_whole(file, b"new")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", mode)


def test_a_new_file_has_the_mode_of_every_new_file(tmp_path):
    usual = tmp_path / "usual"
    usual.write_bytes(b"")
    replace_whole(tmp_path / "one", b"new", durable=False)
    assert (tmp_path / "one").stat().st_mode == usual.stat().st_mode


def test_a_link_stays_a_link_to_what_is_replaced(tmp_path):
    (tmp_path / "deep").mkdir()
    file = tmp_path / "deep" / "one"
    file.write_bytes(b"as it was")
    (tmp_path / "link").symlink_to(file)
    replace_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert file.read_bytes() == b"new"


def test_a_pipe_is_written_to_and_stays_one(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    replace_whole(pipe, b"new")
    reader.join(10)
    assert (read, pipe.is_fifo()) == ([b"new"], True)


def test_a_new_file_that_cannot_be_written_whole_is_taken_away_and_named(tmp_path):
    file = tmp_path / "one"
    with no_file_larger_than(LIMIT), pytest.raises(OSError) as caught:  # noqa: PT011 - its number is looked at
        write_new(file, b"x" * (LIMIT + 1))
    assert caught.value.filename == str(file)
    assert list(tmp_path.iterdir()) == []


def test_accepting_an_outcome_on_a_full_disk_leaves_the_case_whole(tmp_path, capsys):
    case = tmp_path / "one.yaml"
    case.write_text(MESSAGE + f"# {'a long remark ' * 400}\n", encoding="utf-8")
    before = case.read_bytes()
    with no_file_larger_than(LIMIT):
        assert main(["test", str(tmp_path), "--accept"]) == 2
    told = f"{case} cannot be written: File too large. Nothing after it was tested.\n"
    assert (capsys.readouterr().err, case.read_bytes()) == (told, before)


@pytest.mark.parametrize(
    ("words", "name"),
    [(["doc", "--out", "{}/a.csv"], "a.csv"), (["schema", "site", "--out", "{}"], "site.schema.json")],
)
def test_what_a_command_writes_anew_stays_as_it_was_on_a_full_disk(tmp_path, capsys, words, name):
    file = Path(tmp_path, name)
    file.write_bytes(b"as it was")
    with no_file_larger_than(LIMIT):
        assert main([word.format(tmp_path) for word in words]) == 2
    told = f"{file} cannot be written: File too large.\n"
    assert (capsys.readouterr().err, file.read_bytes(), list(tmp_path.iterdir())) == (told, b"as it was", [file])
