"""`Target`: the same machine as `AsyncTarget`'s, for scripts: every call blocks until it is done.

Its methods are those of `AsyncTarget`, without ``await``; registers and memory have a shorter
spelling.  A second thread may `interrupt` the machine that a first one lets run.
"""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable, Iterator
from functools import partial, wraps
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar, overload

from blink16.client import target
from blink16.client.addresses import ServerAddress
from blink16.client.conditions import HALVES
from blink16.client.link import DEFAULT_TIMEOUT
from blink16.client.pointing import SetPoint
from blink16.client.portal import Portal
from blink16.client.target import AsyncTarget
from blink16.memory import MEMORY_SIZE, RAM_SIZE, linear
from blink16.reports.state import REGISTER_NAMES, RegisterValues, StateReport
from blink16.symbols import Symbol

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(
    method: Callable[Concatenate[AsyncTarget, P], Awaitable[T]],
) -> Callable[Concatenate[Target, P], T]:
    """Return a method of `Target` that waits for a coroutine of `AsyncTarget`."""

    @wraps(method)
    def wait(self: Target, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._call(partial(method, self._inside, *args, **kwargs))

    return wait


class TargetRegisters:
    """The registers of a machine by name: ``m.registers.ax``, ``m.registers.ah = 0x3d``."""

    def __init__(self, target: Target) -> None:
        object.__setattr__(self, "_target", target)

    def values(self) -> RegisterValues:
        """Return all of them, at once."""
        return self._of().read_registers()

    def _of(self) -> Target:
        found: Target = object.__getattribute__(self, "_target")
        return found

    def __getitem__(self, name: str) -> int:
        return self._of().read_register(name)

    def __setitem__(self, name: str, value: int) -> None:
        self._of().write_register(name, value)

    def __getattr__(self, name: str) -> int:
        if name not in _NAMES:
            raise AttributeError(f"an 8086 has no register {name!r}")
        return self._of().read_register(name)

    def __setattr__(self, name: str, value: int) -> None:
        if name not in _NAMES:
            raise AttributeError(f"an 8086 has no register {name!r}")
        self._of().write_register(name, value)

    def __dir__(self) -> Iterator[str]:
        yield from (*_NAMES, "values")

    def __repr__(self) -> str:
        return repr(self.values())


_NAMES = (*REGISTER_NAMES, *HALVES)


class TargetMemory:
    """The megabyte of a machine: ``m.memory[0x10000]``, ``m.memory[0x10000:0x10010]``, linear.

    A slice takes addresses in any form: ``m.memory["main":"main+16"]``.
    """

    def __init__(self, target: Target) -> None:
        self._target = target

    @overload
    def __getitem__(self, where: int | str | tuple[int, int]) -> int: ...
    @overload
    def __getitem__(self, where: slice) -> bytes: ...
    def __getitem__(self, where: int | str | tuple[int, int] | slice) -> int | bytes:
        if isinstance(where, slice):
            return self._target.read_memory(*self._span(where))
        return self._target.read_memory(where, 1)[0]

    def __setitem__(self, where: int | str | tuple[int, int] | slice, value: int | bytes) -> None:
        if not isinstance(where, slice):
            data = _byte(value) if isinstance(value, int) else bytes(value)
            self._target.write_memory(where, data)
            return
        start, length = self._span(where)
        if isinstance(value, int) or len(value) != length:
            raise ValueError("memory has a fixed size: assign as many bytes as the slice has")
        self._target.write_memory(start, bytes(value))

    def word(self, where: int | str | tuple[int, int]) -> int:
        """Return the 16-bit word at an address."""
        return int.from_bytes(self._target.read_memory(where, 2), "little")

    def _span(self, where: slice) -> tuple[int, int]:
        if where.start is None or where.stop is None or where.step not in (None, 1):
            raise ValueError("a slice of memory has a start and an end, and no step")
        start = self._target.address_of(where.start)
        is_end = where.stop in (MEMORY_SIZE, RAM_SIZE)
        stop = where.stop if is_end else self._target.address_of(where.stop)
        if stop < start:
            raise ValueError(
                f"a slice of memory can't end ({stop:#x}) before it begins ({start:#x})"
            )
        return start, stop - start


def _byte(value: int) -> bytes:
    if not -0x80 <= value <= 0xFF:
        raise ValueError(
            f"a byte is 0 to 255, or -128 to -1, not {value}: assign bytes, like "
            "(1000).to_bytes(2, 'little')"
        )
    return bytes((value & 0xFF,))


class TargetSymbols:
    """The names of a program's addresses: ``m.symbols["main"]`` is a linear address."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def __getitem__(self, name: str) -> int:
        found = self._target.read_symbol_table().lookup(name)
        if found is None:
            raise KeyError(name)
        return found.address

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._target.read_symbol_table().lookup(name) is not None

    def __iter__(self) -> Iterator[Symbol]:
        return iter(self._target.read_symbol_table())

    def __len__(self) -> int:
        return len(self._target.read_symbol_table())

    def at(self, address: int) -> str:
        """Return what a linear address is called, like ``main+3``, or nothing."""
        return self._target.name_of(address)


class Target:
    """A machine that a server hosts, for scripts.  `launch` and `connect` make one.

    Use it as a context manager, or `close` it.  See `AsyncTarget` for what its methods do and
    raise: they are the same, and block.
    """

    def __init__(self, portal: Portal[AsyncTarget]) -> None:
        self._portal = portal
        self._inside = portal.inside
        self.memory = TargetMemory(self)
        """The megabyte, by linear addresses."""
        self.symbols = TargetSymbols(self)
        """The names of the program's addresses."""
        self._registers = TargetRegisters(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the machine go, and end the connection; a server of our own ends with it."""
        self._portal.close()

    def within(self, act: Callable[[AsyncTarget], Awaitable[T]]) -> T:
        """Have a coroutine of one's own use the `AsyncTarget` inside; return what it returns."""
        return self._call(lambda: act(self._inside))

    def _call(self, function: Callable[[], Awaitable[T]]) -> T:
        return self._portal.call(function)

    # -- what is known without asking ---------------------------------------------------------

    @property
    def address(self) -> ServerAddress:
        """Where the server is."""
        return self._inside.address

    @property
    def features(self) -> dict[str, str]:
        """What the server says that it can do, by qSupported."""
        return self._inside.features

    @property
    def is_ours(self) -> bool:
        """Whether the server is a blink16-server."""
        return self._inside.is_ours

    @property
    def notes(self) -> list[str]:
        """What the server had to say for its user."""
        return self._inside.notes

    def read_notes(self) -> list[str]:
        """Return what the server had to say since this was last asked; of very much, the last."""

        async def read() -> list[str]:
            return self._inside.read_notes()

        return self._call(read)

    @property
    def points(self) -> tuple[SetPoint, ...]:
        """The breakpoints, watchpoints and catches that are set."""
        return self._inside.points

    @property
    def is_running(self) -> bool:
        """Whether another thread of ours lets the machine run."""
        return self._inside.is_running

    @staticmethod
    def at(segment: int, offset: int) -> int:
        """Return the linear address of a segment and an offset."""
        return linear(segment, offset)

    def read_output(self) -> bytes:
        """Return what the program has printed since this was last asked, if we are told it."""

        async def read() -> bytes:
            return self._inside.read_output()

        return self._call(read)

    # -- looking -----------------------------------------------------------------------------

    @property
    def registers(self) -> TargetRegisters:
        """The registers, by name."""
        return self._registers

    @registers.setter
    def registers(self, values: RegisterValues) -> None:
        for name in REGISTER_NAMES:
            self.write_register(name, getattr(values, name))

    @property
    def icount(self) -> int:
        """How many instructions have retired since the machine started."""
        return self._call(self._inside.icount)

    def report(self, shape: builtins.type[T], query: object = None) -> T:
        """Ask for a report by its shape, like ``StateReport`` (see `blink16.reports`)."""
        return self._call(partial(self._inside.report, shape, query))

    memory_end = _blocking(AsyncTarget.memory_end)
    read_registers = _blocking(AsyncTarget.read_registers)
    read_register = _blocking(AsyncTarget.read_register)
    write_register = _blocking(AsyncTarget.write_register)
    read_memory = _blocking(AsyncTarget.read_memory)
    read_memories = _blocking(AsyncTarget.read_memories)
    write_memory = _blocking(AsyncTarget.write_memory)
    find = _blocking(AsyncTarget.find)
    address_of = _blocking(AsyncTarget.address_of)
    name_of = _blocking(AsyncTarget.name_of)
    read_symbol_table = _blocking(AsyncTarget.symbols)
    read_symbols = _blocking(AsyncTarget.read_symbols)
    load_symbols = _blocking(AsyncTarget.load_symbols)
    disassemble = _blocking(AsyncTarget.disassemble)
    disassemble_at = _blocking(AsyncTarget.disassemble_at)
    decoder = _blocking(AsyncTarget.decoder)
    reports = _blocking(AsyncTarget.reports)
    state = _blocking(AsyncTarget.state)
    frames = _blocking(AsyncTarget.frames)
    screen = _blocking(AsyncTarget.screen)

    # -- breakpoints -------------------------------------------------------------------------

    break_at = _blocking(AsyncTarget.break_at)
    watch = _blocking(AsyncTarget.watch)
    catch = _blocking(AsyncTarget.catch)
    remove = _blocking(AsyncTarget.remove)
    remove_all = _blocking(AsyncTarget.remove_all)

    # -- moving ------------------------------------------------------------------------------

    run = _blocking(AsyncTarget.run)
    run_back = _blocking(AsyncTarget.run_back)
    run_to = _blocking(AsyncTarget.run_to)
    run_back_to = _blocking(AsyncTarget.run_back_to)
    step = _blocking(AsyncTarget.step)
    step_back = _blocking(AsyncTarget.step_back)
    step_through = _blocking(AsyncTarget.step_through)
    step_back_through = _blocking(AsyncTarget.step_back_through)
    next = _blocking(AsyncTarget.next)
    next_back = _blocking(AsyncTarget.next_back)
    finish = _blocking(AsyncTarget.finish)
    finish_back = _blocking(AsyncTarget.finish_back)
    interrupt = _blocking(AsyncTarget.interrupt)

    # -- time --------------------------------------------------------------------------------

    seek = _blocking(AsyncTarget.seek)
    history = _blocking(AsyncTarget.history)
    bookmark = _blocking(AsyncTarget.bookmark)
    bookmarks = _blocking(AsyncTarget.bookmarks)
    last_write = _blocking(AsyncTarget.last_write)
    last_read = _blocking(AsyncTarget.last_read)
    last_exec = _blocking(AsyncTarget.last_exec)
    hits = _blocking(AsyncTarget.hits)
    trace = _blocking(AsyncTarget.trace)
    profile = _blocking(AsyncTarget.profile)
    activity = _blocking(AsyncTarget.activity)

    # -- watching ----------------------------------------------------------------------------

    @property
    def only_watches(self) -> bool:
        """Whether we may look at the machine, and not move or change it."""
        return self._inside.only_watches

    @property
    def watching_address(self) -> ServerAddress:
        """Where others come to watch this machine (`connect` with ``watch``)."""
        return self._inside.watching_address

    def watch_too(self) -> Target:
        """Return a second target that watches this machine, also while this one lets it run."""
        return connect(self.watching_address, watch=True)

    wait_change = _blocking(AsyncTarget.wait_change)
    wait_news = _blocking(AsyncTarget.wait_news)
    ask_control = _blocking(AsyncTarget.ask_control)
    yield_control = _blocking(AsyncTarget.yield_control)

    def changes(self) -> Iterator[StateReport]:
        """Return the machine's states, one after another, as `wait_change` does."""
        while True:
            yield self.wait_change()

    # -- in front of the machine -------------------------------------------------------------

    type = _blocking(AsyncTarget.type)
    key = _blocking(AsyncTarget.key)
    wait_screen = _blocking(AsyncTarget.wait_screen)
    wait_output = _blocking(AsyncTarget.wait_output)
    monitor = _blocking(AsyncTarget.monitor)
    restart = _blocking(AsyncTarget.restart)
    kill = _blocking(AsyncTarget.kill)
    processes = _blocking(AsyncTarget.processes)


def connect(
    address: str | ServerAddress, *, watch: bool = False, timeout: float = DEFAULT_TIMEOUT
) -> Target:
    """Connect to a server at ``HOST:PORT`` or ``unix:PATH``.

    ``watch``: hold no machine, but watch the one that another client holds, or the first.
    ``timeout``: seconds in which the server has to answer a question that needs no running.
    ClientError if there is no server that a client can talk to.
    """
    return Target(Portal(target.connect(address, watch=watch, timeout=timeout)))


def launch(
    program: str | Path | None,
    *arguments: str,
    timeout: float = DEFAULT_TIMEOUT,
    **options: object,
) -> Target:
    """Start a server of our own with a program in it, and connect to it.

    ``options``: those of blink16-server by their names, like ``symbols="prog.map"`` or
    ``root=folder``; without a program, the arguments are a server's own: its options, and what
    stands behind them.  See `blink16.client.target.launch`.
    """
    return Target(Portal(target.launch(program, *arguments, timeout=timeout, **options)))
