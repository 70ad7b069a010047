"""The shell of an emulated phone: the lines that it has an answer to, and as much of a shell as ``CMD; echo N:$?``."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

_STDOUT, _STDERR, _EXIT = 1, 2, 3
_LONGEST = 1 << 16  # of a line; a real adbd takes one payload
_MOST = 64  # commands in a line


class Output:
    """What a command said, and its exit code."""

    __slots__ = ("_v2", "code", "stderr", "stdout")

    def __init__(self, stdout: bytes = b"", stderr: bytes = b"", code: int = 0) -> None:
        self.stdout, self.stderr, self.code = stdout, stderr, code
        self._v2 = b""

    def v2(self) -> bytes:
        """As shell protocol v2 sends it: packets of id, length, bytes (AOSP packages/modules/adb, shell_protocol.h)."""
        if not self._v2:
            out = _packet(_STDOUT, self.stdout) if self.stdout else b""
            err = _packet(_STDERR, self.stderr) if self.stderr else b""
            self._v2 = out + err + _packet(_EXIT, bytes((self.code,)))
        return self._v2

    def v1(self, *, terminal: bool) -> bytes:
        """As one stream. On a ``terminal``, which adbd used until Android 6, each line ends in CR LF."""
        both = self.stderr + self.stdout
        return both.replace(b"\n", b"\r\n") if terminal else both


def _packet(kind: int, data: bytes) -> bytes:
    return struct.pack("<BI", kind, len(data)) + data


class Once:
    """An output that is made when it is first asked for, and kept."""

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], Output]) -> None:
        self._make = make
        self._made: Output | None = None

    def __call__(self) -> Output:
        if self._made is None:
            self._made = self._make()
        return self._made


Answer = Output | Callable[[], Output]
Program = Callable[[str], Output]


class Shell:
    """Runs lines: ``answers`` first, then ``programs``, which take what stands behind their name, then the few things
    that any phone's shell can do."""

    def __init__(self, answers: Mapping[str, Answer], programs: Mapping[str, Program] | None = None) -> None:
        self._answers, self._programs = answers, programs or {}

    def warm(self) -> None:
        """Makes what is made when it is first asked for, all but what is too large to be kept."""
        for answer in self._answers.values():
            if isinstance(answer, Once):
                answer().v2()

    def _said(self, answer: Answer) -> Output:
        return answer if isinstance(answer, Output) else answer()

    def run(self, line: str) -> Output:
        """What ``line`` says; commands parted by ``;`` run one after another. Never raises."""
        known = self._answers.get(line)
        if known is not None:
            return self._said(known)
        if len(line) > _LONGEST or line.count(";") >= _MOST:
            return Output(b"", b"/system/bin/sh: line too long\n", 2)
        said = Output()
        parts = [part.strip() for part in line.split(";")]
        if len(parts) == 1:
            return self._one(parts[0], 0)
        for part in parts:
            found = self._one(part, said.code)
            said = Output(said.stdout + found.stdout, said.stderr + found.stderr, found.code)
        return said

    def _one(self, command: str, code: int) -> Output:
        known = self._answers.get(command)
        if known is not None:
            return self._said(known)
        name, _, rest = command.partition(" ")
        if name == "":
            return Output(code=code)
        if name in self._programs:
            return self._programs[name](rest.strip())
        if name == "echo":
            return Output(rest.replace("$?", str(code)).encode() + b"\n")
        if name == "cat":
            return Output(b"", f"{command.replace(' ', ': ', 1)}: No such file or directory\n".encode(), 1)
        if name == "dumpsys":
            return Output(b"", f"Can't find service: {rest.strip()}\n".encode())
        return Output(b"", f"/system/bin/sh: {name}: not found\n".encode(), 127)
