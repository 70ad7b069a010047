import random
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import build_quic as q
from corpus import corpus

import build
from rackprint.fingerprint.capture import quic
from rackprint.fingerprint.capture.packets import UDP
from rackprint.fingerprint.capture.packets_scapy import read_packets
from rackprint.fingerprint.capture.quic import QuicHellos
from rackprint.fingerprint.capture.quic_kernel import following
from rackprint.fingerprint.capture.quic_packets import QuicError, crypto_frames, initials, looks_like_quic
from rackprint.fingerprint.capture.tally import Tally
from rackprint.fingerprint.capture.tls import MAX_HELLO

BODY = build.hello(build.server_name(b"quic.example") + build.alpn(b"h3") + build.extension(21, bytes(900)))
AGAIN = build.hello(build.server_name(b"quic.example") + build.alpn(b"h3") + build.extension(44, b"\0\1c"))
MESSAGE = q.message(BODY)
OTHER = BODY[:2] + b"\xee" * 32 + BODY[34:]


FOLLOW = following


@pytest.fixture(scope="module", autouse=True, params=["kernel", "twin"])
def follow_with(request):
    """Every test runs with the kernel and with its twin."""
    request.module.FOLLOW = following if request.param == "kernel" else QuicHellos


def run(*datagrams, follow=None):
    """Bodies with their retry mark, and what was complained of."""
    tally = Tally("")
    follow = follow or FOLLOW(tally)
    packets = [p if not isinstance(p, bytes) else q.datagram(p, n) for n, p in enumerate(datagrams)]
    found = [hello for packet in packets for hello in follow.add(packet)]
    return [(h.body, h.retry) for h in found], [p.reason for p in tally.problems()]


@pytest.mark.parametrize("version", [q.V1, q.V2, q.D29])
def test_a_hello_in_one_initial_is_found_in_each_version(version):
    assert run(q.initial(q.crypto(0, MESSAGE), version=version)) == ([(BODY, False)], [])


@given(st.integers(1, 60), st.integers(1, 7), st.integers(0, 1 << 32))
@settings(max_examples=40)
def test_frames_in_any_order_over_packets_and_datagrams_give_the_hello_once(size, per, seed):
    rng = random.Random(seed)
    frames = [q.crypto(i, MESSAGE[i : i + size + rng.randint(0, 9)]) for i in range(0, len(MESSAGE), size)]
    frames += rng.choices(frames, k=3)
    rng.shuffle(frames)
    between = [b"", b"\0" * 5, b"\1", b"\2\5\0\1\1\0\0", b"\3\x40\x05\0\0\2\1\1\1"]
    packets = []
    for number, at in enumerate(range(0, len(frames), per)):
        part = b"".join(f + rng.choice(between) for f in frames[at : at + per])
        packets.append(q.initial(part, number=number, number_size=2))
    datagrams = [b"".join(packets[i : i + 2]) for i in range(0, len(packets), 2)]
    assert run(*datagrams) == ([(BODY, False)], [])


def test_the_event_stands_where_the_first_byte_came():
    follow = FOLLOW(Tally(""))
    late = q.datagram(q.initial(q.crypto(100, MESSAGE[100:])), 10)
    start = q.datagram(q.initial(q.crypto(0, MESSAGE[:100]), number=1), 20)
    assert follow.add(late) == []
    (hello,) = follow.add(start)
    assert (hello.packet.offset, hello.transport) == (20, "quic")
    assert follow.held == 0


def test_packets_coalesced_with_others_are_found_and_what_follows_is_passed():
    handshake = b"\xe0" + q.V1 + b"\x08" + q.DRAWN + b"\0\x40\x14" + bytes(20)
    early = b"\xd0" + q.V1 + b"\x08" + q.DRAWN + b"\0\x40\x14" + bytes(20)
    first, second = q.initial(q.crypto(0, MESSAGE[:500])), q.initial(q.crypto(500, MESSAGE[500:]), number=1)
    assert run(first + early + second + handshake + b"\x40short header") == ([(BODY, False)], [])
    assert run(early + first + handshake + second + bytes(99)) == ([(BODY, False)], [])
    strange = q.initial(q.crypto(500, MESSAGE[500:]), dcid=b"z" * 8, keyed=q.DRAWN, number=1)
    assert run(first + strange)[0] == []  # RFC 9000 12.2: another id in one datagram is to be ignored


