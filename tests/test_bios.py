"""The BIOS: booting, the data area, screen, keyboard, clock and the small services."""

from __future__ import annotations

from pathlib import Path

import pytest
from boot_sectors import EPOCH, SCREEN, Pc, sector
from hypothesis import given
from hypothesis import strategies as st

from blink16 import bios, dos
from blink16.bios import keyboard
from blink16.bios.data_area import DATA_AREA, OFFSETS
from blink16.bios.geometry import BootError
from blink16.console import Console
from blink16.cpu.engine import StopReason
from blink16.cpu.registers import ZF
from blink16.dos.volume import Volume
from blink16.hostfs.files import FileTree
from blink16.machine import Machine
from blink16.memory import linear


class Plain(Pc):
    """A PC as a program has it that is run by itself: no disks."""

    def __init__(self) -> None:
        self.machine = Machine(epoch_ns=EPOCH)
        self.console = Console()
        self.notices = []
        self.machine.on_notice = self.notices.append
        bios.stand_by(self.machine, self.console)


@pytest.fixture
def pc() -> Pc:
    """Return a PC in front of an empty boot sector."""
    return Pc()


@pytest.fixture
def plain() -> Plain:
    """Return a machine as DOS programs have it."""
    return Plain()


# -- boot ------------------------------------------------------------------------------------


def test_boot_sector_is_loaded_at_7c00() -> None:
    """The machine must stand before 0000:7C00 with the drive in DL, interrupts on."""
    pc = Pc(sector(b"\xf4"))
    r = pc.registers
    assert (r.cs, r.ip, r.dl, r.ds, r.es, r.ss) == (0, 0x7C00, 0, 0, 0, 0)
    assert pc.machine.memory.read(0x7C00, 512) == sector(b"\xf4")
    assert r.flags & 0x200


def test_boot_sector_prints() -> None:
    """mov ax,0E41h; int 10h; hlt: the smallest boot sector must show its letter."""
    pc = Pc(sector(b"\xb8\x41\x0e\xcd\x10\xfa\xf4"))
    pc.machine.run(200)
    assert pc.shown == [("console", b"A")]
    assert pc.row(0) == "A"


def test_hard_disk_boots_as_80h() -> None:
    """A hard disk's boot sector finds 80h in DL, also when the image's size alone says so."""
    assert Pc(bytes(1008 * 512), drive=0x80).registers.dl == 0x80
    assert Pc(bytes(4 << 20)).registers.dl == 0x80


@pytest.mark.parametrize(
    ("image", "drive", "words"),
    [
        (b"", 0, "empty"),
        (bytes(511), 0x80, "511 bytes"),
        (bytes(1440 * 1024 + 1), 0, "whole sectors"),
        (sector(b""), 1, "drive 01h"),
    ],
)
def test_impossible_images_are_refused(image: bytes, drive: int, words: str) -> None:
    """An image that can't be a disk must give one line that says why."""
    with pytest.raises(BootError, match=words) as error:
        Pc(image, drive)
    assert "\n" not in str(error.value)


def test_vectors_that_nobody_handles_return(pc: Pc) -> None:
    """An unused interrupt must come back to the caller, not run through the vector table."""
    for vector in (0x05, 0x1C, 0x33, 0x67, 0xFF):
        pc.call(vector, 0x1234)
        assert (pc.registers.cs, pc.registers.ip, pc.registers.ax) == (0, 0x7E02, 0x1234)


def test_machine_identifies_as_xt(pc: Pc) -> None:
    """Programs read the model byte at FFFF:E; the reset vector must lead into ROM."""
    assert pc.machine.memory[0xFFFFE] == 0xFE
    assert pc.machine.memory[0xFFFF0] == 0xEA


# -- data area -------------------------------------------------------------------------------


def test_data_area_offsets() -> None:
    """Fields must lie where IBM's listing has them, since programs read them directly."""
    known = {
        "equipment": 0x10,
        "memory_kib": 0x13,
        "shift_flags": 0x17,
        "key_head": 0x1A,
        "floppy_status": 0x41,
        "video_mode": 0x49,
        "columns": 0x4A,
        "cursors": 0x50,
        "page": 0x62,
        "crtc_port": 0x63,
        "ticks": 0x6C,
        "midnight": 0x70,
        "disk_status": 0x74,
        "disk_count": 0x75,
        "key_buffer_start": 0x80,
        "last_row": 0x84,
        "keyboard_state": 0x96,
        "vain_looks": 0xAC,
        "delay": 0xB0,
    }
    assert {name: OFFSETS[name][0] for name in known} == known
    assert DATA_AREA.sizeof() == 0xB4


