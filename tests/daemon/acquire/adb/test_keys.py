"""The host's own keys, as a phone shows them to those it trusts."""

import subprocess

from rackprint.daemon.acquire.adb.keys import keys
from rackprint.daemon.acquire.adb.server import binary
from rackprint.fingerprint.signals import read_signal


def made(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([binary(), "keygen", path], check=True, capture_output=True, timeout=30)
    return read_signal("adb_host_key", path.with_name(path.name + ".pub").read_text())


def test_the_key_of_the_user_and_those_that_the_environment_names(tmp_path, monkeypatch):
    monkeypatch.delenv("ADB_VENDOR_KEYS", raising=False)
    own = made(tmp_path / "home" / ".android" / "adbkey")
    assert own.valid
    assert keys(tmp_path / "home") == (own.value,)
    other = made(tmp_path / "vendor" / "a.adb_key")
    monkeypatch.setenv("ADB_VENDOR_KEYS", f"{tmp_path}/vendor:{tmp_path}/nowhere")
    assert keys(tmp_path / "home") == tuple(sorted([own.value, other.value]))


def test_no_key_and_a_broken_one_are_none(tmp_path, monkeypatch):
    monkeypatch.delenv("ADB_VENDOR_KEYS", raising=False)
    assert keys(tmp_path) == ()
    (tmp_path / ".android").mkdir()
    (tmp_path / ".android" / "adbkey").write_bytes(b"\xff\x00 no key")
    assert keys(tmp_path) == ()
