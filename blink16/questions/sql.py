"""SQL over the tables of a run, by DuckDB; its ranges become those of the probes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from blink16.history.terms import Interrupted
from blink16.memory import RAM_SIZE
from blink16.questions.asking import Answer
from blink16.questions.needs import EVERYWHERE, FOREVER, Need, QuestionError
from blink16.questions.tables import TABLES
from blink16.symbols import SymbolTable
from blink16.words import numerals
from blink16.words.numerals import NumeralError
from blink16.words.texts import meant

MEMORY_LIMIT = "1GB"
"""What DuckDB takes before it uses files."""
ROWS = 1 << 17
MAX_NUMBER = (1 << 64) - 1
"""Rows of an answer at a time."""
LOOK = 0.05
"""Seconds between two looks whether a query is to end."""
_STATEMENT = re.compile(
    r"(alter|analyze|attach|call|checkpoint|comment|copy|create|delete|deallocate|describe|detach|"
    r"drop|execute|explain|insert|install|load|merge|pivot|pragma|prepare|reset|set|show|summarize|"
    r"truncate|unpivot|update|use|vacuum|values)",
    re.I,
)
"""How SQL begins that is no query."""
_WORD = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/"""  # to be left as they are
    r"""|\b0[xX][0-9a-fA-F]+\b|&[A-Za-z_.$?@][\w.$?@]*""",
    re.S,
)
_RANGED = ("writes", "reads")
_COUNTED = ("executed",)
"""Tables whose instants are not all that their rows count."""


def is_sql(text: str) -> bool:
    """Return whether a question is SQL."""
    return re.match(r"\s*(select|with|from)\b", text, re.I) is not None


def is_statement(word: str) -> bool:
    """Return whether a question that begins so is SQL that can't be asked."""
    return _STATEMENT.fullmatch(word) is not None


def prepared(text: str, symbols: SymbolTable | None = None) -> str:
    """Return SQL with numbers like 0xb8000, and addresses like &main, as DuckDB knows them."""

    def number(found: re.Match[str]) -> str:
        word = found[0]
        if word[0] == "&":
            symbol = symbols.lookup(word[1:]) if symbols is not None else None
            return word if symbol is None else f" {symbol.address} "
        return str(_hexadecimal(word)) if word[:2] in ("0x", "0X") else word

    return _WORD.sub(number, text)


def _hexadecimal(word: str) -> int:
    try:
        return numerals.literal(word, MAX_NUMBER)
    except NumeralError as error:
        raise QuestionError(str(error)) from None


# -- what a query needs ------------------------------------------------------------------------


def need_of(text: str) -> Need:
    """Return what a query needs of the run; QuestionError if it is no query."""
    tree = _parsed(text)
    named = list(_uses(tree))
    uses = [use for use in named if use.table in TABLES]
    if not uses:
        known = ", ".join(sorted(TABLES))
        nearest = meant(named[0].table, TABLES) if named else ""
        raise QuestionError(f"the query asks for no table of the run{nearest}; these are: {known}")
    tables = frozenset(use.table for use in uses)
    ranges = {
        name: [r for use in uses if use.table == name for r in use.addresses] for name in _RANGED
    }
    spans = [use.span for use in uses]
    span = range(min(s.start for s in spans), max(s.stop for s in spans))
    return Need.of(
        *tables,
        writes=ranges["writes"] if "writes" in tables else EVERYWHERE,
        reads=ranges["reads"] if "reads" in tables else EVERYWHERE,
        span=range(0) if span.stop <= span.start else span,
    )


def _parsed(text: str) -> Any:
    connection = duckdb.connect(":memory:")
    try:
        (told,) = connection.execute(
            "select json_serialize_sql(?::varchar)", [prepared(text)]
        ).fetchone() or ("{}",)
    except duckdb.Error as error:
        raise QuestionError(_line(error)) from None
    finally:
        connection.close()
    parsed = json.loads(told)
    if parsed.get("error"):
        message = parsed.get("error_message", "it can't be parsed")
        if "Only SELECT" in message:
            raise QuestionError("only queries (select ...) can be asked")
        raise QuestionError(f"the query is wrong: {message}")
    if len(parsed["statements"]) != 1:
        raise QuestionError("one query at a time")
    return parsed["statements"][0]


class _Use(NamedTuple):
    """A place where a query names a table, and of which rows of it something can come."""

    table: str
    addresses: tuple[range, ...]
    span: range


