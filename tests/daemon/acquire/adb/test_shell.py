"""One command: whole, cut at any byte, late, too long, refused."""

import socket
import socketserver
import struct
import threading
import time

import pytest

from rackprint.daemon.acquire.adb import link, shell
from rackprint.daemon.acquire.adb.listing import Transport
from rackprint.daemon.acquire.adb.server import Address
from rackprint.fingerprint.commands.record import State


def packet(kind, data):
    return struct.pack("<BI", kind, len(data)) + data


WHOLE = packet(1, b"hello ") + packet(2, b"oops") + packet(1, b"world\n") + packet(3, b"\7")


class Scripted(socketserver.ThreadingTCPServer):
    """Says OKAY to a transport; what comes after the next service is ``reply(service, connection)``."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, reply):
        self.reply = reply
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(socketserver.BaseRequestHandler):
    def service(self):
        size = int(self.request.recv(4, socket.MSG_WAITALL) or b"0", 16)
        return self.request.recv(size, socket.MSG_WAITALL).decode()

    def handle(self):
        assert self.service() == "host:transport-id:7"
        self.request.sendall(b"OKAY")
        service = self.service()
        self.server.reply(service, self.request)


@pytest.fixture
def phone():
    servers = []

    def begin(reply):
        server = Scripted(reply)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        return Transport(Address(*server.server_address), 7, "X", "device", "1-1")

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


def run(transport, line="true", *, v2=True, seconds=5.0, most=1 << 20, **more):
    return shell.run(transport, line, v2=v2, seconds=seconds, most=most, **more)


def test_an_answer_that_is_whole(phone):
    found = run(phone(lambda service, c: c.sendall(b"OKAY" + WHOLE)))
    assert (found.state, found.exit_code, found.stdout, found.stderr) == (State.COMPLETE, 7, b"hello world\n", b"oops")
    assert found.protocol == "shell_v2"
    assert found.started <= found.ended


def test_cut_at_any_byte_it_is_never_called_complete(phone):
    ends = iter(range(len(WHOLE)))
    transport = phone(lambda service, c: c.sendall(b"OKAY" + WHOLE[: next(ends)]))
    for end in range(len(WHOLE)):
        found = run(transport)
        assert (found.state, found.exit_code) == (State.TRUNCATED, None), end
        assert b"hello world\n".startswith(found.stdout)


def test_dribbled_byte_by_byte_it_is_the_same(phone):
    def dribble(service, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"OKAY" + WHOLE:
            connection.sendall(bytes([byte]))

    found = run(phone(dribble))
    assert (found.state, found.stdout) == (State.COMPLETE, b"hello world\n")


@pytest.mark.parametrize("said", [b"", b"OKAY", b"OKAY" + packet(1, b"half")])
def test_a_phone_that_hangs_is_left_at_its_deadline(phone, said):
    over = threading.Event()

    def hang(service, connection):
        connection.sendall(said)
        over.wait(10)

    began = time.monotonic()
    found = run(phone(hang), seconds=0.3)
    over.set()
    assert (found.state, time.monotonic() - began < 3) == (State.TIMED_OUT, True)
    assert found.stdout == (b"half" if b"half" in said else b"")


def test_what_is_too_long_is_cut_and_says_so(phone):
    def pour(service, connection):
        connection.sendall(b"OKAY")
        try:
            while True:
                connection.sendall(packet(1, b"x" * 60_000))
        except OSError:
            return  # it had enough

    found = run(phone(pour), most=1 << 20)
    assert (found.state, "longer" in found.why) == (State.TRUNCATED, True)
    assert len(found.stdout) < 2 << 20


def test_a_stop_ends_the_wait(phone):
    over, stop = threading.Event(), threading.Event()
    transport = phone(lambda service, c: (c.sendall(b"OKAY"), over.wait(10)))
    threading.Timer(0.2, stop.set).start()
    began = time.monotonic()
    found = run(transport, seconds=30, stopped=stop.is_set)
    over.set()
    assert (found.state, found.why) == (State.TRUNCATED, "stopped by hand")
    assert time.monotonic() - began < 5


def test_a_refusal_of_the_phone_and_one_of_the_link_are_two(phone):
    def fail(text):
        return lambda service, c: c.sendall(b"FAIL%04x" % len(text) + text)

    assert run(phone(fail(b"device unauthorized."))).state is State.DENIED
    with pytest.raises(link.LinkError, match="offline"):
        run(phone(fail(b"device offline")))
    with pytest.raises(link.LinkError):
        run(phone(lambda service, c: c.close()))
    with pytest.raises(link.LinkError, match="no adb server"):
        run(Transport(Address("127.0.0.1", 1), 7, "X", "device"))


@pytest.mark.parametrize(("end", "state", "code"), [
    ("{nonce}:0\n", State.COMPLETE, 0), ("{nonce}:127\r\n", State.COMPLETE, 127), ("{nonce}:1", State.COMPLETE, 1),
    ("{nonce}:", State.TRUNCATED, None), ("", State.TRUNCATED, None), ("0123456789abcdef:0\n", State.TRUNCATED, None),
])  # fmt: skip
def test_without_shell_v2_the_trailer_tells(phone, end, state, code):
    def answer(service, connection):
        line, _, echo = service.partition("; echo ")
        assert line == "shell:cat x"
        text = "one\r\ntwo\r\n" + end.format(nonce=echo.partition(":")[0])
        connection.sendall(b"OKAY" + text.encode())

    found = run(phone(answer), "cat x", v2=False)
    assert (found.state, found.exit_code, found.protocol) == (state, code, "trailer")
    if state is State.COMPLETE:
        assert found.stdout == b"one\r\ntwo\r\n"
        assert found.trailer
    else:
        assert found.stdout.startswith(b"one\r\ntwo\r\n")
