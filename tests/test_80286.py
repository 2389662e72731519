"""The 80286 in real mode, on both engines: every capture, faults that restart, A20, its limits."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from boot_sectors import sector
from dos_drivers import Drivers, xms_of
from engine_pair import PROGRAM_AT, Pair, drive, random_program, translate_here
from processor_bench import CODE, HANDLERS, HLT, STACK, bench, run, run_capture
from test_vectors import ENGINES, load_cases

from blink16 import Machine, StopReason
from blink16.cpu.disassembler import Syntax, disassemble
from blink16.cpu.engine import SOMEBODY, at_once
from blink16.cpu.models import find
from blink16.cpu.registers import Cell
from blink16.debugger import Debugger, Resume
from blink16.devices.cards import Cards
from blink16.recording import open_recording, record, replay
from blink16.setup import loader
from blink16.setup.loader import Options, Program, ProgramKind
from blink16.setup.pc import PcSetup

FORMS = 325
CASES_PER_FORM = 60
DIVIDE_ERROR, INVALID_OPCODE, GENERAL_PROTECTION = 0, 6, 13


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("high", range(16), ids=lambda high: f"{high:X}x")
def test_captured_instructions_do_what_an_80286_did(shared: Path, high: int, engine: str) -> None:
    """Prevents any instruction or fault that differs: registers, all flags, memory, restart.

    That includes the flags that Intel leaves undefined, those that a divide fault pushes, and
    the memory above the first mebibyte.
    """
    machine = Machine.bare(engine, cpu="80286")
    failures = {}
    for path in sorted((shared / "vectors" / "80286").glob(f"{high:X}*.json.gz")):
        cases = load_cases(path)
        assert len(cases) == CASES_PER_FORM
        bad = [(case["name"], wrong) for case in cases if (wrong := run_capture(machine, case))]
        if bad:
            failures[path.name] = (len(bad), bad[0])
    assert failures == {}


def test_all_captures_are_there(shared: Path) -> None:
    """Prevents a run that looks complete because files are missing."""
    assert len([*(shared / "vectors" / "80286").glob("*.json.gz")]) == FORMS


@pytest.fixture(params=ENGINES)
def machine(request: pytest.FixtureRequest) -> Machine:
    """Return an 80286 of each engine; vector N leads to a HLT at 0000:0500+N."""
    return bench(request.param, "80286")


def faulted(machine: Machine, vector: int) -> bool:
    """Return whether an interrupt was entered that returns to the code's beginning."""
    back = machine.memory.read(machine.registers.sp, 2)
    at_handler = machine.registers.ip == HANDLERS + vector + 1
    return at_handler and back == CODE.to_bytes(2, "little")


UNDEFINED = [b"\x0f\x00\xc0", b"\x0f\x01\xe8", b"\x0f\x02\xc0", b"\x0f\xff", b"\x63\xc0", b"\x66"]
UNDEFINED += [b"\x8d\xc0", b"\xc4\xc3", b"\x62\xc0", b"\xff\xd8", b"\x8e\xc8", b"\x8e\xe0"]
UNDEFINED += [b"\x8c\xf0", b"\xc6\xc8\x00", b"\x8f\xc8", b"\xfe\xd0", b"\xff\xf8", b"\x0f\x01\xd0"]


@pytest.mark.parametrize("code", UNDEFINED, ids=bytes.hex)
def test_what_real_mode_does_not_know_enters_interrupt_6(machine: Machine, code: bytes) -> None:
    """Prevents protected mode's instructions, or a register in place of memory, from doing much."""
    run(machine, b"\x26\xf3" + code)
    assert faulted(machine, INVALID_OPCODE)


ACROSS = {
    "mov ax,[FFFF]": "a1ffff",
    "push word [FFFF]": "ff36ffff",
    "les ax,[FFFD]": "c406fdff",
    "call far [FFFE]": "ff1efeff",
    "mov word [es:FFFF],1": "26c706ffff0100",
}


@pytest.mark.parametrize("code", ACROSS.values(), ids=ACROSS)
def test_a_word_across_a_segments_end_enters_interrupt_13(machine: Machine, code: str) -> None:
    """Prevents an access that wraps, as an 8086's does, and a fault that changed something."""
    before = [machine.registers.cells[cell] for cell in range(Cell.SP)]
    run(machine, bytes.fromhex(code))
    assert faulted(machine, GENERAL_PROTECTION)
    assert [machine.registers.cells[cell] for cell in range(Cell.SP)] == before
    assert machine.registers.sp == STACK - 6


