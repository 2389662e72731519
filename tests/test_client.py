"""Scripts drive a real server of their own through the public API."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio

import blink16
from blink16.client import (
    BusyError,
    ClientError,
    ConnectionLostError,
    DeniedError,
    LaunchError,
    SearchStoppedError,
    StopKind,
    Target,
    UnsupportedError,
    launch_async,
)
from blink16.client.blocking import TargetMemory, TargetRegisters
from blink16.client.target import AsyncTarget
from blink16.reports.frames import FramesReport
from blink16.reports.profile import ProfileReport
from blink16.reports.state import StateReport

PATIENCE = 60
"""Seconds."""
LOOP = bytes.fromhex("40 eb fd")
"""inc ax; jmp back"""


@pytest.fixture
def m() -> Iterator[Target]:
    """Return the sample before its first instruction."""
    with blink16.launch("banner", "HI", date="2000-01-01") as target:
        yield target


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Target]:
    """Return a program that never ends."""
    program = tmp_path / "loop.com"
    program.write_bytes(LOOP)
    with blink16.launch(program) as target:
        yield target


def test_run_to_a_symbol_watch_a_word_and_go_back_to_its_previous_write(m: Target) -> None:
    """Prevents what every debugging session is made of from not working."""
    assert m.run_to("main").kind is StopKind.STEPPED
    point = m.watch("lines", 2)
    first, second = m.run(), m.run()
    assert first.kind is second.kind is StopKind.WATCHPOINT
    assert second.point == point
    assert m.memory.word("lines") == 2
    back = m.run_back()
    assert (back.kind, back.at, m.memory.word("lines")) == (StopKind.WATCHPOINT, "end_line+46", 1)
    names = [frame.name.partition("+")[0] for frame in m.frames()]
    assert names[0] == "end_line"
    assert names[-2:] == ["main", "_start"]


def test_registers_and_memory_are_read_and_written_by_name(m: Target) -> None:
    """Prevents a register that shows another's value, and halves that change their words."""
    m.step(3)
    values = m.registers.values()
    assert (m.registers.cs, m.registers.ip) == (values.cs, values.ip)
    m.registers.ax = 0x1234
    m.registers.ah = 0x56
    assert (m.registers.ax, m.registers.al, m.registers["ah"]) == (0x5634, 0x34, 0x56)
    m.registers.sp = 0x1000
    assert m.registers.values().stack == m.at(values.ss, 0x1000)
    m.memory[0x500:0x504] = b"abcd"
    m.memory[(0x50, 1)] = 0x58
    assert m.memory[0x500:0x504] == b"aXcd"
    assert m.memory[0x501] == 0x58
    with pytest.raises(ValueError, match="a byte is 0 to 255"):
        m.memory[0x501] = 0x1234
    with pytest.raises(AttributeError):
        m.registers.eax = 1
    with pytest.raises(ValueError, match="no register"):
        m.read_register("eax")
    with pytest.raises(ValueError, match="memory"):
        m.read_memory(0xFFFFF, 2)


def test_the_whole_megabyte_comes_in_one_go(m: Target) -> None:
    """Prevents a read that is cut where a packet ends."""
    whole = m.memory[0:0x100000]
    assert len(whole) == 0x100000
    assert whole[0x10000:0x10010] == m.memory[0x10000:0x10010]
    m.memory[0x30000:0x50000] = bytes(range(256)) * 512
    assert m.memory[0x30000:0x50000] == bytes(range(256)) * 512
    assert m.find(bytes(range(200, 256)), 0x30000) == 0x30000 + 200


def test_conditions_hold_in_both_directions(m: Target) -> None:
    """Prevents a condition that is ignored on the way back."""
    with pytest.raises(ValueError, match=r"is no condition \(equal is ==\)"):
        m.break_at("draw_letters", condition="al = 3")
    m.break_at("draw_letters", condition="word[ss, sp + 2] == 3")
    assert m.run().kind is StopKind.EXITING
    back = m.run_back()
    if back.kind is StopKind.BREAKPOINT:
        assert m.memory.word((back.registers.ss, back.registers.sp + 2)) == 3


def test_points_at_one_address_have_conditions_of_their_own(m: Target) -> None:
    """Prevents the removal of one point from removing another."""
    never = m.break_at("main", condition="icount == 0")
    here = m.break_at("main", condition="icount > 0")
    event = m.run()
    assert event.point == here
    m.seek("start")
    m.remove(here)
    assert m.run().kind is StopKind.EXITING
    assert m.points == (never,)


