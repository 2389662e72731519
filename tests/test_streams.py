"""Standard streams that are closed or full: the right status, one line at most, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")

RUN = "from blink16.cli.main import run_main; raise SystemExit(run_main())"
SERVE = "from blink16.cli.main import server_main; raise SystemExit(server_main())"
CANT = "can't write the program's output: "
CLOSED, FULL = "Bad file descriptor\n", "No space left on device\n"
BANNER = "HHHHH   I"


def shell(line: str, code: str = RUN) -> tuple[int, str, str]:
    """Run a command in a shell, behind ``$B``; return its status and what it said."""
    done = subprocess.run(
        ["/bin/sh", "-c", line.replace("$B", '"$PYTHON" -c "$CODE"')],
        capture_output=True,
        text=True,
        timeout=100,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"PYTHON": sys.executable, "CODE": code},
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("line", "status", "out", "error"),
    [
        ("$B banner HI >&-", 1, "", CANT + CLOSED),
        ("$B banner HI >/dev/full", 1, "", CANT + FULL),
        ("$B banner HI 2>&-", 0, BANNER, ""),
        ("$B banner HI >&- 2>&-", 1, "", ""),
        ("$B banner HI <&-", 0, BANNER, ""),
        ("$B --stats banner HI 2>&-", 0, BANNER, ""),
        ("$B --stats banner HI 2>/dev/full", 0, BANNER, ""),
        ("$B nothere 2>&-", 127, "", ""),
        ("$B nothere 2>/dev/full", 127, "", ""),
        ("$B --help >/dev/full", 1, "", CANT + FULL),
        ("$B --help >&-", 1, "", CANT + CLOSED),
        ("$B --version 2>&- >&-", 1, "", ""),
        ("$B --nonsense 2>&-", 2, "", ""),
    ],
)
def test_a_stream_that_is_gone_is_no_surprise(line: str, status: int, out: str, error: str) -> None:
    """Prevents tracebacks, a wrong status, and words for the user among a program's output."""
    found = shell(line)
    assert found[0] == status
    assert out in found[1]
    assert bool(out) == bool(found[1])
    assert "stats" not in found[1]
    assert "instructions=" not in found[1]
    assert error in found[2]
    assert found[2].count("\n") <= 1


def test_a_pipe_that_ends_is_its_readers_business() -> None:
    """Prevents a complaint about `blink16 banner | head -1`."""
    line = "($B banner HELLO WORLD; echo $? >&2) | true"
    status, _, error = shell(line)
    assert status == 0
    assert error in ("0\n", "141\n")


def test_a_closed_stream_is_not_somebody_elses(tmp_path: Path) -> None:
    """Prevents a program's output from being written into whatever file got number 1 or 2."""
    image = tmp_path / "file"
    image.write_text("unharmed")
    shell(f"cd {tmp_path}; $B --writable banner HI >&- 2>&- <&-")
    assert image.read_text() == "unharmed"


@pytest.mark.parametrize("line", ["$B --port 0 nothere 2>&-", "$B --stdio nothere 2>&-"])
def test_a_server_that_cannot_speak_still_has_a_status(line: str) -> None:
    """Prevents what is meant for the user from going to the debugger."""
    assert shell(line, SERVE) == (127, "", "")