def _uses(node: Any) -> Iterator[_Use]:
    """Yield each use of a table in a tree of DuckDB's.

    Whatever is not understood restricts nothing: DuckDB looks at all conditions itself.
    """
    if isinstance(node, list):
        for item in node:
            yield from _uses(item)
        return
    if not isinstance(node, dict):
        return
    if node.get("type") == "SELECT_NODE":
        conditions = list(_conjuncts(node.get("where_clause")))
        bases = list(_bases(node.get("from_table")))
        for base in bases:
            yield _use(base, conditions, alone=len(bases) == 1)
        yield from _uses([value for key, value in node.items() if key != "from_table"])
        yield from _uses(_without_bases(node.get("from_table")))
        return
    if node.get("type") == "BASE_TABLE":
        yield _Use(str(node.get("table_name", "")).lower(), EVERYWHERE, range(FOREVER))
        return
    for value in node.values():
        yield from _uses(value)


_PLAIN_JOINS = ("INNER",)


def _bases(node: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the tables that stand in a FROM clause itself."""
    if not isinstance(node, dict):
        return
    if node.get("type") == "BASE_TABLE":
        yield node
    elif node.get("type") == "JOIN" and node.get("join_type") in _PLAIN_JOINS:
        yield from _bases(node.get("left"))
        yield from _bases(node.get("right"))


def _without_bases(node: Any) -> Any:
    """Return what else stands in a FROM clause."""
    if not isinstance(node, dict) or node.get("type") == "BASE_TABLE":
        return None
    if node.get("type") == "JOIN" and node.get("join_type") in _PLAIN_JOINS:
        rest = {k: v for k, v in node.items() if k not in ("left", "right")}
        return [rest, _without_bases(node.get("left")), _without_bases(node.get("right"))]
    return node


def _use(base: Mapping[str, Any], conditions: Iterable[Any], *, alone: bool) -> _Use:
    """Return the use of a table in a FROM clause, as far as WHERE restricts it."""
    table = str(base.get("table_name", "")).lower()
    alias = str(base.get("alias") or table).lower()
    addresses: tuple[range, ...] = EVERYWHERE
    span = range(FOREVER)
    for condition in conditions:
        column, ranges = _restriction(condition, alias, alone)
        if column == "address":
            addresses = _both(addresses, ranges)
        elif column == "icount" and table not in _COUNTED:
            whole = _both((span,), ranges)
            span = range(whole[0].start, whole[-1].stop) if whole else range(0)
    return _Use(table, addresses, span)


def _both(a: Iterable[range], b: Iterable[range]) -> tuple[range, ...]:
    """Return what lies in both."""
    others = list(b)
    met = [range(max(x.start, y.start), min(x.stop, y.stop)) for x in a for y in others]
    return tuple(sorted((r for r in met if r), key=lambda r: r.start))


def _conjuncts(node: Any) -> Iterator[Any]:
    if isinstance(node, dict) and node.get("type") == "CONJUNCTION_AND":
        for child in node.get("children", ()):
            yield from _conjuncts(child)
    elif node:
        yield node


_LIMITS = {"address": RAM_SIZE, "icount": FOREVER}
_TURNED = {
    "COMPARE_LESSTHAN": "COMPARE_GREATERTHAN",
    "COMPARE_GREATERTHAN": "COMPARE_LESSTHAN",
    "COMPARE_LESSTHANOREQUALTO": "COMPARE_GREATERTHANOREQUALTO",
    "COMPARE_GREATERTHANOREQUALTO": "COMPARE_LESSTHANOREQUALTO",
    "COMPARE_EQUAL": "COMPARE_EQUAL",
}


def _restriction(node: Any, alias: str, alone: bool) -> tuple[str, tuple[range, ...]]:
    """Return the column that a condition restricts, and to which values; "" if to none."""
    nothing: tuple[str, tuple[range, ...]] = ("", ())
    if not isinstance(node, dict):
        return nothing
    kind = node.get("type")
    if kind == "COMPARE_BETWEEN":
        column = _column(node.get("input"), alias, alone)
        low, high = _number(node.get("lower")), _number(node.get("upper"))
        if not column or low is None or high is None:
            return nothing
        return column, _clipped(column, low, high + 1)
    if kind == "COMPARE_IN":
        first, *rest = node.get("children") or [None]
        column = _column(first, alias, alone)
        numbers = [_number(child) for child in rest]
        if not column or not numbers or any(n is None for n in numbers):
            return nothing
        known = [n for n in numbers if n is not None]
        return column, tuple(r for n in sorted(set(known)) for r in _clipped(column, n, n + 1))
    if kind in _TURNED:
        left, right = node.get("left"), node.get("right")
        column, number = _column(left, alias, alone), _number(right)
        if not column:
            column, number, kind = _column(right, alias, alone), _number(left), _TURNED[kind]
        if not column or number is None:
            return nothing
        return column, _compared(column, kind, number)
    return nothing


def _compared(column: str, kind: str, number: int) -> tuple[range, ...]:
    match kind:
        case "COMPARE_LESSTHAN":
            return _clipped(column, 0, number)
        case "COMPARE_LESSTHANOREQUALTO":
            return _clipped(column, 0, number + 1)
        case "COMPARE_GREATERTHAN":
            return _clipped(column, number + 1, _LIMITS[column])
        case "COMPARE_GREATERTHANOREQUALTO":
            return _clipped(column, number, _LIMITS[column])
    return _clipped(column, number, number + 1)


def _clipped(column: str, low: int, high: int) -> tuple[range, ...]:
    where = range(max(0, low), min(high, _LIMITS[column]))
    return (where,) if where else ()


def _column(node: Any, alias: str, alone: bool) -> str:
    """Return which of the columns that probes know a node names; "" if none."""
    if not isinstance(node, dict) or node.get("type") != "COLUMN_REF":
        return ""
    names = [str(name).lower() for name in node.get("column_names", ())]
    mine = (len(names) == 1 and alone) or (len(names) == 2 and names[0] == alias)
    return names[-1] if mine and names[-1] in _LIMITS else ""


def _number(node: Any) -> int | None:
    """Return the value of a whole number, as it stands in a query."""
    if not isinstance(node, dict) or node.get("type") != "VALUE_CONSTANT":
        return None
    literal = node.get("literal")
    if isinstance(literal, dict) and literal.get("kind") == "INTEGER":
        text = str(literal.get("text", ""))
        try:
            return numerals.digits(text, 10, MAX_NUMBER)
        except NumeralError:
            return None
    value = node.get("value")
    if isinstance(value, dict) and not value.get("is_null"):
        number = value.get("value")
        return number if isinstance(number, int) and not isinstance(number, bool) else None
    return None


# -- the query ---------------------------------------------------------------------------------


def query(
    answer: Answer, text: str, is_stopped: Callable[[], bool] = lambda: False
) -> Iterator[pa.Table]:
    """Yield what a query says of the tables, some rows at a time; one table without any if so.

    QuestionError if it is wrong, or wants anything but these tables: files, the network.
    KeyboardInterrupt ends it, and Interrupted is raised once ``is_stopped`` says so.
    """
    connection = duckdb.connect(":memory:")
    try:
        with ThreadPoolExecutor(1, "ask-sql") as thread:
            work = _Work(thread, connection, is_stopped)
            _fence(connection, answer)
            statements = connection.extract_statements(prepared(text))
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise QuestionError("only one query (select ...) can be asked")
            asked = statements[0].query
            reader = work.done(lambda: connection.sql(asked).to_arrow_reader(ROWS))
            batch = work.done(lambda: next(reader, None))
            if batch is None:
                yield reader.schema.empty_table()
            while batch is not None:
                yield pa.Table.from_batches([batch])
                batch = work.done(lambda: next(reader, None))
    except (duckdb.Error, pa.ArrowException) as error:
        raise QuestionError(_line(error)) from None
    finally:
        connection.close()


class _Work:
    """What DuckDB does in a thread of its own, since it hears no Ctrl-C in this one."""

    def __init__(
        self,
        thread: ThreadPoolExecutor,
        connection: duckdb.DuckDBPyConnection,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._thread, self._connection, self._is_stopped = thread, connection, is_stopped

    def done(self, work: Callable[[], Any]) -> Any:
        """Return what some work gives."""
        future = self._thread.submit(work)
        try:
            while not wait([future], LOOK).done:
                if self._is_stopped():
                    raise Interrupted
        except BaseException:
            while not wait([future], LOOK).done:
                self._connection.interrupt()
            raise
        return future.result()


def _fence(connection: duckdb.DuckDBPyConnection, answer: Answer) -> None:
    """Let a connection see the tables, and nothing else."""
    folder = answer.folder
    if folder is not None:
        quoted = str(folder).replace("'", "''")
        connection.execute(f"set allowed_directories = ['{quoted}']")
        connection.execute(f"set temp_directory = '{quoted}'")
    connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
    connection.execute("set enable_progress_bar = false")
    connection.execute("set python_enable_replacements = false")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    for name, result in answer.tables.items():
        files = result.files
        if not files:
            connection.register(name, result.table())
            continue
        table = pa.concat_tables([result.schema.empty_table(), *result.in_memory()])
        connection.register(f"{name}_in_memory", table.unify_dictionaries())
        listed = ", ".join("'" + str(Path(f)).replace("'", "''") + "'" for f in files)
        connection.execute(
            f"create view {name} as select * from {name}_in_memory "
            f"union all select * from read_parquet([{listed}])"
        )


def _line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"the query is wrong: {' '.join(lines[:2])[:300]}" if lines else "the query is wrong"
