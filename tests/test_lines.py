"""Consoles and serial lines end to end: what users plug into a PC, with and without a debugger."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest
from boot_sectors import sector
from gdb_client import PROJECT, TIMEOUT, Gdb, Server, Talker
from pc_guest import machine_on
from test_cli import ENVIRONMENT, RUN, SERVE, assert_one_line, command, run

from blink16.consoles import HELLO
from blink16.packets import frame

ECHO_BY_INTERRUPTS = bytes.fromhex(
    "fa 31c0 8ed8"  # cli; xor ax, ax; mov ds, ax
    "c7063000287c a33200"  # vector of IRQ 4: 0000:7C28
    "bafb03 b003 ee 42 b00b ee"  # COM1: 8 bits; DTR, RTS, OUT2
    "baf903 b001 ee e421 24ef e621 fb"  # an interrupt for each byte; unmask IRQ 4; sti
    "f4 ebfd"  # hlt, for ever
    "50 52 baf803 ec 3420 ee"  # the handler: the byte with its case changed goes back
    "b020 e620 5a 58 cf"  # EOI
)
ECHO_BY_INT14 = bytes.fromhex(
    "ba0100 b8e300 cd14"  # COM2: 9600 baud, 8 bits
    "b402 cd14 f6c480 75f7"  # a byte from the line, again if it has timed out
    "3420 b401 cd14 ebef"  # and back with its case changed
)
ECHO_KEYS = bytes.fromhex("b400cd16b40ecd10ebf6")
WRITE_SECTOR_AND_HALT = bytes.fromhex("b80103bb007cb90200ba0000cd13faf4")
COUNT_ON_DISK_AND_HALT = bytes.fromhex(
    "b80102 bb007e b90200 ba0000 cd13"  # read sector 2
    "fe06007e b80103 cd13 fa f4"  # its first byte goes up; write it
)
PLACES = {"com1": "tcp:0", "com2": "unix:com2"}
GUESTS = {"com1": ECHO_BY_INTERRUPTS, "com2": ECHO_BY_INT14}


def plug(talker: Talker, channel: str, folder: Path) -> socket.socket:
    """Connect to a line of a command that has just told where it is."""
    where = talker.expect(rf"{channel} is at .*\n").rpartition(" ")[2].strip()
    return connect(where, folder)


def connect(where: str, folder: Path) -> socket.socket:
    """Connect to a place."""
    host, colon, port = where.rpartition(":")
    if not colon:
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(TIMEOUT)
        peer.connect(str(folder / where))
        return peer
    peer = socket.create_connection((host, int(port)), TIMEOUT)
    assert peer.recv(len(HELLO)) == HELLO
    return peer


def hear(peer: socket.socket, text: bytes) -> None:
    """Wait for a text."""
    heard = b""
    while text not in heard:
        data = peer.recv(4096)
        assert data, heard
        heard += data


def image(folder: Path, code: bytes) -> str:
    """Write a disk that boots this code; return its name."""
    (folder / "disk.img").write_bytes(sector(code))
    return "disk.img"


class Debugger:
    """A debugger that resumes, and stops, and knows no more."""

    def __init__(self, server: Talker | str) -> None:
        """Attach to a server that has just started, or at an address."""
        if isinstance(server, Talker):
            server = server.expect(r"Listening on .*\n").rpartition(" ")[2].strip()
        self._socket = connect_plainly(server)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, body: bytes) -> None:
        """Send a packet."""
        self._socket.sendall(frame(body))

    def stop(self) -> None:
        """Press Ctrl-C."""
        self._socket.sendall(b"\x03")

    def until(self, pattern: bytes) -> bytes:
        """Return what the server says, up to something."""
        heard = b""
        while not re.search(pattern, heard):
            data = self._socket.recv(4096)
            assert data, heard
            heard += data
        return heard

    def until_end(self) -> None:
        """Wait until the server hangs up."""
        while self._socket.recv(4096):
            pass

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def connect_plainly(address: str) -> socket.socket:
    """Connect to a debugger's port."""
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), TIMEOUT)


