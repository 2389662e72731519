"""Running an executable in a process: execve(), as ELKS' fs/exec.c does it.

Everything is looked at, and memory found, before anything of the old program is lost.
"""

from __future__ import annotations

import errno
from functools import lru_cache

from blink16.cpu.registers import Cell
from blink16.elks import aout, image, segments
from blink16.elks.aout import Executable
from blink16.elks.errors import ElksError
from blink16.elks.image import Placed
from blink16.elks.kept_registers import FRAME, LAST_FRAME
from blink16.elks.kernel import Kernel
from blink16.elks.segments import paragraphs
from blink16.elks.signals import DEFAULTS
from blink16.elks.state import MAX_DESCRIPTORS, BlockKind, Life, Task
from blink16.hostfs.filenodes import Stat
from blink16.hostfs.files import FileKind
from blink16.hostfs.hostfolder import os_error
from blink16.memory import linear
from blink16.services import Chassis

USER_FLAGS = 0xF202
"""Interrupts are on."""
SCRIPT_MAGIC = b"#!"
MAX_SCRIPT_LINE = 128
MAX_EXECUTABLE = 1 << 20
SET_UID, SET_GID = 0o4000, 0o2000
MAX_ARGUMENTS = 4096
"""Pointers in an argument block."""


KNOWN_PROGRAMS = 8
"""Executables that need not be taken apart anew: shells execute the same ones in loops."""
_parsed = lru_cache(maxsize=KNOWN_PROGRAMS)(aout.parse)


def execute(kernel: Kernel, path: str, block: bytes) -> None:
    """Let the current process run a file; OSError, and nothing has changed, if it can't.

    ``block``: argc, argv and envp pointers with a 0 behind each, relative to the block, and
    the strings.
    """
    node, content = _executable(kernel, path)
    if content.startswith(SCRIPT_MAGIC):
        interpreter, words = _script(content)
        block = _with_arguments(block, [interpreter, *words, path])
        path = interpreter
        node, content = _executable(kernel, path)
    try:
        executable = _parsed(content)
    except ElksError:
        raise os_error(errno.ENOEXEC) from None
    layout = image.layout(executable, len(block))
    old = kernel.task
    shared = _running(kernel, node) if image.can_be_shared(executable) else None
    mark = kernel.journal.mark()
    try:
        code, data = _find_memory(kernel, executable, layout.end, shared)
    except OSError:
        kernel.journal.take_back(mark)
        raise
    placed = Placed(executable, code, data, layout)
    kernel.files.hold(node)
    closing = old.close_on_exec
    _forget_old(kernel, old)
    if shared is None:
        image.put_text(kernel.chassis.memory, placed)
    image.put_data(kernel.chassis.memory, placed)
    memory, top = kernel.chassis.memory, layout.stack_top
    memory.write(linear(data, top), relocated(block, top))
    stat = kernel.files.stat(node)
    kernel.journal.keep(old)
    if stat.mode & SET_UID:
        old.euid = stat.uid
    if stat.mode & SET_GID:
        old.egid = stat.gid
    old.name = path.rpartition("/")[2]
    old.code, old.data, old.program = code, data, node
    old.layout, old.break_ = layout, (layout.data_end + 1) & ~1
    old.old_abi = executable.version == 0
    old.handlers = DEFAULTS  # ignored ones, too
    old.waiting, old.progress = None, 0
    if closing:
        for descriptor in range(MAX_DESCRIPTORS):
            if closing >> descriptor & 1:
                kernel.close(descriptor)
    start(kernel.chassis, placed)
    push_frame(kernel.chassis, *kernel.exec_stub)


def _executable(kernel: Kernel, path: str) -> tuple[int, bytes]:
    """Return the node and the content of a file that may be run."""
    files = kernel.files
    task = kernel.task
    node = files.lookup(path, task.cwd)
    stat = files.stat(node)
    if stat.kind is not FileKind.FILE:
        raise os_error(errno.EACCES)
    if task.euid and not _may_run(task, stat):
        raise os_error(errno.EACCES)
    if stat.size > MAX_EXECUTABLE:
        raise os_error(errno.ENOEXEC)
    return node, files.read(node, 0, stat.size)


def _may_run(task: Task, stat: Stat) -> bool:
    shift = 6 if task.euid == stat.uid else 3 if task.egid == stat.gid else 0
    return bool(stat.mode >> shift & 1)


