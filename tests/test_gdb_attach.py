"""Attaching in a real gdb in ways that users have from elsewhere, and attaching again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gdb_client import Gdb, Server
from line_guest import ELF, IMAGE, SOURCE, SOURCE_NAME
from unwind_guest import COM

pytestmark = pytest.mark.gdb
FRAMES = ["draw_letters", "print_letters", "print_text", "main"]


def frames(gdb: Gdb) -> list[str]:
    """Return the functions of the backtrace, which must end in silence."""
    said = gdb.run("bt")
    assert "stopped" not in said, said
    return re.findall(r"^#\d+ .*?(\w+) \(\)", said, re.MULTILINE)


def restarted(server: Server, *arguments: str, cwd: Path) -> Server:
    """Return another server at the same port, in place of one that ends without a word."""
    server.process.kill()
    server.process.wait()
    return Server("--port", str(server.port), *arguments, cwd=cwd)


def test_another_server_at_the_same_port(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents a gdb that shows one program's names, lines and frames for another's."""
    (tmp_path / "plain.com").write_bytes(COM)
    (tmp_path / "count.img").write_bytes(IMAGE)
    (tmp_path / "count.elf").write_bytes(ELF)
    (tmp_path / SOURCE_NAME).write_text(SOURCE)
    gdb.run(f"directory {tmp_path}")
    with Server("banner", "HI", cwd=tmp_path) as first:
        gdb.run(first.target)
        gdb.run("break draw_letters")
        gdb.run("continue")
        assert frames(gdb) == FRAMES
        gdb.run("delete")
        gdb.run("detach")
        with restarted(first, "plain.com", cwd=tmp_path) as second:
            gdb.run(second.target)
            assert "in start ()" in gdb.run("stepi")
            assert "draw_letters" not in gdb.run("info functions draw")
            with restarted(second, "--symbols", "count.elf", "count.img", cwd=tmp_path) as third:
                gdb.run("disconnect")
                gdb.run(third.target)
                gdb.run("break countdown")
                assert "push bp" in gdb.run("continue")
                assert re.search(r"#0  countdown .*\n#1 .* main \(\) at count.asm", gdb.run("bt"))


def test_the_same_server_again_after_it_was_killed(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents breakpoints by name that stay where the names were, and a gdb that dies of it."""
    with Server("banner", "HI", cwd=tmp_path) as first:
        gdb.run(first.target)
        gdb.run("break draw_letters")
        gdb.run("continue")
        first.process.kill()
        first.process.wait()
        with Server("--port", str(first.port), "banner", "HI", cwd=tmp_path) as second:
            gdb.run("disconnect")
            gdb.run(second.target)
            assert "Breakpoint 1, " in gdb.run("continue")
            assert frames(gdb) == FRAMES


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("command", ["set sysroot", "set sysroot /tmp"])
def test_gdbs_own_advice_leaves_the_names(gdb: Gdb, when: str, command: str) -> None:
    """Prevents the loss of all names when a user does what gdb's warning at attach says."""
    with Server("banner", "HI") as server:
        if when == "before":
            gdb.run(command)
        gdb.run(server.target)
        gdb.run("break draw_letters")
        gdb.run("continue")
        if when == "after":
            gdb.run(command)
        assert frames(gdb) == FRAMES
        gdb.run("detach")
        gdb.run(server.target)
        assert frames(gdb) == FRAMES


def test_a_file_for_another_processor_with_qemus_habits(gdb: Gdb) -> None:
    """Prevents a lost connection where somebody has set an architecture and a file of his own."""
    with Server("banner", "HI") as server:
        gdb.run("file /bin/true")
        gdb.run("set architecture i8086")
        gdb.run(server.target)
        gdb.run("break draw_letters")
        gdb.run("continue")
        assert frames(gdb) == FRAMES
        assert "push   %bp" in gdb.run("x/i $pc")


def test_the_programs_file_has_its_entry(gdb: Gdb) -> None:
    """Prevents a warning in `info files`, and `compare-sections` that compares nothing."""
    with Server("banner", "HI") as server:
        gdb.run(server.target)
        said = gdb.run("info files")
        assert "warning" not in said
        assert "Entry point: 0x10000" in said
        assert re.search(r"range 0x10000 -- 0x10010: matched", gdb.run("compare-sections"))


def test_the_stack_is_no_variable(gdb: Gdb) -> None:
    """Prevents stack addresses that are shown as <environ+32718>."""
    with Server("banner", "HI") as server:
        gdb.run(server.target)
        assert "<" not in gdb.run("x/2xh $sp")
        assert "<lines>" in gdb.run("x/xh &lines")
