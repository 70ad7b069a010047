"""An adb server that says what a test wants: phones with equal serials at their own USB ports, some in trouble."""

import socket
import socketserver
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field


def packet(kind, data):
    """One packet of the shell protocol, version 2."""
    return struct.pack("<BI", kind, len(data)) + data


@dataclass
class Phone:
    """``mode`` is ready, unauthorized, hangs or drops; ``asked`` are the lines that it was asked."""

    number: int
    serial: str = "0123456789ABCDEF"
    mode: str = "ready"
    usb: bool = True
    who: int = 0
    place: str = ""
    asked: list = field(default_factory=list)

    def row(self):
        state = "unauthorized" if self.mode == "unauthorized" else "device"
        place = f"usb:{self.place or f'1-1.{self.number}'} " if self.usb else ""
        serial = self.serial if self.usb else f"192.0.2.{self.number}:5555"
        return f"{serial:22} {state} {place}product:x model:Redmi_9 device:y transport_id:{self.number}\n"

    def says(self, line):
        who = self.who or self.number
        if line == "getprop":
            return (
                f"[ro.build.version.sdk]: [30]\n[ro.product.manufacturer]: [Xiaomi]\n[ro.product.model]: [Redmi 9]\n"
                f"[ro.serialno]: [SN{who:06}]\n"
            ).encode()
        if line.endswith("boot_id"):
            return f"00000000-0000-4000-8000-{who:012}\n".encode()
        return f"{line}: {who}\n".encode()


class _Handler(socketserver.BaseRequestHandler):
    def _service(self):
        head = self.request.recv(4, socket.MSG_WAITALL)
        return self.request.recv(int(head, 16), socket.MSG_WAITALL).decode() if head else ""

    def _block(self, text):
        self.request.sendall(b"OKAY%04x" % len(text) + text.encode())

    def handle(self):
        rack, service = self.server, self._service()
        if service == "host:version":
            self._block("0029")
        elif service == "host:track-devices-l":
            self._follow(rack)
        elif service.endswith(":features"):
            self._block("shell_v2,cmd")
        elif service.startswith("host:transport-id:"):
            self.request.sendall(b"OKAY")
            self._shell(rack.phones[int(service.rpartition(":")[2])], self._service().removeprefix("shell,v2,raw:"))

    def _follow(self, rack):
        said = None
        while not rack.over.is_set():
            listing = "".join(phone.row() for phone in list(rack.phones.values()))
            if listing != said:
                self._block(listing) if said is None else self.request.sendall(
                    b"%04x" % len(listing) + listing.encode()
                )
            said = listing
            rack.over.wait(0.05)

    def _shell(self, phone, line):
        phone.asked.append(line)
        self.request.sendall(b"OKAY")
        whole = packet(1, phone.says(line)) + packet(3, b"\0")
        if phone.mode == "hangs" and line.startswith("dumpsys"):
            self.server.over.wait(60)
        elif phone.mode == "drops" and "battery" in line:
            self.request.sendall(whole[:8])
        else:
            self.request.sendall(whole)


class Rack(socketserver.ThreadingTCPServer):
    """``phones`` by transport id; the mode of one may change at any time."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, phones):
        self.phones = {phone.number: phone for phone in phones}
        self.over = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    def plug(self, phone, place=""):
        phone.place = place
        self.phones[phone.number] = phone
        return phone

    def unplug(self, number):
        del self.phones[number]


@contextmanager
def scripted(*phones):
    """A rack of ``phones`` that listens."""
    rack = Rack(phones)
    thread = threading.Thread(target=rack.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield rack
    finally:
        rack.over.set()
        rack.shutdown()
        rack.server_close()
        thread.join()
