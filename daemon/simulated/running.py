"""A whole simulated rack: phones, the adb servers that they are connected to, the scripted one for equal serials."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType

from rackprint.daemon.acquire.adb import link, server
from rackprint.daemon.acquire.adb.server import MOST, Address
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.simulated import content, ids, phones
from rackprint.daemon.simulated.bench import Bench
from rackprint.daemon.simulated.handset import Handset, Mode
from rackprint.daemon.simulated.scripted import Attached, Scripted

_CONNECTS = 4  # at once a server: more, and adb loses some
_CONNECT = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many phones, and how many of them share a serial or are in trouble; ``delay`` is in ms a command."""

    count: int
    equal: int = 0
    hangs: int = 0
    drops: int = 0
    unauthorized: int = 0
    delay: float = 0.0
    seed: int = 1


@dataclass(slots=True)
class Running:
    """A rack that runs, until it is closed; a context manager. ``home`` is where its adb keeps its key."""

    wanted: Wanted
    home: Path
    servers: list[Address] = field(default_factory=list)
    scripted: Address | None = None
    places: dict[str, Handset] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        """Raises RackprintError where a phone cannot be connected."""
        wanted = self.wanted
        made = phones.rack(wanted.count, datetime.now(UTC), equal=wanted.equal, seed=wanted.seed)
        shown = [content.handset(phone, lambda: datetime.now(UTC)) for phone in made]
        for handset in shown:
            handset.delay = wanted.delay
            handset.warm()
        over_tcp = wanted.count - wanted.equal
        self._trouble(shown[:over_tcp] or shown)
        bench = self._stack.enter_context(Bench())
        where = bench.phones(shown[:over_tcp])
        self._connect(where)
        self.places = {str(at): handset for at, handset in zip(where, shown, strict=False)}
        if wanted.equal:
            listed = Scripted()
            for number, (phone, handset) in enumerate(zip(made[over_tcp:], shown[over_tcp:], strict=True), 1):
                listed.plug(Attached(number, handset, phone.serial, phone.usb_path))
                self.places[phone.usb_path] = handset
            self.scripted = bench.scripted(listed)

    def _trouble(self, among: Sequence[Handset]) -> None:
        wanted = self.wanted
        modes = [Mode.HANGS] * wanted.hangs + [Mode.DROPS] * wanted.drops + [Mode.UNAUTHORIZED] * wanted.unauthorized
        for handset, mode in zip(ids.rng("trouble", str(wanted.seed)).sample(among, len(modes)), modes, strict=True):
            handset.mode = mode

    def _connect(self, where: Sequence[Address]) -> None:
        for first in range(0, len(where), MOST):
            started = self._stack.enter_context(server.Server(home=self.home, usb=False)).address
            self.servers.append(started)
            with ThreadPoolExecutor(_CONNECTS) as pool:
                said = list(pool.map(partial(_told, started), where[first : first + MOST]))
            lost = [f"{at}: {text}" for at, text in zip(where[first:], said, strict=False) if text]
            if lost:
                raise RackprintError(f"{lost[0]}; {len(lost)} phones in all could not be connected; start it again")

    def troubled(self) -> dict[str, Handset]:
        """The phones that are in trouble, by their place."""
        return {place: handset for place, handset in self.places.items() if handset.mode is not Mode.READY}

    def heal(self) -> dict[str, Mode]:
        """Ends all trouble; says whose and what it was."""
        was = {place: handset.mode for place, handset in self.troubled().items()}
        for place in was:
            self.places[place].mode = Mode.READY
        return was

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> Running:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def _told(at: Address, phone: Address) -> str:
    """Connects ``phone``; what went wrong, empty for nothing. One that accepts no key is attached all the same."""
    try:
        told = link.answer(at, f"host:connect:{phone}", _CONNECT)
    except link.LinkError as error:
        return str(error)
    return "" if told.startswith(("connected", "already", "failed to authenticate")) else " ".join(told.split())
