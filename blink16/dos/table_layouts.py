"""How the tables behind INT 21h/52h are laid out, which differs between versions of DOS.

Source: Ralf Brown's Interrupt List, tables 01627 (list of lists), 01395 (DPB), 01643 (CDS),
01639 to 01642 (SFT), 01646 (device header).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from construct import Bytes, Const, Default, Int8ul, Int16ul, Int32ul, Padding, Struct

from blink16.dos.executable import FAR_POINTER

NOWHERE = {"segment": 0xFFFF, "offset": 0xFFFF}
NO_BUFFERS = Const(b"\xff" * 4)

DEVICE_HEADER = Struct(
    "next" / FAR_POINTER,
    "attributes" / Int16ul,
    "strategy" / Int16ul,
    "interrupt" / Int16ul,
    "name" / Bytes(8),
)

# -- the list of lists -----------------------------------------------------------------------

_HEAD = (
    "first_mcb" / Int16ul,  # before the list's address
    "first_dpb" / Default(FAR_POINTER, NOWHERE),
    "sft" / Default(FAR_POINTER, NOWHERE),
    "clock" / FAR_POINTER,
    "con" / FAR_POINTER,
)
_NUL = (  # the NUL device heads the chain of devices
    "nul_next" / Default(FAR_POINTER, NOWHERE),
    "nul_attribute" / Const(0x8004, Int16ul),
    "nul_strategy" / Int16ul,
    "nul_interrupt" / Int16ul,
    "nul_name" / Const(b"NUL     "),
)
_LIST_2 = Struct(
    *_HEAD,
    "block_devices" / Int8ul,
    "sector_size" / Int16ul,
    "buffers" / NO_BUFFERS,
    *_NUL,
)
_LIST_30 = Struct(
    *_HEAD,
    "block_devices" / Int8ul,
    "sector_size" / Int16ul,
    "buffers" / NO_BUFFERS,
    "cds" / Default(FAR_POINTER, NOWHERE),
    "last_drive" / Int8ul,
    Padding(6),  # STRING= of CONFIG.SYS
    "fcb_sft" / Const(b"\xff" * 4),
    "protected_fcbs" / Int16ul,
    *_NUL,
)
_MIDDLE_31 = (
    "sector_size" / Int16ul,
    "buffers" / NO_BUFFERS,
    "cds" / Default(FAR_POINTER, NOWHERE),
    "fcb_sft" / Const(b"\xff" * 4),
    "protected_fcbs" / Int16ul,
    "block_devices" / Int8ul,
    "last_drive" / Int8ul,
)
_LIST_31 = Struct(*_HEAD, *_MIDDLE_31, *_NUL, "joined" / Const(0, Int8ul))
_LIST_4 = Struct(
    *_HEAD,
    *_MIDDLE_31,
    *_NUL,
    "joined" / Const(0, Int8ul),
    Padding(10),  # names and versions of SETVER, and whom to ask for more
    "buffer_count" / Const(0, Int16ul),
    "look_ahead" / Const(0, Int16ul),
    "boot_drive" / Int8ul,  # 1 for A
    "is_386" / Const(0, Int8ul),
    "extended_kib" / Const(0, Int16ul),
    Padding(28),
    "upper_linked" / Default(Int8ul, 0),
    Padding(2),
    "upper_mcb" / Default(Int16ul, 0xFFFF),
)

# -- drive parameter blocks, current directories ---------------------------------------------

_DPB_HEAD = (
    "drive" / Int8ul,
    "unit" / Int8ul,
    "sector_size" / Int16ul,
    "cluster_mask" / Int8ul,
    "cluster_shift" / Int8ul,
    "reserved" / Int16ul,
    "fats" / Int8ul,
    "root_entries" / Int16ul,
    "data" / Int16ul,
    "last_cluster" / Int16ul,
)
_DPB_TAIL = (
    "root" / Int16ul,
    "device" / FAR_POINTER,
    "media" / Int8ul,
    "access" / Const(0, Int8ul),
    "next" / FAR_POINTER,
)
_FREE = ("next_free" / Const(2, Int16ul), "free" / Int16ul)
_DPB_2 = Struct(
    *_DPB_HEAD,
    "fat_sectors" / Int8ul,
    *_DPB_TAIL,
    "directory_cluster" / Const(0, Int16ul),
    "path" / Bytes(64),  # of the current directory, without drive and first backslash
)
_DPB_3 = Struct(*_DPB_HEAD, "fat_sectors" / Int8ul, *_DPB_TAIL, *_FREE)
_DPB_4 = Struct(*_DPB_HEAD, "fat_sectors" / Int16ul, *_DPB_TAIL, *_FREE)

_CDS = (
    "path" / Bytes(67),
    "attributes" / Int16ul,
    "dpb" / FAR_POINTER,
    "cluster" / Default(Int16ul, 0xFFFF),
    Padding(4),
    "root_length" / Const(2, Int16ul),
)
_CDS_3 = Struct(*_CDS)
_CDS_4 = Struct(*_CDS, Padding(7))

# -- open files ------------------------------------------------------------------------------

SFT_HEADER = Struct("next" / FAR_POINTER, "count" / Int16ul)
_SFT = (
    "references" / Int16ul,
    "mode" / Int16ul,
    "attributes" / Int8ul,
    "information" / Int16ul,
    "device" / FAR_POINTER,
    "cluster" / Const(0, Int16ul),
    "time" / Int16ul,
    "date" / Int16ul,
    "size" / Int32ul,
    "position" / Int32ul,
    Padding(7),
    "name" / Bytes(11),
    Padding(6),
    "owner" / Int16ul,
)
_SFT_2 = Struct(
    "references" / Int8ul,
    "mode" / Int8ul,
    "attributes" / Int8ul,
    "drive" / Int8ul,  # 0: a character device, 1: A
    "name" / Bytes(11),
    Padding(4),
    "size" / Int32ul,
    "date" / Int16ul,
    "time" / Int16ul,
    "information" / Int8ul,
    "device" / FAR_POINTER,
    Padding(4),
    "position" / Int32ul,
)
_SFT_30 = Struct(*_SFT, Padding(5))
_SFT_31 = Struct(*_SFT, Padding(2))
_SFT_4 = Struct(*_SFT, Padding(8))


@dataclass(frozen=True, slots=True)
class TableLayouts:
    """The layouts of one version."""

    list_of_lists: Any
    dpb: Any
    cds: Any
    """None: there are no such tables."""
    sft: Any
    fat_sectors_limit: int = 0xFFFF
    """The most that a parameter block can tell."""


_DOS_2 = TableLayouts(_LIST_2, _DPB_2, None, _SFT_2, 0xFF)
_DOS_30 = TableLayouts(_LIST_30, _DPB_3, _CDS_3, _SFT_30, 0xFF)
_DOS_31 = TableLayouts(_LIST_31, _DPB_3, _CDS_3, _SFT_31, 0xFF)
_DOS_4 = TableLayouts(_LIST_4, _DPB_4, _CDS_4, _SFT_4)


def layouts(version: tuple[int, int]) -> TableLayouts:
    """Return the layouts of a version, its major and minor number."""
    if version < (3, 0):
        return _DOS_2
    if version < (3, 10):
        return _DOS_30
    return _DOS_31 if version < (4, 0) else _DOS_4
