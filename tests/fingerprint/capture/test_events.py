import io
import json
import random
import subprocess
import sys
import time
from collections import Counter
from ipaddress import ip_address
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import build_dtls
import build_quic
from corpus import corpus

import build
from rackprint.fingerprint.capture.events import read_events
from rackprint.fingerprint.capture.packets import SYN, Packet
from rackprint.fingerprint.model import Problem


def read(data):
    found = list(read_events(io.BytesIO(data)))
    return [f for f in found if not isinstance(f, Problem)], [f for f in found if isinstance(f, Problem)]


BODY = build.hello(build.server_name(b"m1.example") + build.alpn(b"h2"))
STREAM = build.records(BODY)
HELLO = build.ether(build.ip4(build.tcp(STREAM), 6))


def test_a_hello_is_one_event_with_the_keys_of_the_contract():
    found, problems = read(build.pcap(HELLO))
    assert not problems
    assert found == [
        {
            "kind": "tls_client_hello", "time": "2023-11-14T22:13:20.250000Z", "src": build.PHONE, "sport": 40_000,
            "dst": build.SERVER, "dport": 443, "transport": "tcp", "sni": "m1.example", "alpn": ["h2"],
            "ja4": found[0]["ja4"], "offset": 24,
        }
    ]  # fmt: skip
    assert found[0]["ja4"].startswith("t12d0202h2_")


def udp(payload, dport=443):
    return build.ether(build.ip4(build.udp(payload, 50_000, dport), 17))


@pytest.mark.parametrize(
    ("transport", "payload", "again"),
    [
        (
            "quic",
            build_quic.initial(build_quic.crypto(0, build_quic.message(BODY))),
            build_quic.initial(build_quic.crypto(0, build_quic.message(BODY)), dcid=b"after-it", token=b"t"),
        ),
        (
            "dtls",
            build_dtls.record(build_dtls.piece(build_dtls.hello())),
            build_dtls.record(build_dtls.piece(build_dtls.hello(b"cookie"), message=1)),
        ),
    ],
)
def test_hellos_over_udp_have_the_same_keys_and_a_mark_after_a_retry(transport, payload, again):
    found, problems = read(build.pcap(udp(payload), udp(again), udp(payload[:20])))
    assert [e.pop("retry", False) for e in found] == [False, True]
    assert {tuple(e) for e in found} == {tuple(read(build.pcap(HELLO))[0][0])}
    assert [(e["transport"], e["sport"], e["ja4"][0]) for e in found] == [(transport, 50_000, transport[0])] * 2
    assert found[0]["sni"] in {"m1.example", "dtls.example"}
    assert ["cut off" in p.reason for p in problems] == [True]


def test_quic_and_dtls_are_told_by_content_also_at_the_ports_of_dns():
    hello = build_quic.initial(build_quic.crypto(0, build_quic.message(BODY)))
    found, _ = read(build.pcap(udp(hello, 53)))
    assert [e["kind"] for e in found if e["kind"] != "dns"] == ["tls_client_hello"]


def test_every_kind_of_event_is_found_and_points_to_its_record():
    dhcp = build.ether(build.ip4(build.udp(build.dhcp(b"\x35\1\1\x0c\2m1\xff"), 68, 67), 17))
    dns = build.ether(build.ip4(build.udp(build.dns([b"a.example"]), 5000, 53), 17))
    mdns = build.ether(build.ip4(build.udp(build.dns([b"m1.local"]), 5353, 5353), 17))
    syn = build.ether(build.ip4(build.tcp(flags=SYN), 6))
    found, problems = read(build.pcap(dhcp, dns, mdns, syn, syn, HELLO))
    assert not problems
    assert [e["kind"] for e in found] == ["dhcp", "dns", "mdns", "tcp_syn"]  # the hello's numbers precede the SYN's
    assert [e["offset"] for e in found] == sorted({e["offset"] for e in found})
    assert (found[0]["mac"], found[0]["hostname"], found[1]["name"]) == (build.MAC, "m1", "a.example")


