"""A PS/2 mouse: INT 15h/C2h, IRQ 12 and the 8042's second port, as QEMU has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from boot_sectors import sector
from guests import ENGINES
from hypothesis import given
from hypothesis import strategies as st

from blink16.debugger import Debugger, Resume
from blink16.devices.cards import Cards
from blink16.devices.mouse import SerialMouse, movement
from blink16.devices.ps2mouse import MAX_WAITING, Ps2Mouse
from blink16.dos.mouse import Mouse
from blink16.machine import Machine
from blink16.screens.input import TerminalInput
from blink16.setup import loader
from blink16.setup.loader import Options, Program, ProgramKind
from blink16.setup.pc import PcSetup

CARDS = Cards(at=True, ps2mouse=True)
HALF_A_SECOND = 4_772_727 // 2

FOLLOWS = bytes.fromhex(
    "fa31c08ed88ec08ed0bc007cbf0006b90800fcf3abfbb805c2b703cd157224b803c2b703cd15721bb807c2bb487c"
    "cd157211b800c2b701cd157208c606000601f4ebfda30006faf45589e5501e31c08ed88a460ca202068a460ab400"
    "f6460c107402fecc010604068a4608b400f6460c207402fecc01060606ff0608061f585dcb"
)
"""mov ax,0C205h / mov bh,3 / int 15h; C203h, C207h with ES:BX the routine below, C200h with BH 1;
mov byte [600h],1; hlt in a loop.  The routine keeps the status at 602h, adds x and y, with their
signs from it, at 604h and 606h, and counts at 608h."""
COMMANDS = bytes.fromhex(
    "fa31c08ed88ec08ed0bc007cfcbf2006b0a8e664e84300b060e664e83c00b044e660e83500b0a9e664e83500be727c"
    "ac3c00741288c4b0d4e664e81d0088e0e660e81d00ebe9b0d3e664e80d00b05ae660e80d00c606000601f4e464a802"
    "75fac3b502e464a80174062421aae460aae2f2c3fff2e9e803f364e7f4e9f5e6ee55ecf0ebe9eaf6e900"
)
"""Sends the mouse FF F2 E9 E8 03 F3 64 E7 F4 E9 F5 E6 EE 55 EC F0 EB E9 EA F6 E9 by D4h, then D3h
with 5Ah, and stores at 620h whatever comes within 512 looks at port 64h: bits 0 and 5 of that, and
the byte."""
QEMUS = bytes.fromhex(
    "01 00 21 fa 21 aa 21 00 21 fa 21 00 21 fa 21 00 21 02 21 64 21 fa 21 fa 21 fa 21 fa 21 fa"
    "21 fa 21 fa 21 30 21 03 21 64 21 fa 21 fa 21 fa 21 55 21 fa 21 fa 21 fa 21 08 21 00 21 00"
    "21 fa 21 40 21 03 21 64 21 fa 21 fa 21 fa 21 00 21 02 21 64 21 5a"
)
"""What QEMU 7.2 leaves there."""


def booted(code: bytes, engine: str, cards: Cards = CARDS) -> Machine:
    """Return an AT before a boot sector."""
    options = Options(engine=engine, setup=PcSetup(cards=cards))
    machine = loader.load(Program("m.img", ProgramKind.BOOT, sector(code)), (), options).machine
    machine.idle_after = 1 << 62
    return machine


def seen(machine: Machine) -> tuple[int, int, int, int]:
    """Let half a second pass; return what the routine has: status, x, y, calls."""
    machine.run(20_000, until=machine.cycles + HALF_A_SECOND)
    words = memoryview(machine.memory.read(0x602, 8)).cast("h").tolist()
    return words[0], words[1], words[2], words[3]


MOVES = (
    (movement(5, -3), (0x08, 5, 3, 1)),
    (movement(0, 0, left=True), (0x09, 5, 3, 2)),
    (movement(-20, 40, left=True), (0x39, -15, -37, 3)),
    (movement(0, 0), (0x08, -15, -37, 4)),
)
"""QEMU 7.2 with mouse_move 5 -3, mouse_button 1, mouse_move -20 40, mouse_button 0: the same."""


@pytest.mark.parametrize("engine", ENGINES)
def test_a_programs_routine_is_called_for_each_packet_as_by_qemu(engine: str) -> None:
    """INT 15h/C2h said that there is no mouse, and IRQ 12 led nowhere."""
    machine = booted(FOLLOWS, engine)
    seen(machine)
    assert machine.memory[0x600] == 1
    for moved, expected in MOVES:
        machine.receive(Ps2Mouse.CHANNEL, moved)
        assert seen(machine) == expected


def test_a_mouse_goes_back_in_time() -> None:
    """Packets on their way and sums in memory are those of the instant."""
    debugger = Debugger(booted(FOLLOWS, "native"))
    debugger.resume(Resume(count=5000))
    at = debugger.timeline.now
    debugger.receive(Ps2Mouse.CHANNEL, MOVES[0][0])
    debugger.resume(Resume(count=3000))
    end, state = debugger.timeline.now, debugger.machine.save()
    assert debugger.machine.memory.read_word(0x608) == 1
    debugger.seek(at)
    assert debugger.machine.memory.read_word(0x608) == 0
    debugger.seek(end)
    assert debugger.machine.save() == state


@pytest.mark.parametrize("engine", ENGINES)
def test_the_mouse_answers_commands_as_qemus_does(engine: str) -> None:
    """Drivers that talk to the 8042 themselves tell by these bytes what there is."""
    machine = booted(COMMANDS, engine)
    machine.run(200_000)
    assert machine.memory[0x600] == 1
    assert machine.memory.read(0x620, len(QEMUS)) == QEMUS


@pytest.mark.parametrize(
    ("ax", "bx", "ah"),
    [(0xC200, 0x0100, 5), (0xC202, 0x0700, 2), (0xC205, 0x0900, 2), (0xC2FF, 0, 1), (0xC204, 0, 0)],
)
def test_what_int_15h_refuses(ax: int, bx: int, ah: int) -> None:
    """No routine yet, a rate or a size that there is not, an unknown function."""
    call = b"\xb8" + ax.to_bytes(2, "little") + b"\xbb" + bx.to_bytes(2, "little") + b"\xcd\x15"
    machine = booted(b"\xfa" + call + b"\xf4", "reference")
    machine.run(50)
    assert machine.registers.ah == ah
    assert machine.registers.flags & 1 == bool(ah)


@given(st.lists(st.tuples(st.sampled_from((0x60, 0x64)), st.integers(0, 255)), max_size=30))
def test_nonsense_at_the_controller_never_breaks_it(written: list[tuple[int, int]]) -> None:
    """Any bytes in any order: what waits is bounded, and what comes can be read."""
    machine = booted(b"\xeb\xfe", "reference")
    for port, value in written:
        machine.bus.write(port, value)
        machine.receive(Ps2Mouse.CHANNEL, bytes((value, value ^ 0x55, value)))
        machine.run(20)
        machine.bus.read(port)
    mouse = machine.find(Ps2Mouse)
    assert mouse is not None
    assert len(mouse.state.waiting) <= MAX_WAITING


def test_a_terminals_mouse_moves_each_kind() -> None:
    """Reports are cells; the hardware's mice count mickeys, and a leap comes in several pieces."""
    terminal = TerminalInput()
    terminal.take(b"\x1b[<35;11;6M")
    keys, events = terminal.take(b"a\x1b[<0;12;5M")
    assert keys == b"a"
    assert events[Ps2Mouse.CHANNEL] == movement(8, -16, left=True)
    assert set(events) > {Ps2Mouse.CHANNEL, SerialMouse.CHANNEL, Mouse.CHANNEL}
    _, events = terminal.take(b"\x1b[<32;62;5M")
    moved = events[SerialMouse.CHANNEL]
    assert sum(moved[::3]) == 400
    assert max(moved[::3]) <= 127


