"""Whether a call has left alone what may let `Scheduler.due` be sooner.

Most calls change nothing, or what is nobody's business but the caller's.  What may only let it be
later need not be told: who is asked too early says so then.
"""

from __future__ import annotations

from typing import Any

from blink16.elks.journal import DONE_OUTSIDE
from blink16.elks.kernel import Kernel
from blink16.elks.readiness import waits_for_pipe
from blink16.elks.state import Task

_OF_THE_CALLER = frozenset(
    {
        DONE_OUTSIDE,
        *("alarm_interval", "blocks", "break_", "close_on_exec", "cwd", "descriptors", "egid"),
        *("euid", "flags", "gid", "handlers", "listing", "next_file", "offset", "progress"),
        *("references", "root", "sgid", "suid", "uid", "umask"),
    }
)
"""What a call may change without effect on who can go on, and when."""


def is_quiet(kernel: Kernel, caller: Task) -> bool:
    """Judge all that the journal has noted of a call."""
    state = kernel.state
    for record, name, before in kernel.journal.changes:
        if name in _OF_THE_CALLER or record is state.open_files:
            continue
        if record is state.pipes:  # one that is gone had no users, so nobody waits for it
            for task in state.tasks.values():
                if waits_for_pipe(task, name):
                    return False
        elif name == "terminal":
            for task in state.tasks.values():
                if task.waiting is not None:
                    return False
        elif record is not caller or not _is_later(caller, name, before):
            return False
    return True


def _is_later(caller: Task, name: str, before: Any) -> bool:
    """Judge a change of the process that has the processor."""
    if name == "waiting":
        return caller.waiting is None
    if name == "pending":
        return not caller.pending
    if name == "alarm":
        return caller.alarm is None or (before is not None and caller.alarm >= before)
    return False
