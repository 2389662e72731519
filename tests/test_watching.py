"""Several clients at one machine: one moves it, others see what it does, and may ask to hold it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from gdb_client import Gdb, Server

import blink16
from blink16.client import BusyError, DeniedError, StopKind, Target, UnixServer
from blink16.reports import Doing, Holder

COUNT = bytes.fromhex("40 a3 00 05 89 c3 eb f8")
"""inc ax; mov [500h],ax; mov bx,ax; jmp back: in the past, too, the word is AX or one less."""
ENOUGH = 5
"""Samples that are looked at."""


class Party:
    """A server whose machine runs a loop, and the clients that come to it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        (folder / "count.com").write_bytes(COUNT)
        self.path = folder / "socket"
        self.server = stack.enter_context(
            Server("--listen", f"unix:{self.path}", str(folder / "count.com"))
        )
        self._stack = stack
        self.target = self.server.target

    def come(self, *, watch: bool = False) -> Target:
        """Connect one more client."""
        return self._stack.enter_context(blink16.connect(f"unix:{self.path}", watch=watch))


@pytest.fixture
def party(tmp_path: Path) -> Iterator[Party]:
    """Return a server without clients."""
    with ExitStack() as stack:
        yield Party(tmp_path, stack)


class Runner:
    """A thread in which a client lets the machine run."""

    def __init__(self, holder: Target) -> None:
        self._holder = holder
        self.kinds: list[StopKind] = []
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self.kinds.append(self._holder.run().kind)

    def __enter__(self) -> Runner:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        while not self.kinds:
            self._holder.interrupt()
            self._thread.join(0.1)
        self._thread.join()


def told_last(watcher: Target) -> int:
    """Return the number of the change that the server told a client last."""
    told: int = vars(watcher._inside)["_change"]
    return told


def test_a_machine_that_runs_is_seen_in_consistent_samples(party: Party) -> None:
    """Prevents registers of one instant beside memory of another."""
    holder, watcher = party.come(), party.come(watch=True)
    with Runner(holder):
        seen = set[int]()
        while len(seen) < ENOUGH:
            state = watcher.wait_change()
            if state.doing is not Doing.RUNS:
                continue
            assert state.holder is Holder.ANOTHER
            word = watcher.memory.word((state.registers.ds, 0x500))
            assert watcher.registers.ax == state.registers.ax
            assert word in (state.registers.ax, (state.registers.ax - 1) & 0xFFFF)
            assert watcher.frames()[0].address == state.registers.pc
            seen.add(state.icount)
    assert watcher.state().doing is Doing.STANDS
    assert watcher.state().icount == holder.icount


def test_who_watches_changes_nothing(party: Party) -> None:
    """Prevents a spectator from moving another's machine, or from stopping it."""
    holder, watcher = party.come(), party.come(watch=True)
    point = holder.break_at("0x3000")
    for act in (watcher.step, watcher.run, lambda: watcher.break_at(0), lambda: watcher.trace()):
        with pytest.raises(DeniedError, match="only watch"):
            act()
    with pytest.raises(DeniedError, match="only watch"):
        watcher.registers.ax = 1
    with pytest.raises(DeniedError, match="only watch"):
        watcher.monitor("seek 0")
    watcher.close()
    assert holder.points == (point,)
    assert holder.step(2).icount == 2


def test_every_change_is_told_while_it_stands(party: Party) -> None:
    """Prevents a view that has to ask again and again, or that misses a step."""
    holder, watcher = party.come(), party.come(watch=True)
    before = watcher.wait_change()
    assert before.icount == 0
    holder.step()
    assert watcher.wait_change().icount == 1
    holder.seek("start")
    assert watcher.wait_change().icount == 0
    holder.registers.ax = 0x1234
    assert watcher.wait_change().registers.ax == 0x1234
    holder.bookmark("here")
    watcher.wait_change()
    assert "here" in watcher.bookmarks()


def test_there_is_no_more_news_before_the_last_was_looked_at(party: Party) -> None:
    """Prevents a server that works for pictures which a slow terminal never draws."""
    holder, slow, quick = party.come(), party.come(watch=True), party.come(watch=True)
    with Runner(holder):
        slow.wait_news()
        told = told_last(slow)
        for _ in range(ENOUGH):
            quick.wait_change()
        assert told_last(slow) == told
        before = quick.icount
        assert slow.state().icount >= before
        slow.wait_news()
        assert told_last(slow) != told


def test_who_holds_the_machine_says_yes(party: Party) -> None:
    """Prevents a request that nobody learns of, or that is granted without a yes."""
    holder, watcher = party.come(), party.come(watch=True)
    assert holder.ask_control().holder is Holder.YOU
    granted: list[int] = []
    asking = threading.Thread(target=lambda: granted.append(watcher.ask_control().icount))
    asking.start()
    while not holder.state().wanted:
        pass
    assert any("asks to hold" in note for note in holder.notes)
    assert holder.step().icount == 1
    assert granted == []
    holder.yield_control()
    asking.join()
    assert granted == [1]
    assert watcher.state().holder is Holder.YOU
    assert watcher.step().icount == 2
    with pytest.raises(DeniedError, match="only watch"):
        holder.step()
    assert holder.only_watches
    assert holder.state().icount == 2


