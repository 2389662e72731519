"""From a frame to its caller's, without debug information.

Where is the return address of the function at CS:IP?  The code says it: from any instruction on,
up to the RET, RETF or IRET that ends the function, the pushes, pops and moves of SP and BP are
there to be read.  So `caller` walks the code forward along its branches (`walk`) until a
return leads to a place that can have been returned to.  That needs no bounds of functions, holds
in prologue and epilogue, with and without a BP frame, and whether the return is near, far or
from an interrupt follows from the instruction that does it.  For code without a return (an
endless loop, a jump through a table) the chain of BP frames helps out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from blink16.cpu.registers import Cell, Registers
from blink16.memory import ADDRESS_BITS, ADDRESS_MASK
from blink16.unwind.walk import (
    MASK,
    CodeMemory,
    Effort,
    Path,
    Return,
    ReturnKind,
    advance,
    call_target,
)

MAX_STEPS = 3000
"""Instructions of a function that the search for its return address may look at."""
MAX_EFFORT = 10_000
"""The same with those of the functions that it calls."""
MAX_FRAMES = 0x8000
"""Frames of one backtrace: a near call every two bytes of a stack segment."""
FLAGS_MASK = 0xF02A
"""Bits of the flags that an 8086 always pushes alike."""
_INT, _INT_3, _INTO = 0xCD, 0xCC, 0xCE
_CALL_LENGTHS = (3, 2, 4)
_CALL_FAR_LENGTHS = (5, 2, 3, 4)
_PUSH_CS, _POPF = 0x0E, 0x9D
_CALLS = (bytes.fromhex("e8 0000"), bytes.fromhex("9a 0000 0000"))
_MOV_BP_SP = (b"\x89\xe5", b"\x8b\xec")


@dataclass(frozen=True, slots=True)
class Frame:
    """The registers of a function, as they are now or will be when it goes on."""

    cells: tuple[int, ...]
    """AX … IP, by `Cell`."""
    flags: int
    line_20: int = 0
    """1 where address line 20 is open."""

    @classmethod
    def of(cls, registers: Registers) -> Frame:
        """Return the innermost frame."""
        cells = registers.cells
        return cls(tuple(cells[: Cell.IP + 1]), registers.flags, cells[Cell.A20])

    @property
    def pc(self) -> int:
        """The linear address of the next instruction."""
        return self._linear(Cell.CS, Cell.IP)

    @property
    def stack(self) -> int:
        """The linear address of the top of the stack."""
        return self._linear(Cell.SS, Cell.SP)

    def _linear(self, segment: Cell, offset: Cell) -> int:
        mask = ADDRESS_MASK | self.line_20 << ADDRESS_BITS
        return ((self.cells[segment] << 4) + self.cells[offset]) & mask


@dataclass(frozen=True, slots=True)
class Caller:
    """The frame that a function returns to, and where its own frame ends."""

    frame: Frame
    cfa: int
    """The canonical frame address: linear, above the return address."""
    kind: ReturnKind


class Backtrace:
    """The frames from the innermost to the outermost, found one after another."""

    def __init__(self, code: CodeMemory, innermost: Frame) -> None:
        self._code = code
        self._next: Frame | None = innermost
        self._stacks = set[int]()
        self._released: dict[tuple[int, int], int] = {}
        """What was found out of callees, see `Effort`; not where a look at them was cut short."""

    def find(self, limit: int = MAX_EFFORT) -> tuple[Frame, Caller | None] | None:
        """Return the next frame with its caller, which the outermost has not; None at the end.

        ``limit``: instructions that may be looked at for that; UnfinishedError if it takes more.
        Then the same frame is the next again.
        """
        frame = self._next
        if frame is None:
            return None
        effort = Effort(limit, self._released.copy())
        caller = find_caller(self._code, frame, effort)
        if effort.left < 0 and limit < MAX_EFFORT:
            raise UnfinishedError("the stack is deep and its code intricate: read again to go on")
        self._released = effort.released
        self._stacks.add(frame.stack)
        goes_on = len(self._stacks) < MAX_FRAMES
        if caller is not None and caller.frame.stack in self._stacks:
            caller = None  # a stack that goes in circles
        self._next = caller.frame if caller is not None and goes_on else None
        return frame, caller


class UnfinishedError(Exception):
    """Frames that take long to find.  Those that were found are known; asking again goes on."""


def frames(code: CodeMemory, innermost: Frame) -> Iterator[tuple[Frame, Caller | None]]:
    """Yield each frame with its caller, from the innermost to the outermost, which has none."""
    backtrace = Backtrace(code, innermost)
    while (found := backtrace.find()) is not None:
        yield found


def find_caller(code: CodeMemory, frame: Frame, effort: Effort | None = None) -> Caller | None:
    """Return where a function will return to; None if that can't be told, or it won't.

    ``effort``: what may be spent on that, and was found out before.
    """
    path = Path(
        code,
        effort or Effort(MAX_EFFORT),
        list(frame.cells[: Cell.IP]),
        frame.cells[Cell.IP],
    )
    found = _by_vector(path, frame) or _by_code(path.copy(path.ip), frame)
    return found or _by_entry(path.copy(path.ip), frame) or _by_bp(path, frame)


# -- ways to find the return address ---------------------------------------------------------


def _by_vector(path: Path, frame: Frame) -> Caller | None:
    """Take what an interrupt has pushed, at the start of its handler or behind a CALL there.

    Behind a kernel's CALL there is the interrupt's number rather than code (ELKS: irq.c).
    """
    code, cs, ip = path.code, path.cs, frame.cells[Cell.IP]
    starts = [ip]
    starts += [ip - len(call) for call in _CALLS if code.byte(cs, ip - len(call)) == call[0]]
    if any(code.is_handler(cs, start & MASK) for start in starts):
        return _returned(path, Return(ReturnKind.INTERRUPT), frame)
    return None


def _by_code(start: Path, frame: Frame) -> Caller | None:
    """Walk the code, nearest branches first, to a return that makes sense."""
    waiting = deque([start])
    seen = set[tuple[int, int, int | None]]()
    while waiting and len(seen) < MAX_STEPS:
        path = waiting.popleft()
        if path.place in seen or path.cells[Cell.SP] is None:
            continue
        seen.add(path.place)
        match advance(path):
            case Return() as how:
                caller = _returned(path, how, frame)
                if caller is not None:
                    return caller
            case paths:
                waiting.extend(paths)
    return None


def _by_entry(path: Path, frame: Frame) -> Caller | None:
    """Take the top of the stack at the start of a function, known by the CALL that led here.

    Right behind the PUSH BP of a prologue, the word below it.
    """
    code, start = path.code, frame.cells[Cell.IP]
    if bytes(code.memory.whole[frame.pc : frame.pc + 2]) in _MOV_BP_SP:
        path.pop()
        start -= 1
    for kind in (ReturnKind.NEAR, ReturnKind.FAR):
        caller = _returned(path, Return(kind), frame)
        if caller and _called(code, caller.frame) == (frame.cells[Cell.CS], start & MASK):
            return caller
    return None


def _by_bp(path: Path, frame: Frame) -> Caller | None:
    """Take BP for the address of the caller's BP, with the return address above it."""
    if frame.cells[Cell.BP] < frame.cells[Cell.SP]:
        return None
    path.cells[Cell.SP] = frame.cells[Cell.BP]
    path.cells[Cell.BP] = path.pop()
    for kind in (ReturnKind.NEAR, ReturnKind.FAR):
        caller = _returned(path, Return(kind), frame)
        if caller is not None:
            return caller
    return None


