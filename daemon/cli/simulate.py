"""``simulate-rack``: phones that are none, to try acquisition on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rackprint.daemon.cli.output import told

if TYPE_CHECKING:
    from rackprint.daemon.simulated.running import Running, Wanted

_LIMIT = 2000
_EQUAL, _EQUAL_FROM = 8, 16


def register(app: typer.Typer) -> None:
    app.command("simulate-rack")(simulate_rack)


def simulate_rack(
    count: Annotated[int, typer.Argument(metavar="N", min=1, max=_LIMIT, help="Phones.")],
    equal: Annotated[
        int | None,
        typer.Option(min=0, help="Of them with one serial.", show_default=f"{_EQUAL} from {_EQUAL_FROM} phones on"),
    ] = None,
    hangs: Annotated[int, typer.Option(min=0, help="Of them that never answer a dumpsys.")] = 0,
    drops: Annotated[int, typer.Option(min=0, help="Of them whose link ends in mid-answer.")] = 0,
    unauthorized: Annotated[int, typer.Option(min=0, help="Of them that accept no key.")] = 0,
    delay: Annotated[float, typer.Option(min=0, metavar="MS", help="What a command takes.")] = 0.0,
    recover: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="When trouble ends; 0: on SIGUSR1.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Another number, other phones.")] = 1,
) -> None:
    """Run emulated phones and adb servers for them, until Ctrl-C: a rack to try acquire on."""
    from rackprint.daemon.simulated import rendezvous

    with rendezvous.hold(count) as held:
        from rackprint.daemon.simulated.running import Running, Wanted

        some = (_EQUAL if count >= _EQUAL_FROM else 0) if equal is None else equal
        wanted = Wanted(count, some, hangs, drops, unauthorized, delay, seed)
        _check(wanted)
        signals = _Signals()
        with signals, Running(wanted, rendezvous.folder()) as rack:
            servers = [*rack.servers, *([rack.scripted] if rack.scripted else [])]
            held.say(servers, ready=True)
            _say(rack)
            _until_stopped(rack, signals, recover)


def _check(wanted: Wanted) -> None:
    if wanted.equal > wanted.count:
        raise typer.BadParameter(f"{wanted.equal} of {wanted.count} phones cannot be", param_hint="--equal")
    room = wanted.count - wanted.equal or wanted.count
    trouble = wanted.hangs + wanted.drops + wanted.unauthorized
    if trouble > room:
        raise typer.BadParameter(
            f"{trouble} in trouble of {told(room, 'phone')} cannot be", param_hint="--hangs, --drops, --unauthorized"
        )


class _Signals:
    """SIGINT, SIGTERM and SIGUSR1 as a queue of names, in place of what they do otherwise."""

    def __init__(self) -> None:
        import queue

        self._queue: queue.SimpleQueue[int] = queue.SimpleQueue()

    def __enter__(self) -> None:
        import signal

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, lambda found, _: self._queue.put(found))

    def __exit__(self, *_: object) -> None:
        """They stay as they are: what is left to do is to end."""

    def next(self, seconds: float | None) -> int:
        """The number of the next one; 0 where none comes in time."""
        import queue

        try:
            return self._queue.get(timeout=seconds)
        except queue.Empty:
            return 0


def _until_stopped(rack: Running, signals: _Signals, recover: float) -> None:
    import signal

    seconds = recover if recover > 0 and rack.troubled() else None
    while signals.next(seconds) in {0, signal.SIGUSR1}:
        seconds = None
        for place, was in rack.heal().items():
            print(f"{place} is ready again (was: {_WORDS[was]})", flush=True)


_WORDS = {
    "hangs": "answers no dumpsys",
    "drops": "its link ends in the middle of dumpsys battery",
    "unauthorized": "accepts no key",
}


def _say(rack: Running) -> None:
    from rackprint.daemon.acquire.adb.server import MOST

    wanted = rack.wanted
    places = list(rack.places)
    over_tcp, at_ports = places[: wanted.count - wanted.equal], places[wanted.count - wanted.equal :]
    print(f"{told(wanted.count, 'emulated phone')}, seed {wanted.seed}; nothing of them is real")
    for number, where in enumerate(rack.servers):
        mine = over_tcp[number * MOST : (number + 1) * MOST]
        span = f"{mine[0]} to {mine[-1]}" if len(mine) > 1 else mine[0]
        print(f"  adb server {where}: {told(len(mine), 'phone')} over TCP, {span}")
    if rack.scripted:
        span = f"ports {at_ports[0]} to {at_ports[-1]}" if len(at_ports) > 1 else f"port {at_ports[0]}"
        serial = rack.places[at_ports[0]].serial
        print(f"  adb server {rack.scripted}: {told(len(at_ports), 'phone')} on USB {span}, serial {serial}")
    for place, handset in rack.troubled().items():
        print(f"  {place}: {_WORDS[handset.mode]}")
    flags = "--simulated " + " ".join(
        f"--adb {where}" for where in (*rack.servers, *([rack.scripted] if rack.scripted else []))
    )
    print(f"rackprint acquire finds it; another user gives its servers:\n  rackprint acquire {flags}")
    print("Ctrl-C ends it", flush=True)
