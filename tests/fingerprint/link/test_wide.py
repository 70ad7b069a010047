"""Observations one by one and as record batches make the same columns, whatever they hold."""

import io
import json
import random
from datetime import UTC, datetime
from math import isnan

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linking import aid, drm, iccid, imei

from rackprint.fingerprint.link.gather import Gatherer, build
from rackprint.fingerprint.model import ArtifactInfo, Observation, Problem
from rackprint.fingerprint.parsers import events
from rackprint.fingerprint.parsers.events import EVENTS
from rackprint.fingerprint.parsers.parquet import PARQUET
from rackprint.fingerprint.signals import REGISTRY, spec

INFO = ArtifactInfo("x.ndjson", "ab" * 32, datetime(2026, 3, 1, tzinfo=UTC))
VALUES = {
    "imei": [imei(1), imei(2), "000000000000000", "35-268809-007919-0"],
    "serial": ["R58M1", "r58m2", "0123456789ABCDEF", "unknown"],
    "android_id": [aid(1), aid(2), aid(1).upper(), "9774d56d682e549c", "0000000000000000", "zz"],
    "drm_id": [drm(1), drm(2).upper(), "AAECAwQFBgcICQoLDA0ODw==", "00" * 32],
    "gaid": ["00000000-0000-0000-0000-000000000000", "0A1B2C3D-0000-4000-8000-00000000000A"],
    "app_instance": ["abcdefgh12", "short", "a" * 22, " spaced-out-token "],
    "wifi_mac": ["00:16:32:aa:bb:01", "da:a1:19:00:00:01", "02:00:00:00:00:00", "nonsense"],
    "ssid": ['"hall"', "home", "<unknown ssid>"],
    "model": ["SM-A125F", " SM-A125F ", ""],
    "android_version": ["11", "12"],
    "ram_mb": [3800, 1900],
    "boot_time": [1771728752, -1, 10**17],
    "ip": ["203.0.113.7", "2001:db8::1"],
    "iccid": [iccid(1), iccid(2), "1234"],
    "usb_charging": [True, False],
    "exhibit": ["E1", "E2"],
    "shoe_size": ["46", "47"],
}


@st.composite
def rows(draw):
    found = []
    for n in range(draw(st.integers(1, 12))):
        row = {
            "time": draw(st.sampled_from(["2026-03-01T08:30:00Z", "2026-03-01T10:30:00.123456+02:00"])),
            "source": draw(st.sampled_from(["platform:photogram", "acquisition:getprop", "capture:pcap", "record:x"])),
        }
        if draw(st.booleans()):
            row["id"] = f"o{n % 9}"
        for key, given_values in (
            ("app", ["com.photogram", ""]), ("action", ["like"]), ("target", ["post:1"]), ("exhibit", ["E1", ""]),
            ("account", ["photogram:u", "chirper:v:w"]),
        ):  # fmt: skip
            if draw(st.booleans()):
                row[key] = draw(st.sampled_from(given_values))
        names = draw(st.sets(st.sampled_from(sorted(VALUES))))
        row["signals"] = {name: draw(st.sampled_from(VALUES[name]) | st.none()) for name in sorted(names)}
        found.append(row)
    return found


def plain(columns):
    """Columns as what compares: values instead of codes, NaN as None."""

    def values(column):
        told = [(column.key(code), column.scope_of(code)) for code in column.codes.tolist()]
        return sorted(zip(column.rows.tolist(), told, strict=True))

    return {
        "ids": columns.ids.to_pylist(),
        "times": columns.times.tolist(),
        "kinds": columns.kinds.tolist(),
        "accounts": values(columns.accounts),
        "signals": {name: values(column) for name, column in columns.signals.items()},
        "codes": {name: column.codes.tolist() for name, column in columns.signals.items()},
        "numbers": {
            name: [None if isnan(v) else v for v in found.tolist()]
            for name, found in columns.numbers.items()
            if not all(map(isnan, found.tolist()))
        },
        "texts": {name: values(column) for name, column in columns.texts.items()},
        "unknown": dict(columns.unknown),
    }


def gathered(parsed):
    """(columns, problems, how many batches)."""
    into, problems, batches = Gatherer(), [], 0
    for item in parsed:
        if isinstance(item, Problem):
            problems.append(str(item))
        elif isinstance(item, Observation):
            into.add(item)
        else:
            batches += 1
            into.add_batch(item)
    return plain(into.finish()), problems, batches


def both(data):
    one = gathered(EVENTS.parse(io.BytesIO(data), INFO))
    wide = gathered(EVENTS.parse_wide(io.BytesIO(data), INFO))
    assert wide[:2] == one[:2]
    return wide


def ndjson(found, end="\n"):
    return "".join(json.dumps(row) + end for row in found).encode()


@pytest.mark.no_cover  # traced it costs twice as much, and others come to the same lines
@settings(max_examples=150)
@given(rows())
def test_lines_and_blocks_make_the_same_columns(found):
    both(ndjson(found))


@settings(max_examples=60)
@given(rows())
def test_rows_and_batches_of_parquet_make_the_same_columns(found):
    # of a struct column every row has every field, so that a missing signal is a null, as in the rows
    names = sorted({name for row in found for name in row["signals"]})
    for row in found:
        row["time"] = datetime.fromisoformat(row["time"])
        row["signals"] = {name: row["signals"].get(name) for name in names} if names else None
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row if names else {**row, "signals": "{}"} for row in found]), out)
    one = gathered(PARQUET.parse(io.BytesIO(out.getvalue()), INFO))
    wide = gathered(PARQUET.parse_wide(io.BytesIO(out.getvalue()), INFO))
    assert wide[:2] == one[:2]


