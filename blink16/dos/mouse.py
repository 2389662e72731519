"""INT 33h: a mouse of two buttons, whose events come from a terminal's mouse.

Coordinates are those of a picture of 640x200 dots, 8x8 to a character.
Source: Microsoft Mouse Programmer's Reference (1989).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from construct import Bytes, ConstructError, Int8ul, Int16sl, Int16ul, Struct

from blink16.bios.rom import SEGMENT, Rom, jump
from blink16.bios.video import GuestScreen
from blink16.bus import Bus
from blink16.dos.interrupts import SAVED_SIZE, load_registers, push_frame, save_registers
from blink16.dos.mouse_cursor import ARROW, SHAPE_SIZE, Shown, show_cell, show_dots, take_back
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
MAX_HIDDEN = 0xFFFF
NOWHERE = (1, 1, 0, 0)
HEIGHTS = {0x0F: 350, 0x10: 350, 0x11: 480, 0x12: 480}
"""Dots down in the graphics modes that have not 200; text modes have eight a row."""

EVENT = Struct("buttons" / Int8ul, "x" / Int16ul, "y" / Int16ul)
"""What the channel takes: buttons that are down (bit 0 the left), and where, in dots; with
`RELATIVE` among the buttons, how far right and down it has moved, signed, in mickeys."""
RELATIVE = 0x80
SAVED = Struct(
    "hidden" / Int16ul,
    "place" / Int16ul[2],
    "bounds" / Int16ul[4],
    "ratio" / Int16ul[2],
    "masks" / Int16ul[2],
    "spot" / Int16sl[2],
    "sensitivity" / Int16ul[3],
    "handler" / Int16ul[3],
    "shape" / Bytes(SHAPE_SIZE),
)
"""What programs keep of the driver while another one has the mouse (functions 16h and 17h)."""


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
    """Of the cursor in text modes."""
    shape: bytes = ARROW
    """Of the cursor in modes of dots (`mouse_cursor.MASKS`)."""
    spot: tuple[int, int] = (0, 0)
    """How far right and down in it the place lies that it points at."""
    shown: Shown | None = None
    """The cursor on the screen."""
    spared: tuple[int, int, int, int] = NOWHERE
    """Where it isn't shown until it is asked for again: left, top, right and bottom."""
    sensitivity: tuple[int, int, int] = (50, 50, 50)
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
        self._told: set[int] = set()
        """Functions of which the user was told that they aren't here."""
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
        kept = MouseState(*state)
        self.state = kept._replace(shown=kept.shown and Shown(*kept.shown))

    def _change(self, **fields: Any) -> None:
        self.state = self.state._replace(**fields)

    # -- events ------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take events; nonsense has no effect.  The cursor is drawn once, behind them all."""
        for at in range(0, len(data), EVENT.sizeof()):
            try:
                event = EVENT.parse(data[at:])
            except ConstructError:
                break
            self._take(event.buttons, event.x, event.y)
        self._draw()

    def _take(self, buttons: int, x: int, y: int) -> None:
        """Take an event."""
        if buttons & RELATIVE:
            self._move(buttons & 3, _signed(x), _signed(y))
            return
        s, (across, down) = self.state, self.state.ratio
        x, y = self._within(x, y)
        mickeys = (x - s.x) * across // CELL, (y - s.y) * down // CELL
        self._event(buttons & 3, x, y, mickeys)

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
        if self.state.pending:
            self._ask(True)

    # -- the cursor --------------------------------------------------------------------------

    def _draw(self) -> None:
        """Take the cursor from the screen, and put it where it is now."""
        memory, s = self._guest.memory, self.state
        screen = GuestScreen(memory, self._bus)
        if s.shown is not None:
            take_back(memory, screen, s.shown)
        shown = None
        if not s.hidden and not self._is_spared():
            if screen.graphics:
                shown = show_dots(screen, s.shape, s.x - s.spot[0], s.y - s.spot[1])
            else:
                column = min(s.x // (WIDTH // max(1, screen.columns)), screen.columns - 1)
                cell = screen.address(screen.page, s.y // CELL, column)
                shown = show_cell(memory, screen.mode, cell, s.masks)
        self._change(shown=shown)

    def _is_spared(self) -> bool:
        s = self.state
        left, top, right, bottom = s.spared
        return left <= s.x <= right and top <= s.y <= bottom

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
        number = guest.registers.ax
        function = _FUNCTIONS.get(number)
        if function is not None:
            function(self, guest)
        elif number not in _WITHOUT_EFFECT and number not in self._told:
            self._told.add(number)
            guest.notice(f"INT 33h/{number:04X}h is a mouse call that is not here")
        return DONE

    def _reset(self, guest: Guest) -> None:
        """00h, 21h: begin anew, hidden and in the midst; AX and BX say what there is."""
        height = self._height()
        self.state = MouseState(used=True, shown=self.state.shown, y=height // 2, bottom=height - 1)
        self._draw()
        guest.registers.ax, guest.registers.bx = INSTALLED, BUTTONS

    def _show(self, guest: Guest) -> None:
        """01h: show the cursor, unless it was hidden more often."""
        self._change(hidden=max(0, self.state.hidden - 1), spared=NOWHERE)
        self._draw()

    def _hide(self, guest: Guest) -> None:
        """02h: hide it."""
        self._change(hidden=min(self.state.hidden + 1, MAX_HIDDEN))
        self._draw()

    def _tell(self, guest: Guest) -> None:
        """03h: buttons in BX, the place in CX and DX."""
        r, s = guest.registers, self.state
        r.bx, r.cx, r.dx = s.buttons, s.x, s.y

    def _put(self, guest: Guest) -> None:
        """04h: be at CX and DX."""
        x, y = self._within(guest.registers.cx, guest.registers.dx)
        self._change(x=x, y=y)
        self._draw()

    def _tell_presses(self, guest: Guest) -> None:
        """05h: how often button BX was pressed since the last time, and where last."""
        self._tell_button(guest, "presses", self.state.presses)

    def _tell_releases(self, guest: Guest) -> None:
        """06h: the same of its releases."""
        self._tell_button(guest, "releases", self.state.releases)

    def _tell_button(
        self, guest: Guest, which: str, told: tuple[tuple[int, int, int], ...]
    ) -> None:
        r, counts = guest.registers, list(told)
        button = r.bx if r.bx < BUTTONS else 0
        r.ax = self.state.buttons
        r.bx, r.cx, r.dx = counts[button]
        counts[button] = (0, r.cx, r.dx)
        self._change(**{which: tuple(counts)})

    def _bound_across(self, guest: Guest) -> None:
        """07h: stay from CX to DX."""
        left, right = sorted((guest.registers.cx, guest.registers.dx))
        self._change(left=left, right=right, x=min(max(self.state.x, left), right))

    def _bound_down(self, guest: Guest) -> None:
        """08h: stay from CX to DX, down."""
        top, bottom = sorted((guest.registers.cx, guest.registers.dx))
        self._change(top=top, bottom=bottom, y=min(max(self.state.y, top), bottom))

    def _set_shape(self, guest: Guest) -> None:
        """09h: the cursor of dots is the shape at ES:DX, and points with its dot BX, CX."""
        r = guest.registers
        shape = guest.memory.read(guest.linear(r.es, r.dx), SHAPE_SIZE)
        self._change(shape=shape, spot=(_signed(r.bx), _signed(r.cx)))
        self._draw()

    def _set_masks(self, guest: Guest) -> None:
        """0Ah: in text, AND the character with CX and XOR it with DX; of a 6845's cursor: no."""
        r = guest.registers
        if r.bx == 0:
            self._change(masks=(r.cx, r.dx))
            self._draw()

    def _tell_motion(self, guest: Guest) -> None:
        """0Bh: mickeys since the last time, right and down."""
        r, s = guest.registers, self.state
        r.cx, r.dx = s.moved_x & 0xFFFF, s.moved_y & 0xFFFF
        self._change(moved_x=0, moved_y=0)

    def _set_handler(self, guest: Guest) -> None:
        """0Ch: call ES:DX for the events in CX."""
        r = guest.registers
        self._handle(r.cx, r.es, r.dx)

    def _set_ratio(self, guest: Guest) -> None:
        """0Fh: CX and DX mickeys make eight dots."""
        r = guest.registers
        if r.cx and r.dx:
            self._change(ratio=(r.cx, r.dx), rest=(0, 0))

    def _spare(self, guest: Guest) -> None:
        """10h: don't show the cursor from CX, DX to SI, DI, until 01h."""
        r = guest.registers
        self._change(spared=(r.cx, r.dx, r.si, r.di))
        self._draw()

    def _swap_handler(self, guest: Guest) -> None:
        """14h: as 0Ch; the handler before in CX and ES:DX."""
        r, s = guest.registers, self.state
        before = s.mask, s.segment, s.offset
        self._handle(r.cx, r.es, r.dx)
        r.cx, r.es, r.dx = before

    def _tell_size(self, guest: Guest) -> None:
        """15h: how many bytes 16h stores."""
        guest.registers.bx = SAVED.sizeof()

    def _save(self, guest: Guest) -> None:
        """16h: store what a program may want back at ES:DX."""
        r, s = guest.registers, self.state
        kept = {
            "hidden": s.hidden,
            "place": (s.x, s.y),
            "bounds": (s.left, s.right, s.top, s.bottom),
            "handler": (s.mask, s.segment, s.offset),
            **{name: getattr(s, name) for name in _KEPT_AS_IT_IS},
        }
        guest.memory.write(guest.linear(r.es, r.dx), SAVED.build(kept))

    def _restore(self, guest: Guest) -> None:
        """17h: take it back from there; what it can't have been stays."""
        r = guest.registers
        kept = SAVED.parse(guest.memory.read(guest.linear(r.es, r.dx), SAVED.sizeof()))
        left, right, top, bottom = kept.bounds
        if not all(kept.ratio) or left > right or top > bottom:
            return
        self._change(
            **{name: _plain(kept[name]) for name in _KEPT_AS_IT_IS},
            hidden=min(kept.hidden, MAX_HIDDEN),
            **dict(zip(("left", "right", "top", "bottom"), kept.bounds, strict=True)),
            rest=(0, 0),
        )
        x, y = self._within(*kept.place)
        self._change(x=x, y=y)
        self._handle(*kept.handler)
        self._draw()

    def _set_sensitivity(self, guest: Guest) -> None:
        """1Ah: how quick it is, which we leave to the host; it is told again."""
        r = guest.registers
        self._change(sensitivity=(r.bx, r.cx, r.dx))

    def _tell_sensitivity(self, guest: Guest) -> None:
        """1Bh: what 1Ah has set."""
        r = guest.registers
        r.bx, r.cx, r.dx = self.state.sensitivity

    def _tell_page(self, guest: Guest) -> None:
        """1Eh: on which page it is shown."""
        guest.registers.bx = 0

    def _tell_driver(self, guest: Guest) -> None:
        """24h: the version in BX, kind and interrupt in CX."""
        guest.registers.bx, guest.registers.cx = VERSION, TYPE_AND_IRQ

    def _tell_bounds(self, guest: Guest) -> None:
        """26h: whether the driver is off, and the greatest coordinates of this mode."""
        r = guest.registers
        r.bx, r.cx, r.dx = 0, WIDTH - 1, self._height() - 1

    def _height(self) -> int:
        """Return the dots down of the screen's mode."""
        screen = GuestScreen(self._guest.memory, self._bus)
        return HEIGHTS.get(screen.mode, HEIGHT if screen.graphics else screen.rows * CELL)

    def _handle(self, mask: int, segment: int, offset: int) -> None:
        self._change(mask=mask, segment=segment, offset=offset)
        self._bus.write(PIC_MASK, self._bus.read(PIC_MASK) & ~(1 << IRQ))


_KEPT_AS_IT_IS = ("ratio", "masks", "spot", "sensitivity", "shape")
_FUNCTIONS = {
    0x00: Mouse._reset,
    0x01: Mouse._show,
    0x02: Mouse._hide,
    0x03: Mouse._tell,
    0x04: Mouse._put,
    0x05: Mouse._tell_presses,
    0x06: Mouse._tell_releases,
    0x07: Mouse._bound_across,
    0x08: Mouse._bound_down,
    0x09: Mouse._set_shape,
    0x0A: Mouse._set_masks,
    0x0B: Mouse._tell_motion,
    0x0C: Mouse._set_handler,
    0x0F: Mouse._set_ratio,
    0x10: Mouse._spare,
    0x14: Mouse._swap_handler,
    0x15: Mouse._tell_size,
    0x16: Mouse._save,
    0x17: Mouse._restore,
    0x1A: Mouse._set_sensitivity,
    0x1B: Mouse._tell_sensitivity,
    0x1E: Mouse._tell_page,
    0x21: Mouse._reset,
    0x24: Mouse._tell_driver,
    0x26: Mouse._tell_bounds,
}
"""By AX."""
_WITHOUT_EFFECT = frozenset({0x0D, 0x0E, 0x13, 0x1C, 0x1D, 0x20})
"""A light pen's, how quick it is from which speed on, interrupts a second, its page, on again."""


def _plain(value: bytes | list[int]) -> bytes | tuple[int, ...]:
    return value if isinstance(value, bytes) else tuple(value)


def _signed(word: int) -> int:
    return (word ^ 0x8000) - 0x8000
