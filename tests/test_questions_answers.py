"""Questions with a name: what they say of programs whose runs are known."""

from __future__ import annotations

import ast
import json
import zlib
from pathlib import Path

import pyarrow as pa
import pytest

import blink16
from blink16 import StopReason, recording
from blink16.debugger import Debugger
from blink16.history.timeline import Timeline
from blink16.inquiry import run_of
from blink16.monitor import asking, execute
from blink16.questions.answers import perform
from blink16.questions.asking import Asking
from blink16.questions.callgraph import Turn, grown
from blink16.questions.needs import QuestionError
from blink16.questions.registry import Product
from blink16.questions.run import Run
from blink16.recording import open_recording
from blink16.setup import loader
from blink16.symbols import Symbol, SymbolKind, SymbolTable

# mov ax, 0B800h; mov es, ax; call put; int 20h; put: mov word [es:0A4h], 0741h; ret
SCREEN = bytes.fromhex("b800b8 8ec0 e80200 cd20 26c706a4004107 c3")


def recorded(folder: Path, program: str) -> Path:
    """Record a program's whole run, and return the file."""
    file = folder / "run.b16"
    options = loader.Options(root=folder, engine="native", epoch_ns=10**18)
    parts = recording.record(file, loader.read(program), [], options)
    timeline, recorder = parts[1].timeline, parts[2]
    while timeline.run(1_000_000).reason is StopReason.BUDGET:
        pass
    recorder.close()
    return file


@pytest.fixture(scope="module")
def banner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the sample's recording."""
    return recorded(tmp_path_factory.mktemp("banner"), "banner")


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the recording of a program that writes a character to the screen."""
    folder = tmp_path_factory.mktemp("screen")
    (folder / "screen.com").write_bytes(SCREEN)
    return recorded(folder, str(folder / "screen.com"))


def asked(file: Path, text: str) -> Product:
    """Ask a recording."""
    product = perform(run_of(open_recording(file), (), Asking(threads=1)), [text])
    assert not product.partial
    return product


def table(file: Path, text: str) -> list[dict[str, object]]:
    """Ask for a table, and return its rows."""
    product = asked(file, text)
    assert product.tables is not None
    rows: list[dict[str, object]] = pa.concat_tables(product.tables).to_pylist()
    return rows


def test_coverage_counts_every_instruction(banner: Path) -> None:
    """Prevents functions that lose instructions, or have more than they are long."""
    rows = table(banner, "coverage")
    total = table(banner, "select sum(count) as n from executed")[0]["n"]
    named = [row for row in rows if row["function"] in ("main", "plot", "glyph", "draw_letters")]
    assert len(named) == 4
    assert all(row["ran"] <= row["bytes"] for row in named)  # type: ignore[operator]
    assert sum(row["instructions"] for row in rows) == total  # type: ignore[misc]


def test_the_listing_has_each_instruction_once(banner: Path) -> None:
    """Prevents a listing that leaves code out."""
    lines = [line for line in asked(banner, "listing").text.splitlines() if line[:1] == " "]
    assert len(lines) == len(table(banner, "executed"))
    assert "mov bx, sp" in lines[0]


def test_the_call_tree_has_all_instructions(banner: Path) -> None:
    """Prevents instructions that belong to nobody, or to two."""
    total = table(banner, "select sum(count) as n from executed")[0]["n"]
    profile = json.loads(asked(banner, "flamegraph").content)["profiles"][0]
    assert sum(profile["weights"]) == total
    text = asked(banner, "calltree").text.splitlines()
    assert text[1].split()[0].replace(",", "") == str(total)
    assert text[1].endswith("_start")
    assert text[2].endswith("main")
    events = json.loads(asked(banner, "perfetto").content)["traceEvents"]
    assert len([e for e in events if e["ph"] == "B"]) == len([e for e in events if e["ph"] == "E"])


def test_frames_that_are_dropped_leave_the_tree() -> None:
    """Prevents a tree that grows for ever under code that leaves functions by other ways."""
    turns = [
        Turn(1, True, 10, 0, 98),
        Turn(3, True, 20, 0, 96),
        Turn(5, True, 30, 0, 94),
        Turn(8, False, 0, 0, 100),  # returns out of all three
        Turn(9, True, 40, 0, 98),
    ]
    root = grown(iter(turns), range(12), 0)
    assert root.own == 2 + 1
    assert root.callees.keys() == {10, 40}
    assert root.total() == 12


def test_the_heat_map_is_a_picture(banner: Path) -> None:
    """Prevents a file that no viewer opens, or that is black."""
    content = asked(banner, "heatmap").content
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    length = int.from_bytes(content[33:37], "big")
    assert any(zlib.decompress(content[41 : 41 + length]))


def test_calls_of_the_system_are_told(banner: Path, screen: Path) -> None:
    """Prevents calls without names, arguments or results."""
    calls = [str(row["call"]) for row in table(banner, "strace int80")]
    assert calls
    assert sum("write(1, " in call for call in calls) >= 7
    assert table(screen, "strace int10") == []


def test_who_wrote_a_character_is_told_with_callers(screen: Path) -> None:
    """Prevents a place on the screen that is another's."""
    text = asked(screen, "who 1,2").text
    assert text.startswith("'A' (41h) at row 1, column 2 (B80A4h) was written at instruction 3 ")
    assert [line[:3] for line in text.splitlines()[1:3]] == ["#0 ", "#1 "]
    assert "0300:010A" in text
    assert "nobody has written" in asked(screen, "who 20,70").text
    for bad in ("who", "who 5", "who 1,200", "who x,y"):
        with pytest.raises(QuestionError):
            asked(screen, bad)


