"""The child of `ahead`: puts the interpreter that is soon made into the cache, and the stamp."""

from __future__ import annotations

import sys

from blink16.cpu import hot, models
from blink16.cpu.hot import HotBoard
from blink16.cpu.model import Model
from blink16.cpu.native import ahead, cache, first_start, loading
from blink16.cpu.native.compiler import NativeError


def make(model: Model, board: HotBoard) -> None:
    """Have an interpreter in the cache, unless there is a good one or a verdict against it."""
    good = loading.Recipe(model, board, False, loading.LEVEL)
    quick = loading.Recipe(model, board, False, loading.QUICK)
    known = (*loading.keys(good), *loading.keys(quick))
    if any(cache.load(key) is not None for key in known):
        return
    image = loading.keys(quick).image
    with cache.made_once(image):
        if cache.load(image) is None:
            cache.store(image, first_start.make(model, loading.QUICK, board))


if __name__ == "__main__":
    name, source, stamp = sys.argv[1:]
    try:
        make(models.find(name), hot.find(source))
    except NativeError as error:
        sys.exit(str(error))
    cache.store(bytes.fromhex(stamp), ahead.STAMPED)
