"""What a guest changes in files that are there: content, mode, owner and time, and their state.

Whatever it changes lies in an overlay in memory, which is part of the machine's state.  Where the
tree is writable, changes also go through to the host, each with the way to undo it.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

from blink16.hostfs.chunks import Content, to_chunks
from blink16.hostfs.filenodes import GONE, MODE_BITS, Inode
from blink16.hostfs.foundfiles import FoundFiles
from blink16.hostfs.hostchanges import HostChanges, PutBack, Undo
from blink16.hostfs.hostfolder import MAX_FILE_SIZE, FileKind, HostFolder, HostPath, os_error

MAX_OVERLAY_BYTES = 64 << 20
"""Bytes in changed files; ENOSPC beyond."""
OF_THE_HOST = frozenset({FileKind.FILE, FileKind.DIRECTORY, FileKind.SYMLINK, FileKind.OTHER})
"""What the host's folder can hold; the guest alone has devices and fifos."""

_FILE = FileKind.FILE  # looking up an enum's member takes as long as much of a call


class ChangedFiles(FoundFiles):
    """Files whose content and attributes the guest changes; methods raise OSError with an errno.

    Who changes a node notes it (`_note`): what is not noted is not saved.
    """

    def __init__(
        self,
        host: HostFolder,
        *,
        writable: bool,
        effect: Callable[[Callable[[], None]], None],
        clock: Callable[[], int],
        notice: Callable[[str], None],
        now: Callable[[], int],
    ) -> None:
        """See `FileTree` for what these are."""
        super().__init__(host)
        self._writable = writable
        self._clock = clock
        self._changes = HostChanges(host, writable=writable, effect=effect, notice=notice, now=now)

    def put_back(self, instant: int) -> PutBack:
        """Undo what was changed on the host behind an instant, at which history is cut."""
        return self._changes.undo_after(instant)

    def free_bytes(self) -> int:
        """Return how many more bytes changed files may have."""
        return MAX_OVERLAY_BYTES - self._overlay_bytes

    # -- content -----------------------------------------------------------------------------

    def write(self, node: int, offset: int, data: bytes) -> int:
        """Store bytes at ``offset``, with zeros in a gap before it; return how many."""
        n = self._nodes.get(node)
        if n is None or n.kind != _FILE:
            n = self._node(node, _FILE)
        if offset < 0:
            raise os_error(errno.EINVAL)
        count = len(data)
        if not count:
            return 0
        end, content = offset + count, n.content
        if content is None or end > n.size:
            content = self._room_for(n, max(n.size, end))
        if self._writable:
            self._write_through(node, n, offset, data, content)
        content.put(offset, data)
        if content is n.content and end <= n.size:
            n.mtime = self._clock()
            self._note(node)
        else:
            self._set_content(node, n, max(n.size, end), content)
        return count

    def _write_through(
        self, node: int, n: Inode, offset: int, data: bytes, content: Content
    ) -> None:
        """Write to the host's file; ``content``: as it was before."""
        size, mtime = n.size, _mtime_on_host(n)
        lost = content.get(offset, min(offset + len(data), size)) if offset < size else b""

        def undo(path: HostPath) -> None:
            self._host.write(path, offset, lost)
            self._host.truncate(path, size)
            self._restore_time(mtime, path)

        self._through(node, lambda path: self._host.write(path, offset, data), undo, len(lost))

    def truncate(self, node: int, size: int = 0) -> None:
        """Set a file's length; what is new reads as zeros."""
        n = self._node(node, _FILE)
        if size < 0:
            raise os_error(errno.EINVAL)
        content = self._room_for(n, size)
        if self._writable:
            self._truncate_through(node, n, size, content)
        content.resize(size)
        self._set_content(node, n, size, content)

    def _truncate_through(self, node: int, n: Inode, size: int, content: Content) -> None:
        """Set the length of the host's file; ``content``: as it was before."""
        before, mtime = n.size, _mtime_on_host(n)
        lost = content.get(size, before) if size < before else b""

        def undo(path: HostPath) -> None:
            self._host.truncate(path, before)
            self._host.write(path, size, lost)
            self._restore_time(mtime, path)

        self._through(node, lambda path: self._host.truncate(path, size), undo, len(lost))

    def _room_for(self, n: Inode, size: int) -> Content:
        """Return a file's content, to be changed; an error unless it may become so long."""
        if size > MAX_FILE_SIZE:
            raise os_error(errno.EFBIG, n.name)
        if self._overlay_bytes - _overlay_size(n) + size > MAX_OVERLAY_BYTES:
            raise os_error(errno.ENOSPC, n.name)
        return n.content if n.content is not None else Content(to_chunks(self._host_content(n)))

    def _set_content(self, node: int, n: Inode, size: int, content: Content) -> None:
        self._overlay_bytes += size - (0 if n.content is None else n.size)
        n.content, n.size, n.mtime = content, size, self._clock()
        self._note(node)

    def hold(self, node: int) -> None:
        """Keep a node even when it is unlinked; once for each open file."""
        if node not in self._nodes:
            raise os_error(errno.EBADF)
        self._saved = None
        self._holds[node] = self._holds.get(node, 0) + 1

    def release(self, node: int) -> None:
        """Undo one `hold`; an unlinked file vanishes with the last."""
        self._saved = None
        self._holds[node] -= 1
        if not self._holds[node]:
            del self._holds[node]
            if self._nodes[node].parent == GONE:
                self._bury(node)

    def _bury(self, node: int) -> None:
        """Forget a node that is unlinked and not held."""
        n = self._nodes.get(node)
        if n is not None and n.parent == GONE and node not in self._holds:
            if n.content is not None:
                self._overlay_bytes -= n.size
            del self._nodes[node]
            self._listings.pop(node, None)
            self._note(node)

    # -- attributes --------------------------------------------------------------------------

    def chmod(self, node: int, mode: int) -> None:
        """Set permission bits."""
        n = self._nodes[node]
        if self._writable:
            before = n.mode
            self._through(
                node,
                lambda path: self._host.chmod(path, mode & MODE_BITS),
                lambda path: self._host.chmod(path, before),
            )
        n.mode = mode & MODE_BITS
        self._note(node)

    def chown(self, node: int, uid: int, gid: int) -> None:
        """Set the owner and the group; both are the guest's alone."""
        n = self._nodes[node]
        n.uid, n.gid = uid, gid
        self._note(node)

    def utime(self, node: int, mtime: int) -> None:
        """Set the time of last change, in seconds since the Unix epoch."""
        n = self._nodes[node]
        if self._writable:
            before = n.mtime
            self._through(
                node,
                lambda path: self._host.utime(path, mtime),
                lambda path: self._host.utime(path, before),
            )
        n.mtime = mtime
        self._note(node)

    # -- state -------------------------------------------------------------------------------

    def save(self) -> Any:
        """Return the state; what has not changed since the last time is shared, not copied."""
        if self._saved is None:
            nodes, states = self._nodes, self._states
            for node in sorted(self._changed):
                n = nodes.get(node)
                if n is None:
                    states.pop(node, None)
                else:
                    states[node] = n.save()
            self._changed.clear()
            saved, holds = tuple(states.items()), tuple(self._holds.items())
            self._saved = (self._next, self._overlay_bytes, saved, holds, self._changes.count)
        return self._saved

    def restore(self, state: Any) -> None:
        """Take the state of a `save`; nodes that are as they were then stay the same objects."""
        self._next, self._overlay_bytes, nodes, holds, self._changes.count = self._saved = state
        there, known, changed = self._nodes, self._states, self._changed
        self._nodes = {
            node: there[node]
            if known.get(node) is fields and node not in changed
            else Inode.restored(fields)
            for node, fields in nodes
        }
        self._states = dict(nodes)
        self._changed.clear()
        self._holds = dict(holds)
        self.version += 1
        self._forget_names()
        self._listings.clear()
        self._stats.clear()
        self._host_contents.clear()

    # -- the host ----------------------------------------------------------------------------

    def _freeze(self, n: Inode) -> None:
        """Take in what the host is about to lose, so that going back in time still has it."""
        if self._writable and n.kind == _FILE and n.content is None:
            try:
                self._host_content(n)
            except OSError as error:
                if error.errno != errno.EFBIG:  # too big to be read at any time
                    raise

    def _through(
        self,
        node: int,
        act: Callable[[HostPath], None],
        undo: Callable[[HostPath], None],
        kept: int = 0,
    ) -> None:
        """Do to the host's file what was done to a node, if it still has a name there.

        ``kept``: bytes of content that are kept for its undoing.
        """
        n = self._nodes[node]
        if self._writable and n.parent != GONE and n.kind in OF_THE_HOST:
            path = self._host_path(node)
            self._change(lambda: act(path), path, Undo(lambda: undo(path), kept))

    def _remaking(self, node: int, path: HostPath) -> Undo:
        """Return how to make again what is about to be lost from the host, if there is anything."""
        n = self._nodes.get(node)
        if n is None or node == GONE:
            return Undo(lambda: None)
        mode, target = n.mode, n.target
        match n.kind:
            case FileKind.DIRECTORY:
                return Undo(lambda: self._host.mkdir(path, mode))
            case FileKind.SYMLINK:
                return Undo(lambda: self._host.symlink(path, target))
            case FileKind.FILE if self._writable and not n.links:
                return self._rewriting(n, path)
        return Undo(lambda: _cannot(path))

    def _rewriting(self, n: Inode, path: HostPath) -> Undo:
        """Return how to make a file again with its content, EFBIG if that was never known."""
        try:
            content = self._host_content(n) if n.content is None else n.content.get(0, n.size)
        except OSError:
            return Undo(lambda: _cannot(path))
        mode, was_there, mtime = n.mode, n.source is not None, _mtime_on_host(n)

        def undo() -> None:
            self._host.create(path, mode)
            self._host.write(path, 0, content)
            if was_there:  # else our umask had its say then, as it has now
                self._host.chmod(path, mode)
            self._restore_time(mtime, path)

        return Undo(undo, len(content))

    def _restore_time(self, mtime: int | None, path: HostPath) -> None:
        """Set the time of a file that the guest had not written; else that is our clock's."""
        if mtime is not None:
            self._host.utime(path, mtime)

    def _change(self, act: Callable[[], None], path: HostPath, undo: Undo) -> None:
        """Change the host's folder; OSError if it refuses."""
        self._saved = None
        self._changes.do(act, path, undo)


def _overlay_size(n: Inode) -> int:
    """Return the bytes that a node takes of the overlay."""
    return 0 if n.content is None else n.size


def _mtime_on_host(n: Inode) -> int | None:
    """Return the time that the host's file has had from before; None if the guest has written."""
    return n.mtime if n.content is None else None


def _cannot(path: HostPath) -> None:
    """Say that a file can't be made again."""
    raise os_error(errno.EIO, "/".join(path))
