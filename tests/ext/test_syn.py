"""The kernel of SYN signatures against its twin, on any bytes."""

from hypothesis import given
from hypothesis import strategies as st

from rackprint.ext.syn import signature
from rackprint.fingerprint.capture.packets import Packet
from rackprint.fingerprint.capture.tcp import signature_plainly

OPTION = st.one_of(
    st.sampled_from([b"\1", b"\0", b"\2\4\5\xb4", b"\3\3\7", b"\4\2", b"\x08\x0a" + bytes(8), b"\5\x0a" + bytes(8)]),
    st.sampled_from([b"\2\3\5", b"\3\3\x0f", b"\x08\x0a\1\1\1\1\2\2\2\2", b"\x22\4ab", b"\2\4\0\x64", b"\x08"]),
    st.binary(max_size=3),
)
WINDOWS = st.sampled_from([0, 1, 64_240, 65_535, 14_600, 1448 * 20, 1440 * 10, 1428 * 3, 1500 * 4, 1300])


@given(
    st.binary(min_size=0, max_size=60), st.sampled_from([0x45, 0x60, 0x4F]), st.binary(max_size=20), WINDOWS,
    st.lists(OPTION, max_size=30).map(b"".join), st.integers(0, 255), st.booleans(),
)  # fmt: skip
def test_any_headers_have_the_signature_of_the_twin(network, first, head, window, options, flags, payload):
    network = bytes([first]) + network
    transport = (head.ljust(14, b"\0") + window.to_bytes(2)).ljust(20, b"\0") + options
    for ip, tcp in ((network, transport), (network.ljust(40, b"\0"), transport), (network, head)):
        packet = Packet(0, 0, "", "", 6, 0, 0, b"x" * payload, flags=flags, network=ip, transport=tcp)
        assert signature(ip, tcp, flags, payload) == signature_plainly(packet)
