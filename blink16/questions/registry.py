"""The questions that have a name: one function each, whose docstring is its help."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice

import pyarrow as pa

from blink16.memory import linear
from blink16.questions import sql
from blink16.questions.asking import Answer
from blink16.questions.needs import EVERYWHERE, Need, QuestionError
from blink16.questions.run import Run
from blink16.questions.tables import TABLES
from blink16.words.numerals import NumeralError, digits, literal
from blink16.words.texts import meant


@dataclass
class Product:
    """What a question gave: a table, a text, or the content of a file."""

    tables: Iterable[pa.Table] | None = None
    text: str = ""
    content: bytes = b""
    suffix: str = ""
    """What files with such a content are called, like ``.png``."""
    partial: list[str] = field(default_factory=list)
    close: Callable[[], None] = lambda: None
    """To be called when it is written."""


Answering = Callable[[Run, Sequence[str]], Product]


@dataclass(frozen=True, slots=True)
class Question:
    """A question: how it is typed, and what answers it."""

    name: str
    usage: str
    help: str
    body: Answering


QUESTIONS: dict[str, Question] = {}


def question(usage: str) -> Callable[[Answering], Answering]:
    """Register a function as the question whose name is the first word of ``usage``."""

    def register(body: Answering) -> Answering:
        name = usage.split()[0]
        assert name not in QUESTIONS
        help_ = inspect.cleandoc(body.__doc__ or "")
        QUESTIONS[name] = Question(name, usage, help_, body)
        return body

    return register


def perform(run: Run, words: Sequence[str]) -> Product:
    """Answer a question as it is typed: SQL, the name of a table, or a named question.

    QuestionError if there is no answer.
    """
    text = " ".join(words).strip()
    if not text:
        raise QuestionError("there is no question")
    if sql.is_sql(text):
        return _query(run, text)
    words = text.split()
    name, rest = words[0].lower(), words[1:]
    if name in TABLES:
        return _table(run, name, rest)
    if sql.is_statement(name) and name not in QUESTIONS:
        raise QuestionError("only queries (select ...) can be asked")
    if name not in QUESTIONS:
        known = ", ".join([*TABLES, *sorted(QUESTIONS)])
        nearest = meant(name, [*TABLES, *QUESTIONS, "select"])
        raise QuestionError(
            f"there is no question {name[:40]!r}{nearest}; there are: {known}, or SQL"
        )
    return QUESTIONS[name].body(run, rest)


def _query(run: Run, text: str) -> Product:
    text = sql.prepared(text, run.symbols)
    answer = run.ask(sql.need_of(text))
    found = sql.query(answer, text, run.is_stopped)
    try:
        tables = list(islice(found, AT_ONCE))
        if (more := next(found, None)) is not None:
            whole = chain(tables, [more], found)
            return Product(tables=whole, partial=answer.partial, close=partial(_end, found, answer))
    except BaseException:
        _end(found, answer)
        raise
    _end(found, answer)
    return Product(tables=tables, partial=answer.partial)


def _end(found: Iterator[pa.Table], answer: Answer) -> None:
    """End a query, and let go of what it was asked of."""
    if isinstance(found, Generator):
        found.close()
    answer.__exit__(None, None, None)


def _table(run: Run, name: str, words: Sequence[str]) -> Product:
    ranges = [address_range(run, word) for word in words] or list(EVERYWHERE)
    if words and name not in ("writes", "reads"):
        raise QuestionError(f"{name} has no ranges; SQL can choose rows: select * from {name} …")
    answer = run.ask(Need.of(name, writes=ranges, reads=ranges))
    if not answer.tables[name].files:
        with answer:
            return Product(tables=[answer.table(name)], partial=answer.partial)
    return Product(
        tables=answer.tables[name].tables(),
        partial=answer.partial,
        close=lambda: answer.__exit__(None, None, None),
    )


MAX_NUMBER = 1 << 62
AT_ONCE = 16
"""Parts of an answer to a query that are kept in memory; more of them come one by one."""

# -- what is typed -------------------------------------------------------------------------------


def address_of(run: Run, word: str) -> int:
    """Return the linear address that a word means: a number, segment:offset, or a symbol."""
    found = run.symbols.lookup(word)
    if found is not None:
        return found.address
    segment, colon, offset = word.partition(":")
    try:
        if colon:
            return linear(digits(segment, 16, 0xFFFF), digits(offset, 16, 0xFFFF), run.line_20)
        return literal(word, MAX_NUMBER)
    except NumeralError:
        raise QuestionError(
            f"{word[:40]!r} is no address: give 0xB8000, B800:0000 or a symbol"
        ) from None


def address_range(run: Run, word: str) -> range:
    """Return the addresses that a word means: ``A``, ``A..B`` (B is the first behind), ``A,N``."""
    first, dots, last = word.partition("..")
    if dots:
        low, high = address_of(run, first), address_of(run, last)
        if high < low:
            raise QuestionError(f"{word[:60]!r} ends before it begins")
        return range(low, high)
    first, comma, size = word.partition(",")
    low = address_of(run, first)
    if comma:
        return range(low, low + address_of(run, size))
    symbol = run.symbols.lookup(first)
    return range(low, low + max(1, symbol.size if symbol is not None else 1))
