"""All that was written to registers and memory in a short part of the past, and by whom."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import repeat

from blink16.cpu.flow import (
    NOTHING,
    Flow,
    FlowEngine,
    Location,
    Made,
    in_memory,
    in_register,
)
from blink16.cpu.registers import Cell
from blink16.history.inputs import MemoryWritten, RegisterWritten
from blink16.history.timeline import Timeline
from blink16.machine import Machine
from blink16.memory import ADDRESS_MASK
from blink16.questions.dataflow.deliveries import Deliveries, Read, overheard
from blink16.services import Outcome, Service

REGISTER_BYTES = 2 * (Cell.SUM + 1)
"""The bytes of the packed state that services write, and debuggers."""
_AL, _BL, _DL = 2 * Cell.AX, 2 * Cell.BX, 2 * Cell.DX
_PASSED = {
    ("int10", 0x09): (_AL, _BL),
    ("int10", 0x0A): (_AL,),
    ("int10", 0x0C): (_AL,),
    ("int10", 0x0E): (_AL,),
    ("int21", 0x02): (_DL,),
    ("int21", 0x06): (_DL,),
}
"""The registers, by service and AH, whose content comes onto the screen as it is."""
STRIDE = 2000
"""Instructions between two looks whether to go on."""


class Writer(StrEnum):
    """Who writes."""

    INSTRUCTION = "instruction"
    INTERRUPT = "interrupt"
    SERVICE = "service"
    DEVICE = "device"
    DEBUGGER = "debugger"


@dataclass(frozen=True, slots=True)
class Writing:
    """What was written at once."""

    writer: Writer
    icount: int
    """Instructions retired before."""
    cs: int
    ip: int
    """The instruction; for a service its stub; else that before which it happened."""
    writes: Mapping[Location, Made]
    read: Mapping[Location, int] = field(default_factory=dict)
    """What the sources held, where it is one byte (see `Flow`)."""
    code: bytes = b""
    """The instruction."""
    text: str = ""
    """A service's call, decoded."""
    deliveries: Deliveries = field(default_factory=Deliveries)
    """What a service or a device has moved into memory."""


def writings(timeline: Timeline, low: int, high: int) -> list[Writing]:
    """Return what was written on the way from one instant to another, in order.

    The machine is left at ``high``, and nobody's points may be in it.  Interrupted if a request to
    stop came.
    """
    timeline.seek(low)
    observer = _Observer(timeline.machine)
    with observer.attached():
        for _ in timeline.walk(high, repeat(STRIDE)):
            pass
    observer.end()
    found = observer.found
    for entry in timeline.inputs():
        if low < entry.icount <= high:
            if isinstance(entry, RegisterWritten):
                _insert(found, entry.icount, _register_set(entry, timeline.machine))
            elif isinstance(entry, MemoryWritten):
                _take_over(found, entry)
    return found


def _insert(found: list[Writing], icount: int, writing: Writing) -> None:
    """Put what happened at an instant before the instruction there."""
    found.insert(bisect_right(found, (icount, 0), key=_order), writing)


def _order(writing: Writing) -> tuple[int, int]:
    is_instruction = writing.writer in (Writer.INSTRUCTION, Writer.SERVICE)
    return writing.icount, int(is_instruction)


def _register_set(entry: RegisterWritten, machine: Machine) -> Writing:
    places = _REGISTERS.get(entry.name, range(REGISTER_BYTES))
    writes = {
        in_register(at): Made(entry.value >> 8 * n & 0xFF, NOTHING) for n, at in enumerate(places)
    }
    return Writing(Writer.DEBUGGER, entry.icount, 0, 0, writes)


_REGISTERS = {cell.name.lower(): range(2 * cell, 2 * cell + 2) for cell in Cell if cell <= Cell.IP}
_REGISTERS |= {
    name: range(at, at + 1)
    for at, name in enumerate(("al", "ah", "cl", "ch", "dl", "dh", "bl", "bh"))
}
_REGISTERS["flags"] = range(2 * Cell.ZERO, REGISTER_BYTES)


def _take_over(found: list[Writing], entry: MemoryWritten) -> None:
    """Say of what a debugger has stored that it did it."""
    for n, writing in enumerate(found):
        stored = writing.deliveries.stores
        if writing.icount == entry.icount and (entry.address, entry.data) in stored:
            found[n] = Writing(Writer.DEBUGGER, entry.icount, 0, 0, writing.writes)


class _Observer:
    """Looks on while a machine goes on with the engine that tells of the flow of data."""

    def __init__(self, machine: Machine) -> None:
        self.found: list[Writing] = []
        self._machine = machine
        self._engine = FlowEngine(
            machine.model, machine.registers, machine.memory, machine.bus, self._flows
        )
        self._outside = Deliveries()
        """What came into memory, and is not told yet."""
        self._outside_at = 0

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Look on in the context."""
        machine = self._machine
        before = machine.use_engine(self._engine)
        before_that = machine.serve_with
        machine.serve_with, machine.memory.on_access = self._serve, self._access
        try:
            with overheard(machine, self._read):
                yield
        finally:
            machine.serve_with, machine.memory.on_access = before_that, None
            machine.use_engine(before)

    def end(self) -> None:
        """Tell what came into memory at the end."""
        outside, self._outside = self._outside, Deliveries()
        if outside.stores:
            writes = {place: Made(byte, NOTHING) for place, byte in self._places(outside)}
            self.found.append(
                Writing(Writer.DEVICE, self._outside_at, 0, 0, writes, deliveries=outside)
            )

    def _places(self, came: Deliveries) -> Iterator[tuple[Location, int]]:
        """Yield where bytes have been stored."""
        for address, data in came.stores:
            mask = ADDRESS_MASK if self._machine.memory.wraps(address) else -1
            for n, byte in enumerate(data):
                yield in_memory(address + n & mask), byte

    def _flows(self, flow: Flow) -> None:
        self.end()
        writer = Writer.INSTRUCTION if flow.code else Writer.INTERRUPT
        self.found.append(
            Writing(writer, flow.icount, flow.cs, flow.ip, flow.writes, flow.read, flow.code)
        )

    def _read(self, read: Read) -> None:
        self._outside.reads.append(read)

    def _access(self, address: int, length: int, data: bytes | None) -> None:
        if data:
            self._outside.stores.append((address, data))
            self._outside_at = self._machine.icount

    def _serve(self, service: Service) -> Outcome:
        """Do a service, and note what it has changed."""
        self.end()
        machine, registers = self._machine, self._machine.registers
        icount, cs, ip, ah = registers.icount, registers.cs, registers.ip, registers.ah
        name = machine.service_names.get(machine.pc, "?")
        before = bytes(registers.state[:REGISTER_BYTES])
        texts: list[str] = []
        told, machine.on_call = machine.on_call, texts.append
        self._outside = Deliveries()
        try:
            outcome = service(machine)
        finally:
            machine.on_call = told
            done, self._outside = self._outside, Deliveries()
        passed = {before[at]: frozenset((in_register(at),)) for at in _PASSED.get((name, ah), ())}
        writes = {
            place: Made(byte, passed.get(byte, NOTHING)) for place, byte in self._places(done)
        }
        read = {place: before[place.at] for sources in passed.values() for place in sources}
        writes |= {
            in_register(at): Made(now, NOTHING)
            for at, (was, now) in enumerate(zip(before, registers.state, strict=False))
            if was != now
        }
        text = texts[-1] if texts else f"{name}/{ah:02X}"
        self.found.append(
            Writing(Writer.SERVICE, icount, cs, ip, writes, read, text=text, deliveries=done)
        )
        return outcome
