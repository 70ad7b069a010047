from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

def read(message: bytes, make: Callable[..., T]) -> T | None: ...
