"""An adb server that says what a test wants: phones with equal serials at their own USB ports, some in trouble."""

from contextlib import contextmanager

from rackprint.daemon.simulated.bench import Bench
from rackprint.daemon.simulated.handset import Handset
from rackprint.daemon.simulated.scripted import Attached, Scripted
from rackprint.daemon.simulated.shell import Output, Shell


class Phone(Handset):
    """``mode`` is ready, unauthorized, hangs or drops; ``asked`` are the lines that it was asked."""

    def __init__(self, number, serial="0123456789ABCDEF", mode="ready", usb=True, who=0, place="", asked=None):
        super().__init__(Shell({}), serial=serial, product="x", model="Redmi_9", device="y", mode=mode)
        self.number, self.usb, self.who, self.place = number, usb, who, place
        self.asked = asked if asked is not None else []

    def run(self, line):
        return Output(self.says(line))

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


class Rack:
    """``phones`` by transport id; the mode of one may change at any time."""

    def __init__(self, phones, bench):
        self.phones, self._server = {}, Scripted()
        for phone in phones:
            self.plug(phone, phone.place)
        where = bench.scripted(self._server)
        self.server_address = (where.host, where.port)

    def plug(self, phone, place=""):
        phone.place = place
        self.phones[phone.number] = phone
        path = (place or f"1-1.{phone.number}") if phone.usb else ""
        serial = phone.serial if phone.usb else f"192.0.2.{phone.number}:5555"
        self._server.plug(Attached(phone.number, phone, serial, path))
        return phone

    def unplug(self, number):
        del self.phones[number]
        self._server.unplug(number)


@contextmanager
def scripted(*phones):
    """A rack of ``phones`` that listens."""
    with Bench() as bench:
        yield Rack(phones, bench)
