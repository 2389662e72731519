"""Source files and modules."""

from __future__ import annotations

from typing import Any

import msgspec

from blink16.dap.registry import NoArguments, request
from blink16.dap.session import Session
from blink16.dap.states import RequestError, State

MAX_SOURCE = 4 << 20
"""Bytes of a source file that are read."""


@request("loadedSources", State.MACHINE)
async def loaded_sources(session: Session, arguments: NoArguments) -> dict[str, Any]:
    """The source files that the program's code comes from."""
    debuggee = session.debuggee
    return {"sources": [debuggee.source(file) for file in debuggee.program.files]}


class SourceArguments(msgspec.Struct, frozen=True):
    """Which file."""

    source: dict[str, Any] | None = None
    sourceReference: int = 0  # noqa: N815 - DAP's names


@request("source", State.MACHINE)
async def source(session: Session, arguments: SourceArguments) -> dict[str, Any]:
    """Return a source file of the program's; no other file."""
    path = str((arguments.source or {}).get("path", ""))
    debuggee = session.debuggee
    if not any(debuggee.path_of(file) == path for file in debuggee.program.files):
        raise RequestError(f"{path[:200]!r} is no source file of the program's")
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a small file
            content = file.read(MAX_SOURCE)
    except OSError as error:
        raise RequestError(f"{path}: {error.strerror}") from None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("cp437")
    return {"content": text.rstrip("\x1a")}


class Modules(msgspec.Struct, frozen=True):
    """Which of them."""

    startModule: int = 0  # noqa: N815
    moduleCount: int = 0  # noqa: N815


@request("modules", State.MACHINE)
async def modules(session: Session, arguments: Modules) -> dict[str, Any]:
    """The program, and the units that debugging information tells of."""
    found = [session.debuggee.main_module(), *session.debuggee.modules()]
    start = max(0, arguments.startModule)
    stop = start + arguments.moduleCount if arguments.moduleCount > 0 else len(found)
    return {"modules": found[start:stop], "totalModules": len(found)}
