"""Breakpoints, watchpoints and catches: set, with conditions, and taken away."""

from __future__ import annotations

import re
from dataclasses import dataclass

from blink16.client import conditions, replies
from blink16.client.conditions import StopCondition
from blink16.client.core import CONDITIONS
from blink16.client.errors import ProtocolError, UnsupportedError
from blink16.client.looking import Looking, Where
from blink16.reports.state import PointRole, RegisterValues

_KINDS = {PointRole.EXECUTE: 0, PointRole.WRITE: 2, PointRole.READ: 3, PointRole.ACCESS: 4}
"""The numbers of Z and z (gdb manual, "Packets")."""
_CAUGHT = re.compile(r"catch ([0-9]{1,6}):")


@dataclass(frozen=True, slots=True)
class SetPoint:
    """A breakpoint, watchpoint or catch that was set; `AsyncTarget.remove` takes it away."""

    number: int
    """From 1 on, in the order in which they were set."""
    role: PointRole
    address: int
    """Linear; 0 for a catch."""
    length: int = 1
    """Bytes that a watchpoint watches."""
    condition: str | None = None
    """It stops the machine only where this holds."""
    once: bool = False
    """Whether it goes away when it has stopped the machine."""
    title: str = ""
    """As its user named the place."""

    def __str__(self) -> str:
        what = {PointRole.EXECUTE: "break", PointRole.CATCH: "catch"}.get(self.role, "watch")
        title = self.title or f"{self.address:#07x}"
        return f"{what} {title}" + (f" if {self.condition}" if self.condition else "")


_WATCHED = {str(one): one for one in (PointRole.WRITE, PointRole.READ, PointRole.ACCESS)}


class Pointing(Looking):
    """The points that are set; see `AsyncTarget`."""

    _last_number = 0
    _points: dict[SetPoint, StopCondition | None]
    _catches: dict[SetPoint, int]

    async def break_at(
        self,
        where: Where,
        *,
        condition: str | None = None,
        once: bool = False,
        title: str | None = None,
    ) -> SetPoint:
        """Stop where the next instruction to be executed is at an address, in both directions.

        ``title``: how its user calls the place, if not by ``where``.
        ``condition``: only where this holds (see `blink16.client.conditions`); a blink16-server
        judges it as fast as the machine runs, for other servers it is judged here, at each stop.
        """
        address = await self.address_of(where)
        title = title or _title(where)
        return await self._set(PointRole.EXECUTE, address, 1, condition, once, title)

    async def watch(
        self,
        where: Where,
        length: int = 1,
        *,
        access: str = "write",
        condition: str | None = None,
        once: bool = False,
    ) -> SetPoint:
        """Stop where memory is touched: ``access`` is "write", "read", or "access" for both.

        Forward it stops behind the instruction that did, backward before it.
        """
        address = await self.address_of(where)
        role = _WATCHED.get(access)
        if role is None:
            raise ValueError(f"memory is watched for write, read or access, not {access!r}")
        return await self._set(role, address, length, condition, once, _title(where))

    async def catch(self, what: str) -> SetPoint:
        """Stop where the program calls its system: ``int 21 ah=3d,3c`` or ``elks open read``."""
        if not self.is_ours:
            raise UnsupportedError("this server can't catch system calls")
        text = await self.monitor(f"catch {what}")
        match = _CAUGHT.match(text)
        if match is None:
            raise ProtocolError(f"the server's answer to catch is {text[:40]!r}")
        point = SetPoint(self._next_number(), PointRole.CATCH, 0, title=what)
        self._catches[point] = int(match[1])
        self._points[point] = None
        return point

    @property
    def points(self) -> tuple[SetPoint, ...]:
        """The points that are set, in the order in which they were."""
        return tuple(self._points)

    async def remove(self, point: SetPoint) -> None:
        """Take a point away; one that is gone is no error."""
        if point not in self._points:
            return
        del self._points[point]
        if point.role is PointRole.CATCH:
            await self.monitor(f"catch delete {self._catches.pop(point)}")
        else:
            await self._tell(point)

    async def remove_all(self) -> None:
        """Take all points away."""
        for point in self.points:
            await self.remove(point)

    # -- on the wire -------------------------------------------------------------------------

    async def _set(
        self,
        role: PointRole,
        address: int,
        length: int,
        condition: str | None,
        once: bool,
        title: str,
    ) -> SetPoint:
        judged = None
        if condition is not None:
            table = await self.symbols()
            judged = conditions.parse(
                condition,
                lambda n: s.address if (s := table.lookup(n)) else None,
                await self.memory_end(),
            )
        point = SetPoint(self._next_number(), role, address, length, condition, once, title)
        self._points[point] = judged
        try:
            await self._tell(point)
        except BaseException:
            del self._points[point]
            raise
        return point

    def _next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    async def _tell(self, changed: SetPoint) -> None:
        """Let the server have what is set at a point's place now.

        Points at one place are one to a server: it stops there if one of the conditions holds.
        """
        place = changed.role, changed.address, changed.length
        there = [c for p, c in self._points.items() if (p.role, p.address, p.length) == place]
        body = b"%d,%x,%x" % (_KINDS[changed.role], changed.address, changed.length)
        what = str(changed)
        if not there:
            replies.check_ok(await self._ask(b"z" + body), f"removing {what}")
            return
        if CONDITIONS in self.features and self.is_ours and changed.role is PointRole.EXECUTE:
            codes = [condition.bytecode() for condition in there if condition is not None]
            if len(codes) == len(there):
                body += b";" + b"".join(b"X%x,%b" % (len(c), c.hex().encode()) for c in codes)
        replies.check_ok(await self._ask(b"Z" + body), what)

    def _caught(self, text: str) -> SetPoint | None:
        """Return the catch that a server's sentence about a stop names first."""
        match = _CAUGHT.match(text)
        number = int(match[1]) if match else None
        return next((p for p, theirs in self._catches.items() if theirs == number), None)

    # -- at a stop ---------------------------------------------------------------------------

    async def _hit(
        self,
        role: PointRole,
        address: int,
        registers: RegisterValues,
        icount: int,
        *,
        at_start: bool = True,
    ) -> tuple[list[SetPoint], bool]:
        """Return the points at a place whose conditions hold, and whether there are any at all.

        ``at_start``: whether a watchpoint is named by its first address, rather than by the one
        that was touched.
        """
        there = [
            (point, condition)
            for point, condition in self._points.items()
            if point.role is role and _is_at(point, address, at_start)
        ]
        held = [
            point
            for point, condition in there
            if condition is None or await condition.holds(registers, icount, self.read_memory)
        ]
        return held, bool(there)


def _title(where: Where) -> str:
    match where:
        case int():
            return f"{where:#07x}"
        case tuple():
            return f"{where[0]:04X}:{where[1]:04X}"
    return where


def _is_at(point: SetPoint, address: int, at_start: bool) -> bool:
    if at_start or point.role is PointRole.EXECUTE:
        return point.address == address
    return point.address <= address < point.address + point.length
