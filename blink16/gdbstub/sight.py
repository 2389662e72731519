"""What a client sees of its machine: it as it stands, or the last sample of it while it runs."""

from __future__ import annotations

from collections.abc import Callable

from blink16.cpu.registers import Registers
from blink16.debugger import Debugger
from blink16.memory import Memory
from blink16.reports.sample import Sample


class Sight:
    """Registers and memory, for who may look at them.

    Who holds a machine sees it directly.  Who watches one that runs sees a sample, which stays
    the same until `renew`, so that what is read in several packets is of one instant.
    """

    def __init__(
        self, debugger: Debugger, sample: Callable[[], Sample | None] | None = None
    ) -> None:
        """``sample``: for who watches: returns the latest, None while the machine stands.

        RefusedError if it runs and can't be looked at.
        """
        self._debugger = debugger
        self._latest = sample
        self._kept: Sample | None = None

    def renew(self) -> None:
        """Look anew."""
        self._kept = None

    @property
    def sample(self) -> Sample | None:
        """What is looked at; None: the machine itself, which stands."""
        latest = None if self._latest is None else self._latest()
        if latest is None or self._kept is None:
            self._kept = latest
        return self._kept

    @property
    def registers(self) -> Registers:
        """The processor's registers."""
        return (self.sample or self._debugger.machine).registers

    @property
    def memory(self) -> Memory:
        """The memory."""
        return (self.sample or self._debugger.machine).memory

    def read(self, address: int, length: int) -> bytes:
        """Return bytes from a linear address, cut off at the end of memory."""
        memory = self.memory
        return memory[address : min(address + length, memory.end)]
