"""The 8259A programmable interrupt controller at ports 20h and 21h.

Source: Intel 8259A data sheet (231468).  The chip's 8080 mode, its cascade and the special
fully nested mode make no difference on a PC/XT, which has one 8259A and an 8088.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from enum import IntEnum
from typing import Generic, NamedTuple

from blink16.bus import Bus
from blink16.cpu.registers import Registers
from blink16.cpu.values import N, below, choose, equal
from blink16.devices import cells

COMMAND_PORT, DATA_PORT = 0x20, 0x21
LINES = 8
SLAVE_PORT, CASCADE = 0xA0, 2
"""An AT's second 8259A, and the line of the first at which it asks."""
SPURIOUS = 7
"""The level that the chip names if the request is gone when the processor asks."""

ICW1, ICW1_LEVEL, ICW1_SINGLE, ICW1_ICW4 = 0x10, 0x08, 0x02, 0x01
ICW4_AUTO_EOI = 0x02
OCW2_ROTATE, OCW2_LEVEL, OCW2_EOI = 0x80, 0x40, 0x20
"""R, SL and EOI of OCW2; its lower bits name a level."""
OCW3 = 0x08
OCW3_SET_SPECIAL_MASK, OCW3_SPECIAL_MASK, OCW3_POLL = 0x40, 0x20, 0x04
OCW3_READ, OCW3_READ_ISR = 0x02, 0x01
POLL_REQUEST = 0x80


class Expects(IntEnum):
    """What the next write to the data port is."""

    NOTHING = 0  # never initialized: the chip does nothing
    ICW2 = 2
    ICW3 = 3
    ICW4 = 4
    MASK = 5  # OCW1: initialized and at work


class PicState(NamedTuple):
    """All that an 8259A remembers.  IRR, ISR and IMR have a bit for each level."""

    irr: int = 0
    isr: int = 0
    imr: int = 0
    lines: int = 0
    """The levels of the lines IR0 to IR7."""
    expects: int = Expects.NOTHING
    icw1: int = 0
    base: int = 0
    """The vector of IR0."""
    auto_eoi: bool = False
    rotate_in_auto_eoi: bool = False
    special_mask: bool = False
    lowest: int = 7
    """The level of lowest priority; the one after it has the highest."""
    read_isr: bool = False
    poll: bool = False
    """Whether the next read is a poll."""


_IRR, _ISR, _IMR, _LINES, _EXPECTS, _ICW1, _BASE = range(7)
_AUTO_EOI, _ROTATE_IN_AUTO_EOI, _SPECIAL_MASK, _LOWEST = range(7, 11)
"""Where they are among an 8259A's cells, in which Python too works where it is often called."""
_WORKING = int(Expects.MASK)


# -- written once for the device and for native code ---------------------------------------------


def turned(levels: N, lowest: N) -> N:
    """Return levels as bits in the order of their priority, bit 0 the highest."""
    return ((levels | levels << LINES) >> (lowest + 1 & 7)) & 0xFF


def turned_back(levels: N, lowest: N) -> N:
    """Return bits in the order of priority as levels."""
    wide = levels << (lowest + 1 & 7)
    return (wide | wide >> LINES) & 0xFF


def first_of(bits: N) -> N:
    """Return the lowest bit of several alone."""
    return bits & ((bits ^ 0x1FF) + 1)


def granted(requests: N, imr: N, isr: N, special_mask: N, lowest: N) -> N:
    """Return as a bit which of the levels that ask would have the processor; 0: none."""
    heard = imr ^ 0xFF
    asking = requests & heard
    blocking = choose(equal(special_mask, 0), isr, isr & heard)
    first = first_of(turned(asking, lowest))
    blocked = first_of(turned(blocking, lowest))
    wins = below(first + 0x1FF & 0x1FF, blocked + 0x1FF & 0x1FF)  # 0 comes last
    return choose(wins, turned_back(first, lowest), first & 0)


def level_of(bit: N) -> N:
    """Return the number of the level that a bit stands for."""
    number = none = bit & 0
    for digit, levels in enumerate((0xAA, 0xCC, 0xF0)):  # those whose number has it
        number = number | choose(equal(bit & levels, 0), none, none + (1 << digit))
    return number


class Commanded(NamedTuple, Generic[N]):
    """What OCW2 may change."""

    isr: N
    lowest: N
    rotate_in_auto_eoi: N


def commanded(ocw2: N, imr: N, special_mask: N, now: Commanded[N]) -> Commanded[N]:
    """Return what a command word leaves, by its bits R, SL and EOI.

    EOI ends a level, the highest in service (but for those masked in special mask mode) or, with
    SL, one that is named; R makes it the lowest, or names it with SL alone.  R alone, or nothing at
    all, switches the rotation in automatic EOI on or off.
    """
    isr, lowest, rotate = now
    none = ocw2 & 0
    ends, names, rotates = ocw2 & OCW2_EOI, ocw2 & OCW2_LEVEL, ocw2 & OCW2_ROTATE
    blocking = choose(equal(special_mask, 0), isr, isr & (imr ^ 0xFF))
    highest = turned_back(first_of(turned(blocking, lowest)), lowest)
    bit = choose(equal(names, 0), highest, none + 1 << (ocw2 & 7))
    ended = choose(equal(ends, 0), isr, isr & (bit ^ 0xFF))
    rotated = choose(equal(bit, 0), lowest, level_of(bit))
    acts = equal(ends | names, 0)
    on = choose(equal(rotates, 0), none, none + 1)
    return Commanded(
        ended,
        choose(equal(rotates, 0), lowest, choose(acts, lowest, rotated)),
        choose(acts, on, rotate),
    )


