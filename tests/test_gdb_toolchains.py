"""A real gdb on programs of DOS toolchains, with nothing typed but `target remote`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import two_files_guest
from debug_builders import codeview4, image_of, watcom
from gdb_client import Gdb, Server

from blink16.symbolfiles import embedded

pytestmark = pytest.mark.gdb


@pytest.fixture
def folder(shared: Path, tmp_path: Path) -> Path:
    """Return a folder with the samples and their sources, as a programmer has them."""
    for part in ("codeview", "tds", "source"):
        for path in (shared / "debuginfo" / part).iterdir():
            shutil.copyfile(path, tmp_path / path.name)
    compiled = (tmp_path / "COUNT.EXE").read_bytes()
    told = embedded.find(compiled)
    assert told is not None
    (tmp_path / "CV4.EXE").write_bytes(image_of(compiled) + codeview4(told, b"NB09"))
    (tmp_path / "WATCOM.EXE").write_bytes(image_of(compiled) + watcom(told))
    with_information = (tmp_path / "TTWICE.EXE").read_bytes()
    (tmp_path / "PLAIN.EXE").write_bytes(with_information[:0x350])
    return tmp_path


@pytest.fixture
def attached(request: pytest.FixtureRequest, folder: Path, gdb: Gdb) -> Iterator[Gdb]:
    """Return a gdb in that folder, attached to the program that the test is marked with."""
    with Server(*request.param, cwd=folder) as server:
        gdb.run(f"cd {folder}")
        gdb.run(server.target)
        yield gdb


COMPILED = pytest.mark.parametrize("attached", [("COUNT.EXE",), ("TCOUNT.EXE",)], indirect=True)
ASSEMBLED = pytest.mark.parametrize("attached", [("TWICE.EXE",), ("TTWICE.EXE",)], indirect=True)


@COMPILED
def test_a_breakpoint_lies_behind_the_prologue(attached: Gdb) -> None:
    """Prevents a stop where parameters can't be seen, or in the middle of an instruction."""
    assert "file COUNT.C, line 11." in attached.run("break add")
    assert "add (a=0, b=3) at COUNT.C:11" in attached.run("continue")
    assert "11\t    sum = a + b;" in attached.run("list 11,11")
    attached.run("next")
    assert "sum = 3" in attached.run("info locals")
    assert "a = 0\nb = 3" in attached.run("info args")


@COMPILED
def test_the_linkers_name_is_the_first_instruction(attached: Gdb) -> None:
    """Prevents parameters from being read through the caller's BP before the prologue."""
    attached.run("break *_add")
    assert "add (a=0, b=3) at COUNT.C:" in attached.run("continue")


@COMPILED
def test_steps_go_by_lines_in_both_directions(attached: Gdb) -> None:
    """Prevents `next` from entering callees, and `reverse-next` from losing its line."""
    attached.run("tbreak main")
    attached.run("continue")
    assert "29\t" in attached.run("frame")
    assert "30\t    n = fill(table, 10);" in attached.run("next")
    assert "31\t    big = big + n + text[0];" in attached.run("next")
    assert "30\t    n = fill(table, 10);" in attached.run("reverse-next")
    assert "fill (p=" in attached.run("step")


@COMPILED
def test_values_are_shown_as_their_types_say(attached: Gdb) -> None:
    """Prevents near pointers from being followed into the vector table, and structures misread."""
    attached.run("tbreak COUNT.C:32")
    attached.run("continue")
    assert '= {x = 3, y = 4, name = "here\\000"}' in attached.run("p where")
    assert "int x;" in attached.run("ptype where")
    assert "= {3, 4, 5, 6, 7, 8, 9, 10, 11, 12}" in attached.run("p table")
    assert '<where+4> "here"' in attached.run("p text")
    assert "= 104 'h'" in attached.run("p *text")
    assert "= 70114" in attached.run("p big")
    assert "= 10" in attached.run("p n")


@COMPILED
def test_frames_have_their_parameters_and_finish_its_value(attached: Gdb) -> None:
    """Prevents a backtrace without arguments, and a value looked for in 32 bits."""
    attached.run("break add")
    attached.run("continue")
    trace = attached.run("bt")
    assert "fill (p=0x" in trace
    assert "n=10) at COUNT.C:21" in trace
    assert "main () at COUNT.C:30" in trace
    assert "Value returned is $1 = 3" in attached.run("finish")
    assert attached.value("*p") == 0
    attached.run("continue")
    attached.run("continue")
    attached.run("up")
    assert attached.value("p[1]") == 4


@ASSEMBLED
def test_an_assemblers_lines_and_names_are_known(attached: Gdb) -> None:
    """Prevents MASM's and TASM's users from seeing no source."""
    assert "TWICE.ASM, line 19." in attached.run("break TWICE")
    assert "19\t    push bp" in attached.run("continue")
    assert "20\t    mov bp,sp" in attached.run("step")
    assert "19\t    push bp" in attached.run("reverse-step")
    assert attached.value("NUM") == 21
    attached.run("break SHOUT.ASM:8")
    assert "8\t    div bx" in attached.run("continue")


@pytest.mark.parametrize("attached", [("--symbols", "TTWICE.MAP", "PLAIN.EXE")], indirect=True)
def test_a_map_brings_lines(attached: Gdb) -> None:
    """Prevents a program that was linked without /v from having no source."""
    assert "SHOUT.ASM, line 5." in attached.run("break SHOUT")
    assert "5\t    push ax" in attached.run("continue")
    assert "6\t    mov bx,10" in attached.run("step")


@pytest.mark.parametrize("attached", [("CV4.EXE",), ("WATCOM.EXE",)], indirect=True)
def test_other_formats_say_the_same(attached: Gdb) -> None:
    """Prevents lines, locals and structures that gdb is told in the first formats only."""
    attached.run("break add")
    assert "add (a=0, b=3) at COUNT.C:11" in attached.run("continue")
    assert "sum = 3" in attached.run("next") + attached.run("info locals")
    trace = attached.run("bt")
    assert "n=10) at COUNT.C:21" in trace
    assert "main () at COUNT.C:30" in trace
    assert '= {x = 3, y = 4, name = "here\\000"}' in attached.run("p where")
    assert "struct point {" in attached.run("ptype where")
    assert "Value returned is $2 = 3" in attached.run("finish")


def test_a_program_of_several_files(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents files that are refused as their functions share a name, and 32-bit prologues."""
    with Server(*two_files_guest.write(tmp_path), cwd=tmp_path) as server:
        gdb.run(f"cd {tmp_path}")
        gdb.run(server.target)
        assert "main.c, line 4." in gdb.run("break main")
        assert "part.c, line 5." in gdb.run("break outer")
        assert "(2 locations)" in gdb.run("break helper")
        assert "main () at main.c:4" in gdb.run("continue")
        assert "helper () at main.c:2" in gdb.run("continue")
        assert "outer () at part.c:5" in gdb.run("continue")
        assert "helper () at part.c:2" in gdb.run("continue")
        frames = [line.split(" in ")[-1].strip() for line in gdb.run("bt").splitlines()]
        assert frames == [
            "#0  helper () at part.c:2",
            "outer () at part.c:7",
            "main () at main.c:7",
        ]
        assert "outer () at part.c:7" in gdb.run("reverse-finish")
        assert "outer () at part.c:5" in gdb.run("reverse-continue")
        assert "helper () at main.c:2" in gdb.run("reverse-continue")
        assert "blink16" not in gdb.run("info functions link16")
