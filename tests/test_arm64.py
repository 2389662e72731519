"""Debian arm64, on which most hobbyists are, under qemu (`scripts/arm64.sh`)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gdb_client import gdbs

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "arm64.sh"
SERVE = "from blink16.cli.main import server_main; raise SystemExit(server_main())"
NATIVE = """
import platform
from blink16.cpu.native import loading
loading.LEVEL = 0  # it is quicker to make
from blink16 import Machine
machine = Machine("native")
machine.memory[0:6] = bytes.fromhex("b9ffff40e2fd")  # mov cx, FFFFh; inc ax; loop
machine.memory[6:7] = b"\\xf4"
machine.run()
print(platform.machine(), machine.engine.name, machine.registers.ax)
"""
TOOLS = ("debootstrap", "qemu-aarch64-static", "unshare", "update-binfmts")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0 or not all(map(shutil.which, TOOLS)),
        reason=f"needs root and {', '.join(TOOLS)}",
    ),
]


def arm64(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command there."""
    return subprocess.run([str(SCRIPT), *command], capture_output=True, text=True, check=False)


def test_native_code_runs() -> None:
    """Prevents LLVM's linker from aborting the process, as its elder one does there."""
    done = arm64("python", "-c", NATIVE)
    assert done.stdout.split() == ["aarch64", "native", "65535"], done.stderr


@pytest.mark.parametrize("files", ["test_vectors.py", "test_native_ports.py test_native_trust.py"])
def test_both_engines_do_what_the_chip_does(files: str) -> None:
    """Prevents engines that differ there, or from the captured tests."""
    paths = [f"tests/{name}" for name in files.split()]
    words = ("-n", "0", "-q", "-p", "no:cacheprovider")
    done = arm64("python", "-m", "pytest", *words, *paths)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout


@contextmanager
def server(*words: str) -> Iterator[str]:
    """Run a server there; return where it listens."""
    command = [str(SCRIPT), "python", "-c", SERVE, "--port", "0", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as started:
        try:
            assert started.stderr is not None
            line = started.stderr.readline()
            assert line.startswith("Listening on "), line
            yield line.split()[-1]
        finally:
            started.terminate()


def test_a_debugger_debugs_the_sample_there() -> None:
    """Prevents a server that starts, and a session that doesn't come about."""
    with server("--console", "none", "banner", "HI") as place:
        commands = ["set remotetimeout 200", f"target remote {place}", "stepi 50"]
        commands += ["reverse-stepi 10", "continue"]
        words = [word for command in commands for word in ("-ex", command)]
        done = subprocess.run(
            [gdbs()[0], "-nx", "-batch", *words], capture_output=True, text=True, check=False
        )
    said = done.stdout + done.stderr
    assert "in plot ()" in said, said
    assert "SIGINT" in said, said  # before it exits
