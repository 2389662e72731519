"""A client of the Debug Adapter Protocol in front of a real adapter and real programs."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest
from dap_client import Dap, RefusedError
from dap_guests import BCC, toolchain_programs
from gdb_client import Server
from line_guest import ELF, IMAGE, SOURCE, SOURCE_NAME

import blink16

LOOP = bytes.fromhex("40 eb fd")
"""inc ax; jmp back"""


@pytest.fixture
def folder(shared: Path, tmp_path: Path) -> Path:
    """Return a folder with the programs of DOS toolchains and their sources."""
    return toolchain_programs(shared, tmp_path)


COMPILED = pytest.mark.parametrize("name", ["COUNT.EXE", "TCOUNT.EXE"])
ASSEMBLED = pytest.mark.parametrize("name", ["TWICE.EXE", "TTWICE.EXE"])


@COMPILED
def test_a_compiled_program_is_seen_by_lines_and_variables(
    dap: Dap, folder: Path, name: str
) -> None:
    """Prevents users of Microsoft's and Borland's C from seeing neither lines nor variables."""
    dap.launch(name, cwd=str(folder))
    (point,) = dap.break_at(folder / "COUNT.C", 11)
    assert point["verified"]
    stop = dap.begin()
    assert (stop["reason"], stop["hitBreakpointIds"]) == ("breakpoint", [point["id"]])
    frames = dap.frames()
    assert [(f["name"], f["line"]) for f in frames[:3]] == [("add", 11), ("fill", 21), ("main", 30)]
    assert frames[0]["source"]["path"] == str(folder / "COUNT.C")
    local = dap.scope("Locals")
    assert (local["a"], local["b"]) == ("0", "3")
    assert dap.scope("Locals", 1)["n"] == "10"
    dap.go("next")
    assert dap.where() == ("add", 12)
    assert dap.scope("Locals")["sum"] == "3"
    assert dap.value("sum * 100 - a") == "300"
    dap.go("stepBack")
    assert dap.where() == ("add", 11)
    assert dap.go("stepOut")["reason"] == "step"
    assert dap.where() == ("fill", 21)


@COMPILED
def test_structures_arrays_and_pointers_have_parts(dap: Dap, folder: Path, name: str) -> None:
    """Prevents near pointers from being followed into the wrong segment, and flat structures."""
    dap.launch(name, cwd=str(folder))
    dap.break_at(folder / "COUNT.C", 32)
    dap.begin()
    shown = dap.ask("evaluate", expression="where", context="watch")
    assert shown["result"] == '{x = 3, y = 4, name = "here"}'
    parts = {p["name"]: p for p in dap.variables(shown["variablesReference"])}
    assert (parts["x"]["value"], parts["name"]["evaluateName"]) == ("3", "where.name")
    table = dap.ask("evaluate", expression="table", context="watch")
    assert table["indexedVariables"] == 10
    some = dap.variables(table["variablesReference"], filter="indexed", start=8, count=2)
    assert [(p["name"], p["value"]) for p in some] == [("[8]", "11"), ("[9]", "12")]
    assert '"here"' in dap.value("text")
    assert dap.value("*text") == "104 'h'"
    assert dap.value("(&where)->name[1]") == "101 'e'"
    assert dap.value("big") == "70114"
    assert dap.value("table[3] + n") == "16"
    assert dap.value("(unsigned char)-1") == "255 '\\377'"


@COMPILED
def test_what_is_changed_is_changed(dap: Dap, folder: Path, name: str) -> None:
    """Prevents setVariable and its kin from writing elsewhere, or as another type."""
    dap.launch(name, cwd=str(folder))
    dap.break_at(folder / "COUNT.C", 11)
    dap.begin()
    scopes = {s["name"]: s for s in dap.ask("scopes", frameId=dap.frames()[0]["id"])["scopes"]}
    number = scopes["Locals"]["variablesReference"]
    assert dap.ask("setVariable", variablesReference=number, name="a", value="-5")["value"] == "-5"
    assert dap.value("a + b") == "-2"
    registers = scopes["Registers"]["variablesReference"]
    dap.ask("setVariable", variablesReference=registers, name="cx", value="0x1234")
    assert dap.value("ch") == "0x12"
    dap.ask("setExpression", expression="where.x", value="b * 7")
    assert dap.value("where.x") == "21"
    flags = scopes["Flags"]["variablesReference"]
    dap.ask("setVariable", variablesReference=flags, name="cf", value="1")
    assert dap.value("cf") == "1"
    assert dap.ask("setExpression", expression="zf", value="2")["value"] == "1"
    for context in ("hover", "clipboard"):
        with pytest.raises(RefusedError, match="nothing can be changed"):
            dap.ask("evaluate", expression="a = 1", context=context)
    dap.go("next")
    assert dap.value("sum") == "-2"


def test_a_letter_behind_a_comma_says_how_numbers_are_written(dap: Dap, folder: Path) -> None:
    """Prevents registers that can't be read in decimal, and variables not in hexadecimal."""
    dap.launch("COUNT.EXE", cwd=str(folder))
    dap.break_at(folder / "COUNT.C", 12)
    dap.begin()
    dap.value("ax = 65470")
    assert [dap.value(f"ax{how}") for how in ("", ",x", ",d", ", b")] == [
        "0xffbe", "0xffbe", "65470", "0b1111111110111110",
    ]  # fmt: skip
    assert (dap.value("where.x,x"), dap.value("where,x")[:10]) == ("0x3", "{x = 0x3, ")
    assert dap.value("where.name,d").startswith("{104, 101")
    assert dap.value("byte[ds, 0],d").isdigit()
    with pytest.raises(RefusedError, match="','"):
        dap.value("ax,q")


