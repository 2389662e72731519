"""INT 15h: what a PC/XT's BIOS answers, and waits for a given time.

Waits (83h, 86h) are an AT's; they run on the machine's time, with interrupts on.
Source: IBM PC/XT and AT Technical References (1986), BIOS listings of CASSETTE_IO; Ralf Brown's
interrupt list.
"""

from __future__ import annotations

from typing import NamedTuple

from construct import Const, Int8ul, Int16ul, Padding, Struct

from blink16.bios.data_area import BASE
from blink16.bios.misc import UNSUPPORTED
from blink16.bios.power import power_management
from blink16.bios.rom import SEGMENT, STI, Rom, goto, jump
from blink16.bios.serial import PAUSE
from blink16.bios.unknown import no_function
from blink16.cpu.registers import CF
from blink16.devices import a20
from blink16.devices.telling import Telling
from blink16.memory import MEMORY_SIZE, PAGE_SHIFT, RAM_SIZE, PageState
from blink16.services import DONE, Chassis, Guest, Outcome, Service, set_caller_flag

MICROSECONDS = 1_000_000
NOBODY = -1
WAIT_FLAG = BASE + 0xA0
"""The byte that 86h waits for."""
ELAPSED = 0x80
BUSY = 0x83
SET, CANCEL = 0, 1
NOTHING_TO_DO = (0x80, 0x81, 0x82, 0x85, 0x90, 0x91)
"""Device open and close, program end, SysReq, device busy and ready: for systems to hook."""
PROBES = frozenset({0x4F, 0xC1, 0xE8, 0xE9})
"""The key that is passed on, and questions for memory and an extended data area."""
REMEDIES = {
    0x24: "--cpu 80286 has an address line 20",
    0x84: "--card joystick has one",
    0xC2: "--machine-type at --card ps2mouse has a mouse",
    0x87: "--cpu 80286 has memory above 1 MiB",
}
MODEL = 0xFE
HAS_CLOCK = 0x20

CONFIGURATION = Struct(
    "length" / Const(8, Int16ul),
    "model" / Int8ul,
    "submodel" / Int8ul,
    "revision" / Int8ul,
    "features" / Int8ul,
    Padding(4),
)
"""What C0h gives at ES:BX."""


ASK_A20_SUPPORT = 3
BY_CONTROLLER, BY_PORT_92 = 1, 2
"""What 2403h says can switch address line 20."""
DESCRIPTOR = Struct("limit" / Int16ul, "base_low" / Int16ul, "base_high" / Int8ul, Padding(3))
SOURCE_AT, TARGET_AT = 0x10, 0x18
"""Where descriptors lie in the table of 87h."""
BAD_MOVE = 2
"""What 87h says where a descriptor leads to no memory."""


class WaitState(NamedTuple):
    """A wait that goes on, if there is one."""

    until: int = NOBODY
    """When it is over, in the machine's time."""
    flag: int = WAIT_FLAG
    """The linear address of the byte whose bit 7 is set then."""