def test_messages_that_do_not_parse_are_counted_into_one_problem():
    bad = build.ether(build.ip4(build.udp(b"xx", 5000, 53), 17))
    found, problems = read(build.pcap(bad, bad, HELLO, build.ether(build.ip4(build.udp(b"", 5000, 53), 17))))
    assert len(found) == 1
    assert [str(p) for p in problems] == [
        "byte 24: DNS message is too short, 2 times, first here; those messages were left out"
    ]
    cut = build.ether(build.ip4(build.udp(build.dns([b"a.example"], b"", 9), 5000, 53), 17))
    assert "claims more" in read(build.pcap(cut))[1][0].reason


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, build.ether(b"\0\x05\x08\0" + build.ip4(build.tcp(STREAM), 6), kind=0x8100)),
        (1, build.ether(build.ip4(b"\0\0\x08\0" + build.ip4(build.tcp(STREAM), 6), 47, "198.51.100.1"))),
        (0, b"\x02\0\0\0" + build.ip4(build.tcp(STREAM), 6)),
        (0, b"\0\0\0\x02" + build.ip4(build.tcp(STREAM), 6)),
        (101, build.ip4(build.tcp(STREAM), 6)),
        (12, build.ip4(build.tcp(STREAM), 6)),
        (9, b"\xff\x03\0\x21" + build.ip4(build.tcp(STREAM), 6)),
        (113, b"\0\4\0\1\0\6\x3c\x5a\xb4\1\2\3\0\0\x08\0" + build.ip4(build.tcp(STREAM), 6)),
        (276, b"\x08\0\0\0\0\0\0\1\0\1\4\6\x3c\x5a\xb4\1\2\3\0\0" + build.ip4(build.tcp(STREAM), 6)),
        (
            105,
            b"\x08\1\0\0\2\0\0\0\0\1\x3c\x5a\xb4\1\2\3\2\0\0\0\0\2\0\0\xaa\xaa\3\0\0\0\x08\0"
            + build.ip4(build.tcp(STREAM), 6),
        ),
    ],
)
def test_hellos_are_found_under_each_link_layer(link, frame):
    found, problems = read(build.pcap(frame, link=link))
    assert not problems
    assert [(e["src"], e["sni"]) for e in found] == [(build.PHONE, "m1.example")]


def test_what_is_not_tcp_or_udp_is_nothing_and_what_is_unknown_is_said_once():
    icmp = build.ether(build.ip4(b"\x08\0\0\0\0\1\0\1", 1))
    fragment = bytearray(build.ether(build.ip4(build.tcp(STREAM), 6)))
    fragment[20:22] = b"\0\x10"
    assert read(build.pcap(icmp, bytes(fragment), build.ether(b"", kind=0x86DD), b"")) == ([], [])
    assert [p.reason for p in read(build.pcap(b"x", b"y", link=147))[1]] == ["link type 147 is not read"]


def test_a_packet_of_a_thousand_tunnels_costs_no_time():
    inner = build.tcp(STREAM)
    for _ in range(1000):
        inner = build.ip4(inner, 4) if len(inner) < 60_000 else inner
    start = time.monotonic()
    assert read(build.pcap(build.ether(inner)))[0] == []
    assert time.monotonic() - start < 2


def test_a_time_past_all_calendars_is_no_fault():
    assert Packet(1 << 90, 0, "", "", 6, 1, 2, b"").time.year == 9999


def expected():
    return json.loads(corpus("captures/expected.json").read_bytes())["files"]


def captures(name):
    with corpus(f"captures/{name}").open("rb") as stream:
        return [e for e in read_events(stream) if not isinstance(e, Problem)]


def told(tls):
    return (ip_address(tls["src"]), tls["sport"], tls["dport"], tls["ja4"], tls["sni"] or "")


# hellos a capture that two readings of the specification agree on, by transport; all others of the set have none
AGREED = {
    "foxio__tls12.pcap": {"t": 1},
    "foxio__tls-alpn-h2.pcap": {"t": 1},
    "foxio__latest.pcapng": {"t": 5},
    "foxio__tls-handshake.pcapng": {"t": 59, "q": 20},
    "foxio__macos_tcp_flags.pcap": {"t": 1},
    "foxio__quic-tls-handshake.pcapng": {"q": 1},
    "foxio__ipv6.pcapng": {"t": 1},
    "foxio__badcurveball.pcap": {"t": 1},
    "foxio__chrome-cloudflare-quic-with-secrets.pcapng": {"t": 1, "q": 1},
    "ndpi__android.pcap": {"t": 18},
    "ndpi__googledns_android10.pcap": {"t": 5},
    "ndpi__quic_frags_ch_in_multiple_packets.pcapng": {"q": 1},
    "ndpi__tls_2_reasms.pcapng": {"t": 1},
    "ndpi__tls_with_huge_ch.pcapng": {"t": 1},
    "ndpi__quic-v2.pcapng": {"q": 1},
    "ndpi__instagram.pcap": {"t": 11},
    "ndpi__dlt_ppp.pcap": {"q": 1},
}


