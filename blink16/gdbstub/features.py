"""What we can do, as qSupported's answer announces it: it follows from the tables."""

from __future__ import annotations

from blink16.gdbstub import commands, description, inferiors, raw_registers
from blink16.gdbstub.replies import Client
from blink16.packets import PACKET_SIZE


def supported(client: Client) -> bytes:
    """Return the answer to qSupported, for a client that can do this."""
    features = [f"PacketSize={PACKET_SIZE:x}", *commands.features()]
    objects = [*(name for name, _ in description.OBJECTS), *inferiors.OBJECTS]
    features += [f"qXfer:{name}:read+" for name in objects]
    features += ["multiprocess+"] * client.multiprocess
    features += ["swbreak+"] * client.swbreak + ["hwbreak+"] * client.hwbreak
    features += ["fork-events+"] * client.forks + ["vfork-events+"] * client.vforks
    features += ["exec-events+"] * client.executions
    features += ["error-message+"] * client.error_message
    features += [raw_registers.FEATURE] * client.raw
    return ";".join(features).encode("ascii")
