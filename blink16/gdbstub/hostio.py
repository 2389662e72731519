"""The files that a debugger may read through us: those that we make, and nothing else.

gdb asks for a program's file name (qXfer:exec-file) and then reads the file with vFile packets.
The only names that open here are those of the `board`; no file of the host can be reached.
gdb manual, "Host I/O Packets" and "File-I/O Remote Protocol Extension".
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from construct import Int32ub, Int64ub, Struct

from blink16.board import probe
from blink16.gdbstub.commands import fields
from blink16.gdbstub.commands.fields import MalformedError
from blink16.packets import PACKET_SIZE, escape

BOARD = "/blink16.elf"
"""The name of the first machine's program file, as gdb shows it: target:/blink16.elf."""
WHOLE = "/blink16-whole.elf"
"""The name of the file that has all that is known of the first machine."""
MAPS = "/proc/{}/maps"
"""The name of the file that says what lies in a process' memory, by gdb's number of that."""
TARGET = "target:"
"""What gdb puts before names of files that it is to read from us, whatever its sysroot."""
MAX_OPEN = 16
"""Files that a client may have open at a time; gdb opens two or three."""
MAX_NAME = 4096
O_ACCMODE = 3
S_IFREG_READABLE = 0o100444
STAT = Struct(
    "st_dev" / Int32ub,
    "st_ino" / Int32ub,
    "st_mode" / Int32ub,
    "st_nlink" / Int32ub,
    "st_uid" / Int32ub,
    "st_gid" / Int32ub,
    "st_rdev" / Int32ub,
    "st_size" / Int64ub,
    "st_blksize" / Int64ub,
    "st_blocks" / Int64ub,
    "st_atime" / Int32ub,
    "st_mtime" / Int32ub,
    "st_ctime" / Int32ub,
)
BLOCK = 512


def of_process(name: str, process: int) -> str:
    """Return the name of a machine's own such file.  gdb keeps what it has read by its name."""
    return name if process == 1 else name.replace(".", f"-{process}.")


class FileErrno(IntEnum):
    """File-I/O's errno values."""

    ENOENT = 2
    EBADF = 9
    EACCES = 13
    EINVAL = 22
    EMFILE = 24


class HostIOError(Exception):
    """An operation that fails, with its errno."""

    def __init__(self, errno: FileErrno) -> None:
        super().__init__(errno.name)
        self.errno = errno


@dataclass(slots=True)
class OpenFile:
    """A file that a client reads."""

    content: bytes
    is_read_beyond: bool | None = None
    """Of a file that tells what the client can read: whether more than its beginning was read."""

    def read(self, offset: int, count: int) -> bytes:
        """Return bytes from some offset on, fewer at the end of the beginning or of the file."""
        if probe.tells(self.content):
            self.is_read_beyond = self.is_read_beyond or offset >= probe.LOOK
            if offset < probe.LOOK:
                count = min(count, probe.LOOK - offset)
        return self.content[offset : offset + count]


class HostFiles:
    """The open files of one client.

    ``find`` returns the content of the file of that name, None if there is none.  A file stays
    as it was when it was opened.  ``reads_x86_64`` hears whether the client can read files for
    an x86-64, when it closes one (`board.probe`).
    """

    def __init__(
        self, find: Callable[[str], bytes | None], reads_x86_64: Callable[[bool], None]
    ) -> None:
        self._find = find
        self._reads_x86_64 = reads_x86_64
        self._open: dict[int, OpenFile] = {}

    def answer(self, operation: bytes, arguments: Sequence[bytes]) -> bytes | None:
        """Return the reply to a vFile packet; None if we don't know the operation."""
        carry_out = _OPERATIONS.get(operation)
        if carry_out is None:
            return None
        try:
            return carry_out(self, arguments)
        except HostIOError as error:
            return b"F-1,%x" % error.errno

    def _setfs(self, arguments: Sequence[bytes]) -> bytes:
        _numbers(arguments, 1)  # a process in whose file system names are meant: all have one
        return b"F0"

    def _opens(self, arguments: Sequence[bytes]) -> bytes:
        if len(arguments) != 3 or len(arguments[0]) > 2 * MAX_NAME:
            raise HostIOError(FileErrno.EINVAL)
        flags, _ = _numbers(arguments[1:], 2)
        content = self._find(_name(arguments[0]))
        if content is None:
            raise HostIOError(FileErrno.ENOENT)
        if flags & O_ACCMODE:
            raise HostIOError(FileErrno.EACCES)
        if len(self._open) >= MAX_OPEN:
            raise HostIOError(FileErrno.EMFILE)
        handle = next(number for number in range(MAX_OPEN) if number not in self._open)
        self._open[handle] = OpenFile(content)
        return b"F%x" % handle

    def _reads(self, arguments: Sequence[bytes]) -> bytes:
        handle, count, offset = _numbers(arguments, 3)
        content = self._file(handle).read(offset, min(count, PACKET_SIZE // 2 - 16))
        return b"F%x;" % len(content) + escape(content)

    def _stats(self, arguments: Sequence[bytes]) -> bytes:
        (handle,) = _numbers(arguments, 1)
        stat = _stat(self._file(handle).content)
        return b"F%x;" % len(stat) + escape(stat)

    def _closes(self, arguments: Sequence[bytes]) -> bytes:
        (handle,) = _numbers(arguments, 1)
        file = self._file(handle)
        del self._open[handle]
        if file.is_read_beyond is not None:
            self._reads_x86_64(file.is_read_beyond)
        return b"F0"

    def _file(self, handle: int) -> OpenFile:
        if handle not in self._open:
            raise HostIOError(FileErrno.EBADF)
        return self._open[handle]


_OPERATIONS = {
    b"setfs": HostFiles._setfs,
    b"open": HostFiles._opens,
    b"pread": HostFiles._reads,
    b"fstat": HostFiles._stats,
    b"close": HostFiles._closes,
}


def _numbers(parts: Sequence[bytes], count: int) -> list[int]:
    try:
        numbers = [fields.number(part, "number") for part in parts]
    except MalformedError:
        raise HostIOError(FileErrno.EINVAL) from None
    if len(numbers) != count:
        raise HostIOError(FileErrno.EINVAL)
    return numbers


def _name(field: bytes) -> str:
    try:
        return bytes.fromhex(field.decode("ascii")).decode("utf-8")
    except ValueError:
        raise HostIOError(FileErrno.EINVAL) from None


LATEST, RECENT = 0xFFFFFFFF, 0x3FFFFFFF
"""The board is younger than any source file, or gdb warns of sources newer than their program."""


def _stat(content: bytes) -> bytes:
    """Return the board's struct stat.  gdb keeps files that it has read, by number and time."""
    identity = zlib.crc32(content)
    return bytes(
        STAT.build(
            {
                "st_dev": 0,
                "st_ino": identity,
                "st_mode": S_IFREG_READABLE,
                "st_nlink": 1,
                "st_uid": 0,
                "st_gid": 0,
                "st_rdev": 0,
                "st_size": len(content),
                "st_blksize": BLOCK,
                "st_blocks": -(-len(content) // BLOCK),
                "st_atime": 0,
                "st_mtime": LATEST - (identity & RECENT),
                "st_ctime": 0,
            }
        )
    )
