"""Running, stepping, and the points at which machines stop."""

from __future__ import annotations

from typing import Literal

from blink16.client import AsyncTarget, SetPoint, StopEvent
from blink16.client.program.conditions import as_condition
from blink16.client.program.stepping import Stepper
from blink16.mcp.desk import MAX_SECONDS, Desk, DeskError, DeskMachine
from blink16.mcp.registry import tool
from blink16.mcp.telling import stop
from blink16.mcp.tools.looking import address_of_value

MAX_POINTS = 100
MAX_STEPS = 1_000_000
Direction = Literal["forward", "backward"]


@tool()
def run(
    desk: Desk,
    direction: Direction = "forward",
    until: str = "",
    seconds: float = 10.0,
    machine: str = "",
) -> str:
    """Let the machine run, forward or backward, until a point stops it, the program ends, or the
    time is over.  until: a place (symbol, COUNT.C:12, SEG:OFF) at which it stops once.
    """
    one = desk.machine(machine)
    limit = max(0.1, min(seconds, MAX_SECONDS))
    target = one.target
    if until:
        place = one.place(until)
        go = target.run_to if direction == "forward" else target.run_back_to
        return stop(one, go(place, timeout=limit))
    event = target.run(timeout=limit) if direction == "forward" else target.run_back(timeout=limit)
    return stop(one, event)


@tool()
def step(
    desk: Desk,
    unit: Literal["instruction", "over", "line", "line into", "out"] = "instruction",
    count: int = 1,
    direction: Direction = "forward",
    machine: str = "",
) -> str:
    """Step: by instructions; over what an instruction calls; by source lines, over or into calls;
    or out of the function.  Backward: the same in time, `out` to where the function was called.
    """
    one = desk.machine(machine)
    if not 1 <= count <= MAX_STEPS:
        raise DeskError(f"{count} steps; from 1 to {MAX_STEPS} can be made at once")
    if unit == "instruction":
        back = direction == "backward"
        event = one.target.step_back(count) if back else one.target.step(count)
        return stop(one, event)
    for _ in range(min(count, 1000)):
        event = one.within(lambda target: _stepped(one, target, unit, direction))
        if event.kind != "stepped":
            break
    return stop(one, event)


async def _stepped(
    machine: DeskMachine, target: AsyncTarget, unit: str, direction: Direction
) -> StopEvent:
    stepper = Stepper(target, machine.program)
    match unit, direction:
        case "over", "forward":
            return await target.next()
        case "over", "backward":
            return await target.next_back()
        case "out", "forward":
            return await target.finish()
        case "out", "backward":
            return await target.finish_back()
        case _, "backward":
            return await stepper.line_back()
    return await stepper.line(into=unit == "line into")


@tool()
def break_at(desk: Desk, where: str, condition: str = "", machine: str = "") -> str:
    """Set a breakpoint at a function (behind its prologue), symbol, line (COUNT.C:12) or address.
    condition: C-like over registers, flags and variables of up to 16 bits, like "i == 7 && zf".
    """
    one = desk.machine(machine)
    address = one.place(where)

    async def set_it(target: AsyncTarget) -> SetPoint:
        judged = None
        if condition:
            judged = await as_condition(condition, await one.scene_at(target, address))
            judged = judged or condition
        return await target.break_at(address, condition=judged)

    return _kept(one, one.within(set_it), where + (f" if {condition}" if condition else ""))


@tool()
def watch(
    desk: Desk,
    where: str,
    length: int = 0,
    access: Literal["write", "read", "access"] = "write",
    machine: str = "",
) -> str:
    """Stop when memory is touched: an expression's place (total, table[3], *p), or an address with
    a length in bytes.
    """
    one = desk.machine(machine)
    address, size = memory_of(one, where, length)
    return _kept(one, one.target.watch(address, size, access=access), f"{access} {where}")


@tool()
def catch(desk: Desk, what: str, machine: str = "") -> str:
    """Stop at calls of the system: "int 21 ah=3d,3c", "elks open read", "exec"."""
    one = desk.machine(machine)
    return _kept(one, one.target.catch(what), what)


@tool()
def points(desk: Desk, machine: str = "") -> str:
    """List the points that are set."""
    one = desk.machine(machine)
    rows = (f"{name}: {point} at {point.address:05X}" for name, point in one.points.items())
    return "\n".join(rows) or "there are none"


@tool()
def delete(desk: Desk, point: str, machine: str = "") -> str:
    """Take a point away, by its name (p1…)."""
    one = desk.machine(machine)
    if point not in one.points:
        raise DeskError(f"there is no point {point!r}; there are {', '.join(one.points) or 'none'}")
    one.target.remove(one.points.pop(point))
    return points(desk, machine)


def _kept(machine: DeskMachine, point: SetPoint, title: str) -> str:
    if len(machine.points) >= MAX_POINTS:
        machine.target.remove(point)
        raise DeskError(f"there are {MAX_POINTS} points already")
    machine.last_point += 1
    name = f"p{machine.last_point}"
    machine.points[name] = point
    return f"{name}: {title} at {point.address:05X}" if point.address else f"{name}: {title}"


def memory_of(machine: DeskMachine, where: str, length: int) -> tuple[int, int]:
    """Return address and size of what is meant by an expression, or by an address and a length."""
    if length:
        try:
            return machine.target.address_of(where), length
        except ValueError:
            return address_of_value(machine, where)[0], length
    return address_of_value(machine, where)
