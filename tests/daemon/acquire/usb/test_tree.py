"""sysfs as it is: devices that go, that may not be read, that say anything; and none at all."""

import os
import shutil

import pytest
from usb_devices import ADB, device, hub, write

from rackprint.daemon.acquire.usb import tree as module
from rackprint.daemon.acquire.usb.tree import tree
from rackprint.daemon.errors import RackprintError


def test_it_reads_what_stands_there(tmp_path):
    there = [hub("usb1"), hub("1-1"), device("1-1.2", serial=b"\xff\x1b[31m"), device("1-1.10", serial="R58N0000001")]
    (tmp_path / "devices/1-1.2:1.0").mkdir(parents=True)  # an interface, which is no device
    found = tree(write(tmp_path, *there))
    assert list(found.devices) == there
    assert found.source == str(tmp_path)
    assert found.problems == ()


def test_what_an_interface_calls_itself_is_read(tmp_path):
    write(tmp_path, device("1-1.2", interfaces=["ff/ff/00"], **{"1-1.2:1.0/interface": "MTP"}))
    assert tree(tmp_path).devices[0].interface_texts == ("MTP",)


def test_no_usb_is_one_line(tmp_path):
    with pytest.raises(RackprintError, match=r"no such file or directory: no USB here.*mount sysfs"):
        tree(tmp_path / "bus/usb")


def test_a_device_that_goes_while_it_is_read_loses_only_itself(tmp_path, monkeypatch):
    write(tmp_path, device("1-1.1"), device("1-1.2"), device("1-1.3"))
    read = module._read

    def unplugging(path, most):
        if path.parent.name == "1-1.2" and path.name == "descriptors":
            shutil.rmtree(path.parent, ignore_errors=True)
        return read(path, most)

    monkeypatch.setattr(module, "_read", unplugging)
    found = tree(tmp_path)
    assert [d.name for d in found.devices] == ["1-1.1", "1-1.3"]
    assert found.problems == ()


def test_a_device_that_makes_way_for_another_is_never_a_mix(tmp_path, monkeypatch):
    write(tmp_path, device("1-1.1", serial="R58N0000001", number=4))
    read = module._read

    def swapping(path, most):
        if path.name == "serial" and read(path, most) == b"R58N0000001\n":
            write(tmp_path, device("1-1.1", "18d1:4ee7", serial="29011FDH", number=9))
        return read(path, most)

    monkeypatch.setattr(module, "_read", swapping)
    (found,) = tree(tmp_path).devices
    assert (found.id, found.serial, found.number) == ("18d1:4ee7", "29011FDH", 9)


def test_one_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    write(tmp_path, device("1-1.1", serial="A"), device("1-1.2"))
    read = module._read

    def closed(path, most):
        if path.parent.name == "1-1.1" and path.name == "serial":
            raise PermissionError(13, "Permission denied", str(path))  # root may read all, so it is played
        return read(path, most)

    monkeypatch.setattr(module, "_read", closed)
    found = tree(tmp_path)
    assert [d.name for d in found.devices] == ["1-1.2"]
    assert "1-1.1/serial: may not be read" in found.problems[0]


def test_hostile_descriptors_are_told_and_bounded(tmp_path):
    write(tmp_path, device("1-1.1"))
    file = tmp_path / "devices/1-1.1/descriptors"
    file.write_bytes(file.read_bytes() + b"\0" * (1 << 20))
    found = tree(tmp_path)
    assert "1-1.1: byte" in found.problems[0]
    assert [i.code for i in found.devices[0].interfaces] == [ADB]
    assert len(found.devices[0].attributes["descriptors"]) == 64 << 10


@pytest.mark.parametrize("attribute", ["devnum", "serial"])
def test_a_pipe_in_place_of_an_attribute_holds_nobody_up(tmp_path, attribute):
    root = write(tmp_path, device("1-1", serial="A1"), device("1-2", serial="A2"))
    (root / "devices/1-1" / attribute).unlink()
    os.mkfifo(root / "devices/1-1" / attribute)
    assert "1-2" in tree(root).by_name()
