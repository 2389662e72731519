"""ELKS programs in a machine: where everything lies when they start, and what is refused."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from elks_guest import INT80_FOR_EVER, ElksGuest, start
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property_examples import examples

from benchmarks.elks_calls import call
from blink16 import elks
from blink16.console import Console
from blink16.cpu.engine import OF_PROCESSES, StopReason
from blink16.elks import ElksError
from blink16.elks.abi import Call
from blink16.elks.aout import AoutSymbol, Executable, Section, build
from blink16.elks.kernel import FRAME_SIZE, Kernel
from blink16.elks.signals import ElksSignal
from blink16.elks.state import KernelState
from blink16.inbox import Inbox
from blink16.runner import Runner
from blink16.setup import loader
from blink16.setup.loader import Options, Program, ProgramKind
from blink16.terminals.terminal import InputReader
from blink16.timekeeping import IDLE_INTERVAL

GETPID, WRITE = "B81400CD80", "B80400BB0100B90000BA0100CD80"
"""mov ax, 20 / int 80h; the same of 4, with a byte for the standard output."""


def words(guest: ElksGuest, offset: int, count: int) -> tuple[int, ...]:
    """Return words of the data segment."""
    return struct.unpack(f"<{count}H", guest.get(offset, 2 * count))


def string(guest: ElksGuest, offset: int) -> bytes:
    """Return a string of the data segment."""
    return guest.get(offset, 100).split(b"\0")[0]


def test_arguments_lie_as_the_kernel_lays_them(tmp_path: Path) -> None:
    """SP must point at argc, argv, 0, envp, 0, and behind them the strings, once."""
    program = Executable(INT80_FOR_EVER, stack=0x700)
    guest = start(program, tmp_path, ("one", "two"), {"A": "b"})
    sp = guest.machine.registers.sp
    argc, argv0, argv1, argv2, end, variable, last = words(guest, sp, 7)
    assert (argc, end, last) == (3, 0, 0)
    found = [string(guest, pointer) for pointer in (argv0, argv1, argv2, variable)]
    assert found == [b"prog", b"one", b"two", b"A=b"]
    assert argv0 == sp + 14
    assert sp % 2 == 0


def test_empty_environment_ends_with_zero(tmp_path: Path) -> None:
    """Without an environment both arrays must still end."""
    guest = start(Executable(INT80_FOR_EVER), tmp_path)
    argc, _, argv_end, envp_end = words(guest, guest.machine.registers.sp, 4)
    assert (argc, argv_end, envp_end) == (1, 0, 0)


def test_registers_at_entry(tmp_path: Path) -> None:
    """Programs rely on DS=ES=SS, DX = stack size and the entry point of the header."""
    program = Executable(b"\x90" * 20, data=b"x", entry=7, stack=0x700)
    r = start(program, tmp_path).machine.registers
    assert (r.cs, r.ip, r.dx) == (0x1000, 7, 0x700)
    assert r.ds == r.es == r.ss == 0x1002


def test_combined_program_has_one_segment(tmp_path: Path) -> None:
    """Without separate I&D, data must follow the text in the same segment."""
    symbols = (AoutSymbol("value", Section.DATA, 4),)
    program = Executable(INT80_FOR_EVER, data=b"data", separate=False, symbols=symbols)
    guest = start(program, tmp_path)
    r = guest.machine.registers
    assert r.cs == r.ds == r.ss == 0x1000
    assert guest.get(0, 8) == INT80_FOR_EVER + b"data"
    assert guest.symbols.lookup("value").address == 0x10004  # type: ignore[union-attr]


def test_bss_is_zero(tmp_path: Path) -> None:
    """What lay in memory before must not show in the bss."""
    guest = start(Executable(INT80_FOR_EVER, data=b"data", bss=100), tmp_path)
    assert guest.get(4, 100) == bytes(100)


def test_symbols_are_linear(tmp_path: Path) -> None:
    """Text and data have segments of their own: symbols of both must not collide."""
    symbols = (AoutSymbol("main", Section.TEXT, 0), AoutSymbol("x", Section.BSS, 2))
    table = start(Executable(INT80_FOR_EVER, symbols=symbols), tmp_path).symbols
    assert [(s.name, s.address) for s in table] == [("main", 0x10000), ("x", 0x10012)]


def test_underscores_of_bcc_go(tmp_path: Path) -> None:
    """Users type `break main`, though bcc calls it _main; names must stay different."""
    symbols = tuple(AoutSymbol(name, Section.TEXT, 0) for name in ("_main", "_a", "a"))
    table = start(Executable(INT80_FOR_EVER, version=0, symbols=symbols), tmp_path).symbols
    assert {s.name for s in table} == {"main", "_a", "a"}


def test_version_0_names_the_whole_segment(tmp_path: Path) -> None:
    """In version 0 the heap field holds data, bss, heap and stack together."""
    program = Executable(INT80_FOR_EVER, data=bytes(16), heap=0x2000, version=0)
    guest = start(program, tmp_path)
    assert 0x1FD0 < guest.machine.registers.sp < 0x2000


@pytest.mark.parametrize("heap", [0xFFF0, 0xFFFF])
def test_largest_heap_takes_the_segment(tmp_path: Path, heap: int) -> None:
    """FFF0h and more mean: all there is."""
    guest = start(Executable(INT80_FOR_EVER, heap=heap), tmp_path)
    assert guest.machine.registers.sp > 0xFF00


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (Executable(b"\xcc", bss=0xE000), "need 65550 bytes; there are 65535"),
        (Executable(b"\xcc", stack=0xFFFF), "there are 65535 in a segment"),
        (Executable(b"\xcc", data=bytes(99), heap=50, version=0), "asks for 50 bytes of memory"),
    ],
)
def test_programs_that_do_not_fit_are_refused(
    tmp_path: Path, program: Executable, message: str
) -> None:
    """A program that needs more than a segment must be refused, not wrap around in it."""
    with pytest.raises(ElksError, match=message):
        start(program, tmp_path)


def test_too_many_arguments_are_refused(tmp_path: Path) -> None:
    """Arguments that don't fit must not overwrite the program's data."""
    for length in (0x9000, 0xFFFF, 0x20000):
        with pytest.raises(ElksError, match="arguments"):
            start(Executable(INT80_FOR_EVER, data=bytes(0x7000)), tmp_path, ("x" * length,))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
@given(st.data())
def test_any_sizes_load_or_are_refused(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever sizes a header names, data, heap, stack and arguments must not overlap."""
    size = st.integers(0, 0xFFFF) | st.integers(0, 16) | st.integers(0xFFE0, 0xFFFF)
    version, separate = data.draw(st.integers(0, 1)), data.draw(st.booleans())
    contents, bss = bytes(data.draw(size)), data.draw(size)
    heap, stack = data.draw(size), data.draw(size)
    program = Executable(
        INT80_FOR_EVER, contents, bss, 0, heap, stack, version=version, separate=separate
    )
    try:
        guest = start(program, tmp_path, ("x" * data.draw(size),))
    except ElksError:
        return
    end = len(contents) + bss + (0 if separate else len(INT80_FOR_EVER))
    assert end <= guest.machine.registers.sp - guest.machine.registers.dx
    room = guest.machine.registers.sp - (end + 1 & ~1)
    if room >= FRAME_SIZE + 2:  # else the kernel says that its stack is too small for a call
        assert guest.call(4, 1, 0, 1) == 1


