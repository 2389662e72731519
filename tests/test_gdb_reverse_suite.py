"""What gdb's gdb.reverse suite checks beyond lines, in a real gdb with a program of 16 bits.

Each test names the .exp files that it is after; those about other processors' instructions and
about Linux' calls have no like here.
"""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from gdb_client import Gdb, Server
from line_walker import NO_MORE, Walker, run_to
from suite_guest import COM, PROGRAM, SOURCE
from unwind_guest import SEGMENT

pytestmark = pytest.mark.gdb
line_of = PROGRAM.line_of
LAST = line_of('return strlen("four")')
DATA = (SEGMENT << 4) + 0x420
KEPT, HIDDEN, OTHER, TOTAL, COUNT = (DATA + offset for offset in (0x2C, 0x34, 0x38, 0x3C, 0x44))
"""Where variables lie; the first is local and static, which no map tells."""
LOCAL = "$ss*16+$ebp-6"
"""Where a function's first local variable lies."""


def at_text(gdb: Gdb, text: str, command: str = "continue") -> None:
    """Run to a line with a text."""
    run_to(gdb, f"suite.c:{line_of(text)}", command)


def word(gdb: Gdb, place: int | str) -> int:
    """Return the word at a place."""
    return gdb.value(f"*(short*)({place})")


def test_the_kept_bytes_are_those_of_the_source(tmp_path: Path) -> None:
    """Prevents lines that are another program's."""
    assert PROGRAM.built(tmp_path, "-Md") == COM


def test_steps_with_counts(walker: Walker) -> None:
    """step-reverse: several lines at once, and over calls and a recursion among them."""
    assert walker.to_text("next 3") == "y = 2;"
    assert walker.to_text("step 3") == "y = y + 4;"
    assert walker.to_text("next 3") == "callee();"
    assert walker.to_text("next 3") == "nothing();"
    assert walker.to_text("reverse-next 2") == "y = w - x;"
    assert walker.to_text("reverse-next 2") == "callee();"
    assert walker.to_text("reverse-next") == "halve(9);"
    assert walker.to_text("reverse-next") == "y = y + 4;"
    assert walker.to_text("reverse-step 2") == "w = w + 2;"
    assert walker.to_text("reverse-next 2") == "x = 1;"
    assert walker.to_text("next 6") == "callee();"


def test_instructions_through_a_call_and_over_it(attached: Gdb) -> None:
    """step-reverse: `stepi` goes in and out, `nexti` passes over, each the same backward."""
    at_text(attached, "    callee();")
    call = attached.value("$pc")
    way = [call]
    while attached.value("$pc") != call + 3:
        attached.run("stepi")
        way.append(attached.value("$pc"))
    assert len(way) == 14
    for place in way[-2::-1]:
        attached.run("reverse-stepi")
        assert attached.value("$pc") == place
    attached.run("nexti")
    assert attached.value("$pc") == call + 3
    attached.run("reverse-nexti")
    assert attached.value("$pc") == call
    attached.run("stepi 13")
    attached.run("reverse-stepi 13")
    assert attached.value("$pc") == call


def test_a_function_of_one_instruction(attached: Gdb, walker: Walker) -> None:
    """step-reverse's recursive_callee: a RET alone is entered, left and seen as a frame."""
    at_text(attached, "    nothing();")
    assert walker.to_text("next") == "tail();"
    assert walker.to_text("reverse-next") == "nothing();"
    assert "nothing ()" in attached.run("step")
    assert "#1 " in attached.run("bt")
    assert walker.to_text("reverse-step") == "nothing();"
    attached.run("step")
    assert walker.to_text("finish") == "tail();"
    assert "nothing ()" in walker.run("reverse-step")
    assert walker.to_text("reverse-finish") == "nothing();"


