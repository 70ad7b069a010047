"""QUIC connections followed by the compiled kernel (ext/quic.pyx), decrypted by cryptography. Its twin is
``QuicHellos`` (quic.py)."""

from __future__ import annotations

from functools import lru_cache

from rackprint.ext.pieces import Fragments
from rackprint.ext.quic import Following, Keys, secrets
from rackprint.fingerprint.capture import quic
from rackprint.fingerprint.capture.hello import Hello, bare
from rackprint.fingerprint.capture.packets import Packet
from rackprint.fingerprint.capture.quic_keys import CLIENT, KEYS, VERSIONS, ciphers, texts_of
from rackprint.fingerprint.capture.quic_packets import (
    TYPES,
    QuicError,
    crypto_frames_plainly,
    initials_plainly,
    joined,
    retry_ids,
)
from rackprint.fingerprint.capture.tally import Tally


def following(
    tally: Tally, connections: int = quic.CONNECTIONS, total: int = quic.TOTAL_BYTES
) -> Following[Packet, Hello]:
    """As ``QuicHellos``: ``add`` each packet that looks like QUIC, in capture order, for the hellos it completes."""
    return Following(
        initials=initials_plainly,
        frames=crypto_frames_plainly,
        joined=joined,
        retry=retry_ids,
        error=QuicError,
        types=TYPES,
        keys=keys,
        tally=tally.add,
        fragments=Fragments,
        hello=Hello,
        bare=bare,
        most=connections,
        total=total,
        followed=quic.FOLLOWED,
    )


@lru_cache(maxsize=KEYS)
def keys(version: bytes, dcid: bytes) -> Keys:
    """The keys of a client whose first Destination Connection ID is ``dcid``, in a version of VERSIONS."""
    known, library = VERSIONS[version], ciphers()
    key, iv, mask = secrets(known.salt, CLIENT, texts_of(known), dcid)
    return Keys(library.gcm(key).decrypt, iv, mask, library.bad_tag)
