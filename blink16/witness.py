"""What a machine sees of guests that use what it lacks; see `lacks` for what it remembers.

Nothing here happens to a machine that its guest could see.  A place that has been told has a
mark (`Attribute.TOLD`), a page of ROM that is still to be told of another (`PageState.TELL`), so
that native code asks once; the marks follow from the state and are made anew when that changes.
"""

from __future__ import annotations

from typing import Protocol

from blink16.bus import Bus
from blink16.cpu.disassembler import disassemble
from blink16.cpu.encoding import EncodingError
from blink16.cpu.engine import Stop, StopReason
from blink16.cpu.later import LOW_END, later
from blink16.cpu.model import Model
from blink16.cpu.x87 import opcodes
from blink16.devices.vga import GRAPHICS
from blink16.lacks import Kind, Lack, Lacks, LacksState
from blink16.memory import MAX_INSTRUCTION, PAGE_SHIFT, RAM_SIZE, Attribute, PageState
from blink16.services import Guest, caller_address

EMPTY_SIZE = 16
"""Bytes of zeros, or of nothing, that are no code any more."""
INT_OPCODE = 0xCD
BANK_SHIFT = 16
BANK_SIZE = 1 << BANK_SHIFT
"""Writes to ROM are told once for each 64 KiB."""
EVERYWHERE = range(RAM_SIZE)
LED_HERE = "a wrong jump or return led here, and the history shows which"
MONO_MEMORY, VIDEO_END = 0xB0000, 0xC0000
PROBED_PORTS = frozenset(
    {*range(0x2E8, 0x2F0), *range(0x3E8, 0x3F0)}  # COM3, COM4
    | {*range(0x278, 0x27C), *range(0x3BC, 0x3BF)}  # further printers
)
"""Where systems look, at their start, for what may well be absent: only polling these is told."""
OWNERS = (
    (range(0x201, 0x202), "--card joystick"),
    (range(0x260, 0x264), "--card ems"),
    (range(0x3B0, 0x3BC), "--display mda"),
    (range(0x3BF, 0x3C0), "--display hercules"),
    (range(0x3C0, 0x3D0), "--display vga"),
    (range(0x3D0, 0x3E0), "--display cga"),
    (range(0x64, 0x65), "--machine-type at"),
    (range(0xA0, 0xA2), "--machine-type at"),
    (range(0xC0, 0xE0), "--machine-type at"),
    (range(0x1F0, 0x1F8), "--machine-type at"),
    (range(0x3F6, 0x3F7), "--machine-type at"),
)
"""Ports of what a PC of ours can have, and what gives it that."""
MODELS: tuple[str, ...] = ("80186", "80286")
"""The processors that this machine can have instead."""


class Subject(Guest, Protocol):
    """The machine, to its witness."""

    @property
    def bus(self) -> Bus:
        """The ports."""
        ...

    @property
    def model(self) -> Model:
        """The processor."""
        ...

    @property
    def icount(self) -> int:
        """Instructions retired."""
        ...

    def tell(self, lack: Lack) -> None:
        """Tell the user, unless this has happened before."""
        ...


