"""CON: characters and lines as DOS' calls want them, from the keyboard or from a pipe.

Keys typed on a keyboard come through the BIOS's buffer, are echoed, and edit lines.  A pipe's
lines end in LF, CR or both; DOS programs get CR from single characters and CR LF from reads, and
nothing is echoed.  Keys that are pressed in spite of a pipe come before what is in it, and a line
that begins with one goes on with the pipe's.  What is shown goes to the screen and to the console's
channel.
"""

from __future__ import annotations

from dataclasses import dataclass

from blink16.bios.data_area import DataArea
from blink16.bios.int16 import first_key
from blink16.bios.key_buffer import KeyBuffer
from blink16.bios.keyboard import next_key
from blink16.bios.printer import Printer
from blink16.bios.rom import goto
from blink16.bios.typed import write_text
from blink16.bios.video import GuestScreen
from blink16.devices.pc import LPT1
from blink16.dos.handles import STDIN, STDOUT, lookup
from blink16.dos.hooked_output import MAX_NESTED
from blink16.dos.layout import INDOS
from blink16.dos.line_editor import Line, press
from blink16.dos.system import DosDevice, DosSystem, SftEntry
from blink16.memory import linear
from blink16.services import DONE, WAIT, Guest, Outcome, Wait

CTRL_C, CTRL_S, CTRL_Z, ESCAPE = 0x03, 0x13, 0x1A, 0x1B
CR, LF, TAB = b"\r", b"\n", 0x09
MAX_LINE = 0x7FFF
"""A line longer than this comes in pieces."""
MAX_TYPED_LINE = 127
"""Characters of a line that is typed for a read from CON."""
MAX_READS_PAST_END = 64
"""Ctrl-Zs that a program gets after the end of input; one that wants more waits for ever."""
CON_DEVICES = (DosDevice.CON, DosDevice.CON_ERROR)
_CHANNELS: dict[int, str] = {
    DosDevice.CON: "console",
    DosDevice.CON_ERROR: "stderr",
    DosDevice.AUX: "aux",
}
FIRST_PRINTER = 0


@dataclass(frozen=True, slots=True)
class Key:
    """A character that came, or None at the end of input."""

    code: int | None
    echo: bool = False
    """Whether nobody has shown it yet."""


@dataclass(frozen=True, slots=True)
class Break:
    """Ctrl-C was typed."""


BREAK = Break()


# -- output ----------------------------------------------------------------------------------


def write_device(
    dos: DosSystem, guest: Guest, device: int, data: bytes, file: int | None = None
) -> None:
    """Show bytes on a character device; NUL has nothing to show them.

    ``file``: by which of the system's files that is, if it is by one.
    """
    routine = 0
    if device in CON_DEVICES and dos.hooks.is_hooked(guest):
        routine = dos.hooks.show if device == DosDevice.CON else dos.hooks.show_error
    elif device == DosDevice.PRN and dos.hooks.printer_is_hooked(guest):
        routine = dos.hooks.print
    if routine and data and len(dos.state.showing) < MAX_NESTED:
        dos.change(kept=dos.state.kept + data, kept_for=routine)
    else:
        show(dos, guest, device, data)
        if device == DosDevice.CON and file is not None:
            dos.allow_text(guest, file)


def show(dos: DosSystem, guest: Guest, device: int, data: bytes) -> None:
    """Show bytes, whoever hooks what DOS does that by."""
    if device == DosDevice.PRN:
        _print(dos, guest, data)
    elif device in _CHANNELS and data:
        if device in CON_DEVICES:
            write_text(guest.memory, dos.bus, data)
        guest.output(_CHANNELS[device], data)


def shown_device(dos: DosSystem) -> DosDevice:
    """Return the device for which INT 29h and 10h are asked to show a character."""
    return DosDevice.CON_ERROR if dos.hooks.is_showing_error else DosDevice.CON


def shown_channel(dos: DosSystem) -> str:
    """Return where a character leads that INT 10h shows."""
    return _CHANNELS[shown_device(dos)]


