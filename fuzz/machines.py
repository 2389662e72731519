"""Machines of all kinds for the attackers, and folders whose outside must stay as it is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blink16.devices.cards import Cards
from blink16.devices.video import Adapter
from blink16.elks.aout import Executable, build
from blink16.setup import loader
from blink16.setup.dos import DosSetup
from blink16.setup.loader import Loaded, Options, Program, ProgramKind
from blink16.setup.pc import DRIVE_B, DRIVE_C, DiskImage, PcSetup
from fuzz.harness import BrokenError

KINDS = ("elks", "com", "exe", "boot")
"""Kinds of programs."""
ENGINES = ("reference", "native")
SECRET = b"nobody reads or writes this"
LOOP = bytes.fromhex("ff060002 40 43 50 58 ebf6".replace(" ", ""))
"""inc word [200h]; inc ax; inc bx; push ax; pop ax; and again."""
HALT = bytes.fromhex("fab0fce621fb f4ff060005 ebf9".replace(" ", ""))
"""cli; mov al, FCh; out 21h, al; sti; again: hlt; inc word [500h]; jmp again."""


DISK = bytes(360 << 10)
PCS = {
    "mda": PcSetup(adapter=Adapter.MDA),
    "hercules": PcSetup(adapter=Adapter.HERCULES),
    "ega": PcSetup(adapter=Adapter.EGA),
    "vga": PcSetup(adapter=Adapter.VGA),
    "at": PcSetup(cards=Cards(at=True, joystick=True, mouse=True, ems=True, umb=True, sound=True)),
    "disks": PcSetup(
        disks=(
            DiskImage(DRIVE_B, Path("b.img"), DISK, read_only=True),
            DiskImage(DRIVE_C, Path("c.img"), DISK * 2),
        )
    ),
}
"""PCs beside the usual one, which boot the same program."""
PROCESSORS = {"8088": "8088", "i186": "80186", "i286": "80286"}
"""Of which processor a .COM program's machine is."""
MACHINES = (*KINDS, *PROCESSORS, *PCS)
"""Kinds of machines: the usual one of each kind of program, and others."""


def image_of(kind: str) -> bytes:
    """Return a small program of a kind."""
    match kind:
        case "elks":
            return build(Executable(LOOP, data=bytes(0x400), heap=0x1000, stack=0x800))
        case "com":
            return LOOP
        case "exe":
            # MZ: 2 pages, the last with 64 bytes, 4 paragraphs of header, SS:SP 10:100, CS:IP 0:0
            words = (0x5A4D, 64, 1, 0, 2, 16, 0xFFFF, 0x10, 0x100, 0, 0, 0, 0x1C, 0, 0, 0)
            header = b"".join(word.to_bytes(2, "little") for word in words)
            return (header + LOOP).ljust(64, b"\x90")
    return HALT.ljust(510, b"\0") + b"\x55\xaa"


def load(kind: str, engine: str, root: Path | None = None, image: bytes | None = None) -> Loaded:
    """Return a machine of a kind, with its program or another."""
    of_program = "boot" if kind in PCS else "com" if kind in PROCESSORS else kind
    kinds = {"elks": "ELKS", "com": "DOS_COM", "exe": "DOS_EXE", "boot": "BOOT"}
    content = image_of(of_program) if image is None else image
    program = Program(f"prog.{of_program}", ProgramKind[kinds[of_program]], content)
    options = Options(
        root=root,
        writable=root is not None,
        engine=engine,
        cpu=PROCESSORS.get(kind, "8086"),
        setup=PCS.get(kind, PcSetup()),
        dos=DosSetup(xms_kib=1024) if kind in ("i186", "i286") else DosSetup(),
    )
    return loader.load(program, [], options)


@contextmanager
def sandbox() -> Iterator[Path]:
    """Return a folder for a guest; BrokenError if anything outside of it has changed."""
    with tempfile.TemporaryDirectory(prefix="blink16-fuzz-") as name:
        outside = Path(name)
        root = outside / "root"
        (root / "sub").mkdir(parents=True)
        (root / "file.txt").write_bytes(b"hello\n" * 50)
        (root / "sub" / "other").write_bytes(bytes(3000))
        (root / "out").symlink_to("../secret")
        (outside / "secret").write_bytes(SECRET)
        yield root
        there = sorted(path.name for path in outside.iterdir())
        if there != ["root", "secret"] or (outside / "secret").read_bytes() != SECRET:
            raise BrokenError(f"the guest has reached what lies outside: {there}")
