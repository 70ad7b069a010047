"""Which hosts of a capture become observations, and with what."""

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import build_dtls
import build_quic
from reading import read, values

import build
from rackprint.fingerprint.capture import addresses, clients, hosts
from rackprint.fingerprint.capture.packets import SYN
from rackprint.fingerprint.parsers import find
from rackprint.fingerprint.parsers.capture import CAPTURE

DHCP = build.ether(build.ip4(build.udp(build.dhcp(b"\x35\1\3\x0c\2m1\x37\2\1\3\x3c\3abc\xff"), 68, 67), 17))
SYNS = build.ether(build.ip4(build.tcp(flags=SYN), 6))
QUERY = build.ether(build.ip4(build.udp(build.dns([b"a.example"]), 5000, 53), 17))


def test_one_host_with_all_it_gave_away():
    data = build.pcap(DHCP, SYNS, QUERY)
    assert find(data, "x.txt") is CAPTURE
    (found,), problems = read(CAPTURE, data, context=(("ssid", "RACK"), ("usb_path", "x:1-1")))
    assert not problems
    assert found.id.endswith(":1")
    assert found.source == "capture:pcap"
    names = {s.name for s in found.signals}
    assert {"wifi_mac", "ssid", "hostname", "dhcp_params", "dhcp_vendor", "ip", "tcp_syn", "dns_name"} <= names
    assert "usb_path" not in names
    assert "exhibit" not in names
    assert values(found, "hostname") == ["m1"]
    assert all(s.position.offset for s in found.signals if s.name not in {"ssid"})


def test_hellos_over_quic_and_dtls_count_for_their_host_and_a_second_one_gives_no_ja4():
    body = build.hello(build.server_name(b"q.example"))
    hello = build_quic.initial(build_quic.crypto(0, build_quic.message(body)))
    again = build.hello(build.server_name(b"q.example") + build.extension(44, b"\0\1c"))
    at = len(build_quic.message(body))
    second = build_quic.initial(build_quic.crypto(at, build_quic.message(again)), number=1)
    dtls = build_dtls.record(build_dtls.piece(build_dtls.hello()))
    frames = [build.ether(build.ip4(build.udp(payload, 5000, 443), 17)) for payload in (hello, second, dtls)]
    (found,), problems = read(CAPTURE, build.pcap(*frames))
    assert not problems
    assert sorted(v[0] for v in values(found, "ja4")) == ["d", "q"]
    assert values(found, "sni") == ["q.example", "dtls.example"]


def test_a_server_and_its_answers_are_no_client():
    answer = build.dns([b"a.example"], flags=0x8180)
    reply = build.ether(build.ip4(build.udp(answer, 53, 5000), 17))
    assert read(CAPTURE, build.pcap(reply)) == ([], [])


def test_a_router_gives_its_mac_to_none_of_those_behind_it():
    frames = []
    for host in range(1, 7):
        packet = bytearray(build.ip4(build.tcp(flags=SYN), 6))
        packet[12:16] = bytes([192, 168, 7, host])
        frames.append(build.ether(bytes(packet)))
    found, _ = read(CAPTURE, build.pcap(*frames))
    assert len(found) == 6
    assert all(values(o, "wifi_mac") == [] for o in found)
    assert sorted(values(o, "ip")[0] for o in found) == [f"192.168.7.{n}" for n in range(1, 7)]


def test_the_number_of_hosts_and_values_is_bounded(monkeypatch):
    monkeypatch.setattr(clients, "HOSTS", 2)
    frames = []
    for host in range(1, 5):
        frame = bytearray(QUERY)
        frame[6:12] = struct.pack(">Q", 0x001122334400 + host)[2:]
        frames.append(bytes(frame))
    found, problems = read(CAPTURE, build.pcap(*frames))
    assert len(found) == 2
    assert "hosts" in problems[-1].reason
    names = [
        build.ether(build.ip4(build.udp(build.dns([b"n%d.example" % n]), 5000, 53), 17)) for n in range(hosts.CAP + 5)
    ]
    (one,), _ = read(CAPTURE, build.pcap(*names))
    assert len(values(one, "dns_name")) == hosts.CAP


def test_a_host_without_a_mac_is_known_by_its_address_and_one_from_outside_is_none():
    packet = build.ip4(build.tcp(flags=SYN), 6)
    (found,), _ = read(CAPTURE, build.pcap(packet, link=101))
    assert (values(found, "wifi_mac"), values(found, "ip")) == ([], [build.PHONE])
    outside = bytearray(packet)
    outside[12:16], outside[16:20] = bytes([93, 184, 216, 34]), bytes([192, 168, 7, 1])
    assert read(CAPTURE, build.pcap(build.ether(bytes(outside)))) == ([], [])
    assert addresses.shared("100.64.1.2")
    assert not addresses.shared("100.63.1.2")
