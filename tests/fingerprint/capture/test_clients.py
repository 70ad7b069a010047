"""Which hosts of a capture become observations, and with what."""

import random
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
    assert addresses.inside("100.64.1.2")
    assert not addresses.inside("100.63.1.2")


RANDOM = "da:a1:19:01:02:03"


def frame(payload, src=build.PHONE, mac=build.MAC, dst=build.SERVER, proto=6):
    return build.ether(build.ip4(payload, proto, src, dst), mac)


def ack(mac, ip, seconds=3600):
    """The server's answer that gives ``mac`` a lease."""
    options = b"\x35\1\5\x33\4" + seconds.to_bytes(4) + b"\xff"
    message = build.dhcp(options, mac, operation=2, your=bytes(map(int, ip.split("."))))
    return frame(build.udp(message, 67, 68), "192.168.7.1", "02:00:00:00:00:09", "255.255.255.255", 17)


def by_mac(found):
    return {values(o, "wifi_mac")[0] if values(o, "wifi_mac") else "": o for o in found}


def request(agent):
    return build.tcp(b"GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: " + agent + b"\r\n\r\n")


def test_a_lease_that_moves_does_not_mix_two_hosts():
    """Behind a router whose MAC tells nothing: what came from the address before is of the one who held it then."""
    router = "3c:5a:b4:00:00:fe"
    first, second = "3c:5a:b4:00:00:0a", "3c:5a:b4:00:00:0b"
    others = [frame(build.tcp(flags=SYN), f"192.168.7.{n}", router) for n in range(30, 35)]
    syn = [frame(build.tcp(flags=SYN, sport=port, options=b"\2\4\5\xb4"), "192.168.7.20", router) for port in (1, 2)]
    agents = [frame(request(b"agent-%d" % n), "192.168.7.20", router) for n in (1, 2)]
    data = build.pcap(
        *others, ack(first, "192.168.7.20"), syn[0], agents[0], ack(second, "192.168.7.20"), syn[1],
        agents[1].replace(b"\x9c\x40\x01\xbb", b"\x9c\x41\x01\xbb"),
    )  # fmt: skip
    found = by_mac(read(CAPTURE, data)[0])
    assert values(found[first.upper()], "user_agent") == ["agent-1"]
    assert values(found[second.upper()], "user_agent") == ["agent-2"]
    assert router.upper() not in found


def test_a_lease_that_ran_out_names_nobody():
    nobody = "00:00:00:00:00:00"
    within, later = (frame(request(b"agent-%d" % n), mac=nobody, dst=f"203.0.113.{n}") for n in (1, 2))
    found, _ = read(CAPTURE, build.at([(0, ack(build.MAC, build.PHONE, 60)), (59, within), (61, later)]))
    assert [(values(o, "wifi_mac"), values(o, "user_agent")) for o in found] == [
        ([build.MAC.upper()], ["agent-1"]),
        ([], ["agent-2"]),
    ]


def test_an_http_request_gives_the_agent_once_a_flow():
    segments = [build.tcp(flags=SYN, seq=99), request(b"x"), request(b"x")]
    segments[1] = segments[1][:4] + (100).to_bytes(4) + segments[1][8:]
    segments[2] = segments[2][:4] + (500).to_bytes(4) + segments[2][8:].replace(b"x\r", b"y\r")
    (found,), _ = read(CAPTURE, build.pcap(*[frame(s) for s in (*segments, segments[1])]))
    assert values(found, "user_agent") == ["x"]


def test_an_address_made_of_a_mac_tells_who_sent_it_behind_a_router():
    host = "2001:db8::3e5a:b4ff:fe01:203"
    packet = build.ip6(build.tcp(flags=SYN), 6, host, "2001:db8:1::1")
    (found,), _ = read(CAPTURE, build.pcap(build.ether(packet, "02:00:00:00:00:77", 0x86DD)))
    assert values(found, "wifi_mac", valid=True) == [build.MAC.upper()]
    assert values(found, "ip") == [host]


