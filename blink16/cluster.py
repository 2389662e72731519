"""A recording asked on a Dask cluster: each interval by whoever of it is free.

An interval's answer is a pure function of the recording, the interval and the question; so a worker
that dies costs time, and its interval is asked again elsewhere.
"""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from blink16 import recording
from blink16.cpu.probes import COUNTS
from blink16.history.terms import STUMBLES, ReplayError
from blink16.history.timeline import Timeline
from blink16.questions.asking import HISTORY, Answer, Asking, Pool, Worker, ask_by
from blink16.questions.gathering import Hold, Rows
from blink16.questions.intervals import Interval
from blink16.questions.needs import Need, QuestionError
from blink16.words import extras

TIMEOUT = 20
"""Seconds until a scheduler that does not answer is given up."""
RETRIES = 2
"""How often an interval is asked again that fails."""
UNBOUND = 1 << 62


@dataclass(frozen=True, slots=True)
class Given:
    """What a worker has found out about an interval."""

    rows: Rows
    executed: Any
    """Where instructions were executed (indices of `probes.COUNTS`), and how often."""
    counts: Any
    failure: str = ""
    """Why there is nothing."""


def ask_cluster(address: str, content: bytes, first: Timeline, need: Need, how: Asking) -> Answer:
    """Ask a recording (its file's ``content``), whose history is ``first``, on a cluster.

    ``address``: its scheduler's, like ``tcp://host:8786``.  QuestionError if there is none.
    KeyboardInterrupt takes back what is not done.
    """
    try:
        distributed: Any = import_module("distributed")  # it has no types to speak of
    except ImportError:
        raise QuestionError(f"a cluster needs more packages: {extras.command('dask')}") from None
    try:
        client = distributed.Client(address, timeout=TIMEOUT)
    except (OSError, ValueError, TimeoutError) as error:
        raise QuestionError(f"no Dask cluster answers at {address[:80]}: {error!s:.200}") from None
    with closing(client):
        hands = sum(client.nthreads().values())
        if not hands:
            raise QuestionError(f"the Dask cluster at {address[:80]} has no workers")

        def carry(pool: Pool) -> None:
            _carry(distributed, client, content, pool, how)

        return ask_by(carry, first, need, how, hands)


def _carry(distributed: Any, client: Any, content: bytes, pool: Pool, how: Asking) -> None:
    """Have a pool's intervals asked."""
    # As a task's result it is made again where the workers that have it are gone.
    everywhere = client.submit(received, content, pure=False, retries=RETRIES)
    asked = {
        client.submit(
            ask_interval,
            everywhere,
            how.engine,
            pool.need,
            interval,
            pool.span,
            pure=False,
            retries=RETRIES,
        ): interval
        for interval in pool.intervals
    }
    try:
        for future in distributed.as_completed(list(asked)):
            try:
                given: Given = future.result()
            except distributed.KilledWorker:
                pool.fail(asked[future], "each worker that was asked has died")
                continue
            except Exception as error:  # whatever a worker of other making raises
                pool.fail(asked[future], f"{error!r:.200}")
                continue
            if given.failure:
                pool.fail(asked[future], given.failure)
                continue
            counts = np.zeros(COUNTS, np.uint64)
            counts[given.executed] = given.counts
            pool.take(asked[future], given.rows, counts)
    finally:
        client.cancel(list(asked))


# -- in a worker -----------------------------------------------------------------------------------

_local = threading.local()


def received(content: bytes) -> bytes:
    """Keep a recording for those who ask it."""
    return content


def ask_interval(content: bytes, engine: str, need: Need, interval: Interval, span: range) -> Given:
    """Ask an interval of a recording."""
    timeline = _history(content, engine)
    with tempfile.TemporaryDirectory(prefix="blink16-ask-") as folder:
        hold = Hold(UNBOUND, Path(folder))
        worker = Worker(timeline, need, Asking(engine=engine), hold, span)
        try:
            rows = worker.ask(interval, lambda instructions: None)
        except ReplayError as error:
            return Given(Rows(), [], [], str(error))
        except STUMBLES as error:
            return Given(Rows(), [], [], f"the replay stumbles: {error!r:.100}")
        finally:
            worker.close()
    executed = np.flatnonzero(worker.counts)
    return Given(rows, executed, worker.counts[executed])


def _history(content: bytes, engine: str) -> Timeline:
    """Return the recorded history, which a thread makes once and keeps."""
    key = sha256(content).digest(), engine
    if getattr(_local, "key", None) != key:
        handle, name = tempfile.mkstemp(prefix="blink16-", suffix=".b16")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            found = recording.open_recording(Path(name))
            debugger = recording.replay(found, engine, history_limit=HISTORY)[1]
            _local.timeline = debugger.timeline
        finally:
            Path(name).unlink()
        _local.key = key
    timeline: Timeline = _local.timeline
    return timeline
