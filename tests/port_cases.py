"""Scripts that drive disks' and interrupts' controllers and a VGA, and what they print.

`SAME` is what QEMU 7.2 printed for the same script, character for character.  `OTHER` are scripts
at which QEMU differs from the data sheets, which are followed here; why stands beside each.
"""

from __future__ import annotations

from port_cases_pic import PIC_OTHER, PIC_SAME
from port_cases_vga import VGA_OTHER, VGA_SAME
from port_scripts import (
    check,
    fill,
    give,
    interrupts,
    out,
    pause,
    say,
    show,
    show_word,
    take,
    wait,
)

# -- the floppy controller -------------------------------------------------------------------


def command(*values: int) -> bytes:
    """Give a uPD765A a command."""
    return b"".join(wait(0x3F4, 0xC0, 0x80) + out(0x3F5, value) for value in values)


def result(size: int) -> bytes:
    """Show a command's result, and the status behind it."""
    return (wait(0x3F4, 0xC0, 0xC0) + show(0x3F5)) * size + say("/") + show(0x3F4) + say(" ")


def sense() -> bytes:
    """Ask what the interrupt was for."""
    return command(8) + result(2)


RESET = out(0x3F2, 0x18) + pause(10) + out(0x3F2, 0x1C) + interrupts(6) + sense() * 4
RESET += command(3, 0xDF, 2)
NO_DMA = command(3, 0xDF, 3)


def recalibrate(drive: int = 0) -> bytes:
    """Move a head to cylinder 0."""
    return command(7, drive) + interrupts(6) + sense()


def seek(cylinder: int) -> bytes:
    """Move the head of drive A."""
    return command(0x0F, 0, cylinder) + interrupts(6) + sense()


def dma(mode: int, address: int, size: int) -> bytes:
    """Set up the 8237's channel 2."""
    return (
        out(0x0A, 6)
        + out(0x0C, 0)
        + out(0x0B, mode)
        + out(4, address & 0xFF, address >> 8 & 0xFF)
        + out(0x81, address >> 16)
        + out(5, (size - 1) & 0xFF, (size - 1) >> 8)
        + out(0x0A, 2)
    )


COUNTED = say("d") + out(0x0C, 0) + show(4, 2) + show(5, 2) + show(8) + say(" ")
"""The channel's address and count, and the 8237's status."""


def moved(mode: int, size: int, *values: int, address: int = 0x20000) -> bytes:
    """Give a command that moves sectors, and show what came of it."""
    return (
        dma(mode, address, size)
        + command(*values)
        + interrupts(6)
        + result(7)
        + COUNTED
        + say("=")
        + check(0, 0x400)
        + say(" ")
    )


CLEAR = fill(0, 0x800, 0xEE)
COUNTING = fill(0, 512, 1, 1)
READY = RESET + recalibrate()


def read(size: int, *values: int, mode: int = 0x46, address: int = 0x20000) -> bytes:
    """Read sectors of a track of 18 into cleared memory, as `moved` shows it."""
    return CLEAR + moved(mode, size, *values, 18, 0x1B, 0xFF, address=address)


def write(size: int, *values: int) -> bytes:
    """Write what counts from 1, as `moved` shows it."""
    return COUNTING + moved(0x4A, size, *values, 18, 0x1B, 0xFF)


