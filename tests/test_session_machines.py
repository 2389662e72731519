"""Conversations about several machines, in memory."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_debugger import NaiveDebugger
from property_examples import examples
from stub_client import Client, text_of

from blink16.board import ProgramFacts
from blink16.debugger import Event, EventKind, Resume
from blink16.gdbstub.orders import (
    Close,
    Fate,
    Interrupt,
    ListedProcess,
    Order,
    Release,
    Send,
    Start,
    Take,
    Taken,
    TakeNew,
    Work,
)
from blink16.gdbstub.session import Session, SessionState
from blink16.gdbstub.states import WrongCallError
from blink16.packets import frame

MULTIPROCESS = b"qSupported:multiprocess+;swbreak+;error-message+"


def machine(process: int, *, launched: bool = False) -> Taken:
    """Return a machine as a server gives it to a session."""
    debugger = NaiveDebugger()
    return Taken(process, debugger, ProgramFacts.of(debugger.machine), launched)


class Talk:
    """A session whose orders are looked at, not carried out."""

    def __init__(self, *opening: bytes) -> None:
        self.machines = {number: machine(number) for number in (1, 2)}
        listed = [ListedProcess(1, "prog <a>", "held"), ListedProcess(2, "other", "free")]
        self.session = Session(self.machines[1], lambda: listed)
        self.orders: list[Order] = []
        self.ask(b"QStartNoAckMode", *opening)

    def ask(self, *bodies: bytes) -> list[bytes]:
        """Send packets; return the bodies of the replies."""
        return self.take(self.session.receive(b"".join(map(frame, bodies))))

    def take(self, orders: Iterable[Order]) -> list[bytes]:
        """Keep orders and return the replies among them."""
        orders = list(orders)
        done = 0
        while done < len(orders) or self.session.has_more:
            if done == len(orders):
                orders += self.session.go_on()
                continue
            order = orders[done]
            if isinstance(order, Work) and order.computes:
                orders += self.session.finished(order.run())
            done += 1
        self.orders = [order for order in orders if not isinstance(order, Send)]
        return Client.replies(b"".join(a.data for a in orders if isinstance(a, Send)))

    def attach(self) -> list[bytes]:
        """Attach to the second machine."""
        assert self.ask(b"vAttach;2") == []
        assert self.orders == [Take(2)]
        return self.take(self.session.took(self.machines[2]))

    def icounts(self) -> list[int]:
        """Return where the machines stand in time."""
        return [taken.debugger.machine.icount for taken in self.machines.values()]


@pytest.fixture
def talk() -> Talk:
    """Return a session in extended mode that holds one of two machines."""
    return Talk(MULTIPROCESS, b"!")


@pytest.fixture
def both() -> Talk:
    """Return a session that holds two machines; the second is the current one."""
    talk = Talk(MULTIPROCESS, b"!")
    (reply,) = talk.attach()
    assert reply.startswith(b"T05")
    assert reply.endswith(b"thread:p2.1;")
    return talk


# -- which machine is meant ------------------------------------------------------------------


def test_threads_are_those_of_all_machines_held(both: Talk) -> None:
    """Gdb would drop an inferior whose thread is missing."""
    assert both.ask(b"qfThreadInfo", b"qsThreadInfo", b"qC") == [b"mp1.1,p2.1", b"l", b"QCp2.1"]
    assert b'id="p1.1"' in both.ask(b"qXfer:threads:read::0,fff")[0]
    assert both.ask(b"Tp2.1", b"Tp3.1", b"Tp1.2")[0] == b"OK"
    assert [reply[:1] for reply in both.ask(b"Tp3.1", b"Tp1.2", b"Hgp7.1")] == [b"E"] * 3


def test_registers_memory_and_points_are_the_selected_machines(both: Talk) -> None:
    """A write or breakpoint for one machine must not reach the other."""
    assert both.ask(b"Hgp1.1", b"M500,1:aa", b"Z0,10001,1", b"Hgp2.1", b"M500,1:bb") == [b"OK"] * 5
    first, second = (taken.debugger for taken in both.machines.values())
    assert (first.machine.memory[0x500], second.machine.memory[0x500]) == (0xAA, 0xBB)
    assert (len(first.points), len(second.points)) == (1, 0)


def test_a_stop_selects_its_thread(both: Talk) -> None:
    """Gdb takes the thread of a stop reply for the selected one, and says nothing."""
    both.ask(b"Hgp2.1", b"vCont;s:p1.1")
    both.take(both.session.stopped(Event(EventKind.STEPPED), 1))
    assert both.ask(b"qC") == [b"QCp1.1"]


def test_each_machine_has_a_board_of_its_own_name(both: Talk) -> None:
    """Gdb keeps files by their names, and would show one program's symbols for another's."""
    names = both.ask(*(b"qXfer:exec-file:read:%x:0,fff" % number for number in (1, 2)))
    assert names == [b"ltarget:/blink16.elf", b"ltarget:/blink16-2.elf"]
    opened = both.ask(
        *(b"vFile:open:%s,0,0" % name.removeprefix(b"ltarget:").hex().encode() for name in names)
    )
    assert opened == [b"F0", b"F1"]
    assert both.ask(b"vFile:open:%s,0,0" % b"/blink16-3.elf".hex().encode()) == [b"F-1,2"]


def test_processes_are_listed_and_escaped(talk: Talk) -> None:
    """A program's name must not break the XML of `info os processes`."""
    (listed,) = talk.ask(b"qXfer:osdata:read:processes:0,fff")
    assert b'<column name="command">prog &lt;a&gt;</column>' in listed
    assert b"processes" in talk.ask(b"qXfer:osdata:read::0,fff")[0]


