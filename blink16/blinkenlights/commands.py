"""What keys and words of the user do to a machine: functions of a `Target`."""

from __future__ import annotations

import re

from blink16.blinkenlights.source_text import SourceText
from blink16.client import (
    ClientError,
    PointRole,
    RegisterValues,
    SetPoint,
    Target,
    UnsupportedError,
)
from blink16.reports.points import WantedPointsReport
from blink16.words import numerals

MAX_LENGTH = 1 << 16
"""Bytes that are watched at once, as far as is understood here; the server says how many can be."""
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}\s*)+")
_REGISTERS = re.compile(
    r"(?:(?P<segment>[cdes]s):)?(?:(?P<register>[abcd]x|[sbi]p|[sd]i|[cdes]s)|(?P<digits>[0-9a-f]{1,4}))"
    r"(?:(?P<sign>[+-])(?P<more>0x[0-9a-f]+|[0-9]+))?",
    re.IGNORECASE,
)
_SEGMENTS = {"sp": "ss", "bp": "ss", "ip": "cs"}
"""Of registers that are offsets in another segment than DS."""
_WATCH = re.compile(
    r"(?P<where>\S+)(?:\s+(?P<length>0x[0-9a-fA-F]+|[0-9]+))?"
    r"(?:\s+(?P<access>read|write|access))?(?:\s+if\s+(?P<condition>.+))?"
)
_BREAK = re.compile(r"(?P<where>\S+)(?:\s+if\s+(?P<condition>.+))?")


# -- places ----------------------------------------------------------------------------------


def place(target: Target, text: str) -> int:
    """Return a linear address: ``seg:off``, a symbol, ``ds:si``; ValueError if there is none."""
    return target.address_of(where(target, text))


def code_place(target: Target, text: str, lines: SourceText) -> int:
    """Return the linear address of a place in code, also of ``FILE:LINE``."""
    code = lines.code_of(text.strip())
    return place(target, text) if code is None else code


def where(target: Target, text: str) -> int | str:
    """Return the same as the client takes it: a symbol by its name."""
    text = text.strip()
    match = _REGISTERS.fullmatch(text)
    if match and (match["segment"] or match["register"]) and not _is_symbol(target, text):
        return _by_registers(target.read_registers(), match)
    if re.fullmatch(r"[0-9a-fA-F]{5}", text):
        return numerals.digits(text, 16, 0xFFFFF)
    return text


def _is_symbol(target: Target, text: str) -> bool:
    return target.decoder().symbols.lookup(text) is not None


def _by_registers(registers: RegisterValues, match: re.Match[str]) -> int:
    """Return the linear address of ``ds:si``, ``es:0100``, ``bp-4``, ``ss``."""
    name, more = (match["register"] or "").lower(), numerals.literal(match["more"] or "0", 0xFFFF)
    segment = (match["segment"] or _SEGMENTS.get(name, "ds")).lower()
    if name.endswith("s") and not match["segment"]:
        segment, name = name, ""
    offset = (
        getattr(registers, name) if name else numerals.digits(match["digits"] or "0", 16, 0xFFFF)
    )
    offset += -more if match["sign"] == "-" else more
    return registers.linear(getattr(registers, segment), offset & 0xFFFF)


def pattern_of(text: str) -> bytes:
    """Return what is to be looked for: bytes in hex, or a text, in quotes if it looks like hex."""
    if len(text) > 2 and text[0] == text[-1] == '"':
        return text[1:-1].encode("cp437", "replace")
    return bytes.fromhex(text) if _HEX.fullmatch(text) else text.encode("cp437", "replace")


def found(target: Target, text: str, behind: int | None = None) -> int:
    """Return where a text, or bytes in hex, stand next; ValueError if nowhere.

    ``behind``: the linear address after which to begin; what is before it comes last.
    """
    pattern = pattern_of(text)
    address = (
        None if behind is None else target.find(pattern, min(behind + 1, target.memory_end() - 1))
    )
    if address is None:
        address = target.find(pattern)
    if address is None:
        raise ValueError(f"{text!r} is nowhere in memory")
    return address


