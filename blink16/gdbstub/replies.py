"""What we answer: the bodies of packets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from blink16.breakpoints import PointKind
from blink16.debugger import Event, EventKind
from blink16.gdbstub.commands.points import GdbKind
from blink16.packets import PACKET_SIZE, escape, frame
from blink16.words.texts import printable

OK = b"OK"
SILENCE = b"O"
"""No words for the user, in an O packet."""
KILLED = b"X09"
"""To LLDB's k, for which gdb wants no answer: the program ended by SIGKILL."""
EMPTY = b""
"""The packet is not known here."""
CONSOLE_CHUNK = 16384
"""Bytes of text in one O packet."""
MAX_BINARY = PACKET_SIZE // 2 - 1
"""Bytes in one binary answer, such that it fits if every one needs an escape."""


class Errno(Enum):
    """Numbers of E packets, from File-I/O's errno values (gdb manual)."""

    EFAULT = 14  # no such memory
    EINVAL = 22  # fields that make no sense, and all the rest


class RefusedError(Exception):
    """A command that can't be carried out; the text says why in one line."""

    def __init__(self, text: str, errno: Errno = Errno.EINVAL) -> None:
        super().__init__(text)
        self.errno = errno


class PosixSignal(Enum):
    """The signals that we report on our own account, by gdb's numbers."""

    SIGINT = 2
    SIGTRAP = 5
    SIGABRT = 6
    SIGSYS = 12
    SIGWINCH = 28


@dataclass(frozen=True, slots=True)
class Client:
    """What the client said it understands, in its qSupported or later."""

    error_message: bool = False
    swbreak: bool = False
    hwbreak: bool = False
    multiprocess: bool = False
    gdb: bool = False
    """Whether it is some gdb, which takes descriptions of registers."""
    ours: bool = False
    """Whether it is our own (``blink16+``): it wants a monitor command's failure as an error, and
    what the program prints, and what is for the user, as notifications."""
    watches: bool = False
    """Whether it wants no machine, but to watch one (``blink16.watch+``)."""
    raw: bool = False
    """Whether it knows DOSBox-X's stub rather than gdb's: see `raw_registers`."""
    error_strings: bool = False
    """As LLDB has them."""
    forks: bool = False
    vforks: bool = False
    executions: bool = False
    """Of fork(), vfork() and execve() those that it wants to be told of."""
    list_threads: bool = False
    """In each stop reply."""

    @property
    def steps_over(self) -> bool:
        """Whether it leaves a breakpoint where it saw a machine stop by a step of its own."""
        return self.gdb and not self.ours

    @property
    def hides_errors(self) -> bool:
        """Whether it is a gdb before 16, which shows its user no text of most errors."""
        return self.gdb and not (self.error_message or self.error_strings or self.ours)

    @classmethod
    def of(cls, features: frozenset[str]) -> Client:
        """Pick what matters here from a client's features."""
        return cls(
            error_message="error-message+" in features,
            swbreak="swbreak+" in features,
            hwbreak="hwbreak+" in features,
            multiprocess="multiprocess+" in features,
            gdb=any(name.startswith("xmlRegisters=i386") for name in features),
            ours="blink16+" in features,
            watches="blink16.watch+" in features,
            raw=features <= _SAID_BY_ANY,
            forks={"multiprocess+", "fork-events+"} <= features,
            vforks={"multiprocess+", "vfork-events+"} <= features,
            executions={"multiprocess+", "exec-events+"} <= features,
        )


_SAID_BY_ANY = {"multiprocess+", "swbreak+", "hwbreak+", "qRelocInsn+"}
"""Features that say nothing of the client: mcdosbox-x names all of them, dbxdebug the first.  Every
gdb and LLDB names others too, xmlRegisters= or (one that was built without XML) fork-events+; an
LLDB that does not can be told by what it asks for next.
"""


def error(refusal: RefusedError, client: Client, *, told: bool = False) -> bytes:
    """Return ``E.text`` or ``E NN;text in hex`` for clients that know that, else ``E NN``.

    ``told``: the command is one whose failing any gdb tells its user in our words.
    """
    if client.error_strings:
        text = printable(str(refusal)).encode("utf-8").hex().encode("ascii")
        return b"E%02x;%b" % (refusal.errno.value, text)
    if client.error_message or (told and client.gdb):
        plain = "".join(c if c.isprintable() and c.isascii() else "?" for c in str(refusal))
        return b"E." + plain.replace("$", "?").replace("#", "?").encode("ascii")
    return b"E%02x" % refusal.errno.value


def console(text: str) -> list[bytes]:
    """Return text for the user's terminal as O packets."""
    return raw_console(printable(text).encode("utf-8"))


def said(text: str) -> bytes:
    """Return the same as whole packets."""
    return b"".join(map(frame, console(text)))


def raw_console(data: bytes) -> list[bytes]:
    """Return a program's output, in whatever character set, as O packets."""
    starts = range(0, len(data), CONSOLE_CHUNK)
    return [b"O" + data[at : at + CONSOLE_CHUNK].hex().encode("ascii") for at in starts]


