"""What no client should send: bytes that are no messages, requests out of turn, bad arguments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from dap_client import Dap, RefusedError
from hypothesis import given
from hypothesis import strategies as st

from blink16.dap import requests
from blink16.dap.conversation import Conversation
from blink16.dap.framing import FramingError, MessageError, MessageReader, Request, frame
from blink16.dap.registry import HANDLERS
from blink16.dap.requests.beginning import CAPABILITIES
from blink16.dap.session import Session
from blink16.dap.states import State

assert requests.__all__


@pytest.fixture(scope="module")
def dap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dap]:
    """Return an adapter with a program that stands; the tests do it no harm."""
    with Dap(tmp_path_factory.mktemp("dap")) as dap:
        dap.launch("banner", args=["HI"], stopOnEntry=True)
        dap.begin()
        yield dap


def message(**fields: object) -> bytes:
    """Return a message as it goes over the stream."""
    return frame(dict(fields))


@given(st.lists(st.integers(1, 200), max_size=20))
def test_messages_are_found_however_their_bytes_come(cuts: list[int]) -> None:
    """Prevents messages from being lost where the stream cuts them."""
    data = b"".join(message(type="request", seq=n, command="threads") for n in range(4))
    reader, found, at = MessageReader(), [], 0
    for cut in [*cuts, len(data)]:
        found += list(reader.receive(data[at : at + cut]))
        at += cut
    found += list(reader.receive(data[at:]))
    assert [one.seq for one in found if isinstance(one, Request)] == [0, 1, 2, 3]


@given(st.binary(max_size=300))
def test_any_bytes_end_in_messages_or_a_clear_error(data: bytes) -> None:
    """Prevents a crash, or a wait without end, on what is not the protocol."""
    reader = MessageReader()
    with suppress(FramingError):
        for one in reader.receive(data + b"\r\n\r\n"):
            assert isinstance(one, Request | MessageError)


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: -1",
        b"Content-Length: 99999999999",
        b"Content-Length: x",
        b"Hello",
        b"A: b",
    ],
)
def test_headers_that_lie_are_refused(headers: bytes) -> None:
    """Prevents a message of any size from being waited for, or memory from being filled."""
    with pytest.raises(FramingError):
        list(MessageReader().receive(headers + b"\r\n\r\n"))
    with pytest.raises(FramingError):
        list(MessageReader().receive(b"x" * 100_000))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "no message"),
        (b"[]", "no message"),
        (b'{"type": 5}', "no message"),
        (b'{"type": "greeting", "seq": 9}', "not for us"),
        (b'{"type": "request", "seq": 9, "command": 4}', "no"),
        (b'{"type": "request", "seq": 9}', "no request"),
        (b"\xff\xfe", "no message"),
        (b"[" * 100_000, "no message"),
    ],
)
def test_malformed_messages_are_answered_and_forgotten(dap: Dap, body: bytes, reason: str) -> None:
    """Prevents one bad message from ending the session, or from being passed over in silence."""
    dap.send_raw(body)
    answer = dap.receive()
    assert not answer["success"]
    assert reason in answer["message"]
    assert dap.ask("threads")["threads"]


@pytest.mark.parametrize(
    ("command", "arguments", "reason"),
    [
        ("fly", {}, "knows no request 'fly'"),
        ("launch", {"program": "banner"}, "there is a machine already"),
        ("initialize", {}, "there is a machine already"),
        ("variables", {}, "variablesReference"),
        ("variables", {"variablesReference": 7}, "no variables 7"),
        ("variables", {"variablesReference": "7"}, "variablesReference"),
        ("scopes", {"frameId": 99999}, "no frame 99999"),
        ("stackTrace", {"threadId": 77}, "no thread 77"),
        ("setBreakpoints", {"source": {}}, "has a path"),
        ("setBreakpoints", {"source": {"path": "x"}, "breakpoints": 5}, "breakpoints"),
        ("readMemory", {"memoryReference": "nobody", "count": 4}, "neither an address"),
        ("readMemory", {"memoryReference": "0x10", "count": -4}, "0 or more"),
        ("writeMemory", {"memoryReference": "0x10", "data": "?"}, "base64"),
        ("disassemble", {"memoryReference": "0", "instructionCount": 10**9}, "shown at once"),
        ("evaluate", {"expression": ""}, "no expression"),
        ("evaluate", {"expression": "(" * 1000}, "nested too deeply"),
        ("evaluate", {"expression": "-" * 1500 + "1"}, "nested too deeply"),
        ("evaluate", {"expression": "1 / 0"}, "division by zero"),
        ("evaluate", {"expression": "nobody + 1"}, "no 'nobody' here"),
        ("evaluate", {"expression": "monitor seek 99999999", "context": "repl"}, "outside"),
        ("goto", {"targetId": 1}, "not in the code segment"),
        ("source", {"source": {"path": "/etc/passwd"}}, "no source file of the program"),
        ("blink16/seek", {"instant": "1; quit"}, "an instant is"),
        ("blink16/lastWrite", {}, "is needed"),
        ("blink16/type", {}, "a text or a key is needed"),
        ("blink16/type", {"text": "x" * 10_000}, "at most"),
    ],
)
def test_requests_that_make_no_sense_get_a_clear_reason(
    dap: Dap, command: str, arguments: dict[str, object], reason: str
) -> None:
    """Prevents failures without a reason, and arguments that reach what they must not."""
    with pytest.raises(RefusedError, match=reason):
        dap.ask(command, **arguments)


def test_requests_before_their_time_are_refused(tmp_path: Path) -> None:
    """Prevents requests without a machine from being answered with nonsense."""
    with Dap(tmp_path) as dap:
        with pytest.raises(RefusedError, match="begins with initialize"):
            dap.ask("launch", program="banner")
        dap.initialize()
        for command in ("stackTrace", "continue", "evaluate", "pause"):
            with pytest.raises(RefusedError, match="launch or attach comes first"):
                dap.ask(command, expression="1")
        points = dap.ask("setFunctionBreakpoints", breakpoints=[{"name": "main"}])["breakpoints"]
        assert not points[0]["verified"]
        with pytest.raises(RefusedError, match="no such program"):
            dap.ask("launch", program="nobody.exe")
        with pytest.raises(RefusedError, match="no such folder"):
            dap.ask("launch", program="banner", cwd="/nowhere")
        with pytest.raises(RefusedError, match="can't reach"):
            dap.ask("attach", port=1)
        with pytest.raises(RefusedError, match="no address of a server"):
            dap.ask("attach", address="localhost")
        dap.ask("configurationDone")
        dap.ask("launch", program="banner", args="'A B' C")
        assert dap.event("breakpoint")["breakpoint"]["verified"]
        assert dap.event("stopped")["reason"] == "function breakpoint"
        dap.ask("disconnect")


def test_bytes_of_another_protocol_end_the_session(tmp_path: Path) -> None:
    """Prevents an adapter that waits for ever for a client that speaks something else."""
    with Dap(tmp_path) as dap:
        dap.write(b"GET / HTTP/1.1\r\n\r\n")
        assert "not the Debug Adapter Protocol" in dap.event("output")["output"]
        with pytest.raises(AssertionError, match="has ended"):
            dap.receive()


def test_capabilities_are_what_there_are_requests_for() -> None:
    """Prevents a capability that lies, and a request that no client asks for."""
    needed = {
        "supportsConfigurationDoneRequest": "configurationDone",
        "supportsStepBack": "stepBack",
        "supportsSetVariable": "setVariable",
        "supportsSetExpression": "setExpression",
        "supportsRestartFrame": "restartFrame",
        "supportsGotoTargetsRequest": "gotoTargets",
        "supportsStepInTargetsRequest": "stepInTargets",
        "supportsCompletionsRequest": "completions",
        "supportsModulesRequest": "modules",
        "supportsRestartRequest": "restart",
        "supportsExceptionInfoRequest": "exceptionInfo",
        "supportsLoadedSourcesRequest": "loadedSources",
        "supportsTerminateRequest": "terminate",
        "supportsDataBreakpoints": "dataBreakpointInfo",
        "supportsReadMemoryRequest": "readMemory",
        "supportsWriteMemoryRequest": "writeMemory",
        "supportsDisassembleRequest": "disassemble",
        "supportsBreakpointLocationsRequest": "breakpointLocations",
        "supportsInstructionBreakpoints": "setInstructionBreakpoints",
        "supportsFunctionBreakpoints": "setFunctionBreakpoints",
    }
    for capability, command in needed.items():
        assert CAPABILITIES.get(capability), capability
        assert command in HANDLERS


async def test_a_fault_of_ours_costs_one_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Prevents an exception in one request from ending the session of its user."""

    async def fail(session: Session, arguments: object) -> None:
        raise KeyError("a fault")

    monkeypatch.setitem(HANDLERS, "pause", replace(HANDLERS["pause"], act=fail, states=State.ANY))
    said = bytearray()
    session = Conversation(said.extend)
    for seq, command in enumerate(("initialize", "pause", "disconnect"), 1):
        session.receive(message(type="request", seq=seq, command=command, arguments={}))
    await session.serve()
    parts = said.split(b"Content-Length: ")[1:]
    told = [json.loads(part.partition(b"\r\n\r\n")[2]) for part in parts]
    assert [one["success"] for one in told if one["type"] == "response"] == [True, False, True]
    assert "a fault" in caplog.text
