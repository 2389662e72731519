"""The BIOS of a PC with devices: interrupts, keyboard, timer, ports, ROMs, resets."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_bios import EPOCH, Pc, sector

from blink16 import bios, pc
from blink16.bios.data_area import DataArea
from blink16.bios.disk import Disk, disk_of
from blink16.bios.geometry import BootError
from blink16.bios.int13 import ADDRESS_PACKET, DRIVE_PARAMETERS
from blink16.bios.key_table import Modifiers, word_of
from blink16.bios.roms import OptionRom
from blink16.console import Console
from blink16.cpu.engine import Stop, StopReason
from blink16.cpu.registers import ZF
from blink16.devices import keys
from blink16.devices.video import Adapter
from blink16.machine import IDLE_SECONDS, Machine
from blink16.memory import linear

FLOPPY = bytes(1440 * 1024)
BUFFER = 0x1000
COUNTER = 0x600
LOOP = bytes.fromhex("ebfe")  # jmp $
HALT_FOREVER = bytes.fromhex("f4ebfd")  # again: hlt; jmp again
SECOND = 1_000_000
PUT_COUNTER = bytes.fromhex("2eff060006cf")  # inc word cs:[0600h]; iret
HANDLER = 0x7D00


def hook(vector: int) -> bytes:
    """Let a vector lead to 0:7D00.  mov word [vector*4], 7D00h; mov word [vector*4+2], 0."""
    at = vector * 4
    return (
        b"\xc7\x06" + at.to_bytes(2, "little") + b"\x00\x7d"
        b"\xc7\x06" + (at + 2).to_bytes(2, "little") + b"\x00\x00"
    )


def program(code: bytes, handler: bytes = b"") -> bytes:
    """Return a boot sector with code, and a handler at 0:7D00."""
    return sector(code.ljust(HANDLER - 0x7C00, b"\x90") + handler)


def counter(machine: Pc) -> int:
    """Return how often the handler ran."""
    return machine.machine.memory.read_word(COUNTER)


def press(machine: Pc, chord: str) -> Stop:
    """Press keys together and let the guest take them."""
    machine.machine.receive("keyboard", keys.chord(chord))
    return machine.machine.run(SECOND // 2)


class Powered(Pc):
    """A PC with disks, ROMs and an adapter of the test's choice."""

    def __init__(
        self,
        disks: list[Disk],
        roms: list[OptionRom] | None = None,
        adapter: Adapter = Adapter.CGA,
        speed: int = SECOND,
    ) -> None:
        self.machine = Machine(epoch_ns=EPOCH, instructions_per_second=speed)
        self.console = Console()
        self.shown = []
        self.notices = []
        self.machine.on_output = lambda channel, data: self.shown.append((channel, data))
        self.machine.on_notice = self.notices.append
        bios.power_on(self.machine, self.console, disks, adapter=adapter, roms=roms or [])


# -- timer -----------------------------------------------------------------------------------


def test_ticks_count_and_call_the_user_vector() -> None:
    """IRQ 0 must move the count at 40:6C and call INT 1Ch 18.2 times a second, EOI included."""
    pc_ = Pc(program(hook(0x1C) + LOOP, PUT_COUNTER))
    before = pc_.area.ticks
    pc_.machine.run(SECOND)
    assert counter(pc_) in (18, 19)
    assert pc_.area.ticks - before == counter(pc_)


def test_ticks_begin_with_the_time_of_day() -> None:
    """The count is that of the clock at power on: DOS takes its time from it."""
    seconds = (1 * 60 + 46) * 60 + 40
    assert Pc().area.ticks == seconds * 1193182 // 65536


def test_sleep_passes_time() -> None:
    """HLT must jump to the next tick: a second of HLT is a few hundred instructions."""
    pc_ = Pc(program(hook(0x1C) + HALT_FOREVER, PUT_COUNTER))
    pc_.machine.run(1000)
    assert counter(pc_) > 18
    assert pc_.machine.time > SECOND


