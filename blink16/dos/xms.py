"""Extended memory by XMS 3.0, of which an 8086 has none: blocks that only the driver can reach.

The functions with 32-bit registers (88h and so on) are for an 80386, and are not here.  There is
a high memory area and an A20 gate where the processor has more than twenty address lines.
Source: Lotus, Intel, Microsoft, AST: eXtended Memory Specification 3.0 (1991).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct as Packing
from typing import Any, NamedTuple

from construct import Int16ul, Int32ul, Struct

from blink16.bios.rom import Rom, call
from blink16.devices import a20
from blink16.dos.upper_memory import UpperMemory
from blink16.hostfs.chunks import Chunks, Content
from blink16.memory import MEMORY_SIZE
from blink16.services import DONE, Chassis, Guest, Outcome

VERSION, REVISION = 0x0300, 0x0100
MAX_HANDLES = 64
FIRST_HANDLE = 1
KIB = 1024
HOOKABLE = b"\xeb\x03\x90\x90\x90"
"""A jump over what others may overwrite with a jump of theirs."""
PUSHF, RETF = b"\x9c", b"\xcb"

NOT_IMPLEMENTED, NO_HMA, A20_FAILS = 0x80, 0x90, 0x82
HMA_TAKEN, HMA_FREE = 0x91, 0x93
NO_MEMORY, NO_HANDLES, BAD_HANDLE = 0xA0, 0xA1, 0xA2
BAD_SOURCE, BAD_SOURCE_OFFSET, BAD_TARGET, BAD_TARGET_OFFSET, BAD_LENGTH = range(0xA3, 0xA8)
NOT_LOCKED, LOCKED, TOO_MANY_LOCKS = 0xAA, 0xAB, 0xAC
LESS_UPPER_MEMORY, NO_UPPER_MEMORY, NO_SUCH_SEGMENT = 0xB0, 0xB1, 0xB2
MAX_LOCKS = 255
MOVE_BLOCK = 0x0B

_MOVE = Packing("<IHIHI")
MOVE = Struct(
    "length" / Int32ul,
    "source" / Int16ul,
    "source_offset" / Int32ul,
    "target" / Int16ul,
    "target_offset" / Int32ul,
)


assert _MOVE.size == MOVE.sizeof()


class Move(NamedTuple):
    """What 0Bh is to do: `MOVE`, which programs ask for in loops."""

    length: int
    source: int
    source_offset: int
    target: int
    target_offset: int


@dataclass(slots=True, eq=False)
class XmsBlock:
    """A block of extended memory, which changes in place."""

    kib: int
    locks: int = 0
    content: Content = field(default_factory=lambda: Content(()))
    """What has been written; shorter than the block where the rest is zeros."""

    def save(self) -> tuple[int, int, Chunks]:
        """Return it as plain data."""
        return self.kib, self.locks, self.content.frozen()


class LineUsers(NamedTuple):
    """Who wants address line 20 open."""

    programs: int = 0
    """How many have opened it for themselves (function 05h), and not closed it again."""
    everywhere: bool = False
    """Whether it was opened by 03h."""


class XmsError(Exception):
    """A function fails with a code in BL."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code:02X}h")
        self.code = code


