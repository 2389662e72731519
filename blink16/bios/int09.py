"""INT 09h, the keyboard's interrupt: scan codes become keys in the buffer.

Source: IBM PC/XT Technical Reference, BIOS listing of KB_INT.
"""

from __future__ import annotations

from enum import IntFlag

from blink16.bios.data_area import DataArea
from blink16.bios.key_buffer import KeyBuffer
from blink16.bios.key_table import KEYPAD, KEYPAD_CHARACTERS, Modifiers, grey_word_of, word_of
from blink16.bios.rom import HLT, IRET, SEGMENT, STI, Rom, goto, interrupt, jump
from blink16.bus import Bus
from blink16.devices import keys
from blink16.devices.port_b import PORT_B
from blink16.devices.ppi import CLEAR_KEYBOARD, PORT_A
from blink16.services import DONE, Chassis, Guest, Outcome

PIC_COMMAND, NON_SPECIFIC_EOI = 0x20, 0x20
BREAK_VECTOR, PRINT_SCREEN_VECTOR = 0x1B, 0x05
WARM_BOOT = 0x1234
BREAK_HAPPENED = 0x80
DELETE, INSERT, PRINT_SCREEN = 0x53, 0x52, 0x37


class ShiftFlag(IntFlag):
    """The word at 0040:0017."""

    RIGHT = 0x01
    LEFT = 0x02
    CTRL = 0x04
    ALT = 0x08
    SCROLL_LOCK = 0x10
    NUM_LOCK = 0x20
    CAPS_LOCK = 0x40
    INSERT = 0x80
    LEFT_CTRL = 0x0100
    LEFT_ALT = 0x0200
    PAUSE = 0x0800
    SCROLL_DOWN = 0x1000
    NUM_DOWN = 0x2000
    CAPS_DOWN = 0x4000
    INSERT_DOWN = 0x8000


_SHIFTS = {keys.RIGHT_SHIFT: ShiftFlag.RIGHT, keys.LEFT_SHIFT: ShiftFlag.LEFT}
AFTER_PREFIX, RIGHT_CTRL, RIGHT_ALT = 0x02, 0x04, 0x08
"""Bits of the keyboard's state at 0040:0096."""
_PAIRS = {
    keys.CTRL: (ShiftFlag.CTRL, ShiftFlag.LEFT_CTRL, RIGHT_CTRL),
    keys.ALT: (ShiftFlag.ALT, ShiftFlag.LEFT_ALT, RIGHT_ALT),
}
_TOGGLES = {
    keys.SCROLL_LOCK: (ShiftFlag.SCROLL_LOCK, ShiftFlag.SCROLL_DOWN),
    keys.NUM_LOCK: (ShiftFlag.NUM_LOCK, ShiftFlag.NUM_DOWN),
    keys.CAPS_LOCK: (ShiftFlag.CAPS_LOCK, ShiftFlag.CAPS_DOWN),
    INSERT: (ShiftFlag.INSERT, ShiftFlag.INSERT_DOWN),
}


