"""Large libraries, brought into memory while other threads go on.

An import holds Python's lock while the system loads a module's libraries: 100 to 250 ms for those
of a database that come from a disk, in which a server answers nobody.  The system's own loader,
called without that lock, does that part before; the import then finds them there.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path


def preload(*modules: str) -> None:
    """Load the libraries of extension modules, of which nothing is executed but what initializes
    the libraries themselves.

    ``modules``: such as ``pyarrow.lib``.  What isn't there, or can't be loaded, is left to the
    import, which says so; and all is, where the system has no loader that we know.
    """
    if os.name != "posix":
        return
    load = ctypes.CDLL(None).dlopen  # a foreign function: called without the lock
    load.argtypes, load.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    for name in modules:
        for path in _files(name):
            load(os.fsencode(path), os.RTLD_NOW)


def _files(module: str) -> Iterator[Path]:
    """Return where an extension module lies; nothing is imported for that."""
    package, *parts = module.split(".")
    spec = find_spec(package)
    if spec is None:
        return
    if not parts:
        if spec.origin is not None and spec.origin.endswith(tuple(EXTENSION_SUFFIXES)):
            yield Path(spec.origin)
        return
    for folder in spec.submodule_search_locations or ():
        stem = Path(folder, *parts)
        found = (stem.with_name(stem.name + suffix) for suffix in EXTENSION_SUFFIXES)
        yield from (path for path in found if os.path.isfile(path))  # noqa: PTH113
