"""The hot 8259As: EOIs, masks and what is read between two interrupts."""

from __future__ import annotations

from blink16.cpu.hot import HotContext
from blink16.cpu.slots import Slot
from blink16.cpu.values import Value, choose
from blink16.devices import cells
from blink16.devices.pic import (
    CASCADE,
    ICW1,
    ICW1_LEVEL,
    LINES,
    OCW3,
    Commanded,
    Controlled,
    Expects,
    PicState,
    commanded,
    controlled,
    granted,
    level_of,
)

EOI, SPECIFIC_EOI = 0x20, 0x60
"""OCW2s that end the highest level in service, or the one of their lowest three bits."""


class Chip:
    """An 8259A."""

    def __init__(self, m: HotContext, slot: Slot = cells.PIC) -> None:
        self._m, self._slot = m, slot

    def get(self, name: str) -> Value:
        """Read a field of `PicState`."""
        return self._m.get(self._slot, PicState._fields.index(name))

    def set(self, name: str, value: Value) -> None:
        """Write one."""
        self._m.set(self._slot, value, PicState._fields.index(name))

    def granted(self) -> Value:
        """Return as a bit the level that asks for the processor."""
        return granted(*map(self.get, ("irr", "imr", "isr", "special_mask", "lowest")))

    def require_work(self) -> None:
        """Require that it is set up, and not about to be polled."""
        self._m.require(self.get("expects").equals(Expects.MASK))
        self._m.require(self.get("poll").is_zero())

    def set_line(self, bit: int, high: Value) -> None:
        """Set a request line, and let the processor know (`Pic.set_line`)."""
        lines, irr = self.get("lines"), self.get("irr")
        level = choose(high, self._m.constant(bit), self._m.constant(0))
        self.set("lines", lines & ~bit | level)
        self.set("irr", irr & (level | ~bit) | level & ~lines)
        self.ask()

    def ask(self) -> None:
        """Let the processor know whether it asks; an AT's second chip asks the first."""
        asks = self.granted().is_not_zero()
        if self._slot is cells.PIC:
            self._m.request(asks)
            return
        first, line = Chip(self._m), asks.zero_extend(64) << CASCADE
        for name in ("lines", "irr"):
            first.set(name, first.get(name) & ~(1 << CASCADE) | line)
        first.ask()


class Ports:
    """What is done at a chip's two ports."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot

    def _chip(self, m: HotContext) -> Chip:
        chip = Chip(m, self._slot)
        chip.require_work()
        if self._slot is not cells.PIC:
            Chip(m).require_work()
        return chip

    def read_command(self, m: HotContext) -> Value:
        """Return the levels that ask, or those in service."""
        chip = self._chip(m)
        return choose(chip.get("read_isr").is_zero(), chip.get("irr"), chip.get("isr"))

    def read_mask(self, m: HotContext) -> Value:
        """Return which levels are not heard."""
        return self._chip(m).get("imr")

    def write_mask(self, m: HotContext, value: Value) -> None:
        """Set that."""
        chip = self._chip(m)
        chip.set("imr", value)
        chip.ask()

    def write_command(self, m: HotContext, value: Value) -> None:
        """End interrupts, rotate priorities, choose what is read; all but ICW1."""
        chip = self._chip(m)
        m.require((value & ICW1).is_zero())
        is_ocw2 = (value & OCW3).is_zero()
        mask = chip.get("special_mask")
        before2 = Commanded(*map(chip.get, Commanded._fields))
        before3 = Controlled(mask, chip.get("read_isr"), chip.get("poll"))
        after2 = commanded(value, chip.get("imr"), mask, before2)
        after3 = controlled(value, before3)
        for name, before, after in zip(Commanded._fields, before2, after2, strict=True):
            chip.set(name, choose(is_ocw2, after, before))
        for name, before, after in zip(Controlled._fields, before3, after3, strict=True):
            chip.set(name, choose(is_ocw2, before, after))
        chip.ask()


def end_only_interrupt(m: HotContext, value: Value) -> None:
    """Non-specific EOI of the only level in service, with no request that is heard."""
    isr = Chip(m).get("isr")
    _end_all(m, (value ^ EOI) | (isr & (isr - 1)))


def end_named_interrupt(m: HotContext, value: Value) -> None:
    """Do that with a specific EOI."""
    level = m.constant(1) << (value & LINES - 1)
    _end_all(m, ((value & -LINES) ^ SPECIFIC_EOI) | (Chip(m).get("isr") ^ level))


def _end_all(m: HotContext, odd: Value) -> None:
    """Leave no level in service, with no request that is heard; ``odd``: 0, or it is not so."""
    chip = Chip(m)
    odd = odd | (chip.get("expects") ^ Expects.MASK) | chip.get("poll") | chip.get("special_mask")
    odd = odd | (chip.get("irr") & (chip.get("imr") ^ 0xFF))
    m.require(odd.is_zero())
    chip.set("isr", m.constant(0))
    m.request(m.constant(0, 1))


def acknowledge(m: HotContext) -> Value:
    """Take the interrupt that is asked for, and return its vector."""
    chip = Chip(m)
    chip.require_work()
    m.require((chip.get("icw1") & ICW1_LEVEL).is_zero())
    bit = chip.granted()
    m.require(bit.is_not_zero())
    m.require((bit & (1 << CASCADE)).is_zero())  # an AT's second chip knows its vector
    chip.set("irr", chip.get("irr") & (bit ^ 0xFF))
    level, lowest = level_of(bit), chip.get("lowest")
    ends = chip.get("auto_eoi").is_not_zero()
    rotates = ends & chip.get("rotate_in_auto_eoi").is_not_zero()
    chip.set("isr", chip.get("isr") | choose(ends, m.constant(0), bit))
    chip.set("lowest", choose(rotates, level, lowest))
    chip.ask()
    return chip.get("base") | level
