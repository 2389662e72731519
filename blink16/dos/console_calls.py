"""INT 21h's character calls: 01h to 0Ch."""

from __future__ import annotations

from blink16.bios.key_buffer import KeyBuffer
from blink16.bios.program_keys import INPUT_ENDED
from blink16.cpu.registers import ZF
from blink16.dos.interrupts import again, nest
from blink16.dos.system import SEGMENT, DosDevice, DosSystem, string_before
from blink16.dos.terminal import (
    CTRL_C,
    CTRL_Z,
    MAX_READS_PAST_END,
    Break,
    Key,
    break_waits,
    is_held,
    read_key,
    read_line,
    ready,
    sleep,
    write_character,
    write_device,
    write_standard,
)
from blink16.services import DONE, Guest, Outcome, set_caller_flag

CTRL_C_VECTOR = 0x23
READ_CALLS = (0x01, 0x06, 0x07, 0x08, 0x0A)
"""What 0Ch may go on with once it has emptied the input."""


def break_typed(dos: DosSystem, guest: Guest) -> Outcome:
    """Run the program's INT 23h; its IRET comes back to the call, which begins anew."""
    write_device(dos, guest, DosDevice.CON, b"^C\r\n")
    dos.change(break_stack=guest.registers.sp)
    nest(guest, CTRL_C_VECTOR, dos.break_stub)
    return DONE


def _interrupted(dos: DosSystem, guest: Guest) -> Outcome | None:
    """Return how a call that shows something goes on if keys were typed for DOS itself."""
    if not dos.pipe.is_typed:
        return None
    if break_waits(dos, guest):
        return break_typed(dos, guest)
    return sleep(dos, guest) if is_held(dos, guest) else None


def _key(dos: DosSystem, guest: Guest, *, checks_break: bool, echoes: bool = False) -> Outcome:
    """Take a character into AL, the end of input being a Ctrl-Z."""
    if dos.state.inputs_past_end >= MAX_READS_PAST_END:
        return INPUT_ENDED
    key = read_key(dos, guest, chords=not echoes)
    if not isinstance(key, Key):
        return key
    if key.code is None:
        dos.change(inputs_past_end=dos.state.inputs_past_end + 1)
        guest.registers.al = CTRL_Z
        return DONE
    if checks_break and key.code == CTRL_C:
        return break_typed(dos, guest)
    if echoes and key.echo:
        write_standard(dos, guest, bytes((key.code,)))
    guest.registers.al = key.code
    return DONE


def read_echoed(dos: DosSystem, guest: Guest) -> Outcome:
    """01h: wait for a character and show it, unless it comes from a pipe; Ctrl-C is INT 23h."""
    return _key(dos, guest, checks_break=True, echoes=True)


def read_checked(dos: DosSystem, guest: Guest) -> Outcome:
    """08h: wait for a character; Ctrl-C is INT 23h."""
    return _key(dos, guest, checks_break=True)


def read_direct(dos: DosSystem, guest: Guest) -> Outcome:
    """07h: wait for a character, Ctrl-C being one like others."""
    return _key(dos, guest, checks_break=False)


def write(dos: DosSystem, guest: Guest) -> Outcome:
    """02h: show DL, and return it in AL."""
    interrupted = _interrupted(dos, guest)
    if interrupted is not None:
        return interrupted
    return write_character(dos, guest, guest.registers.dl)


def read_aux(dos: DosSystem, guest: Guest) -> Outcome:
    """03h: a character from the auxiliary device, from which none come: a Ctrl-Z."""
    guest.registers.al = CTRL_Z
    return DONE


def write_aux(dos: DosSystem, guest: Guest) -> Outcome:
    """04h: send DL to the auxiliary device."""
    write_device(dos, guest, DosDevice.AUX, bytes((guest.registers.dl,)))
    return DONE


def write_printer(dos: DosSystem, guest: Guest) -> Outcome:
    """05h: send DL to the printer."""
    write_device(dos, guest, DosDevice.PRN, bytes((guest.registers.dl,)))
    return DONE


def direct(dos: DosSystem, guest: Guest) -> Outcome:
    """06h: show DL, or (FFh) take a character if there is one: ZF says there was none."""
    r = guest.registers
    if r.dl != 0xFF:
        return write_character(dos, guest, r.dl)
    if not ready(dos, guest):
        over = dos.pipe.poll(guest)
        if over is not None:
            return over
        r.al = 0
        set_caller_flag(guest, ZF, True)
        return DONE
    set_caller_flag(guest, ZF, False)
    return _key(dos, guest, checks_break=False)


def write_string(dos: DosSystem, guest: Guest) -> Outcome:
    """09h: show what is at DS:DX, up to the dollar sign."""
    interrupted = _interrupted(dos, guest)
    if interrupted is not None:
        return interrupted
    r = guest.registers
    text = string_before(guest, r.ds, r.dx, b"$", SEGMENT)
    if text is None:
        text = guest.memory.read(guest.linear(r.ds, r.dx), SEGMENT)
    write_standard(dos, guest, text)
    r.al = ord("$")
    return DONE


def read_buffered(dos: DosSystem, guest: Guest) -> Outcome:
    """0Ah: read a line into the buffer at DS:DX (its size, the length, the line with CR)."""
    r = guest.registers
    buffer = guest.linear(r.ds, r.dx)
    size = guest.memory[buffer]
    if not size:
        return DONE
    if dos.state.inputs_past_end >= MAX_READS_PAST_END:
        return INPUT_ENDED
    nothing_left = not dos.pipe.is_typed and not dos.console.peek()
    line = read_line(dos, guest, size - 1, _template(guest, buffer, size))
    if isinstance(line, Break):
        return break_typed(dos, guest)
    if not isinstance(line, bytes):
        return line
    if not line and nothing_left:
        dos.change(inputs_past_end=dos.state.inputs_past_end + 1)
    line = line[: size - 1]
    guest.memory.write(buffer + 1, bytes((len(line),)) + line + b"\r")
    return DONE


def _template(guest: Guest, buffer: int, size: int) -> bytes:
    """Return the line that a buffer holds from before, if there is one."""
    length = guest.memory.read(buffer + 1, 1)[0]
    there = guest.memory.read(buffer + 2, length + 1)
    return there[:length] if length < size and there[length] == ord("\r") else b""


def status(dos: DosSystem, guest: Guest) -> Outcome:
    """0Bh: AL is FFh if a character waits, 0 if not."""
    if dos.pipe.is_typed and break_waits(dos, guest):
        return break_typed(dos, guest)
    waits = ready(dos, guest)
    guest.registers.al = 0xFF if waits else 0
    return DONE if waits else dos.pipe.poll(guest) or DONE


def flush_and_read(dos: DosSystem, guest: Guest) -> Outcome:
    """0Ch: empty the input, then do the call in AL.

    That call is done by coming here again, one instruction later: it may have to wait, and
    what comes meanwhile must not be thrown away.
    """
    pending = len(dos.console.peek())
    if pending:
        dos.console.read(pending)
    KeyBuffer(guest.memory).clear()
    dos.change(line=b"", scan_code=0)
    if guest.registers.al in READ_CALLS:
        guest.registers.ah = guest.registers.al
        again(guest)
    return DONE


CALLS = {
    0x01: read_echoed,
    0x02: write,
    0x03: read_aux,
    0x04: write_aux,
    0x05: write_printer,
    0x06: direct,
    0x07: read_direct,
    0x08: read_checked,
    0x09: write_string,
    0x0A: read_buffered,
    0x0B: status,
    0x0C: flush_and_read,
}
