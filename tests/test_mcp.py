"""An assistant's tools, through the client of the official SDK and a real server."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import ImageContent, TextContent

from blink16.words import extras

SERVE = "import sys; from blink16.mcp.main import main; sys.exit(main())"


class Assistant:
    """Calls tools, and counts how often."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.calls = 0

    async def ask(self, name: str, **arguments: object) -> str:
        """Call a tool that must succeed."""
        text, failed = await self.call(name, **arguments)
        assert not failed, text
        return text

    async def call(self, name: str, **arguments: object) -> tuple[str, bool]:
        """Return what a tool says, and whether it failed."""
        self.calls += 1
        result = await self._client.call_tool(name, arguments)
        (content,) = result.content
        assert isinstance(content, TextContent)
        return content.text, bool(result.is_error)

    async def picture(self, **arguments: object) -> bytes:
        """Return the picture of the screen, in base64."""
        result = await self._client.call_tool("screen_picture", arguments)
        (content,) = result.content
        assert isinstance(content, ImageContent)
        return content.data.encode()

    async def tools(self) -> dict[str, str]:
        """Return the tools with their descriptions."""
        listed = await self._client.list_tools()
        return {tool.name: tool.description or "" for tool in listed.tools}


@asynccontextmanager
async def assistant(*options: str, cwd: Path) -> AsyncIterator[Assistant]:
    """Start a server and connect to it."""
    command = StdioServerParameters(
        command=sys.executable, args=["-W", "ignore", "-c", SERVE, *options], cwd=str(cwd)
    )
    async with Client(stdio_client(command)) as client:
        yield Assistant(client)


@pytest.fixture
def folder(shared: Path, tmp_path: Path) -> Path:
    """Return a folder with a C program of Microsoft's and its sources."""
    for part in ("codeview", "source"):
        for path in (shared / "debuginfo" / part).iterdir():
            shutil.copyfile(path, tmp_path / path.name)
    return tmp_path


async def test_the_writer_of_a_corrupted_byte_is_found(folder: Path) -> None:
    """Prevents an assistant from having to search by single steps: it asks who wrote."""
    async with assistant(cwd=folder) as ai:
        assert "m1 stands at" in await ai.ask("load", program="COUNT.EXE")
        assert "with status 12" in await ai.ask("run")
        assert await ai.ask("evaluate", expression="table[3]") == "6  (int)"
        writer = await ai.ask("last_write", where="table[3]")
        assert "COUNT.C:21 (p[i] = add(i, where.x);)" in writer
        assert "00 00 -> 06 00" in writer
        instant = writer.split()[1]
        assert "COUNT.C:21" in await ai.ask("seek", instant=instant)
        told = await ai.ask("variables")
        assert "i = 3" in told
        assert "in fill:" in told
        assert ai.calls <= 7


async def test_the_whole_run_is_asked_in_small_answers(folder: Path) -> None:
    """Prevents an assistant from drowning in rows, and its questions from reaching the host."""
    async with assistant("--read-only", cwd=folder) as ai:
        await ai.ask("load", program="COUNT.EXE")
        await ai.ask("run")
        total = "select count(*) as n, max(new) as top from writes where address = 0x31f4"
        assert (await ai.ask("ask", question=total)).split() == ["n", "top", "1", "6"]
        assert "fill+" in await ai.ask("ask", question="origin total")
        assert "COUNT.C" in await ai.ask("ask", question="lcov")
        rows = (await ai.ask("ask", question="writes", rows=3)).splitlines()
        assert [len(rows), rows[0].split()[:2]] == [5, ["icount", "pc"]]
        assert "more lines" in rows[-1]
        instant = rows[1].split()[0]
        assert f"instruction {instant} of" in await ai.ask("seek", instant=instant)
        for question, reason in [
            ("nonsense", "there is no question"),
            ("", "there is no question"),
            ("select * from read_text('/etc/passwd')", "no table of the run"),
            ("select * from writes, read_csv('/etc/passwd')", "disabled"),
            ("copy writes to '/tmp/x'", "only queries"),
            ("perfetto", "gives a file"),
            ("select icount from writes; drop table writes", "only queries"),
        ]:
            text, failed = await ai.call("ask", question=question)
            assert failed, question
            assert reason in text.lower(), text


