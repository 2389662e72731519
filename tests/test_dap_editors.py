"""What editors say to a debug adapter, message by message, as their sources have it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from dap_client import Dap

Body = dict[str, Any]


class Editor(NamedTuple):
    """How an editor begins, and what is its own in what follows."""

    initialize: Body
    launch: Body
    """What it sends besides what the user has written in a configuration."""
    point: Body
    """What it adds to a breakpoint, or says of one that has no condition."""
    source: Body
    evaluate: str
    """The context of its console."""
    first_launch: bool = True
    """It launches before it waits for `initialized`."""


AT_1 = {"linesStartAt1": True, "columnsStartAt1": True, "pathFormat": "path"}
EDITORS = {
    "nvim-dap": Editor(
        {
            "clientID": "neovim", "clientName": "neovim", "adapterID": "nvim-dap", "locale": "C",
            "supportsRunInTerminalRequest": True, "supportsVariableType": True,
            "supportsProgressReporting": True, "supportsStartDebuggingRequest": True, **AT_1,
        },
        {"type": "blink16", "request": "launch", "name": "8086"},
        {}, {"name": "TWICE.ASM"}, "repl",
    ),
    "dape": Editor(
        {
            "clientID": "dape", "adapterID": "blink16", "supportsRunInTerminalRequest": True,
            "supportsArgsCanBeInterpretedByShell": True, "supportsProgressReporting": True,
            "supportsStartDebuggingRequest": True, **AT_1,
        },
        {"type": "blink16", "request": "launch"},
        {}, {}, "repl",
    ),
    "dap-mode": Editor(
        {"clientID": "vscode", "adapterID": "blink16", "supportTerminateDebuggee": True, **AT_1},
        {"type": "blink16", "request": "launch", "name": "x", "dap-server-path": ["blink16-dap"]},
        {"column": 0}, {"name": "TWICE.ASM", "adapterData": {}}, "repl",
    ),
    "helix": Editor(
        {
            "clientID": "hx", "clientName": "helix", "adapterID": "blink16", "locale": "en-us",
            "supportsVariableType": True, "supportsVariablePaging": False,
            "supportsRunInTerminalRequest": True, "supportsMemoryReferences": False,
            "supportsProgressReporting": True, "supportsInvalidatedEvent": False, **AT_1,
        },
        {},
        {"column": None, "condition": None, "hitCondition": None, "logMessage": None},
        {"name": None, "sourceReference": None, "presentationHint": None}, "watch",
    ),
    "zed": Editor(
        {
            "clientID": "zed", "clientName": "Zed", "adapterID": "blink16", "locale": "en-US",
            "supportsVariableType": True, "supportsVariablePaging": False,
            "supportsRunInTerminalRequest": True, "supportsMemoryReferences": True,
            "supportsProgressReporting": False, "supportsInvalidatedEvent": False,
            "supportsMemoryEvent": False, "supportsArgsCanBeInterpretedByShell": False,
            "supportsStartDebuggingRequest": True, "supportsANSIStyling": True, **AT_1,
        },
        {"request": "launch", "env": {}, "args": []},
        {}, {}, "variables", first_launch=False,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=() if one == "helix" else pytest.mark.slow) for one in EDITORS]
)
def test_an_editor_breaks_steps_both_ways_and_ends(name: str, shared: Path, tmp_path: Path) -> None:
    """Prevents an adapter that only VS Code understands."""
    editor = EDITORS[name]
    shutil.copyfile(shared / "debuginfo/codeview/TWICE.EXE", tmp_path / "TWICE.EXE")
    shutil.copyfile(shared / "debuginfo/source/TWICE.ASM", tmp_path / "TWICE.ASM")
    with Dap(tmp_path) as dap:
        dap.capabilities = dap.ask("initialize", **editor.initialize)
        program = {"program": str(tmp_path / "TWICE.EXE"), "cwd": str(tmp_path)}
        more = {"stopOnExit": True, "console": "internalConsole"}
        launched = dap.send("launch", {**editor.launch, **program, **more})
        if editor.first_launch:
            assert dap.response(launched)["success"]
        dap.event("initialized")
        source = {**editor.source, "path": str(tmp_path / "TWICE.ASM")}
        point = {**editor.point, "line": 19}
        body = {"source": source, "breakpoints": [point], "lines": [19], "sourceModified": False}
        assert dap.ask("setBreakpoints", **body)["breakpoints"][0]["verified"]
        filters = [one["filter"] for one in dap.capabilities["exceptionBreakpointFilters"]]
        dap.ask("setFunctionBreakpoints", breakpoints=[])
        dap.ask("setExceptionBreakpoints", filters=filters[:1])
        assert dap.begin()["reason"] == "breakpoint"
        assert dap.where() == ("TWICE", 19)
        assert dap.go("next", granularity="line")["reason"] == "step"
        assert dap.go("stepBack")["reason"] in ("step", "breakpoint")
        frame = dap.frames()[0]
        assert frame["source"]["path"] == str(tmp_path / "TWICE.ASM")
        asked = {"expression": "num", "context": editor.evaluate, "frameId": frame["id"]}
        assert dap.ask("evaluate", **asked)["result"].startswith("21")
        for scope in dap.ask("scopes", frameId=frame["id"])["scopes"]:
            assert dap.variables(scope["variablesReference"]) is not None
        assert dap.ask("source", source=frame["source"], sourceReference=0)["content"]
        assert dap.go("continue")["reason"] == "exit"
        dap.ask("terminate", restart=False)
        dap.event("terminated")
        dap.ask("disconnect", restart=False, terminateDebuggee=True)
