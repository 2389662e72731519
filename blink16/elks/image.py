"""Where an executable's parts lie in memory, as ELKS' fs/exec.c puts them there."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from blink16.elks.aout import Executable, Relocation, Section
from blink16.elks.errors import ElksError
from blink16.elks.segments import PARAGRAPH, paragraphs
from blink16.elks.state import DataLayout
from blink16.memory import Memory, linear
from blink16.symbols import Symbol, SymbolKind, SymbolTable

DEFAULT_HEAP = DEFAULT_STACK = 0x1000
ALL_OF_THE_SEGMENT = 0xFFF0
"""A heap in the header that means: as much as there is; and the largest data segment."""
MAX_DATA = 0xFFFF


class Placed(NamedTuple):
    """An executable, and the segments of its text and data."""

    executable: Executable
    code: int
    data: int
    layout: DataLayout

    @property
    def segments(self) -> Mapping[Section, int]:
        """Where each section's offsets begin."""
        far = self.code + paragraphs(len(self.executable.text))
        return {
            Section.TEXT: self.code,
            Section.FAR_TEXT: far,
            Section.DATA: self.data,
            Section.BSS: self.data,
        }


class TooLargeError(OSError):
    """A program that doesn't fit into its segments: why, beside the errno."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(number, text)
        self.text = text


def text_paragraphs(executable: Executable) -> int:
    """Return how many paragraphs the text takes."""
    return paragraphs(len(executable.text)) + paragraphs(len(executable.far_text))


def can_be_shared(executable: Executable) -> bool:
    """Return whether two processes can use one text: it must not name either's data."""
    named = {r.target for r in (*executable.text_relocations, *executable.far_text_relocations)}
    return executable.separate and Section.DATA not in named


def put_text(memory: Memory, placed: Placed) -> None:
    """Store an executable's text, and its far text."""
    executable = placed.executable
    if not executable.separate:
        return
    text = _relocated(executable.text, executable.text_relocations, placed)
    memory.write(linear(placed.code, 0), text)
    far_text = _relocated(executable.far_text, executable.far_text_relocations, placed)
    if far_text:
        memory.write(linear(placed.segments[Section.FAR_TEXT], 0), far_text)


def put_data(memory: Memory, placed: Placed) -> None:
    """Store an executable's data amid zeros; with combined I&D, behind its text."""
    executable = placed.executable
    memory.write(linear(placed.data, 0), bytes(placed.layout.end))
    if not executable.separate:
        text = _relocated(executable.text, executable.text_relocations, placed)
        memory.write(linear(placed.data, 0), text)
    data = _relocated(executable.data, executable.data_relocations, placed)
    if data:
        memory.write(linear(placed.data, _data_start(executable)), data)


def _data_start(executable: Executable) -> int:
    """Return where data lies in its segment: with combined I&D, behind the text."""
    return executable.data_base if executable.separate else len(executable.text)


def _data_end(executable: Executable) -> int:
    """Return where data and bss end in their segment."""
    return _data_start(executable) + len(executable.data) + executable.bss


_DATA = (Section.DATA, Section.BSS)


