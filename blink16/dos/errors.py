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
    FILE_EXISTS = 80
    NO_LONG_NAMES = 0x7100  # 71h's own way to say that DOS has just short names


class CallFailed(Exception):  # noqa: N818 - it is a result that DOS calls may have
    """A DOS call fails with a code, and maybe with a result besides (48h, 4Ah: the size)."""

    def __init__(self, code: Code, bx: int | None = None) -> None:
        super().__init__(code.name)
        self.code = code
        self.bx = bx


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