def test_a_watchpoint_has_a_condition_too(m: Target) -> None:
    """Prevents a condition that gdb's protocol has no room for from being ignored."""
    with pytest.raises(ValueError, match="watched for write, read or access"):
        m.watch("lines", 2, access="rw")
    m.watch("lines", 2, condition="word[lines] == 4")
    m.run()
    assert m.memory.word("lines") == 4


def test_a_point_for_once_is_gone_when_it_was_hit(m: Target) -> None:
    """Prevents a temporary breakpoint from stopping the program again."""
    m.break_at("draw_letters", once=True)
    assert m.run().kind is StopKind.BREAKPOINT
    assert m.run().kind is StopKind.EXITING
    assert m.points == ()


def test_next_and_finish_step_over_calls_in_both_directions(m: Target) -> None:
    """Prevents a step that ends within what was called."""
    m.run_to("main")
    while not m.disassemble(count=1)[0].text.startswith("call"):
        m.step()
    before, line = m.icount, m.disassemble(count=1)[0]
    over = m.next()
    assert over.pc == line.following
    assert over.icount > before + 5
    assert m.next_back().icount == before
    inside = m.step()
    assert m.finish().pc == line.following
    m.seek(inside.icount + 3)
    assert m.finish_back().icount == before


def test_a_recursive_function_finishes_in_its_own_frame(m: Target) -> None:
    """Prevents finish from stopping where an inner call of the same function returns."""
    m.break_at("draw_letters")
    m.run()
    m.run()
    m.remove_all()
    outer = m.frames()[0].cfa
    event = m.finish()
    assert outer is not None
    assert event.registers.stack == outer


def test_so_many_steps_are_quick_and_exact(m: Target) -> None:
    """Prevents a thousand round trips, and a step count that is off by one."""
    assert m.step(500).icount == 500
    assert m.step_back(123).icount == 377
    assert m.step_back(1000).kind is StopKind.HISTORY_START


def test_a_program_ends_and_begins_again(m: Target) -> None:
    """Prevents a script that can't run a program twice."""
    assert m.run().kind is StopKind.EXITING
    end = m.run()
    assert (end.kind, end.is_over, end.status) == (StopKind.EXITED, True, 0)
    assert m.read_output().startswith(b"H   H  III\n")
    assert m.read_output() == b""
    assert m.restart().icount == 0
    assert m.run_to("main").at == "main"
    assert m.run().kind is StopKind.EXITING
    end = m.run()  # the server holds a program that has ended no more, once it was restarted
    assert (end.kind, end.is_over, end.status) == (StopKind.EXITED, True, 0)


def test_a_catch_stops_at_a_system_call(m: Target) -> None:
    """Prevents a catch that is told as a breakpoint of nobody's."""
    point = m.catch("elks write")
    event = m.run()
    assert (event.kind, event.point) == (StopKind.CAUGHT, point)
    m.remove(point)
    assert m.run().kind is StopKind.EXITING


def test_bookmarks_and_questions_about_the_past(m: Target) -> None:
    """Prevents answers that move the machine, or that are no values."""
    m.run()
    now = m.icount
    write = m.last_write("lines", 2)
    assert write.by is not None
    assert write.icount is not None
    assert m.seek(write.icount).at == write.by.name
    assert m.bookmark("here") == "here"
    assert m.seek("end").icount == now
    assert m.bookmarks() == {"here": write.icount}
    assert m.last_write(0x70000).icount is None
    with pytest.raises(DeniedError, match="outside the history"):
        m.seek(now + 1)
    with pytest.raises(DeniedError, match="no bookmark"):
        m.seek("nowhere")


def test_a_run_is_interrupted_after_a_time_or_by_another_thread(loop: Target) -> None:
    """Prevents a script that hangs with its program."""
    assert loop.run(timeout=0.05).kind is StopKind.INTERRUPTED
    timer = threading.Timer(0.05, loop.interrupt)
    timer.start()
    assert loop.run().kind is StopKind.INTERRUPTED
    before = loop.icount
    assert loop.step().icount == before + 1