def test_midnight_sets_the_flag_once() -> None:
    """At midnight the count begins anew and INT 1Ah tells it once."""
    pc_ = Pc(sector(LOOP))
    pc_.call(0x1A, 0x0100, cx=0x18, dx=0x00AF)
    pc_.registers.ip = 0x7C00
    pc_.machine.run(SECOND // 10)
    pc_.call(0x1A, 0x0000)
    assert (pc_.registers.cx, pc_.registers.al) == (0, 1)
    pc_.call(0x1A, 0x0000)
    assert pc_.registers.al == 0


def test_the_clock_can_be_set() -> None:
    """03h and 05h set what 02h and 04h read."""
    pc_ = Pc()
    pc_.call(0x1A, 0x0300, cx=0x1234, dx=0x5600)
    pc_.call(0x1A, 0x0500, cx=0x1986, dx=0x0307)
    pc_.call(0x1A, 0x0200)
    assert (pc_.registers.cx, pc_.registers.dh) == (0x1234, 0x56)
    pc_.call(0x1A, 0x0400)
    assert (pc_.registers.cx, pc_.registers.dx) == (0x1986, 0x0307)


# -- keyboard --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (b"a", [0x1E61]),
        (b"A!", [0x1E41, 0x0221]),
        (b"\n", [0x1C0D]),
        (b"\r\n", [0x1C0D]),
        (b"\x7f\t\x1b", [0x0E08, 0x0F09, 0x011B]),
        (b"\x03", [0x2E03]),
        (b"\x1b[A\x1bOP", [0x4800, 0x3B00]),
        (b"\xe9", [0x00E9]),
    ],
)
def test_typed_text_comes_through_the_keyboard(typed: bytes, words: list[int]) -> None:
    """Text typed on the console goes through scan codes, IRQ 1, INT 09h and the buffer."""
    pc_ = Pc(sector(LOOP))
    pc_.machine.receive(Console.CHANNEL, typed)
    pc_.machine.run(SECOND)
    for word in words:
        pc_.call(0x16, 0x0100)
        assert (pc_.registers.ax, pc_.registers.flags & ZF) == (word, 0)
        pc_.call(0x16, 0x0000)
        assert pc_.registers.ax == word
    pc_.call(0x16, 0x0100)
    assert pc_.registers.flags & ZF


def test_long_input_is_typed_as_it_is_read() -> None:
    """A pipe must not overrun the BIOS's buffer of fifteen keys while the guest computes."""
    text = bytes(range(ord("a"), ord("z") + 1)) * 2
    pc_ = Pc(sector(bytes.fromhex("b400cd16b40ecd10ebf6")))  # read a key, show it, again
    pc_.machine.receive(Console.CHANNEL, text)
    while pc_.machine.run(SECOND).reason is StopReason.BUDGET:
        pass
    assert b"".join(data for _, data in pc_.shown) == text


def test_waiting_for_a_key_lets_time_pass() -> None:
    """INT 16h/00 waits with interrupts on, asleep; the key ends it and is returned."""
    pc_ = Pc(program(hook(0x1C) + bytes.fromhex("b400cd16") + LOOP, PUT_COUNTER))
    assert pc_.machine.run(SECOND).reason is StopReason.IDLE
    assert counter(pc_) >= 18 * IDLE_SECONDS
    assert pc_.machine.icount < 10_000
    pc_.machine.receive(Console.CHANNEL, b"k")
    pc_.machine.run(5000)
    assert pc_.registers.ax == 0x256B


