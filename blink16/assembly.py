"""What a machine is put together from, and what it tells the world outside.

A machine is made in three storeys, each a class that knows the one below: the parts here, time
and interrupts in `timekeeping`, and in `machine` how it runs and serves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import is_
from typing import Any, TypeVar

from blink16.bus import Bus
from blink16.console import Console
from blink16.cpu import engines
from blink16.cpu.engine import Engine
from blink16.cpu.models import DEFAULT as DEFAULT_MODEL
from blink16.cpu.models import find as find_model
from blink16.cpu.registers import Cell, Registers
from blink16.devices.cells import SAID, SAID_AT, SAID_COUNT, USUAL
from blink16.devices.hot import BOARD
from blink16.lacks import Kind, Lack
from blink16.memory import RAM_SIZE, SAID_OFFSET, Attribute, Memory, linear
from blink16.process_table import ProcessTable
from blink16.services import Component, Device, InterruptController, NonMaskable, Service
from blink16.symbols import Symbol, SymbolKind
from blink16.witness import Witness

C = TypeVar("C")

ROM_SEGMENT = 0xF000
STUBS_OFFSET = 0x0100
STUB_SIZE = 4
IRET_STUB = bytes((0xCF, 0x90, 0x90, 0x90))
CLOCK_HZ = 4_772_727
"""Clock cycles a second, where nothing else is asked for: the PC's."""
FOREVER = 1 << 62
"""A budget that no run uses up."""

_CS, _IP = map(int, (Cell.CS, Cell.IP))
_LINE_20 = slice(Cell.A20, Cell.A20 + 1)


@dataclass(frozen=True)
class Snapshot:
    """A machine's state but for its RAM: processor, devices and services."""

    registers: bytes
    components: tuple[tuple[str, Any], ...]

    def sharing(self, other: Snapshot) -> Snapshot:
        """Return an equal one that consists of another's objects wherever they are equal.

        That is of the same machine, which may have got components in between.
        """
        if len(self.components) != len(other.components):
            return self
        pairs = zip(self.components, other.components, strict=True)
        components = tuple([its if mine == its else mine for mine, its in pairs])
        is_equal = all(map(is_, components, other.components))
        return Snapshot(self.registers, other.components if is_equal else components)


def discard(channel: str, data: bytes) -> None:
    """Take output and show it nowhere."""


