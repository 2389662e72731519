"""Names, backtraces and `finish` in LLDB, for 16-bit code.

    (lldb) command script import scripts/lldb_8086.py
    (lldb) b16-connect 1234

gdb reads from the server an ELF with the program's names and with rules for unwinding; LLDB asks
for no such file.  This fetches it, says that it is for an i386, without which LLDB won't have it,
and attaches.  The code is shown as 16-bit code all the same: that follows from the server's word.
After `process kill`, `detach` or the program's end `b16-connect` fetches it again: breakpoints by
name stay, and move to where the names are now.
It needs an LLDB with Python (LLDB 14 finds but one caller), and a server with a free machine.
"""

from __future__ import annotations

import atexit
import re
import shutil
import socket
import struct
import tempfile
from pathlib import Path

import lldb

TIMEOUT = 10.0
CHUNK = 0x4000
MAX_SIZE = 1 << 24
MACHINE_FIELD, EM_386 = 18, 3
FOLDER = "blink16-lldb-"
"""How the names of the folders begin into which files are fetched."""


class Connection:
    """A short conversation with the server."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), TIMEOUT)
        self._pending = b""

    def ask(self, body: str) -> bytes:
        """Send a packet; return the body of the answer, unescaped."""
        data = body.encode()
        self._socket.sendall(b"$%b#%02x" % (data, sum(data) & 0xFF))
        while (found := re.search(rb"\$([^#]*)#..", self._pending, re.DOTALL)) is None:
            more = self._socket.recv(65536)
            if not more:
                raise ConnectionError("the server has closed the connection")
            self._pending += more
        self._pending = self._pending[found.end() :]
        self._socket.sendall(b"+")
        unescape = lambda mark: bytes((mark[1][0] ^ 0x20,))  # noqa: E731
        return re.sub(rb"\}(.)", unescape, found[1], flags=re.DOTALL)

    def close(self) -> None:
        """Leave the machine as it is."""
        self.ask("D")
        self._socket.close()


def fetch(host: str, port: int) -> bytes:
    """Return the ELF that a server offers."""
    server = Connection(host, port)
    try:
        server.ask("qSupported")
        name = server.ask("qXfer:exec-file:read::0,fff")[1:].removeprefix(b"target:")
        name = name.replace(b"blink16", b"blink16-whole")
        opened = server.ask(f"vFile:open:{name.hex()},0,0").decode()
        if not re.fullmatch(r"F[0-9a-f]+", opened):
            raise OSError("the server offers no file with names")
        content = b""
        while len(content) < MAX_SIZE:
            read = server.ask(f"vFile:pread:{opened[1:]},{CHUNK:x},{len(content):x}")
            part = read.partition(b";")[2]
            if not part:
                break
            content += part
        return content
    finally:
        server.close()


def ours(target):
    """Return the files that were fetched for a target."""
    return [m for m in target.modules if m.GetFileSpec().GetDirectory().find(FOLDER) >= 0]


def can_be_used_again(target):
    """Whether a target is one that was connected here and has no process now: its breakpoints
    move to where the names are in the program as it is built now.
    """
    gone = (lldb.eStateInvalid, lldb.eStateUnloaded, lldb.eStateDetached, lldb.eStateExited)
    return target.IsValid() and target.GetProcess().GetState() in gone and bool(ours(target))


def connect(debugger, command, result, internal_dict):
    """Attach to a blink16-server at [HOST:]PORT, with names."""
    host, _, port = command.strip().rpartition(":")
    try:
        content = bytearray(fetch(host or "127.0.0.1", int(port)))
        struct.pack_into("<H", content, MACHINE_FIELD, EM_386)
    except (OSError, ValueError, struct.error) as error:
        result.SetError(f"b16-connect: {error}")
        return
    folder = tempfile.mkdtemp(prefix=FOLDER)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "blink16.elf"
    path.write_bytes(content)
    target = debugger.GetSelectedTarget()
    if can_be_used_again(target):
        for module in ours(target):
            target.RemoveModule(module)
        target.AddModule(str(path), "i386", None)
    else:
        error = lldb.SBError()
        target = debugger.CreateTarget(str(path), "i386", "", False, error)
        if error.Fail():
            result.SetError(f"b16-connect: {error.GetCString()}")
            return
        debugger.SetSelectedTarget(target)
    # The command waits for the first stop; SBTarget.ConnectRemote doesn't, and what is typed
    # next would get that stop's frames.
    line = f"process connect -p gdb-remote connect://{host or '127.0.0.1'}:{port}"
    where = lldb.SBExecutionContext(target)
    debugger.GetCommandInterpreter().HandleCommand(line, where, result, False)


def __lldb_init_module(debugger, internal_dict):
    debugger.HandleCommand(f"command script add -o -f {__name__}.connect b16-connect")
