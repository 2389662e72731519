"""What the machine lacks is told once, with its place, on both engines; strict machines stop."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from boot_sectors import sector
from guests import ENGINES
from hypothesis import given
from hypothesis import strategies as st

from blink16.cli import values
from blink16.cpu.engine import Stop, StopReason
from blink16.debugger import Debugger, EventKind, Resume
from blink16.devices.video import Adapter
from blink16.lacks import MANY_POLLS, MAX_TOLD, Kind, Lack
from blink16.machine import Machine
from blink16.monitor import execute
from blink16.setup import loader
from blink16.setup.loader import Options, Program, ProgramKind
from blink16.setup.pc import PcSetup

LOOP = bytes.fromhex("ebfe")
RUN = 100_000


def booted(code: bytes, engine: str = "reference", **options: object) -> Machine:
    """Return a PC before a boot sector with this code; its notices are in ``machine.said``."""
    program = Program("test.img", ProgramKind.BOOT, sector(code))
    machine = loader.load(program, (), Options(engine=engine, **options)).machine  # type: ignore[arg-type]
    machine.idle_after = 1 << 62
    return machine


def told(machine: Machine) -> tuple[Lack, ...]:
    """Return what a machine has told."""
    assert machine.witness is not None
    return machine.witness.state.told


AT_ONCE = (Kind.PORT, Kind.DEVICE_FUNCTION, Kind.ROM_WRITE)
"""What is a stop right behind its instruction, whatever an engine has planned."""
CASES = {
    # name: code, kind, offset of the instruction from 7C00h, words of the line
    "pusha": ("60ebfd", Kind.INSTRUCTION, 0, ("PUSHA", "80186")),
    "leave": ("b8007c50c9", Kind.INSTRUCTION, 4, ("LEAVE", "80186")),
    "push imm8": ("6a05ebfe", Kind.INSTRUCTION, 0, ("PUSH imm8", "80186")),
    "shl al,2": ("c0e002ebfe", Kind.INSTRUCTION, 0, ("SHL by a count", "80186")),
    # the 8086 takes it for RETF 0, so it needs a far address to return to
    "enter": ("0eb8097c50c8000000ebfe", Kind.INSTRUCTION, 5, ("ENTER", "80186")),
    "cs: pusha": ("2e60ebfe", Kind.INSTRUCTION, 1, ("PUSHA",)),
    "smsw": ("0f01e0ebfe", Kind.INSTRUCTION, 0, ("SMSW", "80286")),
    "operand prefix": ("6690ebfd", Kind.INSTRUCTION, 0, ("32-bit operands", "80386")),
    "movzx": ("0fb6c0ebfe", Kind.INSTRUCTION, 0, ("MOVZX", "80386")),
    "bswap": ("0fc8ebfe", Kind.INSTRUCTION, 0, ("BSWAP", "80486")),
    "rdtsc": ("0f31ebfe", Kind.INSTRUCTION, 0, ("RDTSC", "Pentium")),
    "fld1": ("d9e8ebfe", Kind.INSTRUCTION, 0, ("FLD1", "8087")),
    "es: fadd": ("26d8060006ebfe", Kind.INSTRUCTION, 1, ("FADD", "8087")),
    "video mode": ("b82a00cd10ebfe", Kind.VIDEO_MODE, 3, ("mode 2Ah", "int 10h")),
    "video function": ("b800adcd10ebfe", Kind.BIOS_FUNCTION, 3, ("INT 10h/AD",)),
    "palette": ("b81210cd10ebfe", Kind.BIOS_FUNCTION, 3, ("INT 10h/10h with AL=12h", "vga")),
    "disk function": ("b8005f31d2cd13ebfe", Kind.BIOS_FUNCTION, 5, ("INT 13h/5Fh",)),
    "no drive": ("b80102ba8000cd13ebfe", Kind.BIOS_FUNCTION, 6, ("drive 80h", "-C FILE")),
    "serial function": ("b8001731d2cd14ebfe", Kind.BIOS_FUNCTION, 5, ("INT 14h/17h",)),
    "no serial port": ("b80001ba0300cd14ebfe", Kind.BIOS_FUNCTION, 6, ("serial port 3",)),
    "system function": ("b80024cd15ebfe", Kind.BIOS_FUNCTION, 3, ("INT 15h/24h", "80286")),
    "keyboard function": ("b80077cd16ebfe", Kind.BIOS_FUNCTION, 3, ("INT 16h/77h",)),
    "printer function": ("b80009cd17ebfe", Kind.BIOS_FUNCTION, 3, ("INT 17h/09h",)),
    "no printer": ("b80000ba0200cd17ebfe", Kind.BIOS_FUNCTION, 6, ("printer port 2",)),
    "clock function": ("b80080cd1aebfe", Kind.BIOS_FUNCTION, 3, ("INT 1Ah/80h",)),
    "no alarm": ("b80006cd1aebfe", Kind.BIOS_FUNCTION, 3, ("INT 1Ah/06h", "at")),
    "interrupt": ("cd60ebfe", Kind.INTERRUPT, 0, ("INT 60h",)),
    "port": ("ba2103ecebfe", Kind.PORT, 3, ("port 321h", "in al, dx")),
    "joystick": ("ba0102ecebfe", Kind.PORT, 3, ("port 201h", "--card joystick has one")),
    "color registers": ("bac803b000eeebfe", Kind.PORT, 5, ("port 3C8h", "--display vga has one")),
    # read cylinder 3 with the head on 0: mov dx,3F5h; the nine bytes at 7C15h
    "no seek": (
        "baf203b01ceebe157cb90900baf503aceee2fcebfee60003000102121bff",
        Kind.DEVICE_FUNCTION,
        16,
        ("cylinder 3", "head on 0"),
    ),
    "rom": ("b800f08ed8c606000041ebfe", Kind.ROM_WRITE, 5, ("F0000h",)),
    "rom, rep": ("b800f08ec0bf0001b91000fcf3abebfe", Kind.ROM_WRITE, 12, ("F0100h",)),
    "vectors": ("bb0003c607ebc64701fe53c3", Kind.VECTOR_TABLE, None, ("vectors",)),
    "zeros": ("ea00000030", Kind.EMPTY_MEMORY, None, ("zeros",)),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_a_lack_is_told_once_with_its_place(name: str, engine: str) -> None:
    """Prevents the silence in which later processors' code and absent hardware used to run."""
    code, kind, offset, words = CASES[name]
    machine = booted(bytes.fromhex(code), engine)
    said: list[str] = []
    machine.on_notice = said.append
    machine.run(300)
    of_kind = [lack for lack in told(machine) if lack.kind == kind]
    assert len(of_kind) == 1
    (lack,) = of_kind
    if offset is not None:
        assert (lack.segment << 4) + lack.offset == 0x7C00 + offset
    assert said.count(str(lack)) == 1
    assert all(word in str(lack) for word in words), str(lack)


