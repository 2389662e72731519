"""An EGA or VGA at ports 3C0h to 3CFh, with the CRT controller at 3B4h or 3D4h.

Here are the registers, which programs and the BIOS set; what they make of memory is in
`vga_memory`.  Source: IBM PS/2 Hardware Interface Technical Reference, "Video subsystem"; IBM
Enhanced Graphics Adapter, Technical Reference.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from blink16.bus import Bus, ReadPort, WritePort
from blink16.devices import cells
from blink16.devices.fields import with_fields
from blink16.devices.raster import of_vga
from blink16.devices.vga_map import Window
from blink16.devices.vga_memory import EMPTY_PLANES, VgaMemory
from blink16.devices.video import (
    CRTC_INDEX_PORT,
    CURSOR,
    CURSOR_HIGH,
    CURSOR_LOW,
    STATUS_NOT_DRAWING,
    STATUS_RETRACE,
    Adapter,
    StatusKind,
    Video,
)
from blink16.services import Guest

ATTRIBUTE, ATTRIBUTE_READ, MISC, ENABLE = range(0x3C0, 0x3C4)
SEQUENCER, SEQUENCER_DATA = 0x3C4, 0x3C5
DAC_MASK, DAC_READ, DAC_WRITE, DAC_DATA, FEATURE_READ = 0x3C6, 0x3C7, 0x3C8, 0x3C9, 0x3CA
MISC_READ, GRAPHICS, GRAPHICS_DATA = 0x3CC, 0x3CE, 0x3CF
MONO_CRTC, COLOR_CRTC = 0x3B4, 0x3D4
STATUS_OFFSET = 6
"""From the CRT controller's index to the status, whose write is the feature register."""
MISC_COLOR, MISC_CLOCK = 0x01, 0x0C
SEQUENCER_BITS = bytes((0x03, 0x3D, 0x0F, 0x3F, 0x0E))
GRAPHICS_BITS = bytes((0x0F, 0x0F, 0x0F, 0x1F, 0x03, 0x7B, 0x0F, 0x0F, 0xFF))
ATTRIBUTE_BITS = bytes((0x3F,)) * 16 + bytes((0xEF, 0xFF, 0x3F, 0x0F, 0x0F))
MISC_BITS, FEATURE_BITS = 0xEF, 0x08
"""The bits that registers have; the others are read as 0."""
CRTC_SIZE, DAC_SIZE = 25, 768
INDEX_BITS, CURSOR_BITS = 0x3F, 0xFF
"""Those of the CRT controller's index, and of the cursor's high byte."""
SEQUENCER_SIZE, GRAPHICS_SIZE = len(SEQUENCER_BITS), len(GRAPHICS_BITS)
ATTRIBUTE_SIZE = len(ATTRIBUTE_BITS)
CRTC_PROTECTED, PROTECT = range(8), 0x80
EGA_READABLE = range(0x0C, 0x12)
PALETTE_ENABLED = 0x20
EGA_SWITCHES = 0b1001
"""An EGA with an enhanced color monitor."""
SCREEN_OFF = 0x20
TIMED = frozenset((*range(8), 9, 0x10, 0x11, 0x12))
"""The CRT controller's registers that say how the beam goes."""
CLOCKING = 1
"""The sequencer's register that does, too."""


class VgaState(NamedTuple):
    """All registers, and the planes in parts that the states of many instants share."""

    crtc: bytes = bytes(CRTC_SIZE)
    selected: int = 0
    misc: int = 0
    sequencer: bytes = bytes(SEQUENCER_SIZE)
    sequencer_index: int = 0
    graphics: bytes = bytes(GRAPHICS_SIZE)
    graphics_index: int = 0
    attribute: bytes = bytes(ATTRIBUTE_SIZE)
    attribute_index: int = 0
    attribute_data: bool = False
    """The flip-flop: whether the next write to 3C0h is data."""
    dac: bytes = bytes(DAC_SIZE)
    dac_mask: int = 0xFF
    dac_at: int = 0
    """The byte of the DAC that is next, read or written."""
    dac_pending: bytes = b""
    """Components of a color that have come."""
    dac_reads: bool = False
    feature: int = 0
    latch: int = 0
    planes: tuple[bytes, ...] = EMPTY_PLANES


