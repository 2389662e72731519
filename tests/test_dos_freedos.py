"""FreeDOS' own programs, from a folder and booted: the same output, and the large ones at work."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from dos_programs import MAX_INSTRUCTIONS, Session, run, start

from blink16.bios import display
from blink16.bios.disk import disk_of
from blink16.bios.screen_content import DotScreen, TextScreen
from blink16.console import Console
from blink16.cpu.engine import StopReason
from blink16.devices.video import Video
from blink16.dos.fat import FatTree
from blink16.dos.mouse import EVENT, Mouse
from blink16.hostfs.files import FileKind
from blink16.machine import Machine
from blink16.setup import loader
from blink16.setup.dos import DosSetup
from blink16.setup.pc import DiskImage, PcSetup

PROMPT = b"A:\\>"
COMMANDS = (
    "ATTRIB A:\\*.*",
    'FIND "set" A:\\AUTOEXEC.BAT',
    "SORT /?",
    "CHOICE /?",
    "FC A:\\AUTOEXEC.BAT A:\\CONFIG.SYS",
    "TREE A:\\FREEDOS /A",
    "MEM /?",
    "MOVE /?",
)
SETUP = DosSetup(xms_kib=0, ems_kib=0)


@dataclass
class Booted:
    """FreeDOS at its prompt."""

    machine: Machine
    shown: bytearray = field(default_factory=bytearray)

    def run(self) -> None:
        """Run until the prompt is there."""
        end = self.machine.icount + MAX_INSTRUCTIONS
        while not self.shown.endswith(PROMPT):
            assert self.machine.icount < end, bytes(self.shown[-200:])
            self.machine.run(200_000)

    def command(self, line: str) -> str:
        """Return what a command prints."""
        self.shown.clear()
        self.machine.receive(Console.CHANNEL, line.encode() + b"\n")
        self.run()
        return text(bytes(self.shown[: -len(PROMPT)])).partition("\n")[2]


def text(data: bytes) -> str:
    """Return output with plain ends of lines and no blanks around it."""
    lines = (line.expandtabs().rstrip() for line in data.decode("cp437").splitlines())
    return "\n".join(lines).strip("\n")


@pytest.fixture(scope="module")
def image(request: pytest.FixtureRequest) -> bytes:
    """Return FreeDOS' floppy."""
    shared: Path = request.getfixturevalue("shared")
    return (shared / "images" / "freedos.img").read_bytes()


