"""Numbers and structures that ELKS programs and their system share.

Sources: ELKS' linuxmt/*.h and the headers of dev86's libc, whose programs (a.out version 0)
know an older ``stat`` and ``termios``.
"""

from __future__ import annotations

import errno
from enum import IntEnum
from typing import Any

from construct import Bytes, Int8ul, Int16ul, Int32sl, Int32ul, PaddedString, Struct

from blink16.hostfs.filenodes import BLOCK_DEVICE as BLOCK_NUMBER
from blink16.hostfs.files import FileKind, Stat
from blink16.packing import packing


class Call(IntEnum):
    """System call numbers, in AX."""

    EXIT = 1
    FORK = 2
    READ = 3
    WRITE = 4
    OPEN = 5
    CLOSE = 6
    WAIT4 = 7
    LINK = 9
    UNLINK = 10
    EXECVE = 11
    CHDIR = 12
    MKNOD = 14
    CHMOD = 15
    CHOWN = 16
    BRK = 17
    STAT = 18
    LSEEK = 19
    GETPID = 20
    MOUNT = 21
    UMOUNT = 22
    SETUID = 23
    GETUID = 24
    ALARM = 27
    FSTAT = 28
    PAUSE = 29
    UTIME = 30
    CHROOT = 31
    VFORK = 32
    ACCESS = 33
    SYNC = 36
    KILL = 37
    RENAME = 38
    MKDIR = 39
    RMDIR = 40
    DUP = 41
    PIPE = 42
    TIMES = 43
    DUP2 = 45
    SETGID = 46
    GETGID = 47
    SIGNAL = 48
    FCNTL = 50
    IOCTL = 54
    REBOOT = 55
    LSTAT = 57
    SYMLINK = 58
    READLINK = 59
    UMASK = 60
    SETTIMEOFDAY = 61
    GETTIMEOFDAY = 62
    SELECT = 63
    READDIR = 64
    FCHOWN = 66
    SETSID = 68
    SBRK = 69
    USTATFS = 70
    SETITIMER = 71
    SYSCTL = 72
    UNAME = 74
    SOCKET = 75
    BIND = 76
    LISTEN = 77
    ACCEPT = 78
    CONNECT = 79
    SETSOCKOPT = 80
    GETSOCKNAM = 81
    FMEMALLOC = 82
    FMEMFREE = 83


MOVED_CALLS = {
    198: Call.SOCKET,
    200: Call.BIND,
    201: Call.LISTEN,
    202: Call.ACCEPT,
    203: Call.CONNECT,
    204: Call.SETSOCKOPT,
    205: Call.GETSOCKNAM,
    206: Call.FMEMALLOC,
    207: Call.FMEMFREE,
}
"""The numbers that these calls had until January 2026, in all programs built before."""


# fmt: off
_FIRST_ERRNOS = (
    "EPERM", "ENOENT", "ESRCH", "EINTR", "EIO", "ENXIO", "E2BIG", "ENOEXEC", "EBADF", "ECHILD",
    "EAGAIN", "ENOMEM", "EACCES", "EFAULT", "ENOTBLK", "EBUSY", "EEXIST", "EXDEV", "ENODEV",
    "ENOTDIR", "EISDIR", "EINVAL", "ENFILE", "EMFILE", "ENOTTY", "ETXTBSY", "EFBIG", "ENOSPC",
    "ESPIPE", "EROFS", "EMLINK", "EPIPE", "EDOM", "ERANGE", "EDEADLK", "ENAMETOOLONG", "ENOLCK",
    "ENOSYS", "ENOTEMPTY", "ELOOP",
)
"""In the order of ELKS' numbers, which begin at 1."""
_NETWORK_ERRNOS = {
    63: "ENOSR", 88: "ENOTSOCK", 98: "EADDRINUSE", 100: "ENETDOWN", 101: "ENETUNREACH",
    105: "ENOBUFS", 106: "EISCONN", 110: "ETIMEDOUT", 111: "ECONNREFUSED", 113: "EHOSTUNREACH",
    114: "EALREADY", 115: "EINPROGRESS",
}
# fmt: on
ERRNO_NAMES = dict(enumerate(_FIRST_ERRNOS, start=1)) | _NETWORK_ERRNOS
"""By ELKS' numbers."""
_NUMBERS = {name: number for number, name in ERRNO_NAMES.items()}


def elks_errno(number: int) -> int:
    """Return ELKS' number for an errno of the host, EIO if ELKS has none."""
    return _BY_HOST.get(number, _NUMBERS["EIO"])


_BY_HOST = {host: _NUMBERS[name] for host, name in errno.errorcode.items() if name in _NUMBERS}


class Open(IntEnum):
    """Flags of open() and of an open file.  They combine to plain numbers: what an IntFlag does
    with them takes as long as the rest of a call.
    """

    WRITE_ONLY = 0o1
    READ_WRITE = 0o2
    ACCESS_MODE = 0o3
    CREATE = 0o100
    EXCLUSIVE = 0o200
    NO_TERMINAL = 0o400
    TRUNCATE = 0o1000
    APPEND = 0o2000
    NO_DELAY = 0o4000


class Fcntl(IntEnum):
    """Commands of fcntl()."""

    DUPLICATE = 0
    GET_CLOSE_ON_EXEC = 1
    SET_CLOSE_ON_EXEC = 2
    GET_FLAGS = 3
    SET_FLAGS = 4


