"""What a machine lacks is told in every client, once, whoever sits there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from boot_sectors import sector
from dap_client import Dap
from gdb_client import Gdb, Server
from view_pilot import viewing

from blink16.mcp.desk import Desk
from blink16.mcp.tools import machines, moving

CODE = bytes.fromhex("b81300cd10 60 90 cd5c ebfe")
"""mov ax,13h; int 10h; pusha (jo); int 5Ch; jmp $"""
LINES = (
    "0000:7C03 int 10h: this display adapter has no video mode 13h; --display vga has it",
    "0000:7C05 PUSHA: an instruction of the 80186, which the 8086 executes as jo",
    "0000:7C07 int 5Ch: nobody handles INT 5Ch",
)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Return a floppy whose boot sector lacks three things."""
    path = tmp_path / "lacks.img"
    path.write_bytes(sector(CODE))
    return path


def test_the_view_shows_what_is_lacking(image: Path) -> None:
    """The view was the one front end that said nothing: its user looked at a blank screen."""

    async def look() -> None:
        async with viewing([str(image)]) as viewer:
            said: list[str] = []
            viewer.app.notify = lambda text, **_: said.append(text)  # type: ignore[method-assign]
            await viewer.press("C")
            await viewer.until(lambda: len(said) == len(LINES))
            await viewer.press("escape")
            await viewer.told("interrupted")
            for line, expected in zip(said, LINES, strict=True):
                assert line.startswith(expected)

    asyncio.run(look())


def test_a_debug_adapter_tells_what_is_lacking(tmp_path: Path, image: Path) -> None:
    """Prevents an editor's user from wondering, and lines that come twice."""
    with Dap(tmp_path) as dap:
        dap.launch(image.name, cwd=str(tmp_path), stopOnEntry=True)
        dap.begin()
        place = {"instructionReference": "0x7c09"}
        dap.ask("setInstructionBreakpoints", breakpoints=[place])
        dap.go("continue")
        dap.go("stepBack")
        dap.go("next")
        told = "".join(e["body"]["output"] for e in dap.events if e["event"] == "output")
        assert [told.count(line) for line in LINES] == [1, 1, 1]


def test_an_assistant_is_told_what_is_lacking(image: Path) -> None:
    """Assistants were not told, and guessed."""
    desk = Desk()
    try:
        machines.load(desk, str(image))
        told = moving.run(desk, until="0000:7C09")
        assert [told.count(line) for line in LINES] == [1, 1, 1]
    finally:
        desk.close_all()


@pytest.mark.gdb
def test_gdb_tells_what_is_lacking(gdb: Gdb, image: Path) -> None:
    """Prevents lines that gdb swallows, and the same ones after each step back."""
    with Server("--console", "none", image.name, cwd=image.parent) as server:
        gdb.run(server.target)
        gdb.run("break *0x7c09")
        told = gdb.run("continue") + gdb.run("reverse-stepi") + gdb.run("continue")
        assert [told.count(line) for line in LINES] == [1, 1, 1]
        listed = gdb.run("monitor lacks")
        assert [listed.count(line) for line in LINES] == [1, 1, 1]
