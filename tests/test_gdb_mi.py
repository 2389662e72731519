"""gdb as IDEs drive it: gdb/MI, and the Debug Adapter Protocol of newer gdbs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boot_sectors import sector
from gdb_client import DEBIAN_GDB, PROJECT, Server, Talker, gdbs

pytestmark = pytest.mark.gdb
NO_GDB = Path("no gdb")
QUIET = {"TERM": "dumb", "LC_ALL": "C.UTF-8", "DEBUGINFOD_URLS": ""}


class Mi(Talker):
    """A gdb behind its machine interface."""

    def __init__(self, gdb: Path) -> None:
        super().__init__([str(gdb), "-q", "-nx", "-i=mi"], environment=QUIET)

    def ask(self, command: str) -> str:
        """Send a command; return its result record."""
        self.send(command)
        said = self.expect(r"^\^\w+.*\n")
        return said.splitlines()[-1]

    def move(self, command: str) -> str:
        """Send a command that resumes; return the record of the stop."""
        assert self.ask(command).startswith("^running")
        return self.expect(r"^\*stopped.*\n").splitlines()[-1]


@pytest.fixture(
    params=gdbs() or [NO_GDB], ids=lambda path: "debian" if path == DEBIAN_GDB else "extra"
)
def gdb(request: pytest.FixtureRequest) -> Path:
    """Return a gdb: that of the test extra, then Debian's where it is installed."""
    if request.param == NO_GDB:
        pytest.fail("no gdb: install the test extra (pip install -e '.[test]')")
    path: Path = request.param
    return path


@pytest.fixture
def mi(gdb: Path) -> Iterator[Mi]:
    """Return a fresh gdb/MI."""
    with Mi(gdb) as mi:
        yield mi


def test_an_ide_is_told_that_we_go_backward(mi: Mi) -> None:
    """Prevents reverse buttons that stay grey."""
    with Server("banner", "HI") as server:
        assert mi.ask(f"-target-select remote {server.address}").startswith("^connected")
        assert '"reverse"' in mi.ask("-list-target-features")
        mi.ask("-break-insert *&draw_letters")
        assert 'reason="breakpoint-hit"' in mi.move("-exec-continue")
        assert 'func="print_letters"' in mi.ask("-stack-list-frames")
        mi.ask("-break-delete")
        here = re.search(r'addr="(\w+)"', mi.ask("-stack-info-frame"))
        assert here
        assert "end-stepping-range" in mi.move("-exec-next-instruction")
        back = mi.move("-exec-next-instruction --reverse")
        assert f'addr="{here[1]}"' in back
        assert 'func="print_letters"' in mi.move("-exec-step-instruction --reverse")
        assert 'func="_start"' in mi.move("-exec-continue --reverse")


def test_no_stop_is_an_exception_to_an_ide(mi: Mi) -> None:
    """Prevents signal "0", which adapters show as an exception, at a catch, a seek and the end."""
    with Server("banner", "HI") as server:
        mi.ask(f"-target-select remote {server.address}")
        mi.ask('-interpreter-exec console "monitor catch elks write"')
        assert 'signal-name="SIGINT"' in mi.move("-exec-continue")
        mi.ask('-interpreter-exec console "monitor catch delete 1"')
        mi.ask('-interpreter-exec console "monitor seek 10"')
        assert 'signal-name="SIGINT"' in mi.move("-exec-step-instruction")
        assert 'addr="0x000' in mi.ask("-stack-info-frame")
        for _ in range(40):
            end = mi.move("-exec-continue")
            if "exited" in end:
                break
            assert 'signal-name="SIGINT"' in end
        assert 'reason="exited-normally"' in end


