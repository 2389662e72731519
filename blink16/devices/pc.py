"""A PC/XT's devices, put together in a machine."""

from __future__ import annotations

from functools import partial

from blink16.devices import debug
from blink16.devices.a20 import SystemControl
from blink16.devices.cards import XT, Cards
from blink16.devices.coprocessor import CLEAR_PORT, COPROCESSOR_LINE, RESET_PORT, ErrorLatch
from blink16.devices.disk_drives import DiskDrives, NoDrives
from blink16.devices.dma import FIRST, SECOND, SECOND_BASE, SECOND_STRIDE, Dma
from blink16.devices.ems import EmsBoard
from blink16.devices.fdc import DATA_PORT, DRIVES, Fdc
from blink16.devices.fdc_codes import FdcCommand
from blink16.devices.gameport import GamePort
from blink16.devices.ide import Ide
from blink16.devices.kbc import COMMAND_BYTE, Kbc
from blink16.devices.keyboard import Keyboard, Typing
from blink16.devices.lpt import Lpt
from blink16.devices.mouse import SerialMouse
from blink16.devices.nmi import ENABLED, MASK_PORT, Nmi
from blink16.devices.pic import Pic, SlavePic
from blink16.devices.pit import Pit
from blink16.devices.port_b import AT_CLEAR_CHANNEL, AT_CLEAR_MEMORY, PORT_B, PortB, SystemPort
from blink16.devices.ppi import Display, Ppi, switches
from blink16.devices.ps2mouse import Ps2Mouse
from blink16.devices.rtc import Rtc
from blink16.devices.speaker import PcSpeaker
from blink16.devices.uart import IRQS, Uart
from blink16.devices.vga import Vga
from blink16.devices.video import Adapter, Video
from blink16.services import Chassis

CLOCK_LINE, MOUSE_LINE, DISK_LINE = 0, 4, 6
"""Of the second 8259A: IRQ 8, IRQ 12 and IRQ 14."""
TIMER_IRQ, KEYBOARD_IRQ, FLOPPY_IRQ, LPT1_IRQ = 0, 1, 6, 7
COM1_IRQ, COM2_IRQ = IRQS
COM1_PORT, COM2_PORT, LPT1_PORT = 0x3F8, 0x2F8, 0x378
COM1, COM2, LPT1 = "com1", "com2", "lpt1"
IRQ_BASE = 0x08
"""The vector that the BIOS gives to IRQ 0."""

DEFAULT_MHZ = 4.772_727
MIN_MHZ, MAX_MHZ = 0.01, 10_000.0

POST = (
    (MASK_PORT, 0x00),
    # 8259A: edges, single, vectors from 08h, 8086 mode; IRQs 0, 1 and 6 are let through
    (0x20, 0x13),
    (0x21, IRQ_BASE),
    (0x21, 0x09),
    (0x21, 0xBC),
    # 8253: ticks are a square wave of 65,536 cycles; refresh; a tone of 896 Hz
    (0x43, 0x36),
    (0x40, 0x00),
    (0x40, 0x00),
    (0x43, 0x54),
    (0x41, 0x12),
    (0x43, 0xB6),
    (0x42, 0x33),
    (0x42, 0x05),
    # 8237A: refresh, and the floppy controller's channel as well as the others at rest
    (0x0D, 0x00),
    (0x01, 0xFF),
    (0x01, 0xFF),
    (0x0B, 0x58),
    (0x0B, 0x41),
    (0x0B, 0x42),
    (0x0B, 0x43),
    (0x0A, 0x00),
    # the floppy controller, without motors
    (0x3F2, 0x00),
    (0x3F2, 0x0C),
    # 8255A: keyboard enabled, speaker off, errors cleared; the NMI is let through
    (0x61, 0xF8),
    (0x61, 0x48),
    (MASK_PORT, ENABLED),
)
"""What the BIOS's power-on self-test writes to the ports, in order."""


