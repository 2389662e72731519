"""A frame of a machine that stands: its registers, and where its variables are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from blink16.client.program.lines import KnownFunction, ProgramMap
from blink16.memory import ADDRESS_MASK
from blink16.reports.frames import FrameLine
from blink16.reports.sources import VariableFacts
from blink16.reports.state import RegisterValues

SAVED_BP = 2
"""Bytes of it on the stack, right below the return address."""
_RETURN_ADDRESS = {"near": 2, "far": 4}
"""Bytes of it."""


@dataclass(frozen=True, slots=True)
class FrameView:
    """A frame, and the registers as they were in it, as far as they are known."""

    level: int
    registers: RegisterValues
    base: int
    """What BP is in the frame, or will be behind its prologue."""
    cfa: int | None
    """The linear address above its return address."""
    name: str = ""
    """What the server calls its next instruction's address (``main+3``), or empty."""

    @property
    def pc(self) -> int:
        """The linear address of its next instruction."""
        return self.registers.pc

    @property
    def place(self) -> int:
        """An address within the instruction that it executes, or that called."""
        return self.pc if self.level == 0 else self.pc - 1 if self.pc else ADDRESS_MASK

    @classmethod
    def of(cls, frame: FrameLine, registers: RegisterValues, program: ProgramMap) -> FrameView:
        """Return a view of a frame.  ``registers``: those of the innermost one."""
        if frame.level:
            registers = replace(
                registers,
                cs=frame.cs, ip=frame.ip, ss=frame.ss, sp=frame.sp, bp=frame.bp,
                si=frame.si, di=frame.di, ds=frame.ds, es=frame.es,
            )  # fmt: skip
        base = registers.bp
        if frame.cfa is not None and frame.returns in _RETURN_ADDRESS:
            above = _RETURN_ADDRESS[frame.returns]
            base = (frame.cfa - (frame.ss << 4) - above - SAVED_BP) & 0xFFFF
        return cls(frame.level, registers, base, frame.cfa, frame.name)

    def variables(self, program: ProgramMap) -> tuple[KnownFunction | None, list[VariableFacts]]:
        """Return the function that is executed, and the variables that can be named in it."""
        return program.locals_at(self.place)
