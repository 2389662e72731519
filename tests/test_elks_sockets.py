"""ELKS' sockets on the host's loopback interface, and their past."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import pytest
from elks_guest import INT80_FOR_EVER
from elks_programs import program
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16 import elks
from blink16.console import Console
from blink16.debugger import Debugger, EventKind, Resume
from blink16.elks import netlink
from blink16.elks.aout import Executable, build
from blink16.elks.kernel import Kernel
from blink16.elks.netlink import Address, Link, NetMessage, Order
from blink16.hostfs.files import FileTree
from blink16.machine import Machine
from blink16.memory import MEMORY_SIZE, linear
from blink16.setup import hostnetwork, loader
from blink16.setup.hostnetwork import HostNetwork
from blink16.setup.loader import Loaded, Options, Program, ProgramKind

STREAMS = elks.ConsoleKind(input=False, output=False, error=False)
EXPECTED = [
    "socket 3", "not listening -22", "reuse 0", "bind 0", "name 0", "listen 0", "accept 4",
    "connect 0", "again -106", "echoed 15000", "end 0", "status 1792", "peer -22", "write -1",
    "errno 32", "nobody -22", "elsewhere -101",
]  # fmt: skip
"""What the program says, as the kernel's source has it; both processes talk at once."""


class Networked(NamedTuple):
    """A program with sockets, and what it has asked the host for."""

    made: Loaded
    debugger: Debugger
    shown: list[bytes]
    told: list[str]
    orders: list[bytes]

    def state(self) -> tuple[object, bytes]:
        """Return all that the machine is."""
        return self.made.machine.save(), self.made.machine.memory[0:MEMORY_SIZE]

    def sent(self) -> int:
        """Return how many orders to send it has given."""
        messages = [netlink.parse(order) for order in self.orders]
        return sum(m.kind == Order.SEND for m in messages if m is not None)