def _print(dos: DosSystem, guest: Guest, data: bytes) -> None:
    """Print bytes on LPT1, as INT 17h does.

    Its printer takes them all at once; through its ports goes the last, which is what these show.
    """
    base = DataArea(guest.memory).lpt_port(FIRST_PRINTER)
    if base and data:
        guest.output(LPT1, data[:-1])
        Printer(dos.bus).put(base, data[-1])


def write_standard(dos: DosSystem, guest: Guest, data: bytes) -> None:
    """Write to standard output, wherever that leads; what can't be written is lost."""
    index, entry = lookup(dos, guest, STDOUT)
    if entry.device != DosDevice.FILE:
        write_device(dos, guest, entry.device, data, index if entry.access else None)
        return
    try:
        count = dos.tree(entry).write(entry.node, entry.position, data)
    except OSError:
        count = 0
    if count < len(data):
        dos.tell_full(guest, entry.drive)
    entry.written_to(entry.position + count)


def write_character(dos: DosSystem, guest: Guest, code: int) -> Outcome:
    """End a call by writing a character to standard output; it is in AL afterwards."""
    guest.registers.al = code
    write_standard(dos, guest, bytes((code,)))
    return DONE


# -- waiting ---------------------------------------------------------------------------------


def sleep(dos: DosSystem, guest: Guest) -> Outcome:
    """Wait for an interrupt, with DOS idle (INT 28h), and do the call once more.

    The call must have changed no register.
    """
    over = dos.pipe.wait(guest)
    if over is not None:
        return over
    guest.memory[linear(*INDOS)] = 1
    goto(guest, dos.wait_routine)
    return DONE


def break_waits(dos: DosSystem, guest: Guest) -> bool:
    """Take Ctrl-C or Ctrl-Break if it was typed and not read yet."""
    if dos.state.break_pressed:
        dos.change(break_pressed=False)
        KeyBuffer(guest.memory).clear()
        return True
    buffer = KeyBuffer(guest.memory)
    word = buffer.first()
    if word is None or word & 0xFF != CTRL_C:
        return False
    buffer.take()
    return True


def is_held(dos: DosSystem, guest: Guest) -> bool:
    """Tell whether Ctrl-S holds the output; the next key lets it go on."""
    buffer = KeyBuffer(guest.memory)
    word = buffer.first()
    if dos.state.paused:
        if word is None:
            return True
        buffer.take()
        dos.change(paused=False)
    elif word is not None and word & 0xFF == CTRL_S:
        buffer.take()
        dos.change(paused=True)
        return True
    return False


# -- characters ------------------------------------------------------------------------------


def ready(dos: DosSystem, guest: Guest) -> bool:
    """Tell whether a character could be read from standard input now."""
    entry = lookup(dos, guest, STDIN)[1]
    if entry.device in CON_DEVICES:
        return console_ready(dos, guest)
    return entry.device != DosDevice.FILE or entry.position < dos.tree(entry).size(entry.node)


def console_ready(dos: DosSystem, guest: Guest) -> bool:
    """Tell whether a character could be read from CON now."""
    state = dos.state
    if state.line or state.scan_code or state.break_pressed:
        return True
    return first_key(guest, old=True) is not None or bool(
        not dos.pipe.is_typed and dos.console.peek()
    )


def read_key(dos: DosSystem, guest: Guest, *, chords: bool = False) -> Key | Outcome:
    """Take a character from standard input.

    ``chords``: a terminal's sequences are keys without a character in a pipe, too.
    """
    entry = lookup(dos, guest, STDIN)[1]
    if entry.device == DosDevice.FILE:
        data = dos.tree(entry).read(entry.node, entry.position, 1)
        entry.position += len(data)
        return Key(data[0] if data else None)
    if entry.device not in CON_DEVICES:
        return Key(None)
    return console_key(dos, guest, chords=chords)


def console_key(dos: DosSystem, guest: Guest, *, chords: bool = False) -> Key | Outcome:
    """Take a character from CON."""
    if dos.state.scan_code:
        code = dos.state.scan_code
        dos.change(scan_code=0)
        return Key(code)
    if dos.state.break_pressed:
        break_waits(dos, guest)
        return Key(CTRL_C)
    if dos.state.line:
        code, rest = dos.state.line[0], dos.state.line[1:]
        dos.change(line=rest)
        return Key(code)
    word = first_key(guest, old=True)
    if word is not None:
        KeyBuffer(guest.memory).take()
        return _key_of(dos, word)
    if dos.pipe.is_typed or dos.pipe.is_pressed:
        return sleep(dos, guest)
    return _piped_key(dos, chords)


