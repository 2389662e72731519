"""Backtraces out of hardware interrupts' handlers, in a real gdb."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from gdb_client import Gdb, Server

pytestmark = pytest.mark.gdb

ORIGIN = 0x7C00
PARTS = {
    "start": bytes.fromhex(
        "fa 31c0 8ed8 8ed0 bc007c"  # cli; xor ax, ax; mov ds, ax; mov ss, ax; mov sp, 7c00h
        "c7062000 2d7c 8c0e2200"  # mov word [8*4], handler; mov [8*4+2], cs
        "fb e80300 f4 ebfd"  # sti; call work; .stop: hlt; jmp .stop
    ),
    "work": bytes.fromhex("55 89e5 56 e80500 ebfb 5e5d c3"),  # calls spin for ever
    "spin": bytes.fromhex("b90000 e2fe c3"),  # mov cx, 0; loop $; ret
    "handler": bytes.fromhex(
        "50 1e 31c0 8ed8 ff060005"  # push ax; push ds; xor ax, ax; mov ds, ax; inc word [500h]
        "b020 e620 1f 58 cf"  # mov al, 20h; out 20h, al; pop ds; pop ax; iret
    ),
}
CODE = b"".join(PARTS.values())
SECTOR = CODE.ljust(510, b"\0") + b"\x55\xaa"
SPINNING = ["spin", "work", "start"]


def starts() -> dict[str, int]:
    """Return where the parts lie."""
    found, at = {}, ORIGIN
    for name, code in PARTS.items():
        found[name] = at
        at += len(code)
    return found


def names(gdb: Gdb) -> list[str]:
    """Return the functions of a backtrace that ends without complaint."""
    said = gdb.run("bt")
    assert "Backtrace stopped" not in said, said
    return re.findall(r"^#\d+ +0x[0-9a-f]+ in (\S+) \(\)", said, re.MULTILINE)


@pytest.fixture
def sector(tmp_path: Path, gdb: Gdb) -> Iterator[Server]:
    """Return a PC with the boot sector, with gdb attached."""
    (tmp_path / "timer.img").write_bytes(SECTOR)
    lines = (f"{address:08x} T {name}\n" for name, address in starts().items())
    (tmp_path / "timer.nm").write_text("".join(lines))
    with Server("--symbols", "timer.nm", "timer.img", cwd=tmp_path) as server:
        gdb.run(server.target)
        yield server


def test_the_parts_lie_where_the_code_says() -> None:
    """Prevents a test of something else, when a part has changed its size."""
    assert starts()["handler"].to_bytes(2, "little") in PARTS["start"]
    assert PARTS["start"][-6:-3] == b"\xe8" + (3).to_bytes(2, "little")
    assert starts()["spin"] - starts()["work"] == len(PARTS["work"])


def test_a_timer_interrupt_leads_back_to_what_it_interrupted(gdb: Gdb, sector: Server) -> None:
    """Prevents a kernel's backtrace from ending in its handler, at any of its instructions."""
    gdb.run("break handler")
    assert "in handler ()" in gdb.run("continue")
    gdb.run("delete")
    interrupted = gdb.value("*(unsigned short*)$esp")
    assert starts()["spin"] <= interrupted < starts()["handler"]
    for _ in range(10):
        assert names(gdb) == ["handler", *SPINNING]
        gdb.run("stepi")
    gdb.run("reverse-stepi")
    gdb.run("up")
    assert gdb.value("$pc") == interrupted
    assert gdb.value("($eflags >> 9) & 1") == 1  # it came, so interrupts were on
    gdb.run("down")
    gdb.run("finish")
    assert gdb.value("$pc") == interrupted
    assert names(gdb) == SPINNING
    gdb.run("reverse-stepi")
    assert names(gdb) == ["handler", *SPINNING]
    gdb.run("reverse-finish")
    assert gdb.value("$pc") == interrupted
    assert names(gdb) == SPINNING


def test_the_bios_tick_leads_back_too(gdb: Gdb, sector: Server) -> None:
    """Prevents ?? in a backtrace out of the handler in ROM that all programs start with."""
    gdb.run("tbreak work")
    gdb.run("continue")
    gdb.run("set *(int*)0x20 = *(int*)0x70")  # INT 8 becomes INT 1Ch: an IRET
    vector = gdb.value("*(unsigned short*)0x22 * 16 + *(unsigned short*)0x20")
    gdb.run(f"tbreak *{vector:#x}")
    gdb.run("continue")
    assert names(gdb)[1:] == SPINNING


def test_a_kernel_backtrace_ends_where_its_c_begins(gdb: Gdb, shared: Path) -> None:
    """Prevents "Backtrace stopped" behind start_kernel, which nobody has called."""
    symbols = f"{shared / 'images' / 'system.sym'},text=00D0,data=0C39"
    with Server("--symbols", symbols, str(shared / "images" / "fd1440.img")) as server:
        gdb.run(server.target)
        gdb.run("tbreak schedule")
        assert "schedule ()" in gdb.run("continue")
        assert names(gdb) == ["schedule", "start_kernel"]
        gdb.run("tbreak timer_tick")
        assert "timer_tick ()" in gdb.run("continue")
        found = names(gdb)
        assert found[:2] == ["timer_tick", "do_IRQ"]
        assert found[-1] == "start_kernel"
        for _ in found[1:]:
            gdb.run("finish")
        assert names(gdb) == ["start_kernel"]
        assert "outermost" in gdb.run("finish")


def test_until_works_in_a_kernels_main(gdb: Gdb, shared: Path) -> None:
    """Prevents gdb 13 from spinning and gdb 18 from failing where nobody has called."""
    symbols = f"{shared / 'images' / 'system.sym'},text=00D0,data=0C39"
    with Server("--symbols", symbols, str(shared / "images" / "fd1440.img")) as server:
        gdb.run(server.target)
        assert f"at {gdb.value('(int) &start_kernel'):#x}" in gdb.run("tbreak main")
        assert "start_kernel ()" in gdb.run("continue")
        for command in ("until", "nexti", "until", "until", "until", "nexti"):  # two calls
            assert "start_kernel ()" in gdb.run(command)
            assert names(gdb) == ["start_kernel"]
