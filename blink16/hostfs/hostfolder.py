"""The host folder that guests see as their root, entered without ever following a link.

Every access to the host's files goes through `HostFolder`.  What a guest may see is asked once
and then frozen: the answers are kept outside the machine's state, so that a replay sees what
the first run saw whatever has happened to the folder since.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum, IntEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple

from blink16.hostfs import folderhandles
from blink16.hostfs.folderhandles import SAFELY, Place

MAX_FILE_SIZE = 32 << 20
"""Bytes in a file; a longer host file can't be read (EFBIG)."""
MAX_FROZEN_BYTES = 256 << 20
"""Bytes of host files kept for one tree; ENOMEM beyond."""
MAX_DIRECTORY_ENTRIES = 16384
"""Names in a host folder; a longer one can't be listed (EOVERFLOW)."""

HostPath = tuple[str, ...]
"""Names from the root of the tree on; () is the root itself.  Never contains '..'."""


class FileKind(IntEnum):
    """What a file is."""

    FILE = 1
    DIRECTORY = 2
    SYMLINK = 3
    OTHER = 4
    """A device, fifo or socket of the host: it can be seen but not opened."""
    DEVICE = 5
    """A device of the guest's system, which the host has not."""
    FIFO = 6
    """A named pipe of the guest."""


class HostEntry(NamedTuple):
    """What the host said about one name."""

    kind: FileKind
    mode: int
    """Permission bits."""
    size: int
    mtime: int
    """Seconds since the Unix epoch."""
    target: str = ""
    """Of a symbolic link; absolute ones begin at the tree's root."""


class HostQuestion(Enum):
    """What can be asked of a host path."""

    NAMES = "names"
    ENTRY = "entry"
    CONTENT = "content"
    CHANGE = "change"
    """No question: whether a change, by its number, failed."""

    __hash__ = object.__hash__  # an enum's own is Python's code, and answers are looked up often


HostAnswer = frozenset[str] | HostEntry | bytes | int
"""Names, entry or content; or the errno of a question that failed."""
HostAnswers = dict[tuple[HostQuestion, HostPath], HostAnswer]
"""All that was asked, in the order of first use."""


def os_error(number: int, name: str = "") -> OSError:
    """Return the OSError for an errno."""
    return OSError(number, _meaning(number), name or None)


@cache
def _meaning(number: int) -> str:
    return os.strerror(number)


