"""A machine with probes in it for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

from blink16.cpu import engines
from blink16.cpu.native import loading
from blink16.cpu.native.engine import NativeEngine
from blink16.cpu.probes import Accessor, Probe, ProbeEvent, Tape
from blink16.devices.hot import BOARD
from blink16.machine import Machine
from blink16.memory import ADDRESS_MASK, MEMORY_SIZE, Attribute
from blink16.services import Done, Elsewhere, Outcome, Restart, Service, Trap


class Readiness(Enum):
    """Whether a machine can be given probes that write natively."""

    READY = auto()
    COMING = auto()  # native code is being made
    NEVER = auto()  # the reference has to do


def readiness(machine: Machine) -> Readiness:
    """Tell, and begin to make native code if there is none yet."""
    if not isinstance(machine.engine, NativeEngine):
        return Readiness.NEVER
    core = loading.core(machine.model, BOARD, probed=True)
    if not core.done():
        return Readiness.COMING
    return Readiness.READY if core.exception() is None else Readiness.NEVER


@contextmanager
def probed(machine: Machine, tape: Tape, engine: str = engines.DEFAULT) -> Iterator[None]:
    """Let a machine write on a tape what it does, until the end of the context.

    Nobody's points may be in the machine meanwhile.  ``engine``: a name of `engines.NAMES`.
    ValueError if there is no such engine here.
    """
    if isinstance(machine.engine, NativeEngine):
        machine.engine.forget()
    parts = (machine.model, machine.registers, machine.memory, machine.bus)
    before = machine.use_engine(engines.make_probed(engine, *parts, tape, BOARD))
    before_that = machine.serve_with
    machine.serve_with = lambda service: _serve(machine, tape, service)
    ranges = _mark(machine, tape)
    machine.memory.on_access = lambda *access: _note_access(machine, tape, *access)
    try:
        yield
    finally:
        machine.memory.on_access = None
        for where, attribute in ranges:
            machine.memory.unmark(where.start, attribute, len(where))
        machine.serve_with = before_that
        probing = machine.use_engine(before)
        if isinstance(probing, NativeEngine):
            probing.forget()


def _mark(machine: Machine, tape: Tape) -> list[tuple[range, Attribute]]:
    """Let native code look where somebody asks for accesses."""
    probes, marked = tape.probes, []
    if machine.engine.name != "reference":  # it looks everywhere
        if probes.wanted & Probe.WRITES:
            marked += [(where, Attribute.WATCH_WRITE) for where in probes.writes]
        if probes.wanted & Probe.READS:
            marked += [(where, Attribute.WATCH_READ) for where in probes.reads]
    for where, attribute in marked:
        machine.memory.mark(where.start, attribute, len(where))
    return marked


def _serve(machine: Machine, tape: Tape, service: Service) -> Outcome:
    """Do a service; what it does counts if it comes to something."""
    registers = machine.registers
    icount, place = registers.icount, (registers.cs, registers.ip)
    tape.hold(Accessor.SERVICE)
    outcome = None
    try:
        outcome = service(machine)
    finally:
        passes = isinstance(outcome, Trap) and outcome.resumable
        tape.release(keep=passes or isinstance(outcome, Done | Elsewhere | Restart))
    if isinstance(outcome, Elsewhere) and tape.probes.wanted & Probe.EXECUTED:
        tape.executed(icount, *place)  # it retires without the stub's IRET
    return outcome


def _note_access(
    machine: Machine, tape: Tape, address: int, length: int, data: bytes | None
) -> None:
    """Note what the host reads or is about to write, byte by byte."""
    probes, registers = tape.probes, machine.registers
    wanted, ranges = (Probe.READS, probes.reads) if data is None else (Probe.WRITES, probes.writes)
    if not probes.wanted & wanted:
        return
    kind = ProbeEvent.READ if data is None else ProbeEvent.WRITE
    ram, icount, place = machine.memory.whole, registers.icount, (registers.cs, registers.ip)
    wraps = machine.memory.wraps(address)
    for at in _within(ranges, address, length, wraps=wraps):
        here = at & ADDRESS_MASK if wraps else at
        was = ram[here]
        now = was if data is None else data[at - address]
        was = 0 if data is None else was
        tape.note(kind, icount, place, here, detail=8, was=was, now=now, by=tape.writer)


def _within(ranges: tuple[range, ...], address: int, length: int, *, wraps: bool) -> Iterator[int]:
    """Yield the addresses of an access that lie in some ranges, ascending, each once.

    ``wraps``: what lies behind 1 MiB lies at 0.
    """
    if not length:
        return
    spans = [(address, address + length)]
    if wraps and address + length > MEMORY_SIZE:
        spans = [(address, MEMORY_SIZE), (MEMORY_SIZE, address + length)]
    for start, end in spans:
        base = start & ~ADDRESS_MASK if wraps else 0
        met = {
            at
            for where in ranges
            for at in range(max(start, where.start + base), min(end, where.stop + base))
        }
        yield from sorted(met)
