"""``blink16 doctor``: what works on this computer, and what to do about the rest."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from blink16 import __version__
from blink16.cpu.models import DEFAULT
from blink16.cpu.native import cache
from blink16.cpu.native.compiler import NativeError
from blink16.cpu.native.loading import core
from blink16.devices.hot import BOARD
from blink16.hostfiles import is_folder
from blink16.terminals import terminal
from blink16.words import extras

PATIENCE = 60.0
"""Seconds that the engine, or a debugger's answer, may take."""
GDBS = ("gdb", "ia16-elf-gdb", "gdb-multiarch")
OLDEST_GDB, OLDEST_LLDB = 12, 18
"""Major versions: older ones lack what we need of the protocol."""
NEEDED_COLUMNS, NEEDED_LINES = 80, 24
DEVELOPERS = frozenset({"all", "test", "benchmarks", "docs"})
"""Extras that users have no need of."""
_LLDB_MODULE = "import lldb; print(lldb.SBDebugger.GetVersionString())"
_VERSION = re.compile(r"(\d+)\.(\d+)")
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)[^;]*;.*extra == ['\"](\w+)['\"]")


class Verdict(Enum):
    """How things are."""

    GOOD = "ok"
    LACKING = "--"
    """Not there; everything else works."""
    BAD = "!!"
    """There, and of no use."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one thing."""

    verdict: Verdict
    what: str
    text: str

    def __str__(self) -> str:
        return f"  {self.verdict.value}  {self.what:<16}{self.text}"


def main() -> int:
    """Tell it all; the status is 1 where something is there that does not work."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    _show(f"blink16 {__version__} in {Path(__file__).parents[1]}")
    _show(f"{python}, {platform.system()} {platform.machine()}")
    worst = 0
    for finding in examine():
        _show(str(finding))
        worst |= finding.verdict is Verdict.BAD
    return worst


def _show(line: str) -> None:
    terminal.write(terminal.STDOUT, f"{line}\n".encode())


def examine() -> Iterator[Finding]:
    """Look at one thing after the other."""
    yield _engine()
    yield _cache()
    yield _terminal()
    yield from _gdbs()
    yield _lldb()
    yield from _extras()


# -- the machine -----------------------------------------------------------------------------


def _engine() -> Finding:
    started = time.perf_counter()
    try:
        core(DEFAULT, BOARD).result(PATIENCE)
    except NativeError as error:
        return Finding(Verdict.BAD, "native engine", f"{error}; programs run 50 times slower")
    except FutureTimeoutError:
        return Finding(Verdict.BAD, "native engine", f"not made within {PATIENCE:.0f} s")
    return Finding(Verdict.GOOD, "native engine", f"ready in {time.perf_counter() - started:.1f} s")


def _cache() -> Finding:
    folder = cache.folder()
    if folder is None:
        text = "there is no home folder: the engine is compiled at each start (set HOME)"
        return Finding(Verdict.LACKING, "cache", text)
    kept = sorted(folder.glob(f"*{cache.SUFFIX}")) if is_folder(folder) else []
    if not kept:
        text = f"nothing could be kept in {folder}: it must be yours, and nobody else's to write"
        return Finding(Verdict.BAD, "cache", text)
    size = sum(file.stat().st_size for file in kept) >> 10
    return Finding(Verdict.GOOD, "cache", f"{size:,} KiB of compiled code in {folder}")


def _terminal() -> Finding:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return Finding(Verdict.LACKING, "terminal", "this is none: programs run as in a pipe")
    size = shutil.get_terminal_size()
    colours = "no colours" if "NO_COLOR" in os.environ else _colours()
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = f"{size.columns}x{size.lines}, {colours}, {'UTF-8' if utf8 else 'no UTF-8'}"
    if size.columns < NEEDED_COLUMNS or size.lines < NEEDED_LINES:
        text += f"; a PC's screen needs {NEEDED_COLUMNS}x{NEEDED_LINES}"
    if not utf8:
        text += "; line drawing needs UTF-8 (LANG=C.UTF-8)"
    return Finding(Verdict.GOOD if utf8 else Verdict.LACKING, "terminal", text)


def _colours() -> str:
    colours = terminal.colors()
    return "16 million colours" if colours > 256 else f"{colours} colours"


# -- debuggers -------------------------------------------------------------------------------


def _gdbs() -> Iterator[Finding]:
    found = [(name, path) for name in GDBS if (path := shutil.which(name))]
    if not found:
        text = "none here; your system's package gdb, or: pip install gdb-for-pwndbg"
        yield Finding(Verdict.LACKING, "gdb", text)
    for name, path in found:
        yield _gdb(name, path)


def _gdb(name: str, path: str) -> Finding:
    said = _ask(path, "--version")
    version = _VERSION.search(said.partition("\n")[0])
    if version is None:
        return Finding(Verdict.BAD, name, f"{path} does not tell its version")
    text = f"{version[0]}, {path}"
    if int(version[1]) < OLDEST_GDB:
        return Finding(Verdict.BAD, name, f"{text}; version {OLDEST_GDB} or newer is needed")
    if "--with-expat" not in _ask(path, "--configuration"):
        text += "; built without XML, so that it takes our registers for an 80386's"
        return Finding(Verdict.BAD, name, text)
    return Finding(Verdict.GOOD, name, text)


def _lldb() -> Finding:
    path = shutil.which("lldb")
    if path is not None:
        said, where = _ask(path, "--version"), path
    elif find_spec("lldb") is not None:
        said = _ask(sys.executable, "-c", _LLDB_MODULE)
        where = "a module of this Python, without the command lldb"
    else:
        return Finding(Verdict.LACKING, "LLDB", "none here; pip install lldb-for-pwndbg brings one")
    version = _VERSION.search(said)
    text = f"{version[0] if version else '?'}, {where}"
    if version is None or int(version[1]) < OLDEST_LLDB:
        return Finding(Verdict.LACKING, "LLDB", f"{text}; it can't go backward, newer ones can")
    return Finding(Verdict.GOOD, "LLDB", text)


def _ask(*command: str) -> str:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")


# -- extras ----------------------------------------------------------------------------------


def _extras() -> Iterator[Finding]:
    """Look for what each extra of the package needs, as the package itself tells."""
    needs: dict[str, list[str]] = defaultdict(list)
    for requirement in metadata.requires("blink16") or ():
        if (found := _REQUIREMENT.match(requirement)) and found[1] != "blink16":
            needs[found[2]].append(found[1])
    for extra, packages in needs.items():
        if extra in DEVELOPERS:
            continue
        missing = [package for package in packages if not _is_there(package)]
        if missing:
            text = f"without {', '.join(missing)}: {extras.command(extra)}"
            yield Finding(Verdict.LACKING, f"extra {extra}", text)
        else:
            yield Finding(Verdict.GOOD, f"extra {extra}", "installed")


def _is_there(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
