"""The client's side of the protocol without I/O: order, acknowledgements, bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16.client import ConditionError, DeniedError, ProtocolError, UnsupportedError, replies
from blink16.client.addresses import TcpServer, UnixServer, parse
from blink16.client.conditions import parse as parse_condition
from blink16.client.wire import (
    MAX_REQUESTS,
    Expected,
    Notice,
    ProgramOutput,
    Ticket,
    Wire,
    WireAnswer,
)
from blink16.gdbstub.agent import evaluate
from blink16.machine import Machine
from blink16.packets import Decoder, Packet, Peer, frame, notification
from blink16.reports.state import RegisterValues


def quiet_wire() -> Wire:
    """Return a wire that acknowledges nothing."""
    return Wire(acknowledging=False)


def test_answers_belong_to_the_oldest_questions() -> None:
    """Prevents registers taken for memory when several questions are on their way."""
    wire, first, second = quiet_wire(), Ticket(b"g"), Ticket(b"m0,1")
    wire.send(first)
    wire.send(second)
    assert wire.take_outgoing() == frame(b"g") + frame(b"m0,1")
    assert wire.receive(frame(b"00") + frame(b"ff")) == [
        WireAnswer(first, b"00"),
        WireAnswer(second, b"ff"),
    ]


def test_output_comes_before_the_answer_of_what_runs() -> None:
    """Prevents a program's output from being taken for a stop reply."""
    wire, run = quiet_wire(), Ticket(b"c", Expected.STOP)
    wire.send(run)
    got = wire.receive(frame(b"O4869") + frame(b"S05"))
    assert got == [ProgramOutput(b"Hi", run), WireAnswer(run, b"S05")]


def test_notifications_are_nobodys_answer() -> None:
    """Prevents a notification between two packets from shifting all answers by one."""
    wire, ticket = quiet_wire(), Ticket(b"?")
    wire.send(ticket)
    got = wire.receive(notification(b"blink16.note:41") + frame(b"S05"))
    assert got == [Notice(b"blink16.note:41"), WireAnswer(ticket, b"S05")]


def test_packets_are_acknowledged_until_both_agree_not_to() -> None:
    """Prevents a server like QEMU's from sending everything twice."""
    wire = Wire()
    wire.send(Ticket(b"?"))
    wire.take_outgoing()
    wire.receive(b"+" + frame(b"S05"))
    assert wire.take_outgoing() == b"+"


def test_damaged_packets_are_asked_for_again_but_not_for_ever() -> None:
    """Prevents a client that asks a broken line again and again."""
    wire = Wire()
    wire.send(Ticket(b"?"))
    wire.take_outgoing()
    for _ in range(3):
        assert wire.receive(b"$S05#00") == []
        assert wire.take_outgoing() == b"-"
    with pytest.raises(ProtocolError, match="damaged"):
        wire.receive(b"$S05#00")


def test_a_refused_packet_is_sent_again() -> None:
    """Prevents a question that got damaged on its way from never being answered."""
    wire = Wire()
    wire.send(Ticket(b"?"))
    wire.take_outgoing()
    wire.receive(b"-")
    assert wire.take_outgoing() == frame(b"?")


@pytest.mark.parametrize("data", [frame(b"S05"), b"$" + b"x" * 70_000 + b"#00", b"$S05#00"])
def test_what_nobody_asked_for_ends_the_conversation(data: bytes) -> None:
    """Prevents answers that belong to nobody from being given to whoever asks next."""
    with pytest.raises(ProtocolError):
        quiet_wire().receive(data)


def test_questions_without_answers_are_bounded() -> None:
    """Prevents a server that answers nothing from filling our memory."""
    wire = quiet_wire()
    for _ in range(MAX_REQUESTS):
        wire.send(Ticket(b"g"))
    with pytest.raises(ProtocolError):
        wire.send(Ticket(b"g"))


def test_run_lengths_are_expanded() -> None:
    """Prevents wrong registers from gdbserver, which abbreviates zeros.

    The manual's example is ``0* ``: 0000.
    """
    decoder = Decoder(Peer.SERVER)
    assert decoder.feed(frame(b"0* 1")) == [Packet(b"00001")]


@given(st.binary(max_size=300))
def test_any_bytes_whole_or_one_by_one_mean_the_same(data: bytes) -> None:
    """Prevents a server's pace from changing what it says, and any exception but ours."""

    def said(pieces: list[bytes]) -> object:
        wire = Wire()
        for _ in range(3):
            wire.send(Ticket(b"c", Expected.STOP))
        wire.take_outgoing()
        got = []
        try:
            for piece in pieces:
                got += [(type(i), getattr(i, "body", None)) for i in wire.receive(piece)]
        except ProtocolError as error:
            return str(error)
        return got, wire.take_outgoing()

    one_by_one = [data[at : at + 1] for at in range(len(data))]
    whole, single = said([data]), said(one_by_one)
    assert whole == single


