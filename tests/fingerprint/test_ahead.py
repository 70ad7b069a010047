"""Work ahead: order, errors, early ends, and what becomes of it without a thread."""

import threading
from itertools import count

import pytest

from rackprint.fingerprint import ahead as module
from rackprint.fingerprint.ahead import ahead
from tests.waiting import until


def failing():
    yield 1
    raise OSError("gone")


def test_the_same_items_in_the_same_order_and_then_the_error():
    assert list(ahead(iter(range(100)))) == list(range(100))
    items = ahead(failing())
    assert next(items) == 1
    with pytest.raises(OSError, match="gone"):
        next(items)


def test_it_begins_before_anyone_asks_and_ends_with_who_asked():
    seen = []
    before = threading.active_count()
    items = ahead(seen.append(n) or n for n in count())
    until(lambda: seen)
    del items  # never asked for
    assert threading.active_count() == before
    assert len(seen) < 10


def test_without_a_thread_items_are_made_as_they_are_asked_for(monkeypatch):
    class Refused(threading.Thread):
        def start(self):
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(module, "Thread", Refused)
    assert list(ahead(iter("abc"))) == ["a", "b", "c"]


def test_a_thread_that_dies_without_a_word_is_noticed(monkeypatch):
    class Dying(threading.Thread):
        def run(self):
            pass

    monkeypatch.setattr(module, "Thread", Dying)
    monkeypatch.setattr(module, "WATCHED", 0.01)
    with pytest.raises(RuntimeError, match="has ended"):
        list(ahead(iter("abc")))
