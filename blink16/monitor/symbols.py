"""``monitor symbols``: names for code that was not there when the program was loaded."""

from __future__ import annotations

from collections.abc import Sequence

from blink16 import pc, symbolfiles
from blink16.debugger import Debugger
from blink16.elks import booted
from blink16.elks.booted import BootedProgram
from blink16.elks.minix import MinixError, MinixVolume
from blink16.monitor.folder import Folder
from blink16.monitor.registry import MonitorError, folder_command
from blink16.symbolfiles import LoadSegments, SymbolFileError
from blink16.symbols import SymbolTable

MAX_DEBUG = 16
"""Files with line numbers that may come at run time."""
NAMES = "gdb reads them when it next runs, or now by: sharedlibrary"


@folder_command("symbols FILE [text=SEGMENT] [data=SEGMENT] | auto")
def symbols(debugger: Debugger, arguments: Sequence[str], folder: Folder) -> str:
    """Add the names in a symbol file, of any kind that the server's option --symbols takes.

    Segments are hexadecimal.  Without them, a file whose addresses are not linear belongs where
    CS and DS point now.  FILE lies in the folder in which the server was started, or below it.
    gdb reads the new names and lines when it next steps or continues, or at once by
    `sharedlibrary`; so a breakpoint at one of them may be "pending" until then.

    `symbols auto` looks for programs of the disk that a booted ELKS kernel has in memory now, and
    adds their names, and those in their symbol tables, at their segments.
    """
    if not arguments:
        raise MonitorError("usage: monitor symbols FILE [text=SEGMENT] [data=SEGMENT] | auto")
    if list(arguments) == ["auto"]:
        return _auto(debugger)
    registers = debugger.machine.registers
    names = tuple(debugger.symbols)
    default = LoadSegments(registers.cs, registers.ds, registers.cs, names)
    try:
        source = symbolfiles.parse_source(",".join(arguments))
        content = folder.read(source.path, symbolfiles.MAX_FILE_SIZE + 1)
        found = symbolfiles.parse_file(content, source, default)
    except SymbolFileError as error:
        raise MonitorError(str(error)) from None
    before = set(debugger.symbols)
    added = [symbol for symbol in found.symbols if symbol not in before]
    if len(before) + len(added) > symbolfiles.MAX_SYMBOLS:
        raise MonitorError(f"there would be more than {symbolfiles.MAX_SYMBOLS} symbols")
    if found.debug is not None and found.debug not in debugger.debug:
        if len(debugger.debug) >= MAX_DEBUG:
            raise MonitorError(f"{MAX_DEBUG} files with line numbers are there already")
        debugger.debug = (*debugger.debug, found.debug)
    debugger.symbols = SymbolTable([*before, *added])
    if found.debug is not None:
        return f"{len(added)} symbols and line numbers added; {NAMES}"
    return f"{len(added)} symbols added; {NAMES}"


def _auto(debugger: Debugger) -> str:
    """Add the names of the programs that a booted kernel has loaded."""
    drives = pc.drives_of(debugger.machine)
    found: list[BootedProgram] = []
    for disk in drives.disks if drives else ():
        try:
            volume = MinixVolume(disk.read, disk.total)
        except MinixError:
            continue
        found += booted.find(bytes(debugger.machine.memory.ram), volume.files())
    if not found:
        raise MonitorError(
            "no program of a Minix disk in a drive is in memory: has the kernel executed one?"
        )
    before = set(debugger.symbols)
    new = [symbol for program in found for symbol in program.symbols if symbol not in before]
    debugger.symbols = SymbolTable([*before, *new])
    lines = [
        f"{program.name} at {program.code:04X}"
        + ("" if program.data in (None, program.code) else f", data at {program.data:04X}")
        for program in found
    ]
    return "\n".join([*lines, f"{len(new)} symbols added; {NAMES}"])
