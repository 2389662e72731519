"""An AT's keyboard controller, an 8042 at ports 60h and 64h.

Codes from the keyboard come as an XT's, which is what the controller makes of them.  Source: IBM
PC/AT Technical Reference, "Keyboard controller".
"""

from __future__ import annotations

from typing import NamedTuple

from blink16.bus import Bus
from blink16.devices import a20
from blink16.devices.keyboard import Keyboard
from blink16.devices.pic import CASCADE
from blink16.devices.ps2mouse import Ps2Mouse
from blink16.services import Guest

DATA_PORT, COMMAND_PORT = 0x60, 0x64
STATUS_FULL, STATUS_SYSTEM, STATUS_COMMAND, STATUS_UNLOCKED = 0x01, 0x04, 0x08, 0x10
STATUS_AUX = 0x20
COMMAND_BYTE, KEYBOARD_OFF = 0x45, 0x10
"""The command byte as the BIOS writes it, and as it is when the power comes on."""
KEY_INTERRUPT = 0x01
TRANSLATES, TRANSLATED_2 = 0x40, b"\x41"
AUX_INTERRUPT, AUX_OFF = 0x02, 0x20
"""In the command byte: IRQ 12, and the second port's clock."""
MASK_PORT, SLAVE_MASK_PORT = 0x21, 0xA1
INPUT_PORT, OUTPUT_PORT = 0xBF, 0xDF
A20_OPEN, RESET_OFF = 0x02, 0x01
"""In the output port."""
SELF_TEST_PASSED, NO_FAULT = 0x55, 0x00
ACKNOWLEDGE, KEYBOARD_PASSED, ECHO = 0xFA, 0xAA, 0xEE
IDENTITY = bytes((ACKNOWLEDGE, 0xAB, 0x41))
NOTHING = -1
SET_LEDS, SET_RATE, SET_CODES, RESET = 0xED, 0xF3, 0xF0, 0xFF
IDENTIFY = 0xF2


class KbcState(NamedTuple):
    """What the controller remembers."""

    command_byte: int = KEYBOARD_OFF
    output: int = OUTPUT_PORT
    replies: bytes = b""
    expects: int = NOTHING
    """The command whose byte is to come at port 60h."""
    parameter: int = 0
    """The command of which the keyboard expects the second byte, or 0."""
    command: bool = False
    """Whether the last byte came to port 64h."""


