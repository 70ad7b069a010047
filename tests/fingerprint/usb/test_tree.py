"""Trees: places, serials that repeat, slots beside adb's listing, and what changes."""

from hypothesis import given
from hypothesis import strategies as st
from usb_devices import MTP, STORAGE, device, hub, tree

from rackprint.fingerprint.identifiers import serial
from rackprint.fingerprint.usb.changes import Change, changes
from rackprint.fingerprint.usb.kinds import Kind
from rackprint.fingerprint.usb.model import NAME, Device, order, parent
from rackprint.fingerprint.usb.serials import Mark, marks, repeated
from rackprint.fingerprint.usb.slots import slots


def test_places():
    assert [parent(name) for name in ("1-1.2.3", "1-1", "usb1")] == ["1-1.2", "usb1", ""]
    names = ["1-2", "1-1.10", "usb2", "1-1.9", "1-1", "usb1"]
    assert sorted(names, key=order) == ["usb1", "1-1", "1-1.9", "1-1.10", "1-2", "usb2"]
    assert not any(NAME.fullmatch(name) for name in ("1-1:1.0", "../1-1", "1-1.", "1", "usb", "1-1\n"))


def test_attributes_are_read_as_they_stand():
    found = device("1-1.2", serial=b"A\xff \n", manufacturer="SAMSUNG", product="SAMSUNG Android")
    assert found.serial == "A\\xff \n"  # the kernel's line end alone goes
    assert (found.id, found.vendor, found.product) == ("04e8:6860", "04e8", "SAMSUNG Android")
    assert (found.speed, found.milliamperes, found.bus) == (480.0, 500, 1)
    assert device("1-1", manufacturer="Xiaomi", product="Redmi").product == "Xiaomi Redmi"
    assert device("1-1", **{"power/control": "on"}).power == {"control": "on"}


@given(st.dictionaries(st.sampled_from(["idVendor", "devnum", "speed", "maxchild", "serial", "descriptors"]),
                       st.binary(max_size=40)))  # fmt: skip
def test_any_attributes(attributes):
    found = Device("1-1", attributes)
    assert found.id == "" or len(found.id) == 9
    assert (found.number or 0) >= 0
    assert (found.speed or 0) >= 0
    assert len(marks(tree(found))) <= 1


def test_default_and_duplicate_serials_are_told_apart():
    default = "0123456789ABCDEF"
    assert default in serial.DENY
    found = tree(
        hub("1-1", serial="R58N0000007"), device("1-1.1", serial=default), device("1-1.2", serial=default.lower()),
        device("1-1.3", serial="R58N0000007"), device("1-1.4", serial="R58N0000007 "),
        device("1-1.5", serial="R58N0000008"), device("1-1.6"), device("1-1.7", serial=b"\xff\xfe"),
        device("1-1.8", "04e8:61f5", [STORAGE], serial="R58N0000008"),
    )  # fmt: skip
    assert marks(found) == {
        "1-1.1": Mark.DEFAULT, "1-1.2": Mark.DEFAULT, "1-1.3": Mark.DUPLICATE, "1-1.4": Mark.DUPLICATE,
        "1-1.5": Mark.FINE, "1-1.6": Mark.NONE, "1-1.7": Mark.ODD,
    }  # fmt: skip
    assert ("R58N0000007", 2, Mark.DUPLICATE) in repeated(found)


def test_slots_beside_adb():
    found = tree(
        hub("1-1"), device("1-1.1"), device("1-1.2"), device("1-1.3", interfaces=[MTP]),
        device("1-1.4", "05ac:12a8", [MTP]), device("1-1.5", "04e8:61f5", [STORAGE]), device("1-1.10"),
    )  # fmt: skip
    listed = {"1-1.1": "device", "1-1.10": "unauthorized", "1-2.7": "offline"}
    told = {slot.path: slot for slot in slots(found, listed)}
    assert list(told) == ["1-1.1", "1-1.2", "1-1.3", "1-1.4", "1-1.10", "1-2.7"]
    assert (told["1-1.1"].do, told["1-1.10"].do) == ("", "")  # adb's state says it
    assert "right to its USB node" in told["1-1.2"].do
    assert told["1-1.3"].do.startswith("ADB is off")
    assert told["1-1.4"].do.startswith("not Android: not acquired")
    assert told["1-1.4"].nature.kind is Kind.APPLE
    assert told["1-2.7"].device is None
    assert [slot.path for slot in told.values() if not slot.acquired] == ["1-1.2", "1-1.3", "1-1.4"]


def test_changes():
    old = tree(device("1-1.1", number=4), device("1-1.2", number=5), device("1-1.3", number=6))
    new = tree(
        device("1-1.1", number=4, **{"power/active_duration": "7"}), device("1-1.2", number=9),
        device("1-1.3", interfaces=[MTP], number=6), device("1-1.10", number=11),
    )  # fmt: skip
    assert [(change, found.name) for change, found in changes(old, new)] == [
        (Change.OUT, "1-1.2"), (Change.IN, "1-1.2"), (Change.OTHER, "1-1.3"), (Change.IN, "1-1.10"),
    ]  # fmt: skip
