"""Where programs are looked for by their names: folders, our samples, and $PATH."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import resources
from itertools import islice
from pathlib import Path

from blink16.hostfiles import is_file

SUFFIXES = ("", ".com", ".exe", ".COM", ".EXE")
"""What a program's name may lack, tried in DOS' order."""
SAMPLES = Path(str(resources.files("blink16") / "samples"))
SAMPLE_SUFFIXES = ("", ".img", ".com", ".exe")
"""The same of the programs that come with this package."""
MAX_NEIGHBOURS = 1000
"""Files of a folder that a mistyped name is compared with."""


def candidates(name: str, is_program: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield the files that a name may mean, the likeliest first.

    ``is_program``: whether a file on $PATH, where most are for today's hosts, counts.  OSError
    where a folder can't be looked at.
    """
    yield from _as_path(name)
    if Path(name).name == name:
        yield from _samples(name)
        yield from _on_search_path(name, is_program)


def neighbours(path: Path) -> list[str]:
    """Return the names of files where a program was looked for; of a bare name, samples too."""
    near: list[str] = []
    with suppress(OSError), os.scandir(path.parent) as files:
        near = [str(path.with_name(file.name)) for file in islice(files, MAX_NEIGHBOURS)]
    if path.name == str(path):
        samples = (file for file in SAMPLES.iterdir() if file.is_file())
        near += [file.stem for file in samples if file.suffix in SAMPLE_SUFFIXES]
    return near


def _as_path(name: str) -> Iterator[Path]:
    for suffix in SUFFIXES:
        path = Path(name + suffix)
        if path.exists() and not path.is_dir():
            yield path


def _samples(name: str) -> Iterator[Path]:
    """The sample of that name that is part of this package, if there is one."""
    for suffix in SAMPLE_SUFFIXES:
        if "." not in name and (sample := SAMPLES / (name + suffix)).is_file():
            yield sample


def _on_search_path(name: str, is_program: Callable[[Path], bool]) -> Iterator[Path]:
    for suffix in SUFFIXES:
        for folder in os.get_exec_path():
            path = Path(folder, name + suffix)
            if is_file(path) and is_program(path):
                yield path
