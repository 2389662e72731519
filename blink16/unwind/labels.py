"""Labels that are no functions, though they are named as such: those at which a call returns.

Symbols of assemblers don't say what is called.  gdb takes a frame for another one when its function
is, and so never sees a call return to a label: `next` and `finish` would run on for ever.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
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


def _called(whole: bytes, base: int, labels: Collection[int]) -> set[int]:
    """Return those that a direct call leads to; ``whole``: the code, from a linear address on."""
    targets = set[int]()
    for match in re.finditer(rb"(?=\xe8(..))", whole, re.DOTALL):
        target = base + match.start() + 3 + int.from_bytes(match[1], "little", signed=True)
        targets |= {target, target + SEGMENT, target - SEGMENT}  # it may wrap in its segment
    for match in re.finditer(rb"(?=\x9a(..)(..))", whole, re.DOTALL):
        offset, segment = (int.from_bytes(part, "little") for part in match.groups())
        targets.add(segment * 16 + offset)
    return targets & {*labels}


def _taken(whole: bytes, cs: int, labels: Collection[int]) -> set[int]:
    """Return those whose offset an instruction loads, pushes or stores."""
    words = {label: ((label - cs * 16) % SEGMENT).to_bytes(2, "little") for label in labels}
    return {label for label, word in words.items() if _immediate(word).search(whole)}


def _immediate(word: bytes) -> re.Pattern[bytes]:
    """Return a pattern for MOV r16, PUSH and MOV m16 of a word."""
    stored = rb"\xc7[\x00-\x07\x40-\x47\x80-\x87].{0,2}"
    return re.compile(rb"(?:[\xb8-\xbf\x68]|%b)%b" % (stored, re.escape(word)), re.DOTALL)