def test_later_initials_carry_the_servers_id_and_keep_the_keys():
    parts = [
        q.initial(q.crypto(0, MESSAGE[:300])),
        q.datagram(q.initial(q.crypto(0, b"\2\0\0\4abcd"), dcid=b"", scid=q.CHOSEN, keyed=q.DRAWN, side=b"server in"),
                   back=True),
        q.initial(q.crypto(300, MESSAGE[300:]), dcid=q.CHOSEN, keyed=q.DRAWN, token=b"t" * 70, number=1),
        q.initial(q.crypto(0, MESSAGE[:300]), dcid=q.CHOSEN, keyed=q.DRAWN, number=2),
    ]  # fmt: skip
    assert run(*parts) == ([(BODY, False)], [])


def test_the_hello_after_a_retry_has_keys_of_its_own_and_is_marked():
    again = q.initial(q.crypto(0, MESSAGE), dcid=q.CHOSEN, token=b"token", number=1)
    assert run(q.initial(q.crypto(0, MESSAGE)), again, again) == ([(BODY, False), (BODY, True)], [])
    # a client that draws another random, as it should not, is told by the server's Retry
    other = q.initial(q.crypto(0, q.message(OTHER)), dcid=q.CHOSEN, token=b"token", number=1)
    retry = q.datagram(b"\xf0" + q.V1 + b"\0\x08" + q.CHOSEN + b"token" + bytes(16), back=True)
    for start in (MESSAGE, MESSAGE[:300]):
        found, problems = run(q.initial(q.crypto(0, start)), retry, other)
        assert (found[-1], problems) == ((OTHER, True), [])
    elsewhere = q.datagram(retry.payload, back=True, sport=9)
    assert run(q.initial(q.crypto(0, MESSAGE)), elsewhere, other)[0][1] == (OTHER, False)


def test_the_hello_after_a_hello_retry_request_goes_on_in_the_stream_and_is_marked():
    second = q.initial(q.crypto(len(MESSAGE), q.message(AGAIN)), dcid=q.CHOSEN, keyed=q.DRAWN, number=1)
    assert run(q.initial(q.crypto(0, MESSAGE)), q.initial(b"\2\0\0\0\0", number=2), second) == (
        [(BODY, False), (AGAIN, True)],
        [],
    )
    alone = q.initial(q.crypto(len(MESSAGE), q.message(AGAIN)))
    assert run(alone) == ([], [])  # its place in the stream is not known


def test_a_new_connection_between_the_same_ports_is_no_retry():
    fresh = q.initial(q.crypto(0, q.message(OTHER)), dcid=b"another!")
    assert run(q.initial(q.crypto(0, MESSAGE)), fresh) == ([(BODY, False), (OTHER, False)], [])
    beside = q.initial(q.crypto(0, q.message(OTHER)), dcid=b"another!", scid=b"x")
    halves = [q.initial(q.crypto(0, MESSAGE[:300]), scid=b"y"), q.initial(q.crypto(300, MESSAGE[300:]), scid=b"y")]
    assert run(halves[0], beside, halves[1])[0] == [(OTHER, False), (BODY, False)]


def test_a_client_that_goes_on_in_another_version_keeps_the_id_it_drew():
    """RFC 9368: after a server's Initial in version 2, the client's carry its id, and keys of the first id."""
    second = q.initial(q.crypto(300, MESSAGE[300:]), version=q.V2, dcid=q.CHOSEN, keyed=q.DRAWN, number=1)
    assert run(q.initial(q.crypto(0, MESSAGE[:300])), second) == ([(BODY, False)], [])
    anew = q.initial(q.crypto(0, q.message(OTHER)), version=q.V2)
    assert run(q.initial(q.crypto(0, MESSAGE)), anew) == ([(BODY, False), (OTHER, False)], [])


