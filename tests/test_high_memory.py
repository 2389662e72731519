"""Memory above the first mebibyte: services reach it while line 20 is open, debuggers always."""

from __future__ import annotations

from pathlib import Path

import pytest
from boot_sectors import sector
from gdb_client import Gdb, Server
from guests import ENGINES

from blink16.breakpoints import Point, PointError, PointKind
from blink16.cpu.registers import Cell
from blink16.debugger import Debugger, Resume
from blink16.devices.cards import Cards
from blink16.machine import Machine
from blink16.setup import loader
from blink16.setup.loader import Options, Program, ProgramKind
from blink16.setup.pc import PcSetup

HIGH = 0x100000
OPEN, CLOSED = "b80124cd15", "b80024cd15"  # mov ax, 2401h (2400h); int 15h
AT_HIGH = "b8ffff8ec0bb1000"  # mov ax, 0FFFFh; mov es, ax; mov bx, 10h
WAYS = {"open": (OPEN, HIGH), "closed": (CLOSED, 0)}
AT = PcSetup(cards=Cards(at=True))


def booted(code: str, engine: str, disk: bytes = b"") -> Machine:
    """Return an AT with an 80286, after it has run a boot sector up to its HLT."""
    image = sector(b"\xfa" + bytes.fromhex(code) + b"\xf4") + disk  # cli; ...; hlt
    options = Options(engine=engine, cpu="80286", setup=AT)
    machine = loader.load(Program("x.img", ProgramKind.BOOT, image), (), options).machine
    machine.idle_after = 1 << 62
    machine.run(3000)
    return machine


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("way", "there"), WAYS.values(), ids=WAYS)
def test_a_sector_is_read_to_where_the_processor_sees_the_buffer(
    way: str, there: int, engine: str
) -> None:
    """A read to FFFF:0010 used to go to low memory, over the interrupt vectors, in any case."""
    second = b"HIGH" * 128
    machine = booted(way + AT_HIGH + "b80102 b90200 31d2 cd13".replace(" ", ""), engine, second)
    assert machine.memory.whole[there : there + 512] == second
    assert bytes(machine.memory.whole[0 if there else HIGH :][:4]) != b"HIGH"
    assert not machine.registers.flags & 1


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sector_is_written_from_high_memory(engine: str) -> None:
    """Prevents vectors from being written to the disk for what the program put above 1 MiB."""
    store = "26c7071234"  # mov word es:[bx], 3412h
    code = OPEN + AT_HIGH + store + "b80103b90200 31d2cd13 31c08ec0 bb0006 b80102 b90200 31d2 cd13"
    machine = booted(code.replace(" ", ""), engine, bytes(512))
    assert machine.memory.read(0x600, 2) == b"\x12\x34"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_string_in_high_memory_is_shown(engine: str) -> None:
    """INT 10h/13h takes ES:BP as the processor does."""
    store = "26c7074f4b"  # "OK"
    code = OPEN + AT_HIGH + store + "bd1000 b80013 bb0700 b90200 ba0000 cd10"
    machine = booted(code.replace(" ", ""), engine)
    assert machine.memory.read(0xB8000, 4) == b"O\x07K\x07"


@pytest.mark.parametrize("engine", ENGINES)
def test_services_return_through_a_stack_in_high_memory(engine: str) -> None:
    """The stub's frame lies where SS:SP is to the processor; its flags are changed there, too."""
    stack = "b8ffff8ed0bc0020"  # mov ss, 0FFFFh; mov sp, 2000h
    # stc; int 15h/88h (clears CF); mov bx, ax; int 12h
    machine = booted(OPEN + stack + "f9b488cd159389c5cd12", engine)
    assert machine.registers.bx == 64
    assert machine.registers.ax == 640
    assert not machine.registers.flags & 1
    assert machine.registers.ss == 0xFFFF


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("way", "there"), WAYS.values(), ids=WAYS)
def test_dos_reads_a_file_into_high_memory(
    tmp_path: Path, way: str, there: int, engine: str
) -> None:
    """DOS programs that open the line themselves load overlays above 1 MiB by INT 21h/3Fh."""
    (tmp_path / "DATA").write_bytes(b"content")
    line = "b002" if there else "b000"  # mov al, 2 (0); out 92h, al
    code = line + "e692 b8003d ba2501 cd21 93 b8ffff 8ed8 ba1000 b43f b90700 cd21 b8004c cd21"
    raw = bytes.fromhex(code.replace(" ", "")).ljust(0x25, b"\x90") + b"DATA\0"
    options = Options(engine=engine, cpu="80286", root=tmp_path)
    machine = loader.load(Program("X.COM", ProgramKind.DOS_COM, raw), (), options).machine
    machine.run(3000)
    assert bytes(machine.memory.whole[there : there + 7]) == b"content"


