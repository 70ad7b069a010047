"""``rackprint usb`` in a replayed rack of 40 phones, and where there is no USB."""

import csv
import fcntl
import io
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from corpus import corpus
from usb_devices import MTP, STORAGE, device, hub, write

from rackprint.fingerprint.parsers import find
from rackprint.fingerprint.usb.record import MAGIC

RACKPRINT = Path(sys.executable).with_name("rackprint")
DEFAULT = "0123456789ABCDEF"


def run(*arguments, before=()):
    return subprocess.run([*before, RACKPRINT, "usb", *arguments], capture_output=True, timeout=60, check=False)


def replay(tree, *arguments):
    if not shutil.which("umockdev-run"):
        pytest.skip("umockdev absent: apt-get install umockdev")
    return run(*arguments, before=("umockdev-run", "--device", tree, "--"))


def test_forty_slots_on_four_hubs_with_the_default_serial_on_three():
    done = replay(corpus("android/rack40.umockdev"))
    text = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert text.splitlines()[-1] == f"40 phones on 4 hubs; serial {DEFAULT} on 3: default"
    assert text.count("10 of 10 ports") == 4
    marked = [line for line in text.splitlines() if "! default" in line]
    assert [line.split()[2] for line in marked] == ["1-1.7", "1-1.8", "1-1.9"]


def test_rows_and_a_duplicate_that_is_on_no_deny_list(tmp_path):
    changed = tmp_path / "rack.umockdev"
    text = corpus("android/rack40.umockdev").read_text()
    changed.write_text(text.replace("serial=R58N0000040\\n", "serial=R58N0000011\\n"))
    rows = json.loads(replay(changed, "--format", "json").stdout)
    phones = [row for row in rows if row["kind"] == "android"]
    assert len({row["slot"] for row in phones}) == len(phones) == 40
    assert {row["hub"] for row in phones} == {"1-1", "1-2", "1-3", "1-4"}
    assert {(row["slot"], row["mark"]) for row in phones if row["mark"]} == {
        ("1-1.7", "default"), ("1-1.8", "default"), ("1-1.9", "default"),
        ("1-2.1", "duplicate"), ("1-4.10", "duplicate"),
    }  # fmt: skip
    assert {(row["speed_mbit"], row["power_ma"]) for row in phones} == {(480, 500)}
    summary = replay(changed).stdout.decode().splitlines()[-1]
    assert summary == f"40 phones on 4 hubs; serial {DEFAULT} on 3: default; serial R58N0000011 on 2: duplicate"


def test_control_transfers_that_fail_are_one_line_and_sysfs_is_shown():
    done = replay(corpus("android/rack40.umockdev"), "--descriptors")
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("rackprint: usb1 and 44 more: libusb: ")
    assert line.endswith("what sysfs says is shown")
    assert done.stdout.decode().count("interface 0.0: ff/42/01") == 40


def test_the_tree_is_kept_as_evidence_that_is_read(tmp_path):
    out = tmp_path / "rack.usb"
    assert replay(corpus("android/rack40.umockdev"), "--out", out, "--host", "bench").returncode == 0
    assert find(out.read_bytes(), "x").name == "usb_tree"
    told = subprocess.run([RACKPRINT, "signals", out], capture_output=True, timeout=60, check=True).stdout
    lines = [json.loads(line) for line in told.splitlines()]
    assert {line["signals"]["usb_path"] for line in lines} >= {"bench:1-1.1", "bench:1-4.10"}
    assert len(lines) == 40
    again = replay(corpus("android/rack40.umockdev"), "--out", out)
    assert again.returncode == 1
    assert b"rack.usb: file exists" in again.stderr
    assert out.read_bytes().startswith(MAGIC)


def test_csv_holds_no_formula_and_no_terminal_is_driven(tmp_path):
    write(tmp_path, hub("usb1"), device("1-1", serial="=1+1"), device("1-2", serial=b"\x1b[31mred\n\xe2\x80\xae"))
    rows = list(csv.DictReader(io.StringIO(run("--sys", tmp_path, "--format", "csv").stdout.decode())))
    assert rows[1]["serial"] == "'=1+1"
    picture = run("--sys", tmp_path).stdout
    assert b"\x1b" not in picture
    assert b"\\x1b[31mred" in picture


def test_phones_that_are_not_android_are_named_with_what_to_do(tmp_path):
    write(
        tmp_path, hub("usb1"), hub("1-1"), device("1-1.1", "05ac:12a8", [MTP], serial="A" * 3 + "1"),
        device("1-1.2", interfaces=[MTP]), device("1-1.3", interfaces=[MTP]),
        device("1-1.4", "05c6:9008", ["ff/ff/ff"]), device("1-1.5", "04e8:61f5", [STORAGE]),
        device("1-2", "18d1:4ee7", serial="29011FDH", speed="12"),
    )  # fmt: skip
    lines = run("--sys", tmp_path).stdout.decode().splitlines()
    assert "5 phones on 1 hub; 1 on the host's own ports; 2 android without adb; 1 apple; 1 download mode" in lines
    assert "1-1.2, 1-1.3: ADB is off: unlock it and turn on USB debugging" in lines
    assert "1-1.1: not Android: not acquired; slot, VID:PID and serial are kept" in lines
    assert any("1-1.4" in line and "Qualcomm emergency download" in line for line in lines)
    assert any("1-2" in line and "12 Mbit/s" in line for line in lines)


def test_no_usb_is_one_line_and_wrong_usage_is_2(tmp_path):
    for more in ((), ("--follow",)):
        done = run("--sys", tmp_path / "none", *more)
        assert done.returncode == 1
        (line,) = done.stderr.decode().splitlines()
        assert "no USB here" in line
    assert run("--follow", "--descriptors").returncode == 2


def test_the_picture_fits_a_terminal_of_80_columns(tmp_path):
    write(tmp_path, hub("usb1"), hub("1-1"), device("1-1.1", serial=DEFAULT, product="SM-J530F " * 20))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = os.environ | {"TERM": "xterm"}
    subprocess.run([RACKPRINT, "usb", "--sys", tmp_path], stdout=theirs, env=environment, timeout=60, check=True)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", os.read(ours, 1 << 16).decode()).splitlines()
    os.close(ours)
    os.close(theirs)
    assert max(map(len, lines)) <= 80
    assert any(DEFAULT in line for line in lines)
    assert any("! default" in line for line in lines)