@pytest.mark.no_cover  # traced it costs twice as much, and others come to the same lines
@given(rows(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_leaves_no_trace(found, draw):
    parsed = [o for o in EVENTS.parse(io.BytesIO(ndjson(found)), INFO) if isinstance(o, Observation)]
    mixed = draw.sample(parsed, len(parsed))
    assert plain(build(mixed)) == plain(build(parsed))


def even(count=200):
    draw = random.Random(1)
    return [
        {
            "id": f"o{n}", "time": "2026-03-01T08:30:00Z", "source": "platform:p", "account": f"p:u{n % 7}",
            "signals": {"android_id": aid(draw.randrange(9)), "ram_mb": 3800, "ip": "203.0.113.7"},
        }
        for n in range(count)
    ]  # fmt: skip


def test_an_even_file_comes_as_batches(monkeypatch):
    monkeypatch.setattr(events, "BLOCK", 4096)
    _, problems, batches = both(ndjson(even()))
    assert problems == []
    assert batches > 5


def test_a_bad_line_is_named_and_loses_nothing_else(monkeypatch):
    monkeypatch.setattr(events, "BLOCK", 4096)
    lines = ndjson(even()).split(b"\n")
    lines[120] = b'{"id":"o120","time":"yesterday","source":"platform:p"}'
    columns, (problem,), batches = both(b"\n".join(lines))
    assert problem.startswith("line 121")
    assert len(columns["ids"]) == 199
    assert batches > 3


def test_types_that_change_midway_are_read_whole(monkeypatch):
    monkeypatch.setattr(events, "BLOCK", 4096)
    found = even()
    for n, row in enumerate(found):
        row["signals"]["android_version"] = 11 if n < 100 else "11"
        row["account"] = row["account"] if n < 150 else [row["account"], "p:second"]
    columns, problems, _ = both(ndjson(found))
    assert problems == []
    assert len(columns["accounts"]) == 250


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        ndjson(even(3))[:-1],
        ndjson(even(3), "\r\n"),
        ndjson(even(3), "\n\n"),
        ndjson(even(2), " ") + b"\n" + ndjson(even(3)),
        ndjson(even(3)).replace(b"203.0.113.7", b"\xff\xfe"),
        ndjson(even(3)).replace(b"203.0.113.7", b"\\ud800"),
        ndjson(even(3)).replace(b"3800", b"1e999"),
        ndjson(even(3)).replace(b"3800", b"123456789012345678901234567890"),
        ndjson(even(3)).replace(b"3800", b'{"a": 1}'),
        ndjson(even(3)).replace(b"3800", b"[[1], [2]]"),
        ndjson(even(3)).replace(b"2026-03-01", b"1970-01-01"),
        ndjson(even(3)).replace(b"2026-03-01", b"2106-02-07"),
        ndjson(even(3)).replace(b"2026-03-01", b"0001-01-01"),
        ndjson(even(3)).replace(b"08:30:00Z", b"08:30:00"),
        ndjson(even(3)).replace(b"08:30:00Z", b"08:30:00.123456789Z"),
        ndjson(even(3)).replace(b"platform:p", b"platform:"),
        ndjson(even(3)).replace(b"p:u1", b"u1"),
        ndjson(even(3)).replace(b'"ram_mb"', b'"ip"'),
        b"\xef\xbb\xbf" + ndjson(even(3)),
        b"[" * 5000,
        *(
            ndjson(even(3)) + b'{"id":"d","time":"2026-03-01T08:30:00Z","source":"platform:p",' + deep + b"}\n"
            for n in (30, 600, 30_000)
            for deep in (
                b'"zzz":' + b"[" * n + b"]" * n,
                b'"zzz":' + b'{"a":' * n + b"1" + b"}" * n,
                b'"signals":{"ip":' + b"[" * n + b"]" * n + b"}",
            )
        ),
    ],
)
def test_odd_files_are_told_of_alike(data):
    both(data)


def test_a_line_without_an_end_is_read_with_a_limit(monkeypatch):
    monkeypatch.setattr(events, "BLOCK", 1024)
    columns, problems, _ = both(ndjson(even(3)) + b'{"id":"' + b"x" * (5 << 20) + b'"}\n' + ndjson(even(5)[3:]))
    assert len(columns["ids"]) == 5
    assert "longer than 4 MiB" in problems[0]


def test_of_one_id_the_same_content_counts_in_any_order():
    found = even(6)
    for row in found:
        row["id"] = f"o{int(row['id'][1:]) % 2}"
    assert both(ndjson(found))[0] == both(ndjson(found[::-1]))[0]


@pytest.mark.parametrize("name", sorted(name for name, entry in REGISTRY.items() if entry.canonical))
@given(data=st.data())
def test_a_canonical_text_is_its_own_normal_form(name, data):
    entry = spec(name)
    text = data.draw(st.from_regex(entry.canonical, fullmatch=True)).removesuffix("\n")
    if text not in entry.deny and len(set(text[-4:])) > 1:
        assert entry.read(text) == (text, True, "")
