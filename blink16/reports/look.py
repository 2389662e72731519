"""A look at a machine: what reports are made from, whether it stands or was seen in passing."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from blink16.memory import Memory

if TYPE_CHECKING:  # front ends read reports, and have no machines: they start faster without these
    from blink16.cpu.registers import Registers
    from blink16.debugger import Debugger
    from blink16.devices.video import Video
    from blink16.history import HistorySize
    from blink16.reports.sample import Sample


class Doing(StrEnum):
    """What a machine does while it is looked at."""

    STANDS = "stands"
    RUNS = "runs"
    TRAVELS = "travels"  # through its past; what is shown is where it was before
    ENDED = "ended"  # its program is gone


class Holder(StrEnum):
    """Who may move the machine."""

    YOU = "you"
    ANOTHER = "another"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a server knows about a machine beside the machine itself."""

    process: int = 1
    command: str = ""
    """The program's name and arguments."""
    doing: Doing = Doing.STANDS
    holder: Holder = Holder.YOU
    wanted: bool = False
    """Whether somebody who watches asks to hold it."""
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """A machine at one instant, all parts of it from that instant."""

    debugger: Debugger
    """Names, bookmarks and, for reports that search, the past; of what runs, no more."""
    circumstances: Circumstances
    registers: Registers
    memory: Memory
    video: Video | None
    """The display adapter, if there is one."""
    history: HistorySize
    """What the past holds."""

    @classmethod
    def at(
        cls,
        debugger: Debugger,
        circumstances: Circumstances | None = None,
        sample: Sample | None = None,
    ) -> Look:
        """Look at a machine that stands, or at a sample of one that runs."""
        from blink16.devices.video import Video

        seen = circumstances or Circumstances()
        if sample is not None:
            return cls(
                debugger, seen, sample.registers, sample.memory, sample.video, sample.history
            )
        machine = debugger.machine
        video = machine.find(Video)
        return cls(
            debugger,
            seen,
            machine.registers,
            machine.memory,
            None if video is None else copy(video),
            debugger.timeline.size(),
        )

    def name(self, address: int) -> str:
        """Return what a linear address is called (``main+3``, ``int21``), or nothing."""
        service = self.debugger.machine.service_names.get(address)
        if service is not None:
            return service
        return self._symbol(address)

    def return_name(self, address: int) -> str:
        """Return what a return address is called: by the function that the call is in.

        A function whose last instruction calls has another one's name behind it.
        """
        return self._symbol(address - 1, 1)

    def _symbol(self, address: int, further: int = 0) -> str:
        found = self.debugger.names.symbols.find(address)
        if found is None:
            return ""
        symbol, distance = found
        if symbol.size and distance >= symbol.size:
            return ""
        distance += further
        return f"{symbol.name}+{distance}" if distance else symbol.name
