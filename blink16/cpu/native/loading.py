"""The native interpreters of this process, one a processor.

They are taken from the cache, or made in the background.  An object file comes into the cache only
after a process of its own has made it, linked it and run it (`trial`).  What kills that process
can't kill us, and is remembered beside the cache.
"""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import astuple, dataclass
from functools import cache as remember
from pathlib import Path
from typing import NamedTuple

from blink16.cpu.hot import NO_BOARD, HotBoard
from blink16.cpu.model import Model
from blink16.cpu.native import cache, noting, trial
from blink16.cpu.native.board import port_functions
from blink16.cpu.native.compiler import (
    Compiler,
    HostProcessor,
    Library,
    NativeError,
    WayIn,
    submit,
    way_in,
)
from blink16.cpu.native.runtime import HELPERS, HOT, PATHS, WAYS_IN

LEVEL = 2
"""How much LLVM optimises the interpreter."""
_SOURCES = ("cpu/*.py", "cpu/models/*.py", "cpu/native/*.py", "devices/*.py", "memory.py")


@dataclass(frozen=True, slots=True)
class Core:
    """The interpreter in the process, and what regions need to link against it."""

    model: Model
    board: HotBoard
    probed: bool
    enter: WayIn
    answer: WayIn
    interrupt: WayIn
    symbols: dict[str, int]
    compiler: Compiler
    library: Library


_lock = threading.Lock()
_cores: dict[tuple[Model, HotBoard, bool], Future[Core]] = {}


def core(model: Model, board: HotBoard = NO_BOARD, *, probed: bool = False) -> Future[Core]:
    """Return a processor's interpreter, which may not be ready; it is made once in a process.

    ``probed``: the one with probes (`noting`).
    The result raises NativeError where there can be no native code.
    """
    with _lock:
        if (model, board, probed) not in _cores:
            _cores[model, board, probed] = submit(lambda: _make(model, board, probed))
        return _cores[model, board, probed]


@remember
def process_compiler() -> Compiler:
    """Return this process' compiler, to be used in the compiler's thread."""
    return Compiler()


def use(core: Core) -> None:
    """Let this be its processor's interpreter in this process."""
    with _lock:
        future = _cores[core.model, core.board, core.probed] = Future()
        future.set_result(core)


def _make(model: Model, board: HotBoard, probed: bool = False) -> Core:
    compiler = process_compiler()
    parts = ("probed image", "probed verdict") if probed else ("image", "verdict")
    keys = _Keys(*(_key(compiler.host, model, board, what) for what in parts))
    image = cache.load(keys.image)
    if image is not None:
        with suppress(NativeError):
            return linked(compiler, model, image, board, probed=probed)
    with cache.made_once(keys.image):
        other = cache.load(keys.image)  # made by a process that has begun with it before us
        if other is None or other == image:
            other = _first_image(keys, model, board, probed)
    return linked(compiler, model, other, board, probed=probed)


class _Keys(NamedTuple):
    """Where the cache has an interpreter's image, or why there is none."""

    image: bytes
    verdict: bytes


def _first_image(keys: _Keys, model: Model, board: HotBoard, probed: bool) -> bytes:
    """Return what a process of its own has made and tried, and keep it, or why it can't be."""
    verdict = cache.load(keys.verdict)
    if verdict is not None:
        raise NativeError(verdict.decode("utf-8", "replace"))
    try:
        image = trial.first_start(model, LEVEL, board, probed=probed)
    except trial.DiedError as error:
        cache.store(keys.verdict, f"{error}, when it was tried here before".encode())
        raise
    cache.store(keys.image, image)
    return image


def linked(
    compiler: Compiler,
    model: Model,
    image: bytes,
    board: HotBoard = NO_BOARD,
    *,
    probed: bool = False,
) -> Core:
    """Return the interpreter made of its object file; NativeError if it does not fit."""
    more = noting.HELPERS if probed else ()
    names = (*WAYS_IN, *HELPERS, *HOT, *port_functions(board), *PATHS, *more)
    library = compiler.link(image, names, {})
    addresses = library.addresses
    enter, answer, interrupt = (way_in(addresses[name]) for name in WAYS_IN)
    return Core(model, board, probed, enter, answer, interrupt, addresses, compiler, library)


def _key(host: HostProcessor, model: Model, board: HotBoard, what: str) -> bytes:
    """Return a digest of everything that the interpreter's machine code follows from."""
    digest = hashlib.sha256(repr((what, astuple(host), model.name, board.source, LEVEL)).encode())
    package = Path(__file__).resolve().parents[2]
    for pattern in _SOURCES:
        for path in sorted(package.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.digest()
