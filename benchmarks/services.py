"""What a DOS or BIOS call costs on the native core: ``python -m benchmarks.services``.

With ``calls`` behind it, it measures every call that DOS programs make (`benchmarks.dos_calls`),
with ``rarer``, those that few of them do (`benchmarks.dos_rarer_calls`);
with ``elks``, those that ELKS programs make (`benchmarks.elks_calls`); with ``ports``, accesses to
all ports that have a device, on each machine that one can choose.

Microseconds of our thread's processor time (what is translated meanwhile is not in it) for INT,
what answers it, and IRET, or for an access to a port, with the few instructions around it; the loop
counts its rounds.  The last lines are nanoseconds that a tick costs with all that it does: the
timer's interrupt with a handler of five instructions.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks import dos_calls, dos_rarer_calls, elks_calls
from benchmarks.dos_calls import Loop
from blink16.bus import Bus
from blink16.cpu.models import DEFAULT
from blink16.cpu.native.loading import best_of, core
from blink16.devices.cards import XT, Cards
from blink16.devices.hot import BOARD
from blink16.devices.video import Adapter
from blink16.machine import Machine
from blink16.memory import linear
from blink16.setup.dos import EMS_KIB, DosSetup
from blink16.setup.loader import Options, Program, ProgramKind, load
from blink16.setup.pc import PcSetup

SLICE = 5_000
"""Instructions; so many are run until there were enough rounds, or it has been long enough."""
ROUNDS, SECONDS = 20_000, 0.05
TIMES = 5
"""The quickest of so many is the one in which nothing else was done, like translating code."""
WARM_UP = 20_000
COUNTER_OFFSET = 0x310
XMS_KIB = 1024
COUNT = bytes.fromhex("ff061003")  # inc word [310h]
OPEN = bytes.fromhex("ba0003b8003dcd2189c3")  # mov dx,300h; mov ax,3D00h; int 21h; mov bx,ax


LOOPS = (
    Loop("INT 21h/30h, version", "b430cd21"),
    Loop("INT 21h/2Ch, time", "b42ccd21"),
    Loop("INT 21h/02h, a character", "b402b241cd21"),
    Loop("INT 21h/06h, a character", "b406b241cd21"),
    Loop("INT 21h/0Bh, a key?", "b40bcd21"),
    Loop("INT 21h/3Fh, 512 bytes", "b43fb90002ba0004cd21", OPEN),
    Loop("INT 29h, a character", "b041cd29"),
    Loop("INT 10h/02h, the cursor", "b402b70031d2cd10"),
    Loop("INT 10h/0Eh, a character", "b8410ebb0700cd10"),
    Loop("INT 16h/01h, a key?", "b401cd16"),
    Loop("INT 1Ah/00h, ticks", "b400cd1a"),
    Loop("IN 60h, keyboard", "e460"),
    Loop("IN 3F4h, floppy", "baf403ec"),
    Loop("IN 3F8h, serial line", "baf803ec"),
    Loop("IN 300h, no device", "ba0003ec"),
    Loop("OUT 3D4h, CRT controller", "bad403b00eee"),
    Loop("OUT 3D8h, display mode", "bad803b029ee"),
    Loop("OUT 42h, timer's tone", "e642"),
    Loop("OUT 61h, speaker", "e461e661"),
    Loop("OUT 3FBh, serial line", "bafb03b003ee"),
)
PROMISED_CALL, PROMISED = 6.0, 2.0
"""Microseconds that a call, and an access to a port, takes at most."""
COMMANDS = (0x60, 0x64, 0x92)
"""Ports by which a keyboard or a processor would be reset."""
STEADY, CHANGING = "30c0ee", "89d8340189c3ee"
"""xor al,al / out dx,al; mov ax,bx / xor al,1 / mov bx,ax / out dx,al."""
CARDS = Cards(joystick=True, mouse=True, ems=True, umb=True)
PLAIN = PcSetup()
MACHINES = {
    "an XT with all cards and a CGA": PcSetup(cards=CARDS),
    **{a.name: PcSetup(adapter=a) for a in Adapter if a is not Adapter.CGA},
    "an AT with all cards": PcSetup(cards=CARDS._replace(at=True, ps2mouse=True)),
    "an XT whose speaker is recorded": PcSetup(cards=XT._replace(sound=True)),
}
"""Of those behind the first only ports are measured at which there is something else."""
HANDLER = bytes.fromhex("2eff06100350b020e62058cf")  # inc word [310h] / EOI / iret
HANDLER_OFFSET = 0x0200
HOOK = bytes.fromhex("31c08ec0fa26c70620000002268c0e2200b034e643")  # INT 8, mode 2
SLOW, FAST = 65535, 255
"""The timer's cycles from tick to tick."""
TICKING_INSTRUCTIONS, TICKING_SLICE = 400_000_000, 4_000_000


def _machine(
    before: bytes, code: bytes, folder: Path, count: bytes = COUNT, pc: PcSetup = PLAIN
) -> Machine:
    body = count + code
    back = bytes((0xEB, -(len(body) + 2) & 0xFF))
    program = Program("x.com", ProgramKind.DOS_COM, before + body + back)
    ems_kib = 0 if pc.cards.ems else EMS_KIB  # the board is there where the driver is not
    setup = DosSetup(xms_kib=XMS_KIB, ems_kib=ems_kib)
    options = Options(root=folder, setup=pc, dos=setup)
    machine = load(program, [], options).machine
    for offset, content in {**dos_calls.data(), **dos_rarer_calls.data()}.items():
        machine.memory.write(linear(machine.registers.ds, offset), content)
    return machine


