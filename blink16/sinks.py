"""Files into which a machine prints and sounds."""

from __future__ import annotations

import errno
import wave
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar
from weakref import finalize

from blink16.devices.speaker import HZ, PcSpeaker
from blink16.machine import Machine

T = TypeVar("T")
MAX_SOUND = 1 << 31
"""Bytes of a sound that are written: so much all programs can read in a WAV."""


def open_sinks(machine: Machine, sinks: Iterable[tuple[str, Path]]) -> None:
    """Let channels go to files, which are made anew.  OSError if one can't be.

    What can't be written later is a notice of the machine's, which goes on.
    """

    def tell(text: str) -> None:
        machine.notice(text)

    for channel, path in sinks:
        speaker = machine.component(channel)
        if isinstance(speaker, PcSpeaker):
            file = path.open("wb")  # wave's own way of opening leaves a half-made writer behind
            sound = wave.open(file, "wb")  # noqa: SIM115 - as long as the machine
            finalize(machine, _close, sound, file)
            sound.setnchannels(1)
            sound.setsampwidth(1)
            sound.setframerate(HZ)
            speaker.on_sound = while_it_works(str(path), partial(_sound, sound, file), tell)
        else:
            path.write_bytes(b"")
            machine.sinks[channel] = while_it_works(str(path), partial(_append, path), tell)


def while_it_works(
    name: str, write: Callable[[T], object], tell: Callable[[str], None]
) -> Callable[[T], None]:
    """Return what writes until it can't; that is told once, and all that follows is lost.

    ``name``: of what is written to, for people.
    """
    works = True

    def careful(data: T) -> None:
        nonlocal works
        if works:
            try:
                write(data)
            except OSError as error:
                works = False
                tell(f"{name}: can't write it: {error.strerror}; what follows is lost")

    return careful


def _close(sound: wave.Wave_write, file: BinaryIO) -> None:
    """Write how long a sound is, and close its file; not left to the order of garbage."""
    with suppress(OSError), file:  # what could not be written has been told
        sound.close()


def _sound(sound: wave.Wave_write, file: BinaryIO, data: bytes) -> None:
    if sound.tell() + len(data) > MAX_SOUND:
        raise OSError(errno.EFBIG, f"a sound has {MAX_SOUND >> 30} GiB at most")
    sound.writeframes(data)
    file.flush()


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
