import random
import socket
import subprocess
import sys
import threading
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from build_dtls import hello, piece, record

import build
from rackprint.fingerprint.capture.dtls import DtlsError, DtlsHellos, fragments, looks_like_dtls
from rackprint.fingerprint.capture.ja4 import ja4
from rackprint.fingerprint.capture.packets import Packet
from rackprint.fingerprint.capture.tally import Tally
from rackprint.fingerprint.capture.tls import MAX_HELLO, parse_client_hello


def datagram(payload, offset=0, sport=50_000):
    return Packet(0, offset, build.PHONE, build.SERVER, 17, sport, 4433, payload)


def run(*payloads):
    tally = Tally("")
    follow = DtlsHellos(tally)
    found = [h for n, p in enumerate(payloads) if looks_like_dtls(p) for h in follow.add(datagram(p, n))]
    assert follow.held >= 0
    return [(h.body, h.retry) for h in found], [p.reason for p in tally.problems()]


FIRST, SECOND = hello(), hello(b"cookie" * 3)


@pytest.mark.parametrize(("version", "start"), [(0xFEFF, "dd1d0201"), (0xFEFD, "dd2d0201")])
def test_a_hello_in_one_record_is_found(version, start):
    body = hello(version=version)
    assert run(record(piece(body), version=version)) == ([(body, False)], [])
    found = parse_client_hello(body, dtls=True)
    assert (found.sni, found.cookie, ja4(found, "dtls")[:8]) == ("dtls.example", False, start)


def test_the_second_hello_with_the_cookie_is_marked_and_one_sent_again_is_the_same():
    payloads = [record(piece(FIRST)), record(piece(FIRST)), record(piece(SECOND, message=1))]
    assert run(*payloads, payloads[-1]) == ([(FIRST, False), (SECOND, True)], [])
    assert parse_client_hello(SECOND, dtls=True).cookie


def test_a_dtls_13_hello_tells_its_version_and_its_cookie_by_extensions():
    versions = build.extension(43, build.vector(build.words([0xFEFC]), 1))
    body = hello(extensions=versions + build.extension(44, b"\0\1c"))
    found = parse_client_hello(body, dtls=True)
    assert (found.cookie, ja4(found, "dtls")[:7]) == (True, "dd3d020")
    both = build.extension(43, build.vector(build.words([0xFEFC, 0xFEFD]), 1))
    assert ja4(parse_client_hello(hello(extensions=both), dtls=True), "dtls")[:3] == "dd2"  # the highest value


def test_a_new_association_between_the_same_ports_is_no_retry():
    fresh = hello(random_byte=7)
    assert run(record(piece(FIRST)), record(piece(fresh))) == ([(FIRST, False), (fresh, False)], [])


@given(st.integers(1, 50), st.integers(1, 4), st.integers(0, 1 << 32))
def test_fragments_in_any_order_give_the_hello_once(size, per, seed):
    rng = random.Random(seed)
    body = hello(extensions=build.extension(21, bytes(300)))
    parts = [piece(body, at, size + rng.randint(0, 5)) for at in range(0, len(body), size)]
    parts += rng.choices(parts, k=2)
    rng.shuffle(parts)
    several = [record(b"".join(parts[i : i + per])) for i in range(0, len(parts), per)]
    datagrams = [b"".join(several[i : i + 2]) for i in range(0, len(several), 2)]
    found, problems = run(*datagrams)
    assert (found, problems) == ([(body, False)], [])


def test_the_event_stands_where_the_first_byte_came():
    follow = DtlsHellos(Tally(""))
    assert follow.add(datagram(record(piece(FIRST, 20)), 10)) == []
    (found,) = follow.add(datagram(record(piece(FIRST, 0, 20)), 20))
    assert (found.packet.offset, found.transport, follow.held) == (20, "dtls", 0)


def test_a_hello_that_begins_anew_with_another_length_forgets_what_was_there():
    assert run(record(piece(b"x" * 99, 0, 50)), record(piece(FIRST, 0, 20) + piece(FIRST, 20))) == (
        [(FIRST, False)],
        [],
    )


def test_other_messages_records_and_epochs_are_nothing():
    server = record(piece(b"\xfe\xff\4cook", kind=3))
    sealed = record(b"\1" * 40, epoch=1)
    assert run(server, sealed, record(b"\1", kind=20) + record(piece(FIRST))) == ([], [])
    assert run(record(piece(FIRST)) + record(b"\1", kind=20) + sealed) == ([(FIRST, False)], [])
    assert not looks_like_dtls(b"\x16\x03\x01" + bytes(50))
    assert not looks_like_dtls(b"\x16\xfe\xff")


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (record(piece(FIRST))[:-1], "record is cut off"),
        (record(piece(FIRST)[:9]), "header is cut off"),
        (record(piece(FIRST)[:-1]), "runs past"),
        (record(b"\1\0\0\4\0\0\0\0\3\0\0\2ab"), "runs past"),
        (record(b"\1\2\0\0\0\0\0\0\0\0\0\2ab"), f"claims {2 << 16} bytes"),
    ],
)
def test_what_breaks_its_form_is_one_line(payload, why):
    found, problems = run(payload)
    assert found == []
    assert [why in p for p in problems] == [True]


