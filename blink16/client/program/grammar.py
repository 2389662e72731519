"""C-like expressions as trees.

Beside C's own there are registers (``ax``, ``$ax``), flags (``zf``), far addresses
(``ds:si+2``, ``1000:0015``), ``byte[…]``, ``word[…]`` and ``dword[…]``, and numbers like ``3Ah``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from blink16.words import numerals
from blink16.words.numerals import NumeralError

MAX_SOURCE = 2000
"""Characters."""
MAX_DEPTH = 60
MAX_NUMBER = (1 << 64) - 1
_TOKEN = re.compile(
    r"\s*(?:(?P<far>(?:[0-9][0-9a-fA-F]{0,3}|[0-9a-fA-F]{4}):[0-9a-fA-F]{1,4}\b)"
    r"|(?P<number>0[xX][0-9a-fA-F]+[uUlL]*|[0-9][0-9a-fA-F]*[hH]\b|[0-9]+[uUlL]*)"
    r"|'(?P<character>\\?[^'])'"
    r"|(?P<name>\$?[A-Za-z_@?][A-Za-z0-9_@?$.]*(?<!\.))"
    r"|(?P<sign>->|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!<>=()\[\].,:]))"
)
_BINARY = (
    ("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<", ">", "<=", ">="),
    ("<<", ">>"), ("+", "-"), ("*", "/", "%"),
)  # fmt: skip
"""Operators, those that bind loosest first."""
_UNARY = ("-", "!", "~", "*", "&", "+")
_ESCAPES = {"n": 10, "r": 13, "t": 9, "0": 0, "\\": 92, "'": 39, "b": 8, "a": 7}
MEMORY = {"byte": 1, "word": 2, "dword": 4}
_TYPE_WORDS = {"unsigned", "signed", "char", "int", "short", "long", "struct", "union", "enum",
               "void", "float", "double", "far", "near", "const", "volatile"}  # fmt: skip


class ExpressionError(ValueError):
    """An expression that can't be understood or evaluated, and why, in one line."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written."""

    value: int
    is_character: bool = False


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, symbol, register or flag; ``$`` before it means a register."""

    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    """``-x``, ``*p``, ``&x``…"""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """``a + b``, ``a && b``, ``x = 1``, ``ds:si``."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class ElementOf:
    """``a[i]``."""

    array: Node
    index: Node


@dataclass(frozen=True, slots=True)
class Select:
    """``s.m``, and ``p->m`` as ``(*p).m``."""

    structure: Node
    member: str


@dataclass(frozen=True, slots=True)
class MemoryAt:
    """``word[address]``, or ``word[segment, offset]``."""

    size: int
    segment: Node | None
    offset: Node


@dataclass(frozen=True, slots=True)
class Cast:
    """``(type *)x``: the words of the type, and an entry for each star: whether it is far."""

    words: tuple[str, ...]
    stars: tuple[bool, ...]
    operand: Node


Node = Number | Name | Unary | Binary | ElementOf | Select | MemoryAt | Cast


def parse(source: str, is_type: Callable[[str], bool] = lambda name: False) -> Node:
    """Return the tree of an expression.  ``is_type``: whether a name is a type's (a typedef)."""
    if len(source) > MAX_SOURCE:
        raise ExpressionError(f"an expression has at most {MAX_SOURCE} characters")
    reader = _Reader(_tokens(source), source, is_type)
    tree = reader.assignment()
    if reader.more:
        raise ExpressionError(f"{reader.text!r} is not expected in {source!r}")
    return tree


def _tokens(source: str) -> list[tuple[str, str]]:
    tokens, at, stripped = [], 0, source.rstrip()
    if not stripped:
        raise ExpressionError("there is no expression")
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if match is None:
            raise ExpressionError(f"{stripped[at:].strip()[:20]!r} makes no sense in {source!r}")
        kind = match.lastgroup or ""
        tokens.append((kind, match[kind]))
        at = match.end()
    return tokens


