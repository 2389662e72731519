"""Machine code in the BIOS ROM, behind the service stubs.

What a service can't do by itself (interrupt others, wait for an interrupt, jump away) it leaves
to a routine here: it sets CS:IP to the routine, whose first instruction then is executed as part
of the service instead of the stub's IRET.
"""

from __future__ import annotations

from blink16.cpu.registers import Cell
from blink16.memory import ADDRESS_MASK, PAGE_SHIFT, PageState, linear
from blink16.services import Chassis, Guest

SEGMENT = 0xF000
CODE_OFFSET = 0x2000
"""Routines lie from here on; the stubs of `Chassis.add_stub` never come so far."""
CODE_END = 0xA000
EMPTY_BEGIN = 0xC0000
"""Where adapters' ROMs may be; what no ROM fills reads as FFh."""
ROM_BEGIN = 0xF0000

# instructions
STI, CLI, HLT, IRET, NOP = b"\xfb", b"\xfa", b"\xf4", b"\xcf", b"\x90"
EOI = b"\xb0\x20\xe6\x20"  # mov al, 20h; out 20h, al
PUSH_AX, POP_AX, PUSH_DX, POP_DX, PUSH_DS, POP_DS = (
    b"\x50",
    b"\x58",
    b"\x52",
    b"\x5a",
    b"\x1e",
    b"\x1f",
)


def interrupt(vector: int) -> bytes:
    """Int vector."""
    return bytes((0xCD, vector))


def _far(opcode: int, segment: int, offset: int) -> bytes:
    return bytes((opcode,)) + offset.to_bytes(2, "little") + segment.to_bytes(2, "little")


JUMP_SIZE = 3


def _near(distance: int) -> bytes:
    return b"\xe9" + (distance & 0xFFFF).to_bytes(2, "little")


def jump(segment: int, offset: int) -> bytes:
    """Jmp far segment:offset."""
    return _far(0xEA, segment, offset)


def call(segment: int, offset: int) -> bytes:
    """Call far segment:offset."""
    return _far(0x9A, segment, offset)


_CS, _IP = int(Cell.CS), int(Cell.IP)


def goto(guest: Guest, offset: int) -> None:
    """Let a routine in ROM go on where the service ends."""
    cells = guest.registers.cells  # quicker than by name, for a character's sake
    cells[_CS], cells[_IP] = SEGMENT, offset


class Rom:
    """Puts routines into the BIOS ROM."""

    def __init__(self, chassis: Chassis) -> None:
        self._chassis = chassis
        self._next = CODE_OFFSET

    def add(self, code: bytes, name: str = "") -> int:
        """Put a routine there and return its offset.  ``name``: what debuggers call it."""
        offset = self._next
        if name:
            self._chassis.name_code(linear(SEGMENT, offset), len(code), name)
        self._next += len(code)
        if self._next > CODE_END:
            raise ValueError("the BIOS ROM is full")
        self._chassis.memory.write(linear(SEGMENT, offset), code)
        return offset

    def hang(self, vector: int, code: bytes) -> None:
        """Put a handler there, and let a vector point at it by way of a stub with its name."""
        segment, stub = self._chassis.add_stub(f"int{vector:02x}")
        self._put_before(stub, self.add(code, f"int{vector:02x}_rom"))
        self._chassis.set_vector(vector, segment, stub)

    def precede(self, vector: int, code: bytes) -> int:
        """Let code do what it can of a vector's service, which follows where the code ends.

        The vector then points at the code, and the service's stub lies behind it.  Returns the
        code's offset.
        """
        memory = self._chassis.memory
        stub = memory.read_word(vector * 4)
        segment, front = self._chassis.add_stub(f"int{vector:02x}")
        end = self._next + len(code) + JUMP_SIZE
        routine = self.add(code + _near(stub - end), f"int{vector:02x}_rom")
        self._put_before(front, routine)
        self._chassis.set_vector(vector, segment, front)
        return routine

    def _put_before(self, stub: int, routine: int) -> None:
        self._chassis.memory.write(linear(SEGMENT, stub), _near(routine - stub - JUMP_SIZE))

    def protect(self) -> None:
        """Make the upper 256 KiB read-only to the guest."""
        pages = self._chassis.memory.pages
        for page in range(EMPTY_BEGIN >> PAGE_SHIFT, (ADDRESS_MASK >> PAGE_SHIFT) + 1):
            pages[page] |= PageState.ROM
