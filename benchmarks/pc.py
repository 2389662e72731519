"""The same loops as boot sectors of a PC whose timer ticks, ours and QEMU's, and loops on ports.

A PC's ticks come by the guest's own time with us, and by ours with QEMU, which knows no other.
Seconds are those of the processor, of all threads: what else runs on the computer counts little.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

from benchmarks.contestants import MILLION, QEMU, QEMU_EXITED, TIMEOUT
from blink16 import bios
from blink16.console import Console
from blink16.cpu.engine import StopReason
from blink16.history.timeline import Timeline
from blink16.machine import Machine

SLOW, FAST = 0, 1193
"""What the timer counts: 65,536 cycles (18.2 Hz), and 1 kHz."""
INSTRUCTIONS = 4000 * MILLION
"""So many that start and translation, a tenth of a second, count little beside them."""
_BEGIN = (
    "fa 31c0 8ed8 8ec0 8ed0 bc0060 fc b036 e643 b0{low:02x} e640 b0{high:02x} e640 fb b042 e6e9"
)
"""The timer's count is set, and 42h written to port E9h: QEMU tells it, and time is measured from
there, without its start and the BIOS's."""
MARK = b"B"
_OF_PROCESS = 2
"""Makes of a process' complemented number the clock of its processor time (Linux, glibc)."""
_END = "fa baf400 b010 ee f4 ebfd"
"""cli / mov dx, 0F4h / mov al, 10h / out dx, al: QEMU ends / hlt."""


@dataclass(frozen=True)
class PcGuest:
    """A boot sector: what it does again and again, and how many instructions that is."""

    name: str
    body: str
    """Machine code of a round; CX and SI count the rounds."""
    instructions: int
    share: float = 1.0
    """Part of `INSTRUCTIONS` that is enough: ports take their time."""

    def image(self, rounds: int, count: int) -> bytes:
        """Return the sector that does so many rounds, with the timer at a count."""
        begin = bytes.fromhex(_BEGIN.format(low=count & 0xFF, high=count >> 8))
        body = bytes.fromhex(self.body)
        # mov word [600h], low / mov word [602h], high / again: … / sub / sbb / or: until 0
        low, high = (part.to_bytes(2, "little") for part in (rounds & 0xFFFF, rounds >> 16))
        setup = b"\xc7\x06\x00\x06" + low + b"\xc7\x06\x02\x06" + high
        again = bytes.fromhex("832e000601 831e020600 a10006 0b060206 7403 e9")
        distance = -(len(body) + len(again) + 2) & 0xFFFF
        code = begin + setup + body + again + distance.to_bytes(2, "little") + bytes.fromhex(_END)
        return code.ljust(510, b"\0") + b"\x55\xaa"


# Data and stack lie on other pages of 4 KiB than the code, or QEMU translates it again and again.
GUESTS = (
    # mov di, 9000h / mov bx, di / mov cx, 2000 / again: mov [bx], al / add bx, 3 / loop again
    PcGuest("sieve", "bf0090 89fb b9d007 8807 83c303 e2f9", 6008),
    # mov cx, 500 / again: call f / loop again / jmp on / f: push bp; mov bp, sp; pop bp; ret / on:
    PcGuest("calls", "b9f401 e80500 e2fb e90500 55 89e5 5d c3 90", 3013),
    # mov cx, 500 / mov si, 8000h / mov di, 0A000h / again: lodsb / stosb / loop again
    PcGuest("copy", "b9f401 be0080 bf00a0 ac aa e2fc", 1510),
    PcGuest("timer polled", "b000 e643 e440 e440", 9, 0.06),  # out 43h, 0 / in 40h twice
    PcGuest("line status polled", "bafd03 ec a820", 8, 0.06),  # in al, 3FDh / test al, 20h
    PcGuest("INT 16h/01 polled", "b401 cd16", 30, 0.002),
)


def ours(guest: PcGuest, rounds: int, count: int) -> tuple[int, float]:
    """Run on a PC of ours, recording its history; return instructions and seconds."""
    machine = Machine("native")
    machine.idle_after = 1 << 62
    bios.boot(machine, guest.image(rounds, count), Console())
    timeline = Timeline(machine)
    began = time.process_time()
    while True:
        stop = timeline.run()
        if stop.reason in (StopReason.HALT, StopReason.WAITING):
            return machine.icount, time.process_time() - began


def qemu(guest: PcGuest, rounds: int, count: int) -> tuple[int, float]:
    """Run in QEMU, and return about how many instructions and seconds."""
    return guest.instructions * rounds, _boot(guest.image(rounds, count))


def _boot(image: bytes) -> float:
    """Return the seconds that QEMU computes from the guest's mark to its end."""
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder, "disk.img")
        disk.write_bytes(image.ljust(1_474_560, b"\0"))
        command = [QEMU, "-display", "none", "-accel", "tcg", "-boot", "a", "-net", "none"]
        command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
        command += ["-drive", f"file={disk},format=raw,if=floppy"]
        command += ["-chardev", "stdio,id=mark", "-device", "isa-debugcon,iobase=0xe9,chardev=mark"]
        command += ["-monitor", "none", "-serial", "none"]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as run:
            killer = Timer(TIMEOUT, run.kill)
            killer.start()
            assert run.stdout is not None
            assert run.stderr is not None
            while (told := run.stdout.read(1)) not in (MARK, b""):
                pass
            began = time.clock_gettime(~run.pid << 3 | _OF_PROCESS)
            complaint = run.stderr.read()
            _, status, used = os.wait4(run.pid, 0)
            run.returncode = os.waitstatus_to_exitcode(status)
            seconds = used.ru_utime + used.ru_stime - began
            killer.cancel()
    if run.returncode != QEMU_EXITED or told != MARK:
        raise RuntimeError(f"QEMU failed: {complaint.decode(errors='replace').strip()}")
    return seconds


Runner = Callable[[PcGuest, int, int], tuple[int, float]]


def report(times: int, scale: float) -> None:
    """Print a table of medians: million instructions a second, and ours by QEMU's."""
    runners: dict[str, Runner] = {"blink16": ours}
    if shutil.which(QEMU):
        runners["QEMU"] = qemu
    print("| guest | timer |", " | ".join(runners), "| ratio |")
    print("| --- | --- |", " | ".join("---:" for _ in runners), "| ---: |")
    for guest in GUESTS:
        rounds = max(1, int(INSTRUCTIONS * guest.share * scale) // guest.instructions)
        for count, name in ((SLOW, "18.2 Hz"), (FAST, "1 kHz")):
            speeds: dict[str, list[float]] = {runner: [] for runner in runners}
            for _ in range(times):
                for runner, run in runners.items():
                    instructions, seconds = run(guest, rounds, count)
                    speeds[runner].append(instructions / max(seconds, 1e-6) / MILLION)
            medians = [statistics.median(speed) for speed in speeds.values()]
            ratio = f"{medians[0] / medians[1]:.2f}" if len(medians) > 1 else ""
            cells = " | ".join(f"{median:.4g}" for median in medians)
            print(f"| {guest.name} | {name} | {cells} | {ratio} |", flush=True)
