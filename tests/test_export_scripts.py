"""The scripts for Ghidra and IDA, run with stand-ins that have the names of their functions."""

from __future__ import annotations

import ast
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import blink16
from blink16 import recording
from blink16.cpu.engine import StopReason
from blink16.questions.answers.export_scripts import GHIDRA, IDA
from blink16.setup import loader

PROGRAM = bytes.fromhex(
    "e81300bb1701ff27ffffba1901b409cd21b8004ccd21c30a0148656c6c6f20746865"
    "7265246e65766572207265616400"
)
"""call 116h; mov bx, 117h; jmp [bx], to 10Ah: INT 21h/09 of 'Hello there$', INT 21h/4Ch; 116h: ret;
117h: dw 10Ah; 'Hello there$'; 'never read', 0."""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the scripts about a run."""
    folder = tmp_path_factory.mktemp("export")
    file, path = folder / "hello.com", folder / "run.b16"
    file.write_bytes(PROGRAM)
    options = loader.Options(root=folder, engine="native")
    _, debugger, recorder = recording.record(path, loader.read(str(file)), [], options)
    while debugger.timeline.run(100_000).reason is not StopReason.EXITED:
        pass
    recorder.close()
    scripts = {}
    for tool in ("ghidra", "ida"):
        content = blink16.ask(path, f"export {tool}")
        assert isinstance(content, bytes)
        scripts[tool] = content.decode()
    return scripts


class Program:
    """A disassembler's view of the program: what it is told, by linear address."""

    def __init__(self, lowest: int) -> None:
        self.memory = range(lowest, lowest + len(PROGRAM))
        self.code: set[int] = set()
        self.functions: set[int] = set()
        self.names: dict[int, str] = {}
        self.references: list[tuple[int, int, Any]] = []
        self.strings: list[tuple[int, int]] = []
        self.segments: set[int] = set()

    def check(self) -> None:
        """See that it has what ran, where it lies, and nothing else."""
        first = self.memory.start - 0x100
        assert {at - first for at in self.code} >= {0x100, 0x103, 0x106, 0x10A, 0x116}
        assert 0x108 + first not in self.code
        assert self.code <= set(self.memory)
        assert [at - first for at in self.functions] == [0x116]
        assert [(a - first, b - first) for a, b, _ in self.references] == [(0x106, 0x10A)]
        assert [(at - first, length) for at, length in self.strings] == [(0x119, 12)]


class Address:
    """Ghidra's SegmentedAddress, as far as scripts use it."""

    def __init__(self, segment: int, offset: int) -> None:
        self.segment, self.offset = segment, offset

    def getOffset(self) -> int:  # noqa: N802 - Ghidra's name
        """Return the linear address."""
        return (self.segment << 4) + self.offset

    def add(self, more: int) -> Address:
        """Return the address so many bytes on."""
        return Address(self.segment, self.offset + more)


PLACES = [(0x1000, 0x100), (0x0000, 0x0000), (0x0000, 0x0100), (0x2000, 0x0003)]