_SEQUENCER_INDEX, _GRAPHICS_INDEX = map(
    VgaState._fields.index, ("sequencer_index", "graphics_index")
)
_CURSOR = slice(CURSOR_HIGH, CURSOR_LOW + 1)
_MISC, _ATTRIBUTE, _ATTRIBUTE_INDEX, _ATTRIBUTE_DATA, _FEATURE = map(
    VgaState._fields.index, ("misc", "attribute", "attribute_index", "attribute_data", "feature")
)
_DAC, _DAC_MASK, _DAC_AT, _DAC_PENDING = map(
    VgaState._fields.index, ("dac", "dac_mask", "dac_at", "dac_pending")
)
_PLANES, _NOBODYS = int(StatusKind.PLANES), int(StatusKind.NOBODYS)


class Vga(Video):
    """An EGA or a VGA (`services.Component`)."""

    def __init__(self, guest: Guest, bus: Bus, adapter: Adapter = Adapter.VGA) -> None:
        self._bus = bus
        self._is_vga = adapter is Adapter.VGA
        # what is loaded at A0000h may have to be looked at when the window moves
        self._memory = VgaMemory(guest.memory, self._is_vga, lambda: guest.changed(self))
        self._vga = VgaState()
        self._take(self._vga)
        super().__init__(guest, bus, adapter)
        self._crtc_cells[cells.CRTC_INDEX_BITS] = INDEX_BITS
        self._crtc_cells[cells.CRTC_HIGH_BITS] = CURSOR_BITS
        self.vga = self._vga

    # -- state -------------------------------------------------------------------------------

    @property
    def vga(self) -> VgaState:
        """The registers; native code reads the status by what they say of the beam."""
        s, (selected, *cursor) = self._vga, self._crtc_cells[cells.CRTC_MOVED]
        if self._is_behind or selected != s.selected or bytes(cursor) != s.crtc[_CURSOR]:
            self._is_behind = False
            self._crtc[_CURSOR] = bytes(cursor)
            self._vga = s._replace(
                selected=selected,
                crtc=bytes(self._crtc),
                sequencer=bytes(self._sequencer),
                graphics=bytes(self._graphics),
            )
        return self._vga

    @vga.setter
    def vga(self, state: VgaState) -> None:
        self._vga = state
        self._take(state)
        self._put_cursor(state.selected, state.crtc)
        self._follow_beam()
        self._tell_status()

    _is_behind = False
    """Whether the registers of `_take` are newer than the state's."""

    def _take(self, state: VgaState) -> None:
        """Take the registers that programs write again and again, as what is written there."""
        self._crtc = bytearray(state.crtc)
        self._sequencer, self._graphics = bytearray(state.sequencer), bytearray(state.graphics)
        self._is_behind = False

    def _follow_beam(self) -> None:
        """Let the beam go as the registers say."""
        misc, clocking = self._vga.misc & MISC_CLOCK, self._sequencer[CLOCKING]
        raster = of_vga(bytes(self._crtc), misc, clocking, self._is_vga)
        raster = raster or self.adapter.raster
        if raster != self.raster:
            self._aim(raster)

    def _tell_status(self) -> None:
        """Tell native code whether it may read the status."""
        is_plain = self._vga.misc & MISC_COLOR and not self._vga.attribute_data
        self._cells[cells.VIDEO_STATUS] = _PLANES if is_plain else _NOBODYS
        crtc = COLOR_CRTC if self._vga.misc & MISC_COLOR else MONO_CRTC
        self._crtc_cells[cells.CRTC_BASE] = crtc - CRTC_INDEX_PORT

    def save(self) -> VgaState:  # type: ignore[override]
        """Return the state."""
        planes = self._memory.parts(self.vga.planes)
        self.vga = self.vga._replace(planes=planes, latch=self._memory.latch)
        return self.vga

    def restore(self, state: VgaState) -> None:  # type: ignore[override]
        """Take the state of a `save`."""
        self._memory.put_parts(state.planes, self.vga.planes)
        self.vga = state
        self._memory.put_map(state.graphics, state.sequencer, state.latch)

    def plane_bytes(self) -> memoryview:
        """Return the planes, a byte of each one behind the other."""
        return self._memory.plane_bytes()

    @property
    def is_vga(self) -> bool:
        """Whether it has a DAC and registers that can be read."""
        return self._is_vga

    # -- ports -------------------------------------------------------------------------------

    def _attach(self, bus: Bus) -> None:
        name = self.adapter.name
        for base in (MONO_CRTC, COLOR_CRTC):
            bus.attach([base], self._read_index, self._write_index, what=f"{name}, CRT controller")
            bus.attach([base + 1], self._read_data, self._write_data, what=f"{name}, CRTC data")
            status = base + STATUS_OFFSET
            bus.attach([status], self._read_status, self._write_feature, what=f"{name}, status")
            bus.attach_pairs(base, partial(self._write_pair_at, base))
        nothing = self._nothing
        ports: list[tuple[int, ReadPort, WritePort, str]] = [
            (ATTRIBUTE, self._read_attribute_index, self._write_attribute, "attributes"),
            (ATTRIBUTE_READ, self._read_attribute, nothing, "attribute data"),
            (MISC, self._read_switches, self._write_misc, "miscellaneous output"),
            (MISC_READ, self._read_misc, nothing, "miscellaneous output"),
            (FEATURE_READ, self._read_feature, nothing, "feature control"),
            (SEQUENCER, self._read_sequencer_index, self._write_sequencer_index, "sequencer"),
            (SEQUENCER_DATA, self._read_sequencer, self._write_sequencer, "sequencer data"),
            (
                GRAPHICS,
                self._read_graphics_index,
                self._write_graphics_index,
                "graphics controller",
            ),
            (GRAPHICS_DATA, self._read_graphics, self._write_graphics, "graphics data"),
        ]
        if self.is_vga:
            ports += [
                (ENABLE, lambda port: 1, nothing, "enable"),
                (DAC_MASK, lambda port: self._vga.dac_mask, self._write_dac_mask, "DAC mask"),
                (DAC_READ, self._read_dac_state, self._write_dac_read, "DAC read index"),
                (DAC_WRITE, self._read_dac_address, self._write_dac_write, "DAC write index"),
                (DAC_DATA, self._read_dac, self._write_dac, "DAC data"),
            ]
        for port, read, write, what in ports:
            bus.attach([port], read, write, what=f"{name}, {what}")

    def _nothing(self, port: int, value: int) -> None:
        pass

    def _answers(self, port: int) -> bool:
        """Whether the CRT controller is where a port is, in color or monochrome."""
        return bool(self._vga.misc & MISC_COLOR) == (port >= 0x3D0)

    def _read_index(self, port: int) -> int:
        selected = self._crtc_cells[cells.CRTC_SELECTED]
        return selected if self._answers(port) and self.is_vga else 0xFF

    def _write_index(self, port: int, value: int) -> None:
        if self._answers(port):
            self._crtc_cells[cells.CRTC_SELECTED] = value & INDEX_BITS

    def _read_data(self, port: int) -> int:
        index = self._crtc_cells[cells.CRTC_SELECTED]
        if index in CURSOR and self._answers(port):
            return self._crtc_cells[cells.CRTC_CURSOR_HIGH + index - CURSOR_HIGH]
        readable = self.is_vga or index in EGA_READABLE
        return _at(self._crtc, index) if self._answers(port) and readable else 0xFF

    def _write_data(self, port: int, value: int) -> None:
        index, crtc = self._crtc_cells[cells.CRTC_SELECTED], self._crtc
        if not self._answers(port) or index >= CRTC_SIZE:
            return
        if index in CURSOR:
            self._crtc_cells[cells.CRTC_CURSOR_HIGH + index - CURSOR_HIGH] = value
            return
        if index in CRTC_PROTECTED and self._is_vga and crtc[0x11] & PROTECT:
            if index != 7:
                return
            value = crtc[7] & ~0x10 | value & 0x10
        if value != crtc[index]:
            crtc[index], self._is_behind = value, True
            if index in TIMED:
                self._follow_beam()

    def _write_pair_at(self, port: int, register: int, value: int) -> None:
        """Write two registers, most often those of the cursor."""
        if register == CURSOR_HIGH and self._answers(port):
            self._write_pair(register, value)
            return
        for index, byte in ((register, value >> 8 & 0xFF), (register + 1, value & 0xFF)):
            self._write_index(port, index)
            self._write_data(port + 1, byte)

    def _read_sequencer_index(self, port: int) -> int:
        return self._vga.sequencer_index if self.is_vga else 0xFF

    def _write_sequencer_index(self, port: int, value: int) -> None:
        self._vga = with_fields(self._vga, _SEQUENCER_INDEX, value & 7)

    def _read_sequencer(self, port: int) -> int:
        return _at(self._sequencer, self._vga.sequencer_index) if self.is_vga else 0xFF

    def _write_sequencer(self, port: int, value: int) -> None:
        index = self._vga.sequencer_index
        if index < SEQUENCER_SIZE:
            value &= SEQUENCER_BITS[index]
            if value != self._sequencer[index]:
                self._sequencer[index], self._is_behind = value, True
                if index == CLOCKING:
                    self._follow_beam()
                self._memory.follow(bytes(self._graphics), bytes(self._sequencer))

    def _read_graphics_index(self, port: int) -> int:
        return self._vga.graphics_index if self.is_vga else 0xFF

    def _write_graphics_index(self, port: int, value: int) -> None:
        self._vga = with_fields(self._vga, _GRAPHICS_INDEX, value & 0xF)

    def _read_graphics(self, port: int) -> int:
        return _at(self._graphics, self._vga.graphics_index) if self.is_vga else 0xFF

    def _write_graphics(self, port: int, value: int) -> None:
        index = self._vga.graphics_index
        if index < GRAPHICS_SIZE:
            value &= GRAPHICS_BITS[index]
            if value != self._graphics[index]:
                self._graphics[index], self._is_behind = value, True
                self._memory.follow(bytes(self._graphics), bytes(self._sequencer))

    def _read_attribute_index(self, port: int) -> int:
        return self._vga.attribute_index if self.is_vga else 0xFF

    def _read_attribute(self, port: int) -> int:
        index = self._vga.attribute_index & 0x1F
        return _at(self._vga.attribute, index) if self.is_vga else 0xFF

    def _write_attribute(self, port: int, value: int) -> None:
        s = self._vga
        if s.attribute_data:
            index, attribute = s.attribute_index & 0x1F, s.attribute
            locked = index < 16 and s.attribute_index & PALETTE_ENABLED
            if index < ATTRIBUTE_SIZE and not locked:
                attribute = _with(attribute, index, value & ATTRIBUTE_BITS[index])
            self._vga = with_fields(s, _ATTRIBUTE, attribute, s.attribute_index, False)
        else:
            self._vga = with_fields(s, _ATTRIBUTE_INDEX, value & 0x3F, True)
        self._tell_status()

    def _read_switches(self, port: int) -> int:
        """Return input status 0: one of an EGA's switches, or a VGA's sense of a monitor."""
        if self.is_vga:
            return 0x10
        selected = self._vga.misc >> 2 & 3
        return 0x10 if EGA_SWITCHES >> (3 - selected) & 1 else 0

    def _read_misc(self, port: int) -> int:
        return self._vga.misc if self.is_vga else 0xFF

    def _write_misc(self, port: int, value: int) -> None:
        before = self._vga
        self._vga = with_fields(before, _MISC, value & MISC_BITS)
        if (value ^ before.misc) & MISC_CLOCK:
            self._follow_beam()
        self._tell_status()

    def _read_feature(self, port: int) -> int:
        return self._vga.feature if self.is_vga else 0xFF

    def _write_feature(self, port: int, value: int) -> None:
        if self._answers(port):
            self._vga = with_fields(self._vga, _FEATURE, value & FEATURE_BITS)

    # -- the DAC -----------------------------------------------------------------------------

    def _write_dac_mask(self, port: int, value: int) -> None:
        self._vga = with_fields(self._vga, _DAC_MASK, value)

    def _write_dac_read(self, port: int, value: int) -> None:
        self._vga = with_fields(self._vga, _DAC_AT, value * 3, b"", True)

    def _write_dac_write(self, port: int, value: int) -> None:
        self._vga = with_fields(self._vga, _DAC_AT, value * 3, b"", False)

    def _read_dac_state(self, port: int) -> int:
        return 3 if self._vga.dac_reads else 0

    def _read_dac_address(self, port: int) -> int:
        """Return the DAC's address, which is one ahead of a color that is read (Inmos IMS G171)."""
        s = self._vga
        return s.dac_at // 3 + s.dac_reads & 0xFF

    def _read_dac(self, port: int) -> int:
        s = self._vga
        self._vga = with_fields(s, _DAC_AT, (s.dac_at + 1) % DAC_SIZE)
        return s.dac[s.dac_at]

    def _write_dac(self, port: int, value: int) -> None:
        """Take a component; a color changes when its third has come."""
        s = self._vga
        pending = s.dac_pending + bytes((value & 0x3F,))
        if len(pending) < 3:
            self._vga = with_fields(s, _DAC_PENDING, pending)
            return
        at = s.dac_at // 3 * 3
        dac = s.dac[:at] + pending + s.dac[at + 3 :]
        self._vga = with_fields(s, _DAC, dac, s.dac_mask, (at + 3) % DAC_SIZE, b"")

    # -- memory ------------------------------------------------------------------------------

    def _place_memory(self) -> None:
        self._memory.place()  # and then what its registers say before anybody has written them:
        self._memory.put_map(bytes(self._graphics), bytes(self._sequencer), self._memory.latch)

    @property
    def window(self) -> Window:
        """What is at A0000h."""
        return self._memory.window

    # -- what is on the screen ---------------------------------------------------------------

    @property
    def enabled(self) -> bool:
        """Whether there is a picture at all."""
        on = self.vga.attribute_index & PALETTE_ENABLED
        return bool(on) and not self.vga.sequencer[1] & SCREEN_OFF

    @property
    def graphics(self) -> bool:
        """Whether the picture shows dots and no characters."""
        return bool(self.vga.graphics[6] & 1)

    @property
    def lines(self) -> int:
        """The lines that the CRT controller shows."""
        crtc = self.vga.crtc
        lines = crtc[0x12] | (crtc[7] & 2) << 7
        return (lines | (crtc[7] & 0x40) << 3 if self.is_vga else lines) + 1

    def _read_status(self, port: int) -> int:
        if not self._answers(port):
            return 0xFF
        if self._vga.attribute_data:
            self._vga = with_fields(self._vga, _ATTRIBUTE_DATA, False)
            self._tell_status()
        raster = self.raster
        line, dot = raster.position(self._oscillator.cycles(self._guest.time))
        retrace = raster.retrace_line <= line < raster.retrace_line + raster.retrace_lines
        drawing = line < raster.shown_lines and dot < raster.shown_dots
        status = 0 if drawing else STATUS_NOT_DRAWING
        return status | (STATUS_RETRACE if retrace else 0)


def _at(registers: bytes | bytearray, index: int) -> int:
    """Return what is read from a VGA's register, 0 where there is none."""
    return registers[index] if index < len(registers) else 0


def _with(registers: bytes, index: int, value: int) -> bytes:
    return registers[:index] + bytes((value,)) + registers[index + 1 :]