Start = Callable[[str], Networked]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return what starts the program on an engine, with a network of its own."""
    networks: list[HostNetwork] = []

    def start(engine: str) -> Networked:
        options = Options(root=None, engine=engine, console=STREAMS, network=True)
        image = program("sockets")
        made = loader.load(Program("/sockets", ProgramKind.ELKS, image), (), options)
        machine, debugger = made.machine, Debugger(made.machine)
        begun = Networked(made, debugger, [], [], [])
        machine.on_output = lambda channel, data: begun.shown.append(data)
        debugger.on_notice = begun.told.append
        news = partial(debugger.receive, elks.NETWORK)
        network = hostnetwork.connect(made, news, begun.told.append)
        assert network is not None
        networks.append(network)

        def order(data: bytes) -> None:
            begun.orders.append(data)
            network.order(data)

        machine.sinks[elks.NETWORK] = order
        return begun

    yield start
    for network in networks:
        network.close()


def test_without_a_network_there_is_a_line(tmp_path: Path) -> None:
    """Prevents silence, and an errno that is not ELKS' own."""
    options = Options(root=tmp_path, engine="native", console=STREAMS)
    made = loader.load(Program("/s", ProgramKind.ELKS, program("sockets")), (), options)
    shown: list[bytes] = []
    told: list[str] = []
    made.machine.on_output = lambda channel, data: shown.append(data)
    made.machine.on_notice = told.append
    made.machine.run(100_000)
    assert shown == [b"socket -100\n"]
    assert told == ["the program asks for a network: --net gives it one (ENETDOWN)"]


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_what_came_over_the_network_goes_backward(start: Start, engine: str) -> None:
    """Prevents answers and data that a replay asks for again, and bytes sent twice."""
    begun = start(engine)
    assert begun.debugger.drive(Resume()).kind is EventKind.EXITING
    assert sorted(b"".join(begun.shown).decode().splitlines()) == sorted(EXPECTED)
    assert begun.told == ["10.0.0.1 can't be reached: --net leads to 127.0.0.1 and no further"]
    end, asked, shown = begun.debugger.timeline.now, len(begun.orders), len(begun.shown)
    last = begun.state()
    kept: dict[int, object] = {}
    for instant in (end // 3, end // 2, end // 5, end // 2, end // 3):
        begun.debugger.seek(instant)
        assert kept.setdefault(instant, begun.state()) == begun.state()
    begun.debugger.seek(end)
    assert begun.state() == last
    assert (len(begun.orders), len(begun.shown)) == (asked, shown)


def test_the_other_engine_sees_the_same(start: Start) -> None:
    """Prevents news that change the sockets differently on the two engines."""
    begun = start("native")
    begun.debugger.drive(Resume())
    other = start("reference").made.machine
    for one in begun.debugger.timeline.inputs():
        while other.icount < one.icount:
            other.run(one.icount - other.icount)
        one.apply(other)
    while other.icount < begun.debugger.timeline.now:
        other.run(begun.debugger.timeline.now - other.icount)
    assert begun.state() == (other.save(), other.memory[0:MEMORY_SIZE])


def send(begun: Networked, more: int, most: int) -> None:
    """Run until so many more orders to send were given, at most so many instructions at a time.

    However late the host's news are.
    """
    timeline, enough = begun.debugger.timeline, begun.sent() + more
    while begun.sent() < enough:
        before = timeline.now
        timeline.run(most)
        if timeline.now == before:
            timeline.inbox.wait(60)


@pytest.mark.parametrize("most", [500, 1])
def test_a_changed_past_breaks_what_its_future_has_used(start: Start, most: int) -> None:
    """Prevents peers that have heard what was never said, and a program that doesn't learn it:
    also where the last instruction of that future has said it.
    """
    begun = start("native")
    timeline = begun.debugger.timeline
    send(begun, 3, 500)
    middle = timeline.now
    send(begun, 1, most)
    begun.debugger.seek(timeline.now - 1 if most == 1 else middle)
    begun.debugger.write_register("flags", begun.made.machine.registers.flags)
    broken = [line for line in begun.told if "are broken: 127.0.0.1:" in line]
    assert len(broken) == 1, begun.told
    begun.shown.clear()  # the dropped future may have got all its echo
    assert begun.debugger.drive(Resume()).kind is EventKind.EXITING
    assert "echoed 15000" not in b"".join(begun.shown).decode()


CALLS = st.tuples(
    st.sampled_from([2, 3, 4, 6, 41, 75, 76, 77, 78, 79, 80, 81, 198, 205]),
    st.lists(st.sampled_from([0, 1, 2, 3, 4, 8, 0x100, 0x200, 0xFFFF]), min_size=5, max_size=5),
)
NEWS = st.builds(
    lambda kind, value, data: NetMessage(kind, Link(0, 0), value, data=data),
    *(st.integers(0, 6), st.sampled_from([0, 5, 98, 4096, 1 << 31]), st.binary(max_size=40)),
)


@settings(max_examples=examples(60))
@given(st.lists(st.one_of(CALLS, NEWS, st.binary(max_size=40)), min_size=20, max_size=80))
def test_any_calls_and_any_news_are_survived(
    steps: list[tuple[int, list[int]] | NetMessage | bytes],
) -> None:
    """Prevents a traceback from what a program asks, or a recording says that a host has said."""
    machine = Machine("reference")
    files = FileTree(None, writable=False, effect=machine.effect)
    image = build(Executable(INT80_FOR_EVER, heap=0x400, stack=0x400))
    elks.load(machine, image, ["p"], {}, files, Console(), network=True)
    machine.sinks[elks.NETWORK] = lambda order: None
    machine.memory.write(linear(machine.registers.ds, 0x100), bytes((0, 0, 0, 80, 127, 0, 0, 1)))
    kernel = machine.find(Kernel)
    assert kernel is not None
    for step in [(75, [0, 1, 0, 0, 0]), *steps]:
        match step:
            case bytes():
                machine.receive(elks.NETWORK, step)
            case NetMessage():
                links = [socket.link for socket in kernel.state.sockets.values()]
                for link in links[:2]:
                    machine.receive(elks.NETWORK, netlink.build(step._replace(link=link)))
            case (number, values):
                machine.registers.ax = number
                for name, value in zip(("bx", "cx", "dx", "di", "si"), values, strict=True):
                    setattr(machine.registers, name, value)
        machine.run(6)
        machine.restore(machine.save())


def test_nobody_listens_but_at_the_loopback_interface() -> None:
    """Prevents a socket that was not bound from being bound to all interfaces by listen()."""
    heard: list[NetMessage | None] = []
    network = HostNetwork(lambda data: heard.append(netlink.parse(data)), lambda text: None)
    link = Link(1, 5)
    for order in (Order.LISTEN, Order.BIND):
        network.order(netlink.build(NetMessage(order, link, 4)))
    elsewhere = Address(bytes((10, 0, 0, 1)), 80)
    network.order(netlink.build(NetMessage(Order.CONNECT, Link(2, 5), address=elsewhere)))
    network.order(b"no message")
    network.close()
    answers = [message for message in heard if message is not None]
    assert answers[0].address.host == netlink.LOOPBACK
    assert answers[1].value  # an errno


def test_ports_may_lie_higher_on_the_host() -> None:
    """Prevents servers at ports that only root may have; the guest sees its own numbers."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    news: SimpleQueue[bytes] = SimpleQueue()
    network = HostNetwork(news.put, print, free - 80)
    bound, link = Address(netlink.LOOPBACK, 80), Link(1, 5)
    network.order(netlink.build(NetMessage(Order.REUSE, link, 1)))
    network.order(netlink.build(NetMessage(Order.BIND, link, address=bound)))
    network.order(netlink.build(NetMessage(Order.LISTEN, link, 1)))
    network.order(netlink.build(NetMessage(Order.CONNECT, Link(2, 5), address=bound)))
    heard = [netlink.parse(news.get(timeout=60)) for _ in range(3)]
    network.close()
    told = [message for message in heard if message is not None]
    assert {m.address for m in told if m.link == link} >= {bound}
    assert [m.value for m in told if m.link.number == 2] == [0]


def test_a_host_without_sockets_is_an_error_of_the_guests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents the network's thread from ending, and its guests from waiting for ever."""
    heard: list[NetMessage | None] = []
    network = HostNetwork(lambda data: heard.append(netlink.parse(data)), lambda text: None)

    def none_left(*kind: object) -> socket.socket:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr("blink16.setup.hostnetwork.socket.socket", none_left)
    for order in (Order.REUSE, Order.BIND, Order.LISTEN):
        network.order(netlink.build(NetMessage(order, Link(1, 5), 1)))
    network.close()
    told = [(message.kind, message.value) for message in heard if message is not None]
    assert told == [(netlink.News.LINKED, errno.EMFILE), (netlink.News.ENDED, errno.EMFILE)]
