"""Daemons that tests share: one with the rack's events in it, and small ones with settings of their own."""

import time
from collections.abc import Callable, Iterator

import pytest
from serving import Daemon


@pytest.fixture(scope="session")
def rack(tmp_path_factory) -> Iterator[Daemon]:
    """A daemon with the rack's events, linked. Who adds to it adds what others do not count."""
    daemon = Daemon(tmp_path_factory.mktemp("rack") / "case").start().fed()
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module")
def empty(tmp_path_factory) -> Iterator[Daemon]:
    """A daemon of a module's own, without anything in it."""
    daemon = Daemon(tmp_path_factory.mktemp("empty") / "case").start()
    yield daemon
    daemon.stop()


@pytest.fixture
def begin(tmp_path) -> Iterator[Callable[..., Daemon]]:
    """Starts daemons with settings of their own; they end with the test."""
    begun: list[Daemon] = []

    def start(**settings: str) -> Daemon:
        begun.append(Daemon(tmp_path / f"case{len(begun)}", **settings))
        return begun[-1].start()

    yield start
    for daemon in begun:
        if daemon.process is not None and daemon.process.returncode is None:
            daemon.stop()


@pytest.fixture
def until() -> Callable[[Callable[[], bool], float], None]:
    """Waits until something is so."""

    def wait(so: Callable[[], bool], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not so():
            assert time.monotonic() < end, f"not within {seconds} s"
            time.sleep(0.02)

    return wait
