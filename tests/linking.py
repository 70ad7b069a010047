"""Small racks of observations for tests of the linker, with made-up identifiers."""

from datetime import UTC, datetime, timedelta

from rackprint.fingerprint.identifiers.digits import luhn_digit
from rackprint.fingerprint.model import Observation, Position, SourceKind
from rackprint.fingerprint.signals import read_signal, scope_key

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def imei(number: int) -> str:
    body = f"35268809{number * 7919 % 1_000_000:06d}"
    return body + luhn_digit(body)


def iccid(number: int) -> str:
    body = f"894450{number * 104_729 % 10**12:012d}"
    return body + luhn_digit(body)


def drm(number: int) -> str:
    return f"{number + 1:064x}"


def aid(number: int) -> str:
    return f"a{number * 7919 % 16**10:010x}b3c5d"[:16]


def seen(name, source="acquisition:getprop", hours=0.0, accounts=(), app="", ssid="", exhibit="", **signals):
    """An observation; each signal is a value or a list of values."""
    kind = SourceKind(source.partition(":")[0])
    if exhibit:
        signals["exhibit"] = exhibit
    read = [
        read_signal(
            signal,
            value,
            scope_key=scope_key(signal, source_kind=kind, source=source, app=app, ssid=ssid),
            parser="test/1",
            position=Position(line=line),
        )
        for line, (signal, values) in enumerate(signals.items(), 1)
        for value in (values if isinstance(values, list) else [values])
    ]
    accounts = (accounts,) if isinstance(accounts, str) else tuple(accounts)
    when = START + timedelta(hours=hours)
    return Observation(name, when, source, accounts, app, exhibit, signals=tuple(read), artifact="ab" * 32)


def groups(linkage) -> set[frozenset[str]]:
    return {frozenset(d.observations) for d in linkage.devices}


def device_of(linkage, name):
    return next(d for d in linkage.devices if name in d.observations)
