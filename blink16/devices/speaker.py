"""What the speaker sounds like: samples of its cone, for whoever wants to hear them.

The cone is out while bit 1 of port 61h and the timer's channel 2 are high (`ppi`).
"""

from __future__ import annotations

from collections.abc import Callable

from blink16.devices.oscillator import Oscillator
from blink16.devices.pit import SPEAKER, Pit
from blink16.devices.ppi import SPEAKER_DATA, Ppi
from blink16.services import Guest

HZ = 22_050
OUT, IN = b"\xb0", b"\x50"
"""Samples of eight bits, unsigned."""
PIECES_PER_SECOND = 20


class PcSpeaker:
    """The speaker: a device (`services.Device`), which samples the time that has passed."""

    COMPONENT = "speaker"

    def __init__(self, guest: Guest, pit: Pit, ppi: Ppi) -> None:
        self._guest = guest
        self._pit, self._ppi = pit, ppi
        self._clock = Oscillator(HZ, guest.clock_hz)
        self.samples = self._clock.cycles(guest.time)
        """Samples taken since the beginning of time."""
        self.on_sound: Callable[[bytes], None] = lambda data: None
        """Called with samples, never with the same ones again."""
        pit.on_speaker = ppi.on_speaker = self.catch_up

    def save(self) -> int:
        """Return the state."""
        return self.samples

    def restore(self, state: int) -> None:
        """Take the state of a `save`."""
        self.samples = state

    def due(self) -> int:
        """Return when the next piece is whole."""
        return self._clock.time(self.samples + HZ // PIECES_PER_SECOND)

    def is_heard(self) -> bool:
        """Return that it interrupts nobody."""
        return False

    def advance(self, time: int) -> None:
        """Sample what has passed."""
        self.catch_up()

    def catch_up(self) -> None:
        """Sample up to now, before something changes."""
        end = self._clock.cycles(self._guest.time)
        first, self.samples = self.samples, end
        self._guest.changed(self)
        if end <= first:
            return
        counter = self._pit.state.counters[SPEAKER]
        if not self._ppi.port_b & SPEAKER_DATA:
            data = IN * (end - first)
        else:
            cycles = (self._pit.cycle(self._clock.time(sample)) for sample in range(first, end))
            data = b"".join(OUT if counter.output(cycle) else IN for cycle in cycles)
        self._guest.effect(lambda: self.on_sound(data))
