"""The sample that the project ships: it runs, it can be rebuilt, it suits a debugger."""

from __future__ import annotations

from pathlib import Path

from elks_guest import start

from blink16.cpu.engine import StopReason
from blink16.memory import Attribute, linear
from blink16.samples.build import SAMPLES
from blink16.symbols import SymbolKind

BANNER = (SAMPLES / "banner").read_bytes()
HI = b"""\
H   H  III
H   H   I
H   H   I
HHHHH   I
H   H   I
H   H   I
H   H  III

"""


def test_prints_its_argument(tmp_path: Path) -> None:
    """The first program that users run must work."""
    guest = start(BANNER, tmp_path, ("HI",))
    stop = guest.run()
    assert (stop.reason, stop.status) == (StopReason.EXITED, 0)
    assert guest.shown == {"console": HI}


def test_prints_a_text_without_arguments(tmp_path: Path) -> None:
    """Without arguments it must print something nevertheless."""
    guest = start(BANNER, tmp_path)
    guest.run()
    assert guest.shown["console"].startswith(b"BBBB  L      III  N   N K   K")


def test_long_and_odd_arguments(tmp_path: Path) -> None:
    """Texts of any length and characters must stay within 80 columns of ASCII."""
    guest = start(BANNER, tmp_path, ("x" * 200, "\x01{é", ""))
    assert guest.run().reason is StopReason.EXITED
    lines = guest.shown["console"].splitlines()
    assert max(map(len, lines)) <= 80
    assert guest.shown["console"].isascii()


def test_recursion_is_as_deep_as_the_word(tmp_path: Path) -> None:
    """A backtrace in the last letter must have a BP frame for each letter before it."""
    guest = start(BANNER, tmp_path, ("ABCD",))
    end_line = guest.symbols.lookup("end_line")
    assert end_line is not None
    memory, r = guest.machine.memory, guest.machine.registers
    memory.mark(end_line.address, Attribute.BREAKPOINT)
    assert guest.run().reason is StopReason.BREAKPOINT
    names, frame = [], r.bp
    return_address = memory.read_word(linear(r.ss, r.sp))
    while return_address:
        found = guest.symbols.find(linear(r.cs, return_address))
        assert found is not None
        names.append(found[0].name)
        return_address = memory.read_word(linear(r.ss, frame + 2)) if frame else 0
        frame = memory.read_word(linear(r.ss, frame)) if frame else 0
    assert names == ["draw_letters"] * 5 + ["print_letters", "print_text", "main", "_start"]


def test_symbols_name_functions_and_data(tmp_path: Path) -> None:
    """Breakpoints and watchpoints by name need the symbol table."""
    symbols = start(BANNER, tmp_path).symbols
    code = {s.name for s in symbols if s.kind is SymbolKind.CODE}
    data = {s.name for s in symbols if s.kind is SymbolKind.DATA}
    assert {"_start", "main", "draw_letters", "plot", "glyph", "end_line"} <= code
    assert {"greeting", "font", "length", "lines", "line"} <= data
