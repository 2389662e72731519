"""Conversations with the stub, in memory."""

from __future__ import annotations

import pytest
from naive_debugger import NaiveDebugger
from stub_client import GDB_FEATURES, Client, text_of

from blink16 import breakpoints
from blink16.debugger import Event, EventKind, Resume
from blink16.gdbstub.orders import Close, Fate, Interrupt, Start, Work
from blink16.gdbstub.outgoing import MAX_NOTICES, MAX_RESENDS
from blink16.gdbstub.session import SessionState
from blink16.memory import MEMORY_SIZE
from blink16.packets import PACKET_SIZE, frame


@pytest.fixture
def client() -> Client:
    """Return a client whose runs take no time."""
    return Client()


@pytest.fixture
def held() -> Client:
    """Return a client whose runs end when the test says so."""
    return Client(hold=True)


# -- the frame of a conversation -------------------------------------------------------------


def test_attach_as_gdb_13_does_it(client: Client) -> None:
    """The packets of gdb's attach, in its order, must get the answers that it needs."""
    supported = client.ask_one(GDB_FEATURES + b";xmlRegisters=i386").split(b";")
    assert supported[0] == b"PacketSize=10000"
    assert set(supported) >= {
        *(b"binary-upload+", b"ReverseContinue+", b"ReverseStep+", b"vContSupported+"),
        *(b"QStartNoAckMode+", b"qXfer:features:read+", b"qXfer:memory-map:read+"),
        *(b"qXfer:threads:read+", b"swbreak+", b"hwbreak+"),
    }
    assert client.ask_one(b"vMustReplyEmpty") == b""
    assert client.feed(frame(b"QStartNoAckMode")) == b"+" + frame(b"OK")
    assert client.feed(b"+" + frame(b"Hg0")) == frame(b"OK")
    assert client.ask_one(b"qXfer:features:read:target.xml:0,1000").startswith(b"l<?xml")
    assert client.ask_one(b"qTStatus") == b""
    assert client.ask_one(b"?").startswith(b"T05")
    assert client.ask(b"qfThreadInfo", b"qsThreadInfo") == [b"mp7b61f1.1", b"l"]
    assert client.ask_one(b"qAttached:7b61f1") == b"1"
    assert client.ask_one(b"Hc-1") == b"OK"
    assert client.ask_one(b"qOffsets") == b""
    assert len(client.ask_one(b"g")) == 2 * (16 * 4 + 8 * 10 + 8 * 4 + 2 + 2 + 8)
    assert client.ask_one(b"qSymbol::") == b"OK"
    assert client.ask_one(b"vCont?") == b"vCont;c;C;s;S;r"


def test_features_are_offered_only_to_those_who_know_them(client: Client) -> None:
    """A client that didn't say swbreak+ would not understand that reason."""
    supported = client.ask_one(b"qSupported:xmlRegisters=i386").split(b";")
    assert not {b"swbreak+", b"hwbreak+", b"error-message+"} & set(supported)


def test_packets_are_acknowledged_until_the_client_says_stop(client: Client) -> None:
    """A missing + makes a client wait or repeat, one too many confuses it."""
    assert client.feed(frame(b"qC")) == b"+$QC1#c5"
    client.feed(frame(b"QStartNoAckMode"))
    assert client.feed(frame(b"qC")) == b"$QC1#c5"


def test_damaged_packet_is_sent_back_and_not_carried_out(client: Client) -> None:
    """A flipped bit must not become a write somewhere else."""
    assert client.feed(b"$M500,1:ff#00") == b"-"
    assert client.debugger.machine.memory[0x500] == 0


def test_damaged_packet_is_an_error_without_acknowledgements(client: Client) -> None:
    """Silence would let a client in no-ack mode wait for ever."""
    client.feed(frame(b"QStartNoAckMode"))
    assert client.replies(client.feed(b"$M500,1:ff#00")) == [b"E16"]
    assert client.debugger.machine.memory[0x500] == 0


