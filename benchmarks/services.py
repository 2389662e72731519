"""What a DOS or BIOS call costs on the native core: ``python -m benchmarks.services``.

Microseconds of our processor time for INT, the service in Python, and IRET, with the two or three
instructions around it.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from blink16.cpu.models import DEFAULT
from blink16.cpu.native.loading import core
from blink16.devices.hot import BOARD
from blink16.loader import Options, Program, ProgramKind, load
from blink16.memory import linear

CALLS = 20_000
WARM_UP = 2_000
NAME_OFFSET = 0x300
OPEN = bytes.fromhex("ba0003b8003dcd2189c3")  # mov dx,300h; mov ax,3D00h; int 21h; mov bx,ax


class ServiceCall(NamedTuple):
    """A call in a loop: its code, what stands before the loop, and instructions in a round."""

    name: str
    code: bytes
    before: bytes
    instructions: int


SERVICE_CALLS = (
    ServiceCall("INT 21h/30h, version", bytes.fromhex("b430cd21"), b"", 4),
    ServiceCall("INT 21h/2Ch, time", bytes.fromhex("b42ccd21"), b"", 4),
    ServiceCall("INT 21h/06h, a character", bytes.fromhex("b406b241cd21"), b"", 5),
    ServiceCall("INT 21h/3Fh, 512 bytes", bytes.fromhex("b43fb90002ba0004cd21"), OPEN, 6),
    ServiceCall("INT 16h/01h, a key?", bytes.fromhex("b401cd16"), b"", 4),
    ServiceCall("INT 1Ah/00h, ticks", bytes.fromhex("b400cd1a"), b"", 4),
)


def microseconds(call: ServiceCall) -> float:
    """Return what a round of the loop costs."""
    back = bytes((0xEB, -(len(call.code) + 2) & 0xFF))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "f").write_bytes(bytes(CALLS * 512))
        program = Program("x.com", ProgramKind.DOS_COM, call.before + call.code + back)
        machine = load(program, [], Options(root=Path(folder))).machine
        machine.memory.write(linear(machine.registers.ds, NAME_OFFSET), b"f\0")
        machine.run(WARM_UP)
        began = time.process_time()
        machine.run(CALLS * call.instructions)
        return (time.process_time() - began) / CALLS * 1e6


def main() -> None:
    """Print a line for each call."""
    core(DEFAULT, BOARD).result()  # else the first line is the slow engine's
    for call in SERVICE_CALLS:
        print(f"{call.name:26} {microseconds(call):7.2f} us")


if __name__ == "__main__":
    main()
