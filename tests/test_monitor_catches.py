"""`monitor catch` and `monitor symbols`, without a client."""

from __future__ import annotations

from pathlib import Path

import pytest
from guests import CODE, ENGINES, make

from blink16 import monitor
from blink16.breakpoints import Point, PointKind
from blink16.debugger import Debugger, Event, EventKind, Resume
from blink16.debugger.catches import MAX_CATCHES
from blink16.server.folder import ServerFolder

PROGRAM = bytes.fromhex(
    "b8 41 02"  # 100: mov ax,0241h
    "cd 21"  # 103: int 21h
    "b4 03"  # 105: mov ah,3
    "cd 21"  # 107: int 21h
    "cd 60"  # 109: int 60h
    "eb fe"  # 10B: jmp 10Bh
)
BOOT_LISTING = (
    "     1                                          org     7C00h\n"
    "     2 00000000 90                              nop\n"
    "     3 00000001 CF                      tick:   iret\n"
)
"""A boot sector's, by NASM: nop, and iret at tick."""


@pytest.fixture(params=ENGINES)
def debugger(request: pytest.FixtureRequest) -> Debugger:
    """Return a debugger of a program that calls INT 21h twice."""
    return Debugger(make(PROGRAM, request.param).machine)


def run(debugger: Debugger, line: str) -> str:
    """Carry out a monitor command."""
    return monitor.execute(debugger, line, ServerFolder())


def go(debugger: Debugger, *, backward: bool = False) -> Event:
    """Run on for at most a hundred instructions forward, backward to a stop."""
    return debugger.drive(Resume(backward=backward, count=None if backward else 100))


def test_a_catch_stops_before_the_call_with_its_registers(debugger: Debugger) -> None:
    """Prevents a stop behind the service, and one at calls that were not meant."""
    run(debugger, "catch int 21 ah=3")
    event = go(debugger)
    assert event.kind is EventKind.CAUGHT
    assert debugger.machine.registers.ax == 0x0341
    assert event.text == (
        "catch 1: INT 21h, AX=0341 BX=3000 CX=0000 DX=0000 DS=0000 ES=0000, called at 0000:0107"
    )
    assert go(debugger).kind is EventKind.STEPPED


def test_backward_it_is_the_last_call_that_is_meant(debugger: Debugger) -> None:
    """Prevents conditions that hold forward only."""
    go(debugger)
    run(debugger, "catch int 21 al=41")
    places = []
    while go(debugger, backward=True).kind is EventKind.CAUGHT:
        places.append(debugger.machine.registers.ah)
    assert places == [3, 2]
    assert debugger.catches.told(debugger.names.symbols) == ""


def test_several_catches_share_an_address(debugger: Debugger) -> None:
    """Prevents a second catch from replacing the first, and `delete` from taking both."""
    run(debugger, "catch int 21 ah=2")
    run(debugger, "catch int 21h ah=0x7,3")
    assert run(debugger, "catch") == "   1  int 21 ah=2\n   2  int 21h ah=0x7,3\n"
    go(debugger)
    assert debugger.machine.registers.ah == 2
    assert run(debugger, "catch delete 1") == ""
    go(debugger, backward=True)
    go(debugger)
    assert debugger.machine.registers.ah == 3
    run(debugger, "catch delete all")
    assert run(debugger, "catch") == "no catches\n"
    assert len(debugger.points) == 0


def test_a_breakpoint_besides_is_a_breakpoint(debugger: Debugger) -> None:
    """Prevents a catch that swallows the user's breakpoint, or one whose condition is false."""
    run(debugger, "catch int 21 ah=3")
    go(debugger)
    here = Point(PointKind.EXECUTE, debugger.machine.pc)
    for condition, kind in ((lambda m: True, EventKind.BREAKPOINT), (None, EventKind.CAUGHT)):
        debugger.insert(here, condition or (lambda m: False))
        go(debugger, backward=True)
        event = go(debugger)
        assert event.kind is kind
        assert event.text.startswith("catch 1: INT 21h, AX=0341")


def test_a_client_that_leaves_takes_its_catches_along(debugger: Debugger) -> None:
    """Prevents the next client from stopping at what it has not asked for."""
    run(debugger, "catch int 21")
    debugger.remove_all()
    assert run(debugger, "catch") == "no catches\n"
    assert go(debugger).kind is EventKind.STEPPED


def test_a_handler_of_the_program_s_own_can_be_caught(debugger: Debugger) -> None:
    """Prevents catches that only know our own services."""
    assert "nobody serves INT 60h" in run(debugger, "catch int 60")
    debugger.machine.set_vector(0x60, 0, CODE)
    assert run(debugger, "catch int 60") == "catch 1: int 60, at 0x00100\n"


@pytest.mark.parametrize(
    "line",
    [
        *("x", "int", "int 100", "int zz", "int 21 ah", "int 21 ah=100", "int 21 ip=1"),
        *("int 21 ah=", "elks nothing", "delete", "delete 7", "delete x", "delete " + "9" * 99),
    ],
)
def test_mistakes_are_one_clear_line(debugger: Debugger, line: str) -> None:
    """Prevents a mistake from setting something, or from ending the session."""
    said = run(debugger, f"catch {line}")
    assert said.count("\n") == 1
    assert len(said) < 120
    assert len(debugger.points) == 0


def test_catches_are_limited(debugger: Debugger) -> None:
    """Prevents a list without end."""
    for _ in range(MAX_CATCHES):
        run(debugger, "catch int 21")
    assert "already" in run(debugger, "catch int 21")


# -- symbols ---------------------------------------------------------------------------------


def test_symbols_can_come_later(
    debugger: Debugger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents code that is loaded at run time from staying without names."""
    monkeypatch.chdir(tmp_path)
    Path("late.nm").write_text("00000105 T third\n")
    assert run(debugger, "symbols late.nm").startswith("1 symbol added")
    assert run(debugger, "symbols late.nm").startswith("0 symbols added")
    assert run(debugger, "symbols late.nm text=10").startswith("1 symbol added")
    assert [s.address for s in debugger.names.symbols] == [0x105, 0x205]
    run(debugger, "catch int 21 ah=3")
    assert "<third+2>" in go(debugger).text


def test_names_that_land_in_the_bios_are_told(
    debugger: Debugger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a boot sector's breakpoints in ROM, since the machine stands there at first."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boot.lst").write_text(BOOT_LISTING)
    debugger.machine.registers.cs = 0xF000
    assert "in the BIOS" in run(debugger, "symbols boot.lst")
    assert "in the BIOS" not in run(debugger, "symbols boot.lst text=0")
    assert [s.address for s in debugger.names.symbols] == [0x7C01, 0xF7C01]


@pytest.mark.parametrize(
    "line",
    ["", "none.nm", "../out.nm", "{absolute}", "link.nm", ".", "bad.nm", "a.nm text=g", "\0"],
)
def test_no_other_file_of_the_host_is_reachable(
    debugger: Debugger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """Prevents whoever reaches the port from reading the host's files, or learning of them."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "out.nm").write_text("00000105 T secret\n")
    (folder / "link.nm").symlink_to(tmp_path / "out.nm")
    (folder / "bad.nm").write_bytes(b"\x7fELF" + b"\xff" * 99)
    monkeypatch.chdir(folder)
    said = run(debugger, "symbols " + line.format(absolute=tmp_path / "out.nm"))
    assert said.count("\n") == 1
    assert "added" not in said
    assert len(debugger.names.symbols) == 0
