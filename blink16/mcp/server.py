"""The server of the Model Context Protocol: tools and a desk, put together by the official SDK."""

from __future__ import annotations

from importlib.metadata import version

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from blink16.mcp import tools
from blink16.mcp.desk import Desk
from blink16.mcp.registry import TOOLS, bound

assert tools.__all__
INSTRUCTIONS = """\
blink16 runs 8086 programs (DOS, ELKS, boot disks) in machines that remember all of their past.
Time is counted in instructions. To find out why something is wrong: load the program, run it to
where the damage shows, ask last_write who wrote there, seek to that instant, look at frames and
variables, and go on from there. Questions (last_write, hits, trace…) leave the machine where it is.
Places are symbols (main, main+3), source lines (COUNT.C:12), SEG:OFF in hex, or 0xLINEAR."""


def make_server(desk: Desk) -> MCPServer:
    """Return a server with the tools that a desk allows."""
    server = MCPServer(
        "blink16", title="blink16, a time-travelling 8086", instructions=INSTRUCTIONS,
        version=version("blink16"), log_level="ERROR",
    )  # fmt: skip
    for one in TOOLS.values():
        if not (one.changes and desk.read_only):
            server.add_tool(
                bound(desk, one, ToolError),
                name=one.name,
                annotations=ToolAnnotations(read_only_hint=not one.changes, open_world_hint=False),
                structured_output=False,
            )
    return server
