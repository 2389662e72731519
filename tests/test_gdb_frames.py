"""Backtraces and stepping over calls in a real gdb that is told nothing but `target remote`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from gdb_client import Gdb, Server
from unwind_guest import COM, LABELS, SEGMENT

pytestmark = pytest.mark.gdb
NO_GDB = Path("no gdb")
BASE = SEGMENT << 4
LOOPS = bytes.fromhex("b90500 40 e2fd b8004c cd21")
"""mov cx,5; again: inc ax; loop again; mov ax,4C00h; int 21h"""


@pytest.fixture
def banner(gdb: Gdb) -> Iterator[Server]:
    """Return a server of the sample, which has symbols, with gdb attached."""
    with Server("banner", "HI") as server:
        gdb.run(server.target)
        yield server


@pytest.fixture
def plain(tmp_path: Path, gdb: Gdb) -> Iterator[Server]:
    """Return a server of a .COM without symbols, with gdb attached."""
    (tmp_path / "plain.com").write_bytes(COM)
    with Server("plain.com", cwd=tmp_path) as server:
        gdb.run(server.target)
        yield server


def run_to(gdb: Gdb, label: str, distance: int = 0) -> None:
    """Run to a function of the plain program, or so many bytes behind its start."""
    address = BASE + LABELS[label] + distance
    gdb.run(f"tbreak *{address:#x}")
    assert "Temporary breakpoint" in gdb.run("continue")
    assert gdb.value("$pc") == address


def backtrace(gdb: Gdb) -> list[tuple[int, str]]:
    """Return address and function of each frame; the backtrace must end without complaint."""
    said = gdb.run("bt")
    assert "Backtrace stopped" not in said, said
    found = re.findall(r"^#\d+ +0x([0-9a-f]+) in (\S+) \(\)", said, re.MULTILINE)
    assert len(found) == said.count("#"), said
    return [(int(address, 16), name) for address, name in found]


def names(gdb: Gdb) -> list[str]:
    """Return the functions of the backtrace."""
    return [name for _, name in backtrace(gdb)]


# -- a program with symbols ------------------------------------------------------------------


def test_symbols_need_no_file_command(gdb: Gdb, banner: Server) -> None:
    """Prevents users from having to build an ELF before they can say `break main`."""
    assert "_start" in gdb.run("x/i $pc")
    gdb.run("break draw_letters")
    assert "in draw_letters ()" in gdb.run("continue")
    assert names(gdb) == ["draw_letters", "print_letters", "print_text", "main"]


def test_recursion_unwinds_to_main(gdb: Gdb, banner: Server) -> None:
    """Prevents backtraces of one frame, which is what stock gdb makes of 16-bit code."""
    gdb.run("break draw_letters")
    gdb.run("continue")
    gdb.run("continue")
    assert names(gdb) == ["draw_letters"] * 2 + ["print_letters", "print_text", "main"]
    assert "print_letters" in gdb.run("up 2")
    assert gdb.value("$pc") == backtrace(gdb)[2][0]


def test_nexti_passes_over_a_call_that_recurses(gdb: Gdb, banner: Server) -> None:
    """Prevents a stop at the return address in an inner activation."""
    gdb.run("break draw_letters")
    gdb.run("continue")
    gdb.run("delete")
    outside = backtrace(gdb)[1:]
    for _ in range(60):
        if "call" in gdb.run("x/i $pc") and "draw_letters" in gdb.run("x/i $pc"):
            break
        gdb.run("nexti")
    else:
        pytest.fail("no recursive call")
    at = gdb.value("$pc")
    gdb.run("nexti")
    assert gdb.value("$pc") == at + 3
    assert backtrace(gdb)[1:] == outside
    gdb.run("reverse-nexti")
    assert gdb.value("$pc") == at
    assert backtrace(gdb)[1:] == outside


def test_finish_and_reverse_finish(gdb: Gdb, banner: Server) -> None:
    """Prevents "not meaningful in the outermost frame" everywhere."""
    gdb.run("break plot")
    gdb.run("continue")
    gdb.run("delete")
    (_, caller), *_ = backtrace(gdb)[1:]
    back = backtrace(gdb)[1][0]
    assert "Run till exit" in gdb.run("finish")
    assert backtrace(gdb)[0] == (back, caller)
    gdb.run("reverse-stepi")
    assert names(gdb)[0] == "plot"
    gdb.run("reverse-finish")
    assert gdb.value("$pc") == back - 3
    assert names(gdb)[0] == caller


def test_the_outermost_frame_is_the_end(gdb: Gdb, banner: Server) -> None:
    """Prevents frames made of the arguments, and a `finish` that never comes back."""
    assert names(gdb) == ["_start"]
    assert "outermost" in gdb.run("finish")
    gdb.run("set backtrace past-main on")
    gdb.run("break plot")
    gdb.run("continue")
    assert names(gdb)[-2:] == ["main", "_start"]


def test_a_system_call_unwinds_to_the_program(gdb: Gdb, banner: Server) -> None:
    """Prevents ?? and a lost stack when the program has stopped in a service."""
    gdb.run("continue")
    assert names(gdb)[0] == "int80"
    assert backtrace(gdb)[1][1] in ("_start", "main")


# -- a program without -----------------------------------------------------------------------


def test_recursion_without_symbols(gdb: Gdb, plain: Server) -> None:
    """Prevents the loss of all comfort for programs that are nothing but code."""
    run_to(gdb, "start")
    assert names(gdb) == ["start"]
    for _ in range(3):
        run_to(gdb, "factorial")
    frames = backtrace(gdb)
    inner = BASE + LABELS["factorial"] + 0x10
    assert [address for address, _ in frames[1:3]] == [inner, inner]
    assert frames[3][1] == "start"
    gdb.run("finish")
    assert backtrace(gdb)[0][0] == inner
    assert len(backtrace(gdb)) == 3


@pytest.mark.parametrize("label", ["frameless", "leaf", "pascal", "choose", "tail"])
def test_finish_from_every_kind_of_function(gdb: Gdb, plain: Server, label: str) -> None:
    """Prevents rules that hold for functions with BP frames only."""
    run_to(gdb, label)
    caller = backtrace(gdb)[1][0]
    gdb.run("finish")
    assert gdb.value("$pc") == caller
    if label != "tail":  # which has gone over into another function
        gdb.run("reverse-stepi")
        gdb.run("reverse-finish")
        assert gdb.value("$pc") == caller - 3


def test_every_nexti_of_a_function_stays_in_it(gdb: Gdb, plain: Server) -> None:
    """Prevents steps that lose their frame in prologue or epilogue, there and back."""
    run_to(gdb, "factorial")
    caller = backtrace(gdb)[1]
    places = []
    while (at := backtrace(gdb))[0] != caller:
        assert at[1] == caller
        places.append(at[0])
        gdb.run("nexti")
    assert len(places) == 13
    gdb.run("reverse-stepi")
    assert backtrace(gdb)[0] == places.pop()
    for place in reversed(places):
        gdb.run("reverse-nexti")
        assert backtrace(gdb)[0] == place


def test_far_calls_and_an_interrupt_handler(gdb: Gdb, plain: Server) -> None:
    """Prevents frames that take CS for the return address, or the handler's for the caller's."""
    run_to(gdb, "hook", 2)
    frames = backtrace(gdb)
    far = BASE + LABELS["far_function"]
    assert frames[1][0] == far + 9
    assert frames[2][1] == "start"
    run_to(gdb, "hook", 2)  # this time called in another segment
    gdb.run("up")
    assert gdb.value("$cs") == SEGMENT + 0x10
    gdb.run("up")
    assert gdb.value("$cs") == SEGMENT
    gdb.run("frame 0")
    gdb.run("finish")
    assert gdb.value("$pc") == far + 9
    gdb.run("finish")
    assert names(gdb) == ["start"]


def test_return_pops_a_far_frame(gdb: Gdb, plain: Server) -> None:
    """Prevents a `return` that keeps the callee's CS."""
    run_to(gdb, "far_function")
    run_to(gdb, "far_function")
    caller = backtrace(gdb)[1][0]
    gdb.run("return")
    assert gdb.value("$pc") == caller
    assert gdb.value("$cs") == SEGMENT
    gdb.run("stepi")
    assert gdb.value("$ip") == caller + 1 - BASE
    assert names(gdb) == ["start"]


