"""exhibit: the lab's own label of a handset, which a person wrote on a bag and a manifest."""

from __future__ import annotations

from rackprint.fingerprint.model import Identifier, Scope


def read(raw: str) -> Identifier:
    """The label as it stands, with runs of white space made one."""
    text = " ".join(raw.split())
    return Identifier("exhibit", text, raw, Scope.UNIT, bool(text), "" if text else "empty")
