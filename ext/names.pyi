from collections.abc import Callable
from typing import TypeVar

Entry = TypeVar("Entry")

def read(
    message: bytes, entry: Callable[[str, str, bool, str], Entry], types: dict[int, str]
) -> tuple[bool, tuple[Entry, ...]] | None: ...
