"""What goes wrong in DOS: programs that can't be loaded, and calls that fail."""

from __future__ import annotations

import errno
from enum import IntEnum


class DosError(ValueError):
    """A program that DOS can't load, and why, in one line."""


class Code(IntEnum):
    """DOS' error codes, as calls return them in AX and INT 21h/59h tells them again."""

    INVALID_FUNCTION = 1
    FILE_NOT_FOUND = 2
    PATH_NOT_FOUND = 3
    TOO_MANY_OPEN_FILES = 4
    ACCESS_DENIED = 5
    INVALID_HANDLE = 6
    MEMORY_DESTROYED = 7
    NOT_ENOUGH_MEMORY = 8
    INVALID_MEMORY_BLOCK = 9
    INVALID_ENVIRONMENT = 10
    INVALID_FORMAT = 11
    INVALID_ACCESS_CODE = 12
    INVALID_DATA = 13
    INVALID_DRIVE = 15
    CURRENT_DIRECTORY = 16
    NOT_SAME_DEVICE = 17
    NO_MORE_FILES = 18
    WRITE_PROTECT = 19
    UNKNOWN_UNIT = 20
    DRIVE_NOT_READY = 21
    UNKNOWN_COMMAND = 22
    DATA_ERROR = 23
    BAD_REQUEST = 24
    SEEK_ERROR = 25
    UNKNOWN_MEDIA = 26
    SECTOR_NOT_FOUND = 27
    OUT_OF_PAPER = 28
    WRITE_FAULT = 29
    READ_FAULT = 30
    GENERAL_FAILURE = 31
    HANDLE_DISK_FULL = 39
    NOT_SUPPORTED = 50
    FILE_EXISTS = 80
    FAIL_ON_INT_24 = 83
    NO_LONG_NAMES = 0x7100  # 71h's own way to say that DOS has just short names


class CallFailed(Exception):  # noqa: N818 - it is a result that DOS calls may have
    """A DOS call fails with a code, and maybe with a result besides (48h, 4Ah: the size)."""

    def __init__(self, code: Code, bx: int | None = None) -> None:
        self.code = code  # what `args` has, BaseException has put there
        self.bx = bx


class CriticalKind(IntEnum):
    """What INT 24h has in DI."""

    WRITE_PROTECT = 0x00
    UNKNOWN_UNIT = 0x01
    NOT_READY = 0x02
    UNKNOWN_MEDIA = 0x07
    SECTOR_NOT_FOUND = 0x08
    WRITE_FAULT = 0x0A
    READ_FAULT = 0x0B
    GENERAL_FAILURE = 0x0C


_DETAILS = {
    # class, suggested action, locus
    Code.INVALID_FUNCTION: (7, 4, 1),
    Code.FILE_NOT_FOUND: (8, 3, 2),
    Code.PATH_NOT_FOUND: (8, 3, 2),
    Code.TOO_MANY_OPEN_FILES: (1, 4, 1),
    Code.ACCESS_DENIED: (3, 3, 1),
    Code.INVALID_HANDLE: (7, 4, 1),
    Code.MEMORY_DESTROYED: (7, 5, 5),
    Code.NOT_ENOUGH_MEMORY: (1, 4, 5),
    Code.INVALID_MEMORY_BLOCK: (7, 4, 5),
    Code.INVALID_ENVIRONMENT: (7, 4, 5),
    Code.INVALID_FORMAT: (9, 3, 1),
    Code.INVALID_ACCESS_CODE: (7, 4, 1),
    Code.INVALID_DATA: (9, 4, 1),
    Code.INVALID_DRIVE: (8, 3, 2),
    Code.CURRENT_DIRECTORY: (3, 3, 2),
    Code.NOT_SAME_DEVICE: (13, 3, 2),
    Code.NO_MORE_FILES: (8, 3, 2),
    Code.WRITE_PROTECT: (11, 7, 2),
    Code.DRIVE_NOT_READY: (11, 7, 2),
    Code.UNKNOWN_MEDIA: (11, 7, 2),
    Code.SECTOR_NOT_FOUND: (11, 1, 2),
    Code.FILE_EXISTS: (12, 3, 2),
    Code.FAIL_ON_INT_24: (13, 4, 1),
}


def error_details(code: int) -> tuple[int, int, int]:
    """Return what 59h tells of an error besides: class, suggested action, locus.

    Source: MS-DOS Programmer's Reference, "Extended errors".
    """
    if not code:
        return 0, 0, 0
    return _DETAILS.get(Code(code), (13, 5, 1)) if code in set(Code) else (13, 5, 1)


CRITICAL_BASE = 0x13
"""Added to a `CriticalKind` it is the code that the call fails with."""


class CriticalError(Exception):
    """A drive can't do what a call wants: INT 24h asks what to do."""

    def __init__(self, kind: CriticalKind, drive: int, writing: bool) -> None:
        super().__init__(kind.name)
        self.kind = kind
        self.drive = drive
        """From 0 for A."""
        self.writing = writing


_CODES = {
    errno.ENOENT: Code.FILE_NOT_FOUND,
    errno.ENOTDIR: Code.PATH_NOT_FOUND,
    errno.ENAMETOOLONG: Code.PATH_NOT_FOUND,
    errno.ELOOP: Code.PATH_NOT_FOUND,
    errno.EMFILE: Code.TOO_MANY_OPEN_FILES,
    errno.ENFILE: Code.TOO_MANY_OPEN_FILES,
    errno.EBADF: Code.INVALID_HANDLE,
    errno.EEXIST: Code.FILE_EXISTS,
    errno.EXDEV: Code.NOT_SAME_DEVICE,
    errno.EINVAL: Code.INVALID_DATA,
}


def call_failed(error: OSError) -> CallFailed:
    """Return the file tree's error as DOS has it; what DOS has no code for is access denied."""
    return CallFailed(_CODES.get(error.errno or 0, Code.ACCESS_DENIED))
