"""The watched folder of a daemon that runs: what is taken in, what is refused and why, and what is left alone."""

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from failing_disk import build, environment
from serving import RACK, Daemon
from waiting import until

SETTLE = 0.3


class Watched:
    """A daemon and its folder. What is put in comes from beside it, by a rename."""

    def __init__(self, where: Path, **settings: str) -> None:
        self.folder, self.outside = where / "spool", where / "outside"
        for folder in (self.folder, self.outside):
            folder.mkdir(parents=True)
        given = {"spool__folder": str(self.folder), "spool__settle_seconds": str(SETTLE), **settings}
        self.daemon = Daemon(where / "case", **given)

    def put(self, name: str, data: bytes) -> None:
        (self.outside / "new").write_bytes(data)
        (self.outside / "new").rename(self.folder / name)

    def waits(self, name: str) -> bool:
        return os.path.lexists(self.folder / name)

    def gone(self, *names: str, seconds: float = 30.0) -> None:
        """Waits until none of these waits any more."""
        until(lambda: not any(self.waits(name) for name in names), seconds)

    def reasons(self, name: str, folder: str = "refused") -> str:
        assert (self.folder / folder / name).exists(), self.daemon.told()
        return (self.folder / folder / f"{name}.reasons.txt").read_text()

    def observation(self, name: str) -> dict | None:
        with self.daemon.client("read") as client:
            found = client.get(f"/v1/observations/{name}")
        return found.json() if found.status_code == 200 else None

    def artifact(self, data: bytes) -> dict | None:
        with self.daemon.client("read") as client:
            found = client.get(f"/v1/artifacts/{hashlib.sha256(data).hexdigest()}")
        return found.json() if found.status_code == 200 else None


def line(name: str, **signals: str) -> bytes:
    row = {"id": name, "time": "2026-03-01T08:00:00Z", "source": "platform:p", "account": "p:1", "signals": signals}
    return json.dumps(row).encode() + b"\n"


@pytest.fixture(scope="module")
def spool(tmp_path_factory) -> Iterator[Watched]:
    found = Watched(tmp_path_factory.mktemp("spool"), limits__small_kb="64", limits__artifact_mb="4")
    found.put("before.ndjson", line("before"))
    found.daemon.start()
    yield found
    found.daemon.stop()


def test_what_lay_there_at_the_start_is_taken(spool):
    spool.gone("before.ndjson")
    assert (spool.folder / "done" / "before.ndjson").read_bytes() == line("before")
    assert spool.observation("before")["account"] == "p:1"


def test_a_file_is_taken_and_moved_to_done_as_it_was(spool):
    data = line("one") + line("two")
    spool.put("events.ndjson", data)
    spool.gone("events.ndjson")
    assert (spool.folder / "done" / "events.ndjson").read_bytes() == data
    assert not (spool.folder / "done" / "events.ndjson.reasons.txt").exists()
    assert spool.observation("two")["place"] == f"line 2, byte {len(line('one'))}"
    assert spool.artifact(data)["name"] == "events.ndjson"
    entries = [json.loads(row) for row in (spool.daemon.case / "custody.log").read_bytes().splitlines()]
    (entry,) = [e for e in entries if e["kind"] == "artifact" and e["name"] == "events.ndjson"]
    assert entry["who"] == "spool"


def test_a_folder_with_a_manifest_is_one_phone(spool):
    phone = spool.outside / "hub1-port01"
    shutil.copytree(RACK / "hub1-port01", phone)
    phone.rename(spool.folder / "hub1-port01")
    spool.gone("hub1-port01", seconds=60)
    said = json.loads((RACK / "hub1-port01" / "handset.json").read_bytes())
    data = (RACK / "hub1-port01" / "getprop.txt").read_bytes()
    found = spool.artifact(data)
    assert (found["name"], found["exhibit"], found["done"]) == ("hub1-port01/getprop.txt", said["exhibit"], True)
    assert found["taken_at"][:16] == said["taken_at"][:16]
    assert (spool.folder / "done" / "hub1-port01" / "handset.json").exists()
    assert not (spool.folder / "done" / "hub1-port01.reasons.txt").exists()
    spool.daemon.linked()
    with spool.daemon.client("read") as client:
        items = client.get("/v1/devices", params={"limit": 1000}).json()["items"]
        assert len([d for d in items if d["anchor"] == "exhibit"]) == 1