@ASSEMBLED
def test_an_assembled_program_is_stepped_by_lines_both_ways(
    dap: Dap, folder: Path, name: str
) -> None:
    """Prevents MASM's and TASM's users from seeing no source, and steps that lose the line."""
    dap.launch(name, cwd=str(folder), stopOnExit=True)
    assert dap.break_at(folder / "twice.asm", 19)[0]["line"] == 19
    dap.begin()
    assert dap.where()[1] == 19
    lines = []
    for command in ("next", "next", "stepBack", "stepBack"):
        dap.go(command)
        lines.append(dap.where()[1])
    assert lines == [20, 21, 20, 19]
    assert dap.value("num") == "21"
    dap.go("stepOut")
    assert dap.where()[1] == 14
    dap.go("stepIn")
    assert dap.frames()[0]["source"]["name"] == "SHOUT.ASM"
    stop = dap.go("continue")
    assert stop["reason"] == "exit"
    assert dap.go("reverseContinue")["reason"] == "breakpoint"


def test_a_boot_sector_of_nasms_is_stepped_by_lines(dap: Dap, tmp_path: Path) -> None:
    """Prevents nasm's DWARF from being lost, and steps into calls from going over them."""
    (tmp_path / "count.img").write_bytes(IMAGE)
    (tmp_path / "count.elf").write_bytes(ELF)
    (tmp_path / SOURCE_NAME).write_text(SOURCE)
    dap.launch("count.img", cwd=str(tmp_path), symbols=["count.elf"])
    call = 1 + next(n for n, t in enumerate(SOURCE.splitlines()) if "call countdown" in t)
    dap.break_at(tmp_path / SOURCE_NAME, call)
    dap.begin()
    assert dap.where() == ("main", call)
    dap.go("next")
    assert dap.where()[1] == call + 1
    dap.go("stepBack")
    assert dap.where()[1] == call
    dap.go("stepIn")
    assert dap.where() == ("countdown", call + 6)