def test_two_calls_on_a_line(attached: Gdb, walker: Walker) -> None:
    """func-map-to-same-line: over both to the line's first instruction, or into each."""
    at_text(attached, "    nothing();")
    assert walker.to_text("reverse-next") == "callee(); one();"
    line = attached.value("$pc")
    assert "y = w - x;" in attached.run("reverse-stepi")
    assert walker.to_text("next 2") == "nothing();"
    assert walker.to_text("reverse-step") == "return 1;"
    assert walker.to_text("reverse-step") == "return total++;"
    assert walker.to_text("reverse-step") == "callee(); one();"
    assert attached.value("$pc") == line


def test_a_function_that_jumps_to_another(attached: Gdb, walker: Walker) -> None:
    """singlejmp-reverse, amd64-tailcall-reverse: over both, or backward into the second."""
    at_text(attached, "letter = 'x';")
    assert walker.to_text("reverse-next") == "tail();"
    assert walker.to_text("next") == "letter = 'x';"
    assert walker.to_text("reverse-step") == "return 1;"
    assert walker.to_text("reverse-step") == "tail();"
    run_to(attached, "one")
    assert walker.to_text("finish") == "letter = 'x';"
    run_to(attached, "one", "reverse-continue")
    attached.run("reverse-finish")
    assert "jmp" in attached.run("x/i $pc")  # which went there
    attached.run("reverse-finish")
    assert "call" in attached.run("x/i $pc")
    assert walker.to_text("next") == "letter = 'x';"


def test_values_returned_and_the_calls_that_return_them(attached: Gdb, walker: Walker) -> None:
    """finish-reverse, finish-reverse-next: from a function's entry and from within it."""
    for function, call, value in (
        ("a_char", "letter = a_char();", ord("x")),
        ("a_long", "wide = a_long();", -13035),  # its low word
        ("apply", "w = apply(halve, 3);", 0),
    ):
        run_to(attached, function)
        assert call in attached.run("finish")
        assert attached.value("$ax") == value
        run_to(attached, function, "reverse-continue")
        assert call in attached.run("reverse-finish")
        assert "call" in attached.run("x/i $pc")
        run_to(attached, function)
        attached.run("step")
        attached.run("reverse-finish")
        assert "call" in attached.run("x/i $pc")
        attached.run("nexti")


def test_a_breakpoint_at_the_entry_of_what_is_left_backward(attached: Gdb) -> None:
    """finish-reverse-bkpt, next-reverse-bkpt-over-sr: through a pointer, and it counts."""
    run_to(attached, "halve")
    run_to(attached, "apply")
    run_to(attached, "halve")
    attached.run("stepi 4")
    attached.run("break *halve")
    assert "Breakpoint " in attached.run("reverse-finish")
    assert "#1 " in attached.run("bt")
    assert "return (*op)(n);" in attached.run("up")
    attached.run("delete")
    at_text(attached, "w = bar(5);")
    attached.run("break *halve if *(short*)($sp+2) == 3")
    assert "Breakpoint " in attached.run("reverse-next")
    assert "return (*op)(n);" in attached.run("up")


def test_a_call_through_a_pointer(attached: Gdb, walker: Walker) -> None:
    """step-indirect-call-thunk: in, out and over."""
    at_text(attached, "w = apply(")
    assert "apply ()" in attached.run("step")
    assert walker.to_text("step") == "return (*op)(n);"
    assert "halve ()" in attached.run("step")
    assert walker.to_text("reverse-step") == "return (*op)(n);"
    assert walker.to_text("next") == "w = bar(5);"
    assert walker.to_text("reverse-step") == "return 0;"
    assert "main ()" in attached.run("bt")
    at_text(attached, "return (*op)(n);", "reverse-continue")
    assert walker.to_text("next") == "w = bar(5);"
    assert walker.to_text("reverse-next") == "w = apply(halve, 3);"


