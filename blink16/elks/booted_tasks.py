"""The processes of a booted ELKS kernel, read from its task table by the kernel's symbols.

The table's rows differ in length from version to version.  What they begin with does not: the
saved CS and SP of the kernel's stack, five words on the data segment, then the numbers of the
process, its parent, its group and its session; and all end with the program's SS.  How long one
is follows from the marks that the kernel puts below its stacks.  Source: linuxmt/sched.h.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from construct import Int16ul, Int32ul, Padding, Struct

PARAGRAPH = 16
CONVENTIONAL = 0xA0000
KSTACK_MAGIC = 0x5476
MAX_HEAD = 0x200
"""Bytes of a row before the mark, at most."""
ROW_SIZES = range(0x100, 0x800, 2)
MAX_TASKS = 64
MAX_NAME = 64
TASK = Struct(
    "cs" / Int16ul,
    "ksp" / Int16ul,
    "end_data" / Int16ul,
    "begin_stack" / Int16ul,
    "end_break" / Int16ul,
    "end_segment" / Int16ul,
    "min_stack" / Int16ul,
    "pid" / Int16ul,
    "parent" / Int16ul,
    "group" / Int16ul,
    "session" / Int16ul,
    "ids" / Padding(12),
    "state" / Int16ul,
    "timeout" / Int32ul,
)
STATES = (
    *("can run", "sleeps", "sleeps", "waits", "is stopped", "is a zombie", "ends", "is not used"),
)
ZOMBIE = STATES.index("is a zombie")
UNUSED = STATES.index("is not used")
IDLE = 0


@dataclass(frozen=True, slots=True)
class BootedTask:
    """A process of the kernel's."""

    pid: int
    parent: int
    state: str
    """What it does, in a few words."""
    code: int
    data: int
    """The segments of its text, and of its data and stack."""
    name: str
    """The program's, as it was executed: its argv[0]; empty if that can't be read."""
    row: range
    """Where its row lies: linear addresses."""
    kernel_sp: int
    """That of its stack in the kernel, as it was when it went to sleep."""

    @property
    def lives(self) -> bool:
        """Whether it has not ended."""
        return self.state != STATES[ZOMBIE]


@dataclass(frozen=True, slots=True)
class BootedKernel:
    """A kernel in memory: its segments and its processes."""

    code: int
    data: int
    idle: BootedTask
    """The first row: nobody's."""
    tasks: tuple[BootedTask, ...]


def find(memory: bytes, task: int, current: int) -> BootedKernel | None:
    """Return the kernel whose data has the task table and a pointer to the row of the running
    process at these offsets; None if there is none.
    """
    ram = memory[:CONVENTIONAL]
    for segment in range(1, len(ram) // PARAGRAPH):
        start = segment * PARAGRAPH
        size = _row_size(ram, start + task, _word(ram, start + current) - task)
        if size and (kernel := _kernel(ram, segment, start + task, size)) is not None:
            return kernel
    return None


def find_at(memory: bytes, task: int, current: int) -> BootedKernel | None:
    """Return the same, with the table and the pointer at linear addresses."""
    ram = memory[:CONVENTIONAL]
    size = _row_size(ram, task, 0)
    running = _word(ram, current)
    for row in range(MAX_TASKS if size else 0):
        start = task + row * size - running
        if start > 0 and start % PARAGRAPH == 0:
            return _kernel(ram, start // PARAGRAPH, task, size)
    return None


def _word(ram: bytes, address: int) -> int:
    return int.from_bytes(ram[address : address + 2], "little")


def _row_size(ram: bytes, table: int, running: int) -> int:
    """Return how many bytes apart the rows are; 0 if this is no table.  ``running``: where the
    running one's begins in it.
    """
    if not 0 <= running < MAX_TASKS * ROW_SIZES[-1] or table + MAX_HEAD > len(ram):
        return 0
    magic = KSTACK_MAGIC.to_bytes(2, "little")
    mark = ram.find(magic, table, table + MAX_HEAD)
    if mark < 0:
        return 0
    second = ram.find(magic, mark + ROW_SIZES[0], mark + ROW_SIZES[-1])
    size = second - mark
    return size if second > 0 and size in ROW_SIZES and running % size == 0 else 0


def _kernel(ram: bytes, segment: int, table: int, size: int) -> BootedKernel | None:
    rows = list(_rows(ram, table, size))
    if not rows or rows[0].pid != IDLE:
        return None
    numbers = [row.pid for row in rows]
    if len(numbers) < 2 or len(set(numbers)) != len(numbers):
        return None
    return BootedKernel(rows[0].code, segment, rows[0], tuple(rows[1:]))


def _rows(ram: bytes, table: int, size: int) -> Iterator[BootedTask]:
    for start in range(table, min(table + MAX_TASKS * size, len(ram) - size), size):
        row = TASK.parse(ram[start : start + size])
        if row.state >= len(STATES):  # the table has ended
            return
        if row.state == UNUSED or (row.pid == IDLE and start != table):
            continue
        data = _word(ram, start + size - 2)
        name = _name(ram, data, row.begin_stack)
        place = range(start, start + size)
        state = STATES[row.state]
        yield BootedTask(row.pid, row.parent, state, row.cs, data, name, place, row.ksp)


def _name(ram: bytes, data: int, stack: int) -> str:
    """Return argv[0] from where a program's stack begins: argc, argv, ..."""
    start = data * PARAGRAPH
    if not stack or start + 0x10000 > len(ram):
        return ""
    offset = _word(ram, start + stack + 2)
    text = ram[start + offset : start + offset + MAX_NAME].split(b"\0")[0]
    shown = text.decode("ascii", "replace")
    return shown.rpartition("/")[2] if shown.isprintable() else ""


def named(tasks: Sequence[BootedTask]) -> str:
    """Return lines that tell of processes."""
    return "\n".join(
        f"process {one.pid} (of {one.parent}) {one.name or '?'} at {one.code:04X},"
        f" data at {one.data:04X}: {one.state}"
        for one in tasks
    )
