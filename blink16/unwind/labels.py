"""Labels that are no functions, though they are named as such: those at which a call returns.

Symbols of assemblers don't say what is called.  gdb takes a frame for another one when its function
is, and so never sees a call return to a label: `next` and `finish` would run on for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from itertools import pairwise

from blink16.cpu.opcodes import ControlFlow
from blink16.memory import MEMORY_SIZE
from blink16.unwind.walk import CodeMemory

MAX_INSTRUCTIONS = 1000
"""Instructions from one symbol to the next that are looked at."""
SEGMENT = 1 << 16
LONGEST_CALL = 5
_CALLS = re.compile(
    rb"(?:\xe8..|\x9a....|\xcd.|\xff[\x10-\x1f\xd0-\xdf]|\xff[\x50-\x5f].|\xff[\x16\x1e\x90-\x9f]..)\Z",
    re.DOTALL,
)
"""What may be a call: CALL rel16, CALLF ptr16:16, INT, and the indirect ones."""
_ENDS = re.compile(
    rb"(?:\xcd[\x19\x20\x27]|(?:\xb4[\x31\x4c]|\xb8.[\x31\x4c])\xcd\x21)\Z", re.DOTALL
)
"""INTs that nothing comes back from: the end of a DOS program, or its boot."""
_NEAR, _FAR = (re.compile(call, re.DOTALL) for call in (rb"(?=\xe8(..))", rb"(?=\x9a(..)(..))"))
"""CALL rel16 and CALLF ptr16:16, wherever one could begin."""
_IMMEDIATE = re.compile(rb"(?=[\xb8-\xbf\x68](..))", re.DOTALL)
"""MOV r16 and PUSH of a word."""
_STORED = re.compile(rb"(?=\xc7[\x00-\x07\x40-\x47\x80-\x87](.{2,4}))", re.DOTALL)
"""MOV m16 of a word, which is somewhere behind the address."""
_RETURNING = {ControlFlow.CALL, ControlFlow.FAR_CALL, ControlFlow.INTERRUPT}


def labels_behind_calls(code: CodeMemory, cs: int, starts: Iterable[int]) -> set[int]:
    """Return the linear addresses of code's symbols at which calls return and nothing else begins.

    ``cs``: the segment of the program's entry.  What is called, or has its address taken by
    an instruction, is a function.
    """
    ordered = sorted({*starts})
    pairs = list(pairwise(ordered))
    found = {here for before, here in pairs if _is_behind_call(code, before, here)}
    if found:
        whole = bytes(code.memory.whole[ordered[0] : min(ordered[-1] + SEGMENT, MEMORY_SIZE)])
        found -= _called(whole, ordered[0], found)
        found -= _taken(whole, cs, found)
    return found


def _is_behind_call(code: CodeMemory, before: int, here: int) -> bool:
    """Tell whether the instruction that ends at an address calls, read from a symbol on."""
    last = bytes(code.memory.whole[max(here - LONGEST_CALL, before) : here])
    if not _CALLS.search(last) or _ENDS.search(last):
        return False
    cs, ip = before >> 4, before & 0xF
    end, flow = ip + here - before, ControlFlow.NEXT
    for _ in range(MAX_INSTRUCTIONS):
        if ip >= end:
            break
        instruction = code.fetch(cs, ip)
        if instruction is None:
            return False
        flow = instruction.row.control_flow
        ip += instruction.length
    return ip == end and flow in _RETURNING


def _called(whole: bytes, base: int, labels: Set[int]) -> set[int]:
    """Return those that a direct call leads to; ``whole``: the code, from a linear address on."""
    found = set[int]()
    for match in _NEAR.finditer(whole):
        target = base + match.start() + 3 + int.from_bytes(match[1], "little", signed=True)
        found |= labels & {target, target + SEGMENT, target - SEGMENT}  # it may wrap in its segment
    for match in _FAR.finditer(whole):
        offset, segment = (int.from_bytes(part, "little") for part in match.groups())
        found |= labels & {segment * 16 + offset}
    return found


def _taken(whole: bytes, cs: int, labels: Iterable[int]) -> set[int]:
    """Return those whose offset an instruction loads, pushes or stores."""
    words = {match[1] for match in _IMMEDIATE.finditer(whole)}
    for match in _STORED.finditer(whole):
        words |= {match[1][at : at + 2] for at in range(len(match[1]) - 1)}
    return {at for at in labels if ((at - cs * 16) % SEGMENT).to_bytes(2, "little") in words}
