"""What a terminal or the program around it does to a started command never ends in a traceback."""

from __future__ import annotations

import codecs
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.__main__ import ESCAPED, _escaped

START = [sys.executable, "-m", "adapter"]
codecs.register_error(ESCAPED, _escaped)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "closed", "code"),
    [
        ("schema mapping", "<&-", 0),
        ("schema mapping", ">&-", 0),
        ("lint --json", ">&- 2>&-", 0),
        ("run nowhere.hl7", ">&-", 2),
        ("run nowhere.hl7", "<&- >&- 2>&-", 2),
    ],
)
def test_a_closed_stream_is_led_nowhere(command, closed, code):
    shell = f'"$@" {closed}'
    ended = subprocess.run(
        ["/bin/sh", "-c", shell, "sh", *START, *command.split()], capture_output=True, text=True, check=False
    )
    assert ended.returncode == code
    assert "Traceback" not in ended.stderr


def test_a_file_never_gets_the_number_of_a_closed_stream():
    program = (
        "import os, sys, adapter.__main__ as a; a._open_what_is_closed(); "
        "print(os.open(sys.argv[1], os.O_RDONLY), file=sys.stderr)"
    )
    words = ["/bin/sh", "-c", '"$@" <&- >&-', "sh", sys.executable, "-c", program, __file__]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert int(ended.stderr) > 2


@pytest.mark.slow
@pytest.mark.parametrize(("words", "encoding"), [(["doc"], "ascii"), (["schema", "mapping"], "latin-1")])
def test_an_output_of_few_characters_loses_none(words, encoding):
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    ended = subprocess.run([*START, *words], capture_output=True, env=env, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
    utf8 = subprocess.run([*START, *words], capture_output=True, env={**env, "PYTHONIOENCODING": "utf-8"}, check=False)
    if words[0] == "doc":
        assert ended.stdout == utf8.stdout
    else:
        assert json.loads(ended.stdout.decode(encoding)) == json.loads(utf8.stdout)


@given(st.text(st.characters()))
def test_any_text_written_for_an_output_of_few_characters_is_the_same_json(text):
    written = json.dumps(text, ensure_ascii=False).encode("ascii", ESCAPED)
    assert json.loads(written) == json.loads(json.dumps(text))


def test_ctrl_c_while_the_program_loads_ends_it_with_2_and_no_word(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'adapter.commands':\n"
        "            sys.meta_path.remove(self)\n"
        "            signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run([*START, "lint"], capture_output=True, env=env, check=False, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", "")


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_may_not_grow_is_told(tmp_path, unbuffered):
    # Compiled files may not grow either, and one that is cut short would break whoever loads it next.
    env = {**os.environ, "PYTHONUNBUFFERED": unbuffered, "PYTHONDONTWRITEBYTECODE": "1"}
    with Path(tmp_path / "out").open("w") as output:
        words = ["/bin/sh", "-c", 'ulimit -f 8; "$@"', "sh", *START, "doc"]
        ended = subprocess.run(words, stdout=output, stderr=subprocess.PIPE, text=True, env=env, check=False)
    assert ended.returncode == 2
    assert ended.stderr == "The output cannot be written: the file it goes to may not grow further.\n"
