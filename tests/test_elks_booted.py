"""`monitor symbols auto`: the programs that a booted ELKS kernel has loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from minix_disk import MinixDisk

from blink16 import loader
from blink16.console import Console
from blink16.debugger import Debugger
from blink16.elks import booted
from blink16.elks.minix import BLOCK, NAME_LENGTHS, SUPERBLOCK, MinixError, MinixVolume
from blink16.loader import Options, Program, ProgramKind
from blink16.memory import linear
from blink16.monitor import execute

SECTOR = 512
PROMPT = b"# "


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
        machine.run(200_000)
    said = execute(debugger, "symbols auto")
    assert re.match(r"sh at [0-9A-F]{4}, data at [0-9A-F]{4}\n1 symbols added", said), said
    machine.receive(Console.CHANNEL, b"sleep 100 | cat\n")
    machine.run(20_000_000)
    said = execute(debugger, "symbols auto")
    names = re.findall(r"^(\w+) at ([0-9A-F]+)", said, re.MULTILINE)
    assert {name for name, _ in names} == {"sh", "cat", "sleep"}
    for name, segment in names:
        symbol = debugger.symbols.lookup(name)
        assert symbol is not None
        assert symbol.address == linear(int(segment, 16), 0)
    assert execute(debugger, "symbols auto").splitlines()[-1].startswith("0 symbols added")
