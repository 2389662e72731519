"""``monitor symbols``: names for code that was not there when the program was loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from blink16 import symbolfiles
from blink16.bios import rom
from blink16.debugger import Debugger
from blink16.elks import booted, booted_tasks
from blink16.elks.booted import BootedProgram
from blink16.elks.booted_table import BootedProcessTable
from blink16.elks.booted_tasks import BootedKernel
from blink16.elks.minix import MinixError, MinixVolume
from blink16.monitor.folder import Folder
from blink16.monitor.registry import MonitorError, folder_command
from blink16.setup import pc
from blink16.symbolfiles import LoadSegments, SymbolFileError
from blink16.symbols import Symbol, SymbolTable
from blink16.words.texts import counted

KERNEL_SYMBOLS = ".sym"
"""How the names of a kernel's symbol files end (/lib/system.sym)."""
OTHER_BUILD = (
    "{} is of another build than the kernel in memory: for its processes, type"
    " monitor symbols FILE text=SEGMENT data=SEGMENT with the right one, and the segments that"
    " the kernel tells when it boots, then this again"
)
MAX_DEBUG = 16
"""Files with line numbers that may come at run time."""
IN_ROM = (
    "\nthey lie in the BIOS, where CS points now (F000): if that is not meant, give the segment,"
    " as in text=0 for a boot sector"
)
NAMES = "gdb reads them when it next runs, or now by: sharedlibrary"


@folder_command("symbols FILE [text=SEGMENT] [data=SEGMENT] | auto")
def symbols(debugger: Debugger, arguments: Sequence[str], folder: Folder) -> str:
    """Add the names in a symbol file, of any kind that the server's option --symbols takes.

    Segments are hexadecimal.  Without them, a file whose addresses are not linear belongs where
    CS and DS point now.  FILE lies in the folder in which the server was started, or below it.
    gdb reads the new names and lines when it next steps or continues, or at once by
    `sharedlibrary`; so a breakpoint at one of them may be "pending" until then.

    `symbols auto` looks for programs of the disk that a booted ELKS kernel has in memory now, and
    adds their names, and those in their symbol tables, at their segments.  If the disk has the
    kernel's symbols (/lib/system.sym), or they were added before, its processes are told, too,
    and are threads from then on.
    """
    if not arguments:
        raise MonitorError("usage: monitor symbols FILE [text=SEGMENT] [data=SEGMENT] | auto")
    if list(arguments) == ["auto"]:
        return _auto(debugger)
    registers = debugger.machine.registers
    names = tuple(debugger.names.symbols)
    default = LoadSegments(registers.cs, registers.ds, registers.cs, names)
    try:
        source = symbolfiles.parse_source(",".join(arguments))
        content = folder.read(source.path, symbolfiles.MAX_FILE_SIZE + 1)
        found = symbolfiles.parse_file(content, source, default)
    except SymbolFileError as error:
        raise MonitorError(str(error)) from None
    before = set(debugger.names.symbols)
    added = [symbol for symbol in found.symbols if symbol not in before]
    if len(before) + len(added) > symbolfiles.MAX_SYMBOLS:
        raise MonitorError(f"there would be more than {symbolfiles.MAX_SYMBOLS} symbols")
    if found.debug is not None and found.debug not in debugger.names.debug:
        if len(debugger.names.debug) >= MAX_DEBUG:
            raise MonitorError(f"{MAX_DEBUG} files with line numbers are there already")
        debugger.names.debug = (*debugger.names.debug, found.debug)
    debugger.names.symbols = SymbolTable([*before, *added])
    in_rom = registers.cs == rom.SEGMENT and source.text is None
    misled = in_rom and any(symbol.address >= rom.ROM_BEGIN for symbol in added)
    lines = " and line numbers" if found.debug is not None else ""
    return f"{counted(len(added), 'symbol')}{lines} added; {NAMES}{IN_ROM if misled else ''}"


def _auto(debugger: Debugger) -> str:
    """Add the names of a booted kernel, and of the programs that it has loaded."""
    ram = bytes(debugger.machine.memory.ram)
    found: list[BootedProgram] = []
    names = {symbol.name: symbol.address for symbol in debugger.names.symbols}
    kernel, strange = None, ""
    if {"task", "current"} <= names.keys():
        kernel = booted_tasks.find_at(ram, names["task"], names["current"])
    named: list[Symbol] = []
    for volume in _volumes(debugger):
        files = list(volume.files())
        if kernel is None:
            kernel, named, strange = _kernel(ram, files)
        found += booted.find(ram, files, kernel.tasks if kernel is not None else ())
    if not found and kernel is None:
        raise MonitorError(
            "no program of a Minix disk in a drive is in memory: has the kernel executed one?"
        )
    before = set(debugger.names.symbols)
    named += [symbol for program in found for symbol in program.symbols]
    new = [symbol for symbol in dict.fromkeys(named) if symbol not in before]
    debugger.names.symbols = SymbolTable([*before, *new])
    lines = [
        f"{program.name} at {program.code:04X}"
        + ("" if program.data in (None, program.code) else f", data at {program.data:04X}")
        for program in found
    ]
    if kernel is not None:
        lines.append(f"kernel at {kernel.code:04X}, data at {kernel.data:04X}; its processes:")
        lines.append(booted_tasks.named(kernel.tasks))
        lines.append(_show_processes(debugger, kernel))
    elif strange:
        lines.append(OTHER_BUILD.format(strange))
    return "\n".join([*lines, f"{counted(len(new), 'symbol')} added; {NAMES}"])


def _show_processes(debugger: Debugger, kernel: BootedKernel) -> str:
    """Let a kernel's processes be threads from now on; return a line about it."""
    machine = debugger.machine
    current, switch = (debugger.names.symbols.lookup(name) for name in ("current", "tswitch"))
    assert current is not None
    place = None if switch is None else switch.address
    table = BootedProcessTable(machine, kernel, current.address, place)
    machine.tell_processes(table)
    return f"its processes are threads from now on; thread {table.current()} has the processor"


def _volumes(debugger: Debugger) -> Iterator[MinixVolume]:
    """Give the Minix file systems in the drives."""
    drives = pc.drives_of(debugger.machine)
    for disk in drives.disks if drives else ():
        with suppress(MinixError):
            yield MinixVolume(disk.read, disk.total)


def _kernel(
    ram: bytes, files: Sequence[tuple[str, bytes]]
) -> tuple[BootedKernel | None, list[Symbol], str]:
    """Return the kernel in memory that a symbol file of the disk belongs to, and its names.

    Or else the path of one that belongs to another, if there is one.
    """
    strange = ""
    for path, content in files:
        if not path.endswith(KERNEL_SYMBOLS):
            continue
        with suppress(SymbolFileError):
            parsed = symbolfiles.parse(content, LoadSegments(0, 0, 0)).symbols
            offsets = {symbol.name: symbol.address for symbol in parsed}
            if not {"task", "current"} <= offsets.keys():
                continue
            kernel = booted_tasks.find(ram, offsets["task"], offsets["current"])
            if kernel is not None:
                place = LoadSegments(kernel.code, kernel.data, kernel.code)
                return kernel, list(symbolfiles.parse(content, place).symbols), ""
            strange = path
    return None, [], strange
