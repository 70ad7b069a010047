"""Stands in for rackprint under its units: says what it could do there, then waits as the daemon would."""

import asyncio
import importlib.util
import json
import os
import signal
import socket
import sys
from pathlib import Path

import sdnotify

spec = importlib.util.spec_from_file_location("workload", Path(__file__).with_name("workload.py"))
workload = importlib.util.module_from_spec(spec)
spec.loader.exec_module(workload)

STATE = Path(os.environ["STATE_DIRECTORY"])


def a_packet_is_seen():
    """As one who captures: promiscuous, from an interface that is not localhost."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as wire:
        wire.bind(("wire0", 0))
        index = socket.if_nametoindex("wire0")
        request = index.to_bytes(4, sys.byteorder) + (1).to_bytes(2, sys.byteorder) + bytes(10)  # PACKET_MR_PROMISC
        wire.setsockopt(263, 1, request)  # SOL_PACKET, PACKET_ADD_MEMBERSHIP
        wire.settimeout(5)
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
            sender.bind(("wire0", 0))
            sender.send(b"\xff" * 6 + b"\2" * 6 + b"\x88\xb5" + b"x" * 50)
        while not wire.recv(2000).endswith(b"x" * 50):
            pass


def a_phone_is_opened():
    os.close(os.open("/dev/bus/usb/001/002", os.O_RDWR))


def the_config_is_there():
    assert Path("/etc/rackprint/rackprint.toml").read_text()


def state():
    return {"uid": os.getuid(), "nofile": os.sysconf("SC_OPEN_MAX"), "umask": f"{os.umask(0o77):o}"}


async def main():
    command = sys.argv[1]
    needs, temptations = [*workload.NEEDS], [*workload.BY_SYSTEM_CALL, *workload.BY_THE_UNIT]
    if command == "serve":
        needs.append(the_config_is_there)
        needs += [a_phone_is_opened] if Path("/dev/bus/usb/001/002").exists() else []
    else:
        temptations.remove(workload.a_packet_socket)
        temptations.remove(workload.a_raw_socket)
        needs.append(a_packet_is_seen)
    found = await asyncio.to_thread(workload.run, needs, temptations)
    found |= {"arguments": sys.argv[1:], "process": state()}
    (STATE / f"{command}.json").write_text(json.dumps(found))
    told = sdnotify.SystemdNotifier()
    told.notify("READY=1")
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, (STATE / f"{command}.reloaded").touch)
    loop.add_signal_handler(signal.SIGTERM, end.set)
    await end.wait()
    (STATE / f"{command}.drained").touch()


asyncio.run(main())
