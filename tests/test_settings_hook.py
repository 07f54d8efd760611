"""The hook of a source, as a site writes it; its secrets are tried out, and no fault repeats one."""

from __future__ import annotations

import pytest

from adapter.settings import HookSettings, load_settings

TOKEN = "t" * 32
SECRET = "a-secret"
POLL = "  poll: {url: 'https://fhir.hospital.example/r4'}\n"
BOTH = "    path_token_file: token\n    secret_file: secret\n"


@pytest.fixture
def load(tmp_path):
    (tmp_path / "token").write_text(TOKEN + "\n")
    (tmp_path / "secret").write_text(SECRET + "\n")

    def load(hook, more="", **files):
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        file = tmp_path / "site.yaml"
        file.write_text(f"sources:\n- name: ehr\n  hook:\n{hook}{more}- name: default\n")
        found, faults = load_settings(file)
        texts = [str(fault).partition("site.yaml:")[2] for fault in faults]
        assert not any(TOKEN in text or SECRET in text for text in texts)
        return found, texts

    return load


def test_a_token_and_a_secret_are_enough(load, tmp_path):
    found, faults = load(BOTH)
    assert faults == []
    hook = found.sources[0].hook
    assert hook == HookSettings(path_token_file=tmp_path / "token", secret_file=tmp_path / "secret")
    assert (hook.header, hook.trust_push_body, hook.heartbeat_s) == ("Authorization", True, None)
    assert (hook.path_token(), hook.secret(), hook.hmac_secret()) == (TOKEN, SECRET, None)
    assert found.sources[1].hook is None


def test_everything_a_site_may_write_is_read(load, tmp_path):
    text = "    path_token_file: token\n    header: X-Hook\n    hmac_secret_file: secret\n"
    found, faults = load(f"{text}    trust_push_body: no\n    heartbeat_s: 60\n", POLL)
    assert faults == []
    assert found.sources[0].hook == HookSettings(
        path_token_file=tmp_path / "token",
        header="X-Hook",
        hmac_secret_file=tmp_path / "secret",
        trust_push_body=False,
        heartbeat_s=60,
    )
    assert found.sources[0].hook.hmac_secret() == SECRET


@pytest.mark.parametrize(
    ("hook", "line", "told"),
    [
        ("    secret_file: secret\n", 3, "'path_token_file' is missing"),
        ("    path_token_file: nowhere\n    secret_file: secret\n", 4, "there is no such file"),
        ("    path_token_file: token\n", 3, "an address alone stands in too many logs"),
        (f"{BOTH}    header: Content-Type\n", 6, "'header' takes the name"),
        (f"{BOTH}    header: 'X Hook'\n", 6, "'header' takes the name"),
        (f"{BOTH}    trust_push_body: no\n", 6, "needs its 'poll'"),
        (f"{BOTH}    heartbeat_s: 0\n", 6, "heartbeat_s"),
        (f"{BOTH}    heartbeat_s: 86401\n", 6, "heartbeat_s"),
        (f"{BOTH}    heart_beat_s: 5\n", 6, "did you mean 'heartbeat_s'"),
    ],
)
def test_a_mistake_is_told_with_its_line(load, hook, line, told):
    found, faults = load(hook)
    assert found is None
    assert any(fault.startswith(f"{line}:") and told in fault for fault in faults), faults


@pytest.mark.parametrize("token", [b"t" * 31, b"t" * 31 + b"/", b"t" * 513, b"", b"t" * 32 + b"\nt", b"\xff" * 32])
def test_a_token_that_is_short_or_no_part_of_an_address_is_refused(load, token):
    found, faults = load(BOTH, token=token)
    assert found is None
    assert [fault.partition(":")[0] for fault in faults] == ["4"]
    assert "32 to 512 letters and digits" in faults[0]


@pytest.mark.parametrize("token", [b"t" * 32, b"t" * 512, b"aZ09-._~" * 4])
def test_a_token_at_the_edge_is_taken(load, token):
    assert load(BOTH, token=token)[1] == []


@pytest.mark.parametrize("secret", [b"", b" \n", b"a\nb", "ü".encode(), b"\xff"])
def test_a_secret_no_header_can_hold_is_refused(load, secret):
    found, faults = load(BOTH, secret=secret)
    assert found is None
    assert "one line of printable ASCII" in faults[0]


def test_two_sources_cannot_share_an_address(tmp_path):
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "secret").write_text(SECRET)
    file = tmp_path / "site.yaml"
    rows = "".join(f"- name: {name}\n  hook:\n{BOTH}" for name in ("one", "two"))
    file.write_text(f"sources:\n{rows}- name: default\n")
    found, faults = load_settings(file)
    assert found is None
    assert "that of 'one'; give each source its own" in str(faults[0])
