"""Questions about a whole run: every table is what one pass of the reference engine counts."""

from __future__ import annotations

import errno
import io
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16 import recording
from blink16.cpu.engine import StopReason
from blink16.history.terms import Interrupted
from blink16.history.timeline import Timeline
from blink16.memory import RAM_SIZE
from blink16.questions import sql
from blink16.questions.answers import perform
from blink16.questions.asking import Answer, Asking, ask, ask_here
from blink16.questions.gathering import Hold, Piece
from blink16.questions.intervals import cut
from blink16.questions.needs import EVERYWHERE, Need, QuestionError, merged
from blink16.questions.printing import Format, write
from blink16.questions.run import Run
from blink16.questions.tables import TABLES
from blink16.recording import Recording, open_recording
from blink16.setup import loader

ALL = Need.of(*TABLES)
NAIVE = Asking(threads=1, engine="reference", least=1 << 62)
"""One pass from the first instruction to the last, on the oracle."""


def recorded(path: Path, name: str, arguments: Sequence[str] = (), typed: bytes = b"") -> Recording:
    """Run a program to its end, with all that is typed, and return the recording of that."""
    program = loader.read(name)
    options = loader.Options(root=path, engine="native", epoch_ns=10**18)
    file = path / "run.b16"
    _loaded, debugger, recorder = recording.record(file, program, list(arguments), options)
    timeline = debugger.timeline
    for byte in typed:
        timeline.run(500)
        timeline.receive("console", bytes((byte,)))
    timeline.receive("console", b"")
    while timeline.run(2_000_000).reason not in (StopReason.EXITED, StopReason.TRAPPED):
        pass
    recorder.close()
    return open_recording(file)


def source(found: Recording, cuts: Sequence[int] = ()) -> Callable[[], Timeline]:
    """Return what plays a recording, with checkpoints where they are wanted."""

    def make() -> Timeline:
        timeline = recording.replay(found, "native")[1].timeline
        for icount in cuts:
            timeline.seek(icount)
            timeline.keep()
        return timeline

    return make