class Controlled(NamedTuple, Generic[N]):
    """What OCW3 may change."""

    special_mask: N
    read_isr: N
    poll: N


def controlled(ocw3: N, now: Controlled[N]) -> Controlled[N]:
    """Return what a control word leaves."""
    none = ocw3 & 0

    def bit(mask: int) -> N:
        return choose(equal(ocw3 & mask, 0), none, none + 1)

    sets, reads = equal(ocw3 & OCW3_SET_SPECIAL_MASK, 0), equal(ocw3 & OCW3_READ, 0)
    return Controlled(
        choose(sets, now.special_mask, bit(OCW3_SPECIAL_MASK)),
        choose(reads, now.read_isr, bit(OCW3_READ_ISR)),
        bit(OCW3_POLL),
    )


class RequestLine:
    """An interrupt request line, for a device to hold: called with its new level."""

    def __init__(self, pic: Pic, level: int) -> None:
        self._pic = pic
        self._level = level

    def __call__(self, high: bool) -> None:
        """Set the line's level."""
        self._pic.set_line(self._level, high)

    def is_pending(self) -> bool:
        """Return whether a request waits to be taken, which goes when the line falls."""
        return self._pic.asks(self._level)

    def is_heard(self) -> bool:
        """Return whether a request now would be passed on to the processor."""
        return self._pic.hears(self._level)


