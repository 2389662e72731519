"""The server's ways to be reached, and its recordings, with a real gdb."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from gdb_client import PROJECT, SERVE, Gdb, Server

pytestmark = pytest.mark.gdb


def pipe(*arguments: str) -> str:
    """Return the gdb command that starts a server of its own."""
    # the gdb of the test extra sets PYTHONHOME for its own Python
    command = f"env -u PYTHONHOME PYTHONPATH={PROJECT} {sys.executable} -c '{SERVE}' --stdio"
    return " ".join(["target remote |", command, *arguments])


def test_gdb_starts_a_server_of_its_own(gdb: Gdb) -> None:
    """Prevents output of the program, or of ours, from getting between the packets."""
    gdb.run(pipe("banner HI"))
    gdb.run("stepi 100")
    gdb.run("reverse-stepi 50")
    assert gdb.value("$icount") == 50
    assert "exited with status 0" in gdb.run("continue")
    gdb.run("reverse-continue")
    assert gdb.value("$icount") == 0


def test_the_programs_output_can_come_to_gdb(gdb: Gdb) -> None:
    """Prevents an output that nobody sees where the server has no terminal."""
    gdb.run(pipe("--console gdb banner HI"))
    said = gdb.run("continue")
    lines = said.partition("exited with status")[0].split("\n")
    assert sum("H" in line for line in lines) == 7, said


def test_a_guest_without_input_can_be_stopped(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents a guest that reads its console from taking gdb's packets for input."""
    program = tmp_path / "ask.com"
    program.write_bytes(bytes.fromhex("b8 00 08 cd 21 eb fe"))
    gdb.run(pipe(str(program)))
    gdb.send("continue")
    gdb.expect("waits for input")
    gdb.interrupt()
    assert "SIGINT" in gdb.expect(r"\(gdb\) ")


def test_gdb_attaches_to_a_socket_file(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents a socket file that others can open, or that stays behind."""
    path = tmp_path / "socket"
    with Server("--listen", f"unix:{path}", "banner") as server:
        assert path.stat().st_mode & 0o777 == 0o600
        gdb.run(server.target)
        gdb.run("stepi 3")
        assert gdb.value("$icount") == 3
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    assert not path.exists()


def test_a_recording_is_the_same_session(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents a session that is lost with its server, or that another run would not repeat."""
    with Server("--record", "session.b16", "banner", "HI", cwd=tmp_path) as server:
        gdb.run(server.target)
        gdb.run("stepi 1000")
        there = gdb.run("info registers")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    gdb.run("disconnect")
    with Server("--replay", "session.b16", cwd=tmp_path) as server:
        gdb.run(server.target)
        assert gdb.value("$icount") == 0
        assert "_start" in gdb.run("x/i $pc")
        assert "to 1000" in gdb.run("monitor history")
        gdb.run("stepi 1000")
        assert gdb.run("info registers") == there
