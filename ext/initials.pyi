from collections.abc import Callable
from typing import TypeVar

Entry = TypeVar("Entry")

def packets(
    datagram: bytes, versions: dict[bytes, tuple[int, int]], entry: Callable[[bytes, bytes, bytes, bytes, int], Entry]
) -> list[Entry] | None: ...
def crypto(frames: bytes) -> list[tuple[int, bytes]] | None: ...
