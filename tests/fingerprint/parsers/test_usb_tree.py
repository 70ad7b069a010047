"""USB trees as artifacts: one observation a phone, of the handset in its slot, whatever serials repeat."""

import io
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linking import groups
from usb_devices import MTP, STORAGE, device, hub, tree

from rackprint.fingerprint.commands.record import Record, State
from rackprint.fingerprint.commands.record import pack as pack_command
from rackprint.fingerprint.link.linker import link
from rackprint.fingerprint.model import ArtifactInfo, Observation, Problem
from rackprint.fingerprint.parsers import find
from rackprint.fingerprint.parsers.adb_record import ADB_RECORD
from rackprint.fingerprint.parsers.usb_tree import USB_TREE
from rackprint.fingerprint.usb.record import MAGIC, entry, pack

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
INFO = ArtifactInfo("t", "b" * 64, NOW)
RUN = "bench@1"
SAME = "R58N0000007"
DEFAULT = "0123456789ABCDEF"
TREE = tree(
    hub("usb1"), hub("1-1"), device("1-1.1", serial=SAME), device("1-1.2", serial=SAME),
    device("1-1.3", serial=DEFAULT), device("1-1.4", serial=DEFAULT),
    device("1-1.5", "05ac:12a8", [MTP], serial="00008020000A1B2C3D4E5F60", product="iPhone"),
    device("1-1.6", "04e8:61f5", [STORAGE], serial="S4B2NX0M1"), device("1-2", interfaces=[MTP]),
)  # fmt: skip


def read(data):
    return list(USB_TREE.parse(io.BytesIO(data), INFO))


def values(observation):
    return {signal.name: signal for signal in observation.signals}


def of_command(slot, serial):
    record = Record(acquisition=RUN, slot=slot, command="getprop", table=1, line="getprop", started=NOW, ended=NOW,
                    state=State.COMPLETE, parser="getprop", host="bench", usb_path=slot)  # fmt: skip
    props = f"[ro.product.model]: [Redmi 9]\n[ro.serialno]: [{serial}]\n".encode()
    info = ArtifactInfo("c", slot.encode().hex().ljust(64, "0"), NOW)
    (found,) = ADB_RECORD.parse(io.BytesIO(pack_command(record, props)), info)
    return found


def test_one_observation_a_phone_with_its_place():
    data = pack(TREE, RUN, "bench")
    assert find(data, "x") is USB_TREE
    found = read(data)
    assert [o.id for o in found] == [
        f"{'b' * 12}:{name}" for name in ("1-1.1", "1-1.2", "1-1.3", "1-1.4", "1-1.5", "1-2")
    ]
    first, phone, direct = values(found[0]), values(found[4]), values(found[5])
    assert (first["usb_path"].value, first["hub"].value) == ("bench:1-1.1", "bench:1-1")
    assert (first["handset"].value, first["handset"].scope_key) == ("1-1.1", f"run:{RUN}")
    assert (phone["usb_serial"].value, phone["usb_id"].value) == ("00008020000A1B2C3D4E5F60", "05ac:12a8")
    assert phone["usb_product"].value == "iPhone"
    assert direct.keys() == {"usb_id", "handset", "usb_path"}  # no serial, and no hub but the host's own
    assert [values(found[at])["usb_serial"].valid for at in range(4)] == [True, True, False, False]
    place = first["usb_serial"].position
    line = data.split(b"\n")[place.line - 1]
    assert data[place.offset :].startswith(line)
    assert entry(line).device() == TREE.by_name()["1-1.1"]


def test_the_place_is_told_as_the_records_of_commands_tell_it():
    ours, theirs = values(read(pack(TREE, RUN, "bench"))[0]), values(of_command("1-1.1", SAME))
    for name in ("usb_path", "hub", "handset"):
        assert (ours[name].value, ours[name].scope_key) == (theirs[name].value, theirs[name].scope_key)


def test_equal_serials_make_no_two_handsets_one_and_the_slot_joins_them_to_adb():
    adb = {slot: of_command(slot, SAME) for slot in ("1-1.1", "1-1.2")}
    found = read(pack(TREE, RUN, "bench"))
    usb = {o.id.partition(":")[2]: o.id for o in found}
    devices = groups(link([*found, *adb.values()]))
    assert frozenset({usb["1-1.1"], adb["1-1.1"].id}) in devices
    assert frozenset({usb["1-1.2"], adb["1-1.2"].id}) in devices
    assert {frozenset({usb[name]}) for name in ("1-1.3", "1-1.4", "1-1.5", "1-2")} <= devices


def test_two_acquisitions_join_by_a_serial_that_names_one_phone():
    phone = tree(device("1-1.1", serial="R58N0000011"))
    one = read(pack(phone, RUN, "bench"))
    (two,) = USB_TREE.parse(io.BytesIO(pack(phone, "bench@2", "bench")), ArtifactInfo("u", "c" * 64, NOW))
    assert groups(link([*one, two])) == {frozenset({one[0].id, two.id})}


def test_slots_and_exhibits_are_those_of_the_acquisition():
    data = pack(TREE, RUN, "bench", slots={"1-1.1": "1-1.1#2"}, exhibits={"1-1.2": "RACK-A-02"})
    one, two = (values(o) for o in read(data)[:2])
    assert one["handset"].value == "1-1.1#2"
    assert two["exhibit"].value == "RACK-A-02"
    assert "handset" not in two
    assert two["usb_path"].value == "bench:1-1.2"


def test_a_bad_line_costs_itself():
    lines = pack(TREE, RUN, "bench").split(b"\n")
    for bad in (b"{", b"[]", b'{"name":"../x"}', b'{"name":"1-1.1","bytes":{"descriptors":"zz"}}', b"\xff", lines[4]):
        found = read(b"\n".join([*lines[:5], bad, *lines[6:]]))
        (problem,) = (p for p in found if isinstance(p, Problem))
        assert problem.position.line == 6
        assert problem.remedy
        assert sum(isinstance(o, Observation) for o in found) == 5


def test_cut_anywhere_it_is_told():
    data = pack(TREE, RUN, "bench")
    for end in range(len(MAGIC), len(data), 7):
        assert any(isinstance(p, Problem) for p in read(data[:end])), end


@given(st.binary(max_size=300))
def test_any_bytes_behind_the_magic_and_the_header(data):
    head = b"\n".join(pack(TREE, RUN, "bench").split(b"\n")[:2]) + b"\n"
    for given_ in (MAGIC + data, head + data, head + data + b"\n"):
        for found in read(given_):
            assert isinstance(found, Observation | Problem)
            msgspec.msgpack.encode(found)


@pytest.mark.parametrize("line", [b"[" * 50_000, b'{"acquisition":1}', b"x" * (1 << 21)])
def test_a_header_that_is_none_is_one_line(line):
    (problem,) = read(MAGIC + line + b"\n")
    assert "\n" not in str(problem)


@given(st.dictionaries(st.text("abc/", min_size=1, max_size=5), st.binary(max_size=20)))
def test_attributes_come_back_as_they_were(attributes):
    given_ = tree(msgspec.structs.replace(hub("1-1"), attributes=attributes))
    assert entry(pack(given_, RUN, "bench").split(b"\n")[2]).device() == given_.devices[0]