def test_a_servers_initials_are_no_hellos_and_no_fault():
    client = q.initial(q.crypto(0, MESSAGE), scid=b"client-s")
    answer = q.initial(q.crypto(0, MESSAGE), dcid=b"client-s", scid=q.CHOSEN, keyed=q.DRAWN, side=b"server in")
    assert run(client, q.datagram(answer, back=True)) == ([(BODY, False)], [])
    short = q.initial(q.crypto(0, MESSAGE), dcid=b"", scid=q.CHOSEN, keyed=q.DRAWN, side=b"server in")
    assert run(q.datagram(short, back=True)) == ([], [])


def test_what_does_not_decrypt_is_counted_and_the_rest_goes_on():
    good = q.initial(q.crypto(0, MESSAGE))
    bad = good[:-1] + bytes((good[-1] ^ 1,))
    found, problems = run(bad, bad, good, bad)
    assert found == [(BODY, False)]
    assert [p[:43] for p in problems] == ["QUIC Initial does not decrypt: it is damage"]
    assert "3 times" in problems[0]


@pytest.mark.parametrize(
    ("datagram", "why"),
    [
        (q.initial(q.crypto(0, MESSAGE))[:-5], "cut off"),
        (b"\xc0" + q.V1 + b"\xff" + bytes(50), "connection id is too long"),
        (b"\xc0" + q.V1 + b"\x08" + q.DRAWN + b"\0\xff", "cut off"),
        (b"\xc0" + q.V1 + b"\x08ab", "cut off"),
        (q.initial(b"\x1e" + bytes(30)), "frame of type 30"),
        (q.initial(b"\6\0\x44\xffabc" + bytes(30)), "frame is cut off"),
        (q.initial(b"\2" + b"\xff" * 40), "frame is cut off"),
        (q.initial(q.crypto(70_000, b"x" * 30)), "more than a ClientHello takes"),
        (q.initial(q.crypto(0, b"\2\0\0\4abcd")), "type 2 and 4 bytes, not a ClientHello"),
        (q.initial(q.crypto(0, b"\1\xff\xff\xffabcd")), "type 1 and 16777215 bytes"),
        (b"\xf0" + q.V1 + b"\0\x09abc", "cut off"),
        (b"\xf0" + q.V1 + b"\x08", "cut off"),
        (b"\xc3\xff\0\0\x1b\x08" + bytes(40), "version ff00001b is not read"),
        (b"\xc3\xfa\xce\xb0\2\x08" + bytes(40), "version faceb002 is not read"),
    ],
)
def test_what_breaks_its_form_is_one_line(datagram, why):
    found, problems = run(datagram)
    assert found == []
    assert len(problems) == 1
    assert why in problems[0]


@pytest.mark.parametrize(
    "payload",
    [
        b"\xc0\x1a\x2a\x3a\x4a\x08" + bytes(1200),  # a version that asks for negotiation
        b"\xc0\0\0\0\0\x08" + bytes(60),  # version negotiation
        b"\xf0" + q.V1 + b"\0\x08" + q.CHOSEN + bytes(60),  # a Retry
        b"\xc0Q046\x08" + bytes(60),
        b"\xff" * 100,
    ],
)
def test_other_packets_are_nothing(payload):
    assert looks_like_quic(payload)
    assert run(payload) == ([], [])


def test_a_close_ends_the_frames_before_it():
    assert crypto_frames(q.crypto(0, b"abc") + b"\x1c\0\0\0" + q.crypto(3, b"d")) == ([(0, b"abc")], "")


def test_the_second_hello_is_waited_for_only_so_long(monkeypatch):
    monkeypatch.setattr(quic, "FOLLOWED", 2)
    start = q.initial(q.crypto(0, MESSAGE))
    acks = [q.initial(b"\2\0\0\0\0", number=n, dcid=q.CHOSEN, keyed=q.DRAWN) for n in (1, 2)]
    second = q.initial(q.crypto(len(MESSAGE), q.message(AGAIN)), dcid=q.CHOSEN, keyed=q.DRAWN, number=3)
    assert len(run(start, acks[0], second)[0]) == 2
    assert len(run(start, *acks, second)[0]) == 1
    fresh = q.initial(q.crypto(0, q.message(OTHER)), dcid=b"another!")
    assert run(start, *acks, second, fresh)[0] == [(BODY, False), (OTHER, False)]


