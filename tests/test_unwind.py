"""Backtraces against what calls and returns have really done."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples
from unwind_guest import COM, LABELS, SEGMENT

from blink16.cpu.engine import StopReason
from blink16.cpu.registers import Cell
from blink16.machine import Machine
from blink16.memory import MEMORY_SIZE, linear
from blink16.services import DONE, Exit
from blink16.unwind.frames import MAX_FRAMES, Frame, find_caller, frames
from blink16.unwind.functions import ENTRY_NAME, discover, follow_jumps
from blink16.unwind.labels import labels_behind_calls
from blink16.unwind.walk import CodeMemory, Effort, released_by

LAST_INSTRUCTION = 1000
CALLS = {"CALL", "CALLF", "INT"}
RETURNS = {"RET", "RETF", "IRET"}


@dataclass(frozen=True)
class Expected:
    """Where a function returns to, and with which BP."""

    cs: int
    ip: int
    bp: int


@pytest.fixture
def guest() -> Machine:
    """Return a machine with the guest in it, before its first instruction."""
    machine = Machine.bare("reference")
    machine.memory.write(linear(SEGMENT, 0x100), COM)
    for name in ("cs", "ds", "es", "ss"):
        setattr(machine.registers, name, SEGMENT)
    machine.registers.ip, machine.registers.sp = 0x100, 0xFFFE
    machine.hang_service(0x21, lambda guest: Exit(0))
    return machine


def code_of(machine: Machine) -> CodeMemory:
    """Return what the unwinder reads."""
    return CodeMemory(machine.memory, machine.model)


def chain(machine: Machine) -> list[Expected]:
    """Return the backtrace without the innermost frame."""
    found = frames(code_of(machine), Frame.of(machine.registers))
    cells = [caller.frame.cells for _, caller in found if caller]
    return [Expected(c[Cell.CS], c[Cell.IP], c[Cell.BP]) for c in cells]


@pytest.mark.parametrize(
    ("trampoline", "calls"),
    [("9a 0000 0021 60", 1), ("e8 fd0f 60", 1), ("90 cf", 0)],  # CALLF, CALL; NOP and IRET
)
def test_a_handler_that_only_calls_leads_back_to_what_was_interrupted(
    trampoline: str, calls: int
) -> None:
    """Prevents a kernel's frames from ending where interrupts enter it: data is behind the CALL."""
    machine = Machine.bare("reference")
    machine.memory.write(0x10000, bytes.fromhex("cd60"))  # int 60h
    machine.memory.write(0x60 * 4, bytes.fromhex("0000 0020"))
    machine.memory.write(0x20000, bytes.fromhex(trampoline))
    machine.memory.write(0x21000, bytes.fromhex("ebfe"))  # jmp $
    registers = machine.registers
    registers.cs, registers.ip, registers.ss, registers.sp = 0x1000, 0, 0x3000, 0x100
    machine.run(1)
    assert chain(machine) == [Expected(0x1000, 2, 0)]
    machine.run(1)
    inner = [Expected(0x2000, len(bytes.fromhex(trampoline)) - 1, 0)] * calls
    assert chain(machine) == [*inner, Expected(0x1000, 2, 0)]


def test_every_instruction_knows_its_callers(guest: Machine) -> None:
    """Prevents frames lost or made up anywhere: in prologues, epilogues, handlers, far calls."""
    stack: list[Expected] = []
    kinds = set()
    for _ in range(LAST_INSTRUCTION):
        registers = guest.registers
        assert chain(guest) == stack[::-1], f"at {registers.cs:04x}:{registers.ip:04x}"
        instruction = code_of(guest).fetch(registers.cs, registers.ip)
        assert instruction is not None
        name = instruction.row.mnemonic
        behind = Expected(registers.cs, registers.ip + instruction.length, registers.bp)
        if guest.run(1).reason is StopReason.EXITED:
            break
        if name in CALLS:
            stack.append(behind)
        elif name in RETURNS:
            kinds.add(name)
            stack.pop()
    else:
        pytest.fail("the guest did not come to its end")
    assert kinds == RETURNS