def test_code_is_disassembled_forward_and_backward(dap: Dap, folder: Path) -> None:
    """Prevents wrong instructions before the current one, and lists that are too short."""
    dap.launch("COUNT.EXE", cwd=str(folder))
    dap.break_at(folder / "COUNT.C", 12)
    dap.begin()
    here = dap.frames()[0]["instructionPointerReference"]
    around = dap.ask(
        "disassemble", memoryReference=here, instructionOffset=-8, instructionCount=12
    )["instructions"]
    assert len(around) == 12
    assert around[8]["address"] == here
    assert around[8]["line"] == 12
    for one, other in pairwise(around):
        size = len(bytes.fromhex(one["instructionBytes"]))
        assert int(one["address"], 16) + size == int(other["address"], 16)
    assert any(one.get("symbol") == "add" for one in around)
    edge = dap.ask("disassemble", memoryReference="0xffffe", instructionCount=5)["instructions"]
    assert len(edge) == 5
    assert edge[-1]["presentationHint"] == "invalid"
    front = dap.ask(
        "disassemble", memoryReference="0x2", instructionOffset=-9, instructionCount=10
    )["instructions"]
    assert len(front) == 10
    assert front[-1]["address"] == "0x00002"


def test_memory_is_read_and_written(dap: Dap, folder: Path) -> None:
    """Prevents memory views that show other bytes than the machine's."""
    dap.launch("COUNT.EXE", cwd=str(folder), stopOnEntry=True)
    dap.begin()
    at = dap.ask("evaluate", expression="where", context="watch")["memoryReference"]
    body = dap.ask("readMemory", memoryReference=at, count=10)
    assert base64.b64decode(body["data"]) == b"\x03\0\x04\0here\0\0"
    data = base64.b64encode(b"HE").decode()
    assert dap.ask("writeMemory", memoryReference=at, offset=4, data=data)["bytesWritten"] == 2
    assert dap.value("where.name") == '"HEre"'
    end = dap.ask("readMemory", memoryReference="0xffffe", count=10)
    assert end["unreadableBytes"] == 8
    with pytest.raises(RefusedError, match="not all within memory"):
        dap.ask("writeMemory", memoryReference="0xffffe", data=base64.b64encode(b"1234").decode())


def test_the_program_prints_and_ends(dap: Dap, tmp_path: Path) -> None:
    """Prevents a session that hangs when its program is done, and output that is lost."""
    dap.launch("banner", args=["HI"], cwd=str(tmp_path))
    dap.ask("configurationDone")
    assert dap.event("exited")["exitCode"] == 0
    dap.event("terminated")
    assert "H   H" in dap.output()
    dap.ask("disconnect")


def test_the_end_can_be_a_stop_with_a_past(dap: Dap, tmp_path: Path) -> None:
    """Prevents the past from being lost at the very moment when it is wanted."""
    dap.launch("banner", args=["HI"], cwd=str(tmp_path), stopOnExit=True)
    assert dap.begin()["reason"] == "exit"
    found = dap.ask("blink16/lastWrite", memoryReference="lines", length=2)
    assert (found["by"], found["before"], found["after"]) == ("end_line+46", "0700", "0800")
    dap.ask("blink16/seek", instant=found["icount"])
    assert dap.event("stopped")["reason"] == "goto"
    assert dap.where()[0] == "end_line"
    name = dap.ask("blink16/bookmark", name="here")["name"]
    dap.go("reverseContinue")
    history = dap.ask("blink16/history")
    assert history["now"] == history["start"] == 0
    assert history["bookmarks"] == [{"name": name, "icount": found["icount"]}]
    dap.ask("blink16/seek", instant="here")
    dap.event("stopped")
    dap.go("continue")
    assert dap.ask("continue", threadId=1)
    assert dap.event("exited")["exitCode"] == 0


