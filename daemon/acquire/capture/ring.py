"""A packet socket's receive ring (TPACKET_V3): the kernel fills blocks of many packets that are read without a system
call a packet. Source: Linux, Documentation/networking/packet_mmap.rst and include/uapi/linux/if_packet.h."""

from __future__ import annotations

import mmap
import os
import select
import socket
import struct
from collections.abc import Iterator

from rackprint.daemon.errors import RackprintError

SIZE = 64 << 20  # bytes: what may wait while the reader is held up
_LEAST = 4 << 20
_BLOCK = 1 << 20
_FRAME = 2048  # only checked by the kernel: in version 3 packets are packed
RETIRE = 0.1  # seconds after which a block is handed over that is not full

_SOL_PACKET, _RX_RING, _STATISTICS, _VERSION, _V3 = 263, 5, 6, 10, 2
_KERNEL, _USER = 0, 1  # whose a block is
_VLAN, _VLAN_TPID = 1 << 4, 1 << 6  # bits of tp_status: the tag was taken off, and its type is told
_STATUS = 8  # of a block: where it stands in its header
_BLOCK_HEAD = struct.Struct("=II")  # num_pkts, offset_to_first_pkt
_HEAD = struct.Struct("=IIIIIIHHIIH")  # tpacket3_hdr up to hv1.tp_vlan_tpid
_TYPE = 48 + 10  # sockaddr_ll.sll_pkttype behind the header
_OUTGOING = 4
_OUT_OF_MEMORY = 12

Frame = tuple[int, int, bytes | memoryview]  # nanoseconds since 1970, length on the wire, the bytes


class Ring:
    """The ring of an open packet socket. ``once``: the interface is loopback, where each packet passes twice, and what
    goes out is left out. Frames are views that hold until the next one is asked for."""

    def __init__(self, sock: socket.socket, *, once: bool = False, size: int = SIZE) -> None:
        self._socket, self._once = sock, once
        sock.setsockopt(_SOL_PACKET, _VERSION, _V3)
        while True:
            self._blocks = size // _BLOCK
            request = struct.pack("=7I", _BLOCK, self._blocks, _FRAME, size // _FRAME, int(RETIRE * 1000), 0, 0)
            try:
                sock.setsockopt(_SOL_PACKET, _RX_RING, request)
                break
            except OSError as error:
                size //= 2
                if error.errno != _OUT_OF_MEMORY or size < _LEAST:
                    raise RackprintError(f"the kernel gives no receive ring: {error.strerror}") from error
        self._map = mmap.mmap(sock.fileno(), size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._next = 0
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self.dropped = 0

    def wait(self, seconds: float) -> bool:
        """Waits for packets; whether there are any."""
        return bool(self._poll.poll(seconds * 1000))

    def frames(self) -> Iterator[Frame]:
        """Those of the blocks that are ready now, at most one round of them, so that who asks has a say in between."""
        view = memoryview(self._map)
        for _ in range(self._blocks):
            if not self.wait(0):  # a system call between two blocks also orders what is read of them
                return
            start = self._next * _BLOCK
            (status,) = struct.unpack_from("=I", view, start + _STATUS)
            if not status & _USER:
                return
            yield from self._packets(view[start : start + _BLOCK])
            struct.pack_into("=I", view, start + _STATUS, _KERNEL)
            self._next = (self._next + 1) % self._blocks

    def _packets(self, block: memoryview) -> Iterator[Frame]:
        count, at = _BLOCK_HEAD.unpack_from(block, _STATUS + 4)
        once, unpack = self._once, _HEAD.unpack_from
        for _ in range(count):
            step, seconds, nanoseconds, size, length, status, mac, _, _, tag, kind = unpack(block, at)
            if not (once and block[at + _TYPE] == _OUTGOING):
                data = block[at + mac : at + mac + size]
                if status & _VLAN and size >= 12:  # the kernel took the tag off; on the wire it stands behind the MACs
                    told = struct.pack(">HH", kind if status & _VLAN_TPID else 0x8100, tag)
                    yield seconds * 1_000_000_000 + nanoseconds, length + 4, b"".join((data[:12], told, data[12:]))
                else:
                    yield seconds * 1_000_000_000 + nanoseconds, length, data
            at += step

    def count_drops(self) -> int:
        """Packets for which the ring had no room, ever. The kernel's own count starts anew when it is read."""
        _, dropped, _ = struct.unpack("=III", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 12))
        self.dropped += dropped
        return self.dropped

    def error(self) -> str:
        """What the socket says is wrong, such as that its interface went down; nothing where nothing is."""
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return os.strerror(number).lower() if number else ""
