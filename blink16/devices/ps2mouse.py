"""A PS/2 mouse at the second port of the 8042: packets of three bytes; each byte asks for IRQ 12.

Source: IBM PS/2 Hardware Interface Technical Reference, "Auxiliary device" and "Mouse".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from blink16.devices.mouse import movements_of
from blink16.devices.pic import RequestLine
from blink16.devices.telling import Telling
from blink16.services import Guest

BYTES_PER_SECOND = 1000
"""How fast bytes come: eleven bits each at some ten kilohertz."""
MAX_WAITING = 48
"""Bytes that may wait; movements that don't fit any more are dropped whole."""
ACKNOWLEDGE, RESEND, PASSED, IDENTITY = 0xFA, 0xFE, 0xAA, 0x00
ALWAYS, X_SIGN, Y_SIGN = 0x08, 0x10, 0x20
SCALING_1, SCALING_2, SET_RESOLUTION, STATUS, STREAM, READ_DATA = 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xEB
UNWRAP, WRAP, REMOTE, IDENTIFY, SET_RATE = 0xEC, 0xEE, 0xF0, 0xF2, 0xF3
ENABLE, DISABLE, DEFAULTS, RESET = 0xF4, 0xF5, 0xF6, 0xFF
NOTHING = -1


class Ps2MouseState(NamedTuple):
    """What the mouse remembers, and the byte that the controller holds of it."""

    enabled: bool = False
    remote: bool = False
    wrapping: bool = False
    doubled: bool = False
    resolution: int = 2
    rate: int = 100
    expects: int = NOTHING
    """The command whose byte is to come."""
    buttons: int = 0
    moved: tuple[int, int] = (0, 0)
    """Right and down since the last packet, where it doesn't send by itself."""
    waiting: bytes = b""
    code: int = 0
    full: bool = False
    """Whether the controller's output buffer holds ``code``."""
    free_at: int = 0


class Ps2Mouse(Telling[Ps2MouseState]):
    """A device, and a receiver of movements (`mouse.movements_of`)."""

    CHANNEL = "ps2-mouse"

    def __init__(self, guest: Guest, irq: RequestLine) -> None:
        self._guest = guest
        self._irq = irq
        self._interval = max(1, guest.clock_hz // BYTES_PER_SECOND)
        self.state = Ps2MouseState()
        self.may_send: Callable[[], bool] = lambda: True
        """Whether the controller would take a byte now."""
        self.interrupts: Callable[[], bool] = lambda: True
        """Whether it asks for an interrupt then."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when the controller's output buffer is full of it, or not any more."""

    @property
    def is_used(self) -> bool:
        """Whether whoever has a mouse should move it."""
        return True

    def save(self) -> Ps2MouseState:
        """Return the state."""
        return self.state

    def restore(self, state: Ps2MouseState) -> None:
        """Take the state of a `save`."""
        self.state = state

    # -- the mouse's side --------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Move it, or press its buttons."""
        for dx, dy, buttons in movements_of(data):
            right, down = self.state.moved
            self.state = self.state._replace(moved=(right + dx, down + dy), buttons=buttons & 7)
            if self.state.enabled and not self.state.remote:
                self._send_packet()

    def _send_packet(self) -> None:
        s = self.state
        right, down = (max(-255, min(255, distance)) for distance in s.moved)
        up = -down
        first = ALWAYS | s.buttons | (X_SIGN if right < 0 else 0) | (Y_SIGN if up < 0 else 0)
        self.state = s._replace(moved=(0, 0))
        self.send(first, right & 0xFF, up & 0xFF)

    def send(self, *values: int) -> None:
        """Let bytes come, as if the mouse had sent them."""
        waiting = self.state.waiting
        if len(waiting) + len(values) <= MAX_WAITING:
            self.state = self.state._replace(waiting=waiting + bytes(values))

    def command(self, value: int) -> None:
        """Take a command, or the byte of one; what it says comes in its time."""
        expects = self.state.expects
        self.state = self.state._replace(expects=NOTHING)
        if self.state.wrapping and value not in (RESET, UNWRAP):
            self.send(value)
        elif expects != NOTHING:
            self.set(expects, value)
            self.send(ACKNOWLEDGE)
        elif value in (SET_RESOLUTION, SET_RATE):
            self.state = self.state._replace(expects=value)
            self.send(ACKNOWLEDGE)
        elif value in (STATUS, READ_DATA, IDENTIFY, RESET) or value in _SWITCHES:
            self.state = self.state._replace(waiting=b"")
            self.send(ACKNOWLEDGE)
            self._answer(value)
        else:
            self.send(RESEND)

    def _answer(self, value: int) -> None:
        match value:
            case 0xE9:
                self.send(*self.status())
            case 0xEB:
                self._send_packet()
            case 0xF2:
                self.send(IDENTITY)
            case 0xFF:
                self.reset()
                self.send(PASSED, IDENTITY)
            case _:
                self.switch(value)

    def switch(self, value: int) -> None:
        """Do a command that has no byte and no answer."""
        if value == DEFAULTS:
            self.reset()
        else:
            name, on = _SWITCHES[value]
            changed: dict[str, Any] = {name: on}
            self.state = self.state._replace(**changed)

    def set(self, command: int, value: int) -> None:
        """Do one that has a byte."""
        if command == SET_RESOLUTION:
            self.state = self.state._replace(resolution=value & 3)
        else:
            self.state = self.state._replace(rate=value)

    def reset(self) -> None:
        """Be as after power on, but for what is on its way."""
        s = self.state
        fresh = Ps2MouseState(buttons=s.buttons, waiting=s.waiting, code=s.code, full=s.full)
        self.state = fresh._replace(free_at=s.free_at)

    def status(self) -> tuple[int, int, int]:
        """Return its three bytes of status."""
        s = self.state
        left, right, middle = (s.buttons >> bit & 1 for bit in range(3))
        first = s.remote << 6 | s.enabled << 5 | s.doubled << 4 | left << 2 | middle << 1 | right
        return first, s.resolution, s.rate & 0xFF

    def due(self) -> int | None:
        """Return when the next byte comes."""
        s = self.state
        return s.free_at if s.waiting and not s.full and self.may_send() else None

    def is_heard(self) -> bool:
        """Return whether IRQ 12 would be passed on, and a byte can come."""
        return (
            not self.state.full and self.may_send() and self.interrupts() and self._irq.is_heard()
        )

    def advance(self, time: int) -> None:
        """Let a byte come into the controller's output buffer."""
        s = self.state
        self.state = s._replace(code=s.waiting[0], waiting=s.waiting[1:], full=True)
        self.on_change()
        if self.interrupts():
            self._irq(True)

    # -- the controller's side ---------------------------------------------------------------

    def read(self) -> int:
        """Return the byte, and make room for the next."""
        free_at = max(self.state.free_at, self._guest.time + self._interval)
        self.state = self.state._replace(full=False, free_at=free_at)
        self._irq(False)
        self.on_change()
        return self.state.code


_SWITCHES = {
    SCALING_1: ("doubled", False),
    SCALING_2: ("doubled", True),
    STREAM: ("remote", False),
    UNWRAP: ("wrapping", False),
    WRAP: ("wrapping", True),
    REMOTE: ("remote", True),
    ENABLE: ("enabled", True),
    DISABLE: ("enabled", False),
    DEFAULTS: ("enabled", False),
}
"""What changes by a command that has no byte and no answer."""