def _key_of(dos: DosSystem, word: int) -> Key:
    if word & 0xFF:
        return Key(word & 0xFF, echo=True)
    dos.change(scan_code=word >> 8)
    return Key(0)


def _piped_key(dos: DosSystem, chords: bool) -> Key | Wait:
    pending = dos.console.peek()
    if chords and pending[:1] == bytes((ESCAPE,)):
        key = next_key(pending)
        if key is not None and key.length > 1:
            dos.console.read(key.length)
            return _key_of(dos, key.word)
    data = dos.console.read(2 if pending.startswith(CR + LF) else 1)
    if data is None:
        return WAIT
    if not data:
        return Key(None)
    return Key(CR[0] if data[:1] == LF else data[0])


# -- lines -----------------------------------------------------------------------------------


def read_line(
    dos: DosSystem, guest: Guest, limit: int, template: bytes = b"", end: bytes = CR
) -> bytes | Break | Outcome:
    """Take a line from the console, without its end; the rest if the input ends without one.

    ``limit``: how many characters can be typed; ``template``: the line that F3 gives; ``end``
    is what Enter shows.
    """
    if _begins_with_key(dos, guest):
        return _typed_line(dos, guest, limit, template, end)
    return sleep(dos, guest) if dos.pipe.is_pressed else _piped_line(dos)


def _begins_with_key(dos: DosSystem, guest: Guest) -> bool:
    """Whether the next line is typed on the keyboard, its first key at least."""
    is_edited = dos.state.edited is not None
    return dos.pipe.is_typed or is_edited or first_key(guest, old=True) is not None


def _typed_line(
    dos: DosSystem, guest: Guest, limit: int, template: bytes, end: bytes
) -> bytes | Break | Outcome:
    area = GuestScreen(guest.memory, dos.bus).area
    line = dos.state.edited or Line(limit, template, area.cursor(area.page)[1])
    while not line.ended:
        key = console_key(dos, guest)
        if not isinstance(key, Key):
            dos.change(edited=line)
            return key
        if key.code == CTRL_C:
            dos.change(edited=None)
            return BREAK
        if key.code is None:  # of a pipe that has ended
            break
        scan = dos.state.scan_code
        dos.change(scan_code=0)
        line, shown = press(line, key.code, scan)
        write_device(dos, guest, DosDevice.CON, end if line.ended else shown)
    dos.change(edited=None)
    return line.text


def _piped_line(dos: DosSystem) -> bytes | Wait | Break:
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


def read_console(
    dos: DosSystem, guest: Guest, entry: SftEntry, limit: int
) -> bytes | Break | Outcome:
    """Read from CON as a file: lines ending in CR LF, nothing at a Ctrl-Z or the input's end."""
    if entry.raw:
        return _read_raw(dos, guest, limit)
    if not dos.state.line:
        pending, is_typed = dos.console.peek(), _begins_with_key(dos, guest)
        line = read_line(dos, guest, MAX_TYPED_LINE, end=CR + LF)
        if not isinstance(line, bytes):
            return line
        text, ctrl_z, _ = line.partition(bytes((CTRL_Z,)))
        whole = is_typed or len(line) < min(len(pending), MAX_LINE)
        dos.change(line=text + (CR + LF if whole and not ctrl_z else b""))
    data = dos.state.line[:limit]
    dos.change(line=dos.state.line[limit:])
    return data


def _read_raw(dos: DosSystem, guest: Guest, limit: int) -> bytes | Outcome:
    """Read what has been typed, at least one character; or what the pipe has."""
    if not (_begins_with_key(dos, guest) or dos.pipe.is_pressed):
        raw = dos.console.read(limit)
        return WAIT if raw is None else raw
    data = b""
    while len(data) < limit and (not data or console_ready(dos, guest)):
        key = console_key(dos, guest)
        if not isinstance(key, Key):
            return key
        data += bytes((key.code or 0,))
    return data
