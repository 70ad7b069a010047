"""Against the vectors of RFC 9001 (appendix A) and RFC 9369 (appendix A), and packet numbers of RFC 9000 (A.3)."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import build_quic

from rackprint.fingerprint.capture.quic_keys import _full, client_keys, client_secrets

DCID = bytes.fromhex("8394c8f03e515708")


@pytest.mark.parametrize(
    ("version", "key", "iv", "mask"),
    [
        (
            build_quic.V1,
            "1f369613dd76d5467730efcbe3b1a22d",
            "fa044b2f42a3fd3b46fb255c",
            "9f50449e04a0e810283a1e9933adedd2",
        ),
        (
            build_quic.V2,
            "8b1a0bc121284290a29e0971b5cd045d",
            "91f73e2351d8fa91660e909f",
            "45b95e15235d6f45a6b19cbcb0294ba9",
        ),
    ],
)
def test_client_keys_are_those_of_the_rfcs(version, key, iv, mask):
    assert [part.hex() for part in client_secrets(version, DCID)] == [key, iv, mask]


@pytest.mark.parametrize("version", [build_quic.V1, build_quic.V2, build_quic.D29])
def test_client_keys_agree_with_the_librarys_own_derivation(version):
    for dcid in (DCID, b"x" * 20, bytes(8)):
        assert client_secrets(version, dcid) == build_quic.keys(version, dcid)


def test_the_header_of_the_rfcs_client_initial_opens():
    """RFC 9001 A.2: mask 437b9aec36 makes c300000001…00000002 of c000000001…7b9aec34."""
    frames = b"\6\0\x40\xf1" + bytes(241) + bytes(917)
    packet = build_quic.initial(frames, dcid=DCID, number=2, number_size=4)
    at = len(packet) - 1162 - 16 - 4
    assert packet[:at].hex()[2:] == "000000010" + "88394c8f03e5157080000449e"
    assert client_keys(build_quic.V1, DCID).open(packet, at, 0) == (frames, 2)


@pytest.mark.parametrize(
    ("short", "size", "expected", "number"),
    [
        (0x9B32, 2, 0xA82F30EB, 0xA82F9B32),  # the example of A.3
        (0, 1, 0, 0),
        (255, 1, 0, 255),
        (1, 1, 255, 257),
        (254, 1, 258, 254),
        (0xFFFF, 2, 0x10000, 0xFFFF),
    ],
)
def test_packet_numbers_are_filled_up_to_the_nearest(short, size, expected, number):
    assert _full(short, 1 << 8 * size, expected) == number


@pytest.mark.parametrize(("number", "size"), [(0, 1), (200, 1), (300, 2), (70_000, 3), (1 << 24, 4)])
def test_numbers_of_every_size_open(number, size):
    packet = build_quic.initial(build_quic.crypto(0, b"x" * 40), number=number, number_size=size)
    at = len(packet) - 16 - size - len(build_quic.crypto(0, b"x" * 40))
    keys = client_keys(build_quic.V1, build_quic.DRAWN)
    assert keys.open(packet, at, 0) == (build_quic.crypto(0, b"x" * 40), number)


def test_any_changed_byte_and_another_id_do_not_decrypt():
    packet = build_quic.initial(build_quic.crypto(0, b"x" * 40))
    at = len(packet) - 16 - 1 - len(build_quic.crypto(0, b"x" * 40))
    for position in range(len(packet)):
        changed = bytearray(packet)
        changed[position] ^= 1
        opened = client_keys(build_quic.V1, build_quic.DRAWN).open(bytes(changed), at, 0)
        assert opened is None, position
    assert client_keys(build_quic.V1, b"y" * 8).open(packet, at, 0) is None
