"""Where hot devices keep their state: fields of the packed state, for native code as well."""

from __future__ import annotations

from itertools import pairwise

from blink16.cpu.registers import DEVICES_OFFSET, STATE_SIZE
from blink16.cpu.slots import Slot


def _after(slot: Slot, count: int) -> Slot:
    return Slot(slot.end, 64, count)


PIC = Slot(DEVICES_OFFSET, 64, 13)
"""The fields of `pic.PicState`."""
COUNTERS = _after(PIC, 3 * 14)
"""The fields of three `counter.Counter`s."""
PIT = _after(COUNTERS, 14)
"""The cycle up to which channel 0 has told its line; the timer's ratio to the processor's clock;
when channel 0's output next changes, and next goes up, in the processor's cycles, or -1; and of
the latter the timer's cycle, and by how much the processor's cycle is behind that, multiplied by
the timer's frequency.
Where channel 0 does nothing but count its periods, besides: how long one is, in the processor's
cycles (else 0), and after what part of it the output changes, each with what is left of its
division by the timer's frequency; and how far into a period it certainly has not fallen yet.
And whether somebody is told before the speaker's channel changes while its switch is on, and
whether it is an 8254."""
PIT_SEEN, PIT_HZ, PIT_CLOCK_HZ, PIT_CHANGE, PIT_RISE, PIT_RISE_CYCLE, PIT_RISE_LATE = range(7)
PIT_PERIOD, PIT_PERIOD_REST, PIT_PART, PIT_PART_REST, PIT_SURELY_HIGH = range(7, 12)
PIT_TELLS, PIT_READS_BACK = 12, 13
PPI = _after(PIT, 6)
"""Whose port B it is (`PPI_XT`, `PPI_AT`; 0: nobody's), what was written there, the refresh's
ratio, the latches of errors that its bits clear, and an XT's switches."""
PPI_KIND, PPI_PORT_B, PPI_RATIO, PPI_ERRORS, PPI_SWITCHES = 0, 1, 2, 4, 5
PPI_XT, PPI_AT = 1, 2
VIDEO = _after(PPI, 10)
"""Whose status it is (`video.StatusKind`), a CGA's light pen, the ratio of its dots, and the fields
of the `raster.Raster` behind that."""
VIDEO_STATUS, VIDEO_PEN, VIDEO_RATIO, VIDEO_RASTER = 0, 1, 2, 4
UART_SIZE = 15
UARTS = _after(VIDEO, 2 * UART_SIZE)
"""The fields of `uart.UartState` for COM1 and COM2, but of what waits on the line only how much
that is; and behind each whether there is one."""
UART_THERE = 14
UART_BASES = (0x3F8, 0x2F8)
"""Their base ports."""
CRTC = _after(UARTS, 6)
"""The base port of the display adapter's 6845; the register that is selected; the cursor's high
and low byte; and the bits that the index and the high byte have."""
CRTC_BASE, CRTC_SELECTED, CRTC_CURSOR_HIGH, CRTC_CURSOR_LOW = range(4)
CRTC_INDEX_BITS, CRTC_HIGH_BITS = 4, 5
CRTC_MOVED = slice(CRTC_SELECTED, CRTC_INDEX_BITS)
"""What native code moves."""
PIC2 = _after(CRTC, 13)
"""The same as `PIC`, of an AT's second 8259A."""
DMA_SIZE = 43
DMAS = _after(PIC2, 2 * DMA_SIZE)
"""The fields of `dma.DmaState` for an AT's two 8237As, those of several numbers one by one."""
SAID = _after(DMAS, 2)
"""How many bytes native code has shown on the console in this run, and at how many cycles last."""
SAID_COUNT, SAID_AT = 0, 1
USUAL = _after(SAID, 2)
"""The linear addresses of stubs while their hot calls may be done, or 0: INT 21h's, and the one
behind the teletype's code."""
USUAL_TEXT, USUAL_SHOWN = 0, 1
TEXT = _after(USUAL, 5)
"""What is usual for INT 21h: the vectors of INT 10h and 29h, the current PSP's linear address and
the number of CON in the system file table; and SS and, above, SP at the process' last call."""
TEXT_VIDEO, TEXT_FAST, TEXT_PSP, TEXT_FILE, TEXT_STACK = range(5)
_ALL = (PIC, COUNTERS, PIT, PPI, VIDEO, UARTS, CRTC, PIC2, DMAS, SAID, USUAL, TEXT)
assert all(a.end <= b.offset for a, b in pairwise(_ALL))
assert _ALL[-1].end <= STATE_SIZE