class Pic:
    """An 8259A: the machine's interrupt controller (`services.InterruptController`)."""

    COMPONENT = "pic"

    def __init__(self, registers: Registers, bus: Bus, base: int = COMMAND_PORT) -> None:
        self._cells = self._new_cells(registers)
        self.slave: SlavePic | None = None
        """The chip whose request comes in on `CASCADE`, if there is one."""
        self.on_change: Callable[[], None] = lambda: None
        """Called as its state changes, but for what native code does."""
        self.state = PicState()
        self.before_reset: Callable[[], None] = lambda: None
        """Called before ICW1, which takes the lines as they are."""
        bus.attach([base], self._read_command, self._write_command, what="8259A, commands")
        bus.attach([base + 1], self._read_data, self._write_data, what="8259A, mask")

    def _new_cells(self, registers: Registers) -> memoryview:
        """Return where it keeps its state, an integer of 64 bits for each field."""
        return cells.PIC.view(registers.state)

    @property
    def state(self) -> PicState:
        """All that it remembers; native code works on it, too."""
        fields = PicState._make(self._cells)
        return fields._replace(
            expects=Expects(fields.expects),
            auto_eoi=bool(fields.auto_eoi),
            rotate_in_auto_eoi=bool(fields.rotate_in_auto_eoi),
            special_mask=bool(fields.special_mask),
            read_isr=bool(fields.read_isr),
            poll=bool(fields.poll),
        )

    @state.setter
    def state(self, state: PicState) -> None:
        self._cells[:] = array("q", state)
        self.on_change()

    def save(self) -> PicState:
        """Return the state."""
        return self.state

    def restore(self, state: PicState) -> None:
        """Take the state of a `save`."""
        self.state = state

    # -- lines -------------------------------------------------------------------------------

    def line(self, level: int) -> RequestLine:
        """Return the line IR``level`` for a device to hold."""
        return RequestLine(self, level)

    def set_line(self, level: int, high: bool) -> None:
        """Set a request line.  A request is gone when its line falls before it is taken."""
        bit = 1 << level
        c = self._cells
        if high == bool(c[_LINES] & bit):
            return
        if high:
            c[_LINES], c[_IRR] = c[_LINES] | bit, c[_IRR] | bit
        else:
            c[_LINES], c[_IRR] = c[_LINES] & ~bit, c[_IRR] & ~bit
        self.on_change()

    # -- the processor's side ----------------------------------------------------------------

    def pending(self) -> bool:
        """Return whether INT is high."""
        c = self._cells
        return bool(c[_IRR] & ~c[_IMR]) and self._request() is not None

    def acknowledge(self) -> int:
        """Return a vector, as in two INTA cycles; that of IR7 if the request is gone."""
        level = self._take()
        if level == CASCADE and self.slave is not None:
            return self.slave.acknowledge()
        base: int = self._cells[_BASE]
        return base | level

    def _take(self) -> int:
        level = self._request()
        if level is None:
            return SPURIOUS
        c, bit = self._cells, 1 << level
        if not c[_ICW1] & ICW1_LEVEL:
            c[_IRR] &= ~bit
        if not c[_AUTO_EOI]:
            c[_ISR] |= bit
        elif c[_ROTATE_IN_AUTO_EOI]:
            c[_LOWEST] = level
        self.on_change()
        return level

    def hears(self, level: int) -> bool:
        """Return whether a request of a level would be passed on, were it alone."""
        return self._granted(1 << level) is not None

    def asks(self, level: int) -> bool:
        """Return whether a request of a level waits, or each change of its line counts."""
        irr, icw1 = self._cells[_IRR], self._cells[_ICW1]
        return bool(irr >> level & 1 or icw1 & ICW1_LEVEL)

    def is_deaf(self) -> bool:
        """Return whether no request at all would be."""
        return not any(map(self.hears, range(LINES)))

    def _request(self) -> int | None:
        """Return the level that asks for the processor now."""
        return self._granted(self._cells[_IRR])

    def _granted(self, requests: int) -> int | None:
        """Return which of the levels that ask would have the processor."""
        c = self._cells
        if c[_EXPECTS] != _WORKING:
            return None
        bit = granted(requests, c[_IMR], c[_ISR], c[_SPECIAL_MASK], c[_LOWEST])
        return bit.bit_length() - 1 if bit else None

    # -- ports -------------------------------------------------------------------------------

    def _read_command(self, port: int) -> int:
        s = self.state
        if s.poll:
            return self._poll()
        return s.isr if s.read_isr else s.irr

    def _read_data(self, port: int) -> int:
        return self._poll() if self.state.poll else self.state.imr

    def _poll(self) -> int:
        """Take the request, if there is one, as INTA would."""
        self.state = self.state._replace(poll=False)
        return 0 if self._request() is None else POLL_REQUEST | self._take()

    def _write_command(self, port: int, value: int) -> None:
        if value & ICW1:
            self._initialize(value)
        elif value & OCW3:
            self._control(value)
        else:
            self._command(value)

    def _initialize(self, icw1: int) -> None:
        """ICW1: forget everything but the base; edges must come anew."""
        self.before_reset()
        s = self.state
        self.state = PicState(
            irr=s.lines if icw1 & ICW1_LEVEL else 0,
            lines=s.lines,
            expects=Expects.ICW2,
            icw1=icw1,
            base=s.base,
        )

    def _write_data(self, port: int, value: int) -> None:
        s = self.state
        match s.expects:
            case Expects.ICW2:
                self.state = s._replace(base=value & 0xF8, expects=self._after_icw2())
            case Expects.ICW3:
                self.state = s._replace(expects=self._after_icw3())
            case Expects.ICW4:
                auto_eoi = bool(value & ICW4_AUTO_EOI)
                self.state = s._replace(auto_eoi=auto_eoi, expects=Expects.MASK)
            case _:
                self.state = s._replace(imr=value)

    def _after_icw2(self) -> Expects:
        return self._after_icw3() if self.state.icw1 & ICW1_SINGLE else Expects.ICW3

    def _after_icw3(self) -> Expects:
        return Expects.ICW4 if self.state.icw1 & ICW1_ICW4 else Expects.MASK

    def _control(self, ocw3: int) -> None:
        s = self.state
        mask, isr, poll = controlled(ocw3, Controlled(s.special_mask, s.read_isr, s.poll))
        self.state = s._replace(special_mask=bool(mask), read_isr=bool(isr), poll=bool(poll))

    def _command(self, ocw2: int) -> None:
        s = self.state
        now = Commanded(s.isr, s.lowest, int(s.rotate_in_auto_eoi))
        isr, lowest, rotate = commanded(ocw2, s.imr, int(s.special_mask), now)
        self.state = s._replace(isr=isr, lowest=lowest, rotate_in_auto_eoi=bool(rotate))


class SlavePic(Pic):
    """An AT's second 8259A (`services.Component`): IRQ 8 to 15, through the first one's IRQ 2."""

    COMPONENT = "pic2"

    def __init__(self, registers: Registers, bus: Bus, master: Pic) -> None:
        self._master = master
        super().__init__(registers, bus, SLAVE_PORT)
        master.slave = self

    def _new_cells(self, registers: Registers) -> memoryview:
        return cells.PIC2.view(registers.state)

    def set_line(self, level: int, high: bool) -> None:
        """Set a request line, and what the first chip sees of it."""
        super().set_line(level, high)
        self._ask()

    def acknowledge(self) -> int:
        """Return a vector."""
        vector = super().acknowledge()
        self._ask()
        return vector

    def _poll(self) -> int:
        """Take the request, which the first chip then sees no more."""
        found = super()._poll()
        self._ask()
        return found

    def hears(self, level: int) -> bool:
        """Return whether a request of a level would be passed on by both chips."""
        return super().hears(level) and self._master.hears(CASCADE)

    def _write_command(self, port: int, value: int) -> None:
        super()._write_command(port, value)
        self._ask()

    def _write_data(self, port: int, value: int) -> None:
        super()._write_data(port, value)
        self._ask()

    def _ask(self) -> None:
        self._master.set_line(CASCADE, False)
        self._master.set_line(CASCADE, self.pending())