def test_a_hardware_interrupt_unwinds_to_what_it_interrupted(guest: Machine) -> None:
    """Prevents a handler's caller from being looked for before a CALL, where there is none."""
    guest.set_vector(0x60, SEGMENT, LABELS["hook"])
    where = LABELS["factorial"]
    guest.run(4)
    assert guest.registers.ip == where
    guest.run(1)
    before = Expected(SEGMENT, guest.registers.ip, guest.registers.bp)
    outer = chain(guest)
    guest.engine.interrupt(0x60)
    assert guest.registers.ip == LABELS["hook"]
    assert chain(guest) == [before, *outer]
    guest.run(2)
    assert chain(guest) == [before, *outer]


SWITCHING = bytes.fromhex(
    "2e89263005 2e8c163205"  # 0500 mov cs:[0530h], sp; mov cs:[0532h], ss
    "0e 17 bc0070 50 06 b84000 8ec0"  # push cs; pop ss; mov sp, 7000h; push ax, es; mov es, 40h
    "e80d00 07 58"  # call work; pop es; pop ax
    "2e8e163205 2e8b263005 cf"  # mov ss, cs:[0532h]; mov sp, cs:[0530h]; iret
    "55 89e5 b020 e620 5d c3"  # work: push bp; mov bp, sp; mov al, 20h; out 20h, al; pop bp; ret
)


def test_a_handler_with_a_stack_of_its_own_leads_back_to_what_was_interrupted(
    guest: Machine,
) -> None:
    """Prevents a backtrace that ends where a handler, or a kernel's entry, changes stacks."""
    guest.memory.write(0x500, SWITCHING)
    guest.set_vector(0x60, 0, 0x500)
    guest.run(5)
    registers = guest.registers
    before = Expected(SEGMENT, registers.ip, registers.bp), *chain(guest)
    guest.engine.interrupt(0x60)
    stacks, seen = set(), 0
    while registers.cs == 0:
        found = chain(guest)
        assert tuple(found[-len(before) :]) == before, f"at {registers.ip:04x}"
        assert len(found) == len(before) + (registers.ip >= 0x526)
        stacks.add(registers.ss)
        seen += 1
        guest.run(1)
    assert (stacks, seen) == ({0, SEGMENT}, 21)


def test_a_signal_s_handler_unwinds_to_what_it_interrupted() -> None:
    """Prevents backtraces that leave out who ran when a signal came, since no CALL led from there.

    ELKS pushes the signal and the interrupted IP, and goes on at what calls the user's handler.
    """
    machine = Machine.bare("reference")
    trampoline = "9c 50 55 e8 0600 5d 58 9d c2 0200"  # pushf … call 200Ch … popf; ret 2
    handler = "55 89e5 41 5d c3"  # push bp; mov bp, sp; inc cx; pop bp; ret
    machine.memory.write(0x10100, bytes.fromhex("e8 fd00 90 55 89e5 43 ebfd"))  # call 200h
    machine.memory.write(0x10200, bytes.fromhex("55 89e5 43 ebfd"))  # and counts there
    machine.memory.write(0x12000, bytes.fromhex(trampoline + handler))
    registers = machine.registers
    registers.cs, registers.ip, registers.ss, registers.sp = 0x1000, 0x100, 0x3000, 0x100
    machine.run(5)
    before = Expected(registers.cs, registers.ip, registers.bp)
    outer = chain(machine)
    assert len(outer) == 1
    registers.sp -= 4
    machine.memory.write(linear(0x3000, registers.sp), registers.ip.to_bytes(2, "little") + b"\1\0")
    registers.ip = 0x2000
    inner = Expected(0x1000, 0x2006, registers.bp)
    while registers.ip >= 0x2000:
        in_handler = registers.ip >= 0x2000 + len(bytes.fromhex(trampoline))
        assert chain(machine) == [*[inner] * in_handler, before, *outer], f"at {registers.ip:04x}"
        machine.run(1)
    assert chain(machine) == outer


