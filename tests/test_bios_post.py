"""A self-test of somebody else's, and a boot through the floppy controller, by ``--bios``."""

from __future__ import annotations

from boot_sectors import sector
from guests import ENGINES

from blink16 import bios
from blink16.console import Console
from blink16.debugger import Debugger, Resume
from blink16.machine import Machine

CODE = bytes.fromhex(
    "fa31c08ed88ec08ed0bc0005fcb099e663b0a5e661b054e643b000e64131dbb90010b040e643e44108c380fb"
    "ff7405e2f1e9a901b054e6e9e60dba0000b8aa55ee88e0eeec88c3ec88c781fbaa557403e98a014283fa0875"
    "e4b044e6e9b0ffe601e601b058e60bb000e608e60ab012e641e408b90000e408a801751190e2f7b90000e408"
    "a8017505e2f8e95001b052e6e9bf0000b92000b8e4e1ab8cc8abe2f7b013e620b008e621b009e621b000e621"
    "e42108c07403e92401b0ffe621e421fec07403e91701fb31c9e2fefab049e6e9c7062000e6e1b0fee621b010"
    "e643b0ffe640c606000600fbb90000803e0006007505e2f7e9e600fab043e6e9c7062400f1e1b0fce621b008"
    "e661b9002ae2feb0c8e661b048e661c606010600fbba1400b90000803e0106aa7408e2f74a75f1e9ab00fab0"
    "4be6e9c706380002e2b0bfe621c606020600baf203b000eeb01ceee8b600bd0400b008e8c800e8d40088c3e8"
    "cf004d75f080fbc37573be3ee2bd0300e8a400be41e2bd0200e89b00e88900b008e89e00e8aa003c207552e8"
    "a300b006e60ae60cb046e60bb000e604b07ce604b000e681b0ffe605b001e605b002e60abe43e2bd0900e85e"
    "00e84c00e87200a8c0751abd0600e868004d75fa813efe7d55aa7509b042e6e9ea007c0000b021e6e9f4ebf9"
    "ebf7fe06000650b020e62058cf50e460a20106b0c8e661b048e66158ebe8fe060206ebe2fb803e02060074f9"
    "fac606020600c32e8a0446e804004d75f6c350baf403ec24c03c8075f95842eec3baf403ec24c03cc075f942"
    "ecc303df020700e60000000102121bff"
)
"""nasm -f bin -o post.bin ports/post.asm, without the zeros before the jump at its end."""
JUMP = bytes.fromhex("ea00e000f0")
GREETING = bytes.fromhex("b048e6e9b049e6e9faf4")
"""mov al,'H'; out 0E9h,al; mov al,'I'; out 0E9h,al; cli; hlt"""


def powered(engine: str) -> tuple[Machine, bytearray]:
    """Return an XT that is switched on with this BIOS, and what it prints."""
    machine, shown = Machine(engine), bytearray()
    machine.on_output = lambda channel, data: shown.extend(data if channel == "debug" else b"")
    image = (CODE.ljust(0x1FF0, b"\0") + JUMP).ljust(0x2000, b"\0")
    bios.run_bios(machine, image, Console(), [bios.disk_of(0, sector(GREETING))])
    return machine, shown


def test_a_self_test_finds_all_chips_and_boots() -> None:
    """Timer, DMA registers, Refresh, Interrupt masks, Clock, Keyboard, Boot sector; and back."""
    machine, shown = powered("native")
    debugger = Debugger(machine)
    debugger.resume(Resume(count=2_000_000))
    assert shown == b"TDRICKBHI"
    end, state = debugger.timeline.now, (machine.save(), bytes(machine.memory.ram))
    debugger.seek(end // 2)
    debugger.seek(end)
    assert (machine.save(), bytes(machine.memory.ram)) == state


def test_the_self_test_is_the_same_on_both_engines() -> None:
    """Its loops read ports that native code reads itself."""
    states = []
    for engine in ENGINES:
        machine, shown = powered(engine)
        machine.run(30_000)
        states.append((machine.save(), bytes(machine.memory.ram), bytes(shown)))
    assert states[0] == states[1]