def test_who_asked_holds_it_when_the_holder_has_gone(party: Party) -> None:
    """Prevents a machine that nobody gets, or that a newcomer gets first."""
    holder, watcher = party.come(), party.come(watch=True)
    asking = threading.Thread(target=watcher.ask_control)
    asking.start()
    while not holder.state().wanted:
        pass
    holder.close()
    asking.join()
    assert watcher.step().icount == 1


def test_a_request_of_somebody_who_has_gone_is_forgotten(party: Party) -> None:
    """Prevents a machine that is kept for nobody."""
    holder, watcher = party.come(), party.come(watch=True)
    watcher._call(lambda: watcher._inside._ask(b"Qblink16.control"))
    while not holder.state().wanted:
        pass
    watcher.close()
    while holder.state().wanted:
        pass
    holder.close()
    assert party.come().step().icount == 1


def test_a_watcher_goes_on_with_the_next_machine(party: Party) -> None:
    """Prevents a view that goes dark when the program is started again."""
    holder, watcher = party.come(), party.come(watch=True)
    holder.step(5)
    while watcher.wait_change().icount != 5:
        pass
    holder.restart()
    while watcher.wait_change().icount:
        pass
    holder.step(3)
    while watcher.wait_change().icount != 3:
        pass


def test_looking_costs_no_request_to_stop(party: Party) -> None:
    """Prevents a watcher's question from swallowing the holder's Ctrl-C."""
    holder, watcher = party.come(), party.come(watch=True)
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            watcher.state()

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(10):
            assert holder.run(timeout=0.05).kind is StopKind.INTERRUPTED
    finally:
        over.set()
        looking.join()


def test_the_machine_of_a_holder_that_runs_is_not_for_him_to_look_at(party: Party) -> None:
    """Prevents an answer from out of a run that is taken for that of a standing machine."""
    holder = party.come()
    with Runner(holder):
        while not holder.is_running:
            pass
        with pytest.raises(BusyError):
            holder.state()


def test_a_server_of_our_own_can_be_watched_too(tmp_path: Path) -> None:
    """Prevents a front end that can show its own machine only while it stands."""
    (tmp_path / "count.com").write_bytes(COUNT)
    with blink16.launch(tmp_path / "count.com") as holder, holder.watch_too() as watcher:
        with Runner(holder):
            seen = set[int]()
            while len(seen) < ENOUGH:
                state = watcher.wait_change()
                if state.doing is Doing.RUNS:
                    seen.add(state.icount)
        place = holder.watching_address
    assert isinstance(place, UnixServer)
    assert not Path(place.path).exists()


@pytest.mark.gdb
def test_gdb_runs_it_at_full_speed_while_two_watch_and_one_takes_over(
    party: Party, gdb: Gdb
) -> None:
    """Prevents spectators that see nothing of what gdb does, or that wait for it for ever."""
    gdb.run(party.target)
    first, second = party.come(watch=True), party.come(watch=True)
    gdb.send("continue")
    gdb.expect("Continuing")
    for watcher in (first, second):
        seen = set[int]()
        while len(seen) < ENOUGH:
            state = watcher.wait_change()
            if state.doing is Doing.RUNS:
                seen.add(state.icount)
    gdb.interrupt()
    gdb.expect("SIGINT")
    gdb.expect(r"\(gdb\) ")
    asking = threading.Thread(target=first.ask_control)
    asking.start()
    while not second.state().wanted:
        pass
    gdb.run("detach")
    asking.join()
    before = first.icount
    assert first.step_back().icount == before - 1
    while second.state().icount != before - 1:
        pass


@pytest.mark.gdb
def test_gdb_yields_and_watches(party: Party, gdb: Gdb) -> None:
    """Prevents a gdb that has to leave so that another client may do something."""
    gdb.run(party.target)
    watcher = party.come(watch=True)
    asking = threading.Thread(target=watcher.ask_control)
    asking.start()
    while not watcher.state().wanted:
        pass
    assert "watch" in gdb.run("monitor yield")
    asking.join()
    assert watcher.step().icount == 1
    gdb.run("maintenance flush register-cache")
    assert gdb.value("$icount") == 1
    assert watcher.step().icount == 2
    assert gdb.bytes_at(0x3100, 2) == ["0x40", "0xa3"]


def test_what_was_said_of_a_machine_before_anybody_came_is_told_to_our_own_clients(
    tmp_path: Path,
) -> None:
    """Prevents a view of a machine that nobody can have again: its seed was told to a terminal that
    its user does not see.
    """
    (tmp_path / "count.com").write_bytes(COUNT)
    with blink16.launch(tmp_path / "count.com", poweron="random") as target:
        (told,) = target.notes
        assert "--poweron random:" in told
        assert target.read_notes() == [told]


@pytest.mark.gdb
def test_gdb_is_not_told_again_what_its_server_has_said(tmp_path: Path, gdb: Gdb) -> None:
    """Prevents the same line twice for who started the server and debugs in gdb."""
    (tmp_path / "count.com").write_bytes(COUNT)
    with Server("--poweron", "random", str(tmp_path / "count.com")) as server:
        shown = gdb.run(server.target) + gdb.run("stepi")
        assert "--poweron" not in shown