# -- points ----------------------------------------------------------------------------------


def watched(target: Target, text: str) -> str:
    """Watch a place: ``lines``, ``lines 2``, ``ds:0100 1 read``, ``lines 2 if ax == 3``."""
    match = _WATCH.fullmatch(text.strip())
    if match is None:
        raise ValueError("write PLACE [BYTES] [read|write|access] [if CONDITION]")
    return str(
        target.watch(
            where(target, match["where"]),
            numerals.literal(match["length"] or "2", MAX_LENGTH),
            access=match["access"] or "write",
            condition=match["condition"],
        )
    )


def broken(target: Target, text: str, lines: SourceText) -> str:
    """Set a breakpoint: ``plot``, ``game.c:21``, ``1000:0020 if al == 72``."""
    match = _BREAK.fullmatch(text.strip())
    if match is None:
        raise ValueError("write PLACE [if CONDITION]")
    code = lines.code_of(match["where"])
    place = where(target, match["where"]) if code is None else code
    title = None if code is None else match["where"]
    return str(target.break_at(place, condition=match["condition"], title=title))


def begin_with(target: Target, lines: SourceText) -> str:
    """Set the breakpoints that the machine's user wants from the beginning; say what can't be."""
    try:
        wanted = target.report(WantedPointsReport).places
    except UnsupportedError:  # another server, or an older one
        return ""
    mistakes = []
    for text in wanted:
        try:
            broken(target, text, lines)
        except (ClientError, ValueError) as error:
            mistakes.append(f"no breakpoint at {text}: {error}")
    return "; ".join(mistakes)


def toggled(target: Target, address: int) -> str:
    """Set a breakpoint at a linear address, or remove the one that is there."""
    for point in target.points:
        if point.role is PointRole.EXECUTE and point.address == address:
            return removed(target, point)
    return str(target.break_at(address))


def popped(target: Target) -> str:
    """Remove the point that was set last."""
    if not target.points:
        return "there is no breakpoint"
    return removed(target, target.points[-1])


def removed(target: Target, point: SetPoint) -> str:
    """Remove a point, if it is still there."""
    if point in target.points:
        target.remove(point)
    return f"removed {point}"


# -- time ------------------------------------------------------------------------------------


def sought(target: Target, where: str | int) -> str:
    """Go to an instant, a bookmark, ``start`` or ``end``."""
    target.seek(where)
    return ""


def bookmarked(target: Target) -> str:
    """Name the present instant by its number."""
    name = f"at{target.icount}"
    target.bookmark(name)
    return f"bookmark {name}"


def last_writer(target: Target, address: int) -> str:
    """Go to the instruction that wrote a byte last."""
    write = target.last_write(address, 1)
    if write.icount is None:
        return f"nobody has written to {address:05X} as far back as the past reaches"
    target.seek(write.icount)
    return f"{address:05X} was written here: {write.before.hex()} to {write.after.hex()}"


# -- memory ----------------------------------------------------------------------------------


def edit_of(text: str) -> tuple[str, bytes]:
    """Return the place and the bytes of ``PLACE=BYTES in hex``; ValueError if it is not that."""
    where, equals, digits = text.partition("=")
    if not equals or not _HEX.fullmatch(digits.strip()):
        raise ValueError("write PLACE=BYTES, like lines=07 or ds:0100=41 42")
    return where.strip(), bytes.fromhex(digits)


def edited(target: Target, where: str, data: bytes) -> str:
    """Store bytes.  In the past, this drops the recorded future."""
    address = place(target, where)
    target.write_memory(address, data)
    return f"{len(data)} byte{'s' * (len(data) > 1)} stored at {address:05X}"


def let_go(target: Target) -> str:
    """Let the machine go, to another client that asks for it."""
    target.yield_control()
    return "you watch from now on; T asks for the machine"
