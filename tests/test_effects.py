"""Options that do nothing are told, whatever they are and for whatever machine."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest
from boot_sectors import sector
from disk_images import fat_floppy

from blink16.bios.disk import Disk, disk_of
from blink16.cli import config_file, effects, server_arguments
from blink16.cli.main import run_main
from blink16.cli.options import SERVER
from blink16.cli.parsing import Parser, Use
from blink16.dos.fat import FatTree
from blink16.recording import open_recording, record, replay
from blink16.server import ProgramSource
from blink16.setup.loader import Options, ProgramKind, read
from blink16.setup.pc import PcSetup

ENDS = bytes.fromhex("b8004ccd21")
MAKES_A_FILE = bytes.fromhex("b43c31c9ba0e01cd21") + ENDS + b"A:\\N\0"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with a DOS program, a disk and a BIOS."""
    monkeypatch.chdir(tmp_path)
    Path("p.com").write_bytes(ENDS)
    Path("b.img").write_bytes(sector(b"\xf4"))
    Path("bios").write_bytes(b"\xf4" * 16)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--disk-speed", "real", "banner"], "--disk-speed does nothing for an ELKS program"),
        (
            ["--call-speed", "real", "--card", "mouse", "--xms", "64", "banner"],
            "--call-speed, --card and --xms do nothing for an ELKS program",
        ),
        (["--bios", "bios", "p.com"], "--bios does nothing for a DOS program"),
        (["--net", "p.com"], "--net does nothing for a DOS program"),
        (["--mhz", "8", "banner"], ""),
        (["--disk-speed", "real", "--call-speed", "real", "p.com"], ""),
    ],
)
def test_what_does_nothing_is_told(
    words: list[str], said: str, programs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Prevents options that are accepted in silence and have no effect."""
    run_main(words)
    assert capfd.readouterr().err == (said and f"blink16: {said}\n")


def test_a_folders_options_are_for_its_other_programs_too(
    programs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Prevents complaints about a blink16.toml that another program of the folder needs."""
    (programs / "blink16.toml").write_text('poweron = "random:1"\ncard = "mouse"\nxms = 64\n')
    (programs / "b.com").write_bytes(ENDS)
    run_main(["b.com"])
    assert capfd.readouterr().err == ""


def lines(*words: str) -> list[str]:
    """Return what the server says of its options."""
    told: list[str] = []
    server_arguments.wanted(Parser(prog="p"), config_file.parse(SERVER, words), told.append)
    return told


def test_each_of_several_machines_has_its_own(programs: Path) -> None:
    """Prevents one machine's options from being told of another, and those that do something for
    one of them from being called useless.
    """
    assert lines("--bios", "bios", "--disk-speed", "real", "b.img") == [
        "--disk-speed does nothing for a BIOS of your own"
    ]
    others = ("--machine", "p.com --disk-speed", "--disk-speed", "real")
    assert lines("--xms", "64", "--disk-speed", "real", *others, "banner") == [
        "--disk-speed does nothing for an ELKS program"
    ]
    assert lines("--xms", "64", "--machine", "banner", "--card", "umb", "b.img") == [
        "--card does nothing for an ELKS program",
        "--xms does nothing for a disk that is booted or an ELKS program",
    ]
    assert lines("--display", "mda", "--machine", "p.com", "banner") == []


def test_every_option_says_what_it_is_for() -> None:
    """Prevents an option of DOS or of a PC that the table forgets to keep from ELKS programs."""
    others = ("--mhz", "--serial")  # an ELKS program's clock, and what is refused there
    for table in SERVER.tables:
        for option in table.options:
            if table.title.startswith(("DOS", "a PC")) and option.names[0] not in others:
                assert not option.use & Use.ELKS, option.names
    kinds = {effects.use_of(kind, Namespace(bios=None)) for kind in ProgramKind}
    assert kinds == {Use.ELKS, Use.DOS, Use.BOOT}


def test_a_dos_programs_floppies_are_written_back(
    programs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Prevents --commit from taking PROGRAM for the first disk's image."""
    Path("a.img").write_bytes(fat_floppy({}))
    Path("p.com").write_bytes(MAKES_A_FILE)
    assert run_main(["--commit", "-A", "a.img", "p.com"]) == 0
    assert "a.img: " in capfd.readouterr().err
    disk = disk_of(0, Path("a.img").read_bytes())
    tree = FatTree(lambda: disk, 0, lambda: 0)
    assert "N" in tree.listdir(tree.lookup("/"))


def test_the_server_writes_them_back_too(programs: Path) -> None:
    """Prevents --commit from doing nothing for a DOS program that a debugger runs."""
    Path("a.img").write_bytes(fat_floppy({}))
    parsed = config_file.parse(SERVER, ["--commit", "-A", "a.img", "p.com"])
    (wanted,) = server_arguments.wanted(Parser(prog="p"), parsed, lambda text: None)
    assert isinstance(wanted.source, ProgramSource)
    assert wanted.source.images == (Path("a.img"),)
    Path("a.img").write_bytes(fat_floppy({"NEW": b"x"}))
    loaded, _ = wanted.source.make([])
    assert next(iter(loaded.machine.find_all(Disk))).image == Path("a.img").read_bytes()


def test_a_recording_is_as_it_was(programs: Path) -> None:
    """Prevents options for a machine that is made anew from being taken in silence."""
    _, _, recorder = record(Path("run.b16"), read("p.com"), [], Options(programs))
    recorder.close()
    assert lines("--cpu", "80286", "--xms", "64", "--replay", "run.b16") == [
        "--cpu and --xms do nothing for a recording"
    ]
    assert lines("--realtime", "--replay", "run.b16") == []


def test_an_elks_programs_clock_is_recorded(programs: Path) -> None:
    """Prevents a replay whose processes take turns at other instants, by another clock."""
    options = replace(Options(programs), setup=PcSetup(mhz=8))
    loaded, debugger, recorder = record(Path("run.b16"), read("crew"), ["anna"], options)
    assert loaded.machine.clock_hz == 8_000_000
    debugger.timeline.run(50_000)
    recorder.close()
    again, travels = replay(open_recording(Path("run.b16")), "reference")
    travels.seek(debugger.timeline.now)
    assert again.machine.save() == loaded.machine.save()
