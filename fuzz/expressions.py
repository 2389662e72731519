"""Evaluates expressions as people type them, over forged types and any bytes in memory; and reads
conditions, addresses and numbers.
"""

from __future__ import annotations

from functools import partial
from itertools import islice
from random import Random
from typing import Any

import trio

from blink16.client import conditions
from blink16.client.errors import ClientError
from blink16.client.program import Place, Scene, TypedValue, assign, evaluate
from blink16.client.program.lines import ProgramMap
from blink16.client.program.show import Notation, parts_of, text_of
from blink16.client.program.view import FrameView
from blink16.memory import MEMORY_SIZE
from blink16.reports.sources import MemberFacts, SourceUnit, TypeFacts, UnitReport, VariableFacts
from blink16.reports.state import RegisterValues
from blink16.symbols import Symbol, SymbolKind, SymbolTable
from blink16.words import numerals
from blink16.words.numerals import NumeralError
from fuzz.harness import BrokenError, Case, Fuzzer, brief

EXPRESSIONS = 60
LONGEST = 0.1
"""Seconds of work that one may take: it is evaluated in an event loop."""
LONGEST_TEXT = 1 << 20
KINDS = ("base", "pointer", "array", "struct", "union", "enum", "function", "typedef", "odd")
ENCODINGS = ("signed", "unsigned", "signed character", "unsigned character", "float", "boolean", "")
SIZES = (0, 1, 2, 3, 4, 6, 8, 10, 100, 65535, 1 << 20, 1 << 40, -1)
REGISTERS = ("ax", "al", "dx:ax", "si", "bp", "sp", "ds", "xx", "cf", "ax:bx:cx:dx", ":", "")
NAMES = "abcdefgh"
_NUMBERS = (
    "0", "1", "2", "-1", "255", "65535", "65536", "0x7fffffff", "0xffffffff", "0X10", "1zzz",
    "10h", "1_0", "²", "٣", "１", "0x", "1e9", "1.5", "5u",
    "9" * 30, "9" * 1500, "9" * 5000, "0" * 39 + "1",
)  # fmt: skip
_WORDS = (
    "ax", "al", "$ax", "cs:ip", "ds", "main", "table", "icount", "pc", "zf", "$cs", "$",
    "1000:0010", "a.b", "a.b.c", "nothing", "é",
    "'a'", "'\\n'", "'\\q'", "'é'", '"x"', "\0", "\u202e", *NAMES,
)  # fmt: skip
_SIGNS = (
    "+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^", "&&", "||", "==", "!=", "<", ">", "<=",
    ">=", ":", ",", "=", ".", "->", "(", ")", "[", "]",
)  # fmt: skip
_TYPES = (
    "char", "int", "unsigned long", "float", "double", "struct a", "union b", "enum c", "d",
    "int *", "char far *", "float *", "struct a *", "struct a far *", "void", "void *", "",
)  # fmt: skip


def source(random: Random, depth: int = 0) -> str:
    """Return an expression, nearly."""

    def inner() -> str:
        return source(random, depth + 1)

    if depth > 5 or random.random() < 0.25:
        atoms: tuple[str, ...] = (*_NUMBERS, *_WORDS, *NAMES)
        return random.choice(atoms)
    match random.randrange(10):
        case 0 | 1:
            return f"{inner()} {random.choice(_SIGNS)} {inner()}"
        case 2:
            return f"{random.choice('-!~*&+')}{inner()}"
        case 3:
            return f"({random.choice(_TYPES)}){inner()}"
        case 4:
            return f"{inner()}[{inner()}]"
        case 5:
            return f"{inner()}{random.choice(('.', '->'))}{random.choice(NAMES)}"
        case 6:
            pair = random.choice(("", f"{inner()},", f"{inner()}:"))
            return f"{random.choice(('byte', 'word', 'dword'))}[{pair}{inner()}]"
        case 7:
            return f"*({random.choice(_TYPES)} *){inner()}"
        case 8:
            return random.choice(("(", "-", "*", "~")) * random.choice((1, 70, 1000)) + inner()
    return f"({inner()})"


