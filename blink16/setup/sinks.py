"""Files into which a machine prints and sounds.  Source: Microsoft, RIFF WAVE."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path
from weakref import finalize, ref

from construct import Const, Int16ul, Int32ul, Struct

from blink16.devices.speaker import HZ, REST, PcSpeaker
from blink16.machine import Machine

WAVE = Struct(
    Const(b"RIFF"),
    "riff_size" / Int32ul,
    Const(b"WAVEfmt "),
    Const(16, Int32ul),
    Const(1, Int16ul),  # PCM
    Const(1, Int16ul),  # channel
    Const(HZ, Int32ul),
    Const(HZ, Int32ul),  # bytes a second
    Const(1, Int16ul),  # byte a sample
    Const(8, Int16ul),  # bits
    Const(b"data"),
    "data_size" / Int32ul,
)
"""What is before the samples."""
MAX_SAMPLES = 1 << 30
"""More than six hours; what comes then is not recorded, since sizes have 32 bits."""
MAX_PIECE = 1 << 20
"""Samples of silence that are written at once."""


def open_sinks(machine: Machine, sinks: Iterable[tuple[str, Path]]) -> None:
    """Let channels go to files, which are made anew.  OSError names one that can't be.

    A file that can't be written any more is told of once, and the guest goes on.
    """
    known = ref(machine)

    def tell(text: str) -> None:
        if (machine := known()) is not None:
            machine.notice(text)

    for channel, path in sinks:
        speaker = machine.component(channel)
        file = path.open("wb", buffering=0)
        finalize(machine, file.close)  # not left to the order of garbage
        if isinstance(speaker, PcSpeaker):
            sound = SoundFile(file)
            try:
                sound.put(0, b"")
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(path)) from None
            speaker.on_sound = while_it_works(str(path), sound.put, tell)
        else:
            machine.sinks[channel] = while_it_works(str(path), file.write, tell)


def finish(machine: Machine) -> None:
    """Record what has sounded up to now, of a machine that has come to its end."""
    for speaker in machine.find_all(PcSpeaker):
        speaker.catch_up()


def while_it_works(
    name: str, write: Callable[..., object], tell: Callable[[str], None]
) -> Callable[..., None]:
    """Return what writes until it can't; that is told once, and what follows is lost.

    ``name``: of what is written to, for people.
    """
    works = True

    def careful(*data: object) -> None:
        nonlocal works
        if works:
            try:
                write(*data)
            except OSError as error:
                works = False
                tell(f"{name}: can't write it any more: {error.strerror}")

    return careful


class SoundFile:
    """A WAV file of a machine's whole time: whole at each moment, whoever ends us.

    Samples have their places by the machine's time.  Where it goes on otherwise from an instant
    of its past, what was heard after that instant is no longer its past.
    """

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self._samples = 0

    def put(self, first: int, samples: bytes) -> None:
        """Put samples at their place; they are the last ones then."""
        end = first + len(samples)
        if end > MAX_SAMPLES:
            return
        while self._samples < first:
            gap = min(first - self._samples, MAX_PIECE)
            self.put(self._samples, bytes((REST,)) * gap)
        self._file.seek(WAVE.sizeof() + first)
        self._file.write(samples)
        if end < self._samples:
            self._file.truncate()
        self._samples = end
        self._put_size()

    def _put_size(self) -> None:
        size = self._samples
        self._file.seek(0)
        self._file.write(WAVE.build({"riff_size": WAVE.sizeof() - 8 + size, "data_size": size}))
