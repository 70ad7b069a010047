"""The resolver's process: every observation in an index in memory, so that one more is placed in a moment."""

from __future__ import annotations

import gc
import signal
import socket
import sys
import time
from pathlib import Path

from rackprint.daemon.channel import Channel
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.placing import Ask, Known, Placed, Poke, Serve, ToResolver
from rackprint.daemon.processes import die_with_parent
from rackprint.daemon.store.repository import Store
from rackprint.fingerprint.link.online import Resolver

SHOWN = 20  # observations of a device that an answer names
_STEP = 20  # observations between two looks at the questions
_PAGE = 200
_REST = 0.6  # of the time it took in, the time it then waits: who has used less of a core is the sooner awake
_TELL = 0.5  # seconds between two words of how far it is


class Index:
    """The resolver with its place in the store."""

    def __init__(self, channel: Channel[ToResolver], store: Store) -> None:
        self._channel, self._store = channel, store
        self._resolver = Resolver()
        self._through = self._count = 0
        self._whole = False
        self._told, self._busy, self._rested = 0.0, 0.0, 0.0

    def run(self) -> None:
        """Serves until the daemon goes."""
        _warm()
        gc.collect()
        gc.freeze()
        gc.disable()  # what is kept has no cycles, and a round over millions of objects takes a second
        while True:
            new = self._learn()
            if not new:
                self._whole = True
                self._resolver.settle()
            self._tell(force=not new)
            if not self._questions(0.0 if new else 1.0):
                return

    def _learn(self) -> int:
        """Takes in a page of what is new, with an ear for questions."""
        count = 0
        began = time.monotonic()
        for number, observation in self._store.since(self._through, _PAGE):
            self._resolver.add(observation)
            self._through = number
            count += 1
            if count % _STEP == 0:
                self._rest()
        gc.collect()  # a page is a small round; once a while would be a long one
        gc.freeze()
        self._count += count
        self._busy += time.monotonic() - began if count else 0.0
        return count

    def _rest(self) -> None:
        """Looks at the questions; once the index is whole, they come first."""
        now = time.thread_time()
        self._questions(_REST * (now - self._rested) if self._whole else 0.0)
        self._rested = now

    def _questions(self, seconds: float) -> bool:
        """Answers what is asked within ``seconds``; whether the daemon is still there."""
        while self._channel.waiting(seconds):
            message = self._channel.receive()
            if message is None:
                return False
            if isinstance(message, Poke):
                return True
            if isinstance(message, Ask):
                self._answer(message)
                seconds = 0.0
        return True

    def _answer(self, ask: Ask) -> None:
        found = self._resolver.look(ask.observation)
        shown = self._resolver.shown(found.device, SHOWN) if found.device else []
        self._channel.send(
            Placed(
                ask.number, found.device, found.probability, found.weight, found.fresh, found.reasons, shown
            )
        )  # fmt: skip

    def _tell(self, *, force: bool) -> None:
        now = time.monotonic()
        if now - self._told < _TELL and not force:
            return
        self._told = now
        rate = self._count / self._busy if self._busy else 0.0
        self._channel.send(Known(self._through, self._count, len(self._resolver), self._whole, rate))


def _warm() -> None:
    """Loads what linking anew needs, before a question has to wait for it."""
    import rackprint.fingerprint.link.linker  # noqa: F401


def main() -> None:
    """Runs on the socket whose number is the first argument."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    channel: Channel[ToResolver] = Channel(socket.socket(fileno=int(sys.argv[1])), ToResolver)
    first = channel.receive()
    if not isinstance(first, Serve):
        return
    try:
        with Store.open(Path(first.case), url=first.url) as store:
            Index(channel, store).run()
    except RackprintError as error:
        channel.send(Known(0, 0, 0, False, 0.0, str(error)))
    except BrokenPipeError:
        return


if __name__ == "__main__":
    main()
