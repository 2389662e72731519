"""Conversations with who sends anything at all."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from property_examples import examples
from stub_client import GDB_FEATURES, Client

from blink16.gdbstub.orders import Close, Fate, Work
from blink16.gdbstub.session import MAX_WAITING
from blink16.packets import frame

_BODIES = st.one_of(
    st.sampled_from(
        [b"?", b"g", b"s", b"c", b"bs", b"bc", b"qC", b"vCont?", b"vCont;s:1", b"vCtrlC",
         b"p8", b"P8=00000200", b"P4=00000200", b"p22", b"P22=0100000000000000", b"Pff=00",
         b"G00", b"m10000,10", b"xfffff,ffff", b"M10000,2:9090", b"X10000,1:\x40",
         b"Z0,10001,1", b"z0,10001,1", b"Z2,10500,2", b"Z1,fffff,1", b"Z4,fffff,ffff",
         b"QStartNoAckMode", GDB_FEATURES, b"qSupported:error-message+", b"qRcmd,72656773",
         b"qRcmd,68656c70", b"qXfer:features:read:target.xml:0,40",
         b"qXfer:memory-map:read::0,ffff", b"qXfer:threads:read::5,5",
         b"qXfer:features:read:nothing:0,1", b"Hg0", b"Hg7", b"T1", b"D", b"k"]
    ),
    st.binary(max_size=30),
)  # fmt: skip
_INPUT = st.lists(
    st.one_of(
        _BODIES.map(frame),
        _BODIES.map(frame),
        st.binary(max_size=12),
        st.sampled_from([b"+", b"-", b"\x03", b"$", b"#00"]),
    ),
    max_size=20,
).map(b"".join)


@settings(max_examples=examples(60))
@given(_INPUT)
@example(b"$Qblink16.watch#0d$?#3f")
def test_any_bytes_get_replies_whole_or_byte_by_byte(data: bytes) -> None:
    """No input raises, and how TCP cuts it does not matter."""
    whole, bytewise = Client(hold=True), Client(hold=True)
    whole.feed(data)
    for byte in data:
        bytewise.feed(bytes((byte,)))
    whole.release_all()
    bytewise.release_all()
    # where a wish to watch is in between, the next packet's acknowledgement may come behind
    assert whole.sent.replace(b"+", b"") == bytewise.sent.replace(b"+", b"")
    assert whole.sent.count(b"+") == bytewise.sent.count(b"+")
    assert whole.orders == bytewise.orders or any(isinstance(order, Work) for order in whole.orders)
    assert whole.debugger.machine.save() == bytewise.debugger.machine.save()


@settings(max_examples=examples(60))
@example([b"Qblink16.watch", b"?", b"g", b"Qblink16.watch"])
@given(st.lists(_BODIES, max_size=12))
def test_every_packet_gets_one_reply(bodies: list[bytes]) -> None:
    """A client that counts replies must never be left waiting, nor get one too many."""
    client = Client()
    client.ask(b"QStartNoAckMode")
    for body in bodies:
        replies = [r for r in client.ask(body) if r == b"OK" or r[:1] != b"O"]
        if client.closed():
            break
        escaped = set(body) & set(b"$#}")
        assert len(replies) == 1 or escaped, body


def test_flood_while_the_machine_runs_ends_the_session() -> None:
    """Packets that wait are counted, or a client could fill the memory."""
    held = Client(hold=True)
    held.ask(b"c")
    held.ask(*[b"qC"] * MAX_WAITING)
    assert held.closed() is None
    held.ask(b"qC")
    assert [a.fate for a in held.orders if isinstance(a, Close)] == [Fate.LEAVE]
    assert held.ask(b"qC") == []
