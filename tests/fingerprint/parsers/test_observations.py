"""Observations as NDJSON and Parquet: contract 1, line by line."""

import io
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from reading import read, values

from rackprint.fingerprint.parsers import events, find
from rackprint.fingerprint.parsers.events import EVENTS
from rackprint.fingerprint.parsers.parquet import PARQUET

GOOD = {
    "id": "o1", "time": "2026-03-01T09:30:00+01:00", "source": "platform:photogram", "account": "photogram:u1029",
    "signals": {"android_id": "f6fbfcbcd8c63728", "model": "SM-G960F", "boot_time": 1771728752, "ip": "203.0.113.7"},
}  # fmt: skip


def line(**changes) -> bytes:
    return json.dumps({k: v for k, v in (GOOD | changes).items() if v is not None}).encode()


def test_the_line_of_the_contract():
    (found,), problems = read(EVENTS, line())
    assert not problems
    assert (found.id, found.accounts, found.source_kind) == ("o1", ("photogram:u1029",), "platform")
    assert found.time.isoformat() == "2026-03-01T08:30:00+00:00"
    assert {s.name: s.key for s in found.signals} == {
        "android_id": "app:photogram|f6fbfcbcd8c63728",
        "model": "SM-G960F",
        "boot_time": "1771728752",
        "ip": "203.0.113.7",
    }
    assert found.position.line == found.signals[0].position.line == 1


def test_what_is_absent_has_its_default():
    data = b"\n\n" + line(id=None, account=["photogram:a", "", "photogram:a"], app="com.x", exhibit="E1") + b"\n"
    (found,), problems = read(EVENTS, data)
    assert not problems
    assert found.id.endswith(":3")
    assert len(found.id) == 14
    assert found.accounts == ("photogram:a",)
    assert (values(found, "exhibit"), found.exhibit) == (["E1"], "E1")
    assert found.signals[0].scope_key == "app:com.x"
    assert found.position.offset == 2


def test_lists_nulls_and_truth_values():
    (found,), _ = read(EVENTS, line(signals={"imei": ["490154203237518", None, "1"], "model": None, "rooted": True}))
    assert [(s.name, s.value, s.valid) for s in found.signals] == [
        ("imei", "490154203237518", True),
        ("imei", "1", False),
        ("rooted", "yes", True),
    ]


def test_a_randomised_mac_takes_the_network_it_was_seen_on():
    (found,), _ = read(EVENTS, line(signals={"wifi_mac": "da:a1:19:00:11:22", "ssid": "RACK"}))
    assert found.signals[0].key == "ssid:RACK|DA:A1:19:00:11:22"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (line()[:60], "cut off"),
        (b'{"a":1]}', "no JSON object"),
        (line(time=None), "missing required field `time`"),
        (line(source=None), "missing required field `source`"),
        (line(time="2026-03-01T09:30:00"), "no UTC offset"),
        (line(time="yesterday"), "time"),
        (line(source="photogram"), "kind:name"),
        (line(source="gossip:photogram"), "kind:name"),
        (line(source="platform:"), "kind:name"),
        (line(account="u1029"), "platform:handle"),
        (line(signals={"a": {"b": 1}}), "signals"),
        (b'{"time":"\xff"}', ""),
        (b"[" * 100_000, ""),
    ],
)
def test_a_bad_line_is_set_aside_with_its_number_and_reason(data, why):
    found, problems = read(EVENTS, line(id="before") + b"\n" + data + b"\n" + line(id="after"))
    assert [o.id for o in found] == ["before", "after"]
    (problem,) = problems
    assert problem.position.line == 2
    assert problem.position.offset == len(line(id="before")) + 1
    assert why in problem.reason


def test_a_line_without_an_end_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(events, "LINE_LIMIT", 1000)
    found, problems = read(EVENTS, b"x" * 5000 + b"\n" + line() + b"\n" + b"y" * 1000)
    assert [o.id for o in found] == ["o1"]
    assert [p.position.line for p in problems] == [1, 3]


def test_a_byte_order_mark_is_no_json():
    assert len(read(EVENTS, b"\xef\xbb\xbf" + line())[0]) == 1
    assert find(b"\xef\xbb\xbf" + line(), "x") is EVENTS


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(data):
    read(EVENTS, data + b"\n" + line()[: len(data)] + data)


def table(rows: list[dict]) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


def test_parquet_rows_say_what_ndjson_lines_say():
    (wanted,), _ = read(EVENTS, line())
    as_json = GOOD | {"signals": json.dumps(GOOD["signals"])}
    for rows in ([GOOD], [as_json]):
        data = table(rows)
        assert find(data[:4096], "x") is PARQUET
        (found,), problems = read(PARQUET, data)
        assert not problems
        assert (found.id, found.time, found.accounts) == (wanted.id, wanted.time, wanted.accounts)
        assert {s.name: s.key for s in found.signals} == {s.name: s.key for s in wanted.signals}


def test_parquet_maps_and_timestamps():
    signals = pa.array([[("model", "M1"), ("imei", "490154203237518")]], pa.map_(pa.string(), pa.string()))
    times = pa.array([1_771_000_000_000_000], pa.timestamp("us", tz="UTC"))
    naive = pa.array([1_771_000_000_000_000], pa.timestamp("us"))
    for column in (times, naive):
        out = io.BytesIO()
        parquet.write_table(pa.table({"time": column, "source": ["record:x"], "signals": signals}), out)
        (found,), _ = read(PARQUET, out.getvalue())
        assert values(found, "imei", valid=True) == ["490154203237518"]
        assert found.time.timestamp() == 1_771_000_000


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (table([{"time": "2026-03-01T08:30:00Z"}]), "lacks the column source"),
        (table([GOOD])[:-20], "cannot be read on"),
        (b"PAR1" + b"\0" * 100 + b"PAR1", "cannot be read on"),
        (table([GOOD | {"signals": "{"}]), "row does not fit"),
        (table([GOOD | {"source": "x"}]), "row does not fit"),
    ],
)
def test_bad_parquet_is_said(data, why):
    found, problems = read(PARQUET, data)
    assert not found
    assert why in problems[0].reason
