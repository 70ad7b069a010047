"""Bodies as log shippers send them, byte for byte, and the counts that come of them.

Each body has the form that docs/shippers.md names; the events in it are the same two, so every form must find them.
"""

import gzip
import json
import re
import types
from pathlib import Path

import pytest
import zstandard

PAGE = Path(__file__).resolve().parents[3] / "docs" / "shippers.md"
NDJSON = {"Content-Type": "application/x-ndjson"}
ARRAY = {"Content-Type": "application/json"}
GZIP = {"Content-Encoding": "gzip"}


def event(name: str) -> str:
    """An event of contract 1, as a platform's own code would log it."""
    return (
        f'{{"id":"{name}","time":"2026-03-01T08:30:00Z","source":"platform:photogram","account":"photogram:{name}",'
        '"action":"login","signals":{"android_id":"f6fbfcbcd8c63728","model":"SM-G960F","ip":"203.0.113.7"}}'
    )


def with_more(text: str, more: str, *, first: bool = False) -> str:
    """The event with further fields, as text, at its end or its beginning."""
    return f"{{{more},{text[1:]}" if first else f"{text[:-1]},{more}}}"


def quoted(text: str) -> str:
    return json.dumps(text)


VECTOR = (
    '"host":"web-1","path":"/","source_type":"http_server","timestamp":"2026-03-01T08:30:01.120394Z"',
    '"file":"/var/log/logins.json","host":"web-1","source_type":"file","timestamp":"2026-03-01T08:30:01.120394Z"',
)
FLUENT = '"date":1772353801.120394'
LOGSTASH = (
    '"@timestamp":"2026-03-01T08:30:01.120Z","@version":"1","host":{"name":"web-1"},'
    '"event":{"original":"{}"},"log":{"file":{"path":"/var/log/logins.json"}},"tags":["_seen"]'
)
FILEBEAT = (
    '"@timestamp":"2026-03-01T08:30:01.120Z","@metadata":{"beat":"filebeat"},"agent":{"type":"filebeat"},'
    '"ecs":{"version":"8.0.0"},"input":{"type":"filestream"}'
)


def bodies(a: str, b: str):
    """(form, body, headers): the two events in each."""
    plain = f"{a}\n{b}\n"
    # Vector: no line end after the last event when framed by line ends; commas and brackets otherwise.
    vector = [with_more(text, more) for text, more in zip((a, b), VECTOR, strict=True)]
    yield "vector newline_delimited", "\n".join(vector), NDJSON
    yield "vector newline_delimited gzip", gzip.compress("\n".join(vector).encode(), mtime=0), NDJSON | GZIP
    yield "vector array", f"[{vector[0]},{vector[1]}]", ARRAY
    yield "vector array zstd", zstandard.compress(f"[{','.join(vector)}]".encode()), {"Content-Encoding": "zstd"}
    unparsed = [f'{{"message":{quoted(text)},{more}}}' for text, more in zip((a, b), VECTOR, strict=True)]
    yield "vector unparsed", "\n".join(unparsed), NDJSON
    yield "vector unparsed array", f"[{','.join(unparsed)}]", ARRAY
    # Fluent Bit: its date first; json is one array, json_lines has a line end after each.
    fluent = [with_more(text, FLUENT, first=True) for text in (a, b)]
    yield "fluent-bit json", f"[{','.join(fluent)}]", ARRAY
    yield "fluent-bit json_lines", "".join(f"{text}\n" for text in fluent), NDJSON
    yield "fluent-bit json_lines gzip", gzip.compress("\n".join(fluent).encode()), NDJSON | GZIP
    unparsed = [f'{{{FLUENT},"log":{quoted(text)}}}' for text in (a, b)]
    yield "fluent-bit unparsed", "\n".join(unparsed), NDJSON
    cut = [f'{{{FLUENT},"log":{quoted(text + chr(10))},"stream":"stdout"}}' for text in (a, b)]
    yield "fluent-bit unparsed, container", f"[{','.join(cut)}]", ARRAY
    escaped = [text.replace("/", "\\/").replace("photogram:", "\\u0070hotogram:") for text in fluent]
    yield "fluent-bit escapes", "\n".join(escaped), NDJSON
    # Kafka Connect: prefix, separator and suffix around what the converter makes of each record.
    yield "kafka array", f"[{a},{b}]", ARRAY
    yield "kafka lines", f"{a}\n{b}\n", {"Content-Type": "application/json"}
    yield "kafka batch, spaced", f"[ {a} , {b} ]\n", ARRAY
    # Logstash and Filebeat: nested fields of their own.
    yield "logstash json_batch", f"[{with_more(a, LOGSTASH)},{with_more(b, LOGSTASH)}]", ARRAY
    packed = gzip.compress(f"[{with_more(a, LOGSTASH)},{with_more(b, LOGSTASH)}]".encode())
    yield "logstash json_batch gzip", packed, ARRAY | GZIP
    yield "filebeat", f"{with_more(a, FILEBEAT)}\n{with_more(b, FILEBEAT)}\n", NDJSON
    # By hand.
    yield "curl --data-binary", plain, {"Content-Type": "application/x-www-form-urlencoded"}
    yield "gzip without a header", gzip.compress(plain.encode()), {}


