"""What servers answer, read from bytes: stop replies, errors, chunks of objects.

gdb manual, "Stop Reply Packets", "Standard Replies".  All raise ProtocolError where a reply makes
no sense, and `error_of` tells what a server refused from what it doesn't know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from blink16.client.errors import ClientError, DeniedError, ProtocolError, UnsupportedError
from blink16.client.wire import shown, unhex

_ERRNO = re.compile(rb"E([0-9a-fA-F]{2})(?:;[0-9a-fA-F]*)?")
_ERRNO_TEXTS = {1: "not permitted", 14: "no such memory", 22: "bad arguments"}
MAX_FEATURES = 1000


@dataclass(frozen=True, slots=True)
class StopReply:
    """Why a machine stands, as the protocol tells it."""

    signal: int = 0
    """0 for none; of a program that is gone, what ended it."""
    status: int | None = None
    """The exit status of a program that has ended."""
    gone: bool = False
    """Whether there is no program any more."""
    values: dict[int, bytes] = field(default_factory=dict)
    """Registers by number, as they came along."""
    reasons: dict[str, str] = field(default_factory=dict)
    """What else it says: ``watch``, ``swbreak``, ``replaylog``, ``thread``…"""


def error_of(body: bytes, what: str) -> ClientError | None:
    """Return the error that a reply is, if it is one.  ``what`` was asked for."""
    if not body:
        return UnsupportedError(f"this server does not support {what}")
    if body.startswith(b"E."):
        return DeniedError(body[2:].decode("utf-8", "replace") or f"{what}: refused")
    match = _ERRNO.fullmatch(body)
    if match is None:
        return None
    number = int(match[1], 16)
    return DeniedError(f"{what}: {_ERRNO_TEXTS.get(number, f'error {number}')}")


def check(body: bytes, what: str) -> bytes:
    """Return a reply that is no error; else raise what it is."""
    error = error_of(body, what)
    if error is not None:
        raise error
    return body


def check_ok(body: bytes, what: str) -> None:
    """Be content with OK; raise what else a reply is."""
    if check(body, what) != b"OK":
        raise ProtocolError(f"the server answered {what} with {shown(body)}")


def hex_data(body: bytes, what: str) -> bytes:
    """Return the bytes that a reply holds in hexadecimal."""
    # three characters are an error, never data: data has two for each byte
    return unhex(check(body, what), what)


def stop_reply(body: bytes) -> StopReply:
    """Read S, T, W or X."""
    check(body, "running the machine")
    kind, rest = body[:1], body[1:]
    code, rest = _byte(rest[:2], body), rest[2:]
    match kind:
        case b"S" if not rest:
            return StopReply(code)
        case b"T":
            return _t_packet(code, rest, body)
        case b"W":
            return StopReply(status=code, gone=True)
        case b"X":
            return StopReply(code, gone=True)
    raise ProtocolError(f"no stop reply: {shown(body)}")


def _t_packet(signal: int, rest: bytes, body: bytes) -> StopReply:
    values: dict[int, bytes] = {}
    reasons: dict[str, str] = {}
    for pair in rest.split(b";"):
        name, separator, value = pair.partition(b":")
        if not pair:
            continue
        if not separator:
            raise ProtocolError(f"bad stop reply: {shown(body)}")
        if re.fullmatch(rb"[0-9a-fA-F]{1,4}", name):
            if b"x" not in value:  # a register whose value is not known
                values[int(name, 16)] = unhex(value, "register")
        else:
            reasons[name.decode("latin-1")] = value.decode("latin-1")
    return StopReply(signal, values=values, reasons=reasons)


def _byte(digits: bytes, body: bytes) -> int:
    if not re.fullmatch(rb"[0-9a-fA-F]{2}", digits):
        raise ProtocolError(f"no stop reply: {shown(body)}")
    return int(digits, 16)


def chunk(body: bytes, what: str) -> tuple[bytes, bool]:
    """Return a part of an object of qXfer, and whether it is the last."""
    check(body, what)
    if body[:1] not in (b"l", b"m") or body == b"m":
        raise ProtocolError(f"the server answered {what} with {shown(body)}")
    return body[1:], body[:1] == b"l"


def binary(body: bytes, what: str) -> bytes:
    """Return the bytes in an answer to x."""
    if body[:1] != b"b":
        check(body, what)
        raise ProtocolError(f"the server answered {what} with {shown(body)}")
    return body[1:]


def features(body: bytes) -> dict[str, str]:
    """Read the answer to qSupported: names and values, ``+`` for what is there without one."""
    found: dict[str, str] = {}
    for item in body.decode("latin-1").split(";")[:MAX_FEATURES]:
        name, separator, value = item.partition("=")
        if separator:
            found[name] = value
        elif item.endswith("+"):
            found[item[:-1]] = "+"
    return found
