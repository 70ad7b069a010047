"""DHCP unique identifiers. Source: RFC 8415, 11: DUID-LLT (1) and DUID-LL (3) hold a link-layer address."""

from __future__ import annotations

_LLT, _LL = b"\0\1", b"\0\3"
_ETHERNET = b"\0\1"  # hardware type (IANA)


def duid_mac(duid: bytes) -> str:
    """The MAC in a DUID, or nothing. It is of an interface the unit had when the DUID was made, not always of the one
    that is asking."""
    at = {_LLT: 8, _LL: 4}.get(duid[:2], 0)
    return duid[at:].hex(":") if at and duid[2:4] == _ETHERNET and len(duid) == at + 6 else ""