FORMS = [name for name, _, _ in bodies("", "")]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_whole(empty, form):
    a, b = (f"{form.replace(' ', '-').replace(',', '')}-{n}" for n in "ab")
    ((body, headers),) = [(body, headers) for name, body, headers in bodies(event(a), event(b)) if name == form]
    with empty.client("ingest") as client:
        first = client.post("/v1/observations", content=body, headers=headers)
        assert first.status_code == 200, first.text
        assert {k: first.json()[k] for k in ("accepted", "duplicate", "rejected")} == {
            "accepted": 2, "duplicate": 0, "rejected": 0
        }  # fmt: skip
        again = client.post("/v1/observations", content=body, headers=headers).json()
        assert (again["accepted"], again["duplicate"], again["rejected"]) == (0, 2, 0)
    with empty.client("read") as client:
        seen = client.get(f"/v1/observations/{b}").json()
    assert seen["account"] == f"photogram:{b}"
    assert seen["signals"] == {"android_id": "f6fbfcbcd8c63728", "model": "SM-G960F", "ip": "203.0.113.7"}


def test_one_record_a_request(empty):
    with empty.client("ingest") as client:
        for n in range(3):
            body = with_more(event(f"single{n}"), LOGSTASH)
            assert client.post("/v1/observations", content=body, headers=ARRAY).json()["accepted"] == 1


def test_a_time_that_fluent_bit_wrote(empty):
    """json_date_key time, json_date_format iso8601: its own clock becomes the event's."""
    body = '[{"time":"2026-03-01T08:30:01.120394Z","id":"clock","source":"platform:p","account":"p:1"}]'
    with empty.client("admin") as client:
        assert client.post("/v1/observations", content=body, headers=ARRAY).json()["accepted"] == 1
        assert client.get("/v1/observations/clock").json()["time"] == "2026-03-01T08:30:01.120394Z"


def test_without_ids_a_batch_that_is_sent_again_is_known(empty):
    body = f"[{event('x')},{event('y')}]".replace('"id":"x",', "").replace('"id":"y",', "")
    with empty.client("ingest") as client:
        counts = [client.post("/v1/observations", content=body, headers=ARRAY).json() for _ in range(2)]
    assert [(c["accepted"], c["duplicate"]) for c in counts] == [(2, 0), (0, 2)]


def test_one_bad_event_does_not_keep_the_others_out(empty):
    """Shippers drop a body that is refused: only one of which nothing could be taken in may be."""
    body = f'[{event("bad-a")},{{"message":"no event at all","timestamp":"x"}},{event("bad-b")}]'
    with empty.client("ingest") as client:
        answer = client.post("/v1/observations", content=body, headers=ARRAY)
        assert answer.status_code == 200
        assert (answer.json()["accepted"], answer.json()["rejected"]) == (2, 1)
        assert [error["line"] for error in answer.json()["errors"]] == [2]


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("msgpack, which Fluent Bit sends by default", b"\x92\xd7\x00\x69\xa3\xf5\x09\x07\x2d\x2b\x88\x81\xa3log\xa1x"),
        ("json_stream of Fluent Bit: objects without anything between", (event("s1") + event("s2")).encode()),
        ("gelf", b'{"version":"1.1","short_message":"login","host":"web-1","timestamp":1772353801.1}\n'),
        ("a form of Logstash", b"account=photogram%3Au1&source=platform%3Aphotogram"),
        ("an array in an array", f"[[{event('n1')}]]".encode()),
        ("a batch in an object", f'{{"events":[{event("o1")}]}}'.encode()),
        ("nothing", b""),
    ],
)
def test_what_is_not_read_is_said_to_be(empty, form, body):
    with empty.client("ingest") as client:
        answer = client.post("/v1/observations", content=body)
    assert answer.status_code == 422, form
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["reason"]


def test_what_a_shipper_must_not_send_again(empty):
    """4xx but 408 and 429: it would be refused again."""
    with empty.client("ingest") as client:
        assert client.post("/v1/observations", content=b"{}").status_code == 422
        assert client.post("/v1/observations", content=b"x", headers={"Content-Encoding": "br"}).status_code == 415
        assert client.post("/v1/observation", content=b"{}").status_code == 404
        assert client.head("/v1/observations").status_code == 405
    with empty.client("") as client:
        assert client.post("/v1/observations", content=event("none")).status_code == 401
    with empty.client("read") as client:
        assert client.post("/v1/observations", content=event("none")).status_code == 403


def test_what_a_shipper_must_send_again(begin):
    """429 when it asks too often, with the seconds; afterwards the same body is taken."""
    daemon = begin(limits__requests_per_second="1")
    with daemon.client("ingest") as client:
        answers = [client.post("/v1/observations", content=event(f"r{n}")) for n in range(6)]
    busy = [answer for answer in answers if answer.status_code == 429]
    assert busy
    assert {answer.status_code for answer in answers} == {200, 429}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in busy)


def test_the_python_of_the_page(begin):
    """docs/shippers.md has it; it waits when it asks too often, and gives up on what is refused."""
    daemon = begin(limits__requests_per_second="1")
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    module = types.ModuleType("page")
    exec(compile(code, str(PAGE), "exec"), module.__dict__)
    url = f"http://127.0.0.1:{daemon.port}/v1/observations"
    for n in range(4):
        found = module.send([event(f"py{n}a").encode(), event(f"py{n}b").encode()], daemon.tokens["ingest"], url)
        assert (found["accepted"], found["rejected"]) == (2, 0)
    with pytest.raises(ValueError, match="nothing of it could be taken in"):
        module.send([b"{}"], daemon.tokens["ingest"], url)
    assert '"status":429' in (daemon.case / "audit.log").read_text()
