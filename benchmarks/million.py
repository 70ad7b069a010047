"""``python -m benchmarks.million COUNT OUT.parquet TRUTH.csv [--seed S]``: synthetic platform observations in bulk.

The rows are those of contract 1, in time order, about 50 a phone; 20 % of the phones stand in racks of 200 alike and
15 % are behind one carrier's address. Drawn as columns and written in batches: ten million rows fit in 8 GB."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from benchmarks.scenarios.world import MODELS

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

START = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())
DAY = 86_400
DAYS = 28
BATCH = 500_000
EACH = 50  # observations a phone, on average
RACK = 200
APPS = ("photogram", "chirper", "clipclap")
ACTIONS = ("login", "view", "like", "follow", "signup")
ANDROIDS = ("9", "10", "11", "12", "13", "14")
STORAGES = (32, 64, 128, 256)
# locale, time zone, carriers
PLACES = (
    ("id_ID", "Asia/Jakarta", ("Telkomsel", "Indosat", "XL")),
    ("pt_BR", "America/Sao_Paulo", ("Vivo", "Claro BR", "TIM BR")),
    ("hi_IN", "Asia/Kolkata", ("Jio", "Airtel", "Vi")),
    ("th_TH", "Asia/Bangkok", ("AIS", "True", "dtac")),
    ("vi_VN", "Asia/Ho_Chi_Minh", ("Viettel", "Vinaphone", "MobiFone")),
    ("en_US", "America/New_York", ("T-Mobile", "AT&T", "Verizon")),
    ("de_DE", "Europe/Berlin", ("Telekom.de", "Vodafone.de", "o2 - de")),
    ("ru_RU", "Europe/Moscow", ("MTS RUS", "MegaFon", "Beeline")),
)
# What cheap firmware and cloners put in many phones; on no deny list.
CLONED = ("1234567812345678", "00000000cafebabe", "abcdef0123456789", "0000000000001a2b")
FIELDS = {
    "android_id": pa.string(), "drm_id": pa.string(), "app_instance": pa.string(), "gaid": pa.string(),
    "brand": pa.string(), "model": pa.string(), "android_version": pa.string(), "ram_mb": pa.int32(),
    "screen": pa.string(), "gl_renderer": pa.string(), "locale": pa.string(), "timezone": pa.string(),
    "carrier": pa.string(), "storage_gb": pa.int32(), "ip": pa.string(), "boot_time": pa.int64(),
}  # fmt: skip
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("time", pa.timestamp("us", tz="UTC")),
        *[(name, pa.string()) for name in ("source", "account", "app", "action")],
        ("signals", pa.struct(list(FIELDS.items()))),
    ]
)
TRUTH = pa.schema([("id", pa.string()), ("device", pa.string())])
_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), dtype=np.uint16)


@dataclass(slots=True)
class Phones:
    """What stays the same on a phone, as columns; ``reset`` is a time past the end where there is none."""

    key: Ints  # what its identifiers are made from
    model: Ints
    android: Ints
    ram: Ints
    storage: Ints
    place: Ints
    carrier: Ints
    ip: Ints
    fixed: Bools  # always seen at ``ip``
    favourite: Ints
    copies: Ints
    accounts: Ints
    zeroed: Bools
    reset: Ints
    phase: Ints
    period: Ints


@dataclass(slots=True)
class Rows:
    """Who was seen when, for a run of observations."""

    first: int
    phone: Ints
    time: Ints


def phones(count: int, seed: int, draw: np.random.Generator) -> Phones:
    """``count`` phones: racks first, then those behind the carrier's address, then the rest."""
    racked, behind = count // 5, count * 15 // 100
    rack = np.arange(racked) // RACK
    alike = [_skewed(draw, count, size) for size in (len(MODELS), 2, 2, len(STORAGES), len(PLACES), 3)]
    for values in alike:  # a rack's phones are all as its first
        values[:racked] = values[rack * RACK]
    model, android, ram, storage, place, carrier = alike
    ip = draw.integers(0x0B000000, 0xDF000000, count)
    ip[:racked] = ip[rack * RACK]
    ip[racked : racked + behind] = 0x64400001
    cloner = draw.random(count) < 0.05
    return Phones(
        key=(seed % (1 << 20) << 28) + np.arange(count),
        model=model,
        android=np.minimum(model % 5 + android, len(ANDROIDS) - 1),
        ram=ram,
        storage=storage,
        place=place,
        carrier=carrier,
        ip=ip,
        fixed=np.arange(count) < racked + behind,
        favourite=draw.integers(0, len(APPS), count),
        copies=np.where(cloner, draw.integers(2, 5, count), 1),
        accounts=draw.integers(1, 4, count),
        zeroed=draw.random(count) < 0.2,
        reset=np.where(draw.random(count) < 0.2, START + draw.integers(2 * DAY, (DAYS - 2) * DAY, count), 1 << 40),
        phase=START - draw.integers(8 * DAY, 20 * DAY, count),
        period=draw.integers(3 * DAY, 7 * DAY, count),
    )


