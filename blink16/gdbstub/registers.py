"""The registers as gdb numbers and sees them, over those of the 8086.

gdb wants all 32 registers of its feature ``org.gnu.gdb.i386.core`` at their usual widths, or it
falls back to a 32-bit i386.  Three of them are not what the 8086 holds:

- ``eip`` is the linear address of the next instruction, since breakpoints and disassembly are
  about linear addresses.  Writing it keeps CS where the address can be reached from it, and else
  takes the segment ``address / 16``, so that IP is below 16;
- ``esp`` is linear likewise, over SS; ``ebp`` stays the raw BP;
- the 8087's registers (`x87_registers`) read as zeros and can't be written where there is none.

A second feature holds the raw ``ip`` and ``sp16``, and ``icount``, the instructions retired.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from blink16.cpu.registers import SHARED_SIZE, Cell, Registers
from blink16.gdbstub import x87_registers
from blink16.gdbstub.replies import RefusedError
from blink16.memory import ADDRESS_BITS, ADDRESS_MASK

CORE_FEATURE = "org.gnu.gdb.i386.core"
RAW_FEATURE = "org.blink16.i8086"
X87_BITS = 80


@dataclass(frozen=True, slots=True)
class TargetRegister:
    """A register of target.xml."""

    name: str
    bits: int
    type: str
    feature: str
    group: str | None = None
    writes: str | None = None
    """The register of the 8086 that takes a value as it is; None: see `write`."""


REGISTERS = (
    TargetRegister("eax", 32, "int32", CORE_FEATURE, writes="ax"),
    TargetRegister("ecx", 32, "int32", CORE_FEATURE, writes="cx"),
    TargetRegister("edx", 32, "int32", CORE_FEATURE, writes="dx"),
    TargetRegister("ebx", 32, "int32", CORE_FEATURE, writes="bx"),
    TargetRegister("esp", 32, "data_ptr", CORE_FEATURE),
    TargetRegister("ebp", 32, "data_ptr", CORE_FEATURE, writes="bp"),
    TargetRegister("esi", 32, "int32", CORE_FEATURE, writes="si"),
    TargetRegister("edi", 32, "int32", CORE_FEATURE, writes="di"),
    TargetRegister("eip", 32, "code_ptr", CORE_FEATURE),
    TargetRegister("eflags", 32, "i8086_flags", CORE_FEATURE, writes="flags"),
    *(
        TargetRegister(name, 32, "int32", CORE_FEATURE, writes=name)
        for name in ("cs", "ss", "ds", "es")
    ),
    *(TargetRegister(name, 32, "int32", CORE_FEATURE) for name in ("fs", "gs")),
    *(TargetRegister(name, X87_BITS, "i387_ext", CORE_FEATURE) for name in x87_registers.STACK),
    *(TargetRegister(name, 32, "int", CORE_FEATURE, "float") for name in x87_registers.WORDS),
    TargetRegister("ip", 16, "uint16", RAW_FEATURE, "general", writes="ip"),
    TargetRegister("sp16", 16, "uint16", RAW_FEATURE, "general", writes="sp"),
    TargetRegister("icount", 64, "uint64", RAW_FEATURE, "general"),
)
"""In gdb's order, which is their numbering and the layout of g."""


