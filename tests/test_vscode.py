"""The VS Code extension: its unit tests, and the adapter through VS Code's own test client."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import line_guest
import pytest
from dap_client import ADAPTER
from dap_guests import BCC, PARENT

from blink16 import samples

EXTENSION = Path(__file__).resolve().parents[1] / "editors/vscode"
SAMPLES = Path(samples.__file__).parent
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_parts_that_need_no_editor() -> None:
    """Prevents a time bar, keys and configurations that are wrong before VS Code sees them."""
    assert NODE is not None
    done = subprocess.run(
        [NODE, "--test", "test/unit.test.js", "test/extension.test.js"],
        cwd=EXTENSION,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.skipif(
    not (EXTENSION / "node_modules/@vscode/debugadapter-testsupport").is_dir(),
    reason="`npm install` was not run in editors/vscode",
)
def test_the_adapter_through_the_test_client_of_vs_code(shared: Path, tmp_path: Path) -> None:
    """Prevents an adapter that only our own client understands."""
    assert NODE is not None
    for part in ("codeview", "tds", "source"):
        for path in (shared / "debuginfo" / part).iterdir():
            shutil.copyfile(path, tmp_path / path.name)
    shutil.copyfile(shared / "images/freedos.img", tmp_path / "freedos.img")
    for name in ("crew", "crew.c", "crew.lst"):
        shutil.copyfile(SAMPLES / name, tmp_path / name)
    (tmp_path / "count.img").write_bytes(line_guest.IMAGE)
    (tmp_path / "count.elf").write_bytes(line_guest.ELF)
    (tmp_path / line_guest.SOURCE_NAME).write_text(line_guest.SOURCE)
    lines = line_guest.SOURCE.splitlines()
    nasm = {
        "BLINK16_NASM_SOURCE": line_guest.SOURCE_NAME,
        "BLINK16_NASM_CALL": str(1 + next(n for n, t in enumerate(lines) if "call countdown" in t)),
    }
    (tmp_path / "sum").write_bytes(BCC)
    (tmp_path / "PARENT.COM").write_bytes(PARENT)
    adapter = tmp_path / "adapter"
    adapter.write_text(f"#!{sys.executable}\n{ADAPTER}\n")
    adapter.chmod(adapter.stat().st_mode | stat.S_IXUSR)
    done = subprocess.run(
        [NODE, "--test", "test/adapter.test.js"],
        cwd=EXTENSION,
        env={**os.environ, "BLINK16_DAP": str(adapter), "BLINK16_SAMPLES": str(tmp_path)} | nasm,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
