"""Reading a program's debugging information from a server."""

from __future__ import annotations

from blink16.client.program.lines import ProgramMap
from blink16.client.target import AsyncTarget
from blink16.reports.sources import SourcesReport, UnitQuery, UnitReport

MAX_UNITS = 2_000
"""Units of a program that are read."""


async def read_program(target: AsyncTarget) -> tuple[ProgramMap, tuple[str, ...]]:
    """Return what is known of a target's program now, and what could not be read of it.

    A server that is none of ours knows nothing.
    """
    if not target.is_ours:
        return ProgramMap(), ()
    listed = await target.report(SourcesReport)
    units = [
        (unit, await target.report(UnitReport, UnitQuery(unit.number)))
        for unit in listed.units[:MAX_UNITS]
    ]
    return ProgramMap(units), listed.trouble
