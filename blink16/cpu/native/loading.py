"""The native interpreters of this process, one a processor.

They are taken from the cache, or made in the background: first one that LLVM hardly optimises,
which is there within a second, and then the good one, which takes its place (`Core.better`).  An
object file comes into the cache only after a process of its own has made it, linked it and run it
(`trial`).  What kills that process can't kill us, and is remembered beside the cache.
"""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from functools import cache as remember
from typing import NamedTuple

from blink16.cpu.hot import NO_BOARD, HotBoard
from blink16.cpu.model import Model
from blink16.cpu.native import ahead, cache, noting, sources, trial
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
QUICK = 0
"""The same of the one that is made first; its regions are as good as any."""


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
    better: Future[Core] | None = None
    """The one that is to take its place, where it was made quickly; NativeError if none comes."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an interpreter is made of, and how much LLVM optimises it."""

    model: Model
    board: HotBoard
    probed: bool
    level: int


_lock = threading.Lock()
_cores: dict[tuple[Model, HotBoard, bool], Future[Core]] = {}


def core(model: Model, board: HotBoard = NO_BOARD, *, probed: bool = False) -> Future[Core]:
    """Return a processor's interpreter, which may not be ready; it is made once in a process.

    ``probed``: the one with probes (`noting`).
    The result raises NativeError where there can be no native code.  It may have a better one.
    """
    with _lock:
        if (model, board, probed) not in _cores:
            _cores[model, board, probed] = submit(lambda: _make(model, board, probed))
        return _cores[model, board, probed]


def best_of(core: Core) -> Core:
    """Wait for the better one that is to take an interpreter's place, if one comes."""
    if core.better is not None:
        with suppress(NativeError):
            return core.better.result()
    return core


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
    """Return the good interpreter if the cache has it, or else one that is made quickly."""
    good = Recipe(model, board, probed, LEVEL)
    quick = replace(good, level=min(QUICK, LEVEL))
    known = cache.load(keys(good).image)
    made = _linked_if_sound(good, known)
    if made is not None:
        return made
    _look_for_verdict(good)
    if quick == good:
        return _linked(good, _first_image(good, known))
    at_hand = cache.load(keys(quick).image)
    made = _linked_if_sound(quick, at_hand) or _linked(quick, _first_image(quick, at_hand))
    return replace(made, better=_begin(good, known, made))


def _begin(good: Recipe, known: bytes | None, quick: Core) -> Future[Core]:
    """Let the good interpreter be made meanwhile, for which nobody waits when the process ends."""
    better: Future[Core] = Future()

    def make() -> None:
        try:
            image = _first_image(good, known)
            made = submit(lambda: _linked(good, image)).result()
        except Exception as error:
            better.set_exception(NativeError(str(error)))
            return
        with _lock:
            _replaced.append(quick)
            _cores[good.model, good.board, good.probed] = better
        better.set_result(made)

    threading.Thread(target=make, name="blink16-first-start", daemon=True).start()
    return better


_replaced: list[Core] = []
"""Regions are known by the interpreter that they are linked to: its address must stay its own."""


class _Keys(NamedTuple):
    """Where the cache has an interpreter's image, or why there is none."""

    image: bytes
    verdict: bytes


def keys(recipe: Recipe) -> _Keys:
    """Return the keys of an interpreter."""
    parts = ("probed image", "probed verdict") if recipe.probed else ("image", "verdict")
    return _Keys(*(_key(process_compiler().host, recipe, what) for what in parts))


def _look_for_verdict(recipe: Recipe) -> None:
    """NativeError if native code was tried here before, and crashed."""
    verdict = cache.load(keys(recipe).verdict)
    if verdict is not None:
        raise NativeError(verdict.decode("utf-8", "replace"))


def _first_image(recipe: Recipe, known: bytes | None) -> bytes:
    """Return what a process of its own has made and tried, and keep it, or why it can't be.

    ``known``: what the cache has, if that is of no use.
    """
    ahead.wait()
    places = keys(recipe)
    with cache.made_once(places.image):
        other = cache.load(places.image)  # made by a process that has begun with it before us
        if other is not None and other != known:
            return other
        _look_for_verdict(recipe)
        made_of = recipe.model, recipe.level, recipe.board
        try:
            image = trial.first_start(*made_of, probed=recipe.probed, key=places.image)
        except trial.DiedError as error:
            cache.store(places.verdict, f"{error}, when it was tried here before".encode())
            raise
        cache.store(places.image, image)
        return image


def _linked_if_sound(recipe: Recipe, image: bytes | None) -> Core | None:
    if image is not None:
        with suppress(NativeError):
            return _linked(recipe, image)
    return None


def _linked(recipe: Recipe, image: bytes) -> Core:
    compiler = process_compiler()
    return linked(compiler, recipe.model, image, recipe.board, probed=recipe.probed)


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


def _key(host: HostProcessor, recipe: Recipe, what: str) -> bytes:
    """Return a digest of everything that an interpreter's machine code follows from."""
    parts = what, astuple(host), recipe.model.name, recipe.board.source, recipe.level
    digest = hashlib.sha256(repr(parts).encode() + sources.digest())
    return digest.digest()