async def test_points_steps_and_frames(folder: Path) -> None:
    """Prevents tools that can look but not get anywhere."""
    async with assistant(cwd=folder) as ai:
        await ai.ask("load", program="COUNT.EXE")
        assert (await ai.ask("break_at", where="add", condition="a == 4")).startswith("p")
        stopped = await ai.ask("run")
        assert "breakpoint p1" in stopped
        assert "COUNT.C:11: sum = a + b;" in stopped
        assert (await ai.ask("frames")).count("COUNT.C:") == 3
        assert "COUNT.C:12" in await ai.ask("step", unit="line")
        assert "COUNT.C:11" in await ai.ask("step", unit="line", direction="backward")
        assert "COUNT.C:21" in await ai.ask("step", unit="out")
        assert (await ai.ask("watch", where="total")).startswith("p2")
        assert "watchpoint p2" in await ai.ask("run")
        await ai.ask("delete", point="p1")
        assert "p2" in await ai.ask("points")
        await ai.ask("annotate", where="COUNT.C:13", text="returns here")
        assert "; returns here" in await ai.ask("disassemble", where="COUNT.C:13", count=3)
        assert await ai.ask("set_value", expression="total", value="9 + 1") == "total = 10"
        assert "int fill(p, n)" in await ai.ask("source", file="count.c", line=15)
        assert "add" in await ai.ask("symbols", pattern="ad")
        assert "68 65 72 65" in await ai.ask("read_memory", where="where.name", length=4)


async def test_a_screen_is_read_and_typed_to(tmp_path: Path) -> None:
    """Prevents an assistant from being blind in front of a PC."""
    code = bytes.fromhex("b400cd16b40ecd10ebf6").ljust(510, b"\0") + b"\x55\xaa"
    (tmp_path / "echo.img").write_bytes(code)
    async with assistant(cwd=tmp_path) as ai:
        await ai.ask("load", program="echo.img")
        await ai.ask("type_text", text="Hello")
        assert "Hello" in await ai.ask("wait_screen", text="Hello")
        assert "Hello" in await ai.ask("screen")
        assert (await ai.picture()).startswith(b"iVBORw0KGgo")


Case = tuple[str, str, dict[str, object]]
WITHOUT_MACHINE: list[Case] = [
    ("there is no machine: load", "state", {}),
    ("no such program", "load", {"program": "nobody.com"}),
    ("is not for load", "load", {"program": "banner", "options": {"port": 1}}),
]
WITH_MACHINE: list[Case] = [
    ("no 'nobody' here", "evaluate", {"expression": "nobody"}),
    ("outside the history", "seek", {"instant": "99999999"}),
    ("there is no machine 'm7'", "state", {"machine": "m7"}),
    ("steps; from 1", "step", {"count": 0}),
    ("neither an address", "break_at", {"where": "nobody"}),
]


async def test_what_makes_no_sense_gets_a_reason(tmp_path: Path) -> None:
    """Prevents failures that an assistant can't learn from, and a server that ends with them."""
    async with assistant(cwd=tmp_path) as ai:
        for reason, name, arguments in WITHOUT_MACHINE:
            text, failed = await ai.call(name, **arguments)
            assert failed
            assert reason in text
        await ai.ask("load", program="banner", arguments=["HI"])
        for reason, name, arguments in WITH_MACHINE:
            text, failed = await ai.call(name, **arguments)
            assert failed
            assert reason in text


async def test_a_read_only_server_has_no_tool_that_changes(tmp_path: Path) -> None:
    """Prevents an assistant that was told to look only from typing or writing."""
    async with assistant("--read-only", cwd=tmp_path) as ai:
        tools = await ai.tools()
        assert not {"set_value", "write_memory", "monitor", "type_text"} & tools.keys()
        assert all(tools.values())
        text, failed = await ai.call("load", program="banner", options={"writable": True})
        assert failed
        assert "read-only" in text


def test_a_missing_sdk_is_said_in_one_line() -> None:
    """Prevents a traceback where the extra was not installed."""
    code = f"import sys; sys.modules['mcp'] = None; {SERVE.removeprefix('import sys; ')}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"blink16-mcp needs the MCP SDK: {extras.command('mcp')}\n"