@pytest.mark.parametrize(
    ("code", "options", "signal"),
    [
        ("faf4", (), "SIGINT"),  # cli; hlt
        ("cd18", (), "SIGABRT"),  # no system to boot
        ("60", ("--strict",), "SIGSYS"),  # pusha, which an 8086 has not
    ],
)
def test_stops_that_nobody_asked_for(
    mi: Mi, tmp_path: Path, code: str, options: tuple[str, ...], signal: str
) -> None:
    """Prevents adapters from showing 'Exception: signal 0'."""
    (tmp_path / "boot.img").write_bytes(sector(bytes.fromhex(code)))
    with Server("--console", "none", *options, "boot.img", cwd=tmp_path) as server:
        mi.ask(f"-target-select remote {server.address}")
        stop = mi.move("-exec-continue")
        assert f'signal-name="{signal}"' in stop
        assert 'signal-name="0"' not in stop


def test_what_native_debug_sends(mi: Mi) -> None:
    """Prevents a start of VS Code's Native Debug (code-debug, mi2.ts: connect) that fails."""
    with Server("banner", "HI") as server:
        for command in (
            "-gdb-set target-async on",
            "-list-features",
            '-environment-directory "/"',
            "-enable-pretty-printing",
        ):
            assert mi.ask(command).startswith("^done"), command
        assert mi.ask(f"-target-select remote {server.address}").startswith("^connected")
        mi.ask("-break-insert draw_letters")
        assert 'reason="breakpoint-hit"' in mi.move("-exec-continue")
        assert mi.ask("-thread-info").count("target-id") == 1
        assert 'func="draw_letters"' in mi.ask("-stack-list-frames --thread 1 0 20")
        assert "^done" in mi.ask("-stack-list-variables --thread 1 --frame 0 --simple-values")
        assert '"eax"' in mi.ask("-data-list-register-names")
        assert 'func="_start"' in mi.move("-exec-continue --reverse")
        assert '"breakpoint-hit"' in mi.move("-exec-continue")


def test_what_cppdbg_sends(mi: Mi) -> None:
    """Prevents a start of VS Code's cppdbg (MIEngine) without `program`'s symbols that fails."""
    with Server("banner", "HI") as server:
        for command in (
            "-gdb-set print thread-events off",
            '-interpreter-exec console "set pagination off"',
            "-gdb-set mi-async on",
            "-gdb-set stop-on-solib-events 1",
        ):
            assert mi.ask(command).startswith("^done"), command
        cppdbg = configurations_shown()[1]
        for entry in cppdbg["customLaunchSetupCommands"]:
            command = entry["text"].replace(":1234", server.address)
            assert mi.ask(command).startswith("^connected")
        assert mi.ask("-break-insert -f draw_letters").startswith("^done")
        assert '"breakpoint-hit"' in mi.move("-exec-continue")
        assert 'func="main"' in mi.ask("-stack-list-frames 0 1000")
        assert "^done" in mi.ask('-data-disassemble -s "$pc" -e "$pc + 12" -- 2')
        assert "^done" in mi.ask("-data-list-register-values x")
        reverse = '-interpreter-exec console "reverse-stepi"'
        assert mi.ask(reverse).startswith(("^running", "^done"))
        assert 'func="print_letters"' in mi.expect(r"^\*stopped.*\n") or mi.transcript


def configurations_shown() -> list[dict[str, Any]]:
    """Return the configurations that docs/ides.md shows: Native Debug, cppdbg, DAP."""
    page = (PROJECT / "docs/ides.md").read_text()
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]


# -- DAP -------------------------------------------------------------------------------------


