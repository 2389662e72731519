"""What all panels show at one instant, as one value: the driver takes it, the widgets draw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from blink16.client import CodeLine, SetPoint
from blink16.reports.frames import FrameLine
from blink16.reports.history import HistoryReport
from blink16.reports.screen import ScreenReport
from blink16.reports.state import RegisterValues, StateReport
from blink16.symbols import SymbolTable


@dataclass(frozen=True, slots=True)
class Stretch:
    """Memory of one panel: bytes from a linear address on."""

    address: int
    data: bytes


@dataclass(frozen=True, slots=True)
class AccessedMemory:
    """Memory that an instruction touches; linear, length in bytes."""

    address: int
    length: int
    writes: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the panels have room for; the user interface tells the driver."""

    code_rows: int = 24
    code_top: int | None = None
    """The linear address that the code panel is scrolled to; None: follow the instruction."""
    memory_bytes: int = 1024
    panels: tuple[tuple[str, str | int], ...] = ()
    """Each memory panel's name, and what it shows: an address, or a `follow` word."""
    profile: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """One instant of a machine, as far as it is shown."""

    state: StateReport
    code: tuple[CodeLine, ...]
    frames: tuple[FrameLine, ...]
    history: HistoryReport
    memory: Mapping[str, Stretch]
    points: tuple[SetPoint, ...]
    symbols: SymbolTable
    screen: ScreenReport | None = None
    before: RegisterValues | None = None
    """The registers of the picture before."""
    touched: tuple[AccessedMemory, ...] = ()
    """What the instruction that was just executed touched, where that is known."""
    next_touches: tuple[AccessedMemory, ...] = ()
    """What the next instruction will touch."""
    told: str = ""
    """A line for the user: why the machine stands."""
    running: bool = False
    """Whether it runs at full speed, so that this is a sample."""
    profile: tuple[tuple[str, int], ...] = ()
    output: bytes = b""
    """All that the program has printed, as far as it is kept."""
    bookmarks: Mapping[str, int] = field(default_factory=dict)

    @property
    def registers(self) -> RegisterValues:
        """The registers."""
        return self.state.registers

    @property
    def in_past(self) -> bool:
        """Whether there is a future already."""
        return self.state.icount < self.state.end
