"""The real adb server against emulated phones: whole answers, trouble, files, keys; and frames that no host sends."""

import socket
import struct
import subprocess
import time

import pytest
from adbutils import AdbClient

from rackprint.daemon.acquire.adb import link, listing, shell
from rackprint.daemon.acquire.adb.server import Server, binary
from rackprint.daemon.simulated.bench import Bench
from rackprint.daemon.simulated.handset import Handset
from rackprint.daemon.simulated.shell import Output, Shell
from rackprint.daemon.simulated.wire import CNXN, MOST, NEW, OKAY, OLD, OPEN, WRTE, message
from rackprint.fingerprint.commands.record import State

LONG = bytes(range(256)) * 12_000  # three payloads of the largest size
ANSWERS = {
    "say": Output(b"out\n", b"err\n", 7),
    "dumpsys battery": Output(b"  level: 100\n" * 500),
    "cat /long": Output(LONG),
}


def phone(**more):
    return Handset(Shell(ANSWERS), serial="S1", product="p", model="M 1", device="d", **more)


@pytest.fixture(scope="module")
def adb(tmp_path_factory):
    with Server(home=tmp_path_factory.mktemp("home"), usb=False) as server:
        yield server.address


@pytest.fixture
def bench():
    with Bench() as bench:
        yield bench


def until(found, wanted, seconds=15):
    end = time.monotonic() + seconds
    while (last := found()) != wanted and time.monotonic() < end:
        time.sleep(0.02)
    assert last == wanted


class At:
    """A phone that is connected to the real server."""

    def __init__(self, adb, bench, handset):
        self.adb, self.phone = adb, handset
        self.serial = str(bench.phone(handset))
        self.said = link.answer(adb, f"host:connect:{self.serial}", 20)

    def transport(self):
        return next(t for t in listing.transports(self.adb) if t.serial == self.serial)

    def state(self):
        return self.transport().state

    def run(self, line, seconds=5.0, most=8 << 20):
        until(self.state, "device")
        transport = self.transport()
        v2 = "shell_v2" in link.features(self.adb, transport.id)
        return shell.run(transport, line, v2=v2, seconds=seconds, most=most)


@pytest.mark.parametrize("sdk", [26, 30])
def test_an_answer_with_its_exit_code_and_what_went_wrong_apart(adb, bench, sdk):
    at = At(adb, bench, phone(sdk=sdk))
    found = at.run("say")
    assert (found.protocol, found.state, found.exit_code) == ("shell_v2", State.COMPLETE, 7)
    assert (found.stdout, found.stderr) == (b"out\n", b"err\n")
    assert at.run("nothing").exit_code == 127
    assert at.run("cat /long").stdout == LONG
    assert at.transport().model == "M 1"
    assert at.phone.asked == type(at.phone.asked)(["say", "nothing", "cat /long"])


def test_a_phone_without_shell_v2_answers_with_the_trailer(adb, bench):
    at = At(adb, bench, phone(sdk=19))
    found = at.run("say")
    assert (found.protocol, found.state, found.exit_code) == ("trailer", State.COMPLETE, 7)
    assert found.stdout == b"err\r\nout\r\n"
    with pytest.raises(link.LinkError, match="closed"):
        shell.run(at.transport(), "say", v2=True, seconds=5, most=1 << 20)


def test_a_link_that_drops_is_a_cut_answer_and_the_phone_comes_back(adb, bench):
    at = At(adb, bench, phone(mode="drops"))
    found = at.run("dumpsys battery")
    assert (found.state, found.exit_code) == (State.TRUNCATED, None)
    assert 0 < len(found.stdout) < len(ANSWERS["dumpsys battery"].stdout)
    at.phone.mode = "ready"
    assert at.run("dumpsys battery").stdout == ANSWERS["dumpsys battery"].stdout


def test_a_phone_that_hangs_is_left_in_time_and_answers_the_rest(adb, bench):
    at = At(adb, bench, phone(mode="hangs"))
    began = time.monotonic()
    assert at.run("dumpsys battery", seconds=0.3).state is State.TIMED_OUT
    assert time.monotonic() - began < 3
    assert at.run("say").exit_code == 7


