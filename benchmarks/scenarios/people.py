"""Ordinary people and ordinary mishaps: what linking must not take for a farm, nor for one phone."""

from __future__ import annotations

from datetime import timedelta

from benchmarks.scenarios.farms import PLATFORMS, _phone
from benchmarks.scenarios.world import MODELS, START, World, iccid, imei


def families(world: World, size: int) -> None:
    """Households of two to five behind one address, several with the same model, some accounts on two phones."""
    done = home = 0
    while done < size:
        members = world.draw.randrange(2, 6)
        model = world.draw.choice(MODELS)
        for n in range(members):
            own = model if world.draw.random() < 0.4 else world.draw.choice(MODELS)
            phone = _phone(world, f"family-{home}-{n}", own, hall=f"family-{home}")
            phone.boots = sorted(world.time() for _ in range(world.draw.randrange(4)))
            for platform in world.draw.sample(PLATFORMS, 2):
                world.log_in(phone, platform, f"{phone.name}", 5)
            if n and world.draw.random() < 0.3:  # a shared tablet account, or a child's first login
                world.log_in(phone, "clipclap", f"family-{home}-0", 2)
        done += members
        home += 1


def upgrades(world: World, size: int) -> None:
    """People who buy a new phone half way, take their accounts along, and keep the old one in a drawer."""
    for n in range(size // 2):
        old = _phone(world, f"old-{n}", world.draw.choice(MODELS), hall=f"upgrade-{n}")
        new = _phone(world, f"new-{n}", world.draw.choice(MODELS), hall=f"upgrade-{n}")
        new.sims = [(START, old.sims[0][1])]
        for platform in PLATFORMS[:2]:
            world.log_in(old, platform, f"up{n}", 4, last=13)
            world.log_in(new, platform, f"up{n}", 4, first=14)


def resold(world: World, size: int) -> None:
    """Phones that are wiped and sold half way: one device, two owners with accounts and a SIM of their own."""
    for n in range(size):
        phone = _phone(world, f"resold-{n}", world.draw.choice(MODELS), hall=f"seller-{n}")
        sold = START + timedelta(days=14)
        phone.resets = [sold]
        phone.sims.append((sold, iccid("second owner", n)))
        phone.places.append((sold, f"192.0.2.{n % 250}", f"b0be77{n:06x}"))
        for platform in PLATFORMS[:2]:
            world.log_in(phone, platform, f"seller{n}", 4, last=13.5)
            world.log_in(phone, platform, f"second{n}", 4, first=14.5)


def repair_shop(world: World, size: int) -> None:
    """A shop that writes one IMEI into every phone it mends; the phones are strangers' else."""
    for n in range(size):
        phone = _phone(world, f"mended-{n}", MODELS[2] if n % 2 else world.draw.choice(MODELS), hall=f"mended-{n}")
        phone.overrides = {"imei": imei(MODELS[2].tac, "shop", n % max(1, size // 10))}
        for platform in PLATFORMS[:2]:
            world.log_in(phone, platform, f"m{n}", 5)


def test_lab(world: World, size: int) -> None:
    """An app maker's lab: many phones of all models on one address, one or two test accounts used on all of them."""
    for n in range(size):
        phone = _phone(world, f"lab-{n}", MODELS[n % len(MODELS)], hall="lab")
        phone.boots = sorted(world.time() for _ in range(5))
        world.log_in(phone, "photogram", f"tester{n % 2}", 6)