class Kbc:
    """An 8042 (`services.Component`)."""

    COMPONENT = "kbc"

    def __init__(
        self, guest: Guest, bus: Bus, keyboard: Keyboard, mouse: Ps2Mouse | None = None
    ) -> None:
        """``mouse``: what is at the second port, which the first AT had not."""
        self._guest = guest
        self._bus = bus
        self._keyboard = keyboard
        self._mouse = mouse
        self.state = KbcState()
        keyboard.interrupts = lambda: bool(self.state.command_byte & KEY_INTERRUPT)
        keyboard.hold(True, resets=False)
        if mouse is not None:
            keyboard.is_held = lambda: mouse.state.full
            mouse.may_send = self._has_room
            mouse.on_change = lambda: guest.changed(keyboard)
            keyboard.on_change = lambda: guest.changed(mouse)
            mouse.interrupts = lambda: bool(self.state.command_byte & AUX_INTERRUPT)
        bus.attach([DATA_PORT], self._read, self._write, what="8042, data")
        bus.attach([COMMAND_PORT], self._status, self._command, what="8042, commands")

    @property
    def state(self) -> KbcState:
        """All that it remembers; by it the mouse may send or not."""
        return self._state

    @state.setter
    def state(self, state: KbcState) -> None:
        self._state = state
        if self._mouse is not None:
            self._guest.changed(self._mouse)

    def save(self) -> KbcState:
        """Return the state."""
        return self.state

    def restore(self, state: KbcState) -> None:
        """Take the state of a `save`."""
        self.state = state

    def _status(self, port: int) -> int:
        s = self.state
        full = STATUS_FULL if s.replies or self._keyboard.state.full else 0
        if not full and self._mouse is not None and self._mouse.state.full:
            full = STATUS_FULL | STATUS_AUX
        command = STATUS_COMMAND if s.command else 0
        return full | command | s.command_byte & STATUS_SYSTEM | STATUS_UNLOCKED

    def _has_room(self) -> bool:
        """Return whether a byte of the mouse would be taken."""
        s = self.state
        return not (s.command_byte & AUX_OFF or s.replies or self._keyboard.state.full)

    def set_command_bits(self, *, on: int, off: int) -> None:
        """Change the command byte, as the BIOS does."""
        self._set_command_byte(self.state.command_byte & ~off | on)

    def unmask(self, irq: int) -> None:
        """Let an interrupt of the second 8259A through both chips, as the BIOS does."""
        for port, bit in ((SLAVE_MASK_PORT, 1 << irq - 8), (MASK_PORT, 1 << CASCADE)):
            self._bus.write(port, self._bus.read(port) & ~bit)

    def _read(self, port: int) -> int:
        s = self.state
        if s.replies:
            self.state = s._replace(replies=s.replies[1:])
            return s.replies[0]
        if self._mouse is not None and self._mouse.state.full and not self._keyboard.state.full:
            return self._mouse.read()
        return self._keyboard.read()

    def _reply(self, *values: int) -> None:
        self.state = self.state._replace(replies=self.state.replies[:15] + bytes(values))

    def _command(self, port: int, value: int) -> None:
        self.state = self.state._replace(command=True, expects=NOTHING)
        match value:
            case 0x20:
                self._reply(self.state.command_byte)
            case 0x60 | 0xD1 | 0xD2 | 0xD3 | 0xD4:
                self.state = self.state._replace(expects=value)
            case 0xA7 | 0xA8 if self._mouse is not None:
                off = AUX_OFF if value == 0xA7 else 0
                self._set_command_byte(self.state.command_byte & ~AUX_OFF | off)
            case 0xA9 if self._mouse is not None:
                self._reply(NO_FAULT)
            case 0xAA:
                self._set_command_byte(self.state.command_byte | STATUS_SYSTEM)
                self._reply(SELF_TEST_PASSED)
            case 0xAB:
                self._reply(NO_FAULT)
            case 0xAD | 0xAE:
                self._set_command_byte(
                    self.state.command_byte & ~KEYBOARD_OFF | (KEYBOARD_OFF if value == 0xAD else 0)
                )
            case 0xC0:
                self._reply(INPUT_PORT)
            case 0xD0:
                self._reply(self._output())
            case 0xDD | 0xDF:
                self._switch_a20(value == 0xDF)
            case 0xE0:
                self._reply(0)
            case _ if value >= 0xF0 and not value & 1:
                self._guest.reset_processor()

    def _output(self) -> int:
        """Return the output port, in which one bit is another's (`devices.a20`)."""
        if not self._guest.has_a20:
            return self.state.output
        is_open = a20.is_open(self._guest.registers)
        return self.state.output & ~A20_OPEN | (A20_OPEN if is_open else 0)

    def _switch_a20(self, to: bool) -> None:
        if self._guest.has_a20:
            a20.switch(self._guest.registers, to)

    def _set_command_byte(self, value: int) -> None:
        self.state = self.state._replace(command_byte=value)
        self._keyboard.hold(bool(value & KEYBOARD_OFF), resets=False)

    def _write(self, port: int, value: int) -> None:
        expects = self.state.expects
        self.state = self.state._replace(command=False, expects=NOTHING)
        match expects:
            case 0x60:
                self._set_command_byte(value)
            case 0xD1:
                self.state = self.state._replace(output=value | RESET_OFF)
                self._switch_a20(bool(value & A20_OPEN))
                if not value & RESET_OFF:
                    self._guest.reset_processor()
            case 0xD2:
                self._keyboard.show(value)
            case 0xD3 | 0xD4 if self._mouse is None:
                pass  # there is no second device
            case 0xD3 if self._mouse is not None:
                self._mouse.send(value)
            case 0xD4 if self._mouse is not None:
                self._mouse.command(value)
            case _:
                self._to_keyboard(value)

    def _to_keyboard(self, value: int) -> None:
        """Let the keyboard answer a command, or the second byte of one; its clock must run."""
        self._set_command_byte(self.state.command_byte & ~KEYBOARD_OFF)
        if self.state.parameter:
            asked = self.state.parameter == SET_CODES and value == 0
            self.state = self.state._replace(parameter=0)
            self._keyboard.receive(bytes((ACKNOWLEDGE,)) + (self._set_in_use() if asked else b""))
            return
        has_parameter = value in (SET_LEDS, SET_RATE, SET_CODES)
        self.state = self.state._replace(parameter=value if has_parameter else 0)
        answers = {
            RESET: bytes((ACKNOWLEDGE, KEYBOARD_PASSED)),
            IDENTIFY: IDENTITY,
            ECHO: bytes((ECHO,)),
        }
        self._keyboard.receive(answers.get(value, bytes((ACKNOWLEDGE,))))

    def _set_in_use(self) -> bytes:
        """Return the number of the keyboard's set of codes: 2, which the 8042 makes 41h of."""
        return TRANSLATED_2 if self.state.command_byte & TRANSLATES else b"\x02"
