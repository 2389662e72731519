"""What the vectors can't show: runs, stops, traps, interrupts, prefixes and edges.

Every test runs on each engine, through the public API.
"""

from __future__ import annotations

import pytest
from assembler import op
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16 import Access, Machine, StopReason
from blink16.cpu.engines import NAMES
from blink16.cpu.registers import CF, IF, OF, TF, ZF
from blink16.memory import RAM_SIZE, Attribute, PageState

NOP, HLT, STI, INT3, IRET = b"\x90", b"\xf4", b"\xfb", b"\xcc", b"\xcf"
CODE = 0x1000
HANDLER = 0x2000
NAMES_OF_REGISTERS = ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp", "cs", "ds", "es", "ss", "ip")


@pytest.fixture(params=NAMES)
def machine(request: pytest.FixtureRequest) -> Machine:
    """Return a bare machine of each engine, with a stack and handlers that only return."""
    return prepare(Machine.bare(request.param))


def prepare(machine: Machine) -> Machine:
    """Put CS:IP at 0000:1000, SS:SP at 3000:0100, and IRET handlers on all vectors."""
    machine.registers.ip = CODE
    machine.registers.ss, machine.registers.sp = 0x3000, 0x100
    for vector in range(256):
        machine.set_vector(vector, 0, HANDLER)
    machine.memory.write(HANDLER, IRET)
    return machine


def put(machine: Machine, *code: bytes, at: int = CODE) -> None:
    """Store instructions."""
    machine.memory.write(at, b"".join(code))


def test_a_budget_is_exact(machine: Machine) -> None:
    """Prevents a run that retires one instruction too many or too few."""
    put(machine, NOP * 10, HLT)
    assert machine.run(4).reason is StopReason.BUDGET
    assert (machine.icount, machine.registers.ip) == (4, CODE + 4)
    assert machine.run(0).reason is StopReason.BUDGET
    assert machine.icount == 4


def test_hlt_retires_and_stays(machine: Machine) -> None:
    """Prevents a halted processor from running on, or HLT from not counting."""
    put(machine, HLT, NOP)
    assert machine.run(5).reason is StopReason.HALT
    assert (machine.icount, machine.registers.ip) == (1, CODE + 1)
    assert machine.run(5).reason is StopReason.HALT
    assert machine.icount == 1


def test_breakpoints_stop_before_and_can_be_skipped(machine: Machine) -> None:
    """Prevents a breakpoint that lets its instruction through, or that can't be left."""
    put(machine, NOP * 3, HLT)
    machine.memory.mark(CODE + 1, Attribute.BREAKPOINT)
    assert machine.run(9).reason is StopReason.BREAKPOINT
    assert machine.registers.ip == CODE + 1
    assert machine.run(9).reason is StopReason.BREAKPOINT
    assert machine.run(9, skip_breakpoint=True).reason is StopReason.HALT


def test_watchpoints_stop_after_the_access(machine: Machine) -> None:
    """Prevents a watched byte from being touched unseen, or its neighbour from being reported."""
    machine.registers.bx = 0x5000
    store = op(0x89, (0, 0, 7))  # mov [bx], ax
    load = op(0x8B, (0, 1, 7))  # mov cx, [bx]
    put(machine, store, load, NOP, HLT)
    machine.memory.mark(0x5001, Attribute.WATCH_WRITE)
    stop = machine.run(9)
    assert (stop.reason, stop.address, stop.access) == (
        StopReason.WATCHPOINT,
        0x5001,
        Access.WRITE,
    )
    assert machine.registers.ip == CODE + 2
    machine.memory.unmark(0x5001, Attribute.WATCH_WRITE)
    machine.memory.mark(0x5001, Attribute.WATCH_READ)
    stop = machine.run(9)
    assert (stop.reason, stop.access, machine.registers.ip) == (
        StopReason.WATCHPOINT,
        Access.READ,
        CODE + 4,
    )
    machine.memory.mark(0x5002, Attribute.WATCH_READ)
    machine.memory.unmark(0x5001, Attribute.WATCH_READ)
    machine.registers.ip = CODE
    assert machine.run(9).reason is StopReason.HALT


def test_rep_retires_once(machine: Machine) -> None:
    """Prevents the rounds of a REP instruction from counting as instructions."""
    r = machine.registers
    r.cx, r.si, r.di, r.es = 300, 0x4000, 0x6000, 0
    machine.memory.write(0x4000, bytes(range(250)) + bytes(50))
    put(machine, op(0xA4, prefixes=(0xF3,)), HLT)
    assert machine.run(1).reason is StopReason.BUDGET
    assert (machine.icount, r.cx, r.si, r.di) == (1, 0, 0x4000 + 300, 0x6000 + 300)
    assert machine.memory.read(0x6000, 250) == bytes(range(250))