def test_a_job_file_table_may_lie_above_1_mib(tmp_path: Path) -> None:
    """The PSP points at it; an IndexError in the service would end the machine."""
    code = (
        "b002e692 b8ffff8ec0bf1000 26c7050000"  # open line 20; FFFF:0010 has handles 0 and 1
        "c70634001000 8c063600 b402b26bcd21 b8004ccd21"  # PSP:34h leads there; 'k'; end
    )
    options = Options(engine="reference", cpu="80286", root=tmp_path)
    program = Program("X.COM", ProgramKind.DOS_COM, bytes.fromhex(code))
    machine = loader.load(program, (), options).machine
    shown: list[bytes] = []
    machine.on_output = lambda channel, data: shown.append(data)
    machine.run(1000)
    assert b"".join(shown) == b"k"


def test_addresses_wrap_where_the_processor_wraps_them() -> None:
    """One rule for services: 1 MiB on an 8086 and behind a closed line, else on to 10FFEFh."""
    old, new = Machine.bare("reference"), Machine.bare("reference", "80286")
    assert old.linear(0xFFFF, 0x20) == 0x10
    assert new.linear(0xFFFF, 0x20) == HIGH + 0x10
    new.memory.write(HIGH - 2, b"abcd")
    assert bytes(new.memory.whole[HIGH : HIGH + 2]) == b"cd"
    assert new.memory.read(HIGH - 2, 4) == b"abcd"
    new.registers.cells[Cell.A20] = 0
    assert new.memory.read(HIGH - 2, 4) == b"ab\0\0"
    assert new.memory.read(HIGH, 1) == b"\0"
    assert new.linear(0xFFFF, 0x20) == 0x10
    for machine in (old, new):
        machine.memory.write(HIGH - 1, b"xyz")
        assert machine.memory.read(0, 2) == b"yz"


def test_behind_all_memory_nothing_is_kept() -> None:
    """A block that begins in high memory and goes on beyond it must not wrap to the vectors."""
    machine = Machine.bare("reference", "80286")
    end = HIGH + 0x10000
    machine.memory.write(end - 2, b"1234")
    assert machine.memory.read(end - 2, 4) == b"12\xff\xff"
    assert machine.memory.read(0, 2) == b"\0\0"


# -- debuggers -------------------------------------------------------------------------------

PROGRAM = bytes.fromhex(
    "fa31c08ed88ed0bc007c e4920c02e692 b8ffff8ec0 be277cbf1000b91b00fcf3a4 9a1000ffff f4"
    "5589e5 26c70610023412 e80300 5d cb 90"
    "26ff061002 b90300 e2fe c3"
)
"""Open the line, copy what follows the HLT to FFFF:0010, and call it there.

100000h: push bp; mov bp,sp; mov word es:[210h],1234h; call 100010h; pop bp; retf; nop
100010h: inc word es:[210h]; mov cx,3; 100018h: loop 100018h; ret
"""
ENTRY, INNER, LOOP, COUNTER = HIGH, HIGH + 0x10, HIGH + 0x18, HIGH + 0x200


def debugged(engine: str) -> Debugger:
    """Return a debugger of an AT that is about to run the program."""
    options = Options(engine=engine, cpu="80286", setup=AT)
    program = Program("x.img", ProgramKind.BOOT, sector(PROGRAM))
    return Debugger(loader.load(program, (), options).machine)