def test_equipment_and_memory(pc: Pc) -> None:
    """INT 11h and 12h tell what the data area has."""
    pc.call(0x11)
    assert pc.registers.ax == 0x442D
    pc.call(0x12)
    assert pc.registers.ax == 640


# -- screen ----------------------------------------------------------------------------------


def type_out(pc: Pc, text: bytes) -> None:
    """Show text by the teletype call."""
    for code in text:
        pc.call(0x10, 0x0E00 | code)


def test_teletype_controls(pc: Pc) -> None:
    """CR, LF, BS and BEL move the cursor as on the real screen, and all go to the console."""
    type_out(pc, b"abc\bX\r\n\x07next")
    assert (pc.row(0), pc.row(1)) == ("abX", "next")
    assert b"".join(data for _, data in pc.shown) == b"abc\bX\r\n\x07next"
    pc.call(0x10, 0x0300, bx=0)
    assert (pc.registers.dh, pc.registers.dl, pc.registers.cx) == (1, 4, 0x0607)


def test_teletype_wraps_and_scrolls(pc: Pc) -> None:
    """The 81st character begins a line, and the 26th line moves the screen up."""
    type_out(pc, b"x" * 81)
    assert (pc.row(0), pc.row(1)) == ("x" * 80, "x")
    type_out(pc, b"\r\n".join(b"%d" % n for n in range(40)))
    assert (pc.row(24), pc.row(23)) == ("39", "38")


def test_write_cells_leave_the_cursor(pc: Pc) -> None:
    """09h writes with attribute, 0Ah without, 08h reads back, none moves the cursor."""
    pc.call(0x10, 0x0200, bx=0, dx=0x050A)
    pc.call(0x10, 0x0941, bx=0x1E, cx=3)
    pc.call(0x10, 0x0A42, bx=0, cx=1)
    pc.call(0x10, 0x0800, bx=0)
    assert pc.registers.ax == 0x1E42
    assert pc.row(5) == " " * 10 + "BAA"
    assert pc.area.cursor(0) == (5, 10)


def test_scroll_window(pc: Pc) -> None:
    """06h and 07h move just their window, and blank it with the attribute given."""
    type_out(pc, b"one\r\ntwo\r\nthree")
    pc.call(0x10, 0x0601, bx=0x7000, cx=0x0001, dx=0x014F)
    assert (pc.row(0), pc.row(1), pc.row(2)) == ("owo", "t", "three")
    pc.call(0x10, 0x0700, bx=0x7000, cx=0, dx=0xFFFF)
    assert all(pc.row(row) == "" for row in range(25))
    assert pc.machine.memory[SCREEN + 1] == 0x70


def test_modes(pc: Pc) -> None:
    """Setting a mode clears the screen and tells columns by 0Fh; unknown modes are ignored."""
    type_out(pc, b"text")
    pc.call(0x10, 0x0001)
    pc.call(0x10, 0x0F00)
    assert (pc.registers.al, pc.registers.ah) == (1, 40)
    assert pc.row(0) == ""
    pc.call(0x10, 0x0055)
    pc.call(0x10, 0x0F00)
    assert pc.registers.al == 1


def test_write_string(pc: Pc) -> None:
    """13h shows a string at a place, with the cursor moved or not."""
    pc.machine.memory.write(0x600, b"hi")
    pc.call(0x10, 0x1300, bx=7, cx=2, dx=0x0300, es=0, bp=0x600)
    assert (pc.row(3), pc.area.cursor(0)) == ("hi", (0, 0))
    pc.call(0x10, 0x1301, bx=7, cx=2, dx=0x0302, es=0, bp=0x600)
    assert (pc.row(3), pc.area.cursor(0)) == ("hihi", (3, 4))


@given(st.integers(0, 0xFFFF), *[st.integers(0, 0xFFFF)] * 3)
def test_no_video_call_crashes_or_leaves_the_screen(ax: int, bx: int, cx: int, dx: int) -> None:
    """Cursors off the screen, wild windows and pages must not touch memory elsewhere."""
    pc = Pc()
    pc.call(0x10, 0x0200, bx=bx, dx=dx)
    before = pc.machine.memory.read(0xC0000, 0x8000)
    pc.call(0x10, ax, bx=bx, cx=cx & 0xFF, dx=dx)
    pc.call(0x10, 0x0E41)
    assert pc.machine.memory.read(0xC0000, 0x8000) == before