@pytest.mark.parametrize("effort", [0, 1, 500])
@pytest.mark.parametrize("engine", NAMES)
def test_a_tired_run_ends_behind_an_instruction(engine: str, effort: int) -> None:
    """Prevents a run that never gets on where it may take no effort, also between two rounds of a
    REP instruction, and one that goes on for all its budget where instructions are slow.
    """
    machine = prepare(Machine.bare(engine, "80186"))
    r = machine.registers
    r.es = 0x4000
    put(machine, b"\xb9\x00\x04\xba\x00\x03\xf3\x6c\xeb\xf6")  # mov cx, 1024; …; rep insb; jmp
    machine.bus.on_unowned = lambda _port, _reads: machine.interrupt() if r.cx == 500 else None
    stops = {machine.run(10_000, effort=effort).reason for _ in range(40)}
    assert stops == {StopReason.BUDGET, StopReason.INTERRUPTED}
    assert 20 <= machine.icount <= 40 * 4


def test_rep_with_cx_zero_touches_nothing(machine: Machine) -> None:
    """Prevents a REP instruction from doing a first round without asking CX."""
    r = machine.registers
    r.cx, r.di, r.ax = 0, 0x6000, 0x55
    put(machine, op(0xAA, prefixes=(0xF3,)), HLT)
    machine.run(1)
    assert (machine.memory[0x6000], r.di) == (0, 0x6000)


@pytest.mark.parametrize("prefixes", [(0x2E, 0xF3), (0xF3, 0x2E)])
def test_rep_and_segment_prefix_in_either_order(
    machine: Machine, prefixes: tuple[int, ...]
) -> None:
    """Prevents a REP before a segment prefix from being lost (fatal in the C blink16)."""
    r = machine.registers
    r.cx, r.si, r.di, r.ds = 3, CODE, 0x6000, 0x7777
    put(machine, op(0xA4, prefixes=prefixes), HLT)
    machine.run(1)
    assert machine.memory.read(0x6000, 3) == machine.memory.read(CODE, 3)


def test_a_request_before_the_run_ends_it_at_once(machine: Machine) -> None:
    """Prevents Ctrl-C from being lost when it comes just before a run, or from sticking."""
    put(machine, NOP, HLT)
    machine.interrupt()
    assert machine.run(9).reason is StopReason.INTERRUPTED
    assert machine.icount == 0
    assert machine.run(9).reason is StopReason.HALT


def test_a_request_ends_a_run_between_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents Ctrl-C from waiting for the end of a long REP, or from breaking it."""
    machine = prepare(Machine.bare("reference"))
    r = machine.registers
    r.cx, r.di, r.ax = 100, 0x6000, 0x55
    put(machine, op(0xAA, prefixes=(0x26, 0xF3)), HLT)
    machine.memory.mark(0x60FF, Attribute.WATCH_WRITE)  # so that every store asks touch()
    monkeypatch.setattr(machine.memory, "touch", lambda *args: machine.interrupt())
    assert machine.run(9).reason is StopReason.INTERRUPTED
    assert (machine.between_rounds, machine.icount, r.ip, r.cx) == (True, 0, CODE, 99)
    monkeypatch.undo()
    assert machine.run(9).reason is StopReason.HALT
    assert (machine.between_rounds, machine.memory[0x6000 + 99]) == (False, 0x55)
    assert (r.cx, machine.icount, r.di) == (0, 2, 0x6000 + 100)


def test_the_trap_flag_traps_after_the_next_instruction(machine: Machine) -> None:
    """Prevents single stepping from trapping after the POPF that sets TF, or never."""
    r = machine.registers
    r.ax = TF | 2
    put(machine, op(0x50), op(0x9D), NOP, NOP, HLT)
    machine.run(2)
    assert (r.ip, r.flags & TF) == (CODE + 2, TF)
    machine.run(1)
    assert (r.cs, r.ip, r.flags & TF) == (0, HANDLER, 0)
    assert machine.memory.read_word(0x30000 + r.sp) == CODE + 3
    machine.run(1)
    assert (r.ip, r.flags & TF) == (CODE + 3, TF)


def test_a_rep_under_the_trap_flag_traps_after_each_round(machine: Machine) -> None:
    """Prevents a debugger in the guest from missing rounds: the chip traps between them."""
    r = machine.registers
    r.cx, r.di, r.flags = 3, 0x6000, TF
    put(machine, op(0xAA, prefixes=(0xF3,)), HLT)
    machine.run(1)
    assert (r.cx, r.ip) == (2, HANDLER)
    assert machine.memory.read_word(0x30000 + r.sp) == CODE
    machine.run(4)
    assert r.cx == 0
    assert machine.memory.read_word(0x30000 + r.sp) == CODE + 2


def test_loading_ss_holds_off_the_trap(machine: Machine) -> None:
    """Prevents a trap between MOV SS and MOV SP, which would push onto half a stack."""
    r = machine.registers
    r.ax, r.flags = 0x3000, TF
    put(machine, op(0x8E, (3, 2, 0)), op(0xBC, immediate=0x200), NOP, HLT)
    machine.run(1)
    assert (r.ip, r.ss) == (CODE + 2, 0x3000)
    machine.run(1)
    assert (r.ip, r.sp) == (HANDLER, 0x200 - 6)


def test_a_divide_fault_returns_behind_the_instruction(machine: Machine) -> None:
    """Prevents the 80286's return address, which the 8086 does not push."""
    machine.registers.ax = 5
    put(machine, op(0xF6, (3, 6, 3)), HLT)  # div bl, with bl = 0
    machine.run(1)
    assert machine.registers.ip == HANDLER
    assert machine.memory.read_word(0x30000 + machine.registers.sp) == CODE + 2
    assert machine.icount == 1


