"""``rackprint simulate-rack`` as a process: what it says, what can be asked of it, and how it ends."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rackprint.daemon.acquire.adb import link, listing, shell
from rackprint.daemon.acquire.adb.server import address, listens
from rackprint.daemon.simulated import rendezvous

PROGRAM = str(Path(sys.executable).with_name("rackprint"))


@pytest.fixture(autouse=True)
def runtime(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
def begin():
    processes = []

    def start(*options):
        process = subprocess.Popen([PROGRAM, "simulate-rack", *options], stdout=subprocess.PIPE, text=True)
        processes.append(process)
        said = []
        while not said or not said[-1].startswith("Ctrl-C"):
            said.append(process.stdout.readline())
            assert said[-1], "it ended"
        return process, said

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def gone(where, seconds=5):
    end = time.monotonic() + seconds
    while listens(where) and time.monotonic() < end:
        time.sleep(0.02)
    return not listens(where)


def test_a_rack_with_equal_serials_and_trouble_that_ends(begin):
    process, said = begin("20", "--hangs", "1", "--drops", "1", "--unauthorized", "1", "--recover", "1.5")
    rack = rendezvous.find()
    assert (rack.ready, rack.pid, rack.phones, len(rack.servers)) == (True, process.pid, 20, 2)
    assert f"rackprint acquire --simulated --adb {rack.servers[0]} --adb {rack.servers[1]}\n" in said[-2]
    over_tcp, at_ports = (listing.transports(where) for where in rack.servers)
    assert ([t.kind for t in over_tcp], [t.kind for t in at_ports]) == (["tcp"] * 12, ["usb"] * 8)
    assert len({t.serial for t in at_ports}) == 1
    assert len({t.slot for t in at_ports}) == 8
    assert sorted(t.state for t in over_tcp) == ["device"] * 11 + ["unauthorized"]
    ready = [process.stdout.readline() for _ in range(3)]
    assert all("is ready again (was: " in line for line in ready)
    for transport in at_ports:
        v2 = "shell_v2" in link.features(transport.server, transport.id)
        whole = shell.run(transport, "getprop", v2=v2, seconds=5, most=1 << 20)
        assert (whole.exit_code, b"[ro.serialno]: [0123456789ABCDEF]" in whole.stdout) == (0, True)
    seen = next(listed for listed in listing.follow(rack.servers[0], 1) if {t.state for t in listed} == {"device"})
    assert len(seen) == 12
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert rendezvous.find() is None
    assert all(gone(where) for where in rack.servers)


def test_killed_it_takes_its_adb_server_with_it_and_the_next_one_starts(begin):
    process, _ = begin("2")
    where = rendezvous.find().servers[0]
    process.kill()
    process.wait()
    assert gone(where)
    assert rendezvous.find() is None
    process, _ = begin("3", "--equal", "3", "--hangs", "1")
    assert len(rendezvous.find().servers) == 1
    process.send_signal(signal.SIGUSR1)
    assert "answers no dumpsys" in process.stdout.readline()
    second = subprocess.run([PROGRAM, "simulate-rack", "1"], capture_output=True, text=True, check=False, timeout=60)
    assert (second.returncode, "runs already" in second.stderr) == (1, True)
    process.terminate()
    assert process.wait(20) == 0


@pytest.mark.parametrize("options", [["0"], ["3", "--equal", "4"], ["3", "--hangs", "2", "--drops", "2"], ["x"]])
def test_wrong_numbers_are_wrong_usage(options):
    found = subprocess.run(
        [PROGRAM, "simulate-rack", *options], capture_output=True, text=True, check=False, timeout=60
    )
    assert (found.returncode, "Traceback" in found.stderr) == (2, False)
    assert rendezvous.find() is None


def test_the_servers_answer_for_what_they_can(begin):
    begin("4", "--equal", "2")
    where = rendezvous.find().servers[1]
    assert link.answer(where, "host:version") == "0029"
    assert link.answer(where, "host:devices").count("0123456789ABCDEF\tdevice\n") == 2
    with pytest.raises(link.LinkError, match="unknown host service"):
        link.answer(where, "host:kill")
    with pytest.raises(link.LinkError, match="no device"):
        link.features(where, 99)
    assert address(str(where)) == where
