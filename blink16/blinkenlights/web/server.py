"""Serves the view to browsers: each tab is a view of its own, of one machine.

Everything lies below a path that holds a secret, so that only who was told the address gets in:
no other user of this computer, and no page that another tab has open.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shlex
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from hmac import compare_digest
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import WSCloseCode, web
from textual_serve.app_service import AppService
from textual_serve.server import Server, to_int

from blink16.blinkenlights.pixels.overlay import DOTS, for_page
from blink16.client import hosting

FOLDER = Path(__file__).parent
MAX_TABS = 16
END_SECONDS = 5.0
"""So long a view may take to end after its tab has."""
FONT_SIZES = range(6, 61)
MAX_CELLS = (1200, 500)
"""Columns and rows of a view: a screen of 3840×2160 in the smallest font."""
GROUNDS = {"dark": ("#0b0e14", "#c6d0dc"), "light": ("#fbfcfe", "#27313d")}
"""What stands behind the view, and what is written on that, by theme."""
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self' ws: wss:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Nothing comes from elsewhere, and the address is told to nobody."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class View(AppService):
    """A view for a tab."""

    async def set_terminal_size(self, width: int, height: int) -> None:
        """Tell the view how large the tab has become, in cells."""
        await super().set_terminal_size(*_bounded(width, height))

    async def on_meta(self, data: bytes) -> None:
        """Hand on what the page is told beside characters."""
        told = json.loads(data)
        if told["type"] == DOTS:
            await self.remote_write_str(for_page(told))
        else:
            await super().on_meta(data)


class WebServer(Server):
    """The pages, and a view behind each."""

    def __init__(self, command: str, host: str, port: int, title: str, theme: str) -> None:
        super().__init__(command, host, port, title, statics_path="./static")
        self.token = secrets.token_urlsafe(24)
        self.theme = theme
        self.tabs = 0

    async def _make_app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(FOLDER))
        app.add_routes(
            [
                web.get("/{token}/", self.handle_index, name="index"),
                web.get("/{token}/ws", self.handle_websocket, name="websocket"),
                web.get("/download/{key}", self.handle_download, name="download"),
                web.static(f"/{self.token}/static", self.statics_path, name="static"),
                web.static(f"/{self.token}/font", FOLDER / "font", name="font"),
                web.static(f"/{self.token}/script", FOLDER / "script", name="script"),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in who knows the token; a download's name is a secret of its own."""
        given = request.path.split("/")[1]
        if given != "download" and not compare_digest(given.encode(), self.token.encode()):
            raise web.HTTPForbidden(text="this is not the address that blinkenlights has printed")
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != request.host:
            raise web.HTTPForbidden(text="another page may not come here")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    @aiohttp_jinja2.template("page.html")
    async def handle_index(self, request: web.Request) -> dict[str, Any]:
        """Return what the page needs to know."""
        base = f"/{self.token}/"
        size = to_int(request.query.get("fontsize", "14"), 14)
        ground, ink = GROUNDS[self.theme]
        return {
            "font_size": max(FONT_SIZES[0], min(size, FONT_SIZES[-1])),
            "app_websocket_url": f"ws://{request.host}{base}ws",
            "config": {"static": {"url": f"{base}static/"}},
            "script_url": f"{base}script/",
            "font_url": f"{base}font/",
            "application": {"name": self.title},
            "ground": ground,
            "ink": ink,
        }

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Keep a view for a tab as long as that is open."""
        websocket = web.WebSocketResponse(heartbeat=15)
        await websocket.prepare(request)
        if self.tabs >= MAX_TABS:  # only on an open socket can a page be told why
            reason = f"{MAX_TABS} tabs are open already: close one of them."
            await websocket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=reason.encode())
            return websocket
        self.tabs += 1

        async def close() -> None:
            await websocket.close()

        service = View(
            self.command,
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=close,
            download_manager=self.download_manager,
        )
        width, height = (to_int(request.query.get(n, ""), d) for n, d in _SIZE.items())
        try:
            await service.start(*_bounded(width, height))
            with suppress(ArithmeticError, ValueError, LookupError, TypeError, AssertionError):
                await self._process_messages(websocket, service)  # what a tab says may be nonsense
        finally:
            self.tabs -= 1
            await asyncio.shield(_end(service))
        return websocket

    @property
    def address(self) -> str:
        """What is to be opened in a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/{self.token}/"

    async def run(self, told: Callable[[str], object]) -> None:
        """Serve until cancelled; ``told`` is given the address once browsers may come."""
        runner = web.AppRunner(await self._make_app(), access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.host, self.port)
            await site.start()
            self.port = runner.addresses[0][1]
            told(self.address)
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()


_SIZE = {"width": 80, "height": 24}


def _bounded(width: int, height: int) -> tuple[int, int]:
    """Return a size in cells that a view can have; ValueError, TypeError if it is none."""
    return max(1, min(int(width), MAX_CELLS[0])), max(1, min(int(height), MAX_CELLS[1]))


async def _ended(service: AppService, process: Process | None) -> None:
    """Ask a view to end, and wait: asyncio complains of a process that is killed as it ends."""
    await service.stop()
    if process is not None:
        await process.wait()


async def _end(service: AppService) -> None:
    """End a view; by force if it does not end by itself."""
    process = service._process  # there is no other way to it
    with suppress(Exception):
        await asyncio.wait_for(_ended(service, process), END_SECONDS)
    if process is not None and process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def serve(
    words: list[str],
    connect: str | None,
    *,
    host: str,
    port: int,
    theme: str,
    pixels: str,
    title: str,
) -> None:
    """Serve views of one machine until Ctrl-C: of a server's at ``connect``, or of our own."""
    with nullcontext(connect) if connect is not None else hosting(words) as place:
        view = [sys.executable, "-m", "blink16.blinkenlights", "--theme", theme]
        view += ["--pixels", pixels, "--connect", str(place)]
        exec_ = "" if sys.platform == "win32" else "exec "
        _run(WebServer(exec_ + shlex.join(view), host, port, title, theme))


def _run(server: WebServer) -> None:
    with suppress(KeyboardInterrupt):
        asyncio.run(server.run(lambda address: print(f"Open {address}", flush=True)))
