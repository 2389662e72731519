"""How fast the view is: first picture, steps on the screen, animation, and what watching costs."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

import blink16
from blink16.blinkenlights.app import Blinkenlights
from blink16.client import Target, launch

COLUMNS, ROWS = 200, 60
STEPS = 60
SECONDS = 4.0
LOOP = bytes.fromhex("40 a3 00 05 89 c3 eb f8")
"""inc ax; mov [500h],ax; mov bx,ax; jmp back: a .COM file."""
LONG, SHORT = 1_000_000_000, 1_000
PATIENCE = 120.0


def report(times: int) -> None:
    """Measure everything, and print a line for each with the target behind it."""
    first_picture("banner", "HELLO")  # Python compiles us
    firsts = [first_picture("banner", "HELLO") for _ in range(times)]
    print(f"first picture in a terminal   {statistics.median(firsts):6.2f} s    (1.0 wanted)")
    with tempfile.TemporaryDirectory() as folder:
        loop = Path(folder) / "loop.com"
        loop.write_bytes(LOOP)
        asyncio.run(_stepping())
        asyncio.run(_animating())
        opened = {length: _opening(loop, length) for length in (SHORT, LONG)}
        print(
            f"opens at {LONG:,} instructions {opened[LONG]:6.2f} s    "
            f"(a short run: {opened[SHORT]:.2f} s)"
        )
        costs = [_watching(loop) for _ in range(times)]
        print(
            f"watching costs the machine    {100 * statistics.median(costs):6.1f} %    (5 wanted)"
        )


def first_picture(*words: str) -> float:
    """Return the seconds from the command to the next instruction on a terminal.

    Python may keep its bytecode, as it does of what is installed.
    """
    began = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"], os.environ["COLORTERM"] = "xterm-256color", "truecolor"
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.execv(sys.executable, [sys.executable, "-m", "blink16.blinkenlights", *words])
    ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    seen = b""
    try:
        while "▶".encode() not in seen:
            if not select.select([terminal], [], [], PATIENCE)[0]:
                raise TimeoutError("no picture came")
            seen = (seen + os.read(terminal, 1 << 16))[-(1 << 18) :]
        return time.perf_counter() - began
    finally:
        os.write(terminal, b"q")
        os.kill(pid, signal.SIGTERM)
        os.close(terminal)
        os.waitpid(pid, 0)


class Watch:
    """Tells when a picture is on the screen."""

    def __init__(self, app: Blinkenlights) -> None:
        self.app = app
        self.count = 0
        self._came = asyncio.Event()
        before = app.on_shown

        def shown() -> None:
            before()
            self.count += 1
            self._came.set()

        app.on_shown = shown  # type: ignore[method-assign]

    async def next(self) -> None:
        """Wait until a picture is on the screen that was not asked for before."""
        self._came.clear()
        await asyncio.wait_for(self._came.wait(), PATIENCE)


async def _with_view(measure: Callable[[Blinkenlights, Watch], Awaitable[None]]) -> None:
    app = Blinkenlights(lambda: launch("banner", "HELLO WORLD"))
    watch = Watch(app)
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        while app.picture is None:
            await pilot.pause(0.05)
        await pilot.pause(1)
        await measure(app, watch)


async def _stepping() -> None:
    async def measure(app: Blinkenlights, watch: Watch) -> None:
        for how, name in (("step", "forward"), ("step_back", "back")):
            times = []
            for _ in range(STEPS):
                began = time.perf_counter()
                app.action_move(how)
                await watch.next()
                times.append(time.perf_counter() - began)
            median, worst = statistics.median(times) * 1000, max(times) * 1000
            print(
                f"a step {name:<8} on the screen {median:6.1f} ms   (33 wanted; worst {worst:.0f})"
            )

    await _with_view(measure)


async def _animating() -> None:
    async def measure(app: Blinkenlights, watch: Watch) -> None:
        for backward in (False, True):
            count, began = watch.count, time.perf_counter()
            app.action_animate(backward)
            await asyncio.sleep(SECONDS)
            rate = (watch.count - count) / (time.perf_counter() - began)
            app.action_interrupt()
            await asyncio.sleep(0.3)
            name = "backward" if backward else "forward"
            print(f"animation {name:<9} at {COLUMNS}x{ROWS} {rate:6.1f} /s   (30 wanted)")

    await _with_view(measure)


def _opening(loop: Path, length: int) -> float:
    """Return the seconds to open a view of a machine that has run so long."""
    place = loop.with_name(f"socket{length}")
    with _server(loop, place), blink16.connect(f"unix:{place}") as holder:
        holder.step(length)
        return first_picture("--connect", f"unix:{place}")


def _watching(loop: Path) -> float:
    """Return how much slower a machine is while a view watches it at 30 pictures a second."""
    place = loop.with_name("socket")
    with _server(loop, place), blink16.connect(f"unix:{place}") as holder:
        _speed(holder)  # compiled now
        alone = [_speed(holder), 0.0, _speed(holder)]
        view = Blinkenlights(lambda: blink16.connect(f"unix:{place}", watch=True))

        async def watch() -> None:
            async with view.run_test(size=(COLUMNS, ROWS)) as pilot:
                while view.picture is None:
                    await pilot.pause(0.05)
                alone[1] = await asyncio.to_thread(_speed, holder)

        asyncio.run(watch())
        return 1 - alone[1] / ((alone[0] + alone[2]) / 2)


def _speed(holder: Target) -> float:
    """Return instructions a second of a run at full speed."""
    before, began = holder.icount, time.perf_counter()
    timer = threading.Timer(SECONDS, holder.interrupt)
    timer.start()
    event = holder.run()
    return (event.icount - before) / (time.perf_counter() - began)


def _server(program: Path, place: Path) -> subprocess.Popen[bytes]:
    place.unlink(missing_ok=True)
    serve = "import sys; from blink16.cli.main import server_main; sys.exit(server_main())"
    process = _Server([sys.executable, "-c", serve, "--listen", f"unix:{place}", str(program)])
    while not place.exists():
        time.sleep(0.02)
    return process


class _Server(subprocess.Popen[bytes]):
    """A server that ends with its block."""

    def __exit__(self, *error: object) -> None:
        self.terminate()
        super().__exit__(None, None, None)
