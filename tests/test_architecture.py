"""ARCHITECTURE.md against the code: floors and circles."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "blink16"
FLOORS = (
    {
        "memory",
        "bus",
        "lacks",
        "files",
        "filenodes",
        "hostfolder",
        "symbols",
        "breakpoints",
        "console",
    }
    | {"terminal", "consoles", "governor", "packets", "inbox", "numerals", "texts"},
    {"cpu"},
    {"services", "devices"},
    {"faults", "elks", "dos", "bios", "machine", "witness", "unwind", "symbolfiles"},
    {"history", "loader", "pc", "poweron", "painter", "viewer", "teletype", "dos_setup"},
    {"debugger"},
    {"monitor", "board", "reports"},
    {"gdbstub", "client"},
    {"recording"},
    {"server", "runner"},
    {"cli"},
)
OUTSIDE = {"__init__", "__version__", "samples"}
"""The public names, and the samples' build script."""


def room_of(module: str) -> str:
    """Return the file or folder below blink16/ that a module belongs to."""
    return [*module.split("."), "__init__"][1]


def imports() -> dict[str, set[str]]:
    """Return for each room the rooms that it imports."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("blink16"):
                found[room].add(room_of(node.module or ""))
    return {room: used - {room} - OUTSIDE for room, used in found.items() if room not in OUTSIDE}


def test_rooms_import_only_from_their_floor_or_below() -> None:
    """Prevents protocol code in the machine, or a machine that knows debuggers."""
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    upward = {
        (room, other)
        for room, used in imports().items()
        for other in used
        if floor[other] > floor[room]
    }
    assert upward == set()


def test_rooms_import_in_no_circle() -> None:
    """Prevents two rooms from needing each other, directly or through others."""
    left = imports()
    while True:
        ready = {room for room, used in left.items() if not used & left.keys()}
        if not ready:
            break
        left = {room: used for room, used in left.items() if room not in ready}
    assert left == {}


def test_every_room_is_in_the_picture() -> None:
    """Prevents a new room that ARCHITECTURE.md does not know."""
    known = set().union(*FLOORS) | OUTSIDE
    rooms = {path.stem for path in PACKAGE.glob("*.py")}
    rooms |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms - known == set()