SECTOR_18 = (0xE6, 0, 0, 0, 18, 2)
FLOPPY_SAME = {
    "after a reset": (RESET + show(0x3F4), "01C000/80 C100/80 C200/80 C300/80 80"),
    "no such command": (command(0x1F) + result(1) + command(8) + result(1), "80/80 80/80"),
    "a sector": (
        READY + read(512, 0xE6, 0, 0, 0, 17, 2),
        "0100000000001202/80 d0002FFFF04 =7FF0",
    ),
    "over to head 1": (
        READY + read(1024, 0xC6, 0, 0, 0, 18, 2),
        "0104000000010202/80 d0004FFFF04 =AAA5",
    ),
    "verified": (READY + read(512, *SECTOR_18, mode=0x42), "0104000000010102/80 d0002FFFF04 =7FE0"),
    "written": (
        READY + write(512, 0xC5, 0, 0, 0, 18, 2) + read(512, *SECTOR_18),
        "=AFFF 0104000000010102/80 d0002FFFF04 =AFFF",
    ),
    "byte by byte": (
        READY
        + NO_DMA
        + command(*SECTOR_18, 18, 0x1B, 0xFF)
        + interrupts(6)
        + wait(0x3F4, 0xF0, 0xF0)
        + show(0x3F4)
        + say("-")
        + (wait(0x3F4, 0xC0, 0xC0) + show(0x3F5)) * 3,
        "01F0-110011",
    ),
}
FLOPPY_OTHER = {
    # QEMU raises seek end for commands that are no seek
    "the end of the track": (
        READY + read(512, 0x46, 0, 0, 0, 18, 2),
        "0100000001000102/80 d0002FFFF04 =AAA5",
    ),
    # QEMU has no end of cylinder when a terminal count does not come
    "past the end of the track": (
        READY + read(2048, 0x46, 0, 0, 0, 18, 2),
        "0140800001000102/80 d0002FF0500 =AAA5",
    ),
    # QEMU reads whatever cylinder is named, wherever the head is
    "another cylinder": (
        READY + read(512, 0x46, 0, 3, 0, 1, 2),
        "0140041003000102/80 d0000FF0100 =7FE0",
    ),
    # and of whatever head, wherever the command's is
    "another head": (READY + read(512, 0x46, 0, 0, 1, 1, 2), "0140040000010102/80 d0000FF0100"),
    # and it has a sector 0
    "sector 0": (
        READY + read(512, 0x46, 0, 0, 0, 0, 2),
        "0140040000000002/80 d0000FF0100 =7FE0",
    ),
    # the 8237 takes its base registers again at the terminal count
    "the 8237 begins again": (
        READY + read(512, *SECTOR_18, mode=0x56),
        "0104000000010102/80 d0000FF0104 =AAA5",
    ),
    # and it counts sixteen bits only: QEMU goes on in the next 64 KiB
    "the 8237 wraps": (
        READY + read(512, *SECTOR_18, address=0x2FF00),
        "0104000000010102/80 d0001FFFF04 =D552",
    ),
    # the rest of a sector is zeros; QEMU leaves what was there
    "part of a sector": (
        READY + write(100, 0xC5, 0, 0, 0, 18, 2) + read(512, *SECTOR_18),
        "0104000000010102/80 d6400FFFF04 =AFFF 0104000000010102/80 d0002FFFF04 =77FB",
    ),
    # a drive that isn't there never says track 0: QEMU finds one, so every PC has four
    "a drive that isn't there": (
        RESET + recalibrate(1) + command(4, 1) + result(1),
        "017100/80 21/80",
    ),
    # without DMA nothing says that it is enough, so that every transfer ends at the track's end
    "byte by byte to the end": (
        READY
        + NO_DMA
        + command(0x46, 0, 0, 0, 18, 2, 18, 0x1B, 0xFF)
        + interrupts(6)
        + (wait(0x3F4, 0xC0, 0xC0) + show(0x3F5)) * 512
        + show(0x3F4)
        + interrupts(6)
        + result(7),
        "D00140800001000102/80",
    ),
    # requests that the gate holds back are not answered in time
    "the gate is shut": (
        READY
        + out(0x3F2, 0x14)
        + CLEAR
        + dma(0x46, 0x20000, 512)
        + command(*SECTOR_18, 18, 0x1B, 0xFF)
        + result(7)
        + say("=")
        + check(0, 0x400),
        "40100000001202/80 =7FE0",
    ),
    # QEMU knows no deleted sectors: READ DELETED DATA is an error there
    "deleted data": (
        READY
        + write(512, 0xC9, 0, 0, 0, 18, 2)
        + read(512, 0x4C, 0, 0, 0, 18, 2)
        + read(512, 0x46, 0, 0, 0, 18, 2)
        + read(1024, 0xE6, 0, 0, 0, 18, 2),
        "0100000001000102/80 d0002FFFF04 =AFFF 0100004001000102/80 d0002FFFF04 =AFFF "
        "0104000000010302/80 d0004FFFF04 =6D49",
    ),
}

