"""`monitor symbols auto`: the programs that a booted ELKS kernel has loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from minix_disk import MinixDisk

from blink16 import symbolfiles
from blink16.breakpoints import Point, PointKind
from blink16.console import Console
from blink16.debugger import Debugger, EventKind, Resume
from blink16.elks import booted, booted_tasks
from blink16.elks.minix import BLOCK, NAME_LENGTHS, SUPERBLOCK, MinixError, MinixVolume
from blink16.memory import linear
from blink16.monitor import execute
from blink16.setup import loader
from blink16.setup.loader import Options, Program, ProgramKind
from blink16.symbolfiles import LoadSegments
from blink16.symbols import SymbolTable

SECTOR = 512
PROMPT = b"# "
KERNEL_CODE, KERNEL_DATA = 0xD0, 0xC39
"""Its segments, as it says when it boots."""


def volume(image: bytes) -> MinixVolume:
    """Return the file system of an image."""
    return MinixVolume(
        lambda n: image[n * SECTOR : (n + 1) * SECTOR].ljust(SECTOR, b"\0"), len(image) // SECTOR
    )


def test_files_of_a_floppy(shared: Path) -> None:
    """Large files, folders in folders and hard links must come, each file once."""
    image = (shared / "images" / "fd1440.img").read_bytes()
    disk = MinixDisk(image)
    regular = {file.path: file for file in disk.files() if file.kind == 0o10}
    found = dict(volume(image).files())
    assert {regular[path].inode for path in found} == {file.inode for file in regular.values()}
    for path, content in found.items():
        assert content == disk.content(regular[path].inode), path


@given(st.binary(max_size=200), st.sampled_from(sorted(NAME_LENGTHS)), st.randoms())
def test_nonsense_is_no_file_system(head: bytes, magic: int, choose: object) -> None:
    """An image may hold anything: no exception but the one that says so, and no endless search."""
    fields = dict.fromkeys(("inodes", "zones", "first_zone", "log_zone_size", "max_size"), 99)
    raw = SUPERBLOCK.build({**fields, "inode_map_blocks": 1, "zone_map_blocks": 1, "magic": magic})
    image = bytes(BLOCK) + raw + head * 90
    image = image.ljust(64 * BLOCK, b"\1")
    assert len(list(volume(image).files())) <= 4096
    with pytest.raises(MinixError):
        volume(image[: BLOCK // 2])
    assert booted.find(head, [("/x", booted.AOUT_MAGIC + head), ("/y", head)]) == []


def test_programs_of_a_booted_kernel_get_their_names(shared: Path) -> None:
    """Who stops in a program that the kernel runs sees numbers, and not even whose they are."""
    image = (shared / "images" / "fd1440.img").read_bytes()
    made = loader.load(Program("fd.img", ProgramKind.BOOT, image), [], Options())
    machine, shown = made.machine, bytearray()
    machine.on_output = lambda channel, data: shown.extend(data)
    debugger = Debugger(machine)
    assert "has the kernel executed one?" in execute(debugger, "symbols auto")
    while not shown.endswith(PROMPT):
        debugger.drive(Resume(count=200_000))
    said = execute(debugger, "symbols auto")
    assert re.match(r"sh at [0-9A-F]{4}, data at [0-9A-F]{4}\n", said), said
    assert "\n1 symbol added" in said
    debugger.receive(Console.CHANNEL, b"sleep 100 | cat\n")
    debugger.drive(Resume(count=1_400_000))
    said = execute(debugger, "symbols auto")
    found = re.findall(r"^(\w+) at ([0-9A-F]+)", said, re.MULTILINE)
    assert {name for name, _ in found} == {"sh", "cat", "sleep"}
    for name, segment in found:
        symbol = debugger.names.symbols.lookup(name)
        assert symbol is not None
        assert symbol.address == linear(int(segment, 16), 0)
    again = execute(debugger, "symbols auto").splitlines()
    assert again[-1].startswith("0 symbols added")
    assert again[-2].startswith("/lib/system.sym is of another build than the kernel in memory")
    place = LoadSegments(KERNEL_CODE, KERNEL_DATA, KERNEL_CODE)
    names = (shared / "images" / "system.sym").read_bytes()
    debugger.names.symbols = SymbolTable(
        [*debugger.names.symbols, *symbolfiles.parse(names, place).symbols]
    )
    lines = execute(debugger, "symbols auto").splitlines()
    at = lines.index("kernel at 00D0, data at 0C39; its processes:")
    segments = dict(names_and_segments(lines[:at]))
    assert lines[at + 1 : at + 4] == [
        f"process 1 (of 1) init at {segments['sh']}: sleeps",
        f"process 2 (of 1) sleep at {segments['sleep']}: sleeps",
        f"process 3 (of 1) cat at {segments['cat']}: sleeps",
    ]
    assert lines[at + 4] == "its processes are threads from now on; thread 1 has the processor"
    check_threads(debugger, segments)


def check_threads(debugger: Debugger, segments: dict[str, str]) -> None:
    """Check the threads of `sleep 100 | cat`, here and in the past."""
    table = debugger.machine.process_table
    assert table is not None
    assert table.current() == 1
    idle, init, sleeps, reads = table.processes()
    assert [idle.title, init.title, sleeps.title, reads.title] == [
        *("idle", "init 1", "sleep 2", "cat 3"),
    ]
    assert idle.registers is None
    for name, process, call in (("sh", init, 7), ("sleep", sleeps, 63), ("cat", reads, 3)):
        registers = process.registers
        assert registers is not None
        code, data = re.findall(r"[0-9A-F]{4}", segments[name])
        assert (registers["cs"], registers["ss"]) == (int(code, 16), int(data, 16))
        before = linear(registers["cs"], registers["ip"]) - 2
        assert debugger.machine.memory[before : before + 2] == b"\xcd\x80"  # INT 80h
        assert registers["ax"] == call  # wait4, select, read
    with pytest.raises(ValueError, match="there is no register 'ax' to set in thread 3"):
        debugger.write_process_register(3, "ax", 1)
    now = debugger.timeline.now
    debugger.seek(debugger.timeline.start)
    assert [process.title for process in table.processes()] == ["8086"]
    assert table.current() == 1
    debugger.seek(now)
    assert list(table.processes()) == [idle, init, sleeps, reads]
    assert reads.registers is not None  # back to where it asked for input
    asked = linear(reads.registers["cs"], reads.registers["ip"]) - 2
    debugger.insert(Point(PointKind.EXECUTE, asked))
    assert debugger.drive(Resume(backward=True)).kind is EventKind.BREAKPOINT
    assert table.current() == 4
    assert table.keeps_steps
    processes = {process.thread: process for process in table.processes()}
    assert processes[4].registers is None
    kernel = processes[1].registers
    assert kernel is not None
    assert kernel["cs"] == KERNEL_CODE
    found = debugger.names.symbols.find(linear(kernel["cs"], kernel["ip"]))
    assert found is not None
    assert found[0].name == "schedule"


def names_and_segments(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Give the programs' names and what is told of their segments."""
    for line in lines:
        name, _, rest = line.partition(" at ")
        yield name, rest


@given(st.binary(max_size=4_000), st.integers(0, 0x400), st.integers(0, 0x400))
def test_nonsense_has_no_task_table(memory: bytes, task: int, current: int) -> None:
    """Memory may hold anything where the symbols point."""
    marked = memory + b"\x76\x54" + memory[:0x100] + b"\x76\x54" + memory
    booted_tasks.find(marked, task, current)
    booted_tasks.find_at(marked, task, current)