@pytest.mark.parametrize("place", PLACES, ids=lambda p: f"{p[0]:04X}:{p[1]:04X}")
def test_ghidra_is_told_where_it_has_the_program(
    exported: dict[str, str], place: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents code at the run's own segments, which are nowhere in Ghidra."""
    lowest = Address(*place)
    program = Program(lowest.getOffset())

    def address(text: str) -> Address:
        segment, offset = text.split(":")
        program.segments.add(int(segment, 16))
        return Address(int(segment, 16), int(offset, 16))

    space = SimpleNamespace(getAddress=address)
    factory = SimpleNamespace(getDefaultAddressSpace=lambda: space)
    contains = SimpleNamespace(contains=lambda at: at.getOffset() in program.memory)
    listing = SimpleNamespace(
        isUndefined=lambda a, b: a.getOffset() in program.memory and b.getOffset() >= a.getOffset()
    )
    references = SimpleNamespace(
        addMemoryReference=lambda a, b, flow, source, operand: program.references.append(
            (a.getOffset(), b.getOffset(), flow)
        )
    )
    current = SimpleNamespace(
        getAddressFactory=lambda: factory,
        getMinAddress=lambda: lowest,
        getMemory=lambda: contains,
        getListing=lambda: listing,
        getReferenceManager=lambda: references,
    )
    symbol = ModuleType("ghidra.program.model.symbol")
    symbol.RefType = SimpleNamespace(COMPUTED_JUMP="jump", COMPUTED_CALL="call")  # type: ignore[attr-defined]
    symbol.SourceType = SimpleNamespace(IMPORTED="imported")  # type: ignore[attr-defined]
    for name in ("ghidra", "ghidra.program", "ghidra.program.model"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "ghidra.program.model.symbol", symbol)
    names = {
        "currentProgram": current,
        "getInstructionAt": lambda at: None,
        "disassemble": lambda at: program.code.add(at.getOffset()),
        "getFunctionAt": lambda at: None,
        "createFunction": lambda at, name: program.functions.add(at.getOffset()),
        "createLabel": lambda at, name, primary: program.names.update({at.getOffset(): name}),
        "createAsciiString": lambda at, length: program.strings.append((at.getOffset(), length)),
    }
    exec(compile(exported["ghidra"], "export.py", "exec"), names)
    program.check()
    assert program.references[0][2] == "jump"
    if place == (0x1000, 0x100):
        assert 0x1000 in program.segments


@pytest.mark.parametrize("based", [True, False], ids=["same segment", "another segment"])
def test_ida_is_told_where_it_has_the_program(
    exported: dict[str, str], based: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents code in a segment in which near jumps lead elsewhere."""
    program, lowest = Program(0x10100), 0x10100
    bases = [0x10000 if based else 0x10100]

    def add_segment(base: int, start: int, end: int, name: str, kind: str) -> bool:
        assert start == 0x10100
        assert end > 0x10116
        bases.append(base << 4)
        return True

    modules: dict[str, dict[str, Any]] = {
        "ida_auto": {"auto_wait": lambda: None},
        "ida_bytes": {
            "is_loaded": lambda at: at in program.memory,
            "is_code": lambda flags: False,
            "get_flags": lambda at: 0,
            "del_items": lambda at: True,
            "create_strlit": lambda at, length, kind: program.strings.append((at, length)),
        },
        "ida_funcs": {"add_func": program.functions.add},
        "ida_ida": {"inf_get_min_ea": lambda: lowest},
        "ida_name": {"SN_NOWARN": 1, "set_name": lambda at, name, flags: True},
        "ida_nalt": {"STRTYPE_C": 0},
        "ida_segment": {
            "getseg": lambda at: "segment",
            "get_segm_base": lambda segment: bases[-1],
            "add_segm": add_segment,
        },
        "ida_ua": {"create_insn": program.code.add},
        "ida_xref": {
            "fl_JN": 19,
            "fl_CN": 17,
            "XREF_USER": 32,
            "add_cref": lambda a, b, kind: program.references.append((a, b, kind)),
        },
    }
    for name, functions in modules.items():
        module = ModuleType(name)
        vars(module).update(functions)
        monkeypatch.setitem(sys.modules, name, module)
    exec(compile(exported["ida"], "export.py", "exec"), {})
    program.check()
    assert bases == ([0x10000] if based else [0x10100, 0x10000])


@pytest.mark.parametrize("script", [GHIDRA, IDA])
def test_scripts_are_in_what_both_pythons_understand(script: str) -> None:
    """Prevents what Jython, which is a Python 2.7, stumbles over."""
    tree = ast.parse(script % "{}", feature_version=(3, 7))
    newer = (ast.AnnAssign, ast.JoinedStr, ast.NamedExpr, ast.AsyncFunctionDef, ast.Nonlocal)
    assert not any(isinstance(node, newer) for node in ast.walk(tree))
    assert "print(" not in script
