"""What the chips of a PC do, in words."""

from __future__ import annotations

from dataclasses import dataclass

from blink16.reports.look import Doing, Look
from blink16.reports.registry import NoQuery, ReportError, report


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """A chip, and what is to be said of it."""

    name: str
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DevicesReport:
    """The chips of a machine; none if it has none."""

    devices: tuple[DeviceLine, ...]


@report("devices")
def devices(look: Look, query: NoQuery) -> DevicesReport:
    """What the PIC, the PIT, the UARTs and the DMA controller do, in words."""
    if look.circumstances.doing in (Doing.RUNS, Doing.TRAVELS):
        raise ReportError("the machine runs: devices are told when it stands")
    from blink16.reports import chips

    found = chips.facts(look.debugger.machine)
    return DevicesReport(tuple(DeviceLine(name, told) for name, told in found))
