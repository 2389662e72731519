"""EGA and VGA: pictures against QEMU's, planes on both engines and in both directions of time."""

from __future__ import annotations

import random
import zlib
from hashlib import sha256
from pathlib import Path

import pytest
from boot_sectors import MAX_CALL, run_to_halt, sector
from guests import ENGINES
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16 import bios
from blink16.bios import display, picture
from blink16.bios.screen_content import DotScreen, ScreenContent, TextScreen
from blink16.console import Console
from blink16.cpu.engine import StopReason
from blink16.cpu.native.compiler import submit
from blink16.debugger import Debugger, Resume
from blink16.devices.pc import PcDevices
from blink16.devices.vga import Vga
from blink16.devices.video import Adapter
from blink16.history import Timeline
from blink16.machine import Machine
from blink16.memory import Attribute

PLANES = (
    "00cd10b800a08ec0bace03b8010fef31db31ff88dc80e40fb000efb9c800f3aa4383fb3c75edb80100efb805"
    "02efbfe803b9b80bb808ff88ccef268a0589c8aae2f2b808ffefb80318efb80500efbf8813b9d007268a05b0"
    "55aae2f8b80300efb80501ef061fbee803bf581bb98403f3a40e1fb8050ab8050aefb80203efbe0000b9f401"
    "268a84e803268884000246e2f3f4ebfd"
)
"""Fills with set/reset, writes in all modes, XORs with latches, copies, compares colors."""
PICTURES = {
    # name: boot sector, SHA-256 of the red, green and blue of QEMU 7.2's screendump (-vga std)
    "mode 13h": (
        "b81300cd10b800a08ec031ffb900fa31c089f8ba0000bb4001f7f300d0aae2f1f4ebfd",
        "56a7dcebcbdcc2419df68c07aaabe503fcdd6346e602b805053c42584160d603",
    ),
    "mode 0Dh": (
        "b80d" + PLANES,
        "e84c64208de17d15e01c7cec7528fbf7bd7dc0f64390fad9693e7d62c907ac23",
    ),
    "mode 0Eh": (
        "b80e" + PLANES,
        "50c4c7466429b5bbb38972d251c935f949bb55242365191ef8b60fd3c8f6baae",
    ),
    "mode 10h": (
        "b810" + PLANES,
        "2c0fa362dbd89818503f1747fb9238887ff34e25f09cead0cc75506d1a01727b",
    ),
    "mode 12h": (
        "b812" + PLANES,
        "ec9e9be8c06054e226056e2f75d9c82e293cf7438b20f606810fc8fdfc41a8b6",
    ),
    "unchained, planes 0 and 2, start address, DAC": (
        "b81300cd10b800a08ec031ffb900fa89f8aae2fbbac403b80406efbad403b81400efb817e3efbac403b80205"
        "efbf4006b02cb96009f3aabad403b80c01efbac803b00aee42b93c0088c8eee2fbf4ebfd",
        "44d0c2fd8b5d05df276c61240fc64db611977cc6c2e702dc7f47afc8816db791",
    ),
    "160x100: rows of four lines, DEh": (
        "b80300cd10bad403b80903efb80a20efb800b88ec031ffb9401f31dbb0de88dc80e47fab43e2f5f4ebfd",
        "925fe2f2648fb0f654f2e8ad886aeeead95b9274f62863dd08df0ca938acbbdb",
    ),
    "mode 4": (
        "b80400cd10b800b88ec031ffb9002089f800e0abe2f9f4ebfd",
        "7f517e3877361c5bac3779aefde4e3e7fbd1ab6f5fe61c8ee3be8cf72642317d",
    ),
    "mode 6": (
        "b80600cd10b800b88ec031ffb9002089f800e0abe2f9f4ebfd",
        "5bfe644a38f5fe5b0de55f53f731396eae94dbda498f2e0a7d254570a2bae702",
    ),
}

