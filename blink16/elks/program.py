"""Putting an ELKS executable into a machine, as ELKS' fs/exec.c does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from blink16.console import Console
from blink16.elks import aout
from blink16.elks.aout import Executable, Relocation, Section
from blink16.elks.errors import ElksError
from blink16.elks.process import DataSegment, Process
from blink16.elks.system import ElksSystem
from blink16.faults import hang_faults
from blink16.files import FileTree
from blink16.memory import linear
from blink16.services import Chassis
from blink16.symbols import Symbol, SymbolKind, SymbolTable

CODE_SEGMENT = 0x1000
PARAGRAPH = 16
DEFAULT_HEAP = DEFAULT_STACK = 0x1000
ALL_OF_THE_SEGMENT = 0xFFF0
"""A heap in the header that means: as much as there is; and the largest data segment."""
MAX_DATA = 0xFFFF
SYSTEM_CALL = 0x80
USER_FLAGS = 0xF200
"""Interrupts are on."""


def load(
    chassis: Chassis,
    image: bytes,
    argv: Sequence[str],
    environment: Mapping[str, str],
    files: FileTree,
    console: Console,
) -> SymbolTable:
    """Make a machine ready to run an executable from its entry point.

    ``files`` and ``console`` become components of the machine.  ElksError if the executable
    lies about itself or doesn't fit with its arguments.
    """
    executable = aout.parse(image)
    arguments = _argument_block(argv, environment)
    data = _lay_out(executable, len(arguments))
    far_segment = CODE_SEGMENT + _paragraphs(len(executable.text))
    data_segment = CODE_SEGMENT
    if executable.separate:
        data_segment = far_segment + _paragraphs(len(executable.far_text))
    segments = {
        Section.TEXT: CODE_SEGMENT,
        Section.FAR_TEXT: far_segment,
        Section.DATA: data_segment,
        Section.BSS: data_segment,
    }

    memory = chassis.memory
    text = _relocated(executable.text, executable.text_relocations, segments)
    far_text = _relocated(executable.far_text, executable.far_text_relocations, segments)
    contents = _relocated(executable.data, executable.data_relocations, segments)
    memory.write(linear(data_segment, 0), bytes(data.end))
    memory.write(linear(CODE_SEGMENT, 0), text)
    if far_text:
        memory.write(linear(far_segment, 0), far_text)
    if contents:
        memory.write(linear(data_segment, _data_start(executable)), contents)
    block = _argument_block(argv, environment, data.stack_top)
    memory.write(linear(data_segment, data.stack_top), block)

    registers = chassis.registers
    registers.cs, registers.ip = CODE_SEGMENT, executable.entry
    registers.ds = registers.es = registers.ss = data_segment
    registers.sp = data.stack_top
    registers.dx = data.min_stack
    registers.flags = USER_FLAGS

    hang_faults(chassis, unhandled=True)
    free = data_segment + _paragraphs(data.end)
    old_abi = executable.version == 0
    process = Process(console, files, data, first_free=free, old_abi=old_abi)
    chassis.add_component(Console.CHANNEL, console)
    chassis.add_component(FileTree.COMPONENT, files)
    chassis.add_component(Process.COMPONENT, process)
    chassis.hang_service(SYSTEM_CALL, ElksSystem(process).call)
    return _symbol_table(executable, segments)


def _paragraphs(length: int) -> int:
    return -(-length // PARAGRAPH)


def _data_start(executable: Executable) -> int:
    """Return where data lies in its segment: with combined I&D, behind the text."""
    return executable.data_base if executable.separate else len(executable.text)


def _lay_out(executable: Executable, arguments: int) -> DataSegment:
    """Divide the data segment between data, bss, heap, stack and ``arguments`` bytes."""
    if executable.data_base % PARAGRAPH:
        raise ElksError(f"data can't begin at {executable.data_base:X}h, inside a paragraph")
    if not executable.separate and (executable.data_base or executable.far_text):
        raise ElksError("far text and low stacks need separate text and data")
    data_end = _data_start(executable) + len(executable.data) + executable.bss
    low_stack = executable.data_base
    stack = executable.stack or DEFAULT_STACK
    heap = executable.heap or DEFAULT_HEAP
    beyond = 0 if low_stack else arguments
    if executable.version == 0 and executable.heap:
        # in version 0 the field is the size of the whole segment
        stack, end = 0, executable.heap
        if end < data_end + beyond:
            raise ElksError(
                f"the header asks for {end} bytes of memory; data, bss and arguments "
                f"need {data_end + beyond}"
            )
    else:
        stack = 0 if low_stack else stack
        end = data_end + stack + beyond
        end = max(end, ALL_OF_THE_SEGMENT) if heap >= ALL_OF_THE_SEGMENT else end + heap
    if end > MAX_DATA:
        raise ElksError(
            f"data, bss, heap, stack and arguments need {end} bytes; "
            f"there are {MAX_DATA} in a segment"
        )
    end = min(_paragraphs(end) * PARAGRAPH, ALL_OF_THE_SEGMENT)
    if low_stack and low_stack < arguments:
        raise ElksError(f"the arguments of {arguments} bytes don't fit into the stack")
    if end < data_end + stack + beyond:
        raise ElksError(
            f"data, bss, stack and arguments of {arguments} bytes don't fit into the data segment"
        )
    stack_top = ((low_stack or end) - arguments) & ~1
    return DataSegment(data_end, end, stack_top, stack, bool(low_stack))


def _argument_block(argv: Sequence[str], environment: Mapping[str, str], address: int = 0) -> bytes:
    """Return argc, the argv and envp pointers with a 0 behind each, and the strings."""
    variables = [f"{name}={value}" for name, value in environment.items()]
    strings = [_string(text) for text in (*argv, *variables)]
    words = [len(argv)]
    position = address + 2 * (len(strings) + 3)
    for number, string in enumerate(strings):
        if number == len(argv):
            words.append(0)
        words.append(position)
        position += len(string)
    words += [0] if variables else [0, 0]
    if position - address > MAX_DATA:
        raise ElksError(f"the arguments of {position - address} bytes don't fit into a segment")
    block = b"".join((word & 0xFFFF).to_bytes(2, "little") for word in words)
    block += b"".join(strings)
    return block + bytes(len(block) % 2)


def _string(text: str) -> bytes:
    if "\0" in text:
        raise ElksError("an argument can't contain a NUL character")
    try:
        return text.encode("utf-8", "surrogateescape") + b"\0"
    except UnicodeEncodeError:
        raise ElksError("an argument contains a character that can't be encoded") from None


def _relocated(
    content: bytes, relocations: Iterable[Relocation], segments: Mapping[Section, int]
) -> bytes:
    patched = bytearray(content)
    for relocation in relocations:
        segment = segments[relocation.target].to_bytes(2, "little")
        patched[relocation.address : relocation.address + 2] = segment
    return bytes(patched)


def _symbol_table(executable: Executable, segments: Mapping[Section, int]) -> SymbolTable:
    """Return the symbols at their linear addresses.

    bcc puts an underscore before every C name; it goes, unless that makes two names one.
    """
    names = {symbol.name for symbol in executable.symbols}
    symbols = []
    for symbol in executable.symbols:
        code = symbol.section in (Section.TEXT, Section.FAR_TEXT)
        kind = SymbolKind.CODE if code else SymbolKind.DATA
        name = symbol.name
        if executable.version == 0 and name[:1] == "_" and name[1:] not in names and name[1:]:
            name = name[1:]
        symbols.append(Symbol(name, linear(segments[symbol.section], symbol.value), kind))
    return SymbolTable(symbols)