@pytest.mark.parametrize("engine", ENGINES)
def test_breakpoints_and_watchpoints_stop_above_1_mib(engine: str) -> None:
    """They were refused, and the native engine looked at the address that the wrap leads to."""
    debugger = debugged(engine)
    debugger.insert(Point(PointKind.EXECUTE, INNER & 0xFFFFF))  # where nobody goes
    debugger.insert(Point(PointKind.EXECUTE, INNER))
    debugger.insert(Point(PointKind.WRITE, COUNTER, 2))
    debugger.insert(Point(PointKind.READ, COUNTER + 0x100, 1))
    stops = []
    for _ in range(3):
        debugger.resume(Resume())
        stops.append((debugger.machine.pc, debugger.read_memory(COUNTER, 2)))
    assert stops == [(0x10000A, b"\x34\x12"), (INNER, b"\x34\x12"), (INNER + 5, b"\x35\x12")]
    for expected in (INNER, 0x100003):
        debugger.resume(Resume(backward=True))
        assert debugger.machine.pc == expected
    assert debugger.read_memory(COUNTER, 2) == b"\0\0"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_condition_above_1_mib_is_asked_in_code_that_both_engines_run(engine: str) -> None:
    """Native code has no table of compiled conditions there: it must stop and let Python judge."""
    debugger = debugged(engine)
    point = Point(PointKind.EXECUTE, LOOP)
    debugger.insert(point, lambda machine: machine.registers.cx == 1)
    debugger.resume(Resume())
    assert (debugger.machine.pc, debugger.machine.registers.cx) == (LOOP, 1)


def test_what_a_debugger_writes_above_1_mib_is_remembered() -> None:
    """A write there went to low memory when it was replayed."""
    debugger = debugged("reference")
    debugger.resume(Resume(count=5))
    debugger.write_memory(HIGH + 0x300, b"mine")
    debugger.resume(Resume(count=5))
    debugger.seek(2)
    assert debugger.read_memory(HIGH + 0x300, 4) == bytes(4)
    debugger.seek(10)
    assert debugger.read_memory(HIGH + 0x300, 4) == b"mine"
    assert debugger.read_memory(0x300, 4) != b"mine"
    assert debugger.read_memory(HIGH + 0xFFFE, 4) == bytes(2)


def test_an_8086_has_nothing_above_1_mib() -> None:
    """Addresses there are no others' by another name: gdb must say that there is no memory."""
    debugger = Debugger(Machine.bare("reference"))
    assert debugger.read_memory(HIGH, 4) == b""
    with pytest.raises(PointError, match="outside of memory"):
        debugger.insert(Point(PointKind.EXECUTE, HIGH))


@pytest.mark.gdb
def test_gdb_looks_steps_and_goes_back_above_1_mib(gdb: Gdb, tmp_path: Path) -> None:
    """$eip is linear there as well: what gdb shows, where it stops and whom it finds agree."""
    (tmp_path / "high.img").write_bytes(sector(PROGRAM))
    arguments = ("--cpu", "80286", "--machine-type", "at", "--console", "none", "high.img")
    with Server(*arguments, cwd=tmp_path) as server:
        gdb.run(server.target)
        gdb.run("break *0x100010")
        assert "Breakpoint 1, " in gdb.run("continue")
        assert (gdb.value("$pc"), gdb.value("$cs"), gdb.value("$ip")) == (INNER, 0xFFFF, 0x20)
        assert "0x100000:\t0x55\t0x89" in gdb.run("x/16xb 0x100000")
        assert "incw" in gdb.run("x/i $pc")
        assert gdb.run("bt").count("#") == 3
        gdb.run("watch *(unsigned short *) 0x100200")
        assert "New value = 4661" in gdb.run("continue")
        assert "0x100018" in gdb.run("find /b 0x100000, 0x10ffff, 0xe2, 0xfe")
        assert "inc word [es:210h]" in gdb.run("monitor last-write FFFF:0210")
        gdb.run("finish")
        assert gdb.value("$pc") == 0x10000D
        gdb.run("delete")
        gdb.run("tbreak *0x100018 if $cx == 2 && *(short *) 0x100200 == 0x1235")
        gdb.run("reverse-continue")
        assert (gdb.value("$pc"), gdb.value("$cx")) == (LOOP, 2)
        gdb.run("set $pc = 0x100000")
        assert (gdb.value("$cs"), gdb.value("$ip")) == (0xFFFF, 0x10)
        gdb.run("set {char} 0x100300 = 0x55")
        assert "0x55" in gdb.run("x/xb 0x100300")
        assert "Cannot access memory" in gdb.run("x/xb 0x110000")
