"""Where a client of the Debug Adapter Protocol lets its machine stop: all kinds of points."""

from __future__ import annotations

from pathlib import Path

import pytest
from dap_client import Dap
from dap_guests import PARENT, toolchain_programs


@pytest.fixture
def folder(shared: Path, tmp_path: Path) -> Path:
    """Return a folder with the programs of DOS toolchains and their sources."""
    return toolchain_programs(shared, tmp_path)


def test_conditions_hits_and_log_points(dap: Dap, folder: Path) -> None:
    """Prevents breakpoints that stop too often, never, or print nothing."""
    dap.launch("COUNT.EXE", cwd=str(folder))
    path = folder / "COUNT.C"
    dap.ask(
        "setBreakpoints",
        source={"path": str(path)},
        breakpoints=[
            {"line": 13, "logMessage": "a is {a}, {where.name} and {nothing}, {a + 160,x}"},
            {"line": 21, "condition": "i == 7 && n > -1"},
            {"line": 11, "hitCondition": ">= 10"},
        ],
    )
    dap.begin()
    assert dap.where() == ("fill", 21)
    assert dap.value("i") == "7"
    logged = [e["body"]["output"] for e in dap.events if e["event"] == "output"]
    assert (
        logged[0]
        == "a is 0, \"here\" and <there is no 'nothing' here: no variable, register or symbol>, "
        "0xa0\n"
    )
    assert len(logged) == 7
    dap.go("continue")
    assert (dap.where(), dap.value("a")) == (("add", 11), "9")
    bad = dap.break_at(path, 11, condition="a ==")
    assert not bad[0]["verified"]
    assert "ends too early" in bad[0]["message"]


def test_a_step_back_stops_at_a_breakpoint_in_what_was_called(dap: Dap, folder: Path) -> None:
    """Prevents a step back that ends an instruction behind a breakpoint, as if it were none."""
    dap.launch("COUNT.EXE", cwd=str(folder))
    (point,) = dap.break_at(folder / "COUNT.C", 11, condition="a == 2")
    dap.begin()
    here = dap.value("icount")
    for _ in range(2):
        dap.go("stepOut")
    assert dap.where() == ("main", 30)
    assert dap.go("stepBack")["hitBreakpointIds"] == [point["id"]]
    assert (dap.where(), dap.value("icount")) == (("add", 11), here)


def test_data_breakpoints_work_in_both_directions(dap: Dap, folder: Path) -> None:
    """Prevents watchpoints that gdb's own adapter lacks, and that miss the write backward."""
    dap.launch("COUNT.EXE", cwd=str(folder), stopOnEntry=True)
    dap.begin()
    info = dap.ask("dataBreakpointInfo", name="total")
    assert info["dataId"].endswith("/2")
    dap.ask("setDataBreakpoints", breakpoints=[{"dataId": info["dataId"], "accessType": "write"}])
    for total in ("3", "7"):
        assert dap.go("continue")["reason"] == "data breakpoint"
        assert dap.value("total") == total
    assert dap.go("reverseContinue")["reason"] == "data breakpoint"
    assert dap.value("total") == "3"
    refused = dap.ask("dataBreakpointInfo", name="ax")
    assert refused["dataId"] is None
    assert dap.ask("dataBreakpointInfo", name="&total")["dataId"] == info["dataId"]
    assert dap.ask("dataBreakpointInfo", name="b800:0002")["dataId"] == "0xb8002/1"


def test_function_and_instruction_breakpoints(dap: Dap, folder: Path) -> None:
    """Prevents function breakpoints before the prologue, and those at labels from failing."""
    dap.launch("COUNT.EXE", cwd=str(folder))
    names = [{"name": "add"}, {"name": "put_number"}, {"name": "nobody"}]
    first, label, missing = dap.ask("setFunctionBreakpoints", breakpoints=names)["breakpoints"]
    assert first["line"] == 11
    assert label["verified"]
    assert (missing["verified"], "nobody" in missing["message"]) == (False, True)
    assert dap.begin()["reason"] == "function breakpoint"
    assert dap.scope("Locals")["a"] == "0"
    dap.ask("setFunctionBreakpoints", breakpoints=[])
    code = dap.ask("disassemble", memoryReference=first["instructionReference"],
                   instructionCount=4)["instructions"]  # fmt: skip
    point = {"instructionReference": code[2]["address"]}
    dap.ask("setInstructionBreakpoints", breakpoints=[point])
    assert dap.go("continue")["reason"] == "instruction breakpoint"
    assert dap.frames()[0]["instructionPointerReference"] == code[2]["address"]


