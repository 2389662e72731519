"""From what arrives on the wire to a command, or to the reason why it is none."""

from __future__ import annotations

from blink16.gdbstub import commands
from blink16.gdbstub.commands.fields import MalformedError
from blink16.gdbstub.replies import RefusedError
from blink16.packets import BadPacket, Control, Packet


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
