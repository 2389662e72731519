"""Scripts that drive the interrupt controllers, and what they print; see `port_cases`.

The requests come from the timer (IRQ 0), the two serial ports (IRQ 4 and 3, which can be withdrawn)
and the real-time clock (IRQ 8); polls take them as INTA would, while the processor hears none.
"""

from __future__ import annotations

from port_scripts import interrupts, out, pause, say, show, wait

MASTER, SLAVE = 0x20, 0xA0
CLOCK_READ = out(0x70, 0x0C) + wait(0x71, 0, 0)
"""Reads register C of the clock, which ends its request."""


def begin(*, icw4: int = 0x01, base: int = 0x08) -> bytes:
    """Let no device ask, and initialize both chips."""
    quiet = out(0x43, 0x30) + out(0x40, 0xFF) + out(0x3F9, 0) + out(0x2F9, 0)
    quiet += out(0x70, 0x0B) + out(0x71, 0x02) + CLOCK_READ
    first = out(MASTER, 0x11) + out(0x21, base, 0x04, icw4, 0)
    return quiet + first + out(SLAVE, 0x11) + out(0xA1, 0x70, 0x02, 0x01, 0)


def both(chip: int) -> bytes:
    """Show what is requested and what is in service."""
    return say(" ") + out(chip, 0x0A) + show(chip) + out(chip, 0x0B) + show(chip)


def poll(chip: int) -> bytes:
    """Take the request of the highest priority."""
    return say("p") + out(chip, 0x0C) + show(chip)


TIMER = out(0x43, 0x30) + out(0x40, 20, 0) + pause(200)
TIMER_OFF = out(0x43, 0x30) + out(0x40, 0xFF)
COM1, COM1_OFF = out(0x3FC, 8) + out(0x3F9, 0) + out(0x3F9, 2), out(0x3F9, 0)
COM2 = out(0x2FC, 8) + out(0x2F9, 0) + out(0x2F9, 2)
CLOCK = out(0x70, 0x0A) + out(0x71, 0x26) + out(0x70, 0x0B) + out(0x71, 0x42) + pause(9000)
CLOCK_OFF = out(0x70, 0x0B) + out(0x71, 0x02) + CLOCK_READ
EOI, ROTATE, SET_PRIORITY, LAST = 0x20, 0xA0, 0xC0, 0xE0
ONLY_4, ONLY_0 = 0x64, 0x60
SPECIAL_MASK, NORMAL_MASK = 0x68, 0x48

