"""What commands leave behind when a signal ends them: no folder, no process, no socket file."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import warm_python
from dap_client import Dap
from view_terminal import VIEW, ViewTerminal

from blink16.endings import ended_in_order, ending_signals

if not hasattr(os, "pidfd_open"):
    pytest.skip("looks at processes as Linux shows them", allow_module_level=True)

PATIENCE = 60.0
"""Seconds: a cold start on a busy machine takes a while."""
ENDS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
RUN, SERVE, ASK = (
    f"import sys; from blink16.cli import {name}_main; sys.exit({name}_main())"
    for name in ("run", "server", "ask")
)
DAP, MCP = (
    f"import sys; from blink16.{name}.main import main; sys.exit(main())" for name in ("dap", "mcp")
)
SCRIPT = """\
import sys
from blink16 import client
with client.launch("banner", "HI") as target:
    print("ready", flush=True)
    sys.stdin.read()
"""
"""A user's own, which minds no signal."""
A_AND_LOOP = bytes.fromhex("b402 b241 cd21 ebfe")
"""Print an A, and loop: mov ah, 2; mov dl, 'A'; int 21h; jmp $."""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder where we, and who we start, make temporary folders."""
    found = tmp_path / "scratch"
    found.mkdir()
    monkeypatch.setenv("TMPDIR", str(found))
    monkeypatch.setattr(warm_python, "is_warm", lambda command: False)  # processes of their own
    return found


def marked(scratch: Path) -> list[int]:
    """Return the processes that have a scratch folder, without us."""
    wanted, found = f"TMPDIR={scratch}\0".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            there = wanted in path.read_bytes() + b"\0"
        except OSError:  # it has just ended, or is another user's
            continue
        if there and int(path.parent.name) != os.getpid():
            found.append(int(path.parent.name))
    return found


def assert_nothing_is_left(scratch: Path) -> None:
    """Wait until all processes have ended; assert that they have removed what they had made."""
    for process in marked(scratch):
        try:
            descriptor = os.pidfd_open(process)
        except ProcessLookupError:
            continue
        try:
            ended = select.select([descriptor], [], [], PATIENCE)[0]
            assert ended, Path(f"/proc/{process}/cmdline").read_bytes()
        finally:
            os.close(descriptor)
    assert [path.name for path in scratch.rglob("*")] == []


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start Python, a process of its own; what was not read of it is thrown away."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, *words], stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0
    ) as process:
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()


def said(process: subprocess.Popen[bytes], wanted: str, *, error: bool = False) -> re.Match[str]:
    """Read what a process says until a pattern is in it; return the match."""
    pipe = process.stderr if error else process.stdout
    assert pipe is not None
    text = ""
    while (match := re.search(wanted, text)) is None:
        data = pipe.read(4096)
        assert data, text
        text += data.decode()
    return match


def ended(process: subprocess.Popen[bytes], number: int) -> int:
    """Send a signal; return the exit status."""
    process.send_signal(number)
    return process.wait(PATIENCE)


def write(process: subprocess.Popen[bytes], data: bytes) -> None:
    """Write to a process' standard input."""
    assert process.stdin is not None
    process.stdin.write(data)


# -- what signals do -------------------------------------------------------------------------------


class Undone:
    """What undoes something, while signals come."""

    def __init__(self, *signals: int) -> None:
        self._signals = signals
        self.at_all = False

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        for number in self._signals:
            signal.raise_signal(number)
        self.at_all = True


@pytest.mark.parametrize("number", ending_signals())
def test_a_signal_undoes_what_was_begun(number: signal.Signals) -> None:
    """Prevents folders, raw terminals and a traceback after a signal, and a handler that stays."""
    before, undone = signal.getsignal(number), Undone()
    with pytest.raises(SystemExit) as ended, ended_in_order(), undone:
        signal.raise_signal(number)
    assert ended.value.code == 128 + number
    assert undone.at_all
    assert signal.getsignal(number) == before


def test_further_signals_do_not_cut_that_short() -> None:
    """Prevents a second SIGTERM, or the hang-up behind it, from leaving half of it undone."""
    undone = Undone(signal.SIGTERM, signal.SIGHUP)
    with pytest.raises(SystemExit) as ended, ended_in_order(), undone:
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 143
    assert undone.at_all


def test_who_is_under_nohup_hears_no_hang_up() -> None:
    """Prevents a program from ending with its terminal although its user has said otherwise."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_in_order():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.SIGHUP not in ending_signals()
    finally:
        signal.signal(signal.SIGHUP, before)


# -- commands that run a program -------------------------------------------------------------------


@ENDS
def test_a_program_that_runs(number: signal.Signals, scratch: Path, tmp_path: Path) -> None:
    """Prevents a status from which nobody learns what has ended it."""
    program = tmp_path / "loop.com"
    program.write_bytes(A_AND_LOOP)
    with started("-c", RUN, str(program)) as process:
        said(process, "A")
        assert ended(process, number) == 128 + number
    assert_nothing_is_left(scratch)


@ENDS
def test_a_run_that_is_to_be_asked(number: signal.Signals, scratch: Path, tmp_path: Path) -> None:
    """Prevents recordings of the runs that `blink16-ask --run` makes from filling the disk."""
    program = tmp_path / "loop.com"
    program.write_bytes(A_AND_LOOP)
    with started("-c", ASK, "--run", str(program), "--", "writers", "0x500") as process:
        said(process, "A", error=True)
        status = ended(process, number)
        if number != signal.SIGINT:  # by which the run ends, and is asked
            assert status == 128 + number
    assert_nothing_is_left(scratch)


# -- servers ---------------------------------------------------------------------------------------


@ENDS
def test_a_server_on_a_socket_file(number: signal.Signals, scratch: Path) -> None:
    """Prevents socket files of servers that are no more."""
    place = scratch / "place"
    with started("-c", SERVE, "--listen", f"unix:{place}", "banner", "HI") as process:
        said(process, "Listening on", error=True)
        assert ended(process, number) == 0
    assert_nothing_is_left(scratch)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_of_a_script(number: signal.Signals, scratch: Path) -> None:
    """Prevents the folder of a server of our own from staying when we can't remove it."""
    with started("-c", SCRIPT) as process:
        said(process, "ready")
        assert list(scratch.iterdir())
        assert ended(process, number) == -number
    assert_nothing_is_left(scratch)


