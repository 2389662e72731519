"""Framing of the GDB remote protocol."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16.packets import (
    PACKET_SIZE,
    BadPacket,
    Control,
    Decoder,
    Item,
    Packet,
    escape,
    frame,
)


def decode(data: bytes) -> list[Item]:
    """Decode in one piece."""
    return Decoder().feed(data)


def decode_bytewise(data: bytes) -> list[Item]:
    """Decode byte by byte."""
    decoder = Decoder()
    return [item for byte in data for item in decoder.feed(bytes((byte,)))]


def test_signals_and_packets_come_in_order() -> None:
    """An acknowledgement before or behind a packet must not swallow it."""
    assert decode(b"+$g#67-\x03") == [Control.ACK, Packet(b"g"), Control.NAK, Control.BREAK]


def test_garbage_between_packets_is_skipped() -> None:
    """Noise on the line, or a modem's greeting, must not upset the next packet."""
    assert decode(b"GET / HTTP/1.1\r\n\x00\xff$?#3fxyz") == [Packet(b"?")]


def test_bad_checksum_is_told() -> None:
    """A damaged packet must never be carried out."""
    assert decode(b"$g#68$g#zz$g#67") == [Control.DAMAGED, Control.DAMAGED, Packet(b"g")]


def test_checksum_in_capitals_is_taken() -> None:
    """Some clients write hex digits in capitals."""
    assert decode(b"$?#3F") == [Packet(b"?")]


def test_packet_that_starts_anew_drops_the_torn_one() -> None:
    """A client that was cut off in mid-packet and starts again must be understood."""
    assert decode(b"$m0,1$g#67") == [Packet(b"g")]


def test_break_inside_a_packet_is_data() -> None:
    """Binary content with a 03h byte must not interrupt the machine."""
    body = b"X0,1:\x03"
    assert decode(frame(body)) == [Packet(body)]


def test_escape_at_the_end_is_refused() -> None:
    """Half an escape means nothing; it must not run over the end of the packet."""
    assert decode(frame(b"X0,1:}")) == [BadPacket("escape at the end of a packet")]


@pytest.mark.parametrize("size", [PACKET_SIZE, PACKET_SIZE + 1])
def test_limit_is_exact(size: int) -> None:
    """A packet of the promised size must pass, one byte more must not."""
    (item,) = decode(frame(b"g" * size))
    assert isinstance(item, Packet) == (size == PACKET_SIZE)


def test_oversized_packet_is_refused_in_bounded_memory() -> None:
    """A packet that never ends must not fill the memory, nor lose the one behind it."""
    decoder = Decoder()
    for _ in range(200):
        assert decoder.feed(b"$"[: not _] + b"x" * 4096) == []
        assert len(decoder._pending) <= PACKET_SIZE + 4096
    assert decoder.feed(b"#00$g#67") == [
        BadPacket(f"packet larger than {PACKET_SIZE} bytes"),
        Packet(b"g"),
    ]


@given(st.binary(max_size=300))
def test_escapes_round_trip(data: bytes) -> None:
    """Binary data must arrive as it was sent, whatever bytes are in it."""
    assert decode(frame(escape(data))) == [Packet(data)]


_PIECES = st.one_of(
    st.binary(max_size=20),
    st.binary(max_size=20).map(lambda data: frame(escape(data))),
    st.sampled_from([b"+", b"-", b"\x03", b"$", b"#", b"}", b"$m0,", b"#00"]),
)


@given(st.lists(_PIECES, max_size=12).map(b"".join))
def test_pieces_do_not_matter(data: bytes) -> None:
    """Bytes whole and byte by byte mean the same: TCP cuts where it likes."""
    assert decode(data) == decode_bytewise(data)
