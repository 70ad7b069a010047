"""Farms of every kind that the field reports, each as a function that fills a world. Sizes are in phones."""

from __future__ import annotations

from datetime import timedelta

from benchmarks.scenarios.world import DAYS, MODELS, START, Model, Phone, World, iccid, token

PHONES, SIMS = 474, 347_200  # of the raid in seizure()
PLATFORMS = ("photogram", "chirper", "clipclap")


def hand_driven_rack(world: World, size: int) -> None:
    """A rack that a few people work by hand: some models, one hall, three accounts a platform, reboots now and then."""
    models = world.draw.sample(MODELS, 3)
    for n in range(size):
        phone = _phone(world, f"rack-{n}", world.draw.choice(models), farm="rack", hall="rack")
        phone.boots = sorted(world.time() for _ in range(world.draw.randrange(1, 6)))
        if world.draw.random() < 0.2:
            phone.resets = [world.time(5, 25)]
        _accounts(world, phone, each=3, logins=4)


def scripted_rack(world: World, size: int) -> None:
    """A rack that its controller reboots every other night, all phones within seconds of each other."""
    for n in range(size):
        phone = _phone(world, f"script-{n}", MODELS[n % 3], farm="script", hall="script")
        nights = [START + timedelta(days=day, hours=4) for day in range(0, DAYS, 2)]
        phone.boots = [night + timedelta(seconds=world.draw.gauss(25, 4)) for night in nights]
        _accounts(world, phone, each=1, logins=6)


def identical_hall(world: World, size: int) -> None:
    """One model behind one address, every phone reset each week in its turn, and a power cut that boots them all."""
    model = MODELS[0]
    cut = START + timedelta(days=11, hours=3)
    for n in range(size):
        phone = _phone(world, f"hall-{n}", model, farm="hall", hall="hall")
        weekly = world.time(0, 7)
        phone.resets = [weekly + timedelta(days=7 * week) for week in range(4)]
        booted = cut + timedelta(seconds=world.draw.randrange(20, 90))
        phone.boots = sorted([booted, *(reset + timedelta(minutes=3) for reset in phone.resets)])
        _accounts(world, phone, each=1, logins=6)


def sim_trays(world: World, size: int) -> None:
    """Few phones, very many SIM cards: each card stays for some hours, and signs up one account."""
    for n in range(size):
        phone = _phone(world, f"tray-{n}", world.draw.choice(MODELS[3:6]), farm="tray", hall="tray")
        cards = world.draw.randrange(30, 50)
        for card in range(cards):
            since = START + timedelta(days=DAYS * card / cards)
            phone.sims.append((since, iccid("tray", n, card)))
            platform = world.draw.choice(PLATFORMS)
            day = DAYS * card / cards
            world.log_in(phone, platform, f"t{n}-{card}", 2, first=day, last=day + DAYS / cards, action="signup")


def seizure(world: World, size: int) -> None:
    """The best-known raid (Thailand 2017) took 474 phones and 347,200 SIM cards: each card signs up one account."""
    for n in range(size):
        phone = _phone(world, f"raid-{n}", world.draw.choice(MODELS[3:6]), farm="raid", hall="raid")
        phone.boots = sorted(world.time() for _ in range(3))
        cards = SIMS // PHONES + (n < SIMS % PHONES)
        for card in range(cards):
            day = DAYS * card / cards
            phone.sims.append((START + timedelta(days=day), iccid("raid", n, card)))
            world.log_in(
                phone, PLATFORMS[card % 3], f"r{n}-{card}", 1, first=day, last=day + DAYS / cards, action="signup"
            )


def sim_pool(world: World, size: int) -> None:
    """A pool of SIM cards that moves around among the phones, so that cards are no sign of a phone."""
    pool = [iccid("pool", card) for card in range(size * 4)]
    for n in range(size):
        phone = _phone(world, f"pool-{n}", world.draw.choice(MODELS[2:5]), farm="pool", hall="pool")
        phone.sims = [(START + timedelta(days=day), world.draw.choice(pool)) for day in range(0, DAYS, 2)]
        _accounts(world, phone, each=2, logins=4)


