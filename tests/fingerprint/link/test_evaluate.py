"""Precision and recall against counting every pair by hand."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.fingerprint.link.evaluate import evaluate

labels = st.dictionaries(st.integers(0, 30).map(str), st.sampled_from(["", "A", "B", "C"]), max_size=25)


def slowly(truth, predicted):
    known = {k: v for k, v in truth.items() if v}
    found = {k: predicted.get(k) or ("alone", k) for k in known}
    pairs = list(combinations(known, 2))
    same, joined = [known[a] == known[b] for a, b in pairs], [found[a] == found[b] for a, b in pairs]
    both = sum(s and j for s, j in zip(same, joined, strict=True))
    precise, recalled = [], []
    for a, device in known.items():
        mine, linked = {b for b in known if device == known[b]}, {b for b in known if found[a] == found[b]}
        precise.append(len(mine & linked) / len(linked))
        recalled.append(len(mine & linked) / len(mine))
    n = len(known)
    return (
        both / sum(joined) if any(joined) else 1.0,
        both / sum(same) if any(same) else 1.0,
        sum(precise) / n if n else 1.0,
        sum(recalled) / n if n else 1.0,
    )


@given(labels, labels)
def test_scores_are_those_of_counting_pair_by_pair(truth, predicted):
    got = evaluate(truth, predicted)
    assert (
        got.pairwise.precision,
        got.pairwise.recall,
        got.bcubed.precision,
        got.bcubed.recall,
    ) == pytest.approx(slowly(truth, predicted))
    assert got.labelled + sum(not v for v in truth.values()) == len(truth)


def test_a_perfect_linking():
    got = evaluate({"1": "A", "2": "A", "3": "B"}, {"1": "x", "2": "x", "3": "y"})
    assert got.pairwise.f1 == got.bcubed.f1 == 1
    assert (got.largest_false_merge, got.true_devices, got.found_devices) == (None, 2, 2)


def test_the_largest_false_merge_is_named_with_its_parts():
    truth = {"1": "A", "2": "A", "3": "B", "4": "C", "5": "D", "6": "D"}
    got = evaluate(truth, {"1": "x", "2": "x", "3": "x", "4": "y", "5": "y", "6": "z"})
    assert got.largest_false_merge.device == "x"
    assert got.largest_false_merge.observations == 3
    assert got.largest_false_merge.parts == (("A", 2), ("B", 1))
    rows = {r["measure"]: r["value"] for r in got.rows()}
    assert rows["largest false merge"] == "x: 3 observations (2 of A, 1 of B)"


def test_unknown_truth_is_left_out_and_what_was_not_linked_costs_recall():
    got = evaluate({"1": "A", "2": "A", "3": "", "4": "A"}, {"1": "x", "3": "x", "4": "x", "9": "x"})
    assert (got.labelled, got.unlabelled, got.missing) == (3, 2, 1)
    assert got.pairwise.precision == 1
    assert got.pairwise.recall == pytest.approx(1 / 3)
    assert got.rows()[-1]["value"] == "none"


def test_nothing_in_common_has_no_harmonic_mean():
    got = evaluate({"1": "A", "2": "A", "3": "B"}, {"1": "x", "2": "y", "3": "x"})
    assert (got.pairwise.precision, got.pairwise.recall, got.pairwise.f1) == (0, 0, 0)
