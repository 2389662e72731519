"""Service calls as rows: who asked for what, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from blink16.cpu.registers import CF
from blink16.machine import Machine
from blink16.questions.tables import TABLES
from blink16.services import Done, Elsewhere, Outcome, Restart, Service, Trap

MAX_TEXT = 400
"""Characters of a decoded call that are kept."""


class ServicesSeen:
    """Looks on while a machine does services.

    It stands in `Machine.serve_with` in place of another.
    """

    def __init__(self, machine: Machine, span: range) -> None:
        self._machine = machine
        self._span = span
        self._rows: list[dict[str, Any]] = []
        self._texts: list[str] = []
        self._inner: Callable[[Service], Outcome] | None = None
        self._on_call = machine.on_call
        self.deaf = False

    def attach(self) -> None:
        """Look on from here on."""
        self._inner, self._machine.serve_with = self._machine.serve_with, self._serve
        self._on_call, self._machine.on_call = self._machine.on_call, self._texts.append

    def detach(self) -> None:
        """Look on no more."""
        self._machine.serve_with, self._machine.on_call = self._inner, self._on_call

    def take(self) -> pa.Table:
        """Return the rows that came since the last time."""
        rows, self._rows = self._rows, []
        return pa.Table.from_pylist(rows, schema=TABLES["services"].schema)

    def _serve(self, service: Service) -> Outcome:
        machine, r = self._machine, self._machine.registers
        before = {"icount": r.icount, **dict(zip(("cs", "ip"), self._caller(), strict=True))}
        before |= {"ax": r.ax, "bx": r.bx, "cx": r.cx, "dx": r.dx}
        # what 8086 code in ROM leaves to the host has a name of its own, behind the call's
        name = machine.service_names.get(machine.pc, "?").partition("-")[0]
        self._texts.clear()
        outcome = service(machine) if self._inner is None else self._inner(service)
        passes = isinstance(outcome, Trap) and outcome.resumable
        counts = passes or isinstance(outcome, Done | Elsewhere | Restart)
        if counts and not self.deaf and before["icount"] in self._span:
            here = isinstance(outcome, Done) or passes
            self._rows.append(
                before
                | {
                    "pc": machine.linear(before["cs"], before["ip"]),
                    "service": name,
                    "result": r.ax if here else None,
                    "carry": bool(self._flags() & CF) if here else None,
                    "call": self._text(name, before, r.ax if here else None),
                }
            )
        return outcome

    def _caller(self) -> tuple[int, int]:
        """Return the CS and IP behind the INT that called, from the stack of the stub's IRET."""
        r = self._machine.registers
        return self._word(r.ss, r.sp + 2), self._word(r.ss, r.sp)

    def _flags(self) -> int:
        r = self._machine.registers
        return self._word(r.ss, r.sp + 4)

    def _word(self, segment: int, offset: int) -> int:
        ram, linear = self._machine.memory.whole, self._machine.linear
        return ram[linear(segment, offset)] | ram[linear(segment, offset + 1)] << 8

    def _text(self, name: str, before: dict[str, Any], result: int | None) -> str:
        if self._texts:
            return self._texts[-1][:MAX_TEXT]
        ax = before["ax"]
        registers = " ".join(f"{register}={before[register]:04X}" for register in _REGISTERS)
        back = "" if result is None else f" = {result:04X}"
        return f"{name}/{ax >> 8:02X} {registers}{back}"


_REGISTERS = ("ax", "bx", "cx", "dx")
