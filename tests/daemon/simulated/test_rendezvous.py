"""A rack is found while it runs, and not when it is gone, however it went."""

import os
import signal
import subprocess
import sys

import pytest

from rackprint.daemon.acquire.adb.server import Address
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.simulated import rendezvous

HOLD = """
import sys, time
from rackprint.daemon.simulated import rendezvous
with rendezvous.hold(5) as held:
    print("held", flush=True)
    sys.stdin.readline()
    held.say((), ready=True)
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def runtime(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "rackprint"


@pytest.fixture
def other():
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=pipe, stdout=pipe, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_from_the_first_moment_to_the_last():
    assert rendezvous.find() is None
    with rendezvous.hold(7) as held:
        found = rendezvous.find()
        assert (found.ready, found.phones, found.pid, found.servers) == (False, 7, os.getpid(), ())
        assert found.wait(0.1) is None
        held.say([Address("127.0.0.1", 5999)], ready=True)
        assert found.wait(5).servers == (Address("127.0.0.1", 5999),)
    assert rendezvous.find() is None
    assert found.wait(5) is None


def test_one_that_was_killed_is_none_and_in_nobodys_way(other, runtime):
    assert rendezvous.find().pid == other.pid
    with pytest.raises(RackprintError, match=f"runs already \\(process {other.pid}\\)"), rendezvous.hold(1):
        pass
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert (runtime / "simulated-rack.json").is_file()
    assert rendezvous.find() is None
    with rendezvous.hold(1):
        assert rendezvous.find().pid == os.getpid()


def test_it_is_waited_for(other):
    found = rendezvous.find()
    other.stdin.write("\n")
    other.stdin.flush()
    assert found.wait(30).ready


@pytest.mark.parametrize(
    "text", ["", "[]", '{"pid": 1}', '{"pid":"x","version":"","phones":1,"ready":true,"servers":[1]}']
)
def test_a_file_that_says_nothing_is_no_rack(runtime, text):
    with rendezvous.hold(1):
        (runtime / "simulated-rack.json").write_text(text)
        assert rendezvous.find() is None


def test_a_folder_that_others_may_write_to_is_refused(runtime):
    runtime.mkdir()
    runtime.chmod(0o777)
    assert rendezvous.find() is None
    with pytest.raises(RackprintError, match="of this user alone"), rendezvous.hold(1):
        pass
