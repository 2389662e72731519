"""How fast the view is: first picture, steps on the screen, animation, and what watching costs."""

from __future__ import annotations

import asyncio
import os
import pty
import random
import re
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ
from typing import Self

import blink16
from benchmarks import watching
from blink16.blinkenlights.app import Blinkenlights
from blink16.client import launch

COLUMNS, ROWS = 200, 60
STEPS = 60
SECONDS = 4.0
LOOP = bytes.fromhex("40 a3 00 05 89 c3 eb f8")
"""inc ax; mov [500h],ax; mov bx,ax; jmp back: a .COM file."""
LONG, SHORT = 1_000_000_000, 1_000
PATIENCE = 120.0
BAR_ROW = 5
"""Rows from the time bar to the end of the terminal."""
PRESSED, DRAGGED, WHEELED = 0, 32, 64
"""The left button down, a move with it, the wheel up: in xterm's numbers."""
WAYS = (
    ("click", PRESSED, COLUMNS // 2),
    ("drag", DRAGGED, COLUMNS // 2),
    ("wheel", WHEELED, COLUMNS - 20),
)
"""How one goes through a run, with which button, and from which column on."""
REST = 0.1
"""Seconds between two events."""
STORM, STORM_REST = 500, 0.004
"""Places of the mouse, and seconds between them."""
IMAGES = "freedos.img", "fd1440.img"
BOOT_SECONDS = 6.0
_TIME = re.compile(rb"time  ([0-9,]+) ")


def report(times: int, images: Path) -> None:
    """Measure everything, and print a line for each with the target behind it.

    ``images``: the folder of the disks that are booted, as far as they are there.
    """
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder  # the user's recent programs are others
        first_picture("banner", "HELLO")  # Python compiles us
        firsts = [first_picture("banner", "HELLO") for _ in range(times)]
        print(f"first picture in a terminal   {statistics.median(firsts):6.2f} s    (1.0 wanted)")
        loop = Path(folder) / "loop.com"
        loop.write_bytes(LOOP)
        asyncio.run(_stepping())
        asyncio.run(_animating())
        _dragging("time bar", 1.5, str(loop))
        for name in IMAGES:
            if (images / name).exists():
                _dragging(name, BOOT_SECONDS, str(images / name))
        opened = {length: _opening(loop, length) for length in (SHORT, LONG)}
        print(
            f"opens at {LONG:,} instructions {opened[LONG]:6.2f} s    "
            f"(a short run: {opened[SHORT]:.2f} s)"
        )
    for _ in range(times):
        cost = watching.measure(_watched)
        print(f"watching costs the machine    {cost.loss}    (5 wanted)")
        print(f"  in its own processor time   {cost.own}")
        print(f"  others of the server take   {cost.others} of a processor")


def first_picture(*words: str) -> float:
    """Return the seconds from the command to the next instruction on a terminal."""
    began = time.perf_counter()
    with _Terminal(*words) as terminal:
        terminal.until("▶".encode())
        return time.perf_counter() - began


class _Terminal:
    """A view on a terminal of its own.  Python may keep its bytecode, as of what is installed."""

    def __init__(self, *words: str) -> None:
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.environ["TERM"], os.environ["COLORTERM"] = "xterm-256color", "truecolor"
            os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
            os.execv(sys.executable, [sys.executable, "-m", "blink16.blinkenlights", *words])
        ioctl(self._terminal, TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._seen = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.press(b"q")
        os.kill(self.pid, signal.SIGTERM)
        os.close(self._terminal)
        os.waitpid(self.pid, 0)

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._terminal, keys)

    def mouse(self, button: int, column: int, *, released: bool = False) -> None:
        """Press, drag, turn or let go of a button of the mouse over a column of the time bar."""
        end = b"m" if released else b"M"
        self.press(b"\x1b[<%d;%d;%d%b" % (button, column + 1, ROWS - BAR_ROW + 1, end))

    def until(self, text: bytes) -> None:
        """Wait until it has written something."""
        while text not in self._seen:
            if not select.select([self._terminal], [], [], PATIENCE)[0]:
                raise TimeoutError("no picture came")
            self._read()

    def instant(self, before: int | None) -> int:
        """Wait until it shows an instant that is another one than before; return that."""
        self._seen = b""
        while (found := self._last()) is None or found == before:
            if not select.select([self._terminal], [], [], PATIENCE)[0]:
                raise TimeoutError("no picture came")
            self._read()
        return found

    def instants(self, seconds: float) -> int:
        """Return how many instants it shows in a while."""
        self._seen, end = b"", time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self._terminal], [], [], left)[0]:
                self._read()
        return len(_TIME.findall(self._seen))

    def _last(self) -> int | None:
        found = _TIME.findall(self._seen)
        return int(found[-1].replace(b",", b"")) if found else None

    def _read(self) -> None:
        self._seen = (self._seen + os.read(self._terminal, 1 << 16))[-(1 << 20) :]


