"""The 8087's registers as debuggers see and set them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from dap_client import Dap
from gdb_client import Gdb, Server
from naive_debugger import NaiveDebugger
from x87_programs import x87_of

import blink16
from blink16.cpu.x87.reals import Real
from blink16.debugger import Debugger
from blink16.gdbstub import registers as stub
from blink16.gdbstub import x87_registers
from blink16.gdbstub.replies import RefusedError
from blink16.monitor import execute
from blink16.reports.devices import DevicesReport
from blink16.reports.fpu import FpuReport

NUMBER = {register.name: number for number, register in enumerate(stub.REGISTERS)}
FINIT_PI_1 = bytes.fromhex("dbe3d9ebd9e8dd1e1000dd0610000000")
ONE = Real(0, 16383, 1 << 63)
HALF = b"\0" * 7 + b"\x80\xfe\x3f"


def make(steps: int = 3) -> NaiveDebugger:
    """Return a debugger over a machine that has loaded pi and 1."""
    debugger = NaiveDebugger(FINIT_PI_1, fpu=True)
    debugger.machine.run(steps)
    return debugger


def read(debugger: NaiveDebugger, name: str) -> bytes:
    """Read a register as p does."""
    return stub.read(debugger.machine.registers, NUMBER[name])


def write(debugger: NaiveDebugger, name: str, data: bytes) -> None:
    """Write a register as P does."""
    stub.write(debugger, NUMBER[name], data)


def test_the_stack_is_shown_from_its_top_on() -> None:
    """Prevents `info float` and `p $st0` from showing another register, or old words."""
    debugger = make(4)
    assert read(debugger, "st0") == bytes.fromhex("35c26821a2da0fc90040")
    words = [read(debugger, name) for name in ("fctrl", "fstat", "ftag", "fop")]
    assert [int.from_bytes(word, "little") for word in words] == [0x3FF, 0x3800, 0x3FFF, 0x51E]
    assert int.from_bytes(read(debugger, "fioff"), "little") == 0x10006
    assert int.from_bytes(read(debugger, "fooff"), "little") == 0x10010


def test_registers_of_the_8087_can_be_set() -> None:
    """Prevents `set $st0 = 0.5` and `set $fctrl = …` from being lost."""
    debugger = make()
    write(debugger, "st1", HALF)
    write(debugger, "fctrl", struct.pack("<I", 0x37F))
    write(debugger, "ftag", struct.pack("<I", 0x3FFF))
    x87 = x87_of(debugger.machine)
    assert (x87.get(0), x87.get(1)) == (None, Real(0, 16382, 1 << 63))
    assert x87.control == 0x37F
    with pytest.raises(RefusedError, match="offset beside"):
        write(debugger, "fiseg", struct.pack("<I", 1))


def test_all_registers_can_be_written_at_once() -> None:
    """G is how LLDB and IDEs restore what they have saved."""
    debugger = make()
    before = stub.read_all(debugger.machine.registers)
    write(debugger, "st0", HALF)
    write(debugger, "fstat", struct.pack("<I", 0x0100))
    stub.write_all(debugger, before)
    assert stub.read_all(debugger.machine.registers) == before


def test_answers_to_g_are_never_those_of_before() -> None:
    """The digits of g are kept while nothing has changed: an 8087's change counts."""
    debugger, digits = make(2), stub.Digits()
    first = digits.all(debugger.machine.registers)
    x87_of(debugger.machine).put(0, ONE)
    assert digits.all(debugger.machine.registers) != first


def test_what_was_set_is_a_part_of_history() -> None:
    """Prevents a value given to the 8087 from being lost when one goes back and on."""
    machine = make(0).machine
    debugger = Debugger(machine)
    debugger.timeline.run(3)
    changed = x87_registers.written(x87_of(machine), "st0", HALF)
    debugger.write_coprocessor(changed)
    debugger.timeline.run(2)
    end = machine.save()
    debugger.timeline.seek(0)
    debugger.timeline.seek(5)
    assert machine.save() == end


@pytest.mark.gdb
def test_gdb_shows_and_sets_floating_point(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents stock gdb from reading the registers otherwise than we mean them."""
    path = tmp_path / "a.com"
    path.write_bytes(bytes.fromhex("dbe3d9ebd9e8d8c1d9fadd1e0002f4"))
    with Server("--fpu", str(path)) as server:
        gdb.run(server.target)
        gdb.run("stepi 3")
        assert "3.14159265358979323" in gdb.run("p $st1")
        gdb.run("set $st0 = 1.5")
        gdb.run("stepi")
        assert "4.64159265358979323" in gdb.run("p $st0")
        gdb.run("reverse-stepi 2")
        text = gdb.run("info float")
        assert "=>R7: Valid   0x4000c90fdaa22168c235 +3.14159265358979" in text


def test_every_client_can_look_at_them_by_a_monitor_command() -> None:
    """Prevents the view, IDEs and assistants from having no way to see a number."""
    debugger = make()
    write(debugger, "st1", bytes.fromhex("00000000000000c0ff7f"))
    text = execute(debugger, "fpu")
    assert text.splitlines()[:2] == [
        "ST(0)=3FFF8000000000000000 1",
        "ST(1)=7FFFC000000000000000 NaN",
    ]
    assert "control=03FF IDZOUP" in text
    assert "--fpu has one" in execute(NaiveDebugger(), "fpu")


PROGRAM = bytes.fromhex("dbe3d9ebd9e8d8c1ebfe")  # fninit; fldpi; fld1; fadd st, st(1)


def test_the_view_and_ides_show_them_as_numbers(tmp_path: Path, dap: Dap) -> None:
    """Prevents a stack that only gdb's users can look at."""
    path = tmp_path / "a.com"
    path.write_bytes(PROGRAM)
    with blink16.launch(path, fpu=True) as target:
        target.step(4)
        found = target.report(FpuReport)
        assert (found.chip, len(found.stack)) == ("8087", 2)
        assert found.stack[0].value.startswith("4.1415926535897932")
        devices = {line.name: line.facts for line in target.report(DevicesReport).devices}
        assert devices["8087"][1].startswith("ST(1) 3.14159265358979323")
    dap.launch(path, options={"fpu": True}, stopOnEntry=True)
    dap.begin()
    scopes = dap.ask("scopes", frameId=dap.frames()[0]["id"])["scopes"]
    (scope,) = (scope for scope in scopes if scope["name"] == "8087")
    shown = {one["name"]: one["value"] for one in dap.variables(scope["variablesReference"])}
    assert shown["control"] == "0x03ff"


def test_without_one_there_is_no_group_of_it(tmp_path: Path) -> None:
    """Prevents an empty scope in every IDE, and a chip that isn't there."""
    path = tmp_path / "a.com"
    path.write_bytes(PROGRAM)
    with blink16.launch(path) as target:
        assert target.report(FpuReport) == FpuReport()
        assert not any("8087" in line.name for line in target.report(DevicesReport).devices)