class HostFolder:
    """A folder of the host: what it holds as of first use, and writing through to it.

    All methods raise OSError.  Questions are answered as they were the first time; changes
    (`write` and what follows) act on the folder at once and leave the frozen answers alone.
    """

    def __init__(
        self, root: Path | None, answers: HostAnswers | None = None, prefix: HostPath = ()
    ) -> None:
        """See a folder.

        ``answers``: what the host has said before.  Without a ``root`` that is all there is.
        ``prefix``: before the paths in there, where several folders share them.
        """
        self._prefix = prefix
        self._root = "" if root is None else str(root.resolve(strict=True))
        if root is not None and not Path(self._root).is_dir():
            raise os_error(errno.ENOTDIR, str(root))
        self._place = Path(self._root)
        self.answers: HostAnswers = {} if answers is None else answers
        """All that the guest was told of the host; what is put here is not asked again."""
        self._frozen_bytes = 0
        self._moves: list[tuple[HostPath, HostPath]] = []
        """What was moved on the host, in order: questions name what lay there at first."""

    # -- questions, frozen on first use ------------------------------------------------------

    def names(self, path: HostPath) -> frozenset[str]:
        """Return the names in a folder."""
        answer = self._ask(HostQuestion.NAMES, path)
        assert isinstance(answer, frozenset)
        return answer

    def entry(self, path: HostPath) -> HostEntry:
        """Return what a name stands for, without following it."""
        answer = self._ask(HostQuestion.ENTRY, path)
        assert isinstance(answer, HostEntry)
        return answer

    def content(self, path: HostPath) -> bytes:
        """Return a file's content, as long as `entry` says at most."""
        answer = self._ask(HostQuestion.CONTENT, path)
        assert isinstance(answer, bytes)
        return answer

    def _ask(self, question: HostQuestion, path: HostPath) -> HostAnswer:
        """Answer as the first time; an error stays an error, too."""
        key = (question, self._prefix + path)
        if key not in self.answers:
            ask: dict[HostQuestion, Callable[[HostPath], HostAnswer]] = {
                HostQuestion.NAMES: self._ask_names,
                HostQuestion.ENTRY: self._ask_entry,
                HostQuestion.CONTENT: self._ask_content,
            }
            try:
                self.answers[key] = ask[question](path)
            except OSError as error:
                self.answers[key] = error.errno or errno.EIO
        answer = self.answers[key]
        if isinstance(answer, int):
            raise os_error(answer, "/".join(path))
        return answer

    def _ask_names(self, path: HostPath) -> frozenset[str]:
        with self._directory(self._now(path)) as place:
            names = frozenset(place.names())
        if len(names) > MAX_DIRECTORY_ENTRIES:
            raise os_error(errno.EOVERFLOW)
        return names

    def _ask_content(self, path: HostPath) -> bytes:
        size = self.entry(path).size
        if size > MAX_FILE_SIZE:
            raise os_error(errno.EFBIG)
        if self._frozen_bytes + size > MAX_FROZEN_BYTES:
            raise os_error(errno.ENOMEM)
        with self._file(self._now(path), os.O_RDONLY) as fd, open(fd, "rb", closefd=False) as file:
            data = file.read(size)
        self._frozen_bytes += len(data)
        return data

    def _ask_entry(self, path: HostPath) -> HostEntry:
        if not path and not self._root:
            return HostEntry(FileKind.DIRECTORY, 0o555, 0, 0)
        if not path:
            info = Path(self._root).stat()
            return HostEntry(FileKind.DIRECTORY, info.st_mode & 0o7777, 0, int(info.st_mtime))
        path = self._now(path)
        with self._directory(path[:-1], path[-1]) as place:
            info = place.status(path[-1])
            kind, target = _kind(info), ""
            if kind is FileKind.SYMLINK:
                target = os.readlink(place.name(path[-1]), dir_fd=place.handle)
                target = target.replace(os.sep, "/")
        # A link to an absolute path below the root names the same file for host and guest.
        root = self._root.replace(os.sep, "/")
        if target == root or target.startswith(root.rstrip("/") + "/"):
            target = "/" + target[len(root) :].lstrip("/")
        size = info.st_size if kind is FileKind.FILE else len(target)
        return HostEntry(kind, info.st_mode & 0o7777, size, int(info.st_mtime), target)

    # -- changes -----------------------------------------------------------------------------

    def link(self, old: HostPath, new: HostPath) -> None:
        """Give a file one more name."""
        follow = {"follow_symlinks": False} if os.link in os.supports_follow_symlinks else {}
        with self._two(old, new) as (source, target):
            os.link(
                source.name(old[-1]),
                target.name(new[-1]),
                src_dir_fd=source.handle,
                dst_dir_fd=target.handle,
                **follow,
            )

    def write(self, path: HostPath, offset: int, data: bytes) -> None:
        """Store bytes in an existing file."""
        with self._file(path, os.O_WRONLY) as fd:
            os.lseek(fd, offset, os.SEEK_SET)
            while data:
                data = data[os.write(fd, data) :]

    def truncate(self, path: HostPath, size: int) -> None:
        """Set a file's length."""
        with self._file(path, os.O_WRONLY) as fd:
            os.ftruncate(fd, size)

    def create(self, path: HostPath, mode: int) -> None:
        """Create a file that was not there."""
        with self._file(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode):
            pass

    def chmod(self, path: HostPath, mode: int) -> None:
        """Set the permission bits of a file or folder."""
        with self._itself(path) as file:
            os.chmod(file, mode)  # noqa: PTH101 (it may be a descriptor)

    def utime(self, path: HostPath, mtime: int) -> None:
        """Set the time of last change of a file or folder, in seconds since the epoch."""
        with self._itself(path) as file:
            os.utime(file, (mtime, mtime))

    def symlink(self, path: HostPath, target: str) -> None:
        """Make a symbolic link, if it can't lead out of the folder, wherever it is moved."""
        if target.startswith("/") or ".." in target.split("/"):
            raise OSError(errno.EPERM, "outside of the guest, this link could lead anywhere")
        with self._directory(path[:-1], path[-1]) as place:
            os.symlink(target, place.name(path[-1]), dir_fd=place.handle)

    def mkdir(self, path: HostPath, mode: int) -> None:
        """Make a folder."""
        with self._directory(path[:-1], path[-1]) as place:
            os.mkdir(place.name(path[-1]), mode, dir_fd=place.handle)

    def rmdir(self, path: HostPath) -> None:
        """Remove an empty folder."""
        with self._directory(path[:-1], path[-1]) as place:
            os.rmdir(place.name(path[-1]), dir_fd=place.handle)

    def unlink(self, path: HostPath) -> None:
        """Remove a file or link."""
        with self._directory(path[:-1], path[-1]) as place:
            os.unlink(place.name(path[-1]), dir_fd=place.handle)

    def rename(self, old: HostPath, new: HostPath) -> None:
        """Move a file or folder, replacing what has the new name."""
        with self._two(old, new) as (source, target):
            os.replace(
                source.name(old[-1]),
                target.name(new[-1]),
                src_dir_fd=source.handle,
                dst_dir_fd=target.handle,
            )
        self._moves.append((old, new))

    def _now(self, path: HostPath) -> HostPath:
        """Return where that lies now which lay at ``path`` before we moved anything."""
        for old, new in self._moves:
            if path[: len(old)] == old:
                path = new + path[len(old) :]
        return path

    # -- the way in: name by name from the root, so that no swapped link can lead out --------

    def _directory(self, path: HostPath, name: str = "") -> AbstractContextManager[Place]:
        """Open a folder, in which ``name`` is to be used."""
        if not self._root:
            raise os_error(errno.ENOENT, "/".join(path))
        folderhandles.check_name(name)
        return folderhandles.opened(self._place, path)

    @contextmanager
    def _two(self, old: HostPath, new: HostPath) -> Iterator[tuple[Place, Place]]:
        """Open the folders of an old and a new name."""
        with (
            self._directory(old[:-1], old[-1]) as source,
            self._directory(new[:-1], new[-1]) as target,
        ):
            yield source, target

    @contextmanager
    def _file(
        self, path: HostPath, flags: int, mode: int = 0, *, regular: bool = True
    ) -> Iterator[int]:
        """Open a file; SAFELY, since a fifo put in its place must not block us."""
        name = path[-1] if path else "."
        with self._directory(path[:-1], path[-1] if path else "") as place:
            if place.handle is None and not flags & os.O_EXCL:
                _refuse_links(place, name)
            fd = os.open(place.name(name), flags | SAFELY, mode, dir_fd=place.handle)
        try:
            if regular and not stat.S_ISREG(os.fstat(fd).st_mode):
                raise os_error(errno.EACCES, "/".join(path))
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def _itself(self, path: HostPath) -> Iterator[int | str]:
        """Open a file or folder to change what is known of it; it is its path where folders can't
        be opened.
        """
        if folderhandles.HAS_HANDLES:
            with self._file(path, os.O_RDONLY, regular=False) as fd:
                yield fd
            return
        name = path[-1] if path else "."
        with self._directory(path[:-1], path[-1] if path else "") as place:
            _refuse_links(place, name)
            yield place.name(name)


def _refuse_links(place: Place, name: str) -> None:
    if folderhandles.is_link(place.status(name)):
        raise os_error(errno.ELOOP, name)


def _kind(info: os.stat_result) -> FileKind:
    mode = info.st_mode
    if stat.S_ISLNK(mode):
        return FileKind.SYMLINK
    if folderhandles.is_link(info):
        return FileKind.OTHER  # a junction
    if stat.S_ISREG(mode):
        return FileKind.FILE
    return FileKind.DIRECTORY if stat.S_ISDIR(mode) else FileKind.OTHER
