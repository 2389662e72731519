"""Numbers and structures that ELKS programs and their system share.

Sources: ELKS' linuxmt/*.h and the headers of dev86's libc, whose programs (a.out version 0)
know an older ``stat`` and ``termios``.
"""

from __future__ import annotations

import errno
from enum import IntEnum, IntFlag
from typing import Any

from construct import Bytes, Int8ul, Int16ul, Int32sl, Int32ul, PaddedString, Struct

from blink16.files import FileKind, Stat


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
    FMEMALLOC = 82
    FMEMFREE = 83


# fmt: off
ERRNO_NAMES = (
    "EPERM", "ENOENT", "ESRCH", "EINTR", "EIO", "ENXIO", "E2BIG", "ENOEXEC", "EBADF", "ECHILD",
    "EAGAIN", "ENOMEM", "EACCES", "EFAULT", "ENOTBLK", "EBUSY", "EEXIST", "EXDEV", "ENODEV",
    "ENOTDIR", "EISDIR", "EINVAL", "ENFILE", "EMFILE", "ENOTTY", "ETXTBSY", "EFBIG", "ENOSPC",
    "ESPIPE", "EROFS", "EMLINK", "EPIPE", "EDOM", "ERANGE", "EDEADLK", "ENAMETOOLONG", "ENOLCK",
    "ENOSYS", "ENOTEMPTY", "ELOOP",
)
"""In the order of ELKS' numbers, which begin at 1."""
# fmt: on
_NUMBERS = {name: number for number, name in enumerate(ERRNO_NAMES, start=1)}


def elks_errno(number: int) -> int:
    """Return ELKS' number for an errno of the host, EIO if ELKS has none."""
    return _NUMBERS.get(errno.errorcode.get(number, ""), _NUMBERS["EIO"])


class Open(IntFlag):
    """Flags of open() and of an open file."""

    WRITE_ONLY = 0o1
    READ_WRITE = 0o2
    ACCESS_MODE = 0o3
    CREATE = 0o100
    EXCLUSIVE = 0o200
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
    TIOCGWINSZ = 0x5413
    FIONREAD = 0x541B


FILE_TYPES = {
    FileKind.FILE: 0o100000,
    FileKind.DIRECTORY: 0o040000,
    FileKind.SYMLINK: 0o120000,
    FileKind.OTHER: 0o010000,
}
TTY_MODE = 0o020620
TTY_DEVICE = 0x0400
FILES_DEVICE = 0x0300


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
ICANON = 0o2
VMIN = 6
VISIBLE_CHARACTERS = bytes((3, 28, 8, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 127))
INITIAL_TERMIOS: bytes = TERMIOS.build(
    {
        "input_flags": 0o2400,  # ICRNL, IXON
        "output_flags": 0o5,  # OPOST, ONLCR
        "control_flags": 0o2275,  # 9600 baud, CS8, CREAD, HUPCL
        "local_flags": 0o73,  # ISIG, ICANON, ECHO, ECHOE, ECHOK
        "line": 0,
        "characters": VISIBLE_CHARACTERS,
    }
)

WINDOW_SIZE = Struct("rows" / Int16ul, "columns" / Int16ul, "x" / Int16ul, "y" / Int16ul)
TIMEVAL = Struct("seconds" / Int32ul, "microseconds" / Int32ul)
TIMEZONE = Struct("minutes_west" / Int16ul, "dst" / Int16ul)
TIMES = Struct("user" / Int32ul, "system" / Int32ul, "children" / Int32ul[2])
UTIMBUF = Struct("access" / Int32ul, "modification" / Int32ul)
UTSNAME = Struct(
    "sysname" / PaddedString(9, "ascii"),
    "nodename" / PaddedString(65, "ascii"),
    "release" / PaddedString(15, "ascii"),
    "version" / PaddedString(40, "ascii"),
    "machine" / PaddedString(9, "ascii"),
)
RELEASE = "0.8.1"
DIRECTORY_ENTRY = Struct("inode" / Int32ul, "offset" / Int32ul, "name_length" / Int16ul)


def build_stat(stat: Stat | None, *, old: bool) -> bytes:
    """Return the stat structure of a file, or of the console, for the old or the new libc."""
    inode, mode, size, nlink, device, time = 1, TTY_MODE, 0, 1, TTY_DEVICE, 0
    if stat is not None:
        inode, size, nlink, device = stat.node, stat.size, stat.nlink, 0
        mode = FILE_TYPES[stat.kind] | stat.mode
        time = min(max(stat.mtime, 0), 0xFFFFFFFF)
    struct = OLD_STAT if old else STAT
    built: bytes = struct.build(
        {
            "device": FILES_DEVICE,
            "inode": inode & 0xFFFF if old else inode,
            "mode": mode,
            "nlink": nlink,
            "uid": 0,
            "gid": 0,
            "rdevice": device,
            "size": min(size, 0x7FFFFFFF),
            "atime": time,
            "mtime": time,
            "ctime": time,
        }
    )
    return built