_WATCH_REASONS = {
    PointKind.WRITE: b"watch",
    PointKind.READ: b"rwatch",
    PointKind.ACCESS: b"awatch",
}
_SIGNALS = {
    EventKind.INTERRUPTED: PosixSignal.SIGINT,
    # These are like a user's Ctrl-C: IDEs show that as a pause, and any other signal as an
    # exception, 0 too.  gdb stops at it in the midst of a step, as it does not at SIGTRAP.
    EventKind.EXITING: PosixSignal.SIGINT,
    EventKind.CAUGHT: PosixSignal.SIGINT,
    EventKind.MOVED: PosixSignal.SIGINT,
    EventKind.HALTED: PosixSignal.SIGINT,
    EventKind.RESTARTED: PosixSignal.SIGINT,
    # gdb goes on by itself.
    EventKind.LEAVING: PosixSignal.SIGWINCH,
    # And what nobody has asked for is to be shown as one.
    EventKind.LACKING: PosixSignal.SIGSYS,
}


def gone(event: Event, process: int, client: Client) -> bytes | None:
    """Return W or X if the event says that a process is gone, else None."""
    which = b";process:%x" % process if client.multiprocess else b""
    if event.kind is EventKind.EXITED:
        return b"W%02x%b" % (event.status & 0xFF, which)
    if event.kind is EventKind.KILLED:
        return b"X%02x%b" % (event.signal & 0xFF, which)
    return None


def chunk(data: bytes, offset: int, length: int) -> bytes:
    """Return a part of an object of qXfer."""
    part = data[offset : offset + min(length, MAX_BINARY)]
    return (b"l" if offset + len(part) >= len(data) else b"m") + escape(part)


def stop(
    event: Event,
    thread: bytes,
    other: bytes,
    threads: bytes,
    title: str,
    registers: bytes,
    breakpoint_kind: GdbKind,
    client: Client,
) -> bytes:
    """Return the T packet for an event.

    ``thread``: the thread-id.  ``other``: FORKED, VFORKED: the child's; EXECUTED: the program's
    file in hex.  ``threads``: those of all threads, for clients that want them.
    ``title``: the thread's name.
    ``registers``: the expedited ones as ``number:value;``.
    ``breakpoint_kind``: which kind of breakpoint stands at pc, for a BREAKPOINT.
    """
    signal = _SIGNALS.get(event.kind, PosixSignal.SIGTRAP).value
    if event.kind is EventKind.SIGNALLED:
        signal = event.signal & 0xFF
    elif event.kind is EventKind.EXITING and event.text and event.status:  # no ordinary end
        signal = PosixSignal.SIGABRT.value
    if client.raw:
        return b"S%02x" % signal
    reason = _reason(event, other, breakpoint_kind, client)
    every = b"threads:%b;" % threads if client.list_threads else b""
    if client.list_threads:
        every += b"hexname:%b;" % printable(title).encode("utf-8").hex().encode("ascii")
    return b"T%02x%bthread:%b;%b%b" % (signal, registers, thread, every, reason)


def libraries_changed(thread: bytes, registers: bytes) -> bytes:
    """Return a stop that gdb does not show: it reads the list of libraries, and resumes.

    So it must come alone, before the machine moves, and never hide a stop of its own.
    """
    return b"T%02x%bthread:%b;library:;" % (PosixSignal.SIGTRAP.value, registers, thread)


def thread_stop(thread: bytes, title: str) -> bytes:
    """Return what a thread is called, and that it has not stopped for a reason of its own."""
    name = printable(title).encode("utf-8").hex().encode("ascii")
    return b"T00thread:%b;hexname:%b;" % (thread, name)


def vfork_done(thread: bytes, registers: bytes) -> bytes:
    """Return the stop that says a parent may go on; gdb shows none."""
    return b"T%02x%bthread:%b;vforkdone:;" % (PosixSignal.SIGTRAP.value, registers, thread)


def _reason(event: Event, other: bytes, breakpoint_kind: GdbKind, client: Client) -> bytes:
    match event.kind:
        case EventKind.WATCHPOINT if event.point is not None and event.address is not None:
            return b"%b:%x;" % (_WATCH_REASONS[event.point.kind], event.address)
        case EventKind.HISTORY_START:
            return b"replaylog:begin;"
        case EventKind.BREAKPOINT:
            hardware = breakpoint_kind is GdbKind.HARDWARE
            understood = client.hwbreak if hardware else client.swbreak
            return (b"hwbreak:;" if hardware else b"swbreak:;") if understood else b""
        case EventKind.FORKED:
            return b"fork:%b;" % other
        case EventKind.VFORKED:
            return b"vfork:%b;" % other
        case EventKind.EXECUTED:
            return b"exec:%b;" % other
        case _:
            return b""


def say(event: Event, icount: int) -> str:
    """Return the line that tells the user about an event; empty if gdb says it all."""
    match event.kind:
        case EventKind.EXITING:
            reason = event.text or f"exited with status {event.status}"
            return f"{reason} at instruction {icount}\n"
        case EventKind.HALTED:
            reason = event.text or "HLT with interrupts off"
            return f"the processor is halted for good at instruction {icount} ({reason})\n"
        case EventKind.MOVED:
            return f"moved to instruction {icount}\n"
        case EventKind.RESTARTED:
            return f"{event.text} at instruction {icount}\n"
        case _:
            return f"{event.text}\n" if event.text else ""
