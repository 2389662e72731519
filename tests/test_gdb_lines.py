"""Source lines in a real gdb, from an ELF that the server was given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gdb_client import DEBIAN_GDB, Gdb, Server, gdbs
from line_guest import ELF, IMAGE, SOURCE, SOURCE_NAME

pytestmark = pytest.mark.gdb
NO_GDB = Path("no gdb")
LINES = SOURCE.splitlines()


@pytest.fixture(
    params=gdbs() or [NO_GDB], ids=lambda path: "debian" if path == DEBIAN_GDB else "extra"
)
def gdb(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gdb]:
    """Return a gdb attached to the boot sector: that of the test extra, then Debian's."""
    if request.param == NO_GDB:
        pytest.fail("no gdb: install the test extra (pip install -e '.[test]')")
    (tmp_path / "count.img").write_bytes(IMAGE)
    (tmp_path / "count.elf").write_bytes(ELF)
    (tmp_path / SOURCE_NAME).write_text(SOURCE)
    with (
        Server("--symbols", "count.elf", "count.img", cwd=tmp_path) as server,
        Gdb(request.param) as gdb,
    ):
        gdb.run(f"directory {tmp_path}")
        gdb.run(server.target)
        gdb.run("stepi")  # over the jump in ROM
        yield gdb


def number_of(text: str) -> int:
    """Return the number of the first source line with a text."""
    return next(number for number, line in enumerate(LINES, 1) if text in line)


def line(gdb: Gdb) -> int:
    """Return the number of the source line that gdb is at."""
    said = gdb.run("info source")
    assert SOURCE_NAME in said, said
    return int(gdb.run("python print(gdb.selected_frame().find_sal().line)"))


def test_steps_go_by_source_lines(gdb: Gdb) -> None:
    """Prevents the loss of line numbers, and 32-bit code because an ELF for the i386 has them."""
    assert "i8086" in gdb.run("show architecture")
    assert "main" in gdb.run("bt")
    gdb.run("break countdown")
    assert "push bp" in gdb.run("continue")
    first = line(gdb)
    assert first == number_of("countdown:") + 1
    assert "mov bp,sp" in gdb.run("step")
    assert "mov ax,[bp+4]" in gdb.run("next")
    assert line(gdb) == first + 2
    assert "mov bp,sp" in gdb.run("reverse-next")
    assert "countdown:" in gdb.run("list")


def test_next_passes_over_calls_both_ways(gdb: Gdb) -> None:
    """Prevents a `next` that goes into the function, or never comes back."""
    call = number_of("call countdown")
    gdb.run(f"tbreak {SOURCE_NAME}:{call}")
    gdb.run("continue")
    assert "add sp,2" in gdb.run("next")
    assert "call countdown" in gdb.run("reverse-next")
    gdb.run("step")
    assert line(gdb) == number_of("countdown:") + 1


def test_frames_hold_at_the_return(gdb: Gdb) -> None:
    """Prevents gdb 13 from unwinding a RET by 32-bit rules, as it does with code of nasm's."""
    gdb.run(f"tbreak {number_of(' ret')}")
    assert "ret" in gdb.run("continue")
    said = gdb.run("bt")
    assert "Backtrace stopped" not in said
    assert said.count("in countdown ()") == 3
    assert "in main ()" in said
    assert "pop cx" in gdb.run("finish")
    gdb.run("reverse-stepi")
    assert "call countdown" in gdb.run("reverse-finish")
