"""Records of commands: read as a file of the same content is, at their place in the artifact; hostile ones are told."""

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.fingerprint.commands.record import MAGIC, Record, State, header, pack
from rackprint.fingerprint.model import ArtifactInfo, Observation, Problem
from rackprint.fingerprint.parsers import find
from rackprint.fingerprint.parsers.adb_record import ADB_RECORD
from rackprint.fingerprint.parsers.getprop import GETPROP

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
INFO = ArtifactInfo("r", "a" * 64, NOW)
PROPS = b"[ro.product.model]: [Redmi 9]\n[ro.serialno]: [3f8a9c2d]\n[ro.build.version.sdk]: [30]\n"


def record(**more):
    fields = {"state": State.COMPLETE, "parser": "getprop", "host": "bench", "usb_path": "1-1.2", **more}
    return Record(acquisition="bench@1", slot="1-1.2", command="getprop", table=1, line="getprop", started=NOW,
                  ended=NOW, **fields)  # fmt: skip


def read(data):
    return list(ADB_RECORD.parse(io.BytesIO(data), INFO))


def test_it_reads_what_a_file_of_the_same_content_gives_and_says_where():
    data = pack(record(), PROPS, b"noise", b"nonce:0\n")
    assert find(data, "x") is ADB_RECORD
    (found,) = read(data)
    (plain,) = GETPROP.parse(io.BytesIO(PROPS), INFO)
    own = {s.name: s for s in found.signals}
    assert {s.name: s.value for s in plain.signals}.items() <= {s.name: s.value for s in found.signals}.items()
    assert (own["usb_path"].value, own["hub"].value) == ("bench:1-1.2", "bench:1-1")
    assert (own["handset"].value, own["handset"].scope_key) == ("1-1.2", "run:bench@1")
    where = own["serial"].position
    assert data[where.offset :].startswith(b"[ro.serialno]")
    assert data.split(b"\n")[where.line - 1].startswith(b"[ro.serialno]")


@pytest.mark.parametrize("state", [State.TRUNCATED, State.TIMED_OUT])
def test_of_a_cut_answer_whole_lines_count_and_it_is_told(state):
    problem, found = read(pack(record(state=state), PROPS[:-6]))
    assert isinstance(problem, Problem)
    names = {s.name for s in found.signals}
    assert "serial" in names
    assert all(s.raw in PROPS.decode() for s in found.signals if s.name in {"serial", "model"})


def test_what_nobody_reads_says_nothing():
    assert read(pack(record(parser="none"), b"some text\n")) == []
    assert read(pack(record(parser="of a later version"), b"some text\n")) == []


def test_denied_it_says_so_of_what_was_asked_for():
    (found,) = read(pack(record(state=State.DENIED), b"", b"Permission denied"))
    assert [(s.name, s.valid, s.why) for s in found.signals if not s.valid] == [("serial", False, "denied")]


def test_cut_anywhere_it_is_told_and_never_raises():
    data = pack(record(), PROPS)
    for end in range(len(data)):
        found = read(data[:end])
        assert any(isinstance(p, Problem) for p in found), end
        assert all(isinstance(p, Observation | Problem) for p in found)


@given(st.binary(max_size=300))
def test_any_bytes_behind_the_magic(data):
    for found in read(MAGIC + data):
        assert isinstance(found, Observation | Problem)


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_pack_and_header_are_each_others_inverse(out, err):
    data = pack(record(), out, err)
    found, start = header(io.BytesIO(data))
    assert (data[start : start + found.stdout], data[start + found.stdout :]) == (out, err)


@pytest.mark.parametrize("text", [b"{}\n", b"[]\n", b"{\n", b"\n", b"[" * 60_000 + b"\n", b"x" * 70_000])
def test_a_header_that_is_none_is_one_line(text):
    (problem,) = read(MAGIC + text)
    assert "\n" not in str(problem)
