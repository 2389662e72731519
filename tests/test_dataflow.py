"""Where values come from: what changes them when it is changed, and nothing that hardly could."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from engine_pair import PROGRAM_AT, random_program

import blink16
from blink16 import Machine, recording
from blink16.cpu import effects
from blink16.cpu.flow import FLAGS, Flow, FlowEngine, Location, LocationKind
from blink16.cpu.models import MODELS
from blink16.cpu.registers import Cell
from blink16.debugger import Debugger
from blink16.history.timeline import Timeline
from blink16.memory import linear
from blink16.monitor.asking import ask as monitor_ask
from blink16.questions.dataflow import Chain, End, Writer, origin, search
from blink16.questions.needs import QuestionError
from blink16.setup import loader

CODE, DATA, STACK = 0x1000, 0x2000, 0x3000
SAFE_MODRMS = [0xC0 | reg << 3 | rm for reg in range(4) for rm in range(4)]
"""Operands of which no SP, BP, SI and DI is one."""


def register(name: str) -> list[Location]:
    """Return the places of a word register."""
    at = 2 * Cell[name.upper()]
    return [Location(LocationKind.REGISTER, at), Location(LocationKind.REGISTER, at + 1)]


def memory(address: int, length: int = 1) -> list[Location]:
    """Return the places of bytes in memory."""
    return [Location(LocationKind.MEMORY, address + n) for n in range(length)]


# -- what is executed ------------------------------------------------------------------------------


@pytest.mark.parametrize("cpu", sorted(MODELS))
@pytest.mark.parametrize("seed", range(8))
def test_who_follows_data_executes_as_the_reference_does(cpu: str, seed: int) -> None:
    """Prevents a flow that is of another program than the one that ran."""
    choose = random.Random(seed)
    code, values = random_program(choose, ports=True), [choose.randrange(0x10000) for _ in range(8)]
    flows: list[Flow] = []
    plain, followed = Machine.bare("reference", cpu), Machine.bare("reference", cpu)
    for machine in (plain, followed):
        machine.memory.write(PROGRAM_AT, code)
        machine.registers.cs, machine.registers.ss = PROGRAM_AT >> 4, 0x4000
        for cell, value in enumerate(values):
            machine.registers.cells[cell] = value
    followed.use_engine(
        FlowEngine(followed.model, followed.registers, followed.memory, followed.bus, flows.append)
    )
    for _ in range(40):
        assert followed.run(9) == plain.run(9)
        assert followed.registers.save() == plain.registers.save()
    assert followed.memory[:] == plain.memory[:]
    assert [flow.icount for flow in flows if flow.code] == list(range(plain.icount))
    for flow in flows:
        mine = {place.at for place in flow.writes if place.kind is LocationKind.REGISTER}
        allowed = effects.INTERRUPT_ENTRY
        if flow.code:
            allowed |= effects.written_registers(plain.model, flow.code)
        assert mine <= allowed, flow


def test_what_is_written_is_what_was_computed() -> None:
    """Prevents sources that lag behind the value of the place they are of."""
    choose = random.Random(5)
    machine = straight(choose, 300, moves_only=False)
    flows: list[Flow] = []
    machine.use_engine(
        FlowEngine(machine.model, machine.registers, machine.memory, machine.bus, flows.append)
    )
    held: dict[Location, int] = {}
    machine.run(300)
    for flow in flows:
        for place, byte in flow.read.items():
            assert held.get(place, byte) == byte
        held |= {place: made.byte for place, made in flow.writes.items()}
    for place, byte in held.items():
        if place.kind is LocationKind.MEMORY:
            assert machine.memory[place.at] == byte
        elif place.at < FLAGS:
            assert machine.registers.state[place.at] == byte


# -- chains, against runs in which one byte was another --------------------------------------------

MOVES = [
    *([0x88, modrm] for modrm in SAFE_MODRMS),  # mov byte
    *([0x8B, modrm] for modrm in SAFE_MODRMS),  # mov word
    *([0x87, modrm] for modrm in SAFE_MODRMS),  # xchg
    *([0x86, modrm] for modrm in SAFE_MODRMS),
    *([code, 0x06 | reg << 3, at, 0] for code in (0x88, 0x89, 0x8A, 0x8B, 0x86, 0x87)
      for reg in range(4) for at in range(8)),  # with memory
    *([0x50 + reg, 0x58 + other] for reg in range(4) for other in range(4)),  # push, pop
]  # fmt: skip
SUMS = [
    *([code, modrm] for code in (0x00, 0x03, 0x10, 0x13, 0x18, 0x20, 0x0B, 0x29, 0x33, 0x3B)
      for modrm in SAFE_MODRMS),
    *([code, 0x06 | reg << 3, at, 0] for code in (0x02, 0x03, 0x13, 0x29, 0x30, 0x85)
      for reg in range(4) for at in range(8)),
    *([code, 0xC0 | op << 3 | reg] for code in (0xD0, 0xD1, 0xD2, 0xD3)
      for op in (0, 1, 2, 3, 4, 5, 7) for reg in range(4)),
    *([0xF6, 0xC0 | op << 3 | reg] for op in (2, 3, 4, 5) for reg in range(4)),  # not neg mul
    *([0xF7, 0xC0 | op << 3 | reg] for op in (2, 3, 4, 5) for reg in range(4)),
    *([code] for code in (0x27, 0x2F, 0x37, 0x3F, 0x98, 0x99, 0x9F, 0x9E, 0xD6, 0xF5, 0xF8)),
    [0xD4, 0x0A], [0xD5, 0x0A], [0x05, 0x34, 0x12], [0x24, 0x0F], [0x81, 0xE3, 0xFF, 0x00],
    [0x9C, 0x58],  # pushf, pop ax
]  # fmt: skip
INPUTS = [Location(LocationKind.REGISTER, at) for at in range(8)] + memory(DATA, 10)


def straight(choose: random.Random, count: int, *, moves_only: bool) -> Machine:
    """Return a machine before code that goes straight on."""
    parts = [choose.choice(MOVES if moves_only else MOVES + SUMS) for _ in range(count)]
    machine = Machine.bare("reference")
    machine.memory.write(CODE, b"".join(map(bytes, parts)) + b"\xeb\xfe")
    r = machine.registers
    r.cs, r.ds, r.ss, r.sp = CODE >> 4, DATA >> 4, STACK >> 4, 0x800
    for place in INPUTS:
        put(machine, place, choose.randrange(256))
    return machine


def put(machine: Machine, place: Location, byte: int) -> None:
    """Let a place hold a byte."""
    if place.kind is LocationKind.REGISTER:
        machine.registers.state[place.at] = byte
    else:
        machine.memory[place.at] = byte


def get(machine: Machine, place: Location) -> int:
    """Return what a place holds."""
    return (
        machine.registers.state[place.at]
        if place.kind is LocationKind.REGISTER
        else machine.memory[place.at]
    )


def changing(seed: int, count: int, target: Location, *, moves_only: bool) -> set[Location]:
    """Return the inputs that change what a place holds after a run, as trying shows."""

    def result(place: Location | None = None, flips: int = 0) -> int:
        machine = straight(random.Random(seed), count, moves_only=moves_only)
        if place is not None:
            put(machine, place, get(machine, place) ^ flips)
        machine.run(count)
        return get(machine, target)

    usual = result()
    return {p for p in INPUTS for flips in (0xFF, 0x01, 0x80, 0x35) if result(p, flips) != usual}


def ends_at_the_start(chain: Chain) -> set[Location]:
    """Return the inputs from which a chain says that a value is."""
    last = [step for step in chain.steps if step.writer is None]
    return {place for step in last for place in step.writes}


@pytest.mark.parametrize("seed", range(12))
def test_whatever_changes_a_value_is_one_of_its_origins(seed: int) -> None:
    """Prevents a chain that has lost an input on the way."""
    count, choose = 25, random.Random(1000 + seed)
    target = choose.choice(INPUTS)
    timeline = Timeline(straight(random.Random(seed), count, moves_only=False))
    timeline.run(count)
    chain = origin(timeline, [target], "reference")
    assert not chain.cut
    assert changing(seed, count, target, moves_only=False) <= ends_at_the_start(chain)
    assert timeline.now == count


@pytest.mark.parametrize("seed", range(12))
def test_moves_lead_to_the_byte_that_was_moved_and_to_no_other(seed: int) -> None:
    """Prevents origins that were near, and gave nothing."""
    count, choose = 40, random.Random(2000 + seed)
    target = choose.choice(INPUTS)
    timeline = Timeline(straight(random.Random(seed), count, moves_only=True))
    timeline.run(count)
    chain = origin(timeline, [target], "reference")
    found = ends_at_the_start(chain)
    assert found == changing(seed, count, target, moves_only=True)
    assert len(found) == 1
    byte = get(timeline.machine, target)
    assert all(set(step.writes.values()) == {byte} for step in chain.steps)
    assert [step.icount for step in chain.steps] == sorted(
        (step.icount for step in chain.steps), reverse=True
    )


# -- far back, and from outside --------------------------------------------------------------------


def program(text: str, **registers: int) -> Timeline:
    """Return the history of a machine before some code, in hexadecimal digits."""
    machine = Machine.bare("native")
    machine.memory.write(CODE, bytes.fromhex(text))
    r = machine.registers
    r.cs, r.ds, r.es, r.ss, r.sp = CODE >> 4, DATA >> 4, DATA >> 4, STACK >> 4, 0x800
    for name, value in registers.items():
        setattr(r, name, value)
    return Timeline(machine)


def brief(chain: Chain) -> list[tuple[object, ...]]:
    """Return of each step what leads on."""
    return [(step.icount, step.writer, [end for end, _ in step.ends]) for step in chain.steps]


FAR = "bd3412 89e8 bf0000 aa b9ffff 40 9c 9d e2fb 89e8 a31000 ebfe"
"""mov bp, 1234h; mov ax, bp; mov di, 0; stosb; mov cx, -1; again: inc ax; pushf; popf; loop again;
mov ax, bp; mov [10h], ax; for ever."""


@pytest.mark.parametrize("keeping", [False, True], ids=["at once", "with checkpoints"])
def test_what_was_written_long_ago_is_found_natively(
    keeping: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a search that never comes to an end, or that passes by what it looks for."""
    timeline = program(FAR)
    for _ in range(10 if keeping else 1):
        timeline.run(30_000 if keeping else 300_000)
        timeline.keep()
    monkeypatch.setattr(search, "SPAN", 50_000)
    chain = origin(timeline, memory(DATA + 0x10, 2))
    loop = 5 + 4 * 0xFFFF
    assert brief(chain) == [
        (loop + 1, Writer.INSTRUCTION, []),
        (loop, Writer.INSTRUCTION, []),
        (0, Writer.INSTRUCTION, [End.CONSTANT]),
    ]
    assert brief(origin(timeline, memory(DATA))) == [
        (3, Writer.INSTRUCTION, []),
        (1, Writer.INSTRUCTION, []),
        (0, Writer.INSTRUCTION, [End.CONSTANT]),
    ]