# -- is it one? ------------------------------------------------------------------------------


def _returned(path: Path, how: Return, frame: Frame) -> Caller | None:
    """Return the frame behind a return, None if nothing can have called from there."""
    sp = path.cells[Cell.SP]
    if sp is None or path.stack_address(sp) in path.stored:
        return None  # a jump by PUSH and RET
    ip = path.stack_word(sp) or 0
    cs = path.cs if how.kind is ReturnKind.NEAR else path.stack_word(sp + 2) or 0
    flags = _restored_flags(path, how.kind, sp, frame.flags)
    interrupted = flags is not None and flags & FLAGS_MASK == path.code.model.fixed_flags
    if not interrupted and not _can_return(path.code, cs, ip, how.kind):
        return None
    cells = [now if known is None else known for known, now in zip(path.cells, frame.cells)]  # noqa: B905 - IP is left
    cells[Cell.SP] = (sp + how.kind.value + how.released) & MASK
    cells[Cell.CS] = cs
    cfa = path.stack_address(sp) + how.kind.value
    flags = frame.flags if flags is None else flags
    return Caller(Frame((*cells, ip), flags, frame.line_20), cfa, how.kind)


def _restored_flags(path: Path, kind: ReturnKind, sp: int, now: int) -> int | None:
    """Return the flags of whom a return may go back to wherever it was; None if it restores none.

    An IRET pops them, and so does POPF before a RET: the end of what ELKS' C library has called
    for a signal, whose caller was interrupted by it.
    """
    if kind is ReturnKind.INTERRUPT:
        return path.stack_word(sp + 4) or 0
    if kind is ReturnKind.NEAR and path.code.byte(path.cs, path.ip - 1) == _POPF:
        popped = path.stack_word(sp - 2)
        return now if popped is None else popped  # this path has pushed them
    return None


def _can_return(code: CodeMemory, cs: int, ip: int, kind: ReturnKind) -> bool:
    """Tell whether a CALL or INT of that kind stands before CS:IP."""
    match kind:
        case ReturnKind.NEAR:
            return _ends_call(code, cs, ip, "CALL", _CALL_LENGTHS)
        case ReturnKind.FAR:
            near_with_cs = code.byte(cs, ip - 4) == _PUSH_CS
            return _ends_call(code, cs, ip, "CALLF", _CALL_FAR_LENGTHS) or (
                near_with_cs and _ends_call(code, cs, ip, "CALL", (3,))
            )
        case ReturnKind.INTERRUPT:
            return code.byte(cs, ip - 2) == _INT or code.byte(cs, ip - 1) in (_INT_3, _INTO)


def _ends_call(code: CodeMemory, cs: int, ip: int, mnemonic: str, lengths: tuple[int, ...]) -> bool:
    """Tell whether an instruction of that name and one of these lengths ends at CS:IP."""
    for length in lengths:
        instruction = code.fetch(cs, (ip - length) & MASK)
        if instruction and instruction.row.mnemonic == mnemonic and instruction.length == length:
            return True
    return False


def _called(code: CodeMemory, caller: Frame) -> tuple[int, int] | None:
    """Return what the direct CALL in front of a return address calls."""
    cs, ip = caller.cells[Cell.CS], caller.cells[Cell.IP]
    for length in (3, 5):
        instruction = code.fetch(cs, (ip - length) & MASK)
        if instruction and instruction.length == length:
            target = call_target(cs, ip - length, instruction)
            if target is not None:
                return target
    return None
