"""Programs that are built anew while a server hosts their machines: `--watch`.

Some times a second it asks for the times and sizes of the files, which costs microseconds and
works on any file system.  A machine is renewed when it stands at its start, or has ended, and its
files are whole: all there, unchanged for a while, and open for writing nowhere, as far as the
system tells that.
"""

from __future__ import annotations

import errno
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import trio

from blink16.server import threads
from blink16.server.machines import Machines
from blink16.server.slots import Slot
from blink16.server.sources import Edition

try:
    import fcntl
except ImportError:  # Windows lets nobody read what is being written
    fcntl = None  # type: ignore[assignment]

LOOK_SECONDS = 0.3
"""A build that is as it was at the last look is whole."""


class Rebuilds:
    """Renews a server's machines as their programs are built."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines
        self._seen: dict[Slot, Edition] = {}
        """The files of each machine as the last look has found them."""

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await trio.sleep(LOOK_SECONDS)
            slots = list(self._machines)
            whole = await threads.load(lambda: self._look(slots))  # noqa: B023
            for slot in whole:
                await self._renew(slot)

    def _look(self, slots: list[Slot]) -> list[Slot]:
        """Return the machines of whose files there is another edition now, which is whole."""
        before, self._seen = self._seen, {slot: slot.source.edition() for slot in slots}
        return [
            slot
            for slot, now in self._seen.items()
            if now not in (slot.hosted.edition, slot.refused)
            and now == before.get(slot)
            and None not in now
            and not is_being_written(slot.source.files)
        ]

    async def _renew(self, slot: Slot) -> None:
        if slot.hosted.runs or not (slot.hosted.is_untouched or slot.hosted.is_over):
            return
        if slot.on_built is not None:
            await slot.on_built()
        elif slot.is_free:
            await self._machines.renew(slot)


def is_being_written(paths: Iterable[Path]) -> bool:
    """Tell whether some process has one of these files open for writing, if the system knows.

    Linux grants a read lease only where nobody has (fcntl(2), F_SETLEASE).
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    for path in paths:
        try:
            with path.open("rb") as file:
                # who opens it meanwhile waits for microseconds; and SIGIO would end us
                fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
                with suppress(OSError):
                    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return True
    return False