def test_recursion_from_within(attached: Gdb, walker: Walker) -> None:
    """recursion: backward over what a call has called, out of each, to another function."""
    at_text(attached, "    in_register();")
    assert walker.to_text("reverse-next") == "w = bar(5);"
    at_text(attached, "return r;")
    assert walker.to_text("reverse-next") == "r = halve(n);"
    run_to(attached, "*halve if *(short*)($sp+2) == 1")
    depth = attached.run("bt").count("halve ()")
    assert depth == 3
    assert walker.to_text("step") == "if (n == 0)"
    assert walker.to_text("next") == "return halve(n / 2);"
    assert walker.to_text("reverse-next") == "if (n == 0)"
    for left in range(depth - 1, 0, -1):
        assert walker.to_text("reverse-next") == "return halve(n / 2);"
        assert attached.run("bt").count("halve ()") == left
        assert walker.to_text("reverse-next") == "if (n == 0)"
    assert walker.to_text("reverse-next") == "r = halve(n);"
    at_text(attached, "    in_register();")


def test_places_within_a_recursion(attached: Gdb, walker: Walker) -> None:
    """until-reverse: `until` a line stays in its frame, `advance` takes the first that comes."""
    attached.run("advance halve")
    frame = attached.value("$sp")
    assert walker.to_text("until suite.c:14") == "return halve(n / 2);"
    outer = attached.value("$icount")
    assert walker.to_text("advance suite.c:13") == "return 0;"
    assert attached.run("bt").count("halve ()") == 5
    attached.run("set exec-direction reverse")
    assert walker.to_text("advance suite.c:14") == "return halve(n / 2);"
    assert attached.run("bt").count("halve ()") == 4
    for _ in range(3):
        walker.to_text("advance suite.c:14")
    assert attached.value("$icount") == outer
    attached.run("until *halve")
    assert attached.value("$sp") == frame
    attached.run("set exec-direction forward")
    assert walker.to_text("finish") == "halve(9);"
    assert "a_char ()" in attached.run("advance a_char")
    assert walker.to_text("until apply") == "letter = a_char();"  # out of the frame


@pytest.mark.parametrize(
    ("change", "place"),
    [("    a++;", LOCAL), ("a++;\n    hide(a);\n}\n#asm", KEPT), ("hidden++;", HIDDEN)],
    ids=["local", "static in a function", "static in a file"],
)
def test_the_state_of_a_machine(attached: Gdb, walker: Walker, change: str, place: int) -> None:
    """machinestate: what a line has changed is as before it, and again as after it."""
    line = SOURCE[: SOURCE.index(change)].count("\n") + 1 + change.startswith("\n")
    at_text(attached, "memset(")
    for command in ("reverse-continue", "continue"):
        run_to(attached, f"suite.c:{line}", command)
        for _ in range(2):
            before = word(attached, place)
            assert walker.to_line("step") in (line + 1, line + 2)
            assert word(attached, place) == before + 1
            assert walker.to_line("reverse-step") == line
            assert word(attached, place) == before
        run_to(attached, "main", "reverse-continue")


def test_breakpoints_at_consecutive_instructions(attached: Gdb) -> None:
    """consecutive-reverse: a step from one stops at the other, in both directions."""
    run_to(attached, "*callee")
    places = [int(one, 16) for one in re.findall(r"0x([0-9a-f]+) <", attached.run("x/8i $pc"))]
    for place in places:
        attached.run(f"break *{place:#x}")
    for place in places[1:]:
        assert "Breakpoint " in attached.run("step")
        assert attached.value("$pc") == place
    for place in places[-2::-1]:
        assert "Breakpoint " in attached.run("reverse-step")
        assert attached.value("$pc") == place


