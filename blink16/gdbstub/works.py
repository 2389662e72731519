"""What takes its time, done in a worker thread while the conversation waits (`orders.Work`)."""

from __future__ import annotations

from blink16.gdbstub import commands, replies
from blink16.gdbstub.inferiors import Inferior, Inferiors
from blink16.gdbstub.orders import WorkDone
from blink16.gdbstub.replies import RefusedError
from blink16.gdbstub.reporting import Reporter
from blink16.monitor import MonitorError


def ponder(inferiors: Inferiors, question: commands.Question) -> WorkDone:
    """Answer a question that takes long to compute."""
    try:
        return WorkDone(reply=inferiors.answer(question))
    except RefusedError as refusal:
        return WorkDone(reply=refusal)


def monitor(inferior: Inferior, line: str, *, tells_errors: bool) -> WorkDone:
    """Carry out a monitor command.

    ``tells_errors``: whether the client takes one as such; gdb shows it as text.
    """
    try:
        return WorkDone(replies.said(inferior.monitor(line)))
    except MonitorError as error:
        if tells_errors:
            return WorkDone(reply=RefusedError(str(error)))
        return WorkDone(replies.said(f"{error}\n"))


def has_to_search(question: commands.ReadObject) -> bool:
    """Whether a report is asked for that has to be looked for in the past."""
    return Reporter.is_asked(question) and Reporter.searches(question)


def search(reporter: Reporter, question: commands.ReadObject) -> WorkDone:
    """Make a report about the past."""
    try:
        reporter.make(question.annex)
        return WorkDone(reply=reporter.part(question))
    except RefusedError as refusal:
        return WorkDone(reply=refusal)