def test_reply_is_sent_again_a_few_times(client: Client) -> None:
    """A client may ask for a repetition, but not blow our output up with a row of -."""
    client.feed(frame(b"qC"))
    assert client.feed(b"-" * 50) == frame(b"QC1") * MAX_RESENDS
    client.feed(b"+")
    assert client.feed(b"-") == b""


def test_oversized_packet_is_refused_and_the_session_goes_on(client: Client) -> None:
    """A packet beyond PacketSize must get an error, not end the session."""
    assert client.replies(client.feed(b"$" + b"m" * (PACKET_SIZE + 1) + b"#00")) == [b"E16"]
    assert client.ask_one(b"qC") == b"QC1"


def test_malformed_packet_is_an_error_and_the_session_goes_on(client: Client) -> None:
    """Bad fields get E.., never silence or a hang-up."""
    assert client.ask(b"mxyz", b"Z9,0,0", b"qC") == [b"E16", b"E16", b"QC1"]


def test_error_texts_only_for_clients_that_know_them(client: Client) -> None:
    """Older gdbs take E.text for memory content."""
    assert client.ask_one(b"m200000,4") == b"E0e"
    client.ask(b"qSupported:error-message+")
    assert client.ask_one(b"m200000,4") == b"E.no memory at 0x200000"


# -- memory and registers --------------------------------------------------------------------


def test_memory_written_in_hex_and_binary_reads_back(client: Client) -> None:
    """The four memory packets must agree about bytes, the awkward ones included."""
    assert client.ask_one(b"M500,4:23242a7d") == b"OK"
    assert client.ask_one(b"m500,4") == b"23242a7d"
    assert client.feed(frame(b"x500,4")) == b"+" + frame(b"b}\x03}\x04}\n}]")
    assert client.ask_one(b"X600,4:}\x03}\x04}\n}]") == b"OK"
    assert client.ask_one(b"m600,4") == b"23242a7d"


def test_binary_read_of_nothing_is_not_ok(client: Client) -> None:
    """LLDB takes OK to x0,0 for a different packet of its own."""
    assert client.ask_one(b"x0,0") == b"b"


def test_reads_end_with_memory(client: Client) -> None:
    """What there is must be readable, and beyond it an error says so."""
    assert client.ask_one(b"mffffe,10") == b"0000"
    assert client.ask_one(b"m100000,1") == b"E0e"
    assert client.ask_one(b"x100000,1") == b"E0e"


def test_answers_keep_to_the_packet_size(client: Client) -> None:
    """A huge length must not make a huge reply; gdb asks again for the rest."""
    client.debugger.machine.memory.write(0, b"}" * 0x20000)
    sent = client.feed(frame(b"x0,ffffffff"))
    assert PACKET_SIZE - 16 < len(sent) <= PACKET_SIZE + len(b"+$#00")
    assert len(client.ask_one(b"m0,ffffffff")) == PACKET_SIZE


def test_writes_beyond_memory_change_nothing(client: Client) -> None:
    """A write over the end must not wrap around to the vectors at 0."""
    assert client.ask(b"Mfffff,2:1122", b"Xfffffffff,1:a") == [b"E0e", b"E0e"]
    assert client.debugger.machine.memory[MEMORY_SIZE - 1] == 0
    assert client.debugger.machine.memory[0] == 0


def test_threads_other_than_the_processor_do_not_exist(client: Client) -> None:
    """There is one thread, 1; any other number is an error."""
    assert client.ask(b"T1", b"Hg1", b"Hc-1", b"Hg0") == [b"OK"] * 4
    assert client.ask(b"T2", b"Hg2", b"qThreadExtraInfo,7", b"vCont;s:2") == [b"E16"] * 4


def test_thread_says_where_it_is_in_time(client: Client) -> None:
    """`info threads` shows the instruction count."""
    client.ask(b"s", b"s")
    text = bytes.fromhex(client.ask_one(b"qThreadExtraInfo,1").decode())
    assert text == b"at instruction 2"


