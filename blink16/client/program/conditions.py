"""C-like conditions in the words of `blink16.client.conditions`, which the server judges.

Only what means the same there is translated: comparisons of numbers, registers and variables of
at most 16 bits, with ``&&``, ``||``, ``!`` and masks.
"""

from __future__ import annotations

from blink16.client.conditions import HALVES
from blink16.client.program import types
from blink16.client.program.grammar import Binary, Name, Node, Number, Unary, parse
from blink16.client.program.scene import WORD_REGISTERS, Scene
from blink16.client.program.types import ValueType

_SIGN = 1 << 63
_LOGIC = {"&&": "and", "||": "or"}
_COMPARISONS = ("==", "!=", "<", ">", "<=", ">=")


async def as_condition(source: str, scene: Scene) -> str | None:
    """Return a condition for the server that holds where this one does; None if there is none.

    ``scene``: any frame at the place where it is to be judged.
    """
    try:
        return await _Translator(scene).truth(parse(source))
    except _UntranslatableError:
        return None


class _UntranslatableError(Exception):
    """What has no counterpart."""


class _Translator:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    async def truth(self, node: Node) -> str:
        match node:
            case Binary("&&" | "||" as sign, left, right):
                return f"({await self.truth(left)} {_LOGIC[sign]} {await self.truth(right)})"
            case Unary("!", operand):
                return f"(not {await self.truth(operand)})"
            case Binary(sign, left, right) if sign in _COMPARISONS:
                return await self._comparison(sign, left, right)
        text, _ = await self._operand(node)
        return f"({text} != 0)"

    async def _comparison(self, sign: str, left: Node, right: Node) -> str:
        (one, first), (other, second) = await self._operand(left), await self._operand(right)
        signed = all(kind.is_signed or kind.size < 2 for kind in (first, second))
        if signed:
            return f"(({one} ^ {_SIGN}) {sign} ({other} ^ {_SIGN}))"
        return f"(({one} & 65535) {sign} ({other} & 65535))"

    async def _operand(self, node: Node) -> tuple[str, ValueType]:
        match node:
            case Number(number) if number <= 0xFFFF:
                return str(number), types.INT if number <= 0x7FFF else types.WORD
            case Unary("-", Number(number)) if number <= 0x8000:
                return f"(0 - {number})", types.INT
            case Name(name):
                return await self._name(name)
            case Binary("&", left, Number(mask)) if mask <= 0xFFFF:
                text, kind = await self._operand(left)
                return f"({text} & {mask})", kind if mask > 0x7FFF else types.INT
        raise _UntranslatableError

    async def _name(self, name: str) -> tuple[str, ValueType]:
        plain = name.removeprefix("$").lower()
        variable = None if name.startswith("$") else self._scene.variable(name)
        if variable is None:
            if plain in WORD_REGISTERS:
                return plain, types.WORD
            if plain in HALVES or plain in ("zf", "cf", "sf", "of", "pf", "af", "df", "if", "tf"):
                return plain, types.BYTE
            raise _UntranslatableError
        kind = self._scene.type_of(*variable).plain
        facts = variable[0]
        if kind.kind not in ("base", "enum") or kind.is_float or kind.size not in (1, 2):
            raise _UntranslatableError
        if facts.register:
            if facts.register not in WORD_REGISTERS or kind.size != 2:
                raise _UntranslatableError
            return _extended(facts.register, kind), kind
        word = "word" if kind.size == 2 else "byte"
        if facts.address is not None:
            return _extended(f"{word}[{facts.address}]", kind), kind
        if facts.offset is None or self._scene.view.pc == self._start():
            raise _UntranslatableError  # BP is its caller's there
        return _extended(f"{word}[ss, bp + {facts.offset & 0xFFFF}]", kind), kind

    def _start(self) -> int | None:
        function = self._scene.program.function_at(self._scene.view.pc)
        return function.start if function is not None else None


def _extended(text: str, kind: ValueType) -> str:
    """Return a number of the server's, which knows 64 bits, with its sign."""
    if not kind.is_signed:
        return text
    sign = 0x8000 if kind.size == 2 else 0x80
    return f"(({text} ^ {sign}) - {sign})"
