"""INT 21h's calls about vectors, the clock and DOS itself."""

from __future__ import annotations

from datetime import UTC, datetime

from blink16.dos import tables
from blink16.dos.errors import CallFailed, Code, error_details
from blink16.dos.handles import set_count
from blink16.dos.layout import INDOS, SYSVARS
from blink16.dos.names import parse_fcb
from blink16.dos.system import NANOSECONDS, DosSystem
from blink16.services import DONE, Guest, Outcome

OEM_NUMBER = 0xFD  # FreeDOS: neither IBM nor Microsoft
FAILED = 0xFF
SWAP_AREA = (INDOS[0], INDOS[1] - 1)
SWAP_SIZE = 0x16
"""The part that is swapped: programs look there for InDOS, and save the rest."""
MAX_FCB_NAME = 128


def set_vector(dos: DosSystem, guest: Guest) -> Outcome:
    """25h: point vector AL at DS:DX."""
    r = guest.registers
    guest.memory.write_word(r.al * 4, r.dx)
    guest.memory.write_word(r.al * 4 + 2, r.ds)
    return DONE


def get_vector(dos: DosSystem, guest: Guest) -> Outcome:
    """35h: return vector AL in ES:BX."""
    r = guest.registers
    r.bx = guest.memory.read_word(r.al * 4)
    r.es = guest.memory.read_word(r.al * 4 + 2)
    return DONE


# -- clock -----------------------------------------------------------------------------------


def _now(dos: DosSystem, guest: Guest) -> tuple[datetime, int]:
    """Return DOS' date and time, and the hundredths of the second."""
    seconds, rest = divmod(dos.nanoseconds(guest), NANOSECONDS)
    return datetime.fromtimestamp(seconds, UTC), rest * 100 // NANOSECONDS


def get_date(dos: DosSystem, guest: Guest) -> Outcome:
    """2Ah: year in CX, month and day in DX, day of the week (0: Sunday) in AL."""
    r, now = guest.registers, _now(dos, guest)[0]
    r.cx, r.dh, r.dl, r.al = now.year, now.month, now.day, now.isoweekday() % 7
    return DONE


def get_time(dos: DosSystem, guest: Guest) -> Outcome:
    """2Ch: hour and minute in CX, second and hundredth in DX."""
    r = guest.registers
    now, hundredths = _now(dos, guest)
    r.ch, r.cl, r.dh, r.dl = now.hour, now.minute, now.second, hundredths
    return DONE


def set_date(dos: DosSystem, guest: Guest) -> Outcome:
    """2Bh: set the date; AL is FFh if there's no such day."""
    r, now = guest.registers, _now(dos, guest)[0]
    if not 1980 <= r.cx <= 2099:
        r.al = FAILED
        return DONE
    try:
        _move_clock(dos, now, now.replace(year=r.cx, month=r.dh, day=r.dl))
    except ValueError:
        r.al = FAILED
        return DONE
    r.al = 0
    return DONE


def set_time(dos: DosSystem, guest: Guest) -> Outcome:
    """2Dh: set the time; AL is FFh if there's no such time."""
    r, now = guest.registers, _now(dos, guest)[0]
    try:
        _move_clock(dos, now, now.replace(hour=r.ch, minute=r.cl, second=r.dh))
    except ValueError:
        r.al = FAILED
        return DONE
    r.al = 0
    return DONE


def _move_clock(dos: DosSystem, now: datetime, then: datetime) -> None:
    shift = int((then - now).total_seconds()) * NANOSECONDS
    dos.change(clock_offset=dos.state.clock_offset + shift)


# -- DOS itself ------------------------------------------------------------------------------


def version(dos: DosSystem, guest: Guest) -> Outcome:
    """30h: version in AX, OEM number in BH."""
    r = guest.registers
    r.al, r.ah = dos.version
    r.bx, r.cx = OEM_NUMBER << 8, 0
    return DONE


