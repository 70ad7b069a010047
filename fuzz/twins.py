"""Targets that hold each compiled kernel against its plain twin: the same answer, or the same refusal."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any
from unittest import mock

from fuzz.base import Target, module

_TRANSPORTS = ("tcp", "quic", "dtls")
# Link types that the walk takes apart itself; 192 may hold any other, so that it does both.
_WALKED = {0, 1, 9, 12, 14, 50, 51, 101, 105, 108, 113, 127, 192, 228, 229, 276}


def _answer(ask: Callable[[], Any], *refusals: type[Exception]) -> Any:
    """What ``ask`` gives, or the first of ``refusals`` that its refusal is one of."""
    try:
        return ask()
    except refusals as error:
        return next(kind for kind in refusals if isinstance(error, kind))


def hello() -> Target:
    """A ClientHello body after a byte for what carried it."""
    from rackprint.ext.hello import read

    tls, ja4 = module("tls"), module("ja4").ja4

    def twin(body: bytes, transport: str) -> Any:
        found = tls.parse_client_hello(body, dtls=transport == "dtls")
        alpn = [p.decode("ascii", "backslashreplace") for p in found.alpn]
        return found.sni, alpn, ja4(found, transport), found.cookie

    def run(data: bytes) -> None:
        transport, body = _TRANSPORTS[sum(data[:1]) % 3], data[1:]
        told = _answer(lambda: read(body, transport, transport == "dtls"), ValueError)
        wanted = _answer(lambda: twin(body, transport), ValueError)
        assert told == wanted, (told, wanted)

    return run


def beside(name: str, parse: str, error: str) -> Target:
    """A message, by the kernel where it reads it; all others the twin reads both times."""
    found = module(name)

    def run(data: bytes) -> None:
        told = _answer(lambda: getattr(found, parse)(data), getattr(found, error))
        wanted = _answer(lambda: found.parse_plainly(data), getattr(found, error))
        assert told == wanted, (told, wanted)

    return run


def moment() -> Target:
    """A time of up to nine bytes, with a sign."""
    from rackprint.ext import texts, texts_py

    def run(data: bytes) -> None:
        time = int.from_bytes(data[:9], signed=True)
        told = _answer(lambda: texts.moment(time), ValueError, OverflowError)
        wanted = _answer(lambda: texts_py.moment(time), ValueError, OverflowError)
        assert told == wanted, (told, wanted)

    return run


def frames() -> Target:
    """A capture: its framing, and its records where the walk hands them on."""
    kernel, records = module("packets_kernel"), module("records")

    class Bare(kernel._Reading):  # type: ignore[misc, name-defined]
        """Gives nothing but framing."""

        def _by_scapy(self, record: Any) -> Iterator[Any]:
            yield record

        def _lost(self) -> Iterator[Any]:
            yield from ()

        def _fault(self, fault: int, *rest: int) -> Iterator[Any]:
            return super()._fault(fault, *rest) if fault < kernel.TLS_FAULTS else iter(())

    def framing(item: Any) -> bool:
        return not isinstance(item, records.Record) or (item.link not in _WALKED and bool(item.data))

    def run(data: bytes) -> None:
        with mock.patch.object(kernel, "_Reading", Bare):
            found = [
                i for i in kernel.read_packets(io.BytesIO(data)) if isinstance(i, records.Record | records.Problem)
            ]
        told, wanted = (list(filter(framing, items)) for items in (found, records.read_records(io.BytesIO(data))))
        assert told == wanted, (told, wanted)

    return run


class _Pipe:
    """Gives bytes in pieces of these sizes, round and round."""

    def __init__(self, data: bytes, sizes: bytes) -> None:
        self._data, self._sizes = io.BytesIO(data), cycle(sizes)

    def read(self, size: int) -> bytes:
        return self._data.read(min(size, 1 + next(self._sizes)))


def pipe() -> Target:
    """Four bytes for how a pipe cuts what comes, then a capture: the cuts change nothing."""
    read = module("packets_kernel").read_packets
    module("packets_scapy")

    def run(data: bytes) -> None:
        sizes, capture = data[:4] or b"\0", data[4:]
        told, wanted = list(read(_Pipe(capture, sizes))), list(read(io.BytesIO(capture)))
        assert told == wanted, (told, wanted)

    return run
