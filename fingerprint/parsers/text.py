"""Lines of text from evidence, with their place: any encoding a shell may have written, NULs, overlong lines."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

LINE_LIMIT = 1 << 20
_UTF16_LIMIT = 256 << 20  # a UTF-16 text is held whole
NOT_UTF8 = "bytes are not UTF-8; read as Latin-1"
HAS_NUL = "NUL bytes in the line; taken out"
TOO_LONG = f"line is longer than {LINE_LIMIT >> 20} MiB; the rest of it was left out"
UTF16 = "text is UTF-16, as a Windows shell writes it; read as such"


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end: number from 1, byte offset from 0, and what was odd about its bytes."""

    number: int
    offset: int
    text: str
    odd: str = ""


def utf16(head: bytes) -> str:
    """The codec of a UTF-16 text, told by its mark or by every other byte being zero; else ""."""
    if head[:2] == b"\xff\xfe":
        return "utf-16-le"
    if head[:2] == b"\xfe\xff":
        return "utf-16-be"
    sample = head[:512]
    if len(sample) >= 8 and not any(sample[1::2]) and all(sample[::2]):
        return "utf-16-le"
    return "utf-16-be" if len(sample) >= 8 and not any(sample[::2]) and all(sample[1::2]) else ""


def peek(head: bytes) -> str:
    """The head of a file as text, for probes."""
    codec = utf16(head)
    return head.decode(codec or "utf-8", "replace").lstrip("\ufeff")


def lines(stream: BinaryIO) -> Iterator[Line]:
    """Every line from the stream's place on; the stream is never moved back."""
    reader = (
        cast(io.BufferedReader, stream) if hasattr(stream, "peek") else io.BufferedReader(cast(io.RawIOBase, stream))
    )
    try:
        codec = utf16(reader.peek(512))
        yield from _wide(reader, codec) if codec else _narrow(reader)
    finally:
        if reader is not stream and not reader.closed:
            reader.detach()  # else its end would close the caller's stream


def _narrow(stream: BinaryIO) -> Iterator[Line]:
    number = offset = 0
    while data := stream.readline(LINE_LIMIT):
        number += 1
        start, odd = offset, ""
        offset += len(data)
        if len(data) == LINE_LIMIT and not data.endswith(b"\n"):
            odd = TOO_LONG
            while more := stream.readline(LINE_LIMIT):
                offset += len(more)
                if more.endswith(b"\n"):
                    break
        if b"\0" in data:
            data, odd = data.replace(b"\0", b""), HAS_NUL
        data = data.removeprefix(b"\xef\xbb\xbf") if number == 1 else data
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text, odd = data.decode("latin-1"), odd or NOT_UTF8
        yield Line(number, start, text.rstrip("\r\n"), odd)


def _wide(stream: BinaryIO, codec: str) -> Iterator[Line]:
    text = stream.read(_UTF16_LIMIT).decode(codec, "replace")
    offset = 0
    for number, line in enumerate(text.split("\n"), 1):
        if line:
            yield Line(number, offset, line.rstrip("\r").removeprefix("\ufeff"), UTF16)
        offset += 2 * len(line) + 2