# -- running ---------------------------------------------------------------------------------


def test_only_the_machines_named_run(both: Talk) -> None:
    """`continue` in one inferior must leave the other where it stands."""
    both.ask(b"vCont;s:p1.1;c:p1.-1")
    assert both.orders == [Start(Resume(count=1), 1)]
    both.take(both.session.stopped(Event(EventKind.STEPPED), 1))
    both.ask(b"Hcp2.-1", b"bc")
    assert both.orders == [Start(Resume(backward=True), 2)]


def test_the_first_stop_is_told_when_all_stand(both: Talk) -> None:
    """Gdb believes that everything stands once it has a stop reply."""
    both.ask(b"vCont;c")
    assert both.orders == [Start(Resume(), 1), Start(Resume(), 2)]
    assert both.take(both.session.stopped(Event(EventKind.STEPPED), 2)) == []
    assert both.orders == [Interrupt()]
    (reply,) = both.take(both.session.stopped(Event(EventKind.INTERRUPTED), 1))
    assert reply.endswith(b"thread:p2.1;")
    assert both.session.state is SessionState.STANDING


def test_a_stop_that_came_second_is_told_later(both: Talk) -> None:
    """A breakpoint must not be missed because another machine hit one a moment before."""
    both.ask(b"Hgp1.1", b"Z0,10000,1", b"vCont;c")
    both.take(both.session.stopped(Event(EventKind.STEPPED), 2))
    both.take(both.session.stopped(Event(EventKind.BREAKPOINT), 1))
    (reply,) = both.ask(b"vCont;c")
    assert reply.endswith(b"thread:p1.1;swbreak:;")
    assert both.orders == []
    both.ask(b"vCont;c")
    assert both.orders == [Start(Resume(), 1), Start(Resume(), 2)]


def test_an_interruption_on_arrival_at_a_breakpoint_is_its_hit(both: Talk) -> None:
    """The machine won't stop there when it goes on, so the hit would be lost."""
    first = both.machines[1].debugger
    both.ask(b"Hgp1.1", b"Z0,10001,1", b"vCont;c")
    both.take(both.session.stopped(Event(EventKind.STEPPED), 2))
    first.resume(Resume(count=1))
    both.take(
        both.session.stopped(Event(EventKind.INTERRUPTED, arrival=Event(EventKind.BREAKPOINT)), 1)
    )
    (reply,) = both.ask(b"vCont;c")
    assert reply.endswith(b"thread:p1.1;swbreak:;")
    both.ask(b"vCont;c")
    both.take(both.session.stopped(Event(EventKind.STEPPED), 2))
    both.take(both.session.stopped(Event(EventKind.INTERRUPTED), 1))  # it hasn't moved
    assert both.ask(b"vCont;c") == []


def test_a_stop_that_holds_no_more_is_forgotten(both: Talk) -> None:
    """Telling of a breakpoint that is gone would confuse gdb."""
    both.ask(b"Hgp1.1", b"Z0,10000,1", b"vCont;c")
    both.take(both.session.stopped(Event(EventKind.STEPPED), 2))
    both.take(both.session.stopped(Event(EventKind.BREAKPOINT), 1))
    both.ask(b"Hgp1.1", b"z0,10000,1", b"vCont;c:p1.-1")
    assert both.orders == [Start(Resume(), 1)]


def test_monitor_says_which_machine_it_was_about(both: Talk) -> None:
    """Gdb tells late that its user has switched, so the answer must say whose it is."""
    replies = both.ask(b"qRcmd," + b"icount".hex().encode())
    assert text_of(replies) == "process 2:\n"
    assert isinstance(both.orders[0], Work)
    assert both.orders[0].process == 2


# -- coming and going ------------------------------------------------------------------------


