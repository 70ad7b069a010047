"""What a phone answers: an output for each line of the command table, and a shell that says the right thing to others.

Not every phone tells all: what real ones of that maker and version deny, mask or do not have is so here too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rackprint.daemon.simulated import bugreport, dumps, getprop, services, system, telephony
from rackprint.daemon.simulated.handset import Handset
from rackprint.daemon.simulated.shell import Answer, Once, Output, Shell
from rackprint.daemon.simulated.unit import Phone
from rackprint.fingerprint.commands import table
from rackprint.fingerprint.commands.model import Command, Speed

Clock = Callable[[], datetime]
_UNKNOWN_URL = "Error while accessing provider:telephony\njava.lang.IllegalArgumentException: Unknown URL {}\n"
_DENIED_URL = (
    "Error while accessing provider:telephony\njava.lang.SecurityException: Permission Denial: reading "
    "com.android.providers.telephony.TelephonyProvider uri {} from pid=4711, uid=2000 requires "
    "android.permission.READ_PRIVILEGED_PHONE_STATE\n"
)
_SIMINFO = "content://telephony/siminfo"

_SAID: dict[str, Callable[[Phone], str]] = {
    "boot-id": system.boot_id,
    "getprop": getprop.text,
    "isub": services.isub,
    "iphonesubinfo": dumps.iphonesubinfo,
    "telephony-registry": services.telephony_registry,
    "account": services.account,
    "users": system.users,
    "packages": system.packages,
    "settings-secure": lambda phone: system.settings(phone, "secure"),
    "settings-global": lambda phone: system.settings(phone, "global"),
    "battery": services.battery,
    "power": dumps.power,
    "display": dumps.display,
    "sensorservice": dumps.sensors,
    "bluetooth-manager": services.bluetooth_manager,
    "wifi": services.wifi,
    "netcfg": system.netcfg,
    "ip-link": system.ip_link,
    "cpuinfo": system.cpuinfo,
    "kernel": system.kernel,
    "meminfo": system.meminfo,
    "partitions": system.partitions,
    "package": services.package,
    "dumpsys": bugreport.dumpsys,
}


def handset(phone: Phone, clock: Clock) -> Handset:
    """``phone`` as ADB meets it. ``clock`` is the phone's own."""
    keys: list[str] = []
    model = phone.model
    answers: dict[str, Answer] = {}
    for command in (*table.FIRST, *table.commands(table.phone_of(getprop.text(phone).encode()), slow=True)):
        answers[command.line] = _answer(phone, command, clock, keys)
    properties = getprop.properties(phone)

    def service(rest: str) -> Output:
        call, _, line = rest.partition(" iphonesubinfo ")
        said = telephony.iphonesubinfo(phone, line) if call == "call" else "service: Service does not exist\n"
        return Output(said.encode())

    programs = {
        "service": service,
        "getprop": lambda name: Output(f"{properties.get(name, '')}\n".encode()),
        "date": lambda _: Output(f"{int(clock().timestamp())}\n".encode()),
    }
    shown = Handset(
        Shell(answers, programs), serial=phone.serial, product=model.name, model=model.model, device=model.device,
        sdk=model.sdk,
    )  # fmt: skip
    shown.keys = keys
    return shown


def _answer(phone: Phone, command: Command, clock: Clock, keys: list[str]) -> Answer:
    name = command.name
    if name == "uptime":
        return lambda: Output(system.uptime(phone, clock()).encode())
    if name in {"adb", "usb", "adb-keys"}:
        return lambda: _of_keys(phone, command, tuple(keys))
    if command.speed is Speed.SLOW:
        return lambda: _output(phone, command)  # too large to be kept ready
    return Once(lambda: _output(phone, command))


def _of_keys(phone: Phone, command: Command, keys: tuple[str, ...]) -> Output:
    if command.name == "adb":
        return Output(services.adb(phone, keys).encode())
    if command.name == "usb":
        return Output(dumps.usb(phone, keys).encode())
    if phone.rooted:
        return Output("".join(f"{key}\n" for key in (phone.adb_key, *keys)).encode())
    return _no_file(command, "Permission denied")


def _output(phone: Phone, command: Command) -> Output:
    said = _SAID.get(command.name)
    if said is not None:
        return Output(said(phone).encode())
    if command.parser == "parcel":
        return Output(telephony.iphonesubinfo(phone, command.line.partition(" iphonesubinfo ")[2]).encode())
    if command.name == "siminfo":
        return _siminfo(phone)
    if command.name == "bugreport":
        return _report(phone, command)
    return _file(phone, command)


def _siminfo(phone: Phone) -> Output:
    model = phone.model
    if model.sdk < 22:  # the table came with 5.1
        return Output(b"", _UNKNOWN_URL.format(_SIMINFO).encode())
    if model.sdk >= 34:
        return Output(b"", _DENIED_URL.format(_SIMINFO).encode())
    return Output(telephony.siminfo(phone).encode())


def _report(phone: Phone, command: Command) -> Output:
    if command.line == "bugreport":
        return Output(bugreport.text(phone).encode())
    if command.line == "bugreportz -s":
        return Output(bugreport.archive(phone))
    folder = "/data/user_de/0/com.android.shell/files/bugreports"
    return Output(f"OK:{folder}/{bugreport.name(phone)}.zip\n".encode())


def _file(phone: Phone, command: Command) -> Output:
    model, name = phone.model, command.name
    qualcomm = model.chip.startswith("Qualcomm")
    if name == "wlan-address":
        return Output(f"{phone.wifi}\n".encode()) if model.sdk < 28 else _no_file(command, "Permission denied")
    if name == "emmc-cid" and not model.ufs:
        if model.sdk < 29:
            return Output(system.emmc_cid(phone).encode())
        return _no_file(command, "Permission denied")
    if name == "ufs-number" and model.ufs:
        return Output(system.ufs_number(phone).encode())
    if name == "soc-serial" and qualcomm:
        if model.sdk < 30:
            return Output(system.soc_serial(phone).encode())
        return _no_file(command, "Permission denied")
    return _no_file(command, "No such file or directory")


def _no_file(command: Command, why: str) -> Output:
    return Output(b"", f"cat: {command.line.removeprefix('cat ')}: {why}\n".encode(), 1)
