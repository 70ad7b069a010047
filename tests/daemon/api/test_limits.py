"""Too large, too slow, too many: refused as documented, and the daemon goes on."""

import json
import time

import pytest
from serving import everything

LINE = b'{"id":"%d","time":"2026-03-01T08:00:00Z","source":"platform:p","account":"p:1","signals":{"note":"%s"}}\n'


def head(daemon, more: bytes) -> bytes:
    token = daemon.tokens["ingest"].encode()
    return b"POST /v1/observations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + b"\r\n" + more


def test_a_body_that_is_too_large_is_refused_by_its_length_and_as_it_grows(begin):
    daemon = begin(limits__body_mb="1")
    with daemon.client("ingest") as client:
        body = LINE % (1, b"x" * (2 << 20))
        assert client.post("/v1/observations", content=body).status_code == 413
        assert (
            client.post("/v1/observations", content=(body[n : n + 9999] for n in range(0, len(body), 9999))).status_code
            == 413
        )
        assert client.post("/v1/observations", content=LINE % (2, b"x")).json()["accepted"] == 1
    assert not list((daemon.case / "incoming").iterdir())
    daemon.stop()


def test_who_is_slow_is_told_so_and_left(begin):
    daemon = begin(limits__header_seconds="0.5", limits__idle_seconds="0.5")
    with daemon.connect() as connection:
        connection.sendall(b"POST /v1/obs")
        assert everything(connection).startswith(b"HTTP/1.1 408")
    with daemon.connect() as connection:
        connection.sendall(head(daemon, b"Content-Length: 100\r\n\r\n{"))
        assert everything(connection).startswith(b"HTTP/1.1 408")
    with daemon.client("ingest") as client:
        assert client.post("/v1/observations", content=LINE % (3, b"x")).status_code == 200


def test_a_token_that_asks_too_often_is_told_when_to_come_back(begin):
    daemon = begin(limits__requests_per_second="2")
    with daemon.client("read") as client:
        statuses = [client.get("/v1/accounts") for _ in range(12)]
        busy = [answer for answer in statuses if answer.status_code == 429]
        assert busy
        assert int(busy[0].headers["retry-after"]) >= 1
    with daemon.client("admin") as client:
        assert client.get("/v1/accounts").status_code == 200


def test_a_client_that_goes_leaves_nothing(begin, until):
    daemon = begin(limits__small_kb="16")
    with daemon.connect() as connection:
        connection.sendall(head(daemon, b"Content-Length: 1000000\r\n\r\n") + LINE % (4, b"x" * 50_000))
        until(lambda: bool(list((daemon.case / "incoming").iterdir())))
    until(lambda: not list((daemon.case / "incoming").iterdir()))
    with daemon.client("read") as client:
        assert client.get("/v1/status").json()["counts"]["observations"] == 0
    daemon.stop()


@pytest.mark.parametrize(
    "data",
    [
        b"GET /v1/accounts HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (200 << 10) + b"\r\n\r\n",
        b"POST /v1/link HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/observations HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_it_goes_on(rack, data):
    answer = rack.raw(data, half=True)
    assert not answer or answer.split()[1][:1] == b"4"
    with rack.client("read") as client:
        assert client.get("/v1/accounts").status_code == 200


def test_too_many_at_once_are_told_to_wait(begin):
    daemon = begin(limits__requests_at_once="2")
    waiting = [daemon.connect() for _ in range(2)]
    for connection in waiting:
        connection.sendall(head(daemon, b"Content-Length: 100\r\n\r\n{"))
    time.sleep(0.3)
    with daemon.client("read") as client:
        answer = client.get("/v1/accounts")
        assert answer.status_code == 429
        assert json.loads(answer.content)["title"] == "Too Many Requests"
        assert client.get("/healthz").status_code == 200
    for connection in waiting:
        connection.close()
