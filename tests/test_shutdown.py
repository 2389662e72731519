"""LIDT in real mode, shutdown, and the ways back from a reset that an AT's BIOS offers."""

from __future__ import annotations

import pytest
from boot_sectors import sector
from guests import ENGINES

from blink16.cpu.engine import StopReason
from blink16.cpu.registers import SHUT_DOWN, Cell
from blink16.debugger import Debugger, EventKind, Resume
from blink16.devices.cards import Cards
from blink16.machine import Machine
from blink16.setup import loader
from blink16.setup.loader import Options, Program, ProgramKind
from blink16.setup.pc import PcSetup

TARGET = 0x7D00
SET_UP = "31c08ed88ed0bc007c"  # xor ax, ax; mov ds, ax; mov ss, ax; mov sp, 7C00h
WHERE_TO = "c7066704007d c70669040000"  # mov word [467h], 7D00h; mov word [469h], 0
NO_VECTORS = "c706007a0000 c706027a0000 c706047a0000 0f011e007a cc"
"""mov word [7A00h], 0; and at 7A02h, 7A04h; lidt [7A00h]; int3"""
LANDED = bytes.fromhex("bb3412 ebfe")  # mov bx, 1234h; jmp $


def code_of(byte: int) -> str:
    """Mov al, 8Fh; out 70h, al; mov al, byte; out 71h, al."""
    return f"b08fe670b0{byte:02x}e671"


WAYS = {
    "8042, FEh": "b0fee664ebfe",
    "8042, output port": "b0d1e664b0fee660ebfe",
    "port 92h": "b001e692ebfe",
    "INT 3 without vectors": NO_VECTORS,
}


def booted(code: str, engine: str, *, at: bool = True) -> Machine:
    """Return a PC with an 80286 before a boot sector, with a place to land at 7D00h."""
    image = bytes.fromhex(SET_UP + code).ljust(TARGET - 0x7C00, b"\x90") + LANDED
    setup = PcSetup(cards=Cards(at=at))
    options = Options(engine=engine, cpu="80286", setup=setup)
    machine = loader.load(Program("x.img", ProgramKind.BOOT, sector(image)), (), options).machine
    machine.idle_after = 1 << 62
    return machine


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_program_comes_back_from_a_reset_to_where_it_wants(way: str, engine: str) -> None:
    """Each way to reset an AT's processor led nowhere; programs of the AT's time use them all."""
    machine = booted(WHERE_TO + code_of(0x0A) + way, engine)
    machine.run(200)
    r = machine.registers
    assert r.bx == 0x1234
    assert (r.ds, r.cs) == (0x40, 0)
    assert r.cells[Cell.IDT] == 0x3FF
    assert machine.bus.read(0x71) == 0  # index 0Fh: the word is taken


@pytest.mark.parametrize("engine", ENGINES)
def test_all_codes_that_resume(engine: str) -> None:
    """05h ends interrupts before it jumps, 09h takes a block move's stack, 0Bh and 0Ch a return."""
    for byte in (0x05, 0x0A):
        machine = booted(WHERE_TO + code_of(byte) + WAYS["8042, FEh"], engine)
        machine.run(200)
        assert machine.registers.bx == 0x1234
    for byte, frame in ((0x0B, "b80202 50 0e b8007d50"), (0x0C, "0e b8007d 50")):
        # push (flags), cs, 7D00h; mov [467h], sp
        code = frame.replace(" ", "") + "89266704c70669040000" + code_of(byte)
        machine = booted(code + WAYS["8042, FEh"], engine)
        machine.run(200)
        assert machine.registers.bx == 0x1234
        assert bool(machine.registers.flags & 0x200) == (byte == 0x0B)
    # pushf; push cs; push 7D00h; mov di, 5678h; pusha; push es; push ds
    frame = "9c0eb8007d50 bf7856 60061e 89266704 c70669040000".replace(" ", "")
    machine = booted(frame + code_of(0x09) + "31ff" + WAYS["8042, FEh"], engine)
    machine.run(200)
    assert (machine.registers.bx, machine.registers.di) == (0x1234, 0x5678)
    assert machine.registers.sp == 0x7C00


@pytest.mark.parametrize("engine", ENGINES)
def test_without_a_code_a_reset_starts_the_machine_anew(engine: str) -> None:
    """Prevents a reboot by the keyboard controller from hanging; debuggers are told."""
    debugger = Debugger(booted(WAYS["8042, FEh"], engine))
    event = debugger.drive(Resume(count=2000))
    assert event.kind is EventKind.RESTARTED
    end = debugger.timeline.now
    debugger.seek(3)
    debugger.seek(end)
    assert debugger.machine.registers.cs == 0xF000


@pytest.mark.parametrize("engine", ENGINES)
def test_a_shutdown_that_nobody_resets_is_a_stop_with_a_reason(engine: str) -> None:
    """On a board without the AT's circuit the processor stands for good; interrupts wake nobody."""
    machine = booted(NO_VECTORS, engine, at=False)
    stop = machine.run(2000)
    assert stop.reason is StopReason.LOCKUP
    assert "shut down" in stop.text
    assert machine.registers.cells[Cell.HALTED] == SHUT_DOWN
    saved = machine.save()
    machine.receive("keyboard", b"\x1e")
    assert machine.run(2000).reason is StopReason.LOCKUP
    assert machine.save().registers == saved.registers
    assert machine.memory[machine.pc] == 0xCC


@pytest.mark.parametrize("engine", ENGINES)
def test_vectors_are_where_lidt_says(engine: str) -> None:
    """A table elsewhere was ignored; a number behind its limit enters INT 8, at the INT itself."""
    # the table at 9000h has vectors 0 to 20h; INT 20h leads to 7D00h, INT 8 to 7D10h
    table = "c70680907d00 c70682900000 c70620907d10".replace("7d00", "007d").replace("7d10", "107d")
    descriptor = "c706007a8300 c706027a0090 c706047a0000 0f011e007a"
    for vector, landing, pushed in ((0x20, 0x7D00, 2), (0x21, 0x7D10, 0)):
        code = bytes.fromhex((SET_UP + table + "c70622900000" + descriptor).replace(" ", ""))
        at = 0x7C00 + len(code)
        image = (code + bytes((0xCD, vector))).ljust(0x100, b"\x90") + b"\xf4".ljust(16, b"\x90")
        options = Options(engine=engine, cpu="80286")
        machine = loader.load(
            Program("x.img", ProgramKind.BOOT, sector(image + b"\xf4")), (), options
        ).machine
        machine.run(17)
        assert machine.registers.ip - 1 == landing
        assert machine.memory.read_word(machine.registers.sp) == at + pushed