def test_a_slow_one_takes_its_time(adb, bench):
    at = At(adb, bench, phone(delay=200))
    began = time.monotonic()
    assert at.run("say").state is State.COMPLETE
    assert time.monotonic() - began >= 0.2


def test_an_unauthorized_one_takes_the_key_once_it_is_told_to_and_knows_it_then(adb, bench):
    handset = phone(mode="unauthorized", secure=True)
    at = At(adb, bench, handset)
    assert (at.state(), handset.keys) == ("unauthorized", [])
    handset.mode = "ready"
    assert at.run("say").exit_code == 7
    assert len(handset.keys) == 1
    again = At(adb, bench, handset)  # now the signature of the key is enough
    assert again.said.startswith("connected")
    assert len(handset.keys) == 1


@pytest.mark.parametrize("sdk", [19, 30])
def test_files_are_pulled_and_none_is_pushed(adb, bench, tmp_path, sdk):
    at = At(adb, bench, phone(sdk=sdk))
    until(at.state, "device")
    device = AdbClient(host=adb.host, port=adb.port).device(at.serial)
    assert device.sync.read_bytes("/long") == LONG.replace(b"\n", b"\n")
    assert device.sync.stat("/none").mode == 0
    adb_program = [binary(), "-P", str(adb.port), "-s", at.serial]
    pulled = subprocess.run([*adb_program, "pull", "/long", tmp_path / "f"], capture_output=True, check=False)
    assert (pulled.returncode, (tmp_path / "f").read_bytes()) == (0, LONG)
    assert subprocess.run([*adb_program, "push", tmp_path / "f", "/f"], capture_output=True, check=False).returncode
    assert subprocess.run([*adb_program, "pull", "/none", tmp_path], capture_output=True, check=False).returncode


HELLO = message(CNXN, NEW, MOST, b"host::features=shell_v2")
HOSTILE = [
    b"GET / HTTP/1.1\r\nHost: phone\r\n\r\n",
    message(CNXN, NEW, 16),
    message(CNXN, 1, MOST),
    message(OPEN, 1, 0, b"shell:say\0"),
    struct.pack("<6I", CNXN, NEW, MOST, 0xFFFFFFF0, 0, CNXN ^ 0xFFFFFFFF),
    HELLO + struct.pack("<6I", 0x12345678, 1, 1, 0, 0, 0x12345678 ^ 0xFFFFFFFF),
    HELLO + HELLO,
    HELLO + message(OPEN, 0, 0, b"shell:say\0"),
    HELLO + b"".join(message(OPEN, n, 0, b"sync:\0") for n in range(1, 3000)),
]


def ended(where, data):
    with socket.create_connection((where.host, where.port), timeout=5) as connection:
        try:
            connection.sendall(data)
            while connection.recv(1 << 16):
                pass
        except ConnectionError:
            return True
        return True


@pytest.mark.parametrize("data", HOSTILE)
def test_a_hostile_frame_ends_its_connection_and_no_other(bench, data):
    where = bench.phone(phone())
    with socket.create_connection((where.host, where.port), timeout=5) as good:
        good.sendall(HELLO)
        assert good.recv(24)[:4] == b"CNXN"
        assert ended(where, data)
        good.sendall(message(OPEN, 5, 0, b"shell:say\0"))
        assert b"out\n" in read_until(good, b"CLSE")


def test_a_checksum_that_is_wrong_ends_the_connection_of_an_old_phone(bench):
    where = bench.phone(phone(sdk=19))
    bad = bytearray(message(OPEN, 5, 0, b"shell:say\0"))
    bad[16] ^= 1
    assert ended(where, message(CNXN, OLD, MOST, b"host::") + bytes(bad))


def test_frames_byte_by_byte_and_streams_that_are_none(bench):
    where = bench.phone(phone())
    with socket.create_connection((where.host, where.port), timeout=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stray = message(OKAY, 9, 9) + message(WRTE, 9, 9, b"x") + message(OPEN, 4, 0, b"reboot:\0")
        for byte in HELLO + stray + message(OPEN, 5, 0, b"exec:say\0"):
            connection.sendall(bytes([byte]))
        assert b"out\nerr\n" in read_until(connection, b"out\nerr\n")


def read_until(connection, wanted):
    data = b""
    while wanted not in data and (more := connection.recv(1 << 16)):
        data += more
    return data
