"""Files into which a machine prints and sounds."""

from __future__ import annotations

import wave
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import BinaryIO
from weakref import finalize

from blink16.devices.speaker import HZ, PcSpeaker
from blink16.machine import Machine


def open_sinks(machine: Machine, sinks: Iterable[tuple[str, Path]]) -> None:
    """Let channels go to files, which are made anew.  OSError if one can't be."""
    for channel, path in sinks:
        speaker = machine.component(channel)
        if isinstance(speaker, PcSpeaker):
            file = path.open("wb")  # wave's own way of opening leaves a half-made writer behind
            sound = wave.open(file, "wb")  # noqa: SIM115 - as long as the machine
            finalize(machine, _close, sound, file)
            sound.setnchannels(1)
            sound.setsampwidth(1)
            sound.setframerate(HZ)
            speaker.on_sound = sound.writeframes
        else:
            path.write_bytes(b"")
            machine.sinks[channel] = partial(_append, path)


def _close(sound: wave.Wave_write, file: BinaryIO) -> None:
    """Write how long a sound is, and close its file; not left to the order of garbage."""
    with file:
        sound.close()


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