def test_zeroing_idioms_and_masks_are_constants() -> None:
    """Prevents chains through a value that makes no difference."""
    timeline = program("31c0 b43f 80e400 29db 83e3f0 ebfe")  # xor ax, ax; and ah, 0; sub bx, bx
    timeline.run(5)
    for name, instants in (("ax", [2, 0]), ("bx", [4, 3])):
        chain = origin(timeline, register(name), "reference")
        assert {step.icount for step in chain.steps} <= set(instants)
        assert all(not step.sources or step.icount == 4 for step in chain.steps)


def test_who_is_behind_a_value_that_came_from_outside_is_told() -> None:
    """Prevents a debugger's own writes, and ports, from being taken for the program's."""
    timeline = program("e461 a20000 8a260100 88260200 89c3 ebfe")
    timeline.run(1)
    timeline.write_memory(DATA + 1, b"\x77")
    timeline.run(2)
    timeline.write_register("ah", 0x55)
    timeline.run(2)
    chain = origin(timeline, register("bx"), "reference")
    assert brief(chain) == [
        (4, Writer.INSTRUCTION, []),
        (3, Writer.DEBUGGER, [End.DEBUGGER]),
        (0, Writer.INSTRUCTION, [End.PORT]),
    ]
    assert chain.steps[-1].ends == ((End.PORT, "port 061h"),)
    chain = origin(timeline, memory(DATA + 2), "reference")
    assert [step.writer for step in chain.steps] == [Writer.INSTRUCTION, Writer.DEBUGGER]
    timeline.seek(3)
    chain = origin(timeline, register("ax"), "reference")
    assert brief(chain)[0] == (3, Writer.DEBUGGER, [End.DEBUGGER])