def test_a_file_of_no_use_is_refused_with_the_reason(spool):
    spool.put("photo.raw", bytes(range(256)) * 8)
    spool.gone("photo.raw")
    assert "photo.raw: no parser knows this format" in spool.reasons("photo.raw")
    spool.put("empty.ndjson", b"")
    spool.gone("empty.ndjson")
    assert "empty.ndjson: is empty" in spool.reasons("empty.ndjson")
    assert spool.artifact(bytes(range(256)) * 8) is not None, "it is evidence all the same"


def test_every_bad_line_is_named(spool):
    spool.put("bad.ndjson", b'{"a":\n' + b'{"source":"platform:p"}\n')
    spool.gone("bad.ndjson")
    first, second = spool.reasons("bad.ndjson").splitlines()
    assert "bad.ndjson, line 1: " in first
    assert "bad.ndjson, line 2: " in second
    assert "`time`" in second


def test_what_can_be_read_of_a_bad_file_is_taken(spool):
    data = line("good") + b'{"a":\n'
    spool.put("some.ndjson", data)
    spool.gone("some.ndjson")
    assert "some.ndjson, line 2: " in spool.reasons("some.ndjson", "done")
    assert spool.observation("good")


def test_the_same_again_is_done_too(spool):
    """As after a crash between the commit and the move: it is known, and a line of it is bad."""
    data = line("again") + b'{"a":\n'
    for _ in range(2):
        spool.put("again.ndjson", data)
        spool.gone("again.ndjson")
    assert not (spool.folder / "refused" / "again.ndjson").exists()
    assert len([p for p in (spool.folder / "done").glob("again.ndjson*") if not p.name.endswith(".txt")]) == 2


def test_a_name_that_is_taken_gets_another(spool):
    for n in range(3):
        spool.put("name.ndjson", line(f"name{n}"))
        spool.gone("name.ndjson")
    found = {p.read_bytes() for p in (spool.folder / "done").glob("name.ndjson*")}
    assert found == {line(f"name{n}") for n in range(3)}


def test_what_begins_with_a_dot_is_left_alone_until_it_is_renamed(spool):
    spool.put(".part.ndjson", line("dot"))
    spool.put("after.ndjson", line("after"))
    spool.gone("after.ndjson")
    time.sleep(SETTLE + 1.5)
    assert spool.waits(".part.ndjson")
    assert spool.observation("dot") is None
    (spool.folder / ".part.ndjson").rename(spool.folder / "part.ndjson")
    spool.gone("part.ndjson")
    assert spool.observation("dot")


def test_a_file_that_is_still_written_is_waited_for(spool):
    rows = [line(f"slow{n}") for n in range(8)]
    with (spool.folder / "slow.ndjson").open("wb", buffering=0) as file:
        for row in rows:
            file.write(row)
            time.sleep(SETTLE / 2)
            assert spool.waits("slow.ndjson")
    spool.gone("slow.ndjson")
    assert (spool.folder / "done" / "slow.ndjson").read_bytes() == b"".join(rows)
    assert spool.observation("slow7")


def test_a_folder_that_is_still_filled_is_waited_for(spool):
    folder = spool.folder / "filling"
    folder.mkdir()
    time.sleep(SETTLE + 1.5)
    assert folder.is_dir(), "nothing is in it yet"
    (folder / "sub").mkdir()
    with (folder / "sub" / "a.ndjson").open("wb", buffering=0) as file:
        for n in range(8):
            file.write(line(f"fill{n}"))
            time.sleep(SETTLE / 2)
            assert folder.is_dir()
    spool.gone("filling")
    assert spool.observation("fill7")
    assert (spool.folder / "done" / "filling" / "sub" / "a.ndjson").exists()


def test_the_age_that_a_file_claims_does_not_matter(spool):
    for name, at in (("old.ndjson", 0.0), ("future.ndjson", time.time() + 1e6)):
        (spool.outside / name).write_bytes(line(name))
        os.utime(spool.outside / name, (at, at))
        (spool.outside / name).rename(spool.folder / name)
        spool.gone(name)
        assert spool.observation(name)


def test_a_large_file_is_copied_once(spool):
    data = b"".join(line(f"large{n}", note="x" * 400) for n in range(4000))
    assert len(data) > 1 << 20
    spool.put("large.ndjson", data)
    spool.gone("large.ndjson", seconds=60)
    with spool.daemon.client("read") as client:
        found = client.get(f"/v1/artifacts/{hashlib.sha256(data).hexdigest()}/content")
    assert found.content == data
    assert spool.observation("large3999")
    assert not list((spool.daemon.case / "incoming").iterdir())


