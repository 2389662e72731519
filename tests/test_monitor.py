"""Commands behind gdb's monitor."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from naive_debugger import NaiveDebugger

import blink16
from blink16.debugger import Debugger
from blink16.history import Interrupted
from blink16.monitor import registry


def run(line: str) -> str:
    """Execute a line on a machine that has retired three instructions."""
    debugger = NaiveDebugger()
    debugger.machine.run(3)
    return registry.execute(debugger, line)


def test_help_lists_every_command() -> None:
    """A command that help does not show is not found by anyone."""
    lines = run("help").splitlines()
    assert [line.split()[1] for line in lines] == sorted(registry.COMMANDS)
    assert run("") == run("help")


@pytest.mark.parametrize("name", sorted(registry.COMMANDS))
def test_each_command_has_help(name: str) -> None:
    """`monitor help NAME` must say how the command is typed and what it does."""
    usage, explanation = run(f"help {name}").split("\n", 1)
    assert usage.startswith(f"monitor {name}")
    assert explanation.strip()


def test_commands_show_what_they_promise() -> None:
    """The words that users read."""
    assert run("icount") == "3\n"
    assert run("version") == f"blink16 {blink16.__version__}, reference engine\n"
    assert run("regs").splitlines() == [
        "AX=0001 BX=0001 CX=0000 DX=0000 SI=0000 DI=0000 BP=0000 SP=FFFE",
        "DS=1000 ES=1000 SS=1000 CS:IP=1000:0000 flags=F002 --------- icount=3",
    ]


@pytest.mark.parametrize("line", ["nothing", "help nothing", "icount 5", "regs x", "x" * 9999])
def test_mistakes_are_one_clear_line(line: str) -> None:
    """A typing mistake must neither raise nor flood the terminal."""
    text = run(line)
    assert text.count("\n") == 1
    assert len(text) < 120


def test_long_output_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command's output must not grow without limit."""

    def body(debugger: Debugger, arguments: Sequence[str]) -> str:
        """Show much."""
        return "x" * (registry.MAX_OUTPUT + 1)

    monkeypatch.setattr(registry, "COMMANDS", {})
    registry.command("much")(body)
    assert len(run("much")) < registry.MAX_OUTPUT + 100


def test_an_interrupted_command_says_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in a long command must end it, and not the next `continue` as well."""

    def body(debugger: Debugger, arguments: Sequence[str]) -> str:
        """Take long."""
        raise Interrupted

    monkeypatch.setattr(registry, "COMMANDS", {})
    registry.command("long")(body)
    assert run("long") == "interrupted; now at instruction 3\n"


def test_a_name_is_registered_once() -> None:
    """Two commands of one name would hide one of them."""
    with pytest.raises(ValueError, match="already"):
        registry.command("help")(registry.help_)
