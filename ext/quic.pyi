from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

Packet = TypeVar("Packet")
Hello = TypeVar("Hello")

def secrets(
    salt: bytes, client: bytes, infos: tuple[bytes, bytes, bytes], dcid: bytes
) -> tuple[bytes, bytes, bytes]: ...
def hash_fast(wanted: bool) -> bool: ...

class Keys:
    def __init__(
        self,
        decrypt: Callable[[bytes, bytes, bytes], bytes],
        iv: bytes,
        mask: bytes,
        bad_tag: type[Exception],
    ) -> None: ...
    def open(self, packet: bytes, number_at: int, expected: int) -> tuple[bytes, int] | None: ...

class Following(Generic[Packet, Hello]):
    def __init__(
        self,
        *,
        initials: Callable[[bytes], Iterable[tuple[bytes, bytes, bytes, bytes, int]]],
        frames: Callable[[bytes], tuple[list[tuple[int, bytes]], str]],
        joined: Callable[[list[tuple[int, bytes]]], list[tuple[int, bytes]]],
        retry: Callable[[bytes], tuple[bytes, bytes] | None],
        error: type[Exception],
        types: dict[bytes, tuple[int, int]],
        keys: Callable[[bytes, bytes], Keys],
        tally: Callable[[str, int], None],
        fragments: Callable[[int], Any],
        hello: type[Hello],
        bare: Callable[[Packet], Packet],
        most: int,
        total: int,
        followed: int,
    ) -> None: ...
    def __len__(self) -> int: ...
    @property
    def held(self) -> int: ...
    def add(self, packet: Packet) -> list[Hello]: ...