class KeyboardInterrupt:
    """INT 09h."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._break = self._print_screen = self._pause = self._reboot = 0

    def install(self, chassis: Chassis, rom: Rom, reset: int) -> None:
        """Put the routines into ROM.  ``reset``: where a warm boot goes."""
        self._break = rom.add(interrupt(BREAK_VECTOR) + IRET)
        self._print_screen = rom.add(interrupt(PRINT_SCREEN_VECTOR) + IRET)
        self._reboot = rom.add(jump(SEGMENT, reset))
        _, still_paused = chassis.add_stub("pause", self._paused)
        self._pause = rom.add(STI + HLT + jump(SEGMENT, still_paused))

    def __call__(self, guest: Guest) -> Outcome:
        """Take a scan code from the keyboard."""
        code = self._bus.read(PORT_A)
        control = self._bus.read(PORT_B)
        self._bus.write(PORT_B, control | CLEAR_KEYBOARD)
        self._bus.write(PORT_B, control)
        self._bus.write(PIC_COMMAND, NON_SPECIFIC_EOI)
        area = DataArea(guest.memory)
        grey = bool(area.keyboard_state & AFTER_PREFIX)
        area.keyboard_state &= ~AFTER_PREFIX
        scan = code & ~keys.BREAK
        if code == keys.PREFIX:
            area.keyboard_state |= AFTER_PREFIX
        elif grey and scan in _SHIFTS:
            pass  # around some grey keys the keyboard itself pretends to shift
        elif code & keys.BREAK:
            self._up(guest, area, scan, grey=grey)
        else:
            self._down(guest, area, scan, grey=grey)
        return DONE

    def _up(self, guest: Guest, area: DataArea, scan: int, *, grey: bool) -> None:
        if scan in _SHIFTS:
            area.shift_flags &= ~_SHIFTS[scan]
        elif scan in _PAIRS:
            either, left, right = _PAIRS[scan]
            if grey:
                area.keyboard_state &= ~right
            else:
                area.shift_flags &= ~left
            if not (area.shift_flags & left or area.keyboard_state & right):
                area.shift_flags &= ~either
        elif scan in _TOGGLES:
            area.shift_flags &= ~_TOGGLES[scan][1]
        if scan == keys.ALT and area.alt_keypad:
            KeyBuffer(guest.memory).put(area.alt_keypad)
            area.alt_keypad = 0

    def _down(self, guest: Guest, area: DataArea, scan: int, *, grey: bool) -> None:
        flags = ShiftFlag(area.shift_flags)
        if scan in _SHIFTS:
            area.shift_flags = flags | _SHIFTS[scan]
        elif scan in _PAIRS:
            either, left, right = _PAIRS[scan]
            area.shift_flags = flags | either | (0 if grey else left)
            area.keyboard_state |= right if grey else 0
        elif flags & ShiftFlag.PAUSE and scan != keys.NUM_LOCK:
            area.shift_flags = flags & ~ShiftFlag.PAUSE
        elif not self._is_command(guest, area, flags, scan, grey=grey):
            self._key(guest, area, flags, scan, grey=grey)

    def _is_command(
        self, guest: Guest, area: DataArea, flags: ShiftFlag, scan: int, *, grey: bool
    ) -> bool:
        """Do what a chord asks of the BIOS itself, if it is one."""
        ctrl, alt = flags & ShiftFlag.CTRL, flags & ShiftFlag.ALT
        if ctrl and alt and scan == DELETE:
            area.reset_flag = WARM_BOOT
            goto(guest, self._reboot)
        elif ctrl and scan == keys.SCROLL_LOCK:
            KeyBuffer(guest.memory).clear()
            area.break_flag |= BREAK_HAPPENED
            KeyBuffer(guest.memory).put(0)
            goto(guest, self._break)
        elif ctrl and scan == keys.NUM_LOCK:
            area.shift_flags = flags | ShiftFlag.PAUSE
            goto(guest, self._pause)
        elif flags & (ShiftFlag.LEFT | ShiftFlag.RIGHT) and scan == PRINT_SCREEN and not ctrl | alt:
            goto(guest, self._print_screen)
        elif alt and not grey and scan in KEYPAD and KEYPAD_CHARACTERS[scan].isdigit():
            area.alt_keypad = area.alt_keypad * 10 + int(KEYPAD_CHARACTERS[scan])
        else:
            return False
        return True

    def _key(
        self, guest: Guest, area: DataArea, flags: ShiftFlag, scan: int, *, grey: bool
    ) -> None:
        if scan in _TOGGLES and not (scan == INSERT and flags & (ShiftFlag.CTRL | ShiftFlag.ALT)):
            lock, down = _TOGGLES[scan]
            if not flags & down:
                area.shift_flags = (flags ^ lock) | down
            if scan != INSERT:
                return
        held = Modifiers(
            shift=bool(flags & (ShiftFlag.LEFT | ShiftFlag.RIGHT)),
            ctrl=bool(flags & ShiftFlag.CTRL),
            alt=bool(flags & ShiftFlag.ALT),
            caps_lock=bool(flags & ShiftFlag.CAPS_LOCK),
            num_lock=bool(flags & ShiftFlag.NUM_LOCK),
        )
        word = grey_word_of(scan, held) if grey else word_of(scan, held)
        if word is not None:
            KeyBuffer(guest.memory).put(word)  # no room: a PC beeps

    def _paused(self, guest: Guest) -> Outcome:
        """Go on pausing until a key has been pressed."""
        if DataArea(guest.memory).shift_flags & ShiftFlag.PAUSE:
            guest.looked_in_vain()
            goto(guest, self._pause)
        return DONE
