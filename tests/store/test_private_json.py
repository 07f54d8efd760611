"""Small JSON files of the store are replaced whole, and read as nothing where they cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.store.private_json import read_object, replace_object


@pytest.mark.parametrize("durable", [False, True])
def test_what_was_written_is_read_and_is_private(tmp_path: Path, durable: bool) -> None:
    file = tmp_path / "told.json"
    replace_object(file, {"old": 1}, durable=durable)
    replace_object(file, {"größe": [1, 2]}, durable=durable)
    assert read_object(file) == {"größe": [1, 2]}
    assert file.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["told.json"]


@pytest.mark.parametrize("content", [b"", b'{"half": ', b"[1]", b"\xff\xfe{}"])
def test_a_file_that_holds_no_object_is_read_as_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "told.json"
    file.write_bytes(content)
    assert read_object(file) is None


def test_no_file_is_read_as_nothing(tmp_path: Path) -> None:
    assert read_object(tmp_path / "told.json") is None


def test_what_cannot_be_written_leaves_the_old_content(tmp_path: Path) -> None:
    file = tmp_path / "told.json"
    replace_object(file, {"old": 1})
    (tmp_path / "told.json.new").mkdir()
    with pytest.raises(OSError, match="told"):
        replace_object(file, {"new": 1})
    assert read_object(file) == {"old": 1}
