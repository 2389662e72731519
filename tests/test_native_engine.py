"""The native engine: equal to the reference wherever a program may go."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_pair import Pair, drive, random_pair, translate_here, translation_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16 import Machine
from blink16.assembly import FOREVER
from blink16.cpu.engine import StopReason
from blink16.cpu.native import blocks, translations
from blink16.cpu.native.compiler import submit
from blink16.cpu.registers import TF, Cell
from blink16.memory import Access, Attribute, PageState

seeds = st.integers(0, 2**32 - 1)
LOOP_AT = 0x1000
COUNTING = bytes.fromhex("40 01c3 e2fb f4")  # again: inc ax / add bx, ax / loop again / hlt
ENDLESS = bytes.fromhex("40 ebfd")  # again: inc ax / jmp again


def loop_pair(code: bytes, **registers: int) -> Pair:
    """Return machines before a loop, which is translated in the native one."""
    pair = Pair.make()
    stack = {"ss": 0x3000, "sp": 0x100, "ds": 0x2000, "es": 0x2000}
    pair.load(LOOP_AT, code, cs=0, ip=LOOP_AT, **{**stack, **registers})
    assert translate_here(pair.native) == 1
    return pair


@settings(max_examples=examples(60), suppress_health_check=list(HealthCheck))
@given(seeds)
def test_random_programs_run_alike_when_interpreted(seed: int) -> None:
    """Prevents any difference in registers, flags, memory, count or stop, at any budget."""
    choose = random.Random(seed)
    drive(random_pair(choose), choose, 40, translating=False)


@pytest.fixture(scope="module")
def small_regions() -> Iterator[None]:
    """Keep regions of random code small, since LLVM takes long for large ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "MAX_SIZE", 40)
        yield


@pytest.mark.usefixtures("small_regions")
@settings(max_examples=examples(12), suppress_health_check=list(HealthCheck))
@given(seeds)
def test_random_programs_run_alike_when_translated(seed: int) -> None:
    """Prevents a region that computes, counts or stops otherwise than the reference."""
    choose = random.Random(seed)
    drive(random_pair(choose), choose, 12, translating=True)


@pytest.mark.slow
@pytest.mark.usefixtures("small_regions")
@pytest.mark.parametrize("seed", range(60))
def test_many_random_programs_run_alike(seed: int) -> None:
    """Prevents rare differences: the same as above, for longer."""
    choose = random.Random(seed)
    drive(random_pair(choose), choose, 60, translating=True)


@pytest.mark.parametrize("budget", range(1, 25))
def test_region_retires_exactly_its_budget(budget: int) -> None:
    """Prevents a region that runs a block too many, or one instruction, when time is short."""
    pair = loop_pair(COUNTING, cx=7)
    while pair.run(budget).reason is not StopReason.HALT:
        assert pair.native.icount % budget == 0
    assert pair.native.registers.ax == 7


def test_divide_fault_in_a_region_gives_the_rest_of_its_block_back() -> None:
    """Prevents counting instructions behind a DIV that has faulted."""
    pair = loop_pair(bytes.fromhex("40 f7f3 41 41 41 ebf8"), bx=2, ax=0, dx=2)
    pair.load(0, bytes.fromhex("0010 0000"))  # INT 0 begins the loop anew
    for _ in range(20):
        pair.run(7)


def test_breakpoint_in_a_region_is_honoured() -> None:
    """Prevents translated code from running over a breakpoint that was set later."""
    pair = loop_pair(COUNTING, cx=500)
    pair.run(50)
    pair.mark(LOOP_AT + 1, Attribute.BREAKPOINT)
    for _ in range(3):
        assert pair.run(1000, skip_first=True).reason is StopReason.BREAKPOINT
    assert translate_here(pair.native, LOOP_AT) == 1
    assert pair.run(1000, skip_first=True).reason is StopReason.BREAKPOINT


def test_service_in_a_region_is_honoured() -> None:
    """Prevents translated code from running through a host service's stub."""
    pair = loop_pair(COUNTING, cx=500)
    pair.mark(LOOP_AT + 3, Attribute.SERVICE)
    assert pair.run(1000).reason is StopReason.SERVICE


STORING = bytes.fromhex("a28000 894700 fec0 e2f6 f4")
"""again: mov [80h], al / mov [bx], ax / inc al / loop again / hlt"""