def test_a_hello_of_64_kib_in_pieces_of_one_byte_is_read_within_bounds():
    body, tally = hello(extensions=build.extension(21, bytes(MAX_HELLO - 200))), Tally("")
    follow, found = DtlsHellos(tally), []
    for start in range(0, len(body), 100):
        parts = b"".join(piece(body, at, 1) for at in range(start, min(start + 100, len(body))))
        found += follow.add(datagram(record(parts)))
        assert follow.held <= MAX_HELLO
    assert [h.body for h in found] == [body]
    assert not list(tally.problems())


def test_memory_is_bounded_and_what_is_let_go_unread_is_counted():
    tally = Tally("")
    follow = DtlsHellos(tally, flows=50, total=100_000)
    for number in range(200):
        body = bytes(9000 if number % 2 else 900)
        follow.add(datagram(record(piece(body, len(body) - 9)), sport=1000 + number))
        assert follow.held <= 100_000
        assert len(follow._flows) <= 50
    (problem,) = tally.problems()
    assert "let go before its ClientHello was whole" in problem.reason
    assert [h.body for h in follow.add(datagram(record(piece(FIRST)), sport=1000))] == [FIRST]


def test_a_hello_in_scattered_pieces_counts_for_the_memory_it_takes():
    tally = Tally("")
    follow, body = DtlsHellos(tally, total=100_000), bytes(4000)
    for number in range(20):
        for start in range(1, 2000, 200):
            parts = b"".join(piece(body, at, 1) for at in range(start, start + 200, 2))
            follow.add(datagram(record(parts), sport=1000 + number))
            assert follow.held <= 100_000
    assert len(follow._flows) == 1  # 1,000 places take 80 kB more than the bytes there
    assert "let go" in next(tally.problems()).reason


@given(st.binary(max_size=120), st.sampled_from([b"", b"\x16\xfe\xfd\0\0" + bytes(6), record(piece(FIRST))[:40]]))
def test_no_datagram_makes_it_raise(data, head):
    run(head + data, head + data)
    try:
        list(fragments(head + data))
    except DtlsError:
        pass


def relay(server_port, kept):
    """A UDP relay on loopback that keeps each datagram with its direction; returns its port."""
    front, back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    front.bind(("127.0.0.1", 0))
    back.connect(("127.0.0.1", server_port))
    client = []

    def forth():
        while True:
            try:
                data, address = front.recvfrom(65_536)
                client[:] = [address]
                kept.append((True, data))
                back.send(data)
            except OSError:
                return

    def home():
        while True:
            try:
                data = back.recv(65_536)
            except ConnectionRefusedError:
                continue  # the server is not up yet
            except OSError:
                return
            kept.append((False, data))
            front.sendto(data, client[0])

    for way in (forth, home):
        threading.Thread(target=way, daemon=True).start()
    return front.getsockname()[1], (front, back)


@pytest.mark.parametrize("flags", [[], ["-mtu", "256"]])
def test_a_handshake_of_openssl_with_its_cookie_exchange(tmp_path, flags):
    """s_client against s_server: a hello, a HelloVerifyRequest, the hello with the cookie."""
    if which("openssl") is None:
        pytest.skip("openssl is absent")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=dtls.example"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        ["openssl", "s_server", "-dtls1_2", "-listen", "-port", str(port), "-key", key, "-cert", certificate],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    kept: list[tuple[bool, bytes]] = []
    through, sockets = relay(port, kept)
    try:
        assert any(b"ACCEPT" in line for line in server.stdout)
        subprocess.run(
            ["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{through}", "-servername", "dtls.example",
             "-alpn", "h2,stun.turn", *flags],
            input=b"Q\n", capture_output=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        server.kill()
        server.communicate()
        for end in sockets:
            end.close()
    tally = Tally("")
    follow = DtlsHellos(tally)
    hellos = []
    for number, (out, data) in enumerate(kept):
        ends = (build.PHONE, build.SERVER, 17, 50_000, 4433)
        packet = Packet(0, number, *(ends if out else (build.SERVER, build.PHONE, 17, 4433, 50_000)), data)
        if looks_like_dtls(data):
            hellos += follow.add(packet)
    assert [h.retry for h in hellos] == [False, True]
    first, second = (parse_client_hello(h.body, dtls=True) for h in hellos)
    assert (first.sni, first.alpn, first.cookie, second.cookie) == ("dtls.example", (b"h2", b"stun.turn"), False, True)
    assert ja4(first, "dtls") == ja4(second, "dtls")
    assert ja4(first, "dtls").startswith("dd2d")
    assert not list(tally.problems())