def app_cloners(world: World, size: int) -> None:
    """Each phone runs copies of each app, every copy with an android_id, gaid and drm_id of its own making."""
    for n in range(size):
        phone = _phone(world, f"clone-{n}", world.draw.choice(MODELS[1:4]), farm="clone", hall="clone")
        phone.boots = sorted(world.time() for _ in range(2))
        for copy in range(world.draw.randrange(4, 9)):
            for platform in PLATFORMS:
                world.log_in(phone, platform, f"c{n}-{copy}", 4, copy=copy)


def emulator_host(world: World, size: int) -> None:
    """Emulators on one host: default serials, IMEIs of zeros, and state that is thrown away every other day."""
    model = Model("google", "sdk_gphone64_x86_64", "emu64x", "12", "SE1A.220826.008", 2000, "1080x1920", "420",
                  "Android Emulator OpenGL ES Translator", "00000000", "020000")  # fmt: skip
    for n in range(size):
        phone = _phone(world, f"emu-{n}", model, farm="emu", hall="emu")
        phone.emulator = True
        phone.overrides = {"serial": "EMULATOR30X1X5X0", "imei": "0" * 15, "wifi_mac": "02:00:00:00:00:00",
                           "bt_mac": "02:00:00:00:00:00"}  # fmt: skip
        phone.resets = [START + timedelta(days=day) for day in range(2, DAYS, 2)]
        phone.boots = [reset + timedelta(minutes=1) for reset in phone.resets]
        _accounts(world, phone, each=2, logins=5)


def turnkey_factory(world: World, size: int) -> None:
    """Accounts are made on a rack in the first two weeks and sold; buyers use them on phones of their own after."""
    for n in range(size):
        maker = _phone(world, f"factory-{n}", world.draw.choice(MODELS[:2]), farm="factory", hall="factory")
        maker.resets = [world.time(6, 8)]
        for made in range(8):
            platform = PLATFORMS[made % 3]
            world.log_in(maker, platform, f"f{n}-{made}", 3, last=13, action="signup")
            buyer = _phone(world, f"buyer-{n}-{made}", world.draw.choice(MODELS), hall="")
            world.log_in(buyer, platform, f"f{n}-{made}", 3, first=15)
            world.log_in(buyer, platform, f"own{n}-{made}", 3)


def home_workers(world: World, size: int) -> None:
    """People who click for pay at home, each with a phone of their own, behind one carrier's address translation."""
    for n in range(size):
        phone = _phone(world, f"home-{n}", world.draw.choice(MODELS), hall="")
        phone.places = [(START, f"100.64.0.{world.draw.randrange(1, 4)}", _bssid(phone.name))]
        phone.boots = sorted(world.time() for _ in range(2))
        for platform in PLATFORMS[:2]:
            world.log_in(phone, platform, f"h{n}", 5, action="like", target=f"post:{world.draw.randrange(20)}")


def _phone(world: World, name: str, model: Model, *, farm: str = "", hall: str = "") -> Phone:
    phone = world.add(Phone(name, model), farm)
    phone.sims = [(START - timedelta(days=1), iccid(name))]
    draw = int(token("ip", hall or name, size=6), 16)
    ip = f"198.51.{100 + draw % 8}.{draw // 8 % 250}"
    phone.places = [(START - timedelta(days=1), ip, _bssid(hall or name))]
    return phone


def _bssid(name: str) -> str:
    return "b0be76" + token("bssid", name, size=6)


def _accounts(world: World, phone: Phone, *, each: int, logins: int) -> None:
    for platform in PLATFORMS:
        for n in range(each):
            world.log_in(phone, platform, f"{phone.name}-{n}", logins)
