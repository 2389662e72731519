"""The view in a real browser: Debian's chromium, headless."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pyte
import pytest
from aiohttp import WSCloseCode
from aiohttp.test_utils import TestClient, TestServer

from blink16.blinkenlights.web import server

CHROMIUM = Path("/usr/bin/chromium")
FREEDOS = Path(__file__).resolve().parents[2] / "shared" / "images" / "freedos.img"
PATIENCE = 1200
"""Looks, 50 ms apart, after which a text that has not come never will."""
TABS = 20
needs_browser = pytest.mark.skipif(
    not CHROMIUM.exists(), reason="no chromium here: it is no Python package"
)


@contextmanager
def served(*words: str) -> Iterator[str]:
    """Serve the view on a free port; return the address that it prints."""
    command = [sys.executable, "-m", "blink16.blinkenlights", "--web", "0", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            match = re.fullmatch(r"Open (http://\S+/)\n", process.stdout.readline())
            assert match is not None
            yield match[1]
        finally:
            process.terminate()


def status(url: str, **headers: str) -> int:
    """Return how a server answers."""
    try:
        with urlopen(Request(url, headers=headers), timeout=60) as response:
            assert isinstance(response.status, int)
            return response.status
    except HTTPError as error:
        return error.code


def test_only_who_was_told_the_address_comes_in() -> None:
    """Prevents another user, or another page, from having the machine in his hands."""
    with served("banner", "HI") as address:
        host, token = re.fullmatch(r"(http://127\.0\.0\.1:\d+/)(.+)/", address).groups()  # type: ignore[union-attr]
        assert len(token) >= 32
        assert status(address) == 200
        assert status(address + "font/DejaVuSansMono.woff2") == 200
        wrong = host + "x" * len(token) + "/"
        for place in ("", "ws", "static/js/textual.js", "font/DejaVuSansMono.woff2"):
            assert status(wrong + place) == 403
        assert status(host) == 403
        assert status(host + "static/js/textual.js") == 403
        assert status(address + "ws", Origin="http://elsewhere.example") == 403
        with urlopen(address, timeout=60) as response:
            page = response.read().decode()
        assert not [u for u in re.findall(r"https?://[^\"' ]+", page) if not u.startswith(host)]


class EndingSlowly:
    """A view, and its process, that has said its last word a moment before it is gone."""

    returncode: int | None = None
    killed = False

    @property
    def _process(self) -> EndingSlowly:
        return self

    async def stop(self) -> None:
        """Close the pipes."""

    async def wait(self) -> int:
        """Be gone."""
        self.returncode = 0
        return 0

    def kill(self) -> None:
        """Be killed."""
        self.killed = True


def test_a_view_that_ends_by_itself_is_not_killed() -> None:
    """Prevents asyncio's "Unknown child process pid" in the terminal when a tab is closed."""
    service = EndingSlowly()
    asyncio.run(server._end(service))  # type: ignore[arg-type]
    assert service.returncode == 0
    assert not service.killed


async def tabs_refused() -> tuple[int, int | None, str]:
    """Ask for a socket without one, often; then fill up: the tabs left, how a socket is closed."""
    views = server.WebServer("exit", "127.0.0.1", 0, "a title", "dark")
    async with TestClient(TestServer(await views._make_app())) as client:
        for _ in range(server.MAX_TABS + 1):
            async with client.get(f"/{views.token}/ws") as response:
                assert response.status == 400
        left = views.tabs
        views.tabs = server.MAX_TABS
        async with client.ws_connect(f"/{views.token}/ws") as socket:
            message = await socket.receive(60)
        return left, socket.close_code, str(message.extra)


def test_a_tab_too_many_is_told_so() -> None:
    """Prevents "the view has ended", unexplained; and requests without a tab that count as one."""
    assert asyncio.run(tabs_refused()) == (
        0,
        WSCloseCode.TRY_AGAIN_LATER,
        f"{server.MAX_TABS} tabs are open already: close one of them.",
    )


@pytest.mark.parametrize(
    ("said", "cells"), [((10**9, 10**9), server.MAX_CELLS), ((0, -1), (1, 1)), ((80, 24), (80, 24))]
)
def test_a_tab_has_no_more_cells_than_can_be_drawn(
    said: tuple[int, int], cells: tuple[int, int]
) -> None:
    """Prevents a tab that claims 10¹⁸ cells from taking all memory."""
    assert server._bounded(*said) == cells


def test_a_tab_that_has_no_size_is_nonsense() -> None:
    """Prevents a view that is told to be infinitely wide."""
    with pytest.raises((ArithmeticError, ValueError)):
        server._bounded(float("inf"), 24)  # type: ignore[arg-type]


