"""The processors beyond the 8086: what differs, on both engines, against captures of the 80286."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_pair import PROGRAM_AT, Pair, drive, random_program, translate_here
from processor_bench import CODE, HANDLERS, HLT, STACK, STATUS_FLAGS, bench, run, run_capture
from test_cli import SERVE
from test_cli import run as run_command
from test_vectors import ENGINES, load_cases

from blink16 import Machine, StopReason
from blink16.cpu.disassembler import Syntax, disassemble
from blink16.cpu.engine import SOMEBODY, at_once
from blink16.cpu.models import find
from blink16.cpu.registers import AF, CF, OF
from blink16.cpu.semantics_80186 import BOUND_VECTOR
from blink16.recording import open_recording, record, replay
from blink16.setup import loader
from blink16.setup.loader import Options

PROGRAM = Path(__file__).parent / "dos" / "i186.com"

# Forms whose real-mode outcome is the same on an 80186, and the flags that Intel leaves open.
SHIFT_FORMS = [f"{code}.{member}" for code in ("C0", "C1", "D2", "D3") for member in range(8)]
OPEN_FLAGS = {
    **dict.fromkeys(("60", "61", "62", "68", "6A", "6C", "6D", "6E", "6F", "C9"), 0),
    **dict.fromkeys(("69", "6B"), STATUS_FLAGS & ~(CF | OF)),
    **dict.fromkeys(SHIFT_FORMS, AF),
}


def agrees(case: dict[str, Any]) -> bool:
    """Whether an 80186 does the same: no protection, one megabyte, BOUND of memory only."""
    everything = [*case["initial"]["ram"], *case["final"]["ram"]]
    number = case.get("exception", {}).get("number")
    return number in (None, BOUND_VECTOR) and all(address < 1 << 20 for address, _ in everything)


@pytest.mark.parametrize("engine", ENGINES)
def test_instructions_of_the_80186_do_what_an_80286_did(shared: Path, engine: str) -> None:
    """Prevents a new instruction that differs from the captures in anything that is defined."""
    machine = Machine.bare(engine, cpu="80186")
    failures = []
    for form, open_flags in OPEN_FLAGS.items():
        cases = load_cases(shared / "vectors" / "80286" / f"{form}.json.gz")
        usable = [case for case in cases if agrees(case)]
        assert len(usable) >= 20, form
        for case in usable:
            wrong = run_capture(machine, case, STATUS_FLAGS & ~open_flags)
            if wrong:
                failures.append((form, case["name"], wrong))
    assert failures == []


@pytest.fixture(params=ENGINES)
def machine(request: pytest.FixtureRequest) -> Machine:
    """Return an 80186 of each engine; vector N leads to a HLT at 0000:0500+N."""
    return bench(request.param, "80186")


UNDEFINED = [b"\x0f", *(bytes((code,)) for code in range(0x63, 0x68)), b"\xf1"]
UNDEFINED += [bytes((0xFE, 0xC0 | reg << 3)) for reg in range(2, 8)] + [
    b"\xff\xf8",
    b"\xfe\x7f\x01",
]


@pytest.mark.parametrize("code", UNDEFINED, ids=bytes.hex)
def test_undefined_opcodes_enter_interrupt_6_and_restart(machine: Machine, code: bytes) -> None:
    """Prevents an opcode that there isn't from doing what an 8086 does, or from being skipped."""
    run(machine, b"\x26\xf3" + code)
    assert machine.registers.ip == HANDLERS + 6 + 1
    assert machine.memory.read(STACK - 6, 2) == CODE.to_bytes(2, "little")


@pytest.mark.parametrize(
    ("index", "inside"), [(-5, True), (-6, False), (3, True), (4, False), (-32768, False)]
)
def test_bound_is_signed_includes_both_ends_and_restarts(
    machine: Machine, index: int, inside: bool
) -> None:
    """Prevents BOUND from comparing unsigned, or from returning behind itself."""
    machine.memory.write(0x5000, b"\xfb\xff\x03\x00")  # -5, 3
    machine.registers.ax = index & 0xFFFF
    run(machine, b"\x62\x06\x00\x50")
    assert machine.registers.ip == (CODE + 5 if inside else HANDLERS + 5 + 1)
    if not inside:
        assert machine.memory.read(STACK - 6, 2) == CODE.to_bytes(2, "little")


