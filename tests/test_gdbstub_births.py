"""What a client makes of fork() and vfork(): whom it leaves, and what that changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from elks_programs import program

from blink16 import elks
from blink16.board import ProgramFacts
from blink16.breakpoints import Point, PointKind
from blink16.debugger import Debugger, Event, EventKind, Resume
from blink16.gdbstub.births import APART, STEP, Births, birth_of, machine_of
from blink16.gdbstub.orders import Send, Taken
from blink16.gdbstub.session import Session
from blink16.packets import Decoder, Packet, frame
from blink16.setup import loader
from blink16.setup.loader import Options, Program, ProgramKind

MACHINE = 3


@pytest.fixture
def debugger(tmp_path: Path) -> Debugger:
    """Return a debugger of a program that forks, and whose child executes another and crashes."""
    (tmp_path / "child").write_bytes(program("child"))
    streams = elks.ConsoleKind(input=False, output=False, error=False)
    options = Options(root=tmp_path, engine="native", console=streams)
    made = loader.load(Program("/parent", ProgramKind.ELKS, program("parent")), (), options)
    debugger = Debugger(made.machine)
    debugger.names.symbols = made.symbols
    debugger.tell_of(frozenset({EventKind.FORKED, EventKind.EXECUTED}))
    return debugger


def test_numbers_of_processes_mean_their_machine() -> None:
    """Prevents a process of a fork that is taken for another machine."""
    assert machine_of(MACHINE) == machine_of(2 * STEP + MACHINE) == MACHINE
    assert birth_of(MACHINE) == 0
    assert birth_of(2 * STEP + MACHINE) == 2


def test_detaching_from_the_child_leaves_all_as_it_is(debugger: Debugger) -> None:
    """Prevents D of a child that lets the machine go, and D of the machine that doesn't."""
    births = Births(debugger)
    births.tell(debugger.drive(Resume()))
    assert births.leaves(STEP + MACHINE)
    assert births.followed == 0
    assert not births.leaves(MACHINE)


def test_detaching_from_the_parent_follows_the_child(debugger: Debugger) -> None:
    """Prevents breakpoints that stop a parent whom the client has left, or none before that."""
    event = debugger.drive(Resume())
    assert event == Event(EventKind.FORKED, parent=1, child=2)
    births = Births(debugger)
    births.tell(event)
    assert births.leaves(MACHINE)
    assert births.followed == 1
    assert births.leaves(MACHINE)  # it has gone already
    assert not births.leaves(STEP + MACHINE)
    wait, spawn = (debugger.names.symbols.lookup(name) for name in ("wait", "spawn"))
    assert wait is not None
    assert spawn is not None
    for symbol in (wait, spawn):
        debugger.insert(Point(PointKind.EXECUTE, symbol.address))
    assert debugger.drive(Resume()).kind is EventKind.EXECUTED
    assert debugger.drive(Resume()).kind is EventKind.SIGNALLED
    assert debugger.drive(Resume(backward=True)).kind is EventKind.BREAKPOINT
    assert debugger.machine.pc == spawn.address


def test_after_vfork_the_parent_is_said_to_go_on_once(debugger: Debugger) -> None:
    """Prevents a gdb that sets no breakpoints any more, since it waits for vfork()'s end."""
    births = Births(debugger)
    births.tell(Event(EventKind.VFORKED, parent=1, child=2))
    assert births.leaves(STEP + MACHINE)
    assert births.take_done() == 1
    assert births.take_done() == 0


def test_a_client_that_holds_both_is_told_what_to_do(debugger: Debugger) -> None:
    """Prevents `set detach-on-fork off` that seems to stop the child."""
    told: list[str] = []
    debugger.on_notice = told.append
    births = Births(debugger)
    births.tell(Event(EventKind.FORKED, parent=1, child=2))
    births.resume(MACHINE)
    births.resume(MACHINE)
    assert told == [APART]


def test_a_client_that_names_threads_alone_sees_each(debugger: Debugger) -> None:
    """LLDB selects threads without their process: it saw the running one's registers in all."""
    debugger.drive(Resume())
    debugger.tell_of(frozenset())
    debugger.drive(Resume())  # the child crashes
    session = Session(Taken(1, debugger, ProgramFacts.of(debugger.machine)))

    def ask(body: bytes) -> bytes:
        sent = [order.data for order in session.receive(frame(body)) if isinstance(order, Send)]
        (reply,) = [i.body for i in Decoder().feed(b"".join(sent)) if isinstance(i, Packet)]
        return reply

    ask(b"qSupported:multiprocess+;xmlRegisters=i386")
    places = {}
    for thread in (b"1", b"2"):
        assert ask(b"Hg" + thread) == b"OK"
        places[thread] = ask(b"p8")
    assert places[b"1"] != places[b"2"]
    named = ask(b"qThreadStopInfo1")
    assert named == b"T00thread:p7b61f1.1;hexname:%b;" % b"parent 2".hex().encode()