def test_a_search_is_stopped_by_another_thread(loop: Target) -> None:
    """Prevents whoever wants to be elsewhere from waiting for a report that nobody reads."""
    loop.step(1_000_000)
    over = threading.Event()

    def interrupt() -> None:
        while not over.wait(0.001):
            loop.interrupt()

    def search_until_stopped() -> None:
        while True:
            loop.report(ProfileReport)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(SearchStoppedError):
            search_until_stopped()
    finally:
        over.set()
        thread.join()
    assert loop.icount == 1_000_000
    assert loop.step().kind is StopKind.STEPPED  # it was not for the next run
    assert loop.report(ProfileReport).span == 1_000_000


def test_whoever_asks_while_it_runs_is_told_so(loop: Target) -> None:
    """Prevents a question that waits for ever because another thread lets the machine run."""
    stopped: list[StopKind] = []
    thread = threading.Thread(target=lambda: stopped.append(loop.run().kind))
    thread.start()
    while not loop.is_running:
        time.sleep(0.001)
    with pytest.raises(BusyError):
        loop.registers.values()
    loop.interrupt()
    thread.join()
    assert stopped == [StopKind.INTERRUPTED]


def test_what_a_program_says_to_start_with_is_told(tmp_path: Path) -> None:
    """Prevents "the connection was lost" where the server had a reason."""
    with pytest.raises(LaunchError, match="nothing"):
        blink16.launch(tmp_path / "nothing.com")
    with blink16.launch("banner", "HI", display="vga") as m:
        assert m.notes == ["--display does nothing for an ELKS program"]
    with pytest.raises(LaunchError, match="--nonsense"):
        blink16.launch("banner", nonsense=True)
    with pytest.raises(ConnectionLostError, match="can't reach"):
        blink16.connect(f"unix:{tmp_path}/nobody")


LAST_CALLS = """\
     1                                  org 100h
     2 00000000 E80000                  start: call middle
     3 00000003 E80400                  middle: call inner
     4 00000006 B8004C                  end: mov ax, 4C00h
     5 00000009 90                      nop
     6 0000000A B44C                    inner: mov ah, 4Ch
     7 0000000C CD21                    int 21h
     8 0000000E 90                      behind: nop
"""


def test_callers_are_named_by_their_calls(tmp_path: Path) -> None:
    """Prevents a function whose last instruction calls from going by the next one's name."""
    (tmp_path / "last.com").write_bytes(bytes.fromhex("e80000e80400b8004c90b44ccd2190"))
    (tmp_path / "last.lst").write_text(LAST_CALLS)
    with blink16.launch(tmp_path / "last.com", symbols=tmp_path / "last.lst") as m:
        m.run_to("inner")
        assert [f.name for f in m.frames()] == ["inner", "middle+3"]
        assert m.run().at == "int21"
        assert [f.name for f in m.frames()][:2] == ["int21", "inner+4"]


def test_a_closed_target_says_so(m: Target) -> None:
    """Prevents a call that hangs after the end."""
    m.close()
    with pytest.raises(ConnectionLostError):
        m.step()
    m.close()


def test_refusals_leave_the_conversation_as_it_is(m: Target) -> None:
    """Prevents an error from costing the connection."""
    with pytest.raises(DeniedError):
        m.monitor("nonsense")
    with pytest.raises(DeniedError):
        m.key("hyper-x")
    with pytest.raises(ValueError, match="neither an address"):
        m.break_at("nowhere")
    with pytest.raises(ValueError, match="code page 437"):
        m.type("\N{SNOWMAN}")
    assert m.step().icount == 1


def test_a_changed_past_is_noted(m: Target) -> None:
    """Prevents a future that is lost without a word."""
    m.step(10)
    m.seek(5)
    m.registers.ax = 1
    m.step()  # the note comes behind the answer
    assert any("changed the past" in note for note in m.notes)
    assert m.history().end == 6


# -- with trio -----------------------------------------------------------------------------------


async def test_a_view_is_refreshed_in_two_round_trips() -> None:
    """Prevents reports that need a round trip each."""
    async with launch_async("banner", "HI") as t:
        await t.run_to("plot")
        state, frames = await t.reports(StateReport, FramesReport)
        stack, code = await t.read_memories([(state.registers.stack, 4), ("plot", 4)])
        assert frames.frames[0].name == state.at == "plot"
        assert len(stack) == len(code) == 4


