"""`troughline check` shows how hooks are guarded, and never with what."""

from __future__ import annotations

import json

import pytest

from adapter.cli import main

ADDRESSES = ("--mllp", "127.0.0.1:0", "--http", "127.0.0.1:0")
TOKEN = "t" * 40
SECRET = "a-secret-of-the-hook"


@pytest.fixture
def check(capsys, tmp_path):
    def run(*options, poll=None, secret=SECRET, mode=0o640, **hook):
        (tmp_path / "token").write_text(TOKEN)
        (tmp_path / "secret").write_text(secret)
        for name in ("token", "secret"):
            (tmp_path / name).chmod(mode)
        source = {"name": "ehr", "hook": {"path_token_file": "token", "secret_file": "secret", **hook}}
        rows = [source | ({"poll": poll} if poll else {}), {"name": "default"}]
        file = tmp_path / "site.yaml"
        file.write_text(json.dumps({"sources": rows}))
        main(["check", "--json", "--store", str(tmp_path / "store"), *ADDRESSES, "--config", str(file), *options])
        out, err = capsys.readouterr()
        assert TOKEN not in out + err
        assert SECRET not in out + err
        return next(one for one in json.loads(out)["results"] if one["about"] == "hook ehr")

    return run


def test_a_hook_without_a_poll_is_a_warning(check):
    told = check(heartbeat_s=60)
    assert told["state"] == "warning"
    wanted = (
        "/hooks/<token>: secret in header Authorization, heartbeat every 60 s; bodies count as they come; not polled"
    )
    assert told["said"] == wanted
    assert "give the source a 'poll' too" in told["advice"]


POLL = {"url": "http://127.0.0.1:9/fhir"}


def test_a_secret_that_is_a_whole_header_line_is_told(check):
    told = check(poll=POLL, secret=f"Authorization: Bearer {SECRET}")
    assert (told["state"], "behind 'Authorization:' alone" in told["advice"]) == ("warning", True)
    assert check(poll=POLL)["state"] == "ok"


@pytest.mark.parametrize(("mode", "state"), [(0o600, "ok"), (0o640, "ok"), (0o644, "warning"), (0o602, "warning")])
def test_a_secret_that_others_can_reach_is_told(check, mode, state):
    told = check(poll=POLL, mode=mode)
    assert told["state"] == state
    assert ("the secret in token; close it with 'chmod 600'" in (told["advice"] or "")) == (state == "warning")


def test_a_hook_beside_a_poll_is_fine_unless_its_secret_can_be_read_on_the_way(check):
    poll = {"url": "http://127.0.0.1:9/fhir"}
    told = check(poll=poll, trust_push_body="no", header="X-Hook", hmac_secret_file="secret")
    assert (told["state"], told["advice"]) == ("ok", None)
    wanted = "/hooks/<token>: secret in header X-Hook, signed bodies; bodies are hints, records are read back"
    assert told["said"] == wanted
    told = check("--insecure", poll=poll)
    assert (told["state"], "tls_certificate" in told["advice"]) == ("warning", True)
