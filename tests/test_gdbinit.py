"""scripts/gdbinit-8086 in a real gdb."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gdb_client import PROJECT, Gdb, Server, Talker
from line_guest import ELF
from unwind_guest import COM, LABELS, SEGMENT

pytestmark = pytest.mark.gdb
SCRIPT = PROJECT / "scripts" / "gdbinit-8086"
BASE = SEGMENT << 4
FACTORIAL = f"sub_{SEGMENT:04x}_{LABELS['factorial']:04x}"
"""What the board calls a function that has no name."""


@pytest.fixture
def named(program: Path, tmp_path: Path) -> Iterator[Gdb]:
    """Return a gdb with the script, attached to a .COM program, of which the server tells it."""
    with attached(program, tmp_path) as gdb:
        yield gdb


@pytest.fixture
def gdb(program: Path, tmp_path: Path) -> Iterator[Gdb]:
    """Return one with an ELF for the i386 of its own, in the place of what the server tells."""
    (tmp_path / "other.elf").write_bytes(ELF)
    with attached(program, tmp_path, f"file {tmp_path / 'other.elf'}") as gdb:
        yield gdb


@contextmanager
def attached(program: Path, folder: Path, *before: str) -> Iterator[Gdb]:
    """Attach a gdb, which is first told some commands."""
    (folder / "plain.com").write_bytes(COM)
    with (
        Server("plain.com", "one", "two", cwd=folder) as server,
        Gdb(program, "-x", str(SCRIPT)) as gdb,
    ):
        for command in (*before, server.target):
            gdb.run(command)
        yield gdb


def test_a_file_of_the_user_s_keeps_16_bit_code(gdb: Gdb) -> None:
    """Prevents the switch to i386 that an ELF brings along."""
    assert "i8086" in gdb.run("show architecture")
    assert re.search(rf"jmp +{BASE + LABELS['start']:#x}", gdb.run("x/i $pc"))


def test_frames_unwind_without_the_board(gdb: Gdb) -> None:
    """Prevents gdb's own 32-bit guesses, and registers that are lost in outer frames."""
    gdb.run(f"b16 {SEGMENT:x}:{LABELS['factorial']:x}")
    gdb.run("continue")
    gdb.run("continue")
    gdb.run("nosharedlibrary")
    assert gdb.run("bt").count("in ?? ()") == 3
    gdb.run("delete")
    caller = BASE + LABELS["factorial"] + 0x10
    gdb.run("finish")
    assert gdb.value("$pc") == caller
    gdb.run("up")
    assert gdb.value("$ip") == gdb.value("$pc") - BASE
    assert f"CS:IP={SEGMENT:04X}:" in gdb.run("regs")


def test_frames_have_the_server_s_names(named: Gdb) -> None:
    """Prevents the script's own unwinder from hiding what the server tells."""
    named.run(f"b16 {SEGMENT:x}:{LABELS['factorial']:x}")
    named.run("continue")
    named.run("continue")
    assert re.findall(r" in (\w+) \(\)", named.run("bt")) == [FACTORIAL, FACTORIAL, "start"]


def test_until_is_not_refused_where_gdb_survives_it(named: Gdb) -> None:
    """Prevents the script from keeping users from `until` in functions without lines."""
    named.run(f"b16 {SEGMENT:x}:{LABELS['factorial']:x}")
    named.run("continue")
    at = named.value("$pc")
    named.run("until")
    assert at < named.value("$pc") < at + 6
    assert "()" in named.run(f"until *{BASE + LABELS['leaf']:#x}")


@pytest.mark.parametrize("name", ["set_arch", "reset_architecture"])
def test_gef_is_told_an_architecture_that_it_knows(scripted: Gdb, name: str) -> None:
    """Prevents GEF's context, which knows no i8086, from failing at each stop."""
    scripted.run(f"python {name} = lambda architecture=None: print('GEF shows', architecture)")
    with Server("banner") as server:
        assert "GEF shows X86" in scripted.run(server.target) + scripted.run("stepi")
        assert "GEF shows X86" in scripted.run(f"python {name}()")


def test_gef_is_told_before_it_sees_a_target(program: Path, tmp_path: Path) -> None:
    """Prevents GEF from failing at the first stop, of which it hears before our commands."""
    gef = tmp_path / "gef.py"
    gef.write_text("def set_arch(architecture=None): print('GEF shows', architecture)\n")
    with Gdb(program, "-x", str(gef), "-x", str(SCRIPT)) as gdb:
        assert "GEF shows X86" in gdb.run("python set_arch()")


