"""What recorded machines do holds as long as the format of recordings does.

A recording says when something came, not what the machine did: it shows what was seen only on a
machine that does the same again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from blink16.cpu.models import MODELS
from blink16.devices.cards import XT, Cards
from blink16.elks.aout import Executable, build
from blink16.history import Timeline
from blink16.recording import RecordingError, open_recording, plain
from blink16.recording.records import HEADER, VERSION
from blink16.setup.loader import Options, Program, ProgramKind, load
from blink16.setup.pc import PcSetup

EPOCH = 510_582_896 * 1_000_000_000  # 1986-03-07 12:34:56
INSTRUCTIONS, PIECES = 500, 4
BOOTED = bytes.fromhex(
    # int 8: the tick below; the timer at 512 cycles, mode 2; sti; INT 13h/02 of sector 1
    "fa 31c0 8ed8 8ed0 bc007c c7062000707c a32200 b034e643 b000e640 b002e640 fb"
    "b80102 bb0080 8ec3 bb0100 b90100 31d2 cd13"
    # again: rep movsw from an odd address / shl si, cl / mul si / or si, 101h / div si
    "b91f00 be0180 bf00a0 f3a5 b105 d3e6 f7e6 81ce0101 f7f6"
    # in 40h, 61h, 3DAh, 3FDh / out 3F8h / in 64h, 21h
    "e440 e461 bada03 ec b2fd ec baf803 ee e464 e421"
    # int 10h/0Eh, 16h/01, 1Ah/00 / inc word [600h] / hlt / jmp again / tick: end of interrupt
    "b8410e cd10 b401 cd16 b400 cd1a ff060006 f4 ebc2 50 b020 e620 58 cf"
)
DOS = bytes.fromhex(
    # INT 21h/3Ch of NEW.TXT; again: 40h, 2Ch, 02h, 48h, 0Bh / rep stosw / jmp again
    "ba3601 31c9 b43c cd21 89c3 b90900 ba3601 b440 cd21 b42c cd21 b402 b241 cd21"
    "b448 53 bb0500 cd21 5b b40b cd21 b91400 bf0010 f3ab ebd5 4e45572e545854002a"
)
ELKS = bytes.fromhex(
    # again: INT 80h of getpid, write, time / rep stosw / jmp again
    "b81400 cd80 b80400 bb0100 31c9 ba0300 cd80 b80d00 bb0002 cd80 b91400 bf0003 f3ab ebdc"
)
SECTOR = BOOTED.ljust(510, b"\0") + b"\x55\xaa"
PROGRAMS = {
    "boot": (ProgramKind.BOOT, SECTOR.ljust(1_474_560, b"\0")),
    "dos": (ProgramKind.DOS_COM, DOS),
    "elks": (ProgramKind.ELKS, build(Executable(ELKS, bytes(0x400), heap=0x1000, stack=0x800))),
}
MACHINES = {
    **{cpu: ("boot", cpu, XT) for cpu in MODELS},
    "AT": ("boot", "80286", Cards(at=True, ps2mouse=True)),
    "cards": (
        "boot",
        "8086",
        Cards(joystick=True, mouse=True, ems=True, sound=True, real_disks=True),
    ),
    "DOS": ("dos", "8086", XT),
    "ELKS": ("elks", "8086", XT),
}
DONE = {
    8: {
        "8086": "caab8f3da072",
        "8088": "79bdee9db80b",
        "80186": "f9fa9d8ad4ac",
        "80286": "8d99002933dc",
        "AT": "0ef6110c82c1",
        "cards": "d3a08314ae3b",
        "DOS": "5316693b3edd",
        "ELKS": "c6bb5b4dc1a1",
    },
}
"""By the format: what these machines do since it was made, as digests."""


def done(name: str, cpu: str, cards: Cards, folder: Path) -> str:
    """Return a digest of a machine's whole state at several instants, as recordings keep it."""
    kind, image = PROGRAMS[name]
    options = Options(
        folder, epoch_ns=EPOCH, engine="reference", cpu=cpu, setup=PcSetup(cards=cards)
    )
    machine = load(Program("program", kind, image), [], options).machine
    timeline, digest = Timeline(machine), hashlib.sha256()
    for _ in range(PIECES):
        timeline.run(INSTRUCTIONS)
        snapshot = machine.save()
        digest.update(plain.build((snapshot.registers, snapshot.components)))
        digest.update(machine.memory.whole)
    return digest.hexdigest()[:12]


def test_a_format_stands_for_what_machines_do(tmp_path: Path) -> None:
    """Prevents recordings of an elder blink16 that show in silence what was never seen.

    If this fails, what a guest sees or what a checkpoint holds is other than it was.  Where that is
    meant and the format has been in anybody's hands, raise `VERSION`, say there what has changed,
    and put the new digests here.
    """
    found = {name: done(*machine, tmp_path) for name, machine in MACHINES.items()}
    assert found == DONE[VERSION], f"for {VERSION}: {found}"


@pytest.mark.parametrize("version", range(VERSION))
def test_every_earlier_format_is_refused(tmp_path: Path, version: int) -> None:
    """Prevents an elder recording from being shown on a machine that does something else."""
    path = tmp_path / "elder.b16"
    path.write_bytes(HEADER.build({"version": version, "reserved": 0}) + bytes(100))
    with pytest.raises(RecordingError, match=f"its format is {version}, of an older blink16.*anew"):
        open_recording(path)
