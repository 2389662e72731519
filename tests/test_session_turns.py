"""A client's requests are answered a few at a time, and what takes long is computed elsewhere."""

from __future__ import annotations

import time
from dataclasses import replace

from naive_debugger import NaiveDebugger
from stub_client import Client

from blink16.board import ProgramFacts, window
from blink16.gdbstub.agent import MAX_STEPS, AgentCondition
from blink16.gdbstub.orders import Send, Taken, Work
from blink16.gdbstub.session import TURN_ITEMS, TURN_SIZE, Session
from blink16.packets import PACKET_SIZE, frame
from blink16.unwind.frames import MAX_EFFORT, Frame, find_caller
from blink16.unwind.walk import CodeMemory, Effort


def session(debugger: NaiveDebugger | None = None, program: ProgramFacts | None = None) -> Session:
    """Return a session whose client wants no acknowledgements."""
    debugger = debugger or NaiveDebugger()
    made = Session(Taken(1, debugger, program or ProgramFacts.of(debugger.machine)))
    made.receive(frame(b"QStartNoAckMode"))
    return made


def test_a_flood_of_large_reads_is_answered_in_turns() -> None:
    """Prevents one client's pipeline from taking memory without bound, and everybody's time."""
    asked = session()
    orders = asked.receive(frame(b"m0,8000") * 300)
    turns = 0
    replies = 0
    while orders:
        turns += 1
        size = sum(len(order.data) for order in orders if isinstance(order, Send))
        assert size <= TURN_SIZE + PACKET_SIZE + 16
        replies += sum(order.data.count(b"$") for order in orders if isinstance(order, Send))
        orders = asked.go_on() if asked.has_more else []
    assert replies == 300
    assert turns == 300  # each of them fills a turn


def test_a_flood_of_small_requests_is_answered_in_turns() -> None:
    """Prevents thousands of cheap packets in one piece from being handled as one."""
    asked = session()
    (send,) = asked.receive(frame(b"qC") * 1000)
    assert isinstance(send, Send)
    assert send.data.count(b"$") == TURN_ITEMS
    assert asked.has_more


def test_packets_behind_an_event_keep_their_order() -> None:
    """Prevents answers that change places when a turn ends between them."""
    client = Client()
    client.ask(b"QStartNoAckMode")
    packets = [b"s", *[b"p%x" % number for number in (8, 0, 8)], b"s", b"qC"] * 10
    replies = client.ask(*packets)
    assert [reply[:3] for reply in replies[5::6]] == [b"QC1"] * 10
    assert len(replies) == len(packets)


def hostile_stack() -> NaiveDebugger:
    """Return a machine whose stack leads through a crowd of large searches.

    2000:0103 has 2,990 calls of F and a RET; F is 400 INC AX; the stack is full of 0103h.
    """
    debugger = NaiveDebugger(segment=0x2000)
    memory, registers = debugger.machine.memory, debugger.machine.registers
    size = 3 * 2990
    function = 0x103 + size + 0x10
    code = b"".join(
        b"\xe8" + (function - (at + 3) & 0xFFFF).to_bytes(2, "little")
        for at in range(0x103, 0x103 + size, 3)
    )
    memory.write(0x20100, b"\xe8\x00\x00" + code + b"\xc3")
    memory.write(0x20000 + function, b"\x40" * 400 + b"\xc3")
    memory.write(0x30000, b"\x03\x01" * 0x8000)
    registers.ip, registers.ss, registers.sp = 0x103, 0x3000, 0
    return debugger


def called(debugger: NaiveDebugger) -> ProgramFacts:
    """Return what is known of a program that began somewhere else than it stands."""
    return replace(ProgramFacts.of(debugger.machine), entry=(0x2000, 0xF000))


def test_the_unwind_window_is_read_elsewhere_and_not_for_ever() -> None:
    """Prevents one packet that hangs everybody: frames without number, each a long search."""
    debugger = hostile_stack()
    asked = session(debugger, called(debugger))
    far = window.field_address(0x3FFF0, window.Field.CFA)
    (work,) = asked.receive(frame(b"m%x,4" % far))
    assert isinstance(work, Work)
    assert work.computes
    began = time.thread_time()
    orders = asked.finished(work.run())
    assert time.thread_time() - began < window.PATIENCE + 1.0
    (send,) = [order for order in orders if isinstance(order, Send)]
    assert send.data.startswith(b"$E")


def test_reading_the_window_again_goes_on() -> None:
    """Prevents a deep stack from never being shown to its end."""
    debugger = hostile_stack()
    for address in range(0x20103, 0x20103 + 3 * 2990):  # the same stack behind one NOP and a RET
        debugger.machine.memory.ram[address] = 0x90
    debugger.machine.memory.write(0x20103, b"\xc3")
    client = Client(debugger, program=called(debugger))
    client.ask(b"QStartNoAckMode", b"qSupported:error-message+")
    far = window.field_address(0x3FFF0, window.Field.CFA)
    replies: list[bytes] = []
    while not replies or replies[-1].startswith(b"E.the stack is deep"):
        replies.append(client.ask_one(b"m%x,4" % far))
        assert len(replies) < 100
    assert replies[-1] == (0x3FFF2).to_bytes(4, "little").hex().encode()


def test_the_conditions_of_a_breakpoint_share_their_limit() -> None:
    """Prevents sixty-four expressions from taking sixty-four times what one may."""
    debugger = NaiveDebugger()
    endless = b"\x21\x00\x00"  # goto 0
    condition = AgentCondition((endless,) * 64)
    began = time.thread_time()
    assert condition(debugger.machine)
    assert time.thread_time() - began < 64 * MAX_STEPS / 1e6


def test_effort_bounds_what_one_frame_may_cost() -> None:
    """Prevents bounds that multiply: instructions, times those of the functions called."""
    debugger = hostile_stack()
    effort = Effort(MAX_EFFORT)
    find_caller(
        CodeMemory(debugger.machine.memory, debugger.machine.model),
        Frame.of(debugger.machine.registers),
        effort,
    )
    assert effort.left > -3000 - 64