def test_traps_and_system_calls_stop_where_that_is_wanted(dap: Dap, tmp_path: Path) -> None:
    """Prevents a divide error that passes unseen, and filters that filter nothing."""
    (tmp_path / "trap.com").write_bytes(bytes.fromhex("b430 cd21 31db f7f3 b44c cd21"))
    dap.launch("trap.com", cwd=str(tmp_path))
    wanted = [{"filterId": "divide"}, {"filterId": "calls", "condition": "int 21 ah=30"}]
    assert dap.ask("setExceptionBreakpoints", filters=[], filterOptions=wanted)["breakpoints"] == [
        {"verified": True},
        {"verified": True},
    ]
    dap.begin()
    assert "INT 21h, AX=3000" in dap.ask("exceptionInfo", threadId=1)["description"]
    assert dap.go("continue")["reason"] == "exception"
    assert "divide" in dap.ask("exceptionInfo", threadId=1)["description"].lower()


@pytest.mark.parametrize("by", ["filter", "console"])
def test_a_program_that_dos_loads_stops_the_machine_if_that_is_wanted(
    dap: Dap, folder: Path, by: str
) -> None:
    """Prevents a catch of EXEC from being taken for the one that the adapter sets for itself."""
    (folder / "parent.com").write_bytes(PARENT)
    dap.launch("parent.com", cwd=str(folder), stopOnEntry=True, stopOnExit=True)
    wanted = [{"filterId": "calls", "condition": "exec"}] if by == "filter" else []
    dap.ask("setExceptionBreakpoints", filters=[], filterOptions=wanted)
    dap.begin()
    if by == "console":
        dap.value("monitor catch exec")
    for command in ("continue", "reverseContinue", "continue"):
        stop = dap.go(command)
        if command == "reverseContinue" and stop["reason"] == "history start":
            continue
        assert stop["reason"] == "exception"
        assert stop["text"].count("TWICE.EXE is loaded") == 1
    assert dap.go("continue")["reason"] == "exit"


def test_a_breakpoint_in_a_program_that_dos_loads_later(dap: Dap, folder: Path) -> None:
    """Prevents breakpoints in child processes from being set too late, or never."""
    (folder / "parent.com").write_bytes(PARENT)
    dap.launch("parent.com", cwd=str(folder), stopOnExit=True)
    (point,) = dap.break_at(folder / "TWICE.ASM", 19)
    assert not point["verified"]
    assert dap.begin()["hitBreakpointIds"] == [point["id"]]
    assert dap.event("breakpoint")["breakpoint"]["verified"]
    told = [message["body"] for message in dap.events if message["event"] == "loadedSource"]
    assert {(one["reason"], one["source"]["name"]) for one in told} == {
        ("new", "TWICE.ASM"),
        ("new", "SHOUT.ASM"),
    }
    modules = {one["name"]: one for one in dap.ask("modules")["modules"]}
    assert dap.event("module") == {"reason": "new", "module": modules["TWICE.ASM"]}
    threads = {one["id"] for one in dap.ask("threads")["threads"]}
    started = [message["body"] for message in dap.events if message["event"] == "thread"]
    assert {one["threadId"] for one in started if one["reason"] == "started"} == threads
    assert [(f["name"], f["line"]) for f in dap.frames()[:2]] == [("TWICE", 19), ("MAIN", 13)]
    assert dap.go("continue")["reason"] == "exit"
    assert dap.go("reverseContinue")["reason"] == "breakpoint"
