"""The hot display adapters: where the beam is, and the 6845's cursor."""

from __future__ import annotations

from blink16.cpu.hot import HotContext, WriteHot
from blink16.cpu.values import Value, choose
from blink16.devices import cells
from blink16.devices.hot.ratios import scaled
from blink16.devices.video import (
    CURSOR_HIGH,
    CURSOR_LOW,
    STATUS_MONO_ALWAYS,
    STATUS_MONO_DOT,
    STATUS_NOT_DRAWING,
    STATUS_NOT_RETRACE,
    STATUS_PEN_SET,
    STATUS_PEN_SWITCH,
    STATUS_RETRACE,
    StatusKind,
)

_CURSOR = cells.CRTC_CURSOR_HIGH, cells.CRTC_CURSOR_LOW


def _beam(m: HotContext) -> tuple[Value, Value, Value, Value]:
    """Return what dot of its line the beam is at, and, as 0 or 1, what it does.

    That is: whether that dot may be shown, whether it is, and whether the vertical retrace is on.
    """
    hz, clock_hz = (m.get(cells.VIDEO, cells.VIDEO_RATIO + n) for n in range(2))
    dots, shown_dots, lines, shown_lines, retrace, retrace_lines = (
        m.get(cells.VIDEO, cells.VIDEO_RASTER + n) for n in range(6)
    )
    at = scaled(m.now(), hz, clock_hz)
    line, dot = at // dots % lines, at % dots
    in_line, in_picture = dot.below(shown_dots), line.below(shown_lines)
    retracing = ~line.below(retrace) & line.below(retrace + retrace_lines)
    drawing = in_line & in_picture
    return dot, in_line.zero_extend(64), drawing.zero_extend(64), retracing.zero_extend(64)


def read_color_status(m: HotContext) -> Value:
    """Port 3DAh of a CGA, an EGA or a VGA: where the beam is."""
    kind = m.get(cells.VIDEO, cells.VIDEO_STATUS)
    is_cga = kind.equals(StatusKind.CGA)
    m.require(is_cga | kind.equals(StatusKind.PLANES))
    _, _, drawing, retracing = _beam(m)
    pen = m.get(cells.VIDEO, cells.VIDEO_PEN) * STATUS_PEN_SET | (0xF0 | STATUS_PEN_SWITCH)
    return (
        choose(is_cga, pen, m.constant(0))
        | (drawing ^ 1) * STATUS_NOT_DRAWING
        | retracing * STATUS_RETRACE
    )


def read_mono_status(m: HotContext) -> Value:
    """Port 3BAh of an MDA or a Hercules card."""
    kind = m.get(cells.VIDEO, cells.VIDEO_STATUS)
    is_mda = kind.equals(StatusKind.MDA)
    m.require(is_mda | kind.equals(StatusKind.HERCULES))
    dot, in_line, drawing, retracing = _beam(m)
    sync = choose(
        is_mda, m.constant(STATUS_MONO_ALWAYS | 0x80), (retracing ^ 1) * STATUS_NOT_RETRACE
    )
    return sync | drawing * (dot & STATUS_MONO_DOT) | (in_line ^ 1) * STATUS_NOT_DRAWING


def select_register(base: int) -> WriteHot:
    """Return what selects a register of the 6845 that is at a base port."""

    def write(m: HotContext, value: Value) -> None:
        m.require(m.get(cells.CRTC, cells.CRTC_BASE).equals(base))
        m.set(cells.CRTC, value & m.get(cells.CRTC, cells.CRTC_INDEX_BITS), cells.CRTC_SELECTED)

    return write


def write_register(base: int) -> WriteHot:
    """Return what takes its data: where the cursor is."""

    def write(m: HotContext, value: Value) -> None:
        m.require(m.get(cells.CRTC, cells.CRTC_BASE).equals(base))
        selected = m.get(cells.CRTC, cells.CRTC_SELECTED)
        is_high = selected.equals(CURSOR_HIGH)
        m.require(is_high | selected.equals(CURSOR_LOW))
        high, low = (m.get(cells.CRTC, at) for at in _CURSOR)
        bits = m.get(cells.CRTC, cells.CRTC_HIGH_BITS)
        m.set(cells.CRTC, choose(is_high, value & bits, high), cells.CRTC_CURSOR_HIGH)
        m.set(cells.CRTC, choose(is_high, low, value), cells.CRTC_CURSOR_LOW)

    return write
