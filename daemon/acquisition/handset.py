"""One handset: its commands one after another, each answer handed on as it comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rackprint.daemon.acquire.adb import link, shell
from rackprint.daemon.acquire.adb.link import LinkError
from rackprint.daemon.acquisition.board import Phase, Seen
from rackprint.daemon.acquisition.earlier import Earlier
from rackprint.daemon.acquisition.places import Places
from rackprint.fingerprint.commands import table
from rackprint.fingerprint.commands.model import Command
from rackprint.fingerprint.commands.record import State

_TRIES = 2  # of a command whose answer was cut
_SILENCE = 2  # commands without an answer, one after another, after which a phone is left


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells a phone from another: its boot, and what it calls itself. Empty texts are unknown."""

    boot: str
    serial: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that was run, and its answer."""

    seen: Seen
    command: Command
    answer: shell.Answer
    sdk: int = 0
    maker: str = ""


@dataclass(slots=True)
class Handset:
    """``keep`` takes each answer; ``claim`` is told who the phone says it is, gives ``seen`` the slot that it goes
    under, and says whether it is to be asked: not when it is asked over another transport already."""

    seen: Seen
    earlier: Earlier
    places: Places
    keep: Callable[[Asked], None]
    claim: Callable[[Seen, Identity], bool]
    stopped: Callable[[], bool]
    slow: bool = False
    v2: bool = True
    silent: int = 0

    def run(self) -> None:
        """Never raises for what the phone does; ``seen`` says how it ended."""
        seen = self.seen
        seen.phase = Phase.ASKING
        try:
            self._all()
        except LinkError as error:
            seen.error = f"{seen.error}; then {error}" if seen.error else f"{seen.command}: {error}"
        if seen.phase is Phase.ASKING:
            whole = seen.total and not seen.missing and seen.kept >= seen.total
            seen.phase = Phase.DONE if whole else Phase.PART

    def _all(self) -> None:
        seen = self.seen
        self.v2 = "shell_v2" in link.features(seen.transport.server, seen.transport.id)
        held: list[Asked] = []  # until it is known whose they are
        try:
            said, wanted = self._first(held)
        except LinkError:
            if held:
                self.claim(seen, Identity("", ""))
            raise
        finally:
            for asked in held:
                self._kept(asked)
        if not wanted or self.stopped():
            return
        phone = table.phone_of(said)
        seen.model = phone.model or seen.model
        commands = table.commands(phone, slow=self.slow)
        seen.total = len(table.FIRST) + len(commands)
        for command in commands:
            if self.stopped():
                return
            self._answer(command, self._kept, sdk=phone.sdk, maker=phone.maker)

    def _first(self, held: list[Asked]) -> tuple[bytes, bool]:
        """Asks who it is and claims its slot: its properties, and whether it is to be asked on."""
        seen = self.seen
        boot = table.boot_of(self._ask(table.BOOT_ID, held.append))
        known = self.places.of_boot(seen.slot, boot)
        if known is not None:
            seen.slot = known
            said = self._answer(table.PROPERTIES, held.append)
        else:  # what was said from here earlier may be another phone's
            said = self._ask(table.PROPERTIES, held.append)
        wanted = self.claim(seen, Identity(boot, table.serial_of(said)))
        if not wanted:
            seen.phase = Phase.SAME
        return said, wanted

    def _answer(self, command: Command, keep: Callable[[Asked], None], *, sdk: int = 0, maker: str = "") -> bytes:
        """The stdout of ``command``, from the case or from the phone, as far as it came."""
        seen = self.seen
        if self.earlier.has(seen.slot, command.name):
            seen.kept += 1
            return self.earlier.stdout(seen.slot, command.name)
        return self._ask(command, keep, sdk=sdk, maker=maker)

    def _ask(self, command: Command, keep: Callable[[Asked], None], *, sdk: int = 0, maker: str = "") -> bytes:
        seen = self.seen
        seen.command, before = command.name, seen.error
        for _ in range(_TRIES):
            answer = shell.run(
                seen.transport, command.line, v2=self.v2, seconds=command.seconds, most=command.most,
                stopped=self.stopped,
            )  # fmt: skip
            keep(Asked(seen, command, answer, sdk, maker))
            if answer.state is State.TRUNCATED and not answer.long and not self.stopped():
                seen.error = f"{command.name}: {answer.why}"
                continue
            seen.error = before  # the second try may have gone well
            break
        self._judge(command, answer)
        return answer.stdout

    def _judge(self, command: Command, answer: shell.Answer) -> None:
        self.silent = self.silent + 1 if answer.state is State.TIMED_OUT else 0
        if answer.state is not State.COMPLETE:
            self.seen.missing += answer.state is not State.DENIED
            self.seen.error = f"{command.name}: {answer.why}"
        if self.silent >= _SILENCE:
            self.seen.silent = True
            raise LinkError("left, after two commands without an answer")

    def _kept(self, asked: Asked) -> None:
        self.keep(asked)
        if asked.answer.state in {State.COMPLETE, State.DENIED}:
            self.seen.kept += 1