@pytest.mark.parametrize("tool", ["ghidra", "ida"])
def test_exports_are_scripts_with_all_code(banner: Path, tool: str) -> None:
    """Prevents a script that doesn't parse, or with addresses of 32-bit code."""
    script = asked(banner, f"export {tool}").content.decode()
    compile(script, "export.py", "exec")
    found = ast.literal_eval(script.partition("DATA = ")[2].partition("\n\n")[0])
    assert len(found["code"]) == len(table(banner, "executed"))
    assert (0x1000, 0x15, "main") in found["functions"]


@pytest.mark.parametrize(
    "text", ["lcov", "lines", "coverage x", "calltree x", "heatmap 1 2", "export", "strace a b"]
)
def test_questions_without_an_answer_say_so(banner: Path, text: str) -> None:
    """Prevents an empty answer where there is none."""
    with pytest.raises(QuestionError):
        asked(banner, text)


def test_python_gets_tables_and_texts(banner: Path) -> None:
    """Prevents `blink16.ask` from being another thing than the command."""
    found = blink16.ask(banner, "select count(*) as n from calls", threads=2)
    assert isinstance(found, pa.Table)
    assert found.to_pylist()[0]["n"] == len(table(banner, "calls"))
    assert isinstance(blink16.ask(banner, "calltree"), str)


def test_a_debugger_asks_its_own_past(banner: Path) -> None:
    """Prevents `monitor ask` from moving the machine, or from losing the user's points."""
    debugger: Debugger = recording.replay(open_recording(banner), "native")[1]
    debugger.timeline.seek(100)
    answer = execute(debugger, "ask select sum(count) as n from executed")
    assert answer.split() == ["n", str(debugger.timeline.end)]
    assert debugger.timeline.now == 100
    # as a shell's users type it
    assert execute(debugger, 'ask "select sum(count) as n from executed"') == answer
    assert execute(debugger, "ask 'select sum(count) as n from executed'") == answer
    assert "no table of the run" in execute(debugger, "ask select 1")
    assert "-o FILE" in execute(debugger, "ask heatmap")
    assert execute(debugger, "ask calltree").splitlines()[1].endswith("_start")


def test_a_query_without_an_end_gives_the_prompt_back(
    banner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a session that is lost: gdb's Ctrl-C ends its own waiting, and tells nobody."""
    monkeypatch.setattr(asking, "MAX_SECONDS", 0.1)
    debugger: Debugger = recording.replay(open_recording(banner), "native")[1]
    endless = "ask select count(*) from writes a, writes b, writes c, writes d, writes e, writes f"
    assert "takes more than 0.1 s" in execute(debugger, endless)
    assert execute(debugger, "ask select count(*) as n from executed").split()[0] == "n"


def test_names_reach_no_farther_than_a_segment() -> None:
    """Prevents the BIOS from being called by a program's last name."""
    symbols = SymbolTable([Symbol("last", 0x3100, SymbolKind.CODE)])
    run = Run(Timeline, symbols)  # type: ignore[arg-type]
    assert run.name_of(0x3105) == "last+5h"
    assert run.name_of(0xF0100) == "F0100"
