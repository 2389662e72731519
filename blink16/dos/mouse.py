"""INT 33h: a mouse of two buttons, whose events come from a terminal's mouse.

Coordinates are those of a picture of 640x200 dots, 8x8 to a character.
Source: Microsoft Mouse Programmer's Reference (1989).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from construct import ConstructError, Int8ul, Int16ul, Struct

from blink16.bios.data_area import DataArea
from blink16.bios.rom import SEGMENT, Rom, jump
from blink16.bios.video import GuestScreen
from blink16.bus import Bus
from blink16.dos.interrupts import SAVED_SIZE, load_registers, push_frame, save_registers
from blink16.services import DONE, Chassis, Guest, Outcome

VECTOR, IRQ_VECTOR, IRQ = 0x33, 0x0D, 5
PIC_COMMAND, PIC_MASK, EOI = 0x20, 0x21, 0x20
BUTTONS = 2
INSTALLED = 0xFFFF
WIDTH, HEIGHT = 640, 200
CELL = 8
VERSION, TYPE_AND_IRQ = 0x0626, 0x0400 | IRQ
TEXT_MASKS = (0x77FF, 0x7700)
MICKEYS = (8, 16)
"""For eight dots across and down."""
MOVED = 0x01
STATE_SIZE = 64
HEIGHTS = {0x0F: 350, 0x10: 350, 0x11: 480, 0x12: 480}
"""Dots down in the graphics modes that have not 200; text modes have eight a row."""

EVENT = Struct("buttons" / Int8ul, "x" / Int16ul, "y" / Int16ul)
"""What the channel takes: buttons that are down (bit 0 the left), and where, in dots; with
`RELATIVE` among the buttons, how far right and down it has moved, signed, in mickeys."""
RELATIVE = 0x80


def moved(dx: int, dy: int, buttons: int = 0) -> bytes:
    """Return the event of a movement right and down, in mickeys of 16 bits with their sign."""
    event = {"buttons": buttons & 3 | RELATIVE, "x": dx & 0xFFFF, "y": dy & 0xFFFF}
    raw: bytes = EVENT.build(event)
    return raw


def put(x: int, y: int, buttons: int = 0) -> bytes:
    """Return the event of being at a place, in dots."""
    raw: bytes = EVENT.build({"buttons": buttons & 3, "x": x, "y": y})
    return raw


class MouseState(NamedTuple):
    """Everything that the driver remembers."""

    used: bool = False
    """Whether a program has asked for a mouse."""
    hidden: int = 1
    """How often it was hidden; shown at 0."""
    x: int = WIDTH // 2
    y: int = HEIGHT // 2
    buttons: int = 0
    left: int = 0
    right: int = WIDTH - 1
    top: int = 0
    bottom: int = HEIGHT - 1
    presses: tuple[tuple[int, int, int], ...] = ((0, 0, 0),) * BUTTONS
    """By button: how often, and where last, since somebody asked."""
    releases: tuple[tuple[int, int, int], ...] = ((0, 0, 0),) * BUTTONS
    moved_x: int = 0
    moved_y: int = 0
    """In mickeys, since somebody asked."""
    ratio: tuple[int, int] = MICKEYS
    rest: tuple[int, int] = (0, 0)
    """Mickeys, eight times, that made no dot yet."""
    masks: tuple[int, int] = TEXT_MASKS
    cell: int = -1
    """The linear address of the character under the cursor; -1: it isn't on the screen."""
    under: int = 0
    """That character and its attribute."""
    mask: int = 0
    segment: int = 0
    offset: int = 0
    """The program's handler, and for which events it is called."""
    pending: int = 0
    """Events that it has not been called for yet."""
    calling: bool = False


