"""Driving a machine through its guest's pauses."""

from __future__ import annotations

import threading
from collections.abc import Callable

import guests

from blink16.console import Console
from blink16.debugger import IDLE, ONWARD, WAITING, Debugger, EventKind, Pause, Resume, drive
from blink16.inbox import MAX_QUEUED, Inbox

PATIENCE = 60
READ_AND_LOOP = bytes((0xCD, guests.READ, 0xEB, 0xFE))


class Waits(Inbox):
    """An inbox that lets somebody act, in order, each time there is a wait."""

    def __init__(self, *acts: Callable[[], object]) -> None:
        super().__init__()
        self.seconds: list[float | None] = []
        self._acts = list(acts)

    def wait(self, seconds: float | None) -> None:
        """Act as a user does who lets the guest wait."""
        self.seconds.append(seconds)
        self._acts.pop(0)()


def make(*acts: Callable[[Debugger], object]) -> tuple[Debugger, Waits]:
    """Return a debugger of a guest that reads a key, and what its user does at each wait."""
    debugger = Debugger(guests.make(READ_AND_LOOP).machine)
    waits = Waits(*(lambda act=act: act(debugger) for act in acts))
    debugger.timeline.inbox = waits
    return debugger, waits


def test_turns_are_taken_until_there_is_an_end() -> None:
    """Prevents a pause that is taken for an end, and a wait where there is nothing to wait for."""
    outcomes: list[str | Pause] = [ONWARD, IDLE, WAITING, "the end", "too far"]
    waits: list[float | None] = []
    assert drive(lambda: outcomes.pop(0), waits.append) == "the end"
    assert waits == [IDLE.seconds, None]


def test_a_guest_goes_on_with_its_count_when_its_input_comes() -> None:
    """Prevents a step count that starts anew behind a pause, and a wait that ends for nothing."""
    debugger, waits = make(
        lambda debugger: None, lambda debugger: debugger.receive(Console.CHANNEL, b"x")
    )
    assert debugger.drive(Resume(count=10)).kind is EventKind.STEPPED
    assert debugger.timeline.now == 10
    assert waits.seconds == [None, None]


def test_a_request_to_stop_ends_a_pause() -> None:
    """Prevents Ctrl-C that has to wait for a key, however late it comes before the wait."""
    debugger, _ = make(lambda debugger: debugger.interrupt())
    assert debugger.drive(Resume()).kind is EventKind.INTERRUPTED


def test_a_request_to_stop_is_not_lost_as_a_pause_begins() -> None:
    """Prevents Ctrl-C from being forgotten by the run that comes to a pause meanwhile."""
    debugger = Debugger(guests.make(READ_AND_LOOP).machine)
    resume = debugger.resume

    def resume_and_be_interrupted(how: Resume) -> object:
        outcome = resume(how)
        if isinstance(outcome, Pause):
            debugger.interrupt()
        return outcome

    debugger.resume = resume_and_be_interrupted  # type: ignore[method-assign, assignment]
    assert debugger.drive(Resume()).kind is EventKind.INTERRUPTED


def test_an_inbox_keeps_what_comes_before_the_wait() -> None:
    """Prevents a wait for input that is there, or that misses somebody's stir."""
    inbox = Inbox()
    inbox.put("a", b"1")
    inbox.wait(None)
    assert inbox.take() == ("a", b"1")
    assert inbox.take() is None
    inbox.stir()
    inbox.wait(None)


def test_an_inbox_wakes_who_waits() -> None:
    """Prevents a guest that sleeps though its user types."""
    inbox = Inbox()
    threading.Thread(target=inbox.put, args=("a", b"1"), daemon=True).start()
    inbox.wait(PATIENCE)
    assert inbox.take() == ("a", b"1")


def test_an_inbox_is_bounded() -> None:
    """Prevents input that nobody takes from filling memory; there is room again behind it."""
    inbox = Inbox()
    inbox.put("a", bytes(MAX_QUEUED))
    inbox.put("a", b"1")
    assert inbox.queued == MAX_QUEUED
    assert inbox.take() == ("a", bytes(MAX_QUEUED))
    inbox.put("a", b"2")
    assert inbox.take() == ("a", b"2")
    assert inbox.queued == 0
