"""What changed files hold: bytes in chunks, so that a small change copies little.

`Chunks` are immutable and plain data, for states of the machine.  A `Content` is written in place
between two of them: what was not written since is shared by both.
"""

from __future__ import annotations

from typing import cast

CHUNK_SHIFT = 12
CHUNK = 1 << CHUNK_SHIFT
"""Bytes in a chunk."""

Chunks = tuple[bytes, ...]
"""A file's content, each `CHUNK` long; behind the file's end there are zeros."""

_ZEROS = bytes(CHUNK)


def to_chunks(data: bytes) -> Chunks:
    """Cut a content into chunks."""
    return tuple(data[i : i + CHUNK].ljust(CHUNK, b"\0") for i in range(0, len(data), CHUNK))


class Content:
    """A file's content that is being changed."""

    __slots__ = ("_chunks", "_frozen", "_loose")

    def __init__(self, chunks: Chunks) -> None:
        self._chunks: list[bytes | bytearray] = list(chunks)
        self._frozen: Chunks | None = chunks
        """The content as plain data, as long as it is that."""
        self._loose: dict[int, bytearray] = {}
        """Chunks that were written in place since, by their places."""

    def frozen(self) -> Chunks:
        """Return the content as plain data; what was not written since the last time is shared."""
        if self._frozen is None:
            chunks = self._chunks
            for place in self._loose:
                chunks[place] = bytes(chunks[place])
            self._loose.clear()
            self._frozen = cast("Chunks", tuple(chunks))
        return self._frozen

    @property
    def size(self) -> int:
        """The bytes that its chunks have: as many as it has itself, or more, which are zeros."""
        return len(self._chunks) << CHUNK_SHIFT

    def get(self, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` to before ``end``, which the content must have."""
        if start >= end:
            return b""
        first = start >> CHUNK_SHIFT
        base = first << CHUNK_SHIFT
        if end - base <= CHUNK:
            return bytes(self._chunks[first][start - base : end - base])
        part = b"".join(self._chunks[first : (end - 1 >> CHUNK_SHIFT) + 1])
        return part[start - base : end - base]

    def put(self, offset: int, data: bytes) -> None:
        """Store ``data`` (not empty) at ``offset``; the content gets longer if need be."""
        first = offset >> CHUNK_SHIFT
        start = offset - (first << CHUNK_SHIFT)
        end = start + len(data)
        loose = self._loose.get(first)
        if loose is not None and end <= CHUNK:
            loose[start:end] = data
            return
        self._frozen = None
        last = first + (end - 1 >> CHUNK_SHIFT)
        chunks = self._chunks
        if last >= len(chunks):
            chunks += (_ZEROS,) * (last + 1 - len(chunks))
        if first == last:
            self._written(first)[start:end] = data
            return
        place, done = first, 0
        if start:
            done = CHUNK - start
            self._written(first)[start:] = data[:done]
            place += 1
        while done + CHUNK <= len(data):
            self._loose.pop(place, None)
            chunks[place] = data[done : done + CHUNK]
            place, done = place + 1, done + CHUNK
        if done < len(data):
            self._written(place)[: len(data) - done] = data[done:]

    def _written(self, place: int) -> bytearray:
        """Return a chunk to be written in place."""
        chunk = self._loose.get(place)
        if chunk is None:
            chunk = self._loose[place] = self._chunks[place] = bytearray(self._chunks[place])
        return chunk

    def resize(self, size: int) -> None:
        """Cut it off at, or fill it with zeros up to, ``size`` bytes."""
        if not size:
            self._chunks, self._loose, self._frozen = [], {}, ()
            return
        self._frozen = None
        chunks = self._chunks
        whole, rest = divmod(size, CHUNK)
        count = whole + bool(rest)
        del chunks[count:]
        self._loose = {place: chunk for place, chunk in self._loose.items() if place < count}
        chunks += (_ZEROS,) * (count - len(chunks))
        if rest:
            self._written(whole)[rest:] = bytes(CHUNK - rest)
