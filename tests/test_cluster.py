"""A recording asked on a Dask cluster of processes on this computer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_questions import NAIVE, recorded, rows, source

from blink16.cli import ask_main
from blink16.cluster import ask_cluster, ask_interval
from blink16.questions.asking import Asking, ask
from blink16.questions.needs import Need, QuestionError
from blink16.questions.tables import TABLES
from blink16.recording import open_recording

distributed = pytest.importorskip("distributed", reason="needs blink16[dask], which tests do not")
pytestmark = pytest.mark.slow
ALL = Need.of(*TABLES)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Return a cluster of two processes."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as found:
        yield found


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording of the sample."""
    folder = tmp_path_factory.mktemp("cluster")
    recorded(folder, "banner", ["HELLO", "ALL"])
    return folder / "run.b16"


def test_a_cluster_gives_what_threads_do(cluster: Any, path: Path) -> None:
    """Prevents rows that are lost on the way from a worker, and counts that are added twice."""
    found = open_recording(path)
    expected = rows(ask(source(found), ALL, NAIVE))
    content = path.read_bytes()
    for bound in (1 << 30, 1000):
        how = Asking(least=1, bound=bound)
        cuts = [n * found.end // 6 for n in range(1, 6)]
        answer = ask_cluster(cluster.scheduler_address, content, source(found, cuts)(), ALL, how)
        assert rows(answer) == expected


def test_a_worker_that_dies_costs_no_row(
    cluster: Any, path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Prevents a total that is wrong since a computer was switched off."""
    mark = str(tmp_path / "died")

    def die_once(*given: Any) -> Any:
        if not os.path.exists(mark):  # noqa: PTH110 - it travels to the worker as it is
            open(mark, "w").close()  # noqa: PTH123
            os._exit(1)
        return ask_interval(*given)

    monkeypatch.setattr("blink16.cluster.ask_interval", die_once)
    found = open_recording(path)
    cuts = [n * found.end // 6 for n in range(1, 6)]
    address, content = cluster.scheduler_address, path.read_bytes()
    answer = ask_cluster(address, content, source(found, cuts)(), ALL, Asking(least=1))
    assert rows(answer) == rows(ask(source(found), ALL, NAIVE))
    assert Path(mark).exists()


def test_workers_that_all_die_leave_a_part_that_is_told(
    cluster: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a question that waits for ever, and a part taken for the whole."""

    def die_in_the_middle(*given: Any) -> Any:
        if given[3].number == 1:
            os._exit(1)
        return ask_interval(*given)

    monkeypatch.setattr("blink16.cluster.ask_interval", die_in_the_middle)
    found = open_recording(path)
    cuts = [n * found.end // 6 for n in range(1, 6)]
    address, content = cluster.scheduler_address, path.read_bytes()
    with ask_cluster(address, content, source(found, cuts)(), ALL, Asking(least=1)) as answer:
        (told,) = answer.partial
    assert told.endswith(" are missing: each worker that was asked has died")


def test_the_command_asks_a_cluster(
    cluster: Any, path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Prevents an option that nobody minds, and a traceback where there is no cluster."""
    query = "select count(*) as n from executed"
    answers = []
    for where in ([], ["--dask", cluster.scheduler_address]):
        assert ask_main([*where, str(path), query]) == 0
        answers.append(capfd.readouterr().out)
    assert answers[0] == answers[1]


def test_no_cluster_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a traceback of Dask's for an address that is wrong."""
    monkeypatch.setattr("blink16.cluster.TIMEOUT", 1)
    first = source(open_recording(path))()
    for address in ("tcp://127.0.0.1:1", "nonsense://x"):
        with pytest.raises(QuestionError, match="no Dask cluster"):
            ask_cluster(address, b"", first, ALL, Asking())