def test_a_service_stub_unwinds_to_its_caller(guest: Machine) -> None:
    """Prevents backtraces that end in the BIOS ROM."""
    guest.hang_service(0x60, lambda guest: DONE)
    guest.registers.ip = LABELS["far_function"] + 7  # int 60h
    guest.run(1)
    assert guest.service_names[guest.pc] == "int60"
    assert chain(guest)[0] == Expected(SEGMENT, LABELS["far_function"] + 9, 0)


def test_registers_come_back_as_the_caller_had_them(guest: Machine) -> None:
    """Prevents `up` from showing the callee's SI, DI, SP or flags."""
    registers = guest.registers
    registers.si, registers.ip = 0x1234, LABELS["far_function"]
    registers.ds = 0x4321
    guest.memory.write(linear(SEGMENT, 0xFFF0), bytes.fromhex("5055 0077"))  # 7700:5550
    guest.memory.write(linear(0x7700, 0x554B), b"\x9a")
    registers.sp = 0xFFF0
    guest.run(4)
    registers.si = 0x9999
    caller = find_caller(code_of(guest), Frame.of(registers))
    assert caller is not None
    cells = caller.frame.cells
    assert (cells[Cell.CS], cells[Cell.IP]) == (0x7700, 0x5550)
    assert (cells[Cell.SI], cells[Cell.DS]) == (0x1234, 0x4321)
    assert cells[Cell.SP] == 0xFFF0 + 4 + 2  # RETF 2
    assert caller.cfa == linear(SEGMENT, 0xFFF0 + 4)


def test_arguments_that_a_function_takes_along_are_known(guest: Machine) -> None:
    """Prevents frames that shift after calls of Pascal functions."""
    assert released_by(code_of(guest), Effort(1000), SEGMENT, LABELS["pascal"]) == 4
    assert released_by(code_of(guest), Effort(1000), SEGMENT, LABELS["factorial"]) == 0


def test_an_endless_loop_is_unwound_by_its_bp_frame() -> None:
    """Prevents the loss of the backtrace in code that never returns."""
    machine = Machine.bare("reference")
    # call 10h; at 10h: push bp; mov bp, sp; push ax; jmp $
    machine.memory.write(0, bytes.fromhex("e80d00"))
    machine.memory.write(0x10, bytes.fromhex("55 89e5 50 ebfe"))
    machine.registers.cs = machine.registers.ip = 0
    machine.registers.ss, machine.registers.sp = 0x2000, 0x100
    machine.run(1)
    for _ in range(5):
        assert chain(machine) == [Expected(0, 3, 0)]
        machine.run(1)


def test_a_stack_that_goes_in_circles_ends() -> None:
    """Prevents backtraces without end."""
    machine = Machine.bare("reference")
    machine.memory.write(0, bytes.fromhex("e80000 5d c3"))  # call 3; pop bp; ret
    machine.registers.cs, machine.registers.ip = 0, 4
    machine.registers.ss, machine.registers.sp = 0x2000, 0
    machine.memory.write(0x20000, b"\x03\x00" * 0x8000)
    assert len(chain(machine)) <= MAX_FRAMES


@settings(max_examples=examples(150))
@given(
    st.binary(min_size=1, max_size=200),
    st.integers(0, MEMORY_SIZE - 1),
    st.lists(st.integers(0, 0xFFFF), min_size=13, max_size=13),
)
def test_any_memory_can_be_walked(soup: bytes, where: int, cells: list[int]) -> None:
    """Prevents an exception, or a search without end, from guests' garbage."""
    machine = Machine.bare("reference")
    machine.memory.write(where, soup)
    frame = Frame((*cells[: Cell.CS], where >> 4, *cells[Cell.SS : Cell.IP], where & 0xF), 0xF002)
    caller = find_caller(code_of(machine), frame)
    assert caller is None or 0 <= caller.frame.pc < MEMORY_SIZE


