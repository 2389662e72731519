"""Keys for a program that is run by itself: from a keyboard, or as a pipe brings them.

Who types on a terminal presses keys of the PC's keyboard (`Keys`, typed by a `Typist`).  A pipe
or a file is standard input: DOS reads it byte by byte, and INT 16h takes keys out of it when the
program asks for one (`PipedKeys`).  A program with an INT 09h of its own gets even a pipe's input
typed on the keyboard, since it may never ask.
"""

from __future__ import annotations

from typing import NamedTuple

from blink16.bios.key_buffer import KeyBuffer
from blink16.bios.keyboard import next_key
from blink16.bios.typist import Typist
from blink16.console import Console
from blink16.devices.keyboard import Keyboard
from blink16.services import WAIT, Guest, InterruptController, Outcome, Trap

SIGHUP = 1
INPUT_ENDED = Trap(SIGHUP, "the program waits for a key, but the input has ended")
KEYBOARD_VECTOR = 0x09 * 4
DENSE_INSTRUCTIONS = 2000
"""A program that polls again within so many instructions does nothing else."""
IDLE_POLLS = 64
"""After so many of them it is idle."""
MAX_POLLS = 20_000
"""So many of them in a row, after the end of input, are no pause in its work: it waits."""


class Keys(Console):
    """What is typed on a terminal.  The first input, were it empty, attaches the keyboard."""

    CHANNEL = "keys"

    def __init__(self) -> None:
        super().__init__()
        self.attached = False
        """Whether a person types; else standard input is a pipe or a file."""

    def receive(self, data: bytes) -> None:
        """Take keys as a terminal sends them."""
        self.attached = True
        if data:
            super().receive(data)

    def save(self) -> tuple[bytes, bool]:
        """Return the state."""
        return self.waiting, self.attached

    def restore(self, state: tuple[bytes, bool]) -> None:
        """Take the state of a `save`."""
        pending, self.attached = state
        super().restore((pending, False))


class PollState(NamedTuple):
    """How densely a program polls for keys that are not there."""

    last: int = 0
    """The instruction count of the last poll."""
    dense: int = 0
    """Polls in a row that came soon."""


class PipedKeys:
    """Standard input as keys: a device (`services.Device`) that types where INT 09h is hooked."""

    COMPONENT = "pipe"

    def __init__(
        self,
        guest: Guest,
        console: Console,
        keys: Keys,
        keyboard: Keyboard,
        controller: InterruptController,
    ) -> None:
        self._guest = guest
        self._controller = controller
        self._console = console
        self._keys = keys
        self._keyboard = keyboard
        self._typist = Typist(guest, console, keyboard)
        self._bios_handler = b""
        self._polls = PollState()

    def know_handler(self) -> None:
        """Remember the vector of INT 09h as it is: the BIOS's own."""
        self._bios_handler = self._handler()

    def _handler(self) -> bytes:
        return self._guest.memory.arena[KEYBOARD_VECTOR : KEYBOARD_VECTOR + 4]

    @property
    def _is_hooked(self) -> bool:
        return self._handler() != self._bios_handler

    # -- as a device -------------------------------------------------------------------------

    def due(self) -> int | None:
        """Return when the next key can be typed, or is to be looked whether it can."""
        return None if self._keys.attached else self._typist.due()

    def is_heard(self) -> bool:
        """Return whether a key would interrupt the processor."""
        return self._is_hooked and self._typist.is_heard()

    def advance(self, time: int) -> None:
        """Type a key for who hooks INT 09h, if the guest has taken those before."""
        if self._is_hooked:
            self._typist.advance(time)
        else:
            self._typist.pass_by(time)

    def save(self) -> tuple[PollState, tuple[int, int, bool]]:
        """Return the state."""
        return self._polls, self._typist.save()

    def restore(self, state: tuple[PollState, tuple[int, int, bool]]) -> None:
        """Take the state of a `save`."""
        self._polls = PollState(*state[0])
        self._typist.restore(state[1])

    # -- for services that look for keys -----------------------------------------------------

    @property
    def is_attached(self) -> bool:
        """Whether a person types; else standard input is a pipe or a file."""
        return self._keys.attached

    @property
    def is_typed(self) -> bool:
        """Whether keys come from the keyboard alone, by interrupts."""
        return self._keys.attached or self._is_hooked

    @property
    def is_pressed(self) -> bool:
        """Whether a key that was pressed in spite of the pipe is on its way to the program."""
        return self._keyboard.is_sending()

    @property
    def is_interrupted(self) -> bool:
        """Whether a device, as the mouse, asks for an interrupt, which a service holds up."""
        return self._controller.pending()

    def supply(self, guest: Guest) -> bool:
        """Put the pipe's next key into the BIOS's buffer; whether there was one."""
        if self.is_typed:
            return False
        waiting = self._console.peek()
        key = next_key(waiting) if waiting else None
        if key is None:
            return False
        self._console.read(key.length)
        KeyBuffer(guest.memory).put(key.word)
        return True

    def wait(self, guest: Guest) -> Outcome | None:
        """Return how a call that needs a key ends now; None: it waits for an interrupt."""
        if self._keys.attached:
            guest.looked_in_vain()
            return None
        if self._is_hooked:
            on_its_way = self._keyboard.state.waiting or self._keyboard.state.full
            over = self._console.ended and not self._console.peek() and not on_its_way
            return INPUT_ENDED if over else None
        if self.is_pressed or self.is_interrupted:
            return None
        # nothing waits: the read tells whether anything can come
        return WAIT if self._console.read(1) is None else INPUT_ENDED

    def poll(self, guest: Guest, looks: int = 1) -> Outcome | None:
        """Note that there was no key; how the call ends if that is the end of the program.

        ``looks``: how often the program has looked in vain since it was last noted.
        """
        now, (last, dense) = guest.registers.icount, self._polls
        dense = dense + looks if 0 <= now - last < DENSE_INSTRUCTIONS * looks else 0
        self._polls = PollState(now, dense)
        if dense < IDLE_POLLS:
            return None
        if not self._console.ended:
            guest.looked_in_vain()
        elif dense >= MAX_POLLS and not self._keys.attached:
            return INPUT_ENDED
        return None