def _dragging(name: str, seconds: float, *words: str) -> None:
    """Move the mouse over the time bar of a run: from each event to the instant on a terminal.

    ``seconds``: of the run, at full speed.  Events that come faster than pictures can are one: the
    newest place is gone to.
    """
    with _Terminal(*words) as terminal:
        terminal.until("▶".encode())
        terminal.press(b"C")
        terminal.instants(seconds)
        terminal.press(b"\x1b")
        terminal.instants(1.5)
        columns = random.Random(16)
        now = None
        for what, button, column in WAYS:
            terminal.mouse(PRESSED, column)
            if button != DRAGGED:
                terminal.mouse(PRESSED, column, released=True)
            terminal.instants(REST)
            times = []
            for _ in range(STEPS):
                column = _next_column(button, column, columns)
                began = time.perf_counter()
                terminal.mouse(button, column)
                now = terminal.instant(now)
                times.append((time.perf_counter() - began) * 1000)
                if button == PRESSED:
                    terminal.mouse(button, column, released=True)
                terminal.instants(REST)
            if button == DRAGGED:
                terminal.mouse(PRESSED, column, released=True)
            times.sort()
            median, late = statistics.median(times), times[len(times) * 95 // 100]
            print(
                f"{name}, {what:<5} to screen  {median:6.1f} ms   (33 wanted; p95 {late:.0f})",
                flush=True,
            )
        _storm(terminal)


def _next_column(button: int, column: int, columns: random.Random) -> int:
    """Return where the mouse is next: anywhere to click, near to drag, there for the wheel."""
    if button == PRESSED:
        others = [at for at in range(10, COLUMNS - 10) if abs(at - column) > 1]
        return columns.choice(others)
    return column + columns.choice((1, 2, 3, 5, -1, -2, -4)) if button == DRAGGED else column


def _storm(terminal: _Terminal) -> None:
    """Drag faster than pictures can come."""
    terminal.mouse(PRESSED, COLUMNS // 2)
    shown = 0
    for at in range(STORM):
        terminal.mouse(DRAGGED, 10 + at % (COLUMNS - 20))
        shown += terminal.instants(STORM_REST)
    began = time.perf_counter()
    while (more := terminal.instants(REST)) > 0:
        shown += more
    late = max(time.perf_counter() - began - REST, 0) * 1000
    seconds = STORM * STORM_REST
    print(f"{STORM} places in {seconds:.0f} s: {shown} shown, the last {late:.0f} ms behind")


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


@contextmanager
def _watched(port: int) -> Iterator[None]:
    """Have a view watch the machine of a server, on a terminal of its own."""
    with _Terminal("--connect", f"127.0.0.1:{port}") as terminal:
        terminal.until(b"time")
        over = threading.Event()

        def drain() -> None:
            while not over.is_set():
                terminal.instants(REST)

        reader = threading.Thread(target=drain)
        reader.start()
        try:
            yield
        finally:
            over.set()
            reader.join()


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
