"""A minimal client of the Debug Adapter Protocol, in front of a real `blink16-dap`."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Self

import warm_python

TIMEOUT = 60.0
"""Seconds for an answer: the first start of an engine compiles."""
ADAPTER = "import sys; from blink16.dap.main import main; sys.exit(main())"
STRICTLY = f"import warnings; warnings.simplefilter('error'); {ADAPTER}"

Body = dict[str, Any]


class RefusedError(Exception):
    """A request that the adapter did not do; its text is the adapter's message."""


class Dap:
    """An adapter of its own, on its standard input and output."""

    def __init__(self, cwd: Path | None = None) -> None:
        self._process = warm_python.start([sys.executable, "-c", STRICTLY], cwd=cwd)
        self._incoming: Queue[Body | None] = Queue()
        self.events: list[Body] = []
        """Those that nobody has waited for yet."""
        self.reverse: list[Body] = []
        """Requests of the adapter's."""
        self._seq = 0
        self.capabilities: Body = {}
        self.said = bytearray()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()

    def _read(self) -> None:
        out = self._process.stdout
        assert out is not None
        while (header := out.readline()).strip():
            length = int(header.partition(b":")[2])
            out.readline()
            self._incoming.put(json.loads(out.read(length)))
        self._incoming.put(None)

    def _listen(self) -> None:
        assert self._process.stderr is not None
        self.said += self._process.stderr.read()

    # -- messages ----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes, whatever they are."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    @property
    def asked(self) -> int:
        """How many requests there were."""
        return self._seq

    def send(self, command: str, arguments: Body | None = None) -> int:
        """Send a request; return its number."""
        self._seq += 1
        message: Body = {"seq": self._seq, "type": "request", "command": command}
        if arguments is not None:
            message["arguments"] = arguments
        self.send_raw(json.dumps(message).encode())
        return self._seq

    def send_raw(self, body: bytes) -> None:
        """Send a message's body."""
        self.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def receive(self) -> Body:
        """Return the next message."""
        try:
            message = self._incoming.get(timeout=TIMEOUT)
        except Empty:
            raise AssertionError(f"nothing comes; events so far: {self.events}") from None
        assert message is not None, f"the adapter has ended: {self.said.decode()}"
        if message["type"] == "request":
            self.reverse.append(message)
        return message

    def response(self, number: int) -> Body:
        """Return the response to a request; events that come before it are kept."""
        while (message := self.receive())["type"] != "response" or (
            message["request_seq"] != number
        ):
            if message["type"] == "event":
                self.events.append(message)
        return message

    def ask(self, command: str, **arguments: Any) -> Body:
        """Send a request and return the body of its response; RefusedError if there is none."""
        message = self.response(self.send(command, arguments))
        if not message["success"]:
            raise RefusedError(message["message"])
        body: Body = message.get("body", {})
        return body

    def event(self, name: str) -> Body:
        """Wait for an event and return its body."""
        while True:
            for message in self.events:
                if message["event"] == name:
                    self.events.remove(message)
                    body: Body = message["body"]
                    return body
            message = self.receive()
            if message["type"] == "event":
                self.events.append(message)

    def output(self) -> str:
        """Return what the program has printed so far."""
        return "".join(
            message["body"]["output"]
            for message in self.events
            if message["event"] == "output" and message["body"]["category"] == "stdout"
        )

    # -- what every conversation needs --------------------------------------------------------

    def initialize(self, **more: Any) -> Body:
        """Begin."""
        self.capabilities = self.ask("initialize", adapterID="blink16", **more)
        return self.capabilities

    def launch(self, program: str | Path, **more: Any) -> None:
        """Begin with a program, up to where points can be set."""
        if not self.capabilities:
            self.initialize()
        self.ask("launch", program=str(program), **more)
        self.event("initialized")

    def begin(self) -> Body:
        """Let the program run, up to its first stop."""
        self.ask("configurationDone")
        return self.event("stopped")

    def go(self, command: str, **arguments: Any) -> Body:
        """Let the machine move, and wait until it stands; return the event's body."""
        self.ask(command, threadId=1, **arguments)
        return self.event("stopped")

    def break_at(self, path: Path, *lines: int, **more: Any) -> list[Body]:
        """Set a source file's breakpoints."""
        points = [{"line": line, **more} for line in lines]
        body = self.ask("setBreakpoints", source={"path": str(path)}, breakpoints=points)
        found: list[Body] = body["breakpoints"]
        return found

    def frames(self, thread: int = 1) -> list[Body]:
        """Return the frames, innermost first."""
        found: list[Body] = self.ask("stackTrace", threadId=thread)["stackFrames"]
        return found

    def where(self) -> tuple[str, int]:
        """Return function and line of the innermost frame."""
        frame = self.ask("stackTrace", threadId=1, levels=1)["stackFrames"][0]
        return frame["name"], frame["line"]

    def scope(self, title: str, level: int = 0) -> dict[str, str]:
        """Return the variables of a scope of a frame, by name."""
        scopes = self.ask("scopes", frameId=self.frames()[level]["id"])["scopes"]
        number = next(s["variablesReference"] for s in scopes if s["name"] == title)
        return {v["name"]: v["value"] for v in self.variables(number)}

    def variables(self, number: int, **more: Any) -> Sequence[Body]:
        """Return the variables that a reference means."""
        found: list[Body] = self.ask("variables", variablesReference=number, **more)["variables"]
        return found

    def value(self, expression: str, **more: Any) -> str:
        """Evaluate an expression as the console does."""
        return str(self.ask("evaluate", expression=expression, context="repl", **more)["result"])
