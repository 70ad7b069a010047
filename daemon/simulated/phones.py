"""A rack of made-up phones, as farms have them: several models, one Wi-Fi, one controller, SIMs that move, accounts
that are worked on two phones, an IMEI on two. The same seed and day give the same phones."""

from __future__ import annotations

from datetime import datetime, timedelta

from rackprint.daemon.simulated import ids
from rackprint.daemon.simulated.models import ALL, Model
from rackprint.daemon.simulated.system import day_of
from rackprint.daemon.simulated.unit import PLATFORMS, Account, Phone, Sim, adb_key

DEFAULT_SERIAL = "0123456789ABCDEF"  # what a flashing tool leaves
PORTS = 4  # of a hub
_PER_CUT = 16  # phones on one power strip: they booted within a minute
_NUMBERS = 1000  # the range set aside for fiction holds as many
_FIRST = ("mila", "toni", "kari", "noor", "pia", "levi", "juna", "remy", "sol", "ivo", "nell", "otto")
_SECOND = ("travels", "daily", "bakes", "pics", "runs", "style", "beats", "home", "garden", "deals", "fit", "art")


def rack(count: int, now: datetime, *, equal: int = 0, seed: int = 1) -> list[Phone]:
    """``count`` phones, the last ``equal`` of them at USB ports and all under one serial."""
    day = day_of(now)
    phones = [_phone(n, seed, day) for n in range(1, count + 1)]
    for number, phone in enumerate(phones[count - equal :]):
        phone.serial = DEFAULT_SERIAL
        phone.usb_path = f"1-{number // PORTS + 1}.{number % PORTS + 1}"
    for n, phone in enumerate(phones):
        # The farm works every tenth account set on two phones.
        phone.accounts = list(phones[n - 1].accounts) if n % 10 == 9 else _accounts(phone, n, seed)
    if count >= 4:
        one, two = phones[1], next(p for p in phones[2:] if p.model is not phones[1].model)
        two.imeis[0] = one.imeis[0]
    _give_sims(phones, seed)
    return phones


def _phone(number: int, seed: int, day: datetime) -> Phone:
    name = f"rack{seed}-{number:04d}"
    r = ids.rng("phone", name)
    model = r.choice(ALL) if number > len(ALL) else ALL[number - 1]
    cut = ids.rng("boot", f"rack{seed}", str((number - 1) // _PER_CUT))
    boot = day - timedelta(hours=cut.randrange(5, 400), seconds=r.randrange(50))
    owner = f"operator@farm-pc-{seed}" if r.random() < 0.85 else f"helper{r.randrange(3)}@laptop-{seed}"
    return Phone(
        name=name,
        exhibit="",
        model=model,
        usb_path="",
        transport_id=number,
        serial=_serial(model, r.randrange(1 << 60)),
        imeis=[ids.imei(r, model.tac) for _ in range(model.slots)],
        wifi=ids.random_mac(r) if model.randomises else ids.mac(r, model.oui),
        bluetooth=ids.mac(r, model.oui),
        eid=ids.eid(r) if model.esim else "",
        ssid=f"RACK-{seed}",
        bssid=ids.mac(ids.rng("ap", str(seed)), "b0:be:76"),
        adb_key=adb_key(owner),
        taken=day,
        boot=boot,
        boot_count=r.randrange(40, 400),
        reset=boot - timedelta(days=r.randrange(3, 30)) if r.random() < 0.15 else None,
        accounts=[],
        farmed=True,
        address=f"192.168.{50 + (number >> 7)}.{20 + (number & 0x7F)}",
        rooted=r.random() < 0.1,
    )


def _serial(model: Model, drawn: int) -> str:
    """In the maker's form."""
    if model.manufacturer == "samsung":
        return f"R58{'HJMNR'[drawn % 5]}{drawn % 10**7:07d}"
    if model.manufacturer == "Google":
        return f"2{drawn % 10**4:04d}JEGR{drawn % 10**5:05d}"
    return f"{drawn % (1 << 48):012x}"


def _accounts(phone: Phone, number: int, seed: int) -> list[Account]:
    r = ids.rng("accounts", phone.name)
    platforms = r.sample(list(PLATFORMS), r.choice((2, 3)))
    found = []
    for platform in platforms:
        for copy in range(r.randrange(1, 4)):
            handle = f"{r.choice(_FIRST)}{r.choice('._')}{r.choice(_SECOND)}{seed}{number:03d}{copy}"
            # Before Android 8 there is no second user for copies of apps.
            found.append(
                Account(platform, handle, phone.model.clone_user if copy == 2 and phone.model.sdk >= 26 else 0)
            )
    return found


def _give_sims(phones: list[Phone], seed: int) -> None:
    """A SIM in every slot, and past ones: some of them are in another phone now."""
    given = 0
    for phone in phones:
        for slot in range(phone.model.slots):
            number = f"+447700900{given:03d}" if given < _NUMBERS else ""
            phone.present.append(_sim(f"{phone.name}-{slot}", number, phone.eid if slot == 1 else ""))
            given += 1
    for n, phone in enumerate(phones):
        r = ids.rng("past", phone.name)
        phone.past = [_sim(f"past{seed}-{n}-{i}", "", "") for i in range(r.randrange(4))]
        other = phones[(n + 7) % len(phones)]
        if other is not phone and r.random() < 0.3:
            phone.past.append(other.present[0])


def _sim(name: str, number: str, eid: str) -> Sim:
    r = ids.rng("sim", name)
    return Sim(ids.iccid(r), ids.imsi(r), number, eid)