@pytest.mark.slow
@needs_browser
def test_a_browser_steps_goes_back_and_types_into_freedos(tmp_path: Path) -> None:
    """Prevents a page on which keys do nothing, or that loads something from outside."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with served(str(FREEDOS)) as address, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 860})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        seen = Screen(page)
        page.goto(address)
        seen.until("time  0")
        page.keyboard.press("s")
        page.keyboard.press("s")
        seen.until("time  2")
        page.keyboard.press("ArrowUp")
        seen.until("in the past")
        page.keyboard.press("C")
        seen.until("runs")
        seen.until("A:\\>")
        page.keyboard.press("Enter")  # the keys are the guest's now
        page.keyboard.type("echo hello > con\n", delay=20)
        seen.until("screen")
        seen.until("hello  ")
        page.screenshot(path=tmp_path / "freedos.png")
        assert all(url.startswith(address) or "favicon" in url for url in asked)
        browser.close()


WHITE = bytes.fromhex("b81300 cd10 b800a0 8ec0 31ff b00f b900fa f3aa ebfe")
"""Mode 13h, and all of it in color 15: a .COM file."""
DOTS = """() => {
    const picture = document.getElementById("dots");
    if (picture.hidden || !picture.complete || !picture.naturalWidth) return null;
    const canvas = new OffscreenCanvas(picture.naturalWidth, picture.naturalHeight);
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    const last = context.getImageData(319, 199, 1, 1).data;
    const box = picture.getBoundingClientRect();
    return [canvas.width, canvas.height, ...last.slice(0, 3), box.width / box.height];
}"""
"""What a page shows of the guest's dots: their size, the last one's color, the picture's shape."""


@pytest.mark.slow
@needs_browser
def test_a_browser_shows_the_guests_dots(tmp_path: Path) -> None:
    """Prevents graphics as halves of characters where there are real dots, or over a dialog."""
    sync_api = pytest.importorskip("playwright.sync_api")
    program = tmp_path / "white.com"
    program.write_bytes(WHITE)
    with (
        served("--display", "vga", str(program)) as address,
        sync_api.sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 860})
        seen = Screen(page)
        page.goto(address)
        seen.until("time  0")
        assert page.evaluate(DOTS) is None
        page.keyboard.press("C")
        seen.until("320×200 dots")
        while (dots := page.evaluate(DOTS)) is None or dots[2] != 255:
            page.wait_for_timeout(50)
        width, height, *color, shape = dots
        assert (width, height, color) == (320, 200, [255, 255, 255])
        assert abs(shape - 4 / 3) < 0.01
        page.keyboard.press("Escape")
        seen.until("interrupted")
        picture = page.locator("#dots")
        page.keyboard.press("?")
        picture.wait_for(state="hidden")
        page.keyboard.press("Escape")
        picture.wait_for(state="visible")
        page.keyboard.press("Home")
        picture.wait_for(state="hidden")
        browser.close()


@pytest.mark.slow
@needs_browser
def test_tabs_come_and_go_and_the_machine_stays() -> None:
    """Prevents a machine that ends with a tab, and processes that outlive theirs."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with served("banner", "HI") as address, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        for icount in range(1, TABS + 1):
            page = browser.new_page()
            seen = Screen(page)
            page.goto(address)
            seen.until(f"time  {icount - 1} ")
            page.keyboard.press("s")
            seen.until(f"time  {icount} ")
            page.close()
        browser.close()


@pytest.mark.slow
@needs_browser
def test_a_view_that_was_ended_is_opened_again_by_a_click() -> None:
    """Prevents a link that the terminal's layers lie over, so that nobody can click it."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with served("banner", "HI") as address, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page()
        seen = Screen(page)
        page.goto(address)
        seen.until("time  0 ")
        page.keyboard.press("s")
        seen.until("time  1 ")
        page.keyboard.press("q")
        with page.expect_websocket():
            page.get_by_text("Open it again").click()
        seen.until("time  1 ")
        browser.close()


class Screen:
    """What a page's terminal shows: the same bytes, in a terminal that can be read."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._stream: pyte.ByteStream | None = None
        self._screen = pyte.Screen(80, 24)
        page.on("websocket", self._begin)

    def _begin(self, socket: Any) -> None:
        width, height = re.search(r"width=(\d+)&height=(\d+)", socket.url).groups()  # type: ignore[union-attr]
        self._screen = pyte.Screen(int(width), int(height))
        self._stream = pyte.ByteStream(self._screen)
        socket.on("framereceived", self._take)

    def _take(self, data: object) -> None:
        if isinstance(data, bytes) and self._stream is not None:
            self._stream.feed(data)

    @property
    def text(self) -> str:
        """What stands on it."""
        return "\n".join(self._screen.display)

    def until(self, text: str) -> None:
        """Wait for a text."""
        for _ in range(PATIENCE):
            if text in self.text:
                return
            self._page.wait_for_timeout(50)
        raise AssertionError(f"{text!r} never came:\n{self.text}")
