"""Speaks the Debug Adapter Protocol: all requests that there are, with fitting and odd arguments.

The adapter's machine is a real one behind a session in memory; time is trio's autojump clock.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin
from unittest.mock import patch

import msgspec
import trio
import trio.testing

from blink16.client import AsyncTarget
from blink16.client.target import converse
from blink16.dap.edge import converse as serve
from blink16.dap.registry import HANDLERS
from blink16.dap.requests import beginning
from fuzz import machines
from fuzz.client import ADDRESS, BRIEF, Liar
from fuzz.harness import BrokenError, Case, Fuzzer

REQUESTS = 60
PATIENCE = 3000.0
"""Seconds, on the adapter's clock, in which it has done all."""
NEVER = ("launch", "attach", "initialize")
"""They come first; again, now and then."""
TEXTS = (
    "", "ax", "al", "cs:ip", "0x100", "0x7fffffff", "-1", "(", "(" * 300, "1/0", "1%0", "[bx]",
    "table[99999999]", "*ax", "&ax", "x = 3", "ax = 70000", "ds:0x100", "0:0", "1 << 999999",
    "a" * 5000, "start", "end", "b1", "\0", "é\u2028", "9" * 400, "history", "seek start", "step",
    "`history", "0x200,2", "nothing here", "..", "/etc/passwd", "COUNT.C", "char", "ax, 5", "AAA=",
    "YWJj", "instruction", "line", "statement", "watch", "hover", "repl", "clipboard", "write",
    "read", "readWrite", "int 21", "dos 3C", "lacks", "ax >= 0", ">= 3", "%2", "{ax} {", "{",
    "-" * 500, "indexed",
)  # fmt: skip
NUMBERS = (0, 1, 2, 3, 5, 100, 1000, 65535, 65536, 1 << 20, (1 << 31) - 1, -1, -5, 1 << 40, 1 << 62)
ODD: tuple[Any, ...] = (None, True, 1.5, "", [], {}, [None], {"a": 1}, -1, "x", [[[]]], 1e300)


def value(kind: Any, random: Random, depth: int = 0) -> Any:
    """Return something of a type, or now and then of another."""
    if random.random() < 0.04 or depth > 5:
        return random.choice(ODD)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return value(random.choice(arguments), random, depth + 1)
    if origin is list:
        return [value(arguments[0], random, depth + 1) for _ in range(random.randrange(4))]
    if origin is dict:
        return {random.choice(TEXTS)[:20]: value(arguments[1], random, depth + 1)}
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        found = {}
        for field in msgspec.structs.fields(kind):
            if field.required or random.random() < 0.5:
                found[field.encode_name] = value(field.type, random, depth + 1)
        return found
    if kind is bool:
        return random.random() < 0.5
    if kind in (int, float):
        return random.choice(NUMBERS)
    return None if kind is NoneType else random.choice(TEXTS)


def generate(random: Random) -> Case:
    """Make a conversation: requests, and how their bytes are cut and damaged."""
    requests: list[list[Any]] = [
        ["initialize", value(HANDLERS["initialize"].arguments, random)],
        [random.choice(("launch", "attach")), {"program": "prog", "stopOnEntry": True}],
        ["configurationDone", {}],
    ]
    for _ in range(REQUESTS):
        command = random.choice(sorted(HANDLERS))
        if command in ("disconnect", "terminate", *NEVER) and random.random() < 0.9:
            continue
        requests.append([command, value(HANDLERS[command].arguments, random)])
        if random.random() < 0.03:
            requests[-1][0] = random.choice(TEXTS)
    return [random.getrandbits(30), requests]


def run(case: Case) -> int:
    """Hold the conversation; return how many requests there were."""
    seed, requests = case
    pieces = _pieces(Random(seed), requests)
    said = bytearray()

    async def receive(_: int) -> bytes:
        await trio.sleep(0.05)
        return next(pieces, b"")

    async def send(data: bytes) -> None:
        said.extend(data)

    async def main() -> None:
        with trio.fail_after(PATIENCE):
            await serve(receive, send)

    with (
        patch.object(beginning, "connect_async", _machine),
        patch.object(beginning, "launch_async", _machine),
    ):
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    _check(bytes(said))
    return len(requests)


def _pieces(random: Random, requests: list[list[Any]]) -> Any:
    """Yield the bytes of all requests, one after the other; damage is rare and comes late."""
    for seq, (command, arguments) in enumerate(requests, 1):
        message = {"seq": seq, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        if seq > 3 and random.random() < 0.03:
            at = random.randrange(body.index(b","), len(body))  # its number stays its own
            body = body[:at] + random.choice((b"", b"\xff", b"[", b"]" * 9, b"\0")) + body[at + 1 :]
        data = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        if seq > 40 and random.random() < 0.005:
            data = random.choice((b"Content-Length: x\r\n\r\n", b"\r\n\r\n", data[1:], data[:-1]))
        cut = random.randrange(len(data) + 1)
        yield from (piece for piece in (data[:cut], data[cut:]) if piece)


@asynccontextmanager
async def _machine(*_: object, **__: object) -> AsyncIterator[AsyncTarget]:
    """Give the adapter a machine of ours, whatever it wants."""
    ours, theirs = trio.testing.memory_stream_pair()
    loaded = machines.load("com", "reference", image=BRIEF)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Liar(theirs, (), loaded=loaded).serve)
        async with converse(ADDRESS, ours) as target:
            yield target
        nursery.cancel_scope.cancel()


def _check(said: bytes) -> None:
    """BrokenError unless all that was said are messages, and no request has two answers."""
    answered: Counter[int] = Counter()
    while said:
        head, _, rest = said.partition(b"\r\n\r\n")
        length = int(head.removeprefix(b"Content-Length: "))
        message, said = json.loads(rest[:length]), rest[length:]
        if message["type"] == "response":
            answered[message["request_seq"]] += 1
            if "blink16-dap has failed" in message.get("message", ""):
                raise BrokenError(message["message"])
    del answered[0]  # what could not be read has no number
    if answered and max(answered.values()) > 1:
        raise BrokenError(f"a request has {max(answered.values())} answers")


FUZZER = Fuzzer(
    "dap",
    "Whatever a client sends, each request has an answer at most, and it is a result or a reason.",
    "requests",
    generate,
    run,
    slowest=20.0,
)
