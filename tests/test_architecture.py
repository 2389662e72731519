"""ARCHITECTURE.md against the code: what its tables say of floors and rooms is what is there."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import permutations
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "blink16"
PAGE = (ROOT / "ARCHITECTURE.md").read_text()
OUTSIDE = {"__init__", "samples"}
"""The public names, and the samples' build script."""

_ROOM = re.compile(r"`(\w+)(?:/|\.py)`")


def rows(header: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the page's table with this first cell in its header."""
    lines = iter(PAGE.splitlines())
    for line in lines:
        if line.startswith(f"| {header} |"):
            break
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


@cache
def floors() -> dict[str, int]:
    """Return on which floor the page says that each room is."""
    named = [(room, int(cells[0])) for cells in rows("floor") for room in _ROOM.findall(cells[1])]
    assert len(dict(named)) == len(named), "a room is on the page twice"
    return dict(named)


def modules_of(node: ast.AST) -> Iterator[str]:
    """Yield the modules that a statement imports, by their full names."""
    match node:
        case ast.ImportFrom(module="blink16", names=names):
            yield from (f"blink16.{alias.name}" for alias in names)
        case ast.ImportFrom(module=str(module), level=0):
            yield module
        case ast.Import(names=names):
            yield from (alias.name for alias in names)


@cache
def imports() -> dict[str, set[str]]:
    """Return for each room the rooms that it imports."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(path.read_text())):
            for module in modules_of(node):
                package, *names = module.split(".")
                if package == "blink16" and names and names[0] in rooms():
                    found[room].add(names[0])
    return {room: used - {room} for room, used in found.items() if room not in OUTSIDE}


@cache
def rooms() -> frozenset[str]:
    """Return the files and folders that there are below blink16/."""
    names = {path.stem for path in PACKAGE.glob("*.py")}
    names |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    return frozenset(names - OUTSIDE)


def test_the_page_names_every_room_and_no_other() -> None:
    """Prevents a new room that ARCHITECTURE.md does not know, and one that is long gone."""
    assert set(floors()) == rooms()


def test_rooms_import_only_from_their_floor_or_below() -> None:
    """Prevents protocol code in the machine, or a machine that knows debuggers."""
    upward = {
        (room, other)
        for room, used in imports().items()
        for other in used
        if floors()[other] > floors()[room]
    }
    assert upward == set()


def circling(left: dict[str, set[str]]) -> set[str]:
    """Return which of them need each other, directly or through others, and who needs those."""
    while ready := {name for name, used in left.items() if not used & left.keys()}:
        left = {name: used for name, used in left.items() if name not in ready}
    return set(left)


def test_rooms_import_in_no_circle() -> None:
    """Prevents two rooms from needing each other, directly or through others."""
    assert circling(imports()) == set()


def modules() -> dict[str, set[str]]:
    """Return for each module of ours, by its full name, those that it imports when it runs."""
    paths = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }
    found = {}
    for name, path in paths.items():
        used = set()
        for node in run_statements(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                used |= inner & paths.keys() or {str(node.module)} & paths.keys()
        found[name] = used - {name}
    return found


def run_statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is below a node, but for what is there for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from run_statements(child)


def test_modules_import_in_no_circle() -> None:
    """Prevents two modules that need each other, with an import in a function to hide that."""
    assert circling(modules()) == set()


@pytest.mark.parametrize("cells", list(rows("who")), ids=lambda cells: cells[0].strip("`/"))
def test_who_may_know_little_knows_no_more(cells: list[str]) -> None:
    """Prevents a front end that reaches a machine in another way than over the wire."""
    (room,) = _ROOM.findall(cells[0])
    assert imports().get(room, set()) <= set(_ROOM.findall(cells[1]))


SAME_WORD = {"Witness"}
"""What an engine asks for, and the class that has it."""


def test_one_word_is_one_class() -> None:
    """Prevents two classes, or aliases, of one name in rooms that know each other."""
    places: dict[str, set[str]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            for name in _classes_and_aliases(node):
                places[name].add(str(path.relative_to(PACKAGE).with_suffix("")))
    clashes = {
        name: (one, other)
        for name, found in places.items()
        for one, other in permutations(found, 2)
        if _knows(one, other) and name not in SAME_WORD
    }
    assert clashes == {}


def _knows(one: str, other: str) -> bool:
    """Whether a module's room is another's, or imports it."""
    room, another = Path(one).parts[0], Path(other).parts[0]
    return room == another or another in imports().get(room, set())


def _classes_and_aliases(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.ClassDef(name=name) if not name.startswith("_"):
            yield name
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            variable = isinstance(value, ast.Call)  # a TypeVar, or a value
            if name[0].isupper() and not name.isupper() and not variable:
                yield name