def microseconds(loop: Loop, folder: Path, pc: PcSetup = PLAIN) -> float:
    """Return what a call in the loop costs; the guest's root is ``folder``, and stays as it is."""
    machine = _machine(loop.before, bytes.fromhex(loop.code), folder, pc=pc)
    counter = linear(machine.registers.ds, COUNTER_OFFSET)
    machine.run(WARM_UP)
    return min(_round(machine, counter) for _ in range(TIMES)) / loop.calls * 1e6


def _round(machine: Machine, counter: int) -> float:
    """Return the seconds that a round takes, of some thousand or as many as there is time for."""
    machine.memory.write_word(counter, 0)
    began = time.thread_time()
    while (rounds := machine.memory.read_word(counter)) < ROUNDS:
        machine.run(SLICE)
        if rounds and time.thread_time() - began > SECONDS:
            break
    return (time.thread_time() - began) / machine.memory.read_word(counter)


def nanoseconds_of_a_tick(folder: Path) -> float:
    """Return what an interrupt by the timer costs, its entry, handler and IRET."""
    seconds, ticks = [], []
    for count in (SLOW, FAST):
        set_up = HOOK + bytes((0xB0, count & 0xFF, 0xE6, 0x40, 0xB0, count >> 8, 0xE6, 0x40, 0xFB))
        machine = _machine(set_up, bytes.fromhex("9090"), folder, count=b"\x90" * 4)
        place = linear(machine.registers.cs, HANDLER_OFFSET)
        machine.memory.write(place, HANDLER)
        counter = linear(machine.registers.cs, COUNTER_OFFSET)
        machine.run(WARM_UP)
        told, began = 0, time.thread_time()
        for _ in range(TICKING_INSTRUCTIONS // TICKING_SLICE):
            before = machine.memory.read_word(counter)
            machine.run(TICKING_SLICE)
            told += machine.memory.read_word(counter) - before & 0xFFFF
        seconds.append(time.thread_time() - began)
        ticks.append(told)
    return (seconds[1] - seconds[0]) / (ticks[1] - ticks[0]) * 1e9


def accesses(bus: Bus) -> Iterator[Loop]:
    """Yield loops for each port that a device reads or takes: 0, or 1 and 0 in turns."""
    for port in range(0x10000):
        into_dx = "ba" + port.to_bytes(2, "little").hex()
        name = f"{port:03X}h, {bus.names.get(port, '')}"
        if bus.is_read(port):
            yield Loop(f"IN {name}", into_dx + "ec")
        if bus.is_written(port) and port not in COMMANDS:
            yield Loop(f"OUT {name}", into_dx + STEADY)
            yield Loop(f"OUT {name}, changing", into_dx + CHANGING)


def report_ports(folder: Path) -> None:
    """Print a line for each access to a port, the longest of each machine first."""
    known: set[str] = set()
    for title, pc in MACHINES.items():
        bus = _machine(b"", b"\x90", folder, pc=pc).bus
        loops = [loop for loop in accesses(bus) if loop.name not in known or pc.cards.sound]
        known.update(loop.name for loop in loops)
        costs = ((microseconds(loop, folder, pc), loop.name) for loop in loops)
        found = sorted(costs, reverse=True)
        print(f"{title}:")
        for cost, name in found:
            print(f"  {name:50} {cost:7.2f} us")
        short = sum(cost <= PROMISED for cost, _ in found)
        print(f"  {short} of {len(found)} take up to {PROMISED} us", flush=True)


def report_calls(folder: Path, groups: Iterable[tuple[Loop, ...]]) -> None:
    """Print a line for each call."""
    costs = []
    for group in groups:
        for loop in group:
            costs.append(microseconds(loop, folder))
            each = " each" if loop.calls > 1 else ""
            print(f"{loop.name:36} {costs[-1]:7.2f} us{each}", flush=True)
    print(f"{sum(c <= PROMISED_CALL for c in costs)} of {len(costs)} take up to {PROMISED_CALL} us")


def main() -> None:
    """Print a line for each call."""
    best_of(core(DEFAULT, BOARD).result())  # else the first line is the slow engine's
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dos_calls.fill(folder)
        dos_rarer_calls.fill(folder)
        match sys.argv[1:]:
            case ["ports"]:
                report_ports(folder)
            case ["calls"]:
                report_calls(folder, (dos_calls.FUNCTIONS, dos_calls.OTHERS))
            case ["rarer"]:
                report_calls(folder, dos_rarer_calls.GROUPS)
            case ["elks"]:
                elks_calls.report(elks_calls.LOOPS)
            case _:
                report_common(folder)


def report_common(folder: Path) -> None:
    """Print a line for calls and accesses that many programs make, and for a tick."""
    for loop in LOOPS:
        print(f"{loop.name:26} {microseconds(loop, folder):7.2f} us")
    print(f"{'a tick, by interrupt':26} {nanoseconds_of_a_tick(folder):7.0f} ns")


if __name__ == "__main__":
    main()