class SystemService(Telling[WaitState]):
    """INT 15h; as a device (`services.Device`) it is the alarm of its waits."""

    COMPONENT = "bios-wait"

    def __init__(self, guest: Guest, pointing: Service | None, joysticks: Service | None) -> None:
        """``pointing``: C2h, where there is a PS/2 mouse; ``joysticks``: 84h, where there are."""
        self._guest = guest
        self._configuration = self._again = 0
        self._pointing = pointing
        self._joysticks = joysticks
        self.state = WaitState()

    def install(self, chassis: Chassis, rom: Rom) -> None:
        """Put the configuration table and the routine that waits into ROM."""
        table = {"model": MODEL, "submodel": 0, "revision": 0, "features": HAS_CLOCK}
        self._configuration = rom.add(CONFIGURATION.build(table))
        _, still_waiting = chassis.add_stub("wait", self._wait)
        self._again = rom.add(STI + PAUSE + jump(SEGMENT, still_waiting))

    # -- the alarm ---------------------------------------------------------------------------

    def save(self) -> WaitState:
        """Return the state."""
        return self.state

    def restore(self, state: WaitState) -> None:
        """Take the state of a `save`."""
        self.state = state

    def due(self) -> int | None:
        """Return when the wait is over."""
        return None if self.state.until == NOBODY else self.state.until

    def is_heard(self) -> bool:
        """It interrupts nobody."""
        return False

    def advance(self, time: int) -> None:
        """Say that the wait is over."""
        flag = self.state.flag
        self.state = WaitState()
        _store(self._guest, flag, self._guest.memory.read(flag, 1)[0] | ELAPSED)

    # -- the service -------------------------------------------------------------------------

    def __call__(self, guest: Guest) -> Outcome:
        """Do the function in AH."""
        r = guest.registers
        failed = False
        match r.ah:
            case 0x24 if guest.has_a20 and r.al <= ASK_A20_SUPPORT:
                self._address_line_20(guest)
            case 0x53:
                return power_management(guest)
            case 0x83 if r.al == CANCEL:
                self.state = WaitState()
            case 0x83 if r.al == SET:
                failed = not self._begin(guest, guest.linear(r.es, r.bx))
            case 0x84 if self._joysticks is not None:
                return self._joysticks(guest)
            case 0x86:
                failed = not self._begin(guest, WAIT_FLAG)
                if not failed:
                    goto(guest, self._again)
            case 0x87 if guest.has_a20:
                failed = not _move_block(guest)
            case 0x88:
                r.ax = RAM_SIZE - MEMORY_SIZE >> 10 if guest.has_a20 else 0  # KiB above 1 MiB
            case 0xC2 if self._pointing is not None:
                return self._pointing(guest)
            case 0xC0:
                r.es, r.bx, r.ah = SEGMENT, self._configuration, 0
            case function if function in NOTHING_TO_DO:
                r.ah = 0
            case _:
                _tell_unknown(guest)
                r.ah, failed = UNSUPPORTED, True  # of 4Fh that says: the key is to be taken
        set_caller_flag(guest, CF, failed)
        return DONE

    def _address_line_20(self, guest: Guest) -> None:
        r = guest.registers
        r.ah = 0
        match r.al:
            case 0 | 1:
                a20.switch(r, r.al == 1)
            case 2:
                r.al = a20.is_open(r)
            case _:
                r.bx = BY_CONTROLLER | BY_PORT_92

    def _begin(self, guest: Guest, flag: int) -> bool:
        """Begin a wait of CX:DX microseconds; False if another one goes on."""
        r = guest.registers
        if self.state.until != NOBODY:
            r.ah = BUSY
            return False
        microseconds = r.cx << 16 | r.dx
        time = -(-microseconds * guest.clock_hz // MICROSECONDS)
        self.state = WaitState(guest.time + max(1, time), flag)
        _store(guest, flag, guest.memory.read(flag, 1)[0] & ~ELAPSED)
        return True

    def _wait(self, guest: Guest) -> Outcome:
        """Go on waiting until 86h's time has passed."""
        if self.state.until != NOBODY and self.state.flag == WAIT_FLAG:
            goto(guest, self._again)
        return DONE


def _tell_unknown(guest: Guest) -> None:
    number = guest.registers.ah
    if number == 0x24 and guest.has_a20:
        no_function(guest, 0x15, "al")
    elif number not in PROBES:
        no_function(guest, 0x15, remedy=REMEDIES.get(number, ""))


def _store(guest: Guest, address: int, byte: int) -> None:
    """Write a byte where the guest wants it, if that isn't ROM."""
    if not guest.memory.pages[address >> PAGE_SHIFT] & PageState.ROM:
        guest.memory.write(address, bytes((byte,)))


def _move_block(guest: Guest) -> bool:
    """Move CX words between addresses of 24 bits, by the descriptors at ES:SI."""
    r, memory = guest.registers, guest.memory
    length = 2 * r.cx
    addresses = []
    for at in (SOURCE_AT, TARGET_AT):
        entry = DESCRIPTOR.parse(memory.read(memory.linear(r.es, r.si + at), DESCRIPTOR.sizeof()))
        address = int(entry.base_high) << 16 | int(entry.base_low)
        if address + length > RAM_SIZE or length > entry.limit + 1:
            r.ah = BAD_MOVE
            return False
        addresses.append(address)
    source, target = addresses
    memory.store(target, memory.load(source, length))
    r.ah = 0
    return True
