"""The head of an HTTP/1 request, as far as one segment shows it. Source: RFC 9112 (messages), RFC 9110 (fields)."""

from __future__ import annotations

import re

import msgspec

from rackprint.fingerprint.capture.labels import text

HEAD = 8 << 10
VALUE = 1024  # bytes of a field that are kept; honest user agents stay under 600
_METHODS = {b"GET ", b"POST", b"HEAD", b"PUT ", b"DELE", b"CONN", b"OPTI", b"TRAC", b"PATC"}
_LINE = re.compile(rb"(GET|POST|HEAD|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH) [^ \r\n]+ HTTP/1\.[0-9]\r?\n")
_FIELD = re.compile(rb"(?<=\n)(host|user-agent):([^\r\n]*)\r?\n", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class HttpRequest(msgspec.Struct, frozen=True):
    """A request; ``host`` and ``user_agent`` are empty where the segment does not show them whole."""

    method: str
    host: str = ""
    user_agent: str = ""


def parse_request(payload: bytes) -> HttpRequest | None:
    """The request whose head a TCP payload begins with, its first HEAD bytes looked at; None where it begins otherwise.
    Of a field given twice the first counts. Raises nothing."""
    if payload[:4] not in _METHODS:
        return None
    head = payload[:HEAD]
    line = _LINE.match(head)
    if line is None:
        return None
    ends = [at for at in (head.find(b"\r\n\r\n"), head.find(b"\n\n")) if at >= 0]
    fields: dict[bytes, bytes] = {}
    for name, value in _FIELD.findall(head[: min(ends) + 2] if ends else head, line.end() - 1):
        fields.setdefault(name.lower(), value.strip()[:VALUE])
    return HttpRequest(
        line[1].decode(), *(_CONTROL.sub("", text(fields.get(n, b""))) for n in (b"host", b"user-agent"))
    )
