"""Recordings as runs that can be asked: ``blink16.ask``, and what the command stands on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path

import pyarrow as pa

from blink16 import recording
from blink16.history.timeline import Timeline
from blink16.questions.answers import perform
from blink16.questions.asking import HISTORY, Asking
from blink16.questions.dataflow import ProgramFile
from blink16.questions.needs import FOREVER, QuestionError
from blink16.questions.run import Run
from blink16.recording import Recording, RecordingError, open_recording
from blink16.setup import loader
from blink16.setup.loader import Loaded
from blink16.symbolfiles import SymbolSource


def ask(
    path: str | PathLike[str],
    question: str,
    *,
    threads: int = 0,
    span: range = range(FOREVER),
    symbols: Sequence[SymbolSource] = (),
    dask: str = "",
) -> pa.Table | str | bytes:
    """Ask a recording: SQL, a table's name or a named question, as ``blink16-ask`` does.

    ``threads``: 0 for one a processor.  ``span``: instruction counts.  ``dask``: a scheduler's
    address (``tcp://host:8786``), to ask on its cluster.  A table of Arrow's, a text,
    or a file's content, by the question.  QuestionError if there is no answer, or if only a part
    of it can be had; RecordingError if the recording can't be read.
    """
    run = run_of(open_recording(Path(path)), symbols, Asking(threads=threads), span)
    if dask:
        run = on_cluster(run, Path(path), dask)
    product = perform(run, [question])
    try:
        if product.partial:
            raise QuestionError("; ".join(product.partial))
        if product.tables is not None:
            return pa.concat_tables(product.tables)
        return product.content or product.text
    finally:
        product.close()


def run_of(
    found: Recording,
    symbols: Sequence[SymbolSource] = (),
    how: Asking | None = None,
    span: range = range(FOREVER),
) -> Run:
    """Return a recording as a run; RecordingError or LoadError if it can't be replayed."""
    how = how or Asking()
    kind = loader.ProgramKind[found.launch.kind]
    loaded = loader.with_symbols(replayed(found, how.engine)[0], kind, tuple(symbols))
    return Run(
        lambda: replayed(found, how.engine)[1],
        loaded.symbols,
        how,
        loaded.debug,
        span,
        found.damage,
        ProgramFile(found.launch.name, found.launch.image),
        line_20=loaded.machine.has_a20,
        open_other=lambda path: _other(path, how),
    )


def on_cluster(run: Run, path: Path, address: str) -> Run:
    """Return a recording's run, to be asked on a Dask cluster; RecordingError as when opening."""
    from blink16.cluster import ask_cluster

    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordingError(f"{path}: can't read it: {error.strerror}") from None
    return replace(run, elsewhere=partial(ask_cluster, address, content))


def _other(path: str, how: Asking) -> Run:
    """Open another recording to be compared; QuestionError if it can't be."""
    try:
        return run_of(open_recording(Path(path)), (), how)
    except (RecordingError, loader.LoadError) as error:
        raise QuestionError(str(error)) from None


def replayed(found: Recording, engine: str) -> tuple[Loaded, Timeline]:
    """Return a machine of its own with the recorded history."""
    loaded, debugger = recording.replay(found, engine, history_limit=HISTORY)
    return loaded, debugger.timeline


__all__ = ["QuestionError", "RecordingError", "ask", "replayed", "run_of"]