def batches(count: int, phones_: int, draw: np.random.Generator) -> Iterator[Rows]:
    """``count`` rows in time order; how many a phone has is log-normal."""
    share = draw.lognormal(0.0, 1.0, phones_)
    seen = draw.multinomial(count, share / share.sum())
    phone = np.repeat(np.arange(phones_, dtype=np.int32), seen)
    draw.shuffle(phone)
    time = np.sort(START + draw.integers(0, DAYS * DAY, count, dtype=np.int64))
    for first in range(0, count, BATCH):
        last = first + BATCH
        yield Rows(first, phone[first:last].astype(np.int64), time[first:last])


def tables(rows: Rows, has: Phones, missing: dict[str, float], draw: np.random.Generator) -> tuple[Any, Any]:
    """The observations and the truth of ``rows``, as Arrow tables."""
    n, phone, time = len(rows.phone), rows.phone, rows.time
    app = (has.favourite[phone] + draw.choice(3, n, p=(0.6, 0.3, 0.1))) % len(APPS)
    # one app of a cloner's phone is there more than once
    copy = np.where(app == has.favourite[phone], draw.integers(0, 1 << 30, n) % has.copies[phone], 0)
    epoch = (time >= has.reset[phone]).astype(np.int64)
    unit = (has.key[phone] * 4 + app) * 8 + copy
    install = unit * 2 + epoch
    number = draw.integers(0, 1 << 30, n) % has.accounts[phone]
    place = has.place[phone]
    model = has.model[phone]
    ip = np.where(
        has.fixed[phone] | (draw.random(n) < 0.7), has.ip[phone], 0x64500000 + place * 4096 + draw.integers(0, 4096, n)
    )
    gone = {name: draw.random(n) < rate for name, rate in missing.items()}

    def chosen(name: str, values: Sequence[Any], codes: Ints) -> Any:
        return pa.array(values, FIELDS[name]).take(pa.array(codes, mask=gone[name]))

    signals = {
        "android_id": _cloned(_hex(_mix(install, 1)), install, 11, gone["android_id"]),
        "drm_id": _cloned(_hex(*(_mix(unit, kind) for kind in (2, 3, 4, 5))), unit, 12, gone["drm_id"]),
        "app_instance": _text(_hex(_mix(install, 6), _mix(install, 7)), gone["app_instance"]),
        "gaid": _text(_gaid(has.key[phone] * 2 + epoch, has.zeroed[phone]), gone["gaid"]),
        "brand": chosen("brand", [m.brand for m in MODELS], model),
        "model": chosen("model", [m.model for m in MODELS], model),
        "android_version": chosen("android_version", ANDROIDS, has.android[phone]),
        "ram_mb": pa.array(np.array([m.ram_mb for m in MODELS])[model] * (1 + has.ram[phone]), mask=gone["ram_mb"]),
        "screen": chosen("screen", [m.screen for m in MODELS], model),
        "gl_renderer": chosen("gl_renderer", [m.renderer for m in MODELS], model),
        "locale": chosen("locale", [p[0] for p in PLACES], place),
        "timezone": chosen("timezone", [p[1] for p in PLACES], place),
        "carrier": chosen("carrier", [c for p in PLACES for c in p[2]], place * 3 + has.carrier[phone]),
        "storage_gb": chosen("storage_gb", STORAGES, has.storage[phone]),
        "ip": _addresses(ip, gone["ip"]),
        "boot_time": pa.array(_boots(phone, time, has) + draw.integers(-1, 2, n), mask=gone["boot_time"]),
    }
    name = pa.array(APPS).take(pa.array(app))
    who = _text(_lettered("u", ((unit * 4 + number) * 0x9E3779B1) % 10**12, 12))
    ids = _text(_lettered("o", np.arange(rows.first, rows.first + n), 9))
    columns = {
        "id": ids,
        "time": pa.array(time * 1_000_000 + draw.integers(0, 1_000_000, n)).cast(SCHEMA.field("time").type),
        "source": pc.binary_join_element_wise("platform", name, ":"),
        "account": pc.binary_join_element_wise(name, who, ":"),
        "app": name,
        "action": pa.array(ACTIONS).take(pa.array(draw.choice(5, n, p=(0.5, 0.25, 0.15, 0.08, 0.02)))),
        "signals": pa.StructArray.from_arrays(
            [column.cast(FIELDS[field]) for field, column in signals.items()], list(FIELDS)
        ),
    }
    truth = pa.table([ids, _text(_lettered("d", phone, 8))], schema=TRUTH)
    return pa.table(columns, schema=SCHEMA), truth