# -- running ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "how"),
    [
        (b"c", Resume()),
        (b"s", Resume(count=1)),
        (b"C05", Resume()),
        (b"vCont;s:1;c", Resume(count=1)),
        (b"vCont;r10000,10004:1;c", Resume(step_range=(0x10000, 0x10004))),
        (b"bs", Resume(backward=True, count=1)),
        (b"bc", Resume(backward=True)),
    ],
)
def test_resumptions_start_the_machine(held: Client, body: bytes, how: Resume) -> None:
    """A resumption is a Start without a reply; the reply comes with the stop."""
    assert held.ask(body) == []
    assert held.orders == [Start(how)]
    assert held.session.state is SessionState.RUNNING


def test_step_tells_registers_with_the_stop(client: Client) -> None:
    """Expedited registers save gdb a round trip at every step."""
    reply = client.ask_one(b"s")
    assert reply.startswith(b"T05")
    fields = dict(field.split(b":") for field in reply[3:].rstrip(b";").split(b";"))
    assert fields[b"08"] == b"01000100"  # eip, linear
    assert fields[b"04"] == b"feff0100"  # esp, linear
    assert fields[b"00"] == b"01000000"
    assert fields[b"22"] == b"0100000000000000"  # icount
    assert fields[b"thread"] == b"1"


def test_resumption_from_another_address_keeps_the_segment(client: Client) -> None:
    """`c ADDR` and `s ADDR` go on from there, in the segment if it reaches that far."""
    client.ask(b"s10001")
    assert (client.debugger.machine.registers.cs, client.debugger.machine.registers.ip) == (
        0x1000,
        2,
    )


def test_breakpoint_reason_names_its_kind(client: Client) -> None:
    """With swbreak, gdb does not look for a breakpoint before pc."""
    client.ask(GDB_FEATURES, b"Z0,10001,1")
    assert client.ask_one(b"c").endswith(b"thread:p1.1;swbreak:;")
    client.ask(b"z0,10001,1", b"Z1,10002,1")
    assert client.ask_one(b"c").endswith(b"thread:p1.1;hwbreak:;")


def test_breakpoint_reason_is_not_told_to_those_who_do_not_know_it(client: Client) -> None:
    """A plain client gets a plain T05."""
    client.ask(b"Z0,10001,1")
    assert client.ask_one(b"c").endswith(b"thread:1;")


@pytest.mark.parametrize(
    ("number", "reason"), [(b"2", b"watch"), (b"3", b"rwatch"), (b"4", b"awatch")]
)
def test_watchpoint_reason_names_kind_and_address(number: bytes, reason: bytes) -> None:
    """Gdb matches the address with its watchpoints; without it, it would go on silently."""
    code = b"\xa1\x00\x05" if number == b"3" else b"\xa3\x00\x05"  # mov ax,[500h] or back
    client = Client(NaiveDebugger(code))
    client.ask(b"Z%b,10501,1" % number)
    assert client.ask_one(b"c").endswith(b"thread:1;%b:10501;" % reason)