@pytest.mark.parametrize("watched", [0x20080, 0x20090, 0x20091])
def test_write_watch_stops_a_region_after_the_instruction(watched: int) -> None:
    """Prevents a watchpoint that is missed, or seen late, in translated code."""
    pair = loop_pair(STORING, cx=9, bx=0x90)
    pair.mark(watched, Attribute.WATCH_WRITE)
    for _ in range(9):
        stop = pair.run(1000)
        assert (stop.reason, stop.address, stop.access) == (
            StopReason.WATCHPOINT,
            watched,
            Access.WRITE,
        )
    assert pair.run(1000).reason is StopReason.HALT


def test_read_watch_stops_translated_and_interpreted_code() -> None:
    """Prevents loads from slipping past a read watch in code translated before or after."""
    pair = loop_pair(bytes.fromhex("a08000 8b07 e2f9 f4"), cx=9, bx=0x7F)
    pair.mark(0x20080, Attribute.WATCH_READ)
    for _ in range(4):
        assert pair.run(1000).access is Access.READ
    assert translate_here(pair.native) == 1
    for _ in range(4):
        assert pair.run(1000).access is Access.READ
    for machine in pair:
        machine.memory.unmark(0x20080, Attribute.WATCH_READ)
    assert pair.run(1000).reason is StopReason.HALT


def test_rom_is_not_written_by_translated_code() -> None:
    """Prevents stores of the guest from changing ROM."""
    pair = loop_pair(STORING, cx=9, bx=0x90)
    for machine in pair:
        machine.memory.pages[0x20080 >> 8] |= PageState.ROM
    pair.run(1000)
    assert pair.native.memory.ram[0x20080] == 0
    pair.compare_memory()


SELF_MODIFYING = bytes.fromhex("b80000 01c2 2eff060110 81c20100 e2f0 f4")
"""again: mov ax, 0 / add dx, ax / inc word [again+1] / add dx, 1 / loop again / hlt"""


def test_code_that_changes_itself_is_never_run_in_its_old_form() -> None:
    """Prevents a region from going on with an instruction that it has just overwritten."""
    pair = loop_pair(SELF_MODIFYING, cx=300)
    for budget in (1, 7, 100, 3, 2000):
        pair.run(budget)
        translate_here(pair.native)
    pair.compare_memory()


def test_code_that_keeps_changing_is_left_to_the_interpreter() -> None:
    """Prevents endless translating of code that changes itself in every round."""
    pair = loop_pair(SELF_MODIFYING, cx=0)
    for _ in range(8):
        pair.run(60)
        translate_here(pair.native)
    before = len(translation_of(pair.native))
    pair.run(200)
    assert len(translation_of(pair.native)) == before > 0


def test_instruction_that_overwrites_itself_runs_alike() -> None:
    """Prevents an engine from fetching an instruction anew while it is executed."""
    code = bytes.fromhex("2ec606001090 90 f4")  # mov byte [1000h], 90h: its own first byte
    pair = Pair.make()
    pair.load(LOOP_AT, code, cs=0, ip=LOOP_AT)
    pair.run(3)
    pair.compare_memory()
    repeated = bytes.fromhex("f3aa f4")  # rep stosb over itself
    pair.load(LOOP_AT, repeated, ip=LOOP_AT, es=0, di=LOOP_AT - 4, cx=16, ax=0x90, flags=2)
    pair.run(20)
    pair.compare_memory()


def test_host_changing_translated_code_is_seen() -> None:
    """Prevents a debugger's write into code, or a step back in time, from being overlooked."""
    pair = loop_pair(COUNTING, cx=500)
    pair.run(100)
    for machine in pair:
        machine.memory.write(LOOP_AT, b"\x48")  # dec ax
    assert len(translation_of(pair.native)) == 1
    pair.run(100)
    assert len(translation_of(pair.native)) == 0


def test_code_of_another_segment_at_the_same_offset_is_not_executed() -> None:
    """Prevents a region from being entered with a CS by which its offsets mean other bytes."""
    code = b"\x40" * 16 + b"\x43" * 16 + b"\xeb\xfe"  # inc ax, … / inc bx, … / jmp $
    pair = Pair.make()
    pair.load(LOOP_AT, code, cs=1, ip=LOOP_AT - 16)
    assert translate_here(pair.native) == 1
    for machine in pair:
        machine.registers.cs, machine.registers.ip = 0, LOOP_AT
    pair.run(40)
    assert pair.native.registers.ax == 16


