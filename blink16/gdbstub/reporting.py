"""Answers to ``qXfer:blink16:read:NAME``: reports, made when their first part is asked for."""

from __future__ import annotations

from collections.abc import Callable

from blink16.debugger import Debugger
from blink16.gdbstub.commands import ReadObject
from blink16.gdbstub.replies import RefusedError, chunk
from blink16.gdbstub.sight import Sight
from blink16.history import Interrupted
from blink16.reports import Circumstances, Look, ReportError, parse
from blink16.reports.registry import OBJECT, of_shape
from blink16.reports.state import StateReport

STATE = of_shape(StateReport)
"""Who asks for it looks anew; all else is about the same instant."""


class Reporter:
    """Makes the reports about one machine, and keeps the last for those who read on in it."""

    def __init__(
        self,
        debugger: Debugger,
        circumstances: Callable[[], Circumstances],
        sight: Sight | None = None,
    ) -> None:
        self._debugger = debugger
        self._sight = sight or Sight(debugger)
        self._circumstances = circumstances
        self._annex = ""
        self._report = b""

    @staticmethod
    def is_asked(question: object) -> bool:
        """Whether a question is about reports."""
        return isinstance(question, ReadObject) and question.name == OBJECT

    @staticmethod
    def searches(question: ReadObject) -> bool:
        """Whether an answer has to be looked for in the past, which may take long."""
        if not Reporter.is_asked(question) or question.offset:
            return False
        try:
            return parse(question.annex).report.searches
        except ReportError:
            return False

    @staticmethod
    def computes(question: ReadObject) -> bool:
        """Whether an answer takes long without a look at the past."""
        try:
            return question.offset == 0 and parse(question.annex).report.computes
        except ReportError:
            return False

    def make(self, annex: str) -> None:
        """Make a report, to be read in parts.  RefusedError if that can't be."""
        self._annex, self._report = "", b""
        searches = False
        try:
            question = parse(annex)
            searches = question.report.searches
            if question.report is STATE:
                self._sight.renew()
            look = Look.at(self._debugger, self._circumstances(), self._sight.sample)
            self._report = question.answer(look)
        except ReportError as error:
            raise RefusedError(str(error)) from None
        except Interrupted:
            raise RefusedError("interrupted") from None
        finally:
            if searches:  # a request to stop that came late is not for the next run
                self._debugger.timeline.forget_interrupt()
        self._annex = annex

    def answer(self, question: ReadObject) -> bytes:
        """Return the part that is asked for, of a report made now if it is the first."""
        if question.offset == 0:
            self.make(question.annex)
        return self.part(question)

    def part(self, question: ReadObject) -> bytes:
        """Return a part of the report that was made last."""
        if question.annex != self._annex:
            raise RefusedError("read a report from its beginning on")
        return chunk(self._report, question.offset, question.length)
