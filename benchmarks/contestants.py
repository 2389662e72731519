"""What runs the guests: our engines and those of others, where they are installed."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.guests import ELKS_PROGRAM, LOAD_ADDRESS, Guest
from blink16.cpu.engine import StopReason
from blink16.cpu.native.engine import NativeEngine
from blink16.devices.hot import BOARD
from blink16.history import Timeline
from blink16.machine import Machine
from blink16.setup import loader

MILLION = 1_000_000
QEMU = "qemu-system-i386"
TIMEOUT = 300
"""Seconds that another's program may take."""
QEMU_EXITED = 33
"""QEMU's status after our guests have written 10h to isa-debug-exit."""


@dataclass(frozen=True)
class Contestant:
    """Something that runs a guest."""

    name: str
    run: Callable[[Guest, int], tuple[int, float]]
    """Takes a guest and rounds; gives instructions and seconds."""
    instructions: int
    """How many it should be asked for, to take about a second."""
    needs: str = ""
    """A program or module without which it can't run."""

    @property
    def is_here(self) -> bool:
        """Whether it is installed."""
        return not self.needs or bool(shutil.which(self.needs)) or _has_module(self.needs)


def _has_module(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def machine_of(engine: str) -> Machine:
    """Return a bare machine; ``interpreter`` is the native engine without regions."""
    machine = Machine.bare("native" if engine == "interpreter" else engine)
    if engine == "interpreter":
        parts = machine.model, machine.registers, machine.memory, machine.bus, BOARD
        machine.engine = NativeEngine(*parts, wait=True, regions=False)
    return machine


def _ours(engine: str) -> Callable[[Guest, int], tuple[int, float]]:
    def run(guest: Guest, rounds: int) -> tuple[int, float]:
        machine = machine_of(engine)
        guest.start(machine, rounds)
        began = time.perf_counter()
        stop = machine.run()
        seconds = time.perf_counter() - began
        assert stop.reason is StopReason.HALT
        return machine.icount, seconds

    return run


def _recording(guest: Guest, rounds: int) -> tuple[int, float]:
    """Run natively with the history on, as under a debugger."""
    machine = machine_of("native")
    guest.start(machine, rounds)
    timeline = Timeline(machine)
    began = time.perf_counter()
    stop = timeline.run()
    seconds = time.perf_counter() - began
    assert stop.reason is StopReason.HALT
    return machine.icount, seconds


def _qemu(*options: str) -> Callable[[Guest, int], tuple[int, float]]:
    """Return what boots a guest in QEMU; the time of a boot for nothing is taken off."""

    def run(guest: Guest, rounds: int) -> tuple[int, float]:
        nothing = _boot(guest.image(1), options)
        return guest.instructions(rounds), _boot(guest.image(rounds), options) - nothing

    return run


def _boot(image: bytes, options: tuple[str, ...]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder, "disk.img")
        disk.write_bytes(image)
        command = [QEMU, "-display", "none", "-nodefaults", "-accel", "tcg", "-boot", "a"]
        command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
        command += ["-drive", f"file={disk},format=raw,if=floppy"]
        command += [option.format(folder=folder) for option in options]
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
        seconds = time.perf_counter() - began
    if done.returncode != QEMU_EXITED:
        raise RuntimeError(f"QEMU failed: {done.stderr.decode(errors='replace').strip()}")
    return seconds


def _unicorn(guest: Guest, rounds: int) -> tuple[int, float]:
    unicorn = importlib.import_module("unicorn")
    image = guest.image(rounds)
    engine = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_16)
    engine.mem_map(0, 1 << 20)
    engine.mem_write(LOAD_ADDRESS, image)
    began = time.perf_counter()
    engine.emu_start(LOAD_ADDRESS, 1 << 20)
    return guest.instructions(rounds), time.perf_counter() - began


CONTESTANTS = (
    Contestant("reference", _ours("reference"), MILLION // 10),
    Contestant("native interpreter", _ours("interpreter"), 400 * MILLION),
    Contestant("native regions", _ours("native"), 2000 * MILLION),
    Contestant("native regions, recording", _recording, 2000 * MILLION),
    Contestant("QEMU TCG", _qemu(), 2000 * MILLION, QEMU),
    Contestant(
        "QEMU TCG, rr=record",
        _qemu("-icount", "shift=0,rr=record,rrfile={folder}/log"),
        500 * MILLION,
        QEMU,
    ),
    Contestant("Unicorn", _unicorn, 50 * MILLION, "unicorn"),
)


def elks(image: bytes, engine: str, rounds: int) -> tuple[int, float]:
    """Run the ELKS program; return instructions and seconds."""
    program = loader.Program(ELKS_PROGRAM, loader.ProgramKind.ELKS, image)
    name = "native" if engine == "interpreter" else engine
    loaded = loader.load(program, [str(rounds)], loader.Options(engine=name))
    machine = loaded.machine
    if engine == "interpreter":
        parts = machine.model, machine.registers, machine.memory, machine.bus, BOARD
        machine.engine = NativeEngine(*parts, wait=True, regions=False)
    began = time.perf_counter()
    stop = machine.run()
    assert stop.reason is StopReason.EXITED
    return machine.icount, time.perf_counter() - began


ELKS_ENGINES = {
    "reference": ("reference", 1),
    "native interpreter": ("interpreter", 500),
    "native regions": ("native", 2000),
}
"""By name of the contestant: the engine, and rounds that take it about a second."""
