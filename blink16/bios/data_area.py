"""The BIOS data area at 0040:0000, which BIOS, DOS and programs share.

Source: IBM PC/XT Technical Reference (1983), BIOS listing, segment DATA; Ralf Brown's MEMORY.LST.
"""

from __future__ import annotations

from construct import Array, Bytes, Int8ul, Int16ul, Int32ul, Struct

from blink16.memory import Memory

SEGMENT = 0x0040
BASE = SEGMENT << 4
PAGES = 8
KEY_BUFFER_START = 0x1E
KEY_BUFFER_SIZE = 32

DATA_AREA = Struct(
    "com_ports" / Array(4, Int16ul),
    "lpt_ports" / Array(4, Int16ul),
    "equipment" / Int16ul,
    "test" / Int8ul,
    "memory_kib" / Int16ul,
    "errors" / Int16ul,
    "shift_flags" / Int16ul,
    "alt_keypad" / Int8ul,
    "key_head" / Int16ul,
    "key_tail" / Int16ul,
    "key_buffer" / Bytes(KEY_BUFFER_SIZE),
    "floppy_calibrated" / Int8ul,
    "floppy_motors" / Int8ul,
    "floppy_motor_count" / Int8ul,
    "floppy_status" / Int8ul,
    "floppy_controller" / Bytes(7),
    "video_mode" / Int8ul,
    "columns" / Int16ul,
    "page_size" / Int16ul,
    "page_start" / Int16ul,
    "cursors" / Array(PAGES, Int16ul),  # column low, row high
    "cursor_shape" / Int16ul,  # end line low, start line high
    "page" / Int8ul,
    "crtc_port" / Int16ul,
    "crt_mode" / Int8ul,
    "crt_palette" / Int8ul,
    "cassette" / Bytes(5),
    "ticks" / Int32ul,
    "midnight" / Int8ul,
    "break_flag" / Int8ul,
    "reset_flag" / Int16ul,
    "disk_status" / Int8ul,
    "disk_count" / Int8ul,
    "disk_control" / Int16ul,
    "lpt_timeouts" / Bytes(4),
    "com_timeouts" / Bytes(4),
    "key_buffer_start" / Int16ul,
    "key_buffer_end" / Int16ul,
    "last_row" / Int8ul,
    "character_height" / Int16ul,
    "adapters" / Bytes(15),
    "keyboard_state" / Int8ul,  # of 101 keys
    "waits" / Bytes(21),  # LEDs, INT 15h's waits, a VGA's table
    "vain_looks" / Int16ul,  # ours (`rom_keyboard`): if it is negative, its service is asked
    "asked_at" / Int8ul,  # the low byte of the ticks when it was asked last
    "spare" / Bytes(1),
    "delay" / Int32ul,  # ours (`delay`): rounds, but for one, that a service takes
)


def _offsets() -> dict[str, tuple[int, int]]:
    offset = 0
    where: dict[str, tuple[int, int]] = {}
    for field in DATA_AREA.subcons:
        where[field.name] = offset, field.sizeof()
        offset += field.sizeof()
    return where


OFFSETS = _offsets()
"""(offset, size) in bytes of each field."""
_CURSORS = BASE + OFFSETS["cursors"][0]


class _Field:
    """A number in the data area, read from and written to the guest's memory."""

    def __init__(self, name: str) -> None:
        offset, self._size = OFFSETS[name]
        self._address = BASE + offset

    def __get__(self, area: DataArea, owner: type[DataArea]) -> int:
        if self._size == 1:  # as most
            return area.memory.read(self._address, 1)[0]
        return int.from_bytes(area.memory.read(self._address, self._size), "little")

    def __set__(self, area: DataArea, value: int) -> None:
        value &= (1 << 8 * self._size) - 1
        area.memory.write(self._address, value.to_bytes(self._size, "little"))


class DataArea:
    """The fields that the BIOS services here use, as they stand in a guest's memory."""

    equipment = _Field("equipment")
    memory_kib = _Field("memory_kib")
    shift_flags = _Field("shift_flags")
    alt_keypad = _Field("alt_keypad")
    key_head = _Field("key_head")
    key_tail = _Field("key_tail")
    floppy_calibrated = _Field("floppy_calibrated")
    floppy_motors = _Field("floppy_motors")
    floppy_motor_count = _Field("floppy_motor_count")
    floppy_status = _Field("floppy_status")
    video_mode = _Field("video_mode")
    columns = _Field("columns")
    page_size = _Field("page_size")
    page_start = _Field("page_start")
    cursor_shape = _Field("cursor_shape")
    page = _Field("page")
    crtc_port = _Field("crtc_port")
    crt_mode = _Field("crt_mode")
    crt_palette = _Field("crt_palette")
    ticks = _Field("ticks")
    midnight = _Field("midnight")
    break_flag = _Field("break_flag")
    reset_flag = _Field("reset_flag")
    disk_status = _Field("disk_status")
    disk_count = _Field("disk_count")
    key_buffer_start = _Field("key_buffer_start")
    key_buffer_end = _Field("key_buffer_end")
    last_row = _Field("last_row")
    character_height = _Field("character_height")
    keyboard_state = _Field("keyboard_state")
    vain_looks = _Field("vain_looks")
    asked_at = _Field("asked_at")

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def cursor(self, page: int) -> tuple[int, int]:
        """Return a page's cursor as (row, column)."""
        column, row = self.memory.read(self._cursor_address(page), 2)
        return row, column

    def set_cursor(self, page: int, row: int, column: int) -> None:
        """Move a page's cursor."""
        self.memory.write(self._cursor_address(page), bytes((column & 0xFF, row & 0xFF)))

    def com_port(self, number: int) -> int:
        """Return the base port of COM1 (0) to COM4; 0: there is none."""
        return self.memory.read_word(BASE + OFFSETS["com_ports"][0] + 2 * number)

    def com_timeout(self, number: int) -> int:
        """Return how many seconds to wait for a serial port."""
        return self.memory.read(BASE + OFFSETS["com_timeouts"][0] + number, 1)[0]

    def lpt_port(self, number: int) -> int:
        """Return the base port of LPT1 (0) to LPT4; 0: there is none."""
        return self.memory.read_word(BASE + OFFSETS["lpt_ports"][0] + 2 * number)

    @staticmethod
    def _cursor_address(page: int) -> int:
        return _CURSORS + 2 * (page % PAGES)