def test_functions_are_found_by_their_calls(guest: Machine) -> None:
    """Prevents programs without symbols from having no functions to step over or go back to."""
    entry = follow_jumps(code_of(guest), SEGMENT, 0x100)
    assert entry == (SEGMENT, LABELS["start"])
    found = {symbol.name: symbol for symbol in discover(code_of(guest), *entry)}
    called = ("far_function", "frameless", "leaf", "pascal", "choose", "factorial", "tail")
    names = {f"sub_{SEGMENT:04x}_{LABELS[name]:04x}" for name in called}
    assert set(found) == {ENTRY_NAME, *names}
    leaf = found[f"sub_{SEGMENT:04x}_{LABELS['leaf']:04x}"]
    assert leaf.address + leaf.size == linear(SEGMENT, LABELS["pascal"])


@pytest.mark.parametrize(
    ("before", "after", "inner"),
    [
        ("e81000", "90", True),  # call
        ("cd10", "90", True),  # int 10h
        ("9a00000030", "90", True),  # call 3000:0000
        ("ffd3", "90", True),  # call bx
        ("ff16aabb", "90", True),  # call [0BBAAh]
        ("ff5705", "90", True),  # call [bx+5]
        ("0500e8", "90", False),  # add ax, 0E800h, and no call ends there
        ("b84cb8cd20", "90", False),  # the end of a program
        ("b44ccd21", "90", False),
        ("e81000", "e8fdff", False),  # a call that leads there
        ("e81000", "be1301", False),  # mov si, its offset
    ],
)
def test_labels_at_which_calls_return(before: str, after: str, inner: bool) -> None:
    """Prevents steps over a call that never end, and functions that lose their names."""
    machine = Machine.bare("reference")
    start = linear(SEGMENT, 0x113) - len(bytes.fromhex(before))
    machine.memory.write(start, bytes.fromhex(before + after))
    label = linear(SEGMENT, 0x113)
    found = labels_behind_calls(code_of(machine), SEGMENT, [start, label])
    assert found == ({label} if inner else set())


@given(st.binary(max_size=300), st.integers(0, MEMORY_SIZE - 300), st.sets(st.integers(0, 320)))
def test_any_memory_has_labels(soup: bytes, where: int, places: set[int]) -> None:
    """Prevents an exception from guests' garbage, and labels that no symbol has named."""
    machine = Machine.bare("reference")
    machine.memory.write(where, soup)
    starts = {min(where + place, MEMORY_SIZE - 1) for place in places}
    assert labels_behind_calls(code_of(machine), where >> 4, starts) <= starts


def test_any_number_of_labels() -> None:
    """Prevents a client that waits for minutes: each label searched for in all of the code."""
    machine = Machine.bare("reference")
    start, size = linear(SEGMENT, 0), 0x40000
    machine.memory.write(start, bytes.fromhex("cd10") * (size // 2))
    starts = range(start, start + size, 16)
    assert labels_behind_calls(code_of(machine), SEGMENT, starts) == {*starts[1:]}


# call f; hlt; f: enter 6,0; pusha; call g; popa; leave; ret 2
# g: enter 2,0; push 5; imul ax,bx,3; pop ax; leave; ret
LATER = """
    e80100 f4
    c8060000 60 e80500 61 c9 c20200
    c8020000 6a05 6bc303 58 c9 c3
"""


@pytest.mark.parametrize("cpu", ["80186", "80286"])
def test_frames_of_later_processors_are_unwound(cpu: str) -> None:
    """Prevents a backtrace that reads PUSHA, ENTER or LEAVE as an 8086 does, and ends there."""
    machine = Machine.bare("reference", cpu=cpu)
    machine.memory.write(linear(SEGMENT, 0x100), bytes.fromhex(LATER))
    registers = machine.registers
    registers.cs = registers.ss = SEGMENT
    registers.ip, registers.sp, registers.bp = 0x100, 0x8000, 0x1234
    depths = []
    while machine.run(1).reason is StopReason.BUDGET:
        depths.append([returns.ip for returns in chain(machine)])
    inside, outer = [0x10C, 0x103], [0x103]
    assert depths == [outer] * 3 + [inside] * 6 + [outer] * 3 + [[]]
