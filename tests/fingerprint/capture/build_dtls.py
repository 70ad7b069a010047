"""Builds DTLS ClientHellos, handshake fragments and records."""

import build


def hello(cookie=b"", random_byte=0, extensions=b"", version=0xFEFD):
    body = version.to_bytes(2) + bytes([random_byte]) * 32 + b"\0" + build.vector(cookie, 1)
    body += build.vector(build.words([0xC02B, 0x00FF]), 2) + b"\1\0"
    return body + build.vector(build.server_name(b"dtls.example") + extensions, 2)


def piece(body, at=0, size=None, message=0, kind=1):
    part = body[at : at + (len(body) if size is None else size)]
    head = bytes((kind,)) + len(body).to_bytes(3) + message.to_bytes(2) + at.to_bytes(3) + len(part).to_bytes(3)
    return head + part


def record(content, kind=22, version=0xFEFF, epoch=0):
    return bytes((kind,)) + version.to_bytes(2) + epoch.to_bytes(2) + bytes(6) + build.vector(content, 2)
