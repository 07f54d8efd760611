"""Who an audit line names."""

from __future__ import annotations

import os
import pwd

import pytest

from adapter.app.user_name import user_name

OWN = pwd.getpwuid(os.geteuid()).pw_name


@pytest.mark.parametrize(
    ("called_by", "name"), [("", OWN), (OWN, OWN), ("anna-of-the-laboratory", f"anna-of-the-laboratory as {OWN}")]
)
def test_with_sudo_it_names_who_called_it(monkeypatch, called_by, name):
    monkeypatch.setenv("SUDO_USER", called_by)
    assert user_name() == name


def test_without_sudo_it_is_the_user_of_the_process(monkeypatch):
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("LOGNAME", "somebody-else")
    assert user_name() == OWN


def test_a_number_without_a_name_is_told_as_a_number(monkeypatch):
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    assert user_name() == "user 4000000"
