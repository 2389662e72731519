"""Speaks the Model Context Protocol to a real `blink16-mcp`: tools, other methods, and nonsense."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from random import Random
from selectors import EVENT_READ, DefaultSelector
from typing import IO, Any

from blink16.mcp import tools
from blink16.mcp.registry import TOOLS
from fuzz.harness import BrokenError, Case, Fuzzer

assert tools.__all__
MESSAGES = 40
PATIENCE = 60.0
"""Seconds in which it has answered to what it was asked last."""
NEVER = ("run", "wait_screen", "load", "connect", "close")
"""Tools that take as long as their program does, and those that bring and end machines."""
_SERVE = "import sys; from blink16.mcp.main import main; sys.exit(main([]))"
_TEXTS = (
    "",
    "ax",
    "main",
    "0x100",
    "0:0",
    "-1",
    "\0",
    "banner",
    "/etc/passwd",
    "é\u2028",
    "9" * 400,
)
_VALUES: tuple[Any, ...] = (*_TEXTS, 0, 1, -1, 1 << 70, 1.5, None, True, [], {}, [None], {"a": [1]})
_METHODS: tuple[str, ...] = (
    "tools/call",
    "tools/list",
    "ping",
    "resources/list",
    "prompts/list",
    "nonsense",
    "",
)
_METHODS += ("completion/complete", "logging/setLevel", "initialize", "notifications/cancelled")
_DAMAGED: tuple[str, ...] = (
    "",
    "{",
    "[]",
    "null",
    '"x"',
    "[" * 2000,
    '{"jsonrpc":"2.0"}',
    "\x01",
    "{}" * 3,
)
_DAMAGED += ('{"jsonrpc":"1.0","id":1,"method":"ping"}', '{"jsonrpc":"2.0","id":{},"method":[]}')


class _Server:
    """The server, and what was read of what it says."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVE], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
        )
        self._rest = b""
        self._selector = DefaultSelector()
        self._selector.register(self._pipe(self.process.stdout), EVENT_READ)
        atexit.register(self.process.kill)
        about = {"protocolVersion": "2025-06-18", "capabilities": {}}
        about["clientInfo"] = {"name": "fuzz", "version": "1"}
        self.say({"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": about})
        self.until("hello")
        self.say({"jsonrpc": "2.0", "method": "notifications/initialized"})
        program = {"name": "load", "arguments": {"program": "banner", "arguments": ["HI"]}}
        self.say({"jsonrpc": "2.0", "id": "load", "method": "tools/call", "params": program})
        self.until("load")

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe

    def say(self, message: Any) -> None:
        """Send a message, or a line that is none."""
        line = message if isinstance(message, str) else json.dumps(message)
        pipe = self._pipe(self.process.stdin)
        pipe.write(line.replace("\n", " ").encode("utf-8", "surrogatepass") + b"\n")
        pipe.flush()

    def until(self, number: str) -> None:
        """Read until there is the answer with this identifier; BrokenError if none comes."""
        while True:
            *lines, self._rest = self._rest.split(b"\n")
            for line in lines:
                if json.loads(line).get("id") == number:  # whatever it says is JSON
                    return
            if not self._selector.select(PATIENCE):
                raise BrokenError(f"nothing was answered for {PATIENCE:.0f} s")
            data = self._pipe(self.process.stdout).read1(1 << 16)  # type: ignore[attr-defined]
            if not data:
                raise BrokenError(f"the server has ended with status {self.process.wait()}")
            self._rest += data


@cache
def _server() -> _Server:
    return _Server()


def _call(random: Random) -> dict[str, Any]:
    name = random.choice([name for name in sorted(TOOLS) if name not in NEVER] + list(_TEXTS))
    keys = ("machine", "place", "count", "address", "length", "name", "expression", "text", "x")
    arguments = {random.choice(keys): random.choice(_VALUES) for _ in range(random.randrange(4))}
    if name in TOOLS and random.random() < 0.8:
        wanted = list(TOOLS[name].act.__annotations__)
        arguments |= {
            key: random.choice(_VALUES) for key in wanted if key not in ("desk", "return")
        }
    return {"name": name, "arguments": random.choice((arguments, arguments, arguments, [], None))}


def generate(random: Random) -> Case:
    """Make messages: calls of tools, other methods, and lines that are none."""
    makers: tuple[Callable[[], Any], ...] = (
        lambda: _message(random, "tools/call", _call(random)),
        lambda: _message(random, random.choice(_METHODS), random.choice((_call(random), {}, []))),
        lambda: random.choice(_DAMAGED),
        lambda: _damaged(random, json.dumps(_message(random, "tools/call", _call(random)))),
    )
    return [random.choices(makers, (6, 2, 1, 2))[0]() for _ in range(MESSAGES)]


def _message(random: Random, method: str, params: Any) -> dict[str, Any]:
    number = random.choice((random.randrange(1000), str(random.randrange(1000)), -1, None, 1.5))
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def _damaged(random: Random, line: str) -> str:
    at = random.randrange(len(line))
    return line[:at] + random.choice(("", "\\", '"', "{", "\ud800", "\0", "1e999")) + line[at + 1 :]


def run(case: Case) -> int:
    """Say all of it; then the server must still answer."""
    server = _server()
    for message in case:
        server.say(message)
    server.say({"jsonrpc": "2.0", "id": "are you there", "method": "ping"})
    try:
        server.until("are you there")
    except BrokenError:
        _server.cache_clear()
        raise
    return len(case)


FUZZER = Fuzzer(
    "mcp",
    "Whatever an assistant says, the server goes on answering, and says nothing but JSON-RPC.",
    "messages",
    generate,
    run,
    slowest=20.0,
)
