"""Keys that move the machine, forward and backward."""

from __future__ import annotations

import queue

from textual import on

from blink16.blinkenlights import commands
from blink16.blinkenlights.driver import LONGEST_DRAWING
from blink16.blinkenlights.panels import PanelsApp
from blink16.blinkenlights.widgets.code import CodePanel
from blink16.blinkenlights.widgets.points import PointsPanel
from blink16.blinkenlights.widgets.timebar import TimeBar
from blink16.client import Target


class MoveActions(PanelsApp):
    """Steps, runs, and places in time; breakpoints by a key or a click."""

    _heading = 0
    """The instant to which the mouse has sent the machine last."""

    def action_move(self, how: str) -> None:
        """Step, call over, finish: forward or backward."""
        self._do(lambda target: getattr(target, how)())

    def action_run(self, backward: bool) -> None:
        """Run at full speed."""
        self._before_going()
        self.driver.run(backward=backward)

    def action_animate(self, backward: bool) -> None:
        """Run so that one can watch."""
        self._before_going()
        self.driver.animate(backward=backward)

    def _before_going(self) -> None:
        self.told = ""
        self._tell_wanted()
        self.driver.interrupt()

    def action_interrupt(self) -> None:
        """Stop what runs; give a panel that has the whole terminal its place back."""
        if self.screen.maximized is not None:
            self.screen.minimize()
        self.driver.interrupt()

    def action_turbo(self) -> None:
        """Animate faster."""
        self._say_speed(self.driver.faster())

    def action_slow(self) -> None:
        """Animate slower."""
        self._say_speed(self.driver.slower())

    def _say_speed(self, speed: float) -> None:
        self._say(
            f"{speed:,.3g} instructions a second" if speed < 100 else f"{speed:,.0f} a second"
        )

    def action_seek(self, where: str) -> None:
        """Go to the beginning or the end of the recorded run."""
        self._do(lambda target: commands.sought(target, where))

    def action_bookmark(self) -> None:
        """Name the present instant by its number."""
        self._do(commands.bookmarked)

    def action_restart(self) -> None:
        """Load the program afresh."""

        lines = self.source_text

        def restart(target: Target) -> str:
            target.restart()
            self.driver.forget()
            told = commands.begin_with(target, lines)
            return told or "loaded afresh; breakpoints that you set have to be set again"

        self._do(restart)

    def action_take_over(self) -> None:
        """Ask for the machine that we watch."""
        if self.driver.only_watches:
            self._say("asked for the machine; it comes when its holder lets it go")
            self.driver.take_over()
        else:
            self._say("you hold the machine")

    def action_let_go(self) -> None:
        """Let another client have the machine."""
        self._do(commands.let_go)

    @on(CodePanel.TimeWheel)
    def _on_wheel(self, message: CodePanel.TimeWheel) -> None:
        self.action_move("step" if message.count > 0 else "step_back")

    @on(TimeBar.Turned)
    def _on_time_turned(self, message: TimeBar.Turned) -> None:
        """Go a part of the run that one sees, forward or back."""
        if self.picture is not None:
            past = self.picture.history
            part = max((past.end - past.start) // self.query_one(TimeBar).room[0], 1)
            there = self._bound_for() + message.count * part
            self._go_to(max(past.start, min(there, past.end)))

    @on(TimeBar.Sought)
    def _on_sought(self, message: TimeBar.Sought) -> None:
        self._go_to(message.icount)

    def _go_to(self, icount: int) -> None:
        self._before_going()
        self._heading = icount
        self.driver.go_to(icount)

    def _bound_for(self) -> int:
        """Return the instant that is shown, or to which the machine is on its way."""
        assert self.picture is not None
        arrived = self.driver.is_still and self.is_drawn
        return self.picture.state.icount if arrived else self._heading

    # -- breakpoints -------------------------------------------------------------------------

    def action_breakpoint(self) -> None:
        """Set or remove a breakpoint at the next instruction, or at the code that is looked at."""
        panel = self.query_one(CodePanel)
        self._do(lambda target: commands.toggled(target, self._looked_at(target, panel)))

    def _looked_at(self, target: Target, panel: CodePanel) -> int:
        """Return the linear address of the code to which the keys so far have led.

        In the driver's thread, as that may not be on the screen yet.
        """
        state = target.state()
        answer = queue.SimpleQueue[int | None]()
        self._later(lambda: answer.put(panel.looked_at(state.icount)))  # behind what they want
        try:
            address = answer.get(timeout=LONGEST_DRAWING)
        except queue.Empty:  # the view ends
            address = None
        return state.registers.pc if address is None else address

    @on(CodePanel.BreakpointWanted)
    def _on_breakpoint(self, message: CodePanel.BreakpointWanted) -> None:
        self._do(lambda target: commands.toggled(target, message.address))

    @on(PointsPanel.Removed)
    def _on_point_removed(self, message: PointsPanel.Removed) -> None:
        self._do(lambda target: commands.removed(target, message.point))

    def action_pop_breakpoint(self) -> None:
        """Remove the breakpoint that was set last."""
        self._do(commands.popped)
