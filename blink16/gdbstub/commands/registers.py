"""The packets that read and write registers: g G p P."""

from __future__ import annotations

from dataclasses import dataclass

from blink16.gdbstub.commands import fields
from blink16.gdbstub.commands.table import Packets

PACKETS: Packets[RegisterQuestion] = Packets()


@dataclass(frozen=True, slots=True)
class ReadRegisters:
    """g: all registers."""


PACKETS.alone(b"g", ReadRegisters())


@dataclass(frozen=True, slots=True)
class WriteRegisters:
    """G: all registers, as g shows them."""

    data: bytes


@PACKETS.packet(b"G")
def _write_all(rest: bytes) -> WriteRegisters:
    return WriteRegisters(fields.data(rest, "registers"))


@dataclass(frozen=True, slots=True)
class ReadRegister:
    """p: one register, by its number in target.xml."""

    number: int


@PACKETS.packet(b"p")
def _read(rest: bytes) -> ReadRegister:
    return ReadRegister(fields.number(rest, "register"))


@dataclass(frozen=True, slots=True)
class WriteRegister:
    """P: one register; ``data`` little-endian."""

    number: int
    data: bytes


@PACKETS.packet(b"P")
def _write(rest: bytes) -> WriteRegister:
    number, value = fields.split(rest, b"=", 2, "register and value")
    return WriteRegister(fields.number(number, "register"), fields.data(value, "value"))


@dataclass(frozen=True, slots=True)
class DescribeRegister:
    """qRegisterInfo: what a register is, for LLDBs that can't read target.xml."""

    number: int


@PACKETS.packet(b"qRegisterInfo")
def _describe(rest: bytes) -> DescribeRegister:
    return DescribeRegister(fields.number(rest, "register"))


RegisterQuestion = ReadRegisters | WriteRegisters | ReadRegister | WriteRegister | DescribeRegister