def test_host_rewriting_the_same_code_keeps_its_translation() -> None:
    """Prevents seeking in time from throwing away every region on the pages it restores."""
    pair = loop_pair(COUNTING, cx=500)
    pair.native.memory.put_pages({LOOP_AT >> 8: bytes(pair.native.memory.ram[0x1000:0x1100])})
    pair.run(100)
    assert len(translation_of(pair.native)) == 1


@pytest.mark.parametrize("prefix", [0x26, 0xF0, 0xF3])
def test_segment_of_nothing_but_prefixes_locks_up(prefix: int) -> None:
    """Prevents an endless loop, or a crash, where the chip would fetch prefixes for ever."""
    pair = Pair.make()
    pair.load(0x20000, bytes((prefix,)) * 0x10000, cs=0x2000, ip=0x1234)
    assert pair.run(5).reason is StopReason.LOCKUP
    pair.load(0x20000 + 0x1200, b"\x90")
    assert pair.run(5).reason is StopReason.LOCKUP or pair.native.icount > 0


@pytest.mark.parametrize("ip", range(0xFFF0, 0x10000))
def test_instruction_across_the_segment_end_wraps(ip: int) -> None:
    """Prevents fetching behind offset FFFFh, where the chip goes on at offset 0."""
    code = bytes.fromhex("2e 81871234 7856 90 ebfe") + b"\x90" * 16
    pair = Pair.make()
    for n, byte in enumerate(code):
        address = 0x20000 + ((ip + n) & 0xFFFF)
        pair.load(address, bytes((byte,)))
    pair.load(0, b"", cs=0x2000, ip=ip, bx=0x4321)
    pair.run(30)
    pair.compare_memory()


def test_code_across_the_memory_end_wraps() -> None:
    """Prevents reading behind 1 MiB, where the 8086's addresses start over."""
    pair = Pair.make()
    pair.load(0xFFFF0, bytes.fromhex("90") * 15 + b"\xb8", cs=0xFFFF, ip=0)
    pair.load(0, bytes.fromhex("3412 f4"))
    assert pair.run(100).reason is StopReason.HALT
    assert pair.native.registers.ax == 0x1234


def test_trap_flag_steps_alike() -> None:
    """Prevents differences under TF, also between the rounds of a REP instruction."""
    pair = Pair.make()
    pair.load(LOOP_AT, bytes.fromhex("40 f3aa 40 f4"), cs=0, ip=LOOP_AT, cx=5, es=0x2000, flags=TF)
    for _ in range(12):
        pair.run(1)


@pytest.mark.parametrize("code", ["fb 90 90", "9d 90 90", "8ed0 90 90", "17 90 90"])
def test_interrupt_shadow_and_attention_are_alike(code: str) -> None:
    """Prevents interrupts from coming an instruction early or late behind STI, POPF, MOV SS."""
    for budget in (1, 2, 3):
        for request in (True, False):
            pair = Pair.make()
            pair.load(LOOP_AT, bytes.fromhex(code), cs=0, ip=LOOP_AT, ss=0x3000, sp=0x100, flags=2)
            pair.load(0x30100, b"\x02\x02")
            stop = pair.run(budget, request=request)
            assert request or stop.reason is StopReason.BUDGET


def test_interrupt_request_before_a_run_stops_it_at_once() -> None:
    """Prevents an instruction from running after the host has asked for a stop."""
    pair = loop_pair(ENDLESS)
    assert pair.run(100, attention=True).reason is StopReason.ATTENTION
    assert pair.native.icount == 0


@pytest.mark.parametrize("translated", [True, False])
@pytest.mark.parametrize("code", [ENDLESS, bytes.fromhex("31c9 f3ae ebfa")])
def test_request_from_another_thread_ends_a_run(code: bytes, translated: bool) -> None:
    """Prevents a guest that never ends from running for ever, also in REP rounds and regions."""
    machine = Machine.bare("native")
    machine.memory.ram[LOOP_AT : LOOP_AT + len(code)] = code
    machine.registers.ip = LOOP_AT
    if translated:
        translate_here(machine)
    timer = threading.Timer(0.02, machine.interrupt)
    timer.start()
    assert machine.run(FOREVER).reason is StopReason.INTERRUPTED
    timer.join()