def test_shift_states_are_in_the_data_area() -> None:
    """Programs look at 40:17 for Shift, Ctrl, Alt and the locks."""
    pc_ = Pc(sector(LOOP))
    pc_.machine.receive("keyboard", bytes((0x2A, 0x1D, 0x3A, 0xBA)))
    pc_.machine.run(SECOND // 2)
    assert pc_.area.shift_flags & 0x46 == 0x46
    pc_.machine.receive("keyboard", bytes((0xAA, 0x9D)))
    pc_.machine.run(SECOND // 2)
    pc_.call(0x16, 0x0200)
    assert pc_.registers.al == 0x40


def test_ctrl_break_calls_its_interrupt() -> None:
    """Ctrl-Break must set 40:71 and call INT 1Bh, which DOS hooks."""
    pc_ = Pc(program(hook(0x1B) + LOOP, PUT_COUNTER))
    pc_.machine.run(100)
    press(pc_, "ctrl-break")
    assert counter(pc_) == 1
    assert pc_.machine.memory[0x471] & 0x80


def test_print_screen_prints_the_screen() -> None:
    """Shift-PrtSc must call INT 05h, which prints 25 lines on LPT1."""
    pc_ = Pc(sector(bytes.fromhex("b8410ecd10") + LOOP))
    pc_.machine.run(100)
    press(pc_, "shift-prtsc")
    printed = b"".join(data for channel, data in pc_.shown if channel == "lpt1")
    assert printed == b"\r\n".join([b"A".ljust(80)] + [b" " * 80] * 24) + b"\r\n"


def test_pause_holds_the_program_until_a_key() -> None:
    """Ctrl-NumLock stops the program, not the clock; the key that ends it is nobody's."""
    pc_ = Pc(sector(bytes.fromhex("ff060006ebfa")))  # inc word [0600h]; jmp
    press(pc_, "ctrl-numlock")
    held = counter(pc_)
    before = pc_.area.ticks
    pc_.machine.run(1000)
    assert (counter(pc_), pc_.area.ticks > before) == (held, True)
    press(pc_, "space")
    assert counter(pc_) != held
    pc_.call(0x16, 0x0100)
    assert pc_.registers.flags & ZF


@given(
    st.integers(0, 0x7F), st.builds(Modifiers, *[st.booleans()] * 5)
)  # fmt: skip
def test_every_key_gives_a_word_or_nothing(scan: int, held: Modifiers) -> None:
    """No key with whatever modifiers may crash INT 09h or give more than 16 bits."""
    word = word_of(scan, held)
    assert word is None or 0 <= word <= 0xFFFF


@given(st.binary(max_size=40))
def test_no_scan_codes_crash_the_machine(codes: bytes) -> None:
    """Any bytes from a keyboard must leave a machine that still ticks."""
    pc_ = Pc(sector(LOOP))
    pc_.machine.receive("keyboard", codes)
    pc_.machine.run(SECOND // 2)
    before = pc_.area.ticks
    pc_.machine.run(SECOND // 2)
    assert pc_.area.ticks != before


# -- reset and boot --------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["keys", "switch", "jump", "int19"])
def test_a_reset_boots_again(how: str) -> None:
    """Ctrl-Alt-Del, the reset button, a jump to FFFF:0 and INT 19h all lead to the boot sector."""
    pc_ = Pc(program(bytes.fromhex("ff060006fb") + LOOP))
    pc_.machine.run(1000)
    pc_.machine.memory.write_word(0x16 * 4, 0x1234)
    match how:
        case "keys":
            stop = press(pc_, "ctrl-alt-del")
        case "switch":
            pc_.machine.receive("reset", b"\0")
            stop = pc_.machine.run(SECOND // 2)
        case "jump":
            pc_.registers.cs, pc_.registers.ip = 0xFFFF, 0
            stop = pc_.machine.run(SECOND // 2)
        case "int19":
            pc_.call(0x19)
            stop = pc_.machine.run(SECOND // 2)
    if how != "int19":
        assert stop.reason is StopReason.RESTARTED
        assert stop.text.endswith("(Ctrl-Alt-Del)" if how == "keys" else "(reset)")
        assert pc_.machine.memory.read_word(0x16 * 4) != 0x1234
        pc_.machine.run(SECOND // 2)
    assert counter(pc_) == 2
    assert pc_.registers.dl == 0


def test_a_hard_disk_without_system_is_told() -> None:
    """INT 19h with nothing to boot must end with a sentence, not run into zeros."""
    pc_ = Powered([disk_of(0x80, bytes(1008 * 512))])
    stop = pc_.call(0x19)
    assert stop.reason is StopReason.EXITED
    assert "no system" in stop.text


def test_a_system_switches_the_pc_off() -> None:
    """ELKS' `poweroff` asks for APM, connects, and switches off: an end, not a halted machine."""
    pc_ = Pc()
    pc_.call(0x15, 0x5300)
    assert (pc_.registers.ax, pc_.registers.bx) == (0x0101, 0x504D)
    pc_.call(0x15, 0x5301)
    assert pc_.registers.ah == 0
    pc_.call(0x15, 0x5380)
    assert pc_.registers.ah == 0x0C
    stop = pc_.call(0x15, 0x5307, bx=1, cx=3)
    assert (stop.reason, stop.status) == (StopReason.EXITED, 0)
    assert "switched off" in stop.text


def rom(code: bytes) -> bytes:
    """Return an option ROM of 512 bytes with this code at its entry."""
    image = (b"\x55\xaa\x01" + code).ljust(511, b"\0")
    return image + bytes((-sum(image) & 0xFF,))


INCREMENT_AND_RETURN = bytes.fromhex("2eff060000ff060006cb")[5:]  # inc word [0600h]; retf


def test_option_roms_are_called_before_booting() -> None:
    """ROMs with a right checksum run in the order of their addresses, and can't be written."""
    good, bad = rom(INCREMENT_AND_RETURN), rom(INCREMENT_AND_RETURN)[:-1] + b"\x99"
    pc_ = Powered(
        [disk_of(0, sector(bytes.fromhex("b800c88ed8c6060000ff") + LOOP))],
        [OptionRom(0xC8000, good), OptionRom(0xD0000, good), OptionRom(0xD8000, bad)],
    )
    pc_.machine.run(1000)
    assert counter(pc_) == 2
    assert pc_.registers.cs == 0
    assert pc_.machine.memory[0xC8000] == 0x55


@pytest.mark.parametrize(
    ("roms", "words"),
    [
        ([OptionRom(0x9000, b"x")], "isn't between"),
        ([OptionRom(0xEFF00, bytes(512))], "isn't between"),
        ([OptionRom(0xC8000, b"")], "empty"),
        ([OptionRom(0xC8000, bytes(512)), OptionRom(0xC8100, bytes(512))], "overlaps"),
    ],
)
def test_roms_in_impossible_places_are_refused(roms: list[OptionRom], words: str) -> None:
    """A ROM over RAM or over another one must give one line that says so."""
    with pytest.raises(BootError, match=words):
        Powered([disk_of(0, FLOPPY)], roms)


def test_the_bios_rom_can_not_be_written() -> None:
    """A guest that writes to F000 must not change the BIOS."""
    pc_ = Pc(sector(bytes.fromhex("b800f08ed8c7060001ffff") + LOOP))
    before = pc_.machine.memory.read(0xF0100, 2)
    pc_.machine.run(20)
    assert pc_.machine.memory.read(0xF0100, 2) == before


def test_unexpected_interrupts_are_ended_and_masked() -> None:
    """An IRQ that nobody handles must not hang the machine or block those below it."""
    pc_ = Pc(sector(LOOP))
    bus = pc_.machine.bus
    bus.write(0x21, 0x00)
    pic = pc_.machine.component("pic")
    pic.set_line(3, True)  # type: ignore[union-attr]
    pc_.machine.run(SECOND // 10)
    assert bus.read(0x21) == 0x08
    before = pc_.area.ticks
    pc_.machine.run(SECOND // 5)
    assert pc_.area.ticks > before


# -- ports -----------------------------------------------------------------------------------


def test_serial_calls_send_and_receive() -> None:
    """INT 14h sends to the channel com1 and takes what comes there; status has the lines."""
    # mov ax,00E3h; mov dx,0; int 14h; mov ax,0141h; int 14h; mov ax,0142h; int 14h;
    # mov ah,2; int 14h; jmp $
    code = "b8e300ba0000cd14b84101cd14b84201cd14b402cd14ebfe"
    pc_ = Pc(sector(bytes.fromhex(code)))
    pc_.machine.receive("com1", b"z")
    pc_.machine.run(SECOND // 10)
    assert b"".join(data for channel, data in pc_.shown if channel == "com1") == b"AB"
    assert pc_.registers.ax == ord("z")


def test_a_serial_port_without_input_times_out() -> None:
    """INT 14h/02 must come back with 80h in AH after the port's time-out."""
    image = sector(bytes.fromhex("ba0000b402cd14ebfe"))
    pc_ = Powered([disk_of(0, image)], speed=20_000)
    pc_.machine.run(40_000)
    assert pc_.registers.ah == 0x80
    assert pc_.registers.ip == 0x7C07


def test_printer_calls_print() -> None:
    """INT 17h/00 prints on the channel lpt1 and returns a ready printer's status."""
    pc_ = Pc()
    pc_.call(0x17, 0x0058, dx=0)
    assert pc_.shown == [("lpt1", b"X")]
    assert pc_.registers.ah & 0x90 == 0x90
    assert not pc_.registers.ah & 0x29


# -- screen ----------------------------------------------------------------------------------


def test_monochrome_pc_starts_in_mode_7() -> None:
    """With an MDA the text is at B000 and INT 10h/0Fh says mode 7."""
    pc_ = Powered([disk_of(0, sector(LOOP))], adapter=Adapter.MDA)
    pc_.call(0x10, 0x0E41)
    pc_.call(0x10, 0x0F00)
    assert pc_.registers.al == 7
    assert pc_.machine.memory[0xB0000] == ord("A")
    pc_.call(0x11)
    assert pc_.registers.al & 0x30 == 0x30


def test_dots_are_set_and_read() -> None:
    """0Ch and 0Dh in modes 4 and 6: two bits and one bit a dot, lines interleaved, XOR."""
    pc_ = Pc()
    pc_.call(0x10, 0x0004)
    pc_.call(0x10, 0x0C02, cx=5, dx=3)
    assert pc_.machine.memory[0xB8000 + 0x2000 + 80 + 1] == 0x20
    pc_.call(0x10, 0x0C83, cx=5, dx=3)
    pc_.call(0x10, 0x0D00, cx=5, dx=3)
    assert pc_.registers.al == 1
    pc_.call(0x10, 0x0006)
    pc_.call(0x10, 0x0C01, cx=639, dx=199)
    assert pc_.machine.memory[0xB8000 + 0x2000 + 99 * 80 + 79] == 1


def test_characters_in_graphics_are_drawn_and_recognized() -> None:
    """The teletype call draws, 08h reads back, 06h scrolls."""
    pc_ = Pc()
    pc_.call(0x10, 0x0004)
    for code in b"Hi":
        pc_.call(0x10, 0x0E00 | code, bx=3)
    pc_.call(0x10, 0x0200, bx=0, dx=1)
    pc_.call(0x10, 0x0800, bx=0)
    assert pc_.registers.al == ord("i")
    pc_.call(0x10, 0x0601, bx=0, cx=0, dx=0x1827)
    assert not any(pc_.machine.memory.read(0xB8000, 0x4000))


def test_the_6845_follows_the_bios() -> None:
    """Cursor and page calls must reach the CRTC, from where a picture is drawn."""
    pc_ = Pc()
    pc_.call(0x10, 0x0200, bx=0, dx=0x0102)
    video = pc_.machine.component("video")
    assert video.cursor == 82  # type: ignore[union-attr]
    pc_.call(0x10, 0x0501)
    assert video.start == 0x800  # type: ignore[union-attr]
    pc_.call(0x10, 0x0100, cx=0x2000)
    assert not video.cursor_lines  # type: ignore[union-attr]


# -- disks -----------------------------------------------------------------------------------


def numbered_hard_disk(cylinders: int = 3) -> bytes:
    """Return a hard disk in which each sector says its number."""
    return b"".join(n.to_bytes(4, "little") * 128 for n in range(cylinders * 16 * 63))


def test_several_drives() -> None:
    """A, B and C are disks of their own, and 08h counts those of a kind."""
    disks = [disk_of(0, FLOPPY), disk_of(1, b"B" * 368640), disk_of(0x80, numbered_hard_disk())]
    pc_ = Powered(disks)
    pc_.call(0x13, 0x0201, cx=1, dx=1, es=0, bx=BUFFER)
    assert pc_.machine.memory.read(BUFFER, 512) == b"B" * 512
    pc_.call(0x13, 0x0201, cx=2, dx=0x80, es=0, bx=BUFFER)
    assert pc_.machine.memory.read_word(BUFFER) == 1
    pc_.call(0x13, 0x0800, dx=0)
    assert pc_.registers.dl == 2
    pc_.call(0x13, 0x0800, dx=0x80)
    assert pc_.registers.dl == 1
    pc_.call(0x11)
    assert pc_.registers.al & 0xC1 == 0x41


def test_extensions_read_by_number() -> None:
    """41h says that they are there, 42h reads by the packet at DS:SI, 48h gives the size."""
    pc_ = Powered([disk_of(0x80, numbered_hard_disk())])
    pc_.call(0x13, 0x4100, bx=0x55AA, dx=0x80)
    assert (pc_.failed, pc_.registers.bx, pc_.registers.cx & 1) == (False, 0xAA55, 1)
    packet = {"size": 16, "count": 2, "offset": BUFFER, "segment": 0, "sector": 3000}
    pc_.machine.memory.write(0x700, ADDRESS_PACKET.build(packet))
    pc_.call(0x13, 0x4200, dx=0x80, ds=0, si=0x700)
    assert not pc_.failed
    assert pc_.machine.memory.read_word(BUFFER + 512) == 3001
    pc_.machine.memory.write(0x700, ADDRESS_PACKET.build(packet | {"sector": 3023}))
    pc_.call(0x13, 0x4200, dx=0x80, ds=0, si=0x700)
    assert (pc_.failed, pc_.registers.ah) == (True, 4)
    pc_.machine.memory.write_word(0x700, 30)
    pc_.call(0x13, 0x4800, dx=0x80, ds=0, si=0x700)
    parameters = DRIVE_PARAMETERS.parse(pc_.machine.memory.read(0x700, 30))
    assert (parameters.total, parameters.heads) == (3024, 16)


@given(st.binary(min_size=16, max_size=16), st.integers(0x41, 0x4F))
def test_no_extended_call_crashes(packet: bytes, function: int) -> None:
    """Any packet leads to a status; nothing outside of the disk is moved."""
    pc_ = Powered([disk_of(0x80, bytes(1008 * 512))])
    pc_.machine.memory.write(0x700, packet)
    pc_.call(0x13, function << 8, dx=0x80, ds=0, si=0x700, bx=0x55AA)
    pc_.machine.restore(pc_.machine.save())


def test_write_protected_disks() -> None:
    """Writing and formatting a protected disk fails with 03h and changes nothing."""
    pc_ = Powered([disk_of(0, FLOPPY, read_only=True)])
    for ax in (0x0301, 0x0501):
        pc_.call(0x13, ax, cx=1, dx=0, es=0, bx=0x7C00)
        assert (pc_.failed, pc_.registers.ah) == (True, 3)
    assert not list(disk_in(pc_, 0).written())


def disk_in(pc_: Pc, drive: int) -> Disk:
    """Return a drive's disk."""
    disk = pc.disk_in(pc_.machine, drive)
    assert disk is not None
    return disk


def test_formatting_fills_the_track() -> None:
    """05h must leave F6h in all sectors of a track, and in no other."""
    pc_ = Powered([disk_of(0, FLOPPY)])
    pc_.call(0x13, 0x0501, cx=0x0101, dx=0x0100, es=0, bx=BUFFER)
    assert [number for number, _ in disk_in(pc_, 0).written()] == list(range(54, 72))


def test_commit_writes_changed_sectors_back(tmp_path: Path) -> None:
    """Only what the guest wrote reaches the file, and only a file that nobody else changed."""
    path = tmp_path / "a.img"
    path.write_bytes(FLOPPY)
    disk = disk_of(0, FLOPPY)
    disk.write(5, b"5" * 512)
    assert pc.commit(disk, path) == 1
    assert path.read_bytes() == FLOPPY[: 5 * 512] + b"5" * 512 + FLOPPY[6 * 512 :]
    with pytest.raises(pc.CommitError, match="has changed"):
        pc.commit(disk, path)
    with pytest.raises(pc.CommitError, match="can't write"):
        pc.commit(disk, tmp_path / "gone.img")


def test_two_disks_in_one_drive_are_refused() -> None:
    """-C together with a hard disk to boot from must be told, not silently dropped."""
    image = pc.DiskImage(0x80, Path("x.img"), FLOPPY)
    with pytest.raises(BootError, match=r"x\.img: there is a disk"):
        pc.boot(Machine(), bytes(4 << 20), Console(), pc.PcSetup(disks=(image,)))


# -- time travel -----------------------------------------------------------------------------


def test_all_state_goes_back_in_time() -> None:
    """A machine restored in the middle of ticks, keys and serial bytes must end the same way."""
    echo = bytes.fromhex("b400cd16b40ecd10b401ba0000cd14ebef")
    pc_ = Pc(program(hook(0x1C) + echo, PUT_COUNTER))
    pc_.machine.receive(Console.CHANNEL, b"hello")
    pc_.machine.run(20_000)
    saved, ram = pc_.machine.save(), bytes(pc_.machine.memory.ram)
    ends = []
    for pieces in ([50_000], [1, 7, 992, 49_000]):
        pc_.machine.restore(saved)
        pc_.machine.memory.write(0, ram)
        pc_.machine.replaying = True
        for piece in pieces:
            pc_.machine.run(piece)
        ends.append((pc_.machine.save(), bytes(pc_.machine.memory.ram)))
    assert ends[0] == ends[1]


def test_data_area_and_linear_agree() -> None:
    """The keyboard buffer's pointers are offsets in segment 40h."""
    pc_ = Pc()
    assert pc_.machine.memory.read_word(linear(0x40, 0x80)) == DataArea(
        pc_.machine.memory
    ).key_buffer_start == 0x1E  # fmt: skip
