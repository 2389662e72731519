"""The kernel of ELKS, booting from its floppy, in a real gdb: names, frames, time travel."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from gdb_client import Gdb, Server

pytestmark = pytest.mark.gdb

JIFFIES = "*(unsigned short*)&jiffies"
COMMAND = "echo 12''34 > /tmp/x; cat /tmp/x"
BOOT = 3_000_000
"""Instructions that are more than enough to the shell's prompt; it takes 300,000."""


@pytest.fixture
def kernel(gdb: Gdb, shared: Path) -> Iterator[Gdb]:
    """Return a gdb before the floppy's boot sector, which knows the kernel's names."""
    images = shared / "images"
    floppy = images / "fd1440.img"
    before = hashlib.sha256(floppy.read_bytes()).digest()
    symbols = f"{images / 'system.sym'},text=00D0,data=0C39"
    with Server("--date", "1986-03-07T12:34", "--symbols", symbols, str(floppy)) as server:
        gdb.run(server.target)
        yield gdb
    assert hashlib.sha256(floppy.read_bytes()).digest() == before


def wait_screen(gdb: Gdb, text: str) -> str:
    """Run to a text on the screen; return the screen."""
    assert "is on the screen" in gdb.run(f'monitor wait-screen "{text}" {BOOT}')
    gdb.run("maintenance flush register-cache")
    return gdb.run("monitor screen")


def seek(gdb: Gdb, where: object) -> None:
    """Go to an instant."""
    gdb.run(f"monitor seek {where}")
    gdb.run("maintenance flush register-cache")


def test_break_step_over_and_finish_in_the_kernel(kernel: Gdb) -> None:
    """Prevents kernel functions that can't be found, stepped over or left."""
    kernel.run("tbreak sys_open")
    assert "sys_open ()" in kernel.run("continue")
    depth = kernel.run("bt").count("#")
    assert depth >= 2
    kernel.run("tbreak open_namei")
    assert "open_namei ()" in kernel.run("continue")
    assert "in sys_open ()" in kernel.run("bt").splitlines()[1]
    assert "in sys_open ()" in kernel.run("finish")
    for _ in range(3):
        assert "sys_open ()" in kernel.run("nexti")
    assert "open_namei ()" in kernel.run("reverse-stepi 5")


def test_a_kernel_variable_is_watched_both_ways(kernel: Gdb) -> None:
    """Prevents a history in which the kernel's clock ticks otherwise than it did."""
    kernel.run("tbreak start_kernel")
    kernel.run("continue")
    kernel.run(f"watch {JIFFIES}")
    ticks = []
    for _ in range(3):
        assert "New value" in kernel.run("continue")
        ticks.append((kernel.value("$icount"), kernel.value(JIFFIES)))
    assert [value for _, value in ticks] == [1, 2, 3]
    kernel.run("reverse-continue")  # stands before the write that led here
    for icount, value in reversed(ticks[:-1]):
        assert kernel.value(JIFFIES) == value
        kernel.run("reverse-continue")
        assert kernel.value("$icount") == icount - 1
    assert kernel.value(JIFFIES) == 0
    for tick in ticks:
        kernel.run("continue")
        assert (kernel.value("$icount"), kernel.value(JIFFIES)) == tick


def test_forward_to_the_same_prompt(kernel: Gdb) -> None:
    """Prevents a boot that ends elsewhere once its past was visited, keys typed included."""
    wait_screen(kernel, "# ")
    kernel.run(f'monitor type "{COMMAND}\\n"')
    screen = wait_screen(kernel, "1234")
    end = kernel.value("$icount")
    kernel.run("tbreak sys_write")
    assert "sys_write ()" in kernel.run("reverse-continue")
    assert kernel.value("$icount") < end
    seek(kernel, "start")
    assert "jump_to_boot_sector ()" in kernel.run("frame")
    seek(kernel, end)
    assert kernel.run("monitor screen") == screen