def test_a_hello_of_64_kib_dribbled_in_frames_of_one_byte_is_read_within_bounds():
    body = build.hello(build.extension(21, bytes(MAX_HELLO - 100)))
    message, tally = q.message(body), Tally("")
    follow, found = FOLLOW(tally), []
    order = list(range(0, len(message), 300))
    tracemalloc.start()
    for number, at in enumerate(order):
        frames = b"".join(q.crypto(i, message[i : i + 1]) for i in range(at, min(at + 300, len(message))))
        found += follow.add(q.datagram(q.initial(frames, number=number, number_size=2)))
        assert follow.held <= MAX_HELLO + 4
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [h.body for h in found] == [body]
    assert peak < 2 << 20
    assert not list(tally.problems())


def test_a_hello_in_scattered_pieces_counts_for_the_memory_it_takes():
    tally = Tally("")
    follow = FOLLOW(tally, total=100_000)
    for number in range(10):
        for packet, start in enumerate(range(1, 2000, 400)):
            frames = b"".join(q.crypto(at, b"x") for at in range(start, start + 400, 2))
            sealed = q.initial(frames, dcid=number.to_bytes(8), number=packet)
            follow.add(q.datagram(sealed, sport=1000 + number))
            assert follow.held <= 100_000
    assert len(follow) == 1
    assert "let go" in next(tally.problems()).reason


def test_memory_is_bounded_and_what_is_let_go_unread_is_counted():
    tally = Tally("")
    follow = FOLLOW(tally, connections=100, total=500_000)
    for number in range(300):
        frames = q.crypto(0, MESSAGE[:9]) + q.crypto(60_000 if number % 2 else 99, b"x")
        follow.add(q.datagram(q.initial(frames, dcid=number.to_bytes(8)), sport=1000 + number))
        assert follow.held <= 500_000
        assert len(follow) <= 100
    (problem,) = tally.problems()
    assert "let go before its ClientHello was whole" in problem.reason
    whole = q.initial(q.crypto(0, MESSAGE), dcid=(299).to_bytes(8), number=1)
    assert [h.body for h in follow.add(q.datagram(whole, sport=1299))] == [BODY]


def test_what_came_with_the_start_of_a_hello_is_not_kept():
    follow = FOLLOW(Tally(""))
    tracemalloc.start()
    for number in range(100):
        frames = q.crypto(0, MESSAGE[:9]) + bytes(50_000)
        follow.add(q.datagram(q.initial(frames, dcid=number.to_bytes(8)), sport=1000 + number))
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 1 << 20


def test_finished_connections_are_let_go_in_silence():
    tally = Tally("")
    follow = FOLLOW(tally, connections=5)
    for number in range(20):
        follow.add(q.datagram(q.initial(q.crypto(0, MESSAGE), dcid=number.to_bytes(8)), sport=1000 + number))
    assert list(tally.problems()) == []


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xc0" + q.V1, b"\xd0" + q.V2 + b"\x08" + q.DRAWN]))
def test_no_datagram_makes_it_raise(data, head):
    run(head + data)
    try:
        list(initials(head + data))
    except QuicError:
        pass


@given(st.binary(max_size=300))
def test_no_frames_make_it_raise(frames):
    pieces, _ = crypto_frames(frames)
    assert all(isinstance(part, bytes) for _, part in pieces)
    run(q.initial(frames), q.initial(q.crypto(0, MESSAGE), number=1))


def test_mutated_real_datagrams_raise_nothing_and_hold_little():
    names = ["zeek__quic_quic-multiple-initial-fragmented-crypto.pcap", "ndpi__quic-v2.pcapng", "ndpi__dlt_ppp.pcap"]
    packets = []
    for name in names:
        with corpus(f"captures/{name}").open("rb") as stream:
            packets += [p for p in read_packets(stream) if getattr(p, "proto", 0) == UDP and p.payload]
    rng, tally = random.Random(20260302), Tally("")
    follow = FOLLOW(tally)
    for _ in range(3000):
        packet = rng.choice(packets)
        data = bytearray(packet.payload)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(min(len(data), 80))] ^= 1 << rng.randrange(8)
        follow.add(q.datagram(bytes(data[: rng.randint(1, len(data))]), sport=packet.sport))
    assert follow.held <= quic.TOTAL_BYTES
    assert len(list(tally.problems())) > 3