@pytest.mark.parametrize("cpu", ["8086", "80286"])
def test_a_program_finds_no_8087(cpu: str) -> None:
    """FNINIT and FNSTSW are how one asks: memory stays as it is, and nothing is told.

    mov word [600h],5A5Ah; fninit; fnstsw [600h]; wait; fnstcw [602h]; fnstsw ax; jmp $
    """
    machine = booted(bytes.fromhex("c70600065a5adbe3dd3e00069bd93e0206dfe0ebfe"), cpu=cpu)
    machine.run(100)
    assert machine.memory.read(0x600, 4) == b"\x5a\x5a\0\0"
    assert told(machine) == ()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_missing_8087_is_told_once(engine: str) -> None:
    """Prevents a line for each of a program's instructions that compute: there are hundreds.

    fld1; fadd st0; fsqrt; jmp $-6
    """
    machine = booted(bytes.fromhex("d9e8d8c0d9faebf8"), engine)
    machine.run(300)
    (lack,) = told(machine)
    assert "FLD1" in str(lack)
    assert "--fpu" in str(lack)


REFUSED = {
    # name: processor, code, kind, offset of the instruction, words of the line
    "arpl": ("80286", "63c0ebfe", Kind.INTERRUPT, 0, ("80286 in real mode", "INT 06h")),
    "sldt": ("80286", "0f00c0ebfe", Kind.INTERRUPT, 0, ("INT 06h",)),
    "reserved": ("80186", "f1ebfd", Kind.INTERRUPT, 0, ("80186 has no such", "INT 06h")),
    "movzx": ("80286", "0fb6c0ebfe", Kind.INSTRUCTION, 0, ("80386", "80286 enters INT 6")),
    "word at FFFFh": ("80286", "bbffff8b07f4", Kind.INTERRUPT, 3, ("INT 0Dh", "segment's end")),
    "bound": ("80186", "b8090062060a7cebfe0000010005", Kind.INTERRUPT, 3, ("INT 05h", "prints")),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", REFUSED)
def test_what_a_later_processor_refuses_is_told(name: str, engine: str) -> None:
    """The fault returned to its instruction, for ever, and the user saw a machine that hung."""
    cpu, code, kind, offset, words = REFUSED[name]
    machine = booted(bytes.fromhex(code), engine, cpu=cpu)
    machine.run(300)
    (lack,) = [lack for lack in told(machine) if lack.kind == kind]
    assert (lack.segment << 4) + lack.offset == 0x7C00 + offset
    assert all(word in str(lack) for word in words), str(lack)


@pytest.mark.parametrize(
    ("display", "mode", "remedy"),
    [("cga", 0x07, "mda"), ("mda", 0x04, "cga"), ("hercules", 0x06, "cga"), ("ega", 0x13, "vga")],
)
def test_a_mode_that_the_bios_makes_another_of_is_told(
    display: str, mode: int, remedy: str
) -> None:
    """A game's mode 4 on an MDA is text: the user saw garbage, and no word about it."""
    code = bytes((0xB8, mode, 0, 0xCD, 0x10)) + LOOP
    machine = booted(code, setup=PcSetup(adapter=Adapter[display.upper()]))
    machine.run(100)
    (lack,) = told(machine)
    assert f"mode {mode:02X}h" in lack.what
    assert f"--display {remedy} " in lack.remedy


def test_pointers_that_are_executed_are_told_once() -> None:
    """Bytes of vectors look like PUSHA and others: eight more lines buried the one that matters."""
    machine = booted(bytes.fromhex("ea20000000"))
    machine.run(100)
    assert [lack.kind for lack in told(machine)] == [Kind.VECTOR_TABLE]


def test_no_processor_is_praised_for_what_it_has_in_protected_mode_only() -> None:
    """ARPL and SLDT enter INT 6 on an 80286 in real mode: --cpu 80286 does not help."""
    for code in ("63c0", "0f00c0"):
        machine = booted(bytes.fromhex(code))
        machine.run(3)
        assert "protected mode" in told(machine)[0].what
        assert not told(machine)[0].remedy


@pytest.mark.parametrize("display", ["ega", "vga"])
@pytest.mark.parametrize("function", [(0x10, 0x50), (0x11, 0x40), (0x12, 0x77), (0x0B, 0x02)])
def test_subfunctions_that_a_display_adapter_lacks_are_told(
    display: str, function: tuple[int, int]
) -> None:
    """An EGA or VGA has the function and not all of what may be asked of it."""
    number, selected = function
    # mov bx, selected * 101h; mov ax, ...; int 10h
    code = bytes((0xBB, selected, selected, 0xB8, selected, number, 0xCD, 0x10)) + LOOP
    machine = booted(code, setup=PcSetup(adapter=Adapter[display.upper()]))
    machine.run(100)
    (lack,) = told(machine)
    assert f"INT 10h/{number:02X}h with" in lack.what
    assert f"={selected:02X}h" in lack.what


def test_questions_who_is_there_are_no_lack() -> None:
    """Systems ask for what may well be absent; telling each of it would bury what matters."""
    asked = (
        *((0x10, 0x1A00), (0x10, 0x1130), (0x10, 0x4F00), (0x13, 0x4100), (0x15, 0xC100)),
        *((0x15, 0x4F1E), (0x15, 0xE801), (0x16, 0x0305), (0x1A, 0xB101)),
    )
    calls = (b"\xb8" + ax.to_bytes(2, "little") + bytes((0xCD, vector)) for vector, ax in asked)
    machine = booted(b"".join(calls) + LOOP)
    machine.run(200)
    assert told(machine) == ()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_polled_port_is_told(engine: str) -> None:
    """A loop that waits for a device that isn't there looks like a hang without it."""
    machine = booted(bytes.fromhex("ba2103eca80175fbebfe"), engine)
    machine.run(3 * MANY_POLLS + 1000)
    assert [lack.kind for lack in told(machine)] == [Kind.PORT, Kind.POLLED_PORT]
    assert "321h" in told(machine)[1].what


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_strict_stops_forward_and_backward(name: str, engine: str) -> None:
    """A strict machine stands where one can look around, whichever way time went."""
    code, kind, offset, _ = CASES[name]
    debugger = Debugger(booted(bytes.fromhex(code), engine, strict=True))
    event = debugger.drive(Resume(count=300))
    assert event.kind is EventKind.LACKING
    before_it = kind in (Kind.INSTRUCTION, Kind.VECTOR_TABLE, Kind.EMPTY_MEMORY)
    where, text = debugger.timeline.now, event.text
    if kind in AT_ONCE:
        assert [lack.icount + 1 for lack in told(debugger.machine)] == [where]
    if before_it:
        assert offset is None or debugger.machine.pc <= 0x7C00 + offset <= debugger.machine.pc + 1
    debugger.drive(Resume(count=50))
    while debugger.timeline.now < where + 20:
        debugger.drive(Resume(count=50))
    stops = []
    while (back := debugger.drive(Resume(backward=True))).kind is EventKind.LACKING:
        stops.append((debugger.timeline.now, back.text))
    assert (where if before_it else where - 1, text) in stops
    assert debugger.timeline.now == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_told_goes_back_in_time(engine: str) -> None:
    """In the past, what has not happened yet is not told; replays say nothing a second time."""
    machine = booted(bytes.fromhex("90" * 20 + "60c90fb6c0ebfe"), engine)
    debugger = Debugger(machine)
    said: list[str] = []
    debugger.on_notice = said.append
    debugger.resume(Resume(count=30))
    state, lines = machine.save(), list(said)
    assert len(told(machine)) == 3
    debugger.seek(10)
    assert told(machine) == ()
    assert "nothing" in execute(debugger, "lacks")
    debugger.seek(30)
    assert machine.save() == state
    assert said == lines
    assert execute(debugger, "lacks").splitlines() == lines


STORE_TO = bytes.fromhex("8ed8c6060000 41")  # mov ds, ax / mov byte [0], 41h
WINDOWS_GO = bytes.fromhex("b81300cd10 b80300cd10")  # mode 13h, and back to text


@pytest.mark.parametrize("engine", ENGINES)
def test_a_window_that_went_is_told_of_alike_at_first_and_again(engine: str) -> None:
    """Prevents a store to memory that a mode took away from being told only in a replay."""
    stores = (b"\xb8\x00\xb0" + STORE_TO, b"\xb8\x00\xa0" + STORE_TO)
    machine = booted(
        WINDOWS_GO + b"".join(stores) + LOOP, engine, setup=PcSetup(adapter=Adapter.VGA)
    )
    while machine.registers.ip != 0x7C00 + len(WINDOWS_GO) or machine.registers.cs:
        machine.run(1)
    before, ram = machine.save(), bytes(machine.memory.ram)
    for _ in range(2):
        machine.run(10)
        assert [lack.place for lack in told(machine)] == [0xB, 0xA]
        assert all("in this mode" in lack.what and not lack.remedy for lack in told(machine))
        machine.memory.write(0, ram)
        machine.restore(before)


ODD = (0x60, 0x66, 0xC9, 0x0F, 0xC0, 0xB6, 0x00, 0x00, 0xFF, 0xE4, 0xE6, 0xEC, 0xCD, 0xAA, 0xC3)


@given(st.integers(0, 1 << 32))
def test_engines_tell_the_same(seed: int) -> None:
    """Nonsense must be told alike by both engines, and whatever pieces it is run in."""
    choose = random.Random(seed)
    code = bytes(choose.choice((choose.choice(ODD), choose.randrange(256))) for _ in range(300))
    code = bytes.fromhex("b800f08ec0fc") + code
    one, other = booted(code, "reference"), booted(code, "native")
    _to(one, 400, 400)
    _to(other, 400, choose.randrange(1, 40))
    if one.icount == other.icount == 400:
        assert one.save() == other.save()
        assert one.memory.ram == other.memory.ram


def _to(machine: Machine, end: int, piece: int) -> None:
    while machine.icount < end:
        stop: Stop = machine.run(min(piece, end - machine.icount), through_traps=True)
        if stop.reason is not StopReason.BUDGET:
            return


def test_a_wild_guest_does_not_fill_memory() -> None:
    """What is remembered has a limit."""
    code = bytes.fromhex("31d2ec42ebfc")
    machine = booted(code)
    machine.run(4 * MAX_TOLD)
    assert len(told(machine)) == MAX_TOLD


def test_a_bare_machine_says_nothing() -> None:
    """Tests and tools execute anything on bare machines."""
    machine = Machine.bare()
    said: list[str] = []
    machine.on_notice = said.append
    machine.run(1000)
    assert said == []


# -- power on --------------------------------------------------------------------------------


def test_random_power_on_is_repeatable_and_random() -> None:
    """A sector that counts on zeros must meet something else, the same for the same seed."""
    first, again, other = (booted(LOOP, poweron=seed) for seed in (1, 1, 2))
    assert first.save() == again.save()
    assert bytes(first.memory.ram) == bytes(again.memory.ram)
    assert bytes(first.memory.ram) != bytes(other.memory.ram)
    assert first.memory.read(0x8000, 0x1000).count(0) < 100
    assert first.registers.ax != booted(LOOP).registers.ax


def test_a_seed_that_nobody_named_is_told() -> None:
    """Prevents a fault that shows with one memory only, and never again."""
    drawn = values.poweron("random")
    options = Options(poweron=drawn)
    loaded = loader.load(Program("test.img", ProgramKind.BOOT, sector(LOOP)), (), options)
    (told,) = loaded.notices
    again = values.poweron(re.findall(r"--poweron (\S+)", told)[0])
    assert again == drawn
    same = loader.load(
        Program("test.img", ProgramKind.BOOT, sector(LOOP)), (), Options(poweron=again)
    )
    assert same.notices == ()
    assert bytes(same.machine.memory.ram) == bytes(loaded.machine.memory.ram)


def test_random_power_on_reaches_high_memory() -> None:
    """Prevents programs in the high memory area from counting on zeros there."""
    for cpu in ("8086", "80286"):
        options = Options(poweron=1, cpu=cpu)
        program = Program("test.img", ProgramKind.BOOT, sector(LOOP))
        high = loader.load(program, (), options).machine.memory.whole[0x100000:]
        assert (bytes(high) == bytes(len(high))) is (cpu == "8086")


def test_random_power_on_goes_back_in_time() -> None:
    """Prevents a beginning that is other than it was."""
    machine = booted(LOOP, poweron=5)
    start = machine.save(), bytes(machine.memory.whole)
    debugger = Debugger(machine)
    debugger.resume(Resume(count=3000))
    debugger.seek(0)
    assert (machine.save(), bytes(machine.memory.whole)) == start


@given(st.integers(0, 1 << 32))
def test_random_power_on_still_boots(seed: int) -> None:
    """Whatever memory holds, the sector is at 7C00h, its drive in DL, the BIOS at its vectors."""
    # mov ax,0E41h; int 10h; jmp $
    machine = booted(bytes.fromhex("b8410ecd10ebfe"), poweron=seed)
    machine.run(1)  # the jump in ROM
    assert machine.pc == 0x7C00
    assert (machine.registers.cs, machine.registers.ip) in ((0, 0x7C00), (0x07C0, 0))
    assert machine.registers.dl == 0
    shown: list[bytes] = []
    machine.on_output = lambda channel, data: shown.append(data)
    machine.run(300)
    assert b"".join(shown) == b"A"


def test_elks_and_dos_programs_run_after_random_power_on(tmp_path: Path) -> None:
    """A program's own memory is cleared where its system does so."""
    com = bytes.fromhex("b409ba0901cd21c3") + b"\0" + b"Hi$"
    machine = loader.load(
        Program("hi.com", ProgramKind.DOS_COM, com), (), Options(root=tmp_path, poweron=7)
    ).machine
    shown: list[bytes] = []
    machine.on_output = lambda channel, data: shown.append(data)
    assert machine.run(1000).reason is StopReason.EXITED
    assert b"".join(shown) == b"Hi"
