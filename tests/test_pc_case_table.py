"""Every row of the shared table of PC checks has a test of its own."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from boot_sectors import sector
from test_vectors import load_cases

from blink16 import bios
from blink16.console import Console
from blink16.devices.oscillator import PIT_HZ
from blink16.machine import Machine

PROVED_BY = {
    "floppy controller": ("devices_fdc", "a_loader_drives_the_controller_itself"),
    "186 code": ("lacks", "a_lack_is_told_once_with_its_place"),
    "386 code": ("lacks", "a_lack_is_told_once_with_its_place"),
    "mode 13h": ("vga", "pictures_are_qemus"),
    "CGA start address": ("pc_rows", "a_cga_picture_scrolls"),
    "character height": ("pc_rows", "characters_of_two_lines"),
    "mode 6 text": ("pc_rows", "mode_6_shows_characters_as_they_are"),
    "Ctrl-[": ("pc_rows", "ctrl_bracket_is_escape"),
    "8x8 font": ("pc_rows", "the_small_font_is_readable"),
    "DMA boundary": ("pc_rows", "transfers_stop_where_controllers_do"),
    "end of cylinder": ("pc_rows", "transfers_stop_where_controllers_do"),
    "CGA mirror": ("pc_rows", "probes_find_only_the_adapter_there_is"),
    "DMA terminal count": ("pc_rows", "refresh_reaches_terminal_count"),
    "keyboard reset": ("devices_keyboard", "a_keyboard_whose_clock_was_held_low_tests_itself"),
    "8253 modes 1, 5": ("pc_rows", "an_untriggered_one_shot_counts"),
    "MDA": ("pc_rows", "a_monochrome_adapter_has_its_own_look"),
    "switches": ("pc_rows", "switches_and_equipment_agree"),
    "port 201h, 64h, second PIC, RTC alarm": ("lacks", "a_polled_port_is_told"),
    "REP STOSW, CX=8000h": ("pc_case_table", "times_between_two_reads_of_the_8253"),
    "100 MUL r8": ("pc_case_table", "times_between_two_reads_of_the_8253"),
    "100 NOP": ("pc_case_table", "times_between_two_reads_of_the_8253"),
    "40 INT 13h reads of 9 sectors": ("disk_speed", "a_floppy_turns_and_its_head_moves"),
}
CYCLES_A_TICK, START_OF_REP = 4, 11
DECIDED = {"prefetch queue": "there is no prefetch queue"}
"""Rows that are not as on the hardware, and the words of docs/processors.md that say so."""


def test_every_row_has_its_test(shared: Path) -> None:
    """Prevents a row from being forgotten when the table grows, or its test from being renamed."""
    table = (shared / "cases/pc/README.md").read_text()
    rows = {line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")}
    rows -= {"check"}
    assert rows == PROVED_BY.keys() | DECIDED.keys()
    here = Path(__file__).parent
    for module, name in PROVED_BY.values():
        tree = ast.parse((here / f"test_{module}.py").read_text())
        assert f"test_{name}" in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    page = (here.parent / "docs/processors.md").read_text()
    assert all(words in page for words in DECIDED.values())


def test_times_between_two_reads_of_the_8253(shared: Path) -> None:
    """A fill, 100 multiplications and 100 NOPs take the cycles that they took a real 8086.

    The expected ticks are those of the captured cases that are as the row's: words at even
    addresses, MUL of a register, NOP; four cycles are a tick.  (The table's 2,800 for MUL, "85
    cycles each", has the mean of all forms of F6.4, memory and prefixes with it, and three cycles
    a tick; its 100 for NOP, too.)

    mov al,0; out 43h,al; in al,40h; mov bl,al; in al,40h; mov bh,al; ...; the same again;
    sub bx,ax; mov [600h],bx; hlt
    """
    read = "b000e643e44088c4e44086c4"
    reading = _ticks(read, "")
    for row, code, count, cycles in (
        ("AB", "b80020 8ec0 31ff b90080 fc f3ab", 0x8000, _captured_word(shared)),
        ("F6.4", "f6e1" * 100, 100, _captured(shared, "F6.4", bytes.fromhex("f6e1"))),
        ("90", "90" * 100, 100, _captured(shared, "90", b"\x90")),
    ):
        ticks = _ticks(read, code.replace(" ", "")) - reading
        assert ticks == pytest.approx(count * cycles / CYCLES_A_TICK, rel=0.03), row


def _cases(shared: Path, form: str) -> list[tuple[dict[str, Any], int]]:
    """Return a form's captured cases with the cycles that they took."""
    cycles = json.loads((shared / "vectors/8086/cycles.json").read_text())[form]["cycles"]
    return list(zip(load_cases(shared / f"vectors/8086/{form}.json.gz"), cycles, strict=True))


def _captured(shared: Path, form: str, like: bytes) -> float:
    """Return what a form without operands in memory took in the mean."""
    return mean(
        float(cycles)
        for case, cycles in _cases(shared, form)
        if bytes(case["bytes"])[:1] == like[:1] and (len(like) == 1 or case["bytes"][1] >= 0xC0)
    )


def _captured_word(shared: Path) -> float:
    """Return what a round of REP STOSW took at even addresses: by the longest case."""
    cycles, rounds = max(
        (cycles - START_OF_REP, case["initial"]["regs"]["cx"])
        for case, cycles in _cases(shared, "AB")
        if len(case["bytes"]) > 1 and not case["initial"]["regs"]["di"] % 2
    )
    return cycles / int(rounds)


def _ticks(read: str, code: str) -> int:
    """Return how far the 8253 (1.19 MHz) counts while code runs on an 8086 at 4.77 MHz."""
    begin = "fa" + "b034e643b000e640e640"  # cli; channel 0 counts 65,536 in mode 2
    text = begin + read + "89c5" + code + read + "29c5892e0006f4ebfd"
    machine = Machine("native")
    bios.boot(machine, sector(bytes.fromhex(text)), Console())
    before = machine.time
    machine.run(33_000)
    passed = (machine.time - before) * PIT_HZ // machine.clock_hz
    counted = machine.memory.read_word(0x600)
    return counted + (passed - counted + 0x8000) // 0x10000 * 0x10000
