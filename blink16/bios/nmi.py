"""INT 02h, the non-maskable interrupt: an error of memory or of a card ends the system.

An AT's INT 75h, by which an 80287 interrupts, ends in it, for programs made for a PC.
Sources: IBM PC/XT Technical Reference, BIOS listing of NMI_INT; IBM PC/AT Technical Reference, BIOS
listing of INT_287.
"""

from __future__ import annotations

from dataclasses import dataclass

from blink16.bios.data_area import DataArea
from blink16.bios.int10 import CHANNEL
from blink16.bios.rom import CLI, EOI, HLT, IRET, POP_AX, PUSH_AX, Rom, goto, interrupt
from blink16.bios.video import GuestScreen, is_mode, set_mode
from blink16.bus import Bus
from blink16.devices.nmi import CLEAR_CHANNEL, CLEAR_MEMORY, ERRORS, MASK_PORT, MEMORY_ERROR
from blink16.devices.port_b import AT_CLEAR_CHANNEL, AT_CLEAR_MEMORY, PORT_B
from blink16.devices.ppi import PORT_C
from blink16.devices.rtc import INDEX_PORT, MASK_BIT
from blink16.services import DONE, Guest, Outcome

MEMORY_TEXT, CHANNEL_TEXT = b"PARITY CHECK 1\r\n", b"PARITY CHECK 2\r\n"


@dataclass(frozen=True, slots=True)
class Board:
    """Where a board shows errors, how they are cleared at port 61h, and what masks the NMI."""

    errors: int
    clear: int
    mask: tuple[int, int]


XT_BOARD = Board(PORT_C, CLEAR_MEMORY | CLEAR_CHANNEL, (MASK_PORT, 0))
AT_BOARD = Board(PORT_B, AT_CLEAR_MEMORY | AT_CLEAR_CHANNEL, (INDEX_PORT, MASK_BIT))
COPROCESSOR_VECTOR, NMI_VECTOR = 0x75, 0x02
CLEAR_COPROCESSOR = b"\x30\xc0\xe6\xf0"  # xor al, al; out F0h, al
SLAVE_EOI = b"\xb0\x20\xe6\xa0"  # mov al, 20h; out A0h, al
COPROCESSOR_INTERRUPT = (
    PUSH_AX + CLEAR_COPROCESSOR + SLAVE_EOI + EOI + POP_AX + interrupt(NMI_VECTOR) + IRET
)
AGAIN = b"\xeb\xfc"  # jmp to the CLI


class ParityCheck:
    """INT 02h."""

    def __init__(self, bus: Bus, board: Board = XT_BOARD) -> None:
        self._bus = bus
        self._board = board
        self._end = 0

    def install(self, rom: Rom) -> None:
        """Put into ROM where it ends."""
        self._end = rom.add(CLI + HLT + AGAIN)

    def __call__(self, guest: Guest) -> Outcome:
        """Tell which error it is and halt for good; without one (INT 02h) do nothing."""
        errors = self._bus.read(self._board.errors) & ERRORS
        if not errors:
            return DONE
        text = MEMORY_TEXT if errors & MEMORY_ERROR else CHANNEL_TEXT
        self._show(guest, text)
        self._bus.write(*self._board.mask)
        control = self._bus.read(PORT_B)
        self._bus.write(PORT_B, control | self._board.clear)
        self._bus.write(PORT_B, control & ~self._board.clear)
        guest.notice(f"non-maskable interrupt: the BIOS says {text.decode().strip()} and halts")
        goto(guest, self._end)
        return DONE

    def _show(self, guest: Guest, text: bytes) -> None:
        mode = DataArea(guest.memory).video_mode
        if is_mode(mode):
            set_mode(guest.memory, self._bus, mode)
        screen = GuestScreen(guest.memory, self._bus)
        for code in text:
            screen.teletype(screen.area.page, code)
        guest.output(CHANNEL, text)