def test_pages_written_are_noted_over_several_runs() -> None:
    """Prevents a checkpoint from missing a page that was written in an earlier run."""
    pair = loop_pair(STORING, cx=90, bx=0xFC)
    pair.begin()
    pair.run(30)
    assert pair.native.memory.written() == [0x200]
    pair.run(30)
    assert pair.native.memory.written() == [0x200]
    pair.compare_memory()
    assert pair.native.memory.written() == []


def test_ports_see_the_right_instruction_count() -> None:
    """Prevents devices from reading a clock that native code has not brought up to date."""
    seen = []
    for engine in ("reference", "native"):
        machine = Machine.bare(engine)
        counts: list[int] = []

        def read(port: int, machine: Machine = machine, counts: list[int] = counts) -> int:
            counts.append(machine.icount)
            return 0x5A

        machine.bus.attach([0x40], read=read)
        machine.memory.ram[LOOP_AT : LOOP_AT + 8] = bytes.fromhex("40 40 e440 40 e2f9 f4")
        machine.registers.ip, machine.registers.cx = LOOP_AT, 3
        assert machine.run(1000).reason is StopReason.HALT
        seen.append(counts)
    assert seen[0] == seen[1] == [2, 7, 12]


def test_hot_loops_are_translated_by_themselves() -> None:
    """Prevents a native engine that never gets to its regions."""
    machine = Machine.bare("native")
    machine.memory.ram[LOOP_AT : LOOP_AT + len(ENDLESS)] = ENDLESS
    machine.registers.ip = LOOP_AT
    for _ in range(10_000):
        machine.run(1_000_000)
        if len(translation_of(machine)):
            break
    assert len(translation_of(machine)) == 1
    assert machine.icount % 1_000_000 == 0


def test_code_that_runs_seldom_is_not_translated() -> None:
    """Prevents spending more time on translating code than is spent in it."""
    machine = Machine.bare("native")
    code = bytes.fromhex("b90050 e2fe f4")  # mov cx, 5000h / again: loop again / hlt
    machine.memory.ram[LOOP_AT : LOOP_AT + len(code)] = code
    machine.registers.ip = LOOP_AT
    assert machine.run(FOREVER).reason is StopReason.HALT
    submit(int).result()
    assert machine.run(1).reason is StopReason.HALT
    assert len(translation_of(machine)) == 0


def test_code_that_can_not_be_compiled_is_told_and_given_up_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Prevents a compiler that never compiles again, in silence, after one mistake."""
    pair = Pair.make()
    pair.load(LOOP_AT, COUNTING, cs=0, ip=LOOP_AT, cx=100)

    def fail(*given: object) -> None:
        raise IndexError("nobody foresaw this")

    with monkeypatch.context() as patch:
        patch.setattr(translations, "follow", fail)
        assert translate_here(pair.native) == 0
    assert "0000:1000 stays interpreted: 40 01 c3 e2 fb f4" in caplog.text
    assert "nobody foresaw this" in caplog.text
    assert pair.run(1000).reason is StopReason.HALT
    assert translate_here(pair.native, LOOP_AT + 1) == 1


def test_halted_machine_stays_halted() -> None:
    """Prevents HLT with interrupts off from being run over."""
    pair = Pair.make()
    pair.load(LOOP_AT, b"\xf4\x40", cs=0, ip=LOOP_AT)
    assert pair.run(10).reason is StopReason.HALT
    assert pair.run(10).reason is StopReason.HALT
    assert pair.native.registers.cells[Cell.HALTED] == 1
    assert pair.native.icount == 1


@pytest.mark.parametrize("guest", ["sieve", "calls", "strings", "mixed"])
def test_benchmark_guests_run_alike(guest: str) -> None:
    """Prevents figures of a benchmark whose engines do not do the same."""
    file = Path(__file__).resolve().parents[1] / "benchmarks" / "guests" / f"{guest}.bin"
    pair = Pair.make()
    pair.load(0x7C00, file.read_bytes(), cs=0, ip=0x7C00)
    for budget in (500, 1, 3000):
        pair.run(budget)
        translate_here(pair.native)
    pair.run(4000)
    pair.compare_memory()
