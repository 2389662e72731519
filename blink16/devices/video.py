"""The display adapter's ports: a CGA's at 3D0h to 3DFh, an MDA's or Hercules' at 3B0h to 3BFh.

The picture's memory at B800:0000 or B000:0000 is RAM; here is what shows it: the 6845 CRT
controller, the mode and color registers, and a status that follows the beam.
Source: Motorola MC6845 data sheet; IBM Options and Adapters Technical Reference.
"""

from __future__ import annotations

from array import array
from enum import Enum, IntEnum
from functools import lru_cache
from typing import NamedTuple

from blink16.bus import Bus
from blink16.devices import cells
from blink16.devices.fields import with_fields
from blink16.devices.oscillator import Oscillator
from blink16.devices.raster import COLOR_RASTER, MONO_RASTER, VGA_RASTER, Raster, of_6845
from blink16.services import Guest

GRAPHICS_MEMORY, MONO_MEMORY, COLOR_MEMORY, MEMORY_END = 0xA0000, 0xB0000, 0xB8000, 0xC0000
"""Linear addresses: an EGA's or VGA's dots, an MDA's and a CGA's memory, and their end."""
REGISTERS = 18
CURSOR_START, CURSOR_END = 10, 11
START_HIGH, START_LOW, CURSOR_HIGH, CURSOR_LOW = 12, 13, 14, 15
READABLE = range(12, 18)
TIMING_REGISTERS = 10
"""The first of them say how the beam goes."""
CRTC_INDEX, CURSOR_HIGH_BITS = 0x1F, 0x3F
_UNUSED_BITS = (0, 0, 0, 0, 0x80, 0xE0, 0x80, 0x80, 0xFC, 0xE0, 0x80, 0xE0, 0xC0, 0, 0xC0, 0)
"""For each register that can be written, the bits that it hasn't got."""

# offsets from the base port
CRTC_INDEX_PORT = 4
CRTC_PORTS = range(8)  # the index at even offsets, the data at odd ones
MODE_PORT, COLOR_PORT, STATUS_PORT, HERCULES_PORT = 8, 9, 10, 15
CLEAR_LIGHT_PEN, SET_LIGHT_PEN = 11, 12
KEPT = 64
"""Ways of the beam that are kept ready: programs go through the same few."""

MODE_80_COLUMNS, MODE_GRAPHICS, MODE_GRAY = 0x01, 0x02, 0x04
MODE_ENABLED, MODE_640_DOTS, MODE_BLINK = 0x08, 0x10, 0x20
STATUS_NOT_DRAWING, STATUS_RETRACE = 0x01, 0x08
STATUS_PEN_SET, STATUS_PEN_SWITCH = 0x02, 0x04
STATUS_MONO_DOT, STATUS_NOT_RETRACE = 0x08, 0x80
STATUS_MONO_ALWAYS = 0x70


class Adapter(Enum):
    """Which card is in the slot, by its base port and its picture."""

    CGA = 0x3D0, COLOR_RASTER
    MDA = 0x3B0, MONO_RASTER
    HERCULES = 0x3B0, MONO_RASTER, True
    EGA = 0x3D0, COLOR_RASTER, False, True
    VGA = 0x3D0, VGA_RASTER, False, True

    def __init__(
        self, base: int, raster: Raster, graphics: bool = False, planes: bool = False
    ) -> None:
        self.base = base
        self.raster = raster
        self.hercules = graphics
        self.has_planes = planes

    @property
    def is_mono(self) -> bool:
        """Whether its monitor shows one color."""
        return self.base == Adapter.MDA.base


class StatusKind(IntEnum):
    """Whose status native code may read (`cells.VIDEO`)."""

    NOBODYS = 0
    CGA = 1
    MDA = 2
    HERCULES = 3
    PLANES = 4
    """An EGA's or VGA's in color, whose flip-flop a read would not change."""


class VideoState(NamedTuple):
    """The registers."""

    crtc: bytes = bytes(REGISTERS)
    selected: int = 0
    mode: int = 0
    color: int = 0
    configuration: int = 0
    """Hercules: which of graphics (1) and its second page (2) the mode register may turn on."""
    pen: bool = False


_CRTC, _MODE, _COLOR, _CONFIGURATION, _PEN = map(
    VideoState._fields.index, ("crtc", "mode", "color", "configuration", "pen")
)
_TIMING_MODES = MODE_80_COLUMNS | MODE_GRAPHICS
"""Bits of the mode register that say how the beam goes."""
_NINE_DOTS = 0, 9, 9
_CHARACTERS = {
    Adapter.CGA: (MODE_80_COLUMNS, 16, 8),
    Adapter.HERCULES: (MODE_GRAPHICS, 9, 16),
}
"""Dots of a character without a bit of the mode register, and with it."""
CURSOR = CURSOR_HIGH, CURSOR_LOW
"""Registers that native code writes, too: `Video.state` has them from the cells."""


