"""Tokens: made once, found by their hash, ended for good, and a daemon that outlives whatever happens to the file."""

import json
import multiprocessing
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rackprint.daemon import tokens
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.tokens import Keys, listed, make, revoke


def later(keys: Keys) -> Keys:
    keys._next = 0.0  # as if a second had gone by
    return keys


def test_a_token_is_found_by_its_secret_and_the_secret_is_kept_nowhere(tmp_path):
    secret = make(tmp_path, "ci", ["read", "ingest", "read"])
    assert re.fullmatch(r"rp_[\w-]{43}", secret)
    token = Keys(tmp_path).find(secret)
    assert (token.name, token.scopes, token.expires, token.revoked) == ("ci", ("ingest", "read"), None, None)
    assert (tmp_path / "tokens.json").stat().st_mode & 0o777 == 0o600
    assert all(secret not in path.read_text() for path in tmp_path.iterdir())
    assert listed(tmp_path) == [token]


@pytest.mark.parametrize("secret", ["", "rp_", "rp_\udc80", "x" * 1_000_000, "ci", "\0"])
def test_what_is_no_secret_finds_nothing(tmp_path, secret):
    make(tmp_path, "ci", ["read"])
    assert Keys(tmp_path).find(secret) is None
    assert Keys(tmp_path).find(listed(tmp_path)[0].sha256) is None


def test_admin_implies_the_others_and_the_others_nothing(tmp_path):
    make(tmp_path, "root", ["admin"])
    make(tmp_path, "reader", ["read"])
    root, reader = listed(tmp_path)
    assert all(root.may(scope) for scope in ("ingest", "read", "admin"))
    assert [reader.may(scope) for scope in ("ingest", "read", "admin")] == [False, True, False]


@pytest.mark.parametrize("name", ["", "-", "a b", "é", "a\n", "a" * 65, "../x", "\udc80"])
def test_names_that_would_spoil_a_log(tmp_path, name):
    with pytest.raises(RackprintError, match="is no name"):
        make(tmp_path, name, ["read"])


def test_scopes_and_times_that_make_no_sense(tmp_path):
    for scopes in ([], ["reed"], ["read", "*"]):
        with pytest.raises(RackprintError, match="scopes are one or more of ingest, read, admin"):
            make(tmp_path, "a", scopes)
    for expires in (datetime.now(UTC) - timedelta(1), datetime(2099, 1, 1)):
        with pytest.raises(RackprintError, match="expired from the start"):
            make(tmp_path, "a", ["read"], expires)
    assert not (tmp_path / "tokens.json").exists()


def test_an_expired_token_is_no_token(tmp_path, monkeypatch):
    secret = make(tmp_path, "short", ["read"], datetime.now(UTC) + timedelta(days=1))
    keys = Keys(tmp_path)
    assert keys.find(secret) is not None

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=1, seconds=2)

    monkeypatch.setattr(tokens, "datetime", Tomorrow)
    assert keys.find(secret) is None
    assert [t.state() for t in listed(tmp_path)] == ["expired"]
    assert make(tmp_path, "short", ["read"])  # the name is free again


def test_a_revoked_token_ends_while_the_daemon_runs_and_its_name_is_free(tmp_path):
    first, other = make(tmp_path, "ci", ["read"]), make(tmp_path, "other", ["read"])
    keys = Keys(tmp_path)
    with pytest.raises(RackprintError, match="is there already"):
        make(tmp_path, "ci", ["read"])
    revoke(tmp_path, "ci")
    assert later(keys).find(first) is None
    assert keys.find(other) is not None
    second = make(tmp_path, "ci", ["admin"])
    assert later(keys).find(second).scopes == ("admin",)
    assert keys.find(first) is None
    assert [t.state() for t in listed(tmp_path)] == ["revoked", "live", "live"]


def test_revoking_what_is_not_there(tmp_path):
    make(tmp_path, "ci", ["read"])
    with pytest.raises(RackprintError, match="did you mean ci"):
        revoke(tmp_path, "cii")
    revoke(tmp_path, "ci")
    with pytest.raises(RackprintError, match="is revoked already"):
        revoke(tmp_path, "ci")
    with pytest.raises(RackprintError, match="no such case"):
        revoke(tmp_path / "none", "ci")
    assert not (tmp_path / "none").exists()


def test_one_look_at_the_file_a_second(tmp_path, monkeypatch):
    make(tmp_path, "ci", ["read"])
    keys = Keys(tmp_path)
    looks = []
    clock = [keys._next - 1.0]
    monkeypatch.setattr(tokens.time, "monotonic", lambda: clock[0])
    real = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **more: looks.append(path) or real(path, **more))
    for _ in range(1000):
        keys.find("x")
    assert looks == []
    clock[0] += 1.0
    for _ in range(1000):
        keys.find("x")
    assert len(looks) == 1


