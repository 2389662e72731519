"""Points that stop nothing lie on the way of steps: the steps of a debug adapter pass them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dap_client import Dap

PROGRAM = bytes.fromhex(
    "b90500 e80700 e2fb b8004c cd21 ff062101 e80500 fe062001 c3 bb0000 4b 75fd c3 41 0000"
)
LISTING = """\
     1                                          org 100h
     2 00000000 B90500                  start:  mov cx, 5
     3 00000003 E80700                  again:  call count
     4 00000006 E2FB                            loop again
     5 00000008 B8004C                          mov ax, 4C00h
     6 0000000B CD21                            int 21h
     7 0000000D FF06[2100]              count:  inc word [total]
     8 00000011 E80500                          call deeper
     9 00000014 FE06[2000]                      inc byte [letter]
    10 00000018 C3                              ret
    11 00000019 BB0000                  deeper: mov bx, 0
    12 0000001C 4B                      .loop:  dec bx
    13 0000001D 75FD                            jnz .loop
    14 0000001F C3                              ret
    15 00000020 41                      letter: db 'A'
    16 00000021 0000                    total:  dw 0
"""
CALL, LOOP, COUNT, DEEP_CALL, LETTER, DEEPER = 3, 4, 7, 8, 9, 11
"""Lines."""


@pytest.fixture
def source(dap: Dap, tmp_path: Path) -> Path:
    """Launch the program, up to its first instruction; return the path of its source."""
    (tmp_path / "calls.com").write_bytes(PROGRAM)
    (tmp_path / "calls.lst").write_text(LISTING)
    (tmp_path / "calls.asm").write_text("")
    dap.launch("calls.com", cwd=str(tmp_path), symbols=["calls.lst"], stopOnEntry=True)
    dap.begin()
    return tmp_path / "calls.asm"


def logged(dap: Dap) -> list[str]:
    """Return what log points have printed, and forget it."""
    found = [e for e in dap.events if e["event"] == "output"]
    dap.events = [e for e in dap.events if e not in found]
    return [e["body"]["output"].rstrip() for e in found]


def log(dap: Dap, source: Path, lines: list[int]) -> None:
    """Set log points at lines."""
    points = [{"line": line, "logMessage": f"line {line}"} for line in lines]
    dap.ask("setBreakpoints", source={"path": str(source)}, breakpoints=points)


def go(dap: Dap, command: str, **how: Any) -> tuple[str, int]:
    """Move; return why the machine stopped and in which line."""
    reason = str(dap.go(command, **how)["reason"])
    return reason, dap.where()[1]


def test_log_points_print_and_do_not_end_a_step(dap: Dap, source: Path) -> None:
    """Prevents steps over and out of functions that end at log points within."""
    log(dap, source, [LOOP, COUNT, DEEP_CALL, LETTER, DEEPER])
    assert go(dap, "next") == ("step", CALL)
    assert go(dap, "next") == ("step", LOOP)
    lines = [COUNT, DEEP_CALL, DEEPER, LETTER, LOOP]
    assert logged(dap) == [f"line {line}" for line in lines]
    assert go(dap, "next") == ("step", CALL)
    assert go(dap, "stepIn") == ("step", COUNT)
    assert logged(dap) == [f"line {COUNT}"]
    assert go(dap, "stepOut") == ("step", LOOP)
    assert logged(dap) == [f"line {line}" for line in lines[1:]]
    assert go(dap, "stepBack") == ("step", CALL)
    logged(dap)
    assert go(dap, "next", granularity="instruction") == ("step", LOOP)
    assert logged(dap) == [f"line {line}" for line in lines]
    assert go(dap, "stepBack", granularity="instruction") == ("step", CALL)


def test_conditions_that_do_not_hold_do_not_end_a_step(dap: Dap, source: Path) -> None:
    """Prevents breakpoints and data breakpoints that stop steps, whatever their conditions say."""
    dap.break_at(source, DEEPER, condition="word[0x3121] * 1 == 3")
    info = dap.ask("dataBreakpointInfo", name="total")
    third = {"dataId": info["dataId"], "condition": "total == 4"}
    dap.ask("setDataBreakpoints", breakpoints=[third])
    go(dap, "next")
    for _ in range(2):
        assert go(dap, "next") == ("step", LOOP)
        assert go(dap, "next") == ("step", CALL)
    assert go(dap, "next") == ("breakpoint", DEEPER)
    assert go(dap, "stepOut") == ("step", LETTER)
    assert go(dap, "stepOut") == ("step", LOOP)
    go(dap, "next")
    assert go(dap, "stepIn") == ("step", COUNT)
    assert go(dap, "stepOut") == ("data breakpoint", DEEP_CALL)
    assert go(dap, "stepBack")[1] == COUNT


def test_a_step_is_not_lost_when_something_is_asked_meanwhile(dap: Dap, tmp_path: Path) -> None:
    """Prevents a step out from ending in a function further in, where it was interrupted."""
    waits = bytes.fromhex("e80400 b44c cd21 e80100 c3 803e130100 74f9 c3 00")
    (tmp_path / "waits.com").write_bytes(waits)
    dap.launch("waits.com", cwd=str(tmp_path), stopOnEntry=True)
    dap.begin()
    dap.go("stepIn")
    dap.ask("stepOut", threadId=1)
    dap.ask("readMemory", memoryReference="0x100", count=4)
    assert dap.value("byte[ds, 0x113] = 1").startswith("1")
    dap.event("stopped")
    assert dap.value("ip") == "0x0103"


def test_a_bad_point_costs_no_other(dap: Dap, source: Path) -> None:
    """Prevents one data breakpoint of an old session from refusing all that are set with it."""
    good = dap.ask("dataBreakpointInfo", name="total")["dataId"]
    points = [{"dataId": "old"}, {"dataId": good}, {"dataId": good, "accessType": "odd"}]
    first, second, third = dap.ask("setDataBreakpoints", breakpoints=points)["breakpoints"]
    assert (first["verified"], second["verified"], third["verified"]) == (False, True, False)
    assert "'old' is no dataId" in first["message"]
    assert "accessType" in third["message"]
    places = [{"instructionReference": "zz"}, {"instructionReference": "0x3103"}]
    first, second = dap.ask("setInstructionBreakpoints", breakpoints=places)["breakpoints"]
    assert (first["verified"], second["verified"]) == (False, True)
    assert "'zz'" in first["message"]
    assert go(dap, "continue") == ("instruction breakpoint", CALL)