class Video:
    """A display adapter (`services.Component`).  Who draws the picture looks here what to draw."""

    COMPONENT = "video"
    _state: VideoState

    def __init__(self, guest: Guest, bus: Bus, adapter: Adapter = Adapter.CGA) -> None:
        self._guest = guest
        self.adapter = adapter
        self._characters = _CHARACTERS.get(adapter, _NINE_DOTS)
        self._cells = cells.VIDEO.view(guest.registers.state)
        self._aim(adapter.raster)
        self._status_kind = StatusKind.NOBODYS if adapter.has_planes else StatusKind[adapter.name]
        self._crtc_cells = cells.CRTC.view(guest.registers.state)
        self._crtc_cells[cells.CRTC_BASE] = adapter.base
        self._crtc_cells[cells.CRTC_INDEX_BITS] = CRTC_INDEX
        self._crtc_cells[cells.CRTC_HIGH_BITS] = CURSOR_HIGH_BITS
        self.state = VideoState()
        self._place_memory()
        self._attach(bus)

    def _aim(self, raster: Raster) -> None:
        """Let the beam go another way."""
        self.raster = raster
        """How the beam goes."""
        self._oscillator, self._cells[cells.VIDEO_RATIO :] = _beam(raster, self._guest.clock_hz)

    def _attach(self, bus: Bus) -> None:
        adapter = self.adapter
        base, what = adapter.base, f"{adapter.name}, 6845 and registers"
        for offset in CRTC_PORTS:
            if offset % 2:
                bus.attach([base + offset], self._read_data, self._write_data, what=what)
            else:
                bus.attach([base + offset], None, self._write_index, what=what)
        bus.attach_pairs(base + CRTC_INDEX_PORT, self._write_pair)
        bus.attach([base + MODE_PORT], None, self._write_mode, what=what)
        bus.attach([base + STATUS_PORT], self._read_status, what=what)
        if adapter is Adapter.CGA:
            bus.attach([base + COLOR_PORT], None, self._write_color, what=what)
        if adapter is not Adapter.MDA:
            bus.attach([base + CLEAR_LIGHT_PEN], None, self._clear_pen, what=what)
        if adapter is Adapter.CGA:
            bus.attach([base + SET_LIGHT_PEN], None, self._set_pen, what=what)
        if adapter.hercules:
            bus.attach([base + HERCULES_PORT], None, self._write_configuration, what=what)

    @property
    def state(self) -> VideoState:
        """The registers; native code moves the cursor, too."""
        s = self._state
        selected, high, low = self._crtc_cells[cells.CRTC_MOVED]
        if (s.selected, s.crtc[CURSOR_HIGH], s.crtc[CURSOR_LOW]) != (selected, high, low):
            crtc = s.crtc[:CURSOR_HIGH] + bytes((high, low)) + s.crtc[CURSOR_LOW + 1 :]
            self._state = s = s._replace(crtc=crtc, selected=selected)
        return s

    @state.setter
    def state(self, state: VideoState) -> None:
        self._state = state
        self._follow_beam()
        self._cells[cells.VIDEO_STATUS], self._cells[cells.VIDEO_PEN] = self._status_kind, state.pen
        crtc = state.crtc
        self._put_cursor(state.selected, crtc)

    def _put_cursor(self, selected: int, crtc: bytes) -> None:
        """Put what native code moves where that finds it."""
        moved = array("q", (selected, crtc[CURSOR_HIGH], crtc[CURSOR_LOW]))
        self._crtc_cells[cells.CRTC_MOVED] = moved

    def _follow_beam(self) -> None:
        """Let the beam go as the registers say, or as ever where they are not set yet."""
        state, (bit, narrow, wide) = self._state, self._characters
        character = wide if state.mode & bit else narrow
        unset = self.adapter.raster
        raster = of_6845(state.crtc[:TIMING_REGISTERS], unset.hz, character) or unset
        if raster != self.raster:
            self._aim(raster)

    def save(self) -> VideoState:
        """Return the state."""
        return self.state

    def restore(self, state: VideoState) -> None:
        """Take the state of a `save`."""
        self.state = state

    def _place_memory(self) -> None:
        """Put the card's memory where it is, and none where other cards have theirs."""
        memory = self._guest.memory
        if self.adapter is Adapter.CGA:
            memory.have_nothing(range(GRAPHICS_MEMORY, COLOR_MEMORY))
            memory.have_mirror(range(COLOR_MEMORY, MEMORY_END))
        else:
            end = MONO_MEMORY if self.adapter.hercules else COLOR_MEMORY
            memory.have_nothing(range(GRAPHICS_MEMORY, MONO_MEMORY))
            if end == COLOR_MEMORY:
                memory.have_nothing(range(COLOR_MEMORY, MEMORY_END))

    # -- what is on the screen ---------------------------------------------------------------

    def _word(self, high: int) -> int:
        return self.state.crtc[high] << 8 | self.state.crtc[high + 1]

    @property
    def start(self) -> int:
        """The address, in characters, of what the upper left corner shows."""
        return self._word(START_HIGH)

    @property
    def cursor(self) -> int:
        """The cursor's address in characters; compare `start`."""
        return self._word(CURSOR_HIGH)

    @property
    def cursor_lines(self) -> range:
        """Which lines of a character the cursor covers; empty: it isn't shown."""
        first, last = self.state.crtc[CURSOR_START], self.state.crtc[CURSOR_END]
        return range(0) if first & 0x60 == 0x20 else range(first & 0x1F, last + 1)

    @property
    def enabled(self) -> bool:
        """Whether there is a picture at all."""
        return bool(self.state.mode & MODE_ENABLED)

    @property
    def graphics(self) -> bool:
        """Whether the picture shows dots and no characters."""
        if self.adapter is Adapter.CGA:
            return bool(self.state.mode & MODE_GRAPHICS)
        return bool(self.adapter.hercules and self.state.mode & MODE_GRAPHICS)

    # -- the 6845 ----------------------------------------------------------------------------

    def _write_index(self, port: int, value: int) -> None:
        self._crtc_cells[cells.CRTC_SELECTED] = value & CRTC_INDEX

    def _write_data(self, port: int, value: int) -> None:
        index, s = self._crtc_cells[cells.CRTC_SELECTED], self._state
        if index >= len(_UNUSED_BITS):
            return
        value &= ~_UNUSED_BITS[index]
        if index in CURSOR:
            self._crtc_cells[cells.CRTC_CURSOR_HIGH + index - CURSOR_HIGH] = value
        elif value != s.crtc[index]:
            crtc = s.crtc[:index] + bytes((value,)) + s.crtc[index + 1 :]
            self._state = with_fields(s, _CRTC, crtc)
            if index < TIMING_REGISTERS:
                self._follow_beam()

    def _write_pair(self, register: int, value: int) -> None:
        """Write two registers, most often those of the cursor."""
        if register == CURSOR_HIGH:
            registers = self._crtc_cells
            registers[cells.CRTC_SELECTED] = CURSOR_LOW
            registers[cells.CRTC_CURSOR_HIGH] = value >> 8 & registers[cells.CRTC_HIGH_BITS]
            registers[cells.CRTC_CURSOR_LOW] = value & 0xFF
            return
        for index, byte in ((register, value >> 8 & 0xFF), (register + 1, value & 0xFF)):
            self._write_index(0, index)
            self._write_data(0, byte)

    def _read_data(self, port: int) -> int:
        return self.state.crtc[self.state.selected] if self.state.selected in READABLE else 0

    # -- the card's own ports ----------------------------------------------------------------

    def _write_mode(self, port: int, value: int) -> None:
        if self.adapter.hercules:
            allowed = self._state.configuration
            value &= ~(0 if allowed & 1 else MODE_GRAPHICS)
            value &= ~(0 if allowed & 2 else 0x80)
        s = self._state
        if value != s.mode:
            self._state = with_fields(s, _MODE, value)
            if (value ^ s.mode) & _TIMING_MODES:
                self._follow_beam()

    def _write_color(self, port: int, value: int) -> None:
        s = self._state
        if value != s.color:
            self._state = with_fields(s, _COLOR, value)

    def _write_configuration(self, port: int, value: int) -> None:
        s = self._state
        if value & 3 != s.configuration:
            self._state = with_fields(s, _CONFIGURATION, value & 3)

    def _set_pen(self, port: int, value: int) -> None:
        self._hold_pen(True)

    def _clear_pen(self, port: int, value: int) -> None:
        self._hold_pen(False)

    def _hold_pen(self, is_set: bool) -> None:
        self._state = with_fields(self._state, _PEN, is_set)
        self._cells[cells.VIDEO_PEN] = is_set

    def _read_status(self, port: int) -> int:
        raster = self.raster
        line, dot = raster.position(self._oscillator.cycles(self._guest.time))
        first = raster.retrace_line
        retrace = first <= line < first + raster.retrace_lines
        drawing = line < raster.shown_lines and dot < raster.shown_dots
        if self.adapter is Adapter.CGA:
            status = STATUS_PEN_SWITCH | (STATUS_PEN_SET if self.state.pen else 0)
            status |= 0 if drawing else STATUS_NOT_DRAWING
            return 0xF0 | status | (STATUS_RETRACE if retrace else 0)
        status = STATUS_MONO_ALWAYS | (STATUS_MONO_DOT if drawing and dot & 8 else 0)
        if self.adapter is Adapter.MDA:
            return status | 0x80 | (0 if dot < raster.shown_dots else STATUS_NOT_DRAWING)
        status &= ~STATUS_MONO_ALWAYS  # the card's identification in bits 4 to 6: 0
        status |= 0 if retrace else STATUS_NOT_RETRACE
        return status | (0 if dot < raster.shown_dots else STATUS_NOT_DRAWING)


@lru_cache(KEPT)
def _beam(raster: Raster, clock_hz: int) -> tuple[Oscillator, array[int]]:
    """Return the dots' oscillator, and what native code reads of the beam (`cells.VIDEO_RATIO`)."""
    oscillator = Oscillator(raster.hz, clock_hz)
    return oscillator, array("q", (*oscillator.ratio, *raster[1:]))