def test_machines_come_only_in_extended_mode() -> None:
    """A client that closes after each program would leave machines held for ever."""
    talk = Talk(MULTIPROCESS)
    assert talk.ask(b"vAttach;2") == [b"E.that needs target extended-remote"]
    assert talk.ask(b"vRun;") == [b"E.that needs target extended-remote"]


def test_a_client_without_processes_holds_one_machine() -> None:
    """Without process numbers it could not tell two apart."""
    talk = Talk(b"qSupported:error-message+", b"!")
    assert talk.ask(b"vAttach;2")[0].startswith(b"E.")
    assert talk.ask(b"D") == [b"OK"]
    assert talk.orders == [Release(1, Fate.LEAVE)]
    assert talk.attach()[0].endswith(b"thread:1;")
    assert talk.ask(b"qfThreadInfo") == [b"m1"]


def test_a_refusal_is_told_and_the_session_goes_on(talk: Talk) -> None:
    """Somebody else's machine must be no reason to lose one's own."""
    talk.ask(b"vAttach;2", b"g")
    assert talk.session.state is SessionState.TAKING
    refused, registers = talk.take(talk.session.refused("another debugger holds process 2"))
    assert refused == b"E.another debugger holds process 2"
    assert len(registers) > 100
    assert talk.ask(b"vAttach;1") == [b"E.process 1 is debugged here already"]


def test_detach_lets_one_machine_go(both: Talk) -> None:
    """The other must stay, with its breakpoints."""
    both.ask(b"Hgp1.1", b"Z0,10001,1", b"Hgp2.1", b"Z0,10001,1")
    assert both.ask(b"D;2") == [b"OK"]
    assert both.orders == [Release(2, Fate.LEAVE)]
    first, second = (taken.debugger for taken in both.machines.values())
    assert (len(first.points), len(second.points)) == (1, 0)
    assert both.ask(b"qfThreadInfo", b"D;2") == [b"mp1.1", b"E.process 2 is not debugged here"]


def test_a_client_may_hold_nothing(talk: Talk) -> None:
    """In extended mode gdb stays connected after `detach`, and asks on."""
    talk.ask(b"D;1")
    assert talk.ask(b"?", b"qfThreadInfo") == [b"W00", b"l"]
    assert {reply[:2] for reply in talk.ask(b"g", b"vCont;c", b"qC", b"m0,1")} == {b"E."}
    assert talk.attach()[0].startswith(b"T05")


@pytest.mark.parametrize(("body", "replies"), [(b"vKill;2", [b"OK"]), (b"k", [])])
def test_kill_leaves_the_session(both: Talk, body: bytes, replies: list[bytes]) -> None:
    """In extended mode killing one program, or all, is not the end."""
    assert both.ask(body) == replies
    killed = [Release(2, Fate.RESTART)]
    assert both.orders == (killed if replies else [Release(1, Fate.RESTART), *killed])
    assert both.session.state is SessionState.STANDING


def test_an_exit_lets_the_machine_go(both: Talk) -> None:
    """Who holds a dead program keeps others from starting it anew."""
    both.ask(b"vCont;c:p2.-1")
    assert both.take(both.session.stopped(Event(EventKind.EXITED, status=3), 2)) == [
        b"W03;process:2"
    ]
    assert both.orders == [Release(2, Fate.LEAVE)]


def test_run_asks_for_a_fresh_machine(talk: Talk) -> None:
    """VRun must keep its arguments, and without a name mean the program that ran last."""
    talk.ask(b"vKill;1")
    assert talk.ask(b"vRun;;" + b"a b".hex().encode()) == []
    assert talk.orders == [TakeNew("", ("a b",), 1)]
    taken = machine(3, launched=True)
    (reply,) = talk.take(talk.session.took(taken))
    assert reply.endswith(b"thread:p3.1;")
    assert talk.ask(b"qAttached:3") == [b"0"]


def test_restart_has_no_answer(talk: Talk) -> None:
    """One reply too many would be taken for that of the next packet."""
    assert talk.ask(b"R00", b"qC") == []
    assert talk.orders == [Release(1, Fate.RESTART), Take(1)]
    assert talk.take(talk.session.took(machine(1))) == [b"QCp1.1"]


# -- observers -------------------------------------------------------------------------------