# -- serial lines ----------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["com1", "com2"])
def test_a_serial_line_reaches_the_guest_and_comes_back(channel: str, tmp_path: Path) -> None:
    """A byte must cause an interrupt, or be there for INT 14h, and the answer come out; again
    for whoever connects next.
    """
    options = ["--serial", f"{channel}={PLACES[channel]}", image(tmp_path, GUESTS[channel])]
    with Talker(command(RUN, *options), cwd=tmp_path, environment=ENVIRONMENT) as talker:
        talker.end_input()  # a line is left: the machine doesn't end for want of a keyboard
        peer = plug(talker, channel, tmp_path)
        name = peer.getpeername()
        where = f"{name[0]}:{name[1]}" if isinstance(name, tuple) else PLACES["com2"][5:]
        peer.sendall(b"abcXYZ")
        hear(peer, b"ABCxyz")
        peer.close()
        with connect(where, tmp_path) as peer:
            peer.sendall(b"again")
            hear(peer, b"AGAIN")
        talker.signal(signal.SIGINT)
        assert talker.wait() == 130
    assert not (tmp_path / "com2").exists()


@pytest.mark.parametrize("channel", ["com1", "com2"])
def test_a_serial_line_under_a_debugger(channel: str, tmp_path: Path) -> None:
    """What comes while the machine stands waits for it; `continue` goes on until it is stopped."""
    options = ["--port", "0", "--serial", f"{channel}={PLACES[channel]}"]
    options.append(image(tmp_path, GUESTS[channel]))
    with Talker(command(SERVE, *options), cwd=tmp_path, environment=ENVIRONMENT) as server:
        with plug(server, channel, tmp_path) as peer:
            debugger = Debugger(server)
            peer.sendall(b"early")
            for word in (b"early", b"later"):
                debugger.send(b"vCont;c")
                if word == b"later":
                    peer.sendall(word)
                hear(peer, word.upper())
                debugger.stop()
                debugger.until(rb"\$T02")
            debugger.close()
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


def test_only_a_pc_has_serial_ports(tmp_path: Path) -> None:
    """Prevents bytes on a line that lead nowhere, or crash."""
    for code in (RUN, SERVE):
        port = () if code == RUN else ("--port", "0")
        done = run(*port, "--serial", "com1=tcp:0", "banner", code=code)
        assert done.returncode == 1
        assert_one_line(done.stderr.rpartition("Listening")[0] or done.stderr, "com1", "only a PC")


# -- a console on a socket -------------------------------------------------------------------


def test_elks_on_a_socket(shared: Path) -> None:
    """Telnet to a machine must do what sitting in front of it does."""
    machine_on("native")  # or skip
    disk = str(shared / "images/fd1440.img")
    options = command(RUN, "--engine", "native", "--console", "tcp:0", disk)
    with (
        Talker(options, environment=ENVIRONMENT) as talker,
        plug(talker, "console", PROJECT) as telnet,
    ):
        telnet.sendall(b"ls\r\n")
        hear(telnet, b"bootopts")
        telnet.sendall(b"cat /etc/passwd\r\n")
        hear(telnet, b"user2")


@pytest.mark.gdb
def test_elks_on_a_socket_under_gdb(gdb: Gdb, shared: Path) -> None:
    """Telnet and gdb at one machine: it waits for keys while gdb continues, and for gdb else."""
    machine_on("native")  # or skip
    disk = str(shared / "images/fd1440.img")
    options = ["--port", "0", "--engine", "native", "--console", "tcp:0", disk]
    with (
        Talker(command(SERVE, *options), environment=ENVIRONMENT) as server,
        plug(server, "console", PROJECT) as telnet,
    ):
        address = server.expect(r"Listening on .*\n").rpartition(" ")[2].strip()
        gdb.run(f"target remote {address}")
        for line, answer in ((b"ls\r\n", b"bootopts"), (b"cat /etc/passwd\r\n", b"user2")):
            gdb.send("continue")
            gdb.expect("Continuing")
            telnet.sendall(line)
            hear(telnet, answer)
            gdb.interrupt()
            gdb.expect(r"SIGINT[^$]*\(gdb\) ")
            gdb.run("reverse-stepi 1000")


