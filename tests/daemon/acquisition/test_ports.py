"""The USB tree of a run: joined to the handsets by port path, kept as evidence, and phones that ADB does not show."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from corpus import corpus
from scripted_adb import Phone, scripted
from usb_devices import MTP, device, hub, write

from rackprint.daemon.acquire.adb.server import Address
from rackprint.daemon.acquisition.run import Plan, acquire
from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.evidence.vault import Vault
from rackprint.daemon.store.repository import Store
from rackprint.fingerprint.usb.record import MAGIC

RACKPRINT = Path(sys.executable).with_name("rackprint")


def trees(case):
    vault = Vault(case)
    for entry in CustodyLog(case / CustodyLog.NAME).entries():
        if entry["kind"] == "artifact":
            with vault.open(entry["sha256"], entry["pack"], entry["offset"], entry["size"]) as stream:
                data = stream.read()
            if data.startswith(MAGIC):
                yield data


def signals(case, name):
    """(slot, value, valid) of the signal in every observation of the case that names its handset."""
    with Store.open(case) as store:
        for observation in store.observations():
            slot = next((s.value for s in observation.signals if s.name == "handset"), "")
            yield from ((slot, s.value, s.valid) for s in observation.signals if s.name == name)


def test_forty_slots_of_a_replayed_rack_are_joined_to_their_handsets(tmp_path):
    if not shutil.which("umockdev-run"):
        pytest.skip("umockdev absent: apt-get install umockdev")
    case, changed = tmp_path / "case", tmp_path / "rack.umockdev"
    text = corpus("android/rack40.umockdev").read_text()
    changed.write_text(text.replace("serial=R58N0000040\\n", "serial=R58N0000011\\n"))
    places = [f"1-{n // 10 + 1}.{n % 10 + 1}" for n in range(40)]
    phones = [Phone(n, place=place) for n, place in enumerate(places[:38], 1)]
    with scripted(*phones) as rack:
        host, port = rack.server_address
        done = subprocess.run(
            ["umockdev-run", "--device", changed, "--", RACKPRINT, "acquire", "--case", case, "--host", "bench",
             "--adb", f"{host}:{port}"], capture_output=True, text=True, timeout=110, check=False,
        )  # fmt: skip
    told = [line for line in done.stderr.splitlines() if "1-4.9" in line or "1-4.10" in line]
    assert done.returncode == 1
    assert all("not acquired: 04e8:6860 serial R58N" in line for line in told)
    assert len(told) == 4  # once when it was seen, once at the end
    assert {slot for slot, *_ in signals(case, "usb_serial")} == set(places)
    values = list(signals(case, "usb_serial"))
    assert sorted(slot for slot, value, valid in values if not valid) == ["1-1.7", "1-1.8", "1-1.9"]
    assert sorted(slot for slot, value, valid in values if value == "R58N0000011") == ["1-2.1", "1-4.10"]
    with Store.open(case) as store:
        found = list(store.devices())
    assert len(found) == 40  # equal serials fuse no two, and USB and ADB are one each


def test_a_phone_that_is_no_android_keeps_its_slot_and_another_phone_in_a_place_has_its_own_tree(tmp_path):
    case = tmp_path / "case"
    root = write(
        tmp_path / "usb", hub("1-1"), device("1-1.1", serial="R58N0000001"),
        device("1-1.2", "05ac:12a8", (MTP,), serial="00008030001A2B3C"), device("1-1.3", "04e8:6860", (MTP,)),
    )  # fmt: skip
    with scripted(Phone(1)) as rack:
        plan = Plan(case, servers=(Address(*rack.server_address),), host="bench", usb=root)
        report = acquire(plan)
        assert [(slot.path, slot.nature.kind) for slot in report.board.unread] == [
            ("1-1.2", "apple"), ("1-1.3", "android without adb"),
        ]  # fmt: skip
        assert len(list(trees(case))) == 1
        rack.phones[1].who = 9
        write(root, device("1-1.1", serial="R58N0000009"))
        acquire(Plan(case, report.acquisition, True, plan.servers, host="bench", usb=root))
    first, second = trees(case)
    assert [b'"slot":"1-1.1#2"' in tree for tree in (first, second)] == [False, True]
    assert ("1-1.2", "00008030001A2B3C", True) in set(signals(case, "usb_serial"))
    assert {v for s, v, _ in signals(case, "usb_serial") if s == "1-1.1#2"} == {"R58N0000009"}


def test_a_host_without_usb_is_a_note(tmp_path):
    with scripted(Phone(1)) as rack:
        plan = Plan(tmp_path / "case", servers=(Address(*rack.server_address),), host="bench", usb=tmp_path / "nowhere")
        report = acquire(plan)
    assert len(report.notes) == 1
    assert "no USB here" in report.notes[0]
    assert report.refused == []
