"""How a conversation begins and ends: initialize, launch, attach, restart, disconnect."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import trio

from blink16 import socketfile
from blink16.client import AsyncTarget, ConnectionLostError, connect_async, launch_async
from blink16.client.launching import terminal_command_line
from blink16.client.link import DEFAULT_TIMEOUT
from blink16.dap.registry import NoArguments, request
from blink16.dap.requests.points import FILTERS
from blink16.dap.session import Session
from blink16.dap.states import RequestError, State
from blink16.hostfiles import is_folder, is_there

CAPABILITIES: dict[str, Any] = dict.fromkeys(
    (
        "supportsConfigurationDoneRequest",
        "supportsFunctionBreakpoints",
        "supportsConditionalBreakpoints",
        "supportsHitConditionalBreakpoints",
        "supportsLogPoints",
        "supportsEvaluateForHovers",
        "supportsStepBack",
        "supportsSetVariable",
        "supportsSetExpression",
        "supportsRestartFrame",
        "supportsGotoTargetsRequest",
        "supportsStepInTargetsRequest",
        "supportsCompletionsRequest",
        "supportsModulesRequest",
        "supportsRestartRequest",
        "supportsExceptionOptions",
        "supportsExceptionFilterOptions",
        "supportsExceptionInfoRequest",
        "supportsValueFormattingOptions",
        "supportTerminateDebuggee",
        "supportsDelayedStackTraceLoading",
        "supportsLoadedSourcesRequest",
        "supportsTerminateRequest",
        "supportsDataBreakpoints",
        "supportsDataBreakpointBytes",
        "supportsReadMemoryRequest",
        "supportsWriteMemoryRequest",
        "supportsDisassembleRequest",
        "supportsCancelRequest",
        "supportsBreakpointLocationsRequest",
        "supportsClipboardContext",
        "supportsSteppingGranularity",
        "supportsInstructionBreakpoints",
    ),
    True,
)
CAPABILITIES["supportsExceptionOptions"] = False
CAPABILITIES["completionTriggerCharacters"] = [".", ">", " "]
MAX_PORT = 65535
TERMINAL_TIMEOUT = 60.0
"""Seconds in which a server in the client's terminal has to be there."""


class Initialize(msgspec.Struct, frozen=True):
    """What a client tells of itself."""

    adapterID: str = ""  # noqa: N815 - DAP's names
    linesStartAt1: bool = True  # noqa: N815
    columnsStartAt1: bool = True  # noqa: N815
    supportsRunInTerminalRequest: bool = False  # noqa: N815
    supportsProgressReporting: bool = False  # noqa: N815
    supportsInvalidatedEvent: bool = False  # noqa: N815
    supportsMemoryEvent: bool = False  # noqa: N815


@request("initialize", State.NEW)
async def initialize(session: Session, arguments: Initialize) -> dict[str, Any]:
    """Tell what we can do, and learn what the client can."""
    client = session.client
    client.lines_start_at = int(arguments.linesStartAt1)
    client.columns_start_at = int(arguments.columnsStartAt1)
    client.runs_in_terminal = arguments.supportsRunInTerminalRequest
    client.shows_progress = arguments.supportsProgressReporting
    client.takes_invalidated = arguments.supportsInvalidatedEvent
    client.takes_memory = arguments.supportsMemoryEvent
    session.state = State.READY
    session.begin(session.tell_initialized_soon)
    return {**CAPABILITIES, "exceptionBreakpointFilters": FILTERS}


Option = str | int | float | bool | list[str] | None


class Launch(msgspec.Struct, frozen=True):
    """What to run, and how; the rest are options of blink16-server by their names."""

    program: str
    args: list[str] | str = msgspec.field(default_factory=list)
    cwd: str | None = None
    stopOnEntry: bool = False  # noqa: N815
    stopOnExit: bool = False  # noqa: N815
    noDebug: bool = False  # noqa: N815
    console: str = "internalConsole"
    symbols: list[str] | str = msgspec.field(default_factory=list)
    sourceFolders: list[str] = msgspec.field(default_factory=list)  # noqa: N815
    options: dict[str, Option] = msgspec.field(default_factory=dict)
    """Options of blink16-server: ``{"cpu": "80186", "drive": ["D:=tools"], "writable": true}``."""


