"""What front ends show above the first mebibyte: an 80286's code, data and stack there."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from boot_sectors import sector
from dap_client import Dap
from test_high_memory import AT, COUNTER, ENTRY, HIGH, INNER, PROGRAM
from view_pilot import viewing

import blink16
from blink16.blinkenlights.widgets.memory import MemoryPanel
from blink16.client import Target
from blink16.debugger import Resume
from blink16.recording import open_recording, record, replay
from blink16.setup.loader import Options, Program, ProgramKind

CPU = "--cpu", "80286", "--machine-type", "at"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Return a floppy whose boot sector goes on above 1 MiB."""
    path = tmp_path / "high.img"
    path.write_bytes(sector(PROGRAM))
    return path


@pytest.fixture
def m(image: Path) -> Iterator[Target]:
    """Return an AT that is about to execute the inner routine there."""
    with blink16.launch(image, cpu="80286", machine_type="at") as target:
        target.break_at(INNER)
        target.run()
        yield target


def test_scripts_see_what_is_above_1_mib(m: Target) -> None:
    """Addresses wrapped in the client: the code at low memory was shown, which nobody executes."""
    registers = m.read_registers()
    assert (registers.cs, registers.pc) == (0xFFFF, INNER)
    assert m.address_of("FFFF:0010") == m.address_of((0xFFFF, 0x10)) == HIGH
    assert [line.address for line in m.disassemble(count=3)] == [INNER, INNER + 5, INNER + 8]
    assert m.disassemble(ENTRY, 2)[1].text == "mov bp, sp"
    assert m.disassemble(0x500, 1)[0].address == 0x500
    assert m.memory_end() == 0x110000
    m.watch(COUNTER, 2, condition=f"word[0xFFFF, {COUNTER - 0xFFFF0}] == 0x1235")
    assert m.run().pc == INNER + 5
    m.break_at(INNER + 8, condition=f"cx == 2 and byte[{COUNTER}] == 0x35")
    assert m.run().pc == INNER + 8
    assert m.read_register("cx") == 2
    assert [entry.at.address for entry in m.trace(2)] == [INNER + 5, INNER + 8]


def test_a_debug_adapter_shows_what_is_above_1_mib(tmp_path: Path, image: Path) -> None:
    """Editors were told that there is no memory, and got no instructions."""
    with Dap(tmp_path) as dap:
        options = {"cpu": "80286", "machine_type": "at"}
        dap.launch(image.name, cwd=str(tmp_path), options=options, stopOnEntry=True)
        where = {"instructionReference": f"{INNER:#x}"}
        dap.ask("setInstructionBreakpoints", breakpoints=[where])
        dap.begin()
        dap.go("continue")
        frame = dap.frames()[0]
        assert int(frame["instructionPointerReference"], 16) == INNER
        body = dap.ask("disassemble", memoryReference=f"{INNER:#x}", instructionCount=3,
                       instructionOffset=-1)  # fmt: skip
        places = [int(one["address"], 16) for one in body["instructions"]]
        assert places == [INNER - 1, INNER, INNER + 5]
        body = dap.ask("readMemory", memoryReference=f"{HIGH:#x}", count=1 << 20)
        assert base64.b64decode(body["data"])[:3] == bytes.fromhex("5589e5")
        assert body["unreadableBytes"] == (1 << 20) - (1 << 16)
        data = base64.b64encode(b"mine").decode()
        dap.ask("writeMemory", memoryReference=f"{HIGH + 0xFFFC:#x}", data=data)
        assert dap.value("*0x10ffff == 'e'") == "1"
        assert dap.value("byte [0xFFFF:0x10] == 0x55") == "1"


def test_the_view_looks_above_1_mib(image: Path) -> None:
    """Panels ended at FFFFFh, and the next instruction was one of low memory."""

    async def look() -> None:
        async with viewing((*CPU, str(image))) as viewer:
            await viewer.press("shift+f9")
            await viewer.enter(f"0x{INNER:x}")
            await viewer.press("C")
            await viewer.until(lambda: viewer.picture.registers.pc == INNER)
            assert any(line.address == INNER for line in viewer.picture.code)
            assert "FFFF:0020" in viewer.text("code")
            panel = viewer.panel("memory-code")
            assert isinstance(panel, MemoryPanel)
            await viewer.until(lambda: viewer.picture.memory["CODE"].address >= HIGH)
            assert viewer.text("memory-code").startswith("100000 ")
            panel.look_at(0x10FFFF)
            await viewer.until(lambda: viewer.text("memory-code").startswith("10F"))
            panel.action_scroll_rows(1)
            await viewer.press("n")
            await viewer.until(lambda: viewer.picture.registers.pc == INNER + 5)
            assert (COUNTER, 2) in {(t.address, t.length) for t in viewer.picture.touched}

    asyncio.run(look())


def test_a_recording_keeps_what_a_debugger_wrote_above_1_mib(tmp_path: Path) -> None:
    """Such a recording could not be opened: an address was said to be outside of memory."""
    program = Program("x.img", ProgramKind.BOOT, sector(PROGRAM))
    options = Options(engine="reference", cpu="80286", setup=AT)
    _, debugger, recorder = record(tmp_path / "rec", program, [], options)
    debugger.resume(Resume(count=5))
    debugger.write_memory(HIGH + 0x300, b"mine")
    debugger.resume(Resume(count=5))
    recorder.close()
    recording = open_recording(tmp_path / "rec")
    assert recording.damage is None
    _, again = replay(recording, "reference")
    again.seek(10)
    assert again.read_memory(HIGH + 0x300, 4) == b"mine"
