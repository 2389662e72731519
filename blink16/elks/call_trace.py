"""ELKS' calls as a trace writes them: ``sh[2] open("/etc/passwd", 0, 0) = 3``.

Arguments are words: a register's name for a signed number; with ``:x``, ``:o`` or ``:p`` for a
hexadecimal, an octal number, a pointer; or ``path(bx)``, ``in(cx,dx)`` for bytes that the call
takes, ``out(cx)`` for those that it gives, as many as its result says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from blink16.elks.abi import ERRNO_NAMES, MOVED_CALLS, Call, Open
from blink16.elks.request import signed16
from blink16.memory import linear
from blink16.services import Guest

MAX_SHOWN = 32
"""Bytes of data that a line shows."""
MAX_PATH_SHOWN = 128
UNKNOWN = "bx:x cx:x dx:x"
_FROM = re.compile(r"(path|in|out)\((\w\w)(?:,(\w\w))?\)")

ARGUMENTS: Mapping[Call, str] = {
    Call.EXIT: "bx",
    Call.FORK: "",
    Call.READ: "bx out(cx) dx",
    Call.WRITE: "bx in(cx,dx) dx",
    Call.OPEN: "path(bx) cx:o dx:o",
    Call.CLOSE: "bx",
    Call.WAIT4: "bx cx:p dx",
    Call.LINK: "path(bx) path(cx)",
    Call.UNLINK: "path(bx)",
    Call.EXECVE: "path(bx) cx:p dx",
    Call.CHDIR: "path(bx)",
    Call.MKNOD: "path(bx) cx:o dx:x",
    Call.CHMOD: "path(bx) cx:o",
    Call.CHOWN: "path(bx) cx dx",
    Call.BRK: "bx:x",
    Call.STAT: "path(bx) cx:p",
    Call.LSEEK: "bx cx:p dx",
    Call.GETPID: "",
    Call.MOUNT: "path(bx) path(cx) dx:x",
    Call.UMOUNT: "path(bx)",
    Call.SETUID: "bx",
    Call.GETUID: "",
    Call.ALARM: "bx",
    Call.FSTAT: "bx cx:p",
    Call.PAUSE: "",
    Call.UTIME: "path(bx) cx:p",
    Call.CHROOT: "path(bx)",
    Call.VFORK: "",
    Call.ACCESS: "path(bx) cx:o",
    Call.SYNC: "",
    Call.KILL: "bx cx",
    Call.RENAME: "path(bx) path(cx)",
    Call.MKDIR: "path(bx) cx:o",
    Call.RMDIR: "path(bx)",
    Call.DUP: "bx",
    Call.PIPE: "bx:p",
    Call.DUP2: "bx cx",
    Call.SETGID: "bx",
    Call.GETGID: "",
    Call.SIGNAL: "bx dx:x cx:x",
    Call.FCNTL: "bx cx dx",
    Call.IOCTL: "bx cx:x dx:p",
    Call.LSTAT: "path(bx) cx:p",
    Call.SYMLINK: "path(bx) path(cx)",
    Call.READLINK: "path(bx) out(cx) dx",
    Call.UMASK: "bx:o",
    Call.SETTIMEOFDAY: "bx:p cx:p",
    Call.GETTIMEOFDAY: "bx:p cx:p",
    Call.SELECT: "bx cx:p dx:p di:p si:p",
    Call.READDIR: "bx cx:p dx",
    Call.FCHOWN: "bx cx dx",
    Call.SETSID: "",
    Call.SBRK: "bx cx:p",
    Call.USTATFS: "bx:x cx:p",
    Call.SETITIMER: "bx cx:p dx:p",
    Call.SYSCTL: "bx cx:p dx:p",
    Call.UNAME: "bx:p",
    Call.SOCKET: "bx cx dx",
    Call.BIND: "bx cx:p dx",
    Call.LISTEN: "bx cx",
    Call.ACCEPT: "bx cx:p dx:p",
    Call.CONNECT: "bx cx:p dx",
    Call.SETSOCKOPT: "bx cx dx di:p si",
    Call.GETSOCKNAM: "bx cx:p dx:p di",
    Call.FMEMALLOC: "bx cx:p",
    Call.FMEMFREE: "bx:x",
}


class TracedRequest(Protocol):
    """What a program asks for, by the registers of its call."""

    @property
    def guest(self) -> Guest:
        """The machine, in which DS is the caller's."""

    @property
    def number(self) -> int:
        """Of the call; arguments are read by their registers' names."""

    @property
    def cx(self) -> int:
        """An argument."""


class CallTrace:
    """One call, from before it is done."""

    def __init__(self, request: TracedRequest, who: str) -> None:
        """Note what it asks for: a call that is done may have changed that."""
        number = MOVED_CALLS.get(request.number, request.number)
        call = Call(number) if number in set(Call) else None
        self.who = who
        self._guest = request.guest
        self._segment = request.guest.registers.ds
        self._words = ARGUMENTS.get(call, UNKNOWN).split() if call is not None else []
        if call is Call.OPEN and not request.cx & Open.CREATE:
            self._words.pop()  # the mode is for new files
        self._name = f"call_{number}" if call is None else call.name.lower()
        self._request = request
        self._shown = [self._argument(word, None) for word in self._words]

    def done(self, result: int) -> str:
        """Return its line, with what came of it."""
        for at, word in enumerate(self._words):
            if word.startswith("out("):
                self._shown[at] = self._argument(word, max(0, signed16(result & 0xFFFF)))
        return f"{self._line()} = {_result(result)}"

    def gone(self, to: str) -> str:
        """Return the line of a call that does not come back."""
        return f"{self._line()} = {to}"

    def _line(self) -> str:
        return f"{self.who} {self._name}({', '.join(self._shown)})"

    def _value(self, register: str) -> int:
        value: int = getattr(self._request, register)
        return value

    def _argument(self, word: str, given: int | None) -> str:
        """Return an argument; ``given``: the bytes that came of the call, if it is done."""
        found = _FROM.fullmatch(word)
        if found is None:
            register, _, form = word.partition(":")
            value = self._value(register)
            return _FORMS[form].format(value if form else signed16(value))
        kind, register, length = found.groups()
        if kind == "out" and given is None:
            return _FORMS["p"].format(self._value(register))
        if kind == "path":
            text = self._bytes(register, MAX_PATH_SHOWN).partition(b"\0")[0]
            return _quoted(text, len(text))
        size = self._value(length) if kind == "in" else given or 0
        return _quoted(self._bytes(register, min(size, MAX_SHOWN)), size)

    def _bytes(self, register: str, length: int) -> bytes:
        """Return the caller's memory, past the watchpoints."""
        start = linear(self._segment, self._value(register))
        return bytes(self._guest.memory.ram[start : start + length])


_FORMS = {"": "{}", "x": "{:#x}", "p": "{:#06x}", "o": "{:#o}"}


def _result(value: int) -> str:
    signed = signed16(value & 0xFFFF)
    if -signed in ERRNO_NAMES:
        return f"-1 {ERRNO_NAMES[-signed]}"
    return str(signed)


def _quoted(data: bytes, size: int) -> str:
    text = data.decode("utf-8", "backslashreplace")
    shown = "".join(_ESCAPES.get(c, c if c.isprintable() else f"\\x{ord(c):02x}") for c in text)
    return f'"{shown}"' + ("..." if size > len(data) else "")


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\r": "\\r", "\n": "\\n", "\t": "\\t"}