@pytest.mark.parametrize("prefixes", range(5, 13))
def test_more_than_ten_bytes_enter_interrupt_13(machine: Machine, prefixes: int) -> None:
    """Prevents a limit at another length: a body of three bytes stands behind the prefixes."""
    run(machine, b"\x26" * prefixes + b"\xb8\x34\x12")
    assert faulted(machine, GENERAL_PROTECTION) == (prefixes + 3 > 10)


def test_an_instruction_beyond_the_segments_end_enters_interrupt_13(machine: Machine) -> None:
    """Prevents code that goes on at offset 0 within an instruction."""
    machine.memory.write(0xFFFF, b"\xb8")
    machine.registers.ip = 0xFFFF
    machine.run(1)
    assert machine.registers.ip == HANDLERS + GENERAL_PROTECTION
    assert machine.memory.read(machine.registers.sp, 2) == b"\xff\xff"


def test_a_repeated_instruction_faults_in_the_round_that_fails(machine: Machine) -> None:
    """Prevents rounds before it from being undone, or the return address from losing prefixes."""
    r = machine.registers
    r.es, r.di, r.cx, r.ax = 0x2000, 0xFFFB, 9, 0x4142
    machine.registers.flags = 0
    run(machine, b"\x3e\xf3\xab")
    assert faulted(machine, GENERAL_PROTECTION)
    assert (r.cx, r.di) == (6, 1)
    assert machine.memory.read(0x2FFFB, 4) == b"BABA"
    assert machine.memory.read(0x2FFFF, 1) == b"\0"


def test_push_sp_and_the_status_word_are_an_80286s(machine: Machine) -> None:
    """Prevents the ways in which programs tell processors apart from failing."""
    run(machine, b"\x54\x9c\x0f\x01\xe0")
    assert machine.memory.read(STACK - 2, 2) == STACK.to_bytes(2, "little")
    assert machine.memory.read(STACK - 4, 2)[1] & 0xF0 == 0
    assert machine.registers.ax == 0xFFF0


@pytest.mark.parametrize("code", ["0f01f0", "0f05"], ids=["lmsw ax", "loadall"])
def test_leaving_real_mode_is_a_stop_with_a_reason(machine: Machine, code: str) -> None:
    """Prevents a program that enters protected mode from running on as nonsense."""
    machine.registers.ax = 1
    machine.memory.write(CODE, bytes.fromhex(code))
    stop = machine.run(10)
    assert (stop.reason, machine.registers.ip, machine.icount) == (StopReason.LOCKUP, CODE, 0)
    assert "not here" in stop.text


def test_descriptor_tables_and_the_status_word_are_kept(machine: Machine) -> None:
    """Prevents LGDT, LIDT and LMSW from being forgotten, in the machine or in its snapshots."""
    machine.memory.write(0x3000, bytes.fromhex("341256789a00 ff03000000ff"))
    load = bytes.fromhex("0f01160030 0f011e0630 b80c00 0f01f0")
    run(machine, load + bytes.fromhex("0f01060040 0f010e0640 0f0126 0c40"))
    kept = bytes.fromhex("341256789aff ff03000000ff fcff")
    assert machine.memory.read(0x4000, 14) == kept
    saved = machine.registers.save()
    machine.registers.cells[Cell.MSW] = machine.registers.cells[Cell.GDT] = 0
    machine.registers.restore(saved)
    assert machine.registers.cells[Cell.MSW] == 0xC
    assert machine.registers.cells[Cell.GDT] == 0x1234


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
def test_address_line_20_decides_what_lies_behind_the_first_mebibyte(
    machine: Machine, is_open: bool
) -> None:
    """Prevents wrapping with the line open, or high memory with the line closed, data and code."""
    machine.registers.cells[Cell.A20] = is_open
    machine.registers.ds = machine.registers.es = 0xFFFF
    high = 0x10FF00 if is_open else 0x0FF00
    stores = "c706f0fe4142 a1f0fe"  # mov word [FEF0],4241h; mov ax,[FEF0]
    run(machine, bytes.fromhex(stores))
    at = 0xFFFF0 + 0xFEF0
    assert bytes(machine.memory.whole[at & (0x1FFFFF if is_open else 0xFFFFF) :][:2]) == b"AB"
    assert machine.registers.ax == 0x4241
    machine.memory.whole[high : high + 3] = b"\x43\x43\xf4"  # inc bx; inc bx; hlt
    machine.registers.cells[Cell.HALTED] = 0
    machine.registers.ip, machine.registers.bx = CODE, 0
    run(machine, b"\xea\x10\xff\xff\xff")  # jmp FFFF:FF10
    assert (machine.registers.bx, machine.registers.cs) == (2, 0xFFFF)


