"""ELKS' signals: the calls that send and handle them, and their delivery.

Sources: ELKS' kernel/signal.c and arch/i86/kernel/signal.c.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from struct import pack

from blink16.elks import segments
from blink16.elks.abi import Call
from blink16.elks.kept_registers import behind_stub, caller_frame
from blink16.elks.kernel import Kernel
from blink16.elks.request import (
    SEGMENT_SIZE,
    Blocked,
    Request,
    Result,
    signed16,
)
from blink16.elks.signals import (
    DEFAULT,
    IGNORE,
    IGNORED_BY_DEFAULT,
    SIGNALS,
    UNCATCHABLE,
    ElksSignal,
    bit,
    name,
)
from blink16.elks.state import FIRST, INIT, Life, Task, WaitFor
from blink16.hostfs.hostfolder import os_error
from blink16.memory import linear
from blink16.services import CALLER_FLAGS, Guest, caller_address

EVERYBODY = -1
_ZOMBIE = int(Life.ZOMBIE)  # looking up an enum's member takes as long as much of a call


def signal(request: Request) -> int:
    """Let signal BX be handled at DX:CX; 0:0 is the default and 0:1 ignores it.

    The old libc gives a near address in CX alone.
    """
    number, handler = request.bx, (request.dx, request.cx)
    if not 0 < number <= SIGNALS or number in UNCATCHABLE:
        raise os_error(errno.EINVAL)
    if request.task.old_abi:
        near = request.cx not in (DEFAULT[1], IGNORE[1])
        handler = (caller_address(request.guest)[0] if near else 0, request.cx)
    if handler not in (DEFAULT, IGNORE) and not _is_text(request, *handler):
        raise os_error(errno.EINVAL)
    handlers = list(request.task.handlers)
    handlers[number - 1] = handler
    request.kernel.journal.assign(request.task, "handlers", tuple(handlers))
    return 0


def _is_text(request: Request, segment: int, offset: int) -> bool:
    block = segments.find(request.kernel.state.blocks, request.task.code)
    if block is None or segment != block.segment:
        return False
    return offset < block.paragraphs * segments.PARAGRAPH


def kill(request: Request) -> int:
    """Send signal CX to process BX, a group (0: one's own, -group), or everybody (-1)."""
    kernel, number, whom = request.kernel, request.cx, signed16(request.bx)
    if not 0 < number <= SIGNALS:
        raise os_error(errno.EINVAL)
    if whom > 0:
        task = kernel.state.tasks.get(whom)
        targets = [] if task is None or task.life == _ZOMBIE else [task]
    else:
        targets = _group(request, whom)
    if not targets:
        raise os_error(errno.ESRCH)
    sender, is_allowed = request.task, False
    for task in targets:
        if sender.euid == 0 or _may_signal(sender, task):
            kernel.send(task, number)
            is_allowed = True
    if not is_allowed:
        raise os_error(errno.EPERM)
    return 0


def _group(request: Request, whom: int) -> list[Task]:
    """Return the processes that a number stands for which is none of a process."""
    me, living = request.task, request.kernel.living()
    if whom == EVERYBODY:
        return [task for task in living if task.pid not in (INIT, me.pid)]
    group = -whom or me.group
    return [task for task in living if task.group == group]


def _may_signal(sender: Task, task: Task) -> bool:
    ours, theirs = {sender.uid, sender.euid}, {task.uid, task.suid}
    return bool(ours & theirs)


def pause(request: Request) -> Blocked:
    """Wait for a signal."""
    return request.block(WaitFor.SIGNAL)


# -- delivery --------------------------------------------------------------------------------


def deliver(kernel: Kernel, guest: Guest) -> int:
    """Deliver what is pending to the current process, which stands at a stub.

    Return the signal that ends or stops it; 0 if none does.
    """
    task, assign = kernel.task, kernel.journal.assign
    while number := kernel.first_pending(task):
        assign(task, "pending", task.pending & ~bit(number))
        handler = task.handlers[number - 1]
        if handler == IGNORE or (handler == DEFAULT and number in IGNORED_BY_DEFAULT):
            continue
        if number == ElksSignal.SIGTSTP and handler == DEFAULT and task.pid == FIRST:
            continue  # nobody could let it go on
        if handler == DEFAULT:
            return number
        _enter_handler(guest, number, handler, near=task.old_abi)
        handlers = list(task.handlers)
        handlers[number - 1] = DEFAULT
        assign(task, "handlers", tuple(handlers))
        assign(task, "pending", 0)
    return 0


def stop(kernel: Kernel, guest: Guest, number: int) -> None:
    """Stop the current process; it goes on behind the stub when SIGCONT comes."""
    kernel.change(life=Life.STOPPED, exit_status=number, registers=behind_stub(guest))


def death(guest: Guest, number: int) -> str:
    """Return a line about a signal that ends a program."""
    segment, offset = caller_address(guest)
    return f"signal {number}, sent at {segment:04X}:{offset:04X} ({name(number)})"


def _enter_handler(guest: Guest, number: int, handler: tuple[int, int], *, near: bool) -> None:
    """Let the stub's IRET lead into a handler, which finds its return address and the signal.

    It removes both when it returns, and has kept all registers.
    """
    registers = guest.registers
    offset, segment, flags = caller_frame(guest)
    return_address = (offset,) if near else (offset, segment)
    stack = (handler[1], handler[0], flags, *return_address, number)
    # IP, CS and flags of the caller go, and these words end where they ended
    sp = registers.sp = registers.sp + CALLER_FLAGS + 2 - 2 * len(stack) & 0xFFFF
    _put_words(guest, registers.ss, sp, stack)


def _put_words(guest: Guest, segment: int, offset: int, words: Sequence[int]) -> None:
    """Write words, each of which may lie at the segment's beginning behind its end."""
    memory = guest.memory
    if offset + 2 * len(words) <= SEGMENT_SIZE:
        memory.write(linear(segment, offset), pack(f"<{len(words)}H", *words))
        return
    for place, word in enumerate(words):
        memory.write_word(linear(segment, offset + 2 * place), word)


HANDLERS: dict[Call, Callable[[Request], Result]] = {
    Call.SIGNAL: signal,
    Call.KILL: kill,
    Call.PAUSE: pause,
}
