"""How to find out whether a gdb can read files for an x86-64: by how it reads one.

One that was built without x86-64 takes a look at such a file's beginning and closes it.  So no
read of its beginning brings more than that: whoever goes on comes back for more.

There is one that gdb reads before any that matters, and says nothing of.  Once it has its
program's file it asks for that of the process, opens it with ``target:`` before its name, which
ours has anyway, and looks for a build ID that differs (validate_exec_file in exec.c, since gdb 10;
it does so only if the file that it has brings one).  A file without any is nothing to complain
of, so what lies under that doubled name is for an x86-64.
"""

from __future__ import annotations

from functools import cache

from blink16.symbolfiles import elf
from blink16.symbolfiles.elf import ElfSection, SectionType

LOOK = 512
"""Bytes of a file's beginning."""


@cache
def content() -> bytes:
    """Return that file."""
    return elf.build_64([padding()], [], 0)


def padding() -> ElfSection:
    """Return a section that puts the section headers of a file behind its beginning."""
    return ElfSection(".comment", SectionType.PROGBITS, content=bytes(LOOK))


def tells(content: bytes) -> bool:
    """Return whether a file is for an x86-64, and so tells what a client can read."""
    return content.startswith(elf.MAGIC_64)