_CONSOLES = ("internalConsole", "integratedTerminal", "externalTerminal")


@request("launch", State.READY)
async def launch(session: Session, arguments: Launch) -> dict[str, Any]:
    """Start a server of our own with a program in it."""
    if arguments.console not in _CONSOLES:
        raise RequestError(f"console is one of {', '.join(_CONSOLES)}, not {arguments.console!r}")
    folder = Path(arguments.cwd or ".").expanduser()
    if not is_folder(folder):
        raise RequestError(f"{folder}: there is no such folder")
    program = _program(arguments.program, folder)
    words = arguments.args if isinstance(arguments.args, list) else shlex.split(arguments.args)
    options = _options(arguments, folder)
    session.debuggee.title = Path(arguments.program).name
    if arguments.console == "internalConsole":
        opening = launch_async(program, *words, timeout=DEFAULT_TIMEOUT, **options)
    else:
        opening = _in_terminal(session, arguments.console, program, words, options, folder)
    await _enter(session, opening, program, arguments.sourceFolders, folder)
    session.motion.stops_on_exit = arguments.stopOnExit
    session.stops_on_entry = arguments.stopOnEntry and not arguments.noDebug
    return {}


def _program(name: str, folder: Path) -> str:
    """Return a program's path if it is a file in a folder; else its name: the server knows some."""
    there = folder / Path(name).expanduser()
    return str(there.absolute()) if is_there(there) else name


def _options(arguments: Launch, folder: Path) -> dict[str, object]:
    options: dict[str, object] = {name.lstrip("-"): v for name, v in arguments.options.items()}
    for name in ("stdio", "port", "listen", "console", "help", "version"):
        if name in options:
            raise RequestError(f"the option {name} of blink16-server is not for launch")
    symbols = arguments.symbols
    named = [symbols] if isinstance(symbols, str) else symbols
    if named:
        options["symbols"] = [_symbol_file(name, folder) for name in named]
    options.setdefault("root", str(folder.absolute()))
    return options


def _symbol_file(name: str, folder: Path) -> str:
    path, comma, rest = name.partition(",")
    there = folder / Path(path).expanduser()
    return f"{there.absolute() if is_there(there) else path}{comma}{rest}"


@asynccontextmanager
async def _in_terminal(
    session: Session,
    console: str,
    program: str,
    words: list[str],
    options: dict[str, object],
    folder: Path,
) -> AsyncIterator[AsyncTarget]:
    """Have the client start the server in a terminal, which is the program's; connect to it."""
    if not session.client.runs_in_terminal:
        raise RequestError("this client can't run a program in a terminal of its own")
    with socketfile.place() as path:
        if path is None:
            raise RequestError("on this system there are no socket files")
        command = terminal_command_line(program, words, options, path)
        answer = await session.ask_client(
            "runInTerminal",
            {
                "kind": "integrated" if console == "integratedTerminal" else "external",
                "title": Path(program).name,
                "cwd": str(folder.absolute()),
                "args": list(command),
            },
        )
        if not answer.success:
            raise RequestError(answer.message or "the client could not open a terminal")
        await _wait_for(path)
        async with connect_async(f"unix:{path}") as target:
            try:
                yield target
            finally:
                with trio.CancelScope(shield=True), trio.move_on_after(5):
                    await target.kill()


async def _wait_for(path: str) -> None:
    with trio.move_on_after(TERMINAL_TIMEOUT) as scope:
        while not is_there(Path(path)):
            await trio.sleep(0.05)
    if scope.cancelled_caught:
        raise ConnectionLostError("no server came to be in the client's terminal")


