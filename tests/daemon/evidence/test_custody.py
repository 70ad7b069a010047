import json
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import START, CustodyLog, Head, parse
from rackprint.daemon.evidence.verify import verify_case


def known(log):
    head = log.head()
    return head.hash, head.count


@pytest.fixture
def log(tmp_path):
    return CustodyLog(tmp_path / CustodyLog.NAME)


def test_entries_are_chained(log):
    assert log.head() == Head(START, 0)
    first = log.append("opened", by="rackprint")
    second = log.append("linked", devices=2, name="\u202eü\n")
    entries = list(log.entries())
    assert [e["prev"] for e in entries] == [START, first.hash]
    assert log.head() == second == Head(entries[-1]["hash"], 2)
    assert entries[1]["name"] == "\u202eü\n"


_PLAIN = st.text() | st.integers() | st.booleans() | st.floats(allow_nan=False) | st.lists(st.integers(), max_size=2)


@given(st.dictionaries(st.text(), _PLAIN, max_size=5))
def test_an_entry_has_one_form_whatever_writes_it(fields):
    line = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert parse(line) == fields


def test_a_torn_line_is_kept_in_an_entry_of_its_own(log):
    before = log.append("artifact", sha256="a" * 64, size=1, name="x")
    with log.path.open("ab") as file:
        file.write(b'{"kind":"arti\xff')
    assert log.head() == before
    assert "no end" in verify_case(log.path.parent, None)[0].reason
    log.append("linked")
    kinds = [(e["kind"], e.get("bytes")) for e in log.entries()]
    assert kinds == [("artifact", None), ("torn", b'{"kind":"arti\xff'.hex()), ("linked", None)]
    assert not [f for f in verify_case(log.path.parent, known(log)) if "log" in f.place]


def test_writers_do_not_break_each_others_chain(log):
    threads = [threading.Thread(target=lambda: [log.append("x") for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.head().count == 80
    assert verify_case(log.path.parent, known(log)) == []


def test_a_log_that_is_none_is_said_so(log):
    log.path.write_bytes(b"hello\n")
    with pytest.raises(RackprintError, match="no entry"):
        log.head()
    with pytest.raises(RackprintError, match="line 1"):
        list(log.entries())


def test_a_line_longer_than_one_read_is_found_whole(log):
    log.append("long", text="x" * 200_000)
    head = log.append("short")
    assert log.head() == head
    assert json.loads(log.path.read_bytes().splitlines()[0])["text"][:3] == "xxx"


def test_a_batch_is_chained_like_single_entries(log):
    head = log.append_many([("a", {"n": 1}), ("b", {"n": 2})])
    assert head == log.head()
    assert [(e["seq"], e["kind"], e["n"]) for e in log.entries()] == [(1, "a", 1), (2, "b", 2)]
    assert log.append_many([]) == head
    assert verify_case(log.path.parent, known(log)) == []


def test_names_that_are_no_utf8_are_written_with_their_bytes_escaped(log):
    log.append("x", name=os.fsdecode(b"get\xffprop"), more=["\ud800", {"k\udcfe": 1}], path=("é",))
    (entry,) = log.entries()
    assert (entry["name"], entry["more"], entry["path"]) == ("get\\udcffprop", ["\\ud800", {"k\\udcfe": 1}], ["é"])
    assert verify_case(log.path.parent, known(log)) == []


def test_a_log_holds_a_head_until_it_is_cut_or_rewritten(log):
    assert log.holds(Head(START, 0))
    heads = [log.append("x", n=n) for n in range(3)]
    assert all(log.holds(head) for head in heads)
    assert not log.holds(Head("0" * 64, 3))
    assert not log.holds(Head(START[:-1] + "1", 0))
    log.path.write_bytes(b"".join(log.path.read_bytes().splitlines(keepends=True)[:2]))
    assert log.holds(heads[1])
    assert not log.holds(heads[2])
    log.append("forged")
    assert not log.holds(heads[2])
    log.path.write_bytes(log.path.read_bytes().replace(b'"forged"', b'"forged'))
    assert not log.holds(heads[2])


def test_a_line_nested_without_end_is_no_entry(log):
    log.path.write_bytes(b"[" * 500_000 + b"\n")
    with pytest.raises(RackprintError, match="no entry"):
        log.head()
    assert "nested" in verify_case(log.path.parent, None)[0].reason