@pytest.fixture(scope="module")
def banner(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Return the recording of the sample."""
    return recorded(tmp_path_factory.mktemp("banner"), "banner", ["HELLO", "ALL"])


@pytest.fixture(scope="module")
def naive(banner: Recording) -> dict[str, list[dict[str, object]]]:
    """Return all tables of the sample's run, as the reference engine counts them."""
    return rows(ask(source(banner), ALL, NAIVE))


def rows(answer: Answer) -> dict[str, list[dict[str, object]]]:
    """Return an answer's tables as plain rows."""
    with answer:
        assert not answer.partial
        return {name: answer.table(name).to_pylist() for name in answer.tables}


@settings(max_examples=examples(12), deadline=None)
@given(st.lists(st.floats(0, 1), max_size=6), st.integers(1, 3), st.booleans())
def test_tables_depend_on_no_checkpoint_and_on_no_thread(
    banner: Recording,
    naive: dict[str, list[dict[str, object]]],
    parts: list[float],
    threads: int,
    spills: bool,
) -> None:
    """Prevents a row that is lost or doubled at a seam, or where rows go to disk."""
    cuts = sorted({int(part * banner.end) for part in parts})
    how = Asking(threads=threads, least=1, bound=1000 if spills else 1 << 30)
    found = rows(ask(source(banner, cuts), ALL, how))
    for name, expected in naive.items():
        assert found[name] == expected, name


@settings(max_examples=examples(12), deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(("native", "reference")))
def test_a_span_is_what_happened_in_it(
    banner: Recording,
    naive: dict[str, list[dict[str, object]]],
    a: float,
    b: float,
    engine: str,
) -> None:
    """Prevents rows from before or behind the instants that were asked for."""
    low, high = sorted((int(a * banner.end), int(b * banner.end)))
    need = Need.of(*TABLES, span=range(low, high))
    found = rows(ask(source(banner), need, Asking(threads=2, engine=engine, least=100)))
    for name, expected in naive.items():
        if name != "executed":
            inside = [row for row in expected if low <= row["icount"] < high]  # type: ignore[operator]
            assert found[name] == inside, name
    assert sum(row["count"] for row in found["executed"]) == high - low  # type: ignore[misc]


def test_a_run_that_is_debugged_is_asked_where_it_stands(
    banner: Recording, naive: dict[str, list[dict[str, object]]]
) -> None:
    """Prevents a question from moving the machine, or from another answer there."""
    timeline = source(banner, [1000, 2000])()
    timeline.seek(1234)
    before = timeline.machine.save()
    assert rows(ask_here(timeline, ALL)) == naive
    assert timeline.now == 1234
    assert timeline.machine.save() == before
    timeline.seek(timeline.end)


def test_every_instruction_is_counted(naive: dict[str, list[dict[str, object]]]) -> None:
    """Prevents totals that look right and are not."""
    assert sum(row["count"] for row in naive["executed"]) > 3000  # type: ignore[misc]
    assert "write(1, " in str(naive["services"][-1]["call"])


# -- SQL -------------------------------------------------------------------------------------------


def run_of(found: Recording, how: Asking | None = None) -> Run:
    """Return a recording as a run."""
    loaded, _ = recording.replay(found, "native")
    return Run(source(found), loaded.symbols, how or Asking(threads=2, least=500))


def answered(run: Run, text: str) -> list[dict[str, object]]:
    """Return a question's table as rows."""
    product = perform(run, [text])
    assert product.tables is not None
    assert not product.partial
    rows: list[dict[str, object]] = pa.concat_tables(product.tables).to_pylist()
    return rows


QUERIES = (
    "select pc, count(*) as n from writes where address between 0x10000 and 0x11fff group by pc",
    "select * from writes where address >= 70000 and address < 72000 and size = 1",
    "select * from writes where address in (0x11000, 0x11001) or size = 2",
    "select * from writes w, calls c where w.icount = c.icount and w.address < 0x12000",
    "select * from calls c left join writes w on w.icount = c.icount where w.address > 9",
    "select * from writes where 70000 <= address and icount between 100 and 900",
    "with w as (select address + 1 as address from writes) select * from w where address = 70001",
    "select * from calls where not exists (select 1 from writes w where w.address < 70000)",
    "select address, (select count(*) from reads r where r.address = 69632) from writes",
    "select sum(count) from executed where icount < 0x200",
    "select '0x10' as x, count(*) from interrupts",
    "from ports",
    "select * from writes where address = 1.5",
    "select * from writes where address between 5 and 2",
    "select count(*) from (select * from writes union all select * from writes) where address < 9",
)


@pytest.mark.parametrize("text", QUERIES)
def test_ranges_in_sql_change_no_answer(
    banner: Recording, naive: dict[str, list[dict[str, object]]], text: str
) -> None:
    """Prevents probes that look where the query does not, but not where it does."""
    connection = duckdb.connect()
    for name, kind in TABLES.items():
        connection.register(name, pa.Table.from_pylist(naive[name], schema=kind.schema))
    expected = connection.sql(sql.prepared(text)).to_arrow_table().to_pylist()
    found = answered(run_of(banner), text)
    order = sorted(map(repr, expected))
    assert sorted(map(repr, found)) == order


@pytest.mark.parametrize(
    ("text", "writes", "span"),
    [
        (QUERIES[0], (range(0x10000, 0x12000),), None),
        (QUERIES[1], (range(70000, 72000),), None),
        (QUERIES[2], EVERYWHERE, None),
        (QUERIES[3], (range(0x12000),), None),
        (QUERIES[5], (range(70000, RAM_SIZE),), range(100, 901)),
        (QUERIES[6], EVERYWHERE, None),
        (QUERIES[13], (), None),
    ],
)
def test_ranges_in_sql_become_those_of_probes(
    text: str, writes: tuple[range, ...], span: range | None
) -> None:
    """Prevents a query about a few bytes from noting every store of the run."""
    need = sql.need_of(text)
    assert need.writes == writes
    if span is not None:
        assert need.span == span


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("select * from nothing", "no table of the run"),
        ("select * from writes, read_csv('/etc/passwd')", "file system operations are disabled"),
        ("select * from writes, '/etc/passwd'", "does not exist"),
        ("select nonsense from writes", "nonsense"),
        ("select from where", "wrong"),
        ("select * from writes; select * from reads", "one query"),
        ("with x as (select 1) insert into writes select * from x", "only queries"),
        ("frobnicate", "there is no question"),
        ("writes 0x110000..0x110001", "outside of memory"),
        ("writes 0x200..0x100", "ends before it begins"),
        ("writes banana", "is no address"),
        ("calls 5", "has no ranges"),
        ("", "there is no question"),
    ],
)
def test_bad_questions_are_refused_in_a_line(banner: Recording, text: str, complaint: str) -> None:
    """Prevents a traceback, and SQL that reads our files."""
    with pytest.raises(QuestionError, match=complaint) as refusal:
        answered(run_of(banner), text)
    assert "\n" not in str(refusal.value)


# -- small pieces ----------------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 10**6), unique=True).map(sorted),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(1, 4),
    st.integers(1, 10**5),
)
def test_intervals_are_the_whole_span(
    icounts: list[int], low: int, length: int, threads: int, least: int
) -> None:
    """Prevents a gap between intervals, or one that is asked twice."""
    found = cut(icounts, range(low, low + length), threads, least)
    assert found[0].low == low
    assert found[-1].high == low + length
    assert all(a.high == b.low for a, b in itertools.pairwise(found))
    assert [interval.number for interval in found] == list(range(len(found)))
    assert {interval.low for interval in found[1:]} <= set(icounts)


def test_ranges_that_touch_are_one() -> None:
    """Prevents marks that are taken away twice."""
    assert merged([range(5, 9), range(1, 5), range(7, 8), range(20, 20)]) == (range(1, 9),)


