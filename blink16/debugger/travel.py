"""To the next event or the last: past breakpoints that are not to stop the machine.

Where it comes to by itself, with its points and its guest's processes, and nothing of what a
client wants of it: `Debugger` makes steps and resumes of these ways.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from blink16.cpu.engine import OF_PROCESSES, Stop, StopReason
from blink16.cpu.predicates import Predicate
from blink16.debugger.arrivals import Arrivals, is_breakpoint
from blink16.debugger.events import STEPPED, Event, EventKind
from blink16.debugger.family import Family
from blink16.debugger.ledger import Ledger
from blink16.debugger.names_known import NamesKnown
from blink16.debugger.outcomes import ARRIVALS, KINDS, event_of, is_watch
from blink16.history import Interrupted, Timeline
from blink16.history.scouts import Scouts
from blink16.history.search import last_hit, last_stop


class Travel:
    """The ways of one machine along its timeline."""

    def __init__(
        self,
        timeline: Timeline,
        ledger: Ledger,
        arrivals: Arrivals,
        family: Family,
        names: NamesKnown,
        on_print: Callable[[bytes], None],
    ) -> None:
        """``on_print``: called with what the actions of breakpoints print."""
        self._timeline = timeline
        self._machine = timeline.machine
        self._ledger = ledger
        self._arrivals = arrivals
        self._family = family
        self._names = names
        self._print = on_print
        self.tells: frozenset[EventKind] = frozenset()
        """Of LOADED, EXECUTED, FORKED and VFORKED those at which a way ends."""
        self.all_scouts: Scouts | None = None
        """Who look ahead, if it is worth their while."""

    @property
    def scouts(self) -> Scouts | None:
        """Who look ahead; nobody where it is Python that executes, one thread at a time."""
        return self.all_scouts if self._timeline.is_quick else None

    def overlook(self, predicates: Mapping[int, Predicate]) -> None:
        """Let engines pass breakpoints by themselves where predicates say that they don't hold."""
        self._machine.engine.overlook(predicates)
        if self.all_scouts is not None:
            self.all_scouts.overlooked = predicates

    # -- forward -----------------------------------------------------------------------------

    def run_to(self, goal: int, skip: bool) -> Stop:
        """Run up to an instruction count, past breakpoints that are not to stop it.

        Actions are done on arrival at their breakpoints, also by the last of counted steps: the
        run after that skips the breakpoint where it begins.
        """
        timeline = self._timeline
        while True:
            before = timeline.now
            stop = timeline.run(goal - before, skip_breakpoint=skip)
            if is_breakpoint(stop):
                stops, text = self._arrivals.met()
                self._print(text)
                if not stops:
                    skip = True
                    continue
            elif stop.reason in OF_PROCESSES and not self._tells(stop):
                if timeline.now >= goal:
                    return Stop(StopReason.BUDGET)
                skip = False
                continue
            elif self._ledger.acts and stop.reason in ARRIVALS and timeline.now != before:
                self._print(self._arrivals.met()[1])
            return stop

    def ask(self) -> None:
        """Let the machine stop for what its processes do as far as that may be told."""
        self._machine.asked = _asked(self.tells, self._family.follows_child)

    def _tells(self, stop: Stop) -> bool:
        """Whether to tell what a process has done."""
        if stop.reason is StopReason.DEPARTED:
            return self._family.is_followed_child(stop.departed)
        if stop.reason is not StopReason.LOADED:
            return KINDS[stop.reason] in self.tells and self._family.tells(stop.parent)
        named = self._names.learn()
        return self._tells_program() or (named and EventKind.LOADED in self.tells)

    def _tells_program(self) -> bool:
        """Whether to tell that the current process executes another program."""
        table = self._machine.process_table
        if table is None or EventKind.EXECUTED not in self.tells:
            return False
        return self._family.tells(table.current())

    def event(self, stop: Stop) -> Event:
        """Return what clients are told of a run's end."""
        loads = stop.reason is StopReason.LOADED
        return event_of(stop, self._ledger.points, executed=loads and self._tells_program())

    # -- backward ----------------------------------------------------------------------------

    def back(self, count: int | None) -> Event:
        """Go back to the last hit, but no further than ``count`` instructions."""
        timeline = self._timeline
        origin, start = timeline.now, timeline.start
        goal = start if count is None else origin - count
        low = max(start, goal)
        hit = None
        if self._ledger.acts:
            hit = last_stop(timeline, low, self._arrivals.met_again, self._print, self.scouts)
        elif self._ledger.points or self._machine.is_strict:
            hit = last_hit(timeline, low, self._arrivals.accept, self.scouts)
        if hit is not None and (hit.icount > goal or is_watch(hit.stop) or count is None):
            self.arrive(hit.icount, origin)
            if hit.stop.reason is StopReason.LACKS and self._machine.witness is not None:
                self._machine.witness.stand()
            return self.event(hit.stop)
        self.arrive(low, origin)
        if count is None or goal < start:
            return self.history_start()
        return STEPPED

    def arrive(self, icount: int, origin: int) -> None:
        """Seek; if a request to stop comes, to the origin, where a search left a checkpoint."""
        try:
            self._timeline.seek(icount)
        except Interrupted:
            self._timeline.seek(origin)
            raise

    def history_start(self) -> Event:
        """Return the event of coming to where the history begins."""
        timeline = self._timeline
        text = ""
        if timeline.start > timeline.began:
            text = (
                f"the history begins at instruction {timeline.start}: what came before was"
                " given up to stay within its limit of memory"
            )
        return Event(EventKind.HISTORY_START, text=text)


@lru_cache
def _asked(tells: frozenset[EventKind], follows_child: bool) -> frozenset[StopReason]:
    """Return what a machine is asked for: always for programs, since their names are learnt."""
    asked = {reason for reason in OF_PROCESSES if KINDS.get(reason) in tells}
    return frozenset({StopReason.LOADED, *asked, *([StopReason.DEPARTED] if follows_child else ())})
