"""Messages of the Debug Adapter Protocol on a stream: headers, then JSON.

DAP specification, "Base Protocol".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

MAX_HEADER = 4096
"""Bytes of all headers of a message."""
MAX_MESSAGE = 16 << 20
"""Bytes of a message that we take."""
SEPARATOR = b"\r\n\r\n"
LENGTH = b"content-length"


class FramingError(ValueError):
    """A stream on which no message can be found any more, and why, in one line."""


class MessageError(ValueError):
    """A message that is no request, and why; the next one may be."""

    def __init__(self, text: str, seq: int = 0, command: str = "") -> None:
        super().__init__(text)
        self.seq = seq
        """That of the message, as far as it could be read."""
        self.command = command


class Request(msgspec.Struct, frozen=True):
    """What a client wants."""

    seq: int
    command: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class Answer(msgspec.Struct, frozen=True):
    """A client's response to a request of ours."""

    request_seq: int
    success: bool
    command: str = ""
    message: str = ""
    body: msgspec.Raw = msgspec.Raw(b"{}")


class _Head(msgspec.Struct):
    type: str
    seq: int = 0
    command: str = ""


class MessageReader:
    """Takes bytes, in whatever pieces they come, and finds the messages in them."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._wanted: int | None = None
        """Bytes of the message whose headers were read."""

    def receive(self, data: bytes) -> Iterator[Request | Answer | MessageError]:
        """Yield what has come whole; FramingError where there is no going on."""
        self._data += data
        while (body := self._next()) is not None:
            yield parse(body)

    def _next(self) -> bytes | None:
        if self._wanted is None:
            end = self._data.find(SEPARATOR)
            if end > MAX_HEADER or (end < 0 and len(self._data) > MAX_HEADER):
                raise FramingError(f"headers of more than {MAX_HEADER} bytes")
            if end < 0:
                return None
            self._wanted = _length(bytes(self._data[:end]))
            del self._data[: end + len(SEPARATOR)]
        if len(self._data) < self._wanted:
            return None
        body = bytes(self._data[: self._wanted])
        del self._data[: self._wanted]
        self._wanted = None
        return body


def _length(headers: bytes) -> int:
    for line in headers.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not colon:
            raise FramingError(f"{line[:40]!r} is no header")
        if name.strip().lower() == LENGTH:
            text = value.strip()
            if not text.isdigit() or len(text) > 9 or int(text) > MAX_MESSAGE:
                raise FramingError(f"a message of {text[:20].decode('latin-1')!r} bytes")
            return int(text)
    raise FramingError("a message without Content-Length")


def parse(body: bytes) -> Request | Answer | MessageError:
    """Return what a message's JSON means, or what is wrong with it."""
    try:
        head = msgspec.json.decode(body, type=_Head)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return MessageError(f"this is no message: {error}")
    try:
        if head.type == "request":
            return msgspec.json.decode(body, type=Request)
        if head.type == "response":
            return msgspec.json.decode(body, type=Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return MessageError(f"this is no {head.type}: {error}", head.seq, head.command)
    return MessageError(
        f"messages of type {head.type[:40]!r} are not for us", head.seq, head.command
    )


def frame(message: dict[str, Any]) -> bytes:
    """Return a message as it goes over the stream."""
    body = msgspec.json.encode(message)
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