def test_points_beyond_limits_are_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Endless Z packets must not fill the memory."""
    monkeypatch.setattr(breakpoints, "MAX_POINTS", 2)
    assert client.ask(b"Z0,100000,1", b"Z2,0,fffffff", b"Z2,0,0") == [b"E16"] * 3
    assert client.ask(b"z0,555,1", b"Z0,500,1", b"Z2,500,2") == [b"OK"] * 3
    assert client.ask(b"Z0,501,1", b"z0,500,1", b"Z0,501,1") == [b"E16", b"OK", b"OK"]


def test_history_start_is_told(client: Client) -> None:
    """Gdb says 'No more reverse-execution history' only for replaylog."""
    client.ask(b"s", b"s")
    assert client.ask_one(b"bc").endswith(b"replaylog:begin;")
    assert client.debugger.machine.icount == 0


def test_interrupt_reaches_a_running_machine(held: Client) -> None:
    """Ctrl-C must get through at once."""
    held.ask(b"c")
    held.feed(b"\x03")
    assert held.orders == [Start(Resume()), Interrupt()]
    (reply,) = held.release(Event(EventKind.INTERRUPTED))
    assert reply.startswith(b"T02")


def test_interrupt_of_a_standing_machine_is_forgotten(held: Client) -> None:
    """Ctrl-C that crosses a stop on its way must not interrupt a later resumption."""
    held.feed(b"\x03")
    held.ask(b"g", b"c")
    assert held.orders == [Start(Resume())]


def test_a_client_is_asked_whose_file_it_has(client: Client) -> None:
    """Prevents names of ours that hide those of a file which gdb's user has brought."""
    assert client.ask_one(b"qSymbol::") == b"OK"
    client.ask(
        b"qXfer:exec-file:read::0,1000", b"vFile:open:%s,0,0" % b"/blink16.elf".hex().encode()
    )
    whole = client.ask_one(b"qXfer:libraries:read::0,1000")
    asked = client.ask_one(b"qSymbol::")
    assert asked == b"qSymbol:" + b"blink16".hex().encode()
    assert client.ask_one(b"qSymbol::" + asked.partition(b":")[2]) == b"OK"
    assert b"library:" in client.ask_one(b"s")
    few = client.ask_one(b"qXfer:libraries:read::0,1000")
    assert few != whole
    assert client.ask_one(b"qSymbol:0:" + asked.partition(b":")[2]) == b"OK"
    assert client.ask_one(b"qXfer:libraries:read::0,1000") == whole


def test_interrupt_right_before_a_resumption_counts(held: Client) -> None:
    """Gdb sends a Ctrl-C so that is typed between its 'Continuing.' and its packet."""
    held.feed(b"\x03")
    (reply,) = held.ask(b"c")
    assert reply.startswith(b"T02")
    held.ask(b"c")
    assert held.orders == [Start(Resume())]


def test_interrupt_between_two_runs_of_one_step_counts(held: Client) -> None:
    """Gdb reads memory between the runs of one `next`: Ctrl-C could not end one without an end."""
    held.ask(b"qSupported:xmlRegisters=i386;swbreak+")
    held.feed(b"\x03" + frame(b"m500,4"))
    (_, _, reply) = held.ask(b"m600,4", b"Z0,500,1", b"vCont;r500,510:1")
    assert reply.startswith(b"T02")
    held.feed(b"\x03")
    held.ask(b"qXfer:threads:read::0,1000", b"vCont;c")  # it has shown a stop to its user
    assert held.orders == [Start(Resume())]


def test_interrupt_as_a_packet(held: Client) -> None:
    """VCtrlC is answered even while the machine runs."""
    held.ask(b"c")
    assert held.ask(b"vCtrlC") == [b"OK"]
    assert held.orders[-1] == Interrupt()


def test_packets_wait_while_the_machine_runs(held: Client) -> None:
    """A question in mid-run is answered after the stop, in order, not lost or mixed in."""
    held.ask(b"c")
    assert held.ask(b"qC", b"s", b"T1") == []
    replies = held.release(Event(EventKind.STEPPED))
    assert [reply[:3] for reply in replies] == [b"T05", b"QC1"]
    assert held.session.state is SessionState.RUNNING
    assert [reply[:3] for reply in held.release()] == [b"T05", b"OK"]


# -- ends ------------------------------------------------------------------------------------


def test_exit_stops_before_the_program_is_gone(client: Client) -> None:
    """At its end the program must still be there to be looked at, and to go back from."""
    client.debugger.script.extend(
        [
            Event(EventKind.EXITING, status=3),
            Event(EventKind.STEPPED),
            Event(EventKind.EXITING, status=3),
            Event(EventKind.EXITED, status=3),
        ]
    )
    message, stop = client.ask(b"c")
    assert text_of([message]) == "exited with status 3 at instruction 0\n"
    assert stop.startswith(b"T02")
    assert client.ask_one(b"bs").startswith(b"T05")
    client.ask(b"c")
    assert client.ask_one(b"c") == b"W03"


