"""Tables that the BIOS puts into ROM, the interrupt vectors and the data area at power on."""

from __future__ import annotations

from dataclasses import dataclass

from construct import Bytes, Const, Int8ul, Int16ul, Struct

from blink16.bios import font, graphics, tables_vga
from blink16.bios.data_area import BASE, DATA_AREA, KEY_BUFFER_SIZE, KEY_BUFFER_START, DataArea
from blink16.bios.misc import nobody_handles
from blink16.bios.rom import EMPTY_BEGIN, ROM_BEGIN, SEGMENT
from blink16.bios.rom_keyboard import EACH_LOOK
from blink16.bios.video import CRTC, PARAMETERS, PARAMETERS_VECTOR
from blink16.devices.pc import COM1_PORT, COM2_PORT, LPT1_PORT
from blink16.devices.ppi import HAS_COPROCESSOR, Display
from blink16.memory import Memory, linear
from blink16.services import Chassis

VECTORS = 256
MEMORY_KIB = 640
DISKETTE = (SEGMENT, 0xEFC7)
VIDEO = (SEGMENT, 0xF0A4)
UPPER_FONT = (SEGMENT, 0xF200)
DISKETTE_VECTOR = 0x1E
RESET_OFFSET = 0xFFF0
DATA_AREA_SIZE = 0x100
KEYBOARD_101 = 0x10

DISKETTE_PARAMETERS = Struct(
    "step_and_unload" / Int8ul,
    "load_and_dma" / Int8ul,
    "motor_ticks" / Int8ul,
    "sector_size_code" / Int8ul,  # 2: 512 bytes
    "last_sector" / Int8ul,
    "gap" / Int8ul,
    "data_length" / Int8ul,
    "format_gap" / Int8ul,
    "fill" / Int8ul,
    "settle_ms" / Int8ul,
    "motor_start" / Int8ul,  # eighths of a second
)
"""What INT 1Eh's vector points at; boot sectors copy and change it."""
_DISKETTE = (0xDF, 0x02, 0x25, 2, 18, 0x1B, 0xFF, 0x6C, 0xF6, 0x0F, 0x08)

RESET = Struct(
    "jump" / Const(b"\xea"),
    "offset" / Int16ul,
    "segment" / Int16ul,
    "date" / Bytes(8),
    "pad" / Const(b"\0"),
    "model" / Int8ul,  # FEh: PC/XT
    "checksum" / Const(b"\0"),
)
"""The last sixteen bytes of memory, where the processor starts and programs ask what PC it is."""


ALL_MEMORY_BANKS = 3 << 2


@dataclass(frozen=True, slots=True)
class Equipment:
    """What INT 11h tells, and the ports in the data area."""

    display: Display = Display.COLOR_80X25
    floppies: int = 0
    hard_disks: int = 0
    com_ports: tuple[int, ...] = ()
    lpt_ports: tuple[int, ...] = ()
    coprocessor: bool = False

    @property
    def word(self) -> int:
        """The equipment word."""
        floppies = 1 | (self.floppies - 1) << 6 if self.floppies else 0
        floppies |= ALL_MEMORY_BANKS | (HAS_COPROCESSOR if self.coprocessor else 0)
        return floppies | self.display << 4 | len(self.com_ports) << 9 | len(self.lpt_ports) << 14


PC_PORTS = {"com_ports": (COM1_PORT, COM2_PORT), "lpt_ports": (LPT1_PORT,)}


def write_data_area(memory: Memory, equipment: Equipment) -> None:
    """Write the data area as the self-test leaves it, but for the screen and the time."""
    fresh = DATA_AREA.parse(bytes(DATA_AREA.sizeof()))
    fresh.com_ports = [*equipment.com_ports, 0, 0, 0, 0][:4]
    fresh.lpt_ports = [*equipment.lpt_ports, 0, 0, 0, 0][:4]
    fresh.equipment = equipment.word
    fresh.disk_count = equipment.hard_disks
    fresh.memory_kib = MEMORY_KIB
    fresh.key_head = fresh.key_tail = fresh.key_buffer_start = KEY_BUFFER_START
    fresh.key_buffer_end = KEY_BUFFER_START + KEY_BUFFER_SIZE
    fresh.lpt_timeouts = b"\x14" * 4
    fresh.com_timeouts = b"\x01" * 4
    fresh.keyboard_state = KEYBOARD_101
    fresh.vain_looks = EACH_LOOK
    reset_flag = DataArea(memory).reset_flag
    memory.write(BASE, DATA_AREA.build(fresh).ljust(DATA_AREA_SIZE, b"\0"))
    DataArea(memory).reset_flag = reset_flag


def write(chassis: Chassis) -> None:
    """Write the ROM's tables, and let vectors lead to them."""
    chassis.memory.write(EMPTY_BEGIN, b"\xff" * (ROM_BEGIN - EMPTY_BEGIN))
    diskette = DISKETTE_PARAMETERS.build(
        dict(zip((field.name for field in DISKETTE_PARAMETERS.subcons), _DISKETTE, strict=True))
    )
    chassis.memory.write(linear(*DISKETTE), diskette)
    chassis.memory.write(linear(*VIDEO), PARAMETERS.build({"crtc": CRTC}))
    lower, upper = font.small()[:1024], font.small()[1024:]
    chassis.memory.write(linear(*graphics.FONT), lower)
    chassis.memory.write(linear(*UPPER_FONT), upper)
    tables_vga.write(chassis.memory)
    write_table_vectors(chassis)


def write_table_vectors(chassis: Chassis) -> None:
    """Let the vectors that are no interrupts lead to their tables."""
    chassis.set_vector(PARAMETERS_VECTOR, *VIDEO)
    chassis.set_vector(DISKETTE_VECTOR, *DISKETTE)
    chassis.set_vector(graphics.UPPER_FONT_VECTOR, *UPPER_FONT)


def write_reset(chassis: Chassis, entry: tuple[int, int], model: int = 0xFE) -> None:
    """Write the end of the ROM: the jump to where a reset goes, and the date and the model."""
    segment, offset = entry
    reset = RESET.build({"offset": offset, "segment": segment, "date": b"08/16/82", "model": model})
    chassis.memory.write(linear(SEGMENT, RESET_OFFSET), reset)


USER_TICK = 0x1C


def fill_vectors(chassis: Chassis) -> None:
    """Let all vectors that lead nowhere lead to an IRET; that of ticks without the host's help."""
    chassis.set_vector(USER_TICK, *chassis.add_stub("int1c"))
    dummy = chassis.add_stub("iret", nobody_handles)
    for vector in range(VECTORS):
        if not chassis.memory.read(vector * 4, 4).strip(b"\0"):
            chassis.set_vector(vector, *dummy)
