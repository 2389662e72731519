"""What DOS shows or prints while a program hooks INT 29h, 10h or 17h: each character goes there.

DOS' CON device shows a character by INT 29h, whose handler calls INT 10h/0Eh; PRN prints by INT
17h.  A call that shows something keeps it in the state while a vector is not our own
(`write_device`); once the call is done, a routine in ROM hands on one character after the other,
and then the call returns.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from blink16.bios.rom import IRET, POP_AX, PUSH_AX, SEGMENT, Rom, goto, interrupt, jump
from blink16.services import DONE, Chassis, Done, Guest, Outcome

if TYPE_CHECKING:
    from blink16.dos.system import DosSystem

VIDEO_VECTOR, FAST_OUTPUT_VECTOR, PRINTER_VECTOR = 0x10, 0x29, 0x17
MAX_NESTED = 8
"""Hooks that print by DOS while they are asked to show a character; beyond, nobody is asked."""
_TELETYPE = (
    PUSH_AX
    + b"\x53"  # push bx
    + b"\xb4\x0e\xbb\x07\x00"  # mov ah, 0Eh; mov bx, 7
    + interrupt(VIDEO_VECTOR)
    + b"\x5b"  # pop bx
    + POP_AX
    + IRET
)
FAST_OUTPUT = b"\x3c\x09\x74" + bytes((len(_TELETYPE),)) + _TELETYPE  # cmp al, 9; je
"""INT 29h: INT 10h/0Eh, but for a tab, which the service behind it shows."""
_PRINT = (
    PUSH_AX
    + b"\x52"  # push dx
    + b"\xb4\x00\xba\x00\x00"  # mov ah, 0; mov dx, 0
    + interrupt(PRINTER_VECTOR)
    + b"\x5a"  # pop dx
    + POP_AX
)


class Showing(NamedTuple):
    """A call whose characters are being shown."""

    rest: bytes
    registers: tuple[int, ...]
    """`_KEPT`, with which the call ends."""
    routine: int
    """What shows the character in AL: an offset in ROM."""
    psp: int
    """Whose call it is."""


class OutputHooks:
    """Our own vectors, by which hooks are known, and the routines that call hooks."""

    def __init__(self, chassis: Chassis, dos: DosSystem, rom: Rom) -> None:
        """To be made once the vectors are our own."""
        self._dos = dos
        _, shown = chassis.add_stub("int29-done", partial(_next, dos))
        show = interrupt(FAST_OUTPUT_VECTOR) + jump(SEGMENT, shown)
        self.show, self.show_error = rom.add(show), rom.add(show)
        """Alike; by which of them is under way it is known where a character leads in the end."""
        self.print = rom.add(_PRINT + jump(SEGMENT, shown))
        self.teletype = rom.add(_TELETYPE)
        self._own = _vector(chassis, _VIDEO), _vector(chassis, _FAST_OUTPUT)
        self._printer = _vector(chassis, _PRINTER)

    @property
    def is_showing_error(self) -> bool:
        """Whether hooks are being asked to show what goes to standard error."""
        showing = self._dos.state.showing
        return bool(showing) and showing[-1].routine == self.show_error

    def is_hooked(self, guest: Guest) -> bool:
        """Whether a program wants to see what is shown."""
        arena, (video, fast_output) = guest.memory.arena, self._own  # whose slices are bytes
        return arena[_VIDEO] != video or arena[_FAST_OUTPUT] != fast_output

    def printer_is_hooked(self, guest: Guest) -> bool:
        """Whether a program wants to see what is printed."""
        return guest.memory.arena[_PRINTER] != self._printer

    def video_is_hooked(self, guest: Guest) -> bool:
        """Whether INT 10h is a program's."""
        return guest.memory.arena[_VIDEO] != self._own[0]


def divert(dos: DosSystem, guest: Guest, outcome: Outcome) -> Outcome:
    """Let the hooks show what a call has kept for them, before it returns."""
    if not isinstance(outcome, Done):  # it waits, or another program goes on: later
        return outcome
    registers = tuple(getattr(guest.registers, name) for name in _KEPT)
    showing = Showing(dos.state.kept, registers, dos.state.kept_for, dos.state.psp)
    dos.change(kept=b"", showing=(*dos.state.showing, showing))
    return _next(dos, guest)


def _next(dos: DosSystem, guest: Guest) -> Outcome:
    """Hand on a character, or end the call."""
    *outer, showing = dos.state.showing or (Showing(b"", (), 0, 0),)
    if showing.rest:
        dos.change(showing=(*outer, showing._replace(rest=showing.rest[1:])))
        guest.registers.al = showing.rest[0]
        goto(guest, showing.routine)
    else:
        dos.change(showing=tuple(outer))
        for name, value in zip(_KEPT, showing.registers, strict=False):
            setattr(guest.registers, name, value)
    return DONE


def _vector(guest: Guest, place: slice) -> bytes:
    return bytes(guest.memory.ram[place])


_VIDEO = slice(VIDEO_VECTOR * 4, VIDEO_VECTOR * 4 + 4)
_PRINTER = slice(PRINTER_VECTOR * 4, PRINTER_VECTOR * 4 + 4)
_FAST_OUTPUT = slice(FAST_OUTPUT_VECTOR * 4, FAST_OUTPUT_VECTOR * 4 + 4)
_KEPT = ("ax", "bx", "cx", "dx", "si", "di", "bp", "ds", "es", "ss", "sp", "cs", "ip", "flags")