# -- views -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("banner", "HI"), ()], ids=["a program", "none"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_view(number: signal.Signals, words: tuple[str, ...], scratch: Path) -> None:
    """Prevents a view's folder and server from staying after it, even where it was killed."""
    with ViewTerminal(*VIEW, *words) as view:
        view.until("q" if not words else "▶")
        view.signal(number)
        assert view.status() == (-number if number == signal.SIGKILL else 128 + number)
    assert_nothing_is_left(scratch)


@ENDS
def test_a_view_for_browsers(number: signal.Signals, scratch: Path) -> None:
    """Prevents the folder of a view's server from staying after each session in a browser."""
    pytest.importorskip("textual_serve")
    with started("-m", "blink16.blinkenlights", "--web", "0", "banner", "HI") as process:
        said(process, "Open http")
        assert list(scratch.iterdir())
        assert ended(process, number) == (0 if number == signal.SIGINT else 128 + number)
    assert_nothing_is_left(scratch)


# -- adapters --------------------------------------------------------------------------------------


def dap_ended(dap: Dap, number: int) -> int:
    """Send an adapter a signal; return its exit status."""
    dap._process.send_signal(number)
    return dap._process.wait(PATIENCE)


@pytest.mark.parametrize("number", [*ending_signals(), signal.SIGKILL])
def test_an_adapter(number: signal.Signals, scratch: Path) -> None:
    """Prevents folders, and servers, from staying where an IDE ends its adapter by a signal."""
    with Dap() as dap:
        dap.initialize()
        dap.ask("launch", program="banner", args=["HI"])
        assert list(scratch.iterdir())
        assert dap_ended(dap, number) == (-9 if number == signal.SIGKILL else 128 + number)
    assert_nothing_is_left(scratch)


@ENDS
def test_an_adapter_that_does_nothing_yet(number: signal.Signals, scratch: Path) -> None:
    """Prevents an adapter that waits for its client for ever, on whatever it listens."""
    with Dap() as dap:
        dap.initialize()
        assert dap_ended(dap, number) == 128 + number
    with started("-c", DAP, "--port", "0") as process:
        port = int(said(process, r"Listening on .*:(\d+)\n", error=True)[1])
        with socket.create_connection(("127.0.0.1", port)):
            assert ended(process, number) == 128 + number
    assert_nothing_is_left(scratch)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_adapter_whose_program_has_a_terminal(number: signal.Signals, scratch: Path) -> None:
    """Prevents a server in an IDE's terminal that waits for an adapter that is no more."""
    with Dap() as dap:
        dap.initialize(supportsRunInTerminalRequest=True)
        launch = {"program": "banner", "args": ["HI"], "console": "integratedTerminal"}
        asked = dap.send("launch", launch)
        while not dap.reverse:
            dap.receive()
        with started(*dap.reverse[0]["arguments"]["args"][1:]) as terminal:
            answer = {"type": "response", "seq": 90, "request_seq": dap.reverse[0]["seq"]}
            answer |= {"command": "runInTerminal", "success": True, "body": {}}
            dap.send_raw(json.dumps(answer).encode())
            assert dap.response(asked)["success"]
            assert dap_ended(dap, number) == 128 + number
            if marked(scratch):
                terminal.send_signal(signal.SIGHUP)  # as an IDE closes it
            terminal.wait(PATIENCE)
    assert_nothing_is_left(scratch)


def to_mcp(process: subprocess.Popen[bytes], method: str, **told: Any) -> None:
    """Send a message to an MCP server."""
    write(process, json.dumps({"jsonrpc": "2.0", "method": method, **told}).encode() + b"\n")


@pytest.mark.parametrize("number", [*ending_signals(), signal.SIGKILL])
def test_an_assistants_server(number: signal.Signals, scratch: Path) -> None:
    """Prevents machines of an assistant that is no more, and a server that waits for a key."""
    pytest.importorskip("mcp")
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}}
    hello |= {"clientInfo": {"name": "test", "version": "1"}}
    with started("-W", "ignore", "-c", MCP) as process:
        to_mcp(process, "initialize", id=1, params=hello)
        said(process, '"id":1')
        to_mcp(process, "notifications/initialized")
        load = {"name": "load", "arguments": {"program": "banner", "arguments": ["HI"]}}
        to_mcp(process, "tools/call", id=2, params=load)
        said(process, "m1 stands")
        assert list(scratch.iterdir())
        assert ended(process, number) == (-9 if number == signal.SIGKILL else 128 + number)
    assert_nothing_is_left(scratch)