@pytest.fixture(scope="module")
def folder(image: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the floppy holds."""
    disk = disk_of(0, image)
    tree, target = FatTree(lambda: disk, 0, lambda: 0), tmp_path_factory.mktemp("freedos")

    def copy(path: str, to: Path) -> None:
        for name in tree.listdir(tree.lookup(path or "/")):
            node = tree.lookup(f"{path}/{name}")
            if tree.stat(node).kind is FileKind.DIRECTORY:
                (to / name).mkdir()
                copy(f"{path}/{name}", to / name)
            else:
                (to / name).write_bytes(tree.read(node, 0, tree.size(node)))

    copy("", target)
    return target


@pytest.fixture(scope="module")
def booted(image: bytes) -> Booted:
    """Return FreeDOS at its prompt."""
    return boot(image)


def boot(image: bytes) -> Booted:
    """Boot FreeDOS to its prompt."""
    program = loader.Program("freedos.img", loader.ProgramKind.BOOT, image)
    loaded = loader.load(program, [], loader.Options())
    made = Booted(loaded.machine)
    loaded.machine.on_output = lambda channel, data: made.shown.extend(data)
    made.run()
    return made


def from_folder(folder: Path, image: bytes, line: str, **options: object) -> Session:
    """Run a program of the folder, the floppy in drive A."""
    name, *arguments = line.split(" ")
    file = next((folder / "FREEDOS/BIN").glob(f"{name}.*[ME]"))
    setup = PcSetup(disks=(DiskImage(0, Path("a.img"), image),))
    return run(file, arguments, root=folder, setup=setup, dos=SETUP, **options)


@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: line.split(" ")[0].lower())
def test_the_output_is_that_of_the_booted_program(
    line: str, folder: Path, image: bytes, booted: Booted
) -> None:
    """A program that prints something else here than on FreeDOS met another DOS or PC."""
    session = from_folder(folder, image, line)
    printed = b"".join(data for channel, data in session.shown if channel in ("console", "stderr"))
    assert text(printed) == booted.command(line)


SESSION = (
    "path a:\\freedos\\bin;a:\\",
    "dir /b",
    "type autoexec.bat | sort",
    "xcopy autoexec.bat freedos",
    "del freedos\\x.x",
    *(
        f"echo {line}>> d"
        for line in ("n tiny.com", "e 100 b2 41 b4 2 cd 21 cd 20", "rcx", "8", "w", "g", "q")
    ),
    "debug < d",
    "tiny",
    "label a:fruits",
    "vol",
    "attrib +r tiny.com",
    "del tiny.com",
    'find "set" autoexec.bat | find /c "e"',
    "for %a in (1 2 3) do echo %a",
    "md sub",
    "nosuch",
)
"""Pipes, redirection, DEBUG's g, LABEL and XCOPY among them."""


def test_a_session_at_the_prompt_is_that_of_the_booted_shell(folder: Path, image: bytes) -> None:
    """COMMAND.COM as a program, on the same disk, must show what it shows on FreeDOS."""
    there = boot(image)
    setup = PcSetup(disks=(DiskImage(0, Path("a.img"), image),))
    here = start(folder / "COMMAND.COM", root=folder, setup=setup, dos=SETUP)
    here.run()
    here.type(b"a:\r")
    for line in SESSION:
        before = len(here.shown)
        here.type(line.encode() + b"\r")
        shown = b"".join(data for _, data in here.shown[before:])
        assert shown.endswith(PROMPT), shown
        assert text(shown[: -len(PROMPT)]).partition("\n")[2] == there.command(line), line


def shell(folder: Path, *lines: str) -> str:
    """Return what COMMAND.COM prints for lines."""
    setup = DosSetup(environment=(("PATH", "C:\\FREEDOS\\BIN"),))
    typed = "".join(line + "\r\n" for line in (*lines, "exit")).encode()
    session = run(folder / "COMMAND.COM", root=folder, stdin=typed, dos=setup)
    assert session.status == 0
    return text(session.output())


def test_the_shell_runs_programs_and_pipes(folder: Path) -> None:
    """COMMAND.COM runs external commands, with pipes through temporary files and redirection."""
    said = shell(
        folder,
        "echo pear> list",
        "echo apple>> list",
        "type list | sort",
        'type list | find "pear" | find /c "e"',
        "freedos\\bin\\xcopy list c:\\copies\\",
        "if exist c:\\copies\\list echo copied",
        "label fruits",
        "vol",
    )
    assert "apple\npear" in said
    assert "1 file(s) copied" in said
    assert "\ncopied" in said
    assert "drive C is FRUITS" in said


def test_debug_runs_and_steps_programs(folder: Path) -> None:
    """DEBUG loads a program by 4B01h, executes a step of it, and runs it to its end."""
    (folder / "TINY.COM").write_bytes(bytes.fromhex("b241b402cd21cd20"))
    file = folder / "FREEDOS/BIN/DEBUG.COM"
    said = text(run(file, ["TINY.COM"], root=folder, stdin=b"t\r\ng\r\nq\r\n").output())
    assert "B402" in said
    assert "AProgram terminated normally" in said.replace("\n", "")


def screen(session: Session) -> str:
    """Return what stands on the screen."""
    shown = display.read(session.machine.memory, session.machine.find(Video))
    assert isinstance(shown, TextScreen)
    return shown.text()


def test_edit_opens_a_file_and_its_menus(folder: Path) -> None:
    """EDIT paints its screen, opens a menu by Alt-F and by the mouse, and takes characters."""
    session = start(folder / "FREEDOS/BIN/EDIT.EXE", ["AUTOEXEC.BAT"], root=folder)
    machine = session.machine
    machine.run(4_000_000)
    assert "set dosdir" in screen(session)
    session.machine.receive("keys", b"\x1bf")
    machine.run(2_000_000)
    assert "Save as..." in screen(session)
    session.machine.receive("keys", b"\x1b")
    machine.run(2_000_000)
    for buttons in (0, 1, 0):
        machine.receive(Mouse.CHANNEL, EVENT.build({"buttons": buttons, "x": 96, "y": 8}))
        machine.run(500_000)
    assert "Paste" in screen(session)


def test_the_game_reaches_its_picture(folder: Path) -> None:
    """Alley Cat programs the adapter and the timer itself, and hooks the keyboard."""
    session = start(folder / "ALLEYCAT.EXE", root=folder)
    assert session.machine.run(4_000_000).reason is StopReason.BUDGET
    shown = display.read(session.machine.memory, session.machine.find(Video))
    assert isinstance(shown, DotScreen)
    assert len(set(shown.dots)) > 2