def test_medium_model_program_is_relocated(tmp_path: Path) -> None:
    """Far calls must reach the far text, wherever it lies."""
    far_call = bytes.fromhex("9a 00 00 00 00")  # call far text:0
    exit_ = bytes.fromhex("bb 05 00 b8 01 00 cd 80")
    text = far_call + exit_
    header = bytearray(build(Executable(text))[:32])
    header[4] = 0x40
    more = struct.pack("<IIIIIIHHHH", 8, 0, 0, 0, 1, 0, 0, 0, 0, 0)
    relocation = struct.pack("<IHH", 3, 0xFFFB, 80)
    guest = start(bytes(header) + more + text + b"\xcb" + relocation, tmp_path)
    stop = guest.run()
    assert (stop.reason, stop.status) == (StopReason.EXITED, 5)


@pytest.mark.parametrize(
    ("code", "signal", "text"),
    [
        ("31 c9 f7 f1", 8, "divide error in the instruction before 1000:0004"),
        ("90 cc", 5, "INT 3 at 1000:0001"),
        ("cd 03", 5, "INT 3 at 1000:0000"),
        ("cd 21", 4, "INT 21h at 1000:0000, which nobody handles"),
        ("b0 7f 04 7f ce", 8, "overflow, INTO at 1000:0004"),
    ],
)
def test_faults_are_signals(tmp_path: Path, code: str, signal: int, text: str) -> None:
    """Faults must stop the program with a signal and its place, not end the emulator."""
    stop = start(Executable(bytes.fromhex(code)), tmp_path).run()
    assert (stop.reason, stop.status, stop.text) == (StopReason.TRAPPED, signal, text)


