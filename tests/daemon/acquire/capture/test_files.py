"""What is written is pcapng that others read, cut where it should be."""

import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from rackprint.daemon.acquire.capture.files import Files, left
from rackprint.daemon.acquire.capture.messages import PART, Closed, Plan
from rackprint.fingerprint.capture.records import Record, read_records

NOW = 1_772_179_200_123_456_789
FRAME = bytes.fromhex("ffffffffffff 02a000000001 0800".replace(" ", "")) + b"payload of some length"


def written(folder: Path, plan: Plan, frames: list[bytes]) -> list[Closed]:
    told: list[Closed] = []
    drops = iter(range(7, 1000, 7))
    files = Files(plan, 1, lambda: next(drops), told.append)
    for number, frame in enumerate(frames):
        files.add(NOW + number, len(frame), memoryview(frame))
    files.close()
    return told


def test_every_packet_comes_back_to_the_nanosecond(tmp_path):
    frames = [FRAME + bytes(n) for n in range(9)]
    (closed,) = written(tmp_path, Plan("veth0", str(tmp_path), "udp"), frames)
    records = list(read_records(io.BytesIO(Path(closed.path).read_bytes())))
    assert [(r.time_ns, r.link, r.data) for r in records] == [(NOW + n, 1, f) for n, f in enumerate(frames)]
    assert (closed.packets, closed.dropped) == (9, 7)


def test_size_and_snap_length_are_kept_to(tmp_path):
    plan = Plan("veth0", str(tmp_path), snaplen=64, rotate_bytes=2000)
    told = written(tmp_path, plan, [FRAME + bytes(1400)] * 100)
    assert sum(closed.packets for closed in told) == 100
    assert len(told) > 4
    for closed in told:
        data = Path(closed.path).read_bytes()
        assert len(data) < 2000 + 200 + 96
        assert all(isinstance(r, Record) and len(r.data) == 64 for r in read_records(io.BytesIO(data)))
    assert [closed.dropped for closed in told] == [7] * len(told)  # each tells of its own time


def test_a_part_is_read_up_to_its_end(tmp_path):
    files = Files(Plan("veth0", str(tmp_path)), 1, lambda: 0, lambda closed: None)
    for number in range(3):
        files.add(NOW + number, len(FRAME), FRAME)
    files.tick()
    (path,) = left(tmp_path)
    assert path.name.endswith(PART)
    found = list(read_records(io.BytesIO(path.read_bytes()[:-5])))
    assert [r.time_ns for r in found if isinstance(r, Record)] == [NOW, NOW + 1]
    assert len(found) == 3  # the third is told as cut


def test_wireshark_reads_name_filter_and_drops(tmp_path):
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed")
    (closed,) = written(tmp_path, Plan("br-räck", str(tmp_path), "udp port 67"), [FRAME] * 3)
    fields = "frame.interface_name", "frame.len", "frame.time_epoch"
    shown = [part for field in fields for part in ("-e", field)]
    out = subprocess.run(["tshark", "-r", closed.path, "-T", "json", *shown], capture_output=True, check=True)
    layers = [packet["_source"]["layers"] for packet in json.loads(out.stdout)]
    assert {layer["frame.interface_name"][0] for layer in layers} == {"br-räck"}
    assert layers[2]["frame.time_epoch"][0].endswith(".123456791")
    assert b"Malformed" not in out.stdout


def test_a_file_that_goes_while_the_folder_is_read_was_kept(tmp_path):
    (tmp_path / "a.pcapng").write_bytes(b"x")
    (tmp_path / "b.pcapng").symlink_to(tmp_path / "gone")  # a name that has no file behind it any more
    (tmp_path / "c.pcapng").touch()
    assert [path.name for path in left(tmp_path)] == ["a.pcapng"]
    assert not (tmp_path / "c.pcapng").exists()
