"""Functions of a program that came without symbols: what its code calls, from its entry on."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from itertools import pairwise

from blink16.cpu.opcodes import NOTHING_FOLLOWS, ControlFlow
from blink16.memory import MEMORY_SIZE, linear
from blink16.symbols import Symbol, SymbolKind
from blink16.unwind.walk import MASK, CodeMemory, call_target, jump_target

MAX_INSTRUCTIONS = 4000
"""Instructions that are looked at, so that a debugger is not kept waiting when it attaches."""
ENTRY_NAME = "start"


def follow_jumps(code: CodeMemory, cs: int, ip: int) -> tuple[int, int]:
    """Return where execution from CS:IP arrives after jumps alone: many programs begin with one."""
    seen = set[tuple[int, int]]()
    while (cs, ip) not in seen:
        seen.add((cs, ip))
        instruction = code.fetch(cs, ip)
        if instruction is None or instruction.row.control_flow not in _JUMPS:
            break
        cs, ip = jump_target(cs, ip, instruction) or (cs, ip)
    return cs, ip


def discover(code: CodeMemory, cs: int, ip: int) -> list[Symbol]:
    """Return a symbol for the entry at CS:IP and for each function that is called from there.

    They are called ``start`` and ``sub_CS_IP``.
    """
    starts = {linear(cs, ip): ENTRY_NAME}
    ends: dict[int, int] = {}
    waiting, seen = deque([(cs, ip)]), set[tuple[int, int]]()
    while waiting and len(seen) < MAX_INSTRUCTIONS:
        cs, ip = waiting.popleft()
        instruction = code.fetch(cs, ip)
        if (cs, ip) in seen or instruction is None:
            continue
        seen.add((cs, ip))
        address = linear(cs, ip)
        ends[address] = address + instruction.length
        called = call_target(cs, ip, instruction)
        if called is not None:
            starts.setdefault(linear(*called), f"sub_{called[0]:04x}_{called[1]:04x}")
            waiting.append(called)
        target = jump_target(cs, ip, instruction)
        if target is not None:
            waiting.append(target)
        if instruction.row.control_flow not in NOTHING_FOLLOWS:
            waiting.append((cs, (ip + instruction.length) & MASK))
    return _symbols(starts, ends)


_JUMPS = {ControlFlow.JUMP, ControlFlow.FAR_JUMP}


def _symbols(starts: dict[int, str], ends: dict[int, int]) -> list[Symbol]:
    """Let functions reach up to the next; the last one and the entry's end with their code.

    What follows the entry's code may be called by nobody we know, like a handler of interrupts,
    and must not be taken for the outermost function.
    """
    instructions = sorted(ends)
    symbols = []
    for start, following in pairwise([*sorted(starts), MEMORY_SIZE]):
        end = start
        for address in instructions[bisect_left(instructions, start) :]:
            if address >= following or address > end:
                break
            end = max(end, ends[address])
        exact = starts[start] == ENTRY_NAME or following == MEMORY_SIZE
        size = end - start if exact else following - start
        symbols.append(Symbol(starts[start], start, SymbolKind.CODE, size))
    return symbols
