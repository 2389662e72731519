"""The view of a server that lies: a clear line, and never a traceback, a hang, or an escape
sequence on the user's terminal."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from random import Random
from typing import Any, TypeVar
from unittest import mock

import pytest
from textual.strip import Strip
from textual.widgets import Static
from view_pilot import Viewer, viewing

from blink16 import client
from blink16.blinkenlights import driver, panels
from blink16.blinkenlights.app import Blinkenlights
from blink16.blinkenlights.camera import Camera
from blink16.blinkenlights.layout import Shown
from blink16.blinkenlights.main import arguments, opener
from blink16.blinkenlights.panels import SLOT
from blink16.blinkenlights.past import LayerKind, LayerWish
from blink16.blinkenlights.picture import MemoryWish, Picture, Wanted
from blink16.client import ClientError, core
from blink16.packets import frame
from blink16.reports import registry

R = TypeVar("R")
STEPS = 3
"""Instructions, before each of which a picture is taken."""
LIES = 0.4
"""The share of reports that are not what the server said."""
NUMBERS: tuple[int, ...] = (
    -1,
    0,
    1,
    255,
    0xFFFF,
    1 << 16,
    (1 << 20) - 1,
    0x110000,
    1 << 31,
    1 << 62,
    1 << 63,
)
NUMBERS += (-(1 << 63), 1 << 100)
TEXTS: tuple[str, ...] = (
    "",
    "\x1b[2J",
    "\x9b2J",
    "[b",
    "[/]",
    "]",
    "\\",
    "x" * 3000,
    "a\nb",
    "日本",
    "\0",
    "e\u0301",
)
TEXTS += ("AAAA", "eJwDAAAAAAE=")
"""The last two are bytes in base64, also compressed ones: none."""


def changed(random: Random, value: Any, chance: float) -> Any:
    """Return JSON of the same shape in which some values are others."""
    if isinstance(value, dict):
        return {key: changed(random, part, chance) for key, part in value.items()}
    strikes = random.random() < chance
    if isinstance(value, list):
        if strikes:
            return random.choice([[], value + value, value[:1], value[::-1], value * 40])
        return [changed(random, part, chance) for part in value]
    if not strikes:
        return value
    if isinstance(value, bool) or value is None:
        return random.choice([None, True, False, *NUMBERS])
    return random.choice(NUMBERS if isinstance(value, int) else TEXTS)


def leaves(value: Any) -> int:
    """Return how many values there are to change."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(leaves, parts))


def lie(random: Random, truth: bytes) -> bytes:
    """Return a report that says something else at a few places."""
    told = json.loads(truth)
    return json.dumps(changed(random, told, random.choice([1, 2, 4]) / leaves(told))).encode()


class Liar:
    """Stands between a server and its client, and changes reports."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.told = 0
        """Lies that were believed."""

    def read(self, shape: type[R], truth: bytes) -> R:
        """Return a report; what no machine may say is refused, and the truth told instead."""
        if self._random.random() < LIES:
            with suppress(registry.ReportError):
                found = registry.read(shape, lie(self._random, truth))
                self.told += 1
                return found
        return registry.read(shape, truth)


def pictures(words: Sequence[str], seed: int) -> list[Picture]:
    """Return pictures of a machine of which a liar tells; some may not come about."""
    camera, found, liar = Camera(), [], Liar(seed)
    searched = tuple(shape for kind in SLOT for shape in kind.SHAPES)
    names = ("code", "read", "write", "stack")
    memories = tuple(MemoryWish(name.upper(), name, 256) for name in names)
    layers = (LayerWish(LayerKind.CALLS, 0, ""),)
    wanted = Wanted(memories=memories, reports=searched, layers=layers)
    with (
        client.launch(None, *words, console="terminal") as target,
        mock.patch.object(core, "read", liar.read),
    ):
        for _ in range(STEPS):
            with suppress(ClientError, ValueError):  # nothing else may come of it
                found.append(camera.take(target, wanted, printed=target.read_output()))
                found.append(camera.look_back(target, wanted) or found[-1])
                target.step()
    assert liar.told > STEPS
    assert len(found) > STEPS // 2
    return found


def test_whatever_reports_say_is_shown_or_refused() -> None:
    """Prevents values that no machine has from ending the view, and names from being obeyed by
    the terminal.
    """
    seen = [*pictures(("banner", "HI"), 1), *pictures(("bars",), 2)]

    async def show() -> None:
        async with viewing() as viewer:
            await viewer.settled()
            for at, picture in enumerate(seen):
                viewer.app.board.want(Shown(slot=list(SLOT.values())[at % len(SLOT)]))
                viewer.app._picture_came(picture)
                await viewer.until(lambda: viewer.app.is_drawn)
                await viewer.pilot.pause()
                assert viewer.app.is_running
                assert all(strip.text.isprintable() for strip in on_screen(viewer))

    asyncio.run(show())


def on_screen(viewer: Viewer) -> Sequence[Strip]:
    """Return all lines, as they are written to the terminal."""
    return viewer.app.screen._compositor.render_strips()


# -- what is no answer at all ----------------------------------------------------------------

Talk = Callable[[socket.socket], None]


@contextmanager
def serving(talk: Talk) -> Iterator[str]:
    """Serve clients, one after the other, with whatever ``talk`` does; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    stream, _ = listener.accept()
                    with stream, suppress(OSError):
                        talk(stream)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def answering(answer: bytes) -> Talk:
    """Return what says the same to all that is asked."""

    def talk(stream: socket.socket) -> None:
        while asked := stream.recv(4096):
            stream.sendall(answer * asked.count(b"$"))

    return talk


def saying_once(answer: bytes) -> Talk:
    """Return what says something and hangs up."""

    def talk(stream: socket.socket) -> None:
        stream.recv(4096)
        stream.sendall(answer)

    return talk


@pytest.mark.parametrize(
    "talk",
    [
        saying_once(b""),
        saying_once(b"+$PacketSi"),
        answering(bytes(range(256)) * 16),
        answering(b"+" + frame(b"OK")),
        answering(b"+" + frame(b"")),
        answering(b"+" + frame(b"E01")),
    ],
    ids=["hangs up", "cut", "noise", "OK", "empty", "error"],
)
def test_what_is_no_server_is_told_in_the_line_below(talk: Talk) -> None:
    """Prevents an empty screen, once the message has faded, whose user cannot know why."""

    async def look(address: str) -> None:
        async with viewing(("--connect", address), size=(80, 24)) as viewer:
            await viewer.until(lambda: "there is no machine: q quits" in status(viewer))
            await viewer.until(lambda: viewer.app.told in status(viewer))
            await viewer.press("s", "question_mark", "escape")
            assert viewer.app.is_running

    with serving(talk) as address:
        asyncio.run(look(address))


def test_a_server_that_says_nothing_is_told_of_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a user who waits for a picture without being told that nobody answers."""
    monkeypatch.setattr(panels, "SILENT_SECONDS", 0.2)
    monkeypatch.setattr(driver, "LEAVE_SECONDS", 0.2)

    async def look(address: str) -> None:
        app = Blinkenlights(opener(arguments(("--connect", address))))
        async with app.run_test() as pilot:
            viewer = Viewer(app, pilot)
            await viewer.until(lambda: "no answer for" in status(viewer))

    with serving(answering(b"")) as address:
        asyncio.run(look(address))


def status(viewer: Viewer) -> str:
    """Return what the line below the panels says."""
    return str(viewer.app.query_one("#status", Static).render())
