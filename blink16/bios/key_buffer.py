"""The keyboard buffer in the BIOS data area: a ring of words, scan code high, character low."""

from __future__ import annotations

from blink16.bios.data_area import BASE, OFFSETS, DataArea
from blink16.memory import Memory

WORD = 2
POINTERS = BASE + OFFSETS["key_head"][0]
"""Where head and tail lie, one behind the other."""


def is_empty(memory: Memory) -> bool:
    """Return whether no key waits, as most who poll find it."""
    head_and_tail = memory.read(POINTERS, 2 * WORD)
    return head_and_tail[:WORD] == head_and_tail[WORD:]


class KeyBuffer:
    """The ring between INT 09h, which fills it, and INT 16h; programs look into it as well."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._area = DataArea(memory)

    def _after(self, offset: int) -> int:
        offset += WORD
        return self._area.key_buffer_start if offset == self._area.key_buffer_end else offset

    def __len__(self) -> int:
        """How many keys wait, as far as the guest's pointers make sense."""
        area = self._area
        size = area.key_buffer_end - area.key_buffer_start
        return (area.key_tail - area.key_head) % size // WORD if size > 0 else 0

    def put(self, word: int) -> bool:
        """Append a key; False if there is no room."""
        tail = self._area.key_tail
        after = self._after(tail)
        if after == self._area.key_head:
            return False
        self._memory.write_word(BASE + tail, word)
        self._area.key_tail = after
        return True

    def first(self) -> int | None:
        """Return the oldest key."""
        if is_empty(self._memory):
            return None
        return self._memory.read_word(BASE + self._area.key_head)

    def take(self) -> int | None:
        """Remove the oldest key and return it."""
        word = self.first()
        if word is not None:
            self._area.key_head = self._after(self._area.key_head)
        return word

    def clear(self) -> None:
        """Forget all keys."""
        self._area.key_head = self._area.key_tail = self._area.key_buffer_start