# -- the server's own terminal ---------------------------------------------------------------


class Pty:
    """A terminal of 80x30 with a command on it."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 80, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"{_OWN_TERMINAL}{SERVE}", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env={**os.environ, **ENVIRONMENT},
            start_new_session=True,
        )

    def expect(self, pattern: str) -> str:
        """Wait for something to be sent to the terminal; return it with all before."""
        while (found := re.search(pattern, self.seen)) is None:
            assert select.select([self.master], [], [], TIMEOUT)[0], self.seen
            self.seen += os.read(self.master, 65536).decode()
        said, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return said

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def wait(self) -> int:
        """Wait for its end, and see that the terminal is as it was."""
        status = self.process.wait(TIMEOUT)
        assert termios.tcgetattr(self.slave) == self.before
        return status


_OWN_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "


@contextmanager
def on_a_terminal(*arguments: str, cwd: Path) -> Iterator[Pty]:
    """Run the server on a terminal of its own."""
    made = Pty("--port", "0", *arguments, cwd=cwd)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait(TIMEOUT)
        os.close(made.master)
        os.close(made.slave)


@pytest.mark.parametrize("how", ["ctrl-]", "SIGTERM", "SIGINT", "SIGHUP"])
def test_a_pc_on_the_servers_terminal(how: str, tmp_path: Path) -> None:
    """Its screen and keyboard are there while the debugger lets it run; afterwards the terminal
    is its user's again, whatever ended the server.
    """
    with on_a_terminal(image(tmp_path, ECHO_KEYS), cwd=tmp_path) as terminal:
        said = terminal.expect(r"Listening on 127\.0\.0\.1:\d+")
        address = said.rpartition(" ")[2]
        assert " stands | Ctrl-] ends the server" in said
        assert not termios.tcgetattr(terminal.slave)[3] & (termios.ECHO | termios.ICANON)
        terminal.type(b"early\x03")  # Ctrl-C is a key like others
        with connect_plainly(address) as debugger:
            debugger.sendall(frame(b"vCont;c"))
            terminal.expect(" runs ")
            terminal.type(b"<>")
            terminal.expect("early♥<>")
            debugger.sendall(b"\x03")
            terminal.expect("stopped by the debugger")
        if how == "ctrl-]":
            terminal.type(b"\x1d")
        else:
            terminal.process.send_signal(signal.Signals[how])
        assert terminal.wait() == 0


def test_a_debugger_on_our_streams_leaves_no_room_for_a_console() -> None:
    """Prevents keys between the packets of a debugger, and an option ignored in silence."""
    done = run("--stdio", "--console", "stdio", "banner", code=SERVE)
    assert done.returncode == 2
    assert_one_line(done.stderr, "--console stdio", "tcp:PORT")


# -- stops with a reason ---------------------------------------------------------------------


@pytest.mark.gdb
@pytest.mark.parametrize(
    ("code", "reason", "signal"),
    [
        ("faf4", "halted for good at instruction 3 (HLT with interrupts off)", "SIGINT"),
        ("eaf0ff00f0", "the machine starts anew (reset) at instruction ", "SIGINT"),
        ("b80753bb0100b90300cd15", "switched off by its program (INT 15h, AX=5307h)", "SIGINT"),
        ("cd18", "the machine found no system to boot (INT 18h) at instruction 2", "SIGABRT"),
    ],
    ids=["hlt", "reset", "off", "no-system"],
)
def test_gdb_says_why_a_pc_stopped(
    gdb: Gdb, tmp_path: Path, code: str, reason: str, signal: str
) -> None:
    """A machine that stands still without a word looks like a hang."""
    with Server(image(tmp_path, bytes.fromhex(code)), cwd=tmp_path) as server:
        gdb.run(server.target)
        said = gdb.run("continue")
        assert reason in said
        assert f"received signal {signal}" in said


@pytest.mark.gdb
def test_gdb_resets_a_pc(gdb: Gdb, tmp_path: Path) -> None:
    """`monitor reset` stops behind the self-test with its reason, then the disk boots again."""
    with Server(image(tmp_path, bytes.fromhex("f4ebfd")), cwd=tmp_path) as server:
        gdb.run(server.target)
        gdb.run("stepi 20")
        gdb.run("monitor reset")
        assert "starts anew (reset) at instruction 22" in gdb.run("continue")
        gdb.run("hbreak *0x7c00")
        assert "0x00007c00" in gdb.run("continue")
        gdb.run("reverse-stepi 10")
        assert gdb.value("$icount") < 22


# -- disks -----------------------------------------------------------------------------------


def test_the_server_commits_when_asked(tmp_path: Path) -> None:
    """What the guest wrote reaches the image at the server's end, and not before."""
    name = image(tmp_path, WRITE_SECTOR_AND_HALT)
    disk = tmp_path / name
    disk.write_bytes(disk.read_bytes().ljust(368640, b"\0"))
    before = disk.read_bytes()
    for options in ([], ["--commit"]):
        serve = command(SERVE, "--port", "0", *options, name)
        with Talker(serve, cwd=tmp_path, environment=ENVIRONMENT) as server:
            debugger = Debugger(server)
            debugger.send(b"vCont;c")
            debugger.until(rb"\$T02")
            assert disk.read_bytes() == before
            server.signal(signal.SIGTERM)
            assert server.wait() == 0
            said = server.expect_end()
            debugger.close()
    assert "1 sector written" in said
    assert disk.read_bytes() == before[:512] + before[:512] + before[1024:]


