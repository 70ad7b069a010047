"""802.11 probe requests: who asks, for which network, and how its driver words it.

Sources: IEEE 802.11-2020, 9.2.4 (MAC header), 9.3.3.9 (probe request), 9.4.2 (elements); Wi-Fi Simple Configuration 2.0,
12 (WPS attributes). That the elements tell drivers apart and a WPS UUID tells units apart, though addresses are
randomised: Vanhoef et al. 2016, "Why MAC Address Randomization is not Enough"; Robyns et al. 2017, "Noncooperative
802.11 MAC layer fingerprinting and tracking of mobile devices".
"""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

import msgspec

from rackprint.fingerprint.capture.labels import text

PROBE_REQUEST = 0x40  # first byte of frame control: version 0, management, subtype 4
ELEMENTS = 64  # honest requests have under 20
_HEADER, _HT_CONTROL = 24, 4
_SSID, _HT, _EXTENDED, _VHT, _VENDOR, _EXTENSION = 0, 45, 127, 191, 221, 255
_WPS = b"\x00\x50\xf2\x04"
_UUID, _NAME, _MODEL = 0x1047, 0x1011, 0x1023


class ProbeError(ValueError):
    """The bytes are no probe request."""


class Probe(msgspec.Struct, frozen=True):
    """One request. ``ssids`` it names (none: it asks any network to answer). ``sequence`` is 0 to 4095. ``ies``: the
    numbers of its elements in order, with what is steady in them: the whole of HT, VHT and extended capabilities, of
    vendor elements OUI and type, of extensions their number. ``wps_*`` are what a WPS element says of its sender."""

    mac: str
    randomised: bool
    sequence: int
    ssids: tuple[str, ...]
    ies: str
    wps_uuid: str = ""
    wps_name: str = ""
    wps_model: str = ""


def parse_probe(data: bytes) -> Probe:
    """A frame from its MAC header on. A check sequence at its end is known by being right, and left out. An element that
    runs past the end is left out. Raises ProbeError, nothing else."""
    if len(data) < _HEADER:
        raise ProbeError("802.11 frame is too short")
    if data[0] != PROBE_REQUEST:
        raise ProbeError("802.11 frame is no probe request")
    if int.from_bytes(data[-4:], "little") == crc32(data[:-4]):
        data = data[:-4]
    body = data[_HEADER + (_HT_CONTROL if data[1] & 0x80 else 0) :]  # the +HTC bit
    ssids, words, said = list[str](), list[str](), dict[int, bytes]()
    for number, value in _elements(body):
        words.append(_word(number, value))
        if number == _SSID and value:
            ssids.append(text(value[:32]))
        elif number == _VENDOR and value[:4] == _WPS:
            said |= dict(_attributes(value[4:]))
    return Probe(
        mac=data[10:16].hex(":"),
        randomised=bool(data[10] & 2),
        sequence=int.from_bytes(data[22:24], "little") >> 4,
        ssids=tuple(ssids),
        ies=",".join(words),
        wps_uuid=said.get(_UUID, b"")[:16].hex(),
        wps_name=text(said.get(_NAME, b"")[:32]),
        wps_model=text(said.get(_MODEL, b"")[:32]),
    )


def _elements(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    for _ in range(ELEMENTS):
        if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
            return
        yield body[at], body[at + 2 : at + 2 + body[at + 1]]
        at += 2 + body[at + 1]


def _word(number: int, value: bytes) -> str:
    if number in {_HT, _EXTENDED, _VHT}:
        return f"{number}({value.hex()})"
    if number == _VENDOR:
        return f"{number}({value[:3].hex()}:{value[3:4].hex()})"
    if number == _EXTENSION:
        return f"{number}.{value[0]}" if value else str(number)
    return str(number)


def _attributes(area: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(area):
        size = int.from_bytes(area[at + 2 : at + 4])
        yield int.from_bytes(area[at : at + 2]), area[at + 4 : at + 4 + size]
        at += 4 + size
