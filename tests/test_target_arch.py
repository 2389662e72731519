"""Clients that know no i8086 are told of another architecture."""

from __future__ import annotations

import socket
from pathlib import Path

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
