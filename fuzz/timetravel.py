"""Travels through the time of machines with devices and inputs, on both engines."""

from __future__ import annotations

import zlib
from hashlib import sha256
from random import Random
from typing import Any

from blink16.history.pace import Pace
from blink16.history.timeline import Timeline
from blink16.machine import Machine
from fuzz.harness import BrokenError, Case, Fuzzer
from fuzz.machines import load

STEPS = 500
KEYS = b"\x1e\x9e\x30\xb0\x1c\x9c"
_CODE = bytes.fromhex(
    "fab0ece621"  # cli; keyboard, timer and COM1 are let through
    "ba f903 b001 ee ba fc03 b00b ee"  # an interrupt for each byte that comes
    "fb f4 ff060005 b40e b041 cd10 f4 ff060205 b401 cd16 eb e9".replace(" ", "")
)
"""sti; again: hlt; count; print A; hlt; count; look for a key; jmp again."""


class _Dense(Pace):
    """Checkpoints every few instructions, so that short runs have many."""

    def _settle(self) -> None:
        self.interval, self.fine, self.slice = 37, 5, 61


def generate(random: Random) -> Case:
    """Make a walk."""
    steps: list[list[Any]] = []
    for _ in range(STEPS):
        match random.randrange(12):
            case 0 | 1:
                steps.append(["keyboard", random.choice(KEYS)])
            case 2:
                steps.append(["com1", random.randrange(256)])
            case 3:
                steps.append(["console", random.randrange(32, 127)])
            case 4:
                steps.append(["write", random.randrange(0x500, 0x7000), random.randrange(256)])
            case 5:
                steps.append(
                    ["register", random.choice(("ax", "bx", "si")), random.getrandbits(16)]
                )
            case 6 | 7 | 8:
                steps.append(["run", random.choice((1, 2, 7, 30, 100))])
            case _:
                steps.append(["seek", random.random()])
    # keyboard, serial line and typist are a booted PC's
    return steps


def run(case: Case) -> int:
    """Walk on both engines; each instant is always the same, whoever comes to it and whence."""
    walks = [_walk(case, engine) for engine in ("reference", "native")]
    if walks[0] != walks[1]:
        differing = next(n for n, pair in enumerate(zip(*walks, strict=True)) if pair[0] != pair[1])
        raise BrokenError(f"the engines differ after step {differing}: {case[differing]}")
    return 2 * len(case)


def _walk(case: Case, engine: str) -> list[tuple[int, int, str]]:
    sector = _CODE.ljust(510, b"\0") + b"\x55\xaa"
    machine = load("boot", engine, image=sector).machine
    machine.idle_after = 1 << 60
    timeline = Timeline(machine, pace=_Dense())
    seen: dict[tuple[int, int], str] = {}
    trail = []
    for what, *arguments in case:
        changed = False
        match what:
            case "run":
                timeline.run(arguments[0], through_traps=True)
            case "seek":
                span = timeline.end - timeline.start
                timeline.seek(timeline.start + int(span * arguments[0]))
            case "write":
                timeline.write_memory(arguments[0], bytes((arguments[1],)))
                changed = True
            case "register":
                timeline.write_register(arguments[0], arguments[1])
                changed = True
            case channel:
                timeline.receive(channel, bytes((arguments[0],)))
        if changed:
            seen = {key: value for key, value in seen.items() if key[0] < timeline.now}
        known = sum(1 for entry in timeline.inputs() if entry.icount <= timeline.now)
        state = _fingerprint(machine)
        if seen.setdefault((timeline.now, known), state) != state:
            raise BrokenError(f"{engine}: instruction {timeline.now} is not what it was")
        trail.append((timeline.now, timeline.end, state))
    timeline.seek(timeline.start)
    timeline.seek(timeline.end)
    if trail and _fingerprint(machine) != seen.get(
        (timeline.now, len(timeline.inputs())), _fingerprint(machine)
    ):
        raise BrokenError(f"{engine}: the end is not what it was")
    return trail


def _fingerprint(machine: Machine) -> str:
    saved = machine.save()
    state = sha256(repr(saved.components).encode() + saved.registers).hexdigest()[:16]
    return f"{state}-{zlib.crc32(machine.memory.ram):08x}"


FUZZER = Fuzzer(
    "timetravel",
    "The machine at an instruction count, with the inputs so far, is always the same one.",
    "operations",
    generate,
    run,
    slowest=120.0,
)