def test_a_file_over_the_limit_is_refused(spool):
    spool.put("huge.ndjson", b" " * (5 << 20))
    spool.gone("huge.ndjson")
    assert "limits.artifact_mb" in spool.reasons("huge.ndjson")
    assert not list((spool.daemon.case / "incoming").iterdir())


def test_a_link_is_not_followed(spool):
    secret = spool.outside / "secret.ndjson"
    secret.write_bytes(line("secret"))
    (spool.folder / "link.ndjson").symlink_to(secret)
    spool.gone("link.ndjson")
    assert (spool.folder / "refused" / "link.ndjson").is_symlink()
    assert "symbolic link" in (spool.folder / "refused" / "link.ndjson.reasons.txt").read_text()
    inside = spool.outside / "folder"
    inside.mkdir()
    (inside / "link.ndjson").symlink_to(secret)
    (inside / "good.ndjson").write_bytes(line("inside"))
    inside.rename(spool.folder / "folder")
    spool.gone("folder")
    assert "symbolic link" in spool.reasons("folder", "done")
    assert spool.observation("inside")
    assert spool.observation("secret") is None
    assert secret.exists()


@pytest.mark.parametrize("name", [os.fsdecode(b"\xff\xfe.raw"), "a\nb\x1b[31m.raw", "déjà vu.raw"])
def test_a_strange_name_stops_nothing(spool, name):
    spool.put(name, b"\x00\x01" + os.fsencode(name))
    spool.gone(name)
    assert len(spool.reasons(name).splitlines()) == 1
    assert "\x1b" not in spool.reasons(name)
    spool.put("next.ndjson", line("next"))
    spool.gone("next.ndjson")


def test_a_pipe_is_refused(spool):
    os.mkfifo(spool.folder / "pipe")
    spool.gone("pipe")
    assert "is no regular file" in (spool.folder / "refused" / "pipe.reasons.txt").read_text()


def test_many_files_all_arrive(spool):
    names = [f"many{n:03}.ndjson" for n in range(100)]
    for name in names:
        spool.put(name, line(name))
    spool.gone(*names, seconds=60)
    assert all(spool.observation(name) for name in names)


def test_a_kill_loses_nothing(tmp_path):
    spool = Watched(tmp_path, limits__small_kb="64")
    spool.daemon.start()
    names = [f"n{n:02}.ndjson" for n in range(30)]
    for name in names:
        spool.put(name, line(name))
    until(lambda: bool(list((spool.folder / "done").iterdir())))
    assert spool.daemon.process is not None
    spool.daemon.process.kill()
    spool.daemon.process.wait(20)
    spool.daemon.start()
    spool.gone(*names, seconds=60)
    assert all(spool.observation(name) for name in names)
    with spool.daemon.client("read") as client:
        assert client.get("/v1/status").json()["counts"]["observations"] == len(names)
    assert not list((spool.folder / "refused").iterdir())
    spool.daemon.stop()


def test_a_folder_that_goes_does_not_end_the_daemon(tmp_path):
    spool = Watched(tmp_path)
    spool.daemon.start()
    spool.put("a.ndjson", line("a"))
    spool.gone("a.ndjson")
    spool.folder.rename(tmp_path / "elsewhere")
    time.sleep(2)
    spool.folder.mkdir()
    spool.put("b.ndjson", line("b"))
    spool.gone("b.ndjson")
    assert (spool.folder / "done" / "b.ndjson").exists()
    assert spool.observation("b")
    spool.daemon.stop()


def test_a_full_disk_is_waited_for(tmp_path, monkeypatch):
    control = tmp_path / "control"
    for key, value in environment(build(tmp_path), tmp_path / "case", control=control).items():
        monkeypatch.setenv(key, value)
    spool = Watched(tmp_path, limits__small_kb="16")
    spool.daemon.start()
    for times, where in enumerate(("incoming", "case.db-wal"), 1):
        control.write_text(f"write {errno.ENOSPC} 1 {where}\n")
        if times == 1:
            spool.put("large.ndjson", b"".join(line(f"full{n}", note="x" * 400) for n in range(100)))
        until(lambda: "full" in spool.daemon.told() or "no space left" in spool.daemon.told())
        until(lambda times=times: spool.daemon.told().count("tried again") >= times)
        assert spool.waits("large.ndjson")
    control.write_text("")
    spool.gone("large.ndjson")
    assert (spool.folder / "done" / "large.ndjson").exists()
    assert spool.observation("full99")
    assert not list((spool.daemon.case / "incoming").iterdir())
    spool.daemon.stop()