def test_watchpoints_of_gdb_s_own(attached: Gdb) -> None:
    """watch-reverse: the same values where gdb steps and compares by itself."""
    at_text(attached, "for (count = 0;")
    attached.run("set can-use-hw-watchpoints 0")
    assert "Watchpoint" in attached.run(f"watch *(short*){OTHER}")
    attached.run(f"tbreak suite.c:{line_of('while (x > 0)')}")
    values = []
    while found := re.search(r"Old value = (-?\d+)\nNew value = (-?\d+)", attached.run("continue")):
        values.append((int(found[1]), int(found[2])))
    assert values == [(1, 0), (0, 1), (1, 2)]
    for old, new in reversed(values):
        assert f"Old value = {new}\nNew value = {old}" in attached.run("reverse-continue")


def test_code_without_lines(attached: Gdb, walker: Walker) -> None:
    """solib-reverse: the library's functions are passed over, and breakpoints within them count."""
    at_text(attached, "memset(")
    assert walker.to_line("step") == LAST
    assert walker.to_text("reverse-step") == "memset(&count, 0, sizeof count);"
    run_to(attached, "memset")
    assert "memset(&count" in attached.run("finish")
    run_to(attached, "memset", "reverse-continue")
    attached.run("reverse-finish")
    assert "call" in attached.run("x/i $pc")
    assert word(attached, COUNT) == 3
    assert walker.to_line("step") == LAST
    assert word(attached, COUNT) == 0
    assert "memset(" in walker.run("reverse-next")
    assert word(attached, COUNT) == 3


def test_loops_of_every_kind(attached: Gdb, walker: Walker) -> None:
    """map-to-same-line: whole lines, though a loop's head is in two places."""
    at_text(attached, "for (count = 0;")
    first = line_of("for (count = 0;")
    lines = walker.until("next", LAST)
    body = [line_of("other = count;"), line_of("total = count;"), first]
    last = [line_of(one) for one in ("while (x > 0)", "do callee();", "memset(")]
    assert lines == [*body * 3, *last, LAST]
    back = walker.over("reverse-next", last[0])
    assert back == last[::-1]
    at_text(attached, "hidden++;", "reverse-continue")
    assert walker.until("next", LAST) == [first, *lines]


def test_again_from_the_start(gdb: Gdb, tmp_path: Path) -> None:
    """rerun-prec: `run` after travels begins anew, and breakpoints hold."""
    gdb.run(f"cd {tmp_path}")
    gdb.run("set confirm off")
    with Server(*PROGRAM.write(tmp_path), cwd=tmp_path) as server:
        gdb.run(server.extended)
        gdb.run("break a_char")
        for _ in range(2):
            assert "Breakpoint 1, a_char ()" in gdb.run("run")
            here = gdb.value("$icount")
            gdb.run("reverse-stepi 20")
            assert re.search(NO_MORE, gdb.run("reverse-continue"))
            assert gdb.value("$icount") == 0
            assert "Breakpoint 1, a_char ()" in gdb.run("continue")
            assert gdb.value("$icount") == here


def test_a_session_that_was_kept(program: Path, tmp_path: Path) -> None:
    """break-precsave, watch-precsave, ...: a recording answers as the machine did."""
    arguments = PROGRAM.write(tmp_path)

    def travel(server: Server) -> list[str]:
        with Gdb(program) as gdb:
            gdb.run(f"cd {tmp_path}")
            gdb.run(server.target)
            run_to(gdb, "main")
            gdb.run(f"watch *(short*){TOTAL}")
            gdb.run("break a_long")
            said = [gdb.run("continue") for _ in range(5)]
            said += [gdb.run("reverse-continue") for _ in range(5)]
            gdb.run("delete 2 3")
            run_to(gdb, "*halve if *(short*)($sp+2) == 0")
            walk = ("bt", "finish", "reverse-finish", "next", "reverse-step")
            return said + [gdb.run(command) for command in walk]

    with Server("--record", "suite.b16", *arguments, cwd=tmp_path) as server:
        live = travel(server)
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    with Server(*arguments[:2], "--replay", "suite.b16", cwd=tmp_path) as server:
        kept = travel(server)
    assert kept == live
    assert "Old value" in kept[0]
