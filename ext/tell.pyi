from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

Found = TypeVar("Found")

class Teller(Generic[Found]):
    def __init__(
        self,
        *,
        picked: type,
        hello: type,
        found: type[Found],
        dhcp: type,
        dns: type,
        entry: type,
        types: dict[int, str],
        follow: Callable[[Any], Iterable[Any]],
        said: Callable[[Any], Iterable[Found]],
    ) -> None: ...
    def tell(self, packet: object) -> list[Found] | None: ...