def test_each_machine_hands_its_disks_to_the_next(tmp_path: Path) -> None:
    """With --commit what was written before a debugger's `kill` or `run` must not be lost, and
    the fresh machine finds it, as a PC does that was switched off and on.
    """
    name = image(tmp_path, COUNT_ON_DISK_AND_HALT)
    disk = tmp_path / name
    disk.write_bytes(disk.read_bytes().ljust(368640, b"\0"))
    serve = command(SERVE, "--port", "0", "--commit", name)
    with Talker(serve, cwd=tmp_path, environment=ENVIRONMENT) as server:
        address = server.expect(r"Listening on .*\n").rpartition(" ")[2].strip()
        for count in (1, 2):
            with Debugger(address) as debugger:
                debugger.send(b"vCont;c")
                debugger.until(rb"\$T02")
                assert disk.read_bytes()[512] == count - 1
                debugger.send(b"k")
                debugger.until_end()
            assert disk.read_bytes()[512] == count
        with Debugger(address) as debugger:  # `run` in gdb
            debugger.send(b"!")
            debugger.until(rb"\$OK")
            for count in (3, 4):
                debugger.send(b"vCont;c")
                debugger.until(rb"\$T02")
                debugger.send(b"vKill;1")
                debugger.until(rb"\$OK")
                debugger.send(b"vRun;")
                debugger.until(rb"\$T05")
                assert disk.read_bytes()[512] == count
            debugger.send(b"vCont;c")
            debugger.until(rb"\$T02")
        disk.write_bytes(b"?" + disk.read_bytes()[1:])  # somebody else
        server.signal(signal.SIGTERM)
        assert server.wait() == 1
        said = server.expect_end()
        assert said.count("1 sector written") == 4
        assert "changed meanwhile" in said
    assert disk.read_bytes()[512] == 4
