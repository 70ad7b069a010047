"""One handset: its commands one after another, each answer handed on as it comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rackprint.daemon.acquire.adb import link, shell
from rackprint.daemon.acquire.adb.link import LinkError
from rackprint.daemon.acquisition.board import Phase, Seen
from rackprint.daemon.acquisition.earlier import Earlier
from rackprint.fingerprint.commands import table
from rackprint.fingerprint.commands.model import Command
from rackprint.fingerprint.commands.record import State

_TRIES = 2  # of a command whose answer was cut
_SILENCE = 2  # commands without an answer, one after another, after which a phone is left
Identity = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that was run, and its answer."""

    seen: Seen
    command: Command
    answer: shell.Answer
    attempt: int
    sdk: int = 0
    maker: str = ""


@dataclass(slots=True)
class Handset:
    """``keep`` takes each answer; ``claim`` is told who the phone says it is and answers with the slot that it goes
    under, or None where it is asked over another transport already."""

    seen: Seen
    earlier: Earlier
    keep: Callable[[Asked], None]
    claim: Callable[[Seen, Identity], str | None]
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
            seen.error = str(error)
        if seen.phase is Phase.ASKING:
            whole = seen.total and not seen.missing and seen.kept >= seen.total
            seen.phase = Phase.DONE if whole else Phase.PART

    def _all(self) -> None:
        seen = self.seen
        self.v2 = "shell_v2" in link.features(seen.transport.server, seen.transport.id)
        held: list[Asked] = []  # until it is known whose they are
        said = {command.name: self._answer(command, held.append) for command in table.FIRST}
        slot = self.claim(seen, identity(said))
        first = held
        if slot is None:
            seen.phase = Phase.SAME
        for asked in first:
            self._kept(asked)
        if slot is None or self.stopped():
            return
        phone = table.phone_of(said.get("getprop", b""))
        seen.model = phone.model or seen.model
        commands = table.commands(phone, slow=self.slow)
        seen.total = len(table.FIRST) + len(commands)
        for command in commands:
            if self.stopped():
                return
            self._answer(command, self._kept, sdk=phone.sdk, maker=phone.maker)

    def _answer(self, command: Command, keep: Callable[[Asked], None], *, sdk: int = 0, maker: str = "") -> bytes:
        """The stdout of ``command``, from the case or from the phone, as far as it came."""
        seen = self.seen
        if self.earlier.has(seen.slot, command.name):
            seen.kept += 1
            return self.earlier.stdout(seen.slot, command.name)
        seen.command = command.name
        for _ in range(_TRIES):
            answer = shell.run(
                seen.transport, command.line, v2=self.v2, seconds=command.seconds, most=command.most,
                stopped=self.stopped,
            )  # fmt: skip
            key = seen.slot, command.name
            self.earlier.attempts[key] += 1
            keep(Asked(seen, command, answer, self.earlier.attempts[key], sdk, maker))
            if answer.state is State.TRUNCATED and not self.stopped():
                continue
            break
        self._judge(command, answer)
        return answer.stdout

    def _judge(self, command: Command, answer: shell.Answer) -> None:
        self.silent = self.silent + 1 if answer.state is State.TIMED_OUT else 0
        if answer.state is not State.COMPLETE:
            self.seen.missing += answer.state is not State.DENIED
            self.seen.error = f"{command.name}: {answer.why}"
        if self.silent >= _SILENCE:
            raise LinkError(f"{command.name}: {answer.why}; nor the one before, so it was left")

    def _kept(self, asked: Asked) -> None:
        self.keep(asked)
        if asked.answer.state in {State.COMPLETE, State.DENIED}:
            self.seen.kept += 1


def identity(said: dict[str, bytes]) -> Identity:
    """What tells a phone over one transport from the same over another: its boot, and what it calls itself. Empty when
    it did not say."""
    boot = said.get("boot-id", b"").strip()
    serial = next((x for x in said.get("getprop", b"").splitlines() if x.startswith(b"[ro.serialno]")), b"")
    return (boot, serial.strip()) if boot and serial else ()
