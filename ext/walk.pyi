from collections.abc import Callable, Iterator
from typing import Any

FLOWS: int
TOTAL_BYTES: int
TLS_FAULTS: int

class Batch:
    def all(self) -> list[Any]: ...

class Walk:
    def __init__(
        self,
        packet: Callable[..., Any],
        hello: Callable[..., Any],
        frame: Callable[..., Any],
        stamps: Callable[..., Any],
        record: Callable[..., Any],
        *,
        blocks: bool,
        big: bool = False,
        header: int = 16,
        tick: int = 1000,
        link: int = 1,
        flows: int = ...,
        total: int = ...,
        seed: int = 0,
    ) -> None: ...
    def feed(self, data: bytes) -> None: ...
    def take(self) -> list[Any]: ...
    def batches(self, file: int, at: int) -> Iterator[Batch]: ...
    def finish(self) -> list[Any]: ...
    @property
    def counts(self) -> tuple[int, int, int, int, int, int]: ...
    @property
    def held(self) -> int: ...
