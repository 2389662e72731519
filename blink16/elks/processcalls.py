"""ELKS' system calls on processes: their birth, end and identity, and on the system as a whole.

Sources: ELKS' kernel/fork.c, exit.c, sys.c and sysctl.c.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from enum import IntFlag

from blink16.elks.abi import BUILT_NAME, FILES_DEVICE, MINIX_TYPE, STATFS, Call
from blink16.elks.execution import execute
from blink16.elks.kept_registers import AX, CS, DS, ES, SP, SS, behind_stub
from blink16.elks.kernel import FRAME_SIZE, Kernel
from blink16.elks.request import Born, Request, Result, signed16
from blink16.elks.segments import PARAGRAPH, find, share
from blink16.elks.state import (
    FIRST,
    MAX_TASKS,
    BlockKind,
    Life,
    Task,
    WaitFor,
    Waiting,
    thread_of,
)
from blink16.hostfs.files import MAX_OVERLAY_BYTES
from blink16.hostfs.foundfiles import MAX_NODES
from blink16.hostfs.hostfolder import os_error
from blink16.memory import linear
from blink16.services import LOADED, Departed, Exit, Outcome

RESERVED_TASKS = 2
"""The kernel's own: the idle one, and init."""
ANY_CHILD = -1
BLOCK_SIZE = 1024
LENT_WORDS = 6
"""Words of a parent's stack that vfork() keeps while the child runs on it."""
UNCHANGED = 0xFFFF


class Wait4(IntFlag):
    """Options of wait4()."""

    WNOHANG = 1
    WUNTRACED = 2


# Members of enums by names of our own: looking them up takes as long as much of a call.
_WNOHANG = int(Wait4.WNOHANG)
_VFORK = int(WaitFor.VFORK)
_RUNNING, _ZOMBIE = map(int, (Life.RUNNING, Life.ZOMBIE))


def exit_(request: Request) -> Departed | Exit:
    """End with the status in BX."""
    return end(request.kernel, (request.bx & 0xFF) << 8)


def end(kernel: Kernel, status: int) -> Departed | Exit:
    """End the current process; with the last one the machine ends, as the first one did.

    ``status``: as wait4() tells it.
    """
    task = kernel.task
    result = _exit_code(status) if task.pid == FIRST else kernel.state.result
    departed = Departed(thread_of(task.pid), status)
    if kernel.is_last(task):
        return Exit(result, last=departed)
    kernel.end(task, status)
    kernel.journal.assign(kernel.state, "result", result)
    return departed


def _exit_code(status: int) -> int:
    """Return what a shell makes of a status of wait4()."""
    return status >> 8 if status > 0xFF else status and 128 + status


def fork(request: Request) -> Born:
    """Make a second process with a copy of the data segment; 0 there, its number here."""
    kernel, task = request.kernel, request.task
    _check_room(kernel)
    block = find(kernel.state.blocks, task.data)
    if block is None:  # a debugger has let it run on after its end
        raise os_error(errno.ENOMEM)
    data = kernel.allocate(block.paragraphs, BlockKind(block.kind))
    size = block.paragraphs * PARAGRAPH
    request.guest.memory.copy(linear(data, 0), linear(task.data, 0), size)
    behind = list(behind_stub(request.guest))
    behind[DS] = behind[ES] = behind[SS] = data
    code = task.code
    if code == task.data:
        code = data
        if behind[CS] == task.data:
            behind[CS] = data
    return Born(_born(request, behind, code=code, data=data).pid)


def vfork(request: Request) -> Born:
    """Make a second process that runs on this one's stack until it executes or ends."""
    kernel = request.kernel
    _check_room(kernel)
    behind = behind_stub(request.guest)
    parent = request.task
    stack = linear(behind[SS], behind[SP] - FRAME_SIZE)
    lent = request.guest.memory.peek(stack, 2 * LENT_WORDS)
    child = _born(request, list(behind), code=parent.code, data=parent.data)
    child.borrows = True
    kernel.journal.assign(kernel.state, "blocks", share(kernel.state.blocks, parent.data))
    kernel.journal.keep(parent)
    parent.registers = (*behind[:AX], child.pid, *behind[AX + 1 :])
    parent.waiting, parent.progress = Waiting(_VFORK, child.pid), 0
    parent.lent = lent
    return Born(child.pid, borrows=True)


