"""What every parser is, and the collector that turns what it finds into one observation of a handset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import BinaryIO, Protocol

from rackprint.fingerprint.commands.answers import NOTHING, Answer
from rackprint.fingerprint.model import ArtifactInfo, Observation, Parsed, Position, Problem, Signal, SourceKind, Value
from rackprint.fingerprint.parsers.text import Line
from rackprint.fingerprint.signals import read_signal, scope_key


class Parser(Protocol):
    """One format. ``version`` goes up when it would read the same bytes otherwise."""

    name: str
    version: int

    def probe(self, head: bytes, name: str) -> bool:
        """Whether the first 64 KiB look like the format; the name is a hint at most."""
        ...

    def parse(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Parsed]:
        """Observations and problems; never raises for what the bytes say. The stream is seekable and read-only."""
        ...


class Findings:
    """Gathers the signals and accounts of one handset artifact; each distinct value once, at its first place."""

    def __init__(self, parser: Parser, info: ArtifactInfo, member: str = "") -> None:
        self.info = info
        self.problems: list[Problem] = []
        self.time: datetime | None = None
        self._source = f"{SourceKind.ACQUISITION}:{parser.name}"
        self._parser = f"{parser.name}/{parser.version}"
        self._member = member
        self._signals: dict[tuple[str, str, Value], Signal] = {}
        self._accounts: dict[str, Position] = {}
        self._odd: set[str] = set()
        self._blank: dict[str, tuple[str, Position]] = {}

    def position(self, line: Line) -> Position:
        return Position(member=self._member, line=line.number, offset=line.offset)

    def add(
        self,
        name: str,
        raw: Value,
        where: Line | Position | None = None,
        *,
        app: str = "",
        ssid: str = "",
        scope: str = "",
    ) -> None:
        """Takes ``raw`` as the signal ``name``; a word for nothing is left out (:meth:`missing` tells of it). It
        compares within its app, its network, or ``scope`` as it is given."""
        if str(raw).strip().lower() in NOTHING:
            self.blank(name, str(raw).strip(), where)
            return
        if isinstance(where, Line):
            self._complain(where)
        key = scope or scope_key(name, source_kind=SourceKind.ACQUISITION, source="", app=app, ssid=ssid)
        position = self._place(where)
        signal = read_signal(name, raw, scope_key=key, parser=self._parser, position=position)
        self._signals.setdefault((name, signal.scope_key, signal.value), signal)

    def blank(self, name: str, raw: str, where: Line | Position | None = None) -> None:
        """Notes that ``raw``, at the place of ``name``, stands for no value."""
        self._blank.setdefault(name, (raw, self._place(where)))

    def missing(self, names: Iterable[str], why: Answer, where: Position) -> None:
        """Of ``names``, those that were not found: each is kept as a signal without a value, never valid, with ``why``;
        ``null`` where a word for nothing stood in its place."""
        found = {name for name, _, _ in self._signals}
        for name in names:
            if name in found:
                continue
            raw, position = self._blank.get(name, ("", where))
            told = Answer.NULL if name in self._blank else why
            key = scope_key(name, source_kind=SourceKind.ACQUISITION, source="")
            self._signals[name, key, ""] = Signal(name, "", raw, False, told.value, key, self._parser, position)

    def _place(self, where: Line | Position | None) -> Position:
        return self.position(where) if isinstance(where, Line) else where or Position()

    def account(self, account: str, line: Line) -> None:
        self._accounts.setdefault(account, self.position(line))
        self.add("account", account, line)

    def problem(self, reason: str, remedy: str, line: Line | None = None) -> None:
        position = self.position(line) if line is not None else Position(member=self._member)
        self.problems.append(Problem(reason, remedy, position))

    def _complain(self, line: Line) -> None:
        if line.odd and line.odd not in self._odd:
            self._odd.add(line.odd)
            self.problem(line.odd, "values on such lines are kept as they could be read", line)

    def close(self) -> Iterator[Parsed]:
        """The problems, then the observation, if anything was found that the bytes themselves said."""
        yield from self.problems
        if not self._signals and not self._accounts:
            return
        info = self.info
        if info.exhibit:
            self.add("exhibit", info.exhibit)
        run, slot = info.handset
        self.add("handset", slot, scope=f"run:{run}")
        for name, value in info.context:
            self.add(name, value)
        yield Observation(
            id=info.observation_id(1),
            time=self.time or info.taken_at,
            source=self._source,
            accounts=tuple(self._accounts),
            exhibit=info.exhibit,
            signals=tuple(self._signals.values()),
            artifact=info.sha256,
            position=next(iter(self._accounts.values()), Position(member=self._member)),
        )
