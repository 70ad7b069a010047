"""The dumpsys services that tell of a phone's state and make, in the forms of AOSP's own dump methods."""

from __future__ import annotations

from collections.abc import Sequence

from rackprint.daemon.simulated import ids
from rackprint.daemon.simulated.unit import Phone

# (name, maker, type): parts of a model are the same on every unit.
_SENSORS = (
    (
        ("BMI160 accelerometer", "Bosch", "accelerometer(1)"),
        ("BMI160 gyroscope", "Bosch", "gyroscope(4)"),
        ("AK09918 magnetometer", "AKM", "magnetic_field(2)"),
        ("STK3X3X Light Sensor", "Sensortek", "light(5)"),
        ("STK3X3X Proximity Sensor", "Sensortek", "proximity(8)"),
    ),
    (
        ("LSM6DSO Acceleration Sensor", "STMicroelectronics", "accelerometer(1)"),
        ("LSM6DSO Gyroscope", "STMicroelectronics", "gyroscope(4)"),
        ("MMC5603 Magnetometer", "MEMSIC", "magnetic_field(2)"),
        ("TCS3701 Light Sensor", "AMS", "light(5)"),
        ("TCS3701 Proximity Sensor", "AMS", "proximity(8)"),
        ("Step Counter", "Qualcomm", "step_counter(19)"),
    ),
    (("MC3XXX accelerometer", "MCube", "accelerometer(1)"), ("LTR559 Proximity Sensor", "LiteOn", "proximity(8)")),
)


def power(phone: Phone) -> str:
    awake = "Awake" if ids.rng("power", phone.name).random() < 0.9 else "Asleep"
    return (
        f"POWER MANAGER (dumpsys power)\n\nPower Manager State:\n  mDirty=0x0\n  mWakefulness={awake}\n"
        f"  mIsPowered=true\n  mPlugType=2\n  mStayOn={'true' if phone.farmed else 'false'}\n"
        "  mProximityPositive=false\n  mBootCompleted=true\n  mSystemReady=true\n\nWake Locks: size=0\n"
    )


def display(phone: Phone) -> str:
    width, _, height = phone.model.screen.partition("x")
    return (
        "DISPLAY MANAGER (dumpsys display)\n  mOnlyCode=false\n  mSafeMode=false\n  mPendingTraversal=false\n"
        f"  mGlobalDisplayState=ON\n  mStableDisplaySize=Point({width}, {height})\n\nDisplay Adapters: size=1\n"
        f'  LocalDisplayAdapter\n\nDisplay Devices: size=1\n  DisplayDeviceInfo{{"Built-in Screen": {width} x '
        f"{height}, density {phone.model.density}, type BUILT_IN}}\n"
    )


def sensors(phone: Phone) -> str:
    made = _SENSORS[2] if phone.model.sdk < 23 else _SENSORS[sum(phone.model.key.encode()) % 2]
    rows = (
        f"0x{n:08x}) {name:<27} | {maker:<15} | ver: 1 | type: android.sensor.{kind} | perm: n/a | flags: 0x00000000\n"
        "\tcontinuous | minRate=1.00Hz | maxRate=200.00Hz | no batching | non-wakeUp | \n"
        for n, (name, maker, kind) in enumerate(made, 1)
    )
    return f"Sensor Device:\nTotal {len(made)} h/w sensors, {len(made)} running:\nSensor List:\n{''.join(rows)}"


def usb(phone: Phone, more: Sequence[str] = ()) -> str:
    """Before Android 10 with the keys of trusted hosts; ``more`` are those since."""
    head = "USB MANAGER STATE (dumpsys usb):\n"
    keys = [phone.adb_key, *more]
    if phone.model.sdk < 24:
        said = "".join(f"{key}\n" for key in keys)
        return (
            f"USB Manager State:\n  USB Device State:\n    Current Functions: mtp,adb\n    mConnected: true\n"
            f"  USB Debugging State:\n    Connected to adbd: true\n    User keys: \n{said}    System keys: IO error: \n"
        )
    device = "  device_manager={\n    handler={\n      connected=true\n      configured=true\n    }\n  }\n"
    if phone.model.sdk < 29:
        said = "\n      ".join(keys)
        device += f"  debugging_manager={{\n    connected_to_adb=true\n    user_keys={said}\n      \n  }}\n"
    return f"{head}{{\n{device}}}\n"


def iphonesubinfo(phone: Phone) -> str:
    """Android 4 and 5 name the device id here."""
    return f"Phone Subscriber Info:\n  Phone Type = GSM\n  Device ID = {phone.imeis[0]}\n"
