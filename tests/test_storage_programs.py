"""Random programs at all ports that move sectors: both engines alike, forward and backward."""

from __future__ import annotations

import random

from boot_sectors import sector
from guests import ENGINES
from hypothesis import example, given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16 import bios
from blink16.bios.drives import Drives
from blink16.console import Console
from blink16.debugger import Debugger, Resume
from blink16.devices.cards import Cards
from blink16.devices.fdc_codes import FdcCommand, length
from blink16.devices.ide import IdeCommand
from blink16.machine import Machine
from blink16.monitor.registry import give

AT = Cards(at=True)
CODE = 0x8000
ACTIONS = 45
PIECE = 900
"""Instructions between two disks in drive A."""
SLOW_HZ = 100_000
"""So that drives are ready after few instructions."""
FLOPPY = sector(b"") + bytes(range(256)) * 2 * 719
OTHER = sector(b"") + bytes(reversed(range(256))) * 2 * 1439
HARD_DISK = b"".join(bytes((n & 0xFF,)) * 512 for n in range(20 * 4 * 17))
PORTS = (
    *range(0x10), *range(0x80, 0x90), *range(0xC0, 0xE0), 0x92,
    *range(0x1F0, 0x1F8), 0x3F2, *range(0x3F4, 0x3F8), 0x20, 0x21, 0xA0, 0xA1,
)  # fmt: skip
DMA_PAGES = (0, 1, 9, 0xA, 0xB, 0xE, 0xF, 0x10, 0x1F, 0xFF)


def out(port: int, value: int) -> bytes:
    """Mov dx, port; mov al, value; out dx, al."""
    return b"\xba" + port.to_bytes(2, "little") + bytes((0xB0, value & 0xFF, 0xEE))


def words(choose: random.Random) -> bytes:
    """Move words from or to the hard disk's data port, or bytes: a loop."""
    count = choose.choice((1, 2, 255, 256, 257))
    loop = b"\xb9" + count.to_bytes(2, "little")
    return (
        b"\xba\xf0\x01" + loop + choose.choice((b"\xed", b"\xef", b"\xec", b"\xee")) + b"\xe2\xfd"
    )


def hard_disk(choose: random.Random) -> bytes:
    """Give a hard disk a command, and perhaps wait for it and move a sector."""
    code = choose.choice((*IdeCommand, *IdeCommand, choose.randrange(256)))
    drive = choose.choice((0xA0, 0xB0, 0xE0, 0xF0)) | choose.choice((0, 3, 4, 15))
    registers = (choose.choice((0, 1, 2, 3)), choose.choice((0, 1, 17, 18)), choose.choice((0, 19)))
    made = b"".join(out(0x1F2 + at, value) for at, value in enumerate((*registers, 0, drive)))
    made += out(0x1F7, code)
    if choose.random() < 0.7:
        made += b"\xba\xf7\x01\xb9\x30\x00\xec\xa8\x80\xe0\xfb"  # in al,dx; test al,80h; loopnz
        made += words(choose)
    return made


def floppy(choose: random.Random) -> bytes:
    """Set the 8237 up, perhaps rightly, and give the floppy controller a command."""
    mode = choose.choice((0x46, 0x4A, 0x42, 0x56, 0x66, 0x6A, choose.randrange(256)))
    size = choose.choice((0, 511, 511, 1023, 100, 0xFFFF))
    start = choose.choice((0, 0x1000, 0xFE00, 0xFFFF))
    made = out(0x0A, 6) + out(0x0C, 0) + out(0x0B, mode)
    made += out(4, start) + out(4, start >> 8) + out(5, size) + out(5, size >> 8)
    made += out(0x81, choose.choice(DMA_PAGES)) + out(0x0A, 2)
    made += out(0x3F2, choose.choice((0x1C, 0x1C, 0x1C, 0x3D, 0x14, 0x0C, 0x18)))
    code = choose.choice((*FdcCommand, choose.randrange(256))) | choose.choice((0, 0x40, 0xE0))
    names = (0, choose.choice((0, 1, 39)), 0, choose.choice((1, 9, 10)), 2, 9, 27, 255)
    command = bytes((code, *names))
    for value in command[: length(command) + choose.choice((0, 0, 0, -1))]:
        made += out(0x3F5, value)
    if choose.random() < 0.6:
        made += b"\xba\xf4\x03\xb9\x40\x00\xec\xa8\x40\xe1\xfb"  # in al,dx; test al,40h; loopz
        made += b"\xba\xf5\x03" + b"\xec" * choose.choice((1, 2, 7, 9))
    return made


