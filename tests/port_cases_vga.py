"""Scripts that write all bits to a VGA's registers and show what can be read back.

`SAME` and `OTHER` as in `port_cases`.
"""

from __future__ import annotations

from port_scripts import out, say, show, wait


def indexed(port: int, *indexes: int, value: int = 0xFF) -> bytes:
    """Write a value to registers behind an index, and show each."""
    return b"".join(out(port, index) + out(port + 1, value) + show(port + 1) for index in indexes)


RESET_FLIP_FLOP = wait(0x3DA, 0, 0)
"""Read the status, which changes all the time, and print nothing."""


def attributes(*indexes: int, value: int = 0xFF) -> bytes:
    """Write a value to registers of the attribute controller, and show index and register."""
    return RESET_FLIP_FLOP + b"".join(
        out(0x3C0, index, value) + out(0x3C0, index) + show(0x3C1) + RESET_FLIP_FLOP
        for index in indexes
    )


VGA_SAME = {
    "sequencer": (
        indexed(0x3C4, *range(5)) + indexed(0x3C4, *range(5), value=0),
        "033D0F3F0E" + 5 * "00",
    ),
    "the sequencer's indexes": (
        out(0x3C4, 0xFF) + show(0x3C4) + indexed(0x3C4, 5, 6) + out(0x3C4, 0x0A) + show(0x3C4),
        "07000002",
    ),
    "graphics controller": (indexed(0x3CE, *range(9)), "0F0F0F1F037B0F0FFF"),
    "the graphics controller's indexes": (
        out(0x3CE, 0xF7) + show(0x3CE) + indexed(0x3CE, *range(9, 16)),
        "07" + 7 * "00",
    ),
    "attributes": (attributes(*range(21)), 16 * "3F" + "EFFF3F0F0F"),
    "the attributes' indexes": (
        RESET_FLIP_FLOP
        + attributes(21, 31)
        + out(0x3C0, 0xF3)
        + RESET_FLIP_FLOP
        + show(0x3C0)
        + out(0x3C0, 0x20)
        + RESET_FLIP_FLOP
        + show(0x3C0),
        "00003320",
    ),
    "CRT controller": (
        indexed(0x3D4, 0x0C, 0x0D, 0x0E, 0x0F, 0x13, 0x18)
        + out(0x3D4, 0x19)
        + show(0x3D5)
        + out(0x3D4, 0x3F)
        + show(0x3D5)
        + show(0x3B4)
        + show(0x3B5),
        6 * "FF" + "0000FFFF",
    ),
    "miscellaneous output": (
        out(0x3C2, 0xFF) + show(0x3CC) + out(0x3C2, 0x63) + show(0x3CC),
        "EF63",
    ),
    "DAC": (
        out(0x3C8, 0xFF)
        + (show(0x3C7) + show(0x3C8))
        + (out(0x3C9, 1, 2) + show(0x3C8) + out(0x3C9, 3) + show(0x3C8))
        + (out(0x3C9, 4, 5, 6) + show(0x3C8))
        + (out(0x3C7, 0xFF) + show(0x3C7) + show(0x3C9, 6)),
        "00FFFF000103010203040506",
    ),
    "a color that is written again": (
        out(0x3C8, 7)
        + out(0x3C9, 1, 2)
        + out(0x3C8, 7)
        + out(0x3C9, 3, 4, 5)
        + out(0x3C7, 7)
        + show(0x3C9, 3),
        "030405",
    ),
}
VGA_OTHER = {
    # six bits a component: QEMU gives back eight
    "the DAC's bits": (
        out(0x3C8, 1) + out(0x3C9, 0xFF, 0xC0, 0x7F) + out(0x3C7, 1) + show(0x3C9, 3),
        "3F003F",
    ),
    # one address in the DAC (Inmos IMS G171), one ahead when it reads: QEMU has two
    "the DAC's address": (
        out(0x3C8, 0x10)
        + out(0x3C9, 1, 2, 3)
        + (out(0x3C7, 0x10) + show(0x3C8) + show(0x3C9, 3) + show(0x3C8))
        + (out(0x3C7, 0xFF) + show(0x3C8)),
        "110102031200",
    ),
    # which QEMU hasn't got
    "the DAC's mask": (out(0x3C6, 0xA5) + show(0x3C6), "A5"),
    # bit 5 of the index keeps the palette as it is (IBM)
    "a palette that is shown can't be changed": (
        attributes(1, value=0x15) + out(0x3C0, 0x21, 0x2A) + out(0x3C0, 0x21) + show(0x3C1),
        "1515",
    ),
    # the address is read whatever the flip-flop says; QEMU gives 00 in between
    "the attributes' index before data": (
        RESET_FLIP_FLOP + out(0x3C0, 0x12) + show(0x3C0) + say("/") + RESET_FLIP_FLOP,
        "12/",
    ),
    # bit 3 selects the vertical sync (IBM); QEMU keeps bit 4
    "feature control": (out(0x3DA, 0xFF) + show(0x3CA), "08"),
}
