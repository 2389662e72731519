"""The native interpreters of this process, one a processor.

They are taken from the cache, or compiled in the background.
"""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import Future
from dataclasses import astuple, dataclass
from functools import cache as remember
from pathlib import Path

from blink16.cpu.hot import Board
from blink16.cpu.model import Model
from blink16.cpu.native import cache
from blink16.cpu.native.compiler import (
    Compiler,
    HostProcessor,
    Library,
    NativeError,
    WayIn,
    submit,
    way_in,
)
from blink16.cpu.native.interpreter import module_text
from blink16.cpu.native.runtime import HELPERS, PATHS, WAYS_IN

LEVEL = 2
"""How much LLVM optimises the interpreter."""
_SOURCES = ("cpu/*.py", "cpu/models/*.py", "cpu/native/*.py", "memory.py")


@dataclass(frozen=True, slots=True)
class Core:
    """The interpreter in the process, and what regions need to link against it."""

    model: Model
    enter: WayIn
    answer: WayIn
    interrupt: WayIn
    symbols: dict[str, int]
    compiler: Compiler
    library: Library


_lock = threading.Lock()
_cores: dict[Model, Future[Core]] = {}


def core(model: Model) -> Future[Core]:
    """Return a processor's interpreter, which may not be ready; it is made once in a process.

    The result raises NativeError where there can be no native code.
    """
    with _lock:
        if model not in _cores:
            _cores[model] = submit(lambda: _make(model))
        return _cores[model]


@remember
def _compiler() -> Compiler:
    return Compiler()


def _make(model: Model) -> Core:
    compiler = _compiler()
    exports = (*WAYS_IN, *HELPERS, *PATHS)
    key = _key(compiler.host, model)
    image = cache.load(key)
    library = _try_link(compiler, image, exports)
    if library is None:
        image = compiler.compile(module_text(model), LEVEL)
        cache.store(key, image)
        library = compiler.link(image, exports, {})
    addresses = library.addresses
    enter, answer, interrupt = (way_in(addresses[name]) for name in WAYS_IN)
    return Core(model, enter, answer, interrupt, addresses, compiler, library)


def _try_link(compiler: Compiler, image: bytes | None, exports: tuple[str, ...]) -> Library | None:
    if image is None:
        return None
    try:
        return compiler.link(image, exports, {})
    except NativeError:
        return None


def _key(host: HostProcessor, model: Model) -> bytes:
    """Return a digest of everything that the interpreter's machine code follows from."""
    digest = hashlib.sha256(repr((astuple(host), model.name)).encode())
    package = Path(__file__).resolve().parents[2]
    for pattern in _SOURCES:
        for path in sorted(package.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.digest()
