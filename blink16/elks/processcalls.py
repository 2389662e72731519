"""ELKS' system calls on the process itself: memory, identity, time, signals, its end.

Each takes the process and the request and returns AX, or an outcome; OSError becomes -errno.
"""

from __future__ import annotations

import errno

from blink16.elks.abi import RELEASE, TIMES, TIMEVAL, TIMEZONE, UTSNAME, Call
from blink16.elks.filecalls import Handler
from blink16.elks.process import PARENT_PID, PID, Process
from blink16.elks.request import Request, signed16
from blink16.hostfolder import os_error
from blink16.memory import linear
from blink16.services import CALLER_FLAGS, Exit, Guest, Outcome, Trap, caller_address

TICKS_PER_SECOND = 100
DEFAULT, IGNORE = (0, 0), (0, 1)
"""What signal() is told, instead of a far address."""
IGNORED_BY_DEFAULT = frozenset((17, 18, 23, 28))  # SIGCHLD, SIGCONT, SIGURG, SIGWINCH
SIGKILL, SIGSTOP = 9, 19
SIGNALS = 32


def exit_(process: Process, request: Request) -> Outcome:
    """End with the status in BX."""
    return Exit(request.bx & 0xFF)


def brk(process: Process, request: Request) -> int:
    """Move the end of the heap to BX."""
    if not process.segment.data_end <= request.bx <= process.segment.break_limit():
        raise os_error(errno.ENOMEM)
    process.break_ = request.bx
    return 0


def sbrk(process: Process, request: Request) -> int:
    """Move the end of the heap by BX, signed; where it was goes to CX."""
    old, new = process.break_, process.break_ + signed16(request.bx)
    if request.bx and not process.segment.data_end <= new <= process.segment.break_limit():
        raise os_error(errno.ENOMEM)
    request.put_word(request.cx, old)
    process.break_ = new
    return 0


def fmemalloc(process: Process, request: Request) -> int:
    """Allocate BX paragraphs outside the data segment; the segment goes to CX."""
    if not request.bx:
        raise os_error(errno.EINVAL)
    request.address(request.cx, 2)
    request.put_word(request.cx, process.allocate_far(request.bx))
    return 0


def fmemfree(process: Process, request: Request) -> int:
    """Free the segment BX of fmemalloc()."""
    process.free_far(request.bx)
    return 0


def getpid(process: Process, request: Request) -> int:
    """Return the process' number; its parent's goes to BX."""
    if request.bx:
        request.put_word(request.bx, PARENT_PID)
    return PID


def getuid(process: Process, request: Request) -> int:
    """Return the user or group, root; the effective one goes to BX."""
    if request.bx:
        request.put_word(request.bx, 0)
    return 0


def setsid(process: Process, request: Request) -> int:
    """Return the process' own session."""
    return PID


def nothing(process: Process, request: Request) -> int:
    """Succeed: there is nothing to do."""
    return 0


def wait4(process: Process, request: Request) -> int:
    """Say that there are no children."""
    raise os_error(errno.ECHILD)


def umask(process: Process, request: Request) -> int:
    """Set the mask for new files to BX and return the old one."""
    old, process.umask = process.umask, request.bx & 0o777
    return old


def gettimeofday(process: Process, request: Request) -> int:
    """Write the time to BX and the time zone, UTC, to CX, each unless it is 0."""
    seconds, nanoseconds = divmod(request.guest.nanoseconds(), 1_000_000_000)
    if request.bx:
        time = {"seconds": seconds & 0xFFFFFFFF, "microseconds": nanoseconds // 1000}
        request.put(request.bx, TIMEVAL.build(time))
    if request.cx:
        request.put(request.cx, TIMEZONE.build({"minutes_west": 0, "dst": 0}))
    return 0


def uname(process: Process, request: Request) -> int:
    """Write the system's names to BX; the old libc asks for the release alone."""
    if process.old_abi:
        request.put(request.bx, RELEASE.encode() + b"\0")
        return 0
    names = {
        "sysname": "ELKS",
        "nodename": "blink16",
        "release": RELEASE,
        "version": "blink16",
        "machine": "ibmpc",
    }
    request.put(request.bx, UTSNAME.build(names))
    return 0


def times(process: Process, request: Request) -> int:
    """Write the processor times to BX, in ticks; all of it is the user's."""
    ticks = request.guest.nanoseconds() * TICKS_PER_SECOND // 1_000_000_000 & 0xFFFFFFFF
    if request.bx:
        spent = {"user": ticks, "system": 0, "children": [0, 0]}
        request.put(request.bx, TIMES.build(spent))
    return ticks & 0x7FFF


def signal(process: Process, request: Request) -> int:
    """Let signal BX be handled at DX:CX; 0:0 is the default and 0:1 ignores it.

    The old libc gives a near address in CX alone.
    """
    number = request.bx
    if not 0 < number < SIGNALS or number in (SIGKILL, SIGSTOP):
        raise os_error(errno.EINVAL)
    segment = request.dx
    if process.old_abi:
        near = request.cx not in (DEFAULT[1], IGNORE[1])
        segment = caller_address(request.guest)[0] if near else 0
    process.handlers[number] = (segment, request.cx)
    return 0


def kill(process: Process, request: Request) -> int | Outcome:
    """Send signal CX to process BX; there is only this one."""
    if signed16(request.bx) not in (PID, 0, -1, -PID):
        raise os_error(errno.ESRCH)
    number = request.cx
    if number >= SIGNALS:
        raise os_error(errno.EINVAL)
    handler = process.handlers.get(number, DEFAULT)
    if number == 0 or handler == IGNORE or (handler == DEFAULT and number in IGNORED_BY_DEFAULT):
        return 0
    if handler == DEFAULT:
        segment, offset = caller_address(request.guest)
        return Trap(number, f"signal {number}, sent by the program at {segment:04X}:{offset:04X}")
    _enter_handler(request.guest, number, handler, near=process.old_abi)
    return 0


def _enter_handler(guest: Guest, number: int, handler: tuple[int, int], *, near: bool) -> None:
    """Let the stub's IRET lead into a handler, which finds its return address and the signal.

    It removes both when it returns, and has kept all registers.
    """
    registers, memory = guest.registers, guest.memory
    segment, offset = caller_address(guest)
    flags = memory.read_word(linear(registers.ss, registers.sp + CALLER_FLAGS))
    return_address = (offset,) if near else (offset, segment)
    stack = (handler[1], handler[0], flags, *return_address, number)
    # IP, CS and flags of the caller go, and these words end where they ended
    registers.sp += CALLER_FLAGS + 2 - 2 * len(stack)
    for place, value in enumerate(stack):
        memory.write_word(linear(registers.ss, registers.sp + 2 * place), value)


HANDLERS: dict[Call, Handler] = {
    Call.EXIT: exit_,
    Call.BRK: brk,
    Call.SBRK: sbrk,
    Call.FMEMALLOC: fmemalloc,
    Call.FMEMFREE: fmemfree,
    Call.GETPID: getpid,
    Call.GETUID: getuid,
    Call.GETGID: getuid,
    Call.SETUID: nothing,
    Call.SETGID: nothing,
    Call.FCHOWN: nothing,
    Call.SETSID: setsid,
    Call.SYNC: nothing,
    Call.ALARM: nothing,
    Call.WAIT4: wait4,
    Call.UMASK: umask,
    Call.GETTIMEOFDAY: gettimeofday,
    Call.TIMES: times,
    Call.UNAME: uname,
    Call.SIGNAL: signal,
    Call.KILL: kill,
}
