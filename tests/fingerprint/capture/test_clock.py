"""Clocks behind TCP timestamps: lines, their skew with its interval, starts, and how many phones there must be."""

import random
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from rackprint.fingerprint.capture import clock
from rackprint.fingerprint.capture.boots import boots
from rackprint.fingerprint.capture.clock import PARTS, Clocks
from rackprint.fingerprint.capture.packets import Stamps
from rackprint.fingerprint.capture.phones import count
from rackprint.fingerprint.capture.skew import LEAST, estimate, upper_hull
from rackprint.fingerprint.capture.track import POINTS, Track

BASE = 1_700_000_000
HOUR = 3600
DELAYS = {
    "uniform": lambda rng: rng.uniform(0, 5e-3),
    "exponential": lambda rng: rng.expovariate(1 / 5e-3),
}


def samples(rng, ppm, count=HOUR, start=0.0, rate=1000, offset=None, boot=0.0, delay="uniform"):
    """About one sample a second of a clock that runs ``ppm`` fast, from ``start`` seconds after BASE on."""
    offset = rng.getrandbits(32) if offset is None else offset
    out = []
    for second in range(count):
        sent = start + second + rng.random() / 4
        ticks = int((sent - boot) * (1 + ppm * 1e-6) * rate)
        out.append((BASE * 10**9 + int((sent + DELAYS[delay](rng)) * 1e9), (offset + ticks) & 0xFFFFFFFF))
    return out


def stamps(found, src="10.0.0.5", dst="203.0.113.9"):
    times, values = zip(*sorted(found), strict=True)
    return Stamps(src, dst, times, values, range(24, 24 + len(times)))


def lines(*batches):
    clocks = Clocks()
    for batch in batches:
        clocks.add(batch)
    return list(clocks.lines())


@pytest.mark.no_cover  # traced it costs twice as much, and others come to the same lines
@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize(("rate", "span"), [(1000, HOUR), (100, 2 * HOUR), (250, HOUR), (1000, 900)])
def test_known_drifts_come_back_within_their_interval(delay, rate, span):
    rng = random.Random(f"{delay} {rate} {span}")
    held = 0
    for _ in range(20):
        ppm = rng.uniform(-40, 40)
        (line,) = lines(stamps(samples(rng, ppm, span, rate=rate, delay=delay)))
        assert (line.rate, line.samples) == (rate, span)
        held += line.skew.low <= ppm * 1e-6 <= line.skew.high
        assert line.skew.low <= line.skew.slope <= line.skew.high
    assert held >= 19


@pytest.mark.parametrize("ppm", [-40, -12.5, 0, 3, 40])
def test_an_hour_says_it_within_a_ppm(ppm):
    (line,) = lines(stamps(samples(random.Random(ppm), ppm)))
    assert line.meaning is not None
    assert (line.skew.high - line.skew.low) * 1e6 < 1
    assert line.skew.slope * 1e6 == pytest.approx(ppm, abs=0.2)


