"""What is plugged in and out is told, not polled: over a socket pair, and in a replayed rack under umockdev."""

import json
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from corpus import corpus
from usb_devices import device, hub, write

from rackprint.daemon.acquire.usb.hotplug import follow
from rackprint.daemon.errors import RackprintError

BENCH = Path(__file__).resolve().parents[3] / "umockdev_bench.py"
RACKPRINT = Path(sys.executable).with_name("rackprint")
HUB = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-1"
USB = b"add@/devices/usb1/1-1\0SUBSYSTEM=usb\0"
IPHONE = """P: /devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.2
N: bus/usb/001/077
E: SUBSYSTEM=usb
E: DEVTYPE=usb_device
E: BUSNUM=001
E: DEVNUM=077
E: DEVNAME=/dev/bus/usb/001/077
E: MAJOR=189
E: MINOR=76
A: busnum=1\\n
A: devnum=77\\n
A: idVendor=05ac\\n
A: idProduct=12a8\\n
A: product=iPhone\\n
A: serial=00008020000A1B2C3D4E5F60\\n
"""


@pytest.fixture
def told():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        yield ours, theirs


def names(found):
    return [d.name for d in found.devices]


def test_the_tree_comes_at_once_and_after_each_change(tmp_path, told):
    ours, theirs = told
    write(tmp_path, hub("usb1"))
    trees = follow(tmp_path, events=theirs)
    assert names(next(trees)) == ["usb1"]
    write(tmp_path, device("1-1"))
    ours.send(USB)
    write(tmp_path, device("1-2"))
    ours.send(USB)  # a hub's phones arrive together, and are shown together
    assert names(next(trees)) == ["usb1", "1-1", "1-2"]


def test_without_a_message_or_a_change_nothing_is_new(tmp_path, told):
    ours, theirs = told
    write(tmp_path, device("1-1"))
    trees = follow(tmp_path, 1.0, events=theirs)
    first = next(trees)
    write(tmp_path, device("1-2"))
    ours.send(USB.replace(b"=usb", b"=block"))
    assert next(trees) is first  # nobody told of USB: it is not looked at
    shutil.rmtree(tmp_path / "devices/1-2")
    ours.send(USB)
    assert next(trees) is first  # told, and nothing differs


def test_a_socket_that_ends_is_told(tmp_path, told):
    ours, theirs = told
    write(tmp_path, device("1-1"))
    trees = follow(tmp_path, 1.0, events=theirs)
    next(trees)
    ours.send(b"")
    with pytest.raises(RackprintError, match="ended"):
        next(trees)


def test_the_kernels_own_socket_can_be_heard(tmp_path):
    write(tmp_path, device("1-1"))
    trees = follow(tmp_path, 0.01)
    assert next(trees) is next(trees)


def test_a_replayed_rack_is_followed_and_ctrl_c_ends_it(tmp_path):
    if not shutil.which("umockdev-wrapper"):
        pytest.skip("umockdev absent: apt-get install umockdev")
    (tmp_path / "iphone").write_text(IPHONE)
    command = ["umockdev-wrapper", sys.executable, BENCH, corpus("android/rack40.umockdev"),
               RACKPRINT, "usb", "--follow", "--format", "json"]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as bench:
        last = threading.Timer(60, bench.kill)
        last.start()
        lines = map(json.loads, bench.stdout)
        attached = [next(lines) for _ in range(45)]
        assert {line["event"] for line in attached} == {"attached"}
        for order in (f"out {HUB}/1-1.2", f"in {tmp_path / 'iphone'} {HUB}/1-1.2", f"out {HUB}/1-1.7"):
            bench.stdin.write(order.encode() + b"\n")
            bench.stdin.flush()
            line = next(lines)
            told = (line["event"], line["slot"], line["serial"], line["mark"])
            match order.split():
                case ["out", place] if place.endswith("1-1.2"):
                    assert told == ("unplugged", "1-1.2", "R58N0000002", "")
                case ["in", *_]:
                    assert told == ("plugged", "1-1.2", "00008020000A1B2C3D4E5F60", "")
                    assert line["do"].startswith("not Android: not acquired")
                case _:
                    assert told[:3] == ("unplugged", "1-1.7", "0123456789ABCDEF")
        bench.stdin.write(b"stop\n")
        bench.stdin.close()
        assert bench.wait() == 0
        assert bench.stderr.read() == b"rackprint: stopped by hand\n"
        last.cancel()
