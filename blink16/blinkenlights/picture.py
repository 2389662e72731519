"""What all panels show at one instant, as one value: the camera takes it, the widgets draw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from blink16.blinkenlights.past import Layer, LayerWish
from blink16.blinkenlights.source_text import SourceText
from blink16.client import CodeLine, CodeReader, SetPoint, Syntax
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
class MemoryWish:
    """What a memory panel has room for."""

    name: str
    what: str | int
    """A linear address, or what it follows: ``code``, ``read``, ``write``, ``stack``."""
    length: int
    """Bytes."""
    step: int = 64
    """It begins at a multiple of this many bytes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the panels have room for; the user interface tells the driver."""

    code_rows: int = 24
    code_at: int | None = None
    """The linear address of the code that the user looks at; None: that of the next instruction.
    When the machine has moved, it is followed again.
    """
    syntax: Syntax = Syntax.INTEL
    memories: tuple[MemoryWish, ...] = ()
    reports: tuple[type, ...] = ()
    """Shapes of more reports, for the panels that are open."""
    layers: tuple[LayerWish, ...] = ()
    """What the time bar is to show of the whole run."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One instant of a machine, as far as it is shown."""

    state: StateReport
    code: tuple[CodeLine, ...]
    """The instructions around `looks_at`."""
    history: HistoryReport
    memory: Mapping[str, Stretch]
    points: tuple[SetPoint, ...]
    decoder: CodeReader
    """Reads instructions, and knows names."""
    screen: ScreenReport | None = None
    before: RegisterValues | None = None
    """The registers of the picture before."""
    touched: tuple[AccessedMemory, ...] = ()
    """What the instruction that was just executed touched, where that is known."""
    next_touches: tuple[AccessedMemory, ...] = ()
    """What the next instruction will touch."""
    came_from: int | None = None
    """The linear address of the instruction before, if that was a step ago."""
    code_at: int | None = None
    """The linear address of other code than the next instruction's that is shown."""
    told: str = ""
    """A line for the user: why the machine stands."""
    running: bool = False
    """Whether it runs, so that this is a sample."""
    output: bytes = b""
    """All that the program had printed by this instant, as far as it is kept."""
    output_start: int = 0
    """Bytes that it had printed before those."""
    printed_at: tuple[int, ...] = ()
    """The instants at which there was new output."""
    again: bool = False
    """Whether this is the same instant once more, of which more is known now."""
    layers: tuple[Layer, ...] = ()
    """What is known of `Wanted.layers`."""
    reports: Mapping[type, object] = field(default_factory=dict)
    """The reports of `Wanted.reports`, by shape; without those that could not be made."""
    sources: SourceText | None = None
    """The program's lines, where they are known."""
    bookmarks: Mapping[str, int] = field(default_factory=dict)

    @property
    def registers(self) -> RegisterValues:
        """The registers."""
        return self.state.registers

    @property
    def looks_at(self) -> int:
        """The linear address of the instruction around which code is shown."""
        return self.registers.pc if self.code_at is None else self.code_at

    @property
    def symbols(self) -> SymbolTable:
        """The names of addresses."""
        return self.decoder.symbols

    @property
    def in_past(self) -> bool:
        """Whether there is a future already."""
        return self.state.icount < self.state.end

    @property
    def is_sought(self) -> bool:
        """Whether a command has gone to this instant, and not the program, forward or backward."""
        return self.state.stop is None and not self.running