def test_a_step_that_lets_a_program_go_stops_before_it(client: Client) -> None:
    """Prevents gdb's internal error: it must not step over a breakpoint when a program goes."""
    client.ask(b"qSupported:xmlRegisters=i386;swbreak+")
    ending = Event(EventKind.EXITING, status=3)
    client.debugger.script.extend([ending, Event(EventKind.STEPPED), ending])
    client.ask(b"c")
    assert client.ask_one(b"vCont;s").startswith(b"T1c")
    assert client.ask_one(b"bs").startswith(b"T05")
    assert client.ask(b"vCont;s")[-1].startswith(b"T02")
    assert client.ask_one(b"vCont;r0,10").startswith(b"T1c")
    client.debugger.script.append(Event(EventKind.EXITED, status=3))
    assert client.ask(b"Z0,500,1", b"vCont;C1c") == [b"OK", b"W03"]


def test_a_client_that_is_no_gdb_lets_a_program_go_by_a_step(client: Client) -> None:
    """Prevents a signal that no program has sent, where nobody needs it."""
    client.debugger.script.extend([Event(EventKind.EXITING), Event(EventKind.EXITED)])
    client.ask(b"c")
    assert client.ask_one(b"s") == b"W00"


def test_nothing_runs_after_the_end(client: Client) -> None:
    """A client that resumes a dead program gets the same answer, not a dead machine running."""
    client.debugger.script.append(Event(EventKind.KILLED, signal=8))
    assert client.ask_one(b"c") == b"X08"
    assert client.ask(b"s", b"?") == [b"X08", b"X08"]
    assert len(client.debugger.resumes) == 1


def test_trap_is_told_as_a_signal_with_its_text(client: Client) -> None:
    """A divide error is SIGFPE for gdb, and in words what it was."""
    client.debugger.script.append(Event(EventKind.SIGNALLED, signal=8, text="divide error"))
    message, stop = client.ask(b"c")
    assert text_of([message]) == "divide error\n"
    assert stop.startswith(b"T08")
    assert client.ask_one(b"?").startswith(b"T08")


def test_halt_is_explained(client: Client) -> None:
    """A processor halted for good looks like a hang unless somebody says it."""
    client = Client(NaiveDebugger(b"\xfa\xf4"))  # cli, hlt
    message, stop = client.ask(b"c")
    assert "halted" in text_of([message])
    assert stop.startswith(b"T02")


def test_reason_of_an_old_stop_is_not_told_to_the_next_client(client: Client) -> None:
    """Gdb would look for a breakpoint that it never set."""
    client.ask(GDB_FEATURES, b"Z0,10001,1", b"c")
    assert b"swbreak" not in Client(client.debugger).ask_one(b"?")


def test_detach_leaves_the_machine_without_breakpoints(client: Client) -> None:
    """The next client must find the machine as it stands, with no foreign breakpoints."""
    client.ask(b"Z0,10001,1")
    assert client.ask(b"D") == [b"OK"]
    assert client.closed() == Close(Fate.LEAVE, "the client detached")
    assert len(client.debugger.points) == 0
    assert client.ask(b"g") == []


@pytest.mark.parametrize(("body", "replies"), [(b"k", []), (b"vKill;a410", [b"OK"])])
def test_kill_wants_a_fresh_machine(client: Client, body: bytes, replies: list[bytes]) -> None:
    """Killing ends the program, never the server."""
    assert client.ask(body) == replies
    assert [a.fate for a in client.orders if isinstance(a, Close)] == [Fate.RESTART]


