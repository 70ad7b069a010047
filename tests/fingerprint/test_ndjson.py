"""What ndjson writes, the events parser reads back to the same observation."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from reading import read

from rackprint.fingerprint import ndjson
from rackprint.fingerprint.model import Observation, Position, SourceKind
from rackprint.fingerprint.parsers.events import EVENTS
from rackprint.fingerprint.signals import REGISTRY, read_signal, scope_key

NAMES = st.sampled_from([*REGISTRY, "shoe_size"])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@st.composite
def observations(draw):
    kind = draw(st.sampled_from(list(SourceKind)))
    app = draw(st.sampled_from(["", "com.x.y"]))
    ssid = draw(st.sampled_from(["", "RACK"]))
    values = draw(st.lists(st.tuples(NAMES.filter(lambda n: n not in {"exhibit", "ssid"}), TEXT), max_size=6))
    values += [("ssid", ssid)] if ssid else []
    signals = []
    for name, raw in values:
        key = scope_key(name, source_kind=kind, source="src", app=app, ssid=ssid)
        if draw(st.booleans()) and name == "android_id":
            key = "user:10"
        signals.append(read_signal(name, raw, scope_key=key, parser="events/1", position=Position(line=1, offset=0)))
    signals.sort(key=lambda s: [n for n, _ in values].index(s.name))  # one name's values stand together in a line
    return Observation(
        id=draw(TEXT.filter(bool)),
        time=draw(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1))).replace(tzinfo=UTC),
        source=f"{kind}:src",
        accounts=tuple(draw(st.lists(st.sampled_from(["p:a", "p:b", "q:<é>"]), unique=True, max_size=3))),
        app=app,
        action=draw(TEXT),
        target=draw(TEXT),
        signals=tuple(signals),
        artifact="a" * 64,
        position=Position(line=1, offset=0),
    )


@given(observations())
def test_a_line_reads_back_as_the_observation_it_was_made_of(made):
    (found,), problems = read(EVENTS, ndjson.line(made))
    assert not problems
    assert [(s.name, s.value, s.valid, s.why, s.scope_key) for s in found.signals] == [
        (s.name, s.value, s.valid, s.why, s.scope_key) for s in made.signals
    ]
    wanted = (made.id, made.time, made.source, made.accounts, made.app, made.action, made.target)
    assert (found.id, found.time, found.source, found.accounts, found.app, found.action, found.target) == wanted


def test_positions_and_reasons_are_told():
    signals = (
        read_signal("imei", "1", position=Position("m.txt", 3, 9)),
        read_signal("imei", "490154203237518", position=Position(line=4)),
    )
    line = json.loads(
        ndjson.line(Observation("o1", datetime(2026, 3, 1, tzinfo=UTC), "record:x", signals=signals), positions=True)
    )
    assert line["signals"] == {"imei": ["1", "490154203237518"]}
    assert line["positions"] == {"imei": ["m.txt, line 3, byte 9", "line 4"]}
    assert line["invalid"] == {"imei": "an IMEI has 15 digits"}
    assert "account" not in line
