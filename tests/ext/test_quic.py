"""The kernel that follows QUIC connections against its twin, packet by packet; its keys against the twin's and the
library's own."""

import hmac
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import given, settings
from hypothesis import strategies as st

from rackprint.ext.quic import Keys, hash_fast, secrets
from rackprint.fingerprint.capture import quic_kernel
from rackprint.fingerprint.capture.quic import QuicHellos
from rackprint.fingerprint.capture.quic_keys import VERSIONS, client_keys
from rackprint.fingerprint.capture.tally import Tally

sys.path.insert(0, str(Path(__file__).parents[1] / "fingerprint" / "capture"))
import build_quic as q

import build

BODY = build.hello(build.server_name(b"quic.example") + build.alpn(b"h3") + build.extension(21, bytes(300)))
OTHER = BODY[:2] + b"\xee" * 32 + BODY[34:]
STREAM = q.message(BODY) + q.message(OTHER) + q.message(BODY)
VERSION = st.sampled_from([q.V1, q.V1, q.V2, q.D29])
ID = st.sampled_from([q.DRAWN, q.DRAWN, q.CHOSEN, b"another!", b"short", b""])
PIECE = st.tuples(st.integers(0, len(STREAM)), st.sampled_from([0, 1, 3, 40, 400, 2000])).map(
    lambda place: q.crypto(place[0], STREAM[place[0] : sum(place)])
)
WHOLE = st.sampled_from([0, len(BODY) + 4]).map(lambda at: q.crypto(at, STREAM[at : at + len(BODY) + 4]))
FRAME = st.one_of(
    WHOLE,
    PIECE,
    st.sampled_from([b"\1", b"\2\0\0\0\0", b"\x1c\0", b"\x1e", b"\6"]),
    st.sampled_from([q.crypto(0, b"\2\0\0\1x"), q.crypto(70_000, b"x")]),
)


@st.composite
def sealed(draw):
    version, number = draw(VERSION), draw(st.sampled_from([0, 1, 2, 255, 256, 70_000]))
    return q.initial(
        b"".join(draw(st.lists(FRAME, max_size=4))),
        version=version,
        dcid=draw(ID),
        scid=draw(st.sampled_from([b"", b"mine"])),
        keyed=draw(st.sampled_from([None, q.DRAWN, q.CHOSEN])),
        number=number,
        number_size=draw(st.integers(1, 4)),
        side=draw(st.sampled_from([b"client in"] * 5 + [b"server in"])),
    )


RETRY = st.builds(
    lambda scid, chosen: b"\xf0" + q.V1 + build.vector(scid, 1) + build.vector(chosen, 1) + bytes(20),
    st.sampled_from([b"", b"mine"]),
    ID,
)
DATAGRAM = st.one_of(
    st.lists(sealed(), min_size=1, max_size=3).map(b"".join),
    st.tuples(sealed(), st.integers(0, 40), st.integers(1, 255)).map(
        lambda changed: (
            changed[0][: changed[1]] + bytes([changed[0][changed[1]] ^ changed[2]]) + changed[0][changed[1] + 1 :]
        )
    ),
    st.tuples(sealed(), st.integers(0, 60)).map(lambda cut: cut[0][: cut[1]]),
    RETRY,
)
PACKETS = st.lists(st.tuples(DATAGRAM, st.booleans(), st.sampled_from([1, 1, 1, 2])), max_size=8)


@given(PACKETS, st.integers(1, 3), st.sampled_from([300, 1 << 20]), st.sampled_from([1, 2, 64]))
@settings(max_examples=400, deadline=None)
def test_each_packet_gives_what_the_twin_gives(packets, most, total, followed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quic_kernel.quic, "FOLLOWED", followed)
        tallies = Tally(""), Tally("")
        kernel = quic_kernel.following(tallies[0], most, total)
        twin = QuicHellos(tallies[1], most, total)
        for offset, (data, back, port) in enumerate(packets):
            packet = q.datagram(data, offset, back=back, sport=port)
            assert kernel.add(packet) == twin.add(packet)
            assert (kernel.held, len(kernel)) == (twin.held, len(twin))
            assert list(tallies[0].problems()) == list(tallies[1].problems())


@given(st.sampled_from(sorted(VERSIONS)), st.binary(max_size=20))
def test_keys_open_what_the_twins_do(version, dcid):
    known = {q.V1: q.V1, q.V2: q.V2}.get(version)
    kernel, twin = quic_kernel.keys(version, dcid), client_keys(version, dcid)
    for number, expected in ((0, 0), (70_000, 69_999), (3, 1 << 40)):
        packet = q.initial(q.crypto(0, b"x" * 40), version=known or q.V1, dcid=dcid, number=number, number_size=3)
        at = len(packet) - 16 - 3 - len(q.crypto(0, b"x" * 40))
        assert kernel.open(packet, at, expected) == twin.open(packet, at, expected)
        if known and expected < 1 << 20:
            assert kernel.open(packet, at, expected) == (q.crypto(0, b"x" * 40), number)


def test_a_packet_too_short_for_its_sample_does_not_open():
    keys = quic_kernel.keys(q.V1, q.DRAWN)
    packet = q.initial(q.crypto(0, b"x" * 40))
    for at in (-1, 0, len(packet) - 19, len(packet), 1 << 40):
        assert keys.open(packet, at, 0) is None


@pytest.mark.parametrize("fast", [False, True])
@given(st.binary(max_size=64), st.binary(max_size=55), st.tuples(*[st.binary(max_size=55)] * 3), st.binary(max_size=55))
def test_secrets_are_those_of_hmac(fast, salt, client, infos, dcid):
    """``fast``: by the processor's own instructions for SHA-256, where it has them."""
    assert hash_fast(fast) <= fast
    own = hmac.digest(hmac.digest(salt, dcid, "sha256"), client, "sha256")
    key, iv, mask = (hmac.digest(own, text, "sha256") for text in infos)
    try:
        assert secrets(salt, client, infos, dcid) == (key[:16], iv[:12], mask[:16])
    finally:
        hash_fast(True)


@pytest.mark.parametrize("at", range(4))
def test_texts_too_long_for_a_block_are_refused(at):
    parts = [bytes(64), bytes(55), (bytes(55),) * 3, bytes(55)]
    secrets(*parts)
    parts[at] = (b"", bytes(56), b"") if at == 2 else bytes(65)
    with pytest.raises(ValueError, match="bytes"):
        secrets(*parts)


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16), st.integers(1, 255))
def test_headers_are_unmasked_with_aes(key, sample, first):
    """FIPS 197 by another's hand: what the decryption gets is the header that the library's mask gives."""
    mask = Cipher(AES(key), ECB()).encryptor().update(sample)
    packet = bytes((first,)) + bytes(6) + bytes(4) + sample + b"rest"
    seen = []
    Keys(lambda *given: seen.append(given) or b"", bytes(12), key, KeyError).open(packet, 7, 0)
    (nonce, data, header) = seen[0]
    size = (first ^ mask[0] & 15) % 4 + 1
    assert header == bytes((first ^ mask[0] & 15,)) + bytes(6) + mask[1 : 1 + size]
    assert (nonce[-size:], data) == (mask[1 : 1 + size], packet[7 + size :])


def test_keys_of_other_sizes_are_refused():
    for iv, mask in ((b"abc", bytes(16)), (bytes(12), bytes(15))):
        with pytest.raises(ValueError, match="an IV of"):
            Keys(len, iv, mask, KeyError)