PROGRAMS = {
    # name of NAME.asm in tests/vga, and NAME.bin that nasm makes of it: digest as above
    "dac_ramp": "ff56d963714a48a02cbcac5d069a19c58c9174f3015387aa14b385aa7f9a180f",
    "split_0dh": "c9b3453d3923358686135785dd5b9605a2a5627a7a6153cb1d2a91587f3b1173",
    "write_mode_3": "4e51f5352f76e0e4b159c4363c04b976422beab4a468d3b431713a1d0a5c880f",
    "mode_x": "5c1a81eb2313b10b62853e0a971ab040a0a4b5251d7f8f9cacb9a4f5cfa3414d",
    "latches_12h": "3882c307d7ef6d43a0eeb1e202892f5db0ac2d4da2711863bda100121548059c",
    "cga_palette": "825df6108ae08809ac789e5b62ebd8511c07754370c524ef341fe4ddce5e04e8",
    "cga_start": "d73f7b385b7013676cd5ea9edf91c1b8a503b1787034249d80f38d6cd6e7326a",
    "mode_6_colors": "722a5d786f8f10451e2be61326bd9d14101530afadf3031e0cd7ea56b9e87e3d",
    "text_50_rows": "31f6d514ed0cad1eda3603e02153ff157e8c9289efe0b63b07858571e735b55f",
    "two_fonts": "7ec3af3fd449dd845fb7a2bc991be8ab007543b151f2fe80e5dbe6f350a0e05e",
    "gray_and_scroll": "ff2bfa40c7ac04e4c9a261309e0749fe43ef854dca61de75f3468dd9b5d58d25",
}
FOLDER = Path(__file__).parent / "vga"


def machine_with(code: bytes, engine: str = "native", adapter: Adapter = Adapter.VGA) -> Machine:
    """Return a PC with this adapter before a boot sector."""
    machine = Machine(engine)
    machine.idle_after = 1 << 62
    bios.power_on(machine, Console(), [bios.disk_of(0, sector(code))], adapter=adapter)
    return machine


def shown(machine: Machine) -> ScreenContent | None:
    """Return what a machine's screen shows."""
    vga = machine.component(Vga.COMPONENT)
    assert isinstance(vga, Vga)
    return display.read(machine.memory, vga)


