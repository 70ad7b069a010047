"""verify finds every single changed byte, and every entry that was removed, moved, added or cut off."""

import pytest

from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.evidence.vault import Vault
from rackprint.daemon.evidence.verify import verify_case


def known(log):
    head = log.head()
    return head.hash, head.count


@pytest.fixture
def case(tmp_path):
    vault, log = Vault(tmp_path), CustodyLog(tmp_path / CustodyLog.NAME)
    for number, data in enumerate((b"[ro.serialno]: [A1B2C3]\n", b"", b"\0\1\2")):
        stored = vault.add_bytes(data)
        log.append("artifact", sha256=stored.sha256, size=stored.size, name=f"naïve/{number}.txt")
    log.append("linked", devices=3)
    return tmp_path


def faults(case, head=None):
    log = CustodyLog(case / CustodyLog.NAME)
    return verify_case(case, known(log), head)


def test_an_untouched_case_holds(case):
    head = CustodyLog(case / CustodyLog.NAME).head()
    assert head.count == 4
    assert faults(case, head.hash) == []


def test_every_changed_byte_of_an_artifact_is_found(case):
    for path in Vault(case).files():
        data = path.read_bytes()
        path.chmod(0o644)
        for at in range(len(data)):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            (fault,) = faults(case)
            assert fault.place == str(path)
        path.write_bytes(data + b"x")
        assert "bytes" in faults(case)[0].reason
        path.write_bytes(data)
    assert faults(case) == []


@pytest.mark.parametrize("bit", [1, 0x20, 0x80])
def test_every_changed_byte_of_the_log_is_found(case, bit):
    log = CustodyLog(case / CustodyLog.NAME)
    data, head = log.path.read_bytes(), known(log)
    for at in range(len(data)):
        log.path.write_bytes(data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :])
        found = verify_case(case, head)
        assert found, f"byte {at} ({data[at : at + 1]!r}) was changed unseen"
        line = data[:at].count(b"\n") + 1
        assert (
            any(f"line {line}" in f.place or f"line {line + 1}" in f.place for f in found) or "tail" in found[0].reason
        )


def test_removed_moved_and_repeated_entries_are_found(case):
    log = CustodyLog(case / CustodyLog.NAME)
    lines, head = log.path.read_bytes().splitlines(keepends=True), known(log)
    for at in range(len(lines)):
        changed = [lines[:at] + lines[at + 1 :], [*lines[: at + 1], *lines[at:]]]
        if at:
            changed.append([*lines[: at - 1], lines[at], lines[at - 1], *lines[at + 1 :]])
        for version in changed:
            log.path.write_bytes(b"".join(version))
            assert verify_case(case, head)


def test_a_cut_tail_is_found_by_the_store_or_by_a_printed_head(case):
    log = CustodyLog(case / CustodyLog.NAME)
    head = log.head()
    log.path.write_bytes(b"".join(log.path.read_bytes().splitlines(keepends=True)[:-1]))
    assert verify_case(case, None) == []
    (fault,) = verify_case(case, (head.hash, head.count))
    assert "tail is cut" in fault.reason
    (fault,) = verify_case(case, None, head.hash)
    assert head.hash in fault.reason


def test_missing_and_foreign_files_are_found(case):
    first = next(Vault(case).files())
    first.rename(first.with_name("stranger"))
    places = {fault.place for fault in faults(case)}
    assert places == {str(first), str(first.with_name("stranger"))}


def test_a_forged_chain_does_not_end_in_the_known_head(case):
    log = CustodyLog(case / CustodyLog.NAME)
    head = known(log)
    log.path.unlink()
    for entry in range(head[1]):
        log.append("forged", number=entry)
    assert any("knows as its head" in fault.reason for fault in verify_case(case, head))


def test_a_case_without_a_log_is_a_fault(tmp_path):
    assert verify_case(tmp_path, None)[0].reason == "the custody log is missing"


def test_a_spoiled_line_does_not_shift_those_behind_it(case):
    log = CustodyLog(case / CustodyLog.NAME)
    lines, head = log.path.read_bytes().splitlines(keepends=True), known(log)
    log.path.write_bytes(b"".join([b"nonsense\n", *lines[1:]]))
    found = verify_case(case, head)
    spoiled, stranger = found
    assert "line 1, byte 0" in spoiled.place
    assert "vault" in stranger.place  # the artifact that only the spoiled entry named


def test_an_artifact_that_cannot_be_read_is_a_fault(case, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("rackprint.daemon.evidence.verify.open_evidence", refuse)
    assert {f.reason for f in faults(case)} == {"cannot be read: permission denied"}


def test_files_and_links_beside_the_artifacts_are_found(case):
    (case / "vault" / "note.txt").write_text("x")
    (case / "vault" / "sha256" / "link").symlink_to(case)
    assert {f.place for f in faults(case)} == {
        str(case / "vault" / "note.txt"),
        str(case / "vault" / "sha256" / "link"),
    }


def test_an_entry_naming_no_hash_is_a_fault(case):
    log = CustodyLog(case / CustodyLog.NAME)
    log.append("artifact", sha256="../../x", size=1, name="x")
    assert ["artifact entry lacks" in f.reason for f in faults(case)] == [True]