PIC_SAME = {
    "nesting": (
        begin() + COM1 + both(MASTER) + poll(MASTER) + TIMER + both(MASTER) + poll(MASTER)
        + both(MASTER) + out(MASTER, EOI) + both(MASTER) + out(MASTER, EOI) + both(MASTER)
        + COM1 + poll(MASTER) + TIMER_OFF + TIMER + poll(MASTER) + out(MASTER, ONLY_4)
        + both(MASTER) + out(MASTER, ONLY_0) + both(MASTER),
        "1000p84 0110p80 0011 0010 0000p84p80 0001 0000",
    ),
    "rotation": (
        begin() + TIMER + poll(MASTER) + out(MASTER, ROTATE) + TIMER_OFF + TIMER + COM1
        + both(MASTER) + poll(MASTER) + out(MASTER, ROTATE) + poll(MASTER) + both(MASTER)
        + out(MASTER, LAST | 0) + TIMER_OFF + TIMER + COM1 + COM2 + both(MASTER) + poll(MASTER)
        + out(MASTER, LAST | 3) + poll(MASTER) + out(MASTER, LAST | 4) + poll(MASTER)
        + out(MASTER, EOI) + out(MASTER, SET_PRIORITY | 3) + TIMER_OFF + TIMER + COM1 + COM2
        + (poll(MASTER) + out(MASTER, EOI)) * 4 + both(MASTER),
        "p80 1100p84p80 0001 1900p83p84p80p84p80p83p00 0000",
    ),
    "masks": (
        begin() + out(0x21, 0x10) + COM1 + both(MASTER) + poll(MASTER) + out(0x21, 0)
        + poll(MASTER) + both(MASTER) + out(MASTER, EOI) + TIMER + poll(MASTER) + COM1
        + poll(MASTER) + out(0x21, 1) + poll(MASTER) + out(MASTER, SPECIAL_MASK) + poll(MASTER)
        + both(MASTER) + out(MASTER, ONLY_4) + COM1 + out(MASTER, NORMAL_MASK) + poll(MASTER),
        "1000p00p84 0010p80p00p00p84 0011p00",
    ),
    "automatic end": (
        begin(icw4=0x03) + COM1 + poll(MASTER) + both(MASTER) + out(MASTER, 0x80) + TIMER
        + poll(MASTER) + TIMER_OFF + TIMER + COM1 + poll(MASTER) * 2 + both(MASTER)
        + out(MASTER, 0x00) + TIMER_OFF + TIMER + COM1 + poll(MASTER) * 2
        + begin(icw4=0x03, base=0x70) + TIMER + interrupts(8) + both(MASTER),
        "p84 0000p80p84p80 0000p84p8001 0000",
    ),
    "polls and words": (
        begin() + COM1 + out(MASTER, 0x0C) + show(0x21) + show(0x21) + both(MASTER)
        + COM1_OFF + COM1 + out(MASTER, EOI, 0x0F) + show(MASTER) * 2 + both(MASTER)
        + out(MASTER, 0x0B, 0x08) + show(MASTER) + out(MASTER, 0x0A, 0x09) + show(MASTER)
        + out(0x21, 0x55) + out(MASTER, 0x11) + show(0x21) + both(MASTER)
        + out(0x21, 8, 4, 1) + show(0x21) + both(MASTER) + poll(MASTER)
        + out(MASTER, 0x10) + out(0x21, 8, 4, 0xAA) + show(0x21)
        + out(MASTER, 0x13) + out(0x21, 8, 1, 0xBB) + show(0x21),
        "8400 00108410 0010100000 000000 0000p00AABB",
    ),
    "the second chip": (
        begin() + CLOCK + both(MASTER) + both(SLAVE) + poll(MASTER) + both(MASTER) + both(SLAVE)
        + poll(SLAVE) + both(MASTER) + CLOCK_OFF + both(SLAVE) + out(SLAVE, EOI)
        + both(MASTER) + out(MASTER, EOI) + both(MASTER) + both(SLAVE) + CLOCK + interrupts(8)
        + CLOCK_OFF + both(MASTER) + both(SLAVE),
        "0400 0100p82 0004 0100p80 0004 0001 0004 0000 000001 0000 0000",
    ),
}  # fmt: skip
PIC_OTHER = {
    # "If the IR input goes low before this time a DEFAULT IR7 will occur": QEMU keeps the request.
    "a request that is withdrawn": (
        begin() + COM1 + COM1_OFF + both(MASTER) + poll(MASTER) + both(MASTER)
        + CLOCK + both(MASTER) + CLOCK_OFF + both(MASTER) + both(SLAVE) + poll(MASTER)
        + interrupts(15),
        "0000p00 0000 0400 0000 0000p0000",
    ),
    # A polled second chip asks no more; QEMU's first chip has remembered the edge.
    "the second chip alone is polled": (
        begin() + CLOCK + both(MASTER) + poll(SLAVE) + both(MASTER) + both(SLAVE) + poll(MASTER)
        + out(SLAVE, EOI) + both(MASTER) + CLOCK_OFF + interrupts(15) + both(MASTER),
        "0400p80 0000 0001p00 000000 0000",
    ),
    # "An IS bit that is masked will not be cleared by a non-specific EOI" in special mask mode;
    # QEMU clears it.
    "special masks and EOI": (
        begin() + TIMER + poll(MASTER) + COM1 + out(0x21, 1) + out(MASTER, SPECIAL_MASK)
        + poll(MASTER) + both(MASTER) + out(MASTER, EOI) + both(MASTER) + out(MASTER, EOI)
        + both(MASTER) + out(MASTER, ONLY_0) + both(MASTER),
        "p80p84 0011 0001 0001 0000",
    ),
    # QEMU has no level-sensitive mode, in which a line that is high asks again.
    "levels": (
        begin() + out(MASTER, 0x19) + out(0x21, 8, 4, 1, 0) + COM1 + poll(MASTER) + both(MASTER)
        + out(MASTER, EOI) + both(MASTER) + poll(MASTER) + COM1_OFF + both(MASTER),
        "p84 1010 1000p84 0010",
    ),
}  # fmt: skip