def _script(content: bytes) -> tuple[str, list[str]]:
    """Return the interpreter that a script names, and its argument if there is one."""
    line = content[len(SCRIPT_MAGIC) : MAX_SCRIPT_LINE].split(b"\n")[0]
    words = line.decode("utf-8", "surrogateescape").strip().split(None, 1)
    if not words:
        raise os_error(errno.ENOEXEC)
    return words[0], words[1:]


def _with_arguments(block: bytes, first: list[str]) -> bytes:
    """Return an argument block whose first argument is replaced by others."""
    arguments, environment = strings(block)
    heads = [word.encode("utf-8", "surrogateescape") for word in first]
    return image.argument_block([*heads, *arguments[1:]], environment)


def strings(block: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return the arguments and the environment in a relative block; EINVAL if it lies."""
    found: list[list[bytes]] = [[], []]
    offset = 2
    for part in found:
        while True:
            pointer = int.from_bytes(block[offset : offset + 2], "little")
            if offset + 2 > len(block) or len(part) > MAX_ARGUMENTS:
                raise os_error(errno.EINVAL)
            offset += 2
            if not pointer:
                break
            end = block.find(b"\0", pointer)
            if end < 0:
                raise os_error(errno.EINVAL)
            part.append(block[pointer:end])
    return found[0], found[1]


def relocated(block: bytes, address: int) -> bytes:
    """Return an argument block whose pointers are offsets in the data segment."""
    patched, offset, ends = bytearray(block), 2, 0
    while ends < 2 and offset + 2 <= len(patched):
        pointer = int.from_bytes(patched[offset : offset + 2], "little")
        if pointer:
            moved = (pointer + address) & 0xFFFF
            patched[offset : offset + 2] = moved.to_bytes(2, "little")
        else:
            ends += 1
        offset += 2
    return bytes(patched)


def _running(kernel: Kernel, node: int) -> Task | None:
    """Return a process whose text a new one of the same file can share."""
    for task in kernel.state.tasks.values():
        if task.program == node and task.life != Life.ZOMBIE and task.code != task.data:
            return task
    return None


def _find_memory(
    kernel: Kernel, executable: Executable, size: int, shared: Task | None
) -> tuple[int, int]:
    """Return the segments of text and data; ENOMEM."""
    if not executable.separate:
        segment = kernel.allocate(paragraphs(size), BlockKind.DATA)
        return segment, segment
    if shared is None:
        code = kernel.allocate(image.text_paragraphs(executable), BlockKind.TEXT)
    else:
        code = shared.code
        kernel.change_state(blocks=segments.share(kernel.state.blocks, code))
    return code, kernel.allocate(paragraphs(size), BlockKind.DATA)


def _forget_old(kernel: Kernel, old: Task) -> None:
    """Release the old program's memory; a parent that lent its own goes on."""
    state = kernel.state
    blocks = segments.release_all(state.blocks, old.pid, old.code, old.data)
    kernel.journal.assign(state, "blocks", blocks)
    if old.program:
        kernel.files.release(old.program)
    if old.borrows:
        kernel.give_back(old.parent)
        kernel.change(borrows=False)


def start(chassis: Chassis, placed: Placed) -> None:
    """Let the processor stand at a program's entry point."""
    registers = chassis.registers
    cells, data = registers.cells, placed.data
    cells[_CS], cells[_IP] = placed.code, placed.executable.entry
    cells[_DS] = cells[_ES] = cells[_SS] = data
    cells[_SP], cells[_DX] = placed.layout.stack_top, placed.layout.min_stack
    registers.flags = USER_FLAGS


def push_frame(chassis: Chassis, segment: int, offset: int) -> None:
    """Let the processor stand at an IRET that leads to where it stood."""
    registers, memory = chassis.registers, chassis.memory
    cells = registers.cells
    frame = cells[_IP], cells[_CS], registers.flags
    sp = cells[_SP] = cells[_SP] - 2 * len(frame) & 0xFFFF
    if sp <= LAST_FRAME:
        memory.write(linear(cells[_SS], sp), FRAME.pack(*frame))
    else:  # it goes on at the segment's beginning
        for place, value in enumerate(frame):
            memory.write_word(linear(cells[_SS], sp + 2 * place), value)
    cells[_CS], cells[_IP] = segment, offset


_CS, _IP, _DS, _ES, _SS, _SP, _DX = map(
    int, (Cell.CS, Cell.IP, Cell.DS, Cell.ES, Cell.SS, Cell.SP, Cell.DX)
)
