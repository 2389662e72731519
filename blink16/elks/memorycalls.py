"""ELKS' system calls on memory: the break, and far memory."""

from __future__ import annotations

import errno
from collections.abc import Callable

from blink16.elks import segments
from blink16.elks.abi import Call
from blink16.elks.request import Request, Result, signed16
from blink16.elks.state import BlockKind
from blink16.hostfs.hostfolder import os_error


def brk(request: Request) -> int:
    """Move the end of the heap to BX."""
    _check_break(request, request.bx)
    request.kernel.journal.assign(request.task, "break_", request.bx)
    return 0


def sbrk(request: Request) -> int:
    """Move the end of the heap by BX, signed; where it was goes to CX."""
    old = request.task.break_
    new = old + signed16(request.bx)
    if request.bx:
        _check_break(request, new)
    request.put_word(request.cx, old)
    if new != old:
        request.kernel.journal.assign(request.task, "break_", new)
    return 0


def _check_break(request: Request, address: int) -> None:
    """Refuse a break outside of the heap, or beyond the live stack."""
    layout = request.task.layout
    if not layout.data_end <= address <= layout.break_limit():
        raise os_error(errno.ENOMEM)
    registers = request.guest.registers
    if not layout.low_stack and address > registers.sp and registers.ss == request.task.data:
        raise os_error(errno.ENOMEM)


def fmemalloc(request: Request) -> int:
    """Allocate BX paragraphs outside the data segment; the segment goes to CX."""
    if not request.bx:
        raise os_error(errno.EINVAL)
    request.address(request.cx, 2)
    segment = request.kernel.allocate(request.bx, BlockKind.FAR, request.task.pid)
    request.put_word(request.cx, segment)
    return 0


def fmemfree(request: Request) -> int:
    """Free the segment BX of fmemalloc()."""
    kernel = request.kernel
    block = segments.find(kernel.state.blocks, request.bx)
    if block is None or block.kind != BlockKind.FAR or block.owner != request.task.pid:
        raise os_error(errno.EINVAL)
    blocks = segments.release(kernel.state.blocks, request.bx)
    kernel.journal.assign(kernel.state, "blocks", blocks)
    return 0


HANDLERS: dict[Call, Callable[[Request], Result]] = {
    Call.BRK: brk,
    Call.SBRK: sbrk,
    Call.FMEMALLOC: fmemalloc,
    Call.FMEMFREE: fmemfree,
}