def _layout() -> tuple[slice, ...]:
    places, offset = [], 0
    for register in REGISTERS:
        places.append(slice(offset, offset + register.bits // 8))
        offset += register.bits // 8
    return tuple(places)


_PLACES = _layout()
_NUMBERS = {register.name: number for number, register in enumerate(REGISTERS)}
ESP = _NUMBERS["esp"]
EIP = _NUMBERS["eip"]
SIZE = _PLACES[-1].stop
"""Bytes in g."""
_X87_PART = slice(_PLACES[_NUMBERS["st0"]].start, _PLACES[_NUMBERS["fop"]].stop)
_HELD = slice(Cell.AX, Cell.IP + 1)
_LINE_20 = slice(2 * Cell.A20, 2 * Cell.A20 + 2)
_X87 = frozenset((*x87_registers.STACK, *x87_registers.WORDS))
# struct, not construct: g is asked for thousands of times a second
_CORE = struct.Struct("<16I")
_RAW = struct.Struct("<HHQ")
_EXPEDITED = tuple(
    number
    for number, register in enumerate(REGISTERS)
    if register.writes is not None or register.name in {"eip", "esp", "icount"}
)
"""What every stop reply tells unasked: all but the 8087, and the 386's FS and GS."""
_EXPEDITED_DIGITS = struct.Struct(
    "".join(
        f"{register.bits // 4}{'s' if number in _EXPEDITED else 'x'}"
        for number, register in enumerate(REGISTERS)
    )
)
_EXPEDITED_FORMAT = b"".join(b"%02x:%%b;" % number for number in _EXPEDITED)
# A segment before what is relative to it, and a linear register before its raw part.
_WRITING_ORDER = sorted(range(len(REGISTERS)), key=lambda n: REGISTERS[n].name not in {"cs", "ss"})


def read_all(registers: Registers) -> bytes:
    """Return all registers as g has them (`SIZE` bytes)."""
    ax, cx, dx, bx, sp, bp, si, di, es, cs, ss, ds, ip = registers.cells[_HELD]
    mask = address_mask(registers)
    esp = (ss * 16 + sp) & mask
    eip = (cs * 16 + ip) & mask
    flags = registers.flags
    core = _CORE.pack(ax, cx, dx, bx, esp, bp, si, di, eip, flags, cs, ss, ds, es, 0, 0)
    x87 = x87_registers.NONE if registers.x87 is None else x87_registers.read(registers.x87)
    return core + x87 + _RAW.pack(ip, sp, registers.icount)


def address_mask(registers: Registers) -> int:
    """Return the bits of linear addresses: 20, or one more while address line 20 is open."""
    return ADDRESS_MASK | registers.cells[Cell.A20] << ADDRESS_BITS


def read(registers: Registers, number: int) -> bytes:
    """Return one register, little-endian; RefusedError if there is none of that number."""
    return read_all(registers)[_PLACES[_known(number)]]


def info(number: int) -> bytes:
    """Return what LLDB is told of a register in answer to qRegisterInfo; past the last, its end.

    Source: LLDB's lldb-gdb-remote.txt, qRegisterInfo.
    """
    if number >= len(REGISTERS):
        return END_OF_INFO
    register = REGISTERS[number]
    name = register.name
    text = f"name:{name};bitsize:{register.bits};offset:{_PLACES[number].start};"
    text += "encoding:vector;format:vector-uint8;" if register.bits == X87_BITS else _PLAIN
    text += f"set:{_SETS[register.feature]};"
    if name in _DWARF:
        text += f"ehframe:{_DWARF[name]};dwarf:{_DWARF[name]};"
    if name in _GENERIC:
        text += f"generic:{_GENERIC[name]};"
    return text.encode("ascii")


END_OF_INFO = b"E45"
_PLAIN = "encoding:uint;format:hex;"
_SETS = {CORE_FEATURE: "General Purpose Registers", RAW_FEATURE: "8086"}
_GENERIC = {"eip": "pc", "esp": "sp", "ebp": "fp", "eflags": "flags"}
_DWARF = {
    name: number
    for number, name in enumerate(["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"])
}
_DWARF |= {"es": 40, "cs": 41, "ss": 42, "ds": 43}
"""gdb's numbers for the i386 in DWARF, by which the board's call frame information goes."""


class Digits:
    """The digits of g, as they were last asked for: a stop shows the same registers twice."""

    def __init__(self) -> None:
        self._state: bytes | bytearray = b""
        """The processor's own state that they are of."""
        self._all = b""

    def all(self, registers: Registers) -> bytes:
        """Return the answer to g."""
        state = registers.state[:SHARED_SIZE] + registers.state[_LINE_20]
        if registers.x87 is not None:
            state += registers.x87.save()
        if state != self._state:
            self._state = state
            self._all = read_all(registers).hex().encode("ascii")
        return self._all

    def expedited(self, registers: Registers) -> bytes:
        """Return the registers of a stop reply, each as ``number:value;``."""
        return _EXPEDITED_FORMAT % _EXPEDITED_DIGITS.unpack(self.all(registers))


class RegisterOwner(Protocol):
    """What registers are written of: a debugger's processor, or a process that waits."""

    @property
    def registers(self) -> Registers:
        """As they are."""
        ...

    def write_register(self, name: str, value: int) -> None:
        """Set a register; of the value, the low 16 bits count."""
        ...

    def write_coprocessor(self, state: bytes) -> None:
        """Set an 8087's registers, all of them."""
        ...


def write(owner: RegisterOwner, number: int, data: bytes) -> None:
    """Set one register from its little-endian bytes.

    Bits beyond the 8086's sixteen are lost, as in the chip.  A value that stands there already
    changes nothing.  RefusedError if the register can't be
    written or its size is another.
    """
    register, place = REGISTERS[_known(number)], _PLACES[number]
    if len(data) != place.stop - place.start:
        raise RefusedError(f"{register.name} has {register.bits} bits")
    if data == read(owner.registers, number):
        return  # gdb restores what it could not change; that is no reason to drop the future
    value = int.from_bytes(data, "little")
    if register.writes is not None:
        owner.write_register(register.writes, value & 0xFFFF)
    elif register.name == "eip":
        _write_linear(owner, "cs", "ip", value)
    elif register.name == "esp":
        _write_linear(owner, "ss", "sp", value)
    elif register.name == "icount":
        raise RefusedError("icount can't be written; to move in time use monitor seek")
    elif register.name in _X87 and (x87 := owner.registers.x87) is not None:
        with _refusing():
            owner.write_coprocessor(x87_registers.written(x87, register.name, data))
    elif register.name in _X87:
        raise RefusedError(f"an 8086 has no {register.name}; --fpu has one")
    else:
        raise RefusedError(f"an 8086 has no {register.name}")


@contextmanager
def _refusing() -> Iterator[None]:
    """Make a refusal of a ValueError."""
    try:
        yield
    except ValueError as error:
        raise RefusedError(str(error)) from None


class Writer:
    """Writes one register after another, as gdb does to pop a frame: eip before CS, esp before SS.

    A segment that is written after its linear address leaves that address where it is, if the
    segment reaches it, and not the offset.
    """

    def __init__(self, owner: RegisterOwner) -> None:
        self._owner = owner
        self._aims: dict[str, int] = {}
        """By segment, the linear address that was written before it."""

    def write(self, number: int, data: bytes) -> None:
        """Set a register, as `write` does."""
        name = REGISTERS[_known(number)].name
        held = name in _OFFSETS and self._aims.pop(name, None) == self._linear(name)
        address = self._linear(name) if held else 0
        write(self._owner, number, data)
        if held and (address - self._base(name)) & self._mask <= 0xFFFF:
            _write_linear(self._owner, name, _OFFSETS[name], address)
        if name in _SEGMENTS:
            self._aims[_SEGMENTS[name]] = self._linear(_SEGMENTS[name])

    def _base(self, segment: str) -> int:
        return int(getattr(self._owner.registers, segment)) << 4

    def _linear(self, segment: str) -> int:
        offset = int(getattr(self._owner.registers, _OFFSETS[segment]))
        return (self._base(segment) + offset) & self._mask

    @property
    def _mask(self) -> int:
        return address_mask(self._owner.registers)


_SEGMENTS = {"eip": "cs", "esp": "ss"}
_OFFSETS = {"cs": "ip", "ss": "sp"}


def write_pc(owner: RegisterOwner, address: int) -> None:
    """Go on at a linear address (as by writing eip)."""
    _write_linear(owner, "cs", "ip", address)


def write_all(owner: RegisterOwner, data: bytes) -> None:
    """Set the registers that differ from what g shows now.

    Only those, since eip and ip, and esp and sp16, are two views of one register.  RefusedError if
    one that differs can't be written, or if the size is wrong.
    """
    if len(data) != SIZE:
        raise RefusedError(f"the registers are {SIZE} bytes, not {len(data)}")
    before = read_all(owner.registers)
    changed = [n for n in _WRITING_ORDER if data[_PLACES[n]] != before[_PLACES[n]]]
    for number in changed:
        if not _writable(REGISTERS[number], owner.registers):
            raise RefusedError(f"{REGISTERS[number].name} can't be written")
    if (
        any(REGISTERS[number].name in _X87 for number in changed)
        and owner.registers.x87 is not None
    ):
        with _refusing():
            owner.write_coprocessor(x87_registers.all_written(owner.registers.x87, data[_X87_PART]))
    for number in changed:
        if REGISTERS[number].name not in _X87:
            write(owner, number, data[_PLACES[number]])


def _writable(register: TargetRegister, of: Registers) -> bool:
    if register.name in _X87:
        return of.x87 is not None
    return register.writes is not None or register.name in {"eip", "esp"}


def _write_linear(owner: RegisterOwner, segment: str, offset: str, address: int) -> None:
    """Set an offset register so that ``segment:offset`` is a linear address; see the module."""
    base = getattr(owner.registers, segment) << 4
    mask = address_mask(owner.registers)
    distance = (address - base) & mask
    if distance > 0xFFFF:
        base = min((address & mask) >> 4, 0xFFFF)  # above the first mebibyte there is but one
        owner.write_register(segment, base)
        distance = (address & mask) - (base << 4)
    owner.write_register(offset, distance)


def _known(number: int) -> int:
    if number >= len(REGISTERS):
        raise RefusedError(f"no register {number}")
    return number