def generate(random: Random) -> Case:
    """Make a program's types and variables, and what is asked of it."""
    types: dict[str, list[Any]] = {}
    for number in range(12):
        members = [
            [
                random.choice(NAMES), random.randrange(-1, 14),
                random.choice((0, 1, 2, 70_000, -5)),
                random.choice((0, 0, 0, 1, 5, 40, -1)), random.choice((0, 3, 15, 64, -2)),
            ]
            for _ in range(random.randrange(4))
        ]  # fmt: skip
        types[str(number)] = [
            random.choice(KINDS), random.choice(NAMES), random.choice(SIZES),
            random.randrange(-1, 14), random.random() < 0.4, random.choice(ENCODINGS), members,
        ]  # fmt: skip
    variables = [
        [
            name, random.randrange(-1, 14),
            random.choice((None, 0x500, MEMORY_SIZE - 1, -1, 1 << 40)),
            random.choice((0, 0x50, 0xFFFF, -1)), random.choice((None, 0, -4, 70_000)),
            random.choice((*[""] * 8, *REGISTERS)),
        ]
        for name in NAMES
    ]  # fmt: skip
    asked = [source(random) for _ in range(EXPRESSIONS)]
    return [types, variables, random.getrandbits(30), asked]


class _Memory:
    """Any bytes, with infinities and other odd numbers among them."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    async def read_memory(self, where: int, length: int) -> bytes:
        """Return bytes."""
        if not 0 <= where <= where + length <= MEMORY_SIZE:
            raise BrokenError(f"{length} bytes were asked for at {where}")
        odd = (b"\0\0\x80\x7f", b"\xff" * 8, b"\0" * 6 + b"\xf0\x7f", b"\0" * 8, bytes(range(8)))
        data = self._random.choice((*odd, self._random.randbytes(8)))
        return (data * (length // len(data) + 1))[:length]

    async def memory_end(self) -> int:
        """Return the usual end."""
        return MEMORY_SIZE

    async def symbols(self) -> SymbolTable:
        """Return a function and two tables."""
        found = (("main", 0x10000, SymbolKind.CODE), ("table", 0xFFFFF, SymbolKind.DATA))
        return SymbolTable(Symbol(name, address, kind, 4) for name, address, kind in found)


def _scene(types: dict[str, list[Any]], variables: list[list[Any]], seed: int) -> Scene:
    table = {
        int(number): TypeFacts(
            kind, name, size, target, far, encoding, tuple(MemberFacts(*one) for one in members)
        )
        for number, (kind, name, size, target, far, encoding, members) in types.items()
    }
    known = tuple(
        VariableFacts(name, kind, False, address, segment, offset, register)
        for name, kind, address, segment, offset, register in variables
    )
    unit = SourceUnit(0, "a.c", "C", "", ((0x10000, 0x10100),))
    program = ProgramMap([(unit, UnitReport(0, (), (), (), known, table))])
    words = [Random(seed).randrange(1 << 16) for _ in range(14)]
    registers = RegisterValues(*words)

    async def write(place: Place, data: bytes) -> None:
        if len(data) > 1 << 16:
            raise BrokenError(f"{len(data)} bytes were to be written")

    return Scene(_Memory(seed), program, FrameView(0, registers, registers.bp, None), 5, write)


def run(case: Case) -> int:
    """Ask it all; return how much that was."""
    types, variables, seed, asked = case

    async def ask(text: str, scene: Scene) -> None:
        found: TypedValue | None = None
        try:
            found = await evaluate(text, scene)
            shown = max((text_of(found, notation) for notation in Notation), key=len)
            shown += "".join(name for name, _ in islice(parts_of(found), 100))
            if len(shown) > LONGEST_TEXT:
                raise BrokenError(f"{len(shown)} characters are shown")
            await assign(await evaluate("a", scene), found, scene)
        except (ClientError, ValueError) as error:
            _checked(str(error))

    async def main() -> None:
        scene = _scene(types, variables, seed)
        for text in asked:
            with brief(LONGEST):
                await ask(text, scene)
                _read(text)

    trio.run(main)
    return len(asked)


def _read(text: str) -> None:
    """Let the other readers have a look at it."""
    try:
        conditions.parse(text, {"main": 0x10000}.get).bytecode()
    except ValueError as error:
        _checked(str(error))
    for read in (partial(numerals.literal, most=1 << 64), numerals.size):
        try:
            read(text)
        except NumeralError as error:
            _checked(str(error))


def _checked(said: str) -> None:
    if not said or "\n" in said or len(said) > 10_000 or "Traceback" in said or "digits" in said:
        raise BrokenError(f"this was said: {said[:200]!r}")
    if "codec" in said or "invalid literal" in said or "to int" in said:
        raise BrokenError(f"Python said this: {said[:200]!r}")


FUZZER = Fuzzer(
    "expressions",
    "Whatever is asked of whatever types, each expression has a value or an error in one line.",
    "expressions",
    generate,
    run,
)
