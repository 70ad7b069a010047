"""What goes in comes out again: forms of bodies, uploads in parts, pages, time travel, resolve, events, evidence."""

import gzip
import hashlib
import json
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime

import httpx
import pytest
import zstandard
from serving import RACK


def line(n, **signals):
    return json.dumps(
        {"id": f"f{n}", "time": "2026-03-01T08:00:00Z", "source": "platform:p", "account": f"p:{n}", "signals": signals}
    ).encode()


def bodies():
    rows = [line(n, android_id=f"{n:016x}") for n in range(3)]
    text = b"\n".join(rows) + b"\n"
    envelope = b"\n".join(
        json.dumps({"message": r.decode(), "timestamp": "x", "source_type": "file"}).encode() for r in rows
    )
    yield "ndjson", text, {}
    yield "crlf", b"\r\n".join(rows), {}
    yield "bom", b"\xef\xbb\xbf" + text, {}
    yield "array", b" [" + b",".join(rows) + b"]", {"Content-Type": "application/json"}
    yield "gzip", gzip.compress(text), {"Content-Encoding": "gzip"}
    yield (
        "two gzip members",
        gzip.compress(rows[0] + b"\n") + gzip.compress(b"\n".join(rows[1:])),
        {"Content-Encoding": "gzip"},
    )
    yield "zstd", zstandard.compress(text), {"Content-Encoding": "zstd"}
    yield "envelope of a shipper", envelope, {}


