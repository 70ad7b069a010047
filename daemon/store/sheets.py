"""A linkage of records as what a run tells: device by device."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from rackprint.daemon.store.spans import Told
from rackprint.fingerprint.link.result import AccountLink, Linkage, Sheet, Star, Tie


def from_linkage(linkage: Linkage, numbers: Mapping[str, int]) -> Told:
    """The same linkage; ``numbers`` are those of the observations by id."""
    links: dict[str, list[AccountLink]] = defaultdict(list)
    for link in linkage.links:
        links[link.device].append(link)
    stars: dict[str, list[Star]] = defaultdict(list)
    for tie in linkage.ties:
        mine = stars[tie.device]
        if mine and _goes_on(mine[-1], tie):
            mine[-1] = Star(tie.signal, tie.key, tie.bits, (*mine[-1].observations, tie.b))
        else:
            mine.append(Star(tie.signal, tie.key, tie.bits, (tie.a, tie.b)))
    sheets = (Sheet(d, tuple(links[d.id]), tuple(stars[d.id])) for d in linkage.devices)
    return Told(
        ids={device.id for device in linkage.devices},
        sheets=sheets,
        numbers=numbers,
        through=max(numbers.values(), default=0),
        observations=linkage.observations,
        conflicts=linkage.conflicts,
        transfers=linkage.transfers,
        farms=linkage.farms,
    )


def _goes_on(star: Star, tie: Tie) -> bool:
    return (star.signal, star.key, star.observations[0]) == (tie.signal, tie.key, tie.a) and tie.b != star.observations[
        -1
    ]
