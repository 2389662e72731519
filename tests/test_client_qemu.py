"""The client at a server that is none of ours: QEMU's stub, as far as that can go."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from boot_sectors import sector
from gdb_client import Talker

import blink16
from blink16.client import ConnectionLostError, StopKind, Target, UnsupportedError

QEMU = shutil.which("qemu-system-i386")
pytestmark = pytest.mark.skipif(QEMU is None, reason="there is no qemu-system-i386 here")
CODE = bytes.fromhex("31c0 8ed8 8ed0 bc007c 40 e80400 ebfa 9090 a30005 c3")
"""xor ax,ax; mov ds,ax; mov ss,ax; mov sp,7C00h; 7C09: inc ax; call 7C11h; jmp 7C09h; …
7C11: mov [500h],ax; ret."""
LOOP, CALL, STORE = 0x7C09, 0x7C0A, 0x7C11
PATIENCE = 60.0


@pytest.fixture
def q(tmp_path: Path) -> Iterator[Target]:
    """Return a machine of QEMU's at its boot sector."""
    image, socket = tmp_path / "boot.img", tmp_path / "socket"
    image.write_bytes(sector(CODE))
    command = [str(QEMU), "-display", "none", "-S", "-gdb", f"unix:{socket},server,nowait"]
    command += ["-drive", f"file={image},format=raw,if=floppy"]
    with Talker(command), _connected(socket) as target:
        assert target.run_to((0, 0x7C00), timeout=PATIENCE).pc == 0x7C00
        yield target


def _connected(socket: Path) -> Target:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return blink16.connect(f"unix:{socket}")
        except ConnectionLostError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def test_registers_memory_and_code(q: Target) -> None:
    """Prevents a client that only understands our own layout of registers."""
    assert not q.is_ours
    assert q.memory[0x7C00 : 0x7C00 + len(CODE)] == CODE
    assert [line.text for line in q.disassemble(count=2)] == ["xor ax, ax", "mov ds, ax"]
    assert q.step(4).registers.sp == 0x7C00
    q.registers.ax = 0x1234
    q.registers.ah = 0x56
    assert q.registers.ax == 0x5634
    q.memory[0x600:0x604] = b"abcd"
    assert q.memory[0x600:0x604] == b"abcd"


def test_breakpoints_conditions_watchpoints_and_next(q: Target) -> None:
    """Prevents a script that stops where its condition doesn't hold, or that never goes on."""
    point = q.break_at(LOOP, condition="ax == 5")
    event = q.run(timeout=PATIENCE)
    assert (event.kind, event.point, event.registers.ax) == (StopKind.BREAKPOINT, point, 5)
    q.remove(point)
    q.watch(0x500, 2)
    event = q.run(timeout=PATIENCE)
    assert event.kind is StopKind.WATCHPOINT
    assert q.memory.word(0x500) == 6
    q.remove_all()
    q.run_to(CALL, timeout=PATIENCE)
    assert q.next(timeout=PATIENCE).pc == CALL + 3


def test_a_run_is_interrupted(q: Target) -> None:
    """Prevents a script that QEMU keeps for ever."""
    assert q.run(timeout=0.1).kind is StopKind.INTERRUPTED


def test_what_qemu_lacks_is_said_clearly(q: Target) -> None:
    """Prevents silence, or an answer that is none, where a server can't do something."""
    for ask in (q.run_back, q.state, q.frames, q.finish, q.history, lambda: q.icount):
        with pytest.raises(UnsupportedError, match="server"):
            ask()
    with pytest.raises(UnsupportedError):
        q.catch("int 21")
    assert "QEMU" in q.monitor("help") or q.monitor("info version")
    assert q.step().pc != 0x7C00
