"""Python processes that begin with our packages imported: half a second of each start is saved.

`start` is `subprocess.Popen` for ``[sys.executable, "-c", CODE, *WORDS]`` with pipes.  A process
of our own, which has imported what servers need and started no thread, forks for each.  What is
made that way is a process like others: its own signals, streams, folder, environment and exit.
That commands start from nothing is the business of other tests.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Thread
from typing import IO, Any

import trio

PROJECT = Path(__file__).resolve().parents[1]
IMPORTS = (
    "blink16.cli.main",
    "blink16.cli.server_arguments",
    "blink16.client.launching",
    "blink16.cpu.native.loading",
    "blink16.dap.edge",
    "blink16.dap.main",
    "blink16.server",
)
MAX_REQUEST = 1 << 20
NUMBER = struct.Struct("<q")
"""How a process' number, and then its status, is told."""
STREAMS = 3
"""Descriptors that a process begins with."""


class WarmProcess:
    """What tests need of `subprocess.Popen`."""

    def __init__(self, order: bytes, output: int, error: int) -> None:
        """``output``, ``error``: `subprocess.PIPE`, or for the second `subprocess.STDOUT`."""
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        ours_error, theirs_error = os.pipe() if error == subprocess.PIPE else (None, theirs_out)
        self.fate, fate = os.pipe()
        """Can be read once it has ended."""
        theirs = (theirs_in, theirs_out, theirs_error, fate)
        socket.send_fds(_keeper(), [order], theirs)
        for descriptor in {*theirs}:
            os.close(descriptor)
        self.stdin: IO[bytes] | None = open(ours_in, "wb")  # noqa: PTH123, SIM115
        self.stdout: IO[bytes] | None = open(ours_out, "rb")  # noqa: PTH123, SIM115
        self.stderr = None if ours_error is None else open(ours_error, "rb")  # noqa: PTH123, SIM115
        (self.pid,) = NUMBER.unpack(os.read(self.fate, NUMBER.size))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit status, or the negative number of a signal; None if it lives."""
        return self._look(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; return the exit status, or the negative number of a signal."""
        status = self._look(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        return status

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self.fate], [], [], timeout)[0]:
            (status,) = NUMBER.unpack(os.read(self.fate, NUMBER.size))
            self.returncode = os.waitstatus_to_exitcode(status)
            os.close(self.fate)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, if it lives."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has just ended, and we are told soon
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class TrioProcess:
    """What clients need of `trio.Process`."""

    def __init__(self, process: WarmProcess) -> None:
        self._process = process
        self.stdin = _trio_stream(process.stdin)
        self.stdout = _trio_stream(process.stdout)
        self.stderr = _trio_stream(process.stderr)

    @property
    def returncode(self) -> int | None:
        """The exit status, or the negative number of a signal; None if it lives."""
        return self._process.poll()

    async def wait(self) -> int:
        """Wait for its end."""
        if self.returncode is None:
            await trio.lowlevel.wait_readable(self._process.fate)
        return self._process.wait()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()


def _trio_stream(pipe: IO[bytes] | None) -> trio.lowlevel.FdStream:
    assert pipe is not None
    descriptor = os.dup(pipe.fileno())
    pipe.close()
    return trio.lowlevel.FdStream(descriptor)


async def open_process(command: Sequence[str], **options: Any) -> TrioProcess | trio.Process:
    """Start a process as `trio.lowlevel.open_process` does, with pipes for its streams."""
    process = start(command) if is_warm(command) else None
    if isinstance(process, WarmProcess):
        return TrioProcess(process)
    return await trio.lowlevel.open_process(command, **options)


def is_warm(command: Sequence[str]) -> bool:
    """Whether a process can be forked for a command."""
    return command[0] == sys.executable and command[1] == "-c" and hasattr(os, "fork")


def start(
    command: Sequence[str],
    *,
    cwd: Path | str | None = None,
    environment: Mapping[str, str] | None = None,
    error: int = subprocess.PIPE,
) -> WarmProcess | subprocess.Popen[bytes]:
    """Start a process with pipes for its streams; ``error``: STDOUT for the one of its output."""
    env = dict(os.environ if environment is None else environment)
    if not is_warm(command):
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=error, cwd=cwd, env=env)
    order = {"words": command[1:], "folder": str(cwd or Path.cwd()), "environment": env}
    return WarmProcess(json.dumps(order).encode(), subprocess.PIPE, error)


def run(
    command: Sequence[str],
    *,
    stdin: bytes = b"",
    cwd: Path | str | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a process to its end; return its status and what it said."""
    process = start(command, cwd=cwd, environment=environment)
    said: dict[int, bytes] = {}

    def write(pipe: IO[bytes]) -> None:
        with suppress(BrokenPipeError), pipe:
            pipe.write(stdin)

    def read(number: int, pipe: IO[bytes]) -> None:
        with pipe:
            said[number] = pipe.read()

    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    threads = [
        Thread(target=write, args=(process.stdin,)),
        Thread(target=read, args=(1, process.stdout)),
        Thread(target=read, args=(2, process.stderr)),
    ]
    for thread in threads:
        thread.start()
    try:
        status = process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    finally:
        for thread in threads:
            thread.join()
    return subprocess.CompletedProcess(command, status, said[1], said[2])


@cache
def _keeper() -> socket.socket:
    """Return the socket of the process that forks; it ends with us."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    keeper = subprocess.Popen(
        [sys.executable, __file__, str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    theirs.close()
    atexit.register(_end, ours, keeper)
    return ours


def _end(ours: socket.socket, keeper: subprocess.Popen[bytes]) -> None:
    ours.close()
    keeper.wait()


# -- in the process that forks -----------------------------------------------------------------


def keep(orders: socket.socket) -> Callable[[], Any] | None:
    """Fork for each order; return what is to be done, in the process that was made for one."""
    gc.freeze()
    while True:
        data, descriptors, _, _ = socket.recv_fds(orders, MAX_REQUEST, STREAMS + 1)
        if not data:
            return None
        child = os.fork()
        if not child:
            return _watched(json.loads(data), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _watched(order: dict[str, Any], descriptors: list[int]) -> Callable[[], Any] | None:
    """Make the process, tell its number, and its status when it has ended."""
    *streams, fate = descriptors
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    made = os.fork()
    if not made:
        return _begun(order, streams)
    os.closerange(0, fate)
    os.closerange(fate + 1, fate + 100)
    os.write(fate, NUMBER.pack(made))
    _, status = os.waitpid(made, 0)
    os.write(fate, NUMBER.pack(status))
    os._exit(0)


def _begun(order: dict[str, Any], streams: list[int]) -> Callable[[], Any]:
    """Become what was ordered."""
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    os.closerange(STREAMS, max(streams) + 100)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    _, code, *words = order["words"]
    sys.argv = ["-c", *words]
    sys.path[0] = ""
    return lambda: exec(code, {"__name__": "__main__"})


def main() -> None:
    """Import everything and keep forking, until whoever started us has ended."""
    for name in IMPORTS:
        __import__(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who waits for nobody leaves no zombies
    orders = socket.socket(fileno=int(sys.argv[1]))
    work = keep(orders)
    orders.detach()
    if work is not None:
        work()


if __name__ == "__main__":
    main()