# -- answers -----------------------------------------------------------------------------------


def test_errors_say_what_was_refused_and_what_is_not_known() -> None:
    """Prevents a KeyError, or silence, where a server can't do what was asked."""
    with pytest.raises(UnsupportedError, match="going backward"):
        replies.check(b"", "going backward")
    with pytest.raises(DeniedError, match="no memory at 0x100000"):
        replies.check(b"E.no memory at 0x100000", "reading memory")
    with pytest.raises(DeniedError, match="reading memory: no such memory"):
        replies.check(b"E0e", "reading memory")


@given(st.binary(max_size=60))
def test_any_stop_reply_is_read_or_refused(body: bytes) -> None:
    """Prevents an exception that nobody foresaw from whatever a server sends."""
    try:
        replies.stop_reply(body)
    except (ProtocolError, UnsupportedError, DeniedError) as error:
        assert str(error)  # noqa: PT017 - it has to say something, if it is raised


def test_a_stop_reply_tells_registers_and_reasons() -> None:
    """Prevents a watchpoint from being shown as a breakpoint."""
    reply = replies.stop_reply(b"T0508:15000100;thread:1;watch:101c4;")
    assert reply.values == {8: b"\x15\0\1\0"}
    assert reply.reasons == {"thread": "1", "watch": "101c4"}


# -- addresses of servers ----------------------------------------------------------------------


def test_addresses_are_written_as_for_gdb() -> None:
    """Prevents a notation of our own for what everybody knows."""
    assert parse(":1234") == parse("127.0.0.1:1234") == TcpServer("127.0.0.1", 1234)
    assert parse("[::1]:99") == TcpServer("::1", 99)
    assert parse("unix:/tmp/s") == UnixServer("/tmp/s")
    for bad in ("1234", "host:", "host:70000", "unix:", ""):
        with pytest.raises(ValueError, match="no address"):
            parse(bad)


# -- conditions --------------------------------------------------------------------------------

SYMBOLS = {"lines": 0x1234, "main": 0x10015}
TERMS = st.sampled_from(
    "ax bl ch ip cs sp flags zf icount lines 0 7 0x1234 65536".split()  # noqa: SIM905
)
OPERATORS = st.sampled_from("+ - * & | ^ == != < <= > >= and or << >>".split())  # noqa: SIM905


def expressions() -> st.SearchStrategy[str]:
    """Return expressions of all that conditions can have."""
    return st.recursive(
        TERMS,
        lambda inner: st.one_of(
            st.tuples(inner, OPERATORS, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            inner.map(lambda e: f"(not {e})"),
            inner.map(lambda e: f"(-{e} & ~{e})"),
            inner.map(lambda e: f"byte[{e} & 0xfffff]"),
            inner.map(lambda e: f"word[ds, {e} & 0xfff]"),
        ),
        max_leaves=8,
    )


@given(expressions(), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
async def test_a_condition_is_the_same_there_and_here(source: str, ax: int, bx: int) -> None:
    """Prevents a condition that stops the machine on one server and not on another."""
    machine = Machine.bare("reference")
    machine.registers.ax, machine.registers.bx = ax, bx
    machine.registers.cs, machine.registers.ds, machine.registers.ip = 0x1000, 0x40, 0x15
    machine.memory.write(0x400, bytes(range(256)) * 8)

    async def read(address: int, length: int) -> bytes:
        return machine.memory.read(address, length)

    condition = parse_condition(source, SYMBOLS.get)
    here = await condition.holds(RegisterValues.of(machine.registers), 0, read)
    assert here == bool(evaluate(condition.bytecode(), machine))


NO_CONDITIONS = """\
ax ==
nobody == 3
ax.real
print(1)
[1]
'a'
1.5
ax < 1 < 2
lambda: 0
ax if bx else cx
word[1, 2, 3]
dword[0]
1 << 2 ** 3
ax = 3"""


@pytest.mark.parametrize("source", ["", "~" * 900, "1" * 2000, *NO_CONDITIONS.splitlines()])
def test_what_is_no_condition_is_refused(source: str) -> None:
    """Prevents code of anybody's from being executed, and conditions that are ignored."""
    with pytest.raises(ConditionError):
        parse_condition(source, SYMBOLS.get)


@given(st.text(max_size=40))
def test_any_text_is_a_condition_or_none(text: str) -> None:
    """Prevents an exception that nobody foresaw."""
    try:
        assert parse_condition(text, SYMBOLS.get).bytecode()
    except ConditionError as error:
        assert str(error)  # noqa: PT017 - it has to say something, if it is raised
