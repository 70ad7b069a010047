"""Heads of HTTP requests."""

import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from rackprint.fingerprint.capture.http import HEAD, HttpRequest, parse_request

AGENT = "Dalvik/2.1.0 (Linux; U; Android 9; SM-G960F Build/PPR1.180610.011)"
GET = f"GET /generate_204 HTTP/1.1\r\nUser-Agent: {AGENT}\r\nHost: connectivity.example\r\n\r\n".encode()


def test_method_host_and_agent():
    assert parse_request(GET) == HttpRequest("GET", "connectivity.example", AGENT)
    assert parse_request(b"CONNECT a.example:443 HTTP/1.1\nhOsT:\ta.example:443 \n\n").host == "a.example:443"


def test_what_the_segment_does_not_show_whole_is_left_out():
    assert parse_request(GET[: GET.index(b"Host") + 9]) == HttpRequest("GET", "", AGENT)
    assert parse_request(GET[: GET.index(b"Android")]) == HttpRequest("GET")


def test_a_body_and_a_second_field_say_nothing():
    posted = b"POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nUser-Agent: forged\r\n"
    assert parse_request(posted) == HttpRequest("POST", "a")
    assert parse_request(b"GET / HTTP/1.1\r\nX-Host: b\r\n\r\n") == HttpRequest("GET")


@pytest.mark.parametrize(
    "data", [b"", b"GET", b"GET / HTTP/2.0\r\n", b"GET  HTTP/1.1\r\n", b"GETS / HTTP/1.1\r\n", b"\x16\3\1"]
)
def test_other_bytes_are_no_request(data):
    assert parse_request(data) is None


def test_a_hostile_head_is_soon_done_with():
    start = time.monotonic()
    for line in (b"Host:" + b" " * HEAD * 2, b"Host:\r" * HEAD, b"\nhost:" * HEAD, b"Host: a\r\n" * HEAD):
        parse_request(b"GET / HTTP/1.1\r\n" + line)
    assert parse_request(b"GET /" + b"a" * HEAD + b" HTTP/1.1\r\n") is None
    assert time.monotonic() - start < 2
    long = parse_request(b"GET / HTTP/1.1\r\nHost: " + b"a" * 5000 + b"\r\n")
    assert len(long.host) == 1024


@given(st.binary(max_size=300))
def test_no_bytes_raise(data):
    for head in (data, b"GET / HTTP/1.1\r\n" + data, b"GET / HTTP/1.1\r\nHost: " + data + b"\r\n"):
        found = parse_request(head)
        assert found is None or "\n" not in found.host
