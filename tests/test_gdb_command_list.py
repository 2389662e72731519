"""gdb's own list of commands, each typed at a machine whose code has no lines, in both directions.

gdb itself says which commands it has (``complete``), so a command of a newer gdb is typed too.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from gdb_client import Gdb, Server
from unwind_guest import COM, LABELS, SEGMENT

pytestmark = pytest.mark.gdb
PLACE = f"*{(SEGMENT << 4) + LABELS['leaf']:#x}"
PREFIXES = (
    *("", "info ", "catch ", "tcatch ", "record ", "target ", "maintenance ", "maintenance info "),
    *("maintenance print ", "maintenance check ", "maintenance flush "),
)
"""Where gdb has commands; those of ``set``, ``show``, ``tui`` and the like are about gdb alone."""
NOT_TYPED = {
    "its own end": "quit",
    "it waits for more lines": "commands define document if while while-stepping stepping ws "
    "python python-interactive guile guile-repl actions compile expression dont-repeat",
    "the host's own": "shell ! make edit pipe | cd source new-ui jit-reader-load save",
    "the screen": "tui layout focus fs refresh + - < > winheight winwidth wh update",
}
FAILING = (
    *("maintenance dump-me", "maintenance internal-error", "maintenance internal-warning"),
    *("maintenance demangler-warning", "maintenance selftest", "maintenance test-options"),
    *("maintenance time", "maintenance space", "maintenance with", "maintenance canonicalize"),
    "target record-btrace",
)
"""Made to fail, about gdb itself, or without an argument the end of gdb 18 at any target."""
FAULTS = ("internal-error:", "Traceback", "Remote failure reply", "rotocol error", "unrecognized")
BEFORE = {f"jump {PLACE}": [f"tbreak {PLACE}+1"]}
"""What has to be typed first, lest the program runs for ever."""
ARGUMENTS = {
    "advance": [PLACE],
    "agent-printf": ['"%d", 1'],
    "attach": ["1", "7"],
    "awatch": ["*(short*)0x500"],
    "break": [PLACE, "leaf", "nowhere"],
    "break-range": [f"{PLACE}, {PLACE}"],
    "call": ["start()", "1 + 1"],
    "checkpoint": [""],
    "clear": [PLACE],
    "clone-inferior": [""],
    "disassemble": ["$pc, +8", "/s", "/r $pc,+4"],
    "display": ["/i $pc"],
    "dprintf": [PLACE + ',"%d\\n",$eax'],
    "dump": ["binary memory /nowhere/x 0 1"],
    "exec-file": ["/bin/true", ""],
    "file": ["/bin/true", ""],
    "find": ["0, 0x1000, 1", "$pc, +64, (char)0x40"],
    "flash-erase": [""],
    "generate-core-file": ["/nowhere/core"],
    "goto-bookmark": ["start", "end"],
    "bookmark": [""],
    "handle": ["SIGUSR1 nostop"],
    "hbreak": [PLACE],
    "jump": [PLACE],
    "list": ["start", PLACE],
    "load": ["/bin/true", ""],
    "mem": ["0 0x1000 ro"],
    "monitor": ["help", "nonsense", "regs"],
    "print": ["start", "$eax", "start()", "*(char*)0"],
    "ptype": ["start"],
    "queue-signal": ["SIGINT", "0"],
    "rbreak": ["^leaf$"],
    "remote": ["get /blink16.elf /nowhere/x", "put /bin/true x", "delete x"],
    "restore": ["/bin/true binary 0x8000 0 16"],
    "return": ["", "1"],
    "rwatch": ["*(short*)0x500"],
    "set": ["$eax = 1", "*(char*)0x500 = 1", "$icount = 1", "$fs = 1", "var $ebx = 2"],
    "show": [""],
    "signal": ["SIGINT", "0"],
    "skip": ["function start", ""],
    "strace": [PLACE],
    "tbreak": [PLACE],
    "thbreak": [PLACE],
    "thread": ["1", "2", "apply all p $pc"],
    "trace": [PLACE],
    "tsave": ["/nowhere/x", "-r x"],
    "watch": ["*(short*)0x500", "$eax"],
    "x": ["/3i $pc", "/4xb 0xffffffff", "/2xh $sp"],
    "info address": ["start"],
    "info line": ["start", PLACE],
    "info scope": ["start", PLACE],
    "info symbol": ["$pc"],
    "info os": ["processes", "threads"],
    "catch syscall": ["1"],
    "catch signal": ["SIGUSR1"],
    "maintenance packet": ["?", "nonsense"],
    "maintenance agent": ["1 + $eax"],
    "maintenance agent-eval": ["1 + $eax"],
    "record goto": ["begin", "0"],
    "record": ["full", "btrace", "stop"],
    "target extended-remote": ["127.0.0.1:1"],
    "target remote": ["127.0.0.1:1"],
    "target record-full": [""],
}
"""What is typed behind some, besides nothing."""
SPOILING = "load /bin/true"
"""What overwrites the program, which would run astray for ever."""
LOST = "= "
"""What the value of $pc is shown with, while gdb has a program."""
MARK = "that was {}\n"


class Typist:
    """Types commands to a gdb, and tells from what a next one prints that it has ended."""

    def __init__(self, gdb: Gdb) -> None:
        self._gdb = gdb
        self._typed = 0

    def type(self, command: str) -> str:
        """Return what a command prints."""
        self._typed += 1
        mark = MARK.format(self._typed)
        self._gdb.send(command)
        self._gdb.send(f"echo {mark.rstrip()}\\n")
        return self._gdb.expect(mark)


def commands(gdb: Gdb) -> list[str]:
    """Return all commands to type, with their arguments."""
    gdb.run("set max-completions unlimited")
    silent = {*" ".join(NOT_TYPED.values()).split(), *FAILING}
    lines = []
    for prefix in PREFIXES:
        found = [line.strip() for line in gdb.run(f"complete {prefix}").splitlines()]
        names = [name for name in found if name.startswith(prefix) and name not in silent]
        lines += [f"{n} {a}".strip() for n in names for a in ["", *ARGUMENTS.get(n, ())]]
    return lines


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_each_of_gdb_s_commands_ends(gdb: Gdb, tmp_path: Path, direction: str) -> None:
    """Prevents commands that hang or end gdb, the conversation or the server."""
    (tmp_path / "plain.com").write_bytes(COM)
    lines = commands(gdb)
    assert len(lines) > 350
    typist = Typist(gdb)
    for setting in ("confirm off", "pagination off", "remotetimeout 5", "tcp connect-timeout 1"):
        typist.type(f"set {setting}")
    typist.type(f"cd {tmp_path}")
    with Server("plain.com", cwd=tmp_path) as server:

        def arrive() -> None:
            assert "Remote debugging using" in typist.type(server.target)
            typist.type("stepi 12")
            typist.type(f"set exec-direction {direction}")

        arrive()
        for line in lines:
            for prepared in BEFORE.get(line, ()):
                typist.type(prepared)
            said = typist.type(line)
            for fault in FAULTS:
                assert fault not in said, line
            typist.type("delete")
            if line == SPOILING:
                typist.type("kill")
            if LOST not in typist.type("p $pc"):
                typist.type("disconnect")
                typist.type("file")
                arrive()
        assert "= 2\n" in typist.type("p 1 + 1")
    assert "failed" not in server.transcript
