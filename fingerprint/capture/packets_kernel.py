"""The packet reader on the compiled walk (ext/walk.pyx): of millions of packets it makes objects for those that
somebody needs.

Its twin is packets_scapy, which it falls back to, record by record, for link types that the walk does not know; only
then is scapy loaded.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from rackprint.ext.walk import TLS_FAULTS, Batch, Walk
from rackprint.fingerprint.ahead import ahead
from rackprint.fingerprint.capture.hello import Hello
from rackprint.fingerprint.capture.packets import Frame, Picked, Read, Stamps
from rackprint.fingerprint.capture.reassembly import FLOW_BYTES
from rackprint.fingerprint.capture.records import BLOCK_LIMIT, CUT, INTERFACES, LIMIT, ZEROS, Record, pcap_form
from rackprint.fingerprint.capture.tally import Tally
from rackprint.fingerprint.model import Position, Problem

WINDOW = 1 << 20  # bytes read at a time
_SECTION = b"\x0a\x0d\x0d\x0a"
_LEFT_OUT = "it was left out"
_FAULTS = {  # enum rp_fault of walk_frames.h -> (reason, remedy), with what was claimed and what was there
    1: ("last record header is cut off", CUT),
    2: (f"record claims {{}} bytes, more than the {LIMIT} that any capture holds", f"corrupt; {CUT}"),
    3: ("record claims {} bytes, the file ends after {}", CUT),
    4: ("pcapng section header lacks its byte-order magic", CUT),
    5: ("last block header is cut off", CUT),
    6: ("block claims {} bytes, which no block can have", f"corrupt; {CUT}"),
    7: (f"block claims {{}} bytes, more than {BLOCK_LIMIT}", f"corrupt; {CUT}"),
    8: ("block claims {} bytes, the file ends after {}", CUT),
    9: ("block's two lengths differ ({} first)", "the first was believed"),
    10: ("interface block is too short", CUT),
    11: (f"more than {INTERFACES} interfaces", CUT),
    12: ("packet block is too short", _LEFT_OUT),
    13: ("packet names interface {}, which the file does not describe", _LEFT_OUT),
    14: ("packet claims {} bytes, its block holds {}", _LEFT_OUT),
    15: (ZEROS, CUT),
}
_TLS = {  # enum rp_tls of walk_flows.h
    2: "ClientHello claims {} bytes",
    3: "no TLS handshake record",
    4: "empty handshake record",
    5: f"ClientHello is not whole after {FLOW_BYTES} bytes",
}


def read_packets(stream: BinaryIO) -> Iterator[Read]:
    """What is needed of a pcap or pcapng file, which may be a pipe. SYNs that are no retransmission and the heads of
    HTTP requests come as ``Picked``, ClientHellos over TCP whole, as ``Hello``. A plain file is walked from now on,
    beside."""
    head = _exactly(stream, 4)
    form = pcap_form(head)
    if form is None and head != _SECTION:
        return iter((_no_capture(head),))
    if form is None:
        walk = _walk(blocks=True)
        walk.feed(head)
    else:
        rest = _exactly(stream, 20)
        if len(rest) < 20:
            return iter((Problem("pcap file header is cut off", CUT, Position(offset=4)),))
        order, tick, size = form
        link = int.from_bytes(rest[16:20], "big" if order == ">" else "little") & 0xFFFF
        walk = _walk(blocks=False, big=order == ">", tick=tick, header=size, link=link)
    found, file = walk.take(), _file(stream)
    batches = None if file is None else ahead(walk.batches(file, stream.tell()))
    return _Reading(walk).all(found, stream, batches)


def _walk(**form: Any) -> Walk:
    return Walk(Picked, Hello, Frame, Stamps, Record, seed=hash("rackprint"), **form)


def _no_capture(head: bytes) -> Problem:
    if not head:
        return Problem("capture is empty", "copy the file again from its source", Position(offset=0))
    reason = f"not a pcap or pcapng file (it begins {head.hex(' ')})"
    return Problem(reason, "convert it with editcap", Position(offset=0))


def _exactly(stream: BinaryIO, size: int) -> bytes:
    """``size`` bytes, fewer only at the end: a pipe gives what it has."""
    data = b""
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data


def _file(stream: BinaryIO) -> int | None:
    """The descriptor of a stream that is a plain file and nothing else."""
    plain = isinstance(stream, io.BufferedReader) and isinstance(stream.raw, io.FileIO) and stream.seekable()
    return stream.fileno() if plain else None


class _Reading:
    """One file being walked: what did not come out as a packet is told or counted here."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._messages = Tally("those messages were left out")
        self._rare: Callable[[Record], Iterator[Read]] | None = None
        self._finish_rare: Callable[[], Iterator[Read]] | None = None

    def all(self, found: list[Any], stream: BinaryIO, batches: Iterator[Batch] | None) -> Iterator[Read]:
        """``found`` of what was fed already; then the rest of ``stream``, which ``batches`` are of where there are."""
        yield from self._told(found)
        if batches is not None:
            for batch in batches:
                yield from self._told(batch.all())
        else:
            read = getattr(stream, "read1", stream.read)  # of a pipe, what has come so far
            while chunk := read(WINDOW):
                self._walk.feed(chunk)
                yield from self._taken()
        yield from self._told(self._walk.finish())
        if self._finish_rare is not None:
            yield from self._finish_rare()
        yield from self._lost()
        yield from self._messages.problems()

    def _taken(self) -> Iterator[Read]:
        while found := self._walk.take():
            yield from self._told(found)

    def _told(self, found: list[Any]) -> Iterator[Read]:
        for item in found:
            if type(item) is tuple:
                yield from self._fault(*item)
            elif type(item) is Record:
                yield from self._by_scapy(item)
            else:
                yield item

    def _fault(self, fault: int, offset: int, claimed: int, held: int) -> Iterator[Problem]:
        if fault >= TLS_FAULTS:
            self._messages.add(_TLS[fault - TLS_FAULTS].format(claimed), offset)
        else:
            reason, remedy = _FAULTS[fault]
            yield Problem(reason.format(claimed, held), remedy, Position(offset=offset))

    def _by_scapy(self, record: Record) -> Iterator[Read]:
        if self._rare is None:
            from rackprint.fingerprint.capture.packets_scapy import Dissector

            dissector = Dissector()
            self._rare, self._finish_rare = dissector.add, dissector.rest
        yield from self._rare(record)

    def _lost(self) -> Iterator[Problem]:
        _, cut, first, unfinished, datagrams, poor = self._walk.counts
        if cut:
            times = f", {cut} times, first here" if cut > 1 else ""
            reason = f"packet is cut off or breaks its own lengths{times}"
            yield Problem(reason, "those packets were left out", Position(offset=first))
        if unfinished:
            reason = f"{unfinished} TCP streams were given up in mid-message: too many at once"
            yield Problem(reason, "split the capture by time or by host")
        if datagrams:
            yield Problem(f"{datagrams} IP datagrams lack fragments", "their first parts were read")
        if poor:
            yield Problem(f"memory ran out for {poor} packets, which were left out", "give it more, and run it again")