class Assembly:
    """A machine's parts: processor, memory, bus, components, and ways to the outside."""

    def __init__(
        self,
        engine: str = engines.DEFAULT,
        *,
        cpu: str = DEFAULT_MODEL.name,
        epoch_ns: int = 0,
        clock_hz: int = CLOCK_HZ,
        fpu: bool = False,
    ) -> None:
        """Make a bare machine.

        ``engine``: a name of `blink16.cpu.engines.NAMES`; ValueError if there is no such engine.
        ``cpu``: a name of `blink16.cpu.models.MODELS`; ValueError if there is no such processor.
        ``epoch_ns``: nanoseconds since the Unix epoch when the machine starts.
        ``clock_hz``: clock cycles of the processor in a second of the guest's clocks.
        ``fpu``: whether there is an 8087, or beside an 80286 an 80287 (`cpu.x87`).
        """
        self.memory = Memory()
        self.model = find_model(cpu)
        """The processor."""
        self.registers = Registers(self.model.fixed_flags)
        if fpu:
            from blink16.cpu.x87.state import Coprocessor  # most machines have none

            self.registers.add_coprocessor(Coprocessor(self.model.coprocessor))
        self._cells = self.registers.cells
        self._icount, self._cycles = self.registers.counts
        self._said, self._usual = SAID.view(self.registers.state), USUAL.view(self.registers.state)
        self._attributes = self.memory.attributes
        if self.model.reaches_high:
            self.memory.line_20, self.memory.end = self._cells[_LINE_20], RAM_SIZE
        self.linear = self.memory.linear
        self.bus = Bus()
        self.engine: Engine = engines.make(
            engine, self.model, self.registers, self.memory, self.bus, BOARD
        )
        self.epoch_ns = epoch_ns
        self.clock_hz = clock_hz
        self.controller: InterruptController | None = None
        self.non_maskable: NonMaskable | None = None
        self.replaying = False
        """While true, nothing is shown or done outside: this has happened before."""
        self.witness: Witness | None = None
        self.process_table: ProcessTable | None = None
        """Who tells of the processes of the guest's system, if it has some."""
        self.service_names: dict[int, str] = {}
        """Names of the service stubs (``int21``) by linear address."""
        self.rom_symbols: list[Symbol] = []
        """Names of other code in ROM."""
        self._services: dict[int, Service] = {}
        self._components: dict[str, Component] = {}
        if self.registers.x87 is not None:
            self.add_component(self.registers.x87.COMPONENT, self.registers.x87)
        self._next_stub = STUBS_OFFSET
        self._happened_at = 0
        """When there was input or output last."""
        self._begin_unheard()
        self._begin_dues()

    def _begin_unheard(self) -> None:
        """Have nobody yet who hears what it says."""
        self.on_output: Callable[[str, bytes], None] = discard
        self.sinks: dict[str, Callable[[bytes], object]] = {}
        """Where the output of channels goes that have a place of their own, like a file."""
        self.on_notice: Callable[[str], None] = lambda text: None
        self.on_past_output: Callable[[str, bytes], None] = discard
        """Told what was shown outside when it happened first, while that happens again."""
        self.on_call: Callable[[str], None] | None = None
        """Told each call of the guest's system in one line, in replays too; None: not wanted."""
        self.on_lack: Callable[[Lack], None] = lambda lack: self.on_notice(str(lack))
        """Called with what the guest uses and the machine lacks (`watch_for_lacks`)."""

    def _begin_dues(self) -> None:
        """Have nobody yet who wants to act at a time of their own."""
        self._devices: list[Device] = []
        self._dues: list[Callable[[], int | None]] = []
        self._hot_dues: list[Callable[[], int | None]] = []
        """When they want to act; in the second, those for which the engine may act itself."""
        self._told_dues: dict[object, int] = {}
        """When the others want to act, as they said when they were last asked."""
        self._first_told_due = FOREVER
        self._changed: set[object] = set()
        """Who has changed since; who never tells is always among them."""
        self._silent: list[object] = []
        """Devices that don't tell when they change."""

    @property
    def icount(self) -> int:
        """Instructions retired since the machine started."""
        return self._icount[0]

    @property
    def cycles(self) -> int:
        """Clock cycles since the machine started, also those slept through in HLT.

        This is the machine's time, on which its clocks run.
        """
        return self._cycles[0]

    @property
    def has_a20(self) -> bool:
        """Whether there is memory behind the first mebibyte (`devices.a20`)."""
        return self.model.reaches_high

    @property
    def time(self) -> int:
        """The same: what devices and services know it by."""
        return self._cycles[0]

    @property
    def pc(self) -> int:
        """The linear address of the next instruction."""
        cells = self._cells
        return self.linear(cells[_CS], cells[_IP])

    @property
    def is_strict(self) -> bool:
        """Whether it stops where its guest uses what it lacks."""
        return self.witness is not None and self.witness.strict

    @property
    def between_rounds(self) -> bool:
        """Whether it was stopped within a REP instruction, which has then not retired yet."""
        return self.engine.between_rounds

    # -- putting it together -----------------------------------------------------------------

    def add_component(self, name: str, component: Component) -> None:
        """Make a component's state part of the machine's."""
        if name in self._components:
            raise ValueError(f"the machine already has a component {name!r}")
        self._components[name] = component

    def component(self, name: str) -> Component | None:
        """Return the component of that name, if there is one."""
        return self._components.get(name)

    def find(self, kind: type[C]) -> C | None:
        """Return the component of that class, if there is one."""
        return next(self.find_all(kind), None)

    def find_all(self, kind: type[C]) -> Iterator[C]:
        """Yield all components of that class."""
        return (c for c in self._components.values() if isinstance(c, kind))

    def add_device(
        self, name: str, device: Device, *, hot: bool = False, tells: bool = False
    ) -> None:
        """Add a component that acts by itself when its time has come.

        ``hot``: it is one for which the board (`blink16.devices.hot`) can act.  ``tells``: see
        `services.Chassis`.
        """
        self.add_component(name, device)
        self._devices.append(device)
        if hot:
            self._hot_dues.append(device.due)
        elif tells:
            self._told_dues[device] = FOREVER
        else:
            self._dues.append(device.due)
        if not tells:
            self._silent.append(device)
        self._changed.add(device)

    def add_controller(self, name: str, controller: InterruptController) -> None:
        """Add the component that asks for interrupts."""
        self.add_component(name, controller)
        self.controller = controller

    def add_non_maskable(self, name: str, source: NonMaskable) -> None:
        """Add the component that asks for the non-maskable interrupt."""
        self.add_component(name, source)
        self.non_maskable = source

    def add_stub(self, name: str, service: Service | None = None) -> tuple[int, int]:
        """Put an IRET stub into ROM, with a service or none; return its segment and offset."""
        offset = self._next_stub
        self._next_stub += STUB_SIZE
        address = linear(ROM_SEGMENT, offset)
        self.memory.write(address, IRET_STUB)
        self.service_names[address] = name
        if service is not None:
            self._services[address] = service
            self.memory.mark(address, Attribute.SERVICE)
        return ROM_SEGMENT, offset

    def name_code(self, address: int, size: int, name: str) -> None:
        """Tell debuggers what some code in ROM is called."""
        self.rom_symbols.append(Symbol(name, address, SymbolKind.CODE, size))

    def hang_service(self, vector: int, service: Service, name: str | None = None) -> None:
        """Point an interrupt vector at a new stub that runs ``service``."""
        segment, offset = self.add_stub(name or f"int{vector:02x}", service)
        self.set_vector(vector, segment, offset)

    def set_vector(self, vector: int, segment: int, offset: int) -> None:
        """Set the far address of an interrupt's handler."""
        self.memory.write_word(vector * 4, offset)
        self.memory.write_word(vector * 4 + 2, segment)

    def tell_processes(self, table: ProcessTable) -> None:
        """Let debuggers see the processes of the guest's system."""
        self.process_table = table

    # -- the world outside -------------------------------------------------------------------

    def output(self, channel: str, data: bytes) -> None:
        """Show bytes outside, unless this has happened before."""
        if not self.replaying:
            self._happened_at = self._cycles[0]
            sink = self.sinks.get(channel)
            if sink is None:
                self.on_output(channel, data)
            else:
                sink(data)
        else:
            self.on_past_output(channel, data)

    @property
    def may_say_later(self) -> bool:
        """Whether what is shown may be told at the end of a run: nobody minds the instant."""
        is_heard = self.on_call is not None or self.on_past_output is not discard
        return not (is_heard or self.memory.is_minded)

    def _say(self) -> None:
        """Show outside what native code has shown in the run that is over."""
        said = self._said
        count, said[SAID_COUNT] = said[SAID_COUNT], 0
        self.output(Console.CHANNEL, self.memory.arena[SAID_OFFSET : SAID_OFFSET + count])
        if not self.replaying:
            self._happened_at = said[SAID_AT]

    def effect(self, act: Callable[[], None]) -> None:
        """Do something to the world outside, unless this has happened before."""
        if not self.replaying:
            act()

    @property
    def traces_calls(self) -> bool:
        """Whether anybody wants to know the calls of the guest's system."""
        return self.on_call is not None

    def trace_call(self, text: str) -> None:
        """Tell a call of the guest's system, decoded, with its result."""
        if self.on_call is not None:
            self.on_call(text)

    def notice(self, text: str) -> None:
        """Tell the user one line, unless this has happened before."""
        if not self.replaying:
            self.on_notice(text)

    def lacks(self, kind: Kind, what: str, remedy: str = "", *, place: int | None = None) -> None:
        """Tell what the caller of a service wants that there isn't (`Guest.lacks`)."""
        if self.witness is not None:
            self.witness.service_lacks(kind, what, remedy, place)

    def device_lacks(self, port: int, what: str) -> None:
        """Tell what is wanted of a device that it hasn't got (`Guest.device_lacks`)."""
        if self.witness is not None:
            self.witness.device_lacks(port, what)

    def tell(self, lack: Lack) -> None:
        """Tell the user what the machine lacks, unless this has happened before."""
        if not self.replaying:
            self.on_lack(lack)

    def nanoseconds(self) -> int:
        """Nanoseconds of guest time since the Unix epoch."""
        return self.epoch_ns + self._cycles[0] * 1_000_000_000 // self.clock_hz

    # -- state -------------------------------------------------------------------------------

    def save(self) -> Snapshot:
        """Return all state but the RAM."""
        return Snapshot(
            self.registers.save(),
            tuple((name, component.save()) for name, component in self._components.items()),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Take the state of a `save`; the RAM is the caller's to put back."""
        self.registers.restore(snapshot.registers)
        self.engine.between_rounds = False
        for name, state in snapshot.components:
            self._components[name].restore(state)