_NEW = (*range(0x60, 0x70), 0xC0, 0xC1, 0xC9, 0xF1, 0x0F, 0xC4, 0x8D, 0x8E, 0xF7, 0xD4)
_EDGES = (1, 3, 0xFFFB, 0xFFFD, 0xFFFF)


def program(choose: random.Random) -> Iterator[int]:
    """Return a random program with what differs strewn in, and pointers to segments' ends."""
    for byte in random_program(choose):
        if choose.random() < 0.1:
            yield from (choose.choice(_NEW), choose.randrange(256), *choose.randbytes(3))
        if choose.random() < 0.05:  # mov reg,edge
            yield 0xB8 | choose.choice((3, 4, 5, 6, 7))
            yield from choose.choice(_EDGES).to_bytes(2, "little")
        yield byte


@pytest.mark.parametrize("seed", range(12))
def test_programs_are_the_same_on_both_engines(seed: int) -> None:
    """Prevents native code, interpreted or translated, from differing in state, time or faults."""
    choose = random.Random(seed)
    pair = Pair(Machine.bare("reference", cpu="80286"), Machine.bare("native", cpu="80286"))
    names = ("ax", "bx", "dx", "si", "di", "bp", "sp")
    values = {name: choose.choice((choose.randrange(0x10000), *_EDGES)) for name in names}
    values |= {n: choose.choice((choose.randrange(0x10000), 0xFFFF)) for n in ("ds", "es", "ss")}
    pair.load(0, choose.randbytes(0x1000))
    code, flags = bytes(program(choose)), choose.randrange(0x100)
    pair.load(PROGRAM_AT, code, cs=0, ip=PROGRAM_AT, cx=20, flags=flags, **values)
    for machine in pair:
        machine.registers.cells[Cell.A20] = seed & 1
        machine.engine.horizon, machine.engine.stirred = at_once, SOMEBODY
        machine.bus.attach(range(0x10000), lambda port: port & 0xFF, lambda port, value: None)
    pair.begin()
    drive(pair, choose, 40, translating=True)


def test_a_translated_loop_faults_as_an_interpreted_one() -> None:
    """Prevents a fault in translated code from losing what came before it, or from coming late.

    The loop walks a word pointer to the segment's end; the handler steps it on and returns.
    """
    pair = Pair(Machine.bare("reference", cpu="80286"), Machine.bare("native", cpu="80286"))
    body = bytes.fromhex("40 0307 a5 83c303 e2f7")  # inc ax; add ax,[bx]; movsw; add bx,3; loop
    handler = bytes.fromhex("43 42 81e6feff 81e7feff cf")  # inc bx; inc dx; and si/di,-2; iret
    pair.load(0x600, handler)
    pair.load(4 * GENERAL_PROTECTION, (0x600).to_bytes(4, "little"))
    registers = {"bx": 0xF001, "si": 0xF001, "di": 0xE001, "cx": 0xFFFF, "sp": STACK, "cs": 0}
    segments = {"ds": 0x3000, "es": 0x5000, "ip": CODE}
    pair.load(CODE, body + HLT, **registers, **segments)
    pair.begin()
    pair.run(100)
    assert translate_here(pair.native, CODE)
    for _ in range(40):
        pair.run(9_973)
    pair.compare_memory()
    assert pair.native.registers.dx > 1


@pytest.mark.parametrize(
    ("code", "intel", "att"),
    [
        ("0f01e0", "smsw ax", "smsw %ax"),
        ("0f011e0630", "lidt [ds:3006h]", "lidt 0x3006"),
        ("0f06", "clts", "clts"),
        ("8dc0", "(bad)", "(bad)"),
        ("c4c3", "(bad)", "(bad)"),
    ],
)
def test_the_disassembler_knows_the_80286(code: str, intel: str, att: str) -> None:
    """Prevents a listing that shows what another processor would have done."""
    instruction = find("80286").encoding.parse(bytes.fromhex(code))
    assert instruction.length == len(bytes.fromhex(code))
    assert disassemble(instruction, 0) == intel
    assert disassemble(instruction, 0, Syntax.ATT) == att


# -- in a PC ---------------------------------------------------------------------------------------

