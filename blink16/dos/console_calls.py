"""INT 21h's character calls: 01h to 0Ch."""

from __future__ import annotations

from blink16.cpu.registers import ZF
from blink16.dos.interrupts import again, nest
from blink16.dos.system import SEGMENT, DosDevice, DosSystem, string_before
from blink16.dos.terminal import (
    CTRL_C,
    CTRL_Z,
    INPUT_ENDED,
    MAX_READS_PAST_END,
    Break,
    read_key,
    read_line,
    ready,
    write_device,
    write_standard,
)
from blink16.memory import linear
from blink16.services import DONE, Guest, Outcome, Wait, set_caller_flag

CTRL_C_VECTOR = 0x23
READ_CALLS = (0x01, 0x06, 0x07, 0x08, 0x0A)
"""What 0Ch may go on with once it has emptied the input."""


def break_typed(guest: Guest) -> Outcome:
    """Run the program's INT 23h; its IRET comes back to the call, which begins anew."""
    guest.output("console", b"^C\r\n")
    nest(guest, CTRL_C_VECTOR)
    return DONE


def _key(dos: DosSystem, guest: Guest, *, checks_break: bool) -> Outcome:
    """Take a character into AL, the end of input being a Ctrl-Z."""
    if dos.state.inputs_past_end >= MAX_READS_PAST_END:
        return INPUT_ENDED
    key = read_key(dos, guest)
    if isinstance(key, Wait):
        return key
    if key.code is None:
        dos.change(inputs_past_end=dos.state.inputs_past_end + 1)
        guest.registers.al = CTRL_Z
        return DONE
    if checks_break and key.code == CTRL_C:
        return break_typed(guest)
    guest.registers.al = key.code
    return DONE


def read_checked(dos: DosSystem, guest: Guest) -> Outcome:
    """01h, 08h: wait for a character; Ctrl-C is INT 23h."""
    return _key(dos, guest, checks_break=True)


def read_direct(dos: DosSystem, guest: Guest) -> Outcome:
    """07h: wait for a character, Ctrl-C being one like others."""
    return _key(dos, guest, checks_break=False)


def write(dos: DosSystem, guest: Guest) -> Outcome:
    """02h: show DL, and return it in AL."""
    write_standard(dos, guest, bytes((guest.registers.dl,)))
    guest.registers.al = guest.registers.dl
    return DONE


def write_aux(dos: DosSystem, guest: Guest) -> Outcome:
    """04h: send DL to the auxiliary device."""
    write_device(guest, DosDevice.AUX, bytes((guest.registers.dl,)))
    return DONE


def write_printer(dos: DosSystem, guest: Guest) -> Outcome:
    """05h: send DL to the printer."""
    write_device(guest, DosDevice.PRN, bytes((guest.registers.dl,)))
    return DONE


def direct(dos: DosSystem, guest: Guest) -> Outcome:
    """06h: show DL, or (FFh) take a character if there is one: ZF says there was none."""
    if guest.registers.dl != 0xFF:
        return write(dos, guest)
    if not ready(dos, guest):
        guest.registers.al = 0
        set_caller_flag(guest, ZF, True)
        return DONE
    set_caller_flag(guest, ZF, False)
    return _key(dos, guest, checks_break=False)


def write_string(dos: DosSystem, guest: Guest) -> Outcome:
    """09h: show what is at DS:DX, up to the dollar sign."""
    r = guest.registers
    text = string_before(guest, r.ds, r.dx, b"$", SEGMENT)
    if text is None:
        text = guest.memory.read(linear(r.ds, r.dx), SEGMENT)
    write_standard(dos, guest, text)
    r.al = ord("$")
    return DONE


def read_buffered(dos: DosSystem, guest: Guest) -> Outcome:
    """0Ah: read a line into the buffer at DS:DX (its size, the length, the line with CR)."""
    r = guest.registers
    buffer = linear(r.ds, r.dx)
    size = guest.memory[buffer]
    if not size:
        return DONE
    if dos.state.inputs_past_end >= MAX_READS_PAST_END:
        return INPUT_ENDED
    nothing_left = not dos.console.peek()
    line = read_line(dos)
    if isinstance(line, Wait):
        return line
    if isinstance(line, Break):
        return break_typed(guest)
    if not line and nothing_left:
        dos.change(inputs_past_end=dos.state.inputs_past_end + 1)
    line = line[: size - 1]
    guest.memory.write(buffer + 1, bytes((len(line),)) + line + b"\r")
    return DONE


def status(dos: DosSystem, guest: Guest) -> Outcome:
    """0Bh: AL is FFh if a character waits, 0 if not."""
    guest.registers.al = 0xFF if ready(dos, guest) else 0
    return DONE


def flush_and_read(dos: DosSystem, guest: Guest) -> Outcome:
    """0Ch: empty the input, then do the call in AL.

    That call is done by coming here again, one instruction later: it may have to wait, and
    what comes meanwhile must not be thrown away.
    """
    pending = len(dos.console.peek())
    if pending:
        dos.console.read(pending)
    dos.change(line=b"")
    if guest.registers.al in READ_CALLS:
        guest.registers.ah = guest.registers.al
        again(guest)
    return DONE


CALLS = {
    0x01: read_checked,
    0x02: write,
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