@pytest.mark.parametrize("body", [b"k", b"D"])
def test_leaving_interrupts_a_run(held: Client, body: bytes) -> None:
    """A client that leaves in mid-run must not have to wait for a breakpoint."""
    held.ask(b"c")
    held.ask(body)
    assert held.orders[-1] == Interrupt()
    held.release(Event(EventKind.INTERRUPTED))
    assert held.closed() is not None


# -- words for the user ----------------------------------------------------------------------


def test_notices_are_said_when_gdb_listens(held: Client) -> None:
    """An O packet while gdb expects no output would break its conversation."""
    held.debugger.on_notice("unknown system call 99")
    assert held.session.speak() == []
    assert text_of(held.ask(b"c")) == "unknown system call 99\n"
    held.debugger.on_notice("another")
    held._carry_out(held.session.speak())
    held.debugger.on_notice("a third")
    replies = held.release(Event(EventKind.STEPPED))
    assert text_of(replies[:-1]) == "a third\n"
    assert replies[-1].startswith(b"T05")


def test_notices_that_nobody_hears_are_bounded(held: Client) -> None:
    """A guest that causes a notice a thousand times a second must not fill the memory."""
    for number in range(10 * MAX_NOTICES):
        held.debugger.on_notice(f"notice {number}")
    lines = text_of(held.ask(b"c")).splitlines()
    assert len(lines) == MAX_NOTICES
    assert lines[-1] == f"notice {10 * MAX_NOTICES - 1}"


def monitor(client: Client, line: str) -> str:
    """Type a monitor command; return what it shows."""
    *shown, end = client.ask(b"qRcmd," + line.encode().hex().encode())
    assert end == b"OK"
    return text_of(shown)


def test_monitor_commands_run_as_work(held: Client) -> None:
    """A command may take long, so the event loop must not wait for it."""
    assert held.ask(b"qRcmd," + b"icount".hex().encode()) == []
    held.feed(b"\x03")
    assert [type(order) for order in held.orders] == [Work, Interrupt]
    shown, end = held.release()
    assert text_of([shown]) == "0\n"
    assert end == b"OK"


def test_unknown_monitor_command_is_explained(client: Client) -> None:
    """E.. to qRcmd is 'Protocol error with Rcmd' in gdb; text is better."""
    assert monitor(client, "frobnicate") == ("no monitor command 'frobnicate'; try monitor help\n")


# -- what LLDB asks for ------------------------------------------------------------------------


def test_errors_as_lldb_reads_them(client: Client) -> None:
    """Prevents the number alone where the client has asked for the text."""
    assert client.ask_one(b"P1f=01000000") == b"E16"
    assert client.ask_one(b"QEnableErrorStrings") == b"OK"
    text = b"an 8086 has no fop; --fpu has one"
    assert client.ask_one(b"P1f=01000000") == b"E16;" + text.hex().encode()


def test_stop_replies_list_the_threads_for_lldb(client: Client) -> None:
    """LLDB asks for the list twice at each stop if it isn't there; gdb doesn't know the field."""
    assert b"threads:" not in client.ask_one(b"s")
    assert client.ask_one(b"QListThreadsInStopReply") == b"OK"
    assert b"thread:1;threads:1;" in client.ask_one(b"s")


def test_a_packet_that_was_sent_again_is_answered_once() -> None:
    """gdb asks again after 2 s; the second answer would be taken for that to its next question."""
    client = Client()
    again = frame(b"qSupported:swbreak+")
    sent = client.feed(b"+" + 3 * again)
    assert sent.startswith(b"+++$PacketSize=") or sent.count(b"$") == 1
    assert sent.count(b"$") == 1
    assert client.ask(b"vMustReplyEmpty") == [b""]


def test_what_is_asked_twice_without_acknowledgements_is_answered_twice() -> None:
    """A client that pipelines would wait for ever for the second answer."""
    client = Client()
    client.ask(b"QStartNoAckMode")
    assert len(client.ask(b"g", b"g", b"g")) == 3