class _Reader:
    """Reads tokens from left to right."""

    def __init__(
        self, tokens: list[tuple[str, str]], source: str, is_type: Callable[[str], bool]
    ) -> None:
        self._tokens = tokens
        self._at = 0
        self._source = source
        self._is_type = is_type
        self._depth = 0

    @property
    def more(self) -> bool:
        return self._at < len(self._tokens)

    @property
    def text(self) -> str:
        return self._tokens[self._at][1] if self.more else ""

    def _is(self, *signs: str) -> bool:
        return self.more and self._tokens[self._at][0] == "sign" and self.text in signs

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _expect(self, sign: str) -> None:
        if not self._is(sign):
            found = f"{self.text!r} stands" if self.more else "it ends"
            raise ExpressionError(f"{sign!r} is missing in {self._source!r}: {found} there")
        self._take()

    def assignment(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError("the expression is nested too deeply")
        left = self._far()
        if self._is("="):
            self._take()
            left = Binary("=", left, self.assignment())
        self._depth -= 1
        return left

    def _far(self) -> Node:
        left = self._binary(0)
        if self._is(":"):
            self._take()
            return Binary(":", left, self._binary(0))
        return left

    def _binary(self, level: int) -> Node:
        if level == len(_BINARY):
            return self._unary()
        left = self._binary(level + 1)
        while self._is(*_BINARY[level]):
            operator = self._take()
            left = Binary(operator, left, self._binary(level + 1))
        return left

    def _unary(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError("the expression is nested too deeply")
        try:
            if self._is(*_UNARY):
                operator = self._take()
                return Unary(operator, self._unary())
            if self._is("(") and self._begins_type(self._at + 1):
                return self._cast()
            return self._postfix()
        finally:
            self._depth -= 1

    def _begins_type(self, at: int) -> bool:
        if at >= len(self._tokens) or self._tokens[at][0] != "name":
            return False
        name = self._tokens[at][1]
        if name in _TYPE_WORDS or self._is_type(name):
            return True
        behind = self._tokens[at + 1 : at + 2]  # (byte *)p, (word)x
        return name in MEMORY and bool(behind) and behind[0][1] in ("*", ")")

    def _cast(self) -> Node:
        self._expect("(")
        words: list[str] = []
        stars: list[bool] = []
        far = False
        while not self._is(")"):
            if self._is("*"):
                stars.append(far)
                far = False
            elif self.more and self._tokens[self._at][0] == "name":
                if self.text in ("far", "near"):
                    far = self.text == "far"
                elif self.text not in ("const", "volatile"):
                    words.append(self.text)
            else:
                raise ExpressionError(f"{self.text!r} can't stand in a type in {self._source!r}")
            self._take()
        self._expect(")")
        return Cast(tuple(words), tuple(stars), self._unary())

    def _postfix(self) -> Node:
        node = self._primary()
        while self._is("[", ".", "->"):
            sign = self._take()
            if sign == "[":
                node = ElementOf(node, self.assignment())
                self._expect("]")
                continue
            if not self.more or self._tokens[self._at][0] != "name":
                raise ExpressionError(f"there is no member behind {sign} in {self._source!r}")
            base = Unary("*", node) if sign == "->" else node
            first, *others = self._take().split(".")
            node = Select(base, first)
            for name in others:
                node = Select(node, name)
        return node

    def _primary(self) -> Node:
        if not self.more:
            raise ExpressionError(f"{self._source!r} ends too early")
        kind = self._tokens[self._at][0]
        if self._is("("):
            self._take()
            inner = self.assignment()
            self._expect(")")
            return inner
        text = self._take()
        match kind:
            case "number":
                return Number(_number(text))
            case "far":
                segment, _, offset = text.partition(":")
                return Binary(":", Number(int(segment, 16)), Number(int(offset, 16)))
            case "character":
                value = _ESCAPES.get(text[1:]) if len(text) == 2 else ord(text)
                if value is None or value > 0xFF:
                    raise ExpressionError(f"{text!r} is no character of one byte")
                return Number(value, is_character=True)
            case "name" if text in MEMORY and self._is("["):
                return self._memory(MEMORY[text])
            case "name":
                return self._name(text)
        raise ExpressionError(f"{text!r} is not expected in {self._source!r}")

    def _name(self, text: str) -> Node:
        """Return a name; what a dot parts from it is a member, or of the name: evaluation says."""
        return Name(text)

    def _memory(self, size: int) -> Node:
        self._expect("[")
        first = self.assignment()
        segment = None
        if self._is(","):
            self._take()
            segment, first = first, self.assignment()
        elif isinstance(first, Binary) and first.operator == ":":
            segment, first = first.left, first.right
        self._expect("]")
        return MemoryAt(size, segment, first)


def _number(text: str) -> int:
    text = text.rstrip("uUlL")
    try:
        if text[-1] in "hH":
            return numerals.digits(text[:-1], 16, MAX_NUMBER)
        return numerals.literal(text, MAX_NUMBER)
    except NumeralError as error:
        raise ExpressionError(str(error)) from None