class Dap(Talker):
    """A gdb behind the Debug Adapter Protocol."""

    def __init__(self, gdb: Path, *options: str) -> None:
        super().__init__([str(gdb), "-q", "-nx", *options, "-i=dap"], environment=QUIET)
        self._sequence = 0

    def request(self, command: str, **arguments: Any) -> None:
        """Send a request."""
        self._sequence += 1
        content = {"seq": self._sequence, "type": "request", "command": command}
        body = json.dumps({**content, "arguments": arguments})
        assert self.process.stdin is not None
        self.process.stdin.write(f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        self.process.stdin.flush()

    def message(self, kind: str, name: str) -> dict[str, Any]:
        """Return the next event or response of that name; what comes before is dropped."""
        while True:
            header = self.expect(r"Content-Length: \d+\r?\n\r?\n")
            length = int(re.findall(r"Content-Length: (\d+)", header)[-1])
            found: dict[str, Any] = json.loads(self.expect(rf"[\s\S]{{{length}}}"))
            if found["type"] == kind and found.get("event", found.get("command")) == name:
                return found

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a request; return the body of its response."""
        self.request(command, **arguments)
        response = self.message("response", command)
        assert response["success"], response
        body: dict[str, Any] = response.get("body") or {}
        return body

    def frames(self) -> list[str]:
        """Return the functions of the backtrace."""
        return [frame["name"] for frame in self.ask("stackTrace", threadId=1)["stackFrames"]]


@pytest.fixture
def adapting() -> Path:
    """Return a gdb that speaks the Debug Adapter Protocol."""
    known = gdbs()
    if not known or known[0] == DEBIAN_GDB:
        pytest.skip("the DAP wants a gdb newer than Debian's: install the test extra")
    return known[0]


def test_the_debug_adapter_protocol(adapting: Path) -> None:
    """Prevents an adapter that can't attach; it has no stepBack, but a console that goes back."""
    with Server("banner", "HI") as server, Dap(adapting) as dap:
        assert dap.ask("initialize", adapterID="gdb")["supportsDisassembleRequest"]
        attach = configurations_shown()[2]
        dap.request("attach", **{**attach, "target": server.address})
        dap.ask("setFunctionBreakpoints", breakpoints=[{"name": "draw_letters"}])
        dap.ask("configurationDone")
        assert dap.message("event", "stopped")["body"]["reason"] == "attach"
        assert dap.frames() == ["_start"]
        dap.request("continue", threadId=1)
        assert dap.message("event", "stopped")["body"]["reason"] == "breakpoint"
        assert dap.frames() == ["draw_letters", "print_letters", "print_text", "main"]
        dap.request("next", threadId=1, granularity="instruction")
        assert dap.message("event", "stopped")["body"]["reason"] == "step"
        dap.request("evaluate", expression="reverse-continue", context="repl")
        dap.message("event", "stopped")
        assert dap.frames()[0] == "draw_letters"
        shown = dap.ask("disassemble", memoryReference="0x10000", instructionCount=2)
        assert [line["instruction"] for line in shown["instructions"]] == [
            "mov    %sp,%bx",
            "lea    0x2(%bx),%ax",
        ]
        dap.ask("disconnect")


def test_an_editor_sees_where_a_seek_has_led(adapting: Path) -> None:
    """Prevents the stack of another instant: an adapter's client looks again at stops alone."""
    script = PROJECT / "scripts" / "gdbinit-8086"
    with Server("banner", "HI") as server, Dap(adapting, "-x", str(script)) as dap:
        dap.ask("initialize", adapterID="gdb")
        dap.request("attach", target=server.address)
        dap.ask("setFunctionBreakpoints", breakpoints=[{"name": "draw_letters"}])
        dap.ask("configurationDone")
        dap.message("event", "stopped")
        dap.request("continue", threadId=1)
        dap.message("event", "stopped")
        drawing = dap.frames()
        at = int(dap.ask("evaluate", expression="$icount", context="watch")["result"])
        for command, frames in (("seek start", ["_start"]), (f"seek {at}", drawing)):
            dap.request("evaluate", expression=command, context="repl")
            dap.message("event", "stopped")
            assert dap.frames() == frames
        dap.ask("evaluate", expression="seek end", context="repl")  # there already: no step
        assert int(dap.ask("evaluate", expression="$icount", context="watch")["result"]) == at
        dap.ask("evaluate", expression="monitor seek 0", context="repl")
        dap.request("stepIn", threadId=1, granularity="instruction")
        dap.message("event", "stopped")
        assert dap.frames() == ["_start"]
        dap.ask("disconnect")