async def test_tasks_ask_at_the_same_time() -> None:
    """Prevents one task's answer from going to another."""
    async with launch_async("banner", "HI") as t:
        found: dict[int, bytes] = {}

        async def read(address: int) -> None:
            found[address] = await t.read_memory(address, 16)

        async with trio.open_nursery() as nursery:
            for address in range(0x10000, 0x10100, 16):
                nursery.start_soon(read, address)
        whole = await t.read_memory(0x10000, 0x100)
        assert b"".join(found[address] for address in sorted(found)) == whole


async def test_a_cancelled_run_leaves_a_machine_that_stands(tmp_path: Path) -> None:
    """Prevents a machine that runs on behind the back of who has given up."""
    program = tmp_path / "loop.com"
    program.write_bytes(LOOP)
    async with launch_async(program) as t:
        with trio.move_on_after(0.05) as scope:
            await t.run()
        assert scope.cancelled_caught
        before = await t.icount()
        assert (await t.step()).icount == before + 1
        with trio.move_on_after(0.05):
            await t.hits(0x100, 1 << 60)  # takes its time: to be given up as well
        assert (await t.step_back()).icount == before


async def test_who_is_cancelled_lets_go_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a block that is cancelled from waiting in vain for the answer to its last word."""
    answers: list[bytes] = []
    ask = AsyncTarget._ask

    async def noted(target: AsyncTarget, body: bytes, *rest: Any, **more: Any) -> bytes:
        answer = await ask(target, body, *rest, **more)
        if body == b"D":
            answers.append(answer)
        return answer

    monkeypatch.setattr(AsyncTarget, "_ask", noted)
    with trio.CancelScope() as scope:
        async with launch_async("banner"):
            scope.cancel()
            await trio.sleep_forever()
    assert answers == [b"OK"]


DIES = """\
import os
from blink16.client.launching import hosting
with hosting(["banner"]) as server:
    print(server.path, flush=True)
    os._exit(1)
"""


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no socket files")
def test_a_server_of_our_own_ends_with_us_however_we_end() -> None:
    """Prevents servers that nobody knows of, hosting a machine until the computer is shut down."""
    done = subprocess.run([sys.executable, "-c", DIES], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    place = Path(done.stdout.strip())
    until = time.monotonic() + PATIENCE
    with suppress(ConnectionRefusedError, FileNotFoundError):
        while time.monotonic() < until:
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(str(place))
        pytest.fail("it is still there")
    while place.parent.exists():  # its folder goes with it
        assert time.monotonic() < until, "its folder stays"


def test_both_targets_can_do_the_same() -> None:
    """Prevents a method that only one of the two has."""
    spelled_otherwise = {"symbols", "listen", "shake_hands", "aclose", "detach", "passes"}
    theirs = {n for n in dir(AsyncTarget) if not n.startswith("_")} - spelled_otherwise
    assert theirs - set(dir(Target)) == set()


def test_the_short_spellings_are_complete() -> None:
    """Prevents registers or memory that only the long form reaches."""
    assert {"ax", "ah", "ip", "flags"} <= set(
        TargetRegisters.__dir__(object.__new__(TargetRegisters))
    )
    assert callable(TargetMemory.word)


def test_every_error_is_a_client_error() -> None:
    """Prevents a script that can't catch what can go wrong in one line."""
    for error in (BusyError, ConnectionLostError, DeniedError, LaunchError, UnsupportedError):
        assert issubclass(error, ClientError)


def test_a_server_starts_before_its_client_is_there() -> None:
    """Prevents a view whose server begins when its client, which takes longer, is imported."""
    with blink16.client.started(("banner", "HI")) as server:
        with blink16.client.connect(server) as target:
            folder = Path(str(target.watching_address).removeprefix("unix:")).parent
            assert target.step(2).icount == 2
            assert folder.exists()
        if server.process is not None:
            assert server.process.poll() == 0
    assert not folder.exists()


def test_a_server_that_starts_early_says_why_it_ended(tmp_path: Path) -> None:
    """Prevents its last words from being lost, and a process that stays when nobody connects."""
    with (
        blink16.client.started((str(tmp_path / "nothing.com"),)) as server,
        pytest.raises(LaunchError, match=r"nothing\.com"),
    ):
        blink16.client.connect(server)
    with blink16.client.started(("banner",)) as left_alone:
        pass
    assert left_alone.process is None or left_alone.process.poll() is not None
