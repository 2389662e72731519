"""Small things of a PC as the hardware and IBM's BIOS have them: boot sectors on both engines."""

from __future__ import annotations

import pytest
from boot_sectors import HALT_FOREVER, SECOND, Pc, press, program, run_to_halt, sector
from guests import ENGINES

from blink16 import bios
from blink16.bios import display, font, picture
from blink16.bios.screen_content import DotScreen, ScreenContent, TextScreen
from blink16.console import Console
from blink16.cpu.registers import CF
from blink16.debugger import Debugger, Resume
from blink16.devices.video import Adapter, Video
from blink16.machine import Machine

DONE = 20_000
"""Instructions of boot sectors that go on for ever."""


def booted(code: str, engine: str, adapter: Adapter = Adapter.CGA) -> Machine:
    """Return a PC that has executed a boot sector, on a floppy whose sectors have their number."""
    image = bytearray(sector(bytes.fromhex(code)))
    for number in range(1, 2880):
        image += number.to_bytes(2, "little") * 256
    machine = Machine(engine)
    machine.idle_after = 1 << 62
    disk = bios.disk_of(0, bytes(image))
    bios.power_on(machine, Console(), [disk], adapter=adapter)
    if HALT_FOREVER in bytes.fromhex(code):
        run_to_halt(machine, bytes.fromhex(code))
    else:
        machine.run(DONE)
    return machine


def shown(machine: Machine) -> ScreenContent | None:
    """Return what a machine's screen shows."""
    video = machine.component(Video.COMPONENT)
    assert isinstance(video, Video)
    return display.read(machine.memory, video)


@pytest.mark.parametrize("engine", ENGINES)
def test_transfers_stop_where_controllers_do(engine: str) -> None:
    """INT 13h/02: a buffer across 64 KiB is AH=09h, and no floppy goes on at another cylinder.

    mov ax,1000h; mov es,ax; mov bx,0FF00h; mov ax,0202h; mov cx,2; mov dx,0; int 13h;
    mov [cs:600h],ax; pushf; pop word [cs:602h]; 36 sectors from head 1 sector 1 to 2000:0;
    mov [cs:604h],ax; the same from head 0; mov [cs:606h],ax
    """
    machine = booted(
        "b800108ec0bb00ffb80202b90200ba0000cd132ea300069c2e8f060206b800208ec031dbb82402b90100"
        "ba0001cd132ea30406b82402ba0000cd132ea30606f4ebfd",
        engine,
    )
    word = machine.memory.read_word
    assert word(0x600) == 0x0900
    assert word(0x602) & CF
    assert word(0x604) == 0x0412  # 18 sectors, and then there is none of that name
    assert word(0x606) == 0x0024
    assert word(0x20000 + 35 * 512) == 35


@pytest.mark.parametrize("engine", ENGINES)
def test_mode_6_shows_characters_as_they_are(engine: str) -> None:
    """mov ax,6; int 10h; mov ax,0E41h; xor bx,bx; int 10h: the color has no meaning there."""
    machine = booted("b80600cd10b8410e31dbcd10f4ebfd", engine)
    even = [machine.memory.ram[0xB8000 + 80 * line] for line in range(4)]
    odd = [machine.memory.ram[0xBA000 + 80 * line] for line in range(4)]
    drawn = bytes(byte for pair in zip(even, odd, strict=True) for byte in pair)
    assert drawn == font.small()[8 * ord("A") : 8 * ord("A") + 8]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cga_picture_scrolls(engine: str) -> None:
    """mov ax,4; int 10h; word FFFFh at B800:0018h; CRTC start 0Ch: the dots are at the top left."""
    machine = booted("b80400cd10b800b88ec026c7061800ffffbad403b80d0ceff4ebfd", engine)
    screen = shown(machine)
    assert isinstance(screen, DotScreen)
    assert (screen.width, screen.height) == (320, 200)
    assert screen.dots[:9] == bytes((7 + 8,)) * 8 + b"\0"


@pytest.mark.parametrize("engine", ENGINES)
def test_characters_of_two_lines(engine: str) -> None:
    """160x100: CRTC 4=7Fh 6=64h 7=70h 9=1 in mode 3, filled with DEh in all attributes."""
    machine = booted(
        "b80300cd10bad803b001eebad403b8047fefb80664efb80770efb80901efbad803b009eeb800b88ec0"
        "31ffb9401f31dbb0de88d8b0deabb0dee2f9ebfe".replace("88d8b0de", "88dc90"),
        engine,
    )
    screen = shown(machine)
    assert isinstance(screen, TextScreen)
    assert (screen.columns, screen.rows, screen.height) == (80, 100, 2)
    png = picture.png(screen)
    assert int.from_bytes(png[16:20], "big") == 640
    assert int.from_bytes(png[20:24], "big") == 400


def test_ctrl_bracket_is_escape() -> None:
    """INT 16h: Ctrl-[ is 1A1Bh."""
    pc = Pc(program(bytes.fromhex("b80000cd16a30006f4ebfd")))
    press(pc, "ctrl-[")
    assert pc.machine.memory.read_word(0x600) == 0x1A1B


def test_the_small_font_is_readable() -> None:
    """F000:FA6E has characters drawn for eight lines: ? is no 7, and all letters differ."""
    pc = Pc()
    shapes = [pc.machine.memory.read(0xFFA6E + 8 * code, 8) for code in range(128)]
    letters = [shapes[code] for code in range(0x21, 0x7F)]
    assert len(set(letters)) == len(letters)
    assert shapes[ord("?")][-3] == 0  # the gap above its dot
    assert shapes[ord("?")][-2] != 0