def test_until_and_advance(gdb: Gdb, plain: Server) -> None:
    """Prevents `until` and `advance` from running away for want of a caller."""
    run_to(gdb, "frameless", 7)
    end = BASE + LABELS["frameless"] + 12
    gdb.run(f"advance *{end:#x}")
    assert gdb.value("$pc") == end
    caller = backtrace(gdb)[1][0]
    gdb.run(f"until *{BASE + LABELS['hook']:#x}")
    assert gdb.value("$pc") == caller


def test_until_where_nothing_has_lines(gdb: Gdb, plain: Server) -> None:
    """Prevents an `until` that spins in gdb 13 to 17, and fails in gdb 18.

    It goes on instruction by instruction, over calls, and through a loop as a whole.
    """
    name = f"sub_{SEGMENT:04x}_{LABELS['pascal']:04x}"
    gdb.run(f"break {name}")
    assert f"{name} ()" in gdb.run("continue")
    begin = BASE + LABELS["pascal"]
    assert [until(gdb) - begin for _ in range(3)] == [1, 3, 7]
    assert names(gdb) == [name, "start"]
    gdb.run("delete")
    gdb.run("finish")
    assert names(gdb) == ["start"]
    while "call" not in gdb.run("x/i $pc"):
        until(gdb)
    place = gdb.value("$pc")
    assert until(gdb) == place + 3
    assert names(gdb) == ["start"]