# -- the hard disk ---------------------------------------------------------------------------

LET_14_THROUGH = out(0xA1, 0xBF) + out(0x21, 0xB8)
START = (
    LET_14_THROUGH
    + out(0x3F6, 0x0C)
    + pause(100)
    + out(0x3F6, 8)
    + wait(0x3F6, 0x80, 0)
    + out(0x1F6, 0xA0)
    + wait(0x3F6, 0xC0, 0x40)
)
STATUS = wait(0x3F6, 0x80, 0) + say("s") + show(0x3F6) + show(0x1F1) + show(0x1F7)
REGISTERS = say("r") + b"".join(show(0x1F2 + n) for n in range(5)) + say(" ")
ASKED = say("i") + interrupts(14)


def ata(code: int, *registers: int) -> bytes:
    """Write 1F2h and on, and a command."""
    return b"".join(out(0x1F2 + n, value) for n, value in enumerate(registers)) + out(0x1F7, code)


def summed(words: int = 256) -> bytes:
    """Read words from the data port, and show their sum."""
    return take(0x1F0, 0, words) + say("=") + check(0, 2 * words) + say(" ")


GIVE = wait(0x3F6, 0x88, 8) + give(0x1F0, 0, 256)
DONE, MORE = ASKED + STATUS, ASKED + STATUS + REGISTERS
DISK_SAME = {
    "after a reset": (START + REGISTERS + STATUS, "r01010000A0 s500150"),
    "its name": (
        START + ata(0xEC, 1, 1, 0, 0, 0xA0) + ASKED + take(0x1F0, 0, 256) + STATUS + check(2, 2),
        "i01s5000500065",
    ),
    "a sector": (
        START + ata(0x20, 1, 5, 0, 0, 0xA0) + DONE + summed() + STATUS,
        "i01s580058=C552 s500050",
    ),
    "two by number": (
        START + ata(0x20, 2, 0xFF, 0, 0, 0xE0) + MORE + summed() + DONE + summed(),
        "i01s580058r01000100E0 =7FF0 i01s580058=0555",
    ),
    "over the end of a track": (
        START + ata(0x20, 3, 16, 0, 0, 0xA3) + MORE + summed() + MORE + summed(),
        "i01s580058r02110000A3 =7FF0 i01s580058r01010100A0 =5550",
    ),
    "written": (
        START
        + COUNTING
        + ata(0x30, 1, 5, 0, 0, 0xA0)
        + GIVE
        + DONE
        + ata(0x20, 1, 5, 0, 0, 0xA0)
        + ASKED
        + summed(),
        "i01s500050i01=AFFF",
    ),
    "blocks of four": (
        START
        + ata(0xC6, 4, 0, 0, 0, 0xA0)
        + DONE
        + ata(0xC4, 6, 1, 0, 0, 0xA0)
        + MORE
        + summed(1024)
        + DONE
        + summed(512)
        + DONE,
        "i01s500050i01s580058r02050000A0 =B554 i01s580058=6FFD i00s500050",
    ),
    "blocks written": (
        START
        + ata(0xC6, 2, 0, 0, 0, 0xA0)
        + DONE
        + fill(0, 1024, 1, 1)
        + ata(0xC5, 3, 1, 0, 0, 0xA0)
        + wait(0x3F6, 0x88, 8)
        + give(0x1F0, 0, 512)
        + MORE
        + give(0x1F0, 512, 256)
        + DONE,
        "i01s500050i01s580058r01030000A0 i01s500050",
    ),
    "diagnosis": (START + ata(0x90, 9, 9, 9, 9, 0xA0) + MORE, "i01s500150r01010000A0"),
    "as other heads and sectors": (
        START + ata(0x91, 9, 0, 0, 0, 0xA1) + DONE + ata(0x20, 1, 1, 1, 0, 0xA0) + ASKED + summed(),
        "i01s500050i01=5FF5",
    ),
    "nobody is asked until nIEN falls": (
        START
        + out(0x3F6, 0x0A)
        + ata(0x20, 1, 5, 0, 0, 0xA0)
        + wait(0x3F6, 0x80, 0)
        + show(0x3F6)
        + out(0x3F6, 8)
        + DONE,
        "58i01s580058",
    ),
    "a reset in mid transfer": (
        START
        + ata(0x20, 2, 5, 0, 0, 0xA0)
        + ASKED
        + show_word(0x1F0)
        + out(0x3F6, 0x0C)
        + pause(50)
        + out(0x3F6, 8)
        + wait(0x3F6, 0x80, 0)
        + STATUS
        + REGISTERS
        + ASKED,
        "i010004s500150r01010000A0 i00",
    ),
    "a byte of the data port is a word": (
        START + ata(0x20, 1, 5, 0, 0, 0xA0) + ASKED + show(0x1F0, 4) + show_word(0x1F0),
        "i01040404040004",
    ),
}
DISK_OTHER = {
    # at the end the registers name the last sector (X3.221, 7.2), in QEMU the one behind it
    "the last sector stays named": (
        START + ata(0x20, 1, 5, 0, 0, 0xA0) + ASKED + take(0x1F0, 0, 256) + REGISTERS,
        "i01r00050000A0",
    ),
    # QEMU reads on in another track, and says aborted beyond the end
    "no such sectors": (
        START
        + ata(0x20, 1, 18, 0, 0, 0xA0)
        + DONE
        + ata(0x20, 1, 0, 0, 0, 0xA0)
        + DONE
        + ata(0x20, 1, 1, 0, 0, 0xA4)
        + DONE
        + ata(0x20, 1, 1, 0x32, 1, 0xA0)
        + MORE,
        "i01s511051i01s511051i01s511051i01s511051r01013201A0",
    ),
    "the disk ends in mid command": (
        START
        + ata(0x40, 5, 17, 0x31, 1, 0xA3)
        + MORE
        + ata(0x20, 2, 17, 0x31, 1, 0xA3)
        + DONE
        + summed()
        + DONE,
        "i01s511051r04013201A0 i01s580058=AAA5 i01s511051",
    ),
    # X3.221 has all of them; QEMU has no RECALIBRATE to 1Fh, and no sector buffer
    "commands of all kinds": (
        START
        + ata(0x1F, 5, 1, 0, 0, 0xA0)
        + b"".join(
            DONE + ata(code, 5, 1, 0, 0, 0xA0)
            for code in (0x70, 0x41, 0xE5, 0x94, 0xE7, 0xEF, 0xC8, 0x08, 0x00, 0xC6)
        )
        + DONE,
        "i01s500050i01s500050i01s500050i01s500050i01s500050i01s500050i01s510451i01s510451"
        "i01s510451i01s510451i01s510451",
    ),
    "the sector buffer": (
        START + COUNTING + ata(0xE8) + GIVE + DONE + ata(0xE4) + ASKED + summed(),
        "i01s500050i01=AFFF",
    ),
    # an absent slave: the registers are those of the one cable
    "no second drive": (
        START
        + out(0x1F6, 0xB0)
        + show(0x1F7)
        + ata(0xEC)
        + ASKED
        + show(0x3F6)
        + out(0x1F6, 0xA0)
        + show(0x1F7)
        + ata(0xEC)
        + DONE,
        "00i000050i01s580058",
    ),
    "a track is formatted": (
        START
        + ata(0x50, 17, 0, 0, 0, 0xA1)
        + GIVE
        + DONE
        + ata(0x20, 1, 17, 0, 0, 0xA1)
        + ASKED
        + summed()
        + ata(0x20, 1, 1, 0, 0, 0xA2)
        + ASKED
        + summed(),
        "i01s500050i01=0000 i01=5550",
    ),
}
SAME = {"floppy": FLOPPY_SAME, "disk": DISK_SAME, "8259A": PIC_SAME, "VGA": VGA_SAME}
OTHER = {"floppy": FLOPPY_OTHER, "disk": DISK_OTHER, "8259A": PIC_OTHER, "VGA": VGA_OTHER}