def test_a_running_machine_is_paused_asked_and_given_points(dap: Dap, tmp_path: Path) -> None:
    """Prevents editors that set a breakpoint while the program runs from waiting for ever."""
    (tmp_path / "loop.com").write_bytes(LOOP)
    dap.launch("loop.com", cwd=str(tmp_path))
    dap.ask("configurationDone")
    with pytest.raises(RefusedError, match="pause it first"):
        dap.ask("stackTrace", threadId=1)
    assert dap.ask("threads")["threads"][0]["id"] == 1
    assert (
        len(base64.b64decode(dap.ask("readMemory", memoryReference="0x100", count=4)["data"])) == 4
    )
    assert dap.value("monitor icount").isdigit()
    assert not any(e["event"] == "stopped" for e in dap.events)
    dap.ask("pause", threadId=1)
    assert dap.event("stopped")["reason"] == "pause"
    here = dap.frames()[0]["instructionPointerReference"]
    dap.ask("continue", threadId=1)
    dap.ask("setInstructionBreakpoints", breakpoints=[{"instructionReference": here}])
    assert dap.event("stopped")["reason"] == "instruction breakpoint"


def test_restart_and_goto(dap: Dap, folder: Path) -> None:
    """Prevents breakpoints from being lost in a restart, and jumps that execute what is between."""
    dap.launch("COUNT.EXE", cwd=str(folder))
    dap.break_at(folder / "COUNT.C", 12)
    dap.begin()
    path = {"path": str(folder / "COUNT.C")}
    (target,) = dap.ask("gotoTargets", source=path, line=13)["targets"]
    dap.ask("goto", threadId=1, targetId=target["id"])
    assert dap.event("stopped")["reason"] == "goto"
    assert (dap.where(), dap.value("total")) == (("add", 13), "0")
    dap.ask("restart")
    assert dap.event("stopped")["reason"] == "breakpoint"
    assert dap.where() == ("add", 12)
    assert dap.value("a") == "0"


def test_completions_name_what_can_be_typed(dap: Dap, folder: Path) -> None:
    """Prevents a console in which nothing is completed."""
    dap.launch("COUNT.EXE", cwd=str(folder))
    dap.break_at(folder / "COUNT.C", 11)
    dap.begin()
    frame = dap.frames()[0]["id"]

    def labels(text: str) -> list[str]:
        body = dap.ask("completions", text=text, column=len(text) + 1, frameId=frame)
        return [target["label"] for target in body["targets"]]

    assert "sum" in labels("a + su")
    assert labels("where.n") == ["name"]
    assert "bookmark" in labels("monitor boo")
    assert "total" in labels("tot")


def test_frames_are_restarted_by_going_back(dap: Dap, folder: Path) -> None:
    """Prevents restartFrame from leaving the machine's state as it was."""
    dap.launch("COUNT.EXE", cwd=str(folder))
    dap.break_at(folder / "COUNT.C", 13, condition="a == 4")
    dap.begin()
    assert dap.value("total") == "25"
    dap.ask("restartFrame", frameId=dap.frames()[1]["id"])
    dap.event("stopped")
    assert (dap.where()[0], dap.value("total")) == ("fill", "0")


def test_a_program_of_bccs_is_stepped_by_instructions(dap: Dap, tmp_path: Path) -> None:
    """Prevents programs without lines from being undebuggable: names, frames and code are there."""
    (tmp_path / "sum").write_bytes(BCC)
    dap.launch("sum", cwd=str(tmp_path), stopOnExit=True)
    condition = "word[ss, sp + 2] == 3"
    dap.ask("setFunctionBreakpoints", breakpoints=[{"name": "add", "condition": condition}])
    assert dap.begin()["reason"] == "function breakpoint"
    assert [f["name"] for f in dap.frames()[:2]] == ["add", "main"]
    assert dap.ask("threads")["threads"][0]["name"].startswith("sum")
    assert dap.value("total") == "1"
    dap.go("next")
    assert dap.frames()[0]["name"] == "add"
    dap.go("stepOut")
    assert dap.frames()[0]["name"] == "main"
    assert dap.value("total") == "4"
    dap.ask("setFunctionBreakpoints", breakpoints=[])
    dap.go("stepBack")
    assert (dap.frames()[0]["name"], dap.value("total")) == ("main", "1")
    assert dap.go("continue")["text"] == "the program ends with status 10"