def break_check(dos: DosSystem, guest: Guest) -> Outcome:
    """33h: get (0) or set (1) the Ctrl-C check, get the boot drive (5), the true version (6)."""
    r = guest.registers
    match r.al:
        case 0:
            r.dl = dos.state.break_check
        case 1:
            dos.change(break_check=r.dl & 1)
        case 2:
            before = dos.state.break_check
            dos.change(break_check=r.dl & 1)
            r.dl = before
        case 5:
            r.dl = 3
        case 6:
            r.bl, r.bh = dos.version
            r.dx = 0
        case _:
            r.al = FAILED
    return DONE


def get_indos(dos: DosSystem, guest: Guest) -> Outcome:
    """34h: the address of the InDOS flag in ES:BX."""
    guest.registers.es, guest.registers.bx = INDOS
    return DONE


def get_sysvars(dos: DosSystem, guest: Guest) -> Outcome:
    """52h: the address of the list of lists in ES:BX; the first MCB is at BX-2."""
    tables.refresh(dos, guest)
    guest.registers.es, guest.registers.bx = SYSVARS
    return DONE


def verify_set(dos: DosSystem, guest: Guest) -> Outcome:
    """2Eh: set the verify flag."""
    dos.change(verify=guest.registers.al & 1)
    return DONE


def verify_get(dos: DosSystem, guest: Guest) -> Outcome:
    """54h: get the verify flag."""
    guest.registers.al = dos.state.verify
    return DONE


def extended_error(dos: DosSystem, guest: Guest) -> Outcome:
    """59h: the last failure: code AX, class BH, suggested action BL, locus CH."""
    r = guest.registers
    r.ax = dos.state.error
    r.bh, r.bl, r.ch = error_details(dos.state.error)
    return DONE


def server_call(dos: DosSystem, guest: Guest) -> Outcome:
    """5Dh: the swappable data area (06h); set what 59h tells (0Ah); no network does the rest."""
    r, memory = guest.registers, guest.memory
    match r.al:
        case 0x06:
            r.ds, r.si = SWAP_AREA
            r.cx = r.dx = SWAP_SIZE
        case 0x0A:
            dos.change(error=memory.read_word(memory.linear(r.ds, r.dx)))
        case _:
            raise CallFailed(Code.INVALID_FUNCTION)
    return DONE


def network(dos: DosSystem, guest: Guest) -> Outcome:
    """5Eh, 5Fh: there is no network (error 1); drives are neither switched on nor off."""
    r = guest.registers
    if r.ah == 0x5F and r.al in (0x07, 0x08):
        dos.volume(r.dl + 1)
        return DONE
    raise CallFailed(Code.INVALID_FUNCTION)


def parse_name(dos: DosSystem, guest: Guest) -> Outcome:
    """29h: parse a file name at DS:SI into the FCB at ES:DI."""
    r, memory = guest.registers, guest.memory
    options = r.al
    start = guest.linear(r.ds, r.si)
    text = memory.peek(start, MAX_FCB_NAME)
    name = parse_fcb(text, skip_separators=bool(options & 1))
    memory.read(start, name.length)
    fcb = guest.linear(r.es, r.di)
    drive = bytes((name.drive or 0,))
    if not options & (2 | 4 | 8):
        memory.write(fcb, drive + name.name + name.extension)
    else:
        if name.drive is not None or not options & 2:
            memory.write(fcb, drive)
        if name.name.strip() or not options & 4:
            memory.write(fcb + 1, name.name)
        if name.extension.strip() or not options & 8:
            memory.write(fcb + 9, name.extension)
    r.si += name.length
    absent = name.drive is not None and name.drive - 1 not in dos.volumes
    r.al = FAILED if absent else int(name.wildcards)
    return DONE


def handle_count(dos: DosSystem, guest: Guest) -> Outcome:
    """67h: set how many files may be open."""
    set_count(dos, guest, guest.registers.bx)
    return DONE


CALLS = {
    0x25: set_vector,
    0x29: parse_name,
    0x2A: get_date,
    0x2B: set_date,
    0x2C: get_time,
    0x2D: set_time,
    0x2E: verify_set,
    0x30: version,
    0x33: break_check,
    0x34: get_indos,
    0x35: get_vector,
    0x52: get_sysvars,
    0x54: verify_get,
    0x59: extended_error,
    0x5D: server_call,
    0x5E: network,
    0x5F: network,
    0x67: handle_count,
}
