import hashlib
import os
import stat

import pytest

from rackprint.daemon.evidence.vault import Vault


def test_a_file_is_kept_under_its_hash_and_never_written_again(tmp_path):
    source = tmp_path / "getprop.txt"
    source.write_bytes(b"x" * 3_000_000)
    os.utime(source, (1, 1))
    vault = Vault(tmp_path / "case")
    stored = vault.add_file(source)
    assert stored == (hashlib.sha256(source.read_bytes()).hexdigest(), 3_000_000, True) or stored.new
    path = vault.path(stored.sha256)
    assert path.read_bytes() == source.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    inode = path.stat().st_ino
    assert vault.add_file(source) == type(stored)(stored.sha256, 3_000_000, False)
    assert path.stat().st_ino == inode
    assert list(vault.files()) == [path]
    with vault.open(stored.sha256) as stream:
        assert stream.read(3) == b"xxx"


def test_evidence_is_not_touched(tmp_path):
    source = tmp_path / "a"
    source.write_bytes(b"x")
    source.chmod(0o400)
    os.utime(source, (1_000_000, 1_000_000))
    before = source.stat()
    Vault(tmp_path / "case").add_file(source)
    after = source.stat()
    assert (after.st_mtime_ns, after.st_atime_ns, after.st_mode) == (
        before.st_mtime_ns,
        before.st_atime_ns,
        before.st_mode,
    )


def test_a_failed_read_leaves_nothing_behind(tmp_path):
    class Broken:
        def read(self, size):
            raise OSError("gone")

    vault = Vault(tmp_path)
    with pytest.raises(OSError, match="gone"):
        vault.add(Broken())
    assert list(vault.root.iterdir()) == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "A" * 64, ""])
def test_only_hashes_name_artifacts(tmp_path, name):
    with pytest.raises(ValueError, match="SHA-256"):
        Vault(tmp_path).path(name)


def test_hashes_are_those_of_the_artifacts_and_of_nothing_else(tmp_path):
    vault = Vault(tmp_path)
    assert list(vault.hashes()) == []
    made = [vault.add_bytes(data).sha256 for data in (b"a", b"b", b"")]
    (vault.root / "stranger").touch()
    (vault.root / ("0" * 64)).touch()
    assert list(vault.hashes()) == sorted(made)


def test_what_a_crash_left_half_copied_is_swept_away(tmp_path):
    vault = Vault(tmp_path)
    stored = vault.add_bytes(b"whole")
    (vault.root / ".new-half").write_bytes(b"ha")
    assert list(vault.files()) == [vault.path(stored.sha256)]
    vault.sweep()
    assert sorted(p.name for p in vault.root.iterdir()) == [stored.sha256[:2]]
