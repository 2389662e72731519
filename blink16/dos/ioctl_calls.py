"""INT 21h/44h: what handles and drives are, and requests to them."""

from __future__ import annotations

from collections.abc import Callable

from blink16.dos import handles
from blink16.dos.disk_calls import write_device_parameters, write_media_id
from blink16.dos.errors import CallFailed, Code
from blink16.dos.fat import FatTree
from blink16.dos.system import DosDevice, DosSystem, SftEntry
from blink16.dos.terminal import CON_DEVICES, console_ready
from blink16.services import DONE, Guest, Outcome

READY, NOT_READY = 0xFF, 0
RAW = 0x20
GET_PARAMETERS, SET_PARAMETERS, GET_MEDIA_ID, SET_MEDIA_ID = 0x60, 0x40, 0x66, 0x46
GET_ACCESS, SET_ACCESS = 0x67, 0x47
DRIVE_REQUESTS = {
    (0x08, request)
    for request in (
        GET_PARAMETERS,
        SET_PARAMETERS,
        GET_MEDIA_ID,
        SET_MEDIA_ID,
        GET_ACCESS,
        SET_ACCESS,
    )
}
"""CH and CL of 44h/0Dh for disks."""


def ioctl(dos: DosSystem, guest: Guest) -> Outcome:
    """44h: what handle BX or drive BL is, and whether it's ready."""
    r = guest.registers
    match r.al:
        case 0x00:
            r.dx = r.ax = handles.information(handles.lookup(dos, guest, r.bx)[1])
        case 0x01:
            _set_information(dos, guest)
        case 0x06:
            r.al = _input_status(dos, guest, handles.lookup(dos, guest, r.bx)[1])
        case 0x07:
            handles.lookup(dos, guest, r.bx)
            r.al = READY
        case 0x02 | 0x03 | 0x0C | 0x10:
            _check_device(handles.lookup(dos, guest, r.bx)[1])
        case 0x08:
            r.ax = 0 if isinstance(dos.volume(r.bl).files, FatTree) else 1  # 1: not removable
        case 0x09:
            dos.volume(r.bl)
            r.dx = 0  # local
        case 0x0A:
            r.dx = handles.information(handles.lookup(dos, guest, r.bx)[1])
        case 0x0B:
            pass  # how often to retry when a file is shared
        case 0x0E | 0x0F:
            dos.volume(r.bl)
            r.al = 0  # one letter for the drive
        case 0x0D:
            _drive_request(dos, guest)
        case 0x11 if (r.ch, r.cl) in DRIVE_REQUESTS:
            dos.volume(r.bl)
        case _:
            raise CallFailed(Code.INVALID_FUNCTION)
    return DONE


def _check_device(entry: SftEntry) -> None:
    """Refuse control strings and generic requests: files are no devices, and ours take none."""
    raise CallFailed(Code.INVALID_FUNCTION if entry.device else Code.INVALID_DATA)


def _drive_request(dos: DosSystem, guest: Guest) -> None:
    """Do a generic request to drive BL: its parameters (60h), serial number and label (66h)."""
    r = guest.registers
    volume = dos.volume(r.bl)
    if (r.ch, r.cl) not in DRIVE_REQUESTS:
        raise CallFailed(Code.INVALID_FUNCTION)
    if r.cl == GET_PARAMETERS:
        write_device_parameters(guest, volume)
    elif r.cl == GET_MEDIA_ID:
        write_media_id(dos, guest, volume)


def _set_information(dos: DosSystem, guest: Guest) -> None:
    r = guest.registers
    entry = handles.lookup(dos, guest, r.bx)[1]
    if entry.device == DosDevice.FILE or r.dh:
        raise CallFailed(Code.INVALID_FUNCTION)
    entry.raw = bool(r.dl & RAW)


def _input_status(dos: DosSystem, guest: Guest, entry: SftEntry) -> int:
    if entry.device == DosDevice.FILE:
        at_end = entry.position >= dos.tree(entry).size(entry.node)
        return NOT_READY if at_end else READY
    if entry.device in CON_DEVICES:
        return READY if console_ready(dos, guest) else NOT_READY
    return READY


CALLS: dict[int, Callable[[DosSystem, Guest], Outcome]] = {0x44: ioctl}
