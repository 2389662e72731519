"""The PC's hot devices, for native code: what is usual at the ports that programs ask in loops.

All of it works on the state of the devices themselves (`cells`), with their own formulas; where
something is unusual it requires what is not so, and the device does the access in Python.
"""

from __future__ import annotations

from blink16.cpu.hot import HotBoard
from blink16.devices import cells
from blink16.devices.hot import counters, interrupts, port_b, screen, serial, timer
from blink16.devices.pit import REFRESH, SPEAKER
from blink16.devices.uart import UartRegister
from blink16.devices.video import Adapter

_CRTC_BASES = Adapter.CGA.base, Adapter.MDA.base
_FIRST, _SECOND = interrupts.Ports(cells.PIC), interrupts.Ports(cells.PIC2)

BOARD = HotBoard(
    "blink16.devices.hot:BOARD",
    reads={
        0x20: _FIRST.read_command,
        0x21: _FIRST.read_mask,
        0xA0: _SECOND.read_command,
        0xA1: _SECOND.read_mask,
        **{0x40 + number: counters.read_counter(number) for number in range(3)},
        0x61: port_b.read_port_b,
        0x62: port_b.read_port_c,
        0x3BA: screen.read_mono_status,
        0x3DA: screen.read_color_status,
        **serial.READS,
    },
    writes={
        0x20: (
            interrupts.end_only_interrupt,
            interrupts.end_named_interrupt,
            _FIRST.write_command,
        ),
        0x21: (_FIRST.write_mask,),
        0xA0: (_SECOND.write_command,),
        0xA1: (_SECOND.write_mask,),
        0x40: (timer.write_first_byte, timer.write_count),
        0x41: (counters.write_counter(REFRESH),),
        0x42: (counters.write_counter(SPEAKER),),
        0x43: (
            *(counters.latch(number) for number in range(3)),
            counters.program(SPEAKER),
            timer.program,
            counters.program(REFRESH),
            counters.ignore_read_back,
        ),
        0x61: (port_b.write_port_b,),
        **{port: (write,) for port, write in serial.WRITES.items()},
        **{base + 4: (screen.select_register(base),) for base in _CRTC_BASES},
        **{base + 5: (screen.write_register(base),) for base in _CRTC_BASES},
    },
    polled=frozenset(
        {
            *(0x20, 0x21, 0x40, 0x61, 0x3BA, 0x3DA),
            *(base + UartRegister.LSR for base in cells.UART_BASES),
        }
    ),
    due=timer.due,
    advance=(
        timer.advance_a_period,
        timer.advance,
        timer.end_once,
        timer.begin_new_count,
    ),
    acknowledge=interrupts.acknowledge,
    tick=timer.tick,
    calls="blink16.hot_calls:CALLS",
)