def test_corpus_hellos_give_the_known_ja4_and_names_in_every_capture():
    """Of 132 hellos with a peer's value one is disputed; two more have an independent reading only."""
    reached = {}
    for name, entry in expected().items():
        hellos = [e for e in captures(name) if e["kind"] == "tls_client_hello"]
        found = {told(e) for e in hellos}
        known = [t for t in entry.get("tls", []) if t["agree"] in {"exact", "hashes"}]
        assert [t for t in known if told(t) not in found] == []
        alone = entry.get("tls_independent_only", [])
        assert [t for t in alone if told(t) not in found] == []
        if known:
            reached[name] = dict(Counter(t["ja4"][0] for t in known))
    assert reached == AGREED
    assert sum(sum(counts.values()) for counts in AGREED.values()) == 131


def test_corpus_hellos_after_a_hello_retry_request_are_marked():
    """Five connections to one maker's servers; tshark shows a ServerHello between two hellos of one random."""
    again = [e for e in captures("foxio__tls-handshake.pcapng") if e.get("retry")]
    assert [e["sport"] for e in again] == [50159, 50165, 50166, 50168, 50169]
    assert {e["ja4"] for e in again} == {"t13d1515h2_8daaf6152771_f37e75b10bcc"}
    others = [e for name in expected() if "tls-handshake" not in name for e in captures(name)]
    assert not [e for e in others if e.get("retry")]


def test_corpus_dhcp_messages_are_all_found():
    for name, entry in expected().items():
        names = {"type": "message_type", "mac": "mac", "opt55": "param_list", "opt60": "vendor_class"}
        names["opt12"] = "hostname"
        found = [{k: e[v] for k, v in names.items() if e[v]} for e in captures(name) if e["kind"] == "dhcp"]
        assert found == entry.get("dhcp_independent", [])


def test_corpus_syn_signatures_agree_with_p0f():
    """All but two of a fuzzed file, whose ACK number is not zero without the ACK flag: ack+ here, nothing there."""
    differ = []
    for name, entry in expected().items():
        found = {(ip_address(e["src"]), e["sport"]): e["signature"] for e in captures(name) if e["kind"] == "tcp_syn"}
        for syn in entry.get("syn_p0f", []):
            got = found.get((ip_address(syn["src"]), syn["sport"]))
            if got != syn["raw_sig"]:
                differ.append((got or "").replace(",ack+", "") == syn["raw_sig"])
    assert differ == [True, True]


def test_mutated_corpus_files_raise_nothing_and_end_soon():
    rng = random.Random(20260301)
    files = [n for n, e in expected().items() if e["bytes"] < 50_000]
    start = time.monotonic()
    for name in files:
        whole = corpus(f"captures/{name}").read_bytes()
        for _ in range(4):
            data = bytearray(whole)
            for _ in range(rng.randint(1, 40)):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            read(bytes(data[: rng.randint(1, len(data))]))
    assert time.monotonic() - start < 60


def test_the_cipher_library_is_loaded_with_the_first_initial():
    """scapy loads it too, so the packets are given by hand."""
    code = (
        "import sys; from rackprint.fingerprint.capture.events import events\n"
        "from rackprint.fingerprint.capture.packets import Packet\n"
        "quic = Packet(0, 0, '192.0.2.1', '192.0.2.2', 17, 5000, 443, bytes.fromhex(sys.argv[1]))\n"
        "before = 'cryptography' in sys.modules\n"
        "print(before, [e['sni'] for e in events([quic])], 'cryptography' in sys.modules)"
    )
    payload = build_quic.initial(build_quic.crypto(0, build_quic.message(BODY))).hex()
    done = subprocess.run([sys.executable, "-c", code, payload], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False ['m1.example'] True\n", "")


def test_reading_a_capture_loads_no_pyarrow(tmp_path):
    file = tmp_path / "one.pcap"
    file.write_bytes(build.pcap(HELLO))
    code = (
        "import sys, datetime; from pathlib import Path\n"
        "from rackprint.fingerprint.parsers.capture import CAPTURE\n"
        "from rackprint.fingerprint.model import ArtifactInfo\n"
        "info = ArtifactInfo('one.pcap', 'ab' * 32, datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC))\n"
        "print(len(list(CAPTURE.parse(Path(sys.argv[1]).open('rb'), info))), 'pyarrow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("1 False\n", "")
