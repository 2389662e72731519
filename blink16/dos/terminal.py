"""CON: characters and lines from the console, as DOS' calls want them.

Lines from outside end in LF, CR or both; DOS programs get CR from single characters and CR LF
from reads.  Nothing is echoed: whoever types sees that already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from blink16.dos.handles import STDIN, STDOUT, lookup, update
from blink16.dos.system import DosDevice, DosSystem, SftEntry
from blink16.services import WAIT, Guest, Trap, Wait

CTRL_C = 0x03
CTRL_Z = 0x1A
CR, LF = b"\r", b"\n"
MAX_LINE = 0x7FFF
"""A line longer than this comes in pieces."""
MAX_READS_PAST_END = 64
"""Ctrl-Zs that a program gets after the end of input; one that wants more waits for ever."""
SIGHUP: Final = 1
INPUT_ENDED = Trap(SIGHUP, "the program waits for a key, but the input has ended")
_CHANNELS = {
    DosDevice.CON: "console",
    DosDevice.CON_ERROR: "stderr",
    DosDevice.AUX: "aux",
    DosDevice.PRN: "prn",
}


@dataclass(frozen=True, slots=True)
class Character:
    """A character that came, or None at the end of input."""

    code: int | None


@dataclass(frozen=True, slots=True)
class Break:
    """Ctrl-C was typed."""


BREAK = Break()


def write_device(guest: Guest, device: int, data: bytes) -> None:
    """Show bytes on a character device's channel; NUL has none."""
    channel = _CHANNELS.get(DosDevice(device))
    if channel is not None and data:
        guest.output(channel, data)


def write_standard(dos: DosSystem, guest: Guest, data: bytes) -> None:
    """Write to standard output, wherever that leads; what can't be written is lost."""
    index, entry = lookup(dos, guest, STDOUT)
    if entry.device != DosDevice.FILE:
        write_device(guest, entry.device, data)
        return
    count = dos.volume.files.write(entry.node, entry.position, data)
    update(dos, index, entry._replace(position=entry.position + count, written=True))


def ready(dos: DosSystem, guest: Guest) -> bool:
    """Tell whether a character could be read from standard input now."""
    entry = lookup(dos, guest, STDIN)[1]
    if entry.device in (DosDevice.CON, DosDevice.CON_ERROR):
        return bool(dos.state.line or dos.console.peek())
    return entry.device != DosDevice.FILE or entry.position < dos.volume.files.size(entry.node)


def read_key(dos: DosSystem, guest: Guest) -> Character | Wait:
    """Take a character from standard input."""
    index, entry = lookup(dos, guest, STDIN)
    if entry.device == DosDevice.FILE:
        data = dos.volume.files.read(entry.node, entry.position, 1)
        update(dos, index, entry._replace(position=entry.position + len(data)))
        return Character(data[0] if data else None)
    if entry.device not in (DosDevice.CON, DosDevice.CON_ERROR):
        return Character(None)
    if dos.state.line:
        code, rest = dos.state.line[0], dos.state.line[1:]
        dos.change(line=rest)
        return Character(code)
    return _console_key(dos)


def _console_key(dos: DosSystem) -> Character | Wait:
    is_crlf = dos.console.peek().startswith(CR + LF)
    data = dos.console.read(2 if is_crlf else 1)
    if data is None:
        return WAIT
    if not data:
        return Character(None)
    return Character(CR[0] if data[:1] == LF else data[0])


def read_line(dos: DosSystem) -> bytes | Wait | Break:
    """Take a line from the console, without its end; the rest if the input ends without one."""
    pending = dos.console.peek()
    ends = [at for at in map(pending.find, (CR, LF, bytes((CTRL_C,)))) if at >= 0]
    if not ends:
        return _unfinished_line(dos, pending)
    end = min(min(ends), MAX_LINE)
    line = dos.console.read(end) or b""
    if end == MAX_LINE:
        return line
    dos.console.read(2 if pending[end : end + 2] == CR + LF else 1)
    return BREAK if pending[end] == CTRL_C else line


def _unfinished_line(dos: DosSystem, pending: bytes) -> bytes | Wait:
    if len(pending) >= MAX_LINE:
        return dos.console.read(MAX_LINE) or b""
    # read_line alone knows whether the input has ended
    line = dos.console.read_line(MAX_LINE)
    return WAIT if line is None else line


def read_console(dos: DosSystem, entry: SftEntry, limit: int) -> bytes | Wait | Break:
    """Read from CON as a file: lines ending in CR LF, nothing at a Ctrl-Z or the input's end."""
    if entry.raw:
        raw = dos.console.read(limit)
        return WAIT if raw is None else raw
    if not dos.state.line:
        pending = dos.console.peek()
        line = read_line(dos)
        if not isinstance(line, bytes):
            return line
        text, ctrl_z, _ = line.partition(bytes((CTRL_Z,)))
        whole = len(line) < min(len(pending), MAX_LINE) and not ctrl_z
        dos.change(line=text + (CR + LF if whole else b""))
    data = dos.state.line[:limit]
    dos.change(line=dos.state.line[limit:])
    return data