def _skewed(draw: np.random.Generator, count: int, size: int) -> Ints:
    """``count`` draws from ``size`` kinds, the first the most common."""
    weights = 1.0 / np.arange(1, size + 1)
    return draw.choice(size, count, p=weights / weights.sum())


def _boots(phone: Ints, time: Ints, has: Phones) -> Ints:
    """The last boot before each moment: one in each period of the phone, at a moment of its own, and one at a reset."""

    def boot(turn: Ints) -> Ints:
        late = _mix(has.key[phone] * 64 + turn, 8) % np.uint64(2 * DAY)
        return has.phase[phone] + turn * has.period[phone] + late.astype(np.int64)

    turn = (time - has.phase[phone]) // has.period[phone]
    found = boot(turn)
    found = np.where(found > time, boot(turn - 1), found)
    return np.where(time >= has.reset[phone], np.maximum(found, has.reset[phone]), found)


def _mix(key: Ints, kind: int) -> Words:
    """64 bits that depend on the key and the kind alone (splitmix64)."""
    word = key.astype(np.uint64) * np.uint64(32) + np.uint64(kind)
    word *= np.uint64(0x9E3779B97F4A7C15)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


def _hex(*words: Words) -> Bytes:
    """The words of each row as a row of hex digits."""
    raw = np.stack(words, axis=1).view(np.uint8)
    return _HEX[raw].view(np.uint8)


def _gaid(key: Ints, zeroed: Bools) -> Bytes:
    """Advertising ids: UUIDs, all zeros for those who opted out."""
    digits = _hex(_mix(key, 9), _mix(key, 10))
    digits[:, 12] = ord("4")
    digits[zeroed] = ord("0")
    found = np.full((len(key), 36), ord("-"), dtype=np.uint8)
    at = 0
    for start, end in ((0, 8), (9, 13), (14, 18), (19, 23), (24, 36)):
        found[:, start:end] = digits[:, at : at + end - start]
        at += end - start
    return found


def _cloned(digits: Bytes, key: Ints, kind: int, gone: Bools) -> Any:
    """The digits as text, 0.5 % of the values (not of the rows) replaced by one of few that many phones bear."""
    word = _mix(key, kind)
    width = digits.shape[1]
    same = np.array([list((text * 4).encode()[:width]) for text in CLONED], dtype=np.uint8)
    hit = np.flatnonzero(word % np.uint64(200) == 0)
    digits[hit] = same[(word[hit] // np.uint64(200) % np.uint64(len(CLONED))).astype(np.int64)]
    return _text(digits, gone)


def _lettered(letter: str, number: Ints, width: int) -> Bytes:
    """A letter and the number with leading zeros."""
    found = np.empty((len(number), width + 1), dtype=np.uint8)
    found[:, 0] = ord(letter)
    left = number.copy()
    for at in range(width, 0, -1):
        found[:, at] = left % 10 + ord("0")
        left //= 10
    return found


def _text(digits: Bytes, gone: Bools | None = None) -> Any:
    """Rows of ASCII as an Arrow string column, null where ``gone``."""
    n, width = digits.shape
    offsets = np.arange(n + 1, dtype=np.int32) * width
    valid = None if gone is None else pa.py_buffer(np.packbits(~gone, bitorder="little"))
    data = np.ascontiguousarray(digits)
    return pa.Array.from_buffers(pa.string(), n, [valid, pa.py_buffer(offsets), pa.py_buffer(data)])


def _addresses(ip: Ints, gone: Bools) -> Any:
    octet = pa.array([str(n) for n in range(256)])
    parts = [octet.take(pa.array(ip >> shift & 255, mask=gone)) for shift in (24, 16, 8, 0)]
    return pc.binary_join_element_wise(*parts, ".")


def make(count: int, out: Path, truth: Path, seed: int = 1) -> None:
    """Writes ``count`` observations and their truth; the same seed writes the same rows."""
    draw = np.random.default_rng(seed)
    number = max(1, count // EACH)
    has = phones(number, seed, draw)
    missing = {name: float(draw.uniform(0.1, 0.2)) for name in FIELDS}
    plain = csv.WriteOptions(include_header=False, quoting_style="none")
    with parquet.ParquetWriter(out, SCHEMA, compression="zstd") as writer, truth.open("wb") as labels:
        labels.write(b"id,device\n")
        for rows in batches(count, number, draw):
            observations, devices = tables(rows, has, missing, draw)
            writer.write_table(observations)
            csv.write_csv(devices, labels, plain)


def main() -> None:
    """Reads the command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("count", type=int)
    options.add_argument("out", type=Path)
    options.add_argument("truth", type=Path)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    make(given.count, given.out, given.truth, given.seed)


if __name__ == "__main__":
    main()
