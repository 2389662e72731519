"""From what arrives on the wire to a command, or to the reason why it is none."""

from __future__ import annotations

from functools import lru_cache

from blink16.gdbstub import commands
from blink16.gdbstub.commands.fields import MalformedError
from blink16.gdbstub.replies import RefusedError
from blink16.packets import BadPacket, Control, Packet, unframed

OFTEN = 64
"""Bytes in a packet that may come again and again: debuggers ask the same at each stop."""


def command_in(item: Packet | BadPacket | Control) -> commands.Command:
    """Return the command in a packet; RefusedError if there is none."""
    match item:
        case Packet(body):
            try:
                return commands.parse(body)
            except MalformedError as error:
                raise RefusedError(str(error)) from None
        case BadPacket(reason):
            raise RefusedError(reason)
        case _:
            # without acknowledgements a damaged packet still has to be answered by something
            raise RefusedError("damaged packet")


def command_framed(data: bytes) -> commands.Command | None:
    """Return the command in bytes that are one packet, brief and well-formed; else None."""
    return _command_framed(data) if len(data) <= OFTEN else None


@lru_cache(maxsize=512)
def _command_framed(data: bytes) -> commands.Command | None:
    body = unframed(data)
    try:
        return None if body is None else commands.parse(body)
    except MalformedError:
        return None
