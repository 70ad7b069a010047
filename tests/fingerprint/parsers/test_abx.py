"""Android binary XML: what each type of value gives, and every kind of damage."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import read, values

from rackprint.fingerprint.parsers import find
from rackprint.fingerprint.parsers.abx import MAGIC, AbxError, elements
from rackprint.fingerprint.parsers.settings_ssaid import SETTINGS_SSAID


class Writer:
    """Writes ABX as AOSP's serializer does."""

    def __init__(self):
        self.out, self.strings = bytearray(MAGIC + b"\x10"), {}

    def text(self, value: str) -> bytes:
        data = value.encode()
        return struct.pack(">H", len(data)) + data

    def interned(self, value: str) -> bytes:
        if value in self.strings:
            return struct.pack(">H", self.strings[value])
        self.strings[value] = len(self.strings)
        return b"\xff\xff" + self.text(value)

    def start(self, name: str):
        self.out += b"\x32" + self.interned(name)

    def end(self, name: str):
        self.out += b"\x33" + self.interned(name)

    def attribute(self, name: str, kind: int, payload: bytes):
        self.out += bytes([kind << 4 | 15]) + self.interned(name) + payload

    def words(self, **attributes: str):
        for name, value in attributes.items():
            self.attribute(name, 2, self.text(value))

    def done(self) -> bytes:
        return bytes(self.out + b"\x11")


def ssaid() -> bytes:
    made = Writer()
    made.start("settings")
    made.attribute("version", 6, struct.pack(">i", -1))
    for name, value, package in (
        ("userkey", "A0E4", "android"),
        ("10131", "8e4353219d7d4488", "com.photogram.android"),
        ("10132", "9260b378eb93b527", "com.chirper.app"),
    ):
        made.start("setting")
        made.words(id="1", name=name, value=value)
        made.attribute("package", 3, b"")
        made.out += made.interned(package)  # after its name, which is interned first
        made.attribute("defaultSysSet", 13, b"")
        made.end("setting")
    made.end("settings")
    return made.done()


def test_the_android_id_of_each_app_is_read():
    data = ssaid()
    assert find(data, "settings_ssaid.xml") is SETTINGS_SSAID
    (found,), problems = read(SETTINGS_SSAID, data)
    assert not problems
    assert [s.key for s in found.signals] == [
        "app:com.photogram.android|8e4353219d7d4488",
        "app:com.chirper.app|9260b378eb93b527",
    ]
    assert all(data[s.position.offset] == 0x32 for s in found.signals)


def test_every_type_of_value():
    made = Writer()
    made.out += b"\x24" + made.text("text is passed over")
    made.start("a")
    for name, kind, payload in (
        ("null", 1, b""),
        ("string", 2, made.text("é")),
        ("hex", 4, b"\0\2\1\xff"),
        ("base64", 5, b"\0\1\x7f"),
        ("int", 6, struct.pack(">i", -7)),
        ("int_hex", 7, struct.pack(">I", 0xDEADBEEF)),
        ("long", 8, struct.pack(">q", -(2**40))),
        ("long_hex", 9, struct.pack(">Q", 2**63)),
        ("float", 10, struct.pack(">f", 0.5)),
        ("double", 11, struct.pack(">d", -1.25)),
        ("yes", 12, b""),
        ("no", 13, b""),
    ):
        made.attribute(name, kind, payload)
    (found,) = elements(io.BytesIO(made.done()))
    assert found.attributes == {
        "null": "", "string": "é", "hex": "01ff", "base64": "7f", "int": "-7", "int_hex": "deadbeef",
        "long": str(-(2**40)), "long_hex": "8000000000000000", "float": "0.5", "double": "-1.25", "yes": "true",
        "no": "false",
    }  # fmt: skip


def test_a_cut_end_keeps_what_came_before():
    data = ssaid()
    (found,), problems = read(SETTINGS_SSAID, data[: data.index(b"com.chirper.app") - 3])
    assert values(found, "android_id") == ["8e4353219d7d4488"]
    assert "binary XML ends here: the data ends early" in problems[0].reason
    assert problems[0].position.offset


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"ABX\1", "version"),
        (b"ABX", "ends early"),
        (MAGIC + b"\x3f\xff\xff\0\1a", "without an element"),
        (MAGIC + b"\x32\0\7", "refers to string 7 of 0"),
        (MAGIC + b"\xe4", "unknown type 14"),
        (MAGIC + b"\0", "without a type"),
        (MAGIC + b"\x32\xff\xff\xff\xffab", "ends early"),
    ],
)
def test_damage_is_told_with_its_place(data, why):
    with pytest.raises(AbxError, match=why) as told:
        list(elements(io.BytesIO(data)))
    assert 0 <= told.value.offset <= len(data)


@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_bytes_raise_anything_else(data, at):
    whole = ssaid()
    for body in (MAGIC + data, whole[:at] + data + whole[at + len(data) :]):
        read(SETTINGS_SSAID, body)
