"""By lines in a real gdb, both ways: what gdb's own gdb.reverse suite checks, in 16 bits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import line_walker
import pytest
import reverse_guest
from gdb_client import Gdb, Server
from line_walker import NO_MORE, Walker
from reverse_guest import COM, PROGRAM, TOTAL

pytestmark = pytest.mark.gdb
line_of = PROGRAM.line_of
END = line_of("total / (")
STEPS = [
    *[20, 21, 2, 4, 5, 6, 22, 2, 4, 5, 6, 23, 24, 13, 15, 16, 13, 15, 16, 13, 15, 16, 25],
    *[7, 9, 11, 7, 9, 11, 7, 9, 11, 7, 9, 10, 12, 12, 12],
    *[26, 2, 4, 5, 6, 13, 15, 16, 27, 28, 29],
]
"""The lines at which `step` stops, from main to `END`."""
ENTRIES = {line_of(f"{name}(") for name in ("int twice", "int factorial", "int bump", "int main")}
"""Lines of functions' entries: backward, one leaves a function there without a stop."""
NEXTS = [line for line in STEPS if line >= line_of("total = 0")]
TOTALS = [1, 3, 3, 4, 6, 7, 8, 9, 33, 34, 82, 1]
"""The values of ``total``, from main on."""
RET = reverse_guest.BASE + 0x123
"""The end of a function, where gdb 13 unwinds by its own rules if it doesn't trust a compiler."""


@pytest.fixture
def attached_alone(program: Path, tmp_path: Path) -> Iterator[Gdb]:
    """Return a gdb at main's first instruction whose machine no other test needs any more."""
    with line_walker.session(program, PROGRAM, tmp_path) as gdb:
        yield line_walker.at_main(gdb)


def test_the_kept_bytes_are_those_of_the_source(tmp_path: Path) -> None:
    """Prevents lines that are another program's."""
    assert PROGRAM.built(tmp_path, "-Md") == COM


def test_step(walker: Walker) -> None:
    """step-reverse: into calls, out of them, through recursion and loops on one line."""
    assert walker.until("step", END) == STEPS
    back = [line for line in reversed([*STEPS[:-1]]) if line not in ENTRIES]
    assert walker.until("reverse-step", line_of("total = 0")) == back
    assert walker.until("step", END) == STEPS[1:]


@pytest.mark.parametrize("forward", ["next", "until"])
def test_next_and_until(walker: Walker, forward: str) -> None:
    """until-reverse: over calls, recursion and the rest of loops."""
    assert walker.until(forward, END) == NEXTS
    assert walker.over("reverse-next", NEXTS[0]) == NEXTS[-2::-1]
    assert walker.until(forward, END) == NEXTS[1:]


def test_next_over_a_call_with_a_breakpoint(attached: Gdb, walker: Walker) -> None:
    """next-reverse-bkpt-over-sr: a breakpoint within a call that is stepped over counts."""
    walker.until("next", line_of("f = twice(2)"))
    attached.run("break *twice")
    assert "Breakpoint" in walker.run("reverse-next")
    assert attached.value("$pc") == attached.value("&twice")
    assert walker.to_line("reverse-next") == line_of("twice(1)")
    assert "Breakpoint" in attached.run("next")
    attached.run("delete")
    assert walker.to_line("finish") == line_of("twice(1)")


def test_advance_and_until_a_place(attached: Gdb, walker: Walker) -> None:
    """Both go to a place in the direction that is set, or out of the function."""
    assert "bump () at back.c" in attached.run("advance bump")
    assert walker.to_line("advance back.c:25") == line_of("i++) bump()")  # out of the function
    assert walker.to_line("until back.c:27") == line_of("total > 5")
    attached.run("set exec-direction reverse")
    assert walker.to_line("advance back.c:25") == line_of("factorial(4)")
    assert walker.to_line("until back.c:22") == line_of("twice(2)")
    attached.run("set exec-direction forward")
    assert walker.to_line("until back.c:25") == line_of("factorial(4)")


def test_finish_and_its_way_back(attached: Gdb, walker: Walker) -> None:
    """finish-reverse: out of each of the calls of a recursion, to the call itself."""
    attached.run("tbreak back.c:10")
    attached.run("continue")
    depth = attached.run("bt").count("factorial ()")
    assert depth == 4
    for left in range(3, 0, -1):
        assert "Run till exit" in attached.run("finish")
        assert attached.run("bt").count("factorial ()") == left
    attached.run("tbreak back.c:10")
    attached.run("reverse-continue")
    for left in range(3, -1, -1):
        attached.run("reverse-finish")
        assert attached.run("bt").count("factorial ()") == left
        assert "call" in attached.run("x/i $pc")
    assert walker.to_line("next") == line_of("total = bump()")


def test_return_pops_a_frame(attached_alone: Gdb) -> None:
    """A `return` drops the rest of the call, and the way there stays."""
    walker = Walker(attached_alone)
    attached_alone.run("tbreak back.c:15")
    attached_alone.run("continue")
    before = attached_alone.value(f"*(short*){TOTAL}")
    attached_alone.run("return")
    assert walker.to_line("next") == line_of("f = factorial(4)")
    assert attached_alone.value(f"*(short*){TOTAL}") == before + 2  # of three turns
    attached_alone.run("tbreak main")
    attached_alone.run("reverse-continue")
    assert "main () at back.c:17" in attached_alone.run("frame")


