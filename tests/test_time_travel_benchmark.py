"""The parts of the time travel benchmark that can be wrong without being slow."""

from __future__ import annotations

import socket

import pytest

from benchmarks.qemu_replay import RemoteProtocol
from benchmarks.time_travel import Travel, table
from blink16.history.terms import HistorySize

TRAVEL = Travel(
    "a guest",
    without=1000.0,
    recording=950.0,
    near=(0.001, 0.003, 0.002),
    seeks=(0.01, 0.03),
    firsts=(0.001, 0.001),
    following=(0.0005,),
    searched=500_000_000,
    search_seconds=2.0,
    helped_seconds=1.25,
    scale=1.5,
    size=HistorySize(0, 1_000_000_000, 100, 3 << 20, 256 << 20),
    search_interrupts=(0.001, 0.09),
    seek_interrupts=(),
)


def test_the_table_says_what_was_measured() -> None:
    """Prevents figures in the wrong row, unit or direction."""
    rows = [row.strip("| ").split(" | ") for row in table([TRAVEL], None).splitlines()]
    cells = {name: value for name, value in rows if name != "---"}
    assert cells["overhead"] == "5.0%"
    assert cells["`bs` near now, median"] == "2 ms"
    assert cells["the same, worst"] == "31 ms"
    assert cells["reverse-continue, instructions scanned"] == "250 M/s"
    assert cells["the same on all processors"] == "400 M/s (x1.60; replays x1.50)"
    assert cells["memory of the history"] == "3.0 of 256 MiB"
    assert cells["Ctrl-C in a search, worst"] == "90 ms"
    assert cells["Ctrl-C in a long seek, worst"] == "not measured"


def test_the_client_reads_packets_in_pieces() -> None:
    """Prevents a benchmark that waits for ever, or takes an acknowledgement for an answer."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        text = b"instruction count = 42\r\n".hex().encode()
        theirs.sendall(b"+$O" + text[:9])
        theirs.sendall(text[9:] + b"#00$OK#9a")
        assert RemoteProtocol(ours).instructions() == 42
        assert theirs.recv(100).startswith(b"$qRcmd,696e666f207265706c6179#")


def test_the_client_sees_an_end() -> None:
    """Prevents reading from a dead QEMU without end."""
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        with pytest.raises(RuntimeError, match="closed"):
            RemoteProtocol(ours).receive()
