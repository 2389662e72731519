"""A machine whose program calls DOS' drivers: XMS, EMS and the mouse."""

from __future__ import annotations

from pathlib import Path

from blink16.devices.cards import XT, Cards
from blink16.devices.video import Adapter
from blink16.machine import Machine
from blink16.memory import linear
from blink16.setup.dos import DosSetup
from blink16.setup.loader import Options, Program, ProgramKind, load
from blink16.setup.pc import PcSetup

BUFFER = 0x3000


class Drivers:
    """A machine whose program calls drivers."""

    def __init__(
        self,
        cpu: str = "8086",
        cards: Cards = XT,
        adapter: Adapter = Adapter.CGA,
        **setup: int,
    ) -> None:
        options = Options(
            root=Path(__file__).parent,
            cpu=cpu,
            setup=PcSetup(cards=cards, adapter=adapter),
            dos=DosSetup(**setup),  # type: ignore[arg-type]
        )
        program = Program("x.com", ProgramKind.DOS_COM, b"\x90")
        self.machine: Machine = load(program, [], options).machine
        self.psp = self.machine.registers.ds

    def interrupt(self, vector: int, ax: int, **registers: int) -> None:
        """Do an interrupt."""
        self._run(bytes((0xCD, vector, 0xEB, 0xFE)), ax, registers)

    def far(self, entry: tuple[int, int], ax: int, **registers: int) -> None:
        """Call a far entry."""
        segment, offset = entry
        code = b"\x9a" + offset.to_bytes(2, "little") + segment.to_bytes(2, "little") + b"\xeb\xfe"
        self._run(code, ax, registers)

    def _run(self, code: bytes, ax: int, registers: dict[str, int]) -> None:
        r = self.machine.registers
        self.machine.memory.write(linear(self.psp, 0x100), code)
        r.cs, r.ip, r.ax, r.flags, r.sp = self.psp, 0x100, ax, 0, 0xF000
        r.ds = r.es = self.psp
        for name, value in registers.items():
            setattr(r, name, value)
        self.machine.run(20)

    def put(self, data: bytes, offset: int = BUFFER) -> int:
        """Put bytes into the program's segment."""
        self.machine.memory.write(linear(self.psp, offset), data)
        return offset

    def get(self, length: int, offset: int = BUFFER) -> bytes:
        """Return bytes of the program's segment."""
        return self.machine.memory.read(linear(self.psp, offset), length)


def xms_of(guest: Drivers) -> tuple[int, int]:
    """Return the driver's entry as programs find it."""
    guest.interrupt(0x2F, 0x4300)
    assert guest.machine.registers.al == 0x80
    guest.interrupt(0x2F, 0x4310)
    return guest.machine.registers.es, guest.machine.registers.bx
