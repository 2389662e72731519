"""INT 21h's calls that show text, as native code does them where all is usual (`cpu.hot`).

Standard output, or 40h's handle, is CON, nobody hooks what DOS shows text by or has typed a key,
and the text is short.
"""

from __future__ import annotations

from blink16.bios import hot_text
from blink16.bios.data_area import BASE, OFFSETS
from blink16.cpu.hot import CallContext, HotCall
from blink16.cpu.registers import CF, Cell
from blink16.cpu.values import Value, select
from blink16.devices import cells
from blink16.dos.handles import JFT_POINTER_OFFSET, JFT_SIZE_OFFSET, STDOUT
from blink16.dos.hooked_output import FAST_OUTPUT_VECTOR, VIDEO_VECTOR
from blink16.memory import MEMORY_SIZE, SEGMENT_SIZE
from blink16.services import CALLER_FLAGS

SHOW, DIRECT, STRING, WRITE = 0x02, 0x06, 0x09, 0x40
"""The calls."""
MAX_TEXT = 2048
"""Bytes of a call's text; the service does more."""
_KEY_HEAD, _KEY_TAIL = (BASE + OFFSETS[name][0] for name in ("key_head", "key_tail"))
_INPUT = 0xFF
"""DL of 06h: take a key."""
_END = ord("$")


def _show(c: CallContext) -> None:
    """Show DL (02h, 06h), what is at DS:DX up to a dollar sign (09h), or CX bytes there (40h)."""
    ax, dx = c.register(Cell.AX), c.register(Cell.DX)
    number, code = ax >> 8, dx & 0xFF
    is_string, is_write = number.equals(STRING), number.equals(WRITE)
    is_direct = number.equals(DIRECT)
    is_character = number.equals(SHOW) | is_direct
    c.require(is_character | is_string | is_write)
    c.require(~(is_direct & code.equals(_INPUT)))
    _require_console(c, select(is_write, c.register(Cell.BX), c.constant(STDOUT)))
    c.require(c.word(c.constant(_KEY_HEAD)).equals(c.word(c.constant(_KEY_TAIL))))
    source = (c.register(Cell.DS) << 4) + dx
    c.require(is_character | source.below(MEMORY_SIZE - MAX_TEXT))
    size = c.variable(1)
    c.when(is_string, lambda: size.set(_length(c, source)))
    c.when(is_write, lambda: size.set(c.register(Cell.CX)))
    count = size.get()
    c.require(count.is_not_zero() & count.below(MAX_TEXT))
    stack = c.register(Cell.SS), c.register(Cell.SP)
    flags = (stack[0] << 4) + (stack[1] + CALLER_FLAGS & SEGMENT_SIZE - 1)
    c.require(flags.below(MEMORY_SIZE))
    c.require(~is_write | (c.byte(flags) & CF).is_zero())
    text = hot_text.room(c, count)
    page = hot_text.page(c)

    def keep() -> None:
        c.put_byte(text, code)

    c.when(is_character, keep, lambda: c.move(text, source, count))
    hot_text.write(c, page, text, count)
    hot_text.say(c, count)
    c.set(cells.TEXT, stack[0] | stack[1] << 16, cells.TEXT_STACK)
    low = select(is_string, c.constant(_END), code)
    c.set_register(Cell.AX, select(is_write, count, (ax & 0xFF00) | low))


def _require_console(c: CallContext, handle: Value) -> None:
    """Require that a handle means CON, and that DOS' own code shows what goes there."""
    psp = c.get(cells.TEXT, cells.TEXT_PSP)
    c.require(handle.below(c.word(psp + JFT_SIZE_OFFSET)))
    offset = c.word(psp + JFT_POINTER_OFFSET) + handle
    slot = (c.word(psp + JFT_POINTER_OFFSET + 2) << 4) + offset
    c.require(offset.below(SEGMENT_SIZE) & slot.below(MEMORY_SIZE))
    c.require(c.byte(slot).equals(c.get(cells.TEXT, cells.TEXT_FILE)))
    for vector, kept in ((FAST_OUTPUT_VECTOR, cells.TEXT_FAST), (VIDEO_VECTOR, cells.TEXT_VIDEO)):
        far = c.word(c.constant(4 * vector)) | c.word(c.constant(4 * vector + 2)) << 16
        c.require(far.equals(c.get(cells.TEXT, kept)))


def _length(c: CallContext, source: Value) -> Value:
    """Return how many bytes lie before the dollar sign; `MAX_TEXT` if there are no fewer."""
    length = c.variable(0)

    def goes_on() -> Value:
        here = length.get()
        return here.below(MAX_TEXT) & ~c.byte(source + here).equals(_END)

    c.repeat(goes_on, lambda: length.set(length.get() + 1))
    return length.get()


TEXT = HotCall(cells.USUAL.element(cells.USUAL_TEXT), _show)