def _check_room(kernel: Kernel) -> None:
    if len(kernel.state.tasks) + RESERVED_TASKS >= MAX_TASKS:
        raise os_error(errno.EAGAIN)


def _born(request: Request, registers: list[int], *, code: int, data: int) -> Task:
    """Add a child of the current process that goes on with these registers."""
    kernel, parent = request.kernel, request.task
    journal, state = kernel.journal, kernel.state
    child, pid = parent.child(), kernel.new_pid()
    child.pid, child.parent = pid, parent.pid
    registers[AX] = 0
    child.registers = tuple(registers)
    child.waiting, child.progress, child.pending = None, 0, 0
    child.alarm, child.alarm_interval = None, 0
    child.exit_status = 0
    child.code, child.data, child.lent, child.borrows = code, data, b"", False
    if code != data:
        journal.assign(state, "blocks", share(state.blocks, code))
    if parent.program:
        kernel.files.hold(parent.program)
    kernel.share_files(parent)
    journal.put(state.tasks, pid, child)
    return child


def execve(request: Request) -> Outcome:
    """Run BX=path instead, with the argument block of DX bytes at CX."""
    path = request.path(request.bx)
    block = request.get(request.cx, request.dx)
    execute(request.kernel, path, block)
    return LOADED


def wait4(request: Request) -> Result:
    """Wait for a child to end: BX=which, CX=where its status goes, DX=options."""
    kernel, me, which = request.kernel, request.task, signed16(request.bx)
    children = [task for task in kernel.state.tasks.values() if task.parent == me.pid]
    for child in children:
        if child.life == _RUNNING or not _is_meant(which, child, me):
            continue
        if request.cx:
            request.put_word(request.cx, child.exit_status)
        if child.life == _ZOMBIE:
            kernel.journal.remove(kernel.state.tasks, child.pid)
        return child.pid
    if request.dx & _WNOHANG:
        return 0
    if not any(child.life == _RUNNING for child in children):
        raise os_error(errno.ECHILD)
    return request.block(WaitFor.CHILD, which)


def _is_meant(which: int, child: Task, parent: Task) -> bool:
    if which == 0:
        return child.group == parent.group
    return which in (ANY_CHILD, child.pid)


def getpid(request: Request) -> int:
    """Return the process' number; its parent's goes to BX."""
    return _two_values(request, request.task.pid, request.task.parent)


def getuid(request: Request) -> int:
    """Return the user; the effective one goes to BX."""
    return _two_values(request, request.task.uid, request.task.euid)


def getgid(request: Request) -> int:
    """Return the group; the effective one goes to BX."""
    return _two_values(request, request.task.gid, request.task.egid)


def _two_values(request: Request, result: int, second: int) -> int:
    if request.bx:
        request.put_word(request.bx, second)
    return result


def setuid(request: Request) -> int:
    """Become user BX: root for good, others back and forth between two."""
    task, uid = request.task, request.bx
    if task.euid == 0:
        request.kernel.change(uid=uid, euid=uid, suid=uid)
    elif uid in (task.uid, task.suid):
        request.kernel.change(euid=uid)
    else:
        raise os_error(errno.EPERM)
    return 0


def setgid(request: Request) -> int:
    """Become group BX."""
    task, gid = request.task, request.bx
    if task.euid == 0:
        request.kernel.change(gid=gid, egid=gid, sgid=gid)
    elif gid in (task.gid, task.sgid):
        request.kernel.change(egid=gid)
    else:
        raise os_error(errno.EPERM)
    return 0


def setsid(request: Request) -> int:
    """Begin a session and a group of one's own, without a terminal."""
    task = request.task
    if task.session == task.pid:
        raise os_error(errno.EPERM)
    request.kernel.change(session=task.pid, group=task.pid, has_terminal=False)
    return task.pid


