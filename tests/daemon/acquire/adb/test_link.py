"""A server that is none, or that lets one wait: each exchange has one deadline, and what stops it stops it at once."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest

from rackprint.daemon.acquire.adb import link, listing
from rackprint.daemon.acquire.adb.link import LinkError
from rackprint.daemon.acquire.adb.server import Address


@contextmanager
def saying(*parts, every=0.0):
    """A server that says ``parts`` to whoever asks, so many seconds apart, and then keeps silent."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                for part in parts:
                    try:
                        connection.sendall(part)
                    except OSError:
                        return
                    if over.wait(every):
                        return
                over.wait(20)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Address(*server.getsockname())
        finally:
            over.set()
            thread.join()


def seconds(call):
    began = time.monotonic()
    with pytest.raises(LinkError):
        call()
    return time.monotonic() - began


def test_bytes_that_trickle_are_not_waited_for_one_by_one():
    with saying(b"FAILffff", *[b"x"] * 200, every=0.1) as where:
        assert seconds(lambda: link.answer(where, "host:version", 0.5)) < 5


def test_who_says_nothing_is_left_when_it_is_stopped():
    def asked(where):
        with link.asked(where, "host:transport-id:1", 60.0, lambda: True):
            raise AssertionError

    with saying() as where:
        assert seconds(lambda: asked(where)) < 10


@pytest.mark.parametrize("said", [b"", b"OK", b"HTTP/1.1 400", b"OKAYzzzz", b"OKAY-004", b"FAIL"])
def test_what_is_no_adb_server_is_said_so(said):
    with saying(said) as where:
        assert seconds(lambda: link.answer(where, "host:version", 0.3)) < 10


def test_a_length_with_a_sign_ends_the_listing():
    with saying(b"OKAY" + b"-004" * 64) as where, pytest.raises(LinkError):
        list(zip(range(100), listing.follow(where, 0.2), strict=False))
