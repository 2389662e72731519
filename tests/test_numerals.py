"""The one reader of numbers: what it takes, and that nothing else gets through."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16.cli import config_file, values
from blink16.cli.options import RUN
from blink16.setup.loader import LoadError
from blink16.words import numerals
from blink16.words.numerals import NumeralError

PACKAGE = Path(numerals.__file__).parents[1]
ODD = ["", "-1", "+1", " 1", "1 ", "1_0", "0x", "0x-1", "0o7", "1e+3", "٣", "²"]
ODD += ["0x1g", "0" * 41, "\n"]


@pytest.mark.parametrize("text", ODD)
def test_what_is_no_number_is_refused_in_a_line(text: str) -> None:
    """Prevents Python's own generous ideas of a number, and tracebacks."""
    for base in (10, 16):
        with pytest.raises(NumeralError) as raised:
            numerals.digits(text, base, 1 << 62)
        assert "\n" not in str(raised.value)
    with pytest.raises(NumeralError):
        numerals.literal(text, 1 << 62)
    assert not numerals.is_literal(text)


def test_both_notations_are_read_in_either_case() -> None:
    """Prevents 0X10, which one type sees as a number and the next as none."""
    assert numerals.literal("0x1F", 31) == numerals.literal("0X1f", 31) == 31
    assert numerals.literal("0" * 39 + "9", 9) == 9
    assert numerals.size("2") == numerals.size("2048k") == 2 << 20


def test_bounds_are_kept() -> None:
    """Prevents a count of none, or one that no machine could reach."""
    for text in ("0", "0x0", "11", "0xB", "9" * 40, "9" * 5000):
        with pytest.raises(NumeralError, match="no number from 1 to 10"):
            numerals.literal(text, 10, least=1)


BOUNDED = {
    "packets.py", "monitor/pc.py", "monitor/history.py", "gdbstub/commands/fields.py",
    "gdbstub/answers.py", "cpu/opcodes.py", "cpu/native/registers.py", "symbolfiles",
    "samples/build.py", "client/replies.py", "client/looking.py", "client/program/grammar.py",
    "blinkenlights/accesses.py", "blinkenlights/widgets/code.py", "dap/requests/running.py",
    "client/bitfields.py", "bios/planes.py",
}  # fmt: skip
"""Who reads a few digits that a pattern, or we ourselves, have made."""
GENEROUS = {"isdigit", "isdecimal", "isnumeric"}
"""They take other scripts' digits, which `int` reads or not."""
OURS = {
    "cpu/decoder.py", "cpu/disassembler.py", "cpu/timing.py", "cpu/x87/opcodes.py", "bios/int09.py",
}  # fmt: skip
OF_BYTES = {"client/core.py", "dap/framing.py", "symbolfiles/codeview/__init__.py"}


def test_nobody_reads_numbers_in_a_way_of_his_own() -> None:
    """Prevents the next traceback by ``²``, 1_0, or 5,000 digits."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Attribute(attr=attr) if attr in GENEROUS:
                    found.add(name) if name not in OURS | OF_BYTES else None
                case ast.Call(func=ast.Name(id="int"), args=[_, _]):
                    found.add(name)
    allowed = {name for name in found for one in BOUNDED if name.startswith(one)}
    assert found - allowed == {"words/numerals.py"}


@pytest.mark.parametrize("value", ["9" * 5000, "0x" + "f" * 5000, "1" + "0" * 30])
def test_a_folder_cannot_say_a_number_without_end(tmp_path: Path, value: str) -> None:
    """Prevents a traceback by Python's limit of digits, in a file or on the way to a word."""
    (tmp_path / "blink16.toml").write_text(f"ems = {value}\n")
    with pytest.raises(LoadError, match=r"digits|too large"):
        config_file.options_for(tmp_path / "prog.com", RUN)


@pytest.mark.parametrize("read", [values.beyond, values.memory, values.threads, values.instant])
@pytest.mark.parametrize("text", ["²", "٣", "9" * 5000, "-1", "", "1e3"])
def test_options_take_no_other_numbers(read: Callable[[str], int], text: str) -> None:
    """Prevents an option that echoes thousands of digits, or takes other scripts'."""
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        read(text)
    assert len(str(refused.value)) < 200


@given(st.text(max_size=50), st.sampled_from((10, 16)))
def test_any_text_is_a_number_or_an_error(text: str, base: int) -> None:
    """Prevents anything but a number or one kind of error."""
    readers: list[Callable[[], int]] = [
        lambda: numerals.digits(text, base, 1 << 80),
        lambda: numerals.literal(text, 1 << 80),
        lambda: numerals.size(text),
    ]
    for read in readers:
        try:
            assert read() >= 0
        except NumeralError as error:
            assert len(str(error)) < 300  # noqa: PT017