def layout(executable: Executable, arguments: int) -> DataLayout:
    """Divide the data segment between data, bss, heap, stack and ``arguments`` bytes.

    TooLargeError, an OSError, if they don't fit.
    """
    if executable.data_base % PARAGRAPH:
        raise TooLargeError(
            errno.EINVAL, f"data can't begin at {executable.data_base:X}h, inside a paragraph"
        )
    if not executable.separate and (executable.data_base or executable.far_text):
        raise TooLargeError(errno.ENOEXEC, "far text and low stacks need separate text and data")
    data_end = _data_end(executable)
    low_stack = executable.data_base
    stack = executable.stack or DEFAULT_STACK
    heap = executable.heap or DEFAULT_HEAP
    beyond = 0 if low_stack else arguments
    if executable.version == 0 and executable.heap:
        # in version 0 the field is the size of the whole segment
        stack, end = 0, executable.heap
        if end < data_end + beyond:
            raise TooLargeError(
                errno.EINVAL if end <= data_end else errno.E2BIG,
                f"the header asks for {end} bytes of memory; data, bss and arguments "
                f"need {data_end + beyond}",
            )
    else:
        stack = 0 if low_stack else stack
        end = data_end + stack + beyond
        end = max(end, ALL_OF_THE_SEGMENT) if heap >= ALL_OF_THE_SEGMENT else end + heap
    if end > MAX_DATA:
        raise TooLargeError(
            _too_large(data_end, stack),
            f"data, bss, heap, stack and arguments need {end} bytes; "
            f"there are {MAX_DATA} in a segment",
        )
    end = min(paragraphs(end) * PARAGRAPH, ALL_OF_THE_SEGMENT)
    if low_stack and low_stack < arguments:
        raise TooLargeError(
            errno.E2BIG, f"the arguments of {arguments} bytes don't fit into the stack"
        )
    if end < data_end + stack + beyond:
        raise TooLargeError(
            errno.E2BIG,
            f"data, bss, stack and arguments of {arguments} bytes don't fit into the data segment",
        )
    stack_top = ((low_stack or end) - arguments) & ~1
    return DataLayout(data_end, end, stack_top, stack, bool(low_stack))


def _too_large(data_end: int, stack: int) -> int:
    """Return which part the kernel blames for a segment that is too small."""
    if data_end > MAX_DATA:
        return errno.EINVAL
    return errno.EFBIG if data_end + stack > MAX_DATA else errno.E2BIG


def argument_block(arguments: Sequence[bytes], environment: Sequence[bytes]) -> bytes:
    """Return argc, the argv and envp pointers with a 0 behind each, and the strings.

    The pointers are relative to the block.  E2BIG if it doesn't fit into a segment.
    """
    everything = [word + b"\0" for word in (*arguments, *environment)]
    words = [len(arguments)]
    position = 2 * (len(everything) + 3)
    for number, string in enumerate(everything):
        if number == len(arguments):
            words.append(0)
        words.append(position)
        position += len(string)
    words += [0] if environment else [0, 0]
    if position > MAX_DATA:
        raise TooLargeError(
            errno.E2BIG, f"the arguments of {position} bytes don't fit into a segment"
        )
    block = b"".join(word.to_bytes(2, "little") for word in words) + b"".join(everything)
    return block + bytes(len(block) % 2)


def _relocated(content: bytes, relocations: Sequence[Relocation], placed: Placed) -> bytes:
    if not relocations:
        return content
    segments = placed.segments
    patched = bytearray(content)
    for relocation in relocations:
        segment = segments[relocation.target].to_bytes(2, "little")
        patched[relocation.address : relocation.address + 2] = segment
    return bytes(patched)


def symbol_table(placed: Placed) -> SymbolTable:
    """Return the symbols at their linear addresses.

    bcc puts an underscore before every C name; it goes, unless that makes two names one.
    The last variable ends with the program's data: what is above, heap and stack, has no name.
    """
    executable, segments = placed.executable, placed.segments
    names = {symbol.name for symbol in executable.symbols}
    symbols = []
    data_end = _data_end(executable)
    last = max((s.value for s in executable.symbols if s.section in _DATA), default=0)
    for symbol in executable.symbols:
        code = symbol.section in (Section.TEXT, Section.FAR_TEXT)
        kind = SymbolKind.CODE if code else SymbolKind.DATA
        name = symbol.name
        if executable.version == 0 and name[:1] == "_" and name[1:] not in names and name[1:]:
            name = name[1:]
        is_last = not code and symbol.value == last < data_end
        size = data_end - last if is_last else 0
        symbols.append(Symbol(name, linear(segments[symbol.section], symbol.value), kind, size))
    return SymbolTable(symbols)


def encoded(text: str) -> bytes:
    """Return an argument as bytes, ElksError if it can't be one."""
    if "\0" in text:
        raise ElksError("an argument can't contain a NUL character")
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ElksError("an argument contains a character that can't be encoded") from None