@pytest.mark.parametrize(("overflow", "ip"), [(0, CODE + 1), (OF, HANDLER)])
def test_into_asks_of(machine: Machine, overflow: int, ip: int) -> None:
    """Prevents INTO from ignoring OF (as the C blink16 does)."""
    machine.registers.flags = overflow
    put(machine, op(0xCE))
    machine.run(1)
    assert machine.registers.ip == ip


def test_movs_and_scas_wrap_within_their_segments(machine: Machine) -> None:
    """Prevents an offset from running into the next 64 KiB."""
    r = machine.registers
    r.si, r.di, r.es, r.ds, r.cx = 0xFFFF, 0xFFFF, 0x4000, 0x5000, 2
    machine.memory[0x5FFFF], machine.memory[0x50000] = 0x11, 0x22
    put(machine, op(0xA4, prefixes=(0xF3,)), HLT)
    machine.run(1)
    assert (machine.memory[0x4FFFF], machine.memory[0x40000]) == (0x11, 0x22)
    assert (r.si, r.di) == (1, 1)


def test_words_wrap_in_the_segment_and_addresses_at_1_mib(machine: Machine) -> None:
    """Prevents a word at FFFFh from reading the next segment, or FFFF:0010 from being an error."""
    r = machine.registers
    r.ds, r.bx = 0x4000, 0xFFFF
    machine.memory[0x4FFFF], machine.memory[0x40000] = 0x34, 0x12
    put(machine, op(0x8B, (0, 0, 7)), op(0x8B, (0, 1, 7)), HLT)
    machine.run(1)
    assert r.ax == 0x1234
    r.ds, r.bx = 0xFFFF, 0x000F
    machine.memory[0xFFFFF], machine.memory[0x00000] = 0x78, 0x56
    machine.run(1)
    assert r.cx == 0x5678


def test_code_runs_across_the_end_of_its_segment_and_of_memory(machine: Machine) -> None:
    """Prevents an instruction at FFFFh from fetching past the segment or past 1 MiB."""
    r = machine.registers
    code = op(0xB8, immediate=0x1234)
    r.cs, r.ip = 0x4000, 0xFFFF
    machine.memory.write(0x4FFFF, code[:1])
    machine.memory.write(0x40000, code[1:])
    machine.run(1)
    assert (r.ax, r.ip) == (0x1234, 2)
    code = op(0xB9, immediate=0x5678)
    r.cs, r.ip = 0xFFFF, 0x000F
    machine.memory.write(0xFFFFF, code)
    machine.run(1)
    assert (r.cx, r.ip) == (0x5678, 0x12)


def test_a_segment_of_prefixes_locks_up(machine: Machine) -> None:
    """Prevents endless prefixes from hanging the host: the chip would fetch for ever."""
    machine.registers.cs = 0x5000
    machine.memory.write(0x50000, b"\x2e" * 0x10000)
    assert machine.run(10).reason is StopReason.LOCKUP
    assert (machine.icount, machine.registers.ip) == (0, CODE)
    machine.memory[0x50005] = 0x90
    assert machine.run(1).reason is StopReason.BUDGET
    assert machine.registers.ip == 6


