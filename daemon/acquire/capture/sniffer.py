"""Opens an interface with scapy (GPL-2.0-only, so in a process of its own) and lets its AsyncSniffer run.

scapy compiles and attaches the filter and binds the socket; its session, which may read a socket as it likes, empties
the ring instead of making a packet object of each frame, which costs thirty times as much.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from typing import Any

from rackprint.daemon.acquire.capture.files import Files
from rackprint.daemon.acquire.capture.ring import Ring
from rackprint.daemon.errors import RackprintError

logging.getLogger("scapy").setLevel(logging.CRITICAL)  # what it warns of is an error here

from scapy import config  # noqa: E402

config.conf.route_autoload = False  # nothing is sent
config.conf.route6_autoload = False

from scapy.arch.common import compile_filter, free_filter  # noqa: E402
from scapy.arch.linux import L2ListenSocket  # noqa: E402
from scapy.error import Scapy_Exception  # noqa: E402
from scapy.sendrecv import AsyncSniffer  # noqa: E402
from scapy.sessions import DefaultSession  # noqa: E402

# ARPHRD of the interface (linux/if_arp.h) -> LINKTYPE of its frames (tcpdump.org/linktypes.html)
_LINKS = {1: 1, 772: 1, 801: 105, 802: 119, 803: 127, 519: 101, 65534: 101}
_LOOPBACK = 772
_RAW = 101
_DLT_RAW = 12  # the number that libpcap knows LINKTYPE_RAW by on Linux


class Sniffer:
    """An open interface. Raises RackprintError, saying why and what to do, where it does not open."""

    def __init__(self, interface: str, rule: str) -> None:
        kind = _kind(interface)
        if kind not in _LINKS:
            raise RackprintError(
                f"{interface}: has link type {kind} (ARPHRD), which is not captured; give the Ethernet, Wi-Fi or tun "
                "interface behind it"
            )
        self.link = _LINKS[kind]
        _check(interface, rule, self.link)
        try:
            self._listener: Any = L2ListenSocket(iface=interface, filter=rule or None)
        except (OSError, Scapy_Exception) as error:
            raise RackprintError(f"{interface}: cannot be opened: {_plain(error)}") from error
        self.ring = Ring(self._listener.ins, once=kind == _LOOPBACK)
        self.failed = ""

    def start(self, files: Files, lock: threading.Lock) -> None:
        """Lets what comes in go to ``files``, in a thread that takes ``lock`` for it."""
        self._files, self._lock = files, lock
        began = threading.Event()
        self._sniffer: Any = AsyncSniffer(
            opened_socket=self._listener, session=_Emptied(self), store=False, started_callback=began.set
        )
        self._sniffer.start()
        began.wait()

    @property
    def running(self) -> bool:
        return bool(self._sniffer.thread.is_alive()) and not self.failed

    def empty(self) -> None:
        """Writes what is in the ring."""
        try:
            with self._lock:
                for frame in self.ring.frames():
                    if self._files.full:
                        return
                    self._files.add(*frame)
                self._files.tick()
        except OSError as error:
            self.failed = f"{error.filename or 'the capture'}: {_plain(error)}; what was written is kept"

    def stop(self) -> None:
        """Ends the thread. What is in the ring stays there to be read."""
        if self._sniffer.running:
            self._sniffer.stop(join=True)

    def close(self) -> None:
        self._listener.close()


class _Emptied(DefaultSession):
    """Takes all that is ready at once, and hands scapy nothing."""

    def __init__(self, sniffer: Sniffer) -> None:
        super().__init__()
        self._sniffer = sniffer

    def recv(self, sock: Any) -> Iterator[Any]:
        self._sniffer.empty()
        return iter(())


def _kind(interface: str) -> int:
    """The ARPHRD number. Raises RackprintError where there is no such interface, or no right to look."""
    try:
        socket.if_nametoindex(interface)
    except OSError:
        names = ", ".join(name for _, name in socket.if_nameindex())
        raise RackprintError(f"{interface}: there is no such interface; there are {names}") from None
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as probe:
            probe.bind((interface, 0))
            return int(probe.getsockname()[3])
    except PermissionError:
        raise RackprintError(
            f"{interface}: capturing takes CAP_NET_RAW; run it as root, or as the service (docs/capture.md)"
        ) from None
    except OSError as error:
        raise RackprintError(f"{interface}: cannot be opened: {_plain(error)}") from error


def _check(interface: str, rule: str, link: int) -> None:
    """Raises RackprintError for a filter that does not compile: scapy would say so later, and less."""
    if not rule:
        return
    try:
        free_filter(compile_filter(rule, linktype=_DLT_RAW if link == _RAW else link))
    except ImportError:
        raise RackprintError("--filter takes libpcap; install libpcap0.8, or leave the filter out") from None
    except (Scapy_Exception, OSError) as error:
        why = str(error).rpartition(" (")[2].removesuffix(")")
        raise RackprintError(f"--filter {rule!r}: {why}; man pcap-filter has the language") from None


def _plain(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
