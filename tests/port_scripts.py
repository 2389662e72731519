"""Scripts of accesses to ports, done by a boot sector (`ports/script.asm`) here and in QEMU."""

from __future__ import annotations

from blink16 import bios
from blink16.console import Console
from blink16.devices.cards import Cards
from blink16.devices.video import Adapter
from blink16.machine import Machine

SECTOR = bytes.fromhex(
    "fa31c08ed88ec08ed0bc007cfbb81002bb0080b9020031d2cd13fabe0080fcbf3800b8607de85b00bfd801b8"
    "767de85200bfc001b86e7de84900bf3c00b8687de84000bfdc01b87e7de8370031c0bf0006b91000f3abac3c"
    "0d732d98d1e089c3ad89c2ff97697cebed887c947c977cac7cc57cd97cfb7c0d7d257d287d337d387d597dab"
    "31c0abc3b00ae6e9fab0fee664f4ebfdaceec3ec50b104d2e8e8010058240f049027144027e6e9c3ad89c331"
    "c9bf2800ec20d838f87409e2f74f75f4b054e6e9c38ec2ad89c7ad89c1acaa0204e2fb4631c08ec0c3ad89c7"
    "ad89c18ec231dbd1c326021d80d70047e2f531c08ec088f853e8a0ff58eb9dad8ec0ad89c7ad89c1edabe2fc"
    "31c08ec0c3ad89c3ad89c7ad89c18ec3268b054747efe2f831c08ec0c3adefc3ed5088e0e869ff58e965ff88"
    "d0e6e9c389d3fb31c9bf0a0080bf0006007505e2f74f75f4fa8a870006c687000600e93fff89d1e461e2fcc3"
    "502efe060606eb222efe060706cf502efe060806eb10502efe060e06eb08502efe060f06eb04b020e6a0b020"
    "e62058cf"
)
"""nasm -f bin -o script.bin ports/script.asm"""
SCRIPT_SECTORS = 16
END = b"\0\0\0"
MOST = 8_000_000
"""Instructions that a script may take."""


def _word(value: int) -> bytes:
    return (value & 0xFFFF).to_bytes(2, "little")


def out(port: int, *values: int) -> bytes:
    """Write bytes to a port."""
    return b"".join(b"\x01" + _word(port) + bytes((value,)) for value in values)


def show(port: int, times: int = 1) -> bytes:
    """Read a port and print what it holds."""
    return (b"\x02" + _word(port)) * times


def wait(port: int, mask: int, value: int) -> bytes:
    """Read a port until its masked bits are so; print T if that never comes."""
    return b"\x03" + _word(port) + bytes((mask, value))


def fill(offset: int, size: int, byte: int, step: int = 0) -> bytes:
    """Fill memory at 2000:offset."""
    return b"\x04" + _word(0x2000) + _word(offset) + _word(size) + bytes((byte, step))


def check(offset: int, size: int) -> bytes:
    """Print a check sum of memory at 2000:offset."""
    return b"\x05" + _word(0x2000) + _word(offset) + _word(size)


def take(port: int, offset: int, words: int) -> bytes:
    """Read words from a port to 2000:offset."""
    return b"\x06" + _word(port) + _word(0x2000) + _word(offset) + _word(words)


def give(port: int, offset: int, words: int) -> bytes:
    """Write words from 2000:offset to a port."""
    return b"\x07" + _word(port) + _word(0x2000) + _word(offset) + _word(words)


def show_word(port: int) -> bytes:
    """Read a word and print it."""
    return b"\x09" + _word(port)


def say(text: str) -> bytes:
    """Print text."""
    return b"".join(b"\x0a" + _word(ord(letter)) for letter in text)


def interrupts(number: int) -> bytes:
    """Wait a while for an IRQ (6, 7, 8, 14 or 15), and print how many came."""
    return b"\x0b" + _word(number)


def pause(loops: int) -> bytes:
    """Let time pass."""
    return b"\x0c" + _word(loops)


def floppy(script: bytes) -> bytes:
    """Return a floppy with a script, whose other sectors are filled with their numbers."""
    code = (script + END).ljust(SCRIPT_SECTORS * 512, b"\0")
    assert len(code) == SCRIPT_SECTORS * 512
    image = bytearray(SECTOR.ljust(510, b"\0") + b"\x55\xaa" + code)
    for number in range(SCRIPT_SECTORS + 1, 2880):
        image += number.to_bytes(2, "little") * 256
    return bytes(image)


def hard_disk() -> bytes:
    """Return a hard disk of 306 cylinders, 4 heads and 17 sectors, filled in the same way."""
    return b"".join((n & 0xFFFF).to_bytes(2, "little") * 256 for n in range(306 * 4 * 17))


HARD_DISK = hard_disk()


def machine(script: bytes, engine: str, *, read_only: bool = False, at: bool = True) -> Machine:
    """Return a PC before a script."""
    made = Machine(engine, epoch_ns=10**18)
    disks = [
        bios.disk_of(0, floppy(script), read_only=read_only),
        bios.disk_of(0x80, HARD_DISK),
    ]
    bios.power_on(made, Console(), disks, adapter=Adapter.VGA, cards=Cards(at=at))
    return made


def answer(made: Machine) -> str:
    """Run a script to its end; return what it printed."""
    shown = bytearray()
    made.on_output = lambda channel, data: shown.extend(data if channel == "debug" else b"")
    made.run(MOST)
    text = shown.decode("latin-1")
    assert text.endswith("\n"), f"the script is not at its end: {text}"
    return text.strip()
