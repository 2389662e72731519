"""A board of expanded memory: 2 MiB behind a frame of four windows at E000h.

Each of the ports 260h to 263h chooses, for its window of 16 KiB, one of 128 pages; FFh takes the
window away.  Drivers for such boards (LTEMM.EXE) make LIM 4.0 of it.  A page that stands in two
windows is in both what was last taken away from either.
"""

from __future__ import annotations

from typing import NamedTuple

from blink16.bus import Bus
from blink16.memory import PAGE_SIZE
from blink16.services import Guest

PORTS = range(0x260, 0x264)
FRAME, WINDOW_SIZE = 0xE0000, 0x4000
PAGES = 128
NONE = 0xFF
EMPTY = bytes(WINDOW_SIZE)


class EmsState(NamedTuple):
    """The pages that are in no window, and which are in one."""

    pages: tuple[bytes, ...] = (EMPTY,) * PAGES
    windows: tuple[int, ...] = (NONE,) * len(PORTS)


class EmsBoard:
    """The board (`services.Component`)."""

    COMPONENT = "ems"

    def __init__(self, guest: Guest, bus: Bus) -> None:
        self._guest = guest
        self.state = EmsState()
        bus.attach(PORTS, self._read, self._write, what="expanded memory, page of a window")

    def save(self) -> EmsState:
        """Return the state."""
        return self.state

    def restore(self, state: EmsState) -> None:
        """Take the state of a `save`."""
        self.state = state
        for window, page in enumerate(state.windows):
            self._mark(window, page != NONE)

    def _read(self, port: int) -> int:
        return self.state.windows[port - PORTS.start]

    def _write(self, port: int, value: int) -> None:
        window, s = port - PORTS.start, self.state
        start, pages = FRAME + window * WINDOW_SIZE, list(s.pages)
        page = value if value < PAGES else NONE
        if page == s.windows[window]:
            return
        memory = self._guest.memory
        if s.windows[window] != NONE:
            pages[s.windows[window]] = bytes(memory.ram[start : start + WINDOW_SIZE])
        memory.write(start, b"\xff" * WINDOW_SIZE if page == NONE else pages[page])
        windows = (*s.windows[:window], page, *s.windows[window + 1 :])
        self.state = EmsState(tuple(pages), windows)
        self._mark(window, page != NONE)

    def _mark(self, window: int, is_ram: bool) -> None:
        start = FRAME + window * WINDOW_SIZE
        where = range(start, start + WINDOW_SIZE)
        assert not start % PAGE_SIZE
        if is_ram:
            self._guest.memory.have_ram(where)
        else:
            self._guest.memory.protect(where)