class Attach(msgspec.Struct, frozen=True):
    """Which server."""

    address: str = ""
    """``HOST:PORT`` or ``unix:PATH``; or by host and port."""
    host: str = "127.0.0.1"
    port: int = 1234
    stopOnEntry: bool = True  # noqa: N815
    stopOnExit: bool = False  # noqa: N815
    sourceFolders: list[str] = msgspec.field(default_factory=list)  # noqa: N815
    cwd: str | None = None


@request("attach", State.READY)
async def attach(session: Session, arguments: Attach) -> dict[str, Any]:
    """Take a machine of a server that runs already."""
    if not 0 < arguments.port <= MAX_PORT:
        raise RequestError(f"{arguments.port} is no TCP port")
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    address = arguments.address or f"{host}:{arguments.port}"
    folder = Path(arguments.cwd or ".")
    session.debuggee.title = address
    await _enter(session, connect_async(address), "", arguments.sourceFolders, folder)
    session.debuggee.title = session.debuggee.at.command or address
    session.attached = True
    session.motion.stops_on_exit = arguments.stopOnExit
    session.stops_on_entry = arguments.stopOnEntry
    return {}


async def _enter(
    session: Session, opening: Any, program: str, folders: list[str], folder: Path
) -> None:
    debuggee = session.debuggee
    debuggee.folders = [folder / Path(name).expanduser() for name in folders]
    if program:
        debuggee.folders.append(Path(program).parent)
    debuggee.folders.append(folder.absolute())
    await debuggee.enter(opening)
    session.state = State.STANDS
    await debuggee.catch_loads()
    await session.points.bind_all()
    session.tell_initialized()
    session.later.append(session.maybe_begin)
    session.event(
        "process",
        {
            "name": debuggee.title,
            "isLocalProcess": True,
            "startMethod": "attach" if not program else "launch",
            "pointerSize": 16,
        },
    )


@request("configurationDone", State.READY | State.MACHINE | State.OVER)
async def configuration_done(session: Session, arguments: NoArguments) -> None:
    """All points are set: let the machine run, if it is there."""
    session.configured = True
    session.later.append(session.maybe_begin)


@request("restart", State.MACHINE | State.OVER, interrupts=True)
async def restart(session: Session, arguments: NoArguments) -> None:
    """Load the program afresh, with an empty past, and run it."""
    debuggee = session.debuggee
    await debuggee.target.restart()
    await debuggee.refresh()
    await debuggee.learn(anew=True)
    await debuggee.catch_loads()
    await session.points.bind_all(anew=True)
    session.state = State.STANDS
    session.has_begun = False
    session.later.append(session.maybe_begin)


class Disconnect(msgspec.Struct, frozen=True):
    """How to leave."""

    restart: bool = False
    terminateDebuggee: bool | None = None  # noqa: N815
    suspendDebuggee: bool | None = None  # noqa: N815


@request("disconnect", State.ANY)
async def disconnect(session: Session, arguments: Disconnect) -> None:
    """Leave; a server of our own ends, another one's machine stays where it is."""
    await _stop(session)
    if arguments.terminateDebuggee and session.attached and session.debuggee.is_there:
        await session.debuggee.target.kill()
    await session.debuggee.leave()

    async def close() -> None:
        session.close()

    session.later.append(close)


@request("terminate", State.ANY)
async def terminate(session: Session, arguments: NoArguments) -> None:
    """End the program."""
    await _stop(session)
    was = session.state
    session.state = State.OVER
    if session.attached and session.debuggee.is_there:
        await session.debuggee.target.kill()

    async def tell() -> None:
        if was in State.MACHINE:
            session.event("terminated")

    session.later.append(tell)


async def _stop(session: Session) -> None:
    if session.state is State.RUNS:
        session.motion.pause()
        with trio.move_on_after(5):
            await session.motion.ended()
