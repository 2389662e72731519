"""ELKS' terminal: line editing, echo, signals and raw modes, as drivers/char/ntty.c has them."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from elks_guest import INT80_FOR_EVER, ElksGuest, start
from hypothesis import given
from hypothesis import strategies as st

from blink16.elks.abi import Call
from blink16.elks.aout import Executable
from blink16.elks.signals import ElksSignal
from blink16.elks.state import TerminalState
from blink16.elks.terminal import (
    INITIAL_MODES,
    MAX_TYPED,
    TERMIOS,
    Local,
    keyed,
    printed,
    take,
    waiting_bytes,
    with_modes,
)

COOKED = TerminalState(INITIAL_MODES)


def raw(terminal: TerminalState = COOKED) -> TerminalState:
    """Return a terminal without editing, echo and signals."""
    modes = TERMIOS.parse(terminal.modes)
    modes.local_flags = 0
    return with_modes(terminal, TERMIOS.build(modes))


def test_a_line_is_edited_and_echoed() -> None:
    """Backspace and DEL must take a character from the line and from the screen."""
    done = keyed(COOKED, b"ab\x08c\x7fd\r")
    assert done.terminal.typed == (b"ad\n",)
    assert done.echo == b"ab\b \bc\b \bd\n"
    assert printed(done.terminal, done.echo)[-2:] == b"\r\n"


def test_end_of_file_ends_a_read() -> None:
    """Ctrl-D must give what there is of a line, and alone an empty read."""
    done = keyed(COOKED, b"ab\x04\x04")
    state, first = take(done.terminal, 10)
    state, second = take(state, 10)
    assert (first, second, state.typed) == (b"ab", b"", ())


@pytest.mark.parametrize(
    ("key", "sent"),
    [
        (b"\x03", ElksSignal.SIGINT),
        (b"\x1c", ElksSignal.SIGQUIT),
        (b"\x1a", ElksSignal.SIGTSTP),
    ],
)
def test_keys_that_are_signals(key: bytes, sent: ElksSignal) -> None:
    """They must reach the foreground group and no reader, and be keys in raw mode."""
    done = keyed(COOKED, b"half" + key + b"whole\r")
    assert done.signals == (sent,)
    assert done.terminal.typed == (b"whole\n",)
    assert keyed(raw(), key).terminal.typed == (key,)


def test_changed_modes_lose_no_key() -> None:
    """What was typed ahead must be there for an editor, and lines for the shell after it."""
    ahead = keyed(COOKED, b"one\rtw").terminal
    keys = raw(ahead)
    assert keys.typed == (b"one\ntw",)
    assert with_modes(keys, INITIAL_MODES) == ahead


@given(st.lists(st.binary(max_size=30) | st.just(b"x" * 3000), max_size=8), st.booleans())
def test_any_keys_are_bounded(pieces: list[bytes], edits: bool) -> None:
    """A flood of keys must not take memory without end, nor break the line."""
    terminal = COOKED if edits else raw()
    for piece in pieces:
        terminal = keyed(terminal, piece).terminal
        assert waiting_bytes(terminal) + len(terminal.line) <= MAX_TYPED


def guest(tmp_path: Path) -> ElksGuest:
    """Return a guest that can make calls on a terminal."""
    return start(Executable(INT80_FOR_EVER, data=bytes(0x400), heap=0x1000, stack=0x800), tmp_path)


def test_a_changed_window_is_a_signal_and_a_size(tmp_path: Path) -> None:
    """An editor must learn that the window has another size."""
    machine = guest(tmp_path)
    assert machine.call(Call.IOCTL, 0, 0x5413, 0x200) == 0
    assert machine.get(0x200, 4) == b"\x19\0\x50\0"
    machine.machine.receive("window", b"\x28\0\x64\0")
    assert machine.call(Call.IOCTL, 0, 0x5413, 0x200) == 0
    assert machine.get(0x200, 4) == b"\x28\0\x64\0"


def test_local_flags_are_those_of_the_kernel() -> None:
    """A program that looks at the modes must find echo and lines."""
    flags = TERMIOS.parse(INITIAL_MODES).local_flags
    assert flags == Local.ISIG | Local.ICANON | Local.ECHO | Local.ECHOE


def test_our_terminal_gives_keys_and_is_given_back(shared: Path, tmp_path: Path) -> None:
    """On a terminal of the host: echo by the guest, Ctrl-C for the guest, and all as before."""
    from minix_disk import MinixDisk

    MinixDisk((shared / "images" / "fd1440.img").read_bytes()).extract(tmp_path)
    main, other = pty.openpty()
    before = termios.tcgetattr(other)
    taking = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    command = taking + "from blink16.cli import run_main; raise SystemExit(run_main())"
    words = ["--engine", "reference", "--root", str(tmp_path), str(tmp_path / "bin" / "sh")]
    child = subprocess.Popen(
        [sys.executable, "-c", command, *words],
        start_new_session=True,
        stdin=other,
        stdout=other,
        stderr=other,
    )
    said = b""

    def wait_for(text: bytes) -> None:
        nonlocal said
        end = time.monotonic() + 60
        while text not in said and time.monotonic() < end:
            if select.select([main], [], [], 0.1)[0]:
                said += os.read(main, 4096)
        assert text in said, said
        said = said.partition(text)[2]

    wait_for(b"# ")
    os.write(main, b"echo a b\x08c\r")
    wait_for(b"a c\r\n")
    wait_for(b"# ")
    os.write(main, b"sleep 1000\r")
    wait_for(b"1000")
    os.write(main, b"\x03")
    wait_for(b"# ")
    os.write(main, b"exit 3\r")
    assert child.wait(60) == 3
    assert termios.tcgetattr(other) == before
