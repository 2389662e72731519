"""Clients that know no i8086 are told of another architecture."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Self

import pytest
from gdb_client import Server

from blink16.packets import frame


@pytest.mark.parametrize(
    ("options", "architecture"), [((), b"i8086"), (("--target-arch", "i386"), b"i386")]
)
def test_target_xml_names_the_architecture_that_was_asked_for(
    options: tuple[str, ...], architecture: bytes, tmp_path: Path
) -> None:
    """Prevents IDA and its kin from refusing the machine for a name."""
    with (
        Server(*options, "banner", cwd=tmp_path) as server,
        socket.create_connection(("127.0.0.1", server.port), 30) as peer,
    ):
        heard = b""
        peer.sendall(frame(b"qSupported:xmlRegisters=i386"))
        peer.sendall(frame(b"qXfer:features:read:target.xml:0,ffb"))
        while b"</architecture>" not in heard:
            heard += peer.recv(4096)
        assert b"<architecture>" + architecture + b"</architecture>" in heard
        assert b"org.gnu.gdb.i386.core" in heard


class Peer:
    """A client that sends one packet at a time, as the traces of such clients show it."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), 30)
        self._heard = b""
        self.acknowledges = True
        self._socket.sendall(b"+")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, packet: bytes) -> bytes:
        """Send a packet and return the payload of the next one."""
        self._socket.sendall(frame(packet))
        while not (found := re.search(rb"\$([^#]*)#..", self._heard, re.DOTALL)):
            heard = self._socket.recv(4096)
            assert heard, "the server has hung up"
            self._heard += heard
        self._heard = self._heard[found.end() :]
        if self.acknowledges:
            self._socket.sendall(b"+")
        return found[1]


@pytest.mark.parametrize("supported", [b"qSupported:xmlRegisters=i386,arm,mips", b"qSupported"])
def test_ida_attaches_reads_breaks_and_steps(supported: bytes, tmp_path: Path) -> None:
    """Prevents IDA's conversation from ending early, or its registers from being DOSBox-X's.

    As in traces of IDA 7 and 8; older ones name no features.
    """
    with (
        Server("--target-arch", "i386", "banner", "HI", cwd=tmp_path) as server,
        Peer(server) as ida,
    ):
        assert b"qXfer:features:read+" in ida.ask(supported)
        assert ida.ask(b"QStartNoAckMode") == b"OK"
        ida.acknowledges = False
        assert ida.ask(b"!") in (b"", b"OK")
        assert ida.ask(b"Hg0") == b"OK"
        description = b""
        while not description.endswith(b"</target>\n") and len(description) < 65536:
            part = ida.ask(b"qXfer:features:read:target.xml:%x,fff" % len(description))
            description += part[1:]
            if part[:1] == b"l":
                break
        names = re.findall(rb'<reg name="(\w+)" bitsize="32"', description)
        assert names[:9] == [b"eax", b"ecx", b"edx", b"ebx", b"esp", b"ebp", b"esi", b"edi", b"eip"]
        assert ida.ask(b"?")[:3] in (b"S05", b"T05")
        assert ida.ask(b"qfThreadInfo").startswith(b"m")
        assert ida.ask(b"qsThreadInfo") == b"l"
        registers = bytes.fromhex(ida.ask(b"g").decode().replace("x", "0"))
        pc = int.from_bytes(registers[32:36], "little")
        described = sum(int(bits) for bits in re.findall(rb'bitsize="(\d+)"', description)) // 8
        assert len(registers) == described
        assert pc >= 16 * int.from_bytes(registers[40:44], "little") > 0  # linear, in CS
        code = bytes.fromhex(ida.ask(b"m%x,10" % pc).decode())
        assert any(code)
        assert b"vCont;c" in ida.ask(b"vCont?")
        assert ida.ask(b"vCont;s").startswith((b"S05", b"T05"))
        stepped = bytes.fromhex(ida.ask(b"g").decode().replace("x", "0"))
        then = int.from_bytes(stepped[32:36], "little")
        assert then != pc
        assert ida.ask(b"Z0,%x,1" % pc) == b"OK"
        assert ida.ask(b"z0,%x,1" % pc) == b"OK"
        assert ida.ask(b"M%x,1:%02x" % (pc, code[0])) == b"OK"
        assert ida.ask(b"p8") == stepped[32:36].hex().encode()
        assert ida.ask(b"D") == b"OK"
