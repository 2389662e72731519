"""What all attackers have in common: seeds, budgets, a corpus, and what counts as broken."""

from __future__ import annotations

import gc
import itertools
import json
import re
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from blink16.server.garbage import collected_rarely

CORPUS = Path(__file__).resolve().parent / "corpus"
"""A folder for each attacker, with a file for each fault that it has found."""
BUSY = 50
"""How much longer a case may take on a computer that has other things to do as well."""
CLEANING = 2.0
"""Seconds between two looks at the memory, with a collection of garbage, as a server has them when
nobody waits: none comes in the midst of an operation.
"""
MAX_MEMORY = 2 << 30
"""Bytes that an attacking process may use, with all the machines that it keeps."""
SHOWN = 2000
"""Characters of a traceback that are shown."""

Case = Any
"""One attack, as JSON can hold it."""


class BrokenError(AssertionError):
    """What was promised does not hold; the text says how."""


@dataclass(frozen=True, slots=True)
class Fuzzer:
    """An attacker."""

    name: str
    invariant: str
    """What it tries to break, in one sentence."""
    unit: str
    """What it counts."""
    generate: Callable[[Random], Case]
    """Makes a case by a grammar."""
    run: Callable[[Case], int]
    """Carries it out; returns how many units that was.  Any exception means broken."""
    slowest: float = 10.0
    """Seconds of work that one case may take."""


class Stopwatch:
    """How long single operations took, in seconds of work.

    To ask how long a thread has worked is a system call, and dear for what takes microseconds.  So
    that is asked now and then, and of an operation that has taken long by the clock on the wall:
    then `PRECISION` may be counted that was worked before it began.
    """

    PRECISION = 0.002

    def __init__(self) -> None:
        self.worst = 0.0
        self._asked_at = self._worked = 0.0

    def begin(self) -> float:
        """Return the time at which an operation begins."""
        now = time.perf_counter()
        if now - self._asked_at > self.PRECISION:
            self._worked, self._asked_at = time.thread_time(), now
        return now

    def end(self, began: float) -> float:
        """Return how long it worked at most."""
        taken = time.perf_counter() - began
        if taken > self.worst:
            taken = min(taken, time.thread_time() - self._worked)
            self.worst = max(self.worst, taken)
        return taken


OPERATIONS = Stopwatch()
"""Those of the attack that is going on."""


@contextmanager
def brief(most: float) -> Iterator[None]:
    """Do one operation; BrokenError if it works for more than so many seconds."""
    began = OPERATIONS.begin()
    yield
    taken = OPERATIONS.end(began)
    if taken > most:
        raise BrokenError(f"one operation worked for {taken:.2f} s, and {most} are promised")


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="blink16-fuzz-")


def scratch(name: str, content: bytes) -> Path:
    """Return a file with such a content; it goes with the process, or with the next of its name."""
    path = Path(_scratch().name) / name
    path.write_bytes(content)
    return path


def memory_in_use(process: int | str = "self") -> int:
    """Return the bytes that a process has in memory; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s*(\d+) kB", status)
    return int(found[1]) << 10 if found else 0


@dataclass(slots=True)
class Result:
    """What has come of an attack."""

    cases: int = 0
    units: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    operation: float = 0.0
    """Seconds of work that the longest single operation took, where they are measured."""
    memory: int = 0
    """Bytes in use at most, after a case."""
    failure: str | None = None
    case: Path | None = None
    """Where the case that broke it was put."""


def attack(
    fuzzer: Fuzzer,
    *,
    seed: str,
    budget: float,
    count: int = 0,
    corpus: Path | None = None,
) -> Result:
    """Attack, first with the corpus, until time or count is used up or something breaks.

    ``budget``: seconds.  ``count``: units; 0 for as many as there is time for.
    """
    result = Result()
    began = cleaned = time.monotonic()
    OPERATIONS.worst = 0.0
    known = [(case, None) for case in _known(fuzzer, corpus)]
    made = (
        (fuzzer.generate(Random(f"{fuzzer.name}/{seed}/{number}")), corpus)
        for number in itertools.count()
    )
    with collected_rarely():
        for case, save in itertools.chain(known, made):
            now = time.monotonic()
            result.seconds = now - began
            is_over = result.seconds >= budget or (count and result.units >= count)
            if is_over and result.cases >= len(known):
                break
            if now - cleaned > CLEANING:
                gc.collect()
                cleaned = now
            if not _strike(fuzzer, case, result, save, look=now == cleaned):
                break
    result.seconds = time.monotonic() - began
    result.memory = max(result.memory, memory_in_use())
    return result


def say_result(fuzzer: Fuzzer, result: Result) -> str:
    """Tell what was done and found."""
    text = (
        f"{fuzzer.name}: {result.units} {fuzzer.unit} in {result.cases} cases, "
        f"{result.seconds:.0f} s, the slowest case worked {result.slowest * 1000:.0f} ms"
        f", an operation {result.operation * 1000:.0f} ms; {result.memory >> 20} MiB at most"
    )
    if result.failure is not None:
        text += f"\nBROKEN: {fuzzer.invariant}\n{result.failure}\nthe case: {result.case}"
    return text


def json_result(fuzzer: Fuzzer, result: Result) -> str:
    """Tell the same for programs, in a line of JSON."""
    faults = [f"{result.failure}\nthe case: {result.case}"] if result.failure else []
    return json.dumps(
        {
            "name": fuzzer.name,
            "units": result.units,
            "unit": fuzzer.unit,
            "cases": result.cases,
            "seconds": round(result.seconds, 1),
            "slowest_ms": round(1000 * result.slowest, 1),
            "operation_ms": round(1000 * result.operation, 1),
            "memory_mib": result.memory >> 20,
            "faults": faults,
        }
    )


def _strike(fuzzer: Fuzzer, case: Case, result: Result, save: Path | None, *, look: bool) -> bool:
    """Carry out a case; whether all is well.  ``look``: at the memory, too."""
    began, worked = time.perf_counter(), time.thread_time()
    try:
        result.units += fuzzer.run(case)
        taken, work = time.perf_counter() - began, time.thread_time() - worked
        if work > fuzzer.slowest or taken > BUSY * fuzzer.slowest:
            raise BrokenError(f"it took {taken:.1f} s, {work:.1f} s of them at work")
        result.memory = max(result.memory, memory_in_use() if look else 0)
        if result.memory > MAX_MEMORY:
            raise BrokenError(f"the process has grown to {result.memory >> 20} MiB")
    except Exception:
        result.failure = traceback.format_exc()[-SHOWN:]
        result.case = _keep(fuzzer, case, save)
    result.cases += 1
    result.slowest = max(result.slowest, time.thread_time() - worked)
    result.operation = OPERATIONS.worst
    return result.failure is None


def _known(fuzzer: Fuzzer, corpus: Path | None) -> Iterator[Case]:
    if corpus is not None:
        for path in sorted((corpus / fuzzer.name).glob("*.json")):
            yield json.loads(path.read_text())


def _keep(fuzzer: Fuzzer, case: Case, corpus: Path | None) -> Path | None:
    if corpus is None:
        return None
    text = json.dumps(case, indent=1)
    path = corpus / fuzzer.name / f"found-{sha256(text.encode()).hexdigest()[:12]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
