"""Which machine an option of blink16-server belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest
from boot_sectors import sector
from test_cli import SERVE, assert_one_line, run

from blink16.cli import config_file, parsing, server_arguments
from blink16.cli.options import SERVER
from blink16.cli.server_arguments import Wanted
from blink16.consoles import NoPlace, TcpPlace, UnixPlace
from blink16.devices.video import Adapter
from blink16.server import ProgramSource


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with three disks and three symbol files."""
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        (tmp_path / f"{name}.img").write_bytes(sector(b"\xf4"))
        (tmp_path / f"{name}.map").write_text("0000000000007c00 T start\n")
    return tmp_path


def wanted(*words: str) -> list[Wanted]:
    """Return the machines that a command line asks for."""
    parser = parsing.parser(SERVER)
    return server_arguments.wanted(parser, config_file.parse(SERVER, words), lambda text: None)


def source(machine: Wanted) -> ProgramSource:
    """Return a machine's source."""
    assert isinstance(machine.source, ProgramSource)
    return machine.source


def test_options_belong_to_the_machine_before_them(folder: Path) -> None:
    """Names and lines of one program must not be given to another."""
    first, second, third = wanted(
        *("--symbols", "a.map", "--console", "tcp:1", "--mhz", "8", "--display", "mda"),
        *("--commit", "--machine", "b.img", "--symbols", "b.map", "--symbols", "c.map"),
        *("--serial", "com1=unix:com1", "-B", "a.img"),
        *("--machine", "c.img", "--console", "none", "--mhz", "4", "--serial", "com2=none"),
        "a.img",
    )
    assert [source(machine).name for machine in (first, second, third)] == [
        "a.img",
        "b.img",
        "c.img",
    ]
    files = [[s.path.name for s in source(m).options.symbols] for m in (first, second, third)]
    assert files == [["a.map"], ["b.map", "c.map"], []]
    assert [m.fittings.places for m in (first, second, third)] == [
        {"console": TcpPlace(1)},
        {"com1": UnixPlace(Path("com1"))},
        {"com2": NoPlace(), "console": NoPlace()},
    ]
    setups = [source(machine).options.setup for machine in (first, second, third)]
    assert [setup.mhz for setup in setups] == [8, 8, 4]
    assert {setup.adapter for setup in setups} == {Adapter.MDA}
    assert [len(setup.disks) for setup in setups] == [0, 1, 0]
    assert [path.name for path in source(second).images] == ["b.img", "a.img"]


def test_some_consoles_are_for_all(folder: Path) -> None:
    """`--console gdb --machine a --machine b` must show the output of both in gdb."""
    machines = wanted("--console", "gdb", "--machine", "a.img", "--machine", "b.img", "--realtime")
    assert [m.fittings.output_to_debugger for m in machines] == [True, True]
    assert [m.fittings.real_time for m in machines] == [True, True]


@pytest.mark.parametrize(
    "option",
    [
        ("--symbols", "a.map"),
        ("--serial", "com1=none"),
        ("-B", "a.img"),
        ("--console", "tcp:0"),
        ("--console", "unix:x"),
    ],
)
def test_options_for_no_machine_are_refused(folder: Path, option: tuple[str, str]) -> None:
    """An option before the first --machine, without PROGRAM, would be ignored in silence."""
    done = run("--port", "0", *option, "--machine", "a.img", code=SERVE, cwd=folder)
    assert done.returncode == 2
    assert_one_line(done.stderr, "behind the --machine")


def test_two_machines_at_one_port_are_refused(folder: Path) -> None:
    """The second line can't be: one sentence, and nothing is left behind."""
    two = ("--machine", "a.img", "--serial", "com1=unix:line", "--console", "unix:line")
    done = run("--port", "0", *two, code=SERVE, cwd=folder)
    assert done.returncode == 1
    assert "can't listen for console" in done.stderr
    assert not (folder / "line").exists()


@pytest.mark.parametrize(
    ("listen", "advice"),
    [(":4567", ": --port 4567"), ("localhost:4567", ": --listen localhost --port 4567")],
)
def test_a_port_behind_an_address_is_told_where_it_belongs(
    capfd: pytest.CaptureFixture[str], listen: str, advice: str
) -> None:
    """Prevents "Name or service not known" for an address as other servers take it."""
    parser = parsing.parser(SERVER)
    parsed = parser.parse_args(["--listen", listen, "banner"])
    with pytest.raises(SystemExit):
        server_arguments.endpoint(parser, parsed)
    assert advice in capfd.readouterr().err
