"""A run through the bundled adb and the wire protocol: real phones' properties, a rack in trouble, and its recovery."""

import io
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from corpus import corpus
from waiting import until

from rackprint.daemon.acquisition.run import Plan, acquire
from rackprint.daemon.evidence.verify import verify_case
from rackprint.daemon.pipeline import store_head
from rackprint.daemon.simulated import rendezvous
from rackprint.daemon.simulated.bench import Bench
from rackprint.daemon.simulated.handset import Handset
from rackprint.daemon.simulated.shell import Output, Shell
from rackprint.daemon.store.repository import Store
from rackprint.fingerprint.model import ArtifactInfo, Observation
from rackprint.fingerprint.parsers import find

RACKPRINT = Path(sys.executable).with_name("rackprint")
OUTSIDE = {"handset", "usb_path", "hub"}
REAL = {"huawei_g700_android4.4_dualsim": 17, "oneplus_billie_android11": 30, "mobly_device_properties": 30}


def told(signals):
    return {(s.name, s.value, s.valid, s.scope_key) for s in signals if s.name not in OUTSIDE and s.value != ""}


def test_properties_of_real_phones_are_the_same_live_as_from_a_file(tmp_path):
    case = tmp_path / "case"
    files = {name: corpus(f"android/getprop/{name}.txt").read_bytes() for name in REAL}
    with Bench() as bench:
        answers = {name: {"getprop": Output(data)} for name, data in files.items()}
        where = {n: bench.phone(Handset(Shell(answers[n]), serial=n, sdk=REAL[n])) for n in REAL}
        report = acquire(Plan(case, connect=tuple(where.values()), host="bench", home=tmp_path))
    assert report.refused == []
    assert {s.slot for s in report.board.all()} == {f"tcp:{address}" for address in where.values()}
    with Store.open(case) as store:
        seen = list(store.observations())
    for name, data in files.items():
        live = [o for o in seen if any(s.name == "handset" and s.value == f"tcp:{where[name]}" for s in o.signals)]
        whole = [o for o in live if any(s.name == "build_fingerprint" for s in o.signals)]
        parser = find(data, "getprop.txt")
        info = ArtifactInfo("getprop.txt", "a" * 64, datetime(2026, 3, 1, tzinfo=UTC))
        (plain,) = (p for p in parser.parse(io.BytesIO(data), info) if isinstance(p, Observation))
        assert [told(o.signals) for o in whole] == [told(plain.signals)]


@pytest.fixture
def rack(tmp_path, monkeypatch):
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    command = [RACKPRINT, "simulate-rack", "7", "--equal", "3", "--drops", "1", "--unauthorized", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ) as process:
        yield process
        process.terminate()


def test_acquire_finds_a_simulated_rack_and_resume_takes_what_recovered(tmp_path, rack):
    case = tmp_path / "case"
    command = [RACKPRINT, "acquire", "--case", case]
    until(rendezvous.find)
    first = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert first.returncode == 1
    assert "reads the simulated rack" in first.stderr
    assert "unauthorized; unlock it and accept the key" in first.stderr
    assert "battery: the link ended before the answer did" in first.stderr
    assert "5 done, 1 in part, 1 not reached" in first.stdout
    rack.send_signal(signal.SIGUSR1)
    again = subprocess.run([*command, "--resume"], capture_output=True, text=True, timeout=110, check=False)
    assert (again.returncode, "7 done" in again.stdout) == (0, True), again.stderr
    stored, problem = store_head(case)
    assert (problem, list(verify_case(case, stored))) == ("", [])
    with Store.open(case) as store:
        links = Counter(link.device for link in store.links())
        assert len(list(store.devices())) == 7
    assert len(links) == 7  # accounts on every phone