@pytest.mark.parametrize("engine", ENGINES)
def test_refresh_reaches_terminal_count(engine: str) -> None:
    """W: hlt; in al,8; test al,1; jz w: bit 0 comes within a second, and a read clears it."""
    machine = booted("f4e408a80174f9a20006f4ebfd", engine)
    assert machine.cycles < 1.1 * SECOND
    assert machine.memory.ram[0x600] == 1
    machine.bus.read(8)
    assert machine.bus.read(8) == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_probes_find_only_the_adapter_there_is(engine: str) -> None:
    """A CGA's 16 KiB are mirrored; A000:0 and, without an MDA, B000:0 read FFh."""
    machine = booted(
        "b800bc8ec026c70600003412b800b88ec026a10000a3000626c70602007856b800bc8ec026a10200a30206"
        "b800a08ec026c7060000aa5526a10000a30406b800b08ec026c7060000aa5526a10000a30606f4ebfd",
        engine,
    )
    assert [machine.memory.read_word(0x600 + 2 * n) for n in range(4)] == [
        0x1234,
        0x5678,
        0xFFFF,
        0xFFFF,
    ]


def test_the_mirror_goes_back_in_time() -> None:
    """Both images of a CGA's memory are the same at every instant."""
    code = "b800bc8ec0b9e80326890e000026ff060200e2f4f4ebfd"
    machine = Machine("native")
    bios.boot(machine, sector(bytes.fromhex(code)), Console())
    debugger = Debugger(machine)
    debugger.resume(Resume(count=2000))
    for instant in (1500, 10, 700, 2000):
        debugger.seek(instant)
        ram = machine.memory.ram
        assert bytes(ram[0xB8000:0xBC000]) == bytes(ram[0xBC000:0xC0000])


@pytest.mark.parametrize(
    ("start", "length"),
    [
        (0xB8000, 0x4000),
        (0xB80FF, 2),
        (0xB7FF0, 0x20),
        (0xBBFF0, 0x120),
        (0xBFFFF, 1),
        (0xBFF80, 0x100),
    ],
)
def test_what_a_service_stores_is_in_both_images(start: int, length: int) -> None:
    """A service's store, at once or page by page, must reach the other image and be recorded."""
    memory = Pc().machine.memory
    memory.begin()
    memory.write(start, bytes(1 + n % 255 for n in range(length)))
    stored = range(max(start, 0xB8000), min(start + length, 0xC0000))
    expected = bytearray(bytes(memory.ram[0xB8000:0xBC000]))
    assert memory.ram[0xBC000:0xC0000] == expected
    assert any(expected[address & 0x3FFF] for address in stored)
    pages = {address >> 8 for address in stored}
    assert pages | {page ^ 0x40 for page in pages} <= set(memory.written())


def test_switches_and_equipment_agree() -> None:
    """INT 11h's low byte is what port 62h shows of the switches."""
    pc = Pc()
    pc.call(0x11)
    bus = pc.machine.bus
    bus.write(0x61, 0x48)
    low = bus.read(0x62) & 0xF
    bus.write(0x61, 0x40)
    bus.write(0x61, 0x48 | 0)
    high_selected = bus.read(0x61)
    bus.write(0x61, high_selected & ~0x08)
    low = bus.read(0x62) & 0xF
    bus.write(0x61, high_selected | 0x08)
    high = bus.read(0x62) & 0xF
    assert high << 4 | low == pc.registers.al


def test_a_monochrome_adapter_has_its_own_look() -> None:
    """Attribute 01h is underlined, 70h reverse, 00h nothing, 0Fh intense; cells are 9x14."""
    cells = b"\xdb\x70A\x01 \x07A\x00\xdb\x0f" + b" \x07" * 1995
    screen = TextScreen(80, 25, cells, None, range(0), height=14, mono=True)
    png = picture.png(screen)
    assert (png[16:24]) == (720).to_bytes(4, "big") + (350).to_bytes(4, "big")
    lines = picture._text_lines(screen)
    assert set(lines[5][0:8]) == {0}  # a full block in reverse
    assert set(lines[12][9:18]) == {7}
    assert set(lines[3][27:36]) == {0}
    assert set(lines[3][36:45]) == {15}
    machine = booted("f4ebfd", "reference", Adapter.MDA)
    text = shown(machine)
    assert isinstance(text, TextScreen)
    assert (text.mono, text.height) == (True, 14)


@pytest.mark.parametrize("engine", ENGINES)
def test_one_flip_flop_for_reads_and_writes(engine: str) -> None:
    """mov al,34h; out 43h,al; mov al,11h; out 40h,al; in al,40h; mov al,22h; out 40h,al: the
    read took the high byte's turn, so 22h is another low byte.
    """
    machine = booted("b034e643b011e640e440b022e640b033e640f4ebfd", engine)
    pit = machine.component("pit")
    assert pit.state.counters[0].initial == 0x3322  # type: ignore[union-attr]


def test_an_untriggered_one_shot_counts() -> None:
    """Modes 1 and 5 count while they wait for a trigger that a PC's channel 0 never gets."""
    for mode in (0x32, 0x3A):
        machine = booted(f"b0{mode:02x}e643b000e640b010e640f4ebfd", "reference")
        counter = machine.component("pit").state.counters[0]  # type: ignore[union-attr]
        assert counter.value(counter.free_since + 0x234) == 0x1000 - 0x234