class Watch(Talk):
    """A session that only watches."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = False
        self.session = Session(self.machines[1], tuple, observed=lambda: self.runs)
        self.ask(b"QStartNoAckMode", MULTIPROCESS)


def test_an_observer_may_look_while_the_machine_stands() -> None:
    """Reading in a run would show a state that never was."""
    watch = Watch()
    assert watch.ask(b"?")[0].startswith(b"T05")
    assert watch.ask(b"m10000,1", b"x10000,1") == [b"40", b"b@"]
    watch.runs = True
    assert {reply[:16] for reply in watch.ask(b"g", b"m10000,1", b"?")} == {b"E.the machine ru"}
    assert watch.ask(b"qfThreadInfo") == [b"mp1.1"]


def test_an_observer_is_told_why_monitor_does_nothing() -> None:
    """Prevents gdb 13's "Protocol error with Rcmd", which is all that it shows of an error here."""
    watch = Watch()
    replies = watch.ask(b"qRcmd," + b"restart".hex().encode())
    assert text_of(replies) == "you only watch: another debugger holds this machine\n"
    assert replies[-1] == b"OK"


@settings(max_examples=examples(60))
@given(
    st.lists(
        st.sampled_from(
            [b"c", b"s", b"vCont;c", b"bc", b"bs", b"M500,1:00", b"X500,1:a", b"G00",
             b"P0=07000000", b"Z0,10000,1", b"z0,10000,1", b"Z2,500,1", b"qRcmd,68656c70", b"k",
             b"vKill;1", b"!", b"R00", b"vRun;", b"vAttach;2", b"g", b"?", b"vCtrlC", b"D;1", b"D"]
        ),
        max_size=8,
    )
)  # fmt: skip
def test_an_observer_changes_nothing(bodies: list[bytes]) -> None:
    """Whatever a spectator sends, the machine and its owner's points stay as they are."""
    watch = Watch()
    debugger = watch.machines[1].debugger
    notices: list[str] = []
    owner = debugger.on_notice = notices.append
    state, ram = debugger.machine.save(), bytes(debugger.machine.memory.ram)
    for body in bodies:
        watch.ask(body)
        assert all(isinstance(action, Close) for action in watch.orders)
    assert debugger.machine.save() == state
    assert bytes(debugger.machine.memory.ram) == ram
    assert len(debugger.points) == 0
    assert debugger.on_notice is owner


# -- any bytes -------------------------------------------------------------------------------


@settings(max_examples=examples(60))
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [b"vAttach;2", b"vRun;", b"R00", b"D;1", b"D;2", b"k", b"vKill;2", b"vCont;c",
                 b"vCont;s:p2.1;c", b"Hgp2.1", b"Hcp1.-1", b"Hc-1", b"bs", b"g", b"?", b"qC"]
            ).map(frame),
            st.sampled_from([b"took", b"refused", b"stopped 1", b"stopped 2", b"\x03"]),
        ),
        max_size=30,
    )
)  # fmt: skip
def test_any_order_of_packets_and_events_is_survived(steps: list[bytes]) -> None:
    """No client can bring a session to raise, nor a server's wrong call it to run what it lacks."""
    talk = Talk(MULTIPROCESS, b"!")
    running = set[int]()
    for step in steps:
        state, actions = talk.session.state, []
        try:
            match step:
                case b"took":
                    actions = talk.session.took(machine(2))
                case b"refused":
                    actions = talk.session.refused("no")
                case b"stopped 1" | b"stopped 2":
                    process = int(step[-1:])
                    actions = talk.session.stopped(Event(EventKind.STEPPED), process)
                    running.remove(process)
                case _:
                    actions = talk.session.receive(step)
        except WrongCallError:
            assert step[:1] in b"trs"
            assert talk.session.state is state
        while talk.session.has_more:
            actions += talk.session.go_on()
        for action in actions:
            if isinstance(action, Start):
                assert action.process not in running
                running.add(action.process)
            if isinstance(action, Release):
                assert action.process not in running


def test_the_list_of_processes_is_valid_whatever_their_arguments_are() -> None:
    """Prevents `info os processes` from failing for all, since one has a control character."""
    listed = [ListedProcess(1, "prog \x01\x1b[2J\ufffe\udcff<&", "held")]
    session = Session(machine(1), lambda: listed)
    session.receive(b"".join(map(frame, (b"QStartNoAckMode", MULTIPROCESS))))
    actions = session.receive(frame(b"qXfer:osdata:read:processes:0,ffff"))
    assert not session.has_more
    (reply,) = Client.replies(b"".join(a.data for a in actions if isinstance(a, Send)))
    rows = ElementTree.fromstring(reply[1:])
    assert rows.find(".//column[@name='command']").text == r"prog \x01\x1b[2J\ufffe\udcff<&"  # type: ignore[union-attr]


@pytest.mark.parametrize("annex", [b"-1", b"+1", b"1_0", b"x", b"1" * 50, b"\xc3\xa9"])
def test_a_process_that_is_no_number_is_refused(talk: Talk, annex: bytes) -> None:
    """Prevents Python's own ideas of a number on the wire."""
    (reply,) = talk.ask(b"qXfer:exec-file:read:%b:0,fff" % annex)
    assert reply.startswith(b"E")
