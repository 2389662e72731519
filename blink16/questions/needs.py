"""What a question needs to know of a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from blink16.cpu.probes import Probe, Probes
from blink16.machine import Machine
from blink16.memory import RAM_SIZE

EVERYWHERE = (range(RAM_SIZE),)
FOREVER = 1 << 62
VIDEO_MEMORY = range(0xA0000, 0xC0000)
SCREEN_AREA = range(0x449, 0x450)
"""What the BIOS data area says of the screen where there is no adapter: mode, columns, size and
start of the page."""
SCREEN = (SCREEN_AREA, VIDEO_MEMORY)
"""Linear addresses; whoever writes there may change the screen."""


class QuestionError(ValueError):
    """A question without an answer, and why, in one line."""


@dataclass(frozen=True, slots=True)
class Need:
    """Which tables, and of which addresses and instants."""

    tables: frozenset[str]
    writes: tuple[range, ...] = EVERYWHERE
    """Linear addresses; for the table ``writes``."""
    reads: tuple[range, ...] = EVERYWHERE
    span: range = field(default=range(FOREVER))
    """Instruction counts: what happens in these."""
    line_20: bool = False
    """Whether the run's processor has address line 20: places are told in 21 bits."""

    @classmethod
    def of(
        cls,
        *tables: str,
        writes: Iterable[range] = EVERYWHERE,
        reads: Iterable[range] = EVERYWHERE,
        span: range = range(FOREVER),
    ) -> Need:
        """Return the need of some tables."""
        return cls(frozenset(tables), merged(writes), merged(reads), span)

    def of_machine(self, machine: Machine) -> Need:
        """Return the need of the run of a machine."""
        return replace(self, line_20=machine.has_a20)

    def probes(self) -> Probes:
        """Return the probes that give it."""
        wanted = Probe(0)
        for name in self.tables & PROBES.keys():
            wanted |= PROBES[name]
        writes = self.writes if "writes" in self.tables else ()
        if "screens" in self.tables:
            writes = merged((*writes, *SCREEN))
        return Probes(wanted, writes, self.reads)


PROBES = {
    "executed": Probe.EXECUTED,
    "writes": Probe.WRITES,
    "screens": Probe.WRITES,
    "reads": Probe.READS,
    "calls": Probe.CALLS,
    "returns": Probe.RETURNS,
    "interrupts": Probe.INTERRUPTS,
    "branches": Probe.BRANCHES,
    "ports": Probe.PORTS,
}
"""The tables that come of probes, and of which."""


def meeting(ranges: Iterable[range], address: Any, size: Any) -> Any:
    """Return which accesses (arrays of linear addresses and bytes) meet some ranges."""
    found = address < 0
    for where in ranges:
        found |= (address < where.stop) & (address + size > where.start)
    return found


def merged(ranges: Iterable[range]) -> tuple[range, ...]:
    """Return the same addresses as ranges that neither meet nor touch; QuestionError outside."""
    found: list[range] = []
    for where in sorted(ranges, key=lambda r: (r.start, r.stop)):
        if not 0 <= where.start <= where.stop <= RAM_SIZE:
            raise QuestionError(
                f"{where.start:#x}..{where.stop:#x} is outside of memory, which ends at "
                f"{RAM_SIZE:#x}"
            )
        if not where:
            continue
        if found and where.start <= found[-1].stop:
            found[-1] = range(found[-1].start, max(found[-1].stop, where.stop))
        else:
            found.append(where)
    return tuple(found)