def test_an_interrupt_pushes_what_it_interrupts() -> None:
    """Prevents a return address that nobody has pushed."""
    timeline = program("cd21 ebfe", ax=0)
    timeline.machine.set_vector(0x21, CODE >> 4, 2)
    timeline.run(1)
    top = linear(STACK >> 4, 0x7FA)
    chain = origin(timeline, memory(top, 4), "reference")
    assert [(s.writer, s.icount) for s in chain.steps[:1]] == [(Writer.INSTRUCTION, 0)]
    assert chain.steps[0].writes[Location(LocationKind.MEMORY, top)] == 2
    assert chain.steps[0].sources == frozenset(register("cs"))


# -- as users ask ----------------------------------------------------------------------------------

COPIES = bytes.fromhex(
    "ba2f01 b8003d cd21 89c3 b43f b90a00 ba3801 cd21 be3801 bf4801 b90a00 fc f3a4 "
    "a04b01 02064e01 a25001 b8004c cd21 464f4f2e54585400"
)
"""Opens FOO.TXT, reads ten bytes to 138h, copies them to 148h, and puts the sum of two at 150h."""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the recording of a DOS program that copies what it reads."""
    folder = tmp_path_factory.mktemp("dataflow")
    (folder / "foo.txt").write_bytes(b"0123456789abcdef")
    (folder / "copies.com").write_bytes(COPIES)
    path = folder / "run.b16"
    options = loader.Options(root=folder, engine="native")
    loaded = loader.read(str(folder / "copies.com"))
    _, debugger, recorder = recording.record(path, loaded, [], options)
    debugger.timeline.run(1000)
    recorder.close()
    return path


def test_a_byte_of_a_file_is_told_with_its_place(copied: Path) -> None:
    """Prevents a chain that ends at the buffer into which DOS has read."""
    base = 0x3000
    table = blink16.ask(copied, f"origin {base + 0x150:#x}")
    rows = table.to_pylist()  # type: ignore[union-attr]
    assert [row["what"].split()[0] for row in rows[:4]] == ["mov", "add", "mov", "rep"]
    assert rows[4]["from"] == "byte 3 of /foo.txt; byte 6 of /foo.txt"
    assert rows[4]["end"] == "file"
    assert "read(" in rows[4]["what"]
    assert rows[0]["writes"] == f"{base + 0x150:05X}={ord('3') + ord('6'):02X}"
    rows = blink16.ask(copied, f"origin {base + 0x12F:#x}").to_pylist()  # type: ignore[union-attr]
    assert [(row["end"], row["from"].partition(" of ")[0]) for row in rows] == [("file", "byte 47")]
    rows = blink16.ask(copied, "origin bx").to_pylist()  # type: ignore[union-attr]
    assert [row["end"] for row in rows][-1] == "service"
    assert "open(" in rows[-1]["what"]


def test_a_debugger_asks_for_the_value_it_sees(copied: Path) -> None:
    """Prevents an answer about the end of the run from a debugger that stands before it."""
    found = recording.open_recording(copied)
    debugger: Debugger = recording.replay(found, "native")[1]
    debugger.timeline.seek(2)
    text = monitor_ask(debugger, ["origin", "ax"])
    assert "mov ax, 3D00h" in text
    assert debugger.timeline.now == 2


@pytest.mark.parametrize("text", ["origin", "origin nowhere", "origin 0x200000", "origin 0,999"])
def test_nonsense_is_refused(copied: Path, text: str) -> None:
    """Prevents an empty table for a place that there is not."""
    with pytest.raises(QuestionError):
        blink16.ask(copied, text)