class Witness(Lacks):
    """A machine's memory of what it lacks, and who notices it (`engine.Witness`)."""

    def __init__(self, machine: Subject, *, strict: bool = False) -> None:
        """``strict``: whether each thing that is told is a stop."""
        super().__init__()
        self._machine = machine
        machine.bus.on_unowned = self._unowned
        self.strict = strict
        self.guest_runs = False
        """Whether it is the guest that accesses ports, and no service."""
        self._marked: dict[int, tuple[Kind, int]] = {}
        """Addresses that have the attribute TOLD, and what it was that was told."""
        self._stop: Lack | None = None
        self._stood_at: int | None = None
        """The instruction count at which it stopped before an instruction, to go on next."""
        self._watch_vectors(True)
        machine.memory.on_protected = self.watch_rom
        self.watch_rom()

    # -- state -------------------------------------------------------------------------------

    def restore(self, state: LacksState) -> None:
        """Take the state of a `save`, with the marks that follow from it."""
        same = state == self.save()
        super().restore(state)
        self._stop = self._stood_at = None
        if same:  # as it is nearly always: marking takes milliseconds
            return
        memory = self._machine.memory
        for address, told in list(self._marked.items()):
            if not self.is_told(*told):
                memory.attributes[address] &= ~Attribute.TOLD & 0xFF
                del self._marked[address]
        self._watch_vectors(not self.is_told(Kind.VECTOR_TABLE, 0))
        self.watch_rom()

    def watch_rom(self, where: range = EVERYWHERE) -> None:
        """Mark the pages of ROM of which there is something to tell."""
        pages = self._machine.memory.pages
        for start in range(where.start & -BANK_SIZE, where.stop, BANK_SIZE):
            first, end = max(where.start, start), min(where.stop, start + BANK_SIZE)
            part = slice(first >> PAGE_SHIFT, end >> PAGE_SHIFT)
            quiet = self.is_told(Kind.ROM_WRITE, start >> BANK_SHIFT)
            pages[part] = bytes(pages[part]).translate(_QUIET if quiet else _TELLING)

    def _watch_vectors(self, on: bool) -> None:
        """Let the reference look at instructions in the vector table, or not any more."""
        attributes, last = self._machine.memory.attributes, int(Attribute.LAST)
        for address in range(LOW_END):
            state = attributes[address]
            attributes[address] = state | last if on else state & ~last

    # -- telling -----------------------------------------------------------------------------

    def take_stop(self) -> Stop | None:
        """Return the stop that a strict machine makes of what has been told since the last."""
        lack, self._stop = self._stop, None
        return None if lack is None else Stop(StopReason.LACKED, text=str(lack))

    @property
    def wants_stop(self) -> bool:
        """Whether there is such a stop."""
        return self._stop is not None

    def stand(self) -> None:
        """Let the next run go on from here, where the user sees what is wrong."""
        self._stood_at = self._machine.icount

    def service_lacks(self, kind: Kind, what: str, remedy: str, place: int | None) -> None:
        """Tell what a guest wanted that has called a service."""
        segment, offset = caller_address(self._machine)
        machine = self._machine
        called = machine.memory.whole[machine.linear(segment, offset - 2)] == INT_OPCODE
        offset = (offset - 2) & 0xFFFF if called else offset
        place = machine.linear(segment, offset) if place is None else place
        if not self.is_told(kind, place):
            self._tell(self._lack(kind, place, offset, what, remedy, segment=segment))

    def _tell(self, lack: Lack) -> None:
        """Tell of something, if it is for the first time."""
        if not self.is_told(Kind(lack.kind), lack.place):
            self.tell(lack)
            self._machine.tell(lack)
            if self.strict:
                self._stop = lack
                self._machine.changed(self)

    def _lack(
        self,
        kind: Kind,
        place: int,
        ip: int,
        what: str,
        remedy: str = "",
        *,
        instruction: str = "",
        segment: int | None = None,
        icount: int | None = None,
    ) -> Lack:
        """Return what is to be told of the instruction at ``ip``, by default of this moment."""
        machine = self._machine
        cs = machine.registers.cs if segment is None else segment
        text = instruction or instruction_text(machine, cs, ip)
        now = machine.icount if icount is None else icount
        return Lack(kind, place, now, cs, ip & 0xFFFF, text, what, remedy)

    # -- instructions ------------------------------------------------------------------------

    def meets(self, ip: int) -> Stop | None:
        """Look at a suspicious instruction."""
        memory, cs = self._machine.memory, self._machine.registers.cs
        address = self._machine.linear(cs, ip)
        lack = self._found(ip, address, bytes(memory.whole[address : address + EMPTY_SIZE]))
        if lack is None:
            return None
        kind = Kind(lack.kind)
        if not self.is_told(kind, lack.place):
            if self.strict and self._stood_at != self._machine.icount:
                self.stand()
                return Stop(StopReason.LACKS, text=str(lack))
            self._tell(lack)
            self._stop = None  # the stop was before this instruction
            if kind is Kind.VECTOR_TABLE:
                self._watch_vectors(False)
        if kind is not Kind.VECTOR_TABLE:
            memory.attributes[address] |= Attribute.TOLD
            self._marked[address] = kind, lack.place
        return None

    def _found(self, ip: int, address: int, code: bytes) -> Lack | None:
        """Return what is wrong with the instruction that is next."""
        if code[0] in (0x00, 0xFF) and not code.strip(code[:1]):
            filled = "zeros" if code[0] == 0 else "FFh, where there is no memory"
            what = f"the processor runs through empty memory ({filled})"
            cs = self._machine.registers.cs
            return self._lack(Kind.EMPTY_MEMORY, cs, ip, what, LED_HERE)
        if address < LOW_END and not self.is_told(Kind.VECTOR_TABLE, 0):
            what = "the processor executes the interrupt vectors"
            return self._lack(Kind.VECTOR_TABLE, 0, ip, what, LED_HERE)
        if address < LOW_END:
            return None  # pointers, whatever they look like
        if code[0] in opcodes.ESCAPES:
            return self._found_escape(ip, address, code)
        there = later(code, self._machine.model.name)
        if there is None:
            return None
        ours, remedy = self._machine.model, ""
        text = instruction_text(self._machine, self._machine.registers.cs, ip)
        does = f"which the {ours.name} executes as {text}"
        if ours.refuses:
            does = f"at which the {ours.name} enters INT 6"
        whose = f"{there.processor}'s protected mode" if there.is_protected else there.processor
        what = f"an instruction of the {whose}, {does}"
        if there.processor in MODELS and not there.is_protected:
            remedy = f"--cpu {there.processor} runs it"
        return self._lack(Kind.INSTRUCTION, address, ip, what, remedy, instruction=there.name)

    def _found_escape(self, ip: int, address: int, code: bytes) -> Lack | None:
        """Return what is wrong with an ESC: there is no 8087, or it hasn't got this one."""
        escape, x87 = opcodes.find(*code[:2]), self._machine.registers.x87
        place = address
        if escape is None:
            return None
        if x87 is None:
            if escape.is_question:
                return None
            what = "an instruction of the 8087, which isn't there: none of them does anything"
            remedy = "" if escape.is_later else "--fpu has one"
            place = opcodes.ESCAPES.start  # programs have hundreds
        elif opcodes.find_on(x87.kind, *code[:2]) is None:
            owner = "80387" if escape.is_later else "80287"
            hasnt = f"which the {x87.kind.value} hasn't got"
            what, remedy = f"an instruction of the {owner}, {hasnt}: it does nothing", ""
        else:
            return None
        return self._lack(Kind.INSTRUCTION, place, ip, what, remedy, instruction=escape.mnemonic)

    # -- memory and ports --------------------------------------------------------------------

    def stored_to_rom(self, address: int, ip: int, icount: int) -> bool:
        """Tell of a store to ROM; returns whether the run is to end."""
        what, remedy = f"wrote to {address:05X}h in vain, which is ROM or empty", ""
        if address < VIDEO_END:
            what = f"wrote to {address:05X}h, where this display adapter has no memory"
            if self._machine.bus.is_written(GRAPHICS):
                what += " in this mode"
            elif address < MONO_MEMORY:
                remedy = "--display vga has it"
        lack = self._lack(Kind.ROM_WRITE, address >> BANK_SHIFT, ip, what, remedy, icount=icount)
        self._tell(lack)
        self.watch_rom()
        return self.wants_stop

    def device_lacks(self, port: int, what: str) -> None:
        """Tell what the guest's access to a port wants that the device there hasn't got."""
        if self.guest_runs and not self.is_told(Kind.DEVICE_FUNCTION, port):
            ip = self._machine.registers.ip
            self._tell(self._lack(Kind.DEVICE_FUNCTION, port, ip, what))

    def _unowned(self, port: int, is_read: bool) -> None:
        """Take note that a port was accessed which nobody owns."""
        if not self.guest_runs:
            return
        ip = self._machine.registers.ip
        if is_read and self.poll(port, self._machine.linear(self._machine.registers.cs, ip)):
            what = f"waits in a loop for port {port:03X}h, at which there is no device"
            self._tell(self._lack(Kind.POLLED_PORT, port, ip, what, _owner(port)))
        if port not in PROBED_PORTS and not self.is_told(Kind.PORT, port):
            verb = "reads FFh" if is_read else "is written in vain"
            what = f"port {port:03X}h {verb}: there is no device at it"
            self._tell(self._lack(Kind.PORT, port, ip, what, _owner(port)))


_ROM, _TELL = int(PageState.ROM), int(PageState.TELL)
_TELLING = bytes(state | _TELL if state & _ROM else state for state in range(256))
_QUIET = bytes(state & ~_TELL if state & _ROM else state for state in range(256))


def _owner(port: int) -> str:
    """Return what would have a device at a port, if anything does."""
    return next((f"{option} has one" for ports, option in OWNERS if port in ports), "")


def instruction_text(machine: Subject, segment: int, offset: int) -> str:
    """Return the text of the instruction at an address."""
    ram = machine.memory.whole
    code = bytes(ram[machine.linear(segment, offset + n)] for n in range(MAX_INSTRUCTION))
    try:
        return disassemble(machine.model.encoding.parse(code), offset)
    except EncodingError:
        return code[:4].hex(" ").upper()
