from typing import Generic, TypeVar

Found = TypeVar("Found")

class Teller(Generic[Found]):
    def __init__(
        self, *, picked: type, hello: type, found: type[Found], dns: type, entry: type, types: dict[int, str]
    ) -> None: ...
    def tell(self, packet: object) -> list[Found] | None: ...