@pytest.mark.parametrize(("name", "body", "headers"), bodies(), ids=lambda v: v if isinstance(v, str) else "")
def test_the_same_rows_in_any_form(empty, name, body, headers):
    with empty.client("ingest") as client:
        answer = client.post("/v1/observations", content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["accepted"] + found["duplicate"] == 3
        assert found["rejected"] == 0
    with empty.client("read") as client:
        seen = client.get("/v1/observations/f2").json()
        assert seen["account"] == "p:2"
        assert client.get("/v1/status").json()["counts"]["observations"] == 3


def test_bad_lines_are_named_and_the_rest_is_taken(empty):
    body = line(90) + b'\n{"a":\n' + b"[" * 10_000 + b"\n" + line(91) + b"\n\xff\xfe\n"
    with empty.client("ingest") as client:
        found = client.post("/v1/observations", content=body).json()
        assert (found["accepted"], found["rejected"]) == (2, 3)
        assert [e["line"] for e in found["errors"]] == [2, 3, 5]
        nothing = client.post("/v1/observations", content=b'{"a":1}\n')
        assert (nothing.status_code, nothing.json()["rejected"]) == (422, 1)
        assert client.post("/v1/observations", content=b"x", headers={"Content-Encoding": "br"}).status_code == 415
        broken = client.post(
            "/v1/observations", content=gzip.compress(line(92))[:-9], headers={"Content-Encoding": "gzip"}
        )
        assert broken.status_code in {200, 422}


def test_an_idempotency_key_answers_as_before(empty):
    with empty.client("ingest") as client:
        first = client.post("/v1/observations", content=line(70), headers={"Idempotency-Key": "k"}).json()
        again = client.post("/v1/observations", content=line(70), headers={"Idempotency-Key": "k"}).json()
        assert (first["accepted"], again["accepted"], again["replayed"]) == (1, 1, True)
        other = client.post("/v1/observations", content=line(71), headers={"Idempotency-Key": "k"})
        assert other.status_code == 422


def test_an_upload_in_parts_goes_on_after_a_new_start(begin):
    daemon = begin()
    data = (RACK / "capture" / "rack-ap.pcap").read_bytes()
    with daemon.client("ingest") as client:
        begun = client.post("/v1/uploads?name=rack-ap.pcap", headers={"Upload-Length": str(len(data))})
        assert begun.status_code == 201
        place = begun.headers["location"]
        half = client.patch(place, content=data[:5000], headers={"Upload-Offset": "0"})
        assert (half.status_code, half.headers["upload-offset"]) == (204, "5000")
        assert client.patch(place, content=b"x", headers={"Upload-Offset": "9"}).status_code == 409
    daemon.stop()
    daemon.start()
    with daemon.client("ingest") as client:
        assert client.head(place).headers["upload-offset"] == "5000"
        done = client.patch(place, content=data[5000:], headers={"Upload-Offset": "5000"})
        assert done.status_code == 200, done.text
        assert done.json()["artifact"] == hashlib.sha256(data).hexdigest()
        assert done.json()["accepted"] > 0
        assert client.head(place).status_code == 404
    with daemon.client("read") as client:
        assert client.get(f"/v1/artifacts/{done.json()['artifact']}/content").content == data
    daemon.stop()


def test_pages_hold_everything_once(rack):
    with rack.client("read") as client:
        for path, key in (
            ("/v1/links", ("account", "device")),
            ("/v1/accounts", ("account",)),
            ("/v1/devices", ("device",)),
        ):
            whole = client.get(path, params={"limit": 1000}).json()["items"]
            found, cursor = [], ""
            while cursor is not None:
                page = client.get(path, params={"limit": 7, "cursor": cursor}).json()
                found += page["items"]
                cursor = page["next"]
            assert found == whole
            assert len({tuple(row[k] for k in key) for row in found}) == len(found) > 10
        assert client.get("/v1/links", params={"cursor": "nonsense"}).status_code == 422


def test_who_shares_hardware_and_why(rack):
    with rack.client("read") as client:
        device = client.get("/v1/devices", params={"min_accounts": 2}).json()["items"][0]
        links = client.get(f"/v1/devices/{device['device']}").json()["links"]
        a, b = links[0]["account"], links[1]["account"]
        shared = client.get(f"/v1/accounts/{a}/shared-hardware").json()
        assert b in {other["account"] for d in shared["devices"] for other in d["others"]}
        assert a not in {other["account"] for d in shared["devices"] for other in d["others"]}
        assert client.get("/v1/explain", params={"a": a, "b": b}).json()["device"] == device["device"]
        event = client.get(f"/v1/accounts/{a}/timeline").json()["items"][0]
        evidence = client.get(f"/v1/observations/{event['id']}").json()
        content = client.get(f"/v1/artifacts/{evidence['artifact']}/content").content
        offset = int(evidence["place"].rpartition("byte ")[2])
        assert json.loads(content[offset:].split(b"\n")[0])["id"] == event["id"]
        assert client.get("/v1/accounts/p:nobody/shared-hardware").status_code == 404


def test_what_was_said_before_can_be_asked_for(begin):
    daemon = begin()
    same = {"android_id": "f6fbfcbcd8c63728", "model": "SM-G960F", "drm_id": "ab" * 32}
    with daemon.client("admin") as client:
        client.post("/v1/observations", content=line(1, **same)).raise_for_status()
        daemon.linked()
        before = datetime.now(UTC).isoformat()
        time.sleep(0.01)
        client.post("/v1/observations", content=line(2, **same)).raise_for_status()
        daemon.linked()

        def others(**params):
            found = client.get("/v1/accounts/p:1/shared-hardware", params=params).json()
            return [other["account"] for device in found["devices"] for other in device["others"]]

        assert (others(), others(as_of=before)) == (["p:2"], [])
        assert client.get("/v1/accounts", params={"as_of": "2020-01-01T00:00:00Z"}).json()["items"] == []


def test_resolve_knows_a_phone_again_and_keeps_nothing_unasked(begin):
    daemon = begin()
    same = {"android_id": "f6fbfcbcd8c63728", "model": "SM-G960F", "drm_id": "ab" * 32}
    with daemon.client("admin") as client:
        client.post("/v1/observations", content=line(1, **same)).raise_for_status()
        daemon.linked()
        known = client.post("/v1/resolve", content=line(2, **same)).json()
        assert known["fresh"] is False
        assert known["device"] == client.get("/v1/accounts/p:1").json()["links"][0]["device"]
        assert {"code": "other_accounts", "value": 1, "text": "1 other account on this device"} in known["risk"]
        fresh = client.post("/v1/resolve", content=line(3, android_id="0011223344556677", model="X")).json()
        assert (fresh["fresh"], fresh["device"], fresh["risk"]) == (True, None, [])
        assert client.get("/v1/status").json()["counts"]["observations"] == 1
        assert client.post("/v1/resolve?store=true", content=line(2, **same)).json()["stored"]["accepted"] == 1
        assert client.get("/v1/status").json()["counts"]["observations"] == 2
        assert client.post("/v1/resolve", content=b'{"a":1}').status_code == 422
    with daemon.client("read") as client:
        assert client.post("/v1/resolve?store=true", content=line(4)).status_code == 403


def test_events_come_as_they_happen_and_go_on_where_they_were(begin):
    daemon = begin()
    heard: list[tuple[str, str]] = []

    def listen():
        with (
            suppress(httpx.ReadError),  # a stop may end the stream in mid-read
            daemon.client("read") as client,
            client.stream("GET", "/v1/events", headers={"Accept": "text/event-stream", "Last-Event-ID": "0"}) as stream,
        ):
            number = ""
            for row in stream.iter_lines():
                if row.startswith("id: "):
                    number = row[4:]
                if row.startswith("event: "):
                    heard.append((number, row[7:]))

    listener = threading.Thread(target=listen)
    listener.start()
    with daemon.client("ingest") as client:
        client.post("/v1/observations", content=line(1, android_id="f6fbfcbcd8c63728", model="X")).raise_for_status()
    end = time.monotonic() + 120
    while not heard and time.monotonic() < end:
        time.sleep(0.05)
    assert daemon.stop() < 20  # an open stream holds nothing up
    listener.join(10)
    assert not listener.is_alive()
    assert ("1", "link") in heard
    daemon.start()
    with daemon.client("read") as client:
        assert client.get("/v1/events", params={"after": 0}).json()["items"][0]["kind"] == heard[0][1]
        assert client.get("/v1/events", params={"after": int(heard[-1][0])}).json()["items"] == []


def test_metrics_are_for_prometheus(rack):
    from prometheus_client.parser import text_string_to_metric_families as parse

    with rack.client("read") as client:
        found = {
            s.name: s.value for family in parse(client.get("/metrics").text) for s in family.samples if not s.labels
        }
    assert found["rackprint_link_lag_observations"] == 0
    assert found["rackprint_writer_ready"] == 1
    assert found["rackprint_ingest_seconds_count"] >= 3


def test_nulls_are_absent_and_another_shippers_log_is_no_row(empty):
    rows = [
        b'{"id":"n1","time":"2026-03-01T08:30:00Z","source":"platform:p","app":null,"account":null,"exhibit":null}',
        json.dumps({"message": line(500).decode(), "log": {"file": {"path": "x"}}}).encode(),
    ]
    with empty.client("admin") as client:
        found = client.post("/v1/observations", content=b"\n".join(rows)).json()
        assert (found["accepted"], found["rejected"]) == (2, 0)
        assert client.get("/v1/observations/n1").json()["source"] == "platform:p"


def test_an_upload_that_nothing_can_read_is_not_kept_waiting(empty):
    with empty.client("ingest") as client:
        place = client.post("/v1/uploads", headers={"Upload-Length": "3"}).headers["location"]
        assert client.patch(place, content=b"abc", headers={"Upload-Offset": "0"}).status_code == 422
        assert client.head(place).status_code == 404