AT = PcSetup(cards=Cards(at=True))
# Write 4241h to FFFF:0510 with the line as it is, and read 0000:0500 back into BX.
PROBE = "31c08ed8 b8ffff8ec0 c7060005 0000 26c7061005 4142 8b1e0005"
WAYS = {
    "nothing": ("", False),
    "port 92h": ("e492 0c02 e692", True),
    "port 92h, on and off": ("e492 0c02 e692 24fd e692", False),
    "INT 15h/2401h": ("b80124 cd15", True),
    "8042, output port": ("b0d1 e664 b0df e660", True),
    "8042, DFh": ("b0df e664", True),
    "8042, on and off": ("b0df e664 b0dd e664", False),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("code", "is_open"), WAYS.values(), ids=WAYS)
def test_a_pc_starts_with_line_20_closed_and_opens_it_by_each_way(
    code: str, is_open: bool, engine: str
) -> None:
    """Prevents a switch that leads nowhere, and high memory that shows without being asked for."""
    image = sector(bytes.fromhex(code) + bytes.fromhex(PROBE) + b"\xf4")
    options = Options(engine=engine, cpu="80286", setup=AT)
    machine = loader.load(Program("test.img", ProgramKind.BOOT, image), (), options).machine
    machine.run(200)
    assert machine.registers.bx == (0 if is_open else 0x4241)
    assert bytes(machine.memory.whole[0x100500:0x100502]) == (b"AB" if is_open else b"\0\0")


def test_time_travel_brings_high_memory_and_its_gate_back() -> None:
    """Prevents a step back that leaves the gate open, or what was stored behind it."""
    image = sector(bytes.fromhex(WAYS["port 92h"][0] + PROBE) + b"\xf4")
    options = Options(cpu="80286", setup=AT)
    machine = loader.load(Program("test.img", ProgramKind.BOOT, image), (), options).machine
    debugger = Debugger(machine)
    debugger.resume(Resume(count=40))
    end, content = machine.icount, bytes(machine.memory.whole)
    assert content[0x100500:0x100502] == b"AB"
    debugger.seek(0)
    assert not machine.registers.cells[Cell.A20]
    assert bytes(machine.memory.whole[0x100000:]) == bytes(0x10000)
    debugger.seek(end)
    assert bytes(machine.memory.whole) == content


@pytest.mark.parametrize("engine", ENGINES)
def test_a_recording_holds_high_memory(tmp_path: Path, engine: str) -> None:
    """Prevents a replay that lacks what lies above the first mebibyte."""
    path = tmp_path / "high.b16"
    image = sector(bytes.fromhex(WAYS["INT 15h/2401h"][0] + PROBE) + b"\xf4")
    options = Options(engine=engine, cpu="80286", setup=AT)
    _, debugger, recorder = record(path, Program("x.img", ProgramKind.BOOT, image), (), options)
    debugger.resume(Resume(count=100))
    recorder.close()
    _, replayed = replay(open_recording(path), engine)
    replayed.seek(debugger.machine.icount)
    assert bytes(replayed.machine.memory.whole[0x100500:0x100502]) == b"AB"


def test_xms_gives_the_high_memory_area_once() -> None:
    """Prevents two programs from getting it, and an area without the gate to reach it."""
    guest = Drivers(cpu="80286", xms_kib=1024)
    entry, r = xms_of(guest), guest.machine.registers
    guest.far(entry, 0x0000)
    assert (r.ax, r.dx) == (0x0300, 1)
    answers = []
    for function in (0x0100, 0x0100, 0x0300, 0x0700, 0x0400, 0x0700, 0x0200, 0x0200):
        guest.far(entry, function, bx=0, dx=0xFFFF)
        answers.append((r.ax, r.bl))
    taken, free = (0, 0x91), (0, 0x93)
    done = (1, 0)
    assert answers == [done, taken, done, done, done, (0, 0), done, free]


def test_int_15h_moves_blocks_above_the_first_mebibyte() -> None:
    """Prevents programs that keep data there by INT 15h/87h from losing it, and moves beyond."""
    table = bytes(16) + b"".join(
        (0xFFFF).to_bytes(2, "little") + address.to_bytes(3, "little") + b"\x93\0\0"
        for address in (0x500, 0x100010)
    )
    code = "31c08ed88ec0 c70600053412 be007db90100b487cd15 9c f4"
    image = bytes.fromhex(code).ljust(0x100, b"\0") + table.ljust(0x30, b"\0")
    options = Options(cpu="80286", setup=AT)
    program = Program("test.img", ProgramKind.BOOT, sector(image))
    machine = loader.load(program, (), options).machine
    machine.run(200)
    assert bytes(machine.memory.whole[0x100010:0x100012]) == b"\x34\x12"
    assert machine.registers.ah == 0
