"""A phone over USB and TCP is one; two places on USB are two, whatever they say."""

import threading

from rackprint.daemon.acquire.adb.listing import Transport
from rackprint.daemon.acquire.adb.server import Address
from rackprint.daemon.acquisition.board import Seen, place
from rackprint.daemon.acquisition.claims import Claims
from rackprint.daemon.acquisition.handset import Identity

HERE = Address("127.0.0.1", 1)
WHO = Identity("00000000-0000-4000-8000-000000000001", "X")


def usb(path, number):
    return Seen(Transport(HERE, number, "0123456789ABCDEF", "device", path), path)


def tcp(port, number):
    transport = Transport(HERE, number, f"10.0.0.1:{port}", "device")
    return Seen(transport, transport.slot)


def test_the_same_phone_over_tcp_goes_under_its_place_on_usb():
    claims = Claims()
    here, there = usb("1-1.2", 1), tcp(5555, 2)
    claims.expect(here)
    claims.expect(there)
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(claims.claim(there, WHO)))
    waiting.start()  # it must not be judged before the phones on USB said who they are
    assert claims.claim(here, WHO) is None
    waiting.join(10)
    assert answers == ["1-1.2"]


def test_two_places_and_two_addresses_are_two_phones():
    claims = Claims()
    assert [claims.claim(usb(path, n), WHO) for n, path in enumerate(("1-1", "1-2"))] == [None, None]
    others = Claims()
    assert [others.claim(tcp(n, n), WHO) for n in (1, 2)] == [None, None]


def test_who_says_nothing_is_nobody_else():
    claims = Claims()
    for unknown in (Identity("", ""), Identity(WHO.boot, ""), Identity("", WHO.serial)):
        claims.claim(usb("1-1", 1), unknown)
        assert claims.claim(tcp(1, 2), unknown) is None


def test_a_phone_that_fails_is_not_waited_for():
    claims = Claims()
    here = usb("1-1", 1)
    claims.expect(here)
    claims.done(here)
    assert claims.claim(tcp(1, 2), WHO) is None


def test_places_sort_by_number():
    assert sorted(["1-2.10", "1-2.9", "tcp:a", "1-10", "1-2"], key=place) == ["1-2", "1-2.9", "1-2.10", "1-10", "tcp:a"]