AT_POST = (
    (0x70, 0x80),
    # 8259As: cascaded, vectors from 08h and 70h; IRQs 0, 1, 2, 6 and 8 are let through
    (0x20, 0x11),
    (0x21, IRQ_BASE),
    (0x21, 0x04),
    (0x21, 0x09),
    (0x21, 0xB8),
    (0xA0, 0x11),
    (0xA1, 0x70),
    (0xA1, 0x02),
    (0xA1, 0x01),
    (0xA1, 0xBE),
    *((port, value) for port, value in POST if port not in (MASK_PORT, 0x20, 0x21, PORT_B)),
    # speaker off, errors cleared; the 8042 lets the keyboard interrupt; the NMI is let through
    (PORT_B, AT_CLEAR_MEMORY | AT_CLEAR_CHANNEL),
    (PORT_B, 0x00),
    (0x64, 0x60),
    (0x60, COMMAND_BYTE),
    (0x70, 0x0D),
)
"""The same of an AT's."""
COPROCESSOR_POST = ((CLEAR_PORT, 0x00), (RESET_PORT, 0x00), (0xA1, 0x9E))
"""And where an AT has an 80287: it is reset, and IRQ 13 let through."""


def clock_hz(mhz: float = DEFAULT_MHZ) -> int:
    """Return the clock cycles a second at ``mhz``; ValueError if it makes no sense."""
    if not MIN_MHZ <= mhz <= MAX_MHZ:
        raise ValueError(f"a clock of {mhz:g} MHz is not between {MIN_MHZ:g} and {MAX_MHZ:g}")
    return round(mhz * 1_000_000)


