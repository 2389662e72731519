"""Devices that tell the machine when they have changed, so that it need not ask them all."""

from __future__ import annotations

from typing import Generic, TypeVar

from blink16.services import Guest

S = TypeVar("S")


class Telling(Generic[S]):
    """A device (`services.Device`) whose state is one immutable value, told as it changes.

    Its constructor sets ``_guest`` before the first state.
    """

    _guest: Guest
    _state: S

    @property
    def state(self) -> S:
        """All that it remembers."""
        return self._state

    @state.setter
    def state(self, state: S) -> None:
        self._state = state
        self._guest.changed(self)
