"""The power-on self-test, again after each reset, and the bootstrap loader (INT 19h)."""

from __future__ import annotations

from collections.abc import Sequence

from blink16.bios import roms, tables, video
from blink16.bios.data_area import DataArea
from blink16.bios.disk import Disk
from blink16.bios.drives import Drives
from blink16.bios.geometry import BOOT_SIGNATURE, SECTOR_SIZE
from blink16.bios.int09 import WARM_BOOT
from blink16.bios.misc import no_system
from blink16.bios.rom import SEGMENT, Rom, call, goto, interrupt, jump
from blink16.bios.screen_text import MONO_MODE
from blink16.bios.shutdown import Resumption
from blink16.bios.timer import CmosClock
from blink16.devices.cards import XT, Cards
from blink16.devices.pc import PcDevices
from blink16.devices.ppi import Display
from blink16.devices.video import Adapter
from blink16.services import DONE, Chassis, Guest, Outcome, Restart

BOOT_ADDRESS = 0x7C00
BOOTSTRAP_VECTOR = 0x19
STARTING_FLAGS = 0x0200  # interrupts on
STACK_TOP = 0x0400  # the BIOS's own, 0030:0100
VECTOR_TABLE_SIZE = tables.VECTORS * 4
RESET_SEGMENT = 0xFFFF
XT_MODEL, AT_MODEL = 0xFE, 0xFC


class Post:
    """What the BIOS does before a system is there."""

    def __init__(
        self,
        chassis: Chassis,
        rom: Rom,
        drives: Drives,
        adapter: Adapter,
        option_roms: Sequence[roms.OptionRom],
        cards: Cards = XT,
    ) -> None:
        self._chassis = chassis
        self._drives = drives
        color = not adapter.is_mono
        self._adapter = adapter
        self._mode = 3 if color else MONO_MODE
        self._equipment = tables.Equipment(
            display=Display.COLOR_80X25 if color else Display.MONOCHROME,
            floppies=drives.count(hard_disks=False),
            hard_disks=drives.count(hard_disks=True),
            coprocessor=chassis.registers.x87 is not None,
            **tables.PC_PORTS,
        )
        self._vectors = b""
        roms.place(chassis.memory, option_roms)
        found = roms.scan(chassis.memory)
        self._has_roms = bool(found)
        calls = (call(address >> 4, roms.ENTRY) for address in found)
        self._go_on = rom.add(b"".join(calls) + interrupt(BOOTSTRAP_VECTOR))
        self._to_boot_sector = rom.add(jump(0, BOOT_ADDRESS), "jump_to_boot_sector")
        self._resumption = Resumption(rom) if cards.at else None
        entry = chassis.add_stub("reset", self._again)
        self.reset_offset = entry[1]
        """Where a reset goes, in the ROM's segment."""
        tables.write_reset(chassis, entry, AT_MODEL if cards.at else XT_MODEL)
        self._cards = cards

    def first(self, guest: Guest) -> None:
        """Pass the self-test; stand before the first option ROM, or else at the jump to the boot
        sector: breakpoints at its first instruction are hit.
        """
        self._vectors = guest.memory.read(0, VECTOR_TABLE_SIZE)
        self._test(guest)
        r = guest.registers
        if self._has_roms:
            r.cs, r.ip = SEGMENT, self._go_on
            r.ss, r.sp, r.flags = 0, STACK_TOP, STARTING_FLAGS
        else:
            drive = self._drives.boot_order[0]
            self._load(guest, self._drives.disks[0], drive)
            r.cs, r.ip = SEGMENT, self._to_boot_sector

    def stand_by(self, guest: Guest) -> None:
        """Pass the self-test, with nothing to boot."""
        self._vectors = guest.memory.read(0, VECTOR_TABLE_SIZE)
        self._test(guest)

    def _again(self, guest: Guest) -> Outcome:
        """Pass the self-test after a reset, and go on to the option ROMs and the boot sector.

        Or go on where a program wants to that has left word in an AT's CMOS.
        """
        if self._resumption is not None:
            routine = self._resumption.take(CmosClock(self._chassis.bus))
            if routine is not None:
                goto(guest, routine)
                return DONE
        warm = DataArea(guest.memory).reset_flag == WARM_BOOT
        guest.memory.write(0, self._vectors)
        self._test(guest)
        r = guest.registers
        r.ss, r.sp, r.flags = 0, STACK_TOP, STARTING_FLAGS
        goto(guest, self._go_on)
        return Restart("the machine starts anew" + (" (Ctrl-Alt-Del)" if warm else " (reset)"))

    def _test(self, guest: Guest) -> None:
        bus = self._chassis.bus
        PcDevices.post(self._chassis, at=self._cards.at)
        tables.write_data_area(guest.memory, self._equipment)
        video.set_mode(guest.memory, bus, self._mode, adapter=self._adapter)
        DataArea(guest.memory).ticks = CmosClock(bus).ticks()

    def bootstrap(self, guest: Guest) -> Outcome:
        """INT 19h: load the first boot sector that there is, and jump to it."""
        for drive in self._drives.boot_order:
            disk = self._drives.disk(drive)
            if disk is None:
                continue
            self._drives.see(drive)
            if disk.is_floppy or disk.read(0).endswith(BOOT_SIGNATURE):
                self._load(guest, disk, drive)
                goto(guest, self._to_boot_sector)
                return DONE
        return no_system(guest)

    @staticmethod
    def _load(guest: Guest, disk: Disk, drive: int) -> None:
        guest.memory.write(BOOT_ADDRESS, disk.read(0)[:SECTOR_SIZE])
        r = guest.registers
        r.ax = r.bx = r.cx = r.si = r.di = r.bp = 0
        r.ds = r.es = r.ss = 0
        r.dx = drive
        r.sp = BOOT_ADDRESS
        r.flags = STARTING_FLAGS


class ResetSwitch:
    """A component whose input, whatever it is, resets the processor."""

    CHANNEL = "reset"

    def __init__(self, guest: Guest) -> None:
        self._guest = guest

    def save(self) -> None:
        """Return the state: there is none."""

    def restore(self, state: None) -> None:
        """Take the state of a `save`."""

    def receive(self, data: bytes) -> None:
        """Reset."""
        self._guest.registers.reset(RESET_SEGMENT, 0)
