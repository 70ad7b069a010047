"""What fragments show of their class: what all share weighs nothing, what is rare weighs more, and never too much."""

import numpy as np
import pytest
from linking import seen

from rackprint.fingerprint.link import fields
from rackprint.fingerprint.link.gather import build


def table(*shown):
    """A row of fields for each fragment; all are of one model unless they say otherwise."""
    columns = build([seen(f"o{n:05d}", "platform:p", **({"model": "M1"} | s)) for n, s in enumerate(shown)])
    labels = np.arange(columns.n, dtype=np.int32)
    return fields.table(columns, labels, labels)


def weigh(given, pairs, prior=0.0):
    ends = np.array(pairs, dtype=np.int32).reshape(-1, 2)
    a, b = (np.ascontiguousarray(ends[:, side]) for side in (0, 1))
    return fields.weigh(given, a, b, np.full(len(a), prior))


def test_a_class_that_all_share_weighs_nothing():
    given = table(*[{"ram_mb": 4096, "gl_renderer": "Adreno 630", "screen": "1080x2220", "locale": "en_GB"}] * 10)
    assert weigh(given, [(0, 1), (4, 9)]).tolist() == [0.0, 0.0]


def test_fields_that_nobody_shows_weigh_nothing():
    assert weigh(table({}, {}, {"ram_mb": 4096}), [(0, 1), (1, 2)]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"ram_mb": 4096}, {"ram_mb": 6144}),
        ({"gl_renderer": "Adreno 630"}, {"gl_renderer": "Mali-G72"}),
        ({"storage_gb": 64}, {"storage_gb": 128}),
        ({"screen": "1080x2220"}, {"screen": "720x1520"}),
    ],
    ids=lambda s: next(iter(s)),
)
def test_a_difference_weighs_against(one, other):
    assert weigh(table(*[one] * 5, *[other] * 5), [(0, 9)])[0] < -2


def test_two_differences_weigh_more_than_one():
    a = {"ram_mb": 4096, "gl_renderer": "Adreno 630"}
    given = table(*[a] * 4, *[a | {"ram_mb": 6144}] * 4, *[{"ram_mb": 6144, "gl_renderer": "Mali-G72"}] * 4)
    one, two = weigh(given, [(0, 4), (0, 8)])
    assert two < one < 0


def test_memory_that_is_read_some_megabytes_apart_does_not_differ():
    assert weigh(table(*[{"ram_mb": 3900}] * 5, *[{"ram_mb": 3950}] * 5), [(0, 9)]).tolist() == [0.0]


def test_a_rare_value_weighs_more_than_a_common_one():
    given = table(*[{"locale": "en_GB"}] * 16, *[{"locale": "is_IS"}] * 4)
    common, rare = weigh(given, [(0, 1), (16, 17)])
    assert 0 < common < rare


def test_a_value_is_rare_or_common_within_its_model():
    rows = [{"model": "M1", "locale": "is_IS"}] * 8 + [{"model": "M2", "locale": "is_IS"}] * 2
    given = table(*rows, *[{"model": "M2", "locale": "en_GB"}] * 14)
    usual, odd = weigh(given, [(0, 1), (8, 9)])
    assert usual == 0 < odd


def test_gains_together_are_never_above_what_they_may_hold():
    text = ["screen", "gl_renderer", "sensors", "density", "cpu", "locale", "timezone", "carrier", "device_name"]
    rare, common = (dict.fromkeys(text, value) for value in "rc")
    given = table(rare, rare, *[common] * 400)
    assert weigh(given, [(0, 1)])[0] == fields.HOLD
    assert weigh(given, [(0, 1), *[(2, n) for n in range(3, 400)]], 20.0).max() <= fields.HOLD


def test_m_moves_from_its_prior_to_what_many_pairs_show():
    given = table(*[{"carrier": "a"}] * 1000, *[{"carrier": "b"}] * 1000)
    agreeing = [(n, n + 1) for n in range(999)]
    differing = [(n, n + 1000) for n in range(1, 1000)]
    alone = weigh(given, [(0, 1000)], 20.0)[0]
    assert weigh(given, [(0, 1000), *agreeing], 20.0)[0] < alone - 1
    assert weigh(given, [(0, 1000), *differing], 20.0)[0] > alone + 1


def test_pairs_that_are_hardly_one_phone_teach_nothing():
    given = table(*[{"carrier": "a"}] * 1000, *[{"carrier": "b"}] * 1000)
    pairs = [(n, n + 1000) for n in range(1000)]
    assert weigh(given, pairs, -40.0)[0] == weigh(given, pairs[:1], -40.0)[0]
    prior = np.log2((1 - fields.FIELDS["carrier"]) / 0.5)
    assert weigh(given, pairs, -40.0)[0] == pytest.approx(prior, abs=0.01)


def test_no_pairs_weigh_nothing():
    assert weigh(table({"ram_mb": 4096}), []).shape == (0,)
    assert weigh(table(), []).shape == (0,)


def test_the_first_value_that_a_fragment_shows_counts():
    columns = build([seen(f"o{n}", "platform:p", model="M1", locale=value) for n, value in enumerate(["x", "y", "y"])])
    labels = np.array([0, 0, 2], dtype=np.int32)
    given = fields.table(columns, labels, np.array([0, 2], dtype=np.int32))
    lane = list(fields.FIELDS).index("locale")
    assert given.codes[0, lane] != given.codes[1, lane]
    assert (given.codes[:, lane] > 0).all()
