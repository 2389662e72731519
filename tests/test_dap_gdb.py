"""The debug adapter beside gdb: a long conversation, and at each stop both see the same machine."""

from __future__ import annotations

import base64
import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from dap_client import Body, Dap
from gdb_client import Gdb, Server, gdbs

pytestmark = pytest.mark.gdb

LOOK = r"""
import json, gdb
def look():
    frame, frames = gdb.newest_frame(), []
    while frame is not None and len(frames) < 3:
        sal = frame.find_sal()
        frames.append([frame.name(), sal.line])
        frame = frame.older()
    newest = gdb.newest_frame()
    block, values = None, {}
    try:
        block = newest.block()
    except RuntimeError:
        pass
    while block is not None and not block.is_global and not block.is_static:
        for symbol in block:
            if symbol.is_argument or symbol.is_variable:
                value = symbol.value(newest)
                number = value.type.strip_typedefs().code == gdb.TYPE_CODE_INT
                if number and not value.is_optimized_out:
                    values.setdefault(symbol.name, int(value))
        block = block.superblock
    names = ["eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "cs", "ds", "es", "ss", "eflags"]
    registers = {n: int(gdb.parse_and_eval("$" + n)) & 0xffff for n in names}
    pc = int(gdb.parse_and_eval("$pc"))
    code = [[i["addr"], i["length"]] for i in newest.architecture().disassemble(pc, count=6)]
    sp = int(gdb.parse_and_eval("$sp"))
    stack = bytes(gdb.selected_inferior().read_memory(sp, 16)).hex()
    print("LOOK" + json.dumps([pc, frames, values, registers, code, stack]))
look()
"""
MOVES = (
    ("continue", "continue"),
    ("next", "next"),
    ("next", "next"),
    ("stepBack", "reverse-next"),
    ("next", "next"),
    ("stepOut", "finish"),
    ("next", "next"),
    ("stepIn", "step"),
    ("next", "next"),
    ("next", "next"),
    ("next", "next"),
    ("stepBack", "reverse-next"),
    ("continue", "continue"),
    ("reverseContinue", "reverse-continue"),
    ("stepOut", "finish"),
    ("continue", "continue"),
    ("next", "next"),
    ("next", "next"),
    ("next", "next"),
    ("next", "next"),
    ("continue", "continue"),
    ("next", "next"),
    ("stepBack", "reverse-next"),
    ("next", "next"),
    ("reverseContinue", "reverse-continue"),
    ("continue", "continue"),
)
"""A request of DAP's, and gdb's command for it.  Not stepBack from behind a prologue: there gdb
stops within the prologue, and the adapter at the function's beginning."""
EXPRESSIONS = ("total", "where.x", "table[2] + where.y", "big")
REGISTERS = {"ax": "eax", "bx": "ebx", "cx": "ecx", "dx": "edx", "si": "esi", "di": "edi",
             "bp": "ebp", "flags": "eflags"}  # fmt: skip


def gdb_looks(gdb: Gdb, script: Path) -> list[Any]:
    """Return what gdb sees, as the adapter's side tells it."""
    said = gdb.run(f"source {script}")
    assert "LOOK" in said, said
    found: list[Any] = json.loads("".join(said.partition("LOOK")[2].splitlines()))
    found.append([int(gdb.value(expression)) for expression in EXPRESSIONS])
    return found


def adapter_looks(dap: Dap) -> list[Any]:
    """Return what the adapter says of the same."""
    frames = dap.frames()
    frame = frames[0]["id"]
    pc = frames[0]["instructionPointerReference"]
    scopes = {
        s["name"]: s["variablesReference"] for s in dap.ask("scopes", frameId=frame)["scopes"]
    }
    integers = ("int", "unsigned int", "long")
    found = dap.variables(scopes["Locals"]) if "Locals" in scopes else []
    local = {v["name"]: int(v["value"]) for v in found if v["type"] in integers}
    registers = {}
    for v in dap.variables(scopes["Registers"]):
        if v["name"] in REGISTERS:
            registers[REGISTERS[v["name"]]] = int(v["value"], 16)
    registers |= {v["name"]: int(v["value"], 16) for v in dap.variables(scopes["Segments"])}
    code = dap.ask("disassemble", memoryReference=pc, instructionCount=6)["instructions"]
    lengths = [[int(i["address"], 16), len(bytes.fromhex(i["instructionBytes"]))] for i in code]
    stack: Body = dap.ask("readMemory", memoryReference=f"{_top(dap):#x}", count=16)
    values = [
        int(dap.ask("evaluate", expression=e, frameId=frame, context="watch")["result"])
        for e in EXPRESSIONS
    ]
    return [
        int(pc, 16),
        [[f["name"], f["line"]] for f in frames[:3]],
        local,
        registers,
        lengths,
        base64_to_hex(stack["data"]),
        values,
    ]


def _top(dap: Dap) -> int:
    return int(dap.value("$ss"), 16) * 16 + int(dap.value("$sp"), 16)


def base64_to_hex(text: str) -> str:
    """Return bytes as the other side writes them."""
    return base64.b64decode(text).hex()


def test_two_hundred_requests_are_answered_as_gdb_does(shared: Path, tmp_path: Path) -> None:
    """Prevents an adapter that shows another line, value, register or byte than each gdb does."""
    for part in ("codeview", "source"):
        for path in (shared / "debuginfo" / part).iterdir():
            shutil.copyfile(path, tmp_path / path.name)
    script = tmp_path / "look.py"
    script.write_text(LOOK)
    with ExitStack() as held:
        dap = held.enter_context(Dap(tmp_path))
        beside = [held.enter_context(Gdb(file)) for file in gdbs()]
        assert beside, "there is no gdb: install the test extra (pip install -e '.[test]')"
        for gdb in beside:
            server = held.enter_context(Server("COUNT.EXE", cwd=tmp_path))
            gdb.run(f"cd {tmp_path}")
            gdb.run(server.target)
            gdb.run("break add")
        dap.launch("COUNT.EXE", cwd=str(tmp_path), stopOnEntry=True)
        dap.ask("setFunctionBreakpoints", breakpoints=[{"name": "add"}])
        dap.begin()
        for number, (ours, theirs) in enumerate(MOVES):
            dap.go(ours)
            seen = adapter_looks(dap)
            for gdb in beside:
                gdb.run(theirs)
                theirs_seen = gdb_looks(gdb, script)
                # gdb does not show all locals in an epilogue
                local = {name: seen[2][name] for name in theirs_seen[2]}
                assert [*seen[:2], local, *seen[3:]] == theirs_seen, (number, ours, str(gdb)[:80])
        assert dap.asked >= 200
