"""Putting an ELKS system and its first program into a machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from construct import Int16ul, Struct

from blink16.console import Console
from blink16.elks import aout, devices, image, segments
from blink16.elks.errors import ElksError
from blink16.elks.execution import relocated, start
from blink16.elks.image import Placed, TooLargeError, encoded
from blink16.elks.kernel import STDERR, Kernel
from blink16.elks.network import NetworkInput
from blink16.elks.register_input import RegisterInput
from blink16.elks.scheduler import SLICE_MS, Scheduler
from blink16.elks.segments import paragraphs
from blink16.elks.state import (
    FIRST,
    INIT,
    MAX_DESCRIPTORS,
    BlockKind,
    ConsoleKind,
    DataLayout,
    KernelState,
    OpenFile,
    Task,
    TerminalState,
)
from blink16.elks.system import ElksSystem
from blink16.elks.table import ElksProcessTable
from blink16.elks.terminal import INITIAL_MODES
from blink16.faults import hang_faults
from blink16.hostfs.files import FileTree
from blink16.memory import linear
from blink16.services import Chassis
from blink16.symbols import SymbolTable

SYSTEM_CALL = 0x80
READ_WRITE = 2
WINDOW = Struct("rows" / Int16ul, "columns" / Int16ul)


def load(
    chassis: Chassis,
    content: bytes,
    argv: Sequence[str],
    environment: Mapping[str, str],
    files: FileTree,
    console: Console,
    kind: ConsoleKind = ConsoleKind(),  # noqa: B008 - frozen
    *,
    network: bool = False,
) -> SymbolTable:
    """Make a machine ready to run an executable from its entry point.

    ``network``: whether there are sockets, as `network` tells the host.
    ``files`` and ``console`` become components of the machine.  ElksError if the executable
    lies about itself or doesn't fit with its arguments.
    """
    executable = aout.parse(content)
    if executable.damage:
        chassis.notice(f"{argv[0]} has no symbols: {executable.damage}")
    variables = [encoded(f"{name}={value}") for name, value in environment.items()]
    try:
        block = image.argument_block([encoded(word) for word in argv], variables)
        layout = image.layout(executable, len(block))
    except TooLargeError as error:
        raise ElksError(error.text) from None
    placed, state = _first_state(executable, layout, argv[0], kind)
    memory = chassis.memory
    image.put_text(memory, placed)
    image.put_data(memory, placed)
    memory.write(linear(placed.data, layout.stack_top), relocated(block, layout.stack_top))
    start(chassis, placed)

    kernel = Kernel(chassis, console, files, state, kind)
    kernel.state.slice_end = kernel.later(SLICE_MS)
    kernel.has_network = network
    scheduler = Scheduler(chassis, kernel)
    system = ElksSystem(kernel, scheduler)
    console.on_received = kernel.typed
    hang_faults(chassis, unhandled=True, answer=system.fault)
    chassis.add_component(Console.CHANNEL, console)
    chassis.add_component(FileTree.COMPONENT, files)
    chassis.add_component(Kernel.COMPONENT, kernel)
    chassis.add_component(WindowSize.CHANNEL, WindowSize(kernel))
    chassis.add_component(RegisterInput.CHANNEL, RegisterInput(kernel))
    chassis.add_component(NetworkInput.CHANNEL, NetworkInput(kernel))
    chassis.add_device(Scheduler.COMPONENT, scheduler, tells=True)
    call = chassis.add_stub(f"int{SYSTEM_CALL:02x}", system.call)
    chassis.set_vector(SYSTEM_CALL, *call)
    kernel.exec_stub = chassis.add_stub("elks-exec")
    scheduler.set_stubs(call, chassis.add_stub("elks-signal", system.signal))
    chassis.tell_processes(ElksProcessTable(kernel))
    devices.make_nodes(files)
    return image.symbol_table(placed)


def _first_state(
    executable: aout.Executable, layout: DataLayout, name: str, kind: ConsoleKind
) -> tuple[Placed, KernelState]:
    """Return the first program's place in memory, and the kernel's state around it."""
    blocks: segments.Blocks = ()
    data_size = paragraphs(layout.end)
    if executable.separate:
        size = image.text_paragraphs(executable)
        blocks, code = segments.allocate(blocks, size, BlockKind.TEXT, 0)
        blocks, data = segments.allocate(blocks, data_size, BlockKind.DATA, 0)
    else:
        blocks, data = segments.allocate(blocks, data_size, BlockKind.DATA, 0)
        code = data
    opened, descriptors = _streams(kind)
    task = Task(
        FIRST,
        INIT,
        FIRST,
        FIRST,
        name.rpartition("/")[2],
        code=code,
        data=data,
        layout=layout,
        break_=(layout.data_end + 1) & ~1,
        old_abi=executable.version == 0,
        descriptors=descriptors + (0,) * (MAX_DESCRIPTORS - len(descriptors)),
    )
    terminal = TerminalState(INITIAL_MODES, rows=kind.rows, columns=kind.columns)
    state = KernelState({FIRST: task}, terminal, opened, blocks=blocks, next_file=len(opened) + 1)
    return Placed(executable, code, data, layout), state


def _streams(kind: ConsoleKind) -> tuple[dict[int, OpenFile], tuple[int, ...]]:
    """Return the open files of the standard streams, and what their descriptors stand for."""

    def stream(channel: str, *, is_terminal: bool) -> OpenFile:
        device = devices.TERMINAL if is_terminal else 0
        return OpenFile(0, READ_WRITE, device=device, channel=channel)

    first = stream(Console.CHANNEL, is_terminal=kind.input)
    # what is said to one terminal comes out of one place
    together = kind.edits and kind.output and kind.error
    error = stream(Console.CHANNEL if together else STDERR, is_terminal=kind.error)
    if kind.input == kind.output:
        return {1: replace(first, references=2), 2: error}, (1, 1, 2)
    second = stream(Console.CHANNEL, is_terminal=kind.output)
    return {1: first, 2: second, 3: error}, (1, 2, 3)


class WindowSize:
    """The channel on which the terminal tells its new size (`services.Receiver`)."""

    CHANNEL = "window"

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def receive(self, data: bytes) -> None:
        """Take two words: rows and columns."""
        if len(data) == WINDOW.sizeof():
            size = WINDOW.parse(data)
            self._kernel.resized(size.rows, size.columns)

    def save(self) -> tuple[()]:
        """Return nothing: the kernel has it."""
        return ()

    def restore(self, state: object) -> None:
        """Take nothing."""