def test_breakpoints(attached: Gdb) -> None:
    """break-reverse: the same breakpoints in the opposite order, and each hit of a recursion."""
    for place in ("twice", "factorial", "bump", f"back.c:{END}"):
        attached.run(f"break {place}")

    def hits(command: str, count: int) -> list[tuple[int, int]]:
        found = []
        for _ in range(count):
            assert "Breakpoint " in attached.run(command)
            found.append((attached.value("$pc"), attached.value("$icount")))
        return found

    forward = hits("continue", 2 + 3 + 4 + 2 + 1)
    assert hits("reverse-continue", len(forward) - 1) == forward[-2::-1]
    assert hits("continue", len(forward) - 1) == forward[1:]


@pytest.mark.parametrize("kind", ["watch", "awatch", "rwatch"])
def test_watchpoints(attached: Gdb, kind: str) -> None:
    """watch-reverse: each change, with the values of before and after, in both directions."""
    attached.run(f"{kind} *(short*){TOTAL}")
    attached.run(f"break back.c:{line_of('total = 1')}")

    def stops(command: str) -> list[int]:
        places = []
        while re.search(r"atchpoint \d+: ", said := attached.run(command)):
            places.append(attached.value("$icount"))
        assert "Breakpoint" in said or re.search(NO_MORE, said)
        return places

    forward = stops("continue")
    assert len(forward) > 5
    back = stops("reverse-continue")
    assert back[: len(forward)] == [place - 1 for place in reversed(forward)]


def test_values_of_a_watched_variable(attached: Gdb) -> None:
    """The values that a watchpoint tells are those that the program gave it."""
    attached.run(f"watch *(short*){TOTAL}")
    attached.run(f"tbreak back.c:{END}")
    values = []
    while found := re.search(r"Old value = (-?\d+)\nNew value = (-?\d+)", attached.run("continue")):
        values.append((int(found[1]), int(found[2])))
    assert [new for _, new in values] == [
        new for new, old in zip(TOTALS, [0, *TOTALS], strict=False) if new != old
    ]
    for old, new in reversed(values):
        assert f"Old value = {new}\nNew value = {old}" in attached.run("reverse-continue")


def test_consecutive_instructions(attached: Gdb) -> None:
    """consecutive-reverse, machinestate: each instant is the same on the way back."""
    look = r"printf \"%d %d %d %d %d\n\", $icount, $pc, $esp, $ebp, *(short*)" + str(TOTAL)
    look = look.replace('\\"', '"')
    seen = [attached.run(look)]
    for _ in range(100):
        attached.run("stepi")
        seen.append(attached.run(look))
    for instant in seen[-2::-1]:
        attached.run("reverse-stepi")
        assert attached.run(look) == instant


def test_signals_and_ends_of_history(attached_alone: Gdb) -> None:
    """sigall-reverse: a signal is met again, and both ends say that they are ends."""
    walker = Walker(attached_alone)
    assert "SIGFPE" in attached_alone.run("continue")
    end = attached_alone.value("$icount")
    assert walker.to_line("reverse-step") == END
    assert "SIGFPE" in attached_alone.run("continue")
    assert attached_alone.value("$icount") == end
    assert re.search(NO_MORE, attached_alone.run("reverse-continue"))
    assert attached_alone.value("$icount") == 0
    assert re.search(NO_MORE, attached_alone.run("reverse-stepi"))
    attached_alone.run("tbreak main")
    assert "main ()" in attached_alone.run("continue")
    assert "SIGFPE" in attached_alone.run("continue")
    assert "SIGFPE" in attached_alone.run("continue")  # and is gone


@pytest.mark.parametrize("producer", ["bcc 0.16.17 -0s", "Watcom C16 10.6", "MSC 5.10 /Zi/Od"])
def test_a_compiler_that_gdb_does_not_know(gdb: Gdb, tmp_path: Path, producer: str) -> None:
    """Prevents `reverse-step` over calls, and breakpoints behind what looks like a prologue."""
    arguments = PROGRAM.write(tmp_path)
    (tmp_path / "back.elf").write_bytes(reverse_guest.elf(producer))
    gdb.run(f"cd {tmp_path}")
    with Server("--symbols", "back.elf", *arguments[2:], cwd=tmp_path) as server:
        gdb.run(server.target)
        gdb.run(f"tbreak *{RET:#x}")
        gdb.run("continue")
        assert "#1  0x00003172 in main () at back.c:21" in gdb.run("bt")
        gdb.run("tbreak main")
        gdb.run("reverse-continue")
        walker = Walker(gdb)
        assert walker.until("step", END) == STEPS
        assert walker.to_line("reverse-step") == STEPS[-2]
        assert walker.to_line("reverse-step") == STEPS[-3]
        assert walker.to_line("reverse-step") == line_of("return total;") + 1
        assert "bump ()" in gdb.run("frame")
