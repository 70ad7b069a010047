"""A USB tree: what was read of each device as it stood, and what that says.

The attributes are those of Linux (Documentation/ABI/stable/sysfs-bus-usb, testing/sysfs-bus-usb): texts with a line
end, and ``descriptors`` as the device sent them. A device is named by where it sits: ``1-1.2`` is bus 1, port 1 of the
root hub, port 2 of the hub there; ``usb1`` is the root hub.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property

import msgspec

from rackprint.fingerprint.usb import descriptors
from rackprint.fingerprint.usb.descriptors import Configuration, Descriptors, Interface

NAME = re.compile(r"usb[0-9]{1,5}|[0-9]{1,5}-[0-9]{1,3}(\.[0-9]{1,3}){0,7}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_SPEED = re.compile(r"[0-9]{1,6}(\.[0-9])?")
_ID = re.compile(r"[0-9a-f]{4}")
_PASSING = "power/"  # facts that change by themselves


def parent(name: str) -> str:
    """What the device is plugged into: ``1-1.2`` into ``1-1``, that into ``usb1``."""
    above = name.rpartition(".")[0]
    return above or (f"usb{name.partition('-')[0]}" if "-" in name else "")


def order(name: str) -> tuple[int, ...]:
    """A key that sorts by port number, root hubs first: 1-2.10 after 1-2.9."""
    numbers = tuple(int(n) for n in re.findall(r"[0-9]+", name))
    return numbers[:1] if name.startswith("usb") else numbers


class Device(msgspec.Struct, frozen=True, dict=True):
    """A device: its name and its attributes as they were read, nothing else; the rest is made of them."""

    name: str
    attributes: Mapping[str, bytes]

    def text(self, attribute: str) -> str:
        """The attribute without the line end that the kernel adds; bytes that are no UTF-8 as escapes."""
        return self.attributes.get(attribute, b"").removesuffix(b"\n").decode(errors="backslashreplace")

    def _number(self, attribute: str) -> int | None:
        text = self.text(attribute).strip()
        return int(text) if _NUMBER.fullmatch(text) else None

    @property
    def parent(self) -> str:
        return parent(self.name)

    @property
    def root(self) -> bool:
        """Whether it is a root hub, which is a part of the host."""
        return self.name.startswith("usb")

    @property
    def serial(self) -> str:
        return self.text("serial")

    @property
    def id(self) -> str:
        """VID:PID, as ``04e8:6860``; empty where it was not read."""
        pair = tuple(self.text(name).strip().lower() for name in ("idVendor", "idProduct"))
        if all(_ID.fullmatch(part) for part in pair):
            return ":".join(pair)
        head = self.descriptors.head
        return f"{head.vendor:04x}:{head.product:04x}" if head else ""

    @property
    def vendor(self) -> str:
        return self.id[:4]

    @property
    def product(self) -> str:
        """What it calls itself: maker and product, the maker once."""
        maker, product = (" ".join(self.text(name).split()) for name in ("manufacturer", "product"))
        return product if product.lower().startswith(maker.lower()) else f"{maker} {product}".strip()

    @property
    def bus(self) -> int | None:
        return self._number("busnum")

    @property
    def number(self) -> int | None:
        """Its number on the bus, new at each time it is plugged in."""
        return self._number("devnum")

    @property
    def ports(self) -> int:
        """How many ports a hub has; 0 for what is no hub."""
        return self._number("maxchild") or 0

    @property
    def speed(self) -> float | None:
        """Mbit/s."""
        text = self.text("speed").strip()
        return float(text) if _SPEED.fullmatch(text) else None

    @cached_property
    def descriptors(self) -> Descriptors:
        return descriptors.read(self.attributes.get("descriptors", b""))

    @property
    def configuration(self) -> Configuration | None:
        return self.descriptors.configuration(self._number("bConfigurationValue"))

    @property
    def interfaces(self) -> tuple[Interface, ...]:
        return self.configuration.interfaces if self.configuration else ()

    @property
    def milliamperes(self) -> int | None:
        """The most it draws from the hub, by its configuration (not what it draws now)."""
        return self.configuration.milliamperes(self.speed) if self.configuration else None

    @property
    def power(self) -> dict[str, str]:
        """What the kernel says of its power, as ``runtime_status``."""
        names = (name for name in self.attributes if name.startswith(_PASSING))
        return {name.removeprefix(_PASSING): self.text(name).strip() for name in sorted(names)}

    @property
    def interface_texts(self) -> tuple[str, ...]:
        """What its interfaces call themselves, such as ``MTP``."""
        return tuple(self.text(name) for name in sorted(self.attributes) if name.endswith("/interface"))

    def same(self, other: Device) -> bool:
        """Whether nothing but passing facts differs: it was not plugged in anew, and shows the same functions."""
        return self.name == other.name and _lasting(self) == _lasting(other)


def _lasting(device: Device) -> dict[str, bytes]:
    return {name: value for name, value in device.attributes.items() if not name.startswith(_PASSING)}


class Tree(msgspec.Struct, frozen=True):
    """What was attached at one time (UTC), in the order of places. ``source`` is where that was read, ``problems`` are
    what could not be."""

    devices: tuple[Device, ...]
    taken_at: datetime
    source: str = ""
    problems: tuple[str, ...] = ()

    def by_name(self) -> dict[str, Device]:
        return {device.name: device for device in self.devices}
