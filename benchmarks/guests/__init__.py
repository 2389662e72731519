"""The programs that are run: boot sectors that do a number of rounds, and an ELKS program."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

from blink16.cpu.engine import StopReason
from blink16.machine import Machine

LOAD_ADDRESS = 0x7C00
ROUNDS_OFFSET = 4
"""Where in a boot sector the number of rounds lies, a dword."""


def _file(name: str) -> bytes:
    return resources.files("benchmarks.guests").joinpath(name).read_bytes()


@dataclass(frozen=True)
class Guest:
    """A boot sector."""

    name: str

    def image(self, rounds: int) -> bytes:
        """Return the sector that does so many rounds."""
        image = bytearray(_file(f"{self.name}.bin"))
        image[ROUNDS_OFFSET : ROUNDS_OFFSET + 4] = rounds.to_bytes(4, "little")
        return bytes(image)

    def start(self, machine: Machine, rounds: int) -> None:
        """Put the sector into a machine as the BIOS does."""
        image = self.image(rounds)
        machine.memory[LOAD_ADDRESS : LOAD_ADDRESS + len(image)] = image
        machine.registers.ip = LOAD_ADDRESS

    def instructions(self, rounds: int) -> int:
        """Return how many instructions that many rounds take, about."""
        return self._round * rounds

    def rounds(self, instructions: int) -> int:
        """Return the number of rounds that take about so many instructions."""
        return max(1, instructions // self._round)

    @cached_property
    def _round(self) -> int:
        few = 20
        machine = Machine.bare("native")
        self.start(machine, few)
        assert machine.run().reason is StopReason.HALT
        return machine.icount // few


GUESTS = tuple(Guest(name) for name in ("sieve", "calls", "strings", "mixed"))
ELKS_PROGRAM = "words"
COMPILER = ("bcc", "-ansi", "-0", "-O")
"""dev86's C compiler; its libc's licence is not ours, so the program is built where it is run."""
COMPILE_TIMEOUT = 60
"""Seconds."""


def elks_image() -> bytes | None:
    """Return the ELKS program, whose argument says how many rounds it does; None without bcc."""
    if shutil.which(COMPILER[0]) is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, f"{ELKS_PROGRAM}.c"), Path(folder, ELKS_PROGRAM)
        source.write_bytes(_file(source.name))
        command = [*COMPILER, "-o", str(program), str(source)]
        subprocess.run(command, check=True, timeout=COMPILE_TIMEOUT, cwd=folder)
        return program.read_bytes()
