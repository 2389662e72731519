"""Everything that lets the machine move."""

from __future__ import annotations

from typing import Any

import msgspec

from blink16.client import RegisterValues, StopEvent
from blink16.dap.registry import NoArguments, request
from blink16.dap.requests.points import _Source
from blink16.dap.session import Session
from blink16.dap.states import RequestError, State

MAX_TARGETS = 200


class Thread(msgspec.Struct, frozen=True):
    """Which thread; all of them move."""

    threadId: int = 1  # noqa: N815 - DAP's names
    singleThread: bool = False  # noqa: N815


class Step(msgspec.Struct, frozen=True):
    """How far: a ``statement`` or ``line``, or an ``instruction``."""

    threadId: int = 1  # noqa: N815
    granularity: str = "statement"
    targetId: int | None = None  # noqa: N815


@request("continue")
async def continue_(session: Session, arguments: Thread) -> dict[str, Any]:
    """Run until something happens."""
    session.motion.start(session.motion.run())
    return {"allThreadsContinued": True}


@request("reverseContinue")
async def reverse_continue(session: Session, arguments: Thread) -> dict[str, Any]:
    """Run backward until something happens."""
    session.motion.start(session.motion.run(backward=True))
    return {"allThreadsContinued": True}


@request("pause", State.MACHINE)
async def pause(session: Session, arguments: Thread) -> None:
    """Stop the machine."""
    if session.state is State.RUNS:
        session.motion.pause()


@request("next")
async def next_(session: Session, arguments: Step) -> None:
    """Step over calls."""
    motion, target = session.motion, session.debuggee.target
    if arguments.granularity == "instruction":
        motion.start(lambda: motion.go(target.next))
    else:
        pc = session.debuggee.at.registers.pc
        motion.start(lambda: motion.stepper.line(into=False, pc=pc))


@request("stepIn")
async def step_in(session: Session, arguments: Step) -> None:
    """Step into calls."""
    motion, target = session.motion, session.debuggee.target
    if arguments.targetId is not None:
        address = arguments.targetId
        motion.start(lambda: motion.stepper.into(address))
    elif arguments.granularity == "instruction":
        motion.start(lambda: motion.go(target.step))
    else:
        pc = session.debuggee.at.registers.pc
        motion.start(lambda: motion.stepper.line(into=True, pc=pc))


@request("stepOut")
async def step_out(session: Session, arguments: Step) -> None:
    """Run until the function has returned."""
    session.motion.start(session.motion.stepper.out)


@request("stepBack")
async def step_back(session: Session, arguments: Step) -> None:
    """Step back, over what was called."""
    motion, target = session.motion, session.debuggee.target
    if arguments.granularity == "instruction":
        motion.start(lambda: motion.go(target.next_back))
    else:
        pc = session.debuggee.at.registers.pc
        motion.start(lambda: motion.stepper.line_back(pc))


class Frame(msgspec.Struct, frozen=True):
    """Which frame."""

    frameId: int  # noqa: N815


@request("restartFrame")
async def restart_frame(session: Session, arguments: Frame) -> None:
    """Go back in time to where a frame's function was called, and into it."""
    level = session.debuggee.handles.frame(arguments.frameId).level
    motion, target = session.motion, session.debuggee.target

    async def move() -> StopEvent:
        for _ in range(level + 1):
            await motion.go(target.finish_back)
        return await motion.go(target.step)

    motion.start(move)


# -- targets ---------------------------------------------------------------------------------


@request("stepInTargets")
async def step_in_targets(session: Session, arguments: Frame) -> dict[str, Any]:
    """Tell which functions the frame's line calls."""
    debuggee = session.debuggee
    view = debuggee.handles.frame(arguments.frameId)
    stretch = debuggee.program.around(view.place)
    if stretch is None or view.level:
        return {"targets": []}
    targets = []
    for line in await debuggee.target.disassemble(view.pc, min(MAX_TARGETS, stretch[1] - view.pc)):
        if line.address >= stretch[1]:
            break
        called = _called(line.text, line.cs, debuggee.at.registers)
        if called is not None:
            name = await debuggee.target.name_of(called) or f"{called:#07x}"
            targets.append({"id": called, "label": name})
    return {"targets": targets}


def _called(text: str, cs: int, registers: RegisterValues) -> int | None:
    """Return the linear address that a CALL names, if it names one."""
    word, _, operand = text.partition(" ")
    if word.upper() not in ("CALL", "CALLF"):
        return None
    segment, colon, offset = operand.strip().rstrip("h").rpartition(":")
    try:
        base = int(segment.rstrip("h"), 16) if colon else cs
        return registers.linear(base, int(offset, 16))
    except ValueError:
        return None


class GotoTargets(msgspec.Struct, frozen=True):
    """A line."""

    source: _Source
    line: int


@request("gotoTargets")
async def goto_targets(session: Session, arguments: GotoTargets) -> dict[str, Any]:
    """Tell where a line's code begins."""
    program = session.debuggee.program
    offset = 1 - session.client.lines_start_at
    targets = []
    for file in program.matching(arguments.source.path or arguments.source.name):
        line, addresses = program.breakable(file, arguments.line + offset)
        for address in addresses:
            label = await session.debuggee.target.name_of(address) or f"{address:#07x}"
            targets.append(
                {
                    "id": address,
                    "label": label,
                    "line": line - offset,
                    "instructionPointerReference": f"{address:#07x}",
                }
            )
    return {"targets": targets}


class Goto(msgspec.Struct, frozen=True):
    """One of these."""

    targetId: int  # noqa: N815
    threadId: int = 1  # noqa: N815


@request("goto")
async def goto(session: Session, arguments: Goto) -> None:
    """Let the next instruction be another one, without executing what is between."""
    debuggee = session.debuggee
    ip = arguments.targetId - debuggee.at.registers.cs * 16
    if not 0 <= ip <= 0xFFFF:
        raise RequestError(f"{arguments.targetId:#07x} is not in the code segment")
    await debuggee.target.write_register("ip", ip)
    session.later.append(lambda: session.motion.arrived("goto"))


@request("terminateThreads")
async def terminate_threads(session: Session, arguments: NoArguments) -> None:
    """Say why this can't be."""
    raise RequestError("a process of the guest's is ended by the guest: terminate ends the program")
