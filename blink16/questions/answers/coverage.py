"""What ran and what did not: by symbol, by instruction, and by source line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from blink16.cpu.disassembler import disassemble
from blink16.cpu.encoding import MAX_BODY
from blink16.cpu.model import Model
from blink16.memory import RAM_SIZE
from blink16.questions.lines import line_spans
from blink16.questions.needs import Need, QuestionError
from blink16.questions.registry import Product, question
from blink16.questions.run import Run
from blink16.symbols import SymbolKind


@question("coverage")
def coverage(run: Run, words: Sequence[str]) -> Product:
    """Tell for each function how much of it ran, and how many instructions that were."""
    _none(words)
    counts, partial = _counts(run)
    code = _Code(run)
    rows: list[tuple[str, int | None, int | None, int, float | None, int]] = []
    rest = dict(counts)
    for name, where in _functions(run):
        inside = [(at, counts[at]) for at in counts.keys() & set(where)]
        for at, _ in inside:
            rest.pop(at, None)
        known = len(where) if where.stop < RAM_SIZE else 0
        ran = sum(code.at(at, 0)[1] for at, _ in inside)
        share = round(100 * min(1.0, ran / known), 1) if known else None
        rows.append((name, where.start, known or None, ran, share, sum(n for _, n in inside)))
    if rest:
        ran = sum(code.at(at, 0)[1] for at in rest)
        rows.append(("(no name)", None, None, ran, None, sum(rest.values())))
    rows.sort(key=lambda row: (-row[5], row[1] or 0))
    names = ("function", "address", "bytes", "ran", "percent", "instructions")
    types = (pa.string(), pa.uint32(), pa.int32(), pa.int32(), pa.float32(), pa.int64())
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
    made = {n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)}
    return Product(tables=[pa.table(made)], partial=partial)


@question("listing")
def listing(run: Run, words: Sequence[str]) -> Product:
    """List each instruction that ran with its count, as it stands in memory at the end."""
    _none(words)
    with run.ask(Need.of("executed")) as answer:
        table = answer.table("executed")
    code = _Code(run)
    lines, last = [], ""
    places = zip(*(table.column(n).to_pylist() for n in ("pc", "cs", "ip", "count")), strict=True)
    for address, cs, ip, count in places:
        found = run.symbols.find(address)
        if found is not None and found[0].name != last:
            last = found[0].name
            lines.append(f"\n{last}:")
        text, _ = code.at(address, ip)
        lines.append(f"{count:14,}  {cs:04X}:{ip:04X}  {text}")
    return Product(text="\n".join(lines).lstrip("\n") + "\n", partial=answer.partial)


@question("lines")
def lines(run: Run, words: Sequence[str]) -> Product:
    """Tell for each source line that has code how often it ran."""
    _none(words)
    counts, partial = _counts(run)
    found = _by_line(run, counts)
    rows = [(file, line, n) for file, hits in sorted(found.items()) for line, n in hits.items()]
    table = pa.table(
        {
            "file": pa.array([r[0] for r in rows], pa.string()),
            "line": pa.array([r[1] for r in rows], pa.int32()),
            "count": pa.array([r[2] for r in rows], pa.int64()),
        }
    )
    return Product(tables=[table], partial=partial)


@question("lcov")
def lcov(run: Run, words: Sequence[str]) -> Product:
    """Write what ran of each source line in lcov's form, for genhtml and editors."""
    _none(words)
    counts, partial = _counts(run)
    text = []
    functions = _by_function(run)
    for file, hits in sorted(_by_line(run, counts).items()):
        text += ["TN:", f"SF:{file}"]
        mine = [(line, name, at) for where, line, name, at in functions if where == file]
        text += [f"FN:{line},{name}" for line, name, _ in mine]
        text += [f"FNDA:{counts.get(at, 0)},{name}" for _, name, at in mine]
        text += [f"FNF:{len(mine)}", f"FNH:{sum(at in counts for *_, at in mine)}"]
        text += [f"DA:{line},{n}" for line, n in hits.items()]
        text += [f"LF:{len(hits)}", f"LH:{sum(n > 0 for n in hits.values())}", "end_of_record"]
    return Product(text="\n".join(text) + "\n", partial=partial)


def _none(words: Sequence[str]) -> None:
    if words:
        raise QuestionError(f"unexpected {words[0][:40]!r}")


def _counts(run: Run) -> tuple[dict[int, int], list[str]]:
    with run.ask(Need.of("executed")) as answer:
        table = answer.table("executed")
    columns = (table.column(name).to_pylist() for name in ("pc", "count"))
    return dict(zip(*columns, strict=True)), answer.partial


def _functions(run: Run) -> Iterator[tuple[str, range]]:
    """Yield the functions that have names; without a size they go on up to the next."""
    symbols = [symbol for symbol in run.symbols if symbol.kind is SymbolKind.CODE]
    # a program and its listing may tell of the same one: that with a size is meant
    code = {(s.address, s.name): s for s in sorted(symbols, key=lambda s: s.size)}
    if not code:
        raise QuestionError("the program has no names: give some by --symbols, or ask for listing")
    edges = [symbol.address for symbol in run.symbols] + [RAM_SIZE]
    for symbol in code.values():
        following = next(edge for edge in edges if edge > symbol.address)
        stop = symbol.address + symbol.size if symbol.size else following
        yield symbol.name, range(symbol.address, stop)


def _by_line(run: Run, counts: Mapping[int, int]) -> dict[str, dict[int, int]]:
    """Return how often each line ran: as often as its instruction that ran most often."""
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for span in line_spans(run.debug):
        here = max((counts.get(at, 0) for at in range(span.start, span.stop)), default=0)
        hits = found[span.file]
        hits[span.line] = max(hits.get(span.line, 0), here)
    if not found:
        raise QuestionError("nothing is known of the program's source lines")
    return {file: dict(sorted(hits.items())) for file, hits in found.items()}


def _by_function(run: Run) -> list[tuple[str, int, str, int]]:
    """Return the file, the line, the name and the address of the functions whose line is known."""
    places = {span.start: (span.file, span.line) for span in reversed(list(line_spans(run.debug)))}
    named = {s.address: s.name for s in reversed(list(run.symbols)) if s.kind is SymbolKind.CODE}
    return sorted((*places[at], name, at) for at, name in named.items() if at in places)


class _Code:
    """Instructions as they stand in memory at the end of the run."""

    def __init__(self, run: Run) -> None:
        with run.at(run.span.stop) as timeline:
            self._ram = bytes(timeline.machine.memory.whole)
            self._model: Model = timeline.machine.model

    def at(self, address: int, ip: int) -> tuple[str, int]:
        """Return the text and the length of an instruction."""
        start, prefixes = address, self._model.opcodes.prefixes
        names = []
        while self._ram[address] in prefixes and address - start < MAX_BODY:
            names.append(f"{self._ram[address]:02x}")
            address += 1
        instruction = self._model.encoding.parse_body(self._ram[address : address + MAX_BODY])
        text = disassemble(instruction, ip + address - start)
        length = address - start + instruction.length
        raw = self._ram[start : start + length].hex()
        return f"{raw:16} {text}{' ; behind prefixes' if names else ''}", length
