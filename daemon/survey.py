"""What files say, with nothing kept of it; and the first steps that taking them in shares with looking at them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from rackprint.daemon.acquire.files import MANIFEST, Found, find, open_evidence
from rackprint.daemon.worker import Frame, Workers
from rackprint.fingerprint.model import ArtifactInfo, Observation, Problem

if TYPE_CHECKING:
    from rackprint.fingerprint.link.columns import Columns

Complain = Callable[[Problem], None]
Step = Callable[[], None]

EMPTY = Problem("is empty", "fetch it again if it should hold something")
UNKNOWN_FORMAT = Problem("no parser knows this format", "docs/formats.md lists what is read")


def read_all(files: list[Path], complain: Complain, *, step: Step = lambda: None) -> Iterator[Observation]:
    """Observations of every supported file under ``files``, keeping nothing; problems go to ``complain``."""
    for frame in _frames(files, complain, step, wide=False):
        yield from frame.observations


def gather(files: list[Path], complain: Complain, *, step: Step = lambda: None) -> Columns:
    """As :func:`read_all`, gathered into columns."""
    from rackprint.fingerprint.link.gather import Gatherer
    from rackprint.fingerprint.parsers.batches import thawed

    gathered = Gatherer()
    for frame in _frames(files, complain, step, wide=True):
        for observation in frame.observations:
            gathered.add(observation)
        for batch in thawed(frame.batch) if frame.batch else ():
            gathered.add_batch(batch)
    return gathered.finish()


def _frames(files: list[Path], complain: Complain, step: Step, *, wide: bool) -> Iterator[Frame]:
    with Workers() as workers:
        for found in evidence(files, complain):
            if found.path.name == MANIFEST:
                continue
            try:
                workers.warm(found.path)  # it loads while the file is hashed
                known = info(found, _sha256(found.path))
                yield from told(workers.parse(found.path, known, wide=wide), found, complain)
            except OSError as error:
                complain(Problem(why(error), "grant read access, or leave it out", file=found.name))
            step()


def evidence(paths: Iterable[Path], complain: Complain) -> Iterator[Found]:
    """The files under ``paths``; what cannot be taken is told."""
    for found in find(list(paths)):
        if isinstance(found, Problem):
            complain(found)
        else:
            yield found


def told(frames: Iterator[Frame], found: Found, complain: Complain) -> Iterator[Frame]:
    """The frames, after their problems were told with the file's name; an empty file, and a named one that nothing
    reads, are problems too."""
    said = False
    for frame in frames:
        for problem in frame.problems:
            said = True
            complain(msgspec.structs.replace(problem, file=found.name))
        if frame.done and not frame.parser and not said:
            if not found.path.stat().st_size:
                complain(msgspec.structs.replace(EMPTY, file=found.name))
            elif found.named:
                complain(msgspec.structs.replace(UNKNOWN_FORMAT, file=found.name))
        yield frame


def info(found: Found, sha256: str) -> ArtifactInfo:
    """What is known of a file before it is read."""
    manifest = found.manifest
    return ArtifactInfo(
        Path(found.name).name, sha256, found.taken_at, manifest.exhibit, manifest.context(), manifest.handset()
    )


def _sha256(path: Path) -> str:
    with open_evidence(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def why(error: OSError) -> str:
    """What the system says of a file, in lower case."""
    return (error.strerror or str(error)).lower()