# -- keyboard --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        (b"a", 0x1E61),
        (b"A", 0x1E41),
        (b"!", 0x0221),
        (b"\n", 0x1C0D),
        (b"\r", 0x1C0D),
        (b"\r\n", 0x1C0D),
        (b"\x7f", 0x0E08),
        (b"\t", 0x0F09),
        (b"\x1b", 0x011B),
        (b"\x03", 0x2E03),
        (b" ", 0x3920),
        (b"\x1b[A", 0x4800),
        (b"\x1bOP", 0x3B00),
        (b"\x1b[3~", 0x5300),
        (b"\xe9", 0x00E9),
    ],
)
def test_keys_have_their_scan_codes(plain: Plain, typed: bytes, word: int) -> None:
    """INT 16h returns IBM's scan codes, also for keys that a terminal sends as sequences."""
    plain.console.receive(typed)
    plain.call(0x16, 0x0100)
    assert (plain.registers.ax, plain.registers.flags & ZF) == (word, 0)
    plain.call(0x16, 0x0000)
    assert plain.registers.ax == word
    plain.call(0x16, 0x0100)
    assert plain.registers.flags & ZF


def test_every_printable_character_has_a_key() -> None:
    """A character without a scan code could not be typed into programs that look at those."""
    assert all(code in keyboard.SCAN_CODES for code in range(0x20, 0x7F))


def test_reading_a_key_waits_and_changes_nothing(plain: Plain) -> None:
    """INT 16h/00 without a key must stop the machine in a state that can be run again."""
    plain.call(0x16, 0x0000)
    before = plain.machine.save(), bytes(plain.machine.memory.ram)
    assert plain.machine.run(1).reason is StopReason.WAITING
    assert (plain.machine.save(), bytes(plain.machine.memory.ram)) == before
    plain.machine.receive(Console.CHANNEL, b"k")
    plain.machine.run(1)
    assert plain.registers.al == ord("k")


def test_waiting_at_the_end_of_input_is_told(plain: Plain) -> None:
    """A machine that waits for a key that can't come must stop, not spin."""
    plain.console.receive(b"")
    stop = plain.call(0x16, 0x0000)
    assert stop.reason is StopReason.TRAPPED
    assert "input has ended" in stop.text


# -- the rest ----------------------------------------------------------------------


@pytest.mark.parametrize("vector", [0x18, 0x19])
def test_reboot_and_no_system_end_the_run(plain: Plain, vector: int) -> None:
    """INT 18h and 19h have nowhere to go on without a disk; the user learns that."""
    stop = plain.call(vector)
    assert (stop.reason, stop.status) == (StopReason.EXITED, 1)
    assert "no system" in stop.text


def test_dos_programs_have_the_bios(tmp_path: Path) -> None:
    """With `stand_by`, a DOS program's INT 10h and 16h work on the same console."""
    machine = Machine()
    console = Console()
    shown: list[bytes] = []
    machine.on_output = lambda channel, data: shown.append(data)
    standing = bios.stand_by(machine, console)
    # mov ah,0; int 16h; mov ah,0Eh; int 10h; mov ah,2; mov dl,al; int 21h; ret
    code = b"\xb4\x00\xcd\x16\xb4\x0e\xcd\x10\xb4\x02\x88\xc2\xcd\x21\xc3"
    files = FileTree(tmp_path, writable=False, effect=machine.effect)
    dos.load(machine, standing, code, dos.Surroundings("C:\\X.COM"), [Volume(files)], console)
    machine.receive(Console.CHANNEL, b"k")
    assert machine.run(1000).reason is StopReason.EXITED
    assert shown == [b"k", b"k"]
    assert machine.memory[SCREEN] == ord("k")
    assert machine.memory.read_word(linear(0x40, 0x13)) == 640


def test_elks_floppy_reaches_its_shell(shared: Path) -> None:
    """A real operating system must boot from an image and show its first words."""
    pc = Pc((shared / "images" / "fd1440.img").read_bytes())
    pc.machine.run(100_000)
    assert b"ELKS Setup" in b"".join(data for _, data in pc.shown)
