"""The hot 8250s."""

from __future__ import annotations

from collections.abc import Callable

from blink16.cpu.hot import HotContext
from blink16.cpu.values import Value
from blink16.devices import cells
from blink16.devices.uart import LSR_ERRORS


def read_line_status(number: int) -> Callable[[HotContext], Value]:
    """Return what reads the line status of one."""

    def read(m: HotContext) -> Value:
        status = m.get(cells.LINE_STATUS, number)
        m.require(status.is_not_zero() & (status & LSR_ERRORS).is_zero())
        return status

    return read
