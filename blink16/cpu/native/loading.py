"""The native interpreter of this process: taken from the cache, or made in the background.

An object file comes into the cache only after a process of its own has made it, linked it and run
it (`trial`).  What kills that process can't kill us, and is remembered beside the cache.
"""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path

from blink16.cpu.native import cache, trial
from blink16.cpu.native.compiler import (
    Compiler,
    Host,
    Library,
    NativeError,
    WayIn,
    submit,
    way_in,
)
from blink16.cpu.native.runtime import HELPERS, PATHS, WAYS_IN

LEVEL = 2
"""How much LLVM optimises the interpreter."""
_SOURCES = ("cpu/*.py", "cpu/native/*.py", "memory.py")


@dataclass(frozen=True, slots=True)
class Core:
    """The interpreter in the process, and what regions need to link against it."""

    enter: WayIn
    answer: WayIn
    interrupt: WayIn
    symbols: dict[str, int]
    compiler: Compiler
    library: Library


_lock = threading.Lock()
_core: Future[Core] | None = None


def core() -> Future[Core]:
    """Return the interpreter, which may not be ready; it is made once in a process.

    The result raises NativeError where there can be no native code.
    """
    global _core
    with _lock:
        if _core is None:
            _core = submit(_make)
        return _core


def use(core: Core) -> None:
    """Let this be the interpreter of the process."""
    global _core
    with _lock:
        _core = Future()
        _core.set_result(core)


def _make() -> Core:
    compiler = Compiler()
    key, verdict_key = (_key(compiler.host, what) for what in ("image", "verdict"))
    image = cache.load(key)
    if image is not None:
        with suppress(NativeError):
            return linked(compiler, image)
    verdict = cache.load(verdict_key)
    if verdict is not None:
        raise NativeError(verdict.decode("utf-8", "replace"))
    try:
        image = trial.first_start(LEVEL)
    except trial.DiedError as error:
        cache.store(verdict_key, f"{error}, when it was tried here before".encode())
        raise
    cache.store(key, image)
    return linked(compiler, image)


def linked(compiler: Compiler, image: bytes) -> Core:
    """Return the interpreter made of its object file; NativeError if it does not fit."""
    library = compiler.link(image, (*WAYS_IN, *HELPERS, *PATHS), {})
    addresses = library.addresses
    enter, answer, interrupt = (way_in(addresses[name]) for name in WAYS_IN)
    return Core(enter, answer, interrupt, addresses, compiler, library)


def _key(host: Host, what: str) -> bytes:
    """Return a digest of everything that the interpreter's machine code follows from."""
    digest = hashlib.sha256(repr((what, astuple(host), LEVEL)).encode())
    package = Path(__file__).resolve().parents[2]
    for pattern in _SOURCES:
        for path in sorted(package.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.digest()