def rgb(png: bytes) -> bytes:
    """Return the colors of the dots of a PNG file like ours."""
    at, parts = len(picture.SIGNATURE), {}
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        parts[png[at + 4 : at + 8]] = png[at + 8 : at + 8 + length]
        at += 12 + length
    width = int.from_bytes(parts[b"IHDR"][:4], "big")
    raw, palette = zlib.decompress(parts[b"IDAT"]), parts[b"PLTE"]
    colors = [palette[3 * n : 3 * n + 3] for n in range(len(palette) // 3)]
    lines = (raw[n + 1 : n + 1 + width] for n in range(0, len(raw), width + 1))
    return b"".join(colors[dot] for line in lines for dot in line)


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_qemus(name: str) -> None:
    """Every byte of the picture is that of the screendump of the same boot sector."""
    code, digest = PICTURES[name]
    assert digest_of_picture(bytes.fromhex(code)) == digest


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_draw_what_they_draw_on_qemu(name: str) -> None:
    """Splits, two fonts, own fonts, write modes, colors of INT 10h/0Bh, gray: byte by byte."""
    assert digest_of_picture((FOLDER / f"{name}.bin").read_bytes()) == PROGRAMS[name]


def digest_of_picture(code: bytes) -> str:
    """Return SHA-256 of the colors that a boot sector shows when it halts."""
    machine = machine_with(code)
    run_to_halt(machine, code)
    return sha256(rgb(picture.png(shown(machine)))).hexdigest()


@pytest.mark.parametrize("name", ["mode 0Dh", "unchained, planes 0 and 2, start address, DAC"])
def test_both_engines_see_the_same_planes(name: str) -> None:
    """The reference folds what native code emits."""
    code = bytes.fromhex(PICTURES[name][0])
    states = []
    for engine in ENGINES:
        machine = machine_with(code, engine)
        machine.run(20_000)
        states.append((machine.save(), bytes(machine.memory.ram)))
    assert states[0] == states[1]


def test_planes_go_back_in_time() -> None:
    """Seek anywhere and back gives the identical machine, planes and latches included."""
    debugger = Debugger(machine_with(bytes.fromhex(PICTURES["mode 12h"][0])))
    debugger.resume(Resume(count=30_000))
    seen = {}
    for instant in (30_000, 17_000, 300, 22_000, 9_000):
        debugger.seek(instant)
        seen[instant] = debugger.machine.save(), bytes(debugger.machine.memory.ram)
    for instant in sorted(seen):
        debugger.seek(instant)
        assert (debugger.machine.save(), bytes(debugger.machine.memory.ram)) == seen[instant]


def test_a_watchpoint_in_the_window_stops() -> None:
    """Stores to the planes touch the addresses of the window."""
    machine = machine_with(bytes.fromhex("b80d00cd10b800a08ec026c606640055f4ebfd"))
    machine.memory.mark(0xA0064, Attribute.WATCH_WRITE)
    while (stop := machine.run(10_000)).reason is StopReason.WATCHPOINT and stop.address != 0xA0064:
        pass
    assert (stop.reason, stop.address) == (StopReason.WATCHPOINT, 0xA0064)


def test_hot_code_reads_the_planes() -> None:
    """A region translated before the window was opened must look at it afterwards."""
    # again: mov al,[es:di]; add bl,al; loop again, in text mode and then in mode 0Dh
    code = (
        "b800a08ec031ff31dbb9a00fbe0200268a0500c3e2f94e740db80d00cd1026c6050731dbb9a00febeaf4ebfd"
    )
    ends = []
    for engine in ENGINES:
        machine = machine_with(bytes.fromhex(code), engine)
        for _ in range(20):
            machine.run(2_000)
            submit(int).result()
        ends.append((machine.registers.save(), machine.icount))
    assert ends[0] == ends[1]


PORTS = (0x3C0, 0x3C2, 0x3C4, 0x3C5, 0x3C6, 0x3C7, 0x3C8, 0x3C9, 0x3CE, 0x3CF, 0x3D4, 0x3D5, 0x3DA)


@settings(max_examples=examples(12))
@given(st.integers(0, 1 << 32), st.sampled_from((Adapter.EGA, Adapter.VGA)))
def test_nonsense_is_equal_on_both_engines(seed: int, adapter: Adapter) -> None:
    """Registers out of range and any stores and loads: the same machine, some picture, no crash."""
    choose = random.Random(seed)
    code = bytearray(bytes.fromhex("b8") + bytes((choose.choice((3, 4, 13, 16)), 0)))
    code += bytes.fromhex("cd10b800a08ec0bf0000")
    while len(code) < 470:
        word = choose.randrange(0x1000).to_bytes(2, "little")
        port = choose.choice(PORTS).to_bytes(2, "little")
        value = bytes((choose.choice((choose.randrange(16), choose.randrange(256))),))
        code += choose.choice(
            (
                b"\xba" + port + b"\xb0" + value + b"\xee",
                b"\xba" + port + b"\xb8" + value + bytes((choose.randrange(256),)) + b"\xef",
                b"\xba" + port + b"\xec\x00\xc3",
                b"\xbf" + word + b"\xb0" + value + b"\xb9\x05\x00\xf3\xaa",
                b"\x26\xa0" + word + b"\x00\xc3\x26\xa2" + word,
            )
        )
    states = []
    for engine in ENGINES:
        machine = machine_with(bytes(code[:500]) + b"\xf4", engine, adapter)
        machine.run(3_000)
        states.append((machine.save(), bytes(machine.memory.ram)))
        picture.png(shown(machine))
    assert states[0] == states[1]


# -- the BIOS --------------------------------------------------------------------------------


def call(machine: Machine, ax: int, **registers: int) -> None:
    """Do INT 10h."""
    machine.memory.write(0x7E00, b"\xcd\x10")
    machine.registers.cs, machine.registers.ip, machine.registers.ax = 0, 0x7E00, ax
    for name, value in registers.items():
        setattr(machine.registers, name, value)
    for _ in range(MAX_CALL):
        machine.run(1)
        if (machine.registers.cs, machine.registers.ip) == (0, 0x7E02):
            break


def test_programs_see_which_adapter_it_is() -> None:
    """INT 10h/12h, 1Ah and 1Bh are how they ask."""
    machine = machine_with(b"\xeb\xfe")
    r = machine.registers
    call(machine, 0x1A00)
    assert (r.al, r.bx) == (0x1A, 0x0008)
    call(machine, 0x1200, bx=0x0010)
    assert (r.bl, r.bh) == (3, 0)
    call(machine, 0x1B00, bx=0, es=0x2000, di=0)
    assert r.al == 0x1B
    assert machine.memory.read(0x20022, 1)[0] == 25
    ega = machine_with(b"\xeb\xfe", adapter=Adapter.EGA)
    call(ega, 0x1A00, bx=0x55AA)
    assert ega.registers.bx == 0x55AA
    call(ega, 0x1200, bx=0x0010)
    assert (ega.registers.bl, ega.registers.bh) == (3, 0)


def test_fifty_rows_and_fonts_of_ones_own() -> None:
    """INT 10h/1112h gives 50 rows of 8 lines, 1100h loads shapes that the picture shows."""
    machine = machine_with(b"\xeb\xfe")
    call(machine, 0x1112, bx=0)
    screen = shown(machine)
    assert isinstance(screen, TextScreen)
    assert (screen.columns, screen.rows, screen.height) == (80, 50, 8)
    machine.memory.write(0x20000, b"\xaa\x55" * 4)
    call(machine, 0x1100, bx=0x0800, cx=1, dx=0x41, es=0x2000, bp=0)
    screen = shown(machine)
    assert isinstance(screen, TextScreen)
    assert screen.font[0x41 * 32 : 0x41 * 32 + 8] == b"\xaa\x55" * 4
    for _ in range(60):
        call(machine, 0x0E0A)
        call(machine, 0x0E41)
    assert machine.memory.read(0x484, 1)[0] == 49
    screen = shown(machine)
    assert isinstance(screen, TextScreen)
    assert "A" in screen.lines()[49]


@pytest.mark.parametrize("mode", [0x0D, 0x10, 0x12, 0x13])
def test_characters_and_dots_in_graphics(mode: int) -> None:
    """Teletype, dots, scrolling and reading back work as in text."""
    machine = machine_with(b"\xeb\xfe")
    r = machine.registers
    call(machine, mode)
    call(machine, 0x0E41, bx=0x000E)
    call(machine, 0x0200, bx=0, dx=0)
    call(machine, 0x0800, bx=0)
    assert r.al == 0x41
    call(machine, 0x0C09, bx=0, cx=100, dx=150)
    call(machine, 0x0D00, bx=0, cx=100, dx=150)
    assert r.al == 9
    screen = shown(machine)
    assert isinstance(screen, DotScreen)
    assert 0 < len(set(screen.dots)) <= 3
    call(machine, 0x0601, bx=0, cx=0, dx=0x184F)
    call(machine, 0x0200, bx=0, dx=0)
    call(machine, 0x0800, bx=0)
    assert r.al == 0


def test_palettes_and_the_dac() -> None:
    """INT 10h/10h sets and reads registers and colors."""
    machine = machine_with(b"\xeb\xfe")
    r = machine.registers
    call(machine, 0x1010, bx=20, dx=0x3F00, cx=0x1015)
    call(machine, 0x1015, bx=20)
    assert (r.dh, r.ch, r.cl) == (0x3F, 0x10, 0x15)
    call(machine, 0x1000, bx=0x2105)
    call(machine, 0x1007, bx=0x0005)
    assert r.bh == 0x21


@pytest.mark.parametrize("port", [0x3C1, 0x3C4, 0x3C5, 0x3CA, 0x3CC, 0x3CE, 0x3CF, 0x3D4, 0x3D5])
def test_an_egas_registers_cannot_be_read(port: int) -> None:
    """Programs that tell a VGA from an EGA by what they have written come to the wrong one."""
    bus = machine_with(b"\xf4", adapter=Adapter.EGA).bus
    bus.write(port, 5)
    assert bus.read(port) == 0xFF


def printed_by(machine: Machine) -> bytearray:
    """Return bytes that get what a machine writes to port E9h, as it does."""
    printed = bytearray()
    machine.on_output = lambda channel, data: printed.extend(data if channel == "debug" else b"")
    return printed


def test_text_lies_in_planes_0_and_1() -> None:
    """Programs that keep the memory over a change of modes must find what QEMU 7.2 prints."""
    code = (FOLDER / "text_and_planes.bin").read_bytes()
    ends = []
    for engine in ENGINES:
        machine = machine_with(code, engine)
        printed = printed_by(machine)
        debugger, states = Debugger(machine), []
        for _ in range(6):
            debugger.resume(Resume(count=1_000))
            states.append((debugger.timeline.now, machine.save(), bytes(machine.memory.ram)))
        assert printed == b"41414141 17171717 41175A5A 01020506 \n"
        for now, state, ram in (*reversed(states), *states):
            debugger.seek(now)
            assert (machine.save(), bytes(machine.memory.ram)) == (state, ram)
        ends.append(states)
    assert ends[0] == ends[1]


@pytest.mark.parametrize("adapter", [Adapter.EGA, Adapter.VGA])
def test_a_card_that_nobody_has_programmed_is_the_same_after_going_back(adapter: Adapter) -> None:
    """Prevents a BIOS of the user's (``--bios``), which looks for the card's memory before it sets
    the card up, from finding something else there in the past than it found when it came by.
    """
    machine = Machine("native")
    PcDevices(machine, adapter=adapter)
    stores_and_looks = bytes.fromhex("b800a08ed8 c606000055 a00000 f4")  # mov [A000:0], 55h; look
    machine.memory.write(0x500, stores_and_looks)
    machine.registers.ip = 0x500
    timeline = Timeline(machine)
    timeline.run(4)
    looked = machine.registers.al
    timeline.seek(0)
    timeline.seek(4)
    assert machine.registers.al == looked
