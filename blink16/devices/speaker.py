"""What the speaker sounds like: samples of its cone, for whoever wants to hear them.

The cone is out while bit 1 of port 61h and the timer's channel 2 are high (`port_b`).  A sample is
how long it was out of a sample's time, so that pulses shorter than that, by which programs play
recorded sounds, are heard as what they make together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from blink16.devices.fields import with_fields
from blink16.devices.oscillator import PIT_HZ
from blink16.devices.pit import SPEAKER, Pit
from blink16.devices.port_b import SPEAKER_DATA, PortB
from blink16.services import Guest

HZ = 44_100
REST, OUT = 0x80, 0xE0
"""Samples of eight bits, unsigned, of a cone that doesn't move: silence, and one that is out."""
PIECES_PER_SECOND = 20
LONGEST = 2 * PIT_HZ
"""So many of the timer's cycles are heard of a machine that sleeps for longer, maybe for a day."""


def beginning(sample: int) -> int:
    """Return the timer's cycle at which a sample begins."""
    return sample * PIT_HZ // HZ


class SpeakerState(NamedTuple):
    """How far it has been sampled."""

    samples: int
    """Whole samples taken since the beginning of time."""
    cycle: int
    """The timer's cycle up to which the cone is known."""
    out: int = 0
    """At how many cycles of the sample that isn't whole yet it was out."""


class PcSpeaker:
    """The speaker: a device (`services.Device`), which samples the time that has passed."""

    COMPONENT = "speaker"

    def __init__(self, guest: Guest, pit: Pit, port: PortB) -> None:
        self._guest = guest
        self._pit, self._port = pit, port
        cycle = pit.cycle(guest.time)
        self.state = SpeakerState(cycle * HZ // PIT_HZ, cycle)
        self.on_sound: Callable[[int, bytes], None] = lambda first, samples: None
        """Called with samples and the number of the first of them, from the beginning of time.

        After a guest went on otherwise from an instant of its past, a number comes again.
        """
        pit.tell_speaker(self._follow_counter)
        port.on_speaker = self.catch_up

    def save(self) -> SpeakerState:
        """Return the state."""
        return self.state

    def restore(self, state: SpeakerState) -> None:
        """Take the state of a `save`."""
        self.state = state

    def due(self) -> int:
        """Return when the next piece is whole."""
        return self._pit.time(beginning(self.state.samples + HZ // PIECES_PER_SECOND))

    def is_heard(self) -> bool:
        """Return that it interrupts nobody."""
        return False

    def advance(self, time: int) -> None:
        """Sample what has passed."""
        self.catch_up()

    def _follow_counter(self) -> None:
        """Sample up to now, before the timer's channel changes, if it is heard."""
        if self._port.port_b & SPEAKER_DATA:
            self.catch_up()

    def catch_up(self) -> None:
        """Sample up to now, before something changes."""
        now, first = self._pit.cycle(self._guest.time), self.state.samples
        if now == self.state.cycle:
            return
        sounds = bool(self._port.port_b & SPEAKER_DATA)
        heard = min(now, self.state.cycle + LONGEST)
        samples = self._sampled(heard) if sounds else self._silence(heard)
        if heard < now:
            self._skip(now, sounds)
        if samples:
            self._guest.changed(self)
            self._guest.effect(lambda: self.on_sound(first, samples))

    def _sampled(self, now: int) -> bytes:
        """Follow the timer's channel up to a cycle; return the samples that are whole."""
        counter = self._pit.state.counters[SPEAKER]
        number, since, out = self.state
        samples = bytearray()
        while (end := beginning(number + 1)) <= now:
            out += counter.high_between(since, end)
            samples.append(_sample(out, number))
            number, since, out = number + 1, end, 0
        self.state = SpeakerState(number, now, out + counter.high_between(since, now))
        return bytes(samples)

    def _skip(self, now: int, sounds: bool) -> None:
        """Go on to a cycle as the others do, but for the samples."""
        number = _whole_samples(now)
        counter = self._pit.state.counters[SPEAKER]
        out = counter.high_between(beginning(number), now) if sounds else 0
        self.state = SpeakerState(number, now, out)

    def _silence(self, now: int) -> bytes:
        """Do the same with the cone at rest."""
        first, _, out = self.state
        end = _whole_samples(now)
        if end <= first:
            self.state = with_fields(self.state, _CYCLE, now)
            return b""
        self.state = SpeakerState(end, now)
        return bytes((_sample(out, first),)) + bytes((REST,)) * (end - first - 1)


_CYCLE = SpeakerState._fields.index("cycle")


def _whole_samples(cycle: int) -> int:
    """Return how many samples have ended by a cycle."""
    number = cycle * HZ // PIT_HZ
    return number + (beginning(number + 1) <= cycle)


def _sample(out: int, number: int) -> int:
    """Return a sample of which so many of the timer's cycles were spent out."""
    return REST + (OUT - REST) * out // (beginning(number + 1) - beginning(number))