@pytest.mark.parametrize("how", list(Format))
def test_all_formats_have_all_rows(banner: Recording, how: Format) -> None:
    """Prevents a format that loses rows, or a table without rows that has no columns."""
    for text in ("calls", "writes", "select * from writes where address = 3"):
        product = perform(run_of(banner), [text])
        assert product.tables is not None
        file = io.BytesIO()
        count = write(product.tables, how, file)
        data = file.getvalue()
        if how is Format.PARQUET:
            assert pq.read_table(io.BytesIO(data)).num_rows == count
        else:
            heads = 0 if how is Format.JSON else 1
            assert data.count(b"\n") == count + heads


def test_json_has_no_infinity(banner: Recording) -> None:
    """Prevents a line that readers of JSON refuse."""
    product = perform(run_of(banner), ["select 1 / 0 as x, 0.5::double as y from calls limit 1"])
    assert product.tables is not None
    file = io.BytesIO()
    write(product.tables, Format.JSON, file)
    assert file.getvalue() == b'{"x": null, "y": 0.5}\n'


def test_damaged_recordings_give_partial_answers(banner: Recording, tmp_path: Path) -> None:
    """Prevents a total that looks whole and is not."""
    run = run_of(banner)
    damaged = Run(run.source, run.symbols, run.how, damage="a batch is damaged")
    product = perform(damaged, ["executed"])
    assert product.partial == ["the recording is damaged and ends early: a batch is damaged"]


BOOTS = ("fd1440.img", "freedos.img")


@pytest.mark.parametrize("instructions", [50_000, pytest.param(200_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("image", BOOTS)
def test_a_boot_is_counted_as_the_reference_does(
    shared: Path, tmp_path: Path, image: str, instructions: int
) -> None:
    """Prevents tables that are wrong where interrupts, services and disks are at work."""
    program = loader.read(str(shared / "images" / image))
    file = tmp_path / "boot.b16"
    options = loader.Options(root=tmp_path, engine="native", epoch_ns=10**18)
    _, debugger, recorder = recording.record(file, program, [], options)
    while debugger.timeline.now < instructions:
        debugger.timeline.run(instructions - debugger.timeline.now)
    recorder.close()
    found = open_recording(file)
    cuts = [instructions * part // 7 for part in range(1, 7)]
    expected = ask(source(found), ALL, NAIVE)
    with ask(source(found, cuts), ALL, Asking(threads=2, least=1000)) as answer, expected:
        assert not answer.partial
        for name in TABLES:
            assert answer.table(name).equals(expected.table(name)), name
        assert answer.table("interrupts").num_rows > 10


# -- what goes wrong -------------------------------------------------------------------------------


def test_a_worker_that_dies_leaves_a_part_that_is_marked(
    banner: Recording, naive: dict[str, list[dict[str, object]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a total without the interval that met a full disk, and one that counts it twice."""
    whole = Hold.put
    died: list[str] = []

    def put(self: Hold, table: str, piece: Piece) -> Piece:
        if not died and not isinstance(piece, Path) and piece["icount"][0].as_py() >= 1000:
            died.append(table)
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(self, table, piece)

    monkeypatch.setattr(Hold, "put", put)
    cuts = (1000, 2000, 3000)
    with ask(source(banner, cuts), ALL, Asking(threads=1, least=1)) as answer:
        (told,) = answer.partial
        assert told.endswith(" are missing: No space left on device")
        low, high = (int(word.replace(",", "")) for word in (told.split()[1], told.split()[3]))
        gone = range(low, high)
        assert low >= 1000
        assert len(gone) < banner.end
        for name in TABLES:
            if name != "executed":
                expected = [row for row in naive[name] if row["icount"] not in gone]
                assert answer.table(name).to_pylist() == expected
        counts = answer.table("executed")["count"].to_pylist()
        assert sum(counts) == banner.end - len(gone)


ENDLESS = "with recursive r(n) as (from (values (1)) union all select n + 1 from r) select * from "
FOREVER_LONG = (
    ENDLESS + "(select count(*) from r), calls",
    "select count(*) from writes a, writes b, writes c, writes d, writes e, writes f",
)


@pytest.mark.parametrize("text", FOREVER_LONG, ids=["recursion", "join"])
def test_a_query_without_an_end_can_be_stopped(banner: Recording, text: str) -> None:
    """Prevents a prompt that never comes back: DuckDB hears no Ctrl-C."""
    looks = itertools.count()
    run = replace(run_of(banner), is_stopped=lambda: next(looks) > 2)
    with pytest.raises(Interrupted):
        answered(run, text)


def test_an_answer_that_is_longer_than_memory_comes_in_parts(banner: Recording) -> None:
    """Prevents a process that is killed for a query with very many rows."""
    product = perform(run_of(banner), ["select a.* from writes a, writes b, writes c"])
    assert product.tables is not None
    rows = 0
    for table in product.tables:
        assert table.num_rows <= sql.ROWS
        rows += table.num_rows
        if rows > 3_000_000:
            break
    product.close()
    assert rows > 3_000_000


@pytest.mark.parametrize(
    "text",
    ["copy writes to 'x'", "attach 'x'", "install httpfs", "pragma version", "set threads = 1"],
)
def test_only_queries_can_be_asked(banner: Recording, text: str) -> None:
    """Prevents statements that do something, and a list of questions as the answer to them."""
    with pytest.raises(QuestionError, match="only queries"):
        answered(run_of(banner), text)
