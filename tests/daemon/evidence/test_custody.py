import json
import threading

import pytest

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import START, CustodyLog, Head
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


def test_a_torn_line_is_kept_in_an_entry_of_its_own(log):
    before = log.append("artifact", sha256="a", size=1, name="x")
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
