"""What a debugger reads about the machine: the objects of qXfer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache

from blink16.board import BoardLibrary, window
from blink16.debugger import Debugger
from blink16.gdbstub.hostio import TARGET
from blink16.gdbstub.registers import CORE_FEATURE, RAW_FEATURE, REGISTERS, TargetRegister
from blink16.packets import ARCHITECTURE
from blink16.process_table import GuestProcess
from blink16.words.texts import printable, xml

_FLAGS = {"CF": 0, "PF": 2, "AF": 4, "ZF": 6, "SF": 7, "TF": 8, "IF": 9, "DF": 10, "OF": 11}
TARGET_XML = "features", "target.xml"
LLDB_TRIPLE = "i386-unknown-none-code16"
OSABI = "none"  # or gdb guesses GNU/Linux from its own configuration and warns


@cache
def target_xml(architecture: str = ARCHITECTURE) -> str:
    """Return the target description: gdb's i386 core registers, and ours.

    ``architecture``: what clients are told that this is, for those that know no i8086.
    """
    return (
        '<?xml version="1.0"?>\n<!DOCTYPE target SYSTEM "gdb-target.dtd">\n'
        '<target version="1.0">\n'
        f"<architecture>{architecture}</architecture>\n<osabi>{OSABI}</osabi>\n"
        f"{_feature(CORE_FEATURE, _flags_type())}{_feature(RAW_FEATURE)}</target>\n"
    )


def _feature(name: str, types: str = "") -> str:
    registers = "".join(_register(r) for r in REGISTERS if r.feature == name)
    return f'<feature name="{name}">\n{types}{registers}</feature>\n'


def _flags_type() -> str:
    fields = "".join(
        f'<field name="{name}" start="{bit}" end="{bit}"/>\n' for name, bit in _FLAGS.items()
    )
    return f'<flags id="i8086_flags" size="4">\n{fields}</flags>\n'


def _register(register: TargetRegister) -> str:
    group = f' group="{register.group}"' if register.group else ""
    # gdb restores registers when it pops a frame; these follow from others, or are no state
    kept = ' save-restore="no"' if register.feature == RAW_FEATURE else ""
    size = f'bitsize="{register.bits}" type="{register.type}"'
    return f'<reg name="{register.name}" {size}{group}{kept}/>\n'


@cache
def memory_map(end: int) -> str:
    """Return the memory map: memory, all of which a debugger may write, and the unwind window."""
    return (
        '<?xml version="1.0"?>\n<!DOCTYPE memory-map PUBLIC '
        '"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN" "http://sourceware.org/gdb/gdb-memory-map.dtd">\n'
        f'<memory-map>\n<memory type="ram" start="0x0" length="{end:#x}"/>\n'
        f'<memory type="rom" start="{window.BASE:#x}" length="{window.SIZE:#x}"/>\n</memory-map>\n'
    )


_PARTS = (
    (0, 0xA0000, "rwxp", "memory"),
    (0xA0000, 0xC0000, "rw-p", "video"),
    (0xC0000, 0xF0000, "rwxp", "adapters"),
    (0xF0000, 0x100000, "r-xp", "rom"),
)
"""A PC's first megabyte, as its Technical Reference parts it."""


def process_maps(end: int) -> bytes:
    """Return memory up to a linear address as Linux' /proc/PID/maps would show a process'.

    GEF and pwndbg read that file of whatever they are attached to, and search where it says.
    Source: proc(5).
    """
    parts = (*_PARTS, (0x100000, end, "rwxp", "above")) if end > 0x100000 else _PARTS
    rows = (
        f"{at:08x}-{stop:08x} {how} 00000000 00:00 0 [{name}]\n" for at, stop, how, name in parts
    )
    return "".join(rows).encode("ascii")


def threads(those: Iterable[tuple[str, GuestProcess]]) -> str:
    """Return the list of threads: processors, and processes of guests, by their thread-ids."""
    rows = "".join(
        f'<thread id="{thread}" name="{xml(printable(process.title))}"/>\n'
        for thread, process in those
    )
    return f'<?xml version="1.0"?>\n<threads>\n{rows}</threads>\n'


def libraries(those: Iterable[BoardLibrary]) -> str:
    """Return the list of libraries: further files with names and lines, where they say."""
    rows = "".join(
        f'<library name="{TARGET}{xml(one.name)}"><segment address="{one.start:#x}"/></library>\n'
        for one in those
    )
    return f'<?xml version="1.0"?>\n<library-list version="1.0">\n{rows}</library-list>\n'


def thread_info(debugger: Debugger, process: GuestProcess | None) -> str:
    """Return what ``info threads`` says about a processor, or a process of a guest."""
    if process is None or not process.pid:
        return f"at instruction {debugger.machine.icount}"
    return f"{printable(process.title)}: {process.state}"


def os_data(rows: Iterable[Mapping[str, str]], kind: str) -> str:
    """Return a table for ``info os``: rows of text by the names of their columns."""
    items = "".join(
        "<item>\n"
        + "".join(f'<column name="{name}">{xml(row[name])}</column>\n' for name in row)
        + "</item>\n"
        for row in rows
    )
    return (
        '<?xml version="1.0"?>\n<!DOCTYPE osdata SYSTEM "osdata.dtd">\n'
        f'<osdata type="{kind}">\n{items}</osdata>\n'
    )


def host_info() -> bytes:
    """Return what LLDB wants to know of a computer; its disassembler goes by the triple."""
    triple = LLDB_TRIPLE.encode("ascii").hex().encode("ascii")
    return b"triple:%b;endian:little;ptrsize:4;" % triple


def region(address: int, end: int) -> bytes:
    """Return what LLDB is told of the memory at an address: what is no RAM has no permissions.

    ``end``: where memory ends.
    """
    if address < end:
        return b"start:0;size:%x;permissions:rwx;" % end
    return b"start:%x;size:%x;" % (end, (1 << 32) - end)


OBJECTS: dict[tuple[str, str], Callable[[int], str]] = {
    TARGET_XML: lambda end: target_xml(),
    ("memory-map", ""): memory_map,
}
"""What is the same for all machines with as much memory, by object and annex."""