@pytest.mark.slow
def test_a_booted_floppy(dap: Dap, shared: Path, tmp_path: Path) -> None:
    """Prevents a whole system on a PC from being out of an editor's reach."""
    dap.launch(shared / "images/fd1440.img", cwd=str(tmp_path))
    dap.ask("configurationDone")
    for _ in range(60):
        time.sleep(2)
        if "# " in dap.ask("blink16/screen").get("text", ""):
            break
    dap.ask("blink16/type", text="echo here\n")
    time.sleep(5)
    screen = dap.ask("blink16/screen")
    assert "\nhere\n" in screen["text"]
    assert base64.b64decode(screen["png"]).startswith(b"\x89PNG")
    dap.ask("pause", threadId=1)
    assert dap.event("stopped")["reason"] == "pause"
    assert dap.frames()
    dap.go("stepBack", granularity="instruction")


def test_a_client_that_knows_terminals_runs_the_program_in_one(dap: Dap, tmp_path: Path) -> None:
    """Prevents programs that read keys from having no keyboard in an editor."""
    dap.initialize(supportsRunInTerminalRequest=True)
    how = {"stopOnExit": True, "console": "integratedTerminal", "cwd": str(tmp_path)}
    number = dap.send("launch", {"program": "banner", "args": ["HI"], **how})
    while not dap.reverse:
        dap.receive()
    wanted = dap.reverse[0]
    assert wanted["command"] == "runInTerminal"
    command = wanted["arguments"]["args"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as terminal:
        body = {"type": "response", "seq": 90, "request_seq": wanted["seq"], "success": True,
                "command": "runInTerminal", "body": {}}  # fmt: skip
        dap.send_raw(json.dumps(body).encode())
        assert dap.response(number)["success"]
        assert dap.begin()["reason"] == "exit"
        dap.ask("disconnect")
        terminal.kill()
        assert terminal.stdout is not None
        assert b"H   H" in terminal.stdout.read()


def test_a_machine_of_another_server_is_taken_and_left(dap: Dap, tmp_path: Path) -> None:
    """Prevents a debugging session from ending a server that was there before it."""
    with Server("--console", "none", "banner", "HI", cwd=tmp_path) as server:
        dap.initialize()
        dap.ask("attach", host="127.0.0.1", port=server.port)
        dap.event("initialized")
        assert dap.begin()["reason"] == "entry"
        dap.ask("setFunctionBreakpoints", breakpoints=[{"name": "draw_letters"}])
        assert dap.go("continue")["reason"] == "function breakpoint"
        dap.ask("disconnect")
        with blink16.connect(server.address) as m:
            assert m.state().at == "draw_letters"
            assert not m.points


def test_a_step_over_what_never_ends_can_be_paused(dap: Dap, tmp_path: Path) -> None:
    """Prevents an editor that waits for a step for ever."""
    (tmp_path / "loop.com").write_bytes(bytes.fromhex("e80200 cd20 ebfe"))
    dap.launch("loop.com", cwd=str(tmp_path), stopOnEntry=True)
    dap.begin()
    dap.ask("next", threadId=1)
    dap.ask("pause", threadId=1)
    assert dap.event("stopped")["reason"] == "pause"
    assert len(dap.frames()) >= 2


def test_a_server_that_goes_away_ends_the_program_not_the_adapter(dap: Dap, tmp_path: Path) -> None:
    """Prevents an adapter that crashes, or hangs, with its server."""
    (tmp_path / "loop.com").write_bytes(LOOP)
    with Server("loop.com", cwd=tmp_path) as server:
        dap.initialize()
        dap.ask("attach", address=server.address, stopOnEntry=False)
        dap.ask("configurationDone")
        dap.ask("threads")
    dap.event("terminated")
    with pytest.raises(RefusedError, match="has ended"):
        dap.ask("stackTrace", threadId=1)
    dap.ask("disconnect")