@pytest.mark.parametrize("level", [0, 1, 2, 5, 31, 32, 34])
def test_enter_copies_the_frames_around_it_and_leave_drops_them(
    machine: Machine, level: int
) -> None:
    """Prevents ENTER from copying too many frame pointers, or from leaving its own out."""
    bp = 0x9000
    words = [0x1111 * (n % 15) + n for n in range(1, 40)]  # below BP, going down
    for number, word in enumerate(words, 1):
        machine.memory.write(bp - 2 * number, word.to_bytes(2, "little"))
    machine.registers.bp = bp
    machine.memory.write(CODE, bytes((0xC8, 0x10, 0x01, level, 0xC9)) + HLT)
    machine.run(1)
    depth = level & 31
    frame = STACK - 2
    pushed = [bp, *words[: max(depth - 1, 0)], *([frame] if depth else [])]
    bottom = STACK - 2 * len(pushed)
    assert (machine.registers.bp, machine.registers.sp) == (frame, bottom - 0x110)
    found = machine.memory.read(bottom, 2 * len(pushed))
    assert found == b"".join(word.to_bytes(2, "little") for word in reversed(pushed))
    machine.run(1)
    assert (machine.registers.bp, machine.registers.sp) == (bp, STACK)


@pytest.mark.parametrize(
    ("a", "b", "product", "overflows"),
    [(300, 100, 30000, 0), (300, 200, 60000, 1), (-3, 5, -15, 0), (-32768, -1, 32768, 1)],
)
def test_imul_by_an_immediate_says_whether_the_product_fits(
    machine: Machine, a: int, b: int, product: int, overflows: int
) -> None:
    """Prevents CF and OF from being those of an unsigned product."""
    machine.registers.cx = a & 0xFFFF
    run(machine, b"\x69\xd9" + (b & 0xFFFF).to_bytes(2, "little"))
    assert machine.registers.bx == product & 0xFFFF
    assert bool(machine.registers.flags & CF) == bool(machine.registers.flags & OF) == overflows


def test_repeated_ins_and_outs_move_blocks_through_a_port(machine: Machine) -> None:
    """Prevents a round from being lost or done twice where a device is asked in its midst."""
    written: list[int] = []
    source = iter(range(1, 200))
    machine.bus.attach(
        [0x300], read=lambda port: next(source), write=lambda _, v: written.append(v)
    )
    r = machine.registers
    r.dx, r.cx, r.di, r.si = 0x300, 5, 0x6000, 0x6001
    run(machine, b"\xf3\x6c\xb1\x03\xf3\x6e\x6c")  # rep insb; mov cl,3; rep outsb; insb
    assert machine.memory.read(0x6000, 7) == bytes((1, 2, 3, 4, 5, 6, 0))
    assert (written, r.cx, r.di, r.si, machine.icount) == ([2, 3, 4], 0, 0x6006, 0x6004, 5)


_NEW = (*range(0x60, 0x70), 0xC0, 0xC1, 0xC8, 0xC9, 0xD2, 0xD3, 0x0F, 0xF1)


def program(choose: random.Random) -> Iterator[int]:
    """Return a random program with the new instructions strewn in."""
    code = iter(random_program(choose))
    for byte in code:
        if choose.random() < 0.1:
            yield from (choose.choice(_NEW), choose.randrange(256), *choose.randbytes(3))
        yield byte


@pytest.mark.parametrize("seed", range(12))
def test_programs_of_the_80186_are_the_same_on_both_engines(seed: int) -> None:
    """Prevents native code, interpreted or translated, from differing in state or time."""
    choose = random.Random(seed)
    pair = Pair(Machine.bare("reference", cpu="80186"), Machine.bare("native", cpu="80186"))
    code = bytes(program(choose))
    names = ("ax", "bx", "dx", "si", "di", "bp", "sp", "ds", "es", "ss")
    values = {name: choose.randrange(0x10000) for name in names}
    pair.load(0, choose.randbytes(0x1000))
    pair.load(PROGRAM_AT, code, cs=0, ip=PROGRAM_AT, cx=20, flags=choose.randrange(0x100), **values)
    for machine in pair:
        machine.engine.horizon, machine.engine.stirred = at_once, SOMEBODY
        machine.bus.attach(range(0x10000), lambda port: port & 0xFF, lambda port, value: None)
    pair.begin()
    drive(pair, choose, 40, translating=True)