def test_memory_is_mapped_as_a_process_s(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents `vmmap` of GEF and pwndbg that shows 4 GiB, and searches that fail at 1 MiB."""
    process = re.search(r"process (\d+)", gdb.run("info inferiors"))
    assert process
    copy = tmp_path / "maps"
    assert "Successfully" in gdb.run(f"remote get /proc/{process[1]}/maps {copy}")
    rows = [row.split() for row in copy.read_text().splitlines()]
    assert [(row[0], row[1], row[-1]) for row in rows] == [
        ("00000000-000a0000", "rwxp", "[memory]"),
        ("000a0000-000c0000", "rw-p", "[video]"),
        ("000c0000-000f0000", "rwxp", "[adapters]"),
        ("000f0000-00100000", "r-xp", "[rom]"),
    ]
    assert "No such file" in gdb.run(f"remote get /proc/1/maps {copy}")
    assert "No such file" in gdb.run(f"remote get /proc/{process[1]}/mem {copy}")


def test_far_addresses(gdb: Gdb) -> None:
    """Prevents users from having to multiply by sixteen."""
    assert gdb.value("$seg(0x1000, 0x20)") == 0x10020
    assert "Breakpoint 1 at 0x12345" in gdb.run("b16 1234:5")
    assert "Breakpoint 2 at 0x10020\n" in gdb.run("b16 1000:0020 if $eax == 1")
    assert f"{BASE + 0x100:#x}:" in gdb.run("x16 /2xb cs:$ip")
    assert "b16: " in gdb.run("b16 nonsense")


def test_tables_are_decoded(gdb: Gdb) -> None:
    """Prevents displays that fail on what a PC and DOS have."""
    assert re.search(r"AX=[0-9A-F]{4} .*SP=FFFE", gdb.run("regs"))
    assert gdb.run("stack 3").count(f"{SEGMENT:04X}:") == 3
    assert "21h  F000:" in gdb.run("ivt 21")
    assert "ticks" in gdb.run("bda")
    assert f"PSP {SEGMENT:04X}" in gdb.run("psp")
    assert "' one two" in gdb.run("psp")
    assert f"owner {SEGMENT:04X}" in gdb.run("mcb")
    assert "screen: " not in gdb.run("screen")


def test_time_travel_shows_fresh_registers(gdb: Gdb) -> None:
    """Prevents gdb from showing the registers of another instant after a seek."""
    gdb.run("bookmark here")
    gdb.run("stepi 20")
    assert gdb.value("$icount") == 20
    gdb.run("seek 7")
    assert gdb.value("$icount") == 7
    gdb.run("seek here")
    assert gdb.value("$icount") == 0
    assert gdb.value("$pc") == BASE + 0x100


def test_commands_have_help(gdb: Gdb) -> None:
    """Prevents commands that nobody finds."""
    listed = gdb.run("help blink16")
    for name in ("b16", "x16", "regs", "stack", "ivt", "bda", "mcb", "psp", "screen", "seek"):
        assert name in listed
        assert name in gdb.run(f"help {name}")


def test_return_leaves_no_stale_register(gdb: Gdb) -> None:
    """Prevents $ip and $sp16 from showing the function that is no more."""
    gdb.run("set confirm off")
    gdb.run(f"b16 {SEGMENT:x}:{LABELS['far_function']:x}")
    gdb.run("continue")
    gdb.run("return")
    assert gdb.value("$ip & 0xffff") == gdb.value("$pc - $cs * 16")
    assert gdb.value("$sp16 & 0xffff") == gdb.value("$esp - $ss * 16")


# -- other machines --------------------------------------------------------------------------


@pytest.fixture
def scripted(program: Path) -> Iterator[Gdb]:
    """Return a gdb with the script alone."""
    with Gdb(program, "-x", str(SCRIPT)) as gdb:
        yield gdb


def test_dos_tables_of_a_booted_freedos(scripted: Gdb, shared: Path) -> None:
    """Prevents decoders that know only the tables of the DOS which is built in."""
    with Server(str(shared / "images" / "freedos.img")) as server:
        scripted.run(server.target)
        scripted.run('monitor wait-screen "A:\\\\>" 40000000')
        assert "A:\\>" in scripted.run("screen")
        scripted.run("maintenance flush register-cache")
        assert "FreeDOS" in scripted.run("screen")
        blocks = scripted.run("mcb")
        assert blocks.count("owner") > 3
        command = re.search(r"owner ([0-9A-F]{4}) .*COMMAND", blocks)
        assert command, blocks
        assert f"PSP {command[1]}" in scripted.run(f"psp {command[1]}")
        assert re.search(r"10h  F000:[0-9A-F]{4}  int10", scripted.run("ivt 10"))


QEMU = shutil.which("qemu-system-i386")


@pytest.mark.skipif(QEMU is None, reason="QEMU is not installed (qemu-system-i386)")
def test_architecture_and_displays_with_qemu(scripted: Gdb, tmp_path: Path) -> None:
    """Prevents 32-bit disassembly of an 8086 program, and commands that need our server."""
    sector = bytes.fromhex("fa 31c0 b83412 ebf9").ljust(510, b"\0") + b"\x55\xaa"
    (tmp_path / "boot.img").write_bytes(sector)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    drive = f"file={tmp_path / 'boot.img'},format=raw,if=floppy,snapshot=on"
    options = ["-S", "-gdb", f"tcp:127.0.0.1:{port}", "-drive", drive, "-display", "none"]
    with Talker([str(QEMU), *options, "-boot", "a", "-net", "none", "-monitor", "stdio"]) as qemu:
        qemu.expect("monitor")
        scripted.run(f"target remote :{port}")
        assert "CS:IP=F000:FFF0" in scripted.run("regs")
        assert "F000:FFF0" in scripted.run("regs")
        scripted.run("b16 0:7c00")
        assert "0x00007c00" in scripted.run("continue")
        assert "CS:IP=0000:7C00" in scripted.run("regs")
        assert re.search(r"xor +ax,ax", scripted.run("x16 /3i 0:7c01"))
        assert re.search(r"mov +ax,0x1234", scripted.run("x16 /3i 0:7c01"))
        assert "Booting from" in scripted.run("screen")
        assert "COM1 port" in scripted.run("bda")
        assert "10h  C000:" in scripted.run("ivt 10")
        assert scripted.run("stack 3").count("0000:") == 3
        assert scripted.value("$seg(0x40, 0x6c)") == 0x46C
        for command in ("seek 7", "bookmark", "last-write 0", "last-read 0", "last-exec 0"):
            said = scripted.run(command)
            assert "this target can't travel in time" in said
            assert said.count("\n") == 1
        scripted.run("detach")
    with Server("banner", "HI") as server:
        scripted.run(server.target)
        assert scripted.value("$icount") == 0