def test_a_duid_and_a_client_id_tell_the_makers_mac_of_one_who_shows_another():
    duid = b"\0\3\0\1" + bytes.fromhex(build.MAC.replace(":", ""))
    solicit = build.dhcp6(build.option6(1, duid) + build.option6(6, b"\0\x17") + build.option6(39, b"\0\2m1\3lan\0"))
    packet = build.ip6(build.udp(solicit, 546, 547), 17, "fe80::1:2", "ff02::1:2")
    (found,), _ = read(CAPTURE, build.pcap(build.ether(packet, RANDOM, 0x86DD)))
    assert values(found, "wifi_mac", valid=True) == [build.MAC.upper()]
    assert (values(found, "dhcp6_params"), values(found, "hostname")) == (["23"], ["m1"])
    asked = build.dhcp(b"\x35\1\3\x3d\7\1" + duid[4:] + b"\x51\6\0\0\0m1.\xff", RANDOM)
    (found,), _ = read(CAPTURE, build.pcap(frame(build.udp(asked, 68, 67), "0.0.0.0", RANDOM, proto=17)))
    assert values(found, "wifi_mac", valid=True) == [build.MAC.upper()]
    assert values(found, "hostname") == ["m1"]
    relayed = build.ip6(build.udp(build.relay6(solicit), 547, 547), 17, "2001:db8::5", "2001:db8::1")
    (found,), _ = read(CAPTURE, build.pcap(build.ether(relayed, "02:00:00:00:00:77", 0x86DD)))
    assert values(found, "wifi_mac") == [build.MAC.upper()]


def test_one_who_only_asks_for_networks_is_on_none():
    """A made-up address in a probe request is not the one it would show the network."""
    elements = build.element(0, b"HOME-1") + build.element(1, b"\2\4")
    probes = [build.probe(elements, mac) for mac in (RANDOM, build.MAC)]
    found, problems = read(CAPTURE, build.pcap(*probes, link=105), context=(("ssid", "RACK"),))
    assert not problems
    assert [values(o, "wifi_mac", valid=True) for o in found] == [[], [build.MAC.upper()]]
    for one in found:
        assert (values(one, "probe_ssid"), values(one, "probe_ies"), values(one, "ssid")) == (["HOME-1"], ["0,1"], [])


def test_what_services_tell_is_of_the_host_unless_it_repeats_others():
    def announced(*serials):
        records = [
            build.record(33, b"adb-%s-x7Gh2k._adb-tls-connect._tcp.local" % s, bytes(6) + build.wire_name(b"a.local"))
            for s in serials
        ]
        records.append(build.record(1, b"Phone-7.local", bytes([192, 168, 7, 20])))
        message = build.dns([], b"".join(records), len(records), 0x8400)
        return build.pcap(frame(build.udp(message, 5353, 5353), dst="224.0.0.251", proto=17))

    (found,), _ = read(CAPTURE, announced(b"R58M123ABC"))
    assert (values(found, "serial"), values(found, "hostname")) == (["R58M123ABC"], ["Phone-7"])
    (reflector,), _ = read(CAPTURE, announced(b"R58M123ABC", b"R58M123ABD"))
    assert values(reflector, "serial") == []


def clock_frames(ppm, dst, seed, rate=1000, boot=None, port=40_000):
    """Two hours of a phone's segments, one every two seconds; the first is a SYN."""
    rng = random.Random(seed)
    offset = 0 if boot is not None else rng.getrandbits(32)
    for number in range(3600):
        sent = 2 * number + rng.random()
        value = offset + int((sent - (boot or 0)) * (1 + ppm * 1e-6) * rate)
        segment = build.tcp(flags=16 if number else SYN, sport=port, options=build.timestamps(value))
        yield sent + rng.uniform(0, 0.005), frame(segment, dst=dst)


def test_a_clock_is_of_the_host_that_shows_it():
    old = [clock_frames(17, f"203.0.113.{n}", n, 100, boot=-3300, port=n) for n in (1, 2)]
    (found,), problems = read(CAPTURE, build.at(sorted(f for frames in old for f in frames)))
    assert not problems
    (skew,) = values(found, "clock_skew_ppm", valid=True)
    assert abs(skew - 17) < 1
    assert abs(values(found, "boot_time")[0] - (1_700_000_000 - 3600)) <= 1
    assert values(found, "phones_behind") == []


def test_two_phones_behind_one_address_have_no_clock_in_common():
    two = [clock_frames(ppm, f"203.0.113.{n}", n, port=n) for n, ppm in ((1, 6), (2, 9))]
    (found,), _ = read(CAPTURE, build.at(sorted(f for frames in two for f in frames)))
    assert values(found, "phones_behind") == [2]
    assert values(found, "clock_skew_ppm") == []