def test_a_dos_program_may_have_a_mouse_of_hardware_beside_int_33h(tmp_path: Path) -> None:
    """Both were called "mouse", and the machine could not be made."""
    for cards in (Cards(mouse=True), CARDS):
        options = Options(root=tmp_path, setup=PcSetup(cards=cards))
        loader.load(Program("x.com", ProgramKind.DOS_COM, b"\xc3"), (), options)


@pytest.mark.parametrize("engine", ENGINES)
def test_keys_and_packets_share_one_output_buffer(engine: str) -> None:
    """A key must not hide a byte of the mouse, nor come where the status says that it is one."""
    machine = booted(FOLLOWS, engine)
    seen(machine)
    machine.memory.write(0x7E00, b"\xfa\xeb\xfe")  # cli; jmp $
    machine.registers.ip, came = 0x7E00, []
    machine.receive(Ps2Mouse.CHANNEL, movement(1, -2))
    machine.run(2000)
    machine.receive("keyboard", b"\x1e\x9e")
    for _ in range(9):
        machine.run(6000)
        status = machine.bus.read(0x64) & 0x21
        if status & 1:
            came.append((status, machine.bus.read(0x60)))
    assert [byte for status, byte in came if status == 0x21] == [0x08, 1, 2]
    assert [byte for status, byte in came if status == 0x01] == [0x1E, 0x9E]
