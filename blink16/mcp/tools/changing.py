"""Changing a machine where it stands.  In the past this drops the recorded future."""

from __future__ import annotations

from blink16.client import AsyncTarget
from blink16.client.program import assign, evaluate
from blink16.client.program.show import text_of
from blink16.mcp.desk import Desk
from blink16.mcp.registry import tool

MAX_SAID = 8000
"""Characters of a command's answer."""


@tool(changes=True)
def set_value(desk: Desk, expression: str, value: str, machine: str = "") -> str:
    """Assign an expression's value to a variable, register ($ax), member, element or byte[…]."""
    one = desk.machine(machine)

    async def write(target: AsyncTarget) -> str:
        scene = await one.scene(target, may_write=True)
        place = await evaluate(expression, scene)
        return text_of(await assign(place, await evaluate(value, scene), scene))

    return f"{expression} = {one.within(write)}"


@tool(changes=True)
def write_memory(desk: Desk, where: str, data: str, machine: str = "") -> str:
    """Store bytes, given in hex, from a place on."""
    one = desk.machine(machine)
    address, content = one.target.address_of(where), bytes.fromhex(data)
    one.target.write_memory(address, content)
    return f"{len(content)} {'byte is' if len(content) == 1 else 'bytes are'} at {address:05X} now"


@tool(changes=True)
def monitor(desk: Desk, command: str, machine: str = "") -> str:
    """Carry out one of blink16-server's own commands; "help" lists them."""
    text = desk.machine(machine).target.monitor(command)
    return text[:MAX_SAID] + ("…" if len(text) > MAX_SAID else "") or "done"
