"""Random calls with hostile pointers, lengths, handles, FCBs and paths: an answer or a fault."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from disk_images import fat_floppy
from dos_programs import FOLDER

from blink16.memory import linear
from blink16.setup.dos import DosSetup
from blink16.setup.loader import Loaded, Options, Program, ProgramKind, load
from blink16.setup.pc import DiskImage, PcSetup

VECTORS = bytes.fromhex("101112131415161718191a2021222324252627282a292f3367")
EDGES = (0, 1, 2, 5, 0x10, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFF0, 0xFFFE, 0xFFFF)
PATHS = (
    b"C:\\..\\..\\..\\..\\etc\\passwd\0",
    b"/../../../outside.txt\0",
    b"..\\outside.txt\0",
    b"one.txt\0",
    b"ONE.TXT\0",
    b"CON\0",
    b"NUL.TXT\0",
    b"A:\\X\0",
    b"A:\0",
    b"D:\\NEW.TXT\0",
    b"sub\\..\\one.txt\0",
    b"*.*\0",
    b"C:\\????????.???\0",
    b"\\\\server\\share\0",
    b"link\\secret\0",
    b"\xff" * 127 + b"\0",
    b"\0",
    b"x" * 300,
    b":\0",
    b"CHILD.COM\0",
    b"EMMXXXX0\0",
)
STUFF = 0x2000
CALLS = 150
MANY_CALLS = 10_000


def machine_in(folder: Path) -> Loaded:
    """Return a machine with a folder that can be written, another drive and a floppy."""
    (folder / "root" / "sub").mkdir(parents=True)
    (folder / "root" / "one.txt").write_bytes(b"1" * 5000)
    (folder / "root" / "CHILD.COM").write_bytes((FOLDER / "child.com").read_bytes())
    (folder / "root" / "link").symlink_to("..")
    (folder / "secret").write_bytes(b"secret")
    (folder / "outside.txt").write_bytes(b"outside")
    disk = DiskImage(0, Path("a.img"), fat_floppy({"X": b"x"}))
    options = Options(
        root=folder / "root",
        writable=True,
        setup=PcSetup(disks=(disk,)),
        dos=DosSetup(xms_kib=128, ems_kib=128),
    )
    return load(Program("x.com", ProgramKind.DOS_COM, b"\x90"), [], options)


def torment(loaded: Loaded, vector: int, count: int, seed: int) -> None:
    """Do random calls of an interrupt, each from the same state but for what is on the drives."""
    choose = random.Random(seed)
    machine = loaded.machine
    psp = machine.registers.ds
    machine.on_call = lambda text: None  # decoding must not fail either
    saved, ram = machine.save(), bytes(machine.memory.ram)
    code = bytes((0xCD, vector)) * 3 + b"\xeb\xfe"
    for number in range(count):
        r = machine.registers
        machine.memory.write(linear(psp, 0x100), code)
        stuff = choose.choice((choose.randbytes(64), choose.choice(PATHS)))
        machine.memory.write(linear(psp, STUFF), stuff)
        for name in ("bx", "cx", "dx", "si", "di", "bp"):
            setattr(r, name, choose.choice((*EDGES, STUFF, STUFF, choose.randrange(0x10000))))
        for name in ("ds", "es"):
            setattr(r, name, choose.choice((psp, psp, 0, 0xF000, 0xFFFF, 0xA000)))
        r.ax = choose.randrange(0x10000)
        r.cs, r.ip, r.ss, r.sp = psp, 0x100, psp, choose.choice((0xF000, 0xF000, 4, 0xFFFE))
        machine.run(40)
        if number % 5 == 4:
            machine.restore(saved)
            machine.memory.write(0, ram)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"int{v:02x}")
def test_random_calls_never_raise(vector: int, tmp_path: Path) -> None:
    """Whatever a program asks, the machine goes on, and nothing outside its folder changes."""
    torment(machine_in(tmp_path), vector, CALLS, 1)
    assert (tmp_path / "secret").read_bytes() == b"secret"
    assert (tmp_path / "outside.txt").read_bytes() == b"outside"
    assert {path.name for path in tmp_path.iterdir()} == {"root", "secret", "outside.txt"}


@pytest.mark.slow
@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"int{v:02x}")
def test_ten_thousand_random_calls_never_raise(vector: int, tmp_path: Path) -> None:
    """The same for long."""
    torment(machine_in(tmp_path), vector, MANY_CALLS, 2)
    assert (tmp_path / "secret").read_bytes() == b"secret"
    assert {path.name for path in tmp_path.iterdir()} == {"root", "secret", "outside.txt"}