class PcDevices:
    """The devices of a PC/XT.

    They are components of the machine: ``pic``, ``pit``, ``keyboard`` (takes scan codes),
    ``typing`` (takes text), ``ppi``, ``com1`` and ``com2`` (take bytes), ``lpt1``, ``video``,
    ``rtc``, ``dma`` and ``nmi`` (takes errors).  Output goes to the channels ``com1``, ``com2``,
    ``lpt1``, ``debug``.
    """

    def __init__(
        self,
        chassis: Chassis,
        *,
        adapter: Adapter = Adapter.CGA,
        floppies: int = 1,
        drives: DiskDrives | None = None,
        cards: Cards = XT,
        typing: str = Typing.CHANNEL,
    ) -> None:
        """Put the devices into a machine, as they are when the power comes on.

        ``floppies``: how many the switches show.  ``drives``: the floppy drives, with their
        disks.  ``typing``: the name of the component that
        types what it receives.
        """
        bus = chassis.bus
        self.cards = cards
        self.pic = Pic(chassis.registers, bus)
        line = self.pic.line
        self.pit = Pit(chassis, bus, line(TIMER_IRQ), reads_back=cards.at)
        self.pic.before_reset = self.pit.tell_line
        self.keyboard = Keyboard(chassis, line(KEYBOARD_IRQ))
        self.slave = SlavePic(chassis.registers, bus, self.pic) if cards.at else None
        self.nmi = Nmi(bus, has_port=not cards.at)
        display = Display.MONOCHROME if adapter.is_mono else Display.COLOR_80X25
        self.ppi: PortB
        if cards.at:
            self.ppi = SystemPort(chassis, bus, self.pit, self.nmi)
        else:
            there = chassis.registers.x87 is not None
            configuration = switches(display, floppies, coprocessor=there)
            self.ppi = Ppi(chassis, bus, self.keyboard, self.pit, self.nmi, configuration)
        self.com1 = Uart(chassis, bus, line(COM1_IRQ), COM1, COM1_PORT)
        self.com2 = Uart(chassis, bus, line(COM2_IRQ), COM2, COM2_PORT)
        self.lpt1 = Lpt(chassis, bus, line(LPT1_IRQ), LPT1, LPT1_PORT)
        card = Vga if adapter.has_planes else Video
        self.video = card(chassis, bus, adapter)
        clock_line = None if self.slave is None else self.slave.line(CLOCK_LINE)
        self.rtc = Rtc(chassis, bus, clock_line)
        self.dma = Dma(chassis, bus, refreshes=not cards.at)
        self.fdc = Fdc(chassis, bus, self.dma, line(FLOPPY_IRQ), drives or NoDrives())
        debug.attach(chassis, bus)
        self.mouse: Ps2Mouse | None = None
        self.game: GamePort | None = None
        self._join(chassis, typing)
        self._plug_in(chassis, cards, drives or NoDrives())
        if self.slave is not None:
            self._make_at(chassis, self.slave, drives or NoDrives())
        self._wire_coprocessor(chassis)

    def _plug_in(self, chassis: Chassis, cards: Cards, drives: DiskDrives) -> None:
        """Put cards into the slots that not every PC has."""
        bus = chassis.bus
        if chassis.has_a20 or cards.at:
            SystemControl(chassis, bus)
        if cards.joystick:
            self.game = GamePort(chassis, bus, connected=True)
            chassis.add_component(GamePort.CHANNEL, self.game)
        if cards.mouse:
            chassis.add_component(SerialMouse.CHANNEL, SerialMouse(self.com1))
        if cards.sound:
            speaker = PcSpeaker(chassis, self.pit, self.ppi)
            chassis.add_device(PcSpeaker.COMPONENT, speaker, tells=True)
        if cards.ems:
            chassis.add_component(EmsBoard.COMPONENT, EmsBoard(chassis, bus))

    def _make_at(self, chassis: Chassis, slave: SlavePic, drives: DiskDrives) -> None:
        """Add what an AT has on its board beside what an XT has."""
        bus = chassis.bus
        self.rtc.on_mask = self.nmi.switch
        chassis.resets_on_shutdown = True
        chassis.add_component(SlavePic.COMPONENT, slave)
        self.mouse = Ps2Mouse(chassis, slave.line(MOUSE_LINE)) if self.cards.ps2mouse else None
        self.kbc = Kbc(chassis, bus, self.keyboard, self.mouse)
        chassis.add_component(Kbc.COMPONENT, self.kbc)
        if self.mouse is not None:
            chassis.add_device(Ps2Mouse.CHANNEL, self.mouse, tells=True)
        chassis.add_component(SECOND, Dma(chassis, bus, SECOND_BASE, SECOND_STRIDE))
        ide = Ide(chassis, bus, slave.line(DISK_LINE), drives)
        chassis.add_device(Ide.COMPONENT, ide, tells=True)

    def _wire_coprocessor(self, chassis: Chassis) -> None:
        """Let an 8087 interrupt, if there is one."""
        x87 = chassis.registers.x87
        if x87 is None:
            return
        if self.slave is None:
            x87.on_change = self.nmi.coprocessor_asks
        else:
            latch = ErrorLatch(chassis.bus, x87, self.slave.line(COPROCESSOR_LINE))
            chassis.add_component(ErrorLatch.COMPONENT, latch)

    def _join(self, chassis: Chassis, typing: str) -> None:
        chassis.add_controller(Pic.COMPONENT, self.pic)
        self.pic.on_change = partial(chassis.changed, self.pic)
        chassis.add_device(Pit.COMPONENT, self.pit, hot=True, tells=True)
        chassis.add_device(Keyboard.CHANNEL, self.keyboard, tells=True)
        chassis.add_device(COM1, self.com1, tells=True)
        chassis.add_device(COM2, self.com2, tells=True)
        self.nmi.on_change = partial(chassis.changed, self.nmi)
        chassis.add_non_maskable(Nmi.CHANNEL, self.nmi)
        chassis.add_component(typing, Typing(self.keyboard))
        chassis.add_component(PortB.COMPONENT, self.ppi)
        chassis.add_component(LPT1, self.lpt1)
        chassis.add_component(Video.COMPONENT, self.video)
        chassis.add_device(Rtc.COMPONENT, self.rtc, tells=True)
        chassis.add_component(FIRST, self.dma)
        chassis.add_device(Fdc.COMPONENT, self.fdc, tells=True)

    @staticmethod
    def post(chassis: Chassis, *, at: bool = False) -> None:
        """Program the chips as the BIOS's power-on self-test leaves them (`POST`)."""
        for port, value in AT_POST if at else POST:
            chassis.bus.write(port, value)
        if at and chassis.registers.x87 is not None:
            for port, value in COPROCESSOR_POST:
                chassis.bus.write(port, value)
        for _ in range(DRIVES):  # after its reset the controller wants to be asked for each drive
            chassis.bus.write(DATA_PORT, FdcCommand.SENSE_INTERRUPT)
            chassis.bus.read(DATA_PORT)
            chassis.bus.read(DATA_PORT)
