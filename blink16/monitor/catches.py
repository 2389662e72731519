"""``monitor catch``: stop where a program calls its system; see `debugger.catches`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from blink16.debugger import Debugger
from blink16.debugger.catches import ELKS_VECTOR, RegisterTest
from blink16.elks.abi import Call
from blink16.monitor.registry import MonitorError, command, no_arguments
from blink16.words import numerals
from blink16.words.numerals import NumeralError

_WORDS = frozenset(("ax", "bx", "cx", "dx", "si", "di", "bp", "ds", "es"))
_BYTES = frozenset(("ah", "al", "bh", "bl", "ch", "cl", "dh", "dl"))
_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]+)[hH]?")
_USAGE = "usage: monitor catch int N [REGISTER=VALUE...] | elks [CALL...] | exec | delete N|all"


@command("catch [int N [REGISTER=VALUE...]|elks [CALL...]|exec|delete N|all]")
def catch(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Stop, forward and backward, where the program calls BIOS, DOS or ELKS; or list the catches.

    `catch int 21 ah=3d,3e` stops at the entry of INT 21h's handler if AH is 3Dh or 3Eh: before
    the service is done, with the caller's registers.  All numbers are hexadecimal.
    `catch exec` stops where DOS or ELKS has loaded a program and is about to start it.
    `catch elks open read` stops at these system calls of ELKS, `catch elks` at all.  The handler
    is the one that the interrupt's vector points at now: catch again if it is moved.
    """
    if not arguments:
        return _list(debugger)
    what, *rest = arguments
    match what:
        case "int":
            vector, tests = _interrupt(rest)
        case "elks":
            vector, tests = ELKS_VECTOR, _elks_calls(rest)
        case "exec":
            no_arguments(rest)
            made, address = debugger.catches.add_exec()
            return f"catch {made.number}: {made.title}, at {address:#07x}"
        case "delete":
            return _delete(debugger, rest)
        case _:
            raise MonitorError(_USAGE)
    made, address = debugger.catches.add(" ".join(arguments), vector, tests)
    return f"catch {made.number}: {made.title}, at {address:#07x}"


def _list(debugger: Debugger) -> str:
    lines = (f"{catch.number:>4}  {catch.title}" for catch in debugger.catches.all())
    return "\n".join(lines) or "no catches"


def _delete(debugger: Debugger, arguments: Sequence[str]) -> str:
    which = arguments[0] if arguments else ""
    no_arguments(arguments[1:])
    debugger.catches.delete(None if which == "all" else _known(debugger, which))
    return ""


def _known(debugger: Debugger, which: str) -> int:
    """Return the number of a catch; MonitorError if there is none."""
    most = max((catch.number for catch in debugger.catches.all()), default=0)
    try:
        return numerals.digits(which, 10, most, least=1)
    except NumeralError:
        raise MonitorError(f"no catch {which[:40]!r}: monitor catch lists them") from None


# -- what the user types ---------------------------------------------------------------------


def _interrupt(words: Sequence[str]) -> tuple[int, tuple[RegisterTest, ...]]:
    if not words:
        raise MonitorError(_USAGE)
    return _number(words[0], 0xFF), tuple(map(_test, words[1:]))


def _test(word: str) -> RegisterTest:
    name, separator, values = word.lower().partition("=")
    if name not in _WORDS | _BYTES or not separator:
        raise MonitorError(f"{word[:40]!r} is not REGISTER=VALUE, like ah=3d")
    most = 0xFF if name in _BYTES else 0xFFFF
    return RegisterTest(name, frozenset(_number(value, most) for value in values.split(",")))


def _number(text: str, most: int) -> int:
    found = _HEX.fullmatch(text)
    return numerals.digits(found[1] if found else text, 16, most)


def _elks_calls(words: Sequence[str]) -> tuple[RegisterTest, ...]:
    return (RegisterTest("ax", frozenset(map(_elks_call, words))),) if words else ()


def _elks_call(word: str) -> int:
    try:
        return Call[word.upper()]
    except KeyError:
        raise MonitorError(f"ELKS has no system call {word[:40]!r}") from None
