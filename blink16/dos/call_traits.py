"""INT 21h's calls by name, and what goes in and comes out: for traces and documentation.

``arguments`` and ``results`` are words: a register's name; or ``path``, ``text`` (to a dollar
sign), ``data`` or ``fcb`` with the registers of its address and, of data, its length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from blink16.cpu.registers import CF
from blink16.dos.errors import Code
from blink16.dos.names import CODE_PAGE, dotted
from blink16.services import Guest, caller_flags_address

MAX_SHOWN = 32
"""Bytes of data that a line shows."""
FIRST_CARRY_CALL = 0x38
"""Calls from here on tell success by CF, those before have ways of their own."""
REGISTERS = ("ax", "bx", "cx", "dx", "si", "di", "bp", "ds", "es")
_POINTER = re.compile(r"(path|text|data|fcb)\((\w\w):(\w\w)(?:,(\w\w))?\)")


@dataclass(frozen=True, slots=True)
class CallTraits:
    """What a call is named, takes and gives."""

    name: str
    arguments: str = ""
    results: str = ""


_PATH = "path(ds:dx)"
_FCB = "fcb(ds:dx)"
TRAITS = {
    0x00: CallTraits("terminate"),
    0x01: CallTraits("getche", "", "al"),
    0x02: CallTraits("putch", "dl"),
    0x03: CallTraits("aux_in", "", "al"),
    0x04: CallTraits("aux_out", "dl"),
    0x05: CallTraits("print", "dl"),
    0x06: CallTraits("direct_io", "dl", "al"),
    0x07: CallTraits("getch_raw", "", "al"),
    0x08: CallTraits("getch", "", "al"),
    0x09: CallTraits("puts", "text(ds:dx)"),
    0x0A: CallTraits("gets", "ds:dx"),
    0x0B: CallTraits("kbhit", "", "al"),
    0x0C: CallTraits("flush", "al", "al"),
    0x0D: CallTraits("reset_disk"),
    0x0E: CallTraits("select_drive", "dl", "al"),
    0x0F: CallTraits("fcb_open", _FCB, "al"),
    0x10: CallTraits("fcb_close", _FCB, "al"),
    0x11: CallTraits("fcb_find_first", _FCB, "al"),
    0x12: CallTraits("fcb_find_next", _FCB, "al"),
    0x13: CallTraits("fcb_delete", _FCB, "al"),
    0x14: CallTraits("fcb_read", _FCB, "al"),
    0x15: CallTraits("fcb_write", _FCB, "al"),
    0x16: CallTraits("fcb_create", _FCB, "al"),
    0x17: CallTraits("fcb_rename", _FCB, "al"),
    0x18: CallTraits("null_18"),
    0x19: CallTraits("current_drive", "", "al"),
    0x1A: CallTraits("set_dta", "ds:dx"),
    0x1B: CallTraits("default_drive_data", "", "al cx dx ds:bx"),
    0x1C: CallTraits("drive_data", "dl", "al cx dx ds:bx"),
    0x1D: CallTraits("null_1d"),
    0x1E: CallTraits("null_1e"),
    0x1F: CallTraits("default_dpb", "", "al ds:bx"),
    0x20: CallTraits("null_20"),
    0x21: CallTraits("fcb_random_read", _FCB, "al"),
    0x22: CallTraits("fcb_random_write", _FCB, "al"),
    0x23: CallTraits("fcb_size", _FCB, "al"),
    0x24: CallTraits("fcb_set_random", _FCB),
    0x25: CallTraits("set_vector", "al ds:dx"),
    0x26: CallTraits("copy_psp", "dx"),
    0x27: CallTraits("fcb_block_read", _FCB + " cx", "al cx"),
    0x28: CallTraits("fcb_block_write", _FCB + " cx", "al cx"),
    0x29: CallTraits("parse_name", "path(ds:si) al", "al"),
    0x2A: CallTraits("get_date", "", "cx dx al"),
    0x2B: CallTraits("set_date", "cx dx", "al"),
    0x2C: CallTraits("get_time", "", "cx dx"),
    0x2D: CallTraits("set_time", "cx dx", "al"),
    0x2E: CallTraits("set_verify", "al"),
    0x2F: CallTraits("get_dta", "", "es:bx"),
    0x30: CallTraits("version", "", "ax"),
    0x31: CallTraits("stay_resident", "al dx"),
    0x32: CallTraits("dpb", "dl", "al ds:bx"),
    0x33: CallTraits("break_check", "al dl", "dl"),
    0x34: CallTraits("indos_address", "", "es:bx"),
    0x35: CallTraits("get_vector", "al", "es:bx"),
    0x36: CallTraits("free_space", "dl", "ax bx cx dx"),
    0x37: CallTraits("switch_character", "al", "al dl"),
    0x38: CallTraits("country", "al ds:dx", "ax"),
    0x39: CallTraits("mkdir", _PATH),
    0x3A: CallTraits("rmdir", _PATH),
    0x3B: CallTraits("chdir", _PATH),
    0x3C: CallTraits("create", _PATH + " cx", "ax"),
    0x3D: CallTraits("open", _PATH + " al", "ax"),
    0x3E: CallTraits("close", "bx"),
    0x3F: CallTraits("read", "bx cx", "ax data(ds:dx,ax)"),
    0x40: CallTraits("write", "bx data(ds:dx,cx) cx", "ax"),
    0x41: CallTraits("unlink", _PATH),
    0x42: CallTraits("seek", "bx cx dx al", "dx ax"),
    0x43: CallTraits("attributes", _PATH + " al cx", "cx"),
    0x44: CallTraits("ioctl", "al bx cx dx", "ax dx"),
    0x45: CallTraits("dup", "bx", "ax"),
    0x46: CallTraits("dup2", "bx cx"),
    0x47: CallTraits("getcwd", "dl", "path(ds:si)"),
    0x48: CallTraits("allocate", "bx", "ax"),
    0x49: CallTraits("free", "es"),
    0x4A: CallTraits("resize", "es bx", "bx"),
    0x4B: CallTraits("exec", _PATH + " al es:bx"),
    0x4C: CallTraits("exit", "al"),
    0x4D: CallTraits("child_status", "", "ax"),
    0x4E: CallTraits("find_first", _PATH + " cx"),
    0x4F: CallTraits("find_next"),
    0x50: CallTraits("set_psp", "bx"),
    0x51: CallTraits("get_psp", "", "bx"),
    0x52: CallTraits("list_of_lists", "", "es:bx"),
    0x53: CallTraits("translate_bpb", "ds:si es:bp"),
    0x54: CallTraits("get_verify", "", "al"),
    0x55: CallTraits("child_psp", "dx si"),
    0x56: CallTraits("rename", _PATH + " path(es:di)"),
    0x57: CallTraits("file_time", "bx al cx dx", "cx dx"),
    0x58: CallTraits("strategy", "al bx", "ax"),
    0x59: CallTraits("extended_error", "", "ax bx ch"),
    0x5A: CallTraits("temporary", _PATH + " cx", "ax path(ds:dx)"),
    0x5B: CallTraits("create_new", _PATH + " cx", "ax"),
    0x5C: CallTraits("lock", "bx al cx dx"),
    0x5D: CallTraits("server", "al"),
    0x5E: CallTraits("network_name", "al"),
    0x5F: CallTraits("network_drive", "al"),
    0x60: CallTraits("truename", "path(ds:si)", "path(es:di)"),
    0x61: CallTraits("null_61"),
    0x62: CallTraits("get_psp", "", "bx"),
    0x63: CallTraits("lead_bytes", "al", "ds:si"),
    0x64: CallTraits("null_64"),
    0x65: CallTraits("country_tables", "al bx cx dx"),
    0x66: CallTraits("code_page", "al", "bx dx"),
    0x67: CallTraits("handle_count", "bx"),
    0x68: CallTraits("commit", "bx"),
    0x69: CallTraits("media_id", "al bl"),
    0x6A: CallTraits("commit", "bx"),
    0x6B: CallTraits("null_6b"),
    0x6C: CallTraits("extended_open", "path(ds:si) bx cx dx", "ax cx"),
    0x6D: CallTraits("null_6d"),
    0x6E: CallTraits("null_6e"),
    0x6F: CallTraits("null_6f"),
    0x71: CallTraits("long_names", "al"),
}
"""By number, in AH."""


Values = dict[str, int]


def values(guest: Guest) -> Values:
    """Return the registers that calls use."""
    return {name: getattr(guest.registers, name) for name in REGISTERS}


def called(guest: Guest, number: int, before: Values) -> str:
    """Return a call as a trace writes it, up to its result."""
    traits = TRAITS.get(number) or CallTraits(f"int21_{number:02x}", "ax bx cx dx ds es")
    words = (_shown(guest, word, before, before) for word in traits.arguments.split())
    return f"{traits.name}({', '.join(words)})"


def result(guest: Guest, number: int, before: Values, flags: int | None = None) -> str:
    """Return what came of it.

    ``flags``: the caller's afterwards; by default those to which the stub's IRET returns.
    """
    after = values(guest)
    if flags is None:
        flags = guest.memory.ram[caller_flags_address(guest)]
    if number >= FIRST_CARRY_CALL and flags & CF:
        code = after["ax"]
        name = Code(code).name.lower().replace("_", " ") if code in set(Code) else "unknown"
        return f"error {code} ({name})"
    traits = TRAITS.get(number) or CallTraits("", "", "ax")
    return " ".join(_shown(guest, word, before, after) for word in traits.results.split()) or "ok"


def _shown(guest: Guest, word: str, before: Values, after: Values) -> str:
    """Return an argument or result: addresses are the caller's, values those of ``after``."""
    found = _POINTER.fullmatch(word)
    if found is None:
        return ":".join(_number(part, after) for part in word.split(":"))
    kind, segment, offset, length = found.groups()
    start = guest.linear(before[segment], before[offset])
    if kind == "fcb":
        raw = guest.memory[start : start + 19]
        raw = raw[7:] if raw[:1] == b"\xff" else raw
        return _quoted(dotted(raw[1:12]).encode(CODE_PAGE, "replace"))
    size = 128 if length is None else after[length]
    data = guest.memory[start : start + min(size, 128)]
    if kind != "data":
        data = data.partition(b"$" if kind == "text" else b"\0")[0]
    return _quoted(data)


def _number(name: str, source: Values) -> str:
    if name in source:
        return f"{source[name]:04X}"
    pair = source[name[0] + "x"]
    return f"{pair >> 8 if name[1] == 'h' else pair & 0xFF:02X}"


def _quoted(data: bytes) -> str:
    shown = data[:MAX_SHOWN].decode(CODE_PAGE)
    text = "".join(_ESCAPES.get(c, c if c.isprintable() else f"\\x{ord(c):02x}") for c in shown)
    return f'"{text}"' + ("..." if len(data) > MAX_SHOWN else "")


_ESCAPES = {"\\": "\\", '"': '\\"', "\r": "\\r", "\n": "\\n", "\t": "\\t"}