def umask(request: Request) -> int:
    """Set the mask for new files to BX and return the old one."""
    old = request.task.umask
    request.kernel.journal.assign(request.task, "umask", request.bx & 0o777)
    return old


def uname(request: Request) -> int:
    """Describe the system at BX."""
    request.put(request.bx, BUILT_NAME)
    return 0


def mount(request: Request) -> int:
    """Refuse to mount, as for a user."""
    raise os_error(errno.EPERM)


def umount(request: Request) -> int:
    """Give up BX: only the root is mounted, and it stays, as before a shutdown."""
    if request.task.euid:
        raise os_error(errno.EPERM)
    if request.path(request.bx) != "/":
        raise os_error(errno.EINVAL)
    return 0


def ustatfs(request: Request) -> int:
    """Describe the file system of device BX at CX: there is the root's, by number or as the 0th."""
    if request.bx not in (0, FILES_DEVICE):
        raise os_error(errno.EINVAL)
    free = request.kernel.files.free_bytes() // BLOCK_SIZE
    told = {
        "type": MINIX_TYPE,
        "flags": 0,
        "device": FILES_DEVICE,
        "block_size": BLOCK_SIZE,
        "blocks": MAX_OVERLAY_BYTES // BLOCK_SIZE,
        "free": free,
        "available": free,
        "files": MAX_NODES,
        "free_files": MAX_NODES,
        "mounted_on": "/",
    }
    request.put(request.cx, STATFS.build(told))
    return 0


REBOOT, SHUTDOWN, POWER_OFF = 0x0123, 0x6789, 0xDEAD


def reboot(request: Request) -> Outcome:
    """End the machine, as root may."""
    if request.task.euid:
        raise os_error(errno.EPERM)
    if request.dx not in (REBOOT, SHUTDOWN, POWER_OFF):
        raise os_error(errno.EINVAL)
    return Exit(0, "the system was halted" if request.dx == SHUTDOWN else "")


SYSCTL_NAMES = ("kern.debug", "kern.strace", "kern.console", "malloc.debug", "net.debug")
SYSCTL_VALUES = {"kern.console": 0x0400}
SYSCTL_GET, SYSCTL_SET, SYSCTL_LIST = -2, -1, 0
MAX_SYSCTL_NAME = 32


def sysctl(request: Request) -> int:
    """Get or set a value of the kernel; BX >= 0 asks for the name of that number."""
    operation = signed16(request.bx)
    if operation >= SYSCTL_LIST:
        if not request.cx:
            raise os_error(errno.EFAULT)
        if operation >= len(SYSCTL_NAMES):
            raise os_error(errno.ENOTDIR)
        request.put(request.cx, SYSCTL_NAMES[operation].encode() + b"\0")
        return 0
    name = request.path(request.cx)
    if len(name) >= MAX_SYSCTL_NAME - 1:
        raise os_error(errno.EFAULT)
    request.address(request.dx, 2)
    if name not in SYSCTL_NAMES:
        raise os_error(errno.ENOTDIR)
    if operation == SYSCTL_GET:
        request.put_word(request.dx, SYSCTL_VALUES.get(name, 0))
    elif operation != SYSCTL_SET:
        raise os_error(errno.EINVAL)
    return 0


HANDLERS: dict[Call, Callable[[Request], Result]] = {
    Call.EXIT: exit_,
    Call.FORK: fork,
    Call.VFORK: vfork,
    Call.EXECVE: execve,
    Call.WAIT4: wait4,
    Call.GETPID: getpid,
    Call.GETUID: getuid,
    Call.GETGID: getgid,
    Call.SETUID: setuid,
    Call.SETGID: setgid,
    Call.SETSID: setsid,
    Call.UMASK: umask,
    Call.UNAME: uname,
    Call.MOUNT: mount,
    Call.UMOUNT: umount,
    Call.USTATFS: ustatfs,
    Call.REBOOT: reboot,
    Call.SYSCTL: sysctl,
}