def test_shared_banner_runs(shared: Path, tmp_path: Path) -> None:
    """A real ELKS program must print what it prints on ELKS."""
    guest = start((shared / "images" / "banner").read_bytes(), tmp_path, ("ELKS",))
    stop = guest.run()
    assert (stop.reason, stop.status) == (StopReason.EXITED, 0)
    assert guest.shown["console"].splitlines()[0] == b"EEEEEEE L       K    K   SSSSS"


@pytest.mark.parametrize("network", [False, True])
def test_time_passes_at_once_where_nothing_can_come(
    monkeypatch: pytest.MonkeyPatch, network: bool
) -> None:
    """A daemon whose input was /dev/null had all its time-outs at once, and a processor span."""
    alarm_and_pause = bytes.fromhex("B81B00 BB1E00 CD80 B81D00 CD80")  # 30 seconds
    streams = elks.ConsoleKind(input=False, output=False, error=False)
    options = Options(root=None, console=streams, network=network)
    program = Program("/waits", ProgramKind.ELKS, build(Executable(alarm_and_pause)))
    waits: list[float | None] = []
    monkeypatch.setattr(Inbox, "wait", lambda self, seconds: waits.append(seconds))
    wanted: list[object] = []
    monkeypatch.setattr(InputReader, "want", lambda self: wanted.append(self))
    loaded = loader.load(program, (), options)
    runner = Runner(loaded)
    loaded.machine.receive(Console.CHANNEL, b"")
    assert runner.run().status == 128 + 14
    assert set(waits) <= {1 / IDLE_INTERVAL}
    assert len(waits) == (27 * IDLE_INTERVAL + 1 if network else 0)  # 3 seconds are at once
    assert not wanted


@pytest.mark.parametrize("again", [GETPID, WRITE], ids=["getpid", "write"])
def test_an_alarm_rings_in_a_row_of_calls_that_change_nothing(tmp_path: Path, again: str) -> None:
    """Prevents calls after which nobody asks the scheduler from putting signals off."""
    body = bytes.fromhex(again)
    alarm = bytes.fromhex("B81B00 BB0100 CD80")  # 1 second
    loop = body + bytes((0xEB, -len(body) - 2 & 0xFF))
    guest = start(Executable(alarm + loop, bytes(0x100), heap=0x1000, stack=0x800), tmp_path)
    stop = guest.run(20_000_000)
    assert (stop.reason, stop.status) == (StopReason.TRAPPED, ElksSignal.SIGALRM)
    assert 0 <= guest.machine.cycles - guest.machine.clock_hz < 2000


def test_a_state_in_which_nobody_has_the_processor_is_refused(tmp_path: Path) -> None:
    """Prevents a traceback from a recording that was forged so."""
    kernel = start(Executable(INT80_FOR_EVER), tmp_path).machine.find(Kernel)
    assert kernel is not None
    state = kernel.state
    assert KernelState.of(state.plain()) == state
    for wrong in (replace(state, current=99), replace(state, current=0, shown=-(1 << 63))):
        with pytest.raises(ValueError, match="no process"):
            KernelState.of(wrong.plain())


def test_the_first_process_may_end_while_its_child_sleeps(tmp_path: Path) -> None:
    """Prevents a machine whose idle state can't be gone back to, nor shown: nobody was in it."""
    child = call(Call.ALARM, 1) + call(Call.PAUSE)
    in_child = b"\x09\xc0\x75" + bytes((len(child),)) + child  # or ax,ax; jnz behind it
    nap = call(Call.SELECT, si=0x10)
    code = call(Call.FORK) + in_child + nap + call(Call.EXIT)
    time = bytes(20) + b"\xe8\x03"  # a thousand microseconds
    guest = start(Executable(code, time.ljust(0x100, b"\0"), heap=0x1000, stack=0x800), tmp_path)
    machine = guest.machine
    machine.asked = OF_PROCESSES
    assert guest.run().reason is StopReason.FORKED
    while guest.run().reason is not StopReason.DEPARTED:
        assert machine.cycles < machine.clock_hz
    table = machine.process_table
    assert table is not None
    assert [process.thread for process in table.processes()] == [table.current()]
    before = machine.save()
    machine.restore(before)
    assert machine.save() == before


@pytest.mark.parametrize(("pending", "first"), [(0, 0), (0b1100, 3), (1 << 15, 16), (1 << 40, 0)])
def test_the_lowest_signal_comes_first(tmp_path: Path, pending: int, first: int) -> None:
    """Prevents another order than the kernel's, and a forged state's signals that there are not."""
    kernel = start(Executable(INT80_FOR_EVER), tmp_path).machine.find(Kernel)
    assert kernel is not None
    assert kernel.first_pending(replace(kernel.task, pending=pending)) == first