def service(choose: random.Random) -> bytes:
    """Call INT 13h: the BIOS sees the same disks."""
    ax = choose.choice((0x0000, 0x0201, 0x0301, 0x0401, 0x0800, 0x1000, 0x1500))
    dx = choose.choice((0, 0x80, 0x81, 0x82, 0x100))
    pieces = ((0xB8, ax), (0xB9, choose.choice((1, 2, 0x1001))), (0xBA, dx), (0xBB, 0x6000))
    return b"".join(bytes((op,)) + v.to_bytes(2, "little") for op, v in pieces) + b"\xcd\x13"


def nonsense(choose: random.Random) -> bytes:
    """Access any port of them all, or let time and interrupts come."""
    port, value = choose.choice(PORTS), choose.choice((0, 1, 0x80, 0xFF, choose.randrange(256)))
    access = choose.choice((out(port, value), b"\xba" + port.to_bytes(2, "little") + b"\xec"))
    return access + choose.choice((b"", b"\xfb", b"\xfa", b"\xb9\x80\x00\xe2\xfe"))


def program(choose: random.Random) -> bytes:
    """Return a program of such actions, in a loop."""
    kinds = (hard_disk, hard_disk, floppy, floppy, service, nonsense, nonsense)
    code = b"".join(choose.choice(kinds)(choose) for _ in range(ACTIONS))
    return (
        b"\x31\xc0\x8e\xc0" + code + b"\xe9" + (-len(code) - 7).to_bytes(2, "little", signed=True)
    )


def made(engine: str, cpu: str, code: bytes, cards: Cards) -> Debugger:
    """Return a PC with a second floppy beside its drive and two hard disks, before a program."""
    machine = Machine(engine, cpu=cpu, clock_hz=SLOW_HZ, epoch_ns=10**18)
    machine.idle_after = 1 << 62
    disks = [bios.disk_of(0, FLOPPY), bios.disk_of(0, OTHER)]
    disks += [bios.disk_of(drive, HARD_DISK) for drive in (0x80, 0x81)]
    bios.power_on(machine, Console(), disks, cards=cards)
    machine.run(1)
    machine.memory.write(CODE, code)
    machine.registers.ip = CODE
    return Debugger(machine)


def state(debugger: Debugger) -> tuple[object, bytes]:
    """Return all that a machine is."""
    return debugger.machine.save(), bytes(debugger.machine.memory.whole)


@settings(max_examples=examples(12), derandomize=True)
@given(st.integers(0, 2**32), st.sampled_from(["8086", "80286"]), st.booleans())
@example(5197, "80286", True)  # IRQ 6 comes by native code, a tick within its entry, then a service
@example(5281, "80286", True)
def test_drives_are_the_same_on_both_engines_and_backward(seed: int, cpu: str, at: bool) -> None:
    """Any commands in any order, and a disk changed in the middle of whatever goes on."""
    code = program(random.Random(seed))
    ends = []
    for engine in ENGINES:
        debugger = made(engine, cpu, code, Cards(at=at))
        instants = [(debugger.timeline.now, state(debugger))]
        for number in (None, 1, 0):
            debugger.resume(Resume(count=PIECE))
            give(debugger, Drives.CHANNEL, Drives.change(0, number))
            debugger.resume(Resume(count=1))
            instants.append((debugger.timeline.now, state(debugger)))
        debugger.resume(Resume(count=PIECE))
        instants.append((debugger.timeline.now, state(debugger)))
        for instant, before in (*instants[2:0:-1], *instants):
            debugger.seek(instant)
            assert state(debugger) == before
        ends.append(instants)
    assert ends[0] == ends[1]