def test_a_busy_hour_among_quiet_ones_does_not_tilt_the_line():
    """Delays of up to half a second in the second half, as on a full link, but now and then none."""
    rng = random.Random(3)
    quiet = samples(rng, 10, HOUR)
    busy = [(t + (0 if rng.random() < 0.2 else int(rng.uniform(0, 4e8))), v) for t, v in quiet[HOUR // 2 :]]
    (line,) = lines(stamps(quiet[: HOUR // 2] + busy))
    assert line.skew.slope * 1e6 == pytest.approx(10, abs=0.5)


def test_what_is_too_short_or_too_coarse_to_mean_something_is_not_stated():
    rng = random.Random(1)
    (short,) = lines(stamps(samples(rng, 10, 120)))
    (coarse,) = lines(stamps(samples(rng, 10, HOUR, rate=10)))
    assert short.meaning is None
    assert coarse.meaning is None
    assert lines(stamps(samples(rng, 10, 20))) == []
    assert estimate([(float(t), 0.0) for t in range(LEAST - 1)], 0.001) is None
    assert estimate([(0.0, 0.0)] * LEAST, 0.001) is None
    noise = [(float(t), rng.uniform(0, 100)) for t in range(LEAST)]
    assert estimate(noise, 0.001) is None  # no slope within LIMIT is ruled out


def test_a_clock_without_any_jitter_slides_by_no_more_than_a_tick():
    """Samples in step with the ticks hide up to one tick over the span; the interval says so."""
    for ppm in (0, 0.1, -0.2):
        found = [(BASE * 10**9 + s * 10**9, int(s * 1000 * (1 + ppm * 1e-6) + 7)) for s in range(HOUR)]
        (line,) = lines(stamps(found))
        assert line.skew.low <= ppm * 1e-6 <= line.skew.high


def test_the_count_goes_on_past_32_bits():
    (line,) = lines(stamps(samples(random.Random(5), -20, offset=(1 << 32) - 1_000_000)))
    assert line.samples == HOUR
    assert line.skew.slope * 1e6 == pytest.approx(-20, abs=0.5)


def test_a_reboot_cuts_the_line():
    rng = random.Random(6)
    before = samples(rng, 15, HOUR, offset=5_000_000)
    after = samples(rng, 15, HOUR, start=HOUR + 60, offset=0, boot=HOUR + 30)
    found = lines(stamps(before + after))
    assert [(line.samples, line.first_ns) for line in found] == [(HOUR, before[0][0]), (HOUR, after[0][0])]
    assert [line.offset for line in found] == [24, 24 + HOUR]  # of its own first sample
    assert count(found, {}).least == 1
    assert count(found, {}).parallel == 1


def test_samples_that_come_one_by_one_are_kept_together():
    found = sorted(samples(random.Random(4), 15, 300))
    clocks = Clocks()
    for at, sample in enumerate(found):
        clocks.add(Stamps("10.0.0.5", "203.0.113.9", [sample[0]], [sample[1]], [at]))
        assert all(len(batches) <= PARTS for batches in clocks._waiting.values())
    (line,) = clocks.lines()
    (whole,) = lines(stamps(found))
    assert (line.samples, line.skew, line.offset) == (whole.samples, whole.skew, 0)


def test_samples_that_run_backwards_are_dropped_and_counted():
    rng = random.Random(7)
    found = samples(rng, 5, 600)
    clocks = Clocks()
    clocks.add(Stamps("10.0.0.5", "203.0.113.9", *zip(*found, strict=True), [24] * len(found)))
    clocks.add(Stamps("10.0.0.5", "203.0.113.9", *zip(*found[100:150], strict=True), range(99, 149)))
    (line,) = clocks.lines()
    assert (clocks.backwards, clocks.where, line.samples) == (50, 99, 600)


def test_two_phones_of_one_model_are_told_apart_after_an_hour():
    rng = random.Random(8)
    first, second = samples(rng, -3.1), samples(rng, -1.6, start=0.4)
    found = lines(stamps(first, dst="203.0.113.1"), stamps(second, dst="203.0.113.2"))
    phones = count(found, boots(found))
    assert phones.least == 2
    assert "rates" in phones.reasons[0]
    same = lines(stamps(first, dst="203.0.113.1"), stamps(samples(rng, -3.1, start=0.4), dst="203.0.113.2"))
    assert count(same, boots(same)).least == 1


def test_two_phones_to_one_destination_are_two_lines():
    rng = random.Random(9)
    found = lines(stamps(samples(rng, 8) + samples(rng, -8, start=0.5)))
    assert len(found) == 2
    phones = count(found, boots(found))
    assert (phones.least, phones.parallel) == (2, 2)


def test_offsets_for_each_connection_are_no_second_phone():
    rng = random.Random(10)
    found = lines(stamps(samples(rng, 8) + samples(rng, 8, start=0.5)))
    phones = count(found, boots(found))
    assert (phones.least, phones.parallel) == (1, 2)
    assert "offsets for each connection" in phones.reasons[0]


def test_skews_of_different_hours_must_differ_by_more_than_heat_makes_them():
    rng = random.Random(11)
    morning, evening = samples(rng, 5), samples(rng, 6.2, start=10 * HOUR)
    found = lines(stamps(morning, dst="203.0.113.1"), stamps(evening, dst="203.0.113.2"))
    assert count(found, {}).least == 1


def old_kernel(rng, ppm, boot, dst, rate=100):
    """Jiffies: zero 300 seconds after the start, no offset."""
    return stamps(samples(rng, ppm, HOUR, rate=rate, offset=0, boot=boot + 300), dst=dst)


def test_the_start_is_told_where_two_destinations_read_alike():
    rng = random.Random(12)
    found = lines(old_kernel(rng, 30, -5 * HOUR, "203.0.113.1"), old_kernel(rng, 30, -5 * HOUR, "203.0.113.2"))
    started = boots(found)
    assert sorted(started) == [0, 1]
    for boot in started.values():
        assert boot.low <= BASE - 5 * HOUR <= boot.high
        assert boot.high - boot.low < 5  # five hours of a crystal whose skew an hour at 100 Hz does not tell
    at_1000 = [old_kernel(rng, 30, -5 * HOUR, f"203.0.113.{n}", rate=1000) for n in (1, 2)]
    wide = boots(lines(*at_1000))[0]
    assert wide.low <= BASE - 5 * HOUR <= wide.high
    assert wide.high - wide.low > 300


def test_a_random_offset_tells_no_start():
    rng = random.Random(13)
    assert boots(lines(*[stamps(samples(rng, 30), dst=f"203.0.113.{n}") for n in (1, 2)])) == {}
    assert boots(lines(old_kernel(rng, 30, -HOUR, "203.0.113.1"))) == {}


def test_two_starts_at_once_are_two_phones():
    rng = random.Random(14)
    found = lines(*[old_kernel(rng, 4, -(n // 2) * HOUR, f"203.0.113.{n}") for n in (2, 3, 4, 5)])
    assert len(found) == 4
    phones = count(found, boots(found))
    assert phones.least == 2
    assert any("started at different times" in reason for reason in phones.reasons)


def test_lines_points_and_pairs_are_bounded(monkeypatch):
    rng = random.Random(15)
    monkeypatch.setattr(clock, "LINES", 3)
    clocks = Clocks()
    for n in range(5):
        clocks.add(stamps(samples(rng, 0, 60), dst=f"203.0.113.{n}"))
    assert len(list(clocks.lines())) == 3
    assert clocks.lost == 2
    track = Track(0, 0, 0)
    for second in range(1, 20_000):
        assert track.add(second * 10**9, second * 1000)
    assert POINTS // 2 <= len(track.times) <= POINTS
    spray = Clocks()  # a new clock with each sample
    spray.add(stamps([(BASE * 10**9 + n * 10**9, rng.getrandbits(32)) for n in range(2000)]))
    assert sum(map(len, spray._pairs.values())) <= clock.TRACKS


def test_a_clock_makes_room_when_it_was_long_unseen(monkeypatch):
    rng = random.Random(16)
    monkeypatch.setattr(clock, "ALL_TRACKS", 2)
    monkeypatch.setattr(clock, "WAITING", 2)
    clocks = Clocks()
    for n, start in enumerate((0, 5, 10, 1000)):
        clocks.add(stamps(samples(rng, 0, 60, start=start), dst=f"203.0.113.{n}"))
    assert clocks.lost == 60  # the third came while the others were heard
    assert [line.dst[-1] for line in clocks.lines()] == ["0", "1", "3"]
    for n in range(5):
        clocks.add(stamps(samples(rng, 0, 5), dst=f"203.0.113.{n}"))
    assert len(clocks._waiting) == 2


def test_pairs_that_there_is_no_room_for_are_not_kept(monkeypatch):
    rng = random.Random(17)
    monkeypatch.setattr(clock, "ALL_TRACKS", 2)
    clocks = Clocks()
    for n in range(40):
        clocks.add(stamps(samples(rng, 0, 40, start=n / 10), dst=f"203.0.113.{n}"))
    assert (len(clocks._pairs), clocks.lost) == (2, 38 * 40)
    clocks.add(stamps([(-1, 5)] * 40, dst="203.0.113.99"))  # nor those whose samples are all left out
    assert len(clocks._pairs) == 2


@given(st.lists(st.tuples(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 1 << 33)), max_size=200))
def test_no_samples_raise(found):
    clocks = Clocks()
    clocks.add(Stamps("a", "b", [t for t, _ in found], [v for _, v in found], [0] * len(found)))
    clocks.add(Stamps("a", "c", sorted(t for t, _ in found), [v for _, v in found], [0] * len(found)))
    made = list(clocks.lines())
    count(made, boots(made))


@settings(max_examples=30, deadline=None)
@given(st.floats(-40, 40), st.integers(0, 1 << 32), st.sampled_from([1000, 10**6]), st.sampled_from(sorted(DELAYS)))
def test_any_drift_and_offset_is_one_line_near_the_truth(ppm, offset, rate, delay):
    rng = random.Random(f"{ppm} {offset}")
    (line,) = lines(stamps(samples(rng, ppm, 1200, rate=rate, offset=offset, delay=delay)))
    assert line.rate == rate
    assert line.skew.slope * 1e6 == pytest.approx(ppm, abs=1e6 / rate / 1200 + 2)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60))
def test_no_point_lies_above_the_hull(heights):
    points = [(float(t), float(x)) for t, x in enumerate(heights)]
    hull = upper_hull(points)
    assert (hull[0], hull[-1]) == (points[0], points[-1])
    for (t0, x0), (t1, x1) in pairwise(hull):
        assert all(x <= x0 + (x1 - x0) * (t - t0) / (t1 - t0) + 1e-9 for t, x in points if t0 <= t <= t1)
