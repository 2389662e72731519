"""The machine that is debugged, as far as a session knows it: names, lines, frames, sources."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import trio

from blink16.client import AsyncTarget, ClientError, SetPoint, StopEvent, offset_in
from blink16.client.program import (
    FrameView,
    LineSpan,
    Place,
    ProgramMap,
    Scene,
    read_program,
)
from blink16.client.program.lines import KnownFunction
from blink16.client.program.writing import write_place
from blink16.dap.handles import Handles
from blink16.dap.states import RequestError, State
from blink16.dap.talk import Talk
from blink16.hostfiles import is_file
from blink16.nurseries import open_nursery
from blink16.reports.frames import FrameLine, FramesQuery, FramesReport
from blink16.reports.processes import ProcessesReport
from blink16.reports.state import RegisterValues, StateReport
from blink16.reports.symbols import SymbolsQuery, SymbolsReport
from blink16.words.texts import counted

MAX_FRAMES = 1000
MAX_FOLDER = 10_000
"""Entries of a folder among which a source file is looked for."""


class Debuggee:
    """A machine behind a server, with what was read of it since it stopped."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._target: AsyncTarget | None = None
        self._leave = trio.Event()
        self._left = trio.Event()
        self.program = ProgramMap()
        self.names = 0
        """How many symbols are known."""
        self.folders: list[Path] = []
        """Where else source files are looked for."""
        self.title = ""
        """What its user calls it."""
        self.handles = Handles()
        self.state: StateReport | None = None
        self._frames: dict[int, list[FrameView]] = {}
        self._processes: ProcessesReport | None = None
        self._paths: dict[str, str] = {}
        self._told = 0
        """How many symbols the server knows of."""
        self.exec_catch: SetPoint | None = None

    # -- coming and going --------------------------------------------------------------------

    @property
    def target(self) -> AsyncTarget:
        """The machine; RequestError if there is none."""
        if self._target is None:
            raise RequestError("there is no machine: launch or attach comes first")
        return self._target

    async def enter(self, opening: AbstractAsyncContextManager[AsyncTarget]) -> None:
        """Take a machine, and hold it in a task of its own; a `ClientError` if that fails."""
        failure: list[Exception] = []
        there = trio.Event()

        async def hold() -> None:
            try:
                async with opening as target:
                    self._target = target
                    there.set()
                    await self._leave.wait()
            except (ClientError, OSError, ValueError) as error:  # ValueError: no address
                failure.append(error)
            finally:
                there.set()
                self._target = None
                self._left.set()

        self._leave, self._left = trio.Event(), trio.Event()
        self._talk.begin(hold)
        await there.wait()
        if failure:
            raise RequestError(str(failure[0]))
        if not self.target.is_ours:
            await self.leave()
            raise RequestError("what answers there is no blink16-server: start one")
        await self.refresh()
        await self.learn()
        self._talk.begin(self._listen)

    async def leave(self) -> None:
        """Let the machine go; a server of our own ends."""
        if self._target is not None:
            self._leave.set()
            with trio.move_on_after(10):
                await self._left.wait()

    async def _listen(self) -> None:
        """Show what the program prints."""
        target = self.target
        while True:
            data = await target.wait_output()
            self.show(data)

    def show(self, data: bytes) -> None:
        """Show what the program has printed."""
        if data:
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError:
                text = data.decode("cp437")
            text = text.replace("\r\n", "\n").replace("\0", "")
            self._talk.event("output", {"category": "stdout", "output": text})

    def show_rest(self) -> None:
        """Show what is there: output, and what the server had to say."""
        if self._target is None:
            return
        self.show(self._target.read_output())
        for text in self._target.read_notes():
            self._talk.console(text)

    # -- what is known since it stopped ------------------------------------------------------

    async def refresh(self) -> None:
        """Forget what was read of the machine when it stood last."""
        self._frames.clear()
        self.handles.clear()
        await at_once(self._ask_state, self._ask_processes, self.ask_names)

    async def _ask_state(self) -> None:
        self.state = await self.target.state()

    async def _ask_processes(self) -> None:
        self._processes = await self.target.report(ProcessesReport)

    async def ask_names(self) -> None:
        """Ask how many symbols there are now."""
        self._told = (await self.target.report(SymbolsReport, SymbolsQuery(0, 0))).total

    async def catch_loads(self) -> None:
        """Hear of programs that DOS loads, so that breakpoints in them are set in time."""
        self.exec_catch = None
        with suppress(ClientError):  # a machine without a system of ours
            self.exec_catch = await self.target.catch("exec")

    async def learn(self, *, anew: bool = False) -> bool:
        """Read names and lines if more had become known when that was asked; whether that is so."""
        if self._told == self.names and not anew:
            return False
        self.names = self._told
        await self.target.read_symbols()
        self.program, trouble = await read_program(self.target)
        self._paths.clear()
        for text in trouble:
            self._talk.console(text)
        return True

    def is_load(self, event: StopEvent) -> bool:
        """Whether a stop is that at which DOS has loaded a program, which we catch ourselves."""
        return self.exec_catch is not None and event.point == self.exec_catch

    @staticmethod
    def is_caught_by_others(event: StopEvent) -> bool:
        """Whether a stop at a load is of a catch of the user's, too: each has a line."""
        return len(event.text.splitlines()) > 1

    @property
    def at(self) -> StateReport:
        """Where it stands."""
        assert self.state is not None
        return self.state

    async def processes(self) -> ProcessesReport:
        """Return the processes of the guest's system."""
        if self._processes is None:
            self._processes = await self.target.report(ProcessesReport)
        return self._processes

    async def thread(self) -> int:
        """Return the thread that has the processor."""
        return (await self.processes()).current or 1

    async def frames(self, thread: int) -> list[FrameView]:
        """Return a thread's frames, innermost first."""
        if thread not in self._frames:
            processes = await self.processes()
            known = {one.thread: one for one in processes.processes}
            if thread != 1 and thread not in known:
                raise RequestError(f"there is no thread {thread}")
            process = known.get(thread)
            waits = process is not None and process.registers is not None
            query = FramesQuery(MAX_FRAMES, thread if waits else None)
            lines = (await self.target.report(FramesReport, query)).frames
            registers = self.at.registers
            if process is not None and process.registers is not None:
                registers = process.registers
            self._frames[thread] = self._views(lines, registers)
        return self._frames[thread]

    def _views(self, lines: Sequence[FrameLine], registers: RegisterValues) -> list[FrameView]:
        return [FrameView.of(line, registers, self.program) for line in lines]

    async def scene(self, frame_id: int | None, *, may_write: bool = False) -> Scene:
        """Return where expressions of a frame are evaluated; by default of the innermost."""
        if frame_id is None:
            view = (await self.frames(await self.thread()))[0]
        else:
            view = self.handles.frame(frame_id)
        return self.scene_of(view, may_write=may_write)

    def scene_of(self, view: FrameView, *, may_write: bool = False) -> Scene:
        """Return where expressions of a frame are evaluated."""

        async def write(place: Place, data: bytes) -> None:
            await self.write(view, place, data)

        return Scene(self.target, self.program, view, self.at.icount, write if may_write else None)

    def scene_at(self, address: int) -> Scene:
        """Return a scene of a place, to learn what names mean there; its registers do not count."""
        segment, offset = offset_in(address >> 4, address)
        registers = replace(self.at.registers, cs=segment, ip=offset)
        return self.scene_of(FrameView(0, registers, registers.bp, None))

    async def write(self, view: FrameView, place: Place, data: bytes) -> None:
        """Store bytes in memory, a register or a flag."""
        if place.register and view.level:
            raise RequestError("registers can be changed in the innermost frame only")
        await write_place(self.target, place, data)
        await self.changed()

    async def changed(self) -> None:
        """Take note that the machine was changed where it stands."""
        self._frames.clear()
        self._processes = None
        self.state = await self.target.state()
        thread = await self.thread()
        self.handles.renew(await self.frames(thread), thread)
        self.show_rest()

    # -- places ------------------------------------------------------------------------------

    def span(self, view: FrameView) -> LineSpan | None:
        """Return the source line that a frame is at."""
        return self.program.line_at(view.place)

    def function(self, view: FrameView) -> KnownFunction | None:
        """Return the function that a frame is of, by debugging information."""
        return self.program.function_at(view.place)

    async def address(self, reference: str) -> int:
        """Return the linear address that a memory reference of ours means."""
        try:
            return await self.target.address_of(reference)
        except ValueError as error:
            raise RequestError(str(error)) from None

    # -- source files ------------------------------------------------------------------------

    def source(self, file: str) -> dict[str, Any]:
        """Return a source file as DAP describes one."""
        path = self.path_of(file)
        return {"name": PureWindowsPath(file).name, "path": path}

    def main_module(self) -> dict[str, Any]:
        """Return the program as DAP describes a module."""
        files = counted(len(self.program.files), "source file")
        status = f"{counted(self.names, 'symbol')}, {files}"
        return {"id": 1, "name": self.title or "8086", "symbolStatus": status}

    def modules(self) -> list[dict[str, Any]]:
        """Return the units that debugging information tells of, as DAP describes modules."""
        found = []
        for unit in self.program.units.values():
            start = min((span[0] for span in unit.spans), default=0)
            stop = max((span[1] for span in unit.spans), default=0)
            found.append(
                {
                    "id": unit.number + 2,
                    "name": unit.name,
                    "path": self.path_of(unit.name),
                    "isUserCode": True,
                    "symbolStatus": "lines known",
                    "addressRange": f"{start:#07x}-{stop:#07x}",
                }
            )
        return found

    def path_of(self, file: str) -> str:
        """Return where a source file is on this computer, or where it would be."""
        if file not in self._paths:
            self._paths[file] = self._found(file)
        return self._paths[file]

    def _found(self, file: str) -> str:
        folders = [*map(Path, self.program.folders_of(file)), *self.folders]
        if PurePosixPath(file).is_absolute() and is_file(Path(file)):
            return file
        name = PureWindowsPath(file).name
        for folder in folders:
            for there in (folder / file, folder / name):
                if is_file(there):
                    return str(there)
            if (other := _in_any_case(folder, name)) is not None:
                return str(other)
        return str(folders[0] / name) if folders else file

    @property
    def is_there(self) -> bool:
        """Whether there is a machine."""
        return self._target is not None and self._talk.state in State.MACHINE


async def at_once(*asks: Callable[[], Awaitable[None]]) -> None:
    """Ask several questions, which travel together; raise what the first to fail raises."""
    failures: list[Exception] = []

    async def ask(one: Callable[[], Awaitable[None]]) -> None:
        try:
            await one()
        except ClientError as error:
            failures.append(error)

    async with open_nursery() as nursery:
        for one in asks:
            nursery.start_soon(ask, one)
    if failures:
        raise failures[0]


def _in_any_case(folder: Path, name: str) -> Path | None:
    """Return a file of a folder by its name, whatever the case: DOS kept none."""
    try:
        for at, path in enumerate(folder.iterdir()):
            if at > MAX_FOLDER:
                return None
            if path.name.lower() == name.lower():
                return path
    except (OSError, ValueError):  # it can't be read, or have such a name
        pass
    return None