def test_loops_of_new_instructions_are_translated(machine: Machine) -> None:
    """Prevents translated code from doing other than interpreted code: frames, bounds, shifts."""
    pair = Pair(Machine.bare("reference", cpu="80186"), Machine.bare("native", cpu="80186"))
    body = bytes.fromhex("60 61 c8040003 6bdb07 c1e303 62060070 6a85 683412 c9 d3e2 69c30501 e2e2")
    pair.load(0x7000, b"\0\x80\xff\x7f")
    pair.load(CODE, body + HLT, ip=CODE, cs=0, sp=STACK, bp=STACK + 100, cx=60, ax=5)
    pair.begin()
    pair.run(40)
    assert translate_here(pair.native, CODE)
    pair.run(100_000)
    pair.compare_memory()


@pytest.mark.parametrize(
    ("code", "intel", "att"),
    [
        ("60", "pusha", "pusha"),
        ("620e0050", "bound cx, [ds:5000h]", "bound %cx,0x5000"),
        ("68a27f", "push 7FA2h", "push $0x7fa2"),
        ("6af8", "push FFF8h", "push $0xfff8"),
        (
            "6981bb86760f",
            "imul ax, word [ds:bx+di-7945h], F76h",
            "imul $0xf76,-0x7945(%bx,%di),%ax",
        ),
        ("6bc3fe", "imul ax, bx, FFFEh", "imul $0xfffe,%bx,%ax"),
        ("f36c", "rep insb", "rep insb (%dx),%es:(%di)"),
        ("6f", "outsw", "outsw %ds:(%si),(%dx)"),
        ("c1e004", "shl ax, 4h", "shl $0x4,%ax"),
        ("c02f03", "shr byte [ds:bx], 3h", "shrb $0x3,(%bx)"),
        ("c8100002", "enter 10h, 2h", "enter $0x10,$0x2"),
        ("c9", "leave", "leave"),
        ("0f", "(bad)", "(bad)"),
        ("fed0", "(bad)", "(bad)"),
    ],
)
def test_the_disassembler_knows_the_80186(code: str, intel: str, att: str) -> None:
    """Prevents a listing that shows what an 8086 would have done."""
    instruction = find("80186").encoding.parse(bytes.fromhex(code))
    assert instruction.length == len(bytes.fromhex(code))
    assert disassemble(instruction, 0) == intel
    assert disassemble(instruction, 0, Syntax.ATT) == att


@pytest.mark.parametrize("engine", ENGINES)
def test_a_program_for_the_80186_runs_there(engine: str) -> None:
    """Prevents a program for it from running wild, or from being told of in vain."""
    machine = loader.load(
        loader.read(str(PROGRAM)), (), Options(engine=engine, cpu="80186")
    ).machine
    notices: list[str] = []
    machine.on_notice = notices.append
    stop = machine.run(1000)
    assert (stop.reason, stop.status, notices) == (StopReason.EXITED, 20, [])


def test_a_recording_knows_its_processor(tmp_path: Path) -> None:
    """Prevents a recording of an 80186 from being replayed on an 8086."""
    path = tmp_path / "i186.b16"
    options = Options(engine="reference", cpu="80186")
    _, debugger, recorder = record(path, loader.read(str(PROGRAM)), (), options)
    debugger.machine.run(3)
    recorder.close()
    loaded, _ = replay(open_recording(path), "reference")
    assert loaded.machine.model.name == "80186"


@pytest.mark.parametrize("cpu", [(), ("--cpu", "8086"), ("--cpu", "8088")])
def test_a_program_for_the_80186_is_told_of_elsewhere(cpu: tuple[str, ...], tmp_path: Path) -> None:
    """Prevents a program for a later processor from failing in silence."""
    done = run_command("--strict", "--root", str(tmp_path), *cpu, str(PROGRAM))
    assert done.returncode != 20
    assert "--cpu 80186 runs it" in done.stderr


def test_both_commands_take_a_processor() -> None:
    """Prevents an option that only one command knows, or that is ignored."""
    done = run_command("--cpu", "80186", str(PROGRAM))
    assert (done.returncode, done.stderr) == (20, "")
    refused = run_command("--cpu", "80386", str(PROGRAM))
    assert (refused.returncode, "--cpu" in refused.stderr) == (2, True)
    assert "--cpu {8086,8088,80186,80286}" in run_command("--help", code=SERVE).stdout


def test_registers_are_shown_and_a_name_that_is_none_is_refused() -> None:
    """Prevents a script's `machine.registers.xa = 5` from doing nothing, in silence."""
    registers = Machine.bare().registers
    registers.ax = 0x12
    assert repr(registers).startswith("Registers(ax=0x0012, cx=0x0000, ")
    with pytest.raises(AttributeError):
        setattr(registers, "xa", 5)  # noqa: B010 - mypy refuses it plainly