class Xms:
    """The driver.  A component (`services.Component`)."""

    COMPONENT = "xms"

    def __init__(self, kib: int, upper: UpperMemory | None = None) -> None:
        """``kib``: how much there is.  ``upper``: the upper memory blocks, if there is RAM."""
        self._kib = kib
        self._upper = upper
        self._blocks: dict[int, XmsBlock] = {}
        self._high_is_taken = False
        self._line_20 = LineUsers()
        self.entry = (0, 0)
        """Where programs call it."""

    def install(self, chassis: Chassis, rom: Rom) -> None:
        """Put the entry into ROM."""
        segment, offset = chassis.add_stub("xms", self)
        code = HOOKABLE + PUSHF + call(segment, offset) + RETF
        self.entry = (segment, rom.add(code))

    def save(self) -> Any:
        """Return the state; contents are shared, not copied."""
        upper = () if self._upper is None else self._upper.blocks
        blocks = tuple((handle, block.save()) for handle, block in self._blocks.items())
        return self._high_is_taken, self._line_20, upper, blocks

    def restore(self, state: Any) -> None:
        """Take the state of a `save`."""
        self._high_is_taken, users, upper, blocks = state
        self._line_20 = LineUsers(*users)
        if self._upper is not None:
            self._upper.blocks = upper
        self._blocks = {
            handle: XmsBlock(kib, locks, Content(chunks)) for handle, (kib, locks, chunks) in blocks
        }

    def __call__(self, guest: Guest) -> Outcome:
        """Do the function in AH: AX is 1, or 0 with an error in BL."""
        r = guest.registers
        function = r.ah
        try:
            if function == MOVE_BLOCK:  # which programs call in loops
                self._move(guest)
                r.ax = 1
            else:
                self._do(guest, function)
        except XmsError as error:
            r.ax, r.bl = 0, error.code
        return DONE

    def _take_high_memory(self, guest: Guest, take: bool) -> None:
        """Give the high memory area to a program, or take it back."""
        if not guest.has_a20:
            raise XmsError(NO_HMA)
        if take == self._high_is_taken:
            raise XmsError(HMA_TAKEN if take else HMA_FREE)
        self._high_is_taken = take

    def _do(self, guest: Guest, function: int) -> None:
        r = guest.registers
        match function:
            case 0x00:
                r.ax, r.bx, r.dx = VERSION, REVISION, guest.has_a20
            case 0x01 | 0x02:
                self._take_high_memory(guest, r.ah == 0x01)
                r.ax = 1
            case 0x03 | 0x04 | 0x05 | 0x06:
                self._switch_line_20(guest, function)
                r.ax, r.bl = 1, 0
            case 0x07:
                r.ax, r.bl = a20.is_open(r), 0
            case 0x08:
                left = self._left
                r.ax = r.dx = left
                r.bl = 0 if left else NO_MEMORY
            case 0x09:
                r.dx = self._allocate(r.dx)
                r.ax = 1
            case 0x0A:
                self._free(r.dx)
                r.ax = 1
            case 0x0C:
                self._lock(r.dx)
                address = (MEMORY_SIZE // KIB + 64 + r.dx * 64) * KIB  # where nobody can look
                r.ax, r.dx, r.bx = 1, address >> 16, address
            case 0x0D:
                self._unlock(r.dx)
                r.ax = 1
            case 0x0E:
                block = self._block(r.dx)
                r.ax, r.dx, r.bh = 1, block.kib, block.locks
                r.bl = MAX_HANDLES - len(self._blocks)
            case 0x0F:
                self._resize(r.dx, r.bx)
                r.ax = 1
            case 0x10 | 0x11 | 0x12 if self._upper is not None:
                self._give_upper_memory(guest, self._upper)
                r.ax = 1
            case 0x10 | 0x11 | 0x12:
                r.dx = 0
                raise XmsError(NO_UPPER_MEMORY)
            case _:
                raise XmsError(NOT_IMPLEMENTED)

    def _switch_line_20(self, guest: Guest, function: int) -> None:
        """Open address line 20 or close it, once nobody who has opened it needs it any more."""
        if not guest.has_a20:
            raise XmsError(A20_FAILS)
        users = self._line_20
        match function:
            case 0x03:
                users = users._replace(everywhere=True)
            case 0x04:
                users = users._replace(everywhere=False)
            case 0x05:
                users = users._replace(programs=users.programs + 1)
            case _ if not users.programs:
                raise XmsError(A20_FAILS)
            case _:
                users = users._replace(programs=users.programs - 1)
        self._line_20 = users
        a20.switch(guest.registers, users.everywhere or users.programs > 0)

    def _give_upper_memory(self, guest: Guest, upper: UpperMemory) -> None:
        r = guest.registers
        if r.ah == 0x10:
            wanted, segment = r.dx, upper.request(r.dx)
            if segment is None:
                r.dx = upper.largest()
                raise XmsError(LESS_UPPER_MEMORY if r.dx else NO_UPPER_MEMORY)
            r.bx, r.dx = segment, wanted
            return
        if upper.size(r.dx) is None:
            raise XmsError(NO_SUCH_SEGMENT)
        if r.ah == 0x11:
            upper.release(r.dx)
        elif r.bx <= (room := upper.room(r.dx)):
            upper.resize(r.dx, r.bx)
        else:
            r.dx = room
            raise XmsError(LESS_UPPER_MEMORY)

    @property
    def _left(self) -> int:
        return self._kib - sum(block.kib for block in self._blocks.values())

    def _block(self, handle: int, code: int = BAD_HANDLE) -> XmsBlock:
        block = self._blocks.get(handle)
        if block is None:
            raise XmsError(code)
        return block

    def _allocate(self, kib: int) -> int:
        if kib > self._left:
            raise XmsError(NO_MEMORY)
        free = [n for n in range(FIRST_HANDLE, MAX_HANDLES + 1) if n not in self._blocks]
        if not free:
            raise XmsError(NO_HANDLES)
        self._blocks[free[0]] = XmsBlock(kib)
        return free[0]

    def _free(self, handle: int) -> None:
        if self._block(handle).locks:
            raise XmsError(LOCKED)
        del self._blocks[handle]

    def _lock(self, handle: int) -> None:
        block = self._block(handle)
        if block.locks >= MAX_LOCKS:
            raise XmsError(TOO_MANY_LOCKS)
        block.locks += 1

    def _unlock(self, handle: int) -> None:
        block = self._block(handle)
        if not block.locks:
            raise XmsError(NOT_LOCKED)
        block.locks -= 1

    def _resize(self, handle: int, kib: int) -> None:
        block = self._block(handle)
        if block.locks:
            raise XmsError(LOCKED)
        if kib - block.kib > self._left:
            raise XmsError(NO_MEMORY)
        if kib * KIB < block.content.size:
            block.content.resize(kib * KIB)
        block.kib = kib

    # -- moving ------------------------------------------------------------------------------

    def _move(self, guest: Guest) -> None:
        r = guest.registers
        raw = guest.memory.read(guest.linear(r.ds, r.si), _MOVE.size)
        move = Move._make(_MOVE.unpack(raw))
        length, source, _, target, _ = move
        if length & 1 or (length > MEMORY_SIZE and not (source and target)):
            raise XmsError(BAD_LENGTH)
        self._write(guest, move, self._read(guest, move))

    def _read(self, guest: Guest, move: Move) -> bytes:
        if not move.source:
            where = guest.linear(move.source_offset >> 16, move.source_offset)
            return guest.memory.read(where, move.length)
        block = self._block(move.source, BAD_SOURCE)
        end = move.source_offset + move.length
        if end > block.kib * KIB:
            raise XmsError(BAD_SOURCE_OFFSET)
        data = block.content.get(move.source_offset, min(end, block.content.size))
        return data.ljust(move.length, b"\0")

    def _write(self, guest: Guest, move: Move, data: bytes) -> None:
        if not move.target:
            guest.memory.write(guest.linear(move.target_offset >> 16, move.target_offset), data)
            return
        block = self._block(move.target, BAD_TARGET)
        if move.target_offset + len(data) > block.kib * KIB:
            raise XmsError(BAD_TARGET_OFFSET)
        if data:
            block.content.put(move.target_offset, data)