class Mouse:
    """The driver.  A component that takes events (`EVENT`)."""

    CHANNEL = "mouse"

    def __init__(self, guest: Guest, bus: Bus, ask: Any) -> None:
        """``ask``: raises or lowers the mouse's interrupt line."""
        self._guest = guest
        self._bus = bus
        self._ask = ask
        self._done = (0, 0)
        self.state = MouseState()

    def install(self, chassis: Chassis, rom: Rom) -> None:
        """Hang INT 33h and the interrupt by which handlers are called.

        Programs that find an IRET at the handler believe that nobody is there.
        """
        entry = rom.add(jump(*chassis.add_stub("int33", self)))
        chassis.set_vector(VECTOR, SEGMENT, entry)
        chassis.hang_service(IRQ_VECTOR, self._interrupt)
        self._done = chassis.add_stub("mouse-done", self._returned)

    @property
    def is_used(self) -> bool:
        """Whether a program has asked for a mouse."""
        return self.state.used

    def save(self) -> MouseState:
        """Return the state."""
        return self.state

    def restore(self, state: Any) -> None:
        """Take the state of a `save`."""
        self.state = MouseState(*state)

    def _change(self, **fields: Any) -> None:
        self.state = self.state._replace(**fields)

    # -- events ------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take events; nonsense has no effect."""
        for at in range(0, len(data), EVENT.sizeof()):
            try:
                event = EVENT.parse(data[at:])
            except ConstructError:
                return
            buttons = event.buttons & 3
            if event.buttons & RELATIVE:
                self._move(buttons, _signed(event.x), _signed(event.y))
            else:
                s, (across, down) = self.state, self.state.ratio
                x, y = self._within(event.x, event.y)
                mickeys = (x - s.x) * across // CELL, (y - s.y) * down // CELL
                self._event(buttons, x, y, mickeys)

    def _within(self, x: int, y: int) -> tuple[int, int]:
        """Return the place nearest to another where the program lets the mouse be."""
        s = self.state
        return min(max(x, s.left), s.right), min(max(y, s.top), s.bottom)

    def _move(self, buttons: int, dx: int, dy: int) -> None:
        """Take a movement in mickeys; what makes no whole dot counts with the next."""
        s = self.state
        (x, rest_x), (y, rest_y) = (
            divmod(CELL * distance + rest, ratio)
            for distance, rest, ratio in zip((dx, dy), s.rest, s.ratio, strict=True)
        )
        self._change(rest=(rest_x, rest_y))
        self._event(buttons, *self._within(s.x + x, s.y + y), (dx, dy))

    def _event(self, buttons: int, x: int, y: int, mickeys: tuple[int, int]) -> None:
        s = self.state
        happened = MOVED if (x, y) != (s.x, s.y) else 0
        presses, releases = list(s.presses), list(s.releases)
        for button in range(BUTTONS):
            was, is_ = s.buttons >> button & 1, buttons >> button & 1
            if was != is_:
                happened |= (2 if is_ else 4) << 2 * button
                there = presses if is_ else releases
                there[button] = ((there[button][0] + 1) & 0x7FFF, x, y)
        self._change(
            x=x,
            y=y,
            buttons=buttons,
            presses=tuple(presses),
            releases=tuple(releases),
            moved_x=s.moved_x + mickeys[0],
            moved_y=s.moved_y + mickeys[1],
            pending=s.pending | happened & s.mask,
        )
        self._draw()
        if self.state.pending:
            self._ask(True)

    # -- the cursor --------------------------------------------------------------------------

    def _draw(self) -> None:
        """Take the cursor from the screen, and put it where it is now, in text modes."""
        memory, s = self._guest.memory, self.state
        if s.cell >= 0:
            if memory.read_word(s.cell) == self._inverted(s.under):  # else it was overwritten
                memory.write_word(s.cell, s.under)
            self._change(cell=-1)
        area, screen = DataArea(memory), GuestScreen(memory, self._bus)
        if s.hidden or screen.graphics:
            return
        column = min(s.x // (WIDTH // max(1, screen.columns)), screen.columns - 1)
        cell = screen.address(area.page, s.y // CELL, column)
        under = memory.read_word(cell)
        memory.write_word(cell, self._inverted(under))
        self._change(cell=cell, under=under)

    def _inverted(self, word: int) -> int:
        keep, flip = self.state.masks
        return word & keep ^ flip

    # -- the program's handler ---------------------------------------------------------------

    def _interrupt(self, guest: Guest) -> Outcome:
        """Call the program's handler for what has happened."""
        self._ask(False)
        self._bus.write(PIC_COMMAND, EOI)
        s, r = self.state, guest.registers
        if not s.pending or s.calling or not (s.segment or s.offset):
            self._change(pending=0)
            return DONE
        r.sp -= SAVED_SIZE
        save_registers(guest, r.ss, r.sp)
        r.sp -= 4
        back = guest.linear(r.ss, r.sp)
        guest.memory.write_word(back, self._done[1])
        guest.memory.write_word(back + 2, self._done[0])
        r.ax, r.bx, r.cx, r.dx = s.pending, s.buttons, s.x, s.y
        r.si, r.di = s.moved_x, s.moved_y
        self._change(pending=0, calling=True)
        push_frame(guest, s.segment, s.offset)
        return DONE

    def _returned(self, guest: Guest) -> Outcome:
        """Go on with what the handler interrupted."""
        r = guest.registers
        load_registers(guest, r.ss, r.sp)
        r.sp += SAVED_SIZE
        self._change(calling=False)
        if self.state.pending:
            self._ask(True)
        return DONE

    # -- INT 33h -----------------------------------------------------------------------------

    def __call__(self, guest: Guest) -> Outcome:
        """Do the function in AX."""
        r, s = guest.registers, self.state
        match r.ax:
            case 0x00 | 0x21:
                height = self._height()
                self.state = MouseState(
                    used=True, cell=s.cell, under=s.under, y=height // 2, bottom=height - 1
                )
                self._draw()
                r.ax, r.bx = INSTALLED, BUTTONS
            case 0x01:
                self._change(hidden=max(0, s.hidden - 1))
                self._draw()
            case 0x02:
                self._change(hidden=s.hidden + 1)
                self._draw()
            case 0x03:
                r.bx, r.cx, r.dx = s.buttons, s.x, s.y
            case 0x04:
                x, y = self._within(r.cx, r.dx)
                self._change(x=x, y=y)
                self._draw()
            case 0x05 | 0x06:
                self._tell_button(guest, pressed=r.ax == 0x05)
            case 0x07:
                low, high = sorted((r.cx, r.dx))
                self._change(left=low, right=high, x=min(max(s.x, low), high))
            case 0x08:
                low, high = sorted((r.cx, r.dx))
                self._change(top=low, bottom=high, y=min(max(s.y, low), high))
            case 0x0A if r.bx == 0:
                self._change(masks=(r.cx, r.dx))
                self._draw()
            case 0x0B:
                r.cx, r.dx = s.moved_x & 0xFFFF, s.moved_y & 0xFFFF
                self._change(moved_x=0, moved_y=0)
            case 0x0C:
                self._handle(r.cx, r.es, r.dx)
            case 0x0F if r.cx and r.dx:
                self._change(ratio=(r.cx, r.dx), rest=(0, 0))
            case 0x14:
                before = s.mask, s.segment, s.offset
                self._handle(r.cx, r.es, r.dx)
                r.cx, r.es, r.dx = before
            case 0x15:
                r.bx = STATE_SIZE
            case 0x1B:
                r.bx = r.cx = r.dx = 50
            case 0x1E:
                r.bx = 0
            case 0x24:
                r.bx, r.cx = VERSION, TYPE_AND_IRQ
            case _:
                pass  # sensitivity, graphic cursors, pages: nothing that shows on a terminal
        return DONE

    def _height(self) -> int:
        """Return the dots down of the screen's mode."""
        screen = GuestScreen(self._guest.memory, self._bus)
        return HEIGHTS.get(screen.mode, HEIGHT if screen.graphics else screen.rows * CELL)

    def _handle(self, mask: int, segment: int, offset: int) -> None:
        self._change(mask=mask, segment=segment, offset=offset)
        self._bus.write(PIC_MASK, self._bus.read(PIC_MASK) & ~(1 << IRQ))

    def _tell_button(self, guest: Guest, *, pressed: bool) -> None:
        r, s = guest.registers, self.state
        button = r.bx if r.bx < BUTTONS else 0
        counts = list(s.presses if pressed else s.releases)
        r.ax = s.buttons
        r.bx, r.cx, r.dx = counts[button]
        counts[button] = (0, r.cx, r.dx)
        self._change(**{"presses" if pressed else "releases": tuple(counts)})


def _signed(word: int) -> int:
    return (word ^ 0x8000) - 0x8000
