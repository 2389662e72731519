"""The machine's side of the view: threads that ask, so that the picture never waits.

One thread carries out commands (functions of a `Target`) and takes a picture after each.  A second
one watches the same machine through a connection of its own: it shows what is going on while the
first lets it run, or while another debugger holds it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from blink16.blinkenlights.camera import Camera
from blink16.blinkenlights.commands import begin_with
from blink16.blinkenlights.picture import Picture, Wanted
from blink16.blinkenlights.source_text import SourceText
from blink16.client import (
    ClientError,
    ConnectionLostError,
    OwnServer,
    ProtocolError,
    SearchStoppedError,
    StopEvent,
    StopKind,
    Target,
    TimedOutError,
    UnsupportedError,
    connect,
)
from blink16.reports import Holder

FRAME_SECONDS = 1 / 60
BREATH = 0.03
"""Seconds without a command, after which is asked for what no picture waits for."""
QUIET_SECONDS = 0.15
"""The same for what has to be looked for in the past."""
SLOWEST_FRAME = 2.0
"""Seconds."""
MOST_STEPS = 1 << 20
"""Instructions in a frame."""
LONGEST_DRAWING = 1.0
"""Seconds for which a picture is waited for to be on the screen."""
LONGEST_REST = 0.1
"""Seconds between two pictures of a machine that runs, in which nothing is done for them."""
LEAVE_SECONDS = 1.0
"""A server that is silent is waited for so long at the end."""
LOST = (ConnectionLostError, TimedOutError, ProtocolError)
"""Errors after which there is no talking any more."""

MOST_NOTES = 3
"""So many are shown at once."""

Command = Callable[[Target], StopEvent | str | None]


@dataclass
class _Goal:
    """An instant to go to, which may be put off for a newer one as long as nobody has set out."""

    icount: int
    gone: bool = False
    """Whether somebody has."""


class Driver:
    """Keeps the threads that drive a machine, watch it, and take its pictures."""

    def __init__(
        self,
        open_target: Callable[[], Target],
        show: Callable[[Picture], None],
        fail: Callable[[str, bool], None],
        note: Callable[[str], None],
        fault: Callable[[Exception], None],
    ) -> None:
        """Nothing happens before `start`.

        ``show`` takes pictures, ``fail`` errors (and whether the machine is lost), ``note`` what
        the server says to its user, ``fault`` what nobody foresaw.
        """
        self._open = open_target
        self._show = show
        self._fail = fail
        self._note = note
        self._fault = fault
        self._commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._questions: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._typed: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._thread = self._thread_of(self._drive, "blinkenlights")
        self._lookout: Target | None = None
        self._stopping = threading.Event()
        self._closing = threading.Event()
        self._camera = Camera()
        self._taking = threading.Lock()
        self.shown = threading.Event()
        """Set by the user interface when it has drawn the last picture."""
        self.wanted = Wanted()
        self.steps_a_frame = 1
        self.seconds_a_frame = FRAME_SECONDS
        self._target: Target | None = None
        self._lets_run = False
        """Whether we let it run at full speed: for a key it stands, which is not to be seen."""
        self._asked, self._done = 1, 0
        """Commands that were given, and that were carried out; the first is to open the machine."""
        self._untold = ""
        """What came of commands of which no picture was taken, because others waited."""
        self._last_sign = 0.0
        """When something was asked, or last seen of the machine (monotonic seconds)."""
        self._goal: _Goal | None = None
        """Of the last command, if that is to go somewhere; the user interface's own."""
        self._choosing = threading.Lock()
        """Held by who looks where to go, and by who changes that."""
        self._looks_back = False
        """Whether the past is being looked through: a command that is given then stops that."""
        self._stopping_look = threading.Lock()
        """Held by who stops it, which is to stop nothing else, and by who comes to its end."""
        self._looked_at = -1
        """How many had been given when all that takes longer was known, too."""

    def start(self) -> None:
        """Begin."""
        self._last_sign = time.monotonic()
        self._thread.start()

    def _thread_of(self, work: Callable[[], None], name: str) -> threading.Thread:
        """Return a thread that tells of a fault of ours before it ends by that."""

        def run() -> None:
            try:
                work()
            except Exception as error:
                self._fault(error)

        return threading.Thread(target=run, name=name, daemon=True)

    def close(self) -> None:
        """Let the machine go."""
        self._closing.set()
        self._commands.put(None)
        self._stop_looking_back()
        self.interrupt()
        if self._thread.is_alive():
            self._thread.join(LEAVE_SECONDS)

    # -- what the user interface asks for ----------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether the machine runs at full speed, by our command."""
        return self._target is not None and self._target.is_running

    @property
    def is_still(self) -> bool:
        """Whether nothing is being done."""
        return self._done >= self._asked

    @property
    def silence(self) -> float:
        """Seconds for which nothing has come of what was asked, nor been seen of a run."""
        begun = self._thread.ident is not None
        return time.monotonic() - self._last_sign if begun and not self.is_still else 0.0

    @property
    def knows_all(self) -> bool:
        """Whether nothing is being done, and nothing more is to be learned of the past."""
        return self._looked_at == self._asked == self._done

    @property
    def only_watches(self) -> bool:
        """Whether another client holds the machine."""
        return self._target is not None and self._target.only_watches

    def do(self, command: Command) -> None:
        """Carry out a command, after those before it, and show what came of it."""
        self._put(command, None)

    def go_to(self, icount: int) -> None:
        """Go to an instant; of several that are wanted one after the other, to the newest."""
        with self._choosing:
            if self._goal is not None and not self._goal.gone:
                self._goal.icount = icount
                return
        goal = _Goal(icount)
        self._put(lambda target: self._go(target, goal), goal)

    def _put(self, command: Command, goal: _Goal | None) -> None:
        self._goal = goal  # what comes behind another command is a way of its own
        if self.is_still:
            self._last_sign = time.monotonic()
        self._asked += 1
        self._commands.put(command)
        self._stop_looking_back()

    def _stop_looking_back(self) -> None:
        """Nobody waits for what is only looked up: it is looked up again later."""
        target = self._target
        with self._stopping_look:
            if self._looks_back and target is not None:
                try:
                    target.interrupt()
                except ClientError as error:
                    self._failed(error)

    def ask(self, question: Command) -> None:
        """Carry out what only looks: at a machine that runs, too."""
        if self.is_running and self._lookout is not None:
            self._questions.put(question)
        else:
            self.do(question)

    def refresh(self) -> None:
        """Take a picture for what is wanted now."""
        self.ask(lambda target: None)

    def interrupt(self) -> None:
        """Stop what goes on."""
        self._stopping.set()
        target = self._target
        if target is not None and target.is_running:
            try:
                target.interrupt()
            except ClientError as error:
                self._failed(error)

    def run(self, *, backward: bool = False) -> None:
        """Run at full speed until something happens, or `interrupt`."""
        self._stopping.clear()
        self.do(lambda target: self._run(target, backward=backward))

    def animate(self, *, backward: bool = False) -> None:
        """Run so that one can watch, forward or backward, until something happens."""
        self._stopping.clear()
        self.do(lambda target: self._animate(target, backward=backward))

    def type(self, key: Command) -> None:
        """Give the guest a key, also while it runs."""
        self._typed.put(key)
        target = self._target
        if target is not None and target.is_running:
            target.interrupt()
        else:
            self.do(self._give_typed)

    def faster(self) -> float:
        """Animate faster; return instructions a second."""
        if self.seconds_a_frame > FRAME_SECONDS * 1.5:
            self.seconds_a_frame = max(self.seconds_a_frame / 2, FRAME_SECONDS)
        else:
            self.steps_a_frame = min(self.steps_a_frame * 4, MOST_STEPS)
        return self.steps_a_frame / self.seconds_a_frame

    def slower(self) -> float:
        """Animate slower; return instructions a second."""
        if self.steps_a_frame > 1:
            self.steps_a_frame //= 4
        else:
            self.seconds_a_frame = min(self.seconds_a_frame * 2, SLOWEST_FRAME)
        return self.steps_a_frame / self.seconds_a_frame

    def take_over(self) -> None:
        """Ask for a machine that another client holds, and hold it when that lets it go."""
        self._thread_of(self._take_over, "take over").start()

    # -- the thread that moves the machine ---------------------------------------------------

    def _drive(self) -> None:
        try:
            self._target = target = self._open()
        except (ClientError, OSError, ValueError) as error:
            self._done += 1
            self._fail(str(error), True)
            return
        with target:
            try:
                if target.only_watches and target.state().holder is Holder.NOBODY:
                    target.ask_control()
                self._picture(target)
                self._camera.sources = lines = SourceText.of(target)
                told = "" if target.only_watches else begin_with(target, lines)
                if lines.is_known or target.points:
                    self._picture(target)
                if told:
                    self._fail(told, False)
            except (ClientError, ValueError) as error:
                self._failed(error)
            finally:
                self._done += 1
            self._thread_of(self._watch, "lookout").start()
            while (command := self._next_command(target)) is not None:
                if not self._carry_out(target, command):
                    break
            if self._lookout is not None:
                self._lookout.close()

    def _next_command(self, target: Target) -> Command | None:
        """Wait for a command; if none comes for a moment, look through the past for the panels."""
        is_quiet = not self._camera.owed
        patience = QUIET_SECONDS if is_quiet else BREATH
        while not target.only_watches:
            try:
                return self._commands.get(timeout=patience)
            except queue.Empty:
                asked = self._asked
                if not self._look_back(target):
                    if self._commands.empty():  # else it was stopped
                        self._looked_at = asked
                    break
                patience = self._camera.past.wait if is_quiet else QUIET_SECONDS
                is_quiet = True
        return self._commands.get()

    def _look_back(self, target: Target) -> bool:
        """Show what takes longer to know, a bit of it; return whether there may be more."""
        self._looks_back = True
        try:
            if not self._commands.empty():  # it came before it could see that we look
                return False
            with self._taking:
                picture = self._camera.look_back(target, self.wanted)
                if picture is not None:
                    self._show(picture)
        except SearchStoppedError:
            return False
        except (ClientError, ValueError) as error:
            self._failed(error)
            return False
        finally:
            with self._stopping_look:
                self._looks_back = False
        return picture is not None

    def _carry_out(self, target: Target, command: Command) -> bool:
        """Do it and show it; False if there is no machine any more."""
        try:
            self._untold = _text(command(target)) or self._untold
            if self._commands.empty():
                told, self._untold = self._untold, ""
                self._picture(target, told)
        except LOST as error:
            self._failed(error)
            return False
        except (ClientError, ValueError) as error:
            self._failed(error)
        finally:
            self._done += 1
        return True

    def _failed(self, error: Exception) -> None:
        if not self._closing.is_set():
            self._fail(str(error) or type(error).__name__, isinstance(error, LOST))

    def _go(self, target: Target, goal: _Goal) -> None:
        with self._choosing:
            goal.gone, icount = True, goal.icount
        target.seek(icount)

    def _run(self, target: Target, *, backward: bool) -> StopEvent | None:
        """Run; keys for the guest interrupt it for a moment."""
        event = None
        self._lets_run = True
        try:
            while not self._stopping.is_set():  # which it may be before the first round
                event = target.run_back() if backward else target.run()
                typed = not self._typed.empty()
                self._give_typed(target)
                if event.kind is not StopKind.INTERRUPTED or not typed:
                    break
        finally:
            self._lets_run = False
        return event

    def _give_typed(self, target: Target) -> None:
        while not self._typed.empty():
            self._typed.get()(target)

    def _animate(self, target: Target, *, backward: bool) -> StopEvent | None:
        while not self._stopping.is_set() and self._commands.empty():
            began = time.perf_counter()
            self._give_typed(target)
            move = target.step_back if backward else target.step
            event = move(self.steps_a_frame)
            if event.kind is not StopKind.STEPPED:
                return event
            self.shown.clear()
            self._picture(target)
            self.shown.wait(LONGEST_DRAWING)
            left = self.seconds_a_frame - (time.perf_counter() - began)
            if left > 0:
                self._stopping.wait(left)
        return None

    # -- the thread that watches -------------------------------------------------------------

    def _watch(self) -> None:
        """Show a machine that runs, and one that another client moves."""
        target = self._target
        assert target is not None
        try:
            address = target.watching_address
            if isinstance(address, OwnServer):
                return
            self._lookout = lookout = connect(address, watch=True)
            with lookout:
                while not self._closing.is_set():
                    lookout.wait_news()
                    self._glance(target, lookout)
        except UnsupportedError:
            return  # a server where nobody can watch
        except (ClientError, ValueError) as error:
            if target.only_watches:
                self._failed(error)
        finally:
            self._lookout = None

    def _glance(self, target: Target, lookout: Target) -> None:
        """Show the machine if the other thread doesn't, and answer questions.

        The next picture is taken after a rest as long as it took to bring this one to the screen:
        a machine that runs at full speed needs the processor more than its picture does.
        """
        while not self._questions.empty():
            try:
                self._questions.get()(lookout)
            except LOST:
                raise
            except (ClientError, ValueError) as error:
                self._failed(error)
        self._last_sign = began = time.monotonic()
        with self._taking:
            is_shown = target.is_running or target.only_watches
            if is_shown:
                picture = self._camera.take(lookout, self.wanted, "", target.read_output())
                is_shown = picture.running or not self._lets_run  # else it stands for a key
                if is_shown:
                    self.shown.clear()
                    self._show(picture)
            else:
                lookout.state()  # there is news only for who asks
        self._tell_notes(target)
        if is_shown:
            self.shown.wait(LONGEST_DRAWING)
            self._closing.wait(min(time.monotonic() - began, LONGEST_REST))

    def _take_over(self) -> None:
        target = self._target
        try:
            if target is not None and target.only_watches:
                target.ask_control()
                self.do(lambda target: "the machine is yours")
        except ClientError as error:
            self._failed(error)

    def _picture(self, target: Target, told: str = "") -> None:
        """Take a picture."""
        with self._taking:
            picture = self._camera.take(target, self.wanted, told, target.read_output())
            self._last_sign = time.monotonic()
            self._show(picture)
        self._tell_notes(target, told)

    def _tell_notes(self, target: Target, told: str = "") -> None:
        """Tell what the server has had to say, but for what is told anyway."""
        notes = [note for note in target.read_notes() if note != told]
        for note in notes[:MOST_NOTES]:
            self._note(note)
        if len(notes) > MOST_NOTES:
            self._note(f"{len(notes) - MOST_NOTES} more; `lacks` behind : lists what is lacking")

    def forget(self) -> None:
        """Begin anew: the program was loaded afresh."""
        with self._taking:
            self._camera.forget()


def _text(outcome: StopEvent | str | None) -> str:
    if outcome is None:
        return ""
    if isinstance(outcome, str):
        return outcome.strip()
    if outcome.kind is StopKind.STEPPED:
        return ""
    return outcome.text or str(outcome)