class Ioctl(IntEnum):
    """Commands of ioctl() on a tty."""

    TCGETS = 0x5401
    TCSETS = 0x5402
    TCSETSW = 0x5403
    TCSETSF = 0x5404
    TCFLSH = 0x540B
    TIOCGPGRP = 0x540F
    TIOCSPGRP = 0x5410
    TIOCGWINSZ = 0x5413
    TIOCSWINSZ = 0x5414
    FIONREAD = 0x541B


FILE_TYPE_MASK = 0o170000


class FileType(IntEnum):
    """The type bits of a file's mode."""

    FIFO = 0o010000
    CHARACTER_DEVICE = 0o020000
    DIRECTORY = 0o040000
    BLOCK_DEVICE = 0o060000
    REGULAR = 0o100000
    SYMLINK = 0o120000


FILE_TYPES = {
    FileKind.FILE: FileType.REGULAR,
    FileKind.DIRECTORY: FileType.DIRECTORY,
    FileKind.SYMLINK: FileType.SYMLINK,
    FileKind.OTHER: FileType.FIFO,
    FileKind.DEVICE: FileType.CHARACTER_DEVICE,
    FileKind.FIFO: FileType.FIFO,
}
FILES_DEVICE = 0x0380
"""The device that files lie on: the first floppy drive."""


def _stat_struct(inode: Any) -> Struct:
    return Struct(
        "device" / Int16ul,
        "inode" / inode,
        "mode" / Int16ul,
        "nlink" / Int16ul,
        "uid" / Int16ul,
        "gid" / Int16ul,
        "rdevice" / Int16ul,
        "size" / Int32sl,
        "atime" / Int32ul,
        "mtime" / Int32ul,
        "ctime" / Int32ul,
    )


STAT = _stat_struct(Int32ul)
OLD_STAT = _stat_struct(Int16ul)

TERMIOS = Struct(
    "input_flags" / Int32ul,
    "output_flags" / Int32ul,
    "control_flags" / Int32ul,
    "local_flags" / Int32ul,
    "line" / Int8ul,
    "characters" / Bytes(17),
)
TERMIOS_SIZE: int = TERMIOS.sizeof()

WINDOW_SIZE = Struct("rows" / Int16ul, "columns" / Int16ul, "x" / Int16ul, "y" / Int16ul)
TIMEVAL = Struct("seconds" / Int32ul, "microseconds" / Int32ul)
TIMEZONE = Struct("minutes_west" / Int16ul, "dst" / Int16ul)
TIMES = Struct("user" / Int32ul, "system" / Int32ul, "children" / Int32ul[2])
UTIMBUF = Struct("access" / Int32ul, "modification" / Int32ul)
UTSNAME = Struct(
    "sysname" / PaddedString(8, "ascii"),
    "nodename" / PaddedString(16, "ascii"),
    "release" / PaddedString(12, "ascii"),
    "version" / PaddedString(48, "ascii"),
    "machine" / PaddedString(16, "ascii"),
)
STATFS = Struct(
    "type" / Int16ul,
    "flags" / Int16ul,
    "device" / Int16ul,
    "block_size" / Int32ul,
    "blocks" / Int32ul,
    "free" / Int32ul,
    "available" / Int32ul,
    "files" / Int32ul,
    "free_files" / Int32ul,
    "mounted_on" / PaddedString(32, "ascii"),
)
MINIX_TYPE = 1
"""A Minix file system, in ``type``."""
SYSTEM_NAME = {
    "sysname": "ELKS",
    "nodename": "elks",
    "release": "0.8.1",
    "version": "blink16",
    "machine": "ibmpc i8086",
}
BUILT_NAME: bytes = UTSNAME.build(SYSTEM_NAME)
DIRECTORY_ENTRY = Struct("inode" / Int32ul, "offset" / Int32ul, "name_length" / Int16ul)

# The same, for calls that come in loops.
PACKED_STAT, PACKED_OLD_STAT = packing(STAT), packing(OLD_STAT)
PACKED_ENTRY, PACKED_WINDOW = packing(DIRECTORY_ENTRY), packing(WINDOW_SIZE)
PACKED_TIMEVAL = packing(TIMEVAL)
_TYPES: dict[int, int] = {int(kind): int(file_type) for kind, file_type in FILE_TYPES.items()}
_BLOCK_DEVICE = int(FileType.BLOCK_DEVICE)


def build_stat(stat: Stat, *, old: bool) -> bytes:
    """Return the stat structure of a file for the old or the new libc."""
    node, kind, mode, size, mtime, nlink, uid, gid, device = stat
    time = mtime if 0 <= mtime <= 0xFFFFFFFF else min(max(mtime, 0), 0xFFFFFFFF)
    file_type = _BLOCK_DEVICE if device & BLOCK_NUMBER else _TYPES[kind]
    return (PACKED_OLD_STAT if old else PACKED_STAT).pack(
        FILES_DEVICE,
        node & 0xFFFF if old else node,
        file_type | mode,
        nlink if nlink <= 0xFFFF else 0xFFFF,
        uid,
        gid,
        device & 0xFFFF,
        size if size <= 0x7FFFFFFF else 0x7FFFFFFF,
        time,
        time,
        time,
    )