def test_until_passes_a_loop(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents an `until` that is `nexti`: it leaves a loop at its end."""
    (tmp_path / "loop.com").write_bytes(LOOPS)
    with Server("loop.com", cwd=tmp_path) as server:
        gdb.run(server.target)
        begin = gdb.value("$pc")
        assert [until(gdb) - begin for _ in range(4)] == [3, 4, 6, 9]
        assert gdb.value("$cx") == 0


def until(gdb: Gdb) -> int:
    """Type `until`; return where it stops."""
    gdb.run("until")
    return gdb.value("$pc")


def test_nobody_returns_from_where_the_program_begins(gdb: Gdb, banner: Server) -> None:
    """Prevents a `return` there that goes to address 0."""
    before = gdb.value("$pc")
    assert "it can't return" in gdb.run("return")
    gdb.run("maintenance flush register-cache")
    assert gdb.value("$pc") == before


def test_break_at_a_function_stops_at_its_first_instruction(gdb: Gdb, plain: Server) -> None:
    """Prevents breakpoints within an instruction: gdb counts 32-bit prologues only.

    The function begins with push bp; mov bp, sp; sub sp, 200h.
    """
    start = BASE + LABELS["pascal"]
    name = f"sub_{SEGMENT:04x}_{LABELS['pascal']:04x}"
    assert f"Breakpoint 1 at {start:#x}" in gdb.run(f"break {name}")
    assert f"{name} ()" in gdb.run("continue")
    assert gdb.value("$pc") == start
    assert names(gdb)[:2] == [name, "start"]
    assert "has no line number information" in gdb.run("step")
    assert names(gdb) == ["start"]
    gdb.run("delete")
    gdb.run("reverse-stepi")
    gdb.run(f"tbreak {name}")
    assert "Temporary breakpoint" in gdb.run("reverse-continue")
    assert gdb.value("$pc") == start


@pytest.mark.parametrize("command", ["advance", "tbreak"])
def test_every_command_finds_the_same_start(gdb: Gdb, plain: Server, command: str) -> None:
    """Prevents `advance f` from running past a place that is no instruction."""
    name = f"sub_{SEGMENT:04x}_{LABELS['pascal']:04x}"
    run_to(gdb, "start")
    gdb.run(f"{command} {name}")
    if command == "tbreak":
        gdb.run("continue")
    assert gdb.value("$pc") == BASE + LABELS["pascal"]


def test_functions_are_listed_and_nothing_else(gdb: Gdb, banner: Server) -> None:
    """Prevents what makes `break f` exact from being seen among the program's names."""
    assert "draw_letters" in gdb.run("info functions draw")
    variables = gdb.run("info variables")
    assert "lines" in variables
    assert "blink16" not in variables
    assert "No locals" in gdb.run("info locals")
    assert "No line number information" in gdb.run("info line draw_letters")
    assert "is a function at address 0x10084" in gdb.run("info address draw_letters")
    assert "<draw_letters>" in gdb.run("p draw_letters")
    gdb.run("rbreak ^print_")
    places = gdb.run("info breakpoints")
    assert "<print_letters>" in places
    assert "<print_text>" in places


def test_conditions_hold_on_our_side_both_ways(gdb: Gdb, plain: Server) -> None:
    """Prevents a condition that is offered, taken and ignored."""
    gdb.run("set debug remote 1")
    said = gdb.run(f"break *{BASE + LABELS['leaf']:#x} if $ecx == 2 && *(char*)$eip == 0x42")
    said += gdb.run("continue")
    assert re.search(r"Z0,[0-9a-f]+,1;X", said), said
    gdb.run("set debug remote 0")
    assert gdb.value("$ecx") == 2
    gdb.run("stepi 20")
    assert "Breakpoint 1" in gdb.run("reverse-continue")
    assert gdb.value("$ecx") == 2


LABELLED = bytes.fromhex("e80a00 cd12 e80500 b8004c cd21 40 c3")
"""start: call work; back: int 12h; more: call work; done: exit; work: inc ax; ret."""
LABELLED_NAMES = {"start": 0x100, "back": 0x103, "more": 0x105, "done": 0x108, "work": 0x10D}


def test_calls_that_return_to_a_label(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents `nexti` and `finish` that run on for ever, as a frame at a label behind a CALL is
    another one to gdb, if that is a function.
    """
    (tmp_path / "loop.com").write_bytes(LABELLED)
    lines = (f"{address:04x} T {name}\n" for name, address in LABELLED_NAMES.items())
    (tmp_path / "loop.nm").write_text("".join(lines))
    with Server("--symbols", f"loop.nm,text={SEGMENT:x}", "loop.com", cwd=tmp_path) as server:
        gdb.run(server.target)
        places = [gdb.value("$ip")]
        for _ in range(3):
            gdb.run("nexti")
            places.append(gdb.value("$ip"))
        assert places == [0x100, 0x103, 0x105, 0x108]
        for place in (0x105, 0x103, 0x100):
            gdb.run("reverse-nexti")
            assert gdb.value("$ip") == place
        gdb.run("break work")
        gdb.run("continue")
        gdb.run("finish")
        assert gdb.value("$ip") == 0x103
        assert "Breakpoint 2 at" in gdb.run("break more")
        assert "locations" not in gdb.run("info breakpoints")
        gdb.run("continue")
        assert gdb.value("$ip") == 0x105
        assert "work ()" in gdb.run("continue")
        assert "#1  0x00003108 in start ()" in gdb.run("bt")