def test_ports_of_a_bare_machine_read_ff(machine: Machine) -> None:
    """Prevents an unclaimed port from being an error."""
    put(machine, op(0xE4, immediate=0x60), op(0xED), op(0xEE), op(0xE7, immediate=0x61))
    machine.run(4)
    assert (machine.registers.ax, machine.icount) == (0xFFFF, 4)


def test_devices_see_ports_bytewise_and_the_right_time(machine: Machine) -> None:
    """Prevents a device from reading a clock that is off by the run so far."""
    seen: list[tuple[int, int, int]] = []
    machine.bus.attach(
        [0x10, 0x11],
        read=lambda port: port + machine.icount,
        write=lambda port, value: seen.append((port, value, machine.icount)),
    )
    machine.registers.ax = 0xABCD
    put(machine, NOP * 7, op(0xE7, immediate=0x10), op(0xE4, immediate=0x10), HLT)
    machine.run()
    assert seen == [(0x10, 0xCD, 7), (0x11, 0xAB, 7)]
    assert machine.registers.al == 0x10 + 8


def test_rom_ignores_stores_of_the_guest(machine: Machine) -> None:
    """Prevents a guest from scribbling over the BIOS."""
    machine.memory.pages[0x50] |= PageState.ROM
    machine.registers.bx, machine.registers.ax = 0x5000, 0xFFFF
    put(machine, op(0x89, (0, 0, 7)), HLT)
    machine.run()
    assert machine.memory.read(0x5000, 2) == b"\0\0"


def test_self_modifying_code_takes_effect_at_once(machine: Machine) -> None:
    """Prevents an engine from executing what an instruction was before it was overwritten."""
    put(
        machine,
        op(0xC6, (0, 0, 6), CODE + 5, 0x41),  # mov byte [next], inc cx
        NOP,  # becomes inc cx
        op(0xEB, immediate=-8),
    )
    machine.run(6)
    assert machine.registers.cx == 2


def test_pages_written_since_a_checkpoint_are_known(machine: Machine) -> None:
    """Prevents a store, by the guest or the host, from being left out of a checkpoint."""
    machine.memory.write(0x6000, b"before")
    machine.memory.begin()
    assert machine.memory.written() == []
    machine.registers.cx, machine.registers.di, machine.registers.ax = 600, 0x6000, 0x41
    put(machine, op(0xAA, prefixes=(0xF3,)), HLT)
    machine.run()
    assert machine.memory.written() == [CODE >> 8, 0x60, 0x61, 0x62]
    before = machine.memory.contents([0x60])
    machine.memory.begin()
    machine.memory.write(0x6000, b"later")
    assert machine.memory.written() == [0x60]
    machine.memory.put_pages(before)
    assert machine.memory.read(0x6000, 6) == b"AAAAAA"


def test_state_goes_out_and_in(machine: Machine) -> None:
    """Prevents a register or flag from being left out of a saved state."""
    r = machine.registers
    for number, name in enumerate(NAMES_OF_REGISTERS):
        setattr(r, name, 0x1111 * (number + 1) & 0xFFFF)
    r.flags = CF | ZF | IF
    saved = machine.save()
    put(machine, STI)
    other = Machine.bare(machine.engine.name)
    other.restore(saved)
    assert other.save() == saved
    assert other.registers.flags == r.flags


def test_unknown_engines_are_refused() -> None:
    """Prevents a typo from silently choosing another engine."""
    with pytest.raises(ValueError, match="no engine 'warp'"):
        Machine.bare(engine="warp")


def test_memory_slices_keep_their_size() -> None:
    """Prevents a slice assignment from resizing or shifting memory."""
    machine = Machine.bare("reference")
    machine.memory[0x100:0x104] = b"abcd"
    assert machine.memory[0x100:0x104] == b"abcd"
    assert machine.memory[0x103] == ord("d")
    with pytest.raises(ValueError, match="fixed size"):
        machine.memory[0x100:0x104] = b"abc"
    with pytest.raises(IndexError):
        machine.memory[RAM_SIZE] = 0
    assert machine.memory.read(0xFFFFF, 2) == machine.memory[0xFFFFF:] + machine.memory[:1]


@settings(max_examples=examples(60))
@given(st.binary(min_size=32, max_size=64), st.integers(0, 0xFFFF), st.integers(1, 60))
def test_random_code_never_breaks_the_engine(code: bytes, flags: int, budget: int) -> None:
    """Prevents any bytes that a guest executes from raising in the host."""
    machine = prepare(Machine.bare("reference"))
    machine.registers.flags = flags
    put(machine, code)
    before = machine.icount
    machine.run(budget)
    assert before <= machine.icount <= before + budget
