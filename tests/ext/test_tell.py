"""The kernel that tells of plain packets against its twin: what it tells, ``find`` without it finds too."""

import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.ext.tell import Teller
from rackprint.fingerprint.capture import events
from rackprint.fingerprint.capture.dhcp import Dhcp
from rackprint.fingerprint.capture.dns import TYPES, Dns, DnsName
from rackprint.fingerprint.capture.events import Found, find
from rackprint.fingerprint.capture.hello import Hello
from rackprint.fingerprint.capture.packets import Picked

sys.path.insert(0, str(Path(__file__).parents[1] / "fingerprint" / "capture"))
import build_quic

import build

QUESTION = struct.pack(">6H", 0xC007, 0x100, 2, 0, 0, 0) + b"\1a\3net\0\0\1\0\1" + b"\1b\xc0\x0e\0\x1c\0\1"
SYN = struct.pack(">HHIIBBHHH", 4000, 443, 7, 0, 0x60, 2, 64_240, 0, 0) + b"\2\4\5\xb4"
SOURCE = st.sampled_from(["10.0.0.2", "2001:db8::1", "fe80::3e5a:b4ff:fe00:1"])


class Silent:
    """Leaves every packet to the twin."""

    def __init__(self, **_):
        self.tell = lambda packet: None


def teller():
    return Teller(
        picked=Picked,
        hello=Hello,
        found=Found,
        dhcp=Dhcp,
        dns=Dns,
        entry=DnsName,
        types=TYPES,
        follow=lambda _: (),
        said=list,
    )


def packet(payload, *, src="10.0.0.2", proto=17, ports=(4000, 53), flags=0, transport=b""):
    head = build.ip4(b"", proto)[:20]
    return Picked(1_700_000_000_000_000_000, 24, src, "10.0.0.1", proto, *ports, payload, "3c:5a:b4:00:00:01",
                  flags=flags, seq=7, network=head, transport=transport)  # fmt: skip


def both(packets, monkeypatch):
    told = list(find(packets))
    with monkeypatch.context() as patch:
        patch.setattr(events, "Teller", Silent)
        return told, list(find(packets))


PORTS = st.tuples(st.sampled_from([53, 5353, 67, 443, 546, 4000]), st.sampled_from([53, 5353, 68, 547, 4000]))
HELLO = build_quic.message(build.hello(build.server_name(b"quic.example")))
HALF = len(HELLO) // 2
INITIALS = [
    build_quic.initial(build_quic.crypto(at, data))
    for at, data in ((0, HELLO), (0, HELLO[:HALF]), (HALF, HELLO[HALF:]), (0, build_quic.message(b"\3\3cut")))
]
DHCP = [build.dhcp(options) for options in (b"\x35\1\3\x0c\5phone", b"\x35\1\3\x0c\1a\x0c\1b", b"\xff")]
MESSAGES = st.one_of(
    st.just(QUESTION),
    st.tuples(st.just(QUESTION), st.integers(0, 40)).map(lambda m: m[0][: m[1]]),
    st.sampled_from([b"\xc0\0\0\0\1" + QUESTION[5:], b"\xc0\xff\0\0\5" + QUESTION[5:], b"\x16\xfe\xfd" + QUESTION[3:]]),
    st.sampled_from([*DHCP, *INITIALS, b"\xc0\0\0\0\1\x20"]),
    st.binary(max_size=30),
)


@given(st.lists(st.builds(lambda m, s, p: packet(m, src=s, ports=p), MESSAGES, SOURCE, PORTS), max_size=6))
def test_datagrams_give_what_the_twin_finds(packets):
    with pytest.MonkeyPatch.context() as patch:
        told, found = both(packets, patch)
    assert told == found


@given(
    st.lists(st.tuples(SOURCE, st.binary(max_size=12), st.sampled_from([2, 0xC2, 18, 16]), st.booleans()), max_size=5)
)
def test_segments_give_what_the_twin_finds(rows):
    packets = [
        packet(b"GET / HTTP/1.1\r\n\r\n" if request else b"", src=src, proto=6, flags=flags, transport=SYN + options)
        for src, options, flags, request in rows
    ]
    with pytest.MonkeyPatch.context() as patch:
        told, found = both(packets, patch)
    assert told == found


@pytest.mark.parametrize("transport", ["tcp", "quic", "dtls"])
@pytest.mark.parametrize("retry", [False, True])
def test_hellos_give_what_the_twin_finds(transport, retry, monkeypatch):
    body = build.hello(build.server_name(b"m1.example"))
    hellos = [Hello(body[:cut], packet(b""), transport, retry) for cut in (None, 30, 60)]
    told, found = both(hellos, monkeypatch)
    assert told == found
    assert isinstance(told[0], Found) or transport == "dtls"


def test_plain_packets_are_the_kernels():
    tell = teller().tell
    assert [f.event["name"] for f in tell(packet(QUESTION))] == ["a.net", "b.net"]
    assert tell(packet(b"", proto=6, flags=2, transport=SYN))[0].event["kind"] == "tcp_syn"
    assert tell(packet(build.dhcp(b"\x35\1\1"), ports=(68, 67)))[0].event["kind"] == "dhcp"
    assert tell(packet(build_quic.initial(HELLO), ports=(4000, 443))) == []
    assert tell(packet(QUESTION[1:], ports=(1, 2))) is None