def test_a_file_that_did_not_change_is_not_read_again(tmp_path, monkeypatch):
    secret = make(tmp_path, "ci", ["read"])
    keys = Keys(tmp_path)
    monkeypatch.setattr(tokens, "_load", lambda path: pytest.fail("was read"))
    assert later(keys).find(secret) is not None


@pytest.mark.parametrize(
    "broken",
    [
        b"", b'{"tokens":[{"na', b"\xff\xfe", b"[]", b'{"tokens":3}', b"[" * 100_000, b'{"tokens":[],"more":1}',
        b'{"tokens":[{"name":"x","sha256":"short","scopes":["read"],"created":"2026-01-01T00:00:00Z"}]}',
        b'{"tokens":[{"name":"x","sha256":"' + b"0" * 64 + b'","scopes":["all"],"created":"2026-01-01T00:00:00Z"}]}',
        b'{"tokens":[{"name":"x","sha256":"' + b"0" * 64 + b'","scopes":["read"],"created":"2026-01-01T00:00:00"}]}',
    ],
)  # fmt: skip
def test_a_broken_file_leaves_the_last_good_tokens_and_is_never_written_over(tmp_path, broken):
    secret = make(tmp_path, "ci", ["read"])
    file = tmp_path / "tokens.json"
    good = file.read_bytes()
    keys = Keys(tmp_path)
    file.write_bytes(broken)
    assert later(keys).find(secret) is not None
    assert keys.problem.startswith(f"{file}: cannot be read as tokens (")
    fresh = Keys(tmp_path)
    assert fresh.find(secret) is None
    assert fresh.problem == keys.problem
    for change in (lambda: make(tmp_path, "new", ["read"]), lambda: revoke(tmp_path, "ci"), lambda: listed(tmp_path)):
        with pytest.raises(RackprintError, match="cannot be read as tokens"):
            change()
    assert file.read_bytes() == broken
    file.write_bytes(good)
    assert later(fresh).find(secret) is not None
    assert fresh.problem is None


def test_files_that_are_none_and_files_that_anybody_may_write(tmp_path):
    secret = make(tmp_path, "ci", ["read"])
    file = tmp_path / "tokens.json"
    file.chmod(0o666)
    keys = Keys(tmp_path)
    assert keys.find(secret) is None
    assert "anybody may write to it; chmod 600 it" in keys.problem
    file.unlink()
    os.mkfifo(file)
    assert later(keys).find(secret) is None
    assert "is no file of tokens" in keys.problem
    file.unlink()
    file.mkdir()
    assert later(keys).find(secret) is None
    assert keys.problem


def test_a_file_that_is_gone_holds_no_tokens(tmp_path):
    secret = make(tmp_path, "ci", ["read"])
    keys = Keys(tmp_path)
    (tmp_path / "tokens.json").unlink()
    assert later(keys).find(secret) is None
    assert "token make" in keys.problem
    assert listed(tmp_path) == []
    again = make(tmp_path, "ci", ["read"])
    assert later(keys).find(again) is not None
    assert keys.problem is None
    assert Keys(tmp_path / "no/case").find(secret) is None


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path, monkeypatch):
    secret = make(tmp_path, "ci", ["read"])
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(RackprintError, match="no space left on device; nothing was changed"):
        make(tmp_path, "more", ["read"])
    assert [t.name for t in listed(tmp_path)] == ["ci"]
    assert Keys(tmp_path).find(secret) is not None
    assert sorted(p.name for p in tmp_path.iterdir()) == [".tokens.lock", "tokens.json"]


def test_a_maker_that_was_killed_is_in_nobodys_way(tmp_path):
    (tmp_path / ".tokens.json.new").write_text('{"tok')
    (tmp_path / ".tokens.json.new").chmod(0o644)
    assert Keys(tmp_path).problem
    secret = make(tmp_path, "ci", ["read"])
    assert Keys(tmp_path).find(secret) is not None
    assert (tmp_path / "tokens.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_makes_belongs_to_whom_the_case_belongs_to(tmp_path):
    os.chown(tmp_path, 12345, 12346)
    make(tmp_path, "ci", ["read"])
    for name in ("tokens.json", ".tokens.lock"):
        status = (tmp_path / name).stat()
        assert (status.st_uid, status.st_gid) == (12345, 12346)


def _make_some(case: Path, maker: int) -> None:
    for number in range(10):
        make(case, f"m{maker}-{number}", ["ingest"])


def test_makers_at_once_lose_no_token(tmp_path):
    context = multiprocessing.get_context("fork")
    makers = [context.Process(target=_make_some, args=(tmp_path, maker)) for maker in range(3)]
    for maker in makers:
        maker.start()
    keys = Keys(tmp_path)
    while any(maker.is_alive() for maker in makers):
        later(keys).find("x")  # a reader meanwhile never sees half a file
        assert keys.problem is None or "there are no tokens" in keys.problem
    for maker in makers:
        maker.join()
        assert maker.exitcode == 0
    assert len({t.name for t in listed(tmp_path)}) == 30
    assert len(json.loads((tmp_path / "tokens.json").read_text())["tokens"]) == 30
