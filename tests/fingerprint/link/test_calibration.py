"""Reliability bins and collisions by model, over hand-made truths."""

from rackprint.fingerprint.link.calibration import collisions, reliability

TRUTH = {"a": "P1", "b": "P1", "c": "P2", "d": "P3", "e": "", "f": "P4"}
FOUND = {"a": "D1", "b": "D1", "c": "D1", "d": "D2", "e": "D2"}


def test_bins_say_what_was_told_and_what_was_right():
    bins = reliability(TRUTH, FOUND, {"a": 0.95, "b": 0.97, "c": 0.93, "d": 0.2, "e": 0.2, "f": 0.2})
    assert [(b.low, b.high, b.observations) for b in bins] == [(0.0, 0.5, 1), (0.9, 0.99, 3)]
    assert abs(bins[1].said - 0.95) < 1e-9
    assert bins[1].right == 2 / 3
    assert reliability(TRUTH, FOUND, {}) == ()


def test_a_probability_on_an_edge_is_in_the_upper_bin():
    assert reliability({"a": "P"}, {"a": "D"}, {"a": 0.99})[0].low == 0.99
    assert reliability({"a": "P"}, {"a": "D"}, {"a": 1.0})[0].high == 1.0


def test_collisions_count_pairs_of_two_phones_by_the_models_of_their_devices():
    worst, other = collisions(TRUTH, FOUND, {"a": "M1", "b": "M1", "c": "M2", "d": "M2"})
    assert (worst.model, worst.devices, worst.mixed, worst.rate) == ("M1", 1, 1, 2 / 3)
    assert (other.model, other.devices, other.mixed, other.rate) == ("M2", 1, 0, 0.0)
    assert {c.model for c in collisions(TRUTH, FOUND, {})} == {"unknown"}
